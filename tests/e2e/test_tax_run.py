"""A tax run at the real desk: find the claims, preview, post, mark as filed."""

from __future__ import annotations

import frappe

from tests.e2e.conftest import Desk
from tests.e2e.run_page import RunPage
from tests.site import run_helpers
from tests.site.factories import TODAY, pay
from tests.site.test_tax_claims import claims, taxed
from tests.site.test_tax_rules import use_rule


def test_an_accountant_claims_the_tax_of_a_period(desk: Desk):
	use_rule()
	sale = taxed(1200, 200, due_date="2025-01-31")
	pay(sale, 700, "2025-02-10")
	other = taxed(100, 20, who="Breakwater Bar")
	run_helpers.post(run_helpers.run())
	frappe.db.commit()

	desk.form("Write-Off Settings", "Harbour Lights Ltd")
	desk.press("Tax Relief")
	desk.press("Write-Off Tax Run")
	desk.page.wait_for_function("() => cur_list && cur_list.doctype === 'Write-Off Tax Run'")
	desk.settle()

	desk.new("Write-Off Tax Run")
	desk.page.wait_for_function("() => cur_frm && cur_frm.is_new() && frappe.ar_writeoff")
	desk.settle()
	run = RunPage(desk)
	desk.set(company="Harbour Lights Ltd", from_date="2026-06-01", to_date=TODAY, posting_date=TODAY)
	assert run.primary() == ["Save and Find Claims"]
	run.find("Save and Find Claims")
	assert run.primary() == ["Preview and Post"]
	assert run.cards() == {
		"Found": (2, "$ 120.00"),
		"Selected": (2, "$ 120.00"),
		"Left Open": (0, "$ 0.00"),
	}
	grid = desk.page.locator(".wo-grid")
	for said in (f"{sale.name}-T1", "Until", "Tax\n", "$ 100.00"):
		assert said in grid.inner_text(), said

	# one claim is left out
	run.tick(f"{other.name}-T1")
	assert run.totals().startswith("Selected: 1 of 2 claims $ 100.00")
	assert "Hold" not in desk.page.locator(".wo-select").inner_text()
	desk.press("Preview and Post")
	text = " ".join(desk.dialog().inner_text().split())
	for said in (
		"1 claim, total $ 100.00, will be posted on 06-30-2026 with 1 Journal Entry",
		"VAT on Bad Debts - HL",
		"Write Off - HL",
	):
		assert said in text
	assert "closes only the balance" not in text
	desk.confirm("Post 1 claim")
	run.wait_for_status("Posted")
	assert "1 claim posted on 06-30-2026" in run.intro
	assert run.tabs() == {"Posted": 1, "Not Selected": 1}
	frappe.db.rollback()
	assert (claims(sale)[0].status, claims(other)[0].status) == ("Claimed", "Claimable")

	tax_run = run.name
	# the report, with the claims of a box below it
	desk.form("Write-Off Settings", "Harbour Lights Ltd")
	desk.press("Tax Relief")
	desk.press("Bad Debt Tax Relief")
	desk.page.wait_for_function("() => frappe.get_route_str() === 'query-report/Bad Debt Tax Relief'")
	desk.page.locator(".datatable .dt-row-0").first.wait_for()
	desk.page.get_by_text("The totals match the General Ledger of VAT on Bad Debts - HL.").first.wait_for()
	assert {sale.name, other.name} <= shown_cells(desk)
	desk.page.evaluate("() => frappe.query_report.set_filter_value('show', 'By Box of the Return')")
	desk.page.wait_for_function("() => frappe.query_report.tree_report")
	desk.settle()
	assert "Claim" in shown_cells(desk) and sale.name not in shown_cells(desk)
	desk.page.locator(".datatable .dt-row-0 .dt-tree-node__toggle").click()
	assert sale.name in shown_cells(desk)
	desk.form("Write-Off Tax Run", tax_run)
	run.ready()

	# filed, and taken back
	desk.press("Mark as Filed")
	desk.confirm("Yes")
	desk.page.wait_for_function("() => cur_frm.doc.filed_on")
	run.ready()
	assert "The return was filed on" in run.intro
	assert not desk.button("Undo").count()
	desk.press("Withdraw Filing")
	desk.page.wait_for_function("() => !cur_frm.doc.filed_on")
	run.ready()
	desk.press("Undo")
	desk.confirm("Undo")
	run.wait_for_status("Reversed")
	frappe.db.rollback()
	assert claims(sale)[0].status == "Claimable"


def shown_cells(desk: Desk) -> set[str]:
	"""The texts in the visible rows of the report."""
	return {
		text.strip()
		for text in desk.page.locator(".datatable .dt-row[data-row-index] .dt-cell").all_inner_texts()
	}
