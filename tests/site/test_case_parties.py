"""Customers and accounts that are disabled, frozen or internal (cases C09, C10, C26, C35)."""

from __future__ import annotations

from typing import Any

import frappe
import pytest

from tests.site import ledger_checks, run_helpers
from tests.site.factories import (
	HL,
	MANAGER,
	NW,
	PREPARER,
	account,
	as_user,
	customer,
	invoice,
	journal,
	line,
	outstanding,
	payment,
	setting,
)
from tests.site.posting_checks import post_and_check, undo_and_check

FIRST = "2026-01-15"


def reason(run: Any, voucher: Any) -> tuple[str, str, str]:
	row = run_helpers.items(run)[voucher.name]
	return row.reason_code, row.reason_doctype, row.reason_name


def change_account(name: str, **values: Any) -> str:
	frappe.db.set_value("Account", name, values)
	frappe.clear_document_cache("Account", name)
	return name


def frozen_accounts_role(role: str) -> None:
	"""The role that may post to frozen accounts and for frozen customers. (In Company on v16.)"""
	if frappe.get_meta("Company").has_field("role_allowed_for_frozen_entries"):
		frappe.db.set_value("Company", HL, "role_allowed_for_frozen_entries", role)
		frappe.clear_document_cache("Company", HL)
	else:
		setting("Accounts Settings", frozen_accounts_modifier=role)


# C09


@pytest.mark.parametrize(
	("values", "code"),
	[({"disabled": 1}, "account_disabled"), ({"freeze_account": "Yes"}, "account_frozen")],
)
def test_c09_receivable_account_disabled_or_frozen(values, code):
	"""For an invoice, a journal entry and a credit; said at the search, with the link to the account."""
	run_helpers.settings(
		credit_write_off_account=account("Credit Balances Written Off"), customer_credits="Ignore"
	)
	old = account("Other Debtors")
	bill, fine = invoice("Anchor Cafe", 9, FIRST, debit_to=old), invoice("Elm School", 8, FIRST)
	entry = journal(line("Other Debtors", 7, party="Elm School"), line("Sales", credit=7), posting_date=FIRST)
	credit = payment("Dover Council", 5, FIRST, paid_from=old)
	run = run_helpers.run()
	assert reason(run, bill)[0] == ""
	change_account(old, **values)
	assert run.preview_entries()["skipped_count"] == 2, "the preview names those found before"
	run = run_helpers.run()
	assert reason(run, bill) == reason(run, entry) == (code, "Account", old)
	assert old in run_helpers.items(run)[bill.name].message
	assert reason(run_helpers.run(balance_type="Credit"), credit) == (code, "Account", old)
	assert run.preview_entries()["problems"] == []
	post_and_check(run)
	assert set(run_helpers.items(run, status="Posted")) == {fine.name}


def test_c09_disabled_between_approval_and_posting():
	bill = invoice("Anchor Cafe", 9, FIRST, debit_to=account("Other Debtors"))
	fine = invoice("Elm School", 8, FIRST)
	run = run_helpers.run()
	with run_helpers.approved(run):
		change_account(account("Other Debtors"), disabled=1)
	row = run_helpers.items(run)[bill.name]
	assert (row.status, row.reason_code) == ("Skipped", "account_disabled")
	assert outstanding(fine) == 0 and outstanding(bill) == 9


def test_c09_offset_account_frozen():
	"""A disabled one is refused at the field of the run."""
	bill = invoice("Anchor Cafe", 9, FIRST)
	run = run_helpers.run(find=False)
	change_account(account("Write Off"), disabled=1)
	run.find_invoices()
	assert reason(run, bill) == ("account_disabled", "Account", account("Write Off"))


def test_c09_frozen_account_and_a_user_who_may_post_to_it():
	bill = invoice("Anchor Cafe", 9, FIRST, debit_to=account("Other Debtors"))
	change_account(account("Other Debtors"), freeze_account="Yes")
	frozen_accounts_role("Accounts Manager")
	assert reason(run_helpers.run(user=PREPARER), bill)[0] == "account_frozen"
	run = run_helpers.run()
	assert reason(run, bill)[0] == ""
	post_and_check(run)
	assert outstanding(bill) == 0


# C10


