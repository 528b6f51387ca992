"""Exports in every format that ERPNext writes; errors name row and column."""

from __future__ import annotations

import random
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from ar_writeoff.offline import export
from ar_writeoff.offline.problems import InvalidFile
from ar_writeoff.offline.values import Format
from tests.unit.exports import EMPTY, HEADINGS, Row, line, table, total, write_csv, write_xlsx

CAFE = line(1, "Anchor Cafe", 10.0)
BAR = line(2, "Breakwater Bar", 20.5)
CREDIT = line(3, "Breakwater Bar", -5.0, Voucher_No="SINV-RET-1")


def read(path: Path, rows: list[list[object]], form: Format | None = None) -> export.Export:
	return export.read(write_csv(path / "ar.csv", rows), form or Format())


def refused(path: Path, rows: list[list[object]]) -> list[str]:
	with pytest.raises(InvalidFile) as error:
		read(path, rows)
	return [str(problem) for problem in error.value.problems]


def amounts(found: export.Export) -> dict[str, Decimal]:
	return {one.voucher_no: one.amount for one in found.lines}


WANTED = {"SINV-0001": Decimal("10.0"), "SINV-0002": Decimal("20.5"), "SINV-RET-1": Decimal("-5.0")}


def test_lines_and_total(tmp_path: Path) -> None:
	found = read(tmp_path, table([CAFE, BAR, CREDIT, total(25.5)]))
	assert amounts(found) == WANTED
	assert found.notes == []
	first = found.lines[0]
	assert (first.row, first.posting_date, first.due_date) == (2, date(2026, 1, 15), date(2026, 2, 14))
	assert first.key == ("Sales Invoice", "SINV-0001", "Debtors - HL", "Anchor Cafe")


def test_spreadsheet(tmp_path: Path) -> None:
	rows = table([CAFE, BAR, CREDIT, total(25.5)])
	of_csv = read(tmp_path, rows)
	of_xlsx = export.read(write_xlsx(tmp_path / "ar.xlsx", rows))
	assert of_csv.lines == of_xlsx.lines


def test_grouped_by_customer_with_filters_above(tmp_path: Path) -> None:
	rows = table(
		[
			CAFE,
			total(10.0, "Anchor Cafe"),
			EMPTY,
			BAR,
			CREDIT,
			total(15.5, "Breakwater Bar"),
			EMPTY,
			total(25.5, "Total"),
		],
		above=[("Company", "Harbour Lights Ltd"), ("Posting Date", "2026-06-30"), ()],
	)
	found = read(tmp_path, rows)
	assert amounts(found) == WANTED
	assert found.filters == {"Company": "Harbour Lights Ltd", "Posting Date": "2026-06-30"}
	assert found.notes == []
	assert [one.row for one in found.lines] == [5, 8, 9]


@pytest.mark.parametrize("seed", range(5))
def test_any_order_of_columns(tmp_path: Path, seed: int) -> None:
	headings = [*HEADINGS, "Sales Person"]
	random.Random(seed).shuffle(headings)
	assert amounts(read(tmp_path, table([CAFE, BAR, CREDIT], headings))) == WANTED


def test_german_headings(tmp_path: Path) -> None:
	german = {
		"Posting Date": "Buchungsdatum",
		"Party Type": "Partei-Typ",
		"Party": "Partei",
		"Receivable Account": "Forderungskonto",
		"Voucher Type": "Belegtyp",
		"Voucher No": "Belegnr.",
		"Due Date": "Fälligkeitsdatum",
		"Outstanding Amount": "Ausstehender Betrag",
		"Currency": "Währung",
	}
	rows = table([CAFE, BAR, CREDIT, total(25.5)])
	rows[0] = [german.get(str(name), name) for name in rows[0]]
	assert amounts(read(tmp_path, rows)) == WANTED


def test_headings_of_another_language_are_named(tmp_path: Path) -> None:
	rows = table([CAFE])
	rows[0] = ["Solde" if name == "Outstanding Amount" else name for name in rows[0]]
	path = write_csv(tmp_path / "ar.csv", rows)
	with pytest.raises(InvalidFile, match="no headings"):
		export.read(path)
	assert amounts(export.read(path, headings={"outstanding": "solde"})) == {"SINV-0001": Decimal("10.0")}


