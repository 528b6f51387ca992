"""Preview as a spreadsheet, for the approver."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from ar_writeoff.core.money import ZERO
from ar_writeoff.offline import summary, words
from ar_writeoff.offline.decide import Decision
from ar_writeoff.offline.progress import bar
from ar_writeoff.offline.report import criteria
from ar_writeoff.offline.words import Text, t
from ar_writeoff.search.rules import Verdict

Cell = str | int | Decimal | date | None

AMOUNT_FORMAT = "#,##0.00"
# Characters that start a formula in spreadsheets.
FORMULA = ("=", "+", "-", "@", "\t", "\r")


def write(path: Path, decision: Decision) -> None:
	"""Sheets: Summary, Write Off, Left Out, Journal Entries.

	Raises:
	    ImportError: openpyxl is not there.
	"""
	import openpyxl

	book = openpyxl.Workbook(write_only=True)
	currency = decision.company_currency
	amount = t("Amount {currency}", currency=currency)
	_sheet(book, t("Summary"), ("", t("Balances"), amount), _summary(decision), widths=(48, 12, 18))
	titles = (
		t("Voucher Type"),
		t("Voucher No"),
		t("Customer"),
		t("Customer Name"),
		t("Receivable Account"),
		t("Posting Date"),
		t("Due Date"),
		t("Age (Days)"),
		t("Currency"),
		t("Amount"),
		amount,
	)
	widths = (16, 22, 24, 24, 22, 13, 13, 11, 10, 14, 16)
	_sheet(
		book,
		t("Write Off"),
		(*titles, t("Open Balance")),
		((*_balance(decision, one), one.balance.now) for one in decision.write_off),
		widths=(*widths, 14),
	)
	_sheet(
		book,
		t("Excluded"),
		(*titles, t("Reason")),
		(
			(*_balance(decision, one), words.message(one.reason) if one.reason else "")
			for one in decision.left_out
		),
		widths=(*widths, 70),
	)
	_sheet(
		book,
		t("Journal Entries"),
		(
			t("Entry"),
			t("Posting Date"),
			t("Account"),
			t("Customer"),
			t("Voucher Type"),
			t("Voucher No"),
			t("Cost Center"),
			t("Currency"),
			t("Debit"),
			t("Credit"),
			t("Debit {currency}", currency=currency),
			t("Credit {currency}", currency=currency),
		),
		_entries(decision),
		widths=(8, 13, 26, 24, 16, 22, 18, 10, 14, 14, 16, 16),
	)
	book.save(path)


def _summary(decision: Decision) -> Iterable[Sequence[Cell]]:
	def amount(verdicts: Iterable[Verdict]) -> Decimal:
		return sum((verdict.base_amount for verdict in verdicts), ZERO)

	yield (criteria(decision.policy.criteria, decision.company_currency),)
	yield ()
	yield str(t("Checked")), decision.considered
	yield str(t("Would be written off")), len(decision.write_off), amount(decision.write_off)
	yield str(t("Excluded")), len(decision.left_out), amount(decision.left_out)
	yield str(t("No match")), decision.not_matching
	for title, totals in (
		(str(t("Excluded, by reason")), summary.by_reason(decision)),
		(
			str(t("Would be written off, by age in days")),
			[replace(one, name=summary.age_label(one.name)) for one in summary.by_age(decision)],
		),
		(str(t("Would be written off, by customer")), summary.by_customer(decision)),
	):
		yield ()
		yield (title,)
		for total in totals:
			yield decision.customer_names.get(total.name, total.name), total.count, total.amount
	yield ()
	for note in decision.notes:
		yield (str(note),)


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
		bar(decision.entries, len(decision.entries), str(t("Writing the spreadsheet"))), start=1
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
	book: Any,
	title: Text,
	titles: Sequence[Text | str],
	rows: Iterable[Sequence[Cell]],
	*,
	widths: Sequence[int],
) -> None:
	from openpyxl.cell import WriteOnlyCell
	from openpyxl.styles import Font
	from openpyxl.utils import get_column_letter

	sheet = book.create_sheet(str(title))
	for index, width in enumerate(widths, start=1):
		sheet.column_dimensions[get_column_letter(index)].width = width
	sheet.freeze_panes = "A2"

	def cell(value: Cell) -> Any:
		if isinstance(value, str) and value.startswith(FORMULA):
			# Names come from customers: they are text in a spreadsheet, never a formula.
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
		head = WriteOnlyCell(sheet, str(text))
		head.font = Font(bold=True)
		heads.append(head)
	sheet.append(heads)
	for row in rows:
		sheet.append([cell(value) for value in row])
