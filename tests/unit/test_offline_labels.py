"""Exports in every language that Frappe speaks, with the report's filters above them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from ar_writeoff.offline import export, labels
from ar_writeoff.offline.problems import InvalidFile
from tests.unit.exports import HEADINGS, Row, line, table, total, write_csv

LANGUAGES = sorted(labels.table())
CAFE = line(1, "Anchor Cafe", 10.0)
BY_HEADING = {heading: name for name, headings in labels.table()["en"].items() for heading in headings}


def heading(language: str, english: str) -> str:
	"""The heading in this language, or in English if not translated."""
	name = BY_HEADING.get(english)
	if english == "Receivable Account" or not name:
		return (labels.table()[language].get(name or "", ()) or (english,))[0]
	return (labels.table()[language][name] or (english,))[0]


def in_language(language: str, rows: list[Row], above: Sequence[tuple[str, str]] = ()) -> list[list[object]]:
	made = table(
		rows, above=[*((heading(language, label), value) for label, value in above), *([()] if above else [])]
	)
	row = len(above) + (1 if above else 0)
	made[row] = [heading(language, str(name)) for name in made[row]]
	return made


def test_the_table_is_whole() -> None:
	assert len(LANGUAGES) > 60
	for language, fields in labels.table().items():
		assert set(fields) == set(labels.FIELDS), language
		assert all(label == label.strip() for found in fields.values() for label in found)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_with_its_filters(language: str, tmp_path: Path) -> None:
	above = [
		("Company", "Harbour Lights Ltd"),
		("Posting Date", "2025-12-31"),
		("Ageing Based On", "Due Date"),
	]
	found = export.read(write_csv(tmp_path / "ar.csv", in_language(language, [CAFE, total(10.0)], above)))
	[one] = found.lines
	assert (one.customer, one.voucher_no, one.amount) == ("Anchor Cafe", "SINV-0001", Decimal("10.0"))
	assert (one.due_date, one.currency, one.territory) == (date(2026, 2, 14), "USD", "US East")
	assert (found.company, found.report_date) == ("Harbour Lights Ltd", date(2025, 12, 31))


def test_the_day_of_the_report_in_the_format_of_the_file(tmp_path: Path) -> None:
	rows = [{**CAFE, "Posting Date": "15/01/2026", "Due Date": "14/02/2026"}]
	above = [("Company", "Harbour Lights Ltd"), ("Posting Date", "2026-06-30")]
	assert export.read(write_csv(tmp_path / "ar.csv", table(rows, above=[*above, ()]))).report_date == date(
		2026, 6, 30
	)


# ---------------------------------------------------------------------------------------------- added columns


def with_column(title: str, after: str, values: list[object], rows: list[Row]) -> list[list[object]]:
	made = table(rows)
	at = HEADINGS.index(after) + 1
	return [[*row[:at], value, *row[at:]] for row, value in zip(made, [title, *values], strict=True)]


PAYMENT = line(2, "Breakwater Bar", -5.0, Voucher_Type="Payment Entry")


@pytest.mark.parametrize(
	("title", "after", "values"),
	[
		("Currency", "Voucher No", ["EUR", ""]),  # filled for invoices, empty for payments
		("Currency", "Voucher No", ["EUR", "EUR"]),  # stands where the report has no currency
		("Currency", "Currency", ["EUR", ""]),
		("Outstanding Amount", "Voucher No", ["8.5", ""]),
		("Outstanding Amount", "Voucher No", ["8.5", "-4"]),
		("Due Date", "Territory", ["2027-01-01", ""]),
		("Posting Date", "Voucher No", ["2020-01-01", ""]),
		("Customer", "Voucher No", ["Somebody Else", ""]),
		("Due Date", "Voucher No", ["2026-02-14", "2026-02-14"]),  # the same: it does not matter
	],
)
def test_an_added_column_is_not_taken_for_the_reports_own(
	tmp_path: Path, title: str, after: str, values: list[object]
) -> None:
	plain = export.read(write_csv(tmp_path / "plain.csv", table([CAFE, PAYMENT])))
	found = export.read(write_csv(tmp_path / "ar.csv", with_column(title, after, values, [CAFE, PAYMENT])))
	assert found.lines == plain.lines


@pytest.mark.parametrize(
	("title", "after", "letters"),
	[("Due Date", "Voucher No", "I, J"), ("Currency", "Currency", "T, U")],
)
def test_ambiguous_files_are_both_named(tmp_path: Path, title: str, after: str, letters: str) -> None:
	path = write_csv(
		tmp_path / "ar.csv", with_column(title, after, ["2027-01-01", "2027-01-01"], [CAFE, PAYMENT])
	)
	with pytest.raises(
		InvalidFile, match=f"Several columns are called {title}: {letters}. They differ, first in row 2."
	):
		export.read(path)


# ---------------------------------------------------------------------------------------------- other reports


def refused(path: Path) -> str:
	with pytest.raises(InvalidFile) as error:
		export.read(path)
	return str(error.value)


@pytest.mark.parametrize("language", ["en", "de", "fr", "es", "ar", "zh"])
def test_accounts_receivable_summary_is_refused_with_the_reason(tmp_path: Path, language: str) -> None:
	names = [
		"Party Type",
		"Party",
		"Advance Amount",
		"Outstanding Amount",
		"0-30",
		"Territory",
		"Customer Group",
		"Currency",
	]
	rows = [
		[heading(language, name) for name in names],
		["Customer", "Anchor Cafe", 0, 10, 10, "US", "Trade", "USD"],
	]
	assert "one line for each customer" in refused(write_csv(tmp_path / "s.csv", rows))


def test_general_ledger_is_refused_with_the_reason(tmp_path: Path) -> None:
	names = [
		"Posting Date",
		"Account",
		"Debit (USD)",
		"Credit (USD)",
		"Balance (USD)",
		"Voucher Type",
		"Voucher No",
		"Against Account",
		"Party Type",
		"Party",
	]
	rows = [
		names,
		[
			"2026-01-15",
			"Debtors - HL",
			10,
			0,
			10,
			"Sales Invoice",
			"SINV-0001",
			"Sales - HL",
			"Customer",
			"Anchor Cafe",
		],
	]
	assert "does not show which payments settle which invoices" in refused(
		write_csv(tmp_path / "gl.csv", rows)
	)


def test_accounts_payable_is_refused_with_the_reason(tmp_path: Path) -> None:
	rows = [{**CAFE, "Party Type": "Supplier"}]
	assert "Every line is of party type Supplier." in refused(write_csv(tmp_path / "ap.csv", table(rows)))


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|", ":"])
def test_every_delimiter_of_the_export_dialog(tmp_path: Path, delimiter: str) -> None:
	rows = [line(1, "Anchor, Cafe & Sons", "10,50"), line(2, "B", "1234,5")]
	found = export.read(write_csv(tmp_path / "ar.csv", table(rows), delimiter=delimiter))
	assert [one.amount for one in found.lines] == [Decimal("10.50"), Decimal("1234.5")]


def test_utf_16_as_spreadsheet_programs_write_it(tmp_path: Path) -> None:
	path = write_csv(tmp_path / "ar.csv", table([line(1, "Müller", 1.5)]), delimiter="\t")
	path.write_bytes(path.read_text(encoding="utf-8").encode("utf-16"))
	assert export.read(path).lines[0].customer == "Müller"
