"""The tax in a loss: the rule of a company, applied to its invoices."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
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
from ar_writeoff.tax_relief.filed import filed_return
from ar_writeoff.tax_relief.invoices import invoice_taxes
from ar_writeoff.tax_relief.ledger import RULE

NO_BOOKING = rules.Booking()

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
	"""A rule as a company uses it. `relief_accounts`, `interim_accounts`: by tax account. `booking`: of the write-off's entry."""

	name: str
	method: str
	dates: rules.ClaimRule
	needs_notice: bool
	needs_evidence: bool
	fraction: Fraction | None
	relief_accounts: dict[str, str]
	interim_accounts: dict[str, str]
	booking: rules.Booking = NO_BOOKING

	@property
	def only_releases(self) -> bool:
		"""Whether losses only release what was claimed by age, because no rule applies to them."""
		return self.booking.method == rules.AGE_ONLY


@dataclass(frozen=True, slots=True)
class Loss:
	"""The tax on one account in one written-off item. Without an account, `reason` says why there is none to claim. `releases`:
	the claim by age that had this tax before, whose rule is `rule`. `booked_account`: the account that takes the tax in the entry of
	the write-off; empty if it is written off with the balance.
	"""

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
	rule: str = ""
	booked_account: str = ""


# The rule of a company


def tax_rule(name: str, company: str, booking: rules.Booking = NO_BOOKING) -> TaxRule:
	"""Return a rule with the accounts of the company. `booking`: that of the approved run."""
	row = frappe.db.get_value(RULE, name, RULE_FIELDS, as_dict=True)
	accounts = rule_accounts(name, company)
	relief_accounts = {tax: relief for tax, relief, _interim in accounts}
	if booking.method == rules.NET_AT_ONCE:
		relief_accounts = dict(booking.accounts)
	return TaxRule(
		name=row.name,
		method=row.method,
		dates=claim_rule(row, ledger.return_months(company)),
		needs_notice=bool(row.needs_notice),
		needs_evidence=bool(row.needs_evidence),
		fraction=rules.parse_fraction(row.statutory_fraction or ""),
		relief_accounts=relief_accounts,
		interim_accounts={tax: interim for tax, _relief, interim in accounts if interim},
		booking=booking,
	)


def rule_accounts(name: str, company: str) -> list[tuple[str, str, str | None]]:
	"""Return tax account, relief account and interim account of each row of a rule that is of this company."""
	account, mapped = frappe.qb.DocType("Account"), frappe.qb.DocType("Write-Off Tax Rule Account")
	return (
		frappe.qb.from_(mapped)
		.inner_join(account)
		.on(account.name == mapped.tax_account)
		.select(mapped.tax_account, mapped.relief_account, mapped.interim_account)
		.where((mapped.parent == name) & (mapped.parenttype == RULE) & (account.company == company))
		.orderby(mapped.idx)
		.run()
	)


def booking_of_rule(name: str, company: str) -> rules.Booking:
	"""Return how the entries of write-offs take their tax by this rule."""
	method = frappe.db.get_value(RULE, name, "method")
	if method not in (rules.NET_AT_ONCE, rules.INTERIM_ACCOUNT):
		return NO_BOOKING
	place = 1 if method == rules.NET_AT_ONCE else 2
	rows = sorted((row[0], row[place] or "") for row in rule_accounts(name, company))
	return rules.Booking(method, tuple((tax, account) for tax, account in rows if account))


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


# The tax in a loss


