"""Write-off and undo of every kind of balance (cases 12 to 17 and 24 of docs/reliability.md)."""

from __future__ import annotations

from typing import Any

import frappe
import pytest

from tests.site import ledger_checks, run_helpers
from tests.site.balance_kinds import opening_journal, separate_advance
from tests.site.db_snapshot import clear_data_caches
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
	outstanding,
	pay,
	payment,
	setting,
	submitted,
)
from tests.site.posting_checks import balance, post_and_check, undo_and_check

FIRST = "2026-01-15"


@pytest.fixture(autouse=True)
def accounts(site: str) -> None:
	run_helpers.settings(
		bad_debt_account=account("Bad Debt Expense"),
		credit_write_off_account=account("Credit Balances Written Off"),
	)


def open_and_excluded(run: Any) -> tuple[set[str], dict[str, str]]:
	rows = frappe.get_all("Write-Off Run Item", {"run": run.name}, ["voucher_no", "status", "reason_code"])
	return (
		{row.voucher_no for row in rows if row.status == "Open"},
		{row.voucher_no: row.reason_code for row in rows if row.status == "Excluded"},
	)


# 12


def test_12_amounts_without_an_exact_float():
	"""Three rows of 4.7 are 14.1, and 0.1 + 0.2 is 0.3, to the cent."""
	for amount in (4.7, 4.7, 4.7, 0.1, 0.2):
		invoice("Anchor Cafe", amount, FIRST)
	start = ledger_checks.snapshot(HL)
	run = post_and_check(run_helpers.run())
	[entry] = run_helpers.entries(run)
	assert "14.40" in ledger_checks.gl_table(entry).splitlines()[1]
	assert frappe.db.get_value("Journal Entry", entry, ["total_debit", "total_credit"]) == (14.4, 14.4)
	undo_and_check(run, start)


@pytest.mark.parametrize(
	("currency", "rate", "decimals", "amounts"),
	[
		("JPY", 0.007, 2, (1000, 333, 1)),  # no yen is ever divided; the ledgers keep the site's two decimals
		("KWD", 3.25, 3, (1.001, 0.333, 12.345)),
	],
)
def test_12_currencies_of_no_and_of_three_decimals(currency, rate, decimals, amounts):
	setting("System Settings", currency_precision=str(decimals))
	frappe.db.set_default("currency_precision", str(decimals))
	clear_data_caches()
	name = account_in(currency)
	for amount in amounts:
		invoice("Anchor Cafe", amount, FIRST, currency=currency, rate=rate, debit_to=name)
	invoice("Anchor Cafe", amounts[0] * 2, FIRST, currency=currency, rate=rate, debit_to=name)

	run = run_helpers.run()
	rows = list(run_helpers.items(run).values())
	assert {row.currency for row in rows} == {currency}
	post_and_check(run)
	for row in rows:
		assert balance(row) == (0, 0)


def account_in(currency: str) -> str:
	doc = frappe.new_doc("Account")
	doc.update(
		{
			"account_name": f"Debtors {currency}",
			"parent_account": account("Accounts Receivable"),
			"company": HL,
			"account_type": "Receivable",
			"account_currency": currency,
		}
	)
	return doc.insert().name


# 13


def test_13_credit_note_is_written_off_to_exactly_zero():
	run_helpers.settings(customer_credits="Ignore")
	of = invoice("Anchor Cafe", 200, FIRST)
	note = credit_note(of, 100, "2026-02-01", update_outstanding_for_self=True)
	start = ledger_checks.snapshot(HL)
	run = run_helpers.run(balance_type="Credit")
	item = run_helpers.items(run)[note.name]
	with as_user(MANAGER):
		for amount in (-150, 50, 0):
			with pytest.raises(frappe.ValidationError, match="Enter an amount between"):
				run.set_write_off_amount(item.name, amount)
	post_and_check(run)
	assert outstanding(note) == 0
	undo_and_check(run, start)

	again = run_helpers.run(balance_type="Credit")
	item = run_helpers.items(again)[note.name]
	frappe.db.set_value("Write-Off Run Item", item.name, {"write_off_amount": -150})
	post_and_check(again)
	assert run_helpers.items(again)[note.name].status == "Skipped"
	assert outstanding(note) == -100


