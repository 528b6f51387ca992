"""Claims by age: the tax of invoices that are unpaid after the waiting time, without a write-off."""

import itertools
from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from fractions import Fraction
from functools import partial
from typing import Any

import frappe
from frappe.query_builder import Case
from frappe.query_builder.functions import Coalesce, Sum
from frappe.utils import create_batch, getdate
from pypika.queries import QueryBuilder
from pypika.terms import Field

from ar_writeoff.core import reasons
from ar_writeoff.core.money import ZERO, money
from ar_writeoff.core.reasons import Reason
from ar_writeoff.core.run_types import TAX_CLAIM
from ar_writeoff.ledger import messages
from ar_writeoff.ledger.bulk_update import standard_values
from ar_writeoff.ledger.money import company_currency, precision
from ar_writeoff.ledger.transactions import run_in_transaction
from ar_writeoff.tax_relief import ledger, rules, service
from ar_writeoff.tax_relief.invoices import invoice_taxes
from ar_writeoff.tax_relief.losses import TaxRule, tax_rule


def update_companies(day: date | None = None) -> None:
	"""Daily job: create and update the claims by age of each company with a rule, each in a transaction of its own."""
	for company in frappe.get_all(
		"Write-Off Settings", filters={"tax_rule": ("is", "set")}, pluck="name", order_by="name asc"
	):
		run_in_transaction(partial(update, company, day or getdate()))


def update(company: str, day: date) -> None:
	"""Create the claims by age of a company that may be made on this day, and update those that it has."""
	chosen = frappe.db.get_value("Write-Off Settings", company, "tax_rule")
	name = ledger.rule_of_company(company, chosen, day)
	rule = tax_rule(name, company) if name else None
	if rule and rule.method == rules.AGE_ONLY:
		create_claims(rule, company, day)
	update_claims(company)


def update_claims(company: str) -> None:
	"""Update the claims by age of a company to what is unpaid now."""
	decimals = precision(company_currency(company))
	changed = []
	for rows in create_batch(claims_to_update(company), ledger.CLAIMS_PER_QUERY):
		left = ledger.taxes_left(company, rows)
		changed += [row.name for row in rows if left[row.name] != money(row.claimable_amount, decimals)]
	for names in create_batch(changed, ledger.CLAIMS_PER_QUERY):
		service.update_claims(frappe.qb.DocType(TAX_CLAIM).name.isin(names))


def claims_to_update(company: str) -> list[Any]:
	"""Return the claims by age of a company with tax, without those that are settled: nothing is claimed or released, and the
	invoice is not open."""
	claim, release = frappe.qb.DocType(TAX_CLAIM), frappe.qb.DocType(TAX_CLAIM).as_("release")
	return (
		frappe.qb.from_(claim)
		.left_join(release)
		.on((release.releases == claim.name) & (release.claimable_amount != 0))
		.select(*(claim[field] for field in (*ledger.LEFT_FIELDS, "claimable_amount")))
		.distinct()
		.where(
			(claim.company == company)
			& claim.item.isnull()
			& (claim.tax_amount != 0)
			& (
				(claim.claimed_amount != claim.repaid_amount)
				| (claim.claimable_amount != 0)
				| release.name.isnotnull()
				| (balance_of(claim.sales_invoice) > 0)
			)
		)
		.orderby(claim.sales_invoice)
		.orderby(claim.name)
		.run(as_dict=True)
	)


def balance_of(invoice: Field) -> QueryBuilder:
	"""Return a subquery with the balance of an invoice in the Payment Ledger. Its outstanding amount may be stale."""
	ple = frappe.qb.DocType("Payment Ledger Entry")
	return (
		frappe.qb.from_(ple)
		.select(Sum(ple.amount_in_account_currency))
		.where(
			(ple.against_voucher_no == invoice)
			& (ple.against_voucher_type == "Sales Invoice")
			& (ple.party_type == "Customer")
			& (ple.delinked == 0)
		)
	)


def create_claims(rule: TaxRule, company: str, day: date) -> None:
	"""Create a claim for each tax account of each invoice that is unpaid on the first possible day. What has lapsed is left
	out."""
	found = []
	for row in unpaid_invoices(rule, company, day):
		dates = rules.ClaimDates(row.posting_date, row.due, row.due)
		first, last = rules.claimable_on(rule.dates, dates), rules.lapses_on(rule.dates, dates)
		if first and first <= day and not (last and last < day):
			found.append((row, first, last))
	for part in create_batch(found, ledger.CLAIMS_PER_QUERY):
		values = list(claim_values(rule, company, part, day))
		excluded = {row.excluded for row, _first, _last in part if row.excluded}
		for own in [own for own in values if own["name"] in excluded]:
			values.remove(own)
			frappe.db.set_value(TAX_CLAIM, own.pop("name"), own)
		if values:
			# Another search, or the daily job, may be creating the same claims.
			frappe.db.bulk_insert(
				TAX_CLAIM, list(values[0]), [tuple(row.values()) for row in values], ignore_duplicates=True
			)


