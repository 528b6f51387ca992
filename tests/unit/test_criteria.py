"""Validation of criteria, age, and the eligible amount."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from ar_writeoff.core import texts
from ar_writeoff.core.criteria import (
	CREDIT,
	DEBIT,
	DEDUCT,
	DUE_DATE,
	IGNORE,
	LEAVE_OUT,
	NET_FIRST,
	Criteria,
	Threshold,
	age_in_days,
	eligible_amount,
	is_old_enough,
	problems,
)
from ar_writeoff.core.money import parse_amount
from tests.unit.app_files import select_options
from tests.unit.tables import rows

GOOD = {
	"max_invoice_amount": Decimal("25"),
	"max_customer_amount": None,
	"minimum_age_days": 0,
	"cutoff_date": date(2026, 6, 30),
	"posting_date": date(2026, 6, 30),
}


@pytest.mark.parametrize(
	"case",
	rows("""
		maximum  per_customer  days  cutoff      posting     wrong_field          code
		-------  ------------  ----  ----------  ----------  -------------------  --------------------
		25       -             0     2026-06-30  2026-06-30  -                    -
		0.01     -             0     2026-06-30  2026-06-30  -                    -
		-        -             0     2026-06-30  2026-06-30  max_invoice_amount   maximum_required
		0        -             0     2026-06-30  2026-06-30  max_invoice_amount   maximum_not_positive
		-0.01    -             0     2026-06-30  2026-06-30  max_invoice_amount   maximum_not_positive
		-25      -             0     2026-06-30  2026-06-30  max_invoice_amount   maximum_not_positive
		25       100           0     2026-06-30  2026-06-30  -                    -
		25       0             0     2026-06-30  2026-06-30  -                    -
		25       -1            0     2026-06-30  2026-06-30  max_customer_amount  maximum_not_positive
		25       -             1     2026-06-30  2026-06-30  -                    -
		25       -             -1    2026-06-30  2026-06-30  minimum_age_days     age_negative
		25       -             0     2026-06-29  2026-06-30  -                    -
		25       -             0     2026-07-01  2026-06-30  posting_date         cutoff_after_posting
	"""),
	ids=lambda case: f"{case['code'].replace(' ', '_') or 'good'}-{case['maximum'] or 'none'}",
)
def test_what_is_wrong_is_named_with_its_field(case: dict[str, str]) -> None:
	found = problems(
		max_invoice_amount=parse_amount(case["maximum"]),
		max_customer_amount=parse_amount(case["per_customer"]),
		minimum_age_days=int(case["days"]),
		cutoff_date=date.fromisoformat(case["cutoff"]),
		posting_date=date.fromisoformat(case["posting"]),
	)
	expected = [(case["wrong_field"], case["code"])] if case["code"] else []
	assert [(field.replace("_", " "), reason.code.replace("_", " ")) for field, reason in found] == expected


def test_all_that_is_wrong_is_told_at_once() -> None:
	found = problems(
		max_invoice_amount=None,
		max_customer_amount=Decimal("-1"),
		minimum_age_days=-30,
		cutoff_date=date(2026, 7, 1),
		posting_date=date(2026, 6, 30),
	)
	assert [(field, texts.message(reason)) for field, reason in found] == [
		("max_invoice_amount", "Enter the maximum balance to write off."),
		("max_customer_amount", "The maximum must be above 0, not -1."),
		("minimum_age_days", "Enter a number of days, 0 or more, not -30."),
		(
			"posting_date",
			"The posting date 2026-06-30 must not be before the cutoff date 2026-07-01.",
		),
	]
	[(_field, reason)] = problems(**{**GOOD, "max_invoice_amount": Decimal("-0.50")})
	assert texts.message(reason) == "The maximum must be above 0, not -0.50."


EUR, IDR = "EUR", "IDR"


@pytest.mark.parametrize(
	("more", "wrong"),
	[
		({"min_invoice_amount": Decimal(25)}, None),
		({"min_invoice_amount": Decimal(0)}, None),
		({"min_invoice_amount": Decimal("0.5")}, None),
		(
			{"min_invoice_amount": Decimal("25.01")},
			"The minimum must be between 0 and the maximum of 25, not 25.01.",
		),
		({"min_invoice_amount": Decimal(-1)}, "The minimum must be between 0 and the maximum of 25, not -1."),
		({"max_original_share": Decimal(100)}, None),
		({"max_original_share": Decimal(0)}, None),
		({"max_original_share": Decimal(101)}, "The share must be between 0 and 100 %, not 101."),
		({"max_original_share": Decimal(-1)}, "The share must be between 0 and 100 %, not -1."),
		(
			{"thresholds": [Threshold(EUR, Decimal(0), Decimal(20)), Threshold(IDR, Decimal(9), Decimal(9))]},
			None,
		),
		({"thresholds": [Threshold(EUR, Decimal(0), Decimal("0.5"))]}, None),
		({"thresholds": [Threshold(EUR, Decimal(0), Decimal(0))]}, "EUR: enter a maximum above 0."),
		(
			{"thresholds": [Threshold(EUR, Decimal(21), Decimal(20))]},
			"EUR: the minimum must be between 0 and the maximum of 20, not 21.",
		),
		(
			{"thresholds": [Threshold(EUR, Decimal(-1), Decimal(20))]},
			"EUR: the minimum must be between 0 and the maximum of 20, not -1.",
		),
		({"thresholds": [Threshold(EUR, Decimal(0), Decimal(20))] * 2}, "EUR has more than one row."),
	],
)
def test_ranges_and_shares(more: dict, wrong: str | None) -> None:
	found = problems(**{**GOOD, **more})
	assert [(field, texts.message(reason)) for field, reason in found] == (
		[(next(iter(more)), wrong)] if wrong else []
	)


def test_a_minimum_is_compared_with_a_valid_maximum_only() -> None:
	[(field, _reason)] = problems(**{**GOOD, "max_invoice_amount": None, "min_invoice_amount": Decimal(5)})
	assert field == "max_invoice_amount"


def test_empty_criteria_never_mean_everything() -> None:
	assert problems(**{**GOOD, "max_invoice_amount": None})


def criteria(**more: object) -> Criteria:
	return Criteria(
		**{  # type: ignore[arg-type]
			"balance_type": "Debit",
			"cutoff_date": date(2026, 6, 30),
			"max_invoice_amount": Decimal(25),
			**more,
		}
	)


@pytest.mark.parametrize(
	"case",
	rows("""
		based_on      posted      due         age
		------------  ----------  ----------  ---
		Due_Date      2026-01-15  2026-02-14  136
		Posting_Date  2026-01-15  2026-02-14  166
		Due_Date      2026-01-15  -           166
		Due_Date      2026-06-30  2026-06-30    0
		Due_Date      2026-06-30  2026-07-30  -30
		Posting_Date  2026-06-30  2026-07-30    0
		Due_Date      2024-02-28  2024-02-29  852
	"""),
	ids=lambda case: f"{case['based_on']}-{case['posted']}-{case['due']}",
)
def test_age_is_counted_to_the_cutoff(case: dict[str, str]) -> None:
	age = age_in_days(
		criteria(ageing_based_on=case["based_on"]),
		date.fromisoformat(case["posted"]),
		date.fromisoformat(case["due"]) if case["due"] else None,
	)
	assert age == int(case["age"])


@pytest.mark.parametrize(
	("minimum", "age", "expected"),
	[
		(30, 29, False),
		(30, 30, False),  # over 30 days: exactly 30 is not
		(30, 31, True),
		(120, 120, False),
		(120, 121, True),
		(45, 46, True),  # any number, not just 30/60/90/120
		(1, 1, False),
		(1, 2, True),
		(0, 0, True),  # no minimum: what is not even due counts
		(0, -30, True),
	],
)
def test_over_n_days(minimum: int, age: int, expected: bool) -> None:
	assert is_old_enough(criteria(minimum_age_days=minimum), age) is expected


@pytest.mark.parametrize(
	"case",
	rows("""
		at_cutoff  now     eligible  why
		---------  ------  --------  ----------------------------------
		 10.00      10.00   10.00    untouched
		 10.00       4.00    4.00    paid_in_part_after_the_cutoff
		  4.00      10.00    4.00    grew_after_the_cutoff
		 10.00       0.00    0.00    paid_after_the_cutoff
		  0.00      10.00    0.00    made_after_the_cutoff
		 10.00      -2.00    0.00    overpaid_after_the_cutoff
		 -2.00      10.00    0.00    was_a_credit_at_the_cutoff
		-10.00     -10.00  -10.00    credit_untouched
		-10.00      -4.00   -4.00    credit_used_in_part
		 -4.00     -10.00   -4.00    credit_grew
		  0.00       0.00    0.00    nothing
	"""),
	ids=lambda case: case["why"].replace(" ", "_"),
)
def test_eligible_amount(case: dict[str, str]) -> None:
	assert eligible_amount(Decimal(case["at_cutoff"]), Decimal(case["now"])) == Decimal(case["eligible"])


def test_a_balance_of_less_than_one_is_open_too() -> None:
	assert eligible_amount(Decimal("0.40"), Decimal("0.30")) == Decimal("0.30")
	assert eligible_amount(Decimal("-0.30"), Decimal("-0.40")) == Decimal("-0.30")


def test_the_words_are_those_of_the_doctypes() -> None:
	assert select_options("Write-Off Run", "balance_type") == [DEBIT, CREDIT]
	assert DUE_DATE in select_options("Write-Off Run", "ageing_based_on")
	assert select_options("Write-Off Settings", "customer_credits") == [LEAVE_OUT, DEDUCT, IGNORE, NET_FIRST]


def test_criteria_that_are_not_set_do_not_exclude() -> None:
	cutoff, maximum = date(2026, 6, 30), Decimal(25)
	assert Criteria(DEBIT, cutoff, maximum) == Criteria(
		DEBIT,
		cutoff,
		maximum,
		min_invoice_amount=Decimal(0),
		max_customer_amount=None,
		ageing_based_on=DUE_DATE,
		minimum_age_days=0,
		max_original_share=None,
		only_remainders=False,
		voucher_kind=None,
		thresholds=(),
		customer_credits=LEAVE_OUT,
		credit_threshold=Decimal(0),
		include_disabled_customers=False,
		include_internal_customers=False,
		cancel_payment_requests=False,
	)


@pytest.mark.parametrize(
	("policy", "excludes", "sets_off"),
	[
		(LEAVE_OUT, True, []),
		(DEDUCT, False, []),
		(IGNORE, False, []),
		(NET_FIRST, True, [DEBIT]),
	],
)
def test_effect_of_credits_on_each_side(policy: str, excludes: bool, sets_off: list[str]) -> None:
	"""Net First sets credits off for a run of debit balances; for one of credit balances it is Leave Out."""
	sides = [criteria(balance_type=side, customer_credits=policy) for side in (DEBIT, CREDIT)]
	assert [side.excludes_for_credits for side in sides] == [excludes, excludes]
	assert [side.balance_type for side in sides if side.sets_off_credits] == sets_off


def test_sign_of_a_run() -> None:
	assert criteria(balance_type="Debit").sign == 1
	assert criteria(balance_type="Credit").sign == -1
