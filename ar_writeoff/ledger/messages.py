"""What a person reads: the texts of `core.texts` in their language, and what ERPNext answers when it refuses."""

import re
from collections.abc import Callable
from typing import Any

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


def refusal(check: Callable[..., object], *args: Any) -> str | None:
	"""What ERPNext answers when it refuses, or None when `check` passes: asked before posting, not tripped over.

	ERPNext's checks throw; the message they leave for the desk is taken back.
	"""
	try:
		check(*args)
	except frappe.ValidationError as error:
		frappe.clear_last_message()
		return of_error(error)
	return None


def of_error(error: Exception) -> str:
	"""What an error says, as plain text; of one that Frappe does not throw on purpose, with its kind.

	Frappe names a mandatory field by its fieldname and adds the number of the document: here it is its label, once.
	"""
	text = frappe.utils.strip_html(str(error)).strip()
	if isinstance(error, frappe.MandatoryError) and (found := re.match(r"\[([^,\]]+), .*\]: (.+)", text)):
		return missing_fields(found[1], found[2].split(", "))
	if isinstance(error, frappe.ValidationError | frappe.PermissionError):
		return text or type(error).__name__
	return f"{type(error).__name__}: {text}"


def missing_fields(doctype: str, fieldnames: list[str]) -> str:
	"""Which mandatory fields of a document, or of its rows, have no value."""
	meta = frappe.get_meta(doctype)
	metas = [meta, *(frappe.get_meta(field.options) for field in meta.get_table_fields())]
	labels = []
	for fieldname in dict.fromkeys(fieldnames):
		field = next(filter(None, (one.get_field(fieldname) for one in metas)), None)
		labels.append(_(field.label, context=field.parent) if field else fieldname)
	return _("{0} needs a value in {1}.").format(_(doctype), ", ".join(labels))
