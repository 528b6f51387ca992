"""Errors at the field where the value was typed."""

from collections.abc import Iterable
from decimal import Decimal

import frappe
from frappe.model.document import Document

from ar_writeoff.core.money import AmountError, parse_amount
from ar_writeoff.core.reasons import Reason
from ar_writeoff.ledger import messages


def throw_field_errors(doc: Document, problems: Iterable[tuple[str, str | None]]) -> None:
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


def parse_amount_fields(doc: Document, fieldnames: Iterable[str]) -> dict[str, Decimal | None]:
	"""Amounts as typed, by field; None where nothing was.

	Raises:
	    frappe.ValidationError: letters and the like, each at its field.
	"""
	amounts, problems = {}, []
	for fieldname in fieldnames:
		try:
			amounts[fieldname] = parse_amount(doc.get(fieldname))
		except AmountError as error:
			problems.append((fieldname, messages.message(Reason.of(error.code, **error.facts))))
	throw_field_errors(doc, problems)
	return amounts
