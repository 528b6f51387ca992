"""The same posted twice on the same books, natively and fast, and every column of what is left compared."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import frappe

from ar_writeoff.posting import entries as journal
from ar_writeoff.posting import fast
from ar_writeoff.posting import ledger as posting
from ar_writeoff.run.terms import rules_of, terms_of
from tests.site import runs

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
RANDOM_NAMES = (
	"GL Entry",
	"Payment Ledger Entry",
	"Journal Entry Account",
	"Payment Entry Reference",
	"Version",
	"Comment",
)
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
	"""A Version's changes, with the random names and the times of rows left out."""
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


def twice(company: str, action: Callable[[], Any]) -> tuple[tuple[Any, Books], tuple[Any, Books]]:
	"""What the action returns and the books it leaves, natively and fast; the books stay as fast left them."""
	results = []
	for in_sets in (False, True):
		frappe.db.savepoint("before_the_action")
		in_test, frappe.flags.in_test = frappe.flags.in_test, False  # in tests Frappe writes no Versions
		try:
			with fast_posting(company, in_sets):
				results.append((action(), read_books()))
		finally:
			frappe.flags.in_test = in_test
		if not in_sets:
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


def post(run: Any) -> list[posting.Outcome]:
	"""Post the run's items in the current transaction."""
	rules = rules_of(terms_of(run))
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


def posted_alike(run: Any, action: Callable[[Any], list[posting.Outcome]] = post) -> list[posting.Outcome]:
	"""The run posted natively and fast: the same outcomes, the same rows, none of them made natively."""
	assert fast.why_not(run.company) is None
	(native_outcomes, native), (outcomes, ours) = twice(run.company, lambda: action(run))
	assert outcomes == native_outcomes
	found = differences(native, ours)
	assert not found, "\n".join(found)
	return outcomes


def refused_alike(run: Any, obstacle: Callable[[], None]) -> str:
	"""In what words the run's first entry is refused, or warned of, natively and fast, with the obstacle there."""
	rules = rules_of(terms_of(run))
	rows = list(runs.items(run, status="Open").values())
	[plan, *_more] = posting.plans(
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

	assert fast.why_not(run.company) is None
	(native_words, native), (words, ours) = twice(run.company, action)
	assert words == native_words
	found = differences(native, ours)
	assert not found, "\n".join(found)
	return words
