"""Concurrent operations on a run: every change passes the gate, and the result is always consistent."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import frappe
import pytest

from ar_writeoff.ledger import transactions
from ar_writeoff.posting import ledger as posting
from ar_writeoff.posting.service import post_run
from ar_writeoff.run import gate
from ar_writeoff.search import service as search
from tests.site import ledger_checks, run_helpers
from tests.site.concurrency import BreakpointWorkers, ConcurrentSession, in_background, watchdog
from tests.site.conftest import Web, Workers, eventually
from tests.site.factories import AUDITOR, HL, MANAGER, PREPARER, as_user, invoice, many_invoices
from tests.site.submit_methods import allowed

FIRST = "2026-01-15"
EVIDENCE = {
	# A user who exists: Frappe itself refuses other links.
	"prepared_by": AUDITOR,
	"submitted_by": AUDITOR,
	"reversed_by": AUDITOR,
	"owner": AUDITOR,
	"approval_hash": "forged",
	"approval_seal": "forged",
	"approval_snapshot": "{}",
	"limits_applied": "{}",
	"posted_amount": 12345,
}


@pytest.fixture(autouse=True)
def ledgers_agree():
	yield
	frappe.db.rollback()
	ledger_checks.assert_debits_equal_credits(HL)
	ledger_checks.assert_ple_equals_gl(HL)
	assert_runs_are_whole()


def assert_runs_are_whole() -> None:
	"""No submitted entry of a cancelled run, item statuses agree with their entries, and no run is stuck."""
	for run in frappe.get_all("Write-Off Run", fields=["name", "docstatus", "status"], order_by="name asc"):
		if run.docstatus:
			assert run.status not in ("Draft", "Searching"), run
		else:
			assert run.status in ("Draft", "Searching"), run
		for item in run_helpers.items(run.name).values():
			alive = (
				item.journal_entry
				and frappe.db.get_value("Journal Entry", item.journal_entry, "docstatus") == 1
			)
			if item.status in ("Posted", "Conflict"):
				assert alive and run.docstatus == 1, (item.name, item.status, run)
			elif alive:
				assert item.reversal_entry or item.reinstated_amount, (item.name, item.status, run)
			if run.status in ("Posted", "Partly Posted", "Failed", "Reversed"):
				assert item.status != "Open", (run.name, run.status, item.name)


def put(web: Web, run: str, values: dict[str, Any], user: str = MANAGER) -> int:
	frappe.db.commit()
	answer = web.session(user).put(f"{web.url}/api/resource/Write-Off Run/{run}", json=values, timeout=60)
	frappe.db.rollback()
	return answer.status_code


# ------------------------------------------------------------------------------------- 1: a batch that is in hand


@pytest.fixture
def breakpoints(workers: Workers, tmp_path: Path) -> BreakpointWorkers:
	return BreakpointWorkers(workers, tmp_path)


def run_held_at(breakpoints: BreakpointWorkers, point: str = "submitted") -> Any:
	"""A run of three batches with a worker paused in the first."""
	many_invoices(12, customers=("Anchor Cafe", "Breakwater Bar", "Compass Stores"))
	run_helpers.settings(rows_per_entry=5)
	run = run_helpers.run()
	with in_background():
		run_helpers.post(run)
	frappe.db.commit()
	breakpoints.hold(point)
	breakpoints.start()
	breakpoints.wait_for(point)
	return run


@pytest.mark.workers
@pytest.mark.parametrize("how", ["cancel", "reverse"])
def test_fault_01_undone_while_a_worker_holds_a_batch(breakpoints: BreakpointWorkers, how: str):
	run = run_held_at(breakpoints)

	def pause_and_undo() -> None:
		with in_background():
			frappe.get_doc("Write-Off Run", run.name).pause()
			frappe.db.commit()
			getattr(frappe.get_doc("Write-Off Run", run.name), how)()

	undoing = ConcurrentSession(pause_and_undo, MANAGER)
	undoing.join(2)
	assert undoing.is_alive(), "it waits for the batch in hand"
	breakpoints.release("submitted")
	undoing.result()
	eventually(lambda: run_helpers.status(run) == "Reversed")
	eventually(lambda: not run_helpers.live_workers(run))
	assert run_helpers.entries(run) == []
	assert {item.status for item in run_helpers.items(run).values()} == {"Reversed", "Skipped"}
	run.reload()
	assert (run.docstatus, run.posted_amount) == (2 if how == "cancel" else 1, 0)


@pytest.mark.workers
def test_fault_01_a_claimed_batch_is_not_posted_for_a_paused_run(breakpoints: BreakpointWorkers):
	run = run_held_at(breakpoints, "after_commit")
	breakpoints.hold("claimed")
	breakpoints.release("after_commit")
	breakpoints.wait_for("claimed")
	with as_user(MANAGER):
		frappe.get_doc("Write-Off Run", run.name).pause()
	frappe.db.commit()
	breakpoints.release("claimed")
	eventually(lambda: not run_helpers.live_workers(run))
	assert (run_helpers.status(run), len(run_helpers.entries(run))) == ("Paused", 1)
	run.reload()
	assert run.posted_count == 4, "the totals say what is posted"
	with as_user(MANAGER):
		run.cancel()
	assert (run.docstatus, run_helpers.entries(run)) == (2, [])


@pytest.mark.parametrize("how", ["cancel", "reverse"])
def test_fault_01_undone_before_anything_was_posted(how: str):
	"""The run is Reversed, and no worker retries it."""
	invoice("Anchor Cafe", 10, FIRST)
	run = run_helpers.run()
	with in_background():
		run_helpers.post(run)
	with as_user(MANAGER):
		run.pause()
		getattr(run.reload(), how)()
	run.reload()
	assert (run.docstatus, run.status) == (2 if how == "cancel" else 1, "Reversed")
	assert {item.status for item in run_helpers.items(run).values()} == {"Skipped"}


def test_fault_01_a_locked_entry_is_not_skipped():
	invoice("Anchor Cafe", 10, FIRST)
	run = run_helpers.post(run_helpers.run())
	[entry] = run_helpers.entries(run)
	frappe.db.commit()
	frappe.db.get_value("Journal Entry", entry, "name", for_update=True)

	def cancel() -> None:
		frappe.get_doc("Write-Off Run", run.name).cancel()

	with pytest.raises(frappe.ValidationError, match="being changed by another user"):
		ConcurrentSession(cancel, MANAGER).result()
	frappe.db.rollback()
	assert run.reload().docstatus == 1


def test_fault_01_sibling_an_entry_of_a_cancelled_run_cannot_open_it_again():
	"""Cancelling a reversing entry manually writes its balances off again, which is refused for a cancelled run."""
	invoice("Anchor Cafe", 10, FIRST)
	run = run_helpers.post(run_helpers.run())
	with as_user(MANAGER):
		run.reverse(dated=True)
		run.reload().cancel()
		[item] = run_helpers.items(run).values()
		with pytest.raises(frappe.ValidationError, match="is cancelled"):
			frappe.get_doc("Journal Entry", item.reversal_entry).cancel()


# ------------------------------------------------------------------------------ 2: what the caller's copy says


def by_rest(web: Web, run: str, **values: Any) -> bool:
	status = put(web, run, {"docstatus": 2, **values})
	assert status in (200, 403, 417), status
	return status == 200


def by_copy(_web: Web, run: str, user: str = MANAGER, **values: Any) -> bool:
	return allowed(lambda: changed_copy(run, values).cancel(), user)


def by_client(_web: Web, run: str, user: str = MANAGER, **values: Any) -> bool:
	return allowed(lambda: frappe.get_attr("frappe.client.cancel")("Write-Off Run", run), user)


def by_form(_web: Web, run: str, user: str = MANAGER, **values: Any) -> bool:
	return allowed(lambda: frappe.get_attr("frappe.desk.form.save.cancel")("Write-Off Run", run), user)


def by_list(_web: Web, run: str, user: str = MANAGER, **values: Any) -> bool:
	bulk = frappe.get_attr("frappe.desk.doctype.bulk_update.bulk_update.submit_cancel_or_update_docs")
	return allowed(
		lambda: bulk("Write-Off Run", json.dumps([run]), "cancel") == [] or frappe.throw("failed"), user
	)


WAYS = [by_rest, by_copy, by_client, by_form, by_list]


def changed_copy(run: str, values: dict[str, Any]) -> Any:
	doc = frappe.get_doc("Write-Off Run", run)
	return doc.update(values)


@pytest.mark.parametrize("way", WAYS)
def test_fault_02_a_run_at_work_is_not_cancelled(web: Web, way: Callable):
	invoice("Anchor Cafe", 10, FIRST)
	run = run_helpers.run()
	with in_background():
		run_helpers.post(run)
	frappe.db.commit()
	for status in ("Queued", "Posting", "Reversing"):
		frappe.db.set_value("Write-Off Run", run.name, "status", status)
		assert not way(web, run.name, status="Posted"), status
		assert run.reload().docstatus == 1
	frappe.db.set_value("Write-Off Run", run.name, "status", "Queued")
	frappe.db.commit()
	post_run(run.name)
	assert run_helpers.status(run) == "Posted"


@pytest.mark.parametrize("way", WAYS)
def test_fault_02_cancelling_keeps_the_evidence(web: Web, way: Callable):
	invoice("Anchor Cafe", 10, FIRST)
	run = run_helpers.post(run_helpers.run(customers=[{"customer": "Anchor Cafe"}]))
	before = run.as_dict()
	assert way(web, run.name, **EVIDENCE, customers=[], reason="Uncollectible", max_invoice_amount=1)
	run.reload()
	assert (run.docstatus, run.status, run.posted_amount) == (2, "Reversed", 0)
	kept = {*EVIDENCE, "reason", "max_invoice_amount"} - {"posted_amount"}
	assert {field: run.get(field) for field in kept} == {field: before[field] for field in kept}
	assert [row.customer for row in run.customers] == ["Anchor Cafe"]


@pytest.mark.parametrize("docstatus", [0, 1])
def test_fault_02_saving_keeps_the_evidence(web: Web, docstatus: int):
	invoice("Anchor Cafe", 10, FIRST)
	run = run_helpers.run()
	if docstatus:
		run_helpers.post(run)
	before = run.reload().as_dict()
	# Frappe itself refuses another owner.
	sent = {field: value for field, value in EVIDENCE.items() if field != "owner"} | {"status": "Paused"}
	assert put(web, run.name, sent) == 200
	run.reload()
	assert {field: run.get(field) for field in sent} == {field: before[field] for field in sent}


@pytest.mark.parametrize("way", WAYS)
def test_fault_02_many_entries_are_cancelled_by_workers_whoever_asks(web: Web, way: Callable):
	many_invoices(6)
	run_helpers.settings(entries_per="Invoice")
	run = run_helpers.post(run_helpers.run())
	assert len(run_helpers.entries(run)) == 6
	with in_background():
		assert way(web, run.name)
	run.reload()
	assert (run.docstatus, run.status, run.reversed_by) == (1, "Reversing", MANAGER)
	assert len(run_helpers.entries(run)) == 6
	frappe.get_attr("ar_writeoff.jobs.undo_run")(run.name)
	run.reload()
	assert (run.docstatus, run.status, run_helpers.entries(run)) == (2, "Reversed", [])


@pytest.mark.parametrize("entries", [1, 6])
@pytest.mark.parametrize("way", WAYS)
def test_fault_02_who_prepares_does_not_cancel(web: Web, way: Callable, entries: int):
	"""More than five are cancelled in the background, where Frappe does not check the permission."""
	many_invoices(entries)
	run_helpers.settings(entries_per="Invoice")
	run = run_helpers.post(run_helpers.run())
	if way is by_rest:
		frappe.db.commit()
		assert put(web, run.name, {"docstatus": 2}, PREPARER) == 403
	else:
		assert not way(web, run.name, PREPARER)
	assert (run.reload().docstatus, run.status) == (1, "Posted")


# ------------------------------------------------------------------------------------- 3: overlapping with submit


def find(run: str) -> None:
	frappe.get_doc("Write-Off Run", run).find_invoices()


def add(run: str) -> None:
	from ar_writeoff.search.from_invoices import write_off_invoices

	write_off_invoices(frappe.get_all("Sales Invoice", pluck="name", order_by=None), run)


def untick(run: str) -> None:
	frappe.get_doc("Write-Off Run", run).set_selection(selected=False)


def lower(run: str) -> None:
	doc = frappe.get_doc("Write-Off Run", run)
	doc.set_write_off_amount(next(iter(run_helpers.items(run).values())).name, 1)


def change_criteria(run: str) -> None:
	doc = frappe.get_doc("Write-Off Run", run)
	doc.max_invoice_amount = 5
	doc.save()


CHANGES = [find, add, untick, lower, change_criteria]


@pytest.mark.parametrize("change", CHANGES)
def test_fault_03_a_change_that_overlaps_with_submit(change: Callable):
	"""Started on a draft, finished after its submit."""
	many_invoices(3)
	run = run_helpers.run()
	frappe.db.commit()
	with in_background():
		run_helpers.post(run)  # not committed yet
	sealed = run_helpers.items(run)
	changing = ConcurrentSession(lambda: change(run.name), MANAGER)
	changing.join(1.5)
	assert changing.is_alive(), "it waits for the submit"
	frappe.db.commit()
	with pytest.raises(frappe.ValidationError):
		changing.result()
	frappe.db.rollback()
	assert run_helpers.items(run) == sealed
	assert (run.reload().docstatus, run.status) == (1, "Queued")
	post_run(run.name)
	assert run_helpers.status(run) == "Posted"
	assert run.reload().verify_approval()["intact"]


# By the app, or by Frappe before: which of them depends on the release.
REFUSALS = (frappe.ValidationError, frappe.QueryTimeoutError, frappe.QueryDeadlockError)


def test_fault_03_a_run_is_not_deleted_below_its_submit():
	invoice("Anchor Cafe", 10, FIRST)
	run = run_helpers.run()
	frappe.db.commit()
	with in_background():
		run_helpers.post(run)  # not committed yet
	with pytest.raises(REFUSALS):
		ConcurrentSession(lambda: frappe.delete_doc("Write-Off Run", run.name), MANAGER).result()
	frappe.db.commit()
	post_run(run.name)
	assert run_helpers.status(run) == "Posted"


def test_fault_03_a_run_submitted_since_the_request_began_is_not_deleted():
	"""Frappe locks the run, but checks the copy of the request's snapshot."""
	invoice("Anchor Cafe", 10, FIRST)
	run = run_helpers.run()
	frappe.db.commit()
	assert run_helpers.status(run) == "Draft"
	ConcurrentSession(lambda: run_helpers.post(frappe.get_doc("Write-Off Run", run.name))).result()
	with pytest.raises(REFUSALS), as_user(MANAGER):
		frappe.delete_doc("Write-Off Run", run.name)
	frappe.db.rollback()
	assert run_helpers.status(run) == "Posted"


