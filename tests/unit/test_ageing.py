"""The ageing buckets of ERPNext's Accounts Receivable report."""

from __future__ import annotations

import pytest

from ar_writeoff.core import ageing


@pytest.mark.parametrize(
	("age_days", "name"),
	[
		(-30, "0-30"),  # not due yet
		(0, "0-30"),
		(30, "0-30"),
		(31, "31-60"),
		(60, "31-60"),
		(61, "61-90"),
		(90, "61-90"),
		(91, "91-120"),
		(120, "91-120"),
		(121, "over 120"),
		(4000, "over 120"),
	],
)
def test_bucket(age_days: int, name: str) -> None:
	assert ageing.bucket(age_days) == name


def test_names_are_in_the_order_of_age() -> None:
	assert ageing.NAMES == ("0-30", "31-60", "61-90", "91-120", "over 120")
	assert (ageing.OLDEST, ageing.OLDER) == (120, "over 120")
