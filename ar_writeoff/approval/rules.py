"""How much one person, or one job, may write off.

Every limit that applies has to be kept, so the most restrictive one wins. Amounts equal to a limit are within
it. What is over a limit is held back, never cut down: a part of a balance is nobody's decision here.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from ar_writeoff.core import reasons
from ar_writeoff.core.money import ZERO
from ar_writeoff.core.reasons import Reason


@dataclass(frozen=True, slots=True)
class Limit:
	"""One row of limits. None: not limited in this respect.

	With a `currency` it is for balances in that currency and its amounts are in it; without one it is for
	every balance and its amounts are in company currency. `share` is a percentage of the voucher's original
	amount. `holder` says whose limit it is: a role, or a schedule. With `instead`, whoever has this role is bound
	by rows of this kind only.
	"""

	holder: str
	currency: str = ""
	per_item: Decimal | None = None
	per_customer_month: Decimal | None = None
	per_run: Decimal | None = None
	share: Decimal | None = None
	instead: bool = False

	@property
	def has_amounts(self) -> bool:
		"""Whether it can hold anything back."""
		return bool(self.currency) or {self.per_item, self.per_customer_month, self.per_run, self.share} != {
			None
		}

	def covers(self, claim: Claim) -> bool:
		return not self.currency or self.currency == claim.currency

	def measure(self, claim: Claim) -> Decimal:
		"""Amount of the claim in the currency of this limit."""
		return claim.amount if self.currency else claim.base_amount


@dataclass(frozen=True, slots=True)
class Claim:
	"""A balance somebody proposes to write off. Amounts are absolute: a debit and a credit do not cancel out.

	`original_amount` is what the voucher was made out for, in its own currency; None where it is unknown.
	"""

	name: str
	customer: str
	currency: str
	amount: Decimal
	base_amount: Decimal
	original_amount: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Authority:
	"""What binds one person: the rows for the roles held, and the caps of a schedule where one acts.

	`limit_required` says that somebody has to be given a limit at all: a balance that none of the `limits` covers is
	held back then. Caps only take away.
	"""

	limits: tuple[Limit, ...] = ()
	caps: tuple[Limit, ...] = ()
	limit_required: bool = False

	@property
	def unlimited(self) -> bool:
		return not (self.limits or self.caps or self.limit_required)

	@property
	def rows(self) -> tuple[Limit, ...]:
		return self.limits + self.caps

	@property
	def needs_original_amounts(self) -> bool:
		return any(limit.share is not None for limit in self.rows)

	@property
	def has_month_limit(self) -> bool:
		return any(limit.per_customer_month is not None for limit in self.rows)


@dataclass(frozen=True, slots=True)
class MonthTotals:
	"""What is written off already in the calendar month, by all runs: (customer, currency) -> amount.

	The currency is empty for amounts in company currency, over all currencies.
	"""

	amounts: Mapping[tuple[str, str], Decimal] = field(default_factory=dict)

	def of(self, customer: str, currency: str) -> Decimal:
		return self.amounts.get((customer, currency), ZERO)


def held_back(
	claims: Iterable[Claim], authority: Authority, month_totals: MonthTotals | None = None
) -> dict[str, Reason]:
	"""The claims that are more than this authority covers, with the reason; the others are within it.

	A customer over the limit for the month is held back with all balances, a run over its limit as a whole:
	which of them to write off is not for chance to decide.
	"""
	result: dict[str, Reason] = {}
	left = []
	for claim in claims:
		reason = _claim_reason(claim, authority)
		if reason:
			result[claim.name] = reason
		else:
			left.append(claim)

	earlier = month_totals or MonthTotals()
	for limit in authority.rows:
		left = _within_customer_limit(left, limit, earlier, result)
	for limit in authority.rows:
		left = _within_run_limit(left, limit, result)
	return result


def _claim_reason(claim: Claim, authority: Authority) -> Reason | None:
	"""Why this claim is too much by itself, or None."""
	if authority.limit_required and not any(limit.covers(claim) for limit in authority.limits):
		return Reason.of(reasons.NO_LIMIT, currency=claim.currency)
	for limit in authority.rows:
		if not limit.covers(claim):
			continue
		amount = limit.measure(claim)
		if limit.per_item is not None and amount > limit.per_item:
			return Reason.of(
				reasons.OVER_ITEM_LIMIT, amount=amount, maximum=limit.per_item, holder=limit.holder
			)
		if limit.share is not None:
			if claim.original_amount is None:
				return Reason.of(reasons.ORIGINAL_AMOUNT_UNKNOWN, holder=limit.holder)
			if claim.amount * 100 > claim.original_amount * limit.share:
				return Reason.of(
					reasons.OVER_SHARE_LIMIT,
					amount=claim.amount,
					original=claim.original_amount,
					maximum=format(limit.share.normalize(), "f"),
					holder=limit.holder,
				)
	return None


def _within_customer_limit(
	claims: list[Claim], limit: Limit, earlier: MonthTotals, result: dict[str, Reason]
) -> list[Claim]:
	"""The claims of customers whose month stays within the limit; the others go to `result`."""
	maximum = limit.per_customer_month
	if maximum is None:
		return claims
	totals: dict[str, Decimal] = defaultdict(lambda: ZERO)
	for claim in claims:
		if limit.covers(claim):
			totals[claim.customer] += limit.measure(claim)
	left = []
	for claim in claims:
		total = totals[claim.customer] + earlier.of(claim.customer, limit.currency)
		if limit.covers(claim) and total > maximum:
			result[claim.name] = Reason.of(
				reasons.OVER_CUSTOMER_LIMIT, total=total, maximum=maximum, holder=limit.holder
			)
		else:
			left.append(claim)
	return left


def _within_run_limit(claims: list[Claim], limit: Limit, result: dict[str, Reason]) -> list[Claim]:
	"""The claims if they are within the limit of a run; otherwise those it covers go to `result`."""
	total = sum((limit.measure(claim) for claim in claims if limit.covers(claim)), ZERO)
	if limit.per_run is None or total <= limit.per_run:
		return claims
	reason = Reason.of(reasons.OVER_RUN_LIMIT, total=total, maximum=limit.per_run, holder=limit.holder)
	result.update({claim.name: reason for claim in claims if limit.covers(claim)})
	return [claim for claim in claims if not limit.covers(claim)]


def authority_of_roles(
	rows: Iterable[Limit], roles: Iterable[str], submitting_roles: Iterable[str]
) -> Authority:
	"""The authority that a person's roles add up to. `rows`: the table, `holder` being the role.

	No row at all: nobody is limited beyond what roles and permissions allow. As soon as there is one, a
	limit has to be limit_required: who has no row for any role may write off nothing.

	All rows of all the person's roles bind, the most restrictive one wins. In Frappe people hold several roles, so
	there are two ways to stand above: a row that counts `instead` of others, and the permission to submit:
	rows of roles that may only prepare do not bind somebody who may submit by another role, or no Accounts
	Manager who is an Accounts User as well could approve what an Accounts User may not.
	"""
	table = list(rows)
	if not table:
		return Authority()
	own = set(roles)
	binding = [row for row in table if row.holder in own]
	submitting = own & set(submitting_roles)
	if any(row.instead for row in binding):
		binding = [row for row in binding if row.instead]
	elif submitting:
		binding = [row for row in binding if row.holder in submitting]
	return Authority(limits=tuple(binding), limit_required=True)
