"""Who is written off, who is left out, and why."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date
from decimal import ROUND_HALF_UP, Decimal

from ar_writeoff.core import criteria as rules
from ar_writeoff.core import reasons
from ar_writeoff.core.criteria import Criteria
from ar_writeoff.core.money import ZERO
from ar_writeoff.core.reasons import Reason


@dataclass(frozen=True, slots=True)
class Balance:
	"""The open balance of one voucher on one receivable account, as the Payment Ledger has it.

	Amounts are signed (customers who owe us: positive); `base_` is company currency, the others are in the
	currency of the receivable account.
	"""

	voucher_type: str
	voucher_no: str
	customer: str
	receivable_account: str
	currency: str
	posting_date: date
	due_date: date | None
	at_cutoff: Decimal
	base_at_cutoff: Decimal
	now: Decimal
	base_now: Decimal


@dataclass(frozen=True, slots=True)
class CustomerFacts:
	"""What there is to know about a customer before writing off a balance."""

	customer_name: str = ""
	opted_out: bool = False
	disabled: bool = False
	frozen: bool = False


@dataclass(frozen=True, slots=True)
class VoucherFacts:
	"""What there is to know about a voucher beyond its balance. `other_run`: a live run that holds it."""

	discounted: bool = False
	other_run: str | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
	"""A balance that matches. `reason` is None where it may be written off.

	`amount` and `base_amount` are what may be written off at most.
	"""

	balance: Balance
	amount: Decimal
	base_amount: Decimal
	age_days: int
	reason: Reason | None = None


NO_CUSTOMER_FACTS = CustomerFacts()
NO_VOUCHER_FACTS = VoucherFacts()


def judge(
	balance: Balance,
	criteria: Criteria,
	customer: CustomerFacts = NO_CUSTOMER_FACTS,
	voucher: VoucherFacts = NO_VOUCHER_FACTS,
) -> Verdict | None:
	"""None when the balance does not match the criteria; otherwise a verdict, with a reason if left out."""
	if balance.posting_date > criteria.cutoff_date:
		return None
	age_days = rules.age_in_days(criteria, balance.posting_date, balance.due_date)
	if not rules.old_enough(criteria, age_days):
		return None

	amount, base_amount = eligible_amounts(balance)
	if amount * criteria.sign < 0 or abs(base_amount) > criteria.max_invoice_amount:
		return None
	if not amount and (balance.now or base_amount * criteria.sign <= 0):
		# Not open at the cutoff, or turned since. Closed in account currency with something left in
		# company currency is another matter: listed, so that somebody revalues it.
		return None
	return Verdict(balance, amount, base_amount, age_days, exclusion(customer, voucher, amount, base_amount))


def eligible_amounts(balance: Balance) -> tuple[Decimal, Decimal]:
	"""What may be written off, in account currency and in company currency.

	The whole balance goes at its carrying value, so that both currencies clear to zero; a part of it goes at
	the carrying rate of the whole.
	"""
	amount = rules.eligible(balance.at_cutoff, balance.now)
	if amount == balance.now:
		return amount, balance.base_now
	return amount, carrying_value(amount, balance.now, balance.base_now)


def carrying_value(amount: Decimal, balance: Decimal, base_balance: Decimal) -> Decimal:
	"""Company-currency value of a part of a balance, rounded as the base balance is."""
	return (base_balance * amount / balance).quantize(base_balance, rounding=ROUND_HALF_UP)


def exclusion(
	customer: CustomerFacts, voucher: VoucherFacts, amount: Decimal, base_amount: Decimal
) -> Reason | None:
	"""The first reason why this balance must not be written off, or None."""
	if customer.opted_out:
		return Reason.of(reasons.CUSTOMER_OPTED_OUT)
	if customer.disabled:
		return Reason.of(reasons.CUSTOMER_DISABLED)
	if customer.frozen:
		return Reason.of(reasons.CUSTOMER_FROZEN)
	if voucher.discounted:
		return Reason.of(reasons.DISCOUNTED)
	if voucher.other_run:
		return Reason.of(reasons.IN_ANOTHER_RUN, run=voucher.other_run)
	if amount * base_amount <= 0:
		return Reason.of(reasons.BASE_RESIDUE)
	return None


def apply_customer_maximum(verdicts: Iterable[Verdict], criteria: Criteria) -> list[Verdict]:
	"""Leave out every balance of a customer whose balances found add up to more than the maximum.

	All of them and not just the last ones: which of a customer's invoices are written off is not for
	chance to decide.
	"""
	found = list(verdicts)
	maximum = criteria.max_customer_amount
	if not maximum:
		return found
	totals: dict[str, Decimal] = defaultdict(lambda: ZERO)
	for verdict in found:
		if verdict.reason is None:
			totals[verdict.balance.customer] += abs(verdict.base_amount)
	return [
		replace(
			verdict,
			reason=Reason.of(
				reasons.CUSTOMER_OVER_MAXIMUM, total=totals[verdict.balance.customer], maximum=maximum
			),
		)
		if verdict.reason is None and totals[verdict.balance.customer] > maximum
		else verdict
		for verdict in found
	]
