"""The tax in a loss, and the days on which it may be claimed.

Amounts are in company currency and positive for an invoice.
"""

from __future__ import annotations

import calendar
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import ROUND_DOWN, Decimal
from fractions import Fraction
from typing import Any

from ar_writeoff.core import reasons
from ar_writeoff.core.money import ZERO, money
from ar_writeoff.core.reasons import Reason

# Methods, see `method` of Write-Off Tax Rule
RELIEF_LATER = "Relief Later"
AGE_ONLY = "Age Only"
NET_AT_ONCE = "Net at Once"
INTERIM_ACCOUNT = "Interim Account"

# Triggers
WRITTEN_OFF = "Written Off"
AGE = "Age"
EVENT = "Event"

# Start of the waiting time, and of the limit
LATER = "Later of Supply and Due"
SUPPLY = "Supply"
DUE = "Due"
WRITE_OFF = "Write-Off"

# Statuses of a claim
WAITING = "Waiting"
NEEDS_NOTICE = "Needs Notice"
CLAIMABLE = "Claimable"
CLAIMED = "Claimed"
FILED = "Filed"
PARTLY_REPAID = "Partly Repaid"
REPAID = "Repaid"
LAPSED = "Lapsed"
EXCLUDED = "Excluded"
WITHDRAWN = "Withdrawn"

# Not yet claimed; the scheduler moves a claim among them.
PENDING = (WAITING, NEEDS_NOTICE, CLAIMABLE, LAPSED)
# Included in a return.
POSTED = (CLAIMED, FILED, PARTLY_REPAID, REPAID)
# Part of the tax of the invoice that is not free for another claim.
COUNTED = (*PENDING, *POSTED)

RETURN_MONTHS = {"Month": 1, "Two Months": 2, "Quarter": 3, "Half-Year": 6, "Year": 12}

# Days before the last day of a claim on which users are warned.
WARNING_DAYS = (30, 7)

# A difference up to this is the rounding of the invoice: all of it is taxed.
FULLY_TAXED_WITHIN = Decimal("0.05")


@dataclass(frozen=True, slots=True)
class ClaimRule:
	"""When tax may be claimed. `limit_months`: None for no limit; `return_months`: length of a return period."""

	trigger: str = WRITTEN_OFF
	clock: str = WRITE_OFF
	wait_months: int = 0
	wait_days: int = 0
	limit_months: int | None = None
	limit_from: str = WRITE_OFF
	forced_period: bool = False
	return_months: int = 1


@dataclass(frozen=True, slots=True)
class Booking:
	"""How the entry of a write-off takes its tax. `accounts`: (tax account, account that takes it); none if the tax is
	written off with the balance. By `AGE_ONLY` nothing is claimed, and what was claimed by age is released."""

	method: str = RELIEF_LATER
	accounts: tuple[tuple[str, str], ...] = ()

	def account(self, tax_account: str, status: str) -> str:
		"""Return the account that takes the tax of a loss; empty if it is written off with the balance. `status`: of the claim
		on the day of the write-off."""
		statuses = {NET_AT_ONCE: (CLAIMABLE,), INTERIM_ACCOUNT: (WAITING, NEEDS_NOTICE, CLAIMABLE)}
		return dict(self.accounts).get(tax_account, "") if status in statuses.get(self.method, ()) else ""


@dataclass(frozen=True, slots=True)
class ClaimDates:
	"""The days of one written-off invoice. `event`: for example the opening of insolvency proceedings."""

	supply: date
	due: date
	written_off: date
	event: date | None = None

	def of(self, clock: str) -> date | None:
		"""Return the day that a clock starts; None if the event has not happened."""
		return {
			SUPPLY: self.supply,
			DUE: self.due,
			LATER: max(self.supply, self.due),
			WRITE_OFF: self.written_off,
			EVENT: self.event,
		}[clock]


def add_months(day: date, months: int) -> date:
	"""Return the same day of a later month, or its last day: 31 August + 6 months is the end of February."""
	years, month = divmod(day.month - 1 + months, 12)
	year = day.year + years
	return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


