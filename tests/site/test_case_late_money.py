"""C02, C37, W12: a customer pays after the write-off."""

from __future__ import annotations

from textwrap import dedent
from typing import Any

import frappe
import pytest
from frappe.utils import flt

from ar_writeoff.undo import late_money
from tests.site import ledger_checks, run_helpers
from tests.site.factories import (
	AUDITOR,
	HL,
	MANAGER,
	PREPARER,
	account,
	as_user,
	bank_line,
	freeze_books,
	invoice,
	journal,
	line,
	new_account,
	outstanding,
	payment,
	permit,
	user,
)

CAFE = "Anchor Cafe"
FIRST = "2026-01-15"
PAID = "2026-07-20"


@pytest.fixture(autouse=True)
def accounts() -> None:
	run_helpers.settings(
		bad_debt_account=account("Bad Debt Expense"),
		credit_write_off_account=account("Credit Balances Written Off"),
	)


def written_off(*amounts: float, customer: str = CAFE, **fields: Any) -> tuple[Any, list[Any]]:
	"""A posted run over invoices of these amounts."""
	bills = [invoice(customer, amount, FIRST, **fields) for amount in amounts]
	run = run_helpers.post(run_helpers.run(customers=[{"customer": customer}]))
	assert {outstanding(bill) for bill in bills} == {0}
	return run, bills


def credit_run(**values: Any) -> Any:
	return run_helpers.run(balance_type="Credit", cutoff_date=PAID, posting_date=PAID, **values)


def item(run: Any, bill: Any) -> Any:
	return run_helpers.items(run)[bill.name]


def posted(entry: str) -> str:
	return "\n" + ledger_checks.gl_table(entry)


# C02: credits of a customer with balances written off


def late_payment(bill: Any) -> Any:
	return payment(CAFE, 9, PAID)


def late_payment_on_another_account(bill: Any) -> Any:
	return payment(CAFE, 9, PAID, paid_from=account("Other Debtors"))


def late_journal(bill: Any) -> Any:
	return journal(line("Debtors", credit=9, party=CAFE), line("House Bank", 9), posting_date=PAID)


def late_credit_note(bill: Any) -> Any:
	return invoice(CAFE, 9, PAID, is_return=True)


@pytest.mark.parametrize(
	"credit", [late_payment, late_payment_on_another_account, late_journal, late_credit_note]
)
def test_c02_a_credit_of_a_customer_with_balances_written_off_is_excluded(credit: Any):
	run, [bill] = written_off(9)
	late = credit(bill)
	other = payment("Breakwater Bar", 9, PAID)
	for policy in ("Leave Out", "Ignore"):
		run_helpers.settings(customer_credits=policy)
		found = run_helpers.items(credit_run())
		assert (found[other.name].status, found[other.name].selected) == ("Open", 1)
		row = found[late.name]
		assert (row.status, row.selected, row.reason_code) == ("Excluded", 0, "written_off_debts")
		assert (row.reason_doctype, row.reason_name) == ("Write-Off Run", run.name)
		assert f"9.00 USD of {bill.name}, written off by {run.name}" in row.message


def test_c02_a_credit_that_comes_while_the_run_waits_is_not_posted():
	[bill] = [invoice(CAFE, 9, FIRST)]
	run_helpers.settings(customer_credits="Ignore")
	debits = run_helpers.run()
	late = payment(CAFE, 9, PAID)
	credits = credit_run()
	assert item(credits, late).status == "Open"
	run_helpers.post(debits)
	run_helpers.post(credits)
	row = item(credits, late)
	assert (row.status, row.reason_code) == ("Skipped", "written_off_debts")
	assert run_helpers.entries(credits) == []
	assert outstanding(bill) == 0


def test_c02_what_was_reinstated_or_undone_excludes_nothing():
	run, [bill, _second] = written_off(9, 8)
	late = payment(CAFE, 20, PAID)
	run_helpers.settings(customer_credits="Ignore")
	run.reinstate([item(run, bill).name])
	assert "8.00 USD" in item(credit_run(), late).message
	assert "9.00 USD" not in item(credit_run(), late).message
	run.reload().cancel() if not frappe.db.count("Write-Off Recovery") else run.reload().reverse(PAID)
	assert item(credit_run(), late).status == "Open"


