"""Eligibility: which balances are written off, which are excluded, and why."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import Protocol

from ar_writeoff.core import criteria as rules
from ar_writeoff.core import reasons
from ar_writeoff.core.criteria import Criteria
from ar_writeoff.core.money import ZERO
from ar_writeoff.core.reasons import Reason


class HasAmounts(Protocol):
	"""Amounts of a balance at the cutoff and now."""

	@property
	def at_cutoff(self) -> Decimal: ...
	@property
	def now(self) -> Decimal: ...
	@property
	def base_now(self) -> Decimal: ...


@dataclass(frozen=True, slots=True)
class Balance:
	"""The open balance of one voucher on one receivable account, from the Payment Ledger.

	Amounts are positive where the customer owes us. `base_` amounts are in company currency, the others in account
	currency.
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


# Voucher types whose balances can be written off.
VOUCHER_TYPES = ("Sales Invoice", "Payment Entry", "Journal Entry")

# Voucher types that a credit can be allocated to.
INVOICE_TYPES = ("Sales Invoice", "Journal Entry")


@dataclass(frozen=True, slots=True)
class CustomerFacts:
	"""Facts about a customer that can exclude its balances."""

	customer_name: str = ""
	opted_out: bool = False
	disabled: bool = False
	frozen: bool = False


@dataclass(frozen=True, slots=True)
class VoucherFacts:
	"""Facts about a voucher beyond its balance.

	`blocker`: why it can never be written off. `other_run`: a live run that contains it. `discounting`: its Invoice
	Discounting, if known. `entry_problem`: why its entry would be refused, for want of an account or a dimension.
	"""

	discounted: bool = False
	other_run: str | None = None
	blocker: Reason | None = None
	discounting: str | None = None
	entry_problem: Reason | None = None

	def with_entry_problem(self, reason: Reason | None) -> VoucherFacts:
		return replace(self, entry_problem=reason) if reason else self


@dataclass(frozen=True, slots=True)
class PartyFacts:
	"""Facts about a customer on one receivable account.

	`credit` and `base_credit` are the unallocated credits, `debit` the open invoices, 0 or more; `reconciliation` is an
	active Process Payment Reconciliation.
	"""

	credit: Decimal = ZERO
	base_credit: Decimal = ZERO
	reconciliation: str | None = None
	debit: Decimal = ZERO


@dataclass(frozen=True, slots=True)
class Verdict:
	"""A matching balance. `reason` is None if it can be written off.

	`amount` and `base_amount` are the maximum to write off.
	"""

	balance: Balance
	amount: Decimal
	base_amount: Decimal
	age_days: int
	reason: Reason | None = None

	def base_of(self, part: Decimal) -> Decimal:
		"""Company-currency value of a part of the amount."""
		return base_of_part(part, self.amount, self.base_amount)


NO_CUSTOMER_FACTS = CustomerFacts()
NO_VOUCHER_FACTS = VoucherFacts()
NO_PARTY_FACTS = PartyFacts()
NO_CREDITS: Mapping[str, Decimal] = {}


def judge(
	balance: Balance,
	criteria: Criteria,
	customer: CustomerFacts = NO_CUSTOMER_FACTS,
	voucher: VoucherFacts = NO_VOUCHER_FACTS,
	party: PartyFacts = NO_PARTY_FACTS,
) -> Verdict | None:
	"""None if the balance does not match the criteria; otherwise a verdict, with a reason if it is excluded."""
	if balance.posting_date > criteria.cutoff_date:
		return None
	age_days = rules.age_in_days(criteria, balance.posting_date, balance.due_date)
	if not rules.is_old_enough(criteria, age_days) or not amounts_match(balance, criteria):
		return None
	amount, base_amount = eligible_amounts(balance)
	verdict = Verdict(balance, amount, base_amount, age_days)
	reason = exclusion_reason(verdict, criteria, customer, voucher, party)
	return replace(verdict, reason=reason) if reason else verdict


def amounts_match(balance: HasAmounts, criteria: Criteria) -> bool:
	"""Whether balance type and amount match the criteria. Cheap, so it is checked first."""
	amount, base_amount = eligible_amounts(balance)
	if amount * criteria.sign < 0 or abs(base_amount) > criteria.max_invoice_amount:
		return False
	# No match if the balance was not open at the cutoff or has changed sign. A balance that is zero in account
	# currency but not in company currency is listed, so that it gets revalued.
	return bool(amount) or base_amount * criteria.sign > 0


def eligible_amounts(balance: HasAmounts) -> tuple[Decimal, Decimal]:
	"""Amounts that can be written off, in account currency and company currency.

	The whole balance is cleared at its carrying value, so both currencies come to zero; a part at the carrying rate of
	the whole.
	"""
	amount = rules.eligible_amount(balance.at_cutoff, balance.now)
	if amount == balance.now:
		return amount, balance.base_now
	return amount, carrying_value(amount, balance.now, balance.base_now)


