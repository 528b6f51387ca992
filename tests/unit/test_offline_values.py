"""Dates and amounts in exports: every format of System Settings, and ambiguous values."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

import pytest

from ar_writeoff.offline.values import (
	DATE_FORMATS,
	DETECT_FORMAT,
	Format,
	Unreadable,
	amount_reader,
	date_reader,
)


@pytest.mark.parametrize("form", DATE_FORMATS)
def test_every_date_format_of_system_settings_is_told_by_its_dates(form: str) -> None:
	dates = [date(2026, 1, 2), date(2026, 1, 31), date(2025, 12, 1)]
	written = [day.strftime(form) for day in dates]
	read = date_reader(written, DETECT_FORMAT)
	assert [read(text) for text in written] == dates


@pytest.mark.parametrize(
	("text", "one", "other"),
	[("01/02/2026", "2026-02-01", "2026-01-02"), ("03-04-2026", "2026-04-03", "2026-03-04")],
)
def test_dates_that_could_be_two_are_refused_with_both(text: str, one: str, other: str) -> None:
	with pytest.raises(Unreadable, match=f"{text} can be read as {one} or {other}") as error:
		date_reader([text, text], DETECT_FORMAT)(text)
	assert "--date-format" in str(error.value)
	assert date_reader([text], Format("%d/%m/%Y" if "/" in text else "%d-%m-%Y"))(text) == date.fromisoformat(
		one
	)


def test_a_date_that_means_the_same_either_way_is_read() -> None:
	assert date_reader(["02/02/2026"], DETECT_FORMAT)("02/02/2026") == date(2026, 2, 2)


def test_dates_of_a_spreadsheet_and_with_a_time() -> None:
	read = date_reader(["2026-01-31 00:00:00"], DETECT_FORMAT)
	assert read("2026-01-31 00:00:00") == read(datetime(2026, 1, 31, 5)) == read(date(2026, 1, 31))
	assert read(None) is read("") is read("  ") is None


def amounts(*texts: object, form: Format = DETECT_FORMAT, no_decimals: bool = False) -> list[Decimal | None]:
	read = amount_reader(texts, form)
	return [read(text, no_decimals) for text in texts]


@pytest.mark.parametrize(
	("texts", "expected"),
	[
		(["10.0", "1234.5"], ["10.0", "1234.5"]),  # as ERPNext writes them
		(["10,0", "1234,5"], ["10.0", "1234.5"]),  # decimal sign of the export dialog
		(["1,23,456.78", "1.00"], ["123456.78", "1.00"]),  # India
		(["1.23.456,78"], ["123456.78"]),
		(["1,234.50", "1,234"], ["1234.50", "1234"]),  # the first one says what the second means
		(["1.234,50", "1.234"], ["1234.50", "1234"]),
		(["1 234,50", "1\N{NARROW NO-BREAK SPACE}234,50"], ["1234.50", "1234.50"]),  # France
		(["1'234.50", "1\N{RIGHT SINGLE QUOTATION MARK}234.50"], ["1234.50", "1234.50"]),  # Switzerland
		(["$ 1,234.50", "$1.00", "-$ 5.00", "$ -5.00"], ["1234.50", "1.00", "-5.00", "-5.00"]),
		(["€ 10,50", "10,50 €", "-10,50 €"], ["10.50", "10.50", "-10.50"]),
		(["₹ 1,23,456.78", "Rs. 100", "R$ 5.10", "kr 5.10", "CHF 5.10", "5.10 zł"], ["123456.78", "100", "5.10", "5.10", "5.10", "5.10"]),
		(["د.إ 10.00", "10.00 د.إ"], ["10.00", "10.00"]),
		(["(10.00)", "10.00-", "\N{MINUS SIGN}10.00"], ["-10.00", "-10.00", "-10.00"]),
		([10.5, 7, Decimal("0.01")], ["10.5", "7", "0.01"]),  # a spreadsheet
		(["1e-05"], ["0.00001"]),
	],
)  # fmt: skip
def test_amounts_of_every_number_system(texts: list[object], expected: list[str]) -> None:
	assert amounts(*texts) == [Decimal(text) for text in expected]


@pytest.mark.parametrize(("text", "one", "other"), [("1,250", "1250", "1.250"), ("1.250", "1.250", "1250")])
def test_amounts_that_could_be_two_are_refused_with_both(text: str, one: str, other: str) -> None:
	with pytest.raises(Unreadable, match=f"{text} can be read as {one} or {other}"):
		amounts(text)
	assert amounts(text, form=Format(decimal_comma=True)) == [Decimal("1.250" if "," in text else "1250")]
	assert amounts(text, form=Format(decimal_comma=False)) == [Decimal("1250" if "," in text else "1.250")]


def test_a_currency_without_decimals_leaves_one_reading() -> None:
	assert amounts("1,250", "3,000", no_decimals=True) == [Decimal(1250), Decimal(3000)]
	assert amounts("1.250", no_decimals=True) == [Decimal(1250)]


@pytest.mark.parametrize(
	"text", ["ten", "12abc", "NaN", "inf", "1.2.3", "--5", "1,2,3", "$", "(5", "5 apples", "=1+1"]
)
def test_what_is_no_amount(text: str) -> None:
	with pytest.raises(Unreadable, match="is not an amount such as"):
		amounts(text)
