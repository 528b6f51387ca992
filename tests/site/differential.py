"""Differential test of fast posting: the same run is posted by row, as ERPNext does it, and in the faster ways. Every
column is compared."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import frappe

from ar_writeoff.posting import entries as journal
from ar_writeoff.posting import ledger as posting
from ar_writeoff.posting import proof
from ar_writeoff.run.terms import current_terms, rules_of
from ar_writeoff.undo import service as undo
from tests.site import run_helpers
from tests.site.db_snapshot import clear_data_caches
from tests.site.factories import TODAY

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
	"Write-Off Run Item",
)
# Random or time-dependent values; `against` lists parties in the order of a Python set.
NAMES_AND_TIMES = ("creation", "modified", "started_at", "finished_at")
RANDOM_NAMES = (
	"GL Entry",
	"Payment Ledger Entry",
	"Journal Entry Account",
	"Payment Entry Reference",
	"Version",
	"Comment",
)
LISTS = ("against", "against_account")

Rows = dict[str, list[dict[str, Any]]]


def read_rows() -> Rows:
	"""All rows of DOCTYPES without names and times, sorted by their values."""
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
	"""The changes of a Version without random names and times."""
	data["row_changed"] = sorted((row[0], row[1], row[3]) for row in data.get("row_changed", ()))
	for kind in ("added", "removed"):
		data[kind] = [
			(table, {key: value for key, value in row.items() if key not in ("name", *NAMES_AND_TIMES)})
			for table, row in data.get(kind, ())
		]
	return data


@contextmanager
def posted(method: str) -> Iterator[None]:
	"""Within the block, all entries are posted in this way, without a rehearsal."""
	with patch.object(proof, "method", lambda *args, **kwargs: method):
		yield


@contextmanager
def outside_tests() -> Iterator[None]:
	"""Within the block Frappe writes Versions, which it does not in tests."""
	v16 = hasattr(frappe, "in_test")
	with patch.dict(frappe.flags, in_test=False), patch.object(frappe, "in_test", False, create=not v16):
		yield


def run_in_each_way(action: Callable[[], Any]) -> dict[str, tuple[Any, Rows]]:
	"""Result and rows after the action in each way. All but the last, in sets, are rolled back."""
	results = {}
	for method in (proof.BY_ROW, proof.BY_ENTRY, proof.IN_SETS):
		frappe.db.savepoint("before_the_action")
		with posted(method), outside_tests():
			results[method] = (action(), read_rows())
		if method != proof.IN_SETS:
			frappe.db.rollback(save_point="before_the_action")
			clear_data_caches()
	return results


def assert_equal_in_each_way(action: Callable[[], Any]) -> Any:
	"""Run the action in each way, compare results and rows. Returns the result."""
	results = run_in_each_way(action)
	native_result, native = results.pop(proof.BY_ROW)
	for method, (result, rows) in results.items():
		assert result == native_result, method
		found = row_differences(native, rows)
		assert not found, method + ":\n" + "\n".join(found)
	return native_result


def row_differences(native: Rows, fast: Rows) -> list[str]:
	"""The differences, one line per column of each row."""
	lines = []
	for doctype in DOCTYPES:
		ours, theirs = fast[doctype], native[doctype]
		if len(ours) != len(theirs):
			lines.append(f"{doctype}: {len(theirs)} rows by row, {len(ours)} otherwise")
		for number, (one, other) in enumerate(zip(theirs, ours, strict=False)):
			lines += [
				f"{doctype} {number} {column}: {one[column]!r} by row, {other.get(column)!r} otherwise"
				for column in one
				if one[column] != other.get(column)
			]
	return lines


def post(run: Any) -> list[posting.Outcome]:
	"""Post the items of the run in the current transaction."""
	rules = rules_of(current_terms(run))
	rows = frappe.get_all(
		"Write-Off Run Item",
		filters={"run": run.name, "status": "Open", "selected": 1},
		fields=["*"],
		order_by="name asc",
	)
	items = posting.items_from_rows(rows, run.company)
	return posting.post_items(items, rules, posting.Names(f"ACC-JV-{run.name}"))


def post_and_cancel(run: Any) -> list[posting.Outcome]:
	"""Post the items of the run and cancel the entries, also where the ledger is immutable."""
	outcomes = post(run)
	for name in sorted({outcome.journal_entry for outcome in outcomes if outcome.journal_entry}):
		journal.cancel(frappe.get_doc("Journal Entry", name))
	return outcomes


def assert_undone_identically(run: Any, how: str) -> dict[str, Any]:
	"""Post the run, undo its entries in each way and compare rows. Returns the items."""
	with posted(proof.IN_SETS):
		run_helpers.post(run)
	entries = run_helpers.entries(run)

	def action() -> dict[str, Any]:
		for name in entries:
			assert undo.undo_entry(name, how, TODAY)
		return {name: row.status for name, row in run_helpers.items(run).items()}

	assert entries
	return assert_equal_in_each_way(action)


def assert_posted_identically(
	run: Any, action: Callable[[Any], list[posting.Outcome]] = post
) -> list[posting.Outcome]:
	"""Post the run in each way and compare outcomes and rows. Returns the outcomes."""
	return assert_equal_in_each_way(lambda: action(run))


def assert_refused_identically(run: Any, obstacle: Callable[[], None]) -> str:
	"""Post the first entry in each way with the obstacle in place. Returns the error or warnings, which are equal."""
	rules = rules_of(current_terms(run))
	rows = list(run_helpers.items(run, status="Open").values())
	[plan, *_more] = posting.build_plans(
		posting.to_plan_items(posting.items_from_rows(rows, run.company), rules), rules
	)
	obstacle()
	clear_data_caches()
	frappe.db.value_cache.clear()
	header = journal.EntryHeader(rules.company, rules.posting_date, run.name, "ACC-JV-REFUSED", rules.remark)

	def action() -> str:
		frappe.db.savepoint("before_the_entry")
		try:
			return str(journal.post(plan, header).warnings)
		except frappe.ValidationError as error:
			frappe.db.rollback(save_point="before_the_entry")
			return f"{type(error).__name__}: {error}"

	return assert_equal_in_each_way(action)