@pytest.mark.parametrize("change", [find, add, untick, lower])
def test_fault_03_submit_that_overlaps_with_a_change(change: Callable):
	many_invoices(3)
	run = run_helpers.run()
	frappe.db.commit()
	with as_user(MANAGER):
		change(run.name)  # not committed yet

	def submit() -> None:
		with in_background():
			frappe.get_doc("Write-Off Run", run.name).submit()

	submitting = ConcurrentSession(submit, MANAGER)
	submitting.join(1.5)
	assert submitting.is_alive(), "it waits for the change"
	frappe.db.commit()
	with pytest.raises((frappe.ValidationError, frappe.QueryDeadlockError)):
		submitting.result()
	frappe.db.rollback()
	assert (run.reload().docstatus, run.status) == (0, "Draft")


def test_fault_03_two_people_tick_at_the_same_time():
	"""The second operation sees the changes of the first, although its request started before."""
	many_invoices(4)
	run = run_helpers.run()
	frappe.db.commit()
	first, second, *_rest = [item.name for item in run_helpers.items(run).values()]

	def tick(name: str) -> Callable[[], None]:
		return lambda: frappe.get_doc("Write-Off Run", run.name).set_selection(selected=False, items=[name])

	with as_user(MANAGER):
		tick(first)()
	other = ConcurrentSession(tick(second), PREPARER)
	other.join(1.5)
	assert other.is_alive()
	frappe.db.commit()
	other.result()
	frappe.db.rollback()
	assert run.reload().selected_count == 2