def unpaid_invoices(rule: TaxRule, company: str, day: date) -> list[Any]:
	"""Return the open invoices that may be due for a claim by age and have tax without one, or an opening entry. `excluded`: its
	claim that has no tax because a payment has reversed tax; the payment may be cancelled since."""
	invoice, row = frappe.qb.DocType("Sales Invoice"), frappe.qb.DocType("GL Entry")
	claim, excluded = frappe.qb.DocType(TAX_CLAIM), frappe.qb.DocType(TAX_CLAIM).as_("excluded")
	due = Coalesce(invoice.due_date, invoice.posting_date)
	later = Case().when(due > invoice.posting_date, due).else_(invoice.posting_date)
	start = {rules.SUPPLY: invoice.posting_date, rules.DUE: due}.get(rule.dates.clock, later)
	# A month has 28 days or more.
	latest = day - timedelta(days=28 * rule.dates.wait_months + rule.dates.wait_days)
	query = (
		frappe.qb.from_(invoice)
		.left_join(row)
		.on(
			(row.voucher_no == invoice.name)
			& (row.voucher_type == "Sales Invoice")
			& (row.is_cancelled == 0)
			& row.account.isin(list(rule.relief_accounts) or [""])
		)
		.left_join(claim)
		.on((claim.sales_invoice == invoice.name) & claim.item.isnull() & (claim.tax_account == row.account))
		.left_join(excluded)
		.on(
			(excluded.sales_invoice == invoice.name)
			& excluded.item.isnull()
			& (excluded.status == rules.EXCLUDED)
		)
		.select(
			invoice.name,
			invoice.customer,
			invoice.posting_date,
			due.as_("due"),
			excluded.name.as_("excluded"),
		)
		.distinct()
		.where(
			(invoice.company == company)
			& (invoice.docstatus == 1)
			& (invoice.is_return == 0)
			& (start <= latest)
			& claim.name.isnull()
			& (row.name.isnotnull() | (invoice.is_opening == "Yes"))
			& (excluded.name.isnull() | (excluded.reason_code == reasons.TAX_REVERSED_BY_PAYMENT))
		)
		.orderby(invoice.name)
	)
	found: list[Any] = []
	for names in create_batch(sorted(open_invoices(company)), ledger.CLAIMS_PER_QUERY):
		found += query.where(invoice.name.isin(names)).run(as_dict=True)
	return found


def open_invoices(company: str) -> list[str]:
	"""Return the invoices of a company with a balance above 0 in the Payment Ledger. Their outstanding amounts may be stale."""
	ple = frappe.qb.DocType("Payment Ledger Entry")
	return (
		frappe.qb.from_(ple)
		.select(ple.against_voucher_no)
		.where(
			(ple.company == company)
			& (ple.against_voucher_type == "Sales Invoice")
			& (ple.party_type == "Customer")
			& (ple.delinked == 0)
		)
		.groupby(ple.against_voucher_no)
		.having(Sum(ple.amount_in_account_currency) > 0)
		.run(pluck=True)
	)


def claims_by_account(invoices: Iterable[str]) -> dict[str, dict[str, str]]:
	"""Return the claims by age of these invoices that have tax: {invoice: {claim: tax account}}."""
	found: dict[str, dict[str, str]] = {}
	for row in frappe.get_all(
		TAX_CLAIM,
		filters={
			"sales_invoice": ("in", sorted(invoices)),
			"item": ("is", "not set"),
			"status": ("!=", rules.EXCLUDED),
		},
		fields=["name", "sales_invoice", "tax_account"],
		order_by=None,
	):
		found.setdefault(row.sales_invoice, {})[row.name] = row.tax_account
	return found


def claim_values(
	rule: TaxRule, company: str, found: Iterable[tuple[Any, date, date | None]], day: date
) -> Iterator[dict[str, Any]]:
	"""Yield the fields of the claims of these invoices."""
	invoices = {row.name: (row, first, last) for row, first, last in found}
	taxes = invoice_taxes(company, invoices, rule.relief_accounts)
	unpaid = ledger.open_amounts(company, invoices)
	decimals = precision(company_currency(company))
	has_claim = claims_by_account(invoices)
	losses: dict[str, rules.LossTaxes] = {name: rules.LossTaxes() for name in taxes}
	for name, claimed in ledger.claimed_taxes(taxes, rules.COUNTED, decimals).items():
		for account, amount in claimed.items():
			losses[name].add(account, amount, is_released=False)
	by_account = ledger.unpaid_taxes(
		company,
		taxes,
		dict.fromkeys(taxes, rule.relief_accounts),
		dict.fromkeys(taxes, rule.fraction),
		losses,
	)
	for name, (row, first, last) in invoices.items():
		tax = taxes[name]
		if name not in unpaid or tax.gross_own <= 0:
			continue
		prefix, own = f"{name[-service.MAX_PREFIX :]}-A", has_claim.get(name, {})
		if tax.reason:
			if own or row.excluded:
				continue
			is_unknown = tax.reason.code == reasons.TAX_UNKNOWN
			reason: Reason | None = Reason.of(reasons.TAX_NOT_BY_AGE) if is_unknown else tax.reason
			status, amounts = rules.EXCLUDED, {"": ZERO}
		else:
			amounts = {
				account: amount
				for account, amount in by_account[name].items()
				if amount and account not in own.values()
			}
			missing = rules.missing_conditions(rule, None, None)
			status = rules.status_on(day, first, last, lacks_notice=bool(missing))
			reason = rules.claim_reason(status, rule.dates.trigger, None, missing, last)
		open_amount = rules.tax_left(tax.gross, unpaid[name] / Fraction(tax.gross_own), decimals)
		free = (label for label in map(str, itertools.count(1)) if f"{prefix}{label}" not in own)
		for account, amount in sorted(amounts.items()):
			yield {
				# Two searches at the same time give the same name, so that there is one claim.
				"name": f"{prefix}{next(free)}",
				**standard_values(),
				"company": company,
				"customer": row.customer,
				"sales_invoice": name,
				"status": status,
				"claimable_on": first,
				"lapses_on": last,
				**messages.columns(reason),
				"tax_account": account or None,
				"relief_account": rule.relief_accounts.get(account),
				"method": rules.AGE_ONLY,
				"booked_account": rule.interim_accounts.get(account),
				"tax_rule": rule.name,
				"written_off_amount": open_amount,
				"tax_amount": amount,
				"claimable_amount": amount,
				"supply_date": row.posting_date,
				"due_date": row.due,
			}
