"""Obstacles that accountants found at the desk; the numbers are those of a review of the desk."""

from __future__ import annotations

from pathlib import Path

import frappe
import pytest

from ar_writeoff.search.service import progress_key
from tests.e2e.conftest import Desk
from tests.e2e.run_page import RunPage, pictures
from tests.site.factories import (
	AUDITOR,
	HL,
	NW,
	PREPARER,
	as_user,
	exclude_balances,
	invoice,
	many_invoices,
	outstanding,
	pay,
)
from tests.site.run_helpers import post, run, settings

LAPTOP = {"width": 1366, "height": 768}
PHONE = {"width": 390, "height": 844}
COLUMNS_FIT = """row => {
	const columns = [...row.querySelectorAll(".level-left .list-row-col")].filter((cell) => cell.innerText.trim());
	const right = row.querySelector(".level-right").getBoundingClientRect().left;
	return columns.at(-1).getBoundingClientRect().right <= right + 1;
}"""
ENDS_IN_ITS_CELL = """name => {
	const text = document.createRange();
	text.selectNodeContents(name);
	const end = text.getBoundingClientRect().right;
	return end > 0 && end <= name.closest(".list-subject").getBoundingClientRect().right + 1;
}"""


# Left edges of the columns that are shown, in pixels.
COLUMNS = """row => [...row.querySelectorAll(":scope > .level-left:not(.checkbox-actions) > .list-row-col")]
	.filter((cell) => cell.offsetParent).map((cell) => Math.round(cell.getBoundingClientRect().left / 3))"""


def test_desk_17_the_list_tells_runs_apart(desk: Desk, tmp_path: Path):
	invoice("Anchor Cafe", 4, "2026-01-15")
	draft = run(user=PREPARER)
	with as_user(PREPARER):
		draft.request_approval()
	special = "Paid Short (50%), #1"
	frappe.get_doc({"doctype": "Write-Off Reason", "reason": special, "applies_to": "Debit"}).insert()
	run(reason=special)
	frappe.db.commit()
	desk.page.set_viewport_size(LAPTOP)
	page = desk.open("write-off-run")
	row = page.locator(".list-row").filter(has_text=draft.name)
	row.wait_for()
	shown = row.inner_text()
	for text in (HL, "Debit", "Small Balance", "Pending Approval", "Petra Preparer", "$ 4.00"):
		assert text in shown, text
	assert f"Debit · {special}" in page.locator(".list-row").filter(has_text=special).inner_text()
	heads = page.locator(".list-row-head").inner_text()
	assert "Amount" in heads and "Selected Amount" not in heads
	pictures(desk, tmp_path)("list")
	for width in (800, 820, 1280, 1366, 1920):
		desk.page.set_viewport_size({"width": width, "height": 768})
		desk.page.wait_for_timeout(300)
		assert row.locator(".list-subject a").last.evaluate(ENDS_IN_ITS_CELL), f"the name at {width} px"
		assert row.evaluate(COLUMNS_FIT), f"the last column at {width} px"
		head = page.locator(".list-row-head").evaluate(COLUMNS)
		assert head == row.evaluate(COLUMNS), f"heads are over their columns at {width} px"
	desk.page.set_viewport_size(LAPTOP)

	form = RunPage(desk).open(draft.name).wait_for_grid()
	assert "Petra Preparer requested approval" in form.intro
	assert form.primary() == ["Preview and Post"]


def test_desk_16_the_main_button_and_ctrl_s(desk: Desk):
	invoice("Anchor Cafe", 4, "2026-01-15")
	settings()
	frappe.db.commit()
	desk.sign_in(PREPARER)
	page = RunPage(desk).new()
	assert page.primary() == ["Save and Find Invoices"]
	assert desk.button("Save").is_visible()
	for _ in range(4):
		desk.page.keyboard.press("Control+s")
		desk.page.wait_for_timeout(700)
		desk.settle()
	assert page.primary() == ["Find Invoices"], "saved, and nothing else"
	page.find()
	assert page.primary() == ["Request Approval"]
	desk.page.keyboard.press("Control+s")
	desk.page.wait_for_timeout(700)
	desk.settle()
	frappe.db.rollback()
	assert not frappe.db.get_value("Write-Off Run", page.name, "approval_requested_on")


