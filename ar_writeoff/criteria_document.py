"""Base class of Write-Off Run and Write-Off Schedule: documents with search criteria."""

from datetime import date
from decimal import Decimal
from typing import Any

import frappe
from frappe.model.document import Document
from frappe.utils import cint, flt

from ar_writeoff.core import criteria, reasons
from ar_writeoff.core.criteria import DUE_DATE, Threshold
from ar_writeoff.core.reasons import Reason
from ar_writeoff.ledger import messages
from ar_writeoff.run.terms import table_values
from ar_writeoff.search.eligibility_data import uninstalled_types
from ar_writeoff.validation import parse_amount_fields

# Criteria with a default value in Write-Off Settings.
SETTINGS_CRITERIA = ("reason", "max_invoice_amount", "minimum_age_days", "ageing_based_on")

# Criteria that are numbers with decimals.
AMOUNTS = ("max_invoice_amount", "min_invoice_amount", "max_customer_amount", "max_original_share")
ROW_AMOUNTS = ("min_amount", "max_amount")


class CriteriaDocument(Document):
	"""Criteria that no user has set come from the company's Write-Off Settings, or stay empty.

	Frappe sets an empty Link from a default of the same name, such as the default currency or item group, an empty number
	to 0 and an empty Time from the clock. A search would then exclude balances without notice. `public/js/criteria.js`
	does the same in the desk.
	"""

	company: str
	ageing_based_on: str | None
	customers: list[Any]
	thresholds: list[Any]
	minimum_age_days: int
	voucher_kind: str | None

	def __init__(self, *args: Any, **kwargs: Any) -> None:
		super().__init__(*args, **kwargs)
		# The fields that Frappe does not set on insert.
		self.dont_update_if_missing = [
			field.fieldname
			for field in self.meta.fields
			if field.fieldname in SETTINGS_CRITERIA
			or field.fieldtype == "Time"
			or (
				field.fieldtype == "Link"
				and field.fieldname != "company"
				and not field.get("is_custom_field")
			)
		]
		if self.get("__islocal") and not self.name:
			# Created by frappe.new_doc, which has set them. (New documents of the desk have a name.)
			self.update(dict.fromkeys(self.dont_update_if_missing))

	def _set_defaults(self) -> None:
		super()._set_defaults()
		if self.is_new():
			self.set_defaults_from_settings()

	def tables_changed(self, before: Document) -> bool:
		"""Whether a criterion in a table differs from the stored document."""
		return table_values(before) != table_values(self)

	def criteria_problems(self, cutoff_date: date, posting_date: date) -> list[tuple[str, str]]:
		"""Return the invalid criteria as (fieldname, message), and set amounts that were sent as text.

		Raises:
		    frappe.ValidationError: a value is not an amount.
		"""
		amounts = parse_amount_fields(self, AMOUNTS)
		for row in self.thresholds:
			row.update({name: flt(amount) for name, amount in parse_amount_fields(row, ROW_AMOUNTS).items()})
		problems = criteria.problems(
			# An empty Currency field is sent as 0: no maximum, not a maximum of 0.
			max_invoice_amount=amounts["max_invoice_amount"] or None,
			min_invoice_amount=amounts["min_invoice_amount"],
			max_customer_amount=amounts["max_customer_amount"],
			max_original_share=amounts["max_original_share"],
			thresholds=[
				Threshold(row.currency, *(Decimal(str(row.get(name))) for name in ROW_AMOUNTS))
				for row in self.thresholds
			],
			minimum_age_days=cint(self.minimum_age_days),
			cutoff_date=cutoff_date,
			posting_date=posting_date,
		)
		if not problems:
			self.update({fieldname: float(amount or 0) for fieldname, amount in amounts.items()})
		if self.voucher_kind and self.voucher_kind in uninstalled_types():
			reason = Reason.of(reasons.DOES_NOT_EXIST, doctype="DocType", name=self.voucher_kind)
			problems.append(("voucher_kind", reason))
		return [(fieldname, messages.message(reason)) for fieldname, reason in problems]

	def set_defaults_from_settings(self) -> None:
		"""A maximum that was entered is never replaced, even an invalid one."""
		for fieldname, value in settings_criteria(self.doctype, self.company).items():
			if self.get(fieldname) in (None, "") and value:
				self.set(fieldname, value)
		self.ageing_based_on = self.ageing_based_on or DUE_DATE


def settings_criteria(doctype: str, company: str) -> dict[str, Any]:
	"""Return the criteria of a new document from the company's Write-Off Settings."""
	fields = ["default_reason as reason", *SETTINGS_CRITERIA[1:]]
	settings = frappe.db.get_value("Write-Off Settings", company, fields, as_dict=True)
	values = dict(settings or dict.fromkeys(SETTINGS_CRITERIA))
	if doctype == "Write-Off Schedule" and not frappe.get_cached_value(
		"Write-Off Reason", values["reason"] or "", "use_in_schedules"
	):
		values["reason"] = None
	return values