def period_of(day: date, months: int) -> tuple[date, date]:
	"""Return the first and last day of the return period with this day. Periods are counted from January."""
	first = date(day.year, (day.month - 1) // months * months + 1, 1)
	return first, add_months(first, months) - timedelta(days=1)


def claimable_on(rule: ClaimRule, dates: ClaimDates) -> date | None:
	"""Return the first day on which the tax may be claimed; None before the event.

	A period must have elapsed, so the first day is the one after it.
	"""
	start = dates.of(rule.clock)
	if start is None:
		return None
	day = start
	if rule.wait_months or rule.wait_days:
		day = add_months(start, rule.wait_months) + timedelta(days=rule.wait_days + 1)
	return max(day, dates.written_off) if rule.trigger == WRITTEN_OFF else day


def lapses_on(rule: ClaimRule, dates: ClaimDates) -> date | None:
	"""Return the last day on which the tax may be claimed; None for no limit, or before the event."""
	ends = []
	start = dates.of(rule.limit_from)
	if rule.limit_months is not None and start:
		ends.append(add_months(start, rule.limit_months))
	first = claimable_on(rule, dates)
	if rule.forced_period and first:
		ends.append(period_of(first, rule.return_months)[1])
	return min(ends, default=None)


def status_on(day: date, first: date | None, last: date | None, *, lacks_notice: bool) -> str:
	"""Return the status of a claim that is not posted. `lacks_notice`: a notice or evidence is missing."""
	if last and day > last:
		return LAPSED
	if first is None or day < first:
		return WAITING
	return NEEDS_NOTICE if lacks_notice else CLAIMABLE


def is_warning_due(last: date, warned_on: date | None, day: date) -> bool:
	"""Whether users are to be warned today of a claim with this last day. `warned_on`: the day of the last warning."""
	starts = [last - timedelta(days=days) for days in WARNING_DAYS]
	return day <= last and any(start <= day and (warned_on is None or warned_on < start) for start in starts)


def missing_conditions(rule: Any, notice_sent_on: Any, evidence: Any) -> list[str]:
	"""Return the labels of the conditions that the rule requires and the claim does not have."""
	found = []
	if rule.needs_notice and not notice_sent_on:
		found.append("Notice Sent On")
	if rule.needs_evidence and not evidence:
		found.append("Evidence")
	return found


def claim_reason(
	status: str, trigger: str, event: Any, missing: Iterable[str], last: date | None
) -> Reason | None:
	"""Return the message of a claim that is not posted."""
	if status == LAPSED:
		return Reason.of(reasons.TAX_LAPSED, on=last)
	if status == WAITING and trigger == EVENT and not event:
		return Reason.of(reasons.TAX_EVENT_MISSING)
	if status == NEEDS_NOTICE:
		return Reason.of(reasons.TAX_CONDITIONS_MISSING, fields="\n".join(missing))
	return None


def open_amount(left: Decimal, left_then: Decimal, claimed: Decimal) -> Decimal:
	"""Return what a tax run has to post of a claim: above 0 to claim, below 0 to repay.

	`left`: the tax of what is written off now; `left_then`: at the end of the return period. Recoveries after it are
	repaid in their own period. `claimed`: and not repaid.
	"""
	if left >= claimed:
		return left - claimed
	return -min(claimed - left, max(ZERO, claimed - left_then))


def tax_to_return(left: Decimal, tax: Decimal, share: Fraction, decimals: int) -> Decimal:
	"""Return the tax in a recovery, after which this share of a loss with `tax` is still written off. `left`: what is left of
	the tax before."""
	return max(ZERO, left - tax_left(tax, share, decimals))


def interim_amounts(
	left: Decimal, booked: Decimal, claimed: Decimal, lapsed: Decimal, *, is_lapsed: bool
) -> tuple[Decimal, Decimal]:
	"""Return what a tax run has to post of a claim whose tax is on an interim account: (on the relief account, on the
	interim account), above 0 for a debit. One of them is 0: what cannot be claimed is moved after the claim or repayment.

	`left`: what may be claimed of what is written off now. `booked`: what the entries of the write-off have on the interim account.
	`claimed`: and not repaid. `lapsed`: moved to the loss.
	"""
	wanted = min(claimed, left) if is_lapsed else left
	if wanted != claimed:
		return wanted - claimed, ZERO
	return ZERO, lapsed - (booked - claimed)


def posted_status(tax: Decimal, claimed: Decimal, repaid: Decimal, *, filed: bool) -> str:
	"""Return the status of a claim of which `claimed` is posted, and `repaid` of that."""
	if claimed == repaid:
		return REPAID
	if repaid and claimed - repaid < tax:
		return PARTLY_REPAID
	return FILED if filed else CLAIMED


def parse_fraction(text: str) -> Fraction | None:
	"""Return the statutory fraction of an amount including tax, such as 1/11; None if the text is empty.

	Raises:
	    ValueError: it is not a fraction between 0 and 1.
	"""
	if not text.strip():
		return None
	try:
		fraction = Fraction(text.replace(" ", ""))
	except ZeroDivisionError:
		raise ValueError(text) from None
	if not 0 < fraction < 1:
		raise ValueError(text)
	return fraction


def tax_of_loss(
	taxes: Mapping[str, Decimal],
	gross: Decimal,
	share: Fraction,
	claimed: Mapping[str, Decimal],
	decimals: int,
	statutory: Fraction | None = None,
	relief_accounts: Mapping[str, str] | None = None,
) -> dict[str, Decimal]:
	"""Return the tax of each account that a further loss of an invoice contains.

	`gross`: the invoice with tax. `share`: of the invoice that is written off by now, this loss included. `claimed`: tax of
	its earlier losses, by account. Rounded as the losses add up, so that all of them together have the tax of the
	invoice; accounts with the same relief account are rounded in total. Never below 0.
	"""
	exact = taxes_in_share(taxes, gross, share, statutory)
	more = {account: amount - Fraction(claimed.get(account, ZERO)) for account, amount in exact.items()}
	groups: dict[str, dict[str, Fraction]] = {}
	for account, amount in more.items():
		groups.setdefault((relief_accounts or {}).get(account, account), {})[account] = amount
	parts: dict[str, Decimal] = {}
	for group in groups.values():
		parts |= _divide(group, _round(Fraction(sum(group.values())), decimals), decimals)
	return parts


@dataclass(slots=True)
class LossTaxes:
	"""What is left of the tax that the write-offs of an invoice have claimed, or released because it was claimed by age before;
	the amounts of the claims by tax account."""

	claimed: dict[str, list[Decimal]] = field(default_factory=dict)
	released: dict[str, list[Decimal]] = field(default_factory=dict)

	def add(self, account: str, amount: Decimal, *, is_released: bool) -> None:
		(self.released if is_released else self.claimed).setdefault(account, []).append(amount)


def unpaid_tax(
	taxes: Mapping[str, Decimal],
	gross: Decimal,
	unpaid: Fraction,
	written_off: Fraction,
	losses: LossTaxes,
	decimals: int,
	statutory: Fraction | None = None,
	relief_accounts: Mapping[str, str] | None = None,
	in_payments: Mapping[str, Fraction] | None = None,
) -> dict[str, Decimal]:
	"""Return the tax of each account to be claimed by age: that of the unpaid share of an invoice, and what was released of the
	written-off share.

	Rounded together with the claims of the write-offs, so that all of them have the tax of the invoice. Losses whose tax was
	neither claimed nor released are left out; each claim may have a cent of rounding. If nothing is unpaid, it is what was released.
	`in_payments`: tax that payments have reversed, which is not claimed again. What was released stays.
	"""
	cent = Fraction(Decimal(1).scaleb(-decimals))
	taken: dict[str, Decimal] = {}
	for account, exact in taxes_in_share(taxes, gross, written_off, statutory).items():
		claimed, released = losses.claimed.get(account, []), losses.released.get(account, [])
		without = exact - Fraction(sum(claimed, ZERO) + sum(released, ZERO))
		is_rounding = without <= cent * (len(claimed) + len(released))
		taken[account] = sum(claimed, ZERO) + (ZERO if is_rounding else _round(without, decimals))
	found = tax_of_loss(taxes, gross, unpaid + written_off, taken, decimals, statutory, relief_accounts)
	most = {
		account: _decimal(Decimal(1), math.ceil(exact / cent) * cent)
		+ sum(losses.released.get(account, []), ZERO)
		for account, exact in taxes_in_share(taxes, gross, unpaid, statutory).items()
	}
	for account, amount in (in_payments or {}).items():
		if account in found:
			left = Fraction(taxes[account] - sum(losses.claimed.get(account, []), ZERO)) - amount
			# What losses have released is no longer deferred.
			least = sum(losses.released.get(account, []), ZERO)
			most[account] = min(most[account], max(least, _decimal(Decimal(1), left // cent * cent)))
	return {account: min(amount, most[account]) for account, amount in found.items()}


def taxes_in_share(
	taxes: Mapping[str, Decimal], gross: Decimal, share: Fraction, statutory: Fraction | None
) -> dict[str, Fraction]:
	"""Return the exact tax of each account in a share of an invoice; see `tax_of_loss`."""
	share = min(max(share, Fraction(0)), Fraction(1))
	exact = {account: Fraction(tax) * share for account, tax in taxes.items() if tax > 0}
	untaxed = abs(_decimal(gross, statutory) - sum(taxes.values())) if statutory else ZERO
	if statutory and len(exact) == 1 and untaxed <= FULLY_TAXED_WITHIN:
		[account] = exact
		exact = {account: min(Fraction(gross) * share * statutory, Fraction(taxes[account]))}
	return exact


def limit_taxes(left: Mapping[str, Decimal], most: Fraction, decimals: int) -> dict[str, Decimal]:
	"""Return the taxes of the claims of an invoice, in their order, reduced to the tax that the invoice has after its credit
	notes. The last claim is reduced first. A part of a cent is rounding."""
	cent = Decimal(1).scaleb(-decimals)
	excess = sum(left.values(), ZERO) - _round(most, decimals)
	result = dict(left)
	if Fraction(sum(left.values(), ZERO)) - most < Fraction(cent):
		return result
	for name in reversed(result):
		part = min(result[name], excess)
		result[name] -= part
		excess -= part
	return result


def _divide(exact: Mapping[str, Fraction], total: Decimal, decimals: int) -> dict[str, Decimal]:
	"""Divide a rounded total: each part is rounded down, and the largest remainders take the cents that are left."""
	cent = Decimal(1).scaleb(-decimals)
	parts = {account: max(ZERO, _floor(amount, cent)) for account, amount in exact.items()}
	remainders = sorted(exact, key=lambda account: (Fraction(parts[account]) - exact[account], account))
	left = total - sum(parts.values())
	for account in remainders:
		if left < cent:
			break
		parts[account] += cent
		left -= cent
	return parts


def tax_left(tax: Decimal, share: Fraction, decimals: int) -> Decimal:
	"""Return the tax in the share of a loss that is not recovered. An excess that was claimed has to be repaid."""
	return _round(Fraction(tax) * min(max(share, Fraction(0)), Fraction(1)), decimals)


def _decimal(amount: Decimal, factor: Fraction) -> Decimal:
	return amount * factor.numerator / factor.denominator


def _round(amount: Fraction, decimals: int) -> Decimal:
	return money(Decimal(amount.numerator) / amount.denominator, decimals)


def _floor(amount: Fraction, cent: Decimal) -> Decimal:
	return (Decimal(amount.numerator) / amount.denominator).quantize(cent, rounding=ROUND_DOWN)