def test_saved_by_a_spreadsheet_program_in_german(tmp_path: Path) -> None:
	row: Row = {
		**CAFE,
		"Posting Date": "15.01.2026",
		"Due Date": "14.02.2026",
		"Outstanding Amount": "1.010,50",
	}
	path = write_csv(tmp_path / "ar.csv", table([row]), delimiter=";")
	[found] = export.read(path, Format(decimal_comma=True)).lines
	assert (found.amount, found.posting_date) == (Decimal("1010.50"), date(2026, 1, 15))


def test_payment_terms_add_up_to_one_balance_due_with_the_last(tmp_path: Path) -> None:
	headings = [*HEADINGS, "Payment Term"]
	first = {**CAFE, "Payment Term": "Half"}
	second = {**CAFE, "Payment Term": "Rest", "Due Date": "2026-03-14", "Outstanding Amount": 7.5}
	[found] = read(tmp_path, table([second, first], headings)).lines
	assert (found.amount, found.due_date) == (Decimal("17.5"), date(2026, 3, 14))


def test_sums_that_do_not_agree_are_said(tmp_path: Path) -> None:
	[note] = read(tmp_path, table([CAFE, BAR, total(99.0)])).notes
	assert "Row 4 shows 99.0" in str(note) and "30.5" in str(note)


def test_other_party_types_are_left_out_and_said(tmp_path: Path) -> None:
	found = read(tmp_path, table([CAFE, {**BAR, "Party Type": "Employee"}, total(30.5)]))
	assert amounts(found) == {"SINV-0001": Decimal("10.0")}
	assert found.notes == ["Lines of party type Employee excluded: 1. Write-offs are for customers."]


@pytest.mark.parametrize(
	("column", "value", "words"),
	[
		("Outstanding Amount", "ten", "'ten' is not an amount such as 1234.50."),
		(
			"Outstanding Amount",
			"10,50",
			"'10,50' is not an amount such as 1234.50. Enter --decimal-comma if the decimal sign is a comma,"
			" or --decimal-point if it is a point.",
		),
		("Outstanding Amount", "NaN", "'NaN' is not an amount such as 1234.50."),
		("Outstanding Amount", "", "The file is empty."),
		(
			"Posting Date",
			"01/02/2026",
			"'01/02/2026' is not a date such as 2026-01-31. Enter its format, for example --date-format %d/%m/%Y.",
		),
		("Posting Date", "", "The file is empty."),
		("Voucher No", "", "The file is empty."),
		("Party", "", "The file is empty."),
		("Currency", "", "The file is empty."),
	],
)
def test_a_bad_cell_is_named(tmp_path: Path, column: str, value: str, words: str) -> None:
	assert refused(tmp_path, table([BAR, {**CAFE, column: value}])) == [f"row 3, column {column}: {words}"]


def test_every_bad_cell_is_named(tmp_path: Path) -> None:
	rows = table([{**line(number, "X", "?"), "Due Date": "soon"} for number in range(30)])
	assert len(refused(tmp_path, rows)) == 60
	with pytest.raises(InvalidFile) as error:
		read(tmp_path, rows)
	assert str(error.value).endswith("ar.csv: More problems: 50")


def test_the_same_voucher_twice(tmp_path: Path) -> None:
	assert refused(tmp_path, table([CAFE, BAR, CAFE])) == [
		"row 4: Sales Invoice SINV-0001 is already in row 2."
	]


def test_a_missing_column(tmp_path: Path) -> None:
	[problem] = refused(tmp_path, table([CAFE], [name for name in HEADINGS if name != "Currency"]))
	assert problem == "row 1: These columns are missing: Currency. Export the report with them."


def test_not_a_report(tmp_path: Path) -> None:
	[problem] = refused(tmp_path, [["Name", "City"], ["Anchor Cafe", "Boston"]])
	assert problem.startswith("The file has no headings of an Accounts Receivable report")
	[problem] = refused(tmp_path, table([total(0)]))
	assert problem == "The file has headings, but no line with a voucher."


def test_invalid_files(tmp_path: Path) -> None:
	for name, content, words in (
		("nothing.csv", None, "The file does not exist."),
		("report.pdf", b"%PDF", "The file is neither a .csv nor a .xlsx file."),
		("report.xlsx", b"no zip", "The file cannot be read as a spreadsheet"),
		("report.csv", b"Posting Date\nM\xfcller\n", "row 2: The file is not UTF-8 text."),
	):
		path = tmp_path / name
		if content is not None:
			path.write_bytes(content)
		with pytest.raises(InvalidFile, match=words):
			export.read(path)
