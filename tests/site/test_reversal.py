"""Full and partial undo, in open and closed periods, and never twice."""

from __future__ import annotations

from contextlib import contextmanager

import frappe
import pytest
from frappe.utils import flt

from ar_writeoff.search import open_documents
from tests.site import factories, ledger_checks, run_helpers
from tests.site.db_snapshot import clear_data_caches
from tests.site.factories import (
	HL,
	PREPARER,
	accounting_period,
	as_user,
	customer,
	freeze_books,
	invoice,
	journal,
	line,
	outstanding,
	pay,
	payment,
	setting,
)

LATER = "2026-07-15"


@pytest.fixture(autouse=True)
def ledgers_agree():
	yield
	ledger_checks.assert_debits_equal_credits(HL)
	ledger_checks.assert_ple_equals_gl(HL)


@contextmanager
def refused(match: str = ""):
	"""Within the block an error with this text is raised; then roll back."""
	frappe.db.commit()
	with pytest.raises(frappe.ValidationError, match=match):
		yield
	frappe.db.rollback()


def written_off(doc) -> float:
	return flt(frappe.db.get_value("Sales Invoice", doc.name, "written_off_amount"))


def ledgers_on(day: str) -> tuple[float, float]:
	"""Receivables of the company at a date in General Ledger and Payment Ledger."""
	gl = frappe.db.sql(
		"""SELECT SUM(gl.debit - gl.credit) FROM `tabGL Entry` gl JOIN `tabAccount` a ON a.name = gl.account
		WHERE a.account_type = 'Receivable' AND gl.is_cancelled = 0 AND gl.company = %s AND gl.posting_date <= %s""",
		(HL, day),
	)
	ple = frappe.db.sql(
		"SELECT SUM(amount) FROM `tabPayment Ledger Entry` WHERE delinked = 0 AND company = %s AND posting_date <= %s",
		(HL, day),
	)
	return flt(gl[0][0], 2), flt(ple[0][0], 2)


# Reversing


def test_reverse_cancels_where_the_period_is_open():
	one = invoice("Anchor Cafe", 100, "2026-01-15")
	before = ledger_checks.snapshot(HL)
	run = run_helpers.post(run_helpers.run())
	assert (outstanding(one), written_off(one)) == (0, 100)
	run.reverse(LATER)
	assert run_helpers.status(run) == "Reversed"
	assert (outstanding(one), written_off(one)) == (100, 0)
	assert before.diff(ledger_checks.snapshot(HL)) == []
	assert run_helpers.entries(run) == [] and len(run_helpers.entries(run, docstatus=2)) == 1
	assert run_helpers.items(run)[one.name].status == "Reversed"
	assert {"Submitted", "Started", "Batch Posted", "Finished", "Reversal Started", "Entry Cancelled"} <= set(
		run_helpers.events(run)
	)


@pytest.mark.parametrize("how", ["accounting period", "frozen books", "immutable ledger", "asked for"])
def test_21_a_closed_period_is_reversed_on_a_later_date(how: str):
	one, two = invoice("Anchor Cafe", 100, "2026-01-15"), invoice("Breakwater Bar", 50, "2026-01-15")
	run = run_helpers.post(run_helpers.run())
	if how == "accounting period":
		accounting_period("2026-06-01", "2026-06-30")
	elif how == "frozen books":
		freeze_books("2026-06-30")
	elif how == "immutable ledger":
		setting("Accounts Settings", enable_immutable_ledger=1)
	if how != "asked for":
		with refused("Undo"):
			run.cancel()
			run.reload()
	run.reverse(LATER, dated=how == "asked for")
	assert run_helpers.status(run) == "Reversed"
	assert [outstanding(one), outstanding(two)] == [100, 50]
	original, reversing = run_helpers.entries(run)
	assert reversing == f"{original}-R"
	assert frappe.db.get_value("Journal Entry", reversing, ["reversal_of", "posting_date"]) == (
		original,
		frappe.utils.getdate(LATER),
	)
	assert ledger_checks.gl_table(reversing) == "\n".join(
		[
			"account        | party          | cost center |  debit | credit | against",
			f"Debtors - HL   | Anchor Cafe    |             | 100.00 |        | Sales Invoice {one.name}",
			f"Debtors - HL   | Breakwater Bar |             |  50.00 |        | Sales Invoice {two.name}",
			"Write Off - HL |                | Main - HL   |        | 150.00 |",
		]
	)
	assert ledgers_on("2026-06-29") == (150, 150)
	assert ledgers_on("2026-06-30") == ledgers_on("2026-07-14") == (0, 0)
	assert ledgers_on(LATER) == (150, 150)
	assert {row.reversal_entry for row in run_helpers.items(run).values()} == {reversing}


