"""Sets the credits of customers off against their debit balances, the oldest first."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple, Protocol

from ar_writeoff.core.money import ZERO


class Voucher(NamedTuple):
	"""A voucher with a balance on a receivable account."""

	voucher_type: str
	voucher_no: str


@dataclass(frozen=True, slots=True)
class SetOff:
	"""A part of a credit that settles a debit balance of the same customer on the same account. `amount` is above 0, in
	the currency of the company and of the account."""

	account: str
	credit: Voucher
	debit: Voucher
	amount: Decimal


class HasAmounts(Protocol):
	"""The amounts of a balance, at the cutoff and now."""

	@property
	def at_cutoff(self) -> Decimal: ...
	@property
	def base_at_cutoff(self) -> Decimal: ...
	@property
	def now(self) -> Decimal: ...
	@property
	def base_now(self) -> Decimal: ...


@dataclass(slots=True)
class _Rest:
	"""A balance, or a credit, less its set-offs so far."""

	voucher: Voucher
	amount: Decimal


def set_off(
	account: str, credits: Iterable[tuple[Voucher, Decimal]], debits: Iterable[tuple[Voucher, Decimal]]
) -> list[SetOff]:
	"""Return how the credits settle the debit balances of one customer on one account, both in the order given and with
	amounts above 0."""
	found: list[SetOff] = []
	open_debits = [_Rest(voucher, amount) for voucher, amount in debits]
	for credit, left in credits:
		for debit in open_debits:
			part = min(left, debit.amount)
			if part > 0:
				found.append(SetOff(account, credit, debit.voucher, part))
				debit.amount -= part
				left -= part
	return found


def total(set_offs: Iterable[SetOff]) -> Decimal:
	return sum((one.amount for one in set_offs), ZERO)


def amounts_after(balance: HasAmounts, amount: Decimal) -> dict[str, Decimal]:
	"""Return the amounts of a balance, by field, after this amount, above 0, was set off. The balance is in company
	currency."""
	part = amount if balance.now > 0 else -amount
	return {
		"at_cutoff": balance.at_cutoff - part,
		"base_at_cutoff": balance.base_at_cutoff - part,
		"now": balance.now - part,
		"base_now": balance.base_now - part,
	}


def as_text(set_offs: Iterable[SetOff]) -> str:
	"""Return the set-offs as they are stored and sealed with a balance; empty if there are none."""
	rows = [[one.account, *one.credit, *one.debit, str(one.amount)] for one in set_offs]
	return json.dumps(rows, ensure_ascii=False, separators=(",", ":")) if rows else ""


def from_text(text: str | None) -> tuple[SetOff, ...]:
	"""Return the set-offs stored with a balance."""
	return tuple(
		SetOff(account, Voucher(*credit), Voucher(*debit), Decimal(amount))
		for account, *names, amount in json.loads(text or "[]")
		for credit, debit in [(names[:2], names[2:])]
	)
