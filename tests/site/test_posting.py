"""A run posts what was approved exactly once; a failed item does not affect the others."""

from __future__ import annotations

import frappe
import pytest

from ar_writeoff.ledger.transactions import clear_settings_cache, read_committed, run_in_transaction
from tests.site import ledger_checks, run_helpers
from tests.site.factories import HL, customer, invoice, outstanding, pay


@pytest.fixture(autouse=True)
def ledgers_agree():
	yield
	ledger_checks.assert_debits_equal_credits(HL)
	ledger_checks.assert_ple_equals_gl(HL)


def test_a_run_posts_once_and_is_cancelled():
	one, two = invoice("Anchor Cafe", 100, "2026-01-15"), invoice("Breakwater Bar", 40.5, "2026-02-15")
	before = ledger_checks.snapshot(HL)
	run = run_helpers.post(run_helpers.run())
	assert run.status == "Posted"
	assert [outstanding(one), outstanding(two)] == [0, 0]
	[entry] = run_helpers.entries(run)
	assert ledger_checks.gl_table(entry) == "\n".join(
		[
			"account        | party          | cost center |  debit | credit | against",
			"Write Off - HL |                | Main - HL   | 140.50 |        |",
			f"Debtors - HL   | Anchor Cafe    |             |        | 100.00 | Sales Invoice {one.name}",
			f"Debtors - HL   | Breakwater Bar |             |        |  40.50 | Sales Invoice {two.name}",
		]
	)
	posted = ledger_checks.snapshot(HL)
	frappe.get_attr("ar_writeoff.jobs.post_run")(run.name)
	assert posted.diff(ledger_checks.snapshot(HL)) == []
	run.cancel()
	assert before.diff(ledger_checks.snapshot(HL)) == []
	assert run_helpers.status(run) == "Reversed"
	assert frappe.db.get_value("Sales Invoice", one.name, "written_off_amount") == 0


def test_07_paid_partly_paid_or_cancelled_between_search_and_post():
	paid, partly, cancelled, untouched = (invoice("Anchor Cafe", 10 + n, "2026-01-15") for n in range(4))
	run = run_helpers.run()
	pay(paid)
	pay(partly, 4)
	cancelled.reload().cancel()
	run_helpers.post(run)
	found = run_helpers.items(run)
	assert found[paid.name].status == "Skipped" and "from 10.00 USD to 0.00 USD" in found[paid.name].message
	assert (
		found[partly.name].status == "Skipped" and "from 11.00 USD to 7.00 USD" in found[partly.name].message
	)
	assert found[cancelled.name].status == "Skipped"
	assert cancelled.name in found[cancelled.name].message
	assert found[untouched.name].status == "Posted"
	assert run.reload().status == "Partly Posted"
	assert [outstanding(one) for one in (paid, partly, untouched)] == [0, 7, 0]


def test_08_one_voucher_in_two_runs():
	one = invoice("Anchor Cafe", 100, "2026-01-15")
	first, second = run_helpers.run(), run_helpers.run()
	run_helpers.post(first)
	run_helpers.post(second)
	item = run_helpers.items(second)[one.name]
	assert (item.status, item.journal_entry) == ("Skipped", None)
	assert first.name in item.message
	assert second.status == "Failed"
	assert run_helpers.items(first)[one.name].status == "Posted"
	assert outstanding(one) == 0


def test_09_one_bad_item_of_forty():
	names = run_helpers.names(invoice("Anchor Cafe", 5 + n, "2026-01-15") for n in range(39))
	bad = invoice(customer("Misfit Ltd"), 7, "2026-01-15")
	run = run_helpers.run()
	with run_helpers.refusing(bad.name):
		run_helpers.post(run)
	found = run_helpers.items(run)
	assert found[bad.name].status == "Failed"
	assert "refused for the test" in found[bad.name].message
	assert {found[name].status for name in names} == {"Posted"}
	assert run.status == "Partly Posted"
	assert outstanding(bad) == 7
	run.retry_failed()
	assert run_helpers.status(run) == "Posted"
	assert outstanding(bad) == 0
	assert run_helpers.live_entries_of(bad.name) == 1


def test_18_a_customer_disabled_or_frozen_since_the_search_is_skipped_with_the_reason():
	disabled, frozen, fine = customer("Gone Ltd"), customer("Cold Ltd"), customer("Fine Ltd")
	vouchers = [invoice(name, 10, "2026-01-15").name for name in (disabled, frozen, fine)]
	run = run_helpers.run()
	frappe.db.set_value("Customer", disabled, "disabled", 1)
	frappe.db.set_value("Customer", frozen, "is_frozen", 1)
	run_helpers.post(run)
	found = [run_helpers.items(run)[name] for name in vouchers]
	assert [row.status for row in found] == ["Skipped", "Skipped", "Posted"]
	assert "disabled" in found[0].message and "frozen" in found[1].message


def test_settings_are_reloaded_for_each_batch_and_metadata_is_not():
	meta, known = frappe.get_meta("GL Entry"), frappe.get_cached_doc("Customer", "Anchor Cafe")
	assert frappe.get_cached_doc("Customer", "Anchor Cafe") is known
	before = frappe.db.get_single_value("Stock Settings", "stock_uom")
	frappe.db.sql(
		"UPDATE tabSingles SET value = 'Hour' WHERE doctype = 'Stock Settings' AND field = 'stock_uom'"
	)
	assert frappe.db.get_single_value("Stock Settings", "stock_uom") == before, "remembered"
	clear_settings_cache()
	assert frappe.get_meta("GL Entry") is meta
	assert frappe.get_cached_doc("Customer", "Anchor Cafe") is not known
	assert frappe.db.get_single_value("Stock Settings", "stock_uom") == "Hour"


def test_a_worker_that_loses_a_batch_to_another_backs_off(monkeypatch):
	"""Without a delay two workers would conflict until the batch counts as one that kills its workers."""
	from ar_writeoff.posting import service as posting
	from ar_writeoff.run.worker import WorkerSession

	invoice("Anchor Cafe", 10, "2026-01-15")
	original, backed_off = posting.post_batch, []

	def lost_once(claimed, *args):
		return original(claimed, *args) if claimed.batch.attempts > 1 else False

	monkeypatch.setattr(posting, "post_batch", lost_once)
	monkeypatch.setattr(WorkerSession, "back_off", lambda session: backed_off.append(session.run))
	run = run_helpers.post(run_helpers.run())
	assert run.status == "Posted" and len(backed_off) == 1


def test_transactions_are_read_committed_after_a_lost_one():
	levels = []

	def work() -> None:
		levels.append(isolation_level())
		if len(levels) == 3:
			raise frappe.QueryDeadlockError

	with read_committed():
		for _transaction in range(3):
			run_in_transaction(work)
			levels.append(isolation_level())
	# The second is lost with its connection; the one that follows it sets its own level, and takes it back.
	committed, repeatable = "READ-COMMITTED", "REPEATABLE-READ"
	assert levels == [committed, committed, committed, committed, repeatable, committed, repeatable]
	assert isolation_level() == repeatable


def isolation_level() -> str:
	return frappe.db.sql("SELECT @@SESSION.tx_isolation")[0][0]
