"""Balances that are not due, large and worthless foreign balances, and charges (cases C20, C31, C32, C36)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import frappe
import pytest
from erpnext.controllers.status_updater import StatusUpdater

from ar_writeoff.posting import proof
from ar_writeoff.search import eligibility_data
from tests.site import ledger_checks, run_helpers
from tests.site.balance_kinds import dunning
from tests.site.db_snapshot import clear_data_caches
from tests.site.factories import (
	HL,
	MANAGER,
	TODAY,
	account,
	as_user,
	customer,
	invoice,
	journal,
	line,
	outstanding,
	pay,
)
from tests.site.posting_checks import post_and_check, undo_and_check
from tests.site.test_balance_kinds import account_in

FIRST = "2026-01-15"


# C20


def test_c20_balances_that_are_not_due_are_counted():
	invoice("Anchor Cafe", 5, TODAY, due_date="2026-09-30")
	invoice("Anchor Cafe", 6, TODAY, due_date="2026-07-01")
	invoice("Anchor Cafe", 7, "2026-05-31", due_date=TODAY)
	invoice("Elm School", 8, FIRST)
	run = run_helpers.run()
	assert run.selected_count == 4
	with as_user(MANAGER):
		assert run.get_summary()["not_due"] == {"count": 2, "base_amount": 11}
		[note] = run.preview_entries()["notes"]
	assert "2" in note and "11.00" in note
	run = run_helpers.run(minimum_age_days=1)
	with as_user(MANAGER):
		assert run.get_summary()["not_due"]["count"] == 0
		assert run.preview_entries()["notes"] == []


# C31 and C32

RATE = 0.000061239


def rupiah_customer() -> tuple[str, str]:
	frappe.db.set_value("Currency", "IDR", "enabled", 1)
	name = account_in("IDR")
	if not frappe.db.exists("Account", account("House Bank IDR")):
		bank = frappe.new_doc("Account")
		bank.update(
			{
				"account_name": "House Bank IDR",
				"parent_account": account("Bank Accounts"),
				"company": HL,
				"account_type": "Bank",
				"account_currency": "IDR",
			}
		)
		bank.insert()
	return customer("Toko Laut", default_currency="IDR"), name


def large_balance() -> Any:
	"""51,234,567.00 IDR carried at 3,137.53 USD, which no rate with nine decimals gives."""
	name, on = rupiah_customer()
	bill = invoice(name, 51_234_567, FIRST, currency="IDR", rate=RATE, debit_to=on)
	for doctype, field in (("Payment Ledger Entry", "amount"), ("GL Entry", "debit")):
		frappe.db.set_value(doctype, {"voucher_no": bill.name, "account": on}, field, 3137.53)
	frappe.db.set_value("GL Entry", {"voucher_no": bill.name, "account": ("!=", on)}, "credit", 3137.53)
	frappe.db.set_value(
		"GL Entry", {"voucher_no": bill.name, "account": ("!=", on)}, "credit_in_account_currency", 3137.53
	)
	return bill


@pytest.mark.parametrize("fast", [1, 0])
def test_c31_a_large_balance_in_small_units_is_cleared_with_two_rows(fast):
	run_helpers.settings(fast_posting=fast)
	bill = large_balance()
	start = ledger_checks.snapshot(HL)
	run = run_helpers.run()
	assert run.preview_entries()["problems"] == []
	post_and_check(run)
	assert outstanding(bill) == 0
	[entry] = run_helpers.entries(run)
	table = ledger_checks.gl_table(entry).splitlines()
	assert "3137.53 (IDR 51234567.00)" in table[-1] and "3137.53" in table[1]
	assert frappe.db.count("Journal Entry Account", {"parent": entry}) == 3
	undo_and_check(run, start)


def test_c31_a_part_of_a_large_balance_is_reinstated():
	bill = large_balance()
	run = post_and_check(run_helpers.run())
	item = run_helpers.items(run)[bill.name]
	with as_user(MANAGER):
		run.reinstate([item.name], [40_123_457], TODAY)
	assert outstanding(bill) == 40_123_457
	ledger_checks.assert_debits_equal_credits(HL)
	ledger_checks.assert_ple_equals_gl(HL)


def test_c32_a_residue_worth_nothing_has_a_true_reason():
	name, on = rupiah_customer()
	bill = invoice(name, 1_000_050, FIRST, currency="IDR", rate=RATE, debit_to=on)
	pay(bill, 1_000_000, "2026-02-01", rate=RATE)
	row = run_helpers.items(run_helpers.run())[bill.name]
	assert (row.outstanding_amount, row.base_outstanding_amount) == (50, 0)
	assert row.reason_code == "worth_nothing" and "50.00 IDR" in row.message


# C36


@pytest.mark.parametrize("fast", [1, 0])
def test_c36_the_charge_of_a_dunning_is_written_off(fast):
	run_helpers.settings(fast_posting=fast)
	bill = invoice("Anchor Cafe", 9, FIRST)
	doc = dunning(bill)
	charge(doc)
	start = ledger_checks.snapshot(HL)
	run = run_helpers.run()
	row = run_helpers.items(run)[doc.name]
	assert (row.status, row.outstanding_amount, row.voucher_type) == ("Open", 2.5, "Dunning")
	assert run.preview_entries()["problems"] == []
	post_and_check(run)
	assert run.status == "Posted"
	undo_and_check(run, start)
	again = post_and_check(run_helpers.run())
	with as_user(MANAGER):
		again.reverse(TODAY, dated=1)
	assert [row.status for row in run_helpers.items(again, voucher_no=doc.name).values()] == ["Reversed"]
	ledger_checks.assert_ple_equals_gl(HL)


def charge(doc: Any, amount: float = 2.5) -> None:
	"""Ledger rows of a dunning charge, as earlier releases posted them: like those of a journal entry."""
	entry = journal(
		line("Debtors", amount, party=doc.customer), line("Sales", credit=amount), posting_date=FIRST
	)
	own = {"voucher_type": doc.doctype, "voucher_no": doc.name}
	frappe.db.set_value("GL Entry", {"voucher_no": entry.name}, own)
	frappe.db.set_value(
		"Payment Ledger Entry",
		{"voucher_no": entry.name},
		{**own, "against_voucher_type": doc.doctype, "against_voucher_no": doc.name},
	)
	frappe.db.delete("Journal Entry Account", {"parent": entry.name})
	frappe.db.delete("Journal Entry", {"name": entry.name})


def test_c36_a_charge_of_an_app_that_is_gone():
	doc = dunning(invoice("Anchor Cafe", 9, FIRST))
	charge(doc)
	frappe.db.set_value(
		"Payment Ledger Entry",
		{"voucher_no": doc.name},
		{"voucher_type": "Fees", "against_voucher_type": "Fees"},
	)
	row = run_helpers.items(run_helpers.run())[doc.name]
	assert row.reason_code == "unknown_voucher" and "Fees" in row.message


class StubFees(StatusUpdater):
	"""In place of the controller of an app that has this DocType. ERPNext sets its outstanding amount and status."""


@pytest.fixture
def fees_doctype(site: str) -> Iterator[None]:
	"""The DocType of an app whose vouchers ERPNext lets a Journal Entry settle."""
	fields = [
		("customer", "Link", "Customer"),
		("company", "Link", "Company"),
		("posting_date", "Date", ""),
		("outstanding_amount", "Currency", ""),
		("status", "Data", ""),
	]
	doctype = frappe.get_doc(
		{
			"doctype": "DocType",
			"name": "Fees",
			"module": "Accounts",
			"custom": 1,
			"is_submittable": 1,
			"fields": [
				{"fieldname": name, "fieldtype": kind, "options": options, "label": name}
				for name, kind, options in fields
			],
			"permissions": [{"role": "Accounts Manager", "read": 1, "write": 1, "create": 1, "submit": 1}],
		}
	).insert()
	frappe.controllers[site]["Fees"] = StubFees
	clear_data_caches()
	yield
	frappe.db.rollback()
	frappe.controllers[site].pop("Fees", None)
	frappe.delete_doc("DocType", doctype.name, force=True)
	frappe.db.sql_ddl("DROP TABLE IF EXISTS `tabFees`")
	frappe.cache.delete_value("db_tables")
	frappe.db.commit()


def fees(name: str, amount: float) -> Any:
	doc = frappe.new_doc("Fees")
	doc.update(
		{"customer": name, "company": HL, "posting_date": FIRST, "outstanding_amount": amount, "docstatus": 1}
	)
	doc.insert(ignore_permissions=True)
	charge(doc, amount)
	return doc


@pytest.mark.parametrize("fast", [1, 0])
def test_c36_fees_of_an_app_are_written_off(fees_doctype, fast, monkeypatch):
	run_helpers.settings(fast_posting=fast)
	monkeypatch.setattr(proof, "MIN_SIZE", 1)
	owed, other = fees("Anchor Cafe", 40), fees("Elm School", 7.5)
	bill = invoice("Anchor Cafe", 9, FIRST)
	start = ledger_checks.snapshot(HL)
	of_kind = run_helpers.run(voucher_kind="Fees")
	assert run_helpers.items(of_kind).keys() == {owed.name, other.name}
	of_kind.delete()

	run = run_helpers.run()
	row = run_helpers.items(run)[owed.name]
	assert (row.status, row.outstanding_amount, row.voucher_type) == ("Open", 40, "Fees")
	assert run_helpers.items(run).keys() == {owed.name, other.name, bill.name}
	assert run.preview_entries()["problems"] == []
	post_and_check(run)
	assert run.status == "Posted"
	[entry] = run_helpers.entries(run)
	assert (
		ledger_checks.gl_table(entry)
		== f"""\
