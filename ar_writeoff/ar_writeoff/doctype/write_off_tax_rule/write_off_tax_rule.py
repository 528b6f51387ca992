# Copyright (c) 2026, AR Write-Off contributors
# For license information, please see license.txt

"""When and how the tax of a bad debt may be claimed in a country.

Tests in tests/site: test_tax_rules.py
"""

from typing import Any

import frappe
from frappe import _
from frappe.utils import cint, getdate

from ar_writeoff.latest_document import LatestDocument
from ar_writeoff.tax_relief import ledger, losses, rules, service
from ar_writeoff.validation import throw_field_errors


class WriteOffTaxRule(LatestDocument):
	# begin: auto-generated types
	# This code is auto-generated. Do not modify anything in this block.

	from typing import TYPE_CHECKING

	if TYPE_CHECKING:
		from frappe.types import DF

		from ar_writeoff.ar_writeoff.doctype.write_off_tax_rule_account.write_off_tax_rule_account import (
			WriteOffTaxRuleAccount,
		)

		accounts: DF.Table[WriteOffTaxRuleAccount]
		checked_on: DF.Date | None
		claim_box: DF.Data | None
		clock: DF.Literal["Later of Supply and Due", "Supply", "Due", "Write-Off", "Event"]
		company: DF.Link | None
		country: DF.Link
		disabled: DF.Check
		forced_period: DF.Check
		limit_from: DF.Literal["", "Later of Supply and Due", "Supply", "Due", "Write-Off", "Event"]
		limit_months: DF.Int
		method: DF.Literal["Relief Later", "Net at Once", "Interim Account", "Age Only"]
		needs_evidence: DF.Check
		needs_notice: DF.Check
		no_relief: DF.Check
		notes: DF.SmallText | None
		repayment_box: DF.Data | None
		rule_name: DF.Data
		shipped_hash: DF.Data | None
		shipped_key: DF.Data | None
		source: DF.SmallText | None
		statutory_fraction: DF.Data | None
		trigger: DF.Literal["Written Off", "Age", "Event"]
		valid_from: DF.Date | None
		valid_to: DF.Date | None
		wait_days: DF.Int
		wait_months: DF.Int
	# end: auto-generated types

	def __init__(self, *args: Any, **kwargs: Any) -> None:
		super().__init__(*args, **kwargs)
		# Frappe would set the default company, and the rule would apply to this company only.
		self.dont_update_if_missing = ["company"]
		if self.get("__islocal") and not self.name:
			self.company = None

	def before_validate(self) -> None:
		stored = self.get_doc_before_save()
		if not self.flags.from_app:
			for fieldname in ("shipped_key", "shipped_hash"):
				self.set(fieldname, stored.get(fieldname) if stored else None)

	def validate(self) -> None:
		problems = [
			*self.date_problems(),
			*self.clock_problems(),
			*self.account_problems(),
			*self.age_problems(),
			("trigger", self.trigger_problem()),
			("statutory_fraction", service.fraction_problem(self.statutory_fraction)),
		]
		throw_field_errors(self, problems)

	def age_problems(self) -> list[tuple[str, str | None]]:
		"""Claims by age have no write-off."""
		if self.method != rules.AGE_ONLY:
			return []
		problems: list[tuple[str, str | None]] = []
		if self.trigger != rules.AGE:
			problems.append(
				("trigger", _("The method {0} requires the trigger {1}.").format(_(self.method), _("Age")))
			)
		for fieldname in ("clock", "limit_from"):
			if self.get(fieldname) == rules.WRITE_OFF:
				problems.append(
					(
						fieldname,
						_("With the method {0} there is no write-off to count from.").format(_(self.method)),
					)
				)
		if self.needs_notice:
			problems.append(
				("needs_notice", _("Notices are for write-offs. Require evidence instead.")),
			)
		return problems

	def trigger_problem(self) -> str | None:
		"""What the entry of the write-off claims can wait neither for an event nor for a condition that is entered in the claim."""
		if self.method != rules.NET_AT_ONCE:
			return None
		if self.trigger == rules.EVENT:
			return _("With the method {0} the write-off is the event. Choose the trigger {1}.").format(
				_(self.method), _(rules.WRITTEN_OFF)
			)
		if self.needs_notice or self.needs_evidence:
			return _(
				"With the method {0} the claim is made with the write-off. It can need neither notice nor evidence."
			).format(_(self.method))
		return None

	def date_problems(self) -> list[tuple[str, str | None]]:
		if self.valid_from and self.valid_to and getdate(self.valid_to) < getdate(self.valid_from):
			return [("valid_to", _("Enter a date that is not before {0}.").format(_("Valid From")))]
		return []

	def clock_problems(self) -> list[tuple[str, str | None]]:
		problems: list[tuple[str, str | None]] = []
		if self.trigger == rules.EVENT and self.clock != rules.EVENT:
			problems.append(("clock", _("With the trigger Event, the waiting time starts with the event.")))
		if self.trigger != rules.EVENT and rules.EVENT in (self.clock, self.limit_from):
			problems.append(("trigger", _("A period that starts with the event requires the trigger Event.")))
		if cint(self.limit_months) and not self.limit_from:
			problems.append(("limit_from", _("Choose the start of the limit.")))
		same = self.limit_from == self.clock and cint(self.limit_months)
		if same and cint(self.limit_months) <= cint(self.wait_months):
			problems.append(("limit_months", _("The limit must be longer than the waiting time.")))
		return problems

	def account_problems(self) -> list[tuple[str, str | None]]:
		problems: list[tuple[str, str | None]] = []
		seen: set[str] = set()
		for row in self.accounts:
			company = frappe.get_cached_value("Account", row.tax_account, "company")
			problem = ledger.relief_account_problem(row.tax_account, self.company or company)
			problem = problem or ledger.relief_account_problem(row.relief_account, company)
			problem = problem or self.interim_account_problem(row, company)
			if row.tax_account in seen:
				problem = _("{0} has more than one row.").format(row.tax_account)
			seen.add(row.tax_account)
			if problem:
				problems.append(("accounts", _("Row {0}: {1}").format(row.idx, problem)))
		return problems

	def interim_account_problem(self, row: Any, company: str) -> str | None:
		if self.method not in (rules.AGE_ONLY, rules.INTERIM_ACCOUNT):
			return None
		is_age = self.method == rules.AGE_ONLY
		if not row.interim_account and is_age:
			return _("Enter the Interim Account, a liability account for deferred tax.")
		if not row.interim_account:
			return _("Enter the Interim Account of {0}.").format(row.tax_account)
		if row.interim_account in (row.tax_account, row.relief_account):
			return _("The Interim Account must be an account of its own.")
		if is_age and frappe.get_cached_value("Account", row.interim_account, "root_type") != "Liability":
			return _("Account {0} is not a liability account.").format(row.interim_account)
		return ledger.relief_account_problem(row.interim_account, company)

	def on_update(self) -> None:
		"""Claims that are not posted follow a correction of their rule."""
		if self.get_doc_before_save() and any(map(self.has_value_changed, losses.RULE_FIELDS)):
			service.update_of_rule(self.name)

	def on_trash(self) -> None:
		if self.shipped_key and not self.flags.ignore_permissions:
			frappe.throw(
				_("{0} comes with the app and would be created again. Disable it instead.").format(self.name),
				title=_("Write-Off Tax Rule"),
			)
