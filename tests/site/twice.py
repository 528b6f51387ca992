"""The same posted twice on the same books, natively and fast, and every column of what is left compared."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import frappe

DOCTYPES = (
	"GL Entry",
	"Payment Ledger Entry",
	"Journal Entry",
	"Journal Entry Account",
	"Sales Invoice",
	"Sales Invoice Item",
	"Payment Schedule",
	"Payment Entry",
	"Payment Entry Reference",
	"Dunning",
	"Overdue Payment",
	"Subscription",
	"Advance Payment Ledger Entry",
	"Version",
	"Comment",
	"Customer",
)
# Names are random, times pass, and `against` lists the other side's parties in the order of a Python set.
NAMES_AND_TIMES = ("creation", "modified", "started_at", "finished_at")
RANDOM_NAMES = ("GL Entry", "Payment Ledger Entry", "Journal Entry Account", "Version", "Comment")
LISTS = ("against", "against_account")

Books = dict[str, list[dict[str, Any]]]


def read_books() -> Books:
	"""Every column of every row, apart from names and times, in an order that does not depend on them."""
	books = {}
	for doctype in DOCTYPES:
		rows = frappe.db.sql(f"SELECT * FROM `tab{doctype}`", as_dict=True)
		books[doctype] = sorted((_comparable(doctype, row) for row in rows), key=repr)
	return books


def _comparable(doctype: str, row: dict[str, Any]) -> dict[str, Any]:
	result = {}
	for column, value in sorted(row.items()):
		if column in NAMES_AND_TIMES or (column == "name" and doctype in RANDOM_NAMES):
			continue
		if column in LISTS and value:
			value = ", ".join(sorted(value.split(", ")))
		result[column] = value
	if doctype == "Version":
		result["data"] = _without_names(frappe.parse_json(row["data"]))
	return result


def _without_names(data: dict[str, Any]) -> dict[str, Any]:
	"""A Version's changes, with the random names of rows left out."""
	data["row_changed"] = sorted((row[0], row[1], row[3]) for row in data.get("row_changed", ()))
	return data


@contextmanager
def fast_posting(company: str, on: bool) -> Iterator[None]:
	frappe.db.set_value("Write-Off Settings", company, "fast_posting", int(on), update_modified=False)
	yield


def twice(company: str, action: Callable[[], Any]) -> tuple[tuple[Any, Books], tuple[Any, Books]]:
	"""What the action returns and the books it leaves, natively and fast; the books stay as fast left them."""
	results = []
	for fast in (False, True):
		frappe.db.savepoint("before_the_action")
		in_test, frappe.flags.in_test = frappe.flags.in_test, False  # in tests Frappe writes no Versions
		try:
			with fast_posting(company, fast):
				results.append((action(), read_books()))
		finally:
			frappe.flags.in_test = in_test
		if not fast:
			frappe.db.rollback(save_point="before_the_action")
			frappe.clear_cache()
	return results[0], results[1]


def differences(native: Books, fast: Books) -> list[str]:
	"""What differs, a line for each column of each row."""
	lines = []
	for doctype in DOCTYPES:
		ours, theirs = fast[doctype], native[doctype]
		if len(ours) != len(theirs):
			lines.append(f"{doctype}: {len(theirs)} rows natively, {len(ours)} fast")
		for number, (one, other) in enumerate(zip(theirs, ours, strict=False)):
			lines += [
				f"{doctype} {number} {column}: {one[column]!r} natively, {other.get(column)!r} fast"
				for column in one
				if one[column] != other.get(column)
			]
	return lines
