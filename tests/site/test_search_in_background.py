"""The search in a background job: progress, cancellation, and the old list until it finishes."""

from __future__ import annotations

import os
import signal
import time
import types
from typing import Any

import frappe
import pytest

from ar_writeoff.search import ledger as search
from ar_writeoff.search import processes
from ar_writeoff.search import service as job
from tests.site import run_helpers
from tests.site.concurrency import watchdog
from tests.site.conftest import eventually
from tests.site.factories import MANAGER, as_user, invoice, many_invoices

FIRST = "2026-01-15"


def status(run) -> str:
	return frappe.db.get_value("Write-Off Run", run.name, "status")


def test_a_worker_fills_the_list_as_the_user_who_asked(workers):
	many_invoices(300)
	run = run_helpers.run(find=False)
	frappe.db.commit()
	workers(1)
	with as_user(MANAGER):
		assert run.find_invoices(background=True) == {"background": True}
		assert run.status == "Searching"
		with pytest.raises(frappe.ValidationError, match="Searching"):
			run.find_invoices()
		with pytest.raises(frappe.ValidationError, match="search is running"):
			run.save()
		frappe.db.rollback()
	run = frappe.get_doc("Write-Off Run", run.name)
	if status(run) != "Searching":
		with as_user(MANAGER):
			run.find_invoices(background=True)
	frappe.db.commit()
	eventually(lambda: status(run) == "Draft", timeout=120)
	run.reload()
	assert (run.found_count, run.searched_by) == (300, MANAGER)
	assert frappe.db.count("Write-Off Run Item", {"run": run.name}) == 300


def test_large_searches_go_to_a_worker(monkeypatch):
	invoice("Anchor Cafe", 10, FIRST)
	run = run_helpers.run(find=False)
	assert not job.needs_worker(run)
	monkeypatch.setattr(job, "MAX_ROWS_IN_REQUEST", 0)
	with as_user(MANAGER):
		assert run.find_invoices() == {"background": True}
		assert run.get_progress()["search"] == {"processed_rows": 0, "ledger_rows": 0}
		assert run.cancel_search() == {"cancelled": True, "status": "Draft"}
		assert run.cancel_search() == {"cancelled": False, "status": "Draft"}


def test_cancelled_in_the_middle_the_list_is_as_before(monkeypatch):
	first = invoice("Anchor Cafe", 10, FIRST)
	run = run_helpers.run()
	for name in ("Breakwater Bar", "Compass Stores", "Dover Council"):
		invoice(name, 10, FIRST)
	monkeypatch.setattr(search, "ROWS_PER_QUERY", 1)
	frappe.db.set_value("Write-Off Run", run.name, "status", "Searching")
	frappe.db.commit()
	seen = []

	def cancel_after_two(session, stamp, rows, total):
		seen.append((rows, total))
		if len(seen) == 2:
			frappe.db.set_value("Write-Off Run", run.name, "status", "Draft")
		report_progress(session, stamp, rows, total)

	report_progress = job.report_progress
	monkeypatch.setattr(job, "report_progress", cancel_after_two)
	job.search_in_background(run.name)
	assert seen == [(1, 4), (2, 4)], "a range after the other, with how far it is"
	assert set(run_helpers.items(run)) == {first.name}


def test_a_search_that_fails_or_dies_leaves_a_draft_with_its_list(monkeypatch):
	first = invoice("Anchor Cafe", 10, FIRST)
	run = run_helpers.run()
	frappe.db.set_value("Write-Off Run", run.name, "status", "Searching")
	frappe.db.commit()

	def no_more_time(session, stamp, rows, total):
		raise TimeoutError

	monkeypatch.setattr(job, "report_progress", no_more_time)
	with pytest.raises(TimeoutError):
		job.search_in_background(run.name)
	assert status(run) == "Draft" and set(run_helpers.items(run)) == {first.name}

	frappe.db.set_value("Write-Off Run", run.name, "status", "Searching")
	frappe.db.commit()
	assert watchdog() == [run.name]
	assert status(run) == "Draft" and set(run_helpers.items(run)) == {first.name}


def test_a_search_lives_from_its_first_moment(monkeypatch):
	"""The first heartbeat is written at once; otherwise the watchdog would end the search."""
	invoice("Anchor Cafe", 10, FIRST)
	run = run_helpers.run(find=False)
	frappe.db.set_value("Write-Off Run", run.name, "status", "Searching")
	frappe.db.commit()
	look, seen = job.find, []

	def watched(*arguments):
		seen.append(watchdog(lease=60))
		return look(*arguments)

	monkeypatch.setattr(job, "find", watched)
	job.search_in_background(run.name)
	assert seen == [[]]
	assert (status(run), len(run_helpers.items(run))) == ("Draft", 1)


