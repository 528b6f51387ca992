"""Which unpaid invoices have a claim by age, and when they are looked at again."""

from __future__ import annotations

from typing import Any

import frappe
import pytest
from frappe.utils import getdate

from ar_writeoff.tax_relief import age
from ar_writeoff.tax_relief.ledger import rule_of_company
from ar_writeoff.tax_relief.losses import tax_rule
from tests.site import run_helpers
from tests.site.factories import HL, NW, account, invoice, pay
from tests.site.test_tax_by_age import (
	AUSTRALIA,
	RELIEF,
	assert_books_agree,
	unpaid,
	use_age_rule,
)
from tests.site.test_tax_claims import claims, taxed
from tests.site.test_tax_rules import tax_account
from tests.site.test_tax_runs import balance_of, item_of, tax_run


@pytest.fixture(autouse=True)
def rule(site: str) -> Any:
	return use_age_rule()


def test_an_invoice_is_judged_again_after_the_payment_is_cancelled() -> None:
	sale = unpaid(1000, 100, 0)
	deduction = {"account": account("VAT"), "cost_center": "Main - HL", "amount": 2}
	paid = pay(sale, 100, deductions=[deduction], paid_amount=98, received_amount=98)
	assert run_helpers.items(tax_run()) == {}
	[before] = claims(sale)
	assert (before.status, before.reason_code) == ("Excluded", "tax_reversed_by_payment")
	age.update(HL, getdate("2026-06-30"))
	assert claims(sale)[0].modified == before.modified, "unchanged while the payment stands"
	paid.cancel()
	run_helpers.post(tax_run())
	[claim] = claims(sale)
	assert (claim.name, claim.status, claim.claimed_amount, claim.message) == (
		before.name,
		"Claimed",
		100,
		"",
	)
	assert_books_agree()


def test_a_tax_account_that_is_added_to_the_rule() -> None:
	"""The other tax of the same invoice is claimed from then on."""
	sale = taxed(1000, 50, 99.75, due_date="2025-05-31")
	run_helpers.post(tax_run())
	assert [(claim.name, claim.tax_amount) for claim in claims(sale)] == [(f"{sale.name}-A1", 50)]
	relief = account("VAT on Bad Debts")
	use_age_rule(**{tax_account(): relief, tax_account("Sales Tax 2"): relief})
	run_helpers.post(tax_run())
	found = {claim.name: (claim.tax_account, claim.claimed_amount) for claim in claims(sale)}
	assert found == {
		f"{sale.name}-A1": (account("VAT"), 50),
		f"{sale.name}-A2": (account("Sales Tax 2"), 99.75),
	}
	assert run_helpers.items(tax_run()) == {}
	assert_books_agree()


def test_only_invoices_with_tax_and_without_a_claim_are_looked_at(rule: Any) -> None:
	unpaid()
	invoice("Anchor Cafe", 100, "2025-01-01", due_date="2025-01-31")
	tax_run()
	other = unpaid(who="Breakwater Bar")
	assert [row.name for row in age.unpaid_invoices(tax_rule(AUSTRALIA, HL), HL, getdate("2026-06-30"))] == [
		other.name
	]


def test_two_searches_at_the_same_time(monkeypatch: pytest.MonkeyPatch) -> None:
	"""Both find the invoice without a claim: there is one claim, and no error."""
	sale = unpaid()
	found = age.unpaid_invoices(tax_rule(AUSTRALIA, HL), HL, getdate("2026-06-30"))
	tax_run()
	monkeypatch.setattr(age, "unpaid_invoices", lambda *args: found)
	monkeypatch.setattr(age, "claims_by_account", lambda invoices: {})
	run_helpers.post(tax_run())
	assert [(claim.sales_invoice, claim.claimed_amount) for claim in claims()] == [(sale.name, 70)]
	assert balance_of(RELIEF) == 70


def test_each_company_has_a_transaction_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
	"""What was found for a company stays if a later one fails."""
	sale = unpaid()
	update = age.update

	def failing(company: str, day: Any) -> None:
		update(company, day)
		if company != HL:
			raise frappe.ValidationError

	run_helpers.settings(NW)
	frappe.db.set_value("Write-Off Settings", NW, "tax_rule", AUSTRALIA)
	monkeypatch.setattr(age, "update", failing)
	with pytest.raises(frappe.ValidationError):
		age.update_companies(getdate("2026-07-01"))
	frappe.db.rollback()
	assert [claim.sales_invoice for claim in claims()] == [sale.name]


def test_the_rule_of_another_method_of_the_country_does_not_replace_the_chosen_one() -> None:
	"""Australia and the Netherlands have two."""
	frappe.db.set_value("Write-Off Tax Rule", AUSTRALIA, "valid_to", "2026-06-30")
	assert rule_of_company(HL, AUSTRALIA, "2026-06-30") == AUSTRALIA
	assert rule_of_company(HL, AUSTRALIA, "2026-07-01") is None
	other = frappe.copy_doc(frappe.get_doc("Write-Off Tax Rule", AUSTRALIA))
	other.update({"rule_name": "Australia from July", "valid_from": "2026-07-01", "valid_to": None})
	other.insert()
	assert rule_of_company(HL, AUSTRALIA, "2026-07-01") == other.name


def test_settled_claims_are_not_read_again() -> None:
	"""Until the invoice is open again, or something of it is claimed."""
	sale, other = unpaid(), unpaid(who="Breakwater Bar")
	tax_run()
	paid = pay(sale, 770)
	age.update_claims(HL)
	assert [row.sales_invoice for row in age.claims_to_update(HL)] == [other.name]
	paid.cancel()
	assert [row.sales_invoice for row in age.claims_to_update(HL)] == [sale.name, other.name]
	assert sorted(item.write_off_amount for item in run_helpers.items(tax_run()).values()) == [70, 70]


@pytest.mark.parametrize("outstanding", [0, -50])
@pytest.mark.corrupts_ledgers
def test_an_outstanding_amount_that_is_stale(outstanding: float) -> None:
	"""The Payment Ledger counts: 770.00 is unpaid, whatever the field of the invoice says."""
	sale = unpaid()
	frappe.db.set_value("Sales Invoice", sale.name, "outstanding_amount", outstanding)
	run_helpers.post(tax_run())
	assert [(row.sales_invoice, row.claimed_amount) for row in claims()] == [(sale.name, 70)]


@pytest.mark.corrupts_ledgers
def test_an_outstanding_amount_of_a_paid_invoice() -> None:
	sale = unpaid(paid=1100)
	frappe.db.set_value("Sales Invoice", sale.name, "outstanding_amount", 1100)
	assert (run_helpers.items(tax_run()), claims()) == ({}, [])


@pytest.mark.corrupts_ledgers
def test_a_settled_claim_of_an_invoice_that_is_open_again_with_a_stale_amount() -> None:
	sale = unpaid()
	tax_run()
	paid = pay(sale, 770)
	age.update_claims(HL)
	paid.cancel()
	frappe.db.set_value("Sales Invoice", sale.name, "outstanding_amount", 0)
	assert item_of(tax_run()).write_off_amount == 70