def test_c02_credits_written_off_are_no_debts():
	credit = payment(CAFE, 9, FIRST)
	run = run_helpers.post(run_helpers.run(balance_type="Credit"))
	assert item(run, credit).status == "Posted"
	again = payment(CAFE, 7, FIRST)
	assert item(credit_run(), again).status == "Open"


def test_c02_many_balances_are_counted():
	written_off(1, 2, 3, 4, 5)
	late = payment(CAFE, 9, PAID)
	message = item(credit_run(), late).message
	assert "5.00 USD of " in message and "3.00 USD of " in message and "; 2 more" in message
	assert "2.00 USD of " not in message


def test_c02_a_schedule_of_credits_does_not_take_it():
	_run, [_bill] = written_off(9)
	late = payment(CAFE, 9, PAID)
	with as_user(MANAGER):
		schedule = frappe.get_doc(
			{
				"doctype": "Write-Off Schedule",
				"schedule_name": "Credits",
				"company": HL,
				"balance_type": "Credit",
				"reason": "Small Balance",
				"max_invoice_amount": 100,
			}
		).insert()
		schedule.run_now_as_draft()
	rows = frappe.get_all(
		"Write-Off Run Item", {"voucher_no": late.name}, ["status", "reason_code"], order_by="name asc"
	)
	assert [(row.status, row.reason_code) for row in rows] == [("Excluded", "written_off_debts")]


# Reinstate and Allocate


def test_w12_reinstate_and_allocate_in_one_step():
	run_helpers.settings(recovery_account=new_account("Bad Debts Recovered", "Indirect Income"))
	run, [bill] = written_off(9)
	late = payment(CAFE, 9, PAID)
	with as_user(MANAGER):
		[credit] = late_money.get_late_money("Payment Entry", late.name)["credits"]
		[balance] = credit["balances"]
		assert (credit["amount"], balance["amount"], balance["run"]) == (9, 9, run.name)
		result = late_money.reinstate_and_allocate("Payment Entry", late.name, [balance["name"]])
	[entry] = result["entries"].values()
	assert posted(entry) == dedent(
		f"""
		account                  | party       | cost center | debit | credit | against
		Debtors - HL             | Anchor Cafe | Main - HL   |  9.00 |        | Sales Invoice {bill.name}
		Bad Debts Recovered - HL |             | Main - HL   |       |   9.00 |"""
	).replace("Main - HL   |  9.00", f"{cost_center_of(bill)} |  9.00")
	assert frappe.db.get_value("Journal Entry", entry, "posting_date").isoformat() == PAID
	assert (result["left"], outstanding(bill)) == (0, 0)
	assert frappe.db.get_value("Payment Entry", late.name, "unallocated_amount") == 0
	[reference] = frappe.get_doc("Payment Entry", late.name).references
	assert (reference.reference_name, reference.allocated_amount) == (bill.name, 9)
	recovery = frappe.get_last_doc("Write-Off Recovery")
	assert (recovery.amount, recovery.journal_entry, recovery.paid_by_type, recovery.paid_by) == (
		9,
		entry,
		"Payment Entry",
		late.name,
	)
	assert item(run, bill).status == "Reversed"
	assert frappe.db.get_value("Sales Invoice", bill.name, ["written_off_amount", "status"]) == (0, "Paid")


def cost_center_of(bill: Any) -> str:
	value = frappe.db.get_value("GL Entry", {"voucher_no": bill.name, "party": bill.customer}, "cost_center")
	return (value or "").ljust(11)


def test_w12_in_part_oldest_first_and_over_several_runs():
	first, [one] = written_off(9)
	second, [two, three] = written_off(8, 7)
	late = payment(CAFE, 12, PAID)
	with as_user(MANAGER):
		[credit] = late_money.get_late_money("Payment Entry", late.name)["credits"]
		names = [row["name"] for row in credit["balances"]]
		assert names == [item(first, one).name, item(second, two).name, item(second, three).name]
		result = late_money.reinstate_and_allocate("Payment Entry", late.name, names)
	assert (len(result["entries"]), result["left"]) == (2, 0)
	left = {row.voucher_no: row.write_off_amount - row.reinstated_amount for row in
		(*run_helpers.items(first).values(), *run_helpers.items(second).values())}  # fmt: skip
	assert left == {one.name: 0, two.name: 5, three.name: 7}
	assert [outstanding(bill) for bill in (one, two, three)] == [0, 0, 0]
	assert [first.reload().status, second.reload().status] == ["Reversed", "Posted"]


