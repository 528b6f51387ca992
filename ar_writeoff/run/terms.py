"""The terms of a run from its document and Write-Off Settings, converted for search and posting."""

import json
from dataclasses import fields
from typing import Any

import frappe
from frappe import _
from frappe.utils import cint, flt, fmt_money

from ar_writeoff.approval.seal_rules import canonical
from ar_writeoff.core import criteria
from ar_writeoff.core import terms as core
from ar_writeoff.core.criteria import Criteria
from ar_writeoff.core.money import money
from ar_writeoff.core.run_types import posts_claims
from ar_writeoff.core.terms import Terms
from ar_writeoff.ledger import accounts, messages
from ar_writeoff.ledger.dimensions import Offset, company_defaults
from ar_writeoff.ledger.money import company_currency, precision
from ar_writeoff.posting import ledger as posting
from ar_writeoff.posting import rules as planning
from ar_writeoff.posting.entry_values import company_values
from ar_writeoff.search.ledger import Scope
from ar_writeoff.tax_relief import rules as tax_rules
from ar_writeoff.tax_relief.ledger import rule_of_company, rule_to_release
from ar_writeoff.tax_relief.losses import booking_of_rule

# Fields of Write-Off Settings that runs use.
SETTINGS = [
	*accounts.OFFSET_ACCOUNTS,
	"cost_center",
	"force_cost_center",
	"entries_per",
	"rows_per_entry",
	*criteria.SETTINGS_CRITERIA,
	"require_second_approver",
	"tax_rule",
]

# Fields of a run that are terms, besides its tables.
RUN_FIELDS = (
	"name",
	"reason",
	"posting_date",
	*criteria.SEARCH_FIELDS,
)

# Fields of a tax run that are terms.
TAX_RUN_FIELDS = ("name", "company", "posting_date", "from_date", "to_date")


def fields_of(run: str) -> tuple[str, ...]:
	"""Return the fields of a run that are terms, besides its tables."""
	return TAX_RUN_FIELDS if posts_claims(run) else RUN_FIELDS


def tables_of(run: str) -> tuple[str, ...]:
	"""Return the tables of a run that are terms."""
	return () if posts_claims(run) else criteria.TABLES


def company_settings(company: str) -> Any:
	"""Return the SETTINGS of the company; empty if it has no Write-Off Settings."""
	return frappe.db.get_value("Write-Off Settings", company, SETTINGS, as_dict=True) or frappe._dict()


def table_values(doc: Any) -> dict[str, list[Any]]:
	"""Return the criteria of a run or schedule that are in tables, in a fixed order."""
	if doc.get("customers") is None:
		# A tax run has no tables.
		return {}
	return {
		"customers": sorted({row.customer for row in doc.customers}),
		"thresholds": sorted(
			[row.currency, flt(row.min_amount), flt(row.max_amount)] for row in doc.thresholds
		),
	}


def table_rows(doc: Any) -> dict[str, list[dict[str, Any]]]:
	"""Return the rows of the criteria that are in tables, for another document."""
	return {
		"customers": [{"customer": row.customer} for row in doc.customers],
		"thresholds": [
			{"currency": row.currency, "min_amount": row.min_amount, "max_amount": row.max_amount}
			for row in doc.thresholds
		],
	}


def table_texts(run: Any) -> dict[str, str]:
	"""Return the criteria in tables as texts for a reader, by fieldname."""
	if run.get("customers") is None:
		return {}
	return {
		"customers": ", ".join(row.customer for row in run.customers),
		"thresholds": ", ".join(
			_("{0} to {1}").format(
				fmt_money(row.min_amount, currency=row.currency),
				fmt_money(row.max_amount, currency=row.currency),
			)
			for row in run.thresholds
		),
	}


def terms_record(run: Any, settings: Any = None) -> dict[str, Any]:
	"""Return the current terms of a run from its document, Settings, Reason and Company."""
	settings = company_settings(run.company) if settings is None else settings
	if posts_claims(run.name or ""):
		return claim_terms_record(run, settings)
	return {
		**{fieldname: run.get(fieldname) for fieldname in RUN_FIELDS},
		**table_values(run),
		"customer_credits": settings.customer_credits or criteria.LEAVE_OUT,
		"credit_threshold": flt(settings.credit_threshold),
		"include_disabled_customers": cint(settings.include_disabled_customers),
		"include_internal_customers": cint(settings.include_internal_customers),
		"cancel_payment_requests": cint(settings.cancel_payment_requests),
		"offset_account": accounts.offset_account(run.company, run.balance_type, run.reason, settings),
		"offset_cost_center": settings.cost_center
		or frappe.get_cached_value("Company", run.company, "cost_center"),
		"force_cost_center": cint(settings.force_cost_center),
		"dimension_defaults": sorted(company_defaults(run.company).items()),
		"entry_values": company_values(run.company),
		**tax_terms(run, settings),
		"entries_per": settings.entries_per or planning.BATCH,
		"rows_per_entry": cint(settings.rows_per_entry) or planning.MAX_ROWS_PER_ENTRY,
		"remark": _("Write-Off Run {0}: {1}").format(run.name, run.reason),
	}


