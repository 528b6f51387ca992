"""Less usual criteria at the desk, and the method of a reason."""

from __future__ import annotations

import os

import frappe

from tests.e2e.conftest import Desk
from tests.e2e.run_page import RunPage
from tests.site.factories import HL, account, invoice, new_account, pay
from tests.site.run_helpers import items, settings

# Set to a folder to look at the forms.
PICTURES = os.environ.get("AR_WRITEOFF_PICTURES")


def picture(desk: Desk, name: str) -> None:
	if PICTURES:
		desk.screenshot(f"{PICTURES}/{name}.png", full_page=True)


def test_small_differences_in_two_currencies(desk: Desk) -> None:
	settings(customer_credits="Ignore")
	rest = invoice("Anchor Cafe", 100, "2026-01-15")
	pay(rest, 95, "2026-02-01")
	foreign = invoice("Helios SARL", 40, "2026-01-15", currency="EUR", rate=1.15)
	pay(foreign, 36, "2026-02-01")
	invoice("Anchor Cafe", 4, "2026-01-15")
	frappe.db.commit()

	run = RunPage(desk).new(max_invoice_amount=5)
	page = desk.page
	section = page.locator(".section-head", has_text="More Criteria")
	assert not desk.field("only_remainders").is_visible(), "the form is short"
	section.click()
	page.locator("input[data-fieldname=only_remainders]").check()
	page.locator("[data-fieldname=thresholds] .grid-add-row").click()
	page.evaluate(
		"""() => {
			const [row] = cur_frm.doc.thresholds;
			frappe.model.set_value(row.doctype, row.name, {currency: 'EUR', max_amount: 4});
		}"""
	)
	desk.settle()
	page.locator("[data-fieldname=thresholds] .grid-add-row").scroll_into_view_if_needed()
	picture(desk, "new-run")
	run.find("Save and Find Invoices")
	assert set(items(run.name)) == {rest.name, foreign.name}
	sentence = page.locator(".wo-criteria").inner_text()
	for part in (
		"at most $ 5.00 each",
		"at most € 4.00 each",
		"only what is left after a payment or credit note",
	):
		assert part in sentence
	picture(desk, "found")


def test_a_minimum_over_the_maximum_is_shown_at_its_field(desk: Desk) -> None:
	settings()
	RunPage(desk).new(max_invoice_amount=5, min_invoice_amount=6)
	with desk.expect_error("417|ValidationError|Expectation Failed"):
		desk.press("Save and Find Invoices")
		text = desk.dialog().inner_text()
	assert "Minimum Invoice Balance" in text and "between 0 and the maximum of" in text


def test_the_accounts_of_a_reason_follow_its_method(desk: Desk) -> None:
	new_account("TDS Receivable", "Current Assets", account_type="Tax")
	frappe.db.commit()
	desk.new("Write-Off Reason")
	desk.set(reason="Tax Withheld", applies_to="Debit", method="Reclassify")
	desk.page.evaluate(
		"""([company, account]) => {
			const row = cur_frm.add_child('accounts');
			cur_frm.refresh_field('accounts');
			return frappe.model.set_value(row.doctype, row.name, {company})
				.then(() => frappe.model.set_value(row.doctype, row.name, {account}));
		}""",
		[HL, account("TDS Receivable")],
	)
	desk.settle()
	picture(desk, "reason")
	desk.save()
	assert frappe.db.get_value("Write-Off Reason", "Tax Withheld", "method") == "Reclassify"
