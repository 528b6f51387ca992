"""Cancelling a run restores the ledgers, and the balances can be written off again."""

from __future__ import annotations

from typing import Any

import frappe
import pytest

from ar_writeoff.ledger.dimensions import RequiredDimensions
from ar_writeoff.undo.service import MAX_ENTRIES_PER_REQUEST, undo_run
from tests.site import ledger_checks, run_helpers
from tests.site.concurrency import in_background
from tests.site.factories import (
	HL,
	MANAGER,
	TODAY,
	account,
	as_user,
	cost_center,
	credit_note,
	freeze_books,
	invoice,
	many_invoices,
	outstanding,
	pay,
	project,
)
from tests.site.test_tax_claims import count_queries

NAMES_AND_TIMES = {"modified", "modified_by"}
BOOKS = ("GL Entry", "Payment Ledger Entry", "Sales Invoice", "Payment Entry", "Journal Entry")


@pytest.fixture
def invoices() -> list[str]:
	"""Debit balances of every kind."""
	run_helpers.settings(bad_debt_account=account("Bad Debt Expense"), rows_per_entry=4)
	paid = invoice("Anchor Cafe", 100, "2026-01-15")
	pay(paid, 90, "2026-02-01")
	credited = invoice("Anchor Cafe", 30, "2026-01-16")
	credit_note(credited, 10, "2026-02-01")
	made = [
		paid,
		credited,
		invoice("Breakwater Bar", 0.01, "2026-01-17"),
		invoice("Breakwater Bar", 12, "2026-01-18", cost_center=cost_center("North Pier")),
		invoice("Elm School", 13, "2026-01-19", project=project()),
		invoice("Helios SARL", 14.14, "2026-01-20", currency="EUR", rate=1.2345),
	]
	frappe.db.commit()
	return [one.name for one in made]


def all_rows(but_not_of: list[str]) -> dict[tuple[str, str], dict[str, Any]]:
	"""All columns of all ledger rows, except rows of these entries and the modification time."""
	found = {}
	for doctype in BOOKS:
		for row in frappe.get_all(doctype, fields=["*"], order_by="name asc"):
			if row.name not in but_not_of and row.get("voucher_no") not in but_not_of:
				values = {key: value for key, value in row.items() if key not in NAMES_AND_TIMES}
				found[doctype, row.name] = values
	return found


def cancel(run: Any) -> None:
	with as_user(MANAGER):
		run.cancel()
	run.reload()


def test_cancelling_restores_the_books_row_by_row(invoices):
	before, live_before = all_rows([]), ledger_checks.snapshot(HL)
	run = run_helpers.post(run_helpers.run())
	entries = run_helpers.entries(run)
	assert len(entries) == 3
	assert {outstanding(name) for name in invoices} == {0}

	cancel(run)

	assert all_rows(entries) == before
	assert ledger_checks.snapshot(HL).diff(live_before) == []
	ledger_checks.assert_debits_equal_credits(HL)
	ledger_checks.assert_ple_equals_gl(HL)
	# What is left of the entries: cancelled documents, cancelled and delinked rows.
	assert set(frappe.get_all("Journal Entry", {"name": ("in", entries)}, pluck="docstatus")) == {2}
	assert set(frappe.get_all("GL Entry", {"voucher_no": ("in", entries)}, pluck="is_cancelled")) == {1}
	assert set(frappe.get_all("Payment Ledger Entry", {"voucher_no": ("in", entries)}, pluck="delinked")) == {
		1
	}


def cancelling(run: Any) -> None:
	"""Cancel the run as a manager; workers cancel its Journal Entries."""
	frappe.flags.mute_messages = False
	with in_background(), as_user(MANAGER):
		run.cancel()
		frappe.db.commit()
	frappe.flags.mute_messages = True
	assert (run.docstatus, run.status) == (1, "Reversing")
	assert "in the background" in str(frappe.message_log)


