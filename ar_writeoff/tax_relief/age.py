"""Claims by age: the tax of invoices that are unpaid after the waiting time, without a write-off."""

from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from fractions import Fraction
from typing import Any

import frappe
from frappe.query_builder import Case
from frappe.query_builder.functions import Coalesce
from frappe.utils import create_batch, getdate

from ar_writeoff.core import reasons
from ar_writeoff.core.money import ZERO, money
from ar_writeoff.core.reasons import Reason
from ar_writeoff.core.run_types import TAX_CLAIM
from ar_writeoff.ledger import messages
from ar_writeoff.ledger.bulk_update import standard_values
from ar_writeoff.ledger.money import company_currency, precision
from ar_writeoff.tax_relief import ledger, rules, service
from ar_writeoff.tax_relief.losses import TaxRule, tax_rule


def update_companies(day: date | None = None) -> None:
	"""Daily job: create and update the claims by age of each company with a rule."""
	for company in frappe.get_all(
		"Write-Off Settings", filters={"tax_rule": ("is", "set")}, pluck="name", order_by="name asc"
	):
		update(company, day or getdate())


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
	rows = frappe.get_all(
		TAX_CLAIM,
		filters={"company": company, "item": ("is", "not set"), "tax_amount": ("!=", 0)},
		fields=[*ledger.LEFT_FIELDS, "claimable_amount"],
		order_by=None,
	)
	left = ledger.taxes_left(company, rows)
	decimals = precision(company_currency(company))
	changed = [row.name for row in rows if left[row.name] != money(row.claimable_amount, decimals)]
	for names in create_batch(changed, ledger.CLAIMS_PER_QUERY):
		service.update_claims(frappe.qb.DocType(TAX_CLAIM).name.isin(names))


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
		if values:
			frappe.db.bulk_insert(TAX_CLAIM, list(values[0]), [tuple(row.values()) for row in values])


def unpaid_invoices(rule: TaxRule, company: str, day: date) -> list[Any]:
	"""Return the open invoices without a claim by age that may be due for one."""
	invoice, claim = frappe.qb.DocType("Sales Invoice"), frappe.qb.DocType(TAX_CLAIM)
	due = Coalesce(invoice.due_date, invoice.posting_date)
	later = Case().when(due > invoice.posting_date, due).else_(invoice.posting_date)
	start = {rules.SUPPLY: invoice.posting_date, rules.DUE: due}.get(rule.dates.clock, later)
	# A month has 28 days or more.
	latest = day - timedelta(days=28 * rule.dates.wait_months + rule.dates.wait_days)
	return (
		frappe.qb.from_(invoice)
		.left_join(claim)
		.on((claim.sales_invoice == invoice.name) & claim.item.isnull())
		.select(invoice.name, invoice.customer, invoice.posting_date, due.as_("due"))
		.where(
			(invoice.company == company)
			& (invoice.docstatus == 1)
			& (invoice.is_return == 0)
			& (invoice.outstanding_amount > 0)
			& (start <= latest)
			& claim.name.isnull()
		)
		.orderby(invoice.name)
		.run(as_dict=True)
	)


def claim_values(
	rule: TaxRule, company: str, found: Iterable[tuple[Any, date, date | None]], day: date
) -> Iterator[dict[str, Any]]:
	"""Yield the fields of the claims of these invoices."""
	invoices = {row.name: (row, first, last) for row, first, last in found}
	taxes = ledger.invoice_taxes(company, invoices, rule.relief_accounts)
	unpaid = ledger.open_amounts(company, invoices)
	decimals = precision(company_currency(company))
	for name, (row, first, last) in invoices.items():
		tax = taxes[name]
		if name not in unpaid or tax.gross_own <= 0:
			continue
		if tax.reason:
			is_unknown = tax.reason.code == reasons.TAX_UNKNOWN
			reason: Reason | None = Reason.of(reasons.TAX_NOT_BY_AGE) if is_unknown else tax.reason
			status, amounts = rules.EXCLUDED, {"": ZERO}
		else:
			amounts = ledger.unpaid_taxes(tax, unpaid[name], rule.relief_accounts, rule.fraction, decimals)
			amounts = {account: amount for account, amount in amounts.items() if amount}
			missing = rules.missing_conditions(rule, None, None)
			status = rules.status_on(day, first, last, lacks_notice=bool(missing))
			reason = rules.claim_reason(status, rule.dates.trigger, None, missing, last)
		open_amount = rules.tax_left(tax.gross, unpaid[name] / Fraction(tax.gross_own), decimals)
		for number, (account, amount) in enumerate(sorted(amounts.items()), 1):
			yield {
				# The same invoice and tax account have the same name, so that there is one claim.
				"name": f"{name[-service.MAX_PREFIX :]}-A{number}",
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