# 14


def test_14_unallocated_payment_is_closed_and_restored_by_undo():
	run_helpers.settings(customer_credits="Ignore")
	money = payment("Dover Council", 25, "2026-03-01")
	bill = invoice("Anchor Cafe", 100, FIRST)
	partly = pay(bill, 60, "2026-03-02", paid_amount=72.5, received_amount=72.5)
	start = ledger_checks.snapshot(HL)
	assert frappe.db.get_value("Payment Entry", partly.name, "unallocated_amount") == 12.5
	run = post_and_check(run_helpers.run(balance_type="Credit"))
	assert len(run_helpers.entries(run)) == 2, "an entry for each payment"
	for one in (money, partly):
		assert frappe.db.get_value("Payment Entry", one.name, "unallocated_amount") == 0, (
			"not to be spent again"
		)
	assert not run_helpers.items(run_helpers.run(balance_type="Credit"))
	undo_and_check(run, start)
	assert frappe.db.get_value("Payment Entry", money.name, "unallocated_amount") == 25
	assert frappe.db.get_value("Payment Entry", partly.name, "unallocated_amount") == 12.5
	assert set(run_helpers.items(run_helpers.run(balance_type="Credit"))) == {money.name, partly.name}


def test_14_entry_of_a_payment_written_off():
	"""The credit leaves the receivable account for the income of credits written off."""
	money = payment("Dover Council", 25, "2026-03-01")
	run = post_and_check(run_helpers.run(balance_type="Credit"))
	[entry] = run_helpers.entries(run)
	assert [line.rstrip(" |") for line in ledger_checks.gl_table(entry).splitlines()] == [
		line.rstrip(" |")
		for line in """
account                          | party         | cost center | debit | credit | against
Debtors - HL                     | Dover Council |             | 25.00 |        |
Credit Balances Written Off - HL |               | Main - HL   |       |  25.00 |
""".strip().splitlines()
	]
	reference = frappe.get_doc("Payment Entry", money.name).references[0]
	assert (reference.reference_doctype, reference.reference_name) == ("Journal Entry", entry)
	assert reference.allocated_amount == 25


def test_14_payment_in_foreign_currency_leaves_at_its_own_rate():
	money = payment("Helios SARL", 5, "2026-03-06", rate=1.3)  # it is 1.1 on the day of the write-off
	start = ledger_checks.snapshot(HL)
	run = post_and_check(run_helpers.run(balance_type="Credit"))
	assert [row.base_write_off_amount for row in run_helpers.items(run, status="Posted").values()] == [-6.5]
	assert frappe.db.get_value("Payment Entry", money.name, "unallocated_amount") == 0
	undo_and_check(run, start)


def test_14_part_of_a_payment_leaves_the_rest_unallocated():
	money = payment("Dover Council", 25, "2026-03-01")
	start = ledger_checks.snapshot(HL)
	run = run_helpers.run(balance_type="Credit")
	with as_user(MANAGER):
		run.set_write_off_amount(run_helpers.items(run)[money.name].name, -10)
	post_and_check(run)
	assert frappe.db.get_value("Payment Entry", money.name, "unallocated_amount") == 15
	undo_and_check(run, start)


# 15


def test_15_advance_journal():
	advance = journal(
		line("House Bank", 35),
		line("Debtors", credit=35, party="Elm School", is_advance="Yes"),
		posting_date=FIRST,
	)
	start = ledger_checks.snapshot(HL)
	run = post_and_check(run_helpers.run(balance_type="Credit"))
	assert set(run_helpers.items(run, status="Posted")) == {advance.name}
	assert not run_helpers.items(run_helpers.run(balance_type="Credit"))
	undo_and_check(run, start)