def base_of_part(part: Decimal, amount: Decimal, base_amount: Decimal) -> Decimal:
	"""Company-currency value of a part of an amount; the whole has the whole value, so that nothing is left over."""
	return base_amount if part == amount else carrying_value(part, amount, base_amount)


def carrying_value(amount: Decimal, balance: Decimal, base_balance: Decimal) -> Decimal:
	"""Company-currency value of a part of a balance, rounded like the base balance."""
	return (base_balance * amount / balance).quantize(base_balance, rounding=ROUND_HALF_UP)


def exclusion_reason(
	verdict: Verdict,
	criteria: Criteria,
	customer: CustomerFacts,
	voucher: VoucherFacts,
	party: PartyFacts,
) -> Reason | None:
	"""The first reason why this balance must not be written off, or None.

	Permanent reasons come first, then those a user can fix, then temporary ones.
	"""
	balance = verdict.balance
	if customer.opted_out:
		return Reason.of(reasons.CUSTOMER_OPTED_OUT).with_link("Customer", balance.customer)
	if customer.disabled:
		return Reason.of(reasons.CUSTOMER_DISABLED).with_link("Customer", balance.customer)
	if customer.frozen:
		return Reason.of(reasons.CUSTOMER_FROZEN).with_link("Customer", balance.customer)
	blocker = voucher.blocker or voucher_type_blocker(balance.voucher_type, balance.voucher_no, balance.now)
	if blocker:
		return blocker
	if voucher.discounted:
		reason = Reason.of(reasons.DISCOUNTED)
		return reason.with_link("Invoice Discounting", voucher.discounting) if voucher.discounting else reason
	if voucher.other_run:
		return Reason.of(reasons.IN_ANOTHER_RUN, run=voucher.other_run).with_link(
			"Write-Off Run", voucher.other_run
		)
	if party.reconciliation:
		return Reason.of(reasons.RECONCILIATION_RUNNING, reconciliation=party.reconciliation).with_link(
			"Process Payment Reconciliation", party.reconciliation
		)
	if verdict.amount and not verdict.base_amount:
		return Reason.of(reasons.WORTH_NOTHING, amount=verdict.amount, currency=balance.currency)
	if verdict.amount * verdict.base_amount <= 0:
		return Reason.of(reasons.BASE_RESIDUE)
	if criteria.customer_credits == rules.LEAVE_OUT:
		settles = None
		if criteria.balance_type == rules.DEBIT and party.credit:
			settles = Reason.of(reasons.CREDIT_AVAILABLE, credit=party.credit, currency=balance.currency)
		elif criteria.balance_type == rules.CREDIT and party.debit:
			settles = Reason.of(reasons.INVOICES_OPEN, debit=party.debit, currency=balance.currency)
		if settles:
			return settles.with_link("Payment Reconciliation", "Payment Reconciliation")
	return voucher.entry_problem


def voucher_type_blocker(voucher_type: str, voucher_no: str, amount: Decimal) -> Reason | None:
	"""Why a balance of this voucher type can never be written off, or None."""
	reason = None
	if voucher_type == "Exchange Rate Revaluation":
		reason = Reason.of(reasons.REVALUATION)
	elif voucher_type == "Sales Order":
		reason = Reason.of(reasons.ON_ORDER, order=voucher_no)
	elif voucher_type == "Payment Entry" and amount > 0:
		reason = Reason.of(reasons.REFUND)
	elif voucher_type not in VOUCHER_TYPES:
		reason = Reason.of(reasons.UNKNOWN_VOUCHER, doctype=voucher_type)
	return reason.with_link(voucher_type, voucher_no) if reason else None


def apply_customer_maximum(
	verdicts: Iterable[Verdict], criteria: Criteria, base_credits: Mapping[str, Decimal] = NO_CREDITS
) -> list[Verdict]:
	"""Exclude all balances of a customer whose total exceeds the maximum.

	All of them, so that it is not left to chance which invoices are written off. `base_credits`, the customers'
	unallocated credits in company currency, reduce the total if the criteria deduct them.
	"""
	found = list(verdicts)
	maximum = criteria.max_customer_amount
	if not maximum:
		return found
	totals: dict[str, Decimal] = defaultdict(lambda: ZERO)
	for verdict in found:
		if verdict.reason is None:
			totals[verdict.balance.customer] += abs(verdict.base_amount)
	if criteria.balance_type == rules.DEBIT and criteria.customer_credits == rules.DEDUCT:
		for customer in totals:
			totals[customer] -= base_credits.get(customer, ZERO)
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
