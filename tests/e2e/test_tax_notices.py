"""Notices of tax claims at the real desk: from the report, the list and a tax run; the card of the workspace, and a fraction entered manually."""

from __future__ import annotations

from pathlib import Path

import frappe

from tests.e2e.conftest import Desk, eventually
from tests.e2e.run_page import RunPage, pictures
from tests.e2e.test_tax_run import shown_cells
from tests.site import run_helpers
from tests.site.factories import TODAY, account, invoice
from tests.site.test_case_letters import address, outgoing
from tests.site.test_tax_claims import EMIRATES, claims, taxed
from tests.site.test_tax_rules import use_rule
from tests.site.test_tax_runs import tax_run

__all__ = ["outgoing"]


def open_report(desk: Desk) -> None:
	desk.form("Write-Off Settings", "Harbour Lights Ltd")
	desk.press("Tax Relief")
	desk.press("Bad Debt Tax Relief")
	desk.page.wait_for_function("() => frappe.get_route_str() === 'query-report/Bad Debt Tax Relief'")
	desk.page.locator(".datatable .dt-row-0").first.wait_for()
	desk.settle()


def test_notices_of_a_company(outgoing: None, desk: Desk, tmp_path: Path):
	use_rule(EMIRATES)
	address("Anchor Cafe", "cafe@example.com", "en")
	address("Breakwater Bar", "bar@example.com", "de")
	for who in ("Anchor Cafe", "Breakwater Bar", "Compass Stores", "Elm School"):
		taxed(1000, 50, who=who)
	run_helpers.post(run_helpers.run())
	draft = tax_run()
	frappe.db.commit()
	picture = pictures(desk, tmp_path)

	# from the list, for selected claims
	desk.open("write-off-tax-claim")
	desk.page.wait_for_function(
		"() => cur_list && cur_list.doctype === 'Write-Off Tax Claim' && cur_list.data.length === 4"
	)
	name = claims(customer="Anchor Cafe")[0].name
	desk.page.locator(f".list-row-checkbox[data-name='{name}']").check()
	desk.press("Actions")
	desk.press("Send Notices")
	desk.confirm("Send Notices")
	desk.alert("Letters to be sent: 1")
	eventually(lambda: claims(customer="Anchor Cafe")[0].status == "Claimable")

	# from a draft tax run, in its menu
	desk.form("Write-Off Tax Run", draft.name)
	RunPage(desk).wait_for_grid() if draft.found_count else RunPage(desk).ready()
	desk.page.locator(".page-head .menu-btn-group button:visible").first.click()
	desk.page.locator(".dropdown-menu.show .dropdown-item", has_text="Send Notices").click()
	assert (
		"For all claims of Harbour Lights Ltd that lack a notice. Letters: 3." in desk.dialog().inner_text()
	)
	desk.page.keyboard.press("Escape")
	desk.settle()

	# from the report, for all that are left
	open_report(desk)
	desk.press("Send Notices")
	picture("tax-notices")
	desk.confirm("Send Notices")
	desk.alert("Letters to be sent: 3")
	eventually(lambda: claims(customer="Breakwater Bar")[0].status == "Claimable")
	eventually(lambda: frappe.db.count("Write-Off Letter") == 4)
	assert {claim.status for claim in claims(customer="Elm School")} == {"Needs Notice"}
	[letter] = frappe.get_all("Write-Off Letter", {"customer": "Breakwater Bar"}, pluck="name")
	desk.page.goto(
		f"{desk.url}/printview?doctype=Write-Off Letter&name={letter}&format=Write-Off Letter&_lang=de"
	)
	assert "Mitteilung" in desk.page.locator("body").inner_text()
	picture("tax-notice")

	# what can be claimed, in the workspace
	desk.open("ar-write-off")
	card = desk.page.locator(".number-widget-box", has_text="Tax Claimable Now")
	card.get_by_text("100.00").wait_for()
	picture("tax-card")


def test_a_fraction_entered_manually_and_the_account(desk: Desk, tmp_path: Path):
	use_rule()
	sale = invoice("Anchor Cafe", 120, "2025-01-01", is_opening="Yes", submit=False)
	sale.items[0].income_account = account("Temporary Opening")
	sale.submit()
	taxed(1200, 200, who="Breakwater Bar")
	run_helpers.post(run_helpers.run())
	[claim] = claims(sale)
	frappe.db.commit()
	picture = pictures(desk, tmp_path)
	desk.form("Write-Off Tax Claim", claim.name)
	desk.set(tax_fraction="1/6")
	desk.save()
	assert (desk.value("status"), desk.value("tax_amount")) == ("Claimable", 20)
	picture("tax-fraction")

	frappe.db.commit()
	run_helpers.post(tax_run(to_date=TODAY))
	frappe.db.commit()
	open_report(desk)
	assert not desk.button("Send Notices").count()
	desk.page.evaluate("() => frappe.query_report.set_filter_value('show', 'Refunds for Bad Debts Account')")
	desk.page.wait_for_function(
		"() => frappe.query_report.columns.some((column) => column.fieldname === 'claim_period')"
	)
	desk.settle()
	assert sale.name in shown_cells(desk)
	picture("tax-account")

	use_rule()
	run_helpers.settings(tax_rule=None)
	frappe.db.commit()
	desk.open("ar-write-off")
	desk.page.locator(".number-widget-box", has_text="Written Off This Year").wait_for()
	assert not desk.page.locator(".number-widget-box", has_text="Tax Claimable Now").count()
	picture("no-tax-card")
