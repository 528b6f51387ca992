"""The story of an accountant in the United Kingdom: write off, claim what is due, and repay when a customer pays after all."""

from __future__ import annotations

from pathlib import Path

import frappe

from tests.e2e.conftest import Desk
from tests.e2e.run_page import RunPage, pictures
from tests.e2e.test_tax_run import shown_cells
from tests.site.factories import TODAY, pay
from tests.site.test_tax_claims import claims, taxed
from tests.site.test_tax_rules import use_rule
from tests.site.test_tax_runs import LOSS, RELIEF, balance_of


def new_tax_run(desk: Desk, run: RunPage, first: str, last: str) -> None:
	desk.new("Write-Off Tax Run")
	desk.page.wait_for_function("() => cur_frm && cur_frm.is_new() && frappe.ar_writeoff")
	desk.settle()
	desk.set(company="Harbour Lights Ltd", from_date=first, to_date=last, posting_date=last)
	run.find("Save and Find Claims")


def test_an_accountant_writes_off_claims_and_repays(desk: Desk, tmp_path: Path):
	use_rule()
	sale = taxed(1200, 200, due_date="2025-01-31")
	pay(sale, 700, "2025-02-10")
	recent = taxed(100, 20, who="Breakwater Bar", posting_date="2026-05-04", due_date="2026-06-03")
	frappe.db.commit()
	picture = pictures(desk, tmp_path)
	run = RunPage(desk)

	# Before the approval: how much of the loss is VAT, and when it may be claimed.
	run.new(max_invoice_amount=1000)
	run.find("Save and Find Invoices")
	desk.press("Preview and Post")
	dialog = desk.dialog()
	assert "$ 120.00 of it is tax to claim. The loss is $ 700.00." in dialog.inner_text()
	days = [" ".join(row.split()) for row in dialog.locator("[data-table='tax'] tbody tr").all_inner_texts()]
	assert days == ["06-30-2026 07-31-2029 1 $ 100.00", "12-04-2026 12-03-2030 1 $ 20.00"]
	dialog.locator(".wo-tax").scroll_into_view_if_needed()
	picture("tax-preview")
	desk.confirm("Write Off 2 balances")
	run.wait_for_status("Posted")
	write_off = run.name

	# The tax run of June has what is due, and not the rest.
	new_tax_run(desk, run, "2026-06-01", TODAY)
	grid = desk.page.locator(".wo-grid").inner_text()
	assert f"{sale.name}-T1" in grid and recent.name not in grid
	picture("tax-run", scroll_to=".wo-bench")
	desk.press("Preview and Post")
	desk.confirm("Post 1 claim")
	run.wait_for_status("Posted")
	desk.press("Mark as Filed")
	desk.confirm("Yes")
	desk.page.wait_for_function("() => cur_frm.doc.filed_on")
	frappe.db.rollback()
	assert (claims(sale)[0].status, balance_of(RELIEF), balance_of(LOSS)) == ("Filed", 100, 720)

	# The customer pays 280.00 in July. The tax run of July repays the share by itself.
	run.open(write_off).wait_for_grid()
	run.tick(sale.name)
	desk.press("Reinstate 1")
	dialog = desk.dialog()
	dialog.locator("[data-fieldname='posting_date'] input").fill("07-10-2026")
	dialog.locator("input[data-item]").fill("280")
	dialog.locator(".btn-primary:visible").click()
	run.ready()
	new_tax_run(desk, run, "2026-07-01", "2026-07-31")
	assert "$ -40.00" in desk.page.locator(".wo-grid").inner_text().replace("-$ 40.00", "$ -40.00")
	desk.press("Preview and Post")
	text = " ".join(desk.dialog().inner_text().split())
	assert "1 claim, total $ -40.00, will be posted on 07-31-2026" in text.replace("-$ 40.00", "$ -40.00")
	assert RELIEF in text and LOSS in text
	picture("tax-repayment")
	desk.confirm("Post 1 claim")
	run.wait_for_status("Posted")
	frappe.db.rollback()
	assert (claims(sale)[0].status, balance_of(RELIEF)) == ("Partly Repaid", 60)

	# The report has both returns with their boxes, and matches the General Ledger.
	desk.form("Write-Off Settings", "Harbour Lights Ltd")
	desk.press("Tax Relief")
	desk.press("Bad Debt Tax Relief")
	desk.page.wait_for_function("() => frappe.get_route_str() === 'query-report/Bad Debt Tax Relief'")
	desk.page.get_by_text(f"The totals match the General Ledger of {RELIEF}.").first.wait_for()
	desk.settle()
	assert {sale.name, recent.name} <= shown_cells(desk)
	picture("tax-report")
	desk.page.evaluate("() => frappe.query_report.set_filter_value('show', 'By Box of the Return')")
	desk.page.wait_for_function("() => frappe.query_report.tree_report")
	desk.settle()
	assert {"Claim", "4", "Repayment", "1"} <= shown_cells(desk)
	picture("tax-report-by-box")
