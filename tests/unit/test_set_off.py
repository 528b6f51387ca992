"""Which credit settles which debit balance, and how that is stored."""

from __future__ import annotations

from decimal import Decimal
from types import SimpleNamespace

import pytest

from ar_writeoff.core.set_off import SetOff, Voucher, amounts_after, as_text, from_text, set_off, total


def vouchers(**amounts: str) -> list[tuple[Voucher, Decimal]]:
	return [(Voucher("Any", name), Decimal(amount)) for name, amount in amounts.items()]


def parts(found: list[SetOff]) -> list[tuple[str, str, str]]:
	return [(one.credit.voucher_no, one.debit.voucher_no, str(one.amount)) for one in found]


def test_the_first_credit_settles_the_first_balance() -> None:
	found = set_off("Debtors", vouchers(c1="30.00", c2="90.00"), vouchers(d1="20.00", d2="50.00", d3="7.00"))
	assert parts(found) == [
		("c1", "d1", "20.00"),
		("c1", "d2", "10.00"),
		("c2", "d2", "40.00"),
		("c2", "d3", "7.00"),
	]
	assert total(found) == Decimal("77.00")
	assert {one.account for one in found} == {"Debtors"}
	assert total([]).is_zero()


def test_amounts_below_one_are_set_off_too() -> None:
	found = set_off("Debtors", vouchers(c1="0.30"), vouchers(d1="0.20", d2="0.50"))
	assert parts(found) == [("c1", "d1", "0.20"), ("c1", "d2", "0.10")]


def test_nothing_to_set_off() -> None:
	assert set_off("Debtors", [], vouchers(d1="1.00")) == set_off("Debtors", vouchers(c1="1.00"), []) == []


def test_stored_and_read_again() -> None:
	found = set_off('Debt"ören', vouchers(c1="0.10"), vouchers(d1="20.00"))
	assert from_text(as_text(found)) == tuple(found)
	# Runs on sites are sealed with this text.
	assert as_text(found) == r'[["Debt\"ören","Any","c1","Any","d1","0.10"]]'
	assert (as_text([]), from_text(""), from_text(None)) == ("", (), ())


@pytest.mark.parametrize("sign", [1, -1])
def test_the_amounts_of_a_balance_move_towards_zero(sign: int) -> None:
	"""Of a debit balance and of a credit."""
	names = ("at_cutoff", "base_at_cutoff", "now", "base_now")
	balance = SimpleNamespace(**{name: (Decimal("0.60") + n) * sign for n, name in enumerate(names, -2)})
	after = amounts_after(balance, Decimal("0.25"))
	assert after == {name: (Decimal("0.35") + n) * sign for n, name in enumerate(names, -2)}
