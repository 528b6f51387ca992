"""Holds in the desk: from the list of a run, from Sales Invoice and Customer, and their report."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import frappe
from frappe.utils import add_days, today

from tests.e2e.conftest import Desk
from tests.e2e.run_page import RunPage, pictures
from tests.site.factories import HL, PREPARER, exclude_balances, invoice
from tests.site.run_helpers import items, run


def fill(desk: Desk, **values: Any) -> None:
	"""Set fields of the dialog."""
	desk.page.wait_for_function("() => window.cur_dialog?.fields_dict?.how")
	desk.page.evaluate("async (values) => { await cur_dialog.set_values(values); }", values)
	desk.page.wait_for_timeout(300)


def shown_fields(desk: Desk) -> list[str]:
	"""The labels of the visible fields of the dialog."""
	desk.page.wait_for_function("() => window.cur_dialog?.fields_dict?.how")
	return [
		label.strip()
		for label in desk.dialog().locator(".control-label:visible").all_inner_texts()
		if label.strip()
	]


def holds() -> list[Any]:
	frappe.db.rollback()
	return frappe.get_all(
		"Write-Off Hold",
		fields=["name", "customer", "voucher_no", "kind", "hold_until", "note", "status", "owner"],
		order_by="name asc",
	)


def test_what_is_deselected_in_the_list_can_be_put_on_hold(desk: Desk, tmp_path: Path):
	bills = [invoice("Anchor Cafe", amount, "2026-01-15") for amount in (10, 20, 30)]
	other = invoice("Breakwater Bar", 40, "2026-01-15")
	draft = run(user=PREPARER)
	frappe.db.commit()
	desk.sign_in(PREPARER)
	page = RunPage(desk).open(draft.name).wait_for_grid()
	button = desk.page.locator(".wo-select [data-select='hold']")
	picture = pictures(desk, tmp_path)

	# one click, as before
	assert not button.count()
	page.tick(bills[0].name, bills[1].name)
	assert page.totals().startswith("Selected: 2 of 4 balances $ 70.00")
	assert button.inner_text() == "Hold 2…"
	page.tick(bills[1].name)
	assert button.inner_text() == "Hold 1…"

	# only in this run: nothing more happens
	button.click()
	assert shown_fields(desk) == ["Keep Open", "Hold Until", "Kind", "Applies To", "Note"]
	fill(desk, how="once")
	assert shown_fields(desk) == ["Keep Open"]
	desk.dialog().locator(".btn-primary:visible").click()
	desk.page.locator(".modal.show").wait_for(state="hidden")
	assert holds() == []

	# what is missing is asked for at its field
	button.click()
	desk.dialog().locator(".btn-primary:visible").click()
	assert "Missing Values Required" in desk.page.locator(".msgprint-dialog:visible").inner_text()
	desk.close_messages()
	fill(desk, hold_until="2026-01-01", kind="Dispute")
	with desk.expect_error("is in the past|HTTP 417"):
		desk.dialog().locator(".btn-primary:visible").click()
	desk.close_messages()

	until = str(add_days(today(), 30))
	fill(desk, hold_until=until, note="Says that half was returned")
	picture("hold-dialog")
	desk.dialog().locator(".btn-primary:visible").click()
	page.ready()
	[hold] = holds()
	assert (hold.voucher_no, hold.kind, str(hold.hold_until), hold.owner) == (
		bills[0].name,
		"Dispute",
		until,
		PREPARER,
	)
	assert page.tabs() == {"To Review": 3, "Excluded": 1}
	assert page.totals().startswith("Selected: 3 of 3 balances $ 90.00")
	assert not button.count()
	page.tab("Excluded")
	text = " ".join(page.row(bills[0].name).inner_text().split())
	assert "Dispute, set by Petra Preparer. Note: Says that half was returned" in text
	picture("on-hold", scroll_to=".wo-bench")

	# a whole customer, from About this invoice
	page.tab("To Review")
	page.row(bills[2].name).locator(".wo-info").click()
	desk.dialog().get_by_text("Keep Open", exact=True).click()
	fill(desk, how="endless", kind="Legal", whole_customer="1")
	desk.dialog().locator(".btn-primary:visible").click()
	page.ready()
	assert page.vouchers() == [other.name]
	[_first, second] = holds()
	assert (second.customer, second.voucher_no, second.kind, second.hold_until) == (
		"Anchor Cafe",
		None,
		"Legal",
		None,
	)
	assert {row.status for row in items(draft).values() if row.customer == "Anchor Cafe"} == {"Excluded"}


def test_from_an_invoice_and_a_customer_and_back(desk: Desk, tmp_path: Path):
	bill = invoice("Anchor Cafe", 10, "2026-01-15")
	invoice("Breakwater Bar", 40, "2026-01-15")
	invoice("Compass Stores", 55.5, "2026-01-15")
	exclude_balances("Compass Stores")
	frappe.db.commit()
	until = str(add_days(today(), 30))

	desk.form("Sales Invoice", bill.name)
	desk.page.locator(".inner-group-button[data-label='Create'] > button").click()
	desk.button("Write-Off Hold").click()
	fill(desk, hold_until=until, kind="Promise to Pay", note="By the end of the month")
	desk.dialog().locator(".btn-primary:visible").click()
	intro = desk.page.locator(".form-message:visible")
	intro.get_by_text("On hold until").wait_for()
	assert "Promise to Pay" in intro.inner_text()

	desk.form("Customer", "Breakwater Bar")
	desk.page.locator(".inner-group-button[data-label='Create'] > button").click()
	desk.button("Write-Off Hold").click()
	fill(desk, how="endless", kind="Under Review")
	desk.dialog().locator(".btn-primary:visible").click()
	intro.get_by_text("On hold without an end: Under Review").wait_for()
	assert [(row.customer, row.voucher_no) for row in holds()] == [
		("Anchor Cafe", bill.name),
		("Breakwater Bar", None),
	]

	# the report
	desk.page.evaluate("company => frappe.set_route('query-report', 'Write-Off Holds', {company})", HL)
	desk.page.locator(".datatable .dt-row-0").first.wait_for()
	desk.settle()
	rows = desk.page.locator(".datatable .dt-scrollable").inner_text()
	for said in (
		"Anchor Cafe",
		"Promise to Pay",
		"By the end of",
		"Breakwater Bar",
		"Exclude from Write-Off",
	):
		assert said in rows
	pictures(desk, tmp_path)("holds")

	# the invoice leads to the hold, which ends with one click
	desk.form("Sales Invoice", bill.name)
	intro.get_by_text("On hold until").click()
	desk.page.wait_for_function("() => cur_frm && cur_frm.doctype === 'Write-Off Hold'")
	desk.settle()
	desk.press("End Hold")
	assert holds()[0].status == "Ended"
	desk.open("write-off-hold")
	listed = desk.page.locator(".list-row-container:visible")
	listed.filter(has_text="Breakwater Bar").wait_for()
	assert not listed.filter(has_text="Anchor Cafe").count()
