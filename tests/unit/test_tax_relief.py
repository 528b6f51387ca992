"""The tax in a loss and the days of its claim, with worked examples of tax offices."""

from __future__ import annotations

import json
import re
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ar_writeoff.tax_relief import rules
from ar_writeoff.tax_relief.rules import ClaimDates, ClaimRule
from tests.unit.app_files import select_options

D = Decimal

UK = ClaimRule(clock=rules.LATER, wait_months=6, limit_months=54, limit_from=rules.LATER)
GERMANY = ClaimRule(rules.EVENT, rules.EVENT, forced_period=True)
NETHERLANDS = ClaimRule("Age", rules.DUE, wait_months=12, forced_period=True, return_months=3)
EMIRATES = ClaimRule(clock=rules.SUPPLY, wait_months=6)


def dates(
	supply: str, due: str = "", written_off: str = "2025-06-30", event: str | None = None
) -> ClaimDates:
	return ClaimDates(
		date.fromisoformat(supply),
		date.fromisoformat(due or supply),
		date.fromisoformat(written_off),
		date.fromisoformat(event) if event else None,
	)


def test_the_words_are_those_of_the_doctypes() -> None:
	clocks = [rules.LATER, rules.SUPPLY, rules.DUE, rules.WRITE_OFF, rules.EVENT]
	assert select_options("Write-Off Tax Rule", "clock") == clocks
	assert select_options("Write-Off Tax Rule", "limit_from") == clocks
	assert select_options("Write-Off Tax Rule", "trigger") == [rules.WRITTEN_OFF, "Age", rules.EVENT]
	assert select_options("Write-Off Tax Claim", "status") == [
		rules.WAITING,
		rules.NEEDS_NOTICE,
		rules.CLAIMABLE,
		rules.CLAIMED,
		rules.FILED,
		rules.PARTLY_REPAID,
		rules.REPAID,
		rules.LAPSED,
		rules.EXCLUDED,
		rules.WITHDRAWN,
	]
	assert [12 // months for months in rules.RETURN_MONTHS.values()] == [12, 6, 4, 2, 1], "returns in a year"
	assert list(rules.RETURN_MONTHS) == select_options("Write-Off Settings", "tax_return_period")
	assert ClaimRule() == ClaimRule("Written Off", "Write-Off", 0, 0, None, "Write-Off", False, 1)
	assert dates("2025-01-01") == ClaimDates(date(2025, 1, 1), date(2025, 1, 1), date(2025, 6, 30))
	assert set(select_options("Write-Off Tax Claim", "status")) - set(rules.COUNTED) == {
		rules.EXCLUDED,
		rules.WITHDRAWN,
	}


@pytest.mark.parametrize(
	("day", "months", "expected"),
	[
		("2025-08-31", 6, "2026-02-28"),
		("2027-08-31", 6, "2028-02-29"),
		("2028-02-29", 12, "2029-02-28"),
		("2028-02-29", 48, "2032-02-29"),
		("2025-01-31", 54, "2029-07-31"),
		("2025-12-31", 0, "2025-12-31"),
		("2025-11-30", 1, "2025-12-30"),
	],
)
def test_months_end_with_the_month(day: str, months: int, expected: str) -> None:
	assert rules.add_months(date.fromisoformat(day), months) == date.fromisoformat(expected)


@pytest.mark.parametrize(
	("day", "months", "first", "last"),
	[
		("2025-03-15", 1, "2025-03-01", "2025-03-31"),
		("2025-03-31", 2, "2025-03-01", "2025-04-30"),
		("2025-03-31", 3, "2025-01-01", "2025-03-31"),
		("2025-07-01", 6, "2025-07-01", "2025-12-31"),
		("2028-02-29", 12, "2028-01-01", "2028-12-31"),
	],
)
def test_return_periods(day: str, months: int, first: str, last: str) -> None:
	period = rules.period_of(date.fromisoformat(day), months)
	assert period == (date.fromisoformat(first), date.fromisoformat(last))


# rule, dates -> first and last day of the claim
WINDOWS = {
	"UK: later of supply and due": (UK, dates("2025-01-01", "2025-01-31"), "2025-08-01", "2029-07-31"),
	"UK: due before supply": (UK, dates("2025-01-31", "2025-01-01"), "2025-08-01", "2029-07-31"),
	"UK: 31 August": (UK, dates("2025-08-31"), "2026-03-01", "2030-02-28"),
	"UK: written off later": (
		UK,
		dates("2025-01-01", "2025-01-31", "2026-03-05"),
		"2026-03-05",
		"2029-07-31",
	),
	"Germany: the month of the event": (
		GERMANY,
		dates("2024-10-01", event="2025-03-15"),
		"2025-03-15",
		"2025-03-31",
	),
	"Germany: no event yet": (GERMANY, dates("2024-10-01"), None, None),
	"Netherlands: a year after due": (
		NETHERLANDS,
		dates("2024-05-01", "2024-05-31"),
		"2025-06-01",
		"2025-06-30",
	),
	"Netherlands: quarter": (NETHERLANDS, dates("2024-05-01", "2024-06-30"), "2025-07-01", "2025-09-30"),
	"Emirates: supply, no limit": (EMIRATES, dates("2025-03-10", "2025-09-10"), "2025-09-11", None),
	"New Zealand: the period of the write-off": (
		ClaimRule(forced_period=True, return_months=2),
		dates("2025-01-01", written_off="2025-06-30"),
		"2025-06-30",
		"2025-06-30",
	),
	"days": (
		ClaimRule(clock=rules.DUE, wait_days=90),
		dates("2025-01-01", "2025-03-31", "2025-04-30"),
		"2025-06-30",
		None,
	),
	"a limit from an event to come": (
		ClaimRule(rules.EVENT, rules.EVENT, limit_months=12, limit_from=rules.EVENT),
		dates("2025-01-01"),
		None,
		None,
	),
	"the earlier limit counts": (
		ClaimRule(forced_period=True, limit_months=1, limit_from=rules.SUPPLY, return_months=12),
		dates("2025-06-01"),
		"2025-06-30",
		"2025-07-01",
	),
}


@pytest.mark.parametrize(("rule", "days", "first", "last"), WINDOWS.values(), ids=WINDOWS)
def test_first_and_last_day(rule: ClaimRule, days: ClaimDates, first: str | None, last: str | None) -> None:
	assert rules.claimable_on(rule, days) == (first and date.fromisoformat(first))
	assert rules.lapses_on(rule, days) == (last and date.fromisoformat(last))


def test_the_day_before_and_the_day_of_each_limit() -> None:
	first, last, day = date(2025, 8, 1), date(2029, 7, 31), timedelta(days=1)
	status = [
		rules.status_on(one, first, last, lacks_notice=False)
		for one in (first - day, first, last, last + day)
	]
	assert status == [rules.WAITING, rules.CLAIMABLE, rules.CLAIMABLE, rules.LAPSED]
	assert rules.status_on(first, first, last, lacks_notice=True) == rules.NEEDS_NOTICE
	assert rules.status_on(first - day, first, last, lacks_notice=True) == rules.WAITING
	assert rules.status_on(last + day, first, last, lacks_notice=True) == rules.LAPSED
	assert rules.status_on(first, None, None, lacks_notice=False) == rules.WAITING


@pytest.mark.parametrize(
	("day", "warned_on", "expected"),
	[
		("2026-06-30", None, False),
		("2026-07-01", None, True),
		("2026-07-02", "2026-07-01", False),
		("2026-07-20", None, True),
		("2026-07-23", "2026-07-22", False),
		("2026-07-24", "2026-07-23", True),
		("2026-07-25", "2026-07-24", False),
		("2026-07-31", "2026-07-01", True),
		("2026-08-01", None, False),
	],
)
def test_a_warning_30_and_7_days_before_the_last_day(day: str, warned_on: str | None, expected: bool) -> None:
	warned = date.fromisoformat(warned_on) if warned_on else None
	assert rules.is_warning_due(date(2026, 7, 31), warned, date.fromisoformat(day)) is expected


def tax(
	taxes: dict[str, str], gross: str, loss: str, claimed: dict[str, str] | None = None, **more: Fraction
) -> dict[str, Decimal]:
	return rules.tax_of_loss(
		{account: D(amount) for account, amount in taxes.items()},
		D(gross),
		Fraction(D(loss)) / Fraction(D(gross)),
		{account: D(amount) for account, amount in (claimed or {}).items()},
		2,
		more.get("statutory"),
		more.get("relief_accounts"),
	)


# taxes, gross, loss -> tax in the loss
LOSSES = {
	"UK, a part without tax": ({"VAT": "200.00"}, "1400.00", "700.00", {"VAT": D("100.00")}),
	"Germany": ({"USt": "1900.00"}, "11900.00", "9520.00", {"USt": D("1520.00")}),
	"Australia": ({"GST": "100.00"}, "1100.00", "770.00", {"GST": D("70.00")}),
	"Australia, 80 % taxable": ({"GST": "80.00"}, "1100.00", "770.00", {"GST": D("56.00")}),
	"Canada, two taxes": (
		{"GST": "6.50", "QST": "12.97"},
		"149.46",
		"119.46",
		{"GST": D("5.20"), "QST": D("10.37")},
	),
	"HMRC, two supplies": ({"VAT": "114.93"}, "771.64", "771.64", {"VAT": D("114.93")}),
	"US, 8.25 %": ({"Tax": "82.50"}, "1082.50", "649.50", {"Tax": D("49.50")}),
	"South Africa, old 14 %": ({"VAT": "280.00"}, "2280.00", "1710.00", {"VAT": D("210.00")}),
	"no tax": ({}, "100.00", "100.00", {}),
	"more than the invoice": ({"GST": "100.00"}, "1100.00", "1200.00", {"GST": D("100.00")}),
	"no tax on one account": ({"A": "10.00", "B": "0.00"}, "100.00", "50.00", {"A": D("5.00")}),
	"a negative tax is left out": ({"A": "10.00", "B": "-1.00"}, "100.00", "50.00", {"A": D("5.00")}),
}


@pytest.mark.parametrize(("taxes", "gross", "loss", "expected"), LOSSES.values(), ids=LOSSES)
def test_tax_in_a_loss(taxes: dict[str, str], gross: str, loss: str, expected: dict[str, Decimal]) -> None:
	assert tax(taxes, gross, loss) == expected


def test_accounts_of_one_return_are_rounded_in_total() -> None:
	taxes = {"A": "9.00", "B": "9.00"}
	assert tax(taxes, "118.00", "50.05") == {"A": D("3.82"), "B": D("3.82")}
	together = {"A": "Relief", "B": "Relief"}
	assert tax(taxes, "118.00", "50.05", relief_accounts=together) == {"A": D("3.82"), "B": D("3.81")}
	# The larger remainder takes the cent.
	thirds = tax({"A": "1.00", "B": "2.00"}, "15.00", "5.00", relief_accounts=together)
	assert thirds == {"A": D("0.33"), "B": D("0.67")}


def test_tax_has_the_decimals_of_the_currency() -> None:
	assert rules.tax_left(D(1000), Fraction(1, 3), 0) == 333
	assert rules.tax_of_loss({"VAT": D(100)}, D(1100), Fraction(1, 3), {}, 0) == {"VAT": D(33)}


@pytest.mark.parametrize(
	("share", "left"), [("-1/2", "0"), ("0", "0"), ("1/2", "5"), ("1", "10"), ("3/2", "10")]
)
def test_tax_left_of_a_share(share: str, left: str) -> None:
	assert rules.tax_left(D(10), Fraction(share), 2) == D(left)


def test_three_losses_have_the_tax_of_the_invoice() -> None:
	claimed, so_far, parts = D(0), D(0), []
	for part in ("33.33", "33.33", "33.34"):
		so_far += D(part)
		[more] = tax({"VAT": "16.67"}, "100.00", str(so_far), {"VAT": str(claimed)}).values()
		parts.append(more)
		claimed += more
	assert parts == [D("5.56"), D("5.55"), D("5.56")]


def test_statutory_fraction() -> None:
	one_eleventh = Fraction(1, 11)
	# The invoice rounded its tax up.
	assert tax({"GST": "9.09"}, "99.97", "49.99", statutory=one_eleventh) == {"GST": D("4.54")}
	assert tax({"GST": "80.00"}, "1100.00", "770.00", statutory=one_eleventh) == {"GST": D("56.00")}
	# Up to five cents are rounding.
	assert tax({"GST": "99.95"}, "1100.00", "550.00", statutory=one_eleventh) == {"GST": D("50.00")}
	assert tax({"GST": "99.94"}, "1100.00", "550.00", statutory=one_eleventh) == {"GST": D("49.97")}
	assert tax({"GST": "13.05"}, "99.99", "50.00", statutory=Fraction(3, 23)) == {"GST": D("6.52")}
	assert tax({"GST": "3.00", "PST": "6.09"}, "99.97", "99.97", statutory=one_eleventh) == {
		"GST": D("3.00"),
		"PST": D("6.09"),
	}


@pytest.mark.parametrize(
	("text", "expected"), [("", None), ("1/11", Fraction(1, 11)), (" 3 / 23 ", Fraction(3, 23))]
)
def test_fraction_is_parsed(text: str, expected: Fraction | None) -> None:
	assert rules.parse_fraction(text) == expected


@pytest.mark.parametrize("text", ["0", "1", "11/1", "1/0", "a", "-1/11"])
def test_bad_fraction(text: str) -> None:
	with pytest.raises(ValueError, match=re.escape(text)):
		rules.parse_fraction(text)


# claimed, recovered, written off, repaid -> repayment
REPAYMENTS = {
	"UK": ("100.00", "280.00", "700.00", "0", "40.00"),
	"HMRC": ("114.93", "421.64", "771.64", "0", "62.80"),
	"Germany": ("1520.00", "952.00", "9520.00", "0", "152.00"),
	"Australia": ("70.00", "220.00", "770.00", "0", "20.00"),
	"Australia, 80 % taxable": ("56.00", "220.00", "770.00", "0", "16.00"),
	"US, 8.25 %": ("49.50", "216.50", "649.50", "0", "16.50"),
	"Canada": ("5.20", "60.00", "119.46", "0", "2.61"),
	"Quebec": ("10.37", "60.00", "119.46", "0", "5.21"),
	"the rest": ("100.00", "700.00", "700.00", "40.00", "60.00"),
	"more than the loss": ("100.00", "900.00", "700.00", "40.00", "60.00"),
	"nothing": ("100.00", "0", "700.00", "0", "0.00"),
	"less than before": ("100.00", "70.00", "700.00", "40.00", "0.00"),
}


def repayment(claimed: Decimal, recovered: Decimal, written_off: Decimal, repaid: Decimal) -> Decimal:
	left = 1 - Fraction(recovered) / Fraction(written_off)
	return max(claimed - rules.tax_left(claimed, left, 2) - repaid, D(0))


@pytest.mark.parametrize(
	("claimed", "recovered", "written_off", "repaid", "expected"), REPAYMENTS.values(), ids=REPAYMENTS
)
def test_repayment(claimed: str, recovered: str, written_off: str, repaid: str, expected: str) -> None:
	assert repayment(D(claimed), D(recovered), D(written_off), D(repaid)) == D(expected)


CENTS = st.integers(0, 100_000).map(lambda cents: D(cents).scaleb(-2))


@given(
	taxes=st.lists(CENTS, min_size=1, max_size=3),
	net=st.integers(1, 1_000_000).map(lambda cents: D(cents).scaleb(-2)),
	weights=st.lists(st.integers(1, 50), min_size=1, max_size=6),
)
def test_losses_add_up_to_the_tax(taxes: list[Decimal], net: Decimal, weights: list[int]) -> None:
	"""However an invoice is written off in parts, each claim is 0 or more and all of them have its tax."""
	by_account = {f"Tax {number}": amount for number, amount in enumerate(taxes) if amount}
	gross = net + sum(by_account.values(), D(0))
	claimed = dict.fromkeys(by_account, D(0))
	so_far = 0
	for weight in weights:
		so_far += weight
		share = Fraction(so_far, sum(weights))
		more = rules.tax_of_loss(
			by_account, gross, share, claimed, 2, None, dict.fromkeys(by_account, "Relief")
		)
		for account, amount in more.items():
			assert amount >= 0
			claimed[account] += amount
			assert claimed[account] <= by_account[account]
		exact = Fraction(sum(by_account.values(), D(0))) * share
		assert abs(Fraction(sum(claimed.values(), D(0))) - exact) <= Fraction(1, 200)
	assert claimed == by_account


@given(claimed=CENTS, parts=st.lists(st.integers(1, 10_000), min_size=1, max_size=6))
def test_full_recovery_repays_what_was_claimed(claimed: Decimal, parts: list[int]) -> None:
	total, recovered, repaid = D(sum(parts)), D(0), D(0)
	for part in parts:
		recovered += part
		more = repayment(claimed, recovered, total, repaid)
		assert more >= 0
		repaid += more
	assert repaid == claimed


@pytest.mark.parametrize(
	("left", "left_then", "claimed", "expected"),
	[
		("100", "100", "0", "100"),
		("60", "60", "0", "60"),
		("100", "100", "100", "0"),
		# 280 of 700 is recovered in the period, after it, and both.
		("60", "60", "100", "-40"),
		("60", "100", "100", "0"),
		("40", "60", "100", "-40"),
		# A recovery was cancelled after its repayment.
		("100", "60", "60", "40"),
		("0", "0", "100", "-100"),
		# More is written off again since the end of the period.
		("60", "40", "100", "-40"),
	],
)
def test_what_a_tax_run_posts(left: str, left_then: str, claimed: str, expected: str) -> None:
	assert rules.open_amount(D(left), D(left_then), D(claimed)) == D(expected)


@pytest.mark.parametrize(
	("claimed", "repaid", "filed", "expected"),
	[
		("100", "0", False, rules.CLAIMED),
		("100", "0", True, rules.FILED),
		("100", "40", True, rules.PARTLY_REPAID),
		("100", "100", True, rules.REPAID),
		# Claimed again after a repayment.
		("140", "40", False, rules.CLAIMED),
		# In part, because a part was recovered before.
		("60", "0", True, rules.FILED),
	],
)
def test_status_of_a_posted_claim(claimed: str, repaid: str, filed: bool, expected: str) -> None:
	assert rules.posted_status(D(100), D(claimed), D(repaid), filed=filed) == expected


@pytest.mark.parametrize(
	("left", "most", "expected"),
	[
		# The last claim is reduced first.
		(["100", "60"], "120", ["100", "20"]),
		(["100", "60"], "40", ["40", "0"]),
		(["100", "60"], "0", ["0", "0"]),
		(["100", "60"], "160", ["100", "60"]),
		(["100", "60"], "500", ["100", "60"]),
		# Rounded cumulatively.
		(["5.56", "5.55"], "11.1054", ["5.56", "5.55"]),
		(["5.56", "5.55"], "11.10", ["5.56", "5.54"]),
		(["5.56", "5.55"], "11.0949", ["5.56", "5.53"]),
	],
)
def test_credit_notes_limit_the_taxes_of_claims(left: list[str], most: str, expected: list[str]) -> None:
	taxes = {str(number): D(amount) for number, amount in enumerate(left)}
	assert list(rules.limit_taxes(taxes, Fraction(most), 2).values()) == [D(amount) for amount in expected]


def test_conditions_and_reasons() -> None:
	class Needs:
		needs_notice, needs_evidence = True, True

	class NeedsNothing:
		needs_notice, needs_evidence = False, False

	day = date(2026, 6, 30)
	assert rules.missing_conditions(Needs, None, None) == ["Notice Sent On", "Evidence"]
	assert rules.missing_conditions(Needs, day, "file") == []
	assert rules.missing_conditions(NeedsNothing, None, None) == []
	reason = rules.claim_reason(rules.LAPSED, rules.EVENT, None, [], day)
	assert reason and (reason.code, dict(reason.facts)["on"]) == ("tax_lapsed", "2026-06-30")
	reason = rules.claim_reason(rules.WAITING, rules.EVENT, None, [], None)
	assert reason and reason.code == "tax_event_missing"
	assert rules.claim_reason(rules.WAITING, rules.EVENT, day, [], None) is None
	assert rules.claim_reason(rules.WAITING, rules.WRITTEN_OFF, None, [], None) is None
	reason = rules.claim_reason(rules.NEEDS_NOTICE, rules.WRITTEN_OFF, None, ["A", "B"], None)
	assert reason and (reason.code, dict(reason.facts)["fields"]) == ("tax_conditions_missing", "A\nB")
	assert rules.claim_reason(rules.CLAIMABLE, rules.EVENT, None, [], None) is None


def test_shipped_rules_have_a_source_and_a_date() -> None:
	path = Path(rules.__file__).parent / "data" / "rules.json"
	shipped = json.loads(path.read_text(encoding="utf-8"))
	assert len({rule["key"] for rule in shipped}) == len(shipped)
	on = {rule["key"] for rule in shipped if not rule["disabled"] and not rule["no_relief"]}
	assert on == {"GB", "DE", "AT", "SE", "NL", "NL-AGE", "AU", "AU-AGE", "NZ", "ZA", "CA", "SG", "AE"}
	for rule in shipped:
		assert rule["source"] and date.fromisoformat(rule["checked_on"]), rule["key"]
		rules.parse_fraction(rule["statutory_fraction"])
		assert bool(rule["limit_months"]) == bool(rule["limit_from"]), rule["key"]


@pytest.mark.parametrize(
	("method", "status", "expected"),
	[
		(rules.RELIEF_LATER, rules.CLAIMABLE, ""),
		(rules.NET_AT_ONCE, rules.CLAIMABLE, "Relief"),
		(rules.NET_AT_ONCE, rules.WAITING, ""),
		(rules.NET_AT_ONCE, rules.LAPSED, ""),
		(rules.INTERIM_ACCOUNT, rules.CLAIMABLE, "Relief"),
		(rules.INTERIM_ACCOUNT, rules.WAITING, "Relief"),
		(rules.INTERIM_ACCOUNT, rules.NEEDS_NOTICE, "Relief"),
		(rules.INTERIM_ACCOUNT, rules.LAPSED, ""),
	],
)
def test_the_account_that_takes_the_tax(method: str, status: str, expected: str) -> None:
	booking = rules.Booking(method, (("VAT", "Relief"),))
	assert booking.account("VAT", status) == expected
	assert booking.account("Other", status) == ""
	assert rules.Booking().account("VAT", status) == ""


@pytest.mark.parametrize(
	("left", "booked", "claimed", "lapsed", "is_lapsed", "on_relief", "on_interim"),
	[
		("100", "100", "0", "0", False, "100", "0"),  # to claim
		("100", "100", "0", "0", True, "0", "-100"),  # lapsed
		("100", "100", "100", "0", True, "0", "0"),  # claimed in time
		("100", "100", "60", "0", False, "40", "0"),  # a recovery was cancelled
		("100", "100", "60", "0", True, "0", "-40"),  # too late
		("60", "60", "100", "0", False, "-40", "0"),  # to repay
		("0", "0", "100", "0", True, "-100", "0"),
		("60", "60", "0", "100", True, "0", "40"),  # recovered after the lapse
		("0", "0", "0", "100", False, "0", "100"),
		("70", "70", "60", "40", True, "0", "30"),
		("0", "0", "60", "40", True, "-60", "0"),  # the repayment first
		("80", "100", "0", "0", False, "80", "0"),  # a credit note has reversed 20
		("80", "100", "80", "0", False, "0", "-20"),
		("80", "100", "100", "0", False, "-20", "0"),
	],
)
def test_what_a_tax_run_posts_of_an_interim_account(
	left: str, booked: str, claimed: str, lapsed: str, is_lapsed: bool, on_relief: str, on_interim: str
) -> None:
	found = rules.interim_amounts(D(left), D(booked), D(claimed), D(lapsed), is_lapsed=is_lapsed)
	assert found == (D(on_relief), D(on_interim))


@given(st.decimals("0.01", "999.99", places=2), st.lists(st.integers(1, 99), min_size=1, max_size=6))
def test_recoveries_return_the_tax_of_a_loss(tax: Decimal, parts: list[int]) -> None:
	"""Each returns its part, not below 0, and all of them return all."""
	left, still = tax, sum(parts)
	for part in parts:
		still -= part
		amount = rules.tax_to_return(left, tax, Fraction(still, sum(parts)), 2)
		assert 0 <= amount <= left
		left -= amount
	assert left == 0


def test_a_recovery_returns_nothing_below_zero() -> None:
	"""A cancelled recovery may leave a cent less than the share."""
	assert rules.tax_to_return(D("5.00"), D("10.00"), Fraction(51, 100), 2) == 0


LOSSES = {
	"nothing": ("200.00", 1, 0, [], [], "33.33"),
	"half is written off, with a claim": ("200.00", 0.5, 0.5, ["16.67"], [], "16.66"),
	"half is released": ("200.00", 0.5, 0.5, [], ["16.66"], "33.33"),
	"all is released": ("200.00", 0, 1, [], ["16.66", "16.67"], "33.33"),
	"half has a claim, half is released": ("200.00", 0, 1, ["16.67"], ["16.66"], "16.66"),
	"half was written off without a claim": ("200.00", 0.5, 0.5, [], [], "16.66"),
	"more than a cent is without a claim": ("200.00", 0, 1, [], ["33.31"], "33.31"),
	"a cent of rounding is not deferred when nothing is open": ("200.00", 0, 1, [], ["33.32"], "33.32"),
	"nor claimed": ("200.00", 0, 1, ["33.32"], [], "0.00"),
	"the claim has more": ("200.00", 0, 1, ["33.34"], [], "0.00"),
}


@pytest.mark.parametrize(
	("gross", "unpaid", "lost", "claimed", "released", "expected"), LOSSES.values(), ids=LOSSES
)
def test_tax_by_age_beside_losses(
	gross: str, unpaid: float, lost: float, claimed: list[str], released: list[str], expected: str
) -> None:
	losses = rules.LossTaxes()
	for amounts, is_released in ((claimed, False), (released, True)):
		for amount in amounts:
			losses.add("VAT", D(amount), is_released=is_released)
	found = rules.unpaid_tax({"VAT": D("33.33")}, D(gross), Fraction(unpaid), Fraction(lost), losses, 2)
	assert found == {"VAT": D(expected)}


def test_each_tax_by_age_has_its_own_losses() -> None:
	"""One tax is released, the other one was claimed with the loss."""
	losses = rules.LossTaxes()
	losses.add("GST", D("50.00"), is_released=True)
	losses.add("QST", D("99.75"), is_released=False)
	taxes = {"GST": D("50.00"), "QST": D("99.75")}
	found = rules.unpaid_tax(taxes, D("1149.75"), Fraction(0), Fraction(1), losses, 2)
	assert found == {"GST": D("50.00"), "QST": D("0.00")}


@pytest.mark.parametrize(
	("unpaid", "lost", "claimed", "released", "in_payments", "expected"),
	[
		("10/11", "0", "0", "0", "80", "20"),
		# No more than the tax of what is unpaid.
		("9/10", "0", "0", "0", "2", "90"),
		# A part of a cent is not claimed.
		("52/55", "0", "0", "0", "160/3", "46.66"),
		("0", "0", "0", "0", "120", "0"),
		# Less what a loss has claimed.
		("2/11", "1/2", "50", "0", "40", "10"),
		# What a loss has released is not repaid.
		("1/55", "9/10", "0", "90", "80", "90"),
	],
)
def test_tax_that_payments_have_reversed_is_not_claimed_again(
	unpaid: str, lost: str, claimed: str, released: str, in_payments: str, expected: str
) -> None:
	losses = rules.LossTaxes()
	for amount, is_released in ((claimed, False), (released, True)):
		if D(amount):
			losses.add("VAT", D(amount), is_released=is_released)
	found = rules.unpaid_tax(
		{"VAT": D(100)},
		D(1100),
		Fraction(unpaid),
		Fraction(lost),
		losses,
		2,
		in_payments={"VAT": Fraction(in_payments)},
	)
	assert found == {"VAT": D(expected)}
