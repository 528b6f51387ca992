"""What was written off is found from Customer, from reports and in the list of Sales Invoices."""

from __future__ import annotations

from pathlib import Path

import frappe

from tests.e2e.conftest import Desk, eventually_idle
from tests.e2e.run_page import pictures
from tests.site.factories import HL, account, invoice
from tests.site.run_helpers import post, run, settings

CAFE = "Anchor Cafe"
FIRST = "2026-01-15"


def test_w04_customer_and_reports_lead_to_the_register(desk: Desk, tmp_path: Path):
	settings(bad_debt_account=account("Bad Debt Expense"))
	bill = invoice(CAFE, 9, FIRST)
	invoice(CAFE, 500, FIRST)
	post(run(max_invoice_amount=10))
	frappe.db.commit()

	desk.form("Customer", CAFE)
	link = desk.page.locator(
		".form-message a[href*='Write-Off%20Register'], .form-message a[href*='Write-Off Register']"
	).first
	link.wait_for()
	assert f"Written off in {HL}: $ 9.00, last on " in link.inner_text()
	pictures(desk, tmp_path)("customer-written-off")
	link.click()
	desk.page.locator(".datatable", has_text=bill.name).wait_for()

	desk.open("query-report", "General%20Ledger")
	desk.button("Written Off").wait_for()
	desk.page.evaluate(
		"async (values) => { await frappe.query_report.set_filter_value(values); }",
		{
			"company": HL,
			"from_date": "2026-01-01",
			"to_date": "2026-12-31",
			"party_type": "Customer",
			"party": [CAFE],
		},
	)
	desk.settle()
	desk.press("Written Off")
	desk.page.wait_for_function("() => frappe.get_route()[1] === 'Write-Off Register'")
	desk.page.locator(".datatable", has_text=bill.name).wait_for()


def test_w04_the_list_of_invoices_has_the_status(desk: Desk):
	settings(bad_debt_account=account("Bad Debt Expense"))
	bill, other = invoice(CAFE, 9, FIRST), invoice(CAFE, 500, FIRST)
	post(run(max_invoice_amount=10))
	frappe.db.commit()
	desk.open("sales-invoice", "view", "list?write_off_status=Written Off")
	row = desk.page.locator(".list-row", has_text=bill.name)
	row.wait_for()
	assert "Written Off" in row.inner_text()
	assert not desk.page.locator(".list-row", has_text=other.name).count()


def test_w11_letters_are_sent_from_a_posted_run(desk: Desk, tmp_path: Path):
	settings(bad_debt_account=account("Bad Debt Expense"))
	invoice(CAFE, 9, FIRST)
	invoice("Elm School", 8, FIRST)
	done = post(run())
	frappe.db.commit()

	desk.form("Write-Off Run", done.name)
	desk.page.locator(".menu-btn-group:visible button").first.click()
	desk.page.locator(".menu-btn-group .dropdown-item:visible").filter(has_text="Send Letters").click()
	dialog = desk.dialog()
	dialog.locator("[data-fieldname=kind] select").select_option("Claim Upheld")
	pictures(desk, tmp_path)("send-letters")
	desk.confirm("Send Letters")
	assert "Letters to be sent: 2" in desk.alert("Letters to be sent")
	eventually_idle()
	frappe.db.rollback()
	letters = frappe.get_all(
		"Write-Off Letter", {"run": done.name}, ["name", "customer", "kind"], order_by="customer asc"
	)
	assert [(one.customer, one.kind) for one in letters] == [
		(CAFE, "Claim Upheld"),
		("Elm School", "Claim Upheld"),
	]
	desk.form("Write-Off Letter", letters[0].name)
	pictures(desk, tmp_path)("letter")
