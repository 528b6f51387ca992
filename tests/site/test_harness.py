"""The test helpers: factories create what ERPNext would write, and tests are isolated from each other."""

from __future__ import annotations

import time

import frappe
import pytest

from tests.site.conftest import eventually
from tests.site.factories import (
	HL,
	MANAGER,
	NW,
	OUTSIDER,
	account,
	accounting_period,
	close_books,
	credit_note,
	customer,
	discount,
	freeze_books,
	invoice,
	journal,
	line,
	many_invoices,
	outstanding,
	pay,
	payment,
	remove,
	setting,
)
from tests.site.ledger_checks import assert_debits_equal_credits, assert_ple_equals_gl, gl_table, snapshot
from tools.bench import APP, more_apps
from tools.processes import birth


def healthy(*companies: str) -> None:
	for company in companies or (HL, NW):
		assert_debits_equal_credits(company)
		assert_ple_equals_gl(company)


def test_the_apps_of_the_site():
	assert frappe.get_installed_apps() == ["frappe", "erpnext", *more_apps(), APP]


def test_invoices_payments_and_credit_notes_change_the_balance_as_told():
	bill = invoice("Anchor Cafe", 100, "2026-01-15")
	assert str(bill.due_date) == "2026-02-14"
	pay(bill, 40, "2026-02-01")
	assert outstanding(bill) == 60
	credit_note(bill, 10)
	credit_note(bill, 3.33)
	assert outstanding(bill) == 46.67
	own = credit_note(bill, 5, update_outstanding_for_self=True)
	assert (outstanding(bill), outstanding(own)) == (46.67, -5)
	loose = invoice("Anchor Cafe", 7, "2026-03-01", is_return=True)
	assert outstanding(loose) == -7
	assert payment("Anchor Cafe", 25, "2026-03-01").unallocated_amount == 25
	journal(line("Debtors", 250, party="Elm School"), line("Sales", credit=250), posting_date="2026-03-02")
	healthy()


def test_the_ledger_as_a_table():
	bill = invoice("Anchor Cafe", 100, "2026-01-15", cost_center="North Pier - HL")
	assert (
		gl_table(bill)
		== """
account      | party       | cost center     |  debit | credit | against
Debtors - HL | Anchor Cafe | North Pier - HL | 100.00 |        | Sales Invoice ACC-SINV-2026-00001
Sales - HL   |             | North Pier - HL |        | 100.00 |
""".strip()
	)


def test_foreign_invoices_on_either_kind_of_account():
	own_account = invoice("Helios SARL", 100, "2026-01-15", currency="EUR", rate=1.2)
	assert (own_account.debit_to, outstanding(own_account)) == ("Debtors EUR - HL", 100)
	pay(own_account, 40, "2026-02-01")
	assert outstanding(own_account) == 60
	on_dollars = invoice("Anchor Cafe", 100, "2026-01-15", currency="EUR")
	assert (on_dollars.debit_to, outstanding(on_dollars)) == ("Debtors - HL", 110)
	dollars = invoice("Pacific Traders", 100, "2026-01-15", company=NW, currency="USD")
	assert (dollars.debit_to, outstanding(dollars)) == ("Debtors USD - NW", 100)
	yen = invoice("Dover Council", 10000, "2026-01-15", currency="JPY")
	assert outstanding(yen) == 70
	payment("Helios SARL", 10, "2026-03-01", rate=1.15)
	healthy()


@pytest.mark.parametrize("currency", ["USD", "EUR"])
def test_copied_invoices_are_what_erpnext_would_have_written(currency):
	"""The copy and the original of one amount and date differ in nothing but their names."""
	who, fields = (
		("Helios SARL", {"currency": "EUR", "rate": 1.2}) if currency == "EUR" else ("Anchor Cafe", {})
	)
	real = invoice(who, 123.45, "2026-02-03", due_date="2026-03-05", **fields)
	[copy] = many_invoices(1, customers=[who], amount=123.45, posting_date="2026-02-03", due_in=30, **fields)
	ignore = {"name", "creation", "modified", "parent", "voucher_no", "against_voucher", "against_voucher_no",
		"in_words", "base_in_words", "to_rename", "title", "remarks"}  # fmt: skip

	def rows(doctype: str, field: str, name: str) -> list[dict]:
		found = frappe.get_all(doctype, filters={field: name}, fields=["*"], order_by="idx asc, name asc")
		found = [{key: value for key, value in row.items() if key not in ignore} for row in found]
		return sorted(found, key=lambda row: str(row.get("account")))

	for doctype, field in (
		("Sales Invoice", "name"),
		("Sales Invoice Item", "parent"),
		("Payment Schedule", "parent"),
		("GL Entry", "voucher_no"),
		("Payment Ledger Entry", "voucher_no"),
	):
		assert rows(doctype, field, real.name) == rows(doctype, field, copy), doctype
	assert pay(copy, 23.45, "2026-03-01").docstatus == 1
	assert outstanding(copy) == 100
	healthy()