def losses(rule: TaxRule, company: str, rows: Sequence[Any], written_off_on: date, day: date) -> list[Loss]:
	"""Return the tax in these items, rows of Write-Off Run Item that are about to be written off, or were just now.

	`day`: for the status of the claims that the entry of the write-off does not make.
	"""
	of_invoices: list[Any] = []
	found: list[Loss] = []
	for row in rows:
		if row.write_off_amount <= 0:
			continue
		if row.voucher_type == "Sales Invoice":
			of_invoices.append(row)
		# Receivables taken over from another system. Refunds, Dunnings and Fees have no tax of a sale.
		if row.voucher_type != "Journal Entry" or rule.only_releases:
			continue
		supply = getdate(row.posting_date)
		dates = rules.ClaimDates(supply, getdate(row.due_date or supply), written_off_on)
		found.append(excluded(row, dates, Reason.of(reasons.TAX_NO_INVOICE)))
	names = {row.voucher_no for row in of_invoices}
	decimals = precision(company_currency(company))
	deferred = ledger.deferred_taxes(names, decimals)
	accounts = set() if rule.only_releases else set(rule.relief_accounts)
	taxes = invoice_taxes(company, names, accounts | {account for _invoice, account in deferred})
	written_off = ledger.other_losses(names, {row.name for row in of_invoices})
	claimed = ledger.claimed_taxes(names, rules.COUNTED, decimals)
	booking = rule.booking
	if booking.method == rules.NET_AT_ONCE and filed_return(company, written_off_on):
		# Claimed by a later tax run.
		booking = NO_BOOKING
	for row in of_invoices:
		tax = taxes[row.voucher_no]
		dates = rules.ClaimDates(tax.supply, tax.due, written_off_on)
		of_age = {account: one for (invoice, account), one in deferred.items() if invoice == row.voucher_no}
		if tax.reason and not of_age:
			if not rule.only_releases:
				found.append(excluded(row, dates, tax.reason))
			continue
		claimable = set() if tax.reason else accounts
		own = {name: amount for name, amount in tax.taxes.items() if name in claimable or name in of_age}
		if not own or tax.gross_own <= 0:
			continue
		loss = money(row.write_off_amount, 9) + written_off.get(row.voucher_no, ZERO)
		amounts = rules.tax_of_loss(
			own,
			tax.gross,
			Fraction(loss) / Fraction(tax.gross_own),
			claimed.get(row.voucher_no, {}),
			decimals,
			rule.fraction,
			{**rule.relief_accounts, **{account: one.relief_account for account, one in of_age.items()}},
		)
		first, last = rules.claimable_on(rule.dates, dates), rules.lapses_on(rule.dates, dates)
		missing = rules.missing_conditions(rule, None, None)
		status = rules.status_on(day, first, last, lacks_notice=bool(missing))
		reason = rules.claim_reason(status, rule.dates.trigger, dates.event, missing, last)
		then = rules.status_on(written_off_on, first, last, lacks_notice=bool(missing))
		for account, amount in sorted(amounts.items()):
			released = ZERO
			if account in of_age:
				one = of_age[account]
				released = min(amount, one.amount)
				deferred[row.voucher_no, account] = replace(one, amount=one.amount - released)
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
						relief_account=one.account,
						releases=one.claim,
						rule=one.tax_rule,
					)
				)
			if amount > released and account in claimable:
				booked = booking.account(account, then)
				is_claimed = bool(booked) and booking.method == rules.NET_AT_ONCE
				found.append(
					Loss(
						item=row.name,
						voucher=row.voucher_no,
						tax_account=account,
						amount=amount - released,
						dates=dates,
						claimable_on=first,
						lapses_on=last,
						status=rules.CLAIMED if is_claimed else status,
						reason=None if is_claimed else reason,
						relief_account=rule.relief_accounts[account],
						booked_account=booked,
					)
				)
	return found


def booked_taxes(
	rule_name: str, booking: rules.Booking, company: str, rows: Iterable[Any], posting_date: date
) -> dict[str, tuple[tuple[str, Decimal], ...]]:
	"""Return the tax that the entries of these write-offs take: (account, amount in company currency) by item."""
	invoices = [row for row in rows if row.voucher_type == "Sales Invoice"]
	found: dict[str, tuple[tuple[str, Decimal], ...]] = {}
	rule = tax_rule(rule_name, company, booking)
	for loss in losses(rule, company, invoices, posting_date, posting_date):
		if loss.booked_account:
			found[loss.item] = (*found.get(loss.item, ()), (loss.booked_account, loss.amount))
	return found


def excluded(row: Any, dates: rules.ClaimDates, reason: Reason) -> Loss:
	"""Return the loss of an item without tax, for this reason."""
	return Loss(row.name, row.voucher_no, "", ZERO, dates, None, None, rules.EXCLUDED, reason)
