"""Arguments of whitelisted methods."""

import json
from contextlib import suppress
from typing import Any

import frappe
from frappe import _


def json_argument(name: str, value: Any, *kinds: type) -> Any:
	"""Return an argument of a whitelisted method that may be sent as JSON: a list of values or a dict; None if
	it is missing.

	Raises:
	    frappe.ValidationError: it is something else.
	"""
	if isinstance(value, str) and value:
		with suppress(ValueError):
			value = json.loads(value)
	if value in (None, ""):
		return None
	is_nested = isinstance(value, list) and any(isinstance(part, list | dict) for part in value)
	if is_nested or not isinstance(value, kinds):
		text = _("{0} must be a list.") if list in kinds else _("{0} must be an object of names and values.")
		frappe.throw(text.format(name), title=_("Invalid Argument"))
	return value