def test_desk_16_no_retry_where_nothing_failed(desk: Desk):
	paid, left = invoice("Anchor Cafe", 4, "2026-01-15"), invoice("Anchor Cafe", 5, "2026-01-15")
	draft = run()
	pay(paid, outstanding(paid))
	post(draft)
	assert draft.status == "Partly Posted"
	frappe.db.commit()
	page = RunPage(desk).open(draft.name).wait_for_grid()
	assert page.primary() == [] and not desk.button("Retry").count()
	assert left


def test_desk_19_an_auditor_is_offered_nothing_to_change(desk: Desk):
	many_invoices(3)
	settings()
	draft = run(user=PREPARER)
	frappe.db.commit()
	desk.sign_in(AUDITOR)
	RunPage(desk).open(draft.name).wait_for_grid()
	assert desk.page.locator(".wo-tick[data-all]").is_disabled()
	desk.form("Write-Off Settings", HL)
	assert not desk.button("New Write-Off Run").count()
	desk.new("Write-Off Run")
	desk.page.wait_for_function("() => frappe.get_route()[0] === 'List'")
	desk.alert("no permission")


def test_desk_21_no_results_show_the_criteria(desk: Desk):
	invoice("Anchor Cafe", 400, "2026-01-15")
	draft = run(max_invoice_amount=1)
	frappe.db.commit()
	page = RunPage(desk).open(draft.name)
	assert "Raise the maximum" in page.intro
	assert desk.field("max_invoice_amount").is_visible()


def test_desk_21_another_company_has_its_own_defaults(desk: Desk):
	settings(HL, max_invoice_amount=7, minimum_age_days=30, default_reason="Small Balance")
	frappe.db.commit()
	desk.new("Write-Off Run")
	desk.page.wait_for_function("() => cur_frm.doc.max_invoice_amount === 7")
	desk.set(company=NW)
	desk.settle()
	values = [desk.value(name) or None for name in ("max_invoice_amount", "minimum_age_days", "reason")]
	assert values == [None, None, None]


def test_desk_22_an_invoice_leads_to_its_run(desk: Desk):
	bill, open_ = invoice("Anchor Cafe", 4, "2026-01-15"), invoice("Anchor Cafe", 50, "2026-01-15")
	done = post(run(max_invoice_amount=10))
	frappe.db.commit()
	desk.page.set_viewport_size(LAPTOP)
	page = desk.form("Sales Invoice", bill.name)
	page.locator(f".form-message a[href*='{done.name}']").wait_for()
	desk.form("Sales Invoice", open_.name)
	page.wait_for_function("name => window.cur_frm && cur_frm.doc.name === name", arg=open_.name)
	desk.settle()
	menu = page.locator(".inner-group-button .dropdown-menu:has([data-label='Payment'])")
	page.locator(".inner-group-button:has([data-label='Payment']) > button").click()
	labels = [label.strip() for label in menu.locator("a").all_text_contents()]
	assert labels[0] == "Payment" and labels[-2:] == ["Write-Off Run", "Write-Off Hold"]

	desk.open("sales-invoice")
	page.locator("[data-fieldname='write_off_status']").first.wait_for()
	cut = page.evaluate(
		"""() => [...document.querySelectorAll(".standard-filter-section .form-group")]
			.filter((box) => box.offsetParent && box.scrollWidth > box.clientWidth + 1)
			.map((box) => box.dataset.fieldname)"""
	)
	assert cut == []


def test_desk_18_rows_are_in_sight_and_entries_tell_apart(desk: Desk):
	many_invoices(60)
	draft = run()
	frappe.db.commit()
	desk.page.set_viewport_size({"width": 1440, "height": 900})
	page = RunPage(desk).open(draft.name).wait_for_grid()
	below = desk.page.locator(".wo-grid .dt-row-0").bounding_box()
	foot = desk.page.locator(".wo-foot").bounding_box()
	assert below and foot and below["y"] + below["height"] < foot["y"], "the first row is in sight"

	page.tick(page.vouchers()[0])
	header, box = (desk.page.locator(f".wo-tick[data-{part}]").first for part in ("all", "name"))
	assert header.evaluate("tick => tick.indeterminate")
	look = "tick => getComputedStyle(tick).backgroundImage + getComputedStyle(tick).backgroundColor"
	assert header.evaluate(look) != box.evaluate(look), "some are ticked, not none"

	page.post()
	cut = desk.page.locator(".wo-grid a[href*='/journal-entry/']").first.evaluate(
		"""link => {
			const box = link.closest(".wo-tail").getBoundingClientRect();
			return link.getBoundingClientRect().right > box.right + 1;
		}"""
	)
	assert not cut


