"""Differences between releases of ERPNext."""

from __future__ import annotations

from typing import Any

import frappe
import pytest

from ar_writeoff.ledger import dunnings
from ar_writeoff.search import eligibility_data
from ar_writeoff.undo import late_money
from tests.site import ledger_checks, run_helpers
from tests.site.balance_kinds import dunning, order_advance
from tests.site.db_snapshot import clear_data_caches
from tests.site.factories import (
	HL,
	MANAGER,
	account,
	as_user,
	customer,
	invoice,
	journal,
	line,
	outstanding,
	pay,
	payment,
	setting,
)
from tests.site.posting_checks import post_and_check, undo_and_check

FIRST, LATER = "2026-01-15", "2026-07-31"


def terms(*days: int) -> list[dict[str, Any]]:
	"""A schedule with a term on each of these days of February 2026."""
	portion = 100 / len(days)
	return [
		{"due_date": f"2026-02-{day:02}", "invoice_portion": portion, "payment_amount": portion}
		for day in days
	]


def statuses(*reminders: Any) -> list[str]:
	return [frappe.db.get_value("Dunning", reminder.name, "status") for reminder in reminders]


@pytest.mark.parametrize("days", [(14,), (14, 21), (7, 14, 21, 28)], ids=lambda days: f"{len(days)} terms")
def test_a_reminder_of_several_terms_is_settled_and_opened_again(days: tuple[int, ...]):
	"""ERPNext saves a Dunning once for each of its terms, and refuses the second save.

	| Account        | Debit | Credit |
	| Write Off      |   100 |        |
	| Debtors        |       |    100 |
	"""
	bill = invoice("Compass Stores", 100, FIRST, payment_schedule=terms(*days))
	reminders = [dunning(bill), dunning(bill)]
	assert [len(reminder.overdue_payments) for reminder in reminders] == [len(days)] * 2
	frappe.db.commit()
	start = ledger_checks.snapshot(HL)
	run = post_and_check(run_helpers.run())
	row = run_helpers.items(run)[bill.name]
	assert (row.status, row.message) == ("Posted", "")
	assert (outstanding(bill), statuses(*reminders)) == (0, ["Resolved"] * 2)
	undo_and_check(run, start)
	assert (outstanding(bill), statuses(*reminders)) == (100, ["Unresolved"] * 2)


def test_a_reminder_of_two_terms_when_a_write_off_is_taken_back_with_a_date():
	bill = invoice("Compass Stores", 100, FIRST, payment_schedule=terms(14, 21))
	reminder = dunning(bill)
	run = post_and_check(run_helpers.run())
	assert statuses(reminder) == ["Resolved"]
	with as_user(MANAGER):
		frappe.get_doc("Write-Off Run", run.name).reverse(LATER)
	assert (outstanding(bill), statuses(reminder)) == (100, ["Unresolved"])


def test_a_reminder_of_two_terms_stays_unresolved_while_something_is_open():
	"""A partial write-off, and a Dunning of two invoices of which one is settled."""
	bill = invoice("Compass Stores", 100, FIRST, payment_schedule=terms(14, 21))
	other = invoice("Compass Stores", 300, FIRST, payment_schedule=terms(14, 21))
	in_part, of_both = dunning(bill), dunning(other, and_of=bill)
	run = run_helpers.run(max_invoice_amount=200)
	with as_user(MANAGER):
		run.set_write_off_amount(run_helpers.items(run)[bill.name].name, 40)
	post_and_check(run)
	assert (outstanding(bill), statuses(in_part, of_both)) == (60, ["Unresolved"] * 2)
	post_and_check(run_helpers.run(max_invoice_amount=200))
	assert (outstanding(bill), statuses(in_part, of_both)) == (0, ["Resolved", "Unresolved"])


def test_a_refused_write_off_leaves_the_reminder_as_it_was():
	bill = invoice("Compass Stores", 100, FIRST, payment_schedule=terms(14, 21))
	other = invoice("Anchor Cafe", 50, FIRST)
	reminder = dunning(bill)
	run = run_helpers.run()
	with run_helpers.refusing(bill.name):
		post_and_check(run)
	found = run_helpers.items(run)
	assert (found[bill.name].status, found[other.name].status) == ("Failed", "Posted")
	assert statuses(reminder) == ["Unresolved"]


CREDITS = {
	"payment": lambda: payment("Compass Stores", 100, "2026-03-02"),
	"journal credit": lambda: journal(
		line("House Bank", 100),
		line("Debtors", credit=100, party="Compass Stores", is_advance="Yes"),
		posting_date="2026-03-02",
	),
}


@pytest.mark.parametrize("kind", CREDITS)
def test_a_credit_is_set_off_against_an_invoice_with_a_reminder_of_two_terms(kind: str):
	"""The invoice is settled by the credit alone; what is written off is another balance of the customer.

	Releases that save a Dunning for each term resolve it with the set-off, the others leave it alone.
	"""
	bill = invoice("Compass Stores", 100, FIRST, payment_schedule=terms(14, 21))
	invoice("Compass Stores", 7, "2026-03-15")
	CREDITS[kind]()
	reminder = dunning(bill)
	run_helpers.settings(customer_credits="Net First", bad_debt_account=account("Bad Debt Expense"))
	frappe.db.commit()
	start = ledger_checks.snapshot(HL)
	run = post_and_check(run_helpers.run(max_invoice_amount=10))
	[row] = run_helpers.items(run).values()
	assert (row.status, row.message or "", row.write_off_amount, outstanding(bill)) == ("Posted", "", 7, 0)
	assert statuses(reminder) == ["Resolved" if dunnings.updates_dunnings() else "Unresolved"]
	undo_and_check(run, start)
	assert (outstanding(bill), statuses(reminder)) == (100, ["Unresolved"])