def test_a_run_of_many_entries_is_cancelled_in_the_background():
	names = many_invoices(7)
	run_helpers.settings(rows_per_entry=2)
	frappe.db.commit()
	before, live_before = all_rows([]), ledger_checks.snapshot(HL)
	run = run_helpers.post(run_helpers.run())
	entries = run_helpers.entries(run)
	assert len(entries) == 7 > MAX_ENTRIES_PER_REQUEST
	cancelling(run)
	assert run_helpers.entries(run) == entries
	with as_user(MANAGER), pytest.raises(frappe.ValidationError, match="Wait until it has finished"):
		run.cancel()

	undo_run(run.name)
	run.reload()
	assert (run.docstatus, run.status, run.posted_count, run.modified_by) == (2, "Reversed", 0, MANAGER)
	assert run_helpers.entries(run) == [] and run_helpers.entries(run, docstatus=2) == entries
	assert all_rows(entries) == before
	assert live_before.diff(ledger_checks.snapshot(HL)) == []
	assert {outstanding(name) for name in names} == {10}


def test_a_run_of_many_entries_whose_period_is_closed_meanwhile_is_neither_cancelled_nor_reversed():
	many_invoices(7)
	run_helpers.settings(rows_per_entry=2)
	run = run_helpers.post(run_helpers.run())
	cancelling(run)
	posted = ledger_checks.snapshot(HL)
	freeze_books("2026-07-31")
	frappe.db.commit()
	undo_run(run.name)
	run.reload()
	assert (run.docstatus, run.status, run.posted_count) == (1, "Posted", 7)
	assert posted.diff(ledger_checks.snapshot(HL)) == []
	assert "Use Undo" in run_helpers.events(run)["Not Reversed"]
	with as_user(MANAGER), pytest.raises(frappe.ValidationError, match="Use Undo"):
		run.cancel()


def test_credits_too():
	run_helpers.settings(
		credit_write_off_account=account("Credit Balances Written Off"), customer_credits="Ignore"
	)
	one = invoice("Anchor Cafe", 10, "2026-01-15", is_return=True)
	of = invoice("Elm School", 100, "2026-01-15")
	two = credit_note(of, 5, "2026-01-20", update_outstanding_for_self=True)
	frappe.db.commit()
	before = all_rows([])
	run = run_helpers.post(run_helpers.run(balance_type="Credit"))
	entries = run_helpers.entries(run)
	assert [outstanding(one), outstanding(two), outstanding(of)] == [0, 0, 100]
	cancel(run)
	assert all_rows(entries) == before


def test_the_run_says_that_it_was_undone(invoices):
	run = run_helpers.post(run_helpers.run())
	assert (run.status, run.posted_count) == ("Posted", 6)
	cancel(run)
	assert (run.docstatus, run.status, run.posted_count, run.posted_amount) == (2, "Reversed", 0, 0)
	items = run_helpers.items(run)
	assert {item.status for item in items.values()} == {"Reversed"}
	assert all(item.journal_entry for item in items.values()), "the way to the cancelled entry stays"
	amounts = frappe.get_all("Sales Invoice", {"name": ("in", invoices)}, pluck="written_off_amount")
	assert set(amounts) == {0}


def test_what_was_undone_is_found_and_posted_again_by_another_run(invoices):
	first = run_helpers.post(run_helpers.run())
	cancel(first)
	second = run_helpers.run()
	assert set(run_helpers.items(second)) == set(invoices)
	run_helpers.post(second)
	assert second.status == "Posted"
	assert {outstanding(name) for name in invoices} == {0}
	assert not set(run_helpers.entries(second)) & set(run_helpers.entries(first, docstatus=2))
	ledger_checks.assert_debits_equal_credits(HL)
	ledger_checks.assert_ple_equals_gl(HL)


