"""Eligible and excluded balances, in tables."""

from __future__ import annotations

import pickle
from dataclasses import replace
from datetime import date
from decimal import Decimal
from itertools import permutations

import pytest

from ar_writeoff.core import reasons
from ar_writeoff.core.criteria import Criteria
from ar_writeoff.core.reasons import Reason
from ar_writeoff.search.rules import (
	Balance,
	CustomerFacts,
	Origin,
	Verdict,
	VoucherFacts,
	apply_customer_maximum,
	carrying_value,
	judge,
)
from tests.unit.tables import rows

CUTOFF = date(2026, 6, 30)


def criteria(balance_type: str = "Debit", maximum: str = "25.00", **more: object) -> Criteria:
	return Criteria(
		balance_type=balance_type,
		cutoff_date=CUTOFF,
		max_invoice_amount=Decimal(maximum),
		**more,  # type: ignore[arg-type]
	)


def balance(
	at_cutoff: str = "10.00",
	now: str | None = None,
	*,
	rate: str = "1",
	base_now: str | None = None,
	posted: str = "2026-01-15",
	due: str | None = "2026-02-14",
	voucher: str = "INV-1",
	customer: str = "Anchor Cafe",
) -> Balance:
	now = at_cutoff if now is None else now
	base = Decimal(now) * Decimal(rate) if base_now is None else Decimal(base_now)
	return Balance(
		voucher_type="Sales Invoice",
		voucher_no=voucher,
		customer=customer,
		receivable_account="Debtors - HL",
		currency="USD" if rate == "1" else "EUR",
		posting_date=date.fromisoformat(posted),
		due_date=date.fromisoformat(due) if due else None,
		at_cutoff=Decimal(at_cutoff),
		base_at_cutoff=Decimal(at_cutoff) * Decimal(rate),
		now=Decimal(now),
		base_now=base.quantize(Decimal("0.01")),
	)


@pytest.mark.parametrize(
	"case",
	rows("""
		type    maximum  posted      at_cutoff  now     found    why
		------  -------  ----------  ---------  ------  -------  ---------------------------
		Debit   25.00    2026-01-15   24.99      24.99   24.99   one_cent_below_the_maximum
		Debit   25.00    2026-01-15   25.00      25.00   25.00   equal_to_the_maximum
		Debit   25.00    2026-01-15   25.01      25.01   -       one_cent_above_the_maximum
		Debit   25.00    2026-01-15    0.01       0.01    0.01   a_cent
		Debit   25.00    2026-01-15  -10.00     -10.00   -       a_credit_in_a_debit_run
		Credit  25.00    2026-01-15   10.00      10.00   -       a_debt_in_a_credit_run
		Credit  25.00    2026-01-15  -25.00     -25.00  -25.00   a_credit_equal_to_the_maximum
		Credit  25.00    2026-01-15  -25.01     -25.01   -       a_credit_one_cent_above
		Debit   25.00    2026-06-30   10.00      10.00   10.00   invoice_date_equal_to_the_cutoff
		Debit   25.00    2026-07-01    0.00      10.00   -       invoice_date_one_day_after
		Debit   25.00    2026-01-15  100.00      20.00   20.00   paid_down_below_the_maximum_since
		Debit   25.00    2026-01-15   20.00     100.00   20.00   grew_since_the_cutoff
		Debit   25.00    2026-01-15   10.00       0.00   -       paid_since_the_cutoff
		Debit   25.00    2026-01-15   10.00      -5.00   -       turned_since_the_cutoff
		Credit  25.00    2026-01-15  -10.00       5.00   -       credit_turned_since
		Debit   25.00    2026-01-15    0.00       0.00   -       nothing_open
	"""),
	ids=lambda case: case["why"].replace(" ", "_"),
)
def test_what_is_found(case: dict[str, str]) -> None:
	verdict = judge(
		balance(case["at_cutoff"], case["now"], posted=case["posted"]),
		criteria(case["type"], case["maximum"]),
	)
	assert (str(verdict.amount) if verdict else "") == case["found"]
	assert not verdict or verdict.reason is None