def test_21_a_period_closed_between_approval_and_posting():
	one = invoice("Anchor Cafe", 100, "2026-01-15")
	run = run_helpers.run()
	with run_helpers.approved(run):
		accounting_period("2026-06-01", "2026-06-30")
	assert run_helpers.status(run) == "Failed"
	assert "Accounting Period" in run_helpers.items(run)[one.name].message
	assert outstanding(one) == 100
	frappe.db.delete("Accounting Period")
	frappe.db.delete("Closed Document")
	clear_data_caches()
	run.reload().retry_failed()
	assert run_helpers.status(run) == "Posted"
	assert outstanding(one) == 0


def test_21_books_frozen_between_approval_and_posting():
	one = invoice("Anchor Cafe", 100, "2026-01-15")
	run = run_helpers.run()
	with run_helpers.approved(run):
		freeze_books("2026-06-30")
	assert run_helpers.status(run) == "Failed"
	assert "not authorized" in run_helpers.items(run)[one.name].message
	assert outstanding(one) == 100


def test_18_disabled_and_frozen_customers_are_undone():
	gone, cold = customer("Gone Ltd"), customer("Cold Ltd")
	vouchers = [invoice(name, 10, "2026-01-15") for name in (gone, cold)]
	first = run_helpers.post(run_helpers.run())
	frappe.db.set_value("Customer", gone, "disabled", 1)
	frappe.db.set_value("Customer", cold, "is_frozen", 1)
	clear_data_caches()
	first.reverse(LATER)
	assert [outstanding(one) for one in vouchers] == [10, 10]
	assert not frappe.flags.ignore_party_validation

	frappe.db.set_value("Customer", gone, "disabled", 0)
	frappe.db.set_value("Customer", cold, "is_frozen", 0)
	clear_data_caches()
	second = run_helpers.post(run_helpers.run())
	frappe.db.set_value("Customer", gone, "disabled", 1)
	frappe.db.set_value("Customer", cold, "is_frozen", 1)
	clear_data_caches()
	second.reverse(LATER, dated=True)
	assert [outstanding(one) for one in vouchers] == [10, 10]
	assert run_helpers.status(second) == "Reversed"


# Once only


def test_22_a_second_reversal():
	one = invoice("Anchor Cafe", 100, "2026-01-15")
	run = run_helpers.post(run_helpers.run())
	run.reverse(LATER, dated=True)
	with refused("has no written-off balances"):
		run.reverse(LATER, dated=True)
	assert outstanding(one) == 100
	[original, reversing] = run_helpers.entries(run)
	by_hand = frappe.get_attr(
		"erpnext.accounts.doctype.journal_entry.journal_entry.make_reverse_journal_entry"
	)
	for name in (original, reversing):
		# v16 does not even make a second reversal of the same entry; the reversing one it would reverse, as v15
		with refused(f"belongs to .*{run.name}|already exists for this"):
			entry = by_hand(name)
			entry.posting_date = LATER
			factories.submitted(entry)
	with refused():
		frappe.get_doc("Journal Entry", original).cancel()
	assert outstanding(one) == 100


def test_22_a_journal_entry_cancelled_by_hand():
	one, two = invoice("Anchor Cafe", 100, "2026-01-15"), invoice("Breakwater Bar", 50, "2026-01-15")
	run_helpers.settings(entries_per="Customer")
	run = run_helpers.post(run_helpers.run())
	frappe.get_doc("Journal Entry", run_helpers.items(run)[one.name].journal_entry).cancel()
	assert [outstanding(one), outstanding(two)] == [100, 0]
	assert [written_off(one), written_off(two)] == [0, 50]
	assert {name: row.status for name, row in run_helpers.items(run).items()} == {
		one.name: "Reversed",
		two.name: "Posted",
	}
	run.reload()
	assert (run.status, run.posted_count, run.posted_amount) == ("Partly Posted", 1, 50)
	assert "cancelled by Administrator" in run_helpers.events(run)["Entry Cancelled"]
	again = run_helpers.post(run_helpers.run())
	assert run_helpers.items(again)[one.name].status == "Posted"
	assert outstanding(one) == 0


