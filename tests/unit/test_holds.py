"""Which hold applies to a balance, and its reason."""

from __future__ import annotations

from datetime import date

import pytest

from ar_writeoff.core import texts
from ar_writeoff.holds.rules import ACTIVE, ENDED, Hold, applying, by_scope, longest
from tests.unit.app_files import select_options

CAFE = ("Anchor Cafe", "", "")
INVOICE = ("Anchor Cafe", "Sales Invoice", "INV-1")
JULY, AUGUST = date(2026, 7, 31), date(2026, 8, 31)


def hold(name: str = "WOH-1", scope: tuple[str, str, str] = INVOICE, until: date | None = AUGUST) -> Hold:
	return Hold(name, scope, "Dispute", until, "Petra Preparer")


@pytest.mark.parametrize(
	("untils", "expected"),
	[
		([JULY, AUGUST], 1),
		([AUGUST, JULY], 0),
		([AUGUST, AUGUST], 0),
		([None, AUGUST], 0),
		([AUGUST, None], 1),
		([None, None], 0),
	],
)
def test_the_hold_that_ends_last_counts(untils: list[date | None], expected: int) -> None:
	holds = [hold(f"WOH-{number}", until=until) for number, until in enumerate(untils)]
	assert longest(holds) == holds[expected]
	assert by_scope(holds) == {INVOICE: holds[expected]}


def test_the_words_are_those_of_the_doctype() -> None:
	assert select_options("Write-Off Hold", "status") == [ACTIVE, ENDED]
	assert hold().note == ""


def test_without_a_hold_there_is_none() -> None:
	assert longest([]) is None
	assert longest([None, None]) is None
	assert by_scope([]) == {}
	assert applying({}, *INVOICE) is None


def test_each_scope_has_its_own() -> None:
	first, second = hold(), hold("WOH-2", CAFE)
	assert by_scope([first, second]) == {INVOICE: first, CAFE: second}


@pytest.mark.parametrize(
	("held", "customer", "voucher", "applies"),
	[
		(INVOICE, "Anchor Cafe", ("Sales Invoice", "INV-1"), True),
		(INVOICE, "Anchor Cafe", ("Sales Invoice", "INV-2"), False),
		(INVOICE, "Anchor Cafe", ("Journal Entry", "INV-1"), False),
		(INVOICE, "Elm School", ("Sales Invoice", "INV-1"), False),
		(CAFE, "Anchor Cafe", ("Payment Entry", "PE-1"), True),
		(CAFE, "Elm School", ("Sales Invoice", "INV-1"), False),
	],
)
def test_a_hold_applies_to_its_voucher_or_to_all_of_its_customer(
	held: tuple[str, str, str], customer: str, voucher: tuple[str, str], applies: bool
) -> None:
	one = hold(scope=held)
	assert applying({held: one}, customer, *voucher) == (one if applies else None)


def test_of_a_hold_on_the_voucher_and_one_on_the_customer_the_longer_one_counts() -> None:
	short, long = hold(until=JULY), hold("WOH-2", CAFE)
	assert applying({INVOICE: short, CAFE: long}, *INVOICE) == long
	short, long = hold("WOH-2", CAFE, JULY), hold()
	assert applying({INVOICE: long, CAFE: short}, *INVOICE) == long


@pytest.mark.parametrize(
	("one", "message"),
	[
		(hold(), "Sales Invoice on hold until 2026-08-31: Dispute, set by Petra Preparer."),
		(hold(scope=CAFE), "Customer on hold until 2026-08-31: Dispute, set by Petra Preparer."),
		(hold(until=None), "Sales Invoice on hold without an end: Dispute, set by Petra Preparer."),
		(
			Hold("WOH-1", CAFE, "Legal", None, "Petra Preparer", "Half {returned}"),
			"Customer on hold without an end: Legal, set by Petra Preparer. Note: Half {returned}",
		),
	],
)
def test_the_reason_says_what_until_when_why_and_by_whom(one: Hold, message: str) -> None:
	assert texts.message(one.reason) == message
	assert one.reason.link == ("Write-Off Hold", "WOH-1")
