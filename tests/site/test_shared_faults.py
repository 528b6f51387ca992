"""A fault of all items pauses the run with one message; a fault of one item fails that item."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import frappe
import pytest

from ar_writeoff.ledger import transactions
from ar_writeoff.posting import ledger as posting
from tests.site import ledger_checks, run_helpers
from tests.site.factories import HL, customer, invoice, outstanding


@pytest.fixture(autouse=True)
def ledgers_agree():
	yield
	ledger_checks.assert_debits_equal_credits(HL)
	ledger_checks.assert_ple_equals_gl(HL)


@pytest.fixture
def attempts(monkeypatch: pytest.MonkeyPatch) -> list[int]:
	"""The number of balances in each attempt to post an entry."""
	made: list[int] = []
	original = posting.journal.post

	def post(plan: Any, *args: Any) -> Any:
		made.append(len(plan.items))
		return original(plan, *args)

	monkeypatch.setattr(posting.journal, "post", post)
	return made


@contextmanager
def on_submit(rule: Callable[[Any], None]) -> Iterator[None]:
	"""A custom validation on each submitted Journal Entry."""
	from erpnext.accounts.doctype.journal_entry.journal_entry import JournalEntry

	original = JournalEntry.on_submit

	def with_rule(self: Any) -> None:
		rule(self)
		original(self)

	JournalEntry.on_submit = with_rule
	try:
		yield
	finally:
		JournalEntry.on_submit = original


def refuse_all(entry: Any) -> None:
	frappe.throw(f"No entries of {entry.accounts[-1].party} please, {entry.name} of {entry.total_debit}")


def thirty() -> list[str]:
	return run_helpers.names(invoice(customer(f"Debtor {n:02d}"), 5 + n, "2026-01-15") for n in range(30))


@pytest.mark.parametrize("entries_per", ["Batch", "Customer", "Invoice"])
def test_fault_10_a_fault_that_every_item_shares_pauses_the_run(entries_per: str, attempts: list[int]):
	names = thirty()
	before = ledger_checks.snapshot(HL)
	run_helpers.settings(entries_per=entries_per)
	run = run_helpers.run()
	with on_submit(refuse_all):
		run_helpers.post(run)
	assert run.status == "Paused"
	assert len(attempts) <= 1 + posting.SAMPLE_SIZE
	found = run_helpers.items(run)
	assert {row.status for row in found.values()} == {"Open"}
	assert not any(row.message for row in found.values())
	assert not run_helpers.entries(run) and before.diff(ledger_checks.snapshot(HL)) == []
	logged = frappe.get_all("Write-Off Run Event", {"run": run.name, "event": "Paused"}, pluck="message")
	assert len(logged) == 1 and "No entries of" in logged[0] and "resume" in logged[0]
	assert not frappe.db.count("Write-Off Run Event", {"run": run.name, "event": "Not Posted"})
	assert not frappe.db.count("Error Log"), "a refusal is no error"
	told = frappe.get_all("Notification Log", {"document_name": run.name}, ["subject", "email_content"])
	assert told and "Paused" in told[0].subject and "No entries of" in told[0].email_content

	run.reload().resume()
	assert run_helpers.status(run) == "Posted"
	assert {outstanding(name) for name in names} == {0}
	run_helpers.assert_posted_once(run)


def test_fault_10_resumed_before_the_correction_it_pauses_again(attempts: list[int]):
	thirty()
	run = run_helpers.run()
	with on_submit(refuse_all):
		run_helpers.post(run)
		for _time in range(11):
			frappe.get_doc("Write-Off Run", run.name).resume()
	assert run_helpers.status(run) == "Paused"
	assert {row.status for row in run_helpers.items(run).values()} == {"Open"}
	run.reload().resume()
	assert run_helpers.status(run) == "Posted"


def test_fault_10_an_unexpected_error_is_logged_once(attempts: list[int]):
	def fail(entry: Any) -> None:
		raise KeyError(f"rate of {entry.name}")

	thirty()
	run = run_helpers.run()
	with on_submit(fail):
		run_helpers.post(run)
	assert run.status == "Paused"
	assert frappe.db.count("Error Log") == 1
	[error_log] = frappe.get_all("Error Log", ["name", "error"])
	assert "KeyError" in error_log.error
	assert error_log.name in run_helpers.events(run)["Paused"]


def test_fault_10_bad_items_with_the_same_reason_fail_one_by_one(attempts: list[int]):
	"""The first three of forty items are refused for the same reason; the others are posted."""
	names = thirty()
	bad = set(names[:3])

	def rule(entry: Any) -> None:
		if bad & {row.reference_name for row in entry.accounts}:
			refuse_all(entry)

	run = run_helpers.run()
	with on_submit(rule):
		run_helpers.post(run)
	found = run_helpers.items(run)
	assert run.status == "Partly Posted"
	assert {name for name, row in found.items() if row.status == "Failed"} == bad
	assert {row.status for name, row in found.items() if name not in bad} == {"Posted"}
	run_helpers.assert_posted_once(run)


def test_a_batch_of_two_is_checked_one_by_one(attempts: list[int]):
	for n in range(2):
		invoice("Anchor Cafe", 5 + n, "2026-01-15")
	run = run_helpers.run()
	with on_submit(refuse_all):
		run_helpers.post(run)
	assert run.status == "Failed"
	assert {row.status for row in run_helpers.items(run).values()} == {"Failed"}


# By their number


@contextmanager
def missing_column(fieldname: str, doctype: str = "Journal Entry") -> Iterator[None]:
	"""A column that is missing in the database, as after an incomplete migrate."""
	frappe.db.sql_ddl(f"ALTER TABLE `tab{doctype}` RENAME COLUMN `{fieldname}` TO `{fieldname}_away`")
	try:
		yield
	finally:
		frappe.db.sql_ddl(f"ALTER TABLE `tab{doctype}` RENAME COLUMN `{fieldname}_away` TO `{fieldname}`")


def test_fault_09_a_missing_column_is_no_lost_connection(attempts: list[int], monkeypatch):
	monkeypatch.setattr(transactions.time, "sleep", lambda seconds: pytest.fail("nothing to wait for"))
	names = thirty()
	run = run_helpers.run()
	frappe.db.commit()
	with missing_column("pay_to_recd_from"):
		run_helpers.post(run)
	assert run.status == "Paused"
	assert len(attempts) == 1, run_helpers.events(run)
	assert {row.status for row in run_helpers.items(run).values()} == {"Open"}
	assert (
		"migrate" in run_helpers.events(run)["Paused"]
		and "pay_to_recd_from" in run_helpers.events(run)["Paused"]
	)
	run.reload().resume()
	assert {outstanding(name) for name in names} == {0}


def test_fault_09_a_missing_column_of_our_own(monkeypatch):
	"""Posting cannot continue: the run is paused and the job fails with the error."""
	monkeypatch.setattr(transactions.time, "sleep", lambda seconds: pytest.fail("nothing to wait for"))
	one = invoice("Anchor Cafe", 5, "2026-01-15")
	run = run_helpers.run()
	with run_helpers.approved(run):
		frappe.db.commit()
		with (
			missing_column("written_off_amount", "Sales Invoice"),
			pytest.raises(Exception, match="written_off_amount"),
		):
			run_helpers.posting.post_run(run.name)
		assert run_helpers.status(run) == "Paused"
		assert outstanding(one) == 5
		frappe.get_doc("Write-Off Run", run.name).resume()
	assert run_helpers.status(run) == "Posted"


def test_errors_are_told_apart_by_their_number():
	db = frappe.db
	lost = [
		frappe.QueryDeadlockError(db.OperationalError(1213, "Deadlock found")),
		frappe.QueryDeadlockError(db.OperationalError(1020, "Record has changed")),
		frappe.QueryTimeoutError(db.OperationalError(1205, "Lock wait timeout")),
		frappe.QueryDeadlockError(),
		db.OperationalError(2006, "gone away"),
		db.OperationalError(2013, "Lost connection"),
		db.OperationalError(1927, "Connection was killed"),
		db.InternalError("Packet sequence number wrong - got 1 expected 2"),
	]
	for error in lost:
		assert transactions.transaction_is_lost(error), error
		assert not transactions.is_site_fault(error), error
	for error in (db.OperationalError(1054, "Unknown column"), db.ProgrammingError(1146, "No such table")):
		assert transactions.is_site_fault(error), error
		assert not transactions.transaction_is_lost(error), error
	for error in (ValueError(2006), frappe.ValidationError("1213"), db.OperationalError(1366, "Bad value")):
		assert not transactions.transaction_is_lost(error), error
		assert not transactions.is_site_fault(error), error
	with pytest.raises(db.OperationalError) as caught:
		frappe.db.sql("SELECT no_such_column FROM tabCustomer")
	assert transactions.error_number(caught.value) == 1054
