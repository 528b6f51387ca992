# Copyright (c) 2026, AR Write-Off contributors
# For license information, please see license.txt

"""Accounts, limits and defaults of one company.

Tests in tests/site: test_control.py, test_segregation.py, test_posting_blockers.py
"""

import frappe
from frappe import _
from frappe.utils import cint, flt, fmt_money

from ar_writeoff.approval import controls
from ar_writeoff.core.criteria import CREDIT
from ar_writeoff.latest_document import LatestDocument
from ar_writeoff.ledger import accounts
from ar_writeoff.ledger.money import company_currency
from ar_writeoff.posting import entry_values
from ar_writeoff.posting.rules import MAX_ROWS_PER_ENTRY
from ar_writeoff.run.worker import runs_inline
from ar_writeoff.tax_relief.ledger import deferred_tax, interim_tax
from ar_writeoff.validation import throw_field_errors


class WriteOffSettings(LatestDocument):
	# begin: auto-generated types
	# This code is auto-generated. Do not modify anything in this block.

	from typing import TYPE_CHECKING

	if TYPE_CHECKING:
		from frappe.types import DF

		from ar_writeoff.ar_writeoff.doctype.write_off_entry_value.write_off_entry_value import (
			WriteOffEntryValue,
		)
		from ar_writeoff.ar_writeoff.doctype.write_off_limit.write_off_limit import WriteOffLimit

		ageing_based_on: DF.Literal["Due Date", "Posting Date"]
		allowance_account: DF.Link | None
		bad_debt_account: DF.Link | None
		cancel_payment_requests: DF.Check
		company: DF.Link
		control_role: DF.Link | None
		cost_center: DF.Link | None
		credit_threshold: DF.Currency
		credit_write_off_account: DF.Link | None
		customer_credits: DF.Literal["Leave Out", "Deduct", "Ignore", "Net First"]
		default_reason: DF.Link | None
		difference_amount: DF.Currency
		difference_reason: DF.Link | None
		difference_share: DF.Percent
		entries_per: DF.Literal["Batch", "Customer", "Invoice"]
		entry_values: DF.Table[WriteOffEntryValue]
		fast_posting: DF.Check
		force_cost_center: DF.Check
		include_disabled_customers: DF.Check
		include_internal_customers: DF.Check
		limits: DF.Table[WriteOffLimit]
		max_invoice_amount: DF.Currency
		minimum_age_days: DF.Int
		notify_role: DF.Link | None
		parallel_jobs: DF.Int
		proposed_by: DF.Link | None
		proposed_changes: DF.Code | None
		proposed_on: DF.Datetime | None
		recovery_account: DF.Link | None
		require_second_approver: DF.Check
		rows_per_entry: DF.Int
		tax_return_period: DF.Literal["Month", "Two Months", "Quarter", "Half-Year", "Year"]
		tax_rule: DF.Link | None
	# end: auto-generated types

	def validate(self) -> None:
		self.validate_fields()
		note = self.tax_rule_note()
		if note:
			frappe.msgprint(note, title=_("Tax Relief"), indicator="orange")
		self.validate_controls()

	def validate_controls(self) -> None:
		"""Turn a change of controls that the user may not make alone into a proposal."""
		before = self.get_doc_before_save()
		if not self.flags.confirmed_user:
			for fieldname in ("proposed_changes", "proposed_by", "proposed_on"):
				self.set(fieldname, before.get(fieldname) if before else None)
		changes = controls.changed_controls(before, self)
		alone = self.flags.ignore_permissions or self.flags.confirmed_user or not before
		if changes and not alone and controls.is_bound(before, frappe.session.user):
			controls.propose(self, before)
			frappe.msgprint(
				_("You are subject to these controls. Another user must confirm your change."),
				title=_("Change Proposed"),
			)
			changes = {}
		self.flags.control_changes = changes

	def on_update(self) -> None:
		controls.record_changes(self, self.flags.control_changes or {}, self.company)

	def on_trash(self) -> None:
		if not self.flags.ignore_permissions and controls.is_bound(self, frappe.session.user):
			frappe.throw(
				_(
					"You are subject to the limits or the second approver of {0} and cannot delete these settings."
				).format(self.company),
				frappe.PermissionError,
				title=_("Not permitted"),
			)
		problem = self.waiting_tax_problem()
		if problem:
			frappe.throw(problem, title=_("Tax Relief"))

	@frappe.whitelist(methods=["POST"])
	def confirm_changes(self, proposed_on: str) -> None:
		"""Apply a proposed change of controls as the second user. `proposed_on`: timestamp of the proposal the user has
		seen."""
		settings = self.get_locked()
		controls.check_confirmation(settings, proposed_on)
		controls.apply(settings)
		settings.save()
		self.reload()

	@frappe.whitelist(methods=["POST"])
	def withdraw_changes(self) -> None:
		"""Withdraw a proposed change of controls."""
		settings = self.get_locked()
		controls.withdraw(settings)
		settings.flags.confirmed_user = frappe.session.user
		settings.save()
		self.reload()

	@frappe.whitelist(methods=["POST"])
	def prove_fast_posting(self) -> None:
		"""Compare posting in sets with ERPNext's own posting on the company's open balances, in the background. Nothing
		is posted; the result is in Write-Off Posting Proof."""
		self.get_locked()
		frappe.enqueue("ar_writeoff.jobs.prove_posting", queue="long", company=self.name, now=runs_inline())

	def get_locked(self) -> "WriteOffSettings":
		"""The Settings as stored, locked; checks the write permission."""
		settings = frappe.get_doc("Write-Off Settings", self.name, for_update=True)
		settings.check_permission("write")
		return settings

	def validate_fields(self) -> None:
		problems = []
		for fieldname, balance_type in (
			("bad_debt_account", "Debit"),
			("credit_write_off_account", "Credit"),
			("recovery_account", "Credit"),
		):
			if self.get(fieldname):
				problems.append(
					(
						fieldname,
						accounts.offset_account_problem(self.get(fieldname), self.company, (balance_type,)),
					)
				)
		if self.allowance_account:
			problems.append(
				(
					"allowance_account",
					accounts.offset_account_problem(
						self.allowance_account, self.company, ("Debit",), accounts.ALLOWANCE
					),
				)
			)
		if self.cost_center:
			problems.append(("cost_center", accounts.cost_center_problem(self.cost_center, self.company)))
		if flt(self.max_invoice_amount) < 0:
			problems.append(("max_invoice_amount", _("Enter an amount above 0, or leave the field empty.")))
		if flt(self.credit_threshold) < 0:
			problems.append(("credit_threshold", _("Enter an amount of 0 or more.")))
		if cint(self.minimum_age_days) < 0:
			problems.append(("minimum_age_days", _("Enter a number of days, 0 or more.")))
		if not 2 <= cint(self.rows_per_entry) <= MAX_ROWS_PER_ENTRY:
			problems.append(("rows_per_entry", _("Enter a number from 2 to {0}.").format(MAX_ROWS_PER_ENTRY)))
		problems += self.difference_problems()
		if self.default_reason and frappe.db.get_value("Write-Off Reason", self.default_reason, "disabled"):
			problems.append(("default_reason", _("The reason {0} is disabled.").format(self.default_reason)))
		problems.append(("tax_rule", self.tax_rule_problem()))
		throw_field_errors(self, [*problems, *self.entry_value_problems(), *self.limit_problems()])

	def difference_problems(self) -> list[tuple[str, str | None]]:
		problems: list[tuple[str, str | None]] = []
		if flt(self.difference_amount) < 0:
			problems.append(("difference_amount", _("Enter an amount above 0, or leave the field empty.")))
		if not 0 <= flt(self.difference_share) <= 100:
			problems.append(("difference_share", _("The share must be between 0 and 100 %.")))
		reason = self.difference_reason and frappe.get_cached_value(
			"Write-Off Reason", self.difference_reason, ["disabled", "applies_to"], as_dict=True
		)
		if reason and reason.disabled:
			problems.append(
				("difference_reason", _("The reason {0} is disabled.").format(self.difference_reason))
			)
		elif reason and reason.applies_to == CREDIT:
			problems.append(("difference_reason", _("Choose a reason for debit balances.")))
		return problems

	def tax_rule_problem(self) -> str | None:
		if not self.has_value_changed("tax_rule"):
			return None
		if not self.tax_rule:
			return self.waiting_tax_problem()
		rule = frappe.get_doc("Write-Off Tax Rule", self.tax_rule)
		if rule.no_relief:
			return _("{0} grants no relief for the tax on bad debts. {1}").format(
				_(rule.country), rule.notes or ""
			)
		if rule.disabled:
			return _("The rule {0} is disabled. Check it against the law, then enable it.").format(rule.name)
		if rule.company not in (None, "", self.company):
			return _("The rule {0} can be used by {1} only.").format(rule.name, rule.company)
		if not any(
			frappe.get_cached_value("Account", row.tax_account, "company") == self.company
			for row in rule.accounts
		):
			return _("Enter the tax accounts of {0} in the rule {1} first.").format(self.company, rule.name)
		return None

	def tax_rule_note(self) -> str | None:
		"""Return that the rule that was chosen is not of the company's country, and if that one grants no relief. A company may
		be registered for tax in another country."""
		if not self.tax_rule or not self.has_value_changed("tax_rule"):
			return None
		of_rule = frappe.get_cached_value("Write-Off Tax Rule", self.tax_rule, "country")
		of_company = frappe.get_cached_value("Company", self.company, "country")
		if of_company in (None, "", of_rule):
			return None
		if frappe.db.exists("Write-Off Tax Rule", {"country": of_company, "no_relief": 1}):
			text = _(
				"{0} is in {1}, which grants no relief for the tax on bad debts. The rule {2} is of {3}."
			)
		else:
			text = _("{0} is in {1}. The rule {2} is of {3}.")
		return text.format(self.company, _(of_company), self.tax_rule, _(of_rule))

	def waiting_tax_problem(self) -> str | None:
		"""Without a rule, losses do not release what was claimed by age, and these settings do not lead to the tax runs."""
		currency = company_currency(self.company)
		deferred = deferred_tax(self.company)
		if deferred:
			return _(
				"Tax of {0} that was claimed by age is still deferred. Keep a rule, so that losses release it. To claim no more, end the validity of the rule."
			).format(fmt_money(deferred, currency=currency))
		waiting = interim_tax(self.company)
		if waiting:
			return _(
				"Tax of {0} is still on interim accounts. Keep a rule, and claim it or move it to the loss by tax runs. To defer no more, end the validity of the rule."
			).format(fmt_money(waiting, currency=currency))
		return None

	def entry_value_problems(self) -> list[tuple[str, str]]:
		problems = []
		for row in self.entry_values:
			row.entry_field = entry_values.find_fieldname(row.applies_to, row.entry_field) or row.entry_field
			problem = entry_values.problem(row.applies_to, row.entry_field, row.value)
			target = entry_values.link_target(row.applies_to, row.entry_field)
			if target and not problem:
				# The document's exact name, which Frappe stores in the entry.
				row.value = frappe.db.exists(target, row.value)
			if problem:
				problems.append(("entry_values", _("Row {0}: {1}").format(row.idx, problem)))
		return problems

	def limit_problems(self) -> list[tuple[str, str]]:
		problems, seen = [], set()
		for row in self.limits:
			if (row.role, row.limit_currency) in seen:
				problems.append(
					("limits", _("Row {0}: {1} has this row already.").format(row.idx, _(row.role)))
				)
			seen.add((row.role, row.limit_currency))
			if not 0 <= flt(row.max_share) <= 100:
				problems.append(
					("limits", _("Row {0}: the share must be between 0 and 100 %.").format(row.idx))
				)
			if any(
				flt(row.get(fieldname)) < 0
				for fieldname in ("max_item_amount", "max_customer_month_amount", "max_run_amount")
			):
				problems.append(("limits", _("Row {0}: the limit must be 0 or more.").format(row.idx)))
		return problems