def tax_terms(run: Any, settings: Any) -> dict[str, Any]:
	"""Return the current terms for the tax of a run."""
	is_loss = (
		run.balance_type == criteria.DEBIT and accounts.write_off_method(run.reason) != accounts.RECLASSIFY
	)
	rule = rule_of_company(run.company, settings.tax_rule, run.posting_date) if is_loss else None
	if is_loss and settings.tax_rule and not rule:
		rule = rule_to_release(run.company)
		return {"tax_rule": rule, "tax_method": tax_rules.AGE_ONLY} if rule else {"tax_rule": None}
	booking = booking_of_rule(rule, run.company) if rule else tax_rules.Booking()
	if not booking.accounts:
		return {"tax_rule": rule}
	return {"tax_rule": rule, "tax_method": booking.method, "tax_accounts": booking.accounts}


def claim_terms_record(run: Any, settings: Any) -> dict[str, Any]:
	"""Return the current terms of a tax run. Its items are claims, so there are no criteria for balances. Accounts and
	dimensions are those of each claim."""
	return {
		**{fieldname: run.get(fieldname) for fieldname in TAX_RUN_FIELDS},
		"balance_type": criteria.DEBIT,
		"cutoff_date": run.to_date,
		"max_invoice_amount": 0,
		"dimension_defaults": sorted(company_defaults(run.company).items()),
		"entry_values": company_values(run.company),
		"entries_per": planning.BATCH,
		"rows_per_entry": cint(settings.rows_per_entry) or planning.MAX_ROWS_PER_ENTRY,
		"remark": _("Write-Off Tax Run {0}").format(run.name),
	}


def current_terms(run: Any, settings: Any = None) -> Terms:
	"""Return the terms of a draft, as they would be sealed now."""
	return core.from_record(json.loads(canonical(terms_record(run, settings))))


def scope_of(terms: Terms) -> Scope:
	"""Return the company, customers and filters of the search."""
	return Scope(
		company=terms.company,
		run=terms.name,
		**{field.name: getattr(terms, field.name) for field in fields(criteria.Filters)},
	)


def criteria_of(terms: Terms) -> Criteria:
	"""Return the criteria for single balances."""
	decimals = precision(company_currency(terms.company))
	values = {field.name: getattr(terms, field.name) for field in fields(Criteria)}
	return Criteria(
		**{
			**values,
			"max_invoice_amount": money(terms.max_invoice_amount, decimals),
			"min_invoice_amount": money(terms.min_invoice_amount, decimals),
			"max_customer_amount": money(terms.max_customer_amount, decimals) or None,
			"credit_threshold": money(terms.credit_threshold, decimals),
		}
	)


def offset_of(terms: Terms) -> Offset:
	"""Return account and dimensions of the offset side."""
	return Offset(
		company=terms.company,
		account=terms.offset_account,
		cost_center=terms.offset_cost_center,
		force_cost_center=terms.force_cost_center,
		reason=terms.reason,
		defaults=terms.dimension_defaults,
		accounts=1 + len({account for _tax_account, account in terms.tax_accounts}),
	)


def rules_of(terms: Terms) -> posting.Rules:
	"""Return the posting rules of a run.

	Raises:
	    frappe.ValidationError: no offset account is set.
	"""
	offset = offset_of(terms)
	if not offset.account and not posts_claims(terms.name):
		messages.throw_reason(accounts.no_offset_account(terms.company, terms.reason))
	return posting.Rules(
		run=terms.name,
		company=terms.company,
		posting_date=terms.posting_date,
		remark=terms.remark,
		offset=offset,
		scope=scope_of(terms),
		criteria=criteria_of(terms),
		entries_per=terms.entries_per,
		entry_values=terms.entry_values,
		rows_per_entry=terms.rows_per_entry,
		tax_rule=terms.tax_rule,
		booking=tax_rules.Booking(terms.tax_method, terms.tax_accounts)
		if terms.tax_method
		else tax_rules.Booking(),
	)
