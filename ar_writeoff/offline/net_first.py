"""Net First offline: credits of the export set off against its debit balances, in the way of a run on a site."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

from ar_writeoff.core.criteria import Criteria
from ar_writeoff.core.money import ZERO
from ar_writeoff.core.set_off import Voucher, amounts_after, set_off
from ar_writeoff.offline.export import Key, Line
from ar_writeoff.offline.words import Text, t
from ar_writeoff.search.rules import Balance, Verdict, any_amount, any_credit

Judge = Callable[[Line, Criteria], Verdict | None]
Vouchers = dict[tuple[str, str], list[Verdict]]


def set_off_amounts(
	all_lines: Iterable[Line], in_scope: Sequence[Line], criteria: Criteria, currency: str, judge: Judge
) -> dict[Key, Decimal]:
	"""Amounts set off of credits and debit balances in company currency, above 0, by key of their lines."""
	customers = {line.customer for line in in_scope}
	with_credits = {line.customer for line in all_lines if line.amount < 0} & customers
	debits = _usable(
		(line for line in in_scope if line.amount > 0), with_credits, any_amount(criteria), currency, judge
	)
	credits = _usable(
		(line for line in all_lines if line.amount < 0), with_credits, any_credit(criteria), currency, judge
	)
	amounts: dict[Key, Decimal] = defaultdict(lambda: ZERO)
	for (customer, account), owed in debits.items():
		for one in set_off(account, _vouchers(credits.get((customer, account), ())), _vouchers(owed)):
			for voucher in (one.credit, one.debit):
				amounts[voucher.voucher_type, voucher.voucher_no, account, customer] += one.amount
	return dict(amounts)


def _usable(
	lines: Iterable[Line], customers: set[str], criteria: Criteria, currency: str, judge: Judge
) -> Vouchers:
	found: Vouchers = defaultdict(list)
	for line in lines:
		verdict = judge(line, criteria) if line.customer in customers else None
		if verdict and verdict.reason is None and verdict.balance.currency == currency:
			found[line.customer, line.receivable_account].append(verdict)
	for verdicts in found.values():
		verdicts.sort(key=lambda one: (one.balance.posting_date, one.balance.voucher_no))
	return found


def _vouchers(verdicts: Iterable[Verdict]) -> list[tuple[Voucher, Decimal]]:
	return [(Voucher(one.balance.voucher_type, one.balance.voucher_no), abs(one.amount)) for one in verdicts]


def after_set_off(balance: Balance, amount: Decimal) -> Balance:
	"""The balance after this amount, above 0, was set off."""
	remaining: dict[str, Any] = amounts_after(balance, amount)
	return replace(balance, origin=replace(balance.origin, settled=True), **remaining)


def set_off_notes(amounts: Mapping[Key, Decimal], currency: str) -> Iterable[Text]:
	"""A note on what has to be allocated before the import."""
	total = sum(amounts.values(), ZERO) / 2
	if total:
		yield t(
			"Credits set off against older balances first: {total} {currency}. Allocate them with Payment"
			" Reconciliation before the import. A run on a site allocates them.",
			total=total,
			currency=currency,
		)
