# Copyright (c) 2026, AR Write-Off contributors
# For license information, please see license.txt

"""Claims the tax of written-off invoices for one return period, and repays the tax of recovered ones.

A tax run goes the way of a Write-Off Run: its items are claims instead of balances.

Tests in tests/site: test_tax_runs.py
"""

from datetime import date
from typing import Any, ClassVar, NoReturn

import frappe
from frappe import _
from frappe.utils import cint, getdate

from ar_writeoff.ar_writeoff.doctype.write_off_run.write_off_run import WriteOffRun
from ar_writeoff.core.run_types import TAX_CLAIM
from ar_writeoff.ledger import permissions as access
from ar_writeoff.ledger.periods import closed_period_message
from ar_writeoff.run import gate
from ar_writeoff.run import terms as run_terms
from ar_writeoff.tax_relief import booked, ledger, notices, rules, runs
from ar_writeoff.tax_relief.filed import filed_return
from ar_writeoff.validation import throw_field_errors


class WriteOffTaxRun(WriteOffRun):
	# begin: auto-generated types
	# This code is auto-generated. Do not modify anything in this block.

	from typing import TYPE_CHECKING

	if TYPE_CHECKING:
		from frappe.types import DF

		amended_from: DF.Link | None
		approval_hash: DF.Data | None
		approval_requested_by: DF.Link | None
		approval_requested_on: DF.Datetime | None
		approval_seal: DF.Data | None
		approval_snapshot: DF.Code | None
		cancel_when_undone: DF.Check
		changed_by: DF.Link | None
		changed_on: DF.Datetime | None
		claimed_amount: DF.Currency
		company: DF.Link
		conflict_count: DF.Int
		excluded_count: DF.Int
		failed_count: DF.Int
		filed_by: DF.Link | None
		filed_on: DF.Datetime | None
		found_count: DF.Int
		from_date: DF.Date
		held_amount: DF.Currency
		held_count: DF.Int
		limits_applied: DF.Code | None
		posted_amount: DF.Currency
		posted_count: DF.Int
		posted_on: DF.Datetime | None
		posting_date: DF.Date
		prepared_by: DF.Link | None
		prepared_on: DF.Datetime | None
		recovered_amount: DF.Currency
		remainder_of: DF.Link | None
		repaid_amount: DF.Currency
		return_comment: DF.SmallText | None
		returned_by: DF.Link | None
		returned_on: DF.Datetime | None
		reversal_date: DF.Date | None
		reversal_dated: DF.Check
		reversed_by: DF.Link | None
		reversed_on: DF.Datetime | None
		searched_by: DF.Link | None
		searched_on: DF.Datetime | None
		selected_amount: DF.Currency
		selected_count: DF.Int
		skipped_count: DF.Int
		status: DF.Literal[
			"Draft",
			"Searching",
			"Queued",
			"Posting",
			"Paused",
			"Posted",
			"Partly Posted",
			"Failed",
			"Reversing",
			"Reversed",
		]
		submitted_by: DF.Link | None
		submitted_on: DF.Datetime | None
		to_date: DF.Date
	# end: auto-generated types

	RESULTS: ClassVar[list[str]] = [*WriteOffRun.RESULTS, "claimed_amount", "repaid_amount"]

	def set_defaults_from_settings(self) -> None:
		"""The return period of today."""
		for fieldname, day in period_of_today(self.company).items():
			if not self.get(fieldname):
				self.set(fieldname, day)

	def validate_terms(self) -> None:
		first, last, day = getdate(self.from_date), getdate(self.to_date), getdate(self.posting_date)
		throw_field_errors(
			self,
			[
				("company", self.rule_problem()),
				("to_date", _("The return period ends before it begins.") if last < first else None),
				(
					"posting_date",
					_("Enter a date in the return period.") if not first <= day <= last else None,
				),
				("posting_date", filed_problem(self.company, self.posting_date)),
				("posting_date", closed_period_message(self.company, day)),
			],
		)

	def rule_problem(self) -> str | None:
		"""Claims may be left of a rule that the company had before."""
		if frappe.db.get_value("Write-Off Settings", self.company, "tax_rule") or frappe.db.exists(
			TAX_CLAIM, {"company": self.company}
		):
			return None
		return _("{0} has no tax rule. Choose one in Write-Off Settings.").format(self.company)

	def check_open(self, company: str, date: Any) -> None:
		"""A return that is filed takes no reversal either."""
		super().check_open(company, date)
		problem = filed_problem(company, date)
		if problem:
			frappe.throw(problem, title=_("Return Filed"))

	def summary(self) -> dict[str, Any]:
		"""With the number of notices that claims of the company lack."""
		return {
			**super().summary(),
			"notices": len(notices.letters_to_send(self.get_saved("read").company, None)),
		}

	def criteria_changed(self) -> bool:
		return bool(self.get_doc_before_save()) and any(
			self.has_value_changed(fieldname) for fieldname in run_terms.TAX_RUN_FIELDS
		)

	def terms_changed(self) -> bool:
		return self.criteria_changed()

	def throw_nothing_selected(self) -> NoReturn:
		frappe.throw(
			_("No claims are selected. Press Find Claims and select at least one claim."),
			title=_("No Claims Selected"),
		)

	@frappe.whitelist(methods=["POST"])
	def find_claims(self) -> dict[str, Any]:
		"""Replace the items with the claims that may be made, and the repayments that are due, on the posting date.

		Returns the number of items found, selected, excluded, and how many were added, dropped and changed since the last
		search.
		"""
		run = self.enter(gate.FIND)
		counts = runs.find_claims(run)
		self.reload()
		return {**counts, "background": False}

	@frappe.whitelist(methods=["POST"])
	def mark_as_filed(self, filed: bool | int = True) -> None:
		"""Freeze the claims of this run, because the return with them is filed; or not any more."""
		run = self.enter(gate.FILE)
		runs.mark_as_filed(run, bool(cint(filed)))
		self.reload()

	# What a tax run has not. These are not whitelisted, so no request can call them.

	def find_invoices(self, *args: Any, **kwargs: Any) -> Any:
		raise NotImplementedError

	cancel_search = hold_balances = reinstate = set_write_off_amount = find_invoices


def period_of_today(company: str) -> dict[str, date]:
	first, last = rules.period_of(getdate(), ledger.return_months(company))
	return {"from_date": first, "to_date": last, "posting_date": getdate()}


@frappe.whitelist()
def get_period(company: str) -> dict[str, date]:
	"""The return period of a new run: that of today, by the company's Write-Off Settings."""
	frappe.has_permission("Write-Off Tax Run", "create", throw=True)
	access.check_company(company)
	return period_of_today(company)


def filed_problem(company: str, day: Any) -> str | None:
	"""Return why an entry of this day cannot be posted: a return that is filed takes no more. None if it can."""
	filed = filed_return(company, day)
	return booked.filed_message(filed) if filed else None
