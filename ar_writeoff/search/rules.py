"""Eligibility: which balances are written off, which are excluded, and why."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from operator import attrgetter
from typing import Protocol

from ar_writeoff.core import criteria as rules
from ar_writeoff.core import reasons
from ar_writeoff.core.criteria import Criteria
from ar_writeoff.core.money import ZERO, money
from ar_writeoff.core.reasons import Reason
from ar_writeoff.core.set_off import SetOff


class HasAmounts(Protocol):
	"""Amounts of a balance at the cutoff and now."""

	@property
	def at_cutoff(self) -> Decimal: ...
	@property
	def now(self) -> Decimal: ...
	@property
	def base_now(self) -> Decimal: ...


@dataclass(frozen=True, slots=True)
class Origin:
	"""Data on a voucher besides its balance, as far as the criteria need it.

	`currency`: of the voucher, empty if it is that of the account; `rate`: amount in account currency for one unit of
	it; `decimals`: of its amounts. `original`: absolute amount of the voucher in account currency, None if unknown.
	`settled`: whether a payment or credit note was allocated to it, or it to an invoice. `kinds`: see
	`criteria.VOUCHER_KINDS`.
	"""

	currency: str = ""
	rate: Decimal = Decimal(1)
	decimals: int = 2
	original: Decimal | None = None
	settled: bool = False
	kinds: tuple[str, ...] = ()

	def in_currency(self, amount: Decimal) -> Decimal:
		"""An amount in account currency in the currency of the voucher."""
		return money(amount / self.rate, self.decimals) if self.currency else amount


NO_ORIGIN = Origin()


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
	origin: Origin = NO_ORIGIN

	@property
	def voucher_currency(self) -> str:
		"""The currency that the voucher is made out in."""
		return self.origin.currency or self.currency

	def __reduce__(self) -> tuple[type, tuple[object, ...]]:
		# A search pickles 100,000; what dataclasses do for slots takes twice as long.
		return Balance, BALANCE_VALUES(self)


BALANCE_VALUES = attrgetter(*(field.name for field in fields(Balance)))


# Charges to a customer that earlier releases of ERPNext, or other apps, post to receivable accounts.
CHARGE_TYPES = (rules.DUNNING, rules.FEES)

# Voucher types whose balances can be written off.
VOUCHER_TYPES = ("Sales Invoice", "Payment Entry", "Journal Entry", *CHARGE_TYPES)

# Voucher types that a credit can be allocated to.
INVOICE_TYPES = ("Sales Invoice", "Journal Entry", *CHARGE_TYPES)

# Voucher types whose negative balance is no credit of the customer.
NO_CREDITS_OF_CUSTOMER = ("Exchange Rate Revaluation", "Invoice Discounting")


@dataclass(frozen=True, slots=True)
class CustomerFacts:
	"""Facts about a customer that can exclude its balances.

	`frozen`: frozen for the user who searches or posts. `internal`: a company of the group, `represents` its name.
	"""

	customer_name: str = ""
	opted_out: bool = False
	disabled: bool = False
	frozen: bool = False
	internal: bool = False
	represents: str = ""


@dataclass(frozen=True, slots=True)
class AccountTotal:
	"""Total of a customer's open credits or open invoices on one receivable account, 0 or more."""

	account: str
	currency: str
	amount: Decimal
	base_amount: Decimal


@dataclass(frozen=True, slots=True)
class WrittenOff:
	"""A debit balance of a customer that is written off: what is not reinstated, in account currency."""

	amount: Decimal
	currency: str
	voucher_no: str
	run: str


