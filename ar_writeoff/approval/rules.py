"""Limits for the amounts that a user or a schedule may write off.

All applicable limits have to be kept. Amounts equal to a limit are within it. A balance over a limit is pending as a whole,
never reduced.
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
	"""One row of limits; None means no limit.

	With a `currency` it applies to balances in that currency, and of invoices made out in it, and its amounts are in it;
	otherwise it applies to all
	balances and its amounts are in company currency. `share`: percentage of the voucher's original amount. `holder`: a
	role or a schedule. `instead`: for users with this role only rows with this flag apply.
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
		"""Whether the row limits anything."""
		return bool(self.currency) or {self.per_item, self.per_customer_month, self.per_run, self.share} != {
			None
		}

	def covers(self, claim: Claim) -> bool:
		return self.currency in ("", claim.currency, claim.invoice_currency)

	def measure(self, claim: Claim) -> Decimal:
		"""Return the amount of the claim in the currency of this limit."""
		if not self.currency:
			return claim.base_amount
		return claim.amount if self.currency == claim.currency else claim.invoice_amount


@dataclass(frozen=True, slots=True)
class Claim:
	"""A balance proposed for write-off. Amounts are absolute: debits and credits do not offset each other.

	`original_amount`: of the voucher, in its currency; None if unknown. `invoice_currency` and `invoice_amount`: of an
	invoice in another currency than its account.
	"""

	name: str
	customer: str
	currency: str
	amount: Decimal
	base_amount: Decimal
	original_amount: Decimal | None = None
	invoice_currency: str = ""
	invoice_amount: Decimal = ZERO


@dataclass(frozen=True, slots=True)
class Authority:
	"""The limits of a user by their roles, and the caps of a schedule.

	`limit_required`: a balance that is not covered by any of the `limits` is pending. Caps only restrict further.
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
	def has_currency_limit(self) -> bool:
		return any(limit.currency for limit in self.rows)

	@property
	def has_month_limit(self) -> bool:
		return any(limit.per_customer_month is not None for limit in self.rows)


@dataclass(frozen=True, slots=True)
class MonthTotals:
	"""Write-offs in the calendar month over all runs: (customer, currency) -> amount.

	An empty currency has the total of all currencies in company currency.
	"""

	amounts: Mapping[tuple[str, str], Decimal] = field(default_factory=dict)

	def of(self, customer: str, currency: str) -> Decimal:
		return self.amounts.get((customer, currency), ZERO)


def over_limit(
	claims: Iterable[Claim], authority: Authority, month_totals: MonthTotals | None = None
) -> dict[str, Reason]:
	"""Return the claims that exceed this authority, with the reason.

	A customer over the monthly limit exceeds it with all balances, a run over its limit as a whole.
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
	"""Return why this claim alone exceeds the authority, or None."""
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
	"""Return the claims of customers within the monthly limit; add the others to `result`."""
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
	"""Return the claims within the limit per run; add the others to `result`."""
	total = sum((limit.measure(claim) for claim in claims if limit.covers(claim)), ZERO)
	if limit.per_run is None or total <= limit.per_run:
		return claims
	reason = Reason.of(reasons.OVER_RUN_LIMIT, total=total, maximum=limit.per_run, holder=limit.holder)
	result.update({claim.name: reason for claim in claims if limit.covers(claim)})
	return [claim for claim in claims if not limit.covers(claim)]


def authority_of_roles(
	rows: Iterable[Limit], roles: Iterable[str], submitting_roles: Iterable[str]
) -> Authority:
	"""Return the authority of a user with these roles. `rows`: the limits table, `holder` is the role.

	Without rows there is no limit beyond roles and permissions. With rows, a user whose roles have no row may write off
	nothing.

	All rows of the user's roles apply, with two exceptions, since users have several roles: rows with `instead` replace
	the others, and rows of roles that may only prepare do not apply to users who may submit. Otherwise an Accounts
	Manager who is also an Accounts User could not approve more than an Accounts User.
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
