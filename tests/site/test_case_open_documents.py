"""Drafts, Payment Requests and deferred revenue exclude a balance (cases C13, C18)."""

from __future__ import annotations

from typing import Any

import frappe
import pytest

from ar_writeoff.ledger import covering_index
from tests.site import run_helpers
from tests.site.balance_kinds import order as sales_order
from tests.site.balance_kinds import refund
from tests.site.factories import (
	HL,
	account,
	credit_note,
	invoice,
	journal,
	line,
	outstanding,
	pay,
	payment,
	submitted,
)
from tests.site.posting_checks import post_and_check

FIRST = "2026-01-15"


def reason(run: Any, voucher: Any) -> tuple[str, str, str]:
	row = run_helpers.items(run)[voucher.name]
	return row.reason_code, row.reason_doctype, row.reason_name


# C13


def draft_payment(bill: Any) -> Any:
	from erpnext.accounts.doctype.payment_entry.payment_entry import get_payment_entry

	doc = get_payment_entry("Sales Invoice", bill.name, bank_account=account("House Bank"))
	doc.update({"reference_no": "BANK", "reference_date": FIRST, "posting_date": FIRST})
	return doc.insert()


def draft_journal(bill: Any, debit: float = 0, credit: float = 9) -> Any:
	doc = frappe.new_doc("Journal Entry")
	doc.update({"voucher_type": "Journal Entry", "company": HL, "posting_date": FIRST})
	doc.extend(
		"accounts",
		[
			line("Debtors", debit, credit, party=bill.customer, against=None if debit else bill),
			line("House Bank", credit, debit),
		],
	)
	return doc.insert()


def draft_return(bill: Any) -> Any:
	from erpnext.controllers.sales_and_purchase_return import make_return_doc

	doc = make_return_doc("Sales Invoice", bill.name)
	doc.update(
		{
			"posting_date": FIRST,
			"posting_time": "13:00:00",
			"set_posting_time": 1,
			"update_outstanding_for_self": 0,
		}
	)
	return doc.insert()


def payment_request(bill: Any) -> Any:
	from erpnext.accounts.doctype.payment_request.payment_request import make_payment_request

	doc = frappe.get_doc(
		make_payment_request(
			dt=bill.doctype,
			dn=bill.name,
			recipient_id="cafe@example.com",
			party_type="Customer",
			party=bill.customer,
			mute_email=1,
			submit_doc=0,
			return_doc=1,
		)
	)
	doc.mute_email = 1
	doc.submit()
	return doc


@pytest.mark.parametrize("make", [draft_payment, draft_journal, draft_return])
def test_c13_a_draft_would_settle_it(make):
	bill, other = invoice("Anchor Cafe", 9, FIRST), invoice("Anchor Cafe", 8, FIRST)
	run = run_helpers.run()
	draft = make(bill)
	assert run.preview_entries()["skipped_count"] == 1, "made since the search"
	run = run_helpers.run()
	assert reason(run, bill) == ("draft_settles", draft.doctype, draft.name)
	assert draft.name in run_helpers.items(run)[bill.name].message
	assert reason(run, other)[0] == ""
	post_and_check(run)
	draft.delete()
	assert reason(run_helpers.run(), bill)[0] == ""


def test_c13_a_draft_made_after_the_approval_stops_the_item():
	bill = invoice("Anchor Cafe", 9, FIRST)
	run = run_helpers.run()
	with run_helpers.approved(run):
		draft = draft_payment(bill)
	assert run_helpers.items(run)[bill.name].reason_code == "draft_settles"
	draft.submit()
	assert outstanding(bill) == 0


def test_c13_a_payment_request_is_open():
	bill = invoice("Anchor Cafe", 9, FIRST)
	request = payment_request(bill)
	run = run_helpers.run()
	assert reason(run, bill) == ("payment_requested", "Payment Request", request.name)
	request.reload().cancel()
	assert reason(run_helpers.run(), bill)[0] == ""


def test_c13_a_draft_refund_of_a_credit_note():
	run_helpers.settings(
		credit_write_off_account=account("Credit Balances Written Off"), customer_credits="Ignore"
	)
	note = invoice("Anchor Cafe", 9, FIRST, is_return=True)
	doc = frappe.new_doc("Journal Entry")
	doc.update({"voucher_type": "Journal Entry", "company": HL, "posting_date": FIRST})
	doc.extend(
		"accounts",
		[line("Debtors", 9, party="Anchor Cafe", against=note), line("House Bank", credit=9)],
	)
	doc.insert()
	assert reason(run_helpers.run(balance_type="Credit"), note)[:2] == ("draft_settles", "Journal Entry")