# States of a voucher that the Payment Ledger does not show as it is.
IS_DRAFT = "draft"
WITHOUT_ROWS = "without rows"
IS_CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Unrecorded:
	"""A voucher of a customer that may settle its balances: a draft or one without rows in the Payment Ledger; or one that is
	cancelled, with rows that count as a credit. Amounts are 0 or more."""

	state: str
	voucher_type: str
	voucher_no: str
	account: str
	currency: str
	posting_date: date
	amount: Decimal
	base_amount: Decimal

	@property
	def reason(self) -> Reason:
		"""Why the balances of the customer are excluded."""
		amount = f"{self.amount} {self.currency}"
		if self.state == IS_DRAFT:
			reason = Reason.of(
				reasons.DRAFT_OF_CUSTOMER, doctype=self.voucher_type, draft=self.voucher_no, amount=amount
			)
		elif self.state == WITHOUT_ROWS:
			reason = Reason.of(
				reasons.NOT_IN_LEDGER, doctype=self.voucher_type, voucher=self.voucher_no, amount=amount
			)
		else:
			reason = Reason.of(
				reasons.CANCELLED_IN_LEDGER,
				doctype=self.voucher_type,
				voucher=self.voucher_no,
				balance=amount,
			)
		return reason.with_link(self.voucher_type, self.voucher_no)


@dataclass(frozen=True, slots=True)
class VoucherFacts:
	"""Facts about a voucher beyond its balance.

	`blocker`: why it can never be written off. `other_run`: a live run that contains it. `discounting`: its Invoice
	Discounting, if known. `internal`: an inter-company voucher. `hold`: why it or its customer is on hold. `pending`: a
	document that comes before the write-off. `entry_problem`: why its entry would be rejected: an account or a
	dimension is missing.
	"""

	discounted: bool = False
	other_run: str | None = None
	blocker: Reason | None = None
	discounting: str | None = None
	internal: bool = False
	hold: Reason | None = None
	pending: Reason | None = None
	entry_problem: Reason | None = None

	def with_problems(
		self, blocker: Reason | None, pending: Reason | None, entry_problem: Reason | None
	) -> VoucherFacts:
		if not (blocker or pending or entry_problem):
			return self
		return replace(self, blocker=self.blocker or blocker, pending=pending, entry_problem=entry_problem)


@dataclass(frozen=True, slots=True)
class PartyFacts:
	"""Facts about a customer on one receivable account.

	`credits` are the unallocated credits and `debits` the open invoices, on all receivable accounts of the company;
	`reconciliation` is an active Process Payment Reconciliation of the account; `written_off` the debts that runs have
	written off, the largest first; `unrecorded` the vouchers that may settle balances of the type searched for.
	"""

	credits: tuple[AccountTotal, ...] = ()
	debits: tuple[AccountTotal, ...] = ()
	reconciliation: str | None = None
	written_off: tuple[WrittenOff, ...] = ()
	unrecorded: tuple[Unrecorded, ...] = ()

	@property
	def base_credit(self) -> Decimal:
		"""The unallocated credits in company currency."""
		return sum((total.base_amount for total in self.credits), ZERO)

	@property
	def base_unrecorded(self) -> Decimal:
		"""What `unrecorded` adds to the credits, in company currency. Those that are cancelled are among the credits."""
		return sum((one.base_amount for one in self.unrecorded if one.state != IS_CANCELLED), ZERO)


@dataclass(frozen=True, slots=True)
class Verdict:
	"""A matching balance. `reason` is None if it can be written off.

	`amount` and `base_amount` are the maximum to write off. `set_off` is the amount of credits that settle the balance
	before; `set_offs` are those to post with it, which may settle other balances of the customer as well.
	"""

	balance: Balance
	amount: Decimal
	base_amount: Decimal
	age_days: int
	reason: Reason | None = None
	set_off: Decimal = ZERO
	set_offs: tuple[SetOff, ...] = ()

	def base_of(self, part: Decimal) -> Decimal:
		"""Company-currency value of a part of the amount."""
		return base_of_part(part, self.amount, self.base_amount)

	def __reduce__(self) -> tuple[type, tuple[object, ...]]:
		return Verdict, VERDICT_VALUES(self)


VERDICT_VALUES = attrgetter(*(field.name for field in fields(Verdict)))

NO_CUSTOMER_FACTS = CustomerFacts()
NO_VOUCHER_FACTS = VoucherFacts()
NO_PARTY_FACTS = PartyFacts()
NO_CREDITS: Mapping[str, Decimal] = {}
ANY_AMOUNT = Decimal("1e15")
FOREVER = date(9999, 12, 31)


