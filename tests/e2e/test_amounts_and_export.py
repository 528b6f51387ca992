"""Partial amounts, the exported list, and the number of clicks to post."""

from __future__ import annotations

import frappe

from tests.e2e.conftest import Desk
from tests.e2e.run_page import RunPage
from tests.site.factories import PREPARER, as_user, invoice, many_invoices
from tests.site.run_helpers import entries, items, run

# What docs/clicks.md says.
CLICKS, CLICKS_OF_AN_APPROVER = 3, 2

COUNT_CLICKS = """() => {
	window.clicks = 0;
	document.addEventListener("click", (event) => event.isTrusted && clicks++, true);
}"""


def test_part_of_a_balance_is_written_off(desk: Desk):
	bill = invoice("Anchor Cafe", 9, "2026-01-15")
	invoice("Anchor Cafe", 4, "2026-01-15")
	draft = run()
	frappe.db.commit()
	page = RunPage(desk).open(draft.name).wait_for_grid()
	page.type_amount(bill.name, "9.00", "2.5")
	page.ready()
	frappe.db.rollback()
	assert items(draft.name)[bill.name].write_off_amount == 2.5
	assert page.cards()["Selected"] == (2, "$ 6.50")


def test_the_list_is_exported(desk: Desk):
	invoice("Anchor Cafe", 9, "2026-01-15")
	draft = run()
	frappe.db.commit()
	RunPage(desk).open(draft.name).wait_for_grid()
	desk.button("Export").click()
	with desk.context.expect_page() as opened:
		desk.button("CSV").click()
	desk.settle()
	opened.value.close()
	frappe.db.rollback()
	files = frappe.get_all(
		"File",
		filters={"attached_to_doctype": "Write-Off Run Event", "file_name": ("like", f"{draft.name}%")},
		fields=["file_name", "is_private"],
	)
	assert [file.is_private for file in files] == [1]
	assert files[0].file_name.endswith(".csv")


def test_clicks_for_three_hundred_invoices(desk: Desk):
	"""From the open form with its criteria to all of them posted."""
	many_invoices(300)
	draft = run(find=False)
	frappe.db.commit()
	page = RunPage(desk).open(draft.name)
	desk.page.evaluate(COUNT_CLICKS)
	loads: list[str] = []
	address = desk.page.url
	desk.page.on("load", lambda loaded: loads.append(f"loaded {loaded.url}"))
	# The desk also writes the address it is at anew, which loads nothing.
	desk.page.on("framenavigated", lambda frame: frame.url == address or loads.append(f"to {frame.url}"))
	desk.button("Find Invoices").click()
	page.wait_for_grid()
	desk.button("Preview and Post").click()
	desk.settle()
	desk.dialog().locator(".btn-primary:visible").click()
	page.wait_for_status("Posted", timeout=180)
	assert desk.page.evaluate("() => clicks") == CLICKS
	assert loads == []
	frappe.db.rollback()
	assert len(items(draft.name, status="Posted")) == 300
	assert entries(draft.name)


def test_with_the_keyboard_alone(desk: Desk):
	"""From the open form to posted: Tab, Enter, and the keys of the list."""
	kept = invoice("Breakwater Bar", 1, "2026-01-15")
	others = [invoice("Anchor Cafe", amount, "2026-01-15").name for amount in (2, 3)]
	draft = run(find=False)
	frappe.db.commit()
	page = RunPage(desk).open(draft.name)
	keys = desk.page.keyboard

	def go_to(label: str, key: str = "Tab") -> None:
		for _step in range(150):
			focused = desk.page.evaluate("() => document.activeElement.innerText || ''")
			if focused.strip() == label and desk.page.evaluate(
				"() => document.activeElement.matches('button, a')"
			):
				return
			keys.press(key)
		raise AssertionError(f"{label!r} cannot be reached with {key}")

	go_to("Find Invoices")
	keys.press("Enter")
	page.wait_for_grid()
	keys.press("/")
	keys.type("breakwater")
	page.ready()
	assert page.vouchers() == [kept.name]
	keys.press("ArrowDown")
	keys.press("Space")
	page.ready()
	assert page.cards()["Selected"] == (2, "$ 5.00")
	go_to("Preview and Post", "Shift+Tab")
	keys.press("Enter")
	desk.dialog()
	desk.settle()
	go_to("Write Off 2 balances")
	keys.press("Enter")
	page.wait_for_status("Posted")
	frappe.db.rollback()
	assert set(items(draft.name, status="Posted")) == set(others)


def test_clicks_of_an_approver(desk: Desk):
	"""From the run that was requested to posted: two clicks, the second on the amount."""
	many_invoices(300)
	draft = run(user=PREPARER)
	with as_user(PREPARER):
		draft.request_approval()
	frappe.db.commit()
	page = RunPage(desk).open(draft.name).wait_for_grid()
	desk.page.evaluate(COUNT_CLICKS)
	desk.button("Preview and Post").click()
	desk.settle()
	desk.dialog().locator(".btn-primary:visible").click()
	page.wait_for_status("Posted", timeout=180)
	assert desk.page.evaluate("() => clicks") == CLICKS_OF_AN_APPROVER
	frappe.db.rollback()
	assert len(items(draft.name, status="Posted")) == 300