@pytest.mark.parametrize("kind", ["Payment Entry", "Journal Entry"])
def test_c13_a_draft_invoice_takes_the_credit(kind):
	"""Also if the credit is to be set off first."""
	run_helpers.settings(
		credit_write_off_account=account("Credit Balances Written Off"), customer_credits="Net First"
	)
	other = payment("Elm School", 9, FIRST)
	if kind == "Payment Entry":
		credit = payment("Anchor Cafe", 9, FIRST)
	else:
		credit = journal(line("Debtors", credit=9, party="Anchor Cafe"), line("House Bank", 9))
	bill = invoice("Anchor Cafe", 10, FIRST)
	advance = {
		"reference_type": kind,
		"reference_name": credit.name,
		"reference_row": credit.accounts[0].name if kind == "Journal Entry" else None,
		"advance_amount": 9,
		"allocated_amount": 9,
		"ref_exchange_rate": 1,
	}
	draft = invoice("Anchor Cafe", 100, FIRST, submit=False, advances=[advance])
	run = run_helpers.run()
	assert reason(run, bill)[0] == "credit_available"
	pay(bill, 10, FIRST)
	run = run_helpers.run(balance_type="Credit")
	assert reason(run, credit) == ("draft_settles", "Sales Invoice", draft.name)
	assert reason(run, other)[0] == ""
	draft.delete()
	assert reason(run_helpers.run(balance_type="Credit"), credit)[0] == ""


def draft_like(doc: Any) -> Any:
	"""A copy of a voucher of another customer, not inserted, for Anchor Cafe."""
	draft = frappe.copy_doc(doc)
	for one in (draft, *draft.get_all_children()):
		one.docstatus = 0
		if one.get("party"):
			one.party = "Anchor Cafe"
	return draft


def draft_on_account(amount: float = 50) -> Any:
	return draft_like(payment("Elm School", amount, FIRST)).insert()


def draft_journal_on_account() -> Any:
	doc = journal(line("Debtors", credit=50, party="Elm School"), line("House Bank", 50))
	return draft_like(doc).insert()


def draft_credit_note_of_its_own() -> Any:
	return invoice("Anchor Cafe", 50, FIRST, is_return=True, submit=False)


def draft_advance_on_an_order() -> Any:
	doc = draft_like(payment("Elm School", 50, FIRST))
	of = sales_order("Anchor Cafe", 100)
	doc.append(
		"references",
		{"reference_doctype": "Sales Order", "reference_name": of.name, "allocated_amount": 50},
	)
	return doc.insert()


@pytest.mark.parametrize(
	"make",
	[draft_on_account, draft_journal_on_account, draft_credit_note_of_its_own, draft_advance_on_an_order],
)
def test_c13_a_draft_on_account_may_settle_it(make):
	bill, other = invoice("Anchor Cafe", 9, FIRST), invoice("Breakwater Bar", 8, FIRST)
	run = run_helpers.run()
	draft = make()
	assert run.preview_entries()["skipped_count"] == 1, "made since the search"
	run = run_helpers.run(customers=[{"customer": "Anchor Cafe"}, {"customer": "Breakwater Bar"}])
	assert reason(run, bill) == ("draft_of_customer", draft.doctype, draft.name)
	message = run_helpers.items(run)[bill.name].message
	assert draft.name in message and "50.00 USD" in message
	assert reason(run, other)[0] == ""
	post_and_check(run)
	draft.delete()
	assert reason(run_helpers.run(), bill)[0] == ""


def test_c13_drafts_count_as_the_settings_let_credits_count():
	bill = invoice("Anchor Cafe", 9, FIRST)
	draft = draft_on_account(0.5)
	for values, code in (
		({"customer_credits": "Leave Out"}, "draft_of_customer"),
		({"customer_credits": "Net First"}, "draft_of_customer"),
		({"customer_credits": "Ignore"}, ""),
		({"customer_credits": "Leave Out", "credit_threshold": 0.5}, ""),
	):
		run_helpers.settings(**values)
		assert reason(run_helpers.run(), bill)[0] == code, values
	payment("Anchor Cafe", 0.01, FIRST)
	assert reason(run_helpers.run(), bill)[0] == "credit_available", "together they are over the threshold"
	draft.delete()
	assert reason(run_helpers.run(), bill)[0] == ""


def test_c13_a_draft_refund_without_a_reference_may_settle_a_credit():
	run_helpers.settings(credit_write_off_account=account("Credit Balances Written Off"))
	credit = payment("Anchor Cafe", 9, FIRST)
	run = run_helpers.run(balance_type="Credit")
	assert reason(run, credit)[0] == ""
	draft = draft_like(refund("Elm School", 9)).insert()
	assert reason(run_helpers.run(balance_type="Credit"), credit) == (
		"draft_of_customer",
		"Payment Entry",
		draft.name,
	)