def judge(
	balance: Balance,
	criteria: Criteria,
	customer: CustomerFacts = NO_CUSTOMER_FACTS,
	voucher: VoucherFacts = NO_VOUCHER_FACTS,
	party: PartyFacts = NO_PARTY_FACTS,
) -> Verdict | None:
	"""None if the balance does not match the criteria; otherwise a verdict, with a reason if it is excluded."""
	verdict = match(balance, criteria)
	if not verdict:
		return None
	reason = exclusion_reason(verdict, criteria, customer, voucher, party)
	return replace(verdict, reason=reason) if reason else verdict


def match(balance: Balance, criteria: Criteria) -> Verdict | None:
	"""A verdict without a reason if the balance matches the criteria, else None."""
	if not dates_match(balance, criteria) or not amounts_match(balance, criteria):
		return None
	age_days = rules.age_in_days(criteria, balance.posting_date, balance.due_date)
	amount, base_amount = eligible_amounts(balance)
	if not origin_matches(balance, abs(amount), abs(base_amount), criteria):
		return None
	return Verdict(balance, amount, base_amount, age_days)


def dates_match(balance: Balance, criteria: Criteria) -> bool:
	"""Whether the balance is of the cutoff date or before, and old enough."""
	age_days = rules.age_in_days(criteria, balance.posting_date, balance.due_date)
	return balance.posting_date <= criteria.cutoff_date and rules.is_old_enough(criteria, age_days)


def amounts_match(balance: HasAmounts, criteria: Criteria) -> bool:
	"""Whether balance type and amount match the criteria. Cheap, so it is checked first.

	With thresholds the range depends on the currency of the voucher, see `origin_matches`.
	"""
	amount, base_amount = eligible_amounts(balance)
	if amount * criteria.sign < 0 or not (criteria.thresholds or criteria.is_in_range(abs(base_amount))):
		return False
	# No match if the balance was not open at the cutoff or has changed sign. A balance that is zero in account
	# currency but not in company currency is listed, so that it gets revalued.
	return bool(amount) or base_amount * criteria.sign > 0


