"""What a person reads: the texts of `core.texts` in their language, and what ERPNext answers when it refuses."""

from collections.abc import Callable

import frappe
from frappe import _

from ar_writeoff.core import texts
from ar_writeoff.core.reasons import Reason


def message(reason: Reason) -> str:
	"""The sentence that a person reads for this reason."""
	return _(texts.MESSAGES[reason.code]).format(**dict(reason.facts))


def label(code: str) -> str:
	"""A few words for a group of items left out for the same reason."""
	return _(texts.label(code))


def refusal(check: Callable, *args) -> str | None:
	"""What ERPNext answers when it refuses, or None when `check` passes: asked before posting, not tripped over.

	ERPNext's checks throw; the message they leave for the desk is taken back.
	"""
	try:
		check(*args)
	except frappe.ValidationError as error:
		frappe.clear_last_message()
		return frappe.utils.strip_html(str(error))
	return None
