"""Criteria of the offline preview that need more of the report than the balance."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from ar_writeoff.offline import cli, decide, export, policy
from ar_writeoff.offline.policy import InvalidPolicy
from ar_writeoff.offline.problems import InvalidFile
from ar_writeoff.offline.report import criteria
from ar_writeoff.offline.review import parse_settings
from tests.unit.exports import HEADINGS, Row, line, table, write_csv

COLUMNS = (*HEADINGS, "Sales Person", "Payment Terms Template")
ROWS: list[Row] = [
	# Invoiced, paid, credited, outstanding
	line(1, "Anchor Cafe", 5.0, Invoiced_Amount=100.0, Paid_Amount=95.0, Sales_Person="Ada, Bob"),
	line(2, "Anchor Cafe", 4.0, Invoiced_Amount=40.0, Credit_Note=36.0, Sales_Person="Bobby"),
	line(
		3,
		"Breakwater Bar",
		3.0,
		Invoiced_Amount=3.0,
		Payment_Terms_Template="30 Days",
		Cost_Center="North Pier - HL",
	),
	line(4, "Compass Stores", -7.0, Invoiced_Amount=0.0, Paid_Amount=7.0),
	line(5, "Dover Council", 20.0, Voucher_Type="Journal Entry", Receivable_Account="Debtors EUR - HL"),
	line(6, "Elm School", -2.0, Voucher_Type="Payment Entry"),
]


def found(
	tmp_path: Path, *options: str, rows: list[Row] = ROWS, columns: tuple[str, ...] = COLUMNS
) -> list[str]:
	"""Numbers of the vouchers to write off, with the options of the command line."""
	path = write_csv(tmp_path / "ar.csv", table(rows, columns))
	given = cli.parser().parse_args(
		["preview", str(path), "--maximum", "25", "--customer-credits", "Ignore", *options]
	)
	chosen_policy = policy.make(cli.settings_of(given), today=date(2026, 6, 30))
	decision = decide.decide(chosen_policy, export.read(path))
	return [verdict.balance.voucher_no[-1] for verdict in decision.write_off]


@pytest.mark.parametrize(
	("options", "numbers"),
	[
		((), "1235"),
		(("--minimum", "4"), "125"),
		(("--share", "5"), "1"),
		(("--share", "10"), "12"),
		(("--only-remainders",), "12"),
		(("--voucher-kind", "sales invoice"), "123"),
		(("--voucher-kind", "Journal Entry"), "5"),
		(("--voucher-kind", "Credit Note", "--balance-type", "Credit"), "4"),
		(("--voucher-kind", "Payment Entry", "--balance-type", "Credit"), "6"),
		(("--sales-person", "Bob"), "1"),
		(("--sales-person", "Bob", "--sales-person", "Bobby"), "12"),
		(("--payment-terms", "30 Days"), "3"),
		(("--only-cost-center", "North Pier - HL"), "3"),
	],
)
def test_each_criterion_is_an_option(tmp_path: Path, options: tuple[str, ...], numbers: str) -> None:
	assert "".join(found(tmp_path, *options)) == numbers


@pytest.mark.parametrize(
	("threshold", "numbers"),
	[("EUR=19.99", ""), ("EUR=20", "1"), ("eur=5..20", "1"), ("EUR=20.01..30", "")],
)
def test_a_threshold_is_in_the_currency_of_the_account(tmp_path: Path, threshold: str, numbers: str) -> None:
	rows = [line(1, "Helios SARL", 20.0, Currency="EUR")]
	options = ("--company-currency", "USD", "--rate", "EUR=1.30", "--threshold", threshold)
	assert found(tmp_path, "--rate", "EUR=1.30", "--company-currency", "USD", rows=rows) == []
	assert "".join(found(tmp_path, *options, rows=rows)) == numbers


@pytest.mark.parametrize(
	("options", "missing", "column"),
	[
		(("--share", "5"), "Invoiced Amount", "Invoiced Amount"),
		(("--only-remainders",), "Paid Amount", "Paid Amount"),
		(("--sales-person", "Ada"), "Sales Person", "Sales Person"),
		(("--payment-terms", "30 Days"), "Payment Terms Template", "Payment Terms Template"),
		(("--only-cost-center", "Main - HL"), "Cost Center", "Cost Center"),
	],
)
def test_a_column_that_a_criterion_needs(
	tmp_path: Path, options: tuple[str, ...], missing: str, column: str
) -> None:
	columns = tuple(name for name in COLUMNS if name != missing)
	assert found(tmp_path, columns=columns), "not needed otherwise"
	with pytest.raises(InvalidPolicy, match=f"which ar.csv does not have: {column}"):
		found(tmp_path, *options, columns=columns)


def test_an_unreadable_amount_matters_only_to_a_criterion_that_needs_it(tmp_path: Path) -> None:
	rows = [{**ROWS[0], "Paid Amount": "a lot"}]
	assert found(tmp_path, rows=rows) == ["1"]
	with pytest.raises(InvalidFile, match=r"row 2, column Paid Amount: 'a lot' is not an amount"):
		found(tmp_path, "--only-remainders", rows=rows)


@pytest.mark.parametrize("option", [("--share", "5"), ("--only-remainders",)])
def test_the_report_does_not_show_the_history_of_credits(tmp_path: Path, option: tuple[str, ...]) -> None:
	with pytest.raises(InvalidPolicy, match="does not show the original amounts of credit balances"):
		found(tmp_path, "--balance-type", "Credit", *option)


def test_amounts_of_payment_terms_add_up(tmp_path: Path) -> None:
	columns = (*COLUMNS, "Payment Term")
	half = {"Payment Term": "Half", "Invoiced Amount": 50.0, "Paid Amount": 47.5, "Outstanding Amount": 2.5}
	rows = [{**ROWS[0], **half}, {**ROWS[0], **half, "Payment Term": "Rest"}]
	assert found(tmp_path, "--share", "5", rows=rows, columns=columns) == ["1"]
	assert found(tmp_path, "--share", "4.9", rows=rows, columns=columns) == []


def test_the_criteria_are_in_the_heading_of_the_preview() -> None:
	settings = {
		"criteria.max_invoice_amount": Decimal(25),
		"criteria.min_invoice_amount": Decimal("0.5"),
		"criteria.max_original_share": Decimal(5),
		"criteria.only_remainders": True,
		"criteria.voucher_kind": "Sales Invoice",
		"thresholds.EUR": (Decimal(5), Decimal(20)),
	}
	chosen = policy.make(settings, today=date(2026, 6, 30)).criteria
	assert criteria(chosen, "USD") == (
		"Debit balances up to 25 USD, dated until 2026-06-30, from 0.5 USD, from 5 to 20 EUR on accounts in EUR,"
		" up to 5 % of the invoiced amount, only what is left after a payment or credit note, only Sales Invoice"
	)


def test_the_fields_of_the_page(tmp_path: Path) -> None:
	settings, problems = parse_settings(
		{
			"thresholds.EUR": "5..20",
			"thresholds.IDR": "x",
			"criteria.only_remainders": "Yes",
			"criteria.voucher_kind": "",
			"rates.EUR": "1.10",
		}
	)
	assert settings == {
		"thresholds.EUR": (Decimal(5), Decimal(20)),
		"criteria.only_remainders": True,
		"rates.EUR": Decimal("1.10"),
	}
	assert set(problems) == {"thresholds.IDR"}


@pytest.mark.parametrize("value", ["true", '"5..20"', "[5, 20]", "20"])
def test_thresholds_in_a_policy_file(tmp_path: Path, value: str) -> None:
	file = tmp_path / "policy.toml"
	file.write_text(f"[thresholds]\nEUR = {value}\n[criteria]\nonly_remainders = true\n")
	if value == "true":
		with pytest.raises(InvalidFile, match=r"thresholds\.EUR: enter a value like"):
			policy.read_file(file)
		return
	minimum = Decimal(0) if value == "20" else Decimal(5)
	assert policy.read_file(file) == {
		"thresholds.EUR": (minimum, Decimal(20)),
		"criteria.only_remainders": True,
	}
