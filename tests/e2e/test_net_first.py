"""Net First in the desk: what is set off is in the list, in the preview and on the evidence page."""

from __future__ import annotations

from pathlib import Path

import frappe

from tests.e2e.conftest import Desk
from tests.e2e.run_page import RunPage, pictures
from tests.site.factories import MANAGER, invoice, payment
from tests.site.run_helpers import run, settings


def headings(desk: Desk) -> list[str]:
	return [
		text.strip(" ↑↓")
		for text in desk.page.locator(".dt-header .dt-cell__content:visible").all_inner_texts()
	]


def preview_rows(desk: Desk) -> list[list[str]]:
	table = desk.dialog().locator("[data-table='set-offs']")
	return [row.locator("td").all_inner_texts() for row in table.locator("tbody tr").all()]


def test_credits_are_set_off_in_list_preview_and_evidence(desk: Desk, tmp_path: Path):
	settings(customer_credits="Net First")
	bill, covered = invoice("Anchor Cafe", 100, "2026-01-15"), invoice("Elm School", 40, "2026-01-15")
	small = invoice("Elm School", 5, "2026-02-15")
	money, note = (
		payment("Anchor Cafe", 95, "2026-02-15"),
		invoice("Elm School", 42, "2026-02-16", is_return=True),
	)
	draft = run(max_invoice_amount=10)
	frappe.db.commit()
	desk.sign_in(MANAGER)
	page = RunPage(desk).open(draft.name).wait_for_grid()
	picture = pictures(desk, tmp_path)
	assert "Set Off" in headings(desk)
	assert page.vouchers() == [bill.name, small.name]
	assert "95.00" in page.row(bill.name).inner_text()
	picture("set-off")

	desk.press("Preview and Post")
	desk.dialog().locator("[data-table='set-offs']").wait_for()
	assert preview_rows(desk) == [
		["Anchor Cafe", money.name, bill.name, "$ 95.00"],
		["Elm School", note.name, covered.name, "$ 40.00"],
		["Elm School", note.name, small.name, "$ 2.00"],
	]
	assert "2 balances, total $ 8.00," in desk.dialog().locator(".wo-sentence").inner_text()
	picture("set-off-preview")
	page.close_dialog()
	page.post()
	page.wait_for_status("Posted")

	desk.page.goto(
		f"{desk.url}/printview?doctype=Write-Off Run&name={draft.name}&format=Write-Off Evidence&no_letterhead=1"
	)
	evidence = desk.page.locator(".evidence").inner_text()
	assert "Credits Set Off First" in evidence
	assert money.name in evidence and "$ 95.00" in evidence


def test_without_credits_there_is_no_column(desk: Desk):
	settings(customer_credits="Net First")
	invoice("Anchor Cafe", 5, "2026-01-15")
	draft = run()
	frappe.db.commit()
	RunPage(desk).open(draft.name).wait_for_grid()
	assert "Set Off" not in headings(desk)