def test_15_opening_journal_of_several_customers():
	opening = opening_journal(("Fischhaus Kiel", 18), ("Galeere Rostock", 27))
	start = ledger_checks.snapshot(HL)
	run = run_helpers.run(max_invoice_amount=20)
	rows = frappe.get_all("Write-Off Run Item", {"run": run.name}, ["customer", "voucher_no"])
	assert rows == [{"customer": "Fischhaus Kiel", "voucher_no": opening.name}]
	post_and_check(run)
	left = frappe.get_all(
		"Write-Off Run Item", {"run": run_helpers.run().name}, ["customer", "outstanding_amount"]
	)
	assert left == [{"customer": "Galeere Rostock", "outstanding_amount": 27}], "the other one's is as it was"
	undo_and_check(run, start)


def test_15_journal_on_two_receivable_accounts():
	journal(
		line("Debtors", 9, party="Compass Stores"),
		line("Other Debtors", 11, party="Compass Stores"),
		line("Sales", credit=20),
		posting_date=FIRST,
	)
	start = ledger_checks.snapshot(HL)
	run = run_helpers.run(receivable_account=account("Other Debtors"))
	rows = frappe.get_all(
		"Write-Off Run Item", {"run": run.name}, ["receivable_account", "outstanding_amount"]
	)
	assert rows == [{"receivable_account": account("Other Debtors"), "outstanding_amount": 11}]
	post_and_check(run)
	undo_and_check(run, start)
	both = post_and_check(run_helpers.run())
	assert both.posted_count == 2
	undo_and_check(both, start)


def test_15_journal_with_several_credits_of_one_customer():
	journal(
		line("House Bank", 30),
		line("Debtors", credit=10, party="Elm School", is_advance="Yes"),
		line("Debtors", credit=20, party="Elm School", is_advance="Yes"),
		posting_date=FIRST,
	)
	start = ledger_checks.snapshot(HL)
	run = run_helpers.run(balance_type="Credit")
	[item] = frappe.get_all("Write-Off Run Item", {"run": run.name}, ["name", "outstanding_amount"])
	assert item.outstanding_amount == -30
	with as_user(MANAGER):
		run.set_write_off_amount(item.name, -25)
	post_and_check(run)
	[left] = frappe.get_all(
		"Write-Off Run Item", {"run": run_helpers.run(balance_type="Credit").name}, ["outstanding_amount"]
	)
	assert left.outstanding_amount == -5
	undo_and_check(run, start)


# 16


def test_16_separate_advance_and_discounted_invoice_are_left_out_with_a_reason():
	discounted = invoice("Galeere Rostock", 70, "2026-02-05")
	discounting = discount(discounted, posting_date="2026-02-06")
	advance = separate_advance("Pacific Traders", 33)
	debit, credit = run_helpers.run(), run_helpers.run(balance_type="Credit")
	assert open_and_excluded(debit) == (set(), {discounted.name: "discounted"})
	assert open_and_excluded(credit) == (set(), {advance.name: "separate_advance"})
	row = run_helpers.items(debit)[discounted.name]
	assert (row.reason_doctype, row.reason_name) == ("Invoice Discounting", discounting.name)
	row = run_helpers.items(credit)[advance.name]
	assert (row.reason_doctype, row.reason_name) == ("Payment Entry", advance.name)
	with as_user(MANAGER):
		credit.set_selection(selected=1)
		with pytest.raises(frappe.ValidationError, match="No balances are selected"):
			credit.submit()


# 17


def test_17_mixed_rates_and_residue_of_a_payment_clear_in_both_currencies():
	"""Two rates, a part paid at a third, a cent of rounding: each leaves at what it stands at in the books."""
	one = invoice("Helios SARL", 33.33, FIRST, currency="EUR", rate=1.1234)
	two = invoice("Helios SARL", 77.77, "2026-02-15", currency="EUR", rate=1.3579)
	pay(two, 11.11, "2026-03-01", rate=1.2468)
	start = ledger_checks.snapshot(HL)
	run = run_helpers.run()
	rows = run_helpers.items(run)
	assert (rows[one.name].outstanding_amount, rows[one.name].base_outstanding_amount) == (33.33, 37.44)
	assert rows[two.name].outstanding_amount == 66.66
	post_and_check(run)
	for name in (one.name, two.name):
		assert balance(rows[name]) == (0, 0)
	undo_and_check(run, start)


