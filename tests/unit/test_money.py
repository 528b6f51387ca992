"""Amounts: exact, rounded half up to the currency's precision, and parsed strictly."""

from __future__ import annotations

from decimal import Decimal

import pytest

from ar_writeoff.core.money import COMMA, POINT, ZERO, AmountError, ledger_money, money, parse_amount, unit


@pytest.mark.parametrize(
	("value", "precision", "expected"),
	[
		(14.1, 2, "14.10"),  # 14.0999999999999996447 as a float
		(4.7 + 4.7 + 4.7, 2, "14.10"),  # 14.100000000000001
		(0.1 + 0.2, 2, "0.30"),
		(0.1 + 0.2, 3, "0.300"),
		(1.005, 2, "1.01"),  # half up, on what a person reads and not on the bits below it
		(2.675, 2, "2.68"),
		(-2.675, 2, "-2.68"),  # credits round away from zero like debits
		(1234.5, 0, "1235"),  # yen
		(1.0005, 3, "1.001"),  # dinar
		("19.99", 2, "19.99"),
		(Decimal("19.994"), 2, "19.99"),
		(7, 2, "7.00"),
		(1e-9, 2, "0.00"),
		(1e15, 2, "1000000000000000.00"),
		(99_999_999_999.99, 2, "99999999999.99"),
	],
)
def test_database_number_to_money(value: object, precision: int, expected: str) -> None:
	result = money(value, precision)
	assert (result, str(result)) == (Decimal(expected), expected)


@pytest.mark.parametrize(
	("value", "precision", "expected"),
	[
		(Decimal("0.125"), 2, "0.12"),
		(Decimal("-0.125"), 2, "-0.12"),
		(Decimal("0.135"), 2, "0.13"),
		(Decimal("0.126"), 2, "0.13"),
		(1.0005, 3, "1.000"),
		("2.5", 0, "2"),
		(14.1, 2, "14.10"),
	],
)
def test_a_sum_of_the_ledger_is_never_rounded_above_what_is_open(
	value: object, precision: int, expected: str
) -> None:
	assert str(ledger_money(value, precision)) == expected


def test_two_decimals_unless_asked_for_others() -> None:
	assert str(money("1.2345")) == str(ledger_money("1.2345")) == "1.23"
	assert [str(unit(precision)) for precision in (0, 2, 3)] == ["1", "0.01", "0.001"]


@pytest.mark.parametrize("empty", [None, ""])
def test_nothing_is_zero(empty: object) -> None:
	assert money(empty) == ledger_money(empty) == ZERO


def test_a_thousand_tenths_are_a_hundred() -> None:
	assert sum((money(0.1) for _ in range(1000)), ZERO) == 100


@pytest.mark.parametrize(
	("typed", "expected"),
	[
		("25", "25"),
		("25.00", "25.00"),
		(" 25 ", "25"),
		("1,250.50", "1250.50"),
		("1 250.50", "1250.50"),
		("1\N{NO-BREAK SPACE}250.50", "1250.50"),
		("1'250.50", "1250.50"),  # Switzerland
		("1.250,50", "1250.50"),  # both signs: the last one marks the decimals
		("1,23,456.78", "123456.78"),  # lakhs
		("1,23,456", "123456"),
		("1,234,567", "1234567"),
		("1.234.567", "1234567"),
		("-1.250,50", "-1250.50"),
		("1.105", "1.105"),  # a point marks the decimals
		("0", "0"),
		("-3", "-3"),  # a number; that it must be above 0 is for the criteria to say
		("+3", "3"),
		(25, "25"),
		(25.5, "25.5"),
		(14.1, "14.1"),
		(Decimal("0.01"), "0.01"),
		(0, "0"),
	],
)
def test_typed_amount(typed: object, expected: str) -> None:
	assert parse_amount(typed) == Decimal(expected)


@pytest.mark.parametrize("empty", [None, False, "", "   "])
def test_empty_field_is_no_amount(empty: object) -> None:
	assert parse_amount(empty) is None


@pytest.mark.parametrize(
	("typed", "one", "other"),
	[
		("12,50", "12.50", "1250"),
		("1,10", "1.10", "110"),
		("1,250", "1.250", "1250"),  # a rate with three decimals, or a thousand
		("1234,5", "1234.5", "12345"),
		("-3,9", "-3.9", "-39"),
	],
)
def test_what_can_be_read_in_two_ways_is_refused_with_both(typed: str, one: str, other: str) -> None:
	with pytest.raises(AmountError) as error:
		parse_amount(typed)
	assert (error.value.code, error.value.facts) == (
		"ambiguous_amount",
		{"text": typed, "one": one, "other": other},
	)


@pytest.mark.parametrize(
	("typed", "decimal", "expected"),
	[
		("12,50", COMMA, "12.50"),
		("1.250", COMMA, "1250"),
		("1.250,5", COMMA, "1250.5"),
		("1.234.567", COMMA, "1234567"),
		("1,250", POINT, "1250"),
		("1,23,456", POINT, "123456"),
		("1.234.567", POINT, None),
		("1.23", COMMA, None),
		("1.250", POINT, "1.250"),
		("12.50", COMMA, None),
		("12,50", POINT, None),
		("1,250.50", COMMA, None),
		("1,2,3", COMMA, None),
	],
)
def test_where_the_decimal_sign_is_known(typed: str, decimal: str, expected: str | None) -> None:
	if expected is None:
		with pytest.raises(AmountError):
			parse_amount(typed, decimal)
	else:
		assert parse_amount(typed, decimal) == Decimal(expected)


def test_both_readings_are_shown_with_the_decimal_sign_that_is_known() -> None:
	with pytest.raises(AmountError) as error:
		parse_amount("12.50", COMMA)
	assert error.value.facts == {"text": "12.50", "one": "12,50", "other": "1250"}


@pytest.mark.parametrize(
	("typed", "code"),
	[
		("abc", "not_a_number"),
		("12abc", "not_a_number"),
		("12.3.4", "not_a_number"),
		("12,3,4", "not_a_number"),
		("1,234.5.6", "not_a_number"),
		("12,34.50", "not_a_number"),
		(",", "not_a_number"),
		("a,b", "not_a_number"),
		("1,234.5x", "not_a_number"),
		("1,234.", "not_a_number"),
		("1e,5", "not_a_number"),
		("XX1", "not_a_number"),
		("0x10", "not_a_number"),
		("--5", "not_a_number"),
		("€25", "not_a_number"),
		("<b>1</b>", "not_a_number"),
		("1; drop table", "not_a_number"),
		("Infinity", "not_finite"),
		("-inf", "not_finite"),
		("nan", "not_finite"),
		(float("inf"), "not_finite"),
		(float("nan"), "not_finite"),
	],
)
def test_what_is_no_amount_is_refused(typed: object, code: str) -> None:
	with pytest.raises(AmountError) as error:
		parse_amount(typed)
	assert error.value.code == code
	assert error.value.text == str(typed)
	assert str(error.value) == f"{code}: {typed}"
