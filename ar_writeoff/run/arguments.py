"""Arguments of whitelisted methods."""

import json
from contextlib import suppress
from decimal import Decimal
from typing import Any

import frappe
from frappe import _

from ar_writeoff.core.money import money
from ar_writeoff.ledger.money import precision


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


def exact_amount(amount: Decimal, currency: str, *, title: str, voucher_no: str = "") -> Decimal:
	"""Return an amount with the decimals of its currency. `voucher_no`: named in the message.

	Raises:
	    frappe.ValidationError: it has more decimals.
	"""
	decimals = precision(currency)
	exact = money(amount, decimals)
	if exact != amount:
		text = _("Enter an amount with at most {0} decimals.").format(decimals)
		frappe.throw(f"{voucher_no}: {text}" if voucher_no else text, title=title)
	return exact
