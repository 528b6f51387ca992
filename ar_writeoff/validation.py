"""Validation errors that name the field."""

from collections.abc import Iterable
from decimal import Decimal

import frappe
from frappe.model.document import Document

from ar_writeoff.core.money import AmountError, parse_amount
from ar_writeoff.core.reasons import Reason
from ar_writeoff.ledger import messages


def throw_field_errors(doc: Document, problems: Iterable[tuple[str, str | None]]) -> None:
	"""Throw one error that lists each field with its problem, if there are any.

	Raises:
	    frappe.ValidationError: there are problems.
	"""
	lines = [
		f"<b>{frappe._(doc.meta.get_label(fieldname))}</b>: {frappe.utils.escape_html(problem)}"
		for fieldname, problem in problems
		if problem
	]
	if lines:
		frappe.throw("<br>".join(lines), title=frappe._("Please check {0}").format(frappe._(doc.doctype)))


def parse_amount_fields(doc: Document, fieldnames: Iterable[str]) -> dict[str, Decimal | None]:
	"""Parse the amounts of these fields; None for an empty field.

	Raises:
	    frappe.ValidationError: a value is not an amount.
	"""
	amounts, problems = {}, []
	for fieldname in fieldnames:
		try:
			amounts[fieldname] = parse_amount(doc.get(fieldname))
		except AmountError as error:
			problems.append((fieldname, messages.message(Reason.of(error.code, **error.facts))))
	throw_field_errors(doc, problems)
	return amounts