def test_22_a_reversing_entry_cancelled_by_hand():
	one = invoice("Anchor Cafe", 100, "2026-01-15")
	run = run_helpers.post(run_helpers.run())
	run.reverse(LATER, dated=True)
	[_original, reversing] = run_helpers.entries(run)
	payment = pay(one, 100, LATER)
	with refused("settled since"):
		frappe.get_doc("Journal Entry", reversing).cancel()
	payment.cancel()
	frappe.get_doc("Journal Entry", reversing).cancel()
	assert (outstanding(one), written_off(one)) == (0, 100)
	assert run_helpers.items(run)[one.name].status == "Posted"
	assert run_helpers.status(run) == "Posted"
	run.reload().reverse(LATER, dated=True)
	assert outstanding(one) == 100
	assert len(run_helpers.entries(run)) == 2


def test_22_unreconcile():
	one = invoice("Anchor Cafe", 100, "2026-01-15")
	run = run_helpers.post(run_helpers.run())
	doc = frappe.new_doc("Unreconcile Payment")
	doc.update({"company": HL, "voucher_type": "Journal Entry", "voucher_no": run_helpers.entries(run)[0]})
	doc.add_references()
	with refused(f"belongs to .*{run.name}"):
		doc.insert()
	assert outstanding(one) == 0


def test_22_an_invoice_cancelled_after_the_write_off():
	one = invoice("Anchor Cafe", 100, "2026-01-15")
	run = run_helpers.post(run_helpers.run())
	with refused(f"written off by .*{run.name}"):
		frappe.get_doc("Sales Invoice", one.name).cancel()
	run.reverse(LATER)
	frappe.get_doc("Sales Invoice", one.name).cancel()
	assert frappe.db.get_value("Sales Invoice", one.name, "docstatus") == 2


def test_a_journal_entry_by_hand_does_not_settle_what_is_written_off(monkeypatch):
	one = invoice("Anchor Cafe", 100, "2026-01-15")
	with monkeypatch.context() as patched:
		patched.setattr(factories, "submitted", lambda doc: doc.insert())
		settles = [
			line("Debtors", credit=100, party="Anchor Cafe", against=one),
			line("Write Off", debit=100),
		]
		entry = journal(*settles)
	# As if the draft had been saved and validated a moment before the run committed.
	monkeypatch.setattr(open_documents, "drafts", lambda balances: {})
	run = run_helpers.post(run_helpers.run())
	entry.validate_invoices = lambda: None
	with refused(f"was written off by .*{run.name}"):
		entry.submit()
	assert outstanding(one) == 0


# Reinstating


def test_23_a_late_payment_after_a_partial_reinstatement():
	one = invoice("Anchor Cafe", 100, "2026-01-15")
	run = run_helpers.post(run_helpers.run())
	[item] = run_helpers.items(run).values()
	with refused():
		pay(one, 30, LATER)
	entry = run.reinstate([item.name], {item.name: 30}, LATER)[item.name]
	assert ledger_checks.gl_table(entry) == "\n".join(
		[
			"account        | party       | cost center | debit | credit | against",
			f"Debtors - HL   | Anchor Cafe |             | 30.00 |        | Sales Invoice {one.name}",
			"Write Off - HL |             | Main - HL   |       |  30.00 |",
		]
	)
	assert (outstanding(one), written_off(one)) == (30, 70)
	pay(one, 30, LATER)
	assert (outstanding(one), written_off(one)) == (0, 70)
	run.reload()
	assert (run.status, run.posted_amount, run.recovered_amount) == ("Posted", 70, 30)
	[recovery] = frappe.get_all("Write-Off Recovery", fields=["*"], order_by=None)
	assert (recovery.item, recovery.amount, recovery.journal_entry) == (item.name, 30, entry)
	with refused("between 0 and"):
		run.reinstate([item.name], {item.name: 70.01}, LATER)
	with refused("cannot be cancelled: some"):
		frappe.get_doc("Journal Entry", run_helpers.items(run)[one.name].journal_entry).cancel()
	run.reverse(LATER)  # the rest
	assert (outstanding(one), written_off(one)) == (70, 0)
	run.reload()
	assert (run.status, run.posted_amount, run.recovered_amount) == ("Reversed", 0, 30)
	pay(one, 70, LATER)
	assert outstanding(one) == 0


