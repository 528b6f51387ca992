"""What is open of the payment terms of an invoice after a write-off and after its undo."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ar_writeoff.core.payment_terms import Term, with_write_off


def numbers(text: str) -> list[Decimal]:
	return [Decimal(word) for word in text.split()]


@pytest.mark.parametrize(
	("outstanding", "before", "written_off", "expected"),
	[
		("50 50", "0 0", "0", "50 50"),
		("50 50", "0 0", "40", "50 10"),
		("50 50", "0 0", "60", "40 0"),
		("50 50", "0 0", "100", "0 0"),
		("50 10", "0 40", "0", "50 50"),
		("0 0", "50 50", "30", "50 20"),
		("0 0", "0 40", "0", "0 40"),  # the first half and ten were paid meanwhile
		("50 50", "0 0", "0.50", "50 49.50"),
		("50 50", "0.50 0", "0", "50.50 50"),
		("50 -5", "0 0", "40", "10 -5"),  # a term paid twice stays as it is
		("100", "0", "40", "60"),
		("50 50", "0 0", "120", "0 0"),  # more than the terms: nothing is invented
		("", "", "10", ""),
	],
)
def test_the_last_terms_are_closed_first(
	outstanding: str, before: str, written_off: str, expected: str
) -> None:
	terms = [Term(*pair) for pair in zip(numbers(outstanding), numbers(before), strict=True)]
	found = with_write_off(terms, Decimal(written_off))
	assert [term.outstanding for term in found] == numbers(expected)
	assert [one.outstanding + one.written_off for one in found] == [
		one.outstanding + one.written_off for one in terms
	]


@given(st.lists(st.integers(0, 1000), min_size=1, max_size=5), st.integers(0, 1000))
def test_an_undo_restores_the_terms(amounts: list[int], share: int) -> None:
	terms = [Term(Decimal(amount)) for amount in amounts]
	total = sum((term.outstanding for term in terms), Decimal(0))
	written_off = (total * share / 1000).quantize(Decimal(1))
	closed = with_write_off(terms, written_off)
	assert sum((term.written_off for term in closed), Decimal(0)) == written_off
	assert all(term.outstanding >= 0 for term in closed)
	assert with_write_off(closed, Decimal(0)) == terms