@pytest.mark.parametrize(("due", "found"), [("2026-05-31", False), ("2026-05-30", True)])
def test_age_boundary(due: str, found: bool) -> None:
	"""Over 30 days at 30 June: due on 31 May is 30 days, not over; due on 30 May is 31."""
	verdict = judge(balance(posted="2026-01-15", due=due), criteria(minimum_age_days=30))
	assert bool(verdict) is found
	assert not verdict or verdict.age_days == 31


def test_the_maximum_is_in_company_currency() -> None:
	assert judge(balance("10.00", rate="2.50"), criteria(maximum="25.00"))
	assert not judge(balance("10.00", rate="2.51"), criteria(maximum="25.00"))
	assert judge(balance("5000", rate="0.005"), criteria(maximum="25.00")), "5,000 yen are 25 dollars"


def test_whole_balance_leaves_at_its_carrying_value() -> None:
	"""33.33 EUR booked at 1.1 with a rounding cent: the booked amount is written off, not one from a rate."""
	verdict = judge(balance("20.00", rate="1.1", base_now="22.01"), criteria())
	assert verdict and (verdict.amount, verdict.base_amount) == (Decimal("20.00"), Decimal("22.01"))


def test_part_of_a_balance_leaves_at_the_carrying_rate_of_the_whole() -> None:
	verdict = judge(balance("8.00", "24.00", rate="1.1", base_now="27.00"), criteria(maximum="27"))
	assert verdict and (verdict.amount, verdict.base_amount) == (Decimal("8.00"), Decimal("9.00"))


@pytest.mark.parametrize(
	("amount", "whole", "base", "expected"),
	[
		("10.00", "30.00", "33.00", "11.00"),
		("10.00", "30.00", "10.00", "3.33"),
		("20.00", "30.00", "10.00", "6.67"),
		("0.01", "2.00", "1.00", "0.01"),  # 0.005: half up
		("-10.00", "-30.00", "-10.00", "-3.33"),
		("-0.01", "-2.00", "-1.00", "-0.01"),
		("100", "300", "2.10", "0.70"),  # yen into dollars
		("1.000", "3.000", "9.75", "3.25"),  # dinar into dollars
	],
)
def test_carrying_value(amount: str, whole: str, base: str, expected: str) -> None:
	value = carrying_value(Decimal(amount), Decimal(whole), Decimal(base))
	assert str(value) == expected


@pytest.mark.parametrize(
	("customer", "voucher", "code"),
	[
		(CustomerFacts(), VoucherFacts(), None),
		(CustomerFacts(opted_out=True), VoucherFacts(), "customer_opted_out"),
		(CustomerFacts(disabled=True), VoucherFacts(), "customer_disabled"),
		(CustomerFacts(frozen=True), VoucherFacts(), "customer_frozen"),
		(CustomerFacts(), VoucherFacts(discounted=True), "discounted"),
		(CustomerFacts(), VoucherFacts(other_run="WOR-2026-00007"), "in_another_run"),
		# the wish of the customer's account comes first: it is what will not go away
		(
			CustomerFacts(opted_out=True, disabled=True, frozen=True),
			VoucherFacts(discounted=True, other_run="WOR-2026-00007"),
			"customer_opted_out",
		),
	],
)
def test_matches_but_left_out(customer: CustomerFacts, voucher: VoucherFacts, code: str | None) -> None:
	verdict = judge(balance(), criteria(), customer, voucher)
	assert verdict, "what matches is always listed"
	assert (verdict.reason.code if verdict.reason else None) == code
	assert verdict.amount == Decimal("10.00"), "with its amount, so that the list adds up"


def test_the_other_run_is_named() -> None:
	verdict = judge(balance(), criteria(), voucher=VoucherFacts(other_run="WOR-2026-00007"))
	assert verdict and verdict.reason and verdict.reason.facts == (("run", "WOR-2026-00007"),)


def test_what_does_not_match_is_not_listed_even_if_it_would_be_left_out() -> None:
	assert judge(balance("25.01"), criteria(), CustomerFacts(opted_out=True)) is None


