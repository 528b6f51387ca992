"""Accounts Receivable exports as ERPNext writes them, for tests of the offline preview."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path

HEADINGS = (
	"Posting Date",
	"Party Type",
	"Party",
	"Receivable Account",
	"Customer Contact",
	"Cost Center",
	"Voucher Type",
	"Voucher No",
	"Due Date",
	"Invoiced Amount",
	"Paid Amount",
	"Credit Note",
	"Outstanding Amount",
	"Age (Days)",
	"0-30",
	"31-60",
	"61-90",
	"91-120",
	"121-Above",
	"Currency",
	"Customer LPO",
	"Territory",
	"Customer Group",
)

Row = dict[str, object]

EMPTY: Row = {}


def line(number: int, customer: str, outstanding: object, date: str = "2026-01-15", **more: object) -> Row:
	"""An open invoice, due 30 days after the middle of a month."""
	return {
		"Posting Date": date,
		"Party Type": "Customer",
		"Party": customer,
		"Receivable Account": "Debtors - HL",
		"Voucher Type": "Sales Invoice",
		"Voucher No": f"SINV-{number:04d}",
		"Due Date": "2026-02-14" if date == "2026-01-15" else date,
		"Invoiced Amount": outstanding,
		"Outstanding Amount": outstanding,
		"Currency": "USD",
		"Territory": "US East",
		"Customer Group": "Trade Retail",
		**{name.replace("_", " "): value for name, value in more.items()},
	}


def total(outstanding: object, customer: str = "") -> Row:
	return {"Party": customer, "Outstanding Amount": outstanding, "Currency": "USD"}


def table(
	rows: Iterable[Row], headings: Sequence[str] = HEADINGS, above: Iterable[Sequence[object]] = ()
) -> list[list[object]]:
	return [
		*(list(row) for row in above),
		list(headings),
		*([row.get(name, "") for name in headings] for row in rows),
	]


def write_csv(path: Path, rows: Iterable[Sequence[object]], delimiter: str = ",") -> Path:
	"""As Frappe writes CSV: UTF-8, every text in quotes."""
	with path.open("w", encoding="utf-8", newline="") as file:
		csv.writer(file, quoting=csv.QUOTE_NONNUMERIC, delimiter=delimiter).writerows(rows)
	return path


def write_xlsx(path: Path, rows: Iterable[Sequence[object]]) -> Path:
	"""As Frappe writes XLSX: dates are dates, numbers are numbers."""
	from datetime import datetime

	import openpyxl

	book = openpyxl.Workbook(write_only=True)
	sheet = book.create_sheet("Query Report")
	for row in rows:
		sheet.append(
			[
				datetime.fromisoformat(cell)
				if isinstance(cell, str) and cell[:3] == "202" and len(cell) == 10
				else cell
				for cell in row
			]
		)
	book.save(path)
	return path


ROWS: list[Row] = [
	line(1, "Anchor Cafe", 25.0),
	line(2, "Anchor Cafe", 25.01),
	line(3, "Breakwater Bar", 3.2, "2026-06-20"),
	line(4, "Compass Stores", 12.0),
	line(5, "Compass Stores", 9.5),
	line(6, "Dover Council", -7.0),
	line(7, "Elm School", 4.0, Voucher_Type="Payment Entry"),
]
