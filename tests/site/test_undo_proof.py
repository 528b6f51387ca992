"""The site proves by itself that cancelling in sets leaves ERPNext's rows; a fault in the middle leaves nothing behind."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import frappe
import pytest
from erpnext.accounts import utils

from ar_writeoff.posting import fast, proof
from ar_writeoff.posting.proof import combination
from tests.site import ledger_checks, run_helpers
from tests.site.concurrency import BreakpointWorkers, in_background, watchdog
from tests.site.conftest import Workers, eventually
from tests.site.factories import HL, MANAGER, TODAY, as_user, many_invoices, outstanding
from tests.site.heard import listening
from tests.site.test_posting_proof import another_invoice, big_run, hindrance, proofs


def ways(monkeypatch: pytest.MonkeyPatch) -> list[str]:
	"""The ways in which entries are cancelled from now on, with those of rehearsals."""
	used: list[str] = []
	cancel = fast.cancel
	monkeypatch.setattr(
		fast, "cancel", lambda entry, cache: (used.append(cache.method), cancel(entry, cache))
	)
	return used


def undo(run: Any) -> str:
	with as_user(MANAGER):
		run.reverse(TODAY)
	return run.reload().status


def posted(count: int = 24) -> Any:
	return run_helpers.post(big_run(count))


def test_the_first_entry_is_cancelled_both_ways_and_the_next_in_sets(monkeypatch: pytest.MonkeyPatch):
	run = posted()
	before = ledger_checks.snapshot(HL)
	used = ways(monkeypatch)
	assert undo(run) == "Reversed" and used == [proof.BY_ROW, proof.IN_SETS, proof.IN_SETS]
	[_posting, found] = proofs()
	assert (found.verdict, found.method, found.cancels, found.run) == ("Equal", "In Sets", 1, run.name)
	counts = dict(line.split(": ") for line in found.tables.splitlines())
	# Each row and its reversal; the invoices and the items.
	assert (int(counts["GL Entry"]), int(counts["Payment Ledger Entry"])) == (50, 48)
	assert int(counts["Sales Invoice"]) == int(counts["Write-Off Run Item"]) == 24
	used.clear()
	assert undo(posted()) == "Reversed" and used == [proof.IN_SETS]
	assert len(proofs()) == 2 and hindrance() == ""
	ledger_checks.assert_ple_equals_gl(HL)
	assert before.diff(ledger_checks.snapshot(HL)) != []


def test_a_small_entry_is_not_compared(monkeypatch: pytest.MonkeyPatch):
	used = ways(monkeypatch)
	assert undo(posted(3)) == "Reversed" and used == [proof.BY_ENTRY]
	run_helpers.settings(fast_posting=0)
	used.clear()
	assert undo(posted(3)) == "Reversed" and used == [proof.BY_ROW]
	assert proofs() == []


def test_posting_and_cancelling_are_proven_apart():
	"""A handler that listens to the cancelling of entries concerns only their cancelling."""
	key, cancelling = combination.key(HL), combination.key(HL, cancels=True)
	assert key != cancelling
	with listening(("Journal Entry", "on_cancel")):
		assert combination.key(HL) == key and combination.key(HL, cancels=True) != cancelling
	notification = {"document_type": "Journal Entry", "event": "Cancel", "enabled": 1, "name": "Cancelled"}
	frappe.get_doc({"doctype": "Notification", **notification}).db_insert()
	assert combination.key(HL) == key and combination.key(HL, cancels=True) != cancelling


def another_payment_row(monkeypatch: pytest.MonkeyPatch) -> Any:
	"""ERPNext writes one more column of each Payment Ledger row that it delinks."""
	delink = utils.delink_original_entry

	def changed(row: Any, *args: Any, **kwargs: Any) -> None:
		delink(row, *args, **kwargs)
		filters = {"voucher_no": row.voucher_no, "against_voucher_no": row.against_voucher_no}
		frappe.db.set_value("Payment Ledger Entry", filters, "remarks", "Delinked")

	monkeypatch.setattr(utils, "delink_original_entry", changed)
	return lambda: frappe.db.count("Payment Ledger Entry", {"remarks": "Delinked"})


@pytest.mark.parametrize(
	"change, method", ((another_payment_row, proof.BY_ENTRY), (another_invoice, proof.BY_ROW))
)
def test_a_release_that_cancels_otherwise(change: Any, method: str, monkeypatch: pytest.MonkeyPatch):
	"""The rehearsal finds it, entries are cancelled as ERPNext does it, and posting in sets stays as proven."""
	run = posted()
	before = ledger_checks.snapshot(HL)
	count = change(monkeypatch)
	used = ways(monkeypatch)
	assert undo(run) == "Reversed" and used[-1] == method and count() == 24
	[found] = proofs(cancels=1)
	assert (found.verdict, found.method) == ("Different", method) and "remarks" in found.differences
	used.clear()
	monkeypatch.undo()
	assert hindrance() == ""
	used = ways(monkeypatch)
	assert undo(posted()) == "Reversed" and used == [method]
	assert len(proofs(cancels=1)) == 1 and before
	ledger_checks.assert_debits_equal_credits(HL)
	ledger_checks.assert_ple_equals_gl(HL)


@pytest.mark.parametrize(
	"target",
	(("GL Entry", "validate"), ("Payment Ledger Entry", "on_submit"), ("Sales Invoice", "on_change")),
)
@pytest.mark.parametrize("proven", (False, True))
def test_a_handler_that_refuses_one_row_of_an_entry(target: tuple[str, str], proven: bool):
	"""That entry stays posted as a whole, with its reason in the log; the others are cancelled."""
	bad: list[str] = []

	def refuse(doc: Any, event: str) -> None:
		if {doc.get("against_voucher"), doc.get("against_voucher_no"), doc.name} & set(bad):
			frappe.throw("Not this one")

	with listening(target, react=refuse):
		if proven:
			assert undo(posted()) == "Reversed"
		run_helpers.settings(rows_per_entry=25)
		run = posted(24 if proven else 48)
		[first, second] = run_helpers.entries(run)
		before = ledger_checks.snapshot(HL)
		bad.append(frappe.get_all("Write-Off Run Item", {"journal_entry": second}, pluck="voucher_no")[7])
		assert undo(run) == "Partly Posted"
	assert run_helpers.entries(run) == [second] and run_helpers.entries(run, docstatus=2) == [first]
	assert "Not this one" in run_helpers.events(run)["Not Reversed"]
	items = run_helpers.items(run)
	assert {row.status for row in items.values() if row.journal_entry == second} == {"Posted"}
	assert {row.status for row in items.values() if row.journal_entry == first} == {"Reversed"}
	assert before.diff(ledger_checks.snapshot(HL)) != []
	run_helpers.assert_posted_once(run)
	ledger_checks.assert_debits_equal_credits(HL)
	ledger_checks.assert_ple_equals_gl(HL)
	# Nothing of the refused entry is left.
	assert not frappe.db.count("GL Entry", {"voucher_no": second, "is_cancelled": 1})
	assert not frappe.db.count("Payment Ledger Entry", {"voucher_no": second, "delinked": 1})
	assert undo(run) == "Reversed"


@pytest.mark.workers
@pytest.mark.parametrize("dated", (0, 1))
def test_killed_within_an_entry(workers: Workers, tmp_path: Path, dated: int):
	"""Between the two ledgers of an entry that is undone in sets: nothing of it stays, and the next worker undoes it."""
	names = many_invoices(24)
	breakpoints = BreakpointWorkers(workers, tmp_path)
	before = ledger_checks.snapshot(HL)
	first = run_helpers.post(run_helpers.run())
	with as_user(MANAGER):
		first.reverse(TODAY, dated=dated)
	run_helpers.settings(rows_per_entry=9, parallel_jobs=1)
	run = run_helpers.post(run_helpers.run())
	assert len(run_helpers.entries(run)) == 3
	breakpoints.hold("payment_rows")
	with in_background():
		with as_user(MANAGER):
			run.reverse(TODAY, dated=dated)
		frappe.db.commit()
	[worker] = breakpoints.start()
	breakpoints.wait_for("payment_rows")
	worker.kill()
	frappe.db.rollback()
	assert run_helpers.status(run) == "Reversing" and len(run_helpers.entries(run)) == 3
	breakpoints.release("payment_rows")
	assert watchdog() == [run.name]
	breakpoints.start()
	eventually(lambda: run_helpers.status(run) == "Reversed", 60)
	assert dated or before.diff(ledger_checks.snapshot(HL)) == []
	assert {outstanding(name) for name in names} == {10}
	assert len(run_helpers.entries(run)) == (6 if dated else 0)
	assert [found.method for found in proofs()] == ["In Sets"] * len(proofs())
	ledger_checks.assert_ple_equals_gl(HL)