def test_fault_03_a_cancelled_search_writes_nothing(monkeypatch):
	"""Refused when the run was submitted or is searched again meanwhile."""
	kept = invoice("Anchor Cafe", 10, FIRST)
	run = run_helpers.run()
	invoice("Breakwater Bar", 10, FIRST)
	with as_user(MANAGER):
		run.find_invoices(background=True)
	stamp = search.stamp_of(run.name)
	frappe.db.commit()
	doc = frappe.get_doc("Write-Off Run", run.name)
	found = search.find(search.prepared_search(doc))
	session = search.workers.WorkerSession(run.name, search.WORKER)

	with as_user(MANAGER):
		run.cancel_search()
		run.find_invoices(background=True)
	with pytest.raises(search.SearchCancelled):
		search.finish_search(session, stamp, found)
	frappe.db.commit()
	with as_user(MANAGER):
		run.reload().cancel_search()
		with in_background():
			run.submit()
	with pytest.raises(search.SearchCancelled):
		search.finish_search(session, stamp, found)
	frappe.db.commit()
	assert set(run_helpers.items(run)) == {kept.name}
	post_run(run.name)
	assert run_helpers.status(run) == "Posted"


def test_fault_03_a_search_whose_worker_died_is_ended_by_the_watchdog():
	invoice("Anchor Cafe", 10, FIRST)
	run = run_helpers.run()
	with as_user(MANAGER):
		run.find_invoices(background=True)
	frappe.db.commit()
	assert watchdog(lease=60) == [], "its job waits in the queue"
	frappe.db.delete("Write-Off Run Worker", {"run": run.name})
	frappe.db.commit()
	assert watchdog(lease=60) == [run.name]
	assert (run_helpers.status(run), len(run_helpers.items(run))) == ("Draft", 1)


