# Copyright (c) 2026, AR Write-Off contributors
# For license information, please see license.txt

"""Saved criteria from which runs are prepared at a recurring time.

Tests in tests/site: test_schedules.py, test_validation.py
"""

import frappe
from frappe import _
from frappe.utils import cint, flt, getdate, now, now_datetime

from ar_writeoff.core import criteria
from ar_writeoff.criteria_document import CriteriaDocument
from ar_writeoff.latest_document import LatestDocument
from ar_writeoff.ledger import accounts, messages
from ar_writeoff.ledger import permissions as access
from ar_writeoff.reason_document import ReasonDocument
from ar_writeoff.schedules import rules as schedule
from ar_writeoff.schedules import service as schedules
from ar_writeoff.validation import throw_field_errors

MAX_NAME = 100


class WriteOffSchedule(ReasonDocument, CriteriaDocument, LatestDocument):
	FIELD_PREFIX = "last_"

	# begin: auto-generated types
	# This code is auto-generated. Do not modify anything in this block.

	from typing import TYPE_CHECKING

	if TYPE_CHECKING:
		from frappe.types import DF

		from ar_writeoff.ar_writeoff.doctype.write_off_run_customer.write_off_run_customer import (
			WriteOffRunCustomer,
		)
		from ar_writeoff.ar_writeoff.doctype.write_off_threshold.write_off_threshold import (
			WriteOffThreshold,
		)

		action: DF.Literal["Prepare Draft", "Post Within Limits"]
		ageing_based_on: DF.Literal["", "Due Date", "Posting Date"]
		approved_by: DF.Link | None
		approved_on: DF.Datetime | None
		balance_type: DF.Literal["Debit", "Credit"]
		changed_by: DF.Link | None
		changed_on: DF.Datetime | None
		company: DF.Link
		cost_center: DF.Link | None
		cron_expression: DF.Data | None
		currency: DF.Link | None
		customer_group: DF.Link | None
		customers: DF.TableMultiSelect[WriteOffRunCustomer]
		cutoff_days: DF.Int
		cutoff_rule: DF.Literal[
			"Day of the Run", "Days Before the Run", "End of Last Month", "End of Last Quarter"
		]
		day_of_month: DF.Int
		enabled: DF.Check
		failures: DF.Int
		frequency: DF.Literal["Daily", "Weekly", "Monthly", "Quarter End", "Cron", "After Payments"]
		holiday_list: DF.Link | None
		item_group: DF.Link | None
		last_message: DF.SmallText | None
		last_reason_code: DF.Data | None
		last_reason_facts: DF.SmallText | None
		last_result: DF.Literal[
			"", "Working", "Prepared", "Submitted", "Submitted in Part", "Nothing Found", "Failed"
		]
		last_run: DF.Link | None
		last_run_on: DF.Datetime | None
		max_customer_amount: DF.Currency
		max_customer_month_amount: DF.Currency
		max_invoice_amount: DF.Currency
		max_item_amount: DF.Currency
		max_original_share: DF.Percent
		max_run_amount: DF.Currency
		max_share: DF.Percent
		min_invoice_amount: DF.Currency
		minimum_age_days: DF.Int
		next_planned_on: DF.Datetime | None
		next_run_on: DF.Datetime | None
		notify_role: DF.Link | None
		notify_user: DF.Link | None
		only_remainders: DF.Check
		payment_terms_template: DF.Link | None
		posting_days: DF.Int
		posting_rule: DF.Literal[
			"Day of the Run", "Days Before the Run", "End of Last Month", "End of Last Quarter"
		]
		project: DF.Link | None
		reason: DF.Link
		receivable_account: DF.Link | None
		respect_holidays: DF.Check
		sales_person: DF.Link | None
		schedule_name: DF.Data
		territory: DF.Link | None
		thresholds: DF.Table[WriteOffThreshold]
		time: DF.Time | None
		voucher_kind: DF.Literal[
			"",
			"Sales Invoice",
			"Debit Note",
			"Opening Invoice",
			"Credit Note",
			"Payment Entry",
			"Journal Entry",
			"Dunning",
			"Fees",
		]
		weekday: DF.Literal["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
	# end: auto-generated types

	RECURRENCE = (
		"frequency",
		"weekday",
		"day_of_month",
		"cron_expression",
		"time",
		"respect_holidays",
		"holiday_list",
	)
	# The approved terms: changing one of them voids the approval.
	TERMS = (
		*RECURRENCE,
		"action",
		"balance_type",
		"reason",
		"cutoff_rule",
		"cutoff_days",
		"posting_rule",
		"posting_days",
		*criteria.CRITERIA,
		*schedules.CAPS,
	)

	def validate(self) -> None:
		self.keep_app_fields()
		access.check_company(self.company)
		self.validate_recurrence()
		self.validate_criteria()
		self.validate_reason()
		if self.terms_changed():
			self.changed_by, self.changed_on = frappe.session.user, now()
			self.approved_by = self.approved_on = None
			if not schedules.approver_blocker(self, frappe.session.user):
				self.approved_by, self.approved_on = frappe.session.user, now()
		self.plan()

	def keep_app_fields(self) -> None:
		before = self.get_doc_before_save()
		# Read-only fields cannot be set by a form, an import or a REST call.
		for fieldname in [
			field.fieldname for field in self.meta.get("fields", {"read_only": 1, "no_copy": 1})
		]:
			self.set(fieldname, before.get(fieldname) if before else None)

	def terms_changed(self) -> bool:
		before = self.get_doc_before_save()
		return (
			not before
			or any(self.has_value_changed(fieldname) for fieldname in self.TERMS)
			or self.tables_changed(before)
		)

	def plan(self) -> None:
		"""Set the next run, if the schedule is new, was enabled again or has a new recurrence."""
		before = self.get_doc_before_save()
		if not self.enabled:
			self.next_run_on = self.next_planned_on = None
		elif (
			not before
			or not before.enabled
			or any(self.has_value_changed(fieldname) for fieldname in self.RECURRENCE)
		):
			self.failures = 0
			self.update(schedules.next_run_values(self, now_datetime()))

	def validate_recurrence(self) -> None:
		problems: list[tuple[str, str | None]] = []
		if len(self.schedule_name or "") > MAX_NAME:
			problems.append(("schedule_name", _("At most {0} characters.").format(MAX_NAME)))
		if self.frequency == schedule.MONTHLY and not 1 <= cint(self.day_of_month) <= 31:
			problems.append(("day_of_month", _("Enter a day from 1 to 31.")))
		if self.frequency == schedule.CRON:
			problems.append(("cron_expression", schedules.cron_problem(self.cron_expression)))
		if self.frequency == schedule.AFTER_PAYMENTS:
			if self.balance_type != criteria.DEBIT:
				problems.append(("balance_type", _("After Payments can be used for debit balances only.")))
			self.only_remainders = 1
		for fieldname in ("cutoff_days", "posting_days"):
			if cint(self.get(fieldname)) < 0:
				problems.append((fieldname, _("Enter a number of days, 0 or more.")))
		if cint(self.respect_holidays) and not schedules.holiday_list_of(self):
			problems.append(
				(
					"holiday_list",
					_("Company {0} has no default holiday list. Choose one.").format(self.company),
				)
			)
		throw_field_errors(self, problems)
		# As of today: a cutoff after the posting date would be rejected in each run.
		cutoff_date, posting_date = schedules.run_dates(self, getdate())
		throw_field_errors(
			self,
			[
				(
					"cutoff_rule",
					_("The cutoff date would be {0}, after the posting date {1}.").format(
						frappe.format(cutoff_date, "Date"), frappe.format(posting_date, "Date")
					)
					if cutoff_date > posting_date
					else None,
				)
			],
		)

	def validate_criteria(self) -> None:
		problems: list[tuple[str, str | None]] = [*self.criteria_problems(getdate(), getdate())]
		for fieldname in schedules.CAPS:
			if flt(self.get(fieldname)) < 0:
				problems.append((fieldname, _("Enter an amount above 0, or leave the field empty.")))
		if flt(self.max_share) > 100:
			problems.append(("max_share", _("The share must be between 0 and 100 %.")))
		if self.action == schedules.POST and not any(
			flt(self.get(fieldname)) for fieldname in schedules.CAPS
		):
			problems.append(("max_run_amount", _("A schedule that posts needs at least one cap.")))
		if self.receivable_account:
			problem = accounts.receivable_account_problem(self.receivable_account, self.company)
			problems.append(("receivable_account", problem))
		if self.cost_center:
			problem = accounts.cost_center_problem(self.cost_center, self.company, allow_group=True)
			problems.append(("cost_center", problem))
		throw_field_errors(self, problems)

	def validate_reason(self) -> None:
		problem = schedules.reason_problem(self.reason, self.balance_type) if self.reason else None
		throw_field_errors(self, [("reason", messages.message(problem) if problem else None)])

	def get_saved(self, ptype: str) -> "WriteOffSchedule":
		"""The schedule as stored, with the permission checked."""
		if self.is_new():
			frappe.throw(_("Save the schedule first."), title=_("Not Saved"))
		doc = frappe.get_doc("Write-Off Schedule", self.name)
		doc.check_permission(ptype)
		access.check_company(doc.company)
		return doc

	@frappe.whitelist(methods=["POST"])
	def run_now_as_draft(self) -> str:
		"""Prepare the draft that the schedule would prepare today, as the current user; returns its name."""
		doc = self.get_saved("write")
		frappe.has_permission("Write-Off Run", "create", throw=True)
		return schedules.create_trial_draft(doc)

	@frappe.whitelist(methods=["POST"])
	def approve(self) -> None:
		"""Approve the terms: the schedule then posts as the current user and within this user's limits."""
		doc = self.get_saved("write")
		problem = schedules.approver_blocker(doc, frappe.session.user)
		if problem:
			frappe.throw(
				messages.message(problem), frappe.PermissionError, title=messages.label(problem.code)
			)
		doc.db_set({"approved_by": frappe.session.user, "approved_on": now()}, notify=True)
		doc.add_comment("Info", _("approved the terms of this schedule"))
		self.reload()
