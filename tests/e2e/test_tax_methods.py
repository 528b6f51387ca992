"""The methods of a tax rule: the table of accounts follows the method, and the preview has the rows of the tax."""

from __future__ import annotations

from pathlib import Path

import frappe

from tests.e2e.conftest import Desk
from tests.e2e.run_page import RunPage, pictures
from tests.site import run_helpers
from tests.site.factories import pay
from tests.site.test_tax_at_once import AU, use_method
from tests.site.test_tax_claims import taxed
from tests.site.test_tax_runs import LOSS, RELIEF


def test_the_table_of_accounts_follows_the_method(desk: Desk, tmp_path: Path) -> None:
	use_method("Relief Later")
	frappe.db.commit()
	picture = pictures(desk, tmp_path)
	desk.form("Write-Off Tax Rule", AU)
	table = desk.page.locator("[data-fieldname='accounts'] .grid-heading-row")
	assert "Interim Account" not in table.inner_text()
	for method, shown in (("Interim Account", True), ("Net at Once", False), ("Age Only", True)):
		desk.set(method=method)
		desk.settle()
		assert ("Interim Account" in table.inner_text()) == shown, method
	desk.set(method="Interim Account")
	desk.settle()
	table.scroll_into_view_if_needed()
	picture("tax-method", scroll_to="[data-fieldname='accounts'] .grid-heading-row")


def test_the_preview_has_the_rows_of_the_tax(desk: Desk, tmp_path: Path) -> None:
	use_method()
	sale = taxed(1200, 200, due_date="2025-01-31")
	pay(sale, 700, "2025-02-10")
	frappe.db.commit()
	picture = pictures(desk, tmp_path)
	run = RunPage(desk)
	run.new(max_invoice_amount=1000)
	run.find("Save and Find Invoices")
	desk.press("Preview and Post")
	text = desk.dialog().inner_text()
	assert (
		"$ 100.00 of it is tax to claim. The loss is $ 600.00. $ 100.00 is claimed with these entries."
		in text
	)
	assert "takes its tax" in text and RELIEF in text and LOSS in text
	picture("tax-net-preview")
	desk.confirm("Write Off 1 balance")
	run.wait_for_status("Posted")
	frappe.db.rollback()
	assert len(run_helpers.entries(run.name)) == 1