# ------------------------------------------------------------------------------------------------ the gate itself


def test_a_stale_transaction_is_refused():
	"""A transaction that has already written cannot be restarted and is refused."""
	invoice("Anchor Cafe", 10, FIRST)
	run = run_helpers.run()
	frappe.db.commit()
	frappe.db.get_value("Write-Off Run", run.name, "modified")
	ConcurrentSession(lambda: untick(run.name), MANAGER).result()
	frappe.get_doc({"doctype": "ToDo", "description": "something written"}).insert()
	with pytest.raises((frappe.TimestampMismatchError, frappe.QueryDeadlockError)), as_user(MANAGER):
		gate.enter(run.name, gate.SELECT)
	frappe.db.rollback()
	with as_user(MANAGER):
		assert gate.enter(run.name, gate.SELECT).selected_count == 0


# ------------------------------------------------------------------------------------------------------------- 13


def test_fault_13_a_preview_writes_nothing():
	for amount in (40, 400):
		invoice("Anchor Cafe", amount, FIRST)
	run_helpers.settings(
		limits=[
			{"role": "Accounts User", "max_item_amount": 50},
			{"role": "Accounts Manager", "max_item_amount": 500},
		]
	)
	run = run_helpers.run(user=PREPARER)
	assert run.selected_count == 1, "400 is over the limit of who prepares"
	frappe.db.commit()
	with as_user(MANAGER), recorded_queries() as queries:
		assert run.preview_entries()["item_count"] == 2, "and within the one of who submits"
	writes = ("insert", "update", "delete", "replace")
	assert not [
		query
		for query in map(str.lower, queries)
		if query.lstrip().startswith(writes) or "for update" in query or "share mode" in query
	]
	with as_user(PREPARER):
		assert run.preview_entries()["item_count"] == 1


