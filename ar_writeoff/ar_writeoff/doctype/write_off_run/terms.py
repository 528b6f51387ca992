"""Validation of a run's terms: amounts, accounts, reason and period. Errors are shown at their fields."""

from typing import Any

import frappe
from frappe import _
from frappe.utils import getdate

from ar_writeoff.ledger import accounts
from ar_writeoff.ledger.periods import closed_period_message
from ar_writeoff.validation import throw_field_errors


def validate(run: Any) -> None:
	"""Validate all terms.

	Raises:
	    frappe.ValidationError: at the fields that are wrong.
	"""
	validate_amounts(run)
	validate_accounts(run)
	validate_reason(run)
	validate_period(run)


def validate_amounts(run: Any) -> None:
	"""Refuse text, negative numbers and a missing maximum."""
	throw_field_errors(run, run.criteria_problems(getdate(run.cutoff_date), getdate(run.posting_date)))


def validate_accounts(run: Any) -> None:
	problems = []
	if run.receivable_account:
		problems.append(
			(
				"receivable_account",
				accounts.receivable_account_problem(run.receivable_account, run.company),
			)
		)
	if run.cost_center:
		problems.append(
			(
				"cost_center",
				accounts.cost_center_problem(run.cost_center, run.company, allow_group=True),
			)
		)
	if run.project:
		company = frappe.db.get_value("Project", run.project, "company")
		if company and company != run.company:
			problems.append(
				("project", _("Project {0} belongs to company {1}.").format(run.project, company))
			)
	account = accounts.offset_account(run.company, run.balance_type, run.reason, run.flags.settings)
	if account:
		problems.append(
			(
				"reason",
				accounts.offset_account_problem(
					account, run.company, (run.balance_type,), accounts.write_off_method(run.reason)
				),
			)
		)
	throw_field_errors(run, problems)


def validate_reason(run: Any) -> None:
	reason = frappe.get_cached_value("Write-Off Reason", run.reason, ["applies_to", "disabled"], as_dict=True)
	problem = None
	if reason and reason.disabled:
		problem = _("The reason {0} is disabled.").format(run.reason)
	elif reason and reason.applies_to not in ("Both", run.balance_type):
		problem = _("The reason {0} is for {1} balances, this run is for {2} balances.").format(
			run.reason, _(reason.applies_to), _(run.balance_type)
		)
	throw_field_errors(run, [("reason", problem)])


def validate_period(run: Any) -> None:
	throw_field_errors(run, [("posting_date", closed_period_message(run.company, getdate(run.posting_date)))])
