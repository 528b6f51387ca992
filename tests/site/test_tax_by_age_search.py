"""Which unpaid invoices have a claim by age, and when they are looked at again."""

from __future__ import annotations

from typing import Any

import frappe
import pytest
from erpnext.accounts.doctype.journal_entry.journal_entry import make_reverse_journal_entry
from frappe.utils import getdate

from ar_writeoff.tax_relief import age
from ar_writeoff.tax_relief.ledger import rule_of_company
from ar_writeoff.tax_relief.losses import tax_rule
from tests.site import run_helpers
from tests.site.factories import HL, NW, account, invoice, pay, payment
from tests.site.test_tax_by_age import (
	AUSTRALIA,
	DEFERRED,
	RELIEF,
	assert_books_agree,
	unpaid,
	use_age_rule,
)
from tests.site.test_tax_by_age_losses import write_off
from tests.site.test_tax_claims import claims, taxed
from tests.site.test_tax_rules import tax_account
from tests.site.test_tax_runs import JULY, balance_of, item_of, tax_run


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


# Tax that a payment has reversed after the claim: it is not claimed again


def discount(sale: Any, cash: float, tax: float, day: str = "2026-07-10") -> Any:
	"""A Payment Entry over `cash` that settles the `tax` as well."""
	deduction = {"account": account("VAT"), "cost_center": "Main - HL", "amount": tax}
	return pay(sale, cash + tax, day, deductions=[deduction], paid_amount=cash, received_amount=cash)


def journal(sale: Any, cash: float, tax: float, day: str = "2026-07-10") -> Any:
	"""The same as a Journal Entry."""
	rows = [
		{
			"account": sale.debit_to,
			"party_type": "Customer",
			"party": sale.customer,
			"credit_in_account_currency": cash + tax,
			"reference_type": "Sales Invoice",
			"reference_name": sale.name,
		},
		{"account": account("VAT"), "debit_in_account_currency": tax},
		{"account": account("Cash"), "debit_in_account_currency": cash},
	]
	entry = frappe.get_doc(
		{
			"doctype": "Journal Entry",
			"company": HL,
			"posting_date": day,
			"accounts": [{**row, "cost_center": "Main - HL"} for row in rows],
		}
	)
	entry.insert()
	entry.submit()
	return entry


@pytest.mark.parametrize("settle", [discount, journal])
def test_a_payment_that_reverses_tax_after_the_claim(settle: Any) -> None:
	"""100.00 is claimed. 80.00 of the tax is reversed by a payment over 10.00: 20.00 may stay claimed, and not the 91.82 in what is
	unpaid. When the payment is cancelled, all of it is claimed again."""
	sale = unpaid(1000, 100, 0)
	run_helpers.post(tax_run())
	paid = settle(sale, 10, 80)
	run_helpers.post(tax_run(**JULY))
	assert (balance_of(RELIEF), balance_of(DEFERRED)) == (20, -20)
	assert_books_agree()
	frappe.get_doc(paid.doctype, paid.name).cancel()
	run_helpers.post(tax_run(**JULY))
	assert balance_of(RELIEF) == 100
	assert_books_agree()


@pytest.mark.parametrize("settle", [discount, journal])
def test_a_discount_leaves_the_tax_of_what_is_unpaid(settle: Any) -> None:
	"""110.00 of 1,100.00 is settled, by 108.00 and 2.00 of the tax: 90.00 stays claimed."""
	sale = unpaid(1000, 100, 0)
	run_helpers.post(tax_run())
	settle(sale, 108, 2)
	run_helpers.post(tax_run(**JULY))
	assert balance_of(RELIEF) == 90


@pytest.mark.parametrize("settle", [discount, journal])
def test_a_payment_that_reverses_tax_before_the_claim_is_posted(settle: Any) -> None:
	sale = unpaid(1000, 100, 0)
	tax_run()
	settle(sale, 10, 80, "2026-06-10")
	run_helpers.post(tax_run())
	assert balance_of(RELIEF) == 20
	assert [claim.sales_invoice for claim in claims()] == [sale.name]


def test_a_journal_that_reverses_tax_before_the_search() -> None:
	sale = unpaid(1000, 100, 0)
	journal(sale, 10, 80, "2026-05-10")
	run_helpers.post(tax_run())
	assert balance_of(RELIEF) == 20


def test_a_journal_that_is_reversed() -> None:
	"""The entry that reverses it returns the tax as well: nothing is paid, and all of it is claimed."""
	sale = unpaid(1000, 100, 0)
	run_helpers.post(tax_run())
	reversing = make_reverse_journal_entry(journal(sale, 10, 80).name)
	reversing.posting_date = "2026-07-11"
	reversing.submit()
	assert run_helpers.items(tax_run(**JULY)) == {}
	assert balance_of(RELIEF) == 100


def test_an_entry_with_two_invoices() -> None:
	"""It settles 60.00 and 30.00, and has 80.00 of the tax: 53.33 and 26.67. So 46.66 and 73.33 may stay claimed."""
	one, other = unpaid(1000, 100, 0), unpaid(1000, 100, 0)
	run_helpers.post(tax_run())
	payment(
		one.customer,
		90,
		"2026-07-10",
		paid_from=one.debit_to,
		paid_amount=10,
		received_amount=10,
		references=[
			{"reference_doctype": "Sales Invoice", "reference_name": sale.name, "allocated_amount": amount}
			for sale, amount in ((one, 60), (other, 30))
		],
		deductions=[{"account": account("VAT"), "cost_center": "Main - HL", "amount": 80}],
	)
	run_helpers.post(tax_run(**JULY))
	assert {row.sales_invoice: row.claimed_amount - row.repaid_amount for row in claims()} == {
		one.name: pytest.approx(46.66),
		other.name: pytest.approx(73.33),
	}
	assert_books_agree()


def test_a_payment_that_reverses_tax_which_a_loss_has_released() -> None:
	"""What was released is not repaid: it is no longer deferred. The payment is to be corrected."""
	sale = unpaid(1000, 100, 0)
	run_helpers.post(tax_run())
	write_off(990)
	run_helpers.post(tax_run())
	assert (balance_of(RELIEF), balance_of(DEFERRED)) == (100, -10)
	discount(sale, 10, 80)
	run_helpers.post(tax_run(**JULY))
	assert (balance_of(RELIEF), balance_of(DEFERRED)) == (90, 0)
	assert_books_agree()