@pytest.fixture
def many_ranges(monkeypatch):
	"""Every customer is a range, and every two a reason for another process."""
	monkeypatch.setattr(search, "ROWS_PER_QUERY", 1)
	monkeypatch.setattr(processes, "MIN_ROWS_PER_PROCESS", 2)
	names = ("Anchor Cafe", "Breakwater Bar", "Compass Stores", "Dover Council")
	return [invoice(name, 10, FIRST).name for name in names]


def searching_run() -> Any:
	run = run_helpers.run(find=False)
	frappe.db.set_value("Write-Off Run", run.name, "status", "Searching")
	frappe.db.commit()
	return run


@pytest.mark.parametrize("jobs", (1, 2, 8))
def test_processes_find_the_same_items_in_the_same_order(many_ranges, monkeypatch, jobs):
	run_helpers.settings(parallel_jobs=jobs)
	seen: list[tuple[int, int]] = []
	monkeypatch.setattr(
		job, "report_progress", lambda session, stamp, rows, total: seen.append((rows, total))
	)
	with as_user(MANAGER):
		run = searching_run()
		job.search_in_background(run.name)
		assert frappe.db.sql("select 1") == ((1,),), "the connection of the worker is its own"
	assert status(run) == "Draft"
	assert (
		frappe.get_all("Write-Off Run Item", {"run": run.name}, pluck="voucher_no", order_by="name")
		== many_ranges
	)
	assert seen[-1] == (4, 4)


@pytest.mark.parametrize("error", ("raises", "is killed"))
def test_a_process_that_fails_leaves_a_draft(many_ranges, monkeypatch, error):
	run_helpers.settings(parallel_jobs=2)
	worker, of_range = os.getpid(), search.Search.of_range

	def fail(prepared, customers):
		if os.getpid() == worker:
			return of_range(prepared, customers)
		if error == "is killed":
			os.kill(os.getpid(), signal.SIGKILL)
		raise TimeoutError

	monkeypatch.setattr(search.Search, "of_range", fail)
	run = searching_run()
	with pytest.raises(processes.SearchFailed):
		job.search_in_background(run.name)
	assert status(run) == "Draft" and not run_helpers.items(run)


def test_a_cancelled_search_ends_its_processes(many_ranges, monkeypatch):
	run_helpers.settings(parallel_jobs=2)
	worker, of_range, started = os.getpid(), search.Search.of_range, []

	def wait(prepared, customers):
		if os.getpid() != worker:
			time.sleep(600)
		return of_range(prepared, customers)

	monkeypatch.setattr(search.Search, "of_range", wait)
	begin = processes.Copy.__init__
	monkeypatch.setattr(
		processes.Copy,
		"__init__",
		lambda copy, *arguments: (begin(copy, *arguments), started.append(copy))[0],
	)
	run = searching_run()
	frappe.db.set_value("Write-Off Run", run.name, "status", "Draft")
	frappe.db.commit()
	job.search_in_background(run.name)
	assert [copy.process.is_alive() for copy in started] == [False]
	assert status(run) == "Draft" and not run_helpers.items(run)


def test_parts_have_about_as_many_rows():
	rows = {f"{number:02d}": number for number in range(1, 31)}
	prepared = types.SimpleNamespace(
		total_rows=sum(rows.values()),
		ranges=[[name] for name in rows],
		rows=lambda customers: sum(rows[name] for name in customers),
	)
	for count in (0, 1, 2, 3, 40):
		found = processes.parts(prepared, count)
		assert [customers for part in found for customers in part] == prepared.ranges
		assert all(found) and len(found) <= max(1, count)
	assert [sum(map(prepared.rows, part)) for part in processes.parts(prepared, 2)] == [253, 212]


def test_ranges_never_divide_a_customer():
	sizes = {"a": 3, "b": 30_000, "c": 1, "d": 19_999, "e": 1}
	assert list(search.customer_ranges(sizes)) == [["a"], ["b"], ["c", "d"], ["e"]]
	assert [len(part) for part in search.customer_ranges({str(n): 1 for n in range(2500)})] == [
		1000,
		1000,
		500,
	]
