"""Reinstate and Allocate in the desk: from a payment, from Payment Reconciliation and from a bank line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import frappe

from tests.e2e.conftest import Desk
from tests.e2e.run_page import pictures
from tests.site.factories import HL, PREPARER, account, bank_line, invoice, outstanding, payment
from tests.site.run_helpers import items, post, run, settings

CAFE = "Anchor Cafe"
FIRST = "2026-01-15"
PAID = "2026-07-20"
LABEL = "Reinstate and Allocate"


def written_off(*amounts: float) -> tuple[Any, list[Any]]:
	settings(bad_debt_account=account("Bad Debt Expense"))
	bills = [invoice(CAFE, amount, FIRST) for amount in amounts]
	return post(run()), bills


def intro(desk: Desk) -> str:
	line = desk.page.locator(".form-message:visible").first
	line.wait_for()
	return line.inner_text()


def reinstated(of: Any) -> dict[str, float]:
	frappe.db.rollback()
	return {name: row.reinstated_amount for name, row in items(of).items()}


def test_w12_a_late_payment_is_put_right_with_two_clicks(desk: Desk, tmp_path: Path):
	of, [one, two] = written_off(9, 8)
	late, other = payment(CAFE, 12, PAID), payment("Breakwater Bar", 12, PAID)
	frappe.db.commit()
	desk.form("Payment Entry", other.name)
	assert not desk.button(LABEL).count()
	desk.form("Payment Entry", late.name)
	assert intro(desk) == f"Written off for this customer: $ 17.00 ({of.name})."
	picture = pictures(desk, tmp_path)
	picture("late-payment")

	clicks = 0
	desk.button(LABEL).click()
	clicks += 1
	dialog = desk.dialog()
	amounts = [field.input_value() for field in dialog.locator("[data-item]").all()]
	assert amounts == ["9.00", "3.00"], "the oldest first, as far as the money goes"
	picture("reinstate-and-allocate")
	desk.confirm(LABEL)
	clicks += 1
	desk.alert("Reinstated and allocated")
	assert clicks <= 3
	assert reinstated(of) == {one.name: 9, two.name: 3}
	assert outstanding(one) == outstanding(two) == 0
	desk.page.wait_for_function("() => cur_frm.doc.unallocated_amount === 0")
	assert not desk.button(LABEL).count()


def test_w12_amounts_are_chosen_in_the_dialog(desk: Desk):
	of, [one, two] = written_off(9, 8)
	late = payment(CAFE, 12, PAID)
	frappe.db.commit()
	desk.form("Payment Entry", late.name)
	desk.press(LABEL)
	dialog = desk.dialog()
	first, second = dialog.locator("[data-item]").all()
	first.fill("")
	second.fill("9")
	desk.confirm(LABEL)
	desk.alert("At most $ 8.00 can be reinstated.")
	second.fill("2.50")
	desk.confirm(LABEL)
	desk.alert("Reinstated and allocated")
	assert reinstated(of) == {one.name: 0, two.name: 2.5}


def test_c02_a_draft_payment_says_what_was_written_off(desk: Desk):
	_of, [_bill] = written_off(9)
	frappe.db.commit()
	desk.new("Payment Entry")
	desk.set(company=HL, payment_type="Receive", party_type="Customer", party=CAFE)
	assert "$ 9.00" in intro(desk) and "Submit the payment, then press Reinstate and Allocate." in intro(desk)
	assert not desk.button(LABEL).count()


def test_w12_who_may_not_reinstate_is_told_of_the_run(desk: Desk):
	of, [_bill] = written_off(9)
	late = payment(CAFE, 9, PAID)
	frappe.db.commit()
	desk.sign_in(PREPARER)
	desk.form("Payment Entry", late.name)
	assert of.name in intro(desk)
	assert not desk.button(LABEL).count()


def test_w12_from_payment_reconciliation(desk: Desk, tmp_path: Path):
	of, [bill] = written_off(9)
	payment(CAFE, 5, PAID)
	note = invoice(CAFE, 4, PAID, is_return=True)
	frappe.db.commit()
	desk.open("payment-reconciliation")
	desk.page.wait_for_function("() => cur_frm && cur_frm.doctype === 'Payment Reconciliation'")
	desk.set(company=HL, party_type="Customer", party=CAFE)
	assert "$ 9.00" in intro(desk)
	desk.press(LABEL)
	desk.page.wait_for_function("() => window.cur_dialog?.fields_dict?.credit")
	desk.page.evaluate("async name => { await cur_dialog.set_value('credit', name); }", note.name)
	pictures(desk, tmp_path)("late-money-reconciliation")
	assert [field.input_value() for field in desk.dialog().locator("[data-item]").all()] == ["4.00"]
	desk.confirm(LABEL)
	desk.alert("Reinstated and allocated")
	assert reinstated(of) == {bill.name: 4}


def test_w12_from_a_bank_line(desk: Desk, tmp_path: Path):
	of, [bill] = written_off(9)
	late = bank_line(CAFE, 9, PAID)
	bank_line("Breakwater Bar", 9, PAID)
	frappe.db.commit()
	# ERPNext gives the tool to System Managers only.
	desk.sign_in("Administrator")
	desk.open("bank-reconciliation-tool")
	desk.page.wait_for_function("() => cur_frm && cur_frm.doctype === 'Bank Reconciliation Tool'")
	desk.set(
		company=HL,
		bank_account=late.bank_account,
		bank_statement_from_date=FIRST,
		bank_statement_to_date="2026-07-31",
	)
	desk.press("Get Unreconciled Entries")
	assert "Anchor Cafe: $ 9.00" in intro(desk) and "Breakwater" not in intro(desk)
	pictures(desk, tmp_path)("late-money-bank-line")
	desk.press(LABEL)
	desk.confirm(LABEL)
	desk.alert("Reinstated and allocated")
	assert reinstated(of) == {bill.name: 9}
	assert late.reload().status == "Reconciled"
