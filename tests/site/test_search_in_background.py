"""The search in a background job: progress, cancellation, and the old list until it finishes."""

from __future__ import annotations

import frappe
import pytest

from ar_writeoff.search import ledger as search
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

	def cancel_after_two(session, stamp, found):
		seen.append((found.processed_rows, found.ledger_rows))
		if len(seen) == 2:
			frappe.db.set_value("Write-Off Run", run.name, "status", "Draft")
		report_progress(session, stamp, found)

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

	def no_more_time(session, stamp, found):
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
	look, seen = job.find_items, []

	def watched(doc, on_found):
		seen.append(watchdog(lease=60))
		return look(doc, on_found)

	monkeypatch.setattr(job, "find_items", watched)
	job.search_in_background(run.name)
	assert seen == [[]]
	assert (status(run), len(run_helpers.items(run))) == ("Draft", 1)


def test_ranges_never_divide_a_customer():
	sizes = {"a": 3, "b": 30_000, "c": 1, "d": 19_999, "e": 1}
	assert list(search.customer_ranges(sizes)) == [["a"], ["b"], ["c", "d"], ["e"]]
	assert [len(part) for part in search.customer_ranges({str(n): 1 for n in range(2500)})] == [
		1000,
		1000,
		500,
	]