@pytest.mark.parametrize("dated", [True, False])
def test_23_the_rest_of_an_entry_after_one_of_its_balances_was_reinstated_in_full(dated: bool):
	"""The entry still has the rows of the balance that is open again: it must not be opened twice."""
	bills = [invoice("Anchor Cafe", amount, "2026-01-15") for amount in (10, 20, 30)]
	run = run_helpers.post(run_helpers.run())
	[entry] = run_helpers.entries(run)
	first = run_helpers.items(run)[bills[0].name]
	run.reinstate([first.name], None, LATER)
	assert [outstanding(bill) for bill in bills] == [10, 0, 0]
	with refused("were reinstated"):
		run.cancel()
	frappe.db.rollback()
	run.reload().reverse(LATER, dated=dated)
	assert [outstanding(bill) for bill in bills] == [10, 20, 30]
	assert [written_off(bill) for bill in bills] == [0, 0, 0]
	assert frappe.db.get_value("Journal Entry", entry, "docstatus") == 1
	[reversing] = {run_helpers.items(run)[bill.name].reversal_entry for bill in bills[1:]}
	assert ledger_checks.gl_table(reversing) == "\n".join(
		[
			"account        | party       | cost center | debit | credit | against",
			f"Debtors - HL   | Anchor Cafe |             | 20.00 |        | Sales Invoice {bills[1].name}",
			f"Debtors - HL   | Anchor Cafe |             | 30.00 |        | Sales Invoice {bills[2].name}",
			"Write Off - HL |             | Main - HL   |       |  50.00 |",
		]
	)
	run.reload()
	assert (run.status, run.posted_amount, run.recovered_amount) == ("Reversed", 0, 10)
	before = ledger_checks.gl_table(reversing)
	with refused():
		run.reverse(LATER, dated=dated)
	assert ledger_checks.gl_table(reversing) == before
	assert [outstanding(bill) for bill in bills] == [10, 20, 30]


def test_23_amounts_to_reinstate_that_fit_no_balance():
	one, other = invoice("Anchor Cafe", 100, "2026-01-15"), invoice("Anchor Cafe", 50, "2026-01-15")
	run = run_helpers.post(run_helpers.run())
	item = run_helpers.items(run)[one.name].name
	with refused("is not among the balances"):
		run.reinstate([item], {run_helpers.items(run)[other.name].name: 1}, LATER)
	with refused("one amount for each balance"):
		run.reinstate([item], [1, 2], LATER)
	with refused("at most 2 decimals"):
		run.reinstate([item], ["0.255"], LATER)
	assert (outstanding(one), outstanding(other)) == (0, 0)


def test_23_a_reinstatement_cancelled_by_hand():
	one = invoice("Anchor Cafe", 100, "2026-01-15")
	run = run_helpers.post(run_helpers.run())
	[item] = run_helpers.items(run).values()
	entry = run.reinstate([item.name], None, LATER)[item.name]
	assert run_helpers.items(run)[one.name].status == "Reversed" and run_helpers.status(run) == "Reversed"
	late = pay(one, 60, LATER)
	with refused("settled since"):
		frappe.get_doc("Journal Entry", entry).cancel()
	late.cancel()
	frappe.get_doc("Journal Entry", entry).cancel()
	assert (outstanding(one), written_off(one)) == (0, 100)
	run.reload()
	assert (run.status, run.posted_amount, run.recovered_amount) == ("Posted", 100, 0)
	assert run_helpers.items(run)[one.name].reinstated_amount == 0


def test_23_a_foreign_balance_reinstated_in_three_parts_sums_exactly():
	one = invoice("Helios SARL", 100, "2026-01-15", currency="EUR", rate=1.23457)
	run = run_helpers.post(run_helpers.run())
	[item] = run_helpers.items(run).values()
	for part in (33.33, 33.33, 33.34):
		run.reinstate([item.name], [part], LATER)
	assert outstanding(one) == 100
	[(own, base)] = frappe.db.sql(
		"""SELECT SUM(amount_in_account_currency), SUM(amount) FROM `tabPayment Ledger Entry`
		WHERE against_voucher_no = %s AND delinked = 0""",
		one.name,
	)
	assert (flt(own, 9), flt(base, 9)) == (100, 123.46)
	row = run_helpers.items(run)[one.name]
	assert (row.status, row.reinstated_amount, row.base_reinstated_amount) == ("Reversed", 100, 123.46)