@pytest.mark.parametrize(
	("type_", "base", "listed"),
	[
		("Debit", "0.40", True),
		("Debit", "-0.40", False),
		("Credit", "-0.40", True),
		("Credit", "0.40", False),
	],
)
def test_closed_in_account_currency_with_a_residue_in_company_currency(
	type_: str, base: str, listed: bool
) -> None:
	"""A write-off cannot clear it in both currencies: excluded, for a revaluation."""
	verdict = judge(balance("0.00", "0.00", rate="1.1", base_now=base), criteria(type_))
	assert bool(verdict) is listed
	assert not verdict or (verdict.reason and verdict.reason.code == "base_residue")


def test_open_in_account_currency_and_nothing_in_company_currency() -> None:
	verdict = judge(balance("5.00", "5.00", rate="1.1", base_now="0.00"), criteria())
	assert verdict and verdict.reason and verdict.reason.code == "worth_nothing"


# ------------------------------------------------------------------------------- maximum per customer


def verdicts(text: str) -> list[Verdict]:
	found = []
	for row in rows(text):
		verdict = judge(
			balance(row["balance"], voucher=row["voucher"], customer=row["customer"]),
			criteria("Debit" if Decimal(row["balance"]) > 0 else "Credit"),
			CustomerFacts(opted_out=row.get("opted_out") == "yes"),
		)
		assert verdict
		found.append(verdict)
	return found


def test_a_verdict_survives_the_temporary_file_of_a_search():
	reason = Reason.of(reasons.DISCOUNTED)
	origin = Origin(kinds=("Sales Invoice",), currency="EUR", rate=Decimal("1.1"), settled=True)
	full = Verdict(
		replace(balance("10.00"), origin=origin), Decimal(10), Decimal(11), 30, reason, Decimal(1), ()
	)
	assert pickle.loads(pickle.dumps([full])) == [full]


def kept(found: list[Verdict]) -> set[str]:
	return {verdict.balance.voucher_no for verdict in found if verdict.reason is None}


ANCHOR_30_BREAKWATER_20 = """
	voucher  customer        balance
	A1       Anchor_Cafe       10.00
	A2       Anchor_Cafe       20.00
	B1       Breakwater_Bar    20.00
"""


@pytest.mark.parametrize(
	("maximum", "expected"),
	[
		(None, {"A1", "A2", "B1"}),
		("0", {"A1", "A2", "B1"}),  # an empty Currency field
		("30.00", {"A1", "A2", "B1"}),  # equal to the maximum
		("29.99", {"B1"}),  # all of the customer's or none
		("20.00", {"B1"}),
		("19.99", set()),
	],
)
def test_maximum_per_customer(maximum: str | None, expected: set[str]) -> None:
	found = apply_customer_maximum(
		verdicts(ANCHOR_30_BREAKWATER_20),
		criteria(max_customer_amount=Decimal(maximum) if maximum else None),
	)
	assert len(found) == 3, "what is left out stays listed"
	assert kept(found) == expected


def test_over_the_maximum_says_total_and_maximum() -> None:
	found = apply_customer_maximum(
		verdicts(ANCHOR_30_BREAKWATER_20), criteria(max_customer_amount=Decimal("29.99"))
	)
	reason = next(verdict.reason for verdict in found if verdict.reason)
	assert reason.code == "customer_over_maximum"
	assert dict(reason.facts) == {"total": "30.00", "maximum": "29.99"}


def test_order_of_balances_does_not_matter() -> None:
	results = {
		frozenset(kept(apply_customer_maximum(order, criteria(max_customer_amount=Decimal("25")))))
		for order in permutations(verdicts(ANCHOR_30_BREAKWATER_20))
	}
	assert results == {frozenset({"B1"})}


def test_what_is_left_out_anyway_does_not_count_and_keeps_its_reason() -> None:
	found = apply_customer_maximum(
		verdicts("""
			voucher  customer     balance  opted_out
			A1       Anchor_Cafe  10.00    -
			A2       Anchor_Cafe  20.00    yes
		"""),
		criteria(max_customer_amount=Decimal("15")),
	)
	assert kept(found) == {"A1"}
	assert found[1].reason and found[1].reason.code == "customer_opted_out"


def test_credits_count_by_their_size() -> None:
	found = apply_customer_maximum(
		verdicts("""
			voucher  customer     balance
			C1       Anchor_Cafe  -10.00
			C2       Anchor_Cafe  -20.00
		"""),
		criteria("Credit", max_customer_amount=Decimal("29.99")),
	)
	assert kept(found) == set()
