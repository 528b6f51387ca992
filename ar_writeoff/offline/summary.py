"""Totals of a decision, for terminal and spreadsheet."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from decimal import Decimal

from ar_writeoff.core import ageing
from ar_writeoff.core.money import ZERO
from ar_writeoff.offline import words
from ar_writeoff.offline.decide import Decision
from ar_writeoff.offline.words import t
from ar_writeoff.posting.rules import EntryPlan, Row
from ar_writeoff.search.rules import Verdict

NOT_DUE = "not due"


@dataclass(slots=True)
class Total:
	"""Count and sum, in company currency, of the balances with the same `name`."""

	name: str
	count: int = 0
	amount: Decimal = ZERO


def totals(verdicts: Iterable[Verdict], name: Callable[[Verdict], str]) -> list[Total]:
	"""A total per name, in order of first appearance."""
	found: dict[str, Total] = {}
	for verdict in verdicts:
		total = found.setdefault(name(verdict), Total(name(verdict)))
		total.count += 1
		total.amount += verdict.base_amount
	return list(found.values())


def largest(found: Iterable[Total]) -> list[Total]:
	return sorted(found, key=lambda total: (-abs(total.amount), total.name))


def by_age(decision: Decision) -> list[Total]:
	"""Totals to write off per age bucket, without empty ones."""
	names = [NOT_DUE, *ageing.NAMES]
	return sorted(totals(decision.write_off, bucket), key=lambda total: names.index(total.name))


def bucket(verdict: Verdict) -> str:
	return NOT_DUE if verdict.age_days < 0 else ageing.bucket(verdict.age_days)


def age_label(name: str) -> str:
	"""Label of an age bucket."""
	if name == NOT_DUE:
		return str(t("not due"))
	return str(t("over {days}", days=ageing.OLDEST)) if name == ageing.OLDER else name


def by_customer(decision: Decision) -> list[Total]:
	"""Totals to write off by customer, largest first."""
	return largest(totals(decision.write_off, lambda verdict: verdict.balance.customer))


def by_currency(decision: Decision) -> list[tuple[str, Decimal]]:
	"""Totals to write off by account currency."""
	sums: dict[str, Decimal] = {}
	for verdict in decision.write_off:
		currency = verdict.balance.currency
		sums[currency] = sums.get(currency, ZERO) + verdict.amount
	return sorted(sums.items())


def by_reason(decision: Decision) -> list[Total]:
	"""Totals of excluded balances by reason, largest first."""
	return largest(totals(decision.left_out, reason))


def reason(verdict: Verdict) -> str:
	"""Short label of the reason for exclusion."""
	return words.label(verdict.reason.code) if verdict.reason else ""


def by_account(entries: Iterable[EntryPlan]) -> list[tuple[str, Decimal, Decimal]]:
	"""Account, debit and credit of all entries, in company currency."""
	sums: dict[str, list[Decimal]] = {}
	for entry in entries:
		for row in entry.rows:
			sides = sums.setdefault(row.account, [ZERO, ZERO])
			sides[row.base_amount < 0] += abs(row.base_amount)
	return [(account, debit, credit) for account, (debit, credit) in sorted(sums.items())]


def debit(row: Row) -> Decimal:
	"""Debit of a row in company currency, or zero."""
	return max(row.base_amount, ZERO)


def credit(row: Row) -> Decimal:
	"""Credit of a row in company currency, or zero."""
	return max(-row.base_amount, ZERO)