@pytest.mark.parametrize("size", [LAPTOP, PHONE], ids=["laptop", "phone"])
def test_desk_20_narrow(desk: Desk, size: dict[str, int], tmp_path: Path):
	for amount, date in ((4, "2025-01-15"), (5, "2026-03-15"), (6, "2026-05-25")):
		invoice("Anchor Cafe", amount, date)
		invoice("Breakwater Bar", amount, date)
	draft = run()
	frappe.db.commit()
	desk.page.set_viewport_size(size)
	RunPage(desk).open(draft.name).wait_for_grid()
	pictures(desk, tmp_path)(f"narrow-{size['width']}", scroll_to=".wo-bench")
	spare = "list => list.clientHeight - 35 * list.querySelectorAll('.dt-row').length"
	assert -20 < desk.page.locator(".wo-grid .dt-scrollable").evaluate(spare) < 20, "as high as its six rows"
	labels = desk.page.evaluate(
		"""() => {
			const boxes = [...document.querySelectorAll(".wo-ageing .x.axis text, .wo-ageing .wo-top-name")]
				.map((text) => text.getBoundingClientRect());
			return boxes.filter((one, i) => boxes.some((other, j) => i < j && one.left < other.right - 1
				&& other.left < one.right - 1 && one.top < other.bottom - 1 && other.top < one.bottom - 1)).length;
		}"""
	)
	assert labels == 0, "labels of the ageing lie over one another"
	cut = desk.page.evaluate(
		"""() => [...document.querySelectorAll(".wo-card-amount, .wo-top-amount, .wo-totals")]
			.filter((part) => part.offsetParent && (part.scrollWidth > part.clientWidth + 1
				|| part.getBoundingClientRect().right > window.innerWidth))
			.map((part) => part.innerText)"""
	)
	assert cut == []
	desk.press("Preview and Post")
	dialog = desk.dialog()
	dialog.locator("summary").first.click()
	pictures(desk, tmp_path)(f"narrow-preview-{size['width']}")
	cut = desk.page.evaluate(
		"""() => [...document.querySelectorAll(".wo-preview .wo-amount")]
			.filter((part) => part.offsetParent && part.getBoundingClientRect().right > window.innerWidth)
			.map((part) => part.innerText)"""
	)
	assert cut == []


def test_desk_24_a_manager_returns_a_run(desk: Desk):
	invoice("Anchor Cafe", 4, "2026-01-15")
	draft = run(user=PREPARER)
	with as_user(PREPARER):
		draft.request_approval()
	frappe.db.commit()
	page = RunPage(desk).open(draft.name).wait_for_grid()
	desk.press("Return to Preparer")
	desk.dialog().locator("textarea").fill("Leave <b>Anchor</b> out")
	desk.confirm("Return to Preparer")
	desk.page.wait_for_function("() => cur_frm.doc.returned_by")
	desk.sign_in(PREPARER)
	page.open(draft.name).wait_for_grid()
	assert "Manuel Manager returned this run" in page.intro and "Leave <b>Anchor</b> out" in page.intro
	assert page.primary() == ["Request Approval"] and not desk.button("Return to Preparer").count()
	desk.open("write-off-run")
	assert "Returned" in desk.page.locator(".list-row").filter(has_text=draft.name).inner_text()


