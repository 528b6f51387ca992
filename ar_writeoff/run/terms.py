"""What a run asks for and posts with, from its document and the Settings of its company."""

from typing import Any

import frappe
from frappe import _
from frappe.utils import cint, getdate

from ar_writeoff.core import reasons
from ar_writeoff.core.criteria import LEAVE_OUT, Criteria
from ar_writeoff.core.money import money
from ar_writeoff.core.reasons import Reason
from ar_writeoff.ledger import accounts, messages
from ar_writeoff.ledger.dimensions import Offset
from ar_writeoff.ledger.money import company_currency, precision
from ar_writeoff.posting import ledger as posting
from ar_writeoff.posting import rules as planning
from ar_writeoff.search.ledger import Scope

# What is read of Write-Off Settings for a run, in one query.
SETTINGS = [
	*accounts.OFFSET_ACCOUNTS,
	"cost_center",
	"force_cost_center",
	"entries_per",
	"rows_per_entry",
	"customer_credits",
	"require_second_approver",
]


def scope_of(run: Any) -> Scope:
	"""Where a run looks, from its document."""
	return Scope(
		company=run.company,
		run=run.name or "",
		customers=tuple(row.customer for row in run.customers),
		customer_group=run.customer_group,
		territory=run.territory,
		item_group=run.item_group,
		currency=run.currency,
		receivable_account=run.receivable_account,
		cost_center=run.cost_center,
		project=run.project,
	)


def criteria_of(run: Any, settings: Any = None) -> Criteria:
	"""The criteria of a run that a single balance is judged by, from its document and the Settings of its company."""
	settings = settings_of(run.company) if settings is None else settings
	decimals = precision(company_currency(run.company))
	return Criteria(
		balance_type=run.balance_type,
		cutoff_date=getdate(run.cutoff_date),
		max_invoice_amount=money(run.max_invoice_amount, decimals),
		max_customer_amount=money(run.max_customer_amount, decimals) or None,
		minimum_age_days=cint(run.minimum_age_days),
		ageing_based_on=run.ageing_based_on,
		customer_credits=settings.customer_credits or LEAVE_OUT,
	)


def settings_of(company: str) -> Any:
	"""What the Write-Off Settings of the company say about its runs; without them every value is None."""
	return frappe.db.get_value("Write-Off Settings", company, SETTINGS, as_dict=True) or frappe._dict()


def offset_of(run: Any, settings: Any = None) -> Offset:
	"""Where the other side of a run's entries goes, by its reason and the Settings of its company."""
	settings = settings_of(run.company) if settings is None else settings
	return Offset(
		company=run.company,
		account=accounts.offset_account(run.company, run.balance_type, run.reason, settings),
		cost_center=settings.cost_center or frappe.get_cached_value("Company", run.company, "cost_center"),
		force_cost_center=bool(settings.force_cost_center),
	)


def rules_of(run: Any, settings: Any = None) -> posting.Rules:
	"""What a run posts with, from its document and the Settings of its company.

	Raises:
	    frappe.ValidationError: there is no account for the offset side.
	"""
	settings = settings_of(run.company) if settings is None else settings
	offset = offset_of(run, settings)
	if not offset.account:
		messages.refuse(Reason.of(reasons.NO_OFFSET_ACCOUNT, company=run.company))
	return posting.Rules(
		run=run.name,
		company=run.company,
		posting_date=getdate(run.posting_date),
		remark=_("Write-Off Run {0}: {1}").format(run.name, run.reason),
		offset=offset,
		scope=scope_of(run),
		criteria=criteria_of(run, settings),
		entries_per=settings.entries_per or planning.BATCH,
		rows_per_entry=cint(settings.rows_per_entry) or planning.MAX_ROWS_PER_ENTRY,
	)
