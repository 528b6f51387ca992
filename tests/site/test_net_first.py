"""Net First: credits of customers are set off against their debit balances in the run, and what is left is written off."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import frappe
import pytest

from ar_writeoff.ledger.open_items import Key
from ar_writeoff.posting import proof
from ar_writeoff.posting.credits import allocate_to
from ar_writeoff.posting.fast import BY_ENTRY, BY_ROW, IN_SETS
from tests.site import ledger_checks, run_helpers
from tests.site.balance_kinds import order_advance, separate_advance
from tests.site.factories import (
	HL,
	MANAGER,
	account,
	as_user,
	credit_note,
	invoice,
	journal,
	line,
	outstanding,
	pay,
	payment,
)
from tests.site.posting_checks import post_and_check, undo_and_check

JANUARY, FEBRUARY, MARCH = "2026-01-15", "2026-02-15", "2026-03-15"
CAFE = "Anchor Cafe"


@pytest.fixture(autouse=True)
def net_first(site: str) -> None:
	run_helpers.settings(customer_credits="Net First", bad_debt_account=account("Bad Debt Expense"))


def journal_credit(amount: float, **fields: Any) -> Any:
	return journal(
		line("Debtors", credit=amount, party=CAFE, is_advance="Yes"), line("House Bank", amount), **fields
	)


def opening_debit(amount: float) -> Any:
	return journal(
		line("Debtors", amount, party=CAFE), line("Temporary Opening", credit=amount),
		posting_date=JANUARY, is_opening="Yes",
	)  # fmt: skip


CREDITS = {
	"payment": lambda: payment(CAFE, 95, FEBRUARY),
	"journal credit": lambda: journal_credit(95, posting_date=FEBRUARY),
	"credit note": lambda: invoice(CAFE, 95, FEBRUARY, is_return=True),
}


@pytest.mark.parametrize("kind", CREDITS)
@pytest.mark.parametrize("debit", ["invoice", "opening entry"])
def test_a_credit_is_set_off_and_the_rest_is_written_off(kind, debit):
	bill = invoice(CAFE, 100, JANUARY) if debit == "invoice" else opening_debit(100)
	credit = CREDITS[kind]()
	start = ledger_checks.snapshot(HL)
	run = run_helpers.run(max_invoice_amount=10)
	item = run_helpers.items(run)[bill.name]
	assert (item.outstanding_amount, item.write_off_amount, item.set_off_amount) == (5, 5, 95)
	post_and_check(run)
	[entry] = run_helpers.entries(run)
	against = f"{bill.doctype} {bill.name}"
	rows = [("Bad Debt Expense - HL", "", 5, 0, "")]
	if kind == "credit note":
		rows += [
			("Debtors - HL", CAFE, 95, 0, f"Sales Invoice {credit.name}"),
			("Debtors - HL", CAFE, 0, 100, against),
		]
	else:
		rows += [("Debtors - HL", CAFE, 0, 5, against)]
	assert entry_rows(entry) == rows
	assert balances(bill, credit) == [0, 0]
	undo_and_check(run, start)


def entry_rows(entry: str) -> list[tuple]:
	"""Account, party, debit, credit and reference of the General Ledger rows."""
	return [
		(account, party, float(debit), float(credit), against)
		for account, party, debit, credit, against in frappe.db.sql(
			"""SELECT account, COALESCE(party, ''), SUM(debit), SUM(credit),
				TRIM(CONCAT(COALESCE(against_voucher_type, ''), ' ', COALESCE(against_voucher, '')))
			FROM `tabGL Entry` WHERE voucher_no = %s AND is_cancelled = 0 GROUP BY 1, 2, 5
			ORDER BY SUM(credit) > 0, 1, 2""",
			entry,
		)
	]


def balances(*vouchers: Any) -> list[float]:
	return [
		float(
			frappe.db.sql(
				"SELECT COALESCE(SUM(amount), 0) FROM `tabPayment Ledger Entry` WHERE against_voucher_no = %s AND delinked = 0",
				voucher.name,
			)[0][0]
		)
		for voucher in vouchers
	]


def test_the_oldest_first_and_what_is_not_in_the_list_goes_with_the_first_balance():
	"""Nothing is left of the first invoice, too much of the second."""
	covered, large, small = invoice(CAFE, 20, JANUARY), invoice(CAFE, 500, FEBRUARY), invoice(CAFE, 7, MARCH)
	note, money = invoice(CAFE, 30, FEBRUARY, is_return=True), payment(CAFE, 90, MARCH)
	start = ledger_checks.snapshot(HL)
	run = run_helpers.run(max_invoice_amount=10)
	assert list(run_helpers.items(run)) == [small.name]
	post_and_check(run)
	assert balances(covered, large, small, note, money) == [0, 400, 0, 0, 0]
	[entry] = run_helpers.entries(run)
	assert sorted(entry_rows(entry)) == sorted(
		[
			("Bad Debt Expense - HL", "", 7, 0, ""),
			("Debtors - HL", CAFE, 30, 0, f"Sales Invoice {note.name}"),
			("Debtors - HL", CAFE, 0, 7, f"Sales Invoice {small.name}"),
			("Debtors - HL", CAFE, 0, 10, f"Sales Invoice {large.name}"),
			("Debtors - HL", CAFE, 0, 20, f"Sales Invoice {covered.name}"),
		]
	)
	undo_and_check(run, start)


def test_nothing_is_set_off_if_nothing_is_written_off():
	bill, money = invoice(CAFE, 100, JANUARY), payment(CAFE, 100, FEBRUARY)
	run = run_helpers.run(max_invoice_amount=10)
	assert run_helpers.items(run) == {}
	assert balances(bill, money) == [100, -100]


def held(credit: Any) -> Any:
	frappe.get_doc(
		{
			"doctype": "Write-Off Hold",
			"company": HL,
			"customer": CAFE,
			"voucher_type": credit.doctype,
			"voucher_no": credit.name,
			"kind": "Dispute",
		}
	).insert(ignore_permissions=True)
	return credit


NOT_USABLE = {
	"another account": lambda: payment(CAFE, 50, FEBRUARY, paid_from=account("Other Debtors")),
	"an advance account": lambda: separate_advance(CAFE, 50),
	"an advance on an order": lambda: order_advance(CAFE, 50),
	"on hold": lambda: held(payment(CAFE, 50, FEBRUARY)),
}


@pytest.mark.parametrize("kind", NOT_USABLE)
def test_a_credit_that_cannot_be_set_off_excludes_the_balances(kind):
	bill = invoice(CAFE, 9, JANUARY)
	NOT_USABLE[kind]()
	item = run_helpers.items(run_helpers.run())[bill.name]
	assert (item.status, item.reason_code, item.set_off_amount) == ("Excluded", "credit_available", 0)
	assert "50.00 USD" in item.message


def test_credits_in_a_foreign_currency_are_named_and_not_set_off():
	bill = invoice("Helios SARL", 100, JANUARY, currency="EUR", rate=1.1)
	payment("Helios SARL", 95, FEBRUARY, rate=1.2)
	item = run_helpers.items(run_helpers.run())[bill.name]
	assert (item.status, item.reason_code) == ("Excluded", "credit_available")


def test_held_balances_take_no_credit():
	first, second = held(invoice(CAFE, 100, JANUARY)), invoice(CAFE, 100, FEBRUARY)
	payment(CAFE, 95, FEBRUARY)
	found = run_helpers.items(run_helpers.run())
	assert (found[first.name].reason_code, found[first.name].set_off_amount) == ("on_hold_without_end", 0)
	assert (found[second.name].write_off_amount, found[second.name].set_off_amount) == (5, 95)


def test_an_allocation_between_the_same_vouchers_stays_when_the_run_is_undone():
	bill = invoice(CAFE, 100, JANUARY)
	money = payment(
		CAFE, 95, FEBRUARY,
		references=[{"reference_doctype": "Sales Invoice", "reference_name": bill.name, "allocated_amount": 60}],
	)  # fmt: skip
	start = ledger_checks.snapshot(HL)
	run = run_helpers.run()
	assert run_helpers.items(run)[bill.name].set_off_amount == 35
	post_and_check(run)
	assert balances(bill, money) == [0, 0]
	undo_and_check(run, start)
	assert frappe.db.get_value("Payment Entry", money.name, "unallocated_amount") == 35


def test_an_allocation_of_another_customer_between_the_same_entries_stays_when_the_run_is_undone():
	school = "Elm School"
	debit = journal(
		line("Debtors", 100, party=CAFE), line("Debtors", 50, party=school), line("Sales", credit=150),
		posting_date=JANUARY,
	)  # fmt: skip
	credit = journal(
		line("Debtors", credit=95, party=CAFE), line("Debtors", credit=45, party=school), line("House Bank", 140),
		posting_date=FEBRUARY,
	)  # fmt: skip
	theirs = Key("Journal Entry", credit.name, account("Debtors"), school)
	allocate_to(theirs, Decimal(45), "USD", "Journal Entry", debit.name)
	start = ledger_checks.snapshot(HL)
	run = run_helpers.run(max_invoice_amount=10)
	amounts = frappe.get_all(
		"Write-Off Run Item", {"run": run.name}, ["customer", "write_off_amount", "set_off_amount"]
	)
	assert {(row.customer, row.write_off_amount, row.set_off_amount) for row in amounts} == {
		(CAFE, 5, 95),
		(school, 5, 0),
	}
	run_helpers.post(run)
	undo_and_check(run, start)
	references = frappe.get_all(
		"Journal Entry Account", {"parent": credit.name, "reference_name": debit.name}, pluck="party"
	)
	assert references == [school]


def test_advances_listed_on_the_invoice_stay():
	first = payment(CAFE, 10, JANUARY)
	bill = invoice(
		CAFE, 100, JANUARY,
		advances=[{"reference_type": "Payment Entry", "reference_name": first.name, "advance_amount": 10, "allocated_amount": 10, "ref_exchange_rate": 1}],
	)  # fmt: skip
	payment(CAFE, 85, FEBRUARY)
	run = run_helpers.run()
	start = ledger_checks.snapshot(HL)
	assert run_helpers.items(run)[bill.name].set_off_amount == 85
	post_and_check(run)
	undo_and_check(run, start)
	assert frappe.db.count("Sales Invoice Advance", {"parent": bill.name}) == 1


def test_dated_undo_takes_back_set_offs_as_well():
	bills = [invoice(CAFE, 100, JANUARY), invoice(CAFE, 50, FEBRUARY)]
	note, money = invoice(CAFE, 95, FEBRUARY, is_return=True), payment(CAFE, 45, MARCH)
	run = run_helpers.run(max_invoice_amount=10)
	post_and_check(run)
	assert balances(*bills, note, money) == [0, 0, 0, 0]
	with as_user(MANAGER):
		frappe.get_doc("Write-Off Run", run.name).reverse("2026-06-30", dated=True)
	assert balances(*bills, note, money) == [100, 50, -95, -45], run_helpers.events(run)
	ledger_checks.assert_debits_equal_credits(HL)
	ledger_checks.assert_ple_equals_gl(HL)


@pytest.mark.parametrize("kind", ["payment", "credit note"])
def test_undo_after_a_part_was_reinstated(kind):
	bill, credit = invoice(CAFE, 100, JANUARY), CREDITS[kind]()
	run = run_helpers.run(max_invoice_amount=10)
	post_and_check(run)
	name = run_helpers.items(run)[bill.name].name
	with as_user(MANAGER):
		run.reinstate([name], {name: 2}, "2026-06-30")
		assert balances(bill, credit) == [2, 0]
		frappe.get_doc("Write-Off Run", run.name).reverse("2026-06-30")
	assert balances(bill, credit) == [100, -95], run_helpers.events(run)["Not Reversed"]
	ledger_checks.assert_ple_equals_gl(HL)


CHANGES = {
	"less is left of the credit": (lambda bill, credit: pay_from(credit, 3), "set_off_changed"),
	"the credit is on hold": (lambda bill, credit: held(credit), "set_off_not_possible"),
	"the balance is lower": (lambda bill, credit: pay(bill, 2, MARCH), "balance_changed"),
	"another payment came in": (lambda bill, credit: payment(CAFE, 4, MARCH), "credit_available"),
}


def pay_from(credit: Any, amount: float) -> None:
	"""Use a part of a payment for another invoice."""
	other = invoice(CAFE, amount, MARCH)
	key = Key("Payment Entry", credit.name, account("Debtors"), CAFE)
	allocate_to(key, Decimal(amount), "USD", "Sales Invoice", other.name)


@pytest.mark.parametrize("change", CHANGES)
def test_what_changed_since_the_approval_is_left_out(change):
	bill, credit = invoice(CAFE, 100, JANUARY), payment(CAFE, 95, FEBRUARY)
	run = run_helpers.run(max_invoice_amount=10)
	changed, code = CHANGES[change]
	changed(bill, credit)
	assert run.preview_entries()["skipped_count"] == 1
	before = ledger_checks.snapshot(HL)
	post_and_check(run)
	item = run_helpers.items(run)[bill.name]
	assert (item.status, item.reason_code) == ("Skipped", code)
	assert before.diff(ledger_checks.snapshot(HL)) == []


def test_an_entry_that_is_refused_sets_nothing_off():
	first, second = invoice(CAFE, 100, JANUARY), invoice("Elm School", 8, JANUARY)
	money = payment(CAFE, 95, FEBRUARY)
	run = run_helpers.run(max_invoice_amount=10)
	with run_helpers.refusing(first.name):
		run_helpers.post(run)
	found = run_helpers.items(run)
	assert (found[first.name].status, found[second.name].status) == ("Failed", "Posted")
	assert balances(first, money) == [100, -95]
	ledger_checks.assert_ple_equals_gl(HL)
	with as_user(MANAGER):
		run.retry_failed()
	assert run_helpers.items(run)[first.name].status == "Posted"
	assert balances(first, money) == [0, 0]


def test_a_set_off_that_was_changed_in_the_database_is_not_posted():
	bill = invoice(CAFE, 100, JANUARY)
	payment(CAFE, 95, FEBRUARY)
	run = run_helpers.run(max_invoice_amount=10)
	with run_helpers.approved(run):
		frappe.db.sql(
			"update `tabWrite-Off Run Item` set set_offs = replace(set_offs, '95', '90') where run = %s",
			run.name,
		)
		frappe.db.commit()
	item = run_helpers.items(run)[bill.name]
	assert (item.status, item.reason_code) == ("Skipped", "changed_since_approval")


def test_the_preview_lists_what_is_set_off():
	bill, money = invoice(CAFE, 100, JANUARY), payment(CAFE, 95, FEBRUARY)
	school = invoice("Elm School", 50, JANUARY)
	note = invoice("Elm School", 47, FEBRUARY, is_return=True)
	run = run_helpers.run(max_invoice_amount=10)
	plan = run.preview_entries()
	assert [
		[row[key] for key in ("customer", "credit_no", "debit_no", "amount")] for row in plan["set_offs"]
	] == [
		[CAFE, money.name, bill.name, 95],
		["Elm School", note.name, school.name, 47],
	]
	assert (plan["total"], plan["set_off_total"]) == (8, 142)


@pytest.mark.parametrize("way", [IN_SETS, BY_ENTRY, BY_ROW])
def test_all_three_ways_of_posting_leave_the_same_rows(way, monkeypatch):
	monkeypatch.setattr(proof, "method", lambda *_args: way)
	bills = [invoice(CAFE, 100, JANUARY), invoice("Elm School", 50, JANUARY)]
	credits = [payment(CAFE, 95, FEBRUARY), invoice("Elm School", 45, FEBRUARY, is_return=True)]
	start = ledger_checks.snapshot(HL)
	run = run_helpers.run(max_invoice_amount=10)
	post_and_check(run)
	assert balances(*bills, *credits) == [0, 0, 0, 0]
	assert [frappe.db.get_value("Sales Invoice", bill.name, "status") for bill in bills] == ["Paid", "Paid"]
	assert [outstanding(bill) for bill in bills] == [0, 0]
	undo_and_check(run, start)


def test_credit_notes_of_the_invoice_itself():
	bill = invoice(CAFE, 100, JANUARY)
	note = credit_note(bill, 95, FEBRUARY, update_outstanding_for_self=True)
	run = run_helpers.run(max_invoice_amount=10)
	post_and_check(run)
	assert balances(bill, note) == [0, 0]
