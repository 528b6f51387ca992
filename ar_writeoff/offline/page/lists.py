"""Rows of the lists for the browser: balances to write off, excluded balances and entry rows."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable, Sequence
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from fastapi import Response
from nicegui import App, json

from ar_writeoff.offline import words
from ar_writeoff.offline.currencies import decimals
from ar_writeoff.offline.progress import without_garbage_collection
from ar_writeoff.search.rules import Verdict

if TYPE_CHECKING:
	from ar_writeoff.offline.page.layout import Page

Row = list[object]

BALANCE_FIELDS = (
	"id",
	"voucher_no",
	"voucher_type",
	"customer",
	"customer_name",
	"posting_date",
	"due_date",
	"age",
	"account",
	"currency",
	"decimals",
	"balance",
	"amount",
	"base",
	"why",
	"reason",
)
ENTRY_FIELDS = ("id", "entry", "account", "customer", "voucher_no", "cost_center", "debit", "credit")


def serve(app: App, page: Page) -> None:
	lists: dict[str, Callable[[Page], dict[str, Any]]] = {
		"found": found,
		"left-out": left_out,
		"entries": entries,
	}

	@app.get("/list/{name}")
	def fetched(name: str) -> Response:
		if name not in lists:
			return Response(status_code=404)
		with without_garbage_collection():
			return Response(json.dumps(lists[name](page)), media_type="application/json")


def found(page: Page) -> dict[str, Any]:
	"""Balances that can be written off, with a bit per row that is ticked."""
	review = page.review
	return {
		"fields": BALANCE_FIELDS,
		"rows": balances(page, review.rows, review.amounts, review.base_amounts),
		"number": review.number,
		"ticked": pack_bits(review.flags),
	}


def left_out(page: Page) -> dict[str, Any]:
	"""Excluded balances with their reasons."""
	verdicts = page.review.left_out
	amounts, base = [one.amount for one in verdicts], [one.base_amount for one in verdicts]
	return {
		"fields": BALANCE_FIELDS,
		"rows": balances(page, verdicts, amounts, base),
		"number": page.review.number,
	}


def balances(
	page: Page, verdicts: Sequence[Verdict], amounts: Sequence[Decimal], base_amounts: Sequence[Decimal]
) -> list[Row]:
	names = page.review.decision.customer_names if page.review.decision else {}
	dates: dict[date | None, str] = {None: ""}
	rows: list[Row] = []
	for verdict, amount, base in zip(verdicts, amounts, base_amounts, strict=True):
		of = verdict.balance
		for day in (of.posting_date, of.due_date):
			if day is not None and day not in dates:
				dates[day] = day.isoformat()
		whole = float(verdict.amount)
		part = whole if amount is verdict.amount else float(amount)
		reason = verdict.reason
		rows.append(
			[
				len(rows),
				of.voucher_no,
				of.voucher_type,
				of.customer,
				names.get(of.customer, of.customer),
				dates[of.posting_date],
				dates[of.due_date],
				verdict.age_days,
				of.receivable_account,
				of.currency,
				decimals(of.currency),
				whole,
				part,
				part if base == amount else float(base),
				words.label(reason.code) if reason else "",
				words.message(reason) if reason else "",
			]
		)
	return rows


def entries(page: Page) -> dict[str, Any]:
	"""Rows of the last planned entries."""
	rows: list[Row] = []
	for number, entry in enumerate(page.planned.entries if page.planned else (), start=1):
		for row in entry.rows:
			rows.append(
				[
					len(rows),
					number,
					row.account,
					row.customer,
					row.reference_name,
					dict(row.dimensions).get("cost_center", ""),
					float(max(row.base_amount, Decimal(0))) or None,
					float(max(-row.base_amount, Decimal(0))) or None,
				]
			)
	return {"fields": ENTRY_FIELDS, "rows": rows, "number": page.review.number}


def pack_bits(flags: Iterable[int]) -> str:
	"""One bit per flag, lowest first, in base64."""
	bits = bytearray()
	for index, flag in enumerate(flags):
		if index % 8 == 0:
			bits.append(0)
		if flag:
			bits[-1] |= 1 << index % 8
	return base64.b64encode(bits).decode()


def unpack_bits(text: str, count: int) -> bytes:
	"""The flags of `pack_bits`.

	Raises:
	    ValueError: there are fewer flags than `count`.
	"""
	bits = base64.b64decode(text, validate=True)
	if len(bits) != (count + 7) // 8:
		raise ValueError("Not a flag for each row.")
	return bytes(bits[index >> 3] >> (index & 7) & 1 for index in range(count))
