"""The tax in a loss: the rule of a company, applied to its invoices."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any

import frappe
from frappe.utils import cint, getdate

from ar_writeoff.core import reasons
from ar_writeoff.core.money import ZERO, money
from ar_writeoff.core.reasons import Reason
from ar_writeoff.ledger.money import company_currency, precision
from ar_writeoff.tax_relief import ledger, rules
from ar_writeoff.tax_relief.ledger import RULE

RULE_FIELDS = (
	"name",
	"method",
	"trigger",
	"clock",
	"wait_months",
	"wait_days",
	"limit_months",
	"limit_from",
	"forced_period",
	"needs_notice",
	"needs_evidence",
	"statutory_fraction",
)


@dataclass(frozen=True, slots=True)
class TaxRule:
	"""A rule as a company uses it. `relief_accounts`, `interim_accounts`: by tax account."""

	name: str
	method: str
	dates: rules.ClaimRule
	needs_notice: bool
	needs_evidence: bool
	fraction: Fraction | None
	relief_accounts: dict[str, str]
	interim_accounts: dict[str, str]


@dataclass(frozen=True, slots=True)
class Loss:
	"""The tax on one account in one written-off item. Without an account, `reason` says why there is none to claim. `releases`:
	the claim by age that had this tax before."""

	item: str
	voucher: str
	tax_account: str
	amount: Decimal
	dates: rules.ClaimDates
	claimable_on: date | None
	lapses_on: date | None
	status: str
	reason: Reason | None
	relief_account: str = ""
	releases: str = ""


# The rule of a company


def tax_rule(name: str, company: str) -> TaxRule:
	"""Return a rule with the accounts of the company."""
	row = frappe.db.get_value(RULE, name, RULE_FIELDS, as_dict=True)
	account, mapped = frappe.qb.DocType("Account"), frappe.qb.DocType("Write-Off Tax Rule Account")
	accounts = (
		frappe.qb.from_(mapped)
		.inner_join(account)
		.on(account.name == mapped.tax_account)
		.select(mapped.tax_account, mapped.relief_account, mapped.interim_account)
		.where((mapped.parent == name) & (mapped.parenttype == RULE) & (account.company == company))
		.orderby(mapped.idx)
		.run()
	)
	return TaxRule(
		name=row.name,
		method=row.method,
		dates=claim_rule(row, return_months(company)),
		needs_notice=bool(row.needs_notice),
		needs_evidence=bool(row.needs_evidence),
		fraction=rules.parse_fraction(row.statutory_fraction or ""),
		relief_accounts={tax: relief for tax, relief, _counter in accounts},
		interim_accounts={tax: counter for tax, _relief, counter in accounts if counter},
	)


def claim_rule(row: Any, months: int) -> rules.ClaimRule:
	return rules.ClaimRule(
		trigger=row.trigger,
		clock=row.clock,
		wait_months=cint(row.wait_months),
		wait_days=cint(row.wait_days),
		limit_months=cint(row.limit_months) or None,
		limit_from=row.limit_from or rules.WRITE_OFF,
		forced_period=bool(row.forced_period),
		return_months=months,
	)


def return_months(company: str) -> int:
	period = frappe.db.get_value("Write-Off Settings", company, "tax_return_period")
	return rules.RETURN_MONTHS.get(period, 1)


# The tax in a loss


def losses(rule: TaxRule, company: str, rows: Sequence[Any], written_off_on: date, day: date) -> list[Loss]:
	"""Return the tax in these items, rows of Write-Off Run Item that are about to be written off, or were just now.

	`day`: for the status of the claims.
	"""
	of_invoices: list[Any] = []
	found: list[Loss] = []
	for row in rows:
		if row.write_off_amount <= 0:
			continue
		if row.voucher_type == "Sales Invoice":
			of_invoices.append(row)
		# Receivables taken over from another system. Refunds, Dunnings and Fees have no tax of a sale.
		if row.voucher_type != "Journal Entry":
			continue
		supply = getdate(row.posting_date)
		dates = rules.ClaimDates(supply, getdate(row.due_date or supply), written_off_on)
		found.append(excluded(row, dates, Reason.of(reasons.TAX_NO_INVOICE)))
	names = {row.voucher_no for row in of_invoices}
	taxes = ledger.invoice_taxes(company, names, rule.relief_accounts)
	written_off = ledger.other_losses(names, {row.name for row in of_invoices})
	decimals = precision(company_currency(company))
	claimed = ledger.claimed_taxes(names, rules.COUNTED, decimals)
	deferred = ledger.deferred_taxes(names, decimals)
	for row in of_invoices:
		tax = taxes[row.voucher_no]
		dates = rules.ClaimDates(tax.supply, tax.due, written_off_on)
		if tax.reason:
			found.append(excluded(row, dates, tax.reason))
			continue
		if not tax.taxes or tax.gross_own <= 0:
			continue
		loss = money(row.write_off_amount, 9) + written_off.get(row.voucher_no, ZERO)
		amounts = rules.tax_of_loss(
			tax.taxes,
			tax.gross,
			Fraction(loss) / Fraction(tax.gross_own),
			claimed.get(row.voucher_no, {}),
			decimals,
			rule.fraction,
			rule.relief_accounts,
		)
		first, last = rules.claimable_on(rule.dates, dates), rules.lapses_on(rule.dates, dates)
		missing = rules.missing_conditions(rule, None, None)
		status = rules.status_on(day, first, last, lacks_notice=bool(missing))
		reason = rules.claim_reason(status, rule.dates.trigger, dates.event, missing, last)
		for account, amount in sorted(amounts.items()):
			released = ZERO
			if (row.voucher_no, account) in deferred:
				of_age, booked_account, left = deferred[row.voucher_no, account]
				released = min(amount, left)
				deferred[row.voucher_no, account] = of_age, booked_account, left - released
			if released:
				found.append(
					Loss(
						item=row.name,
						voucher=row.voucher_no,
						tax_account=account,
						amount=released,
						dates=dates,
						claimable_on=written_off_on,
						lapses_on=None,
						status=rules.status_on(day, written_off_on, None, lacks_notice=False),
						reason=None,
						relief_account=booked_account,
						releases=of_age,
					)
				)
			if amount > released:
				found.append(
					Loss(
						item=row.name,
						voucher=row.voucher_no,
						tax_account=account,
						amount=amount - released,
						dates=dates,
						claimable_on=first,
						lapses_on=last,
						status=status,
						reason=reason,
						relief_account=rule.relief_accounts[account],
					)
				)
	return found


def excluded(row: Any, dates: rules.ClaimDates, reason: Reason) -> Loss:
	"""Return the loss of an item without tax, for this reason."""
	return Loss(row.name, row.voucher_no, "", ZERO, dates, None, None, rules.EXCLUDED, reason)