def test_19_a_customer_over_the_credit_limit():
	limited = customer("Tight Ltd", credit_limits=[{"company": HL, "credit_limit": 60}])
	frappe.db.set_single_value("Accounts Settings", "credit_controller", "")
	one = invoice(limited, 50, "2026-01-15")
	run = run_helpers.post(run_helpers.run())
	invoice(limited, 55, "2026-05-15")
	[item] = run_helpers.items(run).values()
	with as_user(factories.MANAGER):
		run.reinstate([item.name], None, LATER)
	assert outstanding(one) == 50
	assert "over the credit limit of" in run_helpers.events(run)["Over Credit Limit"]


def test_19_a_credit_written_off_for_a_customer_over_the_credit_limit():
	limited = customer("Tight Ltd", credit_limits=[{"company": HL, "credit_limit": 60}])
	invoice(limited, 55, "2026-01-15")
	note = invoice(limited, 10, "2026-02-15", is_return=True)
	invoice(limited, 12, "2026-03-15")
	run_helpers.settings(credit_write_off_account=run_helpers.credit_account(), customer_credits="Ignore")
	run = run_helpers.post(run_helpers.run(balance_type="Credit"))
	[item] = run_helpers.items(run, status="Posted").values()
	assert item.voucher_no == note.name
	assert "over the credit limit of" in item.message
	assert outstanding(note) == 0


def test_credit_notes_are_reversed_with_a_date_and_reinstated():
	"""Nothing is outstanding on a credit note that was written off, and ERPNext credits no more than that."""
	notes = [invoice("Anchor Cafe", 10, "2026-02-15", is_return=True) for _number in range(2)]
	run_helpers.settings(credit_write_off_account=run_helpers.credit_account())
	run = run_helpers.post(run_helpers.run(balance_type="Credit"))
	assert [outstanding(note) for note in notes] == [0, 0]
	item = run_helpers.items(run)[notes[0].name].name
	with as_user(factories.MANAGER):
		run.reinstate([item], None, LATER)
		assert [outstanding(note) for note in notes] == [-10, 0]
		run.reload().reverse(LATER, dated=True)
	assert [outstanding(note) for note in notes] == [-10, -10], run_helpers.events(run)
	assert run_helpers.status(run) == "Reversed"


# Who may


def test_a_preparer_may_neither_pause_nor_undo():
	invoice("Anchor Cafe", 100, "2026-01-15")
	run = run_helpers.post(run_helpers.run())
	[item] = run_helpers.items(run)
	with as_user(PREPARER):
		own = frappe.get_doc("Write-Off Run", run.name)
		for call in (
			own.pause,
			own.resume,
			own.retry_failed,
			lambda: own.reverse(LATER),
			lambda: own.reinstate([item], None, LATER),
		):
			with pytest.raises(frappe.PermissionError):
				call()


def test_an_auditor_reads_and_exports_the_log():
	invoice("Anchor Cafe", 100, "2026-01-15")
	run = run_helpers.post(run_helpers.run())
	with as_user(factories.AUDITOR):
		assert frappe.has_permission("Write-Off Run Event", "export")
		assert not frappe.has_permission("Write-Off Run Event", "write")
		rows = frappe.get_list(
			"Write-Off Run Event", filters={"run": run.name}, fields=["*"], order_by="at asc"
		)
	assert [row.event for row in rows] == ["Submitted", "Started", "Batch Posted", "Finished"]
	assert (rows[2].posted_count, rows[2].amount, rows[2].journal_entry) == (
		1,
		100,
		run_helpers.entries(run)[0],
	)
	assert {row.user for row in rows} == {factories.MANAGER}


def test_money_on_account_does_not_stop_an_undo():
	one = invoice("Anchor Cafe", 100, "2026-01-15")
	run = run_helpers.post(run_helpers.run())
	payment("Anchor Cafe", 25, "2026-07-01")
	run.reverse(LATER, dated=True)
	assert outstanding(one) == 100