def test_the_run_is_amended_and_posted_again(invoices):
	before = all_rows([])
	first = run_helpers.post(run_helpers.run(max_invoice_amount=15))
	cancel(first)

	with as_user(MANAGER):
		amended = frappe.copy_doc(first)  # with what must not be copied, as the desk does it
		amended.update({"amended_from": first.name, "docstatus": 0})
		amended.insert().reload()
	assert amended.name == f"{first.name}-1"
	assert (amended.docstatus, amended.status) == (0, "Draft")
	assert (amended.found_count, amended.selected_count, amended.posted_count) == (0, 0, 0)
	assert (amended.selected_amount, amended.posted_amount) == (0, 0)
	assert not amended.submitted_by and not amended.searched_on
	assert amended.max_invoice_amount == 15
	assert run_helpers.items(amended) == {}, "a new search, as balances may have changed"

	with as_user(MANAGER):
		amended.find_invoices()
	run_helpers.post(amended)
	assert amended.status == "Posted"
	assert set(run_helpers.items(amended)) == set(run_helpers.items(first))
	cancel(amended)
	entries = [*run_helpers.entries(first, docstatus=2), *run_helpers.entries(amended, docstatus=2)]
	assert all_rows(entries) == before


def test_undo_is_refused_in_frozen_books_and_nothing_changes(invoices):
	run = run_helpers.post(run_helpers.run())
	freeze_books("2026-07-31")
	frappe.db.commit()
	posted = ledger_checks.snapshot(HL)
	with (
		as_user(MANAGER),
		pytest.raises(frappe.ValidationError, match="not authorized to add or update entries before"),
	):
		run.cancel()
	frappe.db.rollback()
	run.reload()
	assert (run.docstatus, run.status) == (1, "Posted")
	assert posted.diff(ledger_checks.snapshot(HL)) == []


def test_an_entry_cancelled_by_hand_is_undone_in_the_run_too(invoices):
	run = run_helpers.post(run_helpers.run())
	entry = run_helpers.entries(run)[0]
	undone = [item.voucher_no for item in run_helpers.items(run, journal_entry=entry).values()]
	with as_user(MANAGER):
		frappe.get_doc("Journal Entry", entry).cancel()
	frappe.db.commit()
	run.reload()
	assert run.status == "Partly Posted"
	items = run_helpers.items(run)
	for name, item in items.items():
		assert item.status == ("Reversed" if name in undone else "Posted")
		assert bool(outstanding(name)) is (name in undone)
	cancel(run)
	assert run.status == "Reversed"
	assert all(outstanding(name) for name in invoices)
	ledger_checks.assert_ple_equals_gl(HL)


def test_only_who_may_cancel_can_undo(invoices):
	run = run_helpers.post(run_helpers.run())
	with as_user("preparer@example.com"), pytest.raises(frappe.PermissionError):
		frappe.get_doc("Write-Off Run", run.name).cancel()
	frappe.db.rollback()
	assert {outstanding(name) for name in invoices} == {0}


@pytest.mark.parametrize("in_part", (False, True))
def test_an_undo_reads_the_rules_of_dimensions_once(in_part: bool, monkeypatch: pytest.MonkeyPatch) -> None:
	"""Once for an entry, not for each of its rows."""
	names = [invoice("Anchor Cafe", 10 + number, "2026-01-15").name for number in range(6)]
	counts = []
	for without in (True, True, False):
		run = run_helpers.post(run_helpers.run())
		items = run_helpers.items(run)
		with as_user(MANAGER):
			if in_part:
				first = items[names[0]].name
				run.reinstate([first], {first: 3}, TODAY)
			with monkeypatch.context() as patch:
				if without:
					patch.setattr(RequiredDimensions, "add_to", lambda _self, values, _account: values)
				counts.append(count_queries(lambda run=run: run.reload().reverse(TODAY, dated=1)))
	assert sorted(outstanding(name) for name in names) == [10, 11, 12, 13, 14, 15]
	assert counts[2].total() <= counts[1].total() + 2, counts[2] - counts[1]
