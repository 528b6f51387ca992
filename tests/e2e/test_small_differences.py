"""Small differences in the desk: from a Payment Entry and from Payment Reconciliation."""

from __future__ import annotations

from pathlib import Path

import frappe

from tests.e2e.conftest import Desk
from tests.e2e.run_page import pictures
from tests.site.factories import HL, account, bank_account, bank_transaction, invoice, pay, payment
from tests.site.run_helpers import items, settings

FIRST = "2026-01-15"
LABEL = "Write Off the Rest"


def drafts() -> list[str]:
	frappe.db.rollback()
	return frappe.get_all("Write-Off Run", pluck="name", order_by="name asc")


def test_the_rest_of_a_payment_goes_into_the_run_of_the_day(desk: Desk, tmp_path: Path):
	settings(difference_amount=1, difference_reason="Rounding Difference")
	bill, full, large = (invoice("Anchor Cafe", amount, FIRST) for amount in (100, 50, 70))
	rest, nothing, much = pay(bill, 99.6), pay(full), pay(large, 60)
	frappe.db.commit()

	# nothing is offered, and nothing asked of the server, where nothing or too much is left
	asked: list[str] = []
	desk.page.on("request", lambda request: "small_differences" in request.url and asked.append(request.url))
	for entry in (nothing, much):
		desk.form("Payment Entry", entry.name)
		assert not desk.button(LABEL).count()
	desk.form("Payment Entry", rest.name)
	pictures(desk, tmp_path)("rest-of-a-payment")
	assert not asked
	desk.press(LABEL)
	alert = desk.alert("Added to the draft")
	[run] = drafts()
	assert f"{run}: 1" in alert
	assert set(items(run)) == {bill.name}


def test_off_by_default(desk: Desk):
	settings()
	bill = invoice("Anchor Cafe", 100, FIRST)
	rest = pay(bill, 99.6)
	frappe.db.commit()
	desk.form("Payment Entry", rest.name)
	assert not desk.button(LABEL).count()


def test_what_payments_of_the_bank_leave_open(desk: Desk, tmp_path: Path):
	settings(difference_amount=1, difference_reason="Rounding Difference")
	bank = bank_account()
	bills = [invoice("Anchor Cafe", 100, FIRST) for _number in range(2)]
	for bill, amount in zip(bills, (99.6, 100), strict=True):
		bank_transaction(bank, pay(bill, amount, FIRST), amount, FIRST)
	frappe.db.commit()
	desk.sign_in("Administrator")
	desk.open("bank-reconciliation-tool")
	desk.page.wait_for_function("() => cur_frm && cur_frm.doctype === 'Bank Reconciliation Tool'")
	desk.set(company=HL, bank_account=bank)
	desk.set(bank_statement_from_date="2026-02-01", bank_statement_to_date="2026-02-28")
	desk.press(LABEL)
	desk.alert("leaves an amount within the Maximum Difference")
	desk.set(bank_statement_from_date=FIRST)
	pictures(desk, tmp_path)("rest-of-the-bank")
	desk.press(LABEL)
	[run] = drafts()
	assert f"{run}: 1" in desk.alert("Added to the draft")
	assert set(items(run)) == {bills[0].name}


def test_what_a_reconciliation_leaves_open(desk: Desk):
	settings(difference_amount=1, difference_reason="Rounding Difference")
	bill = invoice("Anchor Cafe", 100, FIRST)
	pay(bill, 50, FIRST)
	invoice("Anchor Cafe", 0.5, FIRST)  # without a payment
	payment("Anchor Cafe", 49.7, FIRST)
	frappe.db.commit()
	desk.open("payment-reconciliation")
	desk.page.wait_for_function("() => cur_frm && cur_frm.doctype === 'Payment Reconciliation'")
	desk.set(company=HL, party_type="Customer", party="Anchor Cafe")
	desk.set(receivable_payable_account=account("Debtors"))
	desk.press("Get Unreconciled Entries")
	assert not desk.button(LABEL).count()
	desk.page.evaluate(
		"""name => {
			for (const field of ["invoices", "payments"]) {
				for (const row of cur_frm.doc[field]) {
					row.__checked = field === "payments" || row.invoice_number === name ? 1 : 0;
				}
				cur_frm.refresh_field(field);
			}
		}""",
		bill.name,
	)
	desk.press("Allocate")
	desk.press("Reconcile")
	desk.close_messages()
	desk.press(LABEL)
	[run] = drafts()
	assert f"{run}: 1" in desk.alert("Added to the draft")
	assert set(items(run)) == {bill.name}