def test_c10_disabled_customers_are_included_if_the_settings_say_so():
	"""Invoice and credit; row by row and fast; with undo and reinstatement as before."""
	run_helpers.settings(
		credit_write_off_account=account("Credit Balances Written Off"), include_disabled_customers=1
	)
	gone, bill, credit = "Anchor Cafe", invoice("Anchor Cafe", 9, FIRST), payment("Dover Council", 5, FIRST)
	for name in (gone, "Dover Council"):
		frappe.db.set_value("Customer", name, "disabled", 1)
		frappe.clear_document_cache("Customer", name)
	start = ledger_checks.snapshot(HL)
	for fast in (1, 0):
		run_helpers.settings(fast_posting=fast)
		for balance_type, voucher in (("Debit", bill), ("Credit", credit)):
			run = run_helpers.run(balance_type=balance_type)
			assert reason(run, voucher) == ("", "", "")
			assert run.preview_entries()["problems"] == []
			post_and_check(run)
			assert run_helpers.items(run)[voucher.name].status == "Posted"
			undo_and_check(run, start)


def test_c10_a_frozen_customer_is_not_let_through_with_the_disabled_ones():
	run_helpers.settings(include_disabled_customers=1)
	bill, gone = invoice("Anchor Cafe", 9, FIRST), invoice("Elm School", 8, FIRST)
	run = run_helpers.run()
	frappe.db.set_value("Customer", "Elm School", "disabled", 1)
	frappe.db.set_value("Customer", "Anchor Cafe", "is_frozen", 1)
	assert reason(run_helpers.run(), bill) == ("customer_frozen", "Customer", "Anchor Cafe")
	post_and_check(run)
	assert run_helpers.items(run)[bill.name].reason_code == "customer_frozen"
	assert outstanding(gone) == 0


def test_c10_the_setting_is_a_term_of_the_approval():
	run_helpers.settings(include_disabled_customers=1)
	bill = invoice("Anchor Cafe", 9, FIRST)
	frappe.db.set_value("Customer", "Anchor Cafe", "disabled", 1)
	run = run_helpers.run()
	with run_helpers.approved(run):
		run_helpers.settings(include_disabled_customers=0)
	assert outstanding(bill) == 0


# C26


def internal_customer() -> str:
	return customer(
		"Nordwind of the Group",
		is_internal_customer=1,
		represents_company=NW,
		companies=[{"company": HL}],
	)


def test_c26_an_internal_customer_is_left_out_with_its_company_named():
	name = internal_customer()
	bill = invoice(name, 9, FIRST)
	entry = journal(line("Debtors", 7, party=name), line("Sales", credit=7), posting_date=FIRST)
	run = run_helpers.run()
	assert reason(run, bill) == reason(run, entry) == ("internal_customer", "Customer", name)
	assert NW in run_helpers.items(run)[bill.name].message
	run_helpers.settings(include_internal_customers=1)
	run = run_helpers.run()
	assert reason(run, bill)[0] == reason(run, entry)[0] == ""
	post_and_check(run)
	assert outstanding(bill) == 0


def test_c26_an_inter_company_voucher_of_a_customer_that_is_internal_no_longer():
	name = internal_customer()
	bill = invoice(name, 9, FIRST)
	entry = journal(line("Debtors", 7, party="Elm School"), line("Sales", credit=7), posting_date=FIRST)
	frappe.db.set_value("Customer", name, {"is_internal_customer": 0, "represents_company": None})
	frappe.db.set_value("Journal Entry", entry.name, "inter_company_journal_entry_reference", "ACC-JV-OTHER")
	run = run_helpers.run()
	assert reason(run, bill) == ("internal_voucher", "Sales Invoice", bill.name)
	assert reason(run, entry) == ("internal_voucher", "Journal Entry", entry.name)


# C35


def test_c35_a_frozen_customer_and_a_user_who_may_post_for_it():
	bill = invoice("Anchor Cafe", 9, FIRST)
	frappe.db.set_value("Customer", "Anchor Cafe", "is_frozen", 1)
	frappe.clear_document_cache("Customer", "Anchor Cafe")
	assert reason(run_helpers.run(), bill)[0] == "customer_frozen"
	frozen_accounts_role("Accounts Manager")
	assert reason(run_helpers.run(user=PREPARER), bill)[0] == "customer_frozen"
	start = ledger_checks.snapshot(HL)
	run = run_helpers.run()
	assert reason(run, bill)[0] == ""
	post_and_check(run)
	assert outstanding(bill) == 0
	with as_user(MANAGER):
		undo_and_check(run, start)
