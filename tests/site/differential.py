"""Differential test of fast posting: the same run is posted natively and fast, and every column is compared."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import frappe

from ar_writeoff.posting import entries as journal
from ar_writeoff.posting import fast
from ar_writeoff.posting import ledger as posting
from ar_writeoff.run.terms import current_terms, rules_of
from tests.site import run_helpers

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
def fast_posting(company: str, on: bool) -> Iterator[None]:
	frappe.db.set_value("Write-Off Settings", company, "fast_posting", int(on), update_modified=False)
	yield


def run_natively_and_fast(
	company: str, action: Callable[[], Any]
) -> tuple[tuple[Any, Rows], tuple[Any, Rows]]:
	"""Result and rows after the action, natively and with fast posting. The native result is rolled back."""
	results = []
	for in_sets in (False, True):
		frappe.db.savepoint("before_the_action")
		in_test, frappe.flags.in_test = frappe.flags.in_test, False  # in tests Frappe writes no Versions
		try:
			with fast_posting(company, in_sets):
				results.append((action(), read_rows()))
		finally:
			frappe.flags.in_test = in_test
		if not in_sets:
			frappe.db.rollback(save_point="before_the_action")
			frappe.clear_cache()
	return results[0], results[1]


def row_differences(native: Rows, fast: Rows) -> list[str]:
	"""The differences, one line per column of each row."""
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
	outcomes = post(run)
	for name in sorted({outcome.journal_entry for outcome in outcomes if outcome.journal_entry}):
		journal.cancel(frappe.get_doc("Journal Entry", name))
	return outcomes


def assert_posted_identically(
	run: Any, action: Callable[[Any], list[posting.Outcome]] = post
) -> list[posting.Outcome]:
	"""Post the run natively and fast and compare outcomes and rows. Returns the outcomes."""
	assert fast.blocker(run.company) is None
	(native_outcomes, native), (outcomes, ours) = run_natively_and_fast(run.company, lambda: action(run))
	assert outcomes == native_outcomes
	found = row_differences(native, ours)
	assert not found, "\n".join(found)
	return outcomes


def assert_refused_identically(run: Any, obstacle: Callable[[], None]) -> str:
	"""Post the first entry natively and fast with the obstacle in place. Returns the error or warnings, which are equal."""
	rules = rules_of(current_terms(run))
	rows = list(run_helpers.items(run, status="Open").values())
	[plan, *_more] = posting.build_plans(
		posting.to_plan_items(posting.items_from_rows(rows, run.company), rules), rules
	)
	obstacle()
	frappe.clear_cache()
	frappe.db.value_cache.clear()
	header = journal.EntryHeader(rules.company, rules.posting_date, run.name, "ACC-JV-REFUSED", rules.remark)

	def action() -> str:
		frappe.db.savepoint("before_the_entry")
		try:
			return str(journal.post(plan, header).warnings)
		except frappe.ValidationError as error:
			frappe.db.rollback(save_point="before_the_entry")
			return f"{type(error).__name__}: {error}"

	assert fast.blocker(run.company) is None
	(native_words, native), (words, ours) = run_natively_and_fast(run.company, action)
	assert words == native_words
	found = row_differences(native, ours)
	assert not found, "\n".join(found)
	return words
