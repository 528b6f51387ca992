"""Credits of a customer on any receivable account, small credits, and the reasons that name them (cases C01, C21)."""

from __future__ import annotations

import json

import frappe
import pytest

from ar_writeoff.patches import credits_by_account
from ar_writeoff.search.from_invoices import write_off_invoices
from tests.site import ledger_checks, run_helpers
from tests.site.balance_kinds import order_advance, separate_advance
from tests.site.factories import (
	HL,
	MANAGER,
	account,
	as_user,
	credit_note,
	discount,
	invoice,
	journal,
	line,
	payment,
)
from tests.site.posting_checks import post_and_check, undo_and_check

FIRST = "2026-01-15"


@pytest.fixture(autouse=True)
def accounts(site: str) -> None:
	run_helpers.settings(credit_write_off_account=account("Credit Balances Written Off"))


def result(run, voucher) -> tuple[str, str]:
	row = run_helpers.items(run)[voucher.name]
	assert (row.status == "Excluded") == bool(row.reason_code)
	return row.reason_code, row.message


CREDITS = {
	"payment on an advance account": lambda: separate_advance("Anchor Cafe", 50),
	"payment on another debtors account": lambda: payment(
		"Anchor Cafe", 50, FIRST, paid_from=account("Other Debtors")
	),
	"journal entry on another account": lambda: journal(
		line("Other Debtors", credit=50, party="Anchor Cafe", is_advance="Yes"), line("House Bank", 50)
	),
	"credit note on another account": lambda: invoice(
		"Anchor Cafe", 50, FIRST, is_return=True, debit_to=account("Other Debtors")
	),
	"advance on an order": lambda: order_advance("Anchor Cafe", 50),
}


@pytest.mark.parametrize("kind", CREDITS)
def test_c01_a_credit_on_any_account_is_named(kind):
	bill, other = invoice("Anchor Cafe", 9, FIRST), invoice("Elm School", 9, FIRST)
	CREDITS[kind]()
	run = run_helpers.run()
	code, message = result(run, bill)
	assert code == "credit_available"
	on = {"payment on an advance account": "Customer Advances", "advance on an order": "Debtors"}
	assert f"50.00 USD on {account(on.get(kind, 'Other Debtors'))}" in message
	assert result(run, other) == ("", "")


def test_c01_leave_out_and_deduct_look_at_the_same_credits_whatever_the_criteria():
	bill = invoice("Anchor Cafe", 9, FIRST)
	payment("Anchor Cafe", 5, FIRST, paid_from=account("Other Debtors"))
	for criteria in ({}, {"receivable_account": account("Debtors")}, {"currency": "USD"}):
		run_helpers.settings(customer_credits="Leave Out")
		assert result(run_helpers.run(**criteria), bill)[0] == "credit_available"
		run_helpers.settings(customer_credits="Deduct")
		assert (
			result(run_helpers.run(max_customer_amount=3.99, **criteria), bill)[0] == "customer_over_maximum"
		)
		assert result(run_helpers.run(max_customer_amount=4, **criteria), bill)[0] == ""


def test_c01_money_that_came_in_on_another_account_since_the_approval():
	bill = invoice("Anchor Cafe", 9, FIRST)
	run = run_helpers.run()
	payment("Anchor Cafe", 9, paid_from=account("Other Debtors"))
	assert run.preview_entries()["skipped_count"] == 1
	post_and_check(run)
	assert run_helpers.items(run)[bill.name].status == "Skipped"
	assert result_of_skipped(run, bill) == "credit_available"


def test_c01_a_credit_note_since_the_approval_and_from_the_invoice():
	"""Credit notes count in all ways in, as payments do."""
	bill, other = invoice("Anchor Cafe", 9, FIRST), invoice("Elm School", 9, FIRST)
	run = run_helpers.run()
	invoice("Anchor Cafe", 50, FIRST, is_return=True)
	assert run.preview_entries()["skipped_count"] == 1
	post_and_check(run)
	row = run_helpers.items(run)[bill.name]
	assert (row.status, row.reason_code) == ("Skipped", "credit_available")
	assert f"50.00 USD on {account('Debtors')}" in row.message
	assert run_helpers.items(run)[other.name].status == "Posted"
	with as_user(MANAGER):
		result = write_off_invoices([bill.name])
	assert result["added"] == 0 and "50.00 USD" in result["left_out"][0]["message"]


def test_a_skipped_balance_has_the_link_to_what_mends_it():
	bill, held = invoice("Anchor Cafe", 9, FIRST), invoice("Elm School", 9, FIRST)
	run = run_helpers.run()
	payment("Anchor Cafe", 9)
	frappe.db.set_value("Customer", "Elm School", "disabled", 1)
	post_and_check(run)
	links = {
		name: (row.status, row.reason_doctype, row.reason_name)
		for name, row in run_helpers.items(run).items()
	}
	assert links == {
		bill.name: ("Skipped", "Payment Reconciliation", "Payment Reconciliation"),
		held.name: ("Skipped", "Customer", "Elm School"),
	}


def result_of_skipped(run, voucher) -> str:
	return run_helpers.items(run)[voucher.name].reason_code


def test_c01_open_invoices_on_another_account_leave_a_credit_out():
	invoice("Anchor Cafe", 9, FIRST, debit_to=account("Other Debtors"))
	credit = payment("Anchor Cafe", 5, FIRST)
	code, message = result(run_helpers.run(balance_type="Credit"), credit)
	assert code == "invoices_open" and f"9.00 USD on {account('Other Debtors')}" in message


def test_c01_a_discounted_invoice_is_no_credit():
	"""Invoice Discounting moves the balance with a negative row on the first account."""
	discounted, bill = invoice("Anchor Cafe", 70, FIRST), invoice("Anchor Cafe", 9, FIRST)
	discount(discounted, posting_date="2026-02-06")
	run = run_helpers.run()
	assert result(run, bill) == ("", "")
	assert result(run, discounted)[0] == "discounted"


def test_c21_a_credit_up_to_the_threshold_blocks_nothing_on_either_side():
	bill = invoice("Anchor Cafe", 9, FIRST)
	credit = payment("Anchor Cafe", 0.01, FIRST)
	assert "0.01 USD" in result(run_helpers.run(), bill)[1]
	run_helpers.settings(credit_threshold=0.01)
	start = ledger_checks.snapshot(HL)
	run = run_helpers.run()
	assert result(run, bill) == ("", "")
	post_and_check(run)
	undo_and_check(run, start)
	credits = run_helpers.run(balance_type="Credit")
	assert result(credits, credit) == ("", "")
	post_and_check(credits)
	credit_note(invoice("Anchor Cafe", 9, FIRST), 0.02, update_outstanding_for_self=True)
	again = invoice("Anchor Cafe", 8, FIRST)
	assert result(run_helpers.run(), again)[0] == "credit_available", "all credits of the customer count"


def test_stored_facts_of_one_credit_become_a_list():
	bill = invoice("Anchor Cafe", 9, FIRST)
	payment("Anchor Cafe", 5, FIRST)
	run = run_helpers.run()
	[item] = [row for row in run_helpers.items(run).values() if row.voucher_no == bill.name]
	frappe.db.set_value(
		"Write-Off Run Item", item.name, "reason_facts", json.dumps({"credit": "5.00", "currency": "USD"})
	)
	credits_by_account.execute()
	assert frappe.db.get_value("Write-Off Run Item", item.name, "reason_facts") == '{"credits":"5.00 USD"}'
	[row] = run.get_items(filters={"voucher_no": bill.name})["items"]
	assert "5.00 USD" in row["message"]
