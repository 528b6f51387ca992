"""Criteria on the amount and on the voucher: range, thresholds by currency, share, remainders and kinds."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from ar_writeoff.core.criteria import Criteria, Threshold
from ar_writeoff.search.rules import NO_ORIGIN, Balance, Origin, dates_match, match
from tests.unit.tables import rows

TODAY = date(2026, 6, 30)


def criteria(**more: object) -> Criteria:
	return Criteria(
		**{  # type: ignore[arg-type]
			"balance_type": "Debit",
			"cutoff_date": TODAY,
			"max_invoice_amount": Decimal(25),
			**more,
		}
	)


def balance(
	amount: str, base: str | None = None, *, currency: str = "USD", origin: Origin = NO_ORIGIN
) -> Balance:
	now, base_now = Decimal(amount), Decimal(base or amount)
	return Balance(
		voucher_type="Sales Invoice",
		voucher_no="SINV-1",
		customer="Anchor Cafe",
		receivable_account="Debtors - HL",
		currency=currency,
		posting_date=TODAY,
		due_date=TODAY,
		at_cutoff=now,
		base_at_cutoff=base_now,
		now=now,
		base_now=base_now,
		origin=origin,
	)


@pytest.mark.parametrize(
	"case",
	rows("""
		minimum  amount  type    found
		-------  ------  ------  -----
		0         0.01   Debit   yes
		5         5.00   Debit   yes
		5         4.99   Debit   no
		5        25.00   Debit   yes
		5        25.01   Debit   no
		25       25.00   Debit   yes
		5        -5.00   Credit  yes
		5        -4.99   Credit  no
		5        -5.00   Debit   no
	"""),
	ids=lambda case: f"{case['minimum']}-{case['amount']}-{case['type']}",
)
def test_from_a_minimum_to_the_maximum(case: dict[str, str]) -> None:
	chosen = criteria(min_invoice_amount=Decimal(case["minimum"]), balance_type=case["type"])
	assert bool(match(balance(case["amount"]), chosen)) is (case["found"] == "yes")


THRESHOLDS = (
	Threshold("EUR", Decimal(5), Decimal(40)),
	Threshold("IDR", Decimal(0), Decimal(300_000)),
)
EUR_ON_USD = Origin(currency="EUR", rate=Decimal("1.1537"), decimals=2)


@pytest.mark.parametrize(
	"case",
	rows("""
		amount     base    currency  invoice  found  why
		---------  ------  --------  -------  -----  ------------------------------------------------
		    40.00   46.00  EUR       -        yes    over_25_in_company_currency_but_not_over_40_EUR
		    40.01   46.01  EUR       -        no     over_the_threshold
		     4.99    5.74  EUR       -        no     below_the_minimum_of_the_threshold
		     5.00    5.75  EUR       -        yes    at_the_minimum
		300000.00   18.37  IDR       -        yes    at_the_threshold
		300000.01   18.37  IDR       -        no     over_it_though_far_below_25_USD
		    46.15   46.15  USD       EUR      yes    40_EUR_at_1.1537_on_the_account_in_USD
		    46.16   46.16  USD       EUR      no     40.01_EUR
		    25.00   25.00  USD       -        yes    no_threshold_for_this_currency
		    25.01   25.01  USD       -        no     no_threshold_for_this_currency
		    20.00   26.00  GBP       -        no     no_threshold_for_this_currency
	"""),
	ids=lambda case: f"{case['amount']}-{case['currency']}-{case['invoice'] or 'same'}",
)
def test_thresholds_are_in_the_currency_of_the_voucher(case: dict[str, str]) -> None:
	origin = EUR_ON_USD if case["invoice"] else NO_ORIGIN
	one = balance(case["amount"], case["base"], currency=case["currency"], origin=origin)
	assert bool(match(one, criteria(thresholds=THRESHOLDS))) is (case["found"] == "yes")


def test_an_amount_in_the_currency_of_the_voucher_has_its_decimals() -> None:
	assert NO_ORIGIN == Origin("", Decimal(1), 2, None, False, ())
	assert EUR_ON_USD.in_currency(Decimal("46.15")) == Decimal("40.00")
	assert Origin("BHD", Decimal("2.65"), 3).in_currency(Decimal(1)) == Decimal("0.377")
	assert NO_ORIGIN.in_currency(Decimal("0.377")) == Decimal("0.377"), (
		"of an account in a currency with three"
	)


@pytest.mark.parametrize(
	("posted", "found"),
	[(date(2026, 5, 30), True), (date(2026, 5, 31), False), (date(2026, 7, 1), False)],
)
def test_a_voucher_is_over_the_age_at_the_cutoff(posted: date, found: bool) -> None:
	asked = criteria(minimum_age_days=30, ageing_based_on="Posting Date")
	assert dates_match(replace(balance("5"), posting_date=posted), asked) is found


def test_a_voucher_of_the_cutoff_date_is_not_after_it() -> None:
	due_before = replace(balance("5"), due_date=date(2026, 1, 1))
	asked = criteria(minimum_age_days=30)
	assert dates_match(due_before, asked)
	assert not dates_match(replace(due_before, posting_date=date(2026, 7, 1)), asked)


@pytest.mark.parametrize(
	("original", "amount", "share", "found"),
	[
		("100", "5.00", "5", True),
		("100", "5.01", "5", False),
		("100", "5.01", None, True),
		("100", "12.50", "12.5", True),
		(None, "5.00", "5", False),
		(None, "5.00", None, True),
	],
)
def test_share_of_the_original_amount(
	original: str | None, amount: str, share: str | None, found: bool
) -> None:
	one = balance(amount, origin=Origin(original=Decimal(original) if original else None))
	assert bool(match(one, criteria(max_original_share=Decimal(share) if share else None))) is found


@pytest.mark.parametrize(("settled", "wanted", "found"), [(0, 0, 1), (0, 1, 0), (1, 0, 1), (1, 1, 1)])
def test_only_what_is_left_after_a_payment(settled: int, wanted: int, found: int) -> None:
	one = balance("5", origin=Origin(settled=bool(settled)))
	assert bool(match(one, criteria(only_remainders=bool(wanted)))) is bool(found)


@pytest.mark.parametrize(
	("kinds", "wanted", "found"),
	[
		(("Sales Invoice",), None, True),
		(("Sales Invoice",), "Sales Invoice", True),
		(("Sales Invoice", "Opening Invoice"), "Sales Invoice", True),
		(("Sales Invoice", "Opening Invoice"), "Opening Invoice", True),
		(("Sales Invoice",), "Opening Invoice", False),
		(("Credit Note",), "Sales Invoice", False),
		(("Payment Entry",), "Journal Entry", False),
	],
)
def test_kind_of_voucher(kinds: tuple[str, ...], wanted: str | None, found: bool) -> None:
	assert bool(match(balance("5", origin=Origin(kinds=kinds)), criteria(voucher_kind=wanted))) is found


def test_history_is_read_only_if_a_criterion_needs_it() -> None:
	assert not criteria(thresholds=THRESHOLDS, voucher_kind="Credit Note").needs_history
	assert criteria(max_original_share=Decimal(5)).needs_history
	assert criteria(only_remainders=True).needs_history
