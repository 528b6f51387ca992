"""Settings, Reasons, Schedules, entry points and evidence page as described in the guide."""

from __future__ import annotations

from pathlib import Path

import frappe

from tests.e2e.conftest import Desk
from tests.e2e.run_page import RunPage, pictures
from tests.e2e.states import SCHEDULE
from tests.site.factories import HL, account, cost_center, many_invoices
from tests.site.run_helpers import entries, post, run, settings


def test_settings_limits_reason_and_schedule(desk: Desk, tmp_path: Path):
	settings(
		bad_debt_account=account("Bad Debt Expense"),
		credit_write_off_account=account("Credit Balances Written Off"),
		cost_center=cost_center(),
		max_invoice_amount=10,
		minimum_age_days=90,
		default_reason="Small Balance",
		require_second_approver=1,
		limits=[
			{"role": "Accounts User", "max_item_amount": 10, "max_run_amount": 500},
			{"role": "Accounts Manager", "max_item_amount": 250, "max_customer_month_amount": 1000},
		],
	)
	reason = frappe.get_doc("Write-Off Reason", "Small Balance")
	reason.append("accounts", {"company": HL, "account": account("Small Balances Written Off")})
	reason.save()
	frappe.get_doc(SCHEDULE).insert()
	frappe.db.commit()
	picture = pictures(desk, tmp_path)
	desk.form("Write-Off Settings", HL)
	picture("settings")
	picture("limits", scroll_to="[data-fieldname='limits']")
	rows = desk.page.locator("[data-fieldname='limits'] .grid-body .grid-row").all_inner_texts()
	assert ["Accounts User" in rows[0], "Accounts Manager" in rows[1]] == [True, True]
	desk.form("Write-Off Reason", "Small Balance")
	picture("reason")
	desk.form("Write-Off Schedule", "Small Balances, Monthly")
	assert desk.value("next_run_on")
	picture("schedule")


def test_from_an_invoice_and_from_the_list(desk: Desk, tmp_path: Path):
	settings()
	one, two, three = many_invoices(3, customers=("Anchor Cafe",))
	frappe.db.commit()
	picture = pictures(desk, tmp_path)
	page = RunPage(desk)
	desk.form("Sales Invoice", one)
	desk.button("Create").click()
	picture("from-invoice")
	desk.button("Write-Off Run").click()
	page.wait_for_grid()
	name = page.name
	assert page.vouchers() == [one]

	desk.open("sales-invoice")
	for voucher in (two, three):
		desk.page.locator(f".list-row-checkbox[data-name='{voucher}']:visible").check()
	desk.button("Actions").click()
	picture("from-list")
	desk.button("Write Off Invoices").click()
	desk.dialog().locator("select").select_option(name)
	desk.confirm("Open the Run")
	desk.page.wait_for_function("name => window.cur_frm && cur_frm.doc.name === name", arg=name)
	page.wait_for_grid()
	assert sorted(page.vouchers()) == sorted([one, two, three])


def test_the_evidence_page(desk: Desk, tmp_path: Path):
	many_invoices(4)
	done = post(run())
	frappe.db.commit()
	desk.open("print", "Write-Off Run", done.name)
	paper = desk.page.frame_locator("iframe.print-format-container").locator("body")
	paper.get_by_text("Journal Entries").first.wait_for()
	assert next(iter(entries(done))) in paper.inner_text()
	size = "cell => getComputedStyle(cell).fontSize"
	assert paper.locator("td").first.evaluate(size) == "11px", "tables as small as the text around them"
	pictures(desk, tmp_path)("evidence")