def test_17_revaluation_in_between():
	"""The invoice clears in both currencies; what the revaluation booked belongs to none, and is said to."""
	bill = invoice("Helios SARL", 100, FIRST, currency="EUR", rate=1.10)
	entry = revaluation("2026-03-31", 1.25)
	start = ledger_checks.snapshot(HL)
	run = run_helpers.run()
	found, excluded = open_and_excluded(run)
	assert found == {bill.name}
	assert excluded == {entry.name: "revaluation"}
	row = run_helpers.items(run)[entry.name]
	assert (row.outstanding_amount, row.base_outstanding_amount) == (0, 15)
	assert row.reason_doctype == "Exchange Rate Revaluation"
	row = run_helpers.items(run)[bill.name]
	post_and_check(run)
	assert balance(row) == (0, 0)
	undo_and_check(run, start)


def revaluation(date: str, rate: float) -> Any:
	frappe.db.set_value("Company", HL, "unrealized_exchange_gain_loss_account", account("Exchange Gain/Loss"))
	frappe.clear_document_cache("Company", HL)
	# v16 offers only the accounts that would gain or lose at the stored rate
	frappe.get_doc(
		{
			"doctype": "Currency Exchange",
			"date": date,
			"from_currency": "EUR",
			"to_currency": "USD",
			"exchange_rate": rate,
			"for_buying": 1,
			"for_selling": 1,
		}
	).insert(ignore_permissions=True)
	doc = frappe.new_doc("Exchange Rate Revaluation")
	doc.update({"company": HL, "posting_date": date, "rounding_loss_allowance": 0.05})
	doc.fetch_and_calculate_accounts_data()
	for row in doc.accounts:
		row.new_exchange_rate = rate
		row.new_balance_in_base_currency = row.balance_in_account_currency * rate
		row.gain_loss = row.new_balance_in_base_currency - row.balance_in_base_currency
	submitted(doc)
	made = doc.make_jv_entries()
	entry = frappe.get_doc("Journal Entry", made["revaluation_jv"])
	entry.submit()
	return doc


# 24


def test_24_two_parts_add_up_to_the_whole_to_the_cent():
	bill = invoice("Helios SARL", 100, FIRST, currency="EUR", rate=1.2345)
	pay(bill, 66.67, "2026-02-01", rate=1.3)
	start = ledger_checks.snapshot(HL)
	first = run_helpers.run()
	item = run_helpers.items(first)[bill.name]
	whole = (item.outstanding_amount, item.base_outstanding_amount)
	with as_user(MANAGER):
		changed = first.set_write_off_amount(item.name, "11.11")
	assert (changed["write_off_amount"], changed["outstanding_amount"]) == (11.11, whole[0])
	post_and_check(first)
	assert outstanding(bill) == pytest.approx(whole[0] - 11.11)

	second = post_and_check(run_helpers.run())
	rest = run_helpers.items(second)[bill.name]
	assert round(rest.write_off_amount + 11.11, 2) == whole[0]
	assert (
		round(rest.base_write_off_amount + run_helpers.items(first)[bill.name].base_write_off_amount, 2)
		== whole[1]
	)
	assert balance(rest) == (0, 0)
	assert frappe.db.get_value("Sales Invoice", bill.name, "written_off_amount") == whole[0]
	with as_user(MANAGER):
		frappe.get_doc("Write-Off Run", second.name).cancel()
	undo_and_check(first, start)


def test_24_part_is_kept_when_the_list_is_found_again():
	bill = invoice("Anchor Cafe", 50, FIRST)
	run = run_helpers.run()
	with as_user(MANAGER):
		run.set_write_off_amount(run_helpers.items(run)[bill.name].name, 20)
		assert run.find_invoices()["changed"] == 0
	assert run_helpers.items(run)[bill.name].write_off_amount == 20
	pay(bill, 35, "2026-06-01")
	with as_user(MANAGER):
		run.find_invoices()
	assert run_helpers.items(run)[bill.name].write_off_amount == 15, "no more than there is"