def test_w12_chosen_items_and_amounts():
	run, [one, two] = written_off(9, 8)
	late = payment(CAFE, 10, PAID)
	with as_user(MANAGER):
		result = late_money.reinstate_and_allocate(
			"Payment Entry",
			late.name,
			[item(run, two).name, item(run, one).name],
			{item(run, two).name: 3, item(run, one).name: "4.50"},
		)
	assert result["left"] == 2.5
	assert frappe.db.get_value("Payment Entry", late.name, "unallocated_amount") == 2.5
	assert item(run, one).reinstated_amount == 4.5 and item(run, two).reinstated_amount == 3


def test_w12_a_journal_credit_and_a_credit_note_are_allocated_too():
	run, [one, two] = written_off(9, 8)
	money = journal(line("Debtors", credit=9, party=CAFE), line("House Bank", 9), posting_date=PAID)
	note = invoice(CAFE, 8, PAID, is_return=True)
	with as_user(MANAGER):
		late_money.reinstate_and_allocate("Journal Entry", money.name, [item(run, one).name])
		late_money.reinstate_and_allocate("Sales Invoice", note.name, [item(run, two).name])
	assert [outstanding(bill) for bill in (one, two, note)] == [0, 0, 0]
	assert {row.reinstated_amount for row in run_helpers.items(run).values()} == {9, 8}


def test_w12_in_a_foreign_currency_the_difference_is_an_exchange_gain():
	bill = invoice("Helios SARL", 100, FIRST, currency="EUR", rate=1.10)
	run = run_helpers.post(run_helpers.run())
	late = payment("Helios SARL", 100, PAID, rate=1.20)
	with as_user(MANAGER):
		late_money.reinstate_and_allocate("Payment Entry", late.name, [item(run, bill).name])
	assert outstanding(bill) == 0
	[[own, base]] = frappe.db.sql(
		"""SELECT SUM(debit_in_account_currency - credit_in_account_currency), SUM(debit - credit) FROM `tabGL Entry`
		WHERE party = 'Helios SARL' AND is_cancelled = 0"""
	)
	assert (flt(own, 2), flt(base, 2)) == (0, 0)


def test_w12_an_advance_on_its_own_account_is_allocated():
	frappe.db.set_value(
		"Company",
		HL,
		{
			"book_advance_payments_in_separate_party_account": 1,
			"default_advance_received_account": account("Customer Advances"),
		},
	)
	run, [bill] = written_off(9)
	late = payment(CAFE, 9, PAID, paid_from=account("Customer Advances"))
	with as_user(MANAGER):
		late_money.reinstate_and_allocate("Payment Entry", late.name, [item(run, bill).name])
	assert outstanding(bill) == 0


def test_w12_money_on_another_receivable_account_reinstates_nothing():
	run, [bill] = written_off(9)
	late = payment(CAFE, 9, PAID, paid_from=account("Other Debtors"))
	frappe.db.commit()
	with (
		as_user(MANAGER),
		pytest.raises(frappe.ValidationError, match="Move the credit with a Journal Entry"),
	):
		late_money.reinstate_and_allocate("Payment Entry", late.name, [item(run, bill).name])
	frappe.db.rollback()
	assert item(run, bill).reinstated_amount == 0
	assert not frappe.db.count("Write-Off Recovery")


def test_w12_on_the_first_open_day_of_a_closed_period():
	run, [bill] = written_off(9)
	late = payment(CAFE, 9, PAID)
	freeze_books("2026-07-31")
	with as_user(MANAGER):
		[credit] = late_money.get_late_money("Payment Entry", late.name)["credits"]
		assert str(credit["posting_date"]) > "2026-07-31"
		with pytest.raises(frappe.ValidationError):
			late_money.reinstate_and_allocate(
				"Payment Entry", late.name, [item(run, bill).name], posting_date=PAID
			)


