"""Actions on a submitted run at the desk, processed by the worker."""

from __future__ import annotations

from pathlib import Path

import frappe
import pytest

from ar_writeoff.posting import service as posting
from tests.e2e.conftest import Desk
from tests.e2e.run_page import RunPage, pictures
from tests.site.factories import accounting_period, invoice, outstanding
from tests.site.run_helpers import entries, items, post, refusing, run, status

LATER = "2026-07-15"


def test_paused_and_resumed_and_what_failed_is_retried(desk: Desk, monkeypatch: pytest.MonkeyPatch):
	first = invoice("Anchor Cafe", 4, "2026-01-15")
	good, bad = (invoice("Breakwater Bar", amount, "2026-01-15") for amount in (5, 6))
	queued = run(customers=[{"customer": "Anchor Cafe"}])
	partly = run(customers=[{"customer": "Breakwater Bar"}])
	with refusing(bad.name):
		post(partly)
	with monkeypatch.context() as no_worker:
		no_worker.setattr(posting, "start_posting", lambda name: None)
		queued.submit()
	frappe.db.commit()

	page = RunPage(desk).open(queued.name).wait_for_grid()
	assert page.primary() == ["Pause"]
	desk.press("Pause")
	page.wait_for_status("Paused")
	assert page.primary() == ["Resume"]
	assert "Posted balances stay written off" in page.intro
	desk.press("Resume")
	page.wait_for_status("Posted")
	assert outstanding(first) == 0

	page.open(partly.name).wait_for_grid()
	assert page.primary() == ["Retry"]
	assert "refused for the test" in page.row(bad.name).inner_text()
	desk.press("Retry")
	assert "Not written off: 1 balance." in desk.dialog().inner_text()
	desk.confirm()
	page.wait_for_status("Posted")
	assert page.tabs() == {"Written Off": 2}
	frappe.db.rollback()
	assert [outstanding(bill) for bill in (good, bad)] == [0, 0]


def test_a_part_is_reinstated_and_the_rest_undone_in_a_later_period(desk: Desk, tmp_path: Path):
	bill, other = invoice("Anchor Cafe", 10, "2026-01-15"), invoice("Breakwater Bar", 5, "2026-01-15")
	done = post(run())
	frappe.db.commit()
	page = RunPage(desk).open(done.name).wait_for_grid()

	def reinstate(amount: str) -> str:
		"""Returns the amount that was offered."""
		page.tick(bill.name)
		desk.press("Reinstate 1")
		dialog = desk.dialog()
		box = dialog.locator("input[data-item]")
		offered = box.input_value()
		dialog.locator("[data-fieldname='posting_date'] input").fill("07-10-2026")
		box.fill(amount)
		if amount == "3":
			pictures(desk, tmp_path)("reinstate")
		dialog.locator(".btn-primary:visible").click()
		page.ready()
		return offered

	assert reinstate("3") == "10.00"
	frappe.db.rollback()
	assert outstanding(bill) == 3
	assert reinstate("7.01") == "7.00"
	desk.alert("At most $ 7.00 can be reinstated")
	page.close_dialog()
	assert frappe.db.count("Write-Off Recovery", {"run": done.name}) == 1

	# the period is closed: reversing entries on a later day
	accounting_period("2026-06-01", "2026-06-30")
	frappe.db.commit()
	[original] = frappe.get_all(
		"Journal Entry", {"write_off_run": done.name, "posting_date": done.posting_date}, pluck="name"
	)
	desk.press("Undo")
	dialog = desk.dialog()
	assert dialog.locator("select").input_value() == "reverse", "the only way that is open is chosen"
	assert "were reinstated" in dialog.inner_text(), "and it says why"
	desk.screenshot(tmp_path / "undo-reverse.png")
	dialog.locator("[data-fieldname='posting_date'] input").fill("07-15-2026")
	desk.page.keyboard.press("Tab")
	desk.confirm("Undo")
	page.wait_for_status("Reversed")
	frappe.db.rollback()
	assert status(done) == "Reversed"
	assert f"{original}-R" in entries(done)
	assert str(frappe.db.get_value("Journal Entry", f"{original}-R", "posting_date")) == LATER
	assert [outstanding(bill), outstanding(other)] == [10, 5]
	assert {item.status for item in items(done).values()} == {"Reversed"}