def test_fault_13_the_isolation_level_is_put_back():
	frappe.db.sql("SET SESSION TRANSACTION ISOLATION LEVEL SERIALIZABLE")
	try:
		with transactions.read_committed():
			assert transactions.isolation_level() == "READ COMMITTED"
		assert transactions.isolation_level() == "SERIALIZABLE"
	finally:
		frappe.db.sql("SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ")


# ------------------------------------------------------------------------------------------------------------- 16


@contextmanager
def recorded_queries() -> Iterator[list[str]]:
	"""The statements that run within the block, with their values."""
	queries: list[str] = []
	original = frappe.local.db.sql

	def sql(query: Any, values: Any = (), *args: Any, **kwargs: Any) -> Any:
		queries.append(f"{query} {values}")
		return original(query, values, *args, **kwargs)

	frappe.local.db.sql = sql
	try:
		yield queries
	finally:
		del frappe.local.db.sql


def test_fault_16_looking_at_items_again_runs_as_many_queries_for_forty_as_for_two(monkeypatch):
	counts = []
	original = posting.revalidate_items

	def counted(*args: Any) -> Any:
		with recorded_queries() as queries:
			result = original(*args)
		assert not {query for query in queries if queries.count(query) > 1}, "nothing is read twice"
		counts.append(len(queries))
		return result

	monkeypatch.setattr(posting, "revalidate_items", counted)
	for number in (2, 40, 40):
		for _n in range(number):
			invoice("Anchor Cafe", 5, FIRST)
		run_helpers.post(run_helpers.run())
	# The lower of two, because a cached document is read from the database again when its time in the cache is over.
	[two, *forty] = counts
	assert min(forty) <= two


@pytest.mark.parametrize("name", ["Write-Off Register", "Write-Off Roll-forward"])
def test_fault_16_a_report_reads_nothing_twice(name: str):
	invoice("Anchor Cafe", 40, FIRST)
	run_helpers.post(run_helpers.run())
	filters = {"company": HL, "from_date": "2024-01-01", "to_date": "2027-12-31", "period": "Yearly"}
	execute = frappe.get_attr(
		f"ar_writeoff.ar_writeoff.report.{frappe.scrub(name)}.{frappe.scrub(name)}.execute"
	)
	execute(frappe._dict(filters))
	with recorded_queries() as queries:
		assert execute(frappe._dict(filters))[1]
	assert sorted(queries) == sorted(set(queries))