@pytest.mark.parametrize(
	("amounts", "message"),
	[
		({"one": 9, "two": 2}, "more than"),
		({"one": 9.5}, "between 0 and"),
		({"one": -1}, "between 0 and"),
		({"one": "x"}, "not a number"),
	],
)
def test_w12_amounts_that_do_not_fit(amounts: dict[str, Any], message: str):
	run, bills = written_off(9, 8)
	names = dict(zip(("one", "two"), (item(run, bill).name for bill in bills), strict=True))
	late = payment(CAFE, 10, PAID)
	frappe.db.commit()
	with as_user(MANAGER), pytest.raises(frappe.ValidationError, match=message):
		late_money.reinstate_and_allocate(
			"Payment Entry",
			late.name,
			[names[key] for key in amounts],
			{names[key]: value for key, value in amounts.items()},
		)
	frappe.db.rollback()


def test_w12_of_another_customer_nothing_is_taken():
	run, [bill] = written_off(9)
	late = payment("Breakwater Bar", 9, PAID)
	with (
		as_user(MANAGER),
		pytest.raises(frappe.ValidationError, match="no unallocated amount for Anchor Cafe"),
	):
		late_money.reinstate_and_allocate("Payment Entry", late.name, [item(run, bill).name])


def test_w12_who_sees_and_who_may():
	run, [bill] = written_off(9)
	late = payment(CAFE, 9, PAID)
	with as_user(PREPARER):
		found = late_money.get_late_money("Payment Entry", late.name)
		assert len(found["credits"]) == 1 and not found["may_reinstate"]
		with pytest.raises(frappe.PermissionError):
			late_money.reinstate_and_allocate("Payment Entry", late.name, [item(run, bill).name])
	restricted = user("late.money@example.com", "Accounts Manager", "Accounts User")
	permit(restricted, "Customer", "Breakwater Bar")
	with as_user(restricted):
		assert late_money.get_written_off(HL, CAFE) == []
		with pytest.raises((frappe.PermissionError, frappe.ValidationError)):
			late_money.reinstate_and_allocate("Payment Entry", late.name, [item(run, bill).name])
	with as_user(PREPARER):
		of_customer = late_money.get_late_credits(HL, CAFE)
		assert [row["credit_no"] for row in of_customer["credits"]] == [late.name]
		assert len(of_customer["balances"]) == 1
	with as_user(AUDITOR), pytest.raises(frappe.PermissionError):
		late_money.get_late_money("Payment Entry", late.name)


# C37: the account of the write-off was closed since


def test_c37_the_account_of_today_or_the_recovery_account():
	run, [bill] = written_off(9)
	frappe.db.set_value("Account", account("Bad Debt Expense"), "disabled", 1)
	run_helpers.settings(bad_debt_account=account("Write Off"))
	late = payment(CAFE, 9, PAID)
	with as_user(MANAGER):
		result = late_money.reinstate_and_allocate("Payment Entry", late.name, [item(run, bill).name])
	[entry] = result["entries"].values()
	assert account("Write Off") in ledger_checks.gl_table(entry)
	assert outstanding(bill) == 0


# Bank lines


def test_w12_a_bank_line_becomes_a_payment_and_is_allocated():
	run, [bill] = written_off(9)
	late = bank_line(CAFE, 9, PAID)
	with as_user(MANAGER):
		[found] = late_money.get_late_bank_lines(late.bank_account, FIRST, PAID)["lines"]
		assert (found["name"], found["customer"], len(found["balances"])) == (late.name, CAFE, 1)
		result = late_money.receive_and_allocate(late.name, [item(run, bill).name])
		assert late_money.get_late_bank_lines(late.bank_account, FIRST, PAID)["lines"] == []
	entry = frappe.get_doc("Payment Entry", result["credit"])
	assert (entry.docstatus, entry.unallocated_amount, entry.reference_no) == (1, 0, "B-1")
	assert outstanding(bill) == 0
	assert late.reload().status == "Reconciled"


def test_w12_a_bank_line_without_a_customer_is_refused():
	run, [bill] = written_off(9)
	late = bank_line(None, 9, PAID)
	with as_user(MANAGER), pytest.raises(frappe.ValidationError, match="not an open deposit"):
		late_money.receive_and_allocate(late.name, [item(run, bill).name])
