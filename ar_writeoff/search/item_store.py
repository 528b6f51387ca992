"""Bulk insert of a draft run's items: searches find a hundred thousand."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import frappe
from frappe.utils import create_batch

from ar_writeoff.core import status as states
from ar_writeoff.core.money import ZERO
from ar_writeoff.core.set_off import as_text
from ar_writeoff.ledger.bulk_update import standard_values
from ar_writeoff.ledger.messages import COLUMNS, columns
from ar_writeoff.search.rules import Verdict

# Columns that differ between the items of a search.
ITEM_COLUMNS = (
	"name",
	"customer",
	"customer_name",
	"voucher_type",
	"voucher_no",
	"receivable_account",
	"currency",
	"posting_date",
	"due_date",
	"age_days",
	"outstanding_amount",
	"base_outstanding_amount",
	"write_off_amount",
	"base_write_off_amount",
	"selected",
	"set_off_amount",
	"set_offs",
)
Literal = Callable[[Any], str]
REASON_COLUMNS = ("status", *COLUMNS, "reason_doctype", "reason_name")


@dataclass(frozen=True, slots=True)
class NewItem:
	"""A balance to list. `lowered` is the amount to write off if it is not the whole balance."""

	number: int
	verdict: Verdict
	customer_name: str
	selected: int
	lowered: Decimal | None = None

	def values(self, run: str) -> tuple:
		"""Values of `ITEM_COLUMNS`. Names are in order, so that the items of a page are stored close together."""
		verdict, balance = self.verdict, self.verdict.balance
		amount, base_amount = verdict.amount, verdict.base_amount
		if verdict.reason:
			amount = base_amount = ZERO
		elif self.lowered is not None and 0 < self.lowered / amount < 1:
			amount, base_amount = self.lowered, verdict.base_of(self.lowered)
		return (
			f"{run}-{self.number:06d}",
			balance.customer,
			self.customer_name,
			balance.voucher_type,
			balance.voucher_no,
			balance.receivable_account,
			balance.currency,
			balance.posting_date,
			balance.due_date,
			verdict.age_days,
			verdict.amount,
			verdict.base_amount,
			amount,
			base_amount,
			self.selected,
			verdict.set_off,
			as_text(verdict.set_offs),
		)

	def reason_values(self) -> tuple[str, ...]:
		"""Values of `REASON_COLUMNS` of an excluded balance."""
		reason = self.verdict.reason
		assert reason
		link_doctype, link_name = reason.link or ("", "")
		return (states.EXCLUDED, *columns(reason).values(), link_doctype, link_name)


def insert_items(run: Any, parts: Iterable[Iterable[NewItem]]) -> None:
	"""Insert new items of a run. A thread builds the next statement while MariaDB executes one; it has no connection."""
	same = {**standard_values(), "run": run.name, "company": run.company}
	prepared = statements(run.name, same, parts, literals())
	with ThreadPoolExecutor(1) as thread:
		following = thread.submit(next, prepared, None)
		while statement := following.result():
			following = thread.submit(next, prepared, None)
			# nosemgrep: frappe-using-db-sql - building thousands of rows takes longer than inserting them
			frappe.db.sql(statement)


def statements(
	run: str, same: dict[str, str], parts: Iterable[Iterable[NewItem]], literal: Literal
) -> Iterator[str]:
	"""Yield the statements that insert the items. The values in `same` apply to all of them."""
	no_reason = {column: "" for column in REASON_COLUMNS} | {"status": states.OPEN}
	for items in parts:
		open_, excluded = [], []
		for item in items:
			if item.verdict.reason is None:
				open_.append(item.values(run))
			else:
				excluded.append(item.values(run) + item.reason_values())
		yield from insert_rows(same | no_reason, ITEM_COLUMNS, open_, literal)
		yield from insert_rows(same, ITEM_COLUMNS + REASON_COLUMNS, excluded, literal)


def insert_rows(
	same: dict[str, str], different: tuple[str, ...], rows: list[tuple], literal: Literal
) -> Iterator[str]:
	"""Yield the statements that insert rows of the columns `different`; the values in `same` apply to all of them."""
	columns = ", ".join(f"`{column}`" for column in (*same, *different))
	start = ", ".join(literal(value) for value in same.values())
	for part in create_batch(rows, 1000):
		values = ", ".join(f"({start}, {', '.join([literal(value) for value in row])})" for row in part)
		yield f"insert into `tabWrite-Off Run Item` ({columns}) values {values}"


def literals() -> Literal:
	"""A function that returns a value as SQL. Texts are escaped once, because most are in many rows."""
	texts: dict[str, str] = {}
	escape = frappe.db.escape

	def literal(value: Any) -> str:
		if isinstance(value, str):
			if value not in texts:
				texts[value] = str(escape(value, percent=False))
			return texts[value]
		if isinstance(value, int | Decimal):
			return str(value)
		return "NULL" if value is None else f"'{value}'"

	return literal


# Fields that identify the balance of an item.
KEY = ("voucher_type", "voucher_no", "receivable_account", "customer")


def notes_of(run: str) -> list[Any]:
	"""The notes of a run, with the balances they are about, to restore them on new items."""
	return frappe.get_all(
		"Write-Off Run Item",
		filters={"run": run, "note": ("is", "set")},
		fields=[*KEY, "note"],
		order_by=None,
	)


def restore_notes(run: str, notes: Iterable[Any]) -> None:
	for row in notes:
		balance = {"run": run, **{fieldname: row[fieldname] for fieldname in KEY}}
		frappe.db.set_value("Write-Off Run Item", balance, "note", row.note, update_modified=False)
