"""Errors at the field where the value was typed."""

from collections.abc import Iterable

import frappe
from frappe.model.document import Document


def throw_at_fields(doc: Document, problems: Iterable[tuple[str, str | None]]) -> None:
	"""Refuse the document, naming each field with its problem; nothing happens when no pair has a problem.

	Raises:
	    frappe.ValidationError: with all the problems at once, so that one save shows them all.
	"""
	lines = [
		f"<b>{frappe._(doc.meta.get_label(fieldname))}</b>: {frappe.utils.escape_html(problem)}"
		for fieldname, problem in problems
		if problem
	]
	if lines:
		frappe.throw("<br>".join(lines), title=frappe._("Please check {0}").format(frappe._(doc.doctype)))