@pytest.mark.parametrize("kind", CREDITS)
def test_late_money_for_an_invoice_with_a_reminder_of_two_terms(kind: str):
	bill = invoice("Compass Stores", 100, FIRST, payment_schedule=terms(14, 21))
	reminder = dunning(bill)
	run = post_and_check(run_helpers.run())
	late = CREDITS[kind]()
	with as_user(MANAGER):
		item = run_helpers.items(run)[bill.name].name
		result = late_money.reinstate_and_allocate(late.doctype, late.name, [item])
	assert (result["left"], outstanding(bill), statuses(reminder)) == (0, 0, ["Resolved"])


def test_order_advances_are_identified_by_erpnexts_list(monkeypatch: pytest.MonkeyPatch):
	"""An advance on an order is excluded; journal credits and opening entries without reference are not.

	Nor are they where ERPNext knows of no orders at all.
	"""
	order_advance("Pacific Traders", 15)
	credit = journal(
		line("House Bank", 35),
		line("Debtors", credit=35, party="Elm School", is_advance="Yes"),
		posting_date="2026-03-02",
	)
	run_helpers.settings(credit_write_off_account=account("Write Off"), customer_credits="Ignore")

	def found() -> dict[str, tuple[str, str]]:
		rows = run_helpers.items(run_helpers.run(balance_type="Credit", reason="Unclaimed Credit")).values()
		return {row.customer: (row.status, row.reason_code or "") for row in rows}

	assert found() == {"Elm School": ("Open", ""), "Pacific Traders": ("Excluded", "on_order")}
	monkeypatch.setattr(eligibility_data, "get_advance_payment_doctypes", list)
	assert found()["Elm School"] == ("Open", "")
	assert eligibility_data.advance_orders([]) == {}
	assert frappe.db.exists("Journal Entry", credit.name)


def test_no_warning_of_a_credit_limit_that_is_kept():
	"""A limit of 60, and 50 open when the credit of 15 is written off; 45 when the limit is 49.

	Some releases ask before they post the entry, some after: what the entry adds counts once.
	"""
	for name, limit in (("Wide Ltd", 60), ("Tight Ltd", 49)):
		customer(name, credit_limits=[{"company": HL, "credit_limit": limit}])
		note = invoice(name, 15, FIRST, is_return=True)
		invoice(name, 50, "2026-02-15")
		assert outstanding(note) == -15
	run_helpers.settings(credit_write_off_account=account("Write Off"), customer_credits="Ignore")
	run = post_and_check(run_helpers.run(balance_type="Credit", reason="Unclaimed Credit"))
	messages = {row.customer: row.message or "" for row in run_helpers.items(run, status="Posted").values()}
	assert messages.keys() == {"Wide Ltd", "Tight Ltd"}
	assert messages["Wide Ltd"] == ""
	assert "over the credit limit of" in messages["Tight Ltd"]


def test_a_reporting_currency_without_a_rate_is_named_before_posting():
	"""100 USD are 1,250 ZAR in the reporting currency, which some releases write to each ledger row."""
	if not frappe.get_meta("Company").has_field("reporting_currency"):
		pytest.skip("Companies of this release of ERPNext have no reporting currency")
	invoice("Anchor Cafe", 100, FIRST)
	setting("Currency Exchange Settings", disabled=1)
	frappe.db.set_value("Company", HL, "reporting_currency", "ZAR")
	clear_data_caches()
	run = run_helpers.run()
	[problem] = run.preview_entries()["problems"]
	assert "exchange rate for USD to ZAR" in problem["message"]
	with pytest.raises(frappe.ValidationError, match="exchange rate for USD to ZAR"):
		run_helpers.post(run)
	frappe.db.rollback()
	frappe.get_doc(
		{
			"doctype": "Currency Exchange",
			"date": FIRST,
			"from_currency": "USD",
			"to_currency": "ZAR",
			"exchange_rate": 12.5,
			"for_buying": 1,
			"for_selling": 1,
		}
	).insert(ignore_permissions=True)
	post_and_check(run.reload())
	[entry] = run_helpers.entries(run)
	fields = ["debit_in_reporting_currency", "credit_in_reporting_currency"]
	rows = frappe.get_all("GL Entry", {"voucher_no": entry}, fields, as_list=True)
	assert sorted(rows) == [(0, 1250), (1250, 0)]


def test_a_payment_that_a_dunning_blocks_is_left_to_erpnext():
	"""The handling of Dunnings applies within the app's own entries only; ERPNext is not patched."""
	bill = invoice("Compass Stores", 100, FIRST, payment_schedule=terms(14, 21))
	dunning(bill)
	frappe.db.commit()

	def could_be_paid() -> bool:
		try:
			pay(bill)
		except frappe.TimestampMismatchError:
			return False
		finally:
			frappe.db.rollback()
		return True

	before = could_be_paid()
	run = post_and_check(run_helpers.run())
	with as_user(MANAGER):
		frappe.get_doc("Write-Off Run", run.name).cancel()
	assert could_be_paid() == before
