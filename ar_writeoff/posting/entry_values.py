"""Values from Write-Off Settings for Journal Entry fields that the site has made mandatory."""

from collections.abc import Iterable
from typing import Any

import frappe
from frappe import _
from frappe.model import no_value_fields
from frappe.utils import cast

from ar_writeoff.ledger.dimensions import dimension_fields

ENTRY, ROW = "Journal Entry", "Journal Entry Account"

# (Journal Entry or Journal Entry Account, fieldname, value)
Value = tuple[str, str, str]

# Set by the run or by ERPNext.
RESERVED_FIELDS = {
	ENTRY: {
		"amended_from",
		"company",
		"finance_book",
		"is_opening",
		"multi_currency",
		"naming_series",
		"posting_date",
		"remark",
		"reversal_of",
		"user_remark",
		"voucher_type",
	},
	ROW: {
		"account",
		"account_currency",
		"credit",
		"credit_in_account_currency",
		"debit",
		"debit_in_account_currency",
		"exchange_rate",
		"is_advance",
		"party",
		"party_type",
		"reference_detail_no",
		"reference_name",
		"reference_type",
	},
}


def company_values(company: str) -> tuple[Value, ...]:
	"""Values given in the company's Write-Off Settings."""
	return tuple(
		(row.applies_to, row.entry_field, row.value)
		for row in frappe.get_all(
			"Write-Off Entry Value",
			filters={"parent": company, "parenttype": "Write-Off Settings"},
			fields=["applies_to", "entry_field", "value"],
			order_by="idx asc",
		)
	)


def by_doctype(values: Iterable[Value]) -> dict[str, dict[str, Any]]:
	"""Values by DocType and fieldname, in the type of the field. Fields that no longer exist are skipped."""
	found: dict[str, dict[str, Any]] = {ENTRY: {}, ROW: {}}
	for doctype, fieldname, value in values:
		field = frappe.get_meta(doctype).get_field(fieldname)
		if field:
			found[doctype][fieldname] = cast(field.fieldtype, value)
	return found


def apply_values(entry: Any, values: Iterable[Value]) -> None:
	"""Set these values in an unsaved entry."""
	given = by_doctype(values)
	for document in (entry, *entry.accounts):
		document.update(given[document.doctype])


def labels(values: Iterable[Value]) -> list[tuple[str, str]]:
	"""Translated label of the field, and value. Without the field, its name is the label."""
	return [(_(frappe.get_meta(doctype).get_label(fieldname)), value) for doctype, fieldname, value in values]


def link_target(doctype: str, fieldname: str) -> str | None:
	"""DocType that a field links to; None if it is no link."""
	field = frappe.get_meta(doctype).get_field(fieldname)
	return field.options if field and field.fieldtype == "Link" else None


def linked_doctypes() -> set[str]:
	"""DocTypes that fields of a Journal Entry or its rows link to."""
	return {field.options for doctype in (ENTRY, ROW) for field in frappe.get_meta(doctype).get_link_fields()}


def find_fieldname(doctype: str, name: str) -> str | None:
	"""Fieldname of the field with this name or label, in English or translated; None if there is none."""
	fields = frappe.get_meta(doctype).fields
	for field in fields:
		if name == field.fieldname:
			return field.fieldname
	return next((field.fieldname for field in fields if name in (field.label, _(field.label))), None)


def problem(doctype: str, fieldname: str, value: str) -> str | None:
	"""Message why this value cannot be set in the field; None if it can."""
	field = frappe.get_meta(doctype).get_field(fieldname)
	if (
		not field
		or field.read_only
		or field.fieldtype in no_value_fields
		or fieldname in RESERVED_FIELDS[doctype]
		or (doctype == ROW and fieldname in dimension_fields())
	):
		return _("A value for {0} of {1} cannot be set here.").format(fieldname, _(doctype))
	if field.fieldtype == "Link" and not frappe.db.exists(field.options, value):
		return _("{0} {1} does not exist.").format(_(field.options), value)
	if field.fieldtype == "Select" and value not in (field.options or "").split("\n"):
		return _("{0} is not an option of {1}.").format(value, _(field.label))
	return None
