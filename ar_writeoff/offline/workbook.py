"""The preview as a spreadsheet, for whoever has to approve it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from ar_writeoff.core import texts
from ar_writeoff.core.money import ZERO
from ar_writeoff.offline import summary
from ar_writeoff.offline.decide import Decision
from ar_writeoff.offline.progress import bar
from ar_writeoff.offline.report import criteria
from ar_writeoff.search.rules import Verdict

Cell = str | int | Decimal | date | None

AMOUNT_FORMAT = "#,##0.00"

BALANCE_TITLES = (
	"Voucher Type",
	"Voucher No",
	"Customer",
	"Customer Name",
	"Receivable Account",
	"Posting Date",
	"Due Date",
	"Age (Days)",
	"Currency",
	"Amount",
)
ENTRY_TITLES = ("Entry", "Posting Date", "Account", "Customer", "Voucher Type", "Voucher No", "Cost Center")


def write(path: Path, decision: Decision) -> None:
	"""Sheets: Summary, Write Off, Left Out, Journal Entries.

	Raises:
	    ImportError: openpyxl is not there.
	"""
	import openpyxl

	book = openpyxl.Workbook(write_only=True)
	currency = decision.company_currency
	_sheet(book, "Summary", ("", "Balances", f"Amount {currency}"), _summary(decision), widths=(48, 12, 18))
	titles = (*BALANCE_TITLES, f"Amount {currency}")
	widths = (16, 22, 24, 24, 22, 13, 13, 11, 10, 14, 16)
	_sheet(book, "Write Off", titles, (_balance(decision, one) for one in decision.write_off), widths=widths)
	_sheet(
		book,
		"Left Out",
		(*titles, "Why"),
		(
			(*_balance(decision, one), texts.message(one.reason) if one.reason else "")
			for one in decision.left_out
		),
		widths=(*widths, 70),
	)
	_sheet(
		book,
		"Journal Entries",
		(*ENTRY_TITLES, "Currency", "Debit", "Credit", f"Debit {currency}", f"Credit {currency}"),
		_entries(decision),
		widths=(8, 13, 26, 24, 16, 22, 18, 10, 14, 14, 16, 16),
	)
	book.save(path)


def _summary(decision: Decision) -> Iterable[Sequence[Cell]]:
	def amount(verdicts: Iterable[Verdict]) -> Decimal:
		return sum((verdict.base_amount for verdict in verdicts), ZERO)

	yield (criteria(decision.policy.criteria, decision.company_currency),)
	yield ()
	yield "Looked at", decision.considered
	yield "Would be written off", len(decision.write_off), amount(decision.write_off)
	yield "Left out", len(decision.left_out), amount(decision.left_out)
	yield "No match", decision.not_matching
	for title, totals in (
		("Left out, by reason", summary.by_reason(decision)),
		("Would be written off, by age in days", summary.by_age(decision)),
		("Would be written off, by customer", summary.by_customer(decision)),
	):
		yield ()
		yield (title,)
		for total in totals:
			yield decision.customer_names.get(total.name, total.name), total.count, total.amount
	yield ()
	for note in decision.notes:
		yield (note,)


def _balance(decision: Decision, verdict: Verdict) -> Sequence[Cell]:
	balance = verdict.balance
	return (
		balance.voucher_type,
		balance.voucher_no,
		balance.customer,
		decision.customer_names[balance.customer],
		balance.receivable_account,
		balance.posting_date,
		balance.due_date,
		verdict.age_days,
		balance.currency,
		verdict.amount,
		verdict.base_amount,
	)


def _entries(decision: Decision) -> Iterable[Sequence[Cell]]:
	for number, plan in enumerate(
		bar(decision.entries, len(decision.entries), "Writing the spreadsheet"), start=1
	):
		for row in plan.rows:
			yield (
				number,
				decision.policy.posting_date,
				row.account,
				row.customer,
				row.reference_type,
				row.reference_name,
				dict(row.dimensions).get("cost_center", ""),
				row.currency,
				row.amount if row.amount > 0 else None,
				-row.amount if row.amount < 0 else None,
				summary.debit(row) or None,
				summary.credit(row) or None,
			)


def _sheet(
	book: Any, title: str, titles: Sequence[str], rows: Iterable[Sequence[Cell]], *, widths: Sequence[int]
) -> None:
	from openpyxl.cell import WriteOnlyCell
	from openpyxl.styles import Font
	from openpyxl.utils import get_column_letter

	sheet = book.create_sheet(title)
	for index, width in enumerate(widths, start=1):
		sheet.column_dimensions[get_column_letter(index)].width = width
	sheet.freeze_panes = "A2"

	def cell(value: Cell) -> Any:
		if isinstance(value, str) and value.startswith("="):
			# Names are typed by customers: they are text in a spreadsheet, never a formula.
			made = WriteOnlyCell(sheet, value)
			made.data_type = "s"
			made.quotePrefix = True
			return made
		if isinstance(value, Decimal):
			made = WriteOnlyCell(sheet, value)
			made.number_format = AMOUNT_FORMAT
			return made
		return value

	heads = []
	for text in titles:
		head = WriteOnlyCell(sheet, text)
		head.font = Font(bold=True)
		heads.append(head)
	sheet.append(heads)
	for row in rows:
		sheet.append([cell(value) for value in row])
