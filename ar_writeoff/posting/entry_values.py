"""Values for fields of a Journal Entry and its rows that the site has made mandatory and an entry of a run leaves empty:
as the Write-Off Settings of a company give them."""

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

# Decided by the run, or by ERPNext.
NEVER_GIVEN = {
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


def of_company(company: str) -> tuple[Value, ...]:
	"""What the Write-Off Settings of the company give."""
	return tuple(
		(row.applies_to, row.entry_field, row.value)
		for row in frappe.get_all(
			"Write-Off Entry Value",
			filters={"parent": company, "parenttype": "Write-Off Settings"},
			fields=["applies_to", "entry_field", "value"],
			order_by="idx asc",
		)
	)


def give(entry: Any, values: Iterable[Value]) -> None:
	"""Set these values in an entry that is not saved yet. A field that is gone since is left out."""
	for doctype, fieldname, value in values:
		field = frappe.get_meta(doctype).get_field(fieldname)
		for document in [entry] if doctype == ENTRY else entry.accounts:
			if field:
				document.set(fieldname, cast(field.fieldtype, value))


def fieldname_of(doctype: str, name: str) -> str | None:
	"""The field with this name or label, in English or as the reader sees it; None where there is none."""
	fields = frappe.get_meta(doctype).fields
	for field in fields:
		if name == field.fieldname:
			return field.fieldname
	return next((field.fieldname for field in fields if name in (field.label, _(field.label))), None)


def problem(doctype: str, fieldname: str, value: str) -> str | None:
	"""Why this value cannot be given to the field, in words; None when it can."""
	field = frappe.get_meta(doctype).get_field(fieldname)
	if (
		not field
		or field.read_only
		or field.fieldtype in no_value_fields
		or fieldname in NEVER_GIVEN[doctype]
		or (doctype == ROW and fieldname in dimension_fields())
	):
		return _("A value of {0} in {1} cannot be given here.").format(fieldname, _(doctype))
	if field.fieldtype == "Link" and not frappe.db.exists(field.options, value):
		return _("{0} {1} does not exist.").format(_(field.options), value)
	if field.fieldtype == "Select" and value not in (field.options or "").split("\n"):
		return _("{0} is none of the options of {1}.").format(value, _(field.label))
	return None