account        | party       | cost center | debit | credit | against
Write Off - HL |             | Main - HL   | 56.50 |        |
Debtors - HL   | Anchor Cafe | Main - HL   |       |  40.00 | Fees {owed.name}
Debtors - HL   | Anchor Cafe |             |       |   9.00 | Sales Invoice {bill.name}
Debtors - HL   | Elm School  | Main - HL   |       |   7.50 | Fees {other.name}"""
	)
	assert still_owed(owed, other) == [0, 0]
	undo_and_check(run, start)
	assert still_owed(owed, other) == [40, 7.5]

	again = post_and_check(run_helpers.run(voucher_kind="Fees"))
	with as_user(MANAGER):
		again.reinstate([run_helpers.items(again)[owed.name].name], [15], TODAY)
	assert still_owed(owed, other) == [15, 0]
	ledger_checks.assert_ple_equals_gl(HL)


def still_owed(*vouchers: Any) -> list[float]:
	return [frappe.db.get_value("Fees", one.name, "outstanding_amount") for one in vouchers]


def test_c36_the_voucher_kind_of_an_app_that_is_not_installed():
	with pytest.raises(frappe.ValidationError, match="DocType Fees does not exist"):
		run_helpers.run(voucher_kind="Fees")
	bootinfo = frappe._dict()
	eligibility_data.add_to_boot(bootinfo)
	assert bootinfo.uninstalled_voucher_kinds == ["Fees"]


def test_c36_the_doctype_is_deleted_and_its_table_stays(fees_doctype):
	"""As ERPNext's migrate does with the DocTypes of education."""
	run_helpers.settings(fast_posting=1)
	owed = fees("Anchor Cafe", 40)
	run = run_helpers.run()
	frappe.delete_doc("DocType", "Fees", force=True)
	frappe.db.commit()
	clear_data_caches()
	assert frappe.db.table_exists("Fees")
	assert eligibility_data.uninstalled_types() == ["Fees"]
	row = run_helpers.items(run_helpers.run())[owed.name]
	assert row.reason_code == "unknown_voucher" and "Fees" in row.message
	# A run that was found before.
	run_helpers.post(run)
	row = run_helpers.items(run)[owed.name]
	assert (row.status, row.reason_code) == ("Skipped", "unknown_voucher")