def test_c13_drafts_of_a_large_table_are_found_with_an_index_only(monkeypatch):
	bill = invoice("Anchor Cafe", 9, FIRST)
	draft_on_account()
	monkeypatch.setattr(covering_index, "SMALL", -1)
	covering_index.drop()
	try:
		assert reason(run_helpers.run(), bill)[0] == ""
	finally:
		covering_index.create()
	assert reason(run_helpers.run(), bill)[0] == "draft_of_customer"


def test_c13_a_payment_request_on_the_order_of_the_invoice():
	from erpnext.selling.doctype.sales_order.sales_order import make_sales_invoice

	order = sales_order("Anchor Cafe", 9)
	request = payment_request(order)
	bill = make_sales_invoice(order.name)
	bill.update({"posting_date": FIRST, "set_posting_time": 1, "due_date": FIRST})
	submitted(bill)
	other = invoice("Anchor Cafe", 8, FIRST)
	for cancels in (0, 1):
		run_helpers.settings(cancel_payment_requests=cancels)
		run = run_helpers.run()
		assert reason(run, bill) == ("order_payment_requested", "Payment Request", request.name)
		assert order.name in run_helpers.items(run)[bill.name].message
		assert reason(run, other)[0] == ""
	request.reload().cancel()
	assert reason(run_helpers.run(), bill)[0] == ""


def test_c13_a_draft_of_the_same_entry_for_another_customer_does_not_count():
	entry = journal(
		line("Debtors", 9, party="Anchor Cafe"),
		line("Debtors", 8, party="Elm School"),
		line("Sales", credit=17),
		posting_date=FIRST,
	)
	doc = frappe.new_doc("Journal Entry")
	doc.update({"voucher_type": "Journal Entry", "company": HL, "posting_date": FIRST})
	doc.extend(
		"accounts",
		[line("Debtors", credit=9, party="Anchor Cafe", against=entry), line("House Bank", 9)],
	)
	doc.insert()
	rows = frappe.get_all("Write-Off Run Item", {"run": run_helpers.run().name}, ["customer", "reason_code"])
	assert {row.customer: row.reason_code or "" for row in rows} == {
		"Anchor Cafe": "draft_settles",
		"Elm School": "",
	}


# C18


def deferred_invoice(amount: float = 120, **fields: Any) -> Any:
	name = account("Deferred Revenue")
	if not frappe.db.exists("Account", name):
		frappe.get_doc(
			{
				"doctype": "Account",
				"account_name": "Deferred Revenue",
				"parent_account": account("Current Liabilities"),
				"company": HL,
			}
		).insert()
	doc = invoice("Anchor Cafe", amount, "2026-01-01", submit=False, **fields)
	doc.items[0].update(
		{
			"enable_deferred_revenue": 1,
			"deferred_revenue_account": name,
			"service_start_date": "2026-01-01",
			"service_end_date": "2026-12-31",
		}
	)
	doc.save()
	doc.submit()
	return doc


def recognise(until: str) -> None:
	submitted(
		frappe.get_doc(
			{
				"doctype": "Process Deferred Accounting",
				"company": HL,
				"type": "Income",
				"account": account("Deferred Revenue"),
				"posting_date": until,
				"start_date": "2026-01-01",
				"end_date": until,
			}
		)
	)


@pytest.mark.parametrize("through_journals", [0, 1])
def test_c18_deferred_revenue_is_still_to_come(through_journals):
	frappe.db.set_single_value(
		"Accounts Settings", "book_deferred_entries_via_journal_entry", through_journals
	)
	frappe.db.set_single_value("Accounts Settings", "submit_journal_entries", 1)
	frappe.db.set_single_value("Accounts Settings", "book_deferred_entries_based_on", "Months")
	bill = deferred_invoice()
	run = run_helpers.run()
	assert reason(run, bill) == ("deferred_revenue", "Sales Invoice", bill.name)
	assert "120.00 USD" in run_helpers.items(run)[bill.name].message
	recognise("2026-06-30")
	assert "60.00 USD" in run_helpers.items(run_helpers.run())[bill.name].message
	recognise("2026-12-31")
	run = run_helpers.run(cutoff_date="2026-12-31", posting_date="2026-12-31")
	assert reason(run, bill)[0] == ""


def test_c18_a_credit_note_leaves_the_deferred_revenue():
	"""ERPNext books the return to income, so all of it is still to come."""
	bill = deferred_invoice()
	credit_note(bill, 30)
	assert "120.00 USD" in run_helpers.items(run_helpers.run())[bill.name].message
