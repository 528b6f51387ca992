"""Typed amounts are read in the number format of the site, or rejected. No amount is read as a different one."""

from __future__ import annotations

import frappe

from tests.e2e.conftest import Desk
from tests.e2e.run_page import RunPage
from tests.site.factories import invoice
from tests.site.run_helpers import items, post, run


def test_a_filter_by_balance(desk: Desk):
	small, large = invoice("Anchor Cafe", 1.4, "2026-01-15"), invoice("Anchor Cafe", 120, "2026-01-15")
	draft = run()
	frappe.db.commit()
	page = RunPage(desk).open(draft.name).wait_for_grid()
	both = sorted([small.name, large.name])

	def found(typed: str) -> list[str]:
		page.filter(balance_up_to=typed)
		return sorted(page.vouchers())

	problem = desk.page.locator(".wo-problem")
	assert found("1.50") == [small.name] and not problem.inner_text()
	for wrong in ("1,50", "abc", "1.5.0", "1,0,0"):
		assert found(wrong) == both, "not filtered"
		assert f"{wrong} is not an amount. Enter an amount such as 1,234.50." in problem.inner_text()
	assert found("1,200") == both and not problem.inner_text()
	page.filter(age_over="x")
	assert "x is not an amount" in problem.inner_text()
	desk.press("Clear Filters")
	page.ready()
	assert not problem.inner_text() and sorted(page.vouchers()) == both


def test_the_number_format_of_the_site(desk: Desk):
	small = invoice("Anchor Cafe", 1.4, "2026-01-15")
	invoice("Anchor Cafe", 120, "2026-01-15")
	draft = run()
	frappe.db.set_default("number_format", "#.###,##")
	frappe.clear_cache()
	frappe.db.commit()
	page = RunPage(desk).open(draft.name).wait_for_grid()
	page.filter(balance_up_to="1,50")
	assert page.vouchers() == [small.name]
	page.filter(balance_up_to="1.50")
	assert "such as 1.234,50" in desk.page.locator(".wo-problem").inner_text()


def test_an_amount_to_write_off_and_to_reinstate(desk: Desk):
	bill = invoice("Anchor Cafe", 200, "2026-01-15")
	draft = run()
	frappe.db.commit()
	page = RunPage(desk).open(draft.name).wait_for_grid()
	with desk.expect_error("can be read as 1.50 or 150|HTTP 417"):
		page.type_amount(bill.name, "$ 200.00", "1,50")
		page.ready()
	desk.close_messages()
	frappe.db.rollback()
	assert items(draft)[bill.name].write_off_amount == 200
	post(draft)
	frappe.db.commit()
	page.open(draft.name).wait_for_grid()
	page.tick(bill.name)
	desk.press("Reinstate 1")
	dialog = desk.dialog()
	dialog.locator("input[data-item]").fill("1,50")
	dialog.locator(".btn-primary:visible").click()
	desk.alert("1,50 is not an amount")
	page.close_dialog()