def origin_matches(balance: Balance, amount: Decimal, base_amount: Decimal, criteria: Criteria) -> bool:
	"""Whether the voucher matches the criteria that need more of it than its balance. Amounts are absolute."""
	origin = balance.origin
	if criteria.voucher_kind and criteria.voucher_kind not in origin.kinds:
		return False
	if criteria.only_remainders and not origin.settled:
		return False
	share = criteria.max_original_share
	if share is not None and (origin.original is None or amount * 100 > origin.original * share):
		return False
	threshold = criteria.threshold(balance.voucher_currency)
	if not threshold:
		return criteria.is_in_range(base_amount)
	return threshold.min_amount <= origin.in_currency(amount) <= threshold.max_amount


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

	What a user has decided comes first, then permanent reasons, those a user can fix, and temporary ones.
	"""
	balance = verdict.balance
	if customer.opted_out:
		return Reason.of(reasons.CUSTOMER_OPTED_OUT).with_link("Customer", balance.customer)
	if voucher.hold:
		return voucher.hold
	if customer.disabled and not criteria.include_disabled_customers:
		return Reason.of(reasons.CUSTOMER_DISABLED).with_link("Customer", balance.customer)
	if customer.frozen:
		return Reason.of(reasons.CUSTOMER_FROZEN).with_link("Customer", balance.customer)
	if (customer.internal or voucher.internal) and not criteria.include_internal_customers:
		return internal_reason(balance, customer)
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
	return (
		voucher.pending
		or late_money(criteria, party)
		or settling_vouchers(criteria, party)
		or voucher.entry_problem
	)


def internal_reason(balance: Balance, customer: CustomerFacts) -> Reason:
	"""Why a balance between companies of a group is excluded."""
	if not customer.internal:
		return Reason.of(reasons.INTERNAL_VOUCHER).with_link(balance.voucher_type, balance.voucher_no)
	represents = customer.represents or balance.customer
	return Reason.of(reasons.INTERNAL_CUSTOMER, represents=represents).with_link("Customer", balance.customer)


def settling_vouchers(criteria: Criteria, party: PartyFacts) -> Reason | None:
	"""Why open credits, invoices and other vouchers of the customer come first, or None.

	Credits up to the threshold count on neither side, and drafts are added to the credits.
	"""
	if not criteria.excludes_for_credits:
		return None
	if criteria.balance_type == rules.DEBIT:
		settling = party.base_credit + party.base_unrecorded
		# A credit that is zero in company currency settles nothing.
		is_known = bool(settling) or not party.unrecorded
	else:
		settling = party.base_credit
		is_known = bool(settling)
	if is_known and settling <= criteria.credit_threshold:
		return None
	# Only what the ledger has as it is can be allocated with Payment Reconciliation.
	damaged = next((one for one in party.unrecorded if one.state != IS_DRAFT), None)
	if damaged:
		return damaged.reason
	if criteria.balance_type == rules.DEBIT and party.credits:
		reason = Reason.of(reasons.CREDIT_AVAILABLE, credits=totals_fact(party.credits))
	elif criteria.balance_type == rules.CREDIT and party.debits:
		reason = Reason.of(reasons.INVOICES_OPEN, debits=totals_fact(party.debits))
	else:
		return party.unrecorded[0].reason if party.unrecorded else None
	return reason.with_link("Payment Reconciliation", "Payment Reconciliation")


# Balances named in a reason; the others are counted.
MAX_NAMED = 3


def late_money(criteria: Criteria, party: PartyFacts) -> Reason | None:
	"""Why a credit is excluded if debts of its customer are written off: it may be a payment of one of them. None if
	there are none."""
	if criteria.balance_type != rules.CREDIT or not party.written_off:
		return None
	lines = [
		f"{debt.amount} {debt.currency} {debt.run} {debt.voucher_no}"
		for debt in party.written_off[:MAX_NAMED]
	]
	if len(party.written_off) > MAX_NAMED:
		lines.append(str(len(party.written_off) - MAX_NAMED))
	return Reason.of(reasons.WRITTEN_OFF_DEBTS, written_off="\n".join(lines)).with_link(
		"Write-Off Run", party.written_off[0].run
	)


def any_amount(criteria: Criteria) -> Criteria:
	"""The criteria without those on amounts and credits: debit balances that credits may be set off against."""
	return replace(
		criteria,
		balance_type=rules.DEBIT,
		min_invoice_amount=ZERO,
		max_invoice_amount=ANY_AMOUNT,
		max_customer_amount=None,
		max_original_share=None,
		only_remainders=False,
		thresholds=(),
		customer_credits=rules.IGNORE,
	)


def any_credit(criteria: Criteria) -> Criteria:
	"""The criteria for credits to set off, whatever those on debit balances."""
	return replace(
		any_amount(criteria),
		balance_type=rules.CREDIT,
		minimum_age_days=0,
		voucher_kind=None,
		cutoff_date=FOREVER,
	)


def totals_fact(totals: Iterable[AccountTotal]) -> str:
	"""The totals as a fact of a reason: one line for each account."""
	return "\n".join(f"{total.amount} {total.currency} {total.account}" for total in totals)


def voucher_type_blocker(voucher_type: str, voucher_no: str, amount: Decimal) -> Reason | None:
	"""Why a balance of this voucher type can never be written off, or None."""
	reason = None
	if voucher_type == "Exchange Rate Revaluation":
		reason = Reason.of(reasons.REVALUATION)
	elif voucher_type == "Sales Order":
		reason = Reason.of(reasons.ON_ORDER, order=voucher_no)
	elif voucher_type == "Payment Entry" and amount > 0:
		reason = Reason.of(reasons.REFUND)
	elif voucher_type not in VOUCHER_TYPES or (voucher_type in CHARGE_TYPES and amount < 0):
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