def test_two_thousand_invoices_quickly():
	started = time.process_time()
	names = many_invoices(
		2000, amount=lambda number: 1 + number % 50, posting_date=lambda n: f"2026-0{1 + n % 5}-10"
	)
	assert time.process_time() - started < 10  # of our own; the rest is the database's
	assert len(set(names)) == frappe.db.count("Sales Invoice", {"docstatus": 1}) == 2000
	assert frappe.db.get_value(
		"Sales Invoice", names[7], ["outstanding_amount", "posting_date"], as_dict=1
	) == {
		"outstanding_amount": 8,
		"posting_date": frappe.utils.getdate("2026-03-10"),
	}
	healthy()
	frappe.db.commit()


def test_commits_of_another_test_are_rolled_back():
	for doctype in ("Sales Invoice", "GL Entry", "Payment Ledger Entry", "Payment Entry", "Journal Entry"):
		assert frappe.db.count(doctype) == 0, doctype


@pytest.mark.parametrize("round", [1, 2])
def test_settings_and_masters_are_put_back(round):
	assert not frappe.db.get_single_value("Accounts Settings", "delete_linked_ledger_entries")
	assert not frappe.get_cached_value("Customer", "Anchor Cafe", "disabled")
	assert not frappe.db.exists("Customer", "One Day Fly")
	assert not frappe.get_meta("Customer").has_field("custom_for_one_test")
	assert invoice("Anchor Cafe", 10, "2026-01-15").name == "ACC-SINV-2026-00001"

	setting("Accounts Settings", delete_linked_ledger_entries=1)
	frappe.db.set_value("Customer", "Anchor Cafe", "disabled", 1)
	frappe.delete_doc("Customer", "Elm School")
	customer("One Day Fly")
	from frappe.custom.doctype.custom_field.custom_field import create_custom_field

	create_custom_field("Customer", {"fieldname": "custom_for_one_test", "fieldtype": "Data", "label": "One"})
	frappe.db.commit()


def test_books_can_be_frozen_and_closed():
	journal(line("Debtors", 5, party="Elm School"), line("Sales", credit=5), posting_date="2024-05-01")
	close_books(2024)
	accounting_period("2025-01-01", "2025-03-31")
	for date in ("2024-06-01", "2025-02-01"):
		with pytest.raises(frappe.ValidationError):
			journal(line("Debtors", 5, party="Elm School"), line("Sales", credit=5), posting_date=date)
	freeze_books("2026-01-31", except_role="Auditor")
	frappe.set_user(MANAGER)
	with pytest.raises(frappe.ValidationError):
		journal(line("Debtors", 5, party="Elm School"), line("Sales", credit=5), posting_date="2026-01-20")
	frappe.db.rollback()  # as a request does that was refused: ERPNext had written some rows by then


def test_discounted_invoice():
	bill = invoice("Compass Stores", 500, "2026-05-01")
	assert discount(bill).docstatus == 1
	healthy()


def test_snapshot_tells_what_changed():
	bill = invoice("Anchor Cafe", 100, "2026-01-15")
	before = snapshot(HL)
	assert before.diff(snapshot(HL)) == []
	receipt = pay(bill, 40)
	changes = before.diff(snapshot(HL))
	assert any("Sales Invoice" in change and "100" in change and "60" in change for change in changes), (
		changes
	)
	receipt.cancel()
	assert before.diff(snapshot(HL)) == []
	other = invoice("Anchor Cafe", 1)
	remove(other)
	assert before.diff(snapshot(HL)) == []


def test_unbalanced_ledgers_are_reported():
	bill = invoice("Anchor Cafe", 100, "2026-01-15")
	frappe.db.set_value("GL Entry", {"voucher_no": bill.name, "account": account("Sales")}, "credit", 99)
	with pytest.raises(AssertionError, match="ACC-SINV-2026-00001"):
		assert_debits_equal_credits(HL)
	frappe.db.set_value("Payment Ledger Entry", {"voucher_no": bill.name}, "amount", 90)
	with pytest.raises(AssertionError, match="Anchor Cafe"):
		assert_ple_equals_gl(HL)


@pytest.mark.workers
def test_real_workers_do_what_is_enqueued_and_can_be_killed(workers):
	from frappe.utils.background_jobs import get_queue

	[one] = workers(1)
	frappe.enqueue(
		"frappe.client.insert", doc={"doctype": "ToDo", "description": "By a worker"}, queue="long"
	)
	eventually(lambda: frappe.db.exists("ToDo", {"description": "By a worker"}))
	eventually(lambda: not one.horse)  # a moment after its commit it still lives

	get_queue("short").enqueue("time.sleep", 60)
	horse = eventually(lambda: one.horse)
	one.kill()
	assert not one.alive
	assert birth(horse) is None


def test_a_session_over_http(web):
	assert (
		web.session(MANAGER).get(f"{web.url}/api/method/frappe.auth.get_logged_user").json()["message"]
		== MANAGER
	)
	answer = web.session(OUTSIDER).get(f"{web.url}/api/resource/GL Entry")
	assert answer.status_code == 403