def test_desk_25_sums_columns_and_customers(desk: Desk, tmp_path: Path):
	for customer, amount in (("Anchor Cafe", 4), ("Anchor Cafe", 5), ("Breakwater Bar", 7)):
		invoice(customer, amount, "2026-01-15")
	draft = run()
	frappe.db.commit()
	desk.page.set_viewport_size(LAPTOP)
	page = RunPage(desk).open(draft.name).wait_for_grid()
	page.filter(customer="anchor")
	assert "Filtered: 2 balances $ 9.00" in page.totals()
	desk.press("Clear Filters")
	page.ready()
	assert "Filtered" not in page.totals()

	desk.page.locator(".wo-columns summary").click()
	desk.page.locator("[data-column='invoice_total']").check()
	desk.page.locator("[data-column='customer_group']").check()
	page.ready()
	desk.page.locator(".wo-columns summary").click()
	assert "Trade Retail" in desk.page.locator(".wo-grid .dt-row-0").last.inner_text()
	pictures(desk, tmp_path)("columns", scroll_to=".wo-bench")

	desk.press("By Customer")
	page.ready()
	groups = desk.page.locator(".wo-groups")
	assert "Anchor Cafe" in groups.inner_text() and "$ 9.00" in groups.inner_text()
	pictures(desk, tmp_path)("by-customer", scroll_to=".wo-bench")
	page.filter(customer="anchor")
	assert "Filtered: 2 balances $ 9.00" in page.totals() and "=" not in page.totals()
	page.filter(customer="nobody")
	assert groups.inner_text() == "No balances match the filter."
	page.filter(customer="")
	groups.locator("input[data-customer='Anchor Cafe']").uncheck()
	page.ready()
	assert page.cards()["Selected"] == (1, "$ 7.00")
	groups.locator("button[data-customer='Breakwater Bar']").click()
	page.ready()
	assert len(page.vouchers()) == 1 and not groups.is_visible()

	page.open(draft.name).wait_for_grid()
	assert "Trade Retail" in desk.page.locator(".wo-grid .dt-row-0").last.inner_text(), (
		"columns are remembered"
	)


def test_desk_26_an_excluded_balance_leads_to_the_reconciliation(desk: Desk):
	invoice("Anchor Cafe", 4, "2026-01-15")
	bill = invoice("Elm School", 4, "2026-01-15")
	exclude_balances("Elm School")
	draft = run()
	frappe.db.commit()
	page = RunPage(desk).open(draft.name).wait_for_grid()
	page.tab("Excluded")
	page.row(bill.name).locator(".wo-info").click()
	desk.dialog()
	desk.press("Payment Reconciliation")
	desk.page.wait_for_function("() => cur_frm && cur_frm.doctype === 'Payment Reconciliation'")
	desk.page.wait_for_function("() => cur_frm.doc.receivable_payable_account")
	assert (desk.value("party"), desk.value("company")) == ("Elm School", HL)


def test_desk_27_a_note_is_written_where_the_balance_is_looked_at(desk: Desk):
	bill = invoice("Anchor Cafe", 4, "2026-01-15")
	draft = run()
	frappe.db.commit()
	page = RunPage(desk).open(draft.name).wait_for_grid()
	page.row(bill.name).locator(".wo-info").click()
	desk.dialog().locator("textarea").fill("Called: pays in July")
	page.close_dialog()
	page.row("Called: pays in July").wait_for()


def test_desk_15_undo_in_the_background_ends_without_a_dialog(desk: Desk):
	many_invoices(8)
	settings(entries_per="Invoice")
	draft = post(run())
	frappe.db.commit()
	page = RunPage(desk).open(draft.name).wait_for_grid()
	desk.press("Undo")
	desk.dialog().locator(".btn-primary:visible").click()
	page.wait_for_status("Reversed")
	assert not desk.page.locator(".modal.show").count()


def test_a_search_in_the_background_shows_its_progress(desk: Desk):
	draft = run(find=False)
	frappe.db.set_value("Write-Off Run", draft.name, "status", "Searching")
	frappe.cache.set_value(progress_key(draft.name), {"processed_rows": 260, "ledger_rows": 1000})
	frappe.db.commit()
	RunPage(desk).open(draft.name)
	desk.page.get_by_text("26 % of the ledger searched").wait_for()
	frappe.cache.set_value(progress_key(draft.name), {"processed_rows": 500, "ledger_rows": 1000})
	desk.page.get_by_text("50 % of the ledger searched").wait_for()
