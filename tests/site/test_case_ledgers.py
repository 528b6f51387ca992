"""Invoice, Payment Ledger and General Ledger differ (cases C07, C22, C23, C24)."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import frappe
import pytest
from erpnext.accounts.doctype.repost_payment_ledger import repost_payment_ledger

from ar_writeoff.ledger import covering_index
from ar_writeoff.search.from_invoices import write_off_invoices
from tests.site import ledger_checks, run_helpers
from tests.site.factories import (
	HL,
	MANAGER,
	TODAY,
	account,
	as_user,
	debit_note,
	invoice,
	journal,
	line,
	outstanding,
	pay,
	payment,
	setting,
)
from tests.site.posting_checks import post_and_check, undo_and_check

FIRST = "2026-01-15"

pytestmark = pytest.mark.corrupts_ledgers


def reason(run: Any, voucher: Any) -> tuple[str, str, str]:
	row = run_helpers.items(run)[voucher.name]
	return row.reason_code, row.reason_doctype, row.reason_name


def ledger_rows_of(voucher: Any) -> list[str]:
	return frappe.get_all(
		"Payment Ledger Entry", {"voucher_no": voucher.name}, pluck="name", order_by="name asc"
	)


def copy_rows(doctype: str, voucher: Any, times: int) -> None:
	"""Ledger rows of the voucher, posted again."""
	for row in frappe.get_all(doctype, {"voucher_no": voucher.name}, ["*"], order_by="name asc"):
		for _time in range(times):
			copy = frappe.get_doc({**row, "doctype": doctype, "name": frappe.generate_hash(length=10)})
			copy.db_insert()


# C07


@pytest.mark.parametrize("fast", [1, 0])
def test_c07_a_stale_outstanding_amount_is_updated_before_posting(fast):
	run_helpers.settings(fast_posting=fast)
	paid, part, more = (invoice("Anchor Cafe", amount, FIRST) for amount in (9, 8, 7))
	start = ledger_checks.snapshot(HL)
	for bill, amount in ((paid, 0), (part, 5), (more, 70)):
		frappe.db.set_value("Sales Invoice", bill.name, "outstanding_amount", amount)
	run = run_helpers.run()
	assert run_helpers.items(run)[paid.name].outstanding_amount == 9
	assert run.preview_entries()["problems"] == []
	post_and_check(run)
	assert run.status == "Posted"
	assert [frappe.db.get_value("Sales Invoice", bill.name, "status") for bill in (paid, part, more)] == [
		"Paid"
	] * 3
	undo_and_check(run, start)


def test_c07_from_the_invoice_with_a_stale_outstanding_amount():
	bill = invoice("Anchor Cafe", 9, FIRST)
	run_helpers.settings()
	frappe.db.set_value("Sales Invoice", bill.name, "outstanding_amount", 0)
	with as_user(MANAGER):
		result = write_off_invoices([bill.name])
	assert result["added"] == 1
	run = frappe.get_doc("Write-Off Run", result["run"])
	post_and_check(run)
	assert run.status == "Posted"


def test_c07_a_payment_that_says_less_is_unallocated_than_the_ledger():
	run_helpers.settings(credit_write_off_account=account("Credit Balances Written Off"))
	stale, fine = payment("Anchor Cafe", 9, FIRST), payment("Elm School", 8, FIRST)
	frappe.db.set_value("Payment Entry", stale.name, "unallocated_amount", 0)
	run = run_helpers.run(balance_type="Credit")
	assert reason(run, stale) == ("payment_differs", "Payment Entry", stale.name)
	assert "0.00 USD" in run_helpers.items(run)[stale.name].message
	post_and_check(run)
	assert set(run_helpers.items(run, status="Posted")) == {fine.name}


# C22


def test_c22_ledger_rows_of_an_invoice_that_were_posted_again():
	bill, fine = invoice("Anchor Cafe", 3, FIRST), invoice("Elm School", 8, FIRST)
	found = run_helpers.run()
	copy_rows("Payment Ledger Entry", bill, 2)
	frappe.db.set_value("Sales Invoice", bill.name, "outstanding_amount", 9)
	run = run_helpers.run()
	assert reason(run, bill) == ("ledgers_differ", "Sales Invoice", bill.name)
	message = run_helpers.items(run)[bill.name].message
	assert "9.00 USD" in message and "3.00 USD" in message and bill.name in message
	assert found.preview_entries()["skipped_count"] == 1
	run_helpers.post(run)
	assert set(run_helpers.items(run, status="Posted")) == {fine.name}


def test_c22_ledger_rows_of_a_payment_that_were_posted_again():
	"""The balance is too low: what is left of it would stay in the General Ledger."""
	bill = invoice("Anchor Cafe", 10, FIRST)
	paid = pay(bill, 4, "2026-02-01")
	copy_rows("Payment Ledger Entry", paid, 1)
	assert reason(run_helpers.run(), bill) == ("ledgers_differ", "Payment Entry", paid.name)


def test_c22_ledger_rows_that_are_missing_in_the_general_ledger():
	entry = journal(line("Debtors", 7, party="Elm School"), line("Sales", credit=7), posting_date=FIRST)
	frappe.db.set_value("GL Entry", {"voucher_no": entry.name}, "is_cancelled", 1)
	assert reason(run_helpers.run(), entry) == ("ledgers_differ", "Journal Entry", entry.name)


def test_c22_both_ledgers_have_it_twice():
	bill = invoice("Anchor Cafe", 3, FIRST)
	copy_rows("Payment Ledger Entry", bill, 1)
	copy_rows("GL Entry", bill, 1)
	run = run_helpers.run()
	assert reason(run, bill) == ("more_than_invoiced", "Sales Invoice", bill.name)
	assert "6.00 USD" in run_helpers.items(run)[bill.name].message


def test_c22_both_ledgers_have_a_journal_entry_twice():
	debit = journal(line("Debtors", 7, party="Elm School"), line("Sales", credit=7), posting_date=FIRST)
	both_sides = journal(
		line("Debtors", 9, party="Anchor Cafe"),
		line("Debtors", credit=2, party="Anchor Cafe"),
		line("Sales", credit=7),
		posting_date=FIRST,
	)
	for doctype in ("Payment Ledger Entry", "GL Entry"):
		copy_rows(doctype, debit, 1)
	run = run_helpers.run()
	assert reason(run, debit) == ("payment_differs", "Journal Entry", debit.name)
	message = run_helpers.items(run)[debit.name].message
	assert "7.00 USD" in message and "14.00 USD" in message
	assert reason(run, both_sides)[0] == ""


def test_c22_what_other_vouchers_add_to_an_invoice_is_no_damage():
	"""Interest by Journal Entry against the invoice, a debit note, and a foreign invoice paid at another rate."""
	bill = invoice("Anchor Cafe", 10, FIRST)
	journal(
		line("Debtors", 3, party="Anchor Cafe", against=bill), line("Sales", credit=3), posting_date=FIRST
	)
	note = debit_note(bill, 4)
	foreign = invoice("Helios SARL", 100, FIRST, currency="EUR", rate=1.1)
	pay(foreign, 40, "2026-03-05", rate=1.2)
	in_dollars = invoice("Elm School", 40, FIRST, currency="EUR", rate=1.15)
	run = run_helpers.run()
	assert {reason(run, voucher)[0] for voucher in (bill, note, foreign, in_dollars)} == {""}


# C23


def ledger_amount(bill: Any, amount: str) -> None:
	for name in ledger_rows_of(bill):
		frappe.db.set_value(
			"Payment Ledger Entry", name, {"amount": amount, "amount_in_account_currency": amount}
		)
	frappe.db.set_value("Sales Invoice", bill.name, "outstanding_amount", amount)


@pytest.mark.parametrize("fast", [1, 0])
def test_c23_less_than_a_cent_beside_the_cents(fast):
	run_helpers.settings(fast_posting=fast)
	bills = {amount: invoice("Anchor Cafe", 10, FIRST) for amount in ("10.005", "10.004", "9.996", "9.995")}
	for amount, bill in bills.items():
		ledger_amount(bill, amount)
	run = run_helpers.run()
	items = run_helpers.items(run)
	assert [items[bill.name].write_off_amount for bill in bills.values()] == [10, 10, 10, 9.99]
	run_helpers.post(run)
	assert run.status == "Posted", run_helpers.items(run)
	for bill in bills.values():
		assert frappe.db.get_value("Sales Invoice", bill.name, "status") == "Paid"
		assert abs(Decimal(str(outstanding(bill)))) < Decimal("0.01")


@pytest.mark.parametrize("amount", ["0.004", "0.005"])
def test_c23_less_than_a_cent_alone_is_listed_with_a_way_out(amount):
	bill = invoice("Anchor Cafe", 10, FIRST)
	pay(bill, 10, "2026-02-01")
	frappe.db.set_value("Sales Invoice", bill.name, {"outstanding_amount": amount, "status": "Overdue"})
	[own] = ledger_rows_of(bill)
	left = Decimal(10) + Decimal(amount)
	frappe.db.set_value("Payment Ledger Entry", own, {"amount": left, "amount_in_account_currency": left})
	run = run_helpers.run()
	assert reason(run, bill) == ("stale_outstanding", "Sales Invoice", bill.name)
	assert amount in run_helpers.items(run)[bill.name].message


# C24


def test_c24_invoices_without_rows_in_the_payment_ledger_are_listed():
	bill, fine = invoice("Anchor Cafe", 9, FIRST), invoice("Elm School", 8, FIRST)
	note = invoice("Dover Council", 7, FIRST, is_return=True)
	for voucher in (bill, note):
		frappe.db.delete("Payment Ledger Entry", {"voucher_no": voucher.name})
	for indexed in (True, False):
		(covering_index.create if indexed else covering_index.drop)()
		run = run_helpers.run()
		assert reason(run, bill) == ("no_ledger_rows", "Sales Invoice", bill.name)
		assert set(run_helpers.items(run)) == {bill.name, fine.name}
	covering_index.create()
	assert "9.00 USD" in run_helpers.items(run)[bill.name].message
	assert reason(run_helpers.run(balance_type="Credit"), note)[0] == "no_ledger_rows"
	assert bill.name not in run_helpers.items(run_helpers.run(max_invoice_amount=8))
	assert bill.name not in run_helpers.items(run_helpers.run(cutoff_date="2026-01-14", posting_date=TODAY))
	run_helpers.post(run)
	assert set(run_helpers.items(run, status="Posted")) == {fine.name}


@pytest.mark.parametrize("kind", ["Payment Entry", "Journal Entry"])
def test_c24_a_payment_of_the_invoice_has_no_rows_in_the_payment_ledger(kind):
	"""The outstanding amount is right, and the balance too high by the payment."""
	run_helpers.settings()
	bill, fine = invoice("Anchor Cafe", 9, FIRST), invoice("Elm School", 8, FIRST)
	if kind == "Payment Entry":
		paid = pay(bill, 5, FIRST)
	else:
		paid = journal(line("Debtors", credit=5, party="Anchor Cafe", against=bill), line("House Bank", 5))
	before = run_helpers.run()
	frappe.db.delete("Payment Ledger Entry", {"voucher_no": paid.name})
	run = run_helpers.run()
	assert reason(run, bill) == ("ledgers_differ", kind, paid.name)
	assert "-5.00 USD" in run_helpers.items(run)[bill.name].message
	assert before.preview_entries()["skipped_count"] == 1
	run_helpers.post(run)
	assert set(run_helpers.items(run, status="Posted")) == {fine.name}


def test_c24_from_the_invoice():
	bill = invoice("Anchor Cafe", 9, FIRST)
	run_helpers.settings()
	frappe.db.delete("Payment Ledger Entry", {"voucher_no": bill.name})
	with as_user(MANAGER):
		result = write_off_invoices([bill.name])
	assert result["added"] == 0
	assert "Payment Ledger" in result["left_out"][0]["message"]


def test_c24_an_invoice_that_was_settled_but_says_it_was_not():
	bill = invoice("Anchor Cafe", 9, FIRST)
	pay(bill)
	frappe.db.set_value("Sales Invoice", bill.name, {"outstanding_amount": 9, "status": "Overdue"})
	run = run_helpers.run()
	assert reason(run, bill) == ("stale_outstanding", "Sales Invoice", bill.name)


def unseen_payment() -> Any:
	doc = payment("Anchor Cafe", 50, FIRST)
	frappe.db.delete("Payment Ledger Entry", {"voucher_no": doc.name})
	return doc


def unseen_journal() -> Any:
	doc = journal(line("Debtors", credit=50, party="Anchor Cafe"), line("House Bank", 50), posting_date=FIRST)
	frappe.db.delete("Payment Ledger Entry", {"voucher_no": doc.name})
	return doc


def unseen_credit_note() -> Any:
	doc = invoice("Anchor Cafe", 50, FIRST, is_return=True)
	frappe.db.delete("Payment Ledger Entry", {"voucher_no": doc.name})
	return doc


@pytest.mark.parametrize("make", [unseen_payment, unseen_journal, unseen_credit_note])
def test_c24_a_credit_without_rows_in_the_payment_ledger(make):
	"""It excludes the balances that it may settle, and is listed in a run over credit balances."""
	run_helpers.settings(credit_write_off_account=account("Credit Balances Written Off"))
	bill, fine = invoice("Anchor Cafe", 9, FIRST), invoice("Elm School", 8, FIRST)
	before = run_helpers.run()
	credit = make()
	run = run_helpers.run()
	assert reason(run, bill) == ("not_in_ledger", credit.doctype, credit.name)
	assert "50.00 USD" in run_helpers.items(run)[bill.name].message
	assert before.preview_entries()["skipped_count"] == 1
	assert reason(run, fine)[0] == ""
	pay(bill)
	credits = run_helpers.run(balance_type="Credit", max_invoice_amount=50)
	code = "no_ledger_rows" if credit.doctype == "Sales Invoice" else "credit_without_ledger_rows"
	assert reason(credits, credit) == (code, credit.doctype, credit.name)
	assert run_helpers.items(credits)[credit.name].outstanding_amount == -50
	repost(credit)
	assert reason(run_helpers.run(balance_type="Credit", max_invoice_amount=50), credit)[0] == ""


def repost(voucher: Any) -> None:
	"""What the messages tell the user to do."""
	doc = frappe.new_doc("Repost Payment Ledger")
	doc.update(
		{
			"company": HL,
			"posting_date": FIRST,
			"add_manually": 1,
			"repost_vouchers": [{"voucher_type": voucher.doctype, "voucher_no": voucher.name}],
		}
	)
	doc.insert().submit()
	repost_payment_ledger.start_payment_ledger_repost(doc.name)
	assert frappe.db.get_value("Repost Payment Ledger", doc.name, "repost_status") == "Completed"


def test_c24_an_invoice_without_rows_may_be_settled_by_the_credit():
	run_helpers.settings(credit_write_off_account=account("Credit Balances Written Off"))
	credit, bill = payment("Anchor Cafe", 9, FIRST), invoice("Anchor Cafe", 8, FIRST)
	frappe.db.delete("Payment Ledger Entry", {"voucher_no": bill.name})
	run = run_helpers.run(balance_type="Credit")
	assert reason(run, credit) == ("not_in_ledger", "Sales Invoice", bill.name)


# Cancelled vouchers with rows in the Payment Ledger


def cancelled_with_rows(
	voucher: Any, *, deleted: bool = False, ledgers: tuple[str, ...] = ("Payment Ledger Entry",)
) -> Any:
	"""The voucher cancelled, with its rows in these ledgers as before."""
	rows = {
		ledger: frappe.get_all(ledger, {"voucher_no": voucher.name}, ["*"], order_by="name asc")
		for ledger in ledgers
	}
	voucher.reload().cancel()
	for ledger in ledgers:
		frappe.db.delete(ledger, {"voucher_no": voucher.name})
		for row in rows[ledger]:
			frappe.get_doc({**row, "doctype": ledger}).db_insert()
	if deleted:
		frappe.db.delete(voucher.doctype, {"name": voucher.name})
	return voucher


@pytest.mark.parametrize("deleted", [False, True])
def test_c24_a_cancelled_invoice_with_rows_in_the_payment_ledger(deleted):
	gone, fine = invoice("Anchor Cafe", 9, FIRST), invoice("Anchor Cafe", 8, FIRST)
	run = run_helpers.run()
	cancelled_with_rows(gone, deleted=deleted)
	assert run.preview_entries()["skipped_count"] == 1
	run = run_helpers.run()
	assert reason(run, gone) == ("cancelled_in_ledger", "Sales Invoice", gone.name)
	assert "9.00 USD" in run_helpers.items(run)[gone.name].message
	run_helpers.post(run)
	assert set(run_helpers.items(run, status="Posted")) == {fine.name}


def test_c24_a_cancelled_invoice_with_rows_in_both_ledgers():
	gone = invoice("Anchor Cafe", 9, FIRST)
	cancelled_with_rows(gone, ledgers=("Payment Ledger Entry", "GL Entry"))
	assert reason(run_helpers.run(), gone) == ("cancelled_in_ledger", "Sales Invoice", gone.name)


def test_c24_what_mends_a_cancelled_invoice_with_rows():
	gone = cancelled_with_rows(invoice("Anchor Cafe", 9, FIRST))
	frappe.db.set_value("Payment Ledger Entry", {"voucher_no": gone.name}, "delinked", 1)
	assert run_helpers.items(run_helpers.run()) == {}
	gone = cancelled_with_rows(invoice("Anchor Cafe", 9, FIRST))
	setting("Accounts Settings", delete_linked_ledger_entries=1)
	frappe.delete_doc("Sales Invoice", gone.name)
	assert run_helpers.items(run_helpers.run()) == {}


def test_c24_a_cancelled_payment_with_rows_in_the_payment_ledger():
	"""It would be a credit of the customer, or makes the balance of the invoice too low."""
	run_helpers.settings(credit_write_off_account=account("Credit Balances Written Off"))
	bill, part = invoice("Anchor Cafe", 9, FIRST), invoice("Elm School", 8, FIRST)
	on_account = cancelled_with_rows(payment("Anchor Cafe", 5, FIRST))
	allocated = cancelled_with_rows(pay(part, 5, FIRST))
	run = run_helpers.run()
	assert reason(run, bill) == ("cancelled_in_ledger", "Payment Entry", on_account.name)
	assert reason(run, part) == ("cancelled_in_ledger", "Payment Entry", allocated.name)
	run = run_helpers.run(balance_type="Credit")
	assert reason(run, on_account) == ("cancelled_in_ledger", "Payment Entry", on_account.name)
