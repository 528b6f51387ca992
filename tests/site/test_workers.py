"""Real workers that are killed or compete with payments and each other: the result is the same."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import frappe
import pytest
from rq.timeouts import JobTimeoutException

from ar_writeoff.posting.proof import verdicts
from tests.site import factories, ledger_checks, run_helpers
from tests.site.concurrency import BreakpointWorkers, ConcurrentSession, in_background, watchdog
from tests.site.conftest import Workers, empty_queues, eventually
from tests.site.factories import HL, MANAGER, invoice, many_invoices, outstanding, pay

pytestmark = pytest.mark.workers


@pytest.fixture
def breakpoints(workers: Workers, tmp_path: Path) -> BreakpointWorkers:
	return BreakpointWorkers(workers, tmp_path)


@pytest.fixture(autouse=True)
def ledgers_agree():
	yield
	frappe.db.rollback()
	ledger_checks.assert_debits_equal_credits(HL)
	ledger_checks.assert_ple_equals_gl(HL)


def submitted_run(count: int = 12, per_entry: int = 5, **values):
	"""A submitted run over this many invoices in batches of `per_entry` - 1, to be posted by workers."""
	many_invoices(count, customers=("Anchor Cafe", "Breakwater Bar", "Compass Stores")[:count])
	run_helpers.settings(rows_per_entry=per_entry, **values)
	run = run_helpers.run()
	with in_background():
		run_helpers.post(run)
	frappe.db.commit()
	return run


def finished(run, timeout: float = 90):
	eventually(lambda: run_helpers.status(run) in ("Posted", "Partly Posted", "Failed"), timeout)
	run_helpers.assert_posted_once(run)
	return run_helpers.status(run)


@pytest.mark.parametrize("point", ["submitted", "before_commit", "after_commit"])
def test_01_killed_around_the_commit(breakpoints: BreakpointWorkers, point: str):
	run = submitted_run()
	breakpoints.hold(point)
	[worker] = breakpoints.start()
	breakpoints.wait_for(point)
	worker.kill()
	assert len(run_helpers.entries(run)) == (1 if point == "after_commit" else 0)
	breakpoints.release(point)
	assert watchdog() == [run.name]
	breakpoints.start()
	assert finished(run) == "Posted"
	assert len(run_helpers.entries(run)) == 3
	assert "Resumed by Watchdog" in run_helpers.events(run)


@pytest.mark.parametrize("point", ["submitted", "payment_rows", "verdict"])
def test_01_killed_in_a_rehearsal(breakpoints: BreakpointWorkers, point: str):
	"""By row, in sets, and after the verdict: nothing of it stays."""
	run = submitted_run(24, per_entry=100)
	frappe.db.delete(verdicts.DOCTYPE)
	frappe.db.commit()
	before = ledger_checks.snapshot(HL)
	counts = rows_written()
	breakpoints.hold(point)
	[worker] = breakpoints.start()
	breakpoints.wait_for(point)
	worker.kill()
	frappe.db.rollback()
	assert before.diff(ledger_checks.snapshot(HL)) == [] and rows_written() == counts
	assert {row.status for row in run_helpers.items(run).values()} == {"Open"}
	breakpoints.release(point)
	assert watchdog() == [run.name]
	breakpoints.start()
	assert finished(run) == "Posted"
	[found] = frappe.get_all(verdicts.DOCTYPE, fields=["verdict", "method", "run"])
	assert (found.verdict, found.method, found.run) == ("Equal", "In Sets", run.name)
	assert len(run_helpers.entries(run)) == 1


def rows_written() -> dict[str, int]:
	"""The numbers of rows that a posting writes, by DocType."""
	doctypes = ("Journal Entry", "Journal Entry Account", "GL Entry", "Payment Ledger Entry", "Version")
	return {doctype: frappe.db.count(doctype) for doctype in (*doctypes, "Comment", verdicts.DOCTYPE)}


def test_02_and_11_two_workers_on_one_run_of_1500(breakpoints: BreakpointWorkers):
	run = submitted_run(1500, per_entry=100)
	breakpoints.start(2)
	assert finished(run, timeout=400) == "Posted"
	posted = frappe.get_all(
		"Journal Entry", filters={"write_off_run": run.name}, fields=["*"], order_by="name asc"
	)
	assert len(posted) == 16
	batches = {row.name.removeprefix(f"ACC-JV-{run.name}-")[:4] for row in posted}
	assert batches == {f"{number:04d}" for number in range(1, 17)}
	assert {row.owner for row in posted} == {MANAGER}
	assert max(len(row.remark) for row in posted) < 200
	workers = frappe.get_all(
		"Write-Off Run Event",
		filters={"run": run.name, "event": "Batch Posted"},
		pluck="worker",
		order_by=None,
	)
	assert set(workers) == {"1", "2"}


@contextmanager
def refused_because_of(run: Any) -> Iterator[None]:
	"""Refused by the app, or by MariaDB before the check.

	From 11.6.2 on, which v16 asks for, it locks no row that was changed since the transaction first read: error 1020.
	"""
	snapshot_isolation = dict(frappe.db.sql("SHOW VARIABLES LIKE 'innodb_snapshot_isolation'"))
	ours = (frappe.ValidationError, f"was written off by .*{run.name}")
	theirs = (frappe.QueryDeadlockError, "Record has changed since last read")
	error, words = theirs if "ON" in snapshot_isolation.values() else ours
	with pytest.raises(error, match=words):
		yield


def test_03_a_payment_validated_before_the_post_and_submitted_after_it_is_refused(
	breakpoints: BreakpointWorkers,
):
	run = submitted_run(1)
	[name] = run_helpers.items(run)
	breakpoints.hold("before_commit")
	breakpoints.start()
	breakpoints.wait_for("before_commit")
	payment = ConcurrentSession(lambda: pay(name))
	payment.join(1)
	assert payment.is_alive(), "the payment waits for the lock"
	breakpoints.release("before_commit")
	with refused_because_of(run):
		payment.result()
	assert finished(run) == "Posted"
	assert outstanding(name) == 0


def test_03_a_payment_is_refused_while_the_items_are_locked_still(monkeypatch):
	"""MariaDB releases the locks of a transaction one by one: the invoice may be free before the item."""
	invoice("Anchor Cafe", 10, "2026-01-15")
	run = run_helpers.run()
	[name] = run_helpers.items(run)
	monkeypatch.setattr(factories, "submitted", lambda doc: doc.insert())
	drafted, go_on = threading.Event(), threading.Event()

	def submit_later() -> None:
		payment = pay(name)
		drafted.set()
		go_on.wait(30)
		payment.submit()

	frappe.db.commit()
	payment = ConcurrentSession(submit_later)
	assert drafted.wait(30)
	run_helpers.post(run)
	frappe.db.commit()
	frappe.db.sql("SELECT name FROM `tabWrite-Off Run Item` WHERE voucher_no = %s FOR UPDATE", name)
	go_on.set()
	with refused_because_of(run):
		payment.result()
	assert outstanding(name) == 0


def test_03_a_payment_that_locks_first_is_kept(breakpoints: BreakpointWorkers, monkeypatch):
	from ar_writeoff.undo import guards

	locked, go_on = threading.Event(), threading.Event()
	original = guards.refuse_over_allocation

	def slow(*args):
		original(*args)
		locked.set()
		go_on.wait(30)

	monkeypatch.setattr(guards, "refuse_over_allocation", slow)
	run = submitted_run(1)
	[name] = run_helpers.items(run)
	payment = ConcurrentSession(lambda: pay(name).name)
	assert locked.wait(30)
	breakpoints.start()
	eventually(lambda: run_helpers.status(run) == "Posting")
	go_on.set()
	payment.result()
	assert finished(run) == "Failed"
	assert run_helpers.items(run)[name].status == "Skipped"
	assert outstanding(name) == 0


def test_03_a_payment_that_asks_for_no_lock_is_found_afterwards(breakpoints: BreakpointWorkers, monkeypatch):
	from ar_writeoff.undo import guards

	monkeypatch.setattr(guards, "refuse_over_allocation", lambda *args: None)
	run = submitted_run(8)
	name, *others = run_helpers.items(run)
	monkeypatch.setattr(factories, "submitted", lambda doc: doc.insert())
	breakpoints.hold("looked")
	breakpoints.hold("after_commit")
	breakpoints.start()
	breakpoints.wait_for("looked")
	payment = pay(name)
	frappe.db.commit()
	breakpoints.release("looked")
	breakpoints.wait_for("after_commit")
	payment.flags.ignore_validate = True
	payment.submit()
	frappe.db.commit()
	breakpoints.release("after_commit")
	eventually(lambda: run_helpers.status(run) == "Partly Posted", 60)
	item = run_helpers.items(run)[name]
	assert item.status == "Conflict"
	assert "leaves -10.00 USD" in item.message
	assert {run_helpers.items(run)[other].status for other in others} == {"Posted"}

	def notified() -> set[str]:
		return set(
			frappe.get_all(
				"Notification Log", filters={"document_name": run.name}, pluck="for_user", order_by=None
			)
		)

	eventually(lambda: {MANAGER, "second.manager@example.com"} <= notified())


def test_04_a_deadlock_restarts_the_batch_as_the_same_user(breakpoints: BreakpointWorkers):
	run = submitted_run(4)
	first, *_, last = sorted(run_helpers.items(run))
	breakpoints.hold("items_locked")
	breakpoints.start()
	breakpoints.wait_for("items_locked")
	frappe.db.sql("INSERT INTO `tabDefaultValue` (name, parent) SELECT UUID(), 'heavier' FROM `tabDocField`")
	frappe.db.sql("SELECT name FROM `tabSales Invoice` WHERE name = %s FOR UPDATE", last)
	breakpoints.release("items_locked")
	run_helpers.wait_for_lock_wait()
	# The worker has the first and wants the last. Whoever wrote less is taken back by MariaDB.
	frappe.db.sql("SELECT name FROM `tabSales Invoice` WHERE name = %s FOR UPDATE", first)
	frappe.db.rollback()
	assert finished(run) == "Posted"
	[entry] = run_helpers.entries(run)
	assert frappe.db.get_value("Journal Entry", entry, "owner") == MANAGER
	assert "Interrupted" not in run_helpers.events(run)


def test_05_a_job_timeout_is_not_suppressed(breakpoints: BreakpointWorkers, monkeypatch):
	monkeypatch.setitem(frappe.conf, "ar_writeoff_job_timeout", 15)
	run = submitted_run()
	breakpoints.hold("submitted")
	breakpoints.start()
	breakpoints.wait_for("submitted")
	eventually(lambda: "Interrupted" in run_helpers.events(run), 30)
	assert JobTimeoutException.__name__ in run_helpers.events(run)["Interrupted"]
	assert run_helpers.entries(run) == []
	assert run_helpers.status(run) == "Posting"
	breakpoints.release("submitted")
	monkeypatch.undo()
	assert watchdog() == [run.name]
	assert finished(run) == "Posted"


def test_05_a_job_hands_over_before_its_time_is_up(breakpoints: BreakpointWorkers, monkeypatch):
	from ar_writeoff.posting import service as posting
	from ar_writeoff.run import worker

	run = submitted_run()
	jobs: list[tuple] = []
	monkeypatch.setattr(worker, "start", lambda *args: jobs.append(args))
	monkeypatch.setattr(worker, "SHARE_OF_TIMEOUT", 0)
	posting.post_run(run.name, worker=2)
	assert jobs == [(run.name, "ar_writeoff.jobs.post_run", [2])]
	monkeypatch.undo()
	breakpoints.start()
	assert finished(run) == "Posted"


def test_06_a_lost_enqueue(breakpoints: BreakpointWorkers):
	run = submitted_run()
	empty_queues()
	assert run_helpers.status(run) == "Queued"
	assert watchdog() == [run.name]
	assert watchdog() == [], "its jobs are waiting in the queue"
	breakpoints.start()
	assert finished(run) == "Posted"


def test_06_a_dead_job_that_redis_lists_as_running(breakpoints: BreakpointWorkers):
	from frappe.utils.background_jobs import get_job_status

	run = submitted_run()
	breakpoints.hold("looked")
	[worker] = breakpoints.start()
	breakpoints.wait_for("looked")
	worker.kill()
	breakpoints.release("looked")
	jobs = frappe.get_all(
		"Write-Off Run Worker", filters={"run": run.name}, pluck="job_id", order_by="number"
	)
	assert str(get_job_status(jobs[0])) in ("started", "JobStatus.STARTED")
	assert watchdog(lease=600) == [], "its lease has not run out"
	assert watchdog() == [run.name]
	breakpoints.start()
	assert finished(run) == "Posted"


def test_06_a_job_taken_by_a_worker_that_was_killed_before_it_began(breakpoints: BreakpointWorkers):
	"""RQ lists it as queued for some ten minutes more, but it is in no queue."""
	from frappe.utils.background_jobs import get_job, get_queue

	run = submitted_run()
	jobs = frappe.get_all(
		"Write-Off Run Worker", filters={"run": run.name}, pluck="job_id", order_by="number"
	)
	queue = get_queue("long")
	for job in jobs:
		queue.connection.lrem(queue.key, 1, get_job(job).id)
		assert get_job(job).get_status() == "queued"
	assert watchdog() == [run.name]
	assert watchdog() == [], "its new jobs are waiting in the queue"
	breakpoints.start()
	assert finished(run) == "Posted"


def test_paused_resumed_and_undone_while_workers_are_at_it(breakpoints: BreakpointWorkers):
	before = None
	many_invoices(12)
	before = ledger_checks.snapshot(HL)
	run_helpers.settings(rows_per_entry=5, parallel_jobs=1)
	run = run_helpers.run()
	with in_background():
		run_helpers.post(run)
	breakpoints.hold("before_commit")
	breakpoints.start()
	breakpoints.wait_for("before_commit")
	pausing = ConcurrentSession(lambda: frappe.get_doc("Write-Off Run", run.name).pause())
	pausing.join(1)
	assert pausing.is_alive(), "it waits for the batch in hand"
	breakpoints.release("before_commit")
	pausing.result()
	eventually(lambda: len(run_helpers.entries(run)) == 1)
	eventually(lambda: not run_helpers.live_workers(run))
	assert run_helpers.status(run) == "Paused"
	with in_background():
		run.resume()
		frappe.db.commit()
	assert finished(run) == "Posted"

	breakpoints.hold("undone")
	with in_background():
		run.reload().reverse("2026-07-15")
		frappe.db.commit()
	breakpoints.wait_for("undone")
	[worker] = [one for one in breakpoints.workers.all if one.alive]
	worker.kill()
	assert len(run_helpers.entries(run)) == 3, "nothing of it was committed"
	breakpoints.release("undone")
	assert watchdog() == [run.name]
	breakpoints.start()
	eventually(lambda: run_helpers.status(run) == "Reversed", 60)
	assert before.diff(ledger_checks.snapshot(HL)) == []
