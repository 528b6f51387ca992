"""Post and undo a run, with checks of the ledgers after each."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import frappe

from ar_writeoff.posting.service import post_run
from tests.site import ledger_checks, run_helpers
from tests.site.factories import HL, MANAGER, as_user


def balance(row: Any) -> tuple[Decimal, Decimal]:
	"""The balance of an item in the Payment Ledger: in account currency and in company currency."""
	[[own, base]] = frappe.db.sql(
		"""SELECT COALESCE(SUM(amount_in_account_currency), 0), COALESCE(SUM(amount), 0) FROM `tabPayment Ledger Entry`
		WHERE against_voucher_type = %s AND against_voucher_no = %s AND account = %s AND party = %s AND delinked = 0""",
		(row.voucher_type, row.voucher_no, row.receivable_account, row.customer),
	)
	return Decimal(str(own)), Decimal(str(base))


def post_and_check(run: Any, company: str = HL, user: str = MANAGER) -> Any:
	"""Post the run; check the ledgers, that each balance fell by the write-off amount and what was set off, and that posting again
	posts nothing. Returns the run."""
	rows = frappe.get_all(
		"Write-Off Run Item",
		filters={"run": run.name, "selected": 1, "status": "Open"},
		fields=["*"],
		order_by="name asc",
	)
	before = {row.name: balance(row) for row in rows}
	run_helpers.post(run, user)
	ledger_checks.assert_debits_equal_credits(company)
	ledger_checks.assert_ple_equals_gl(company)
	for row in rows:
		now = frappe.get_doc("Write-Off Run Item", row.name)
		own, base = balance(row)
		if now.status == "Posted":
			set_off = Decimal(str(row.set_off_amount))
			assert before[row.name][0] - own - set_off == Decimal(str(row.write_off_amount)), row.voucher_no
			assert before[row.name][1] - base - set_off == Decimal(str(row.base_write_off_amount)), (
				row.voucher_no
			)
		else:
			assert now.message, row.voucher_no
			assert before[row.name] == (own, base), row.voucher_no
	assert_posting_again_posts_nothing(run)
	return run


def assert_posting_again_posts_nothing(run: Any) -> None:
	"""Reset every batch to Pending and post again: no entry, ledger row or item changes."""
	state = frappe.db.get_value("Write-Off Run", run.name, "status")
	before = run_helpers.entries(run), ledger_rows(), posted_items(run)
	frappe.db.set_value("Write-Off Run", run.name, "status", "Queued")
	frappe.db.set_value("Write-Off Run Batch", {"run": run.name}, {"status": "Pending", "attempts": 0})
	frappe.db.commit()
	post_run(run.name)
	assert frappe.db.count("Write-Off Run Batch", {"run": run.name, "status": "Pending"}) == 0, (
		"all was tried"
	)
	assert (run_helpers.entries(run), ledger_rows(), posted_items(run)) == before, (
		"posting again posts nothing"
	)
	assert frappe.db.get_value("Write-Off Run", run.name, "status") == state


def ledger_rows() -> dict[str, int]:
	return {
		doctype: frappe.db.count(doctype) for doctype in ("GL Entry", "Payment Ledger Entry", "Journal Entry")
	}


def posted_items(run: Any) -> list[Any]:
	"""Result fields of the run's items."""
	return frappe.get_all(
		"Write-Off Run Item",
		filters={"run": run.name},
		fields=["name", "status", "message", "journal_entry", "write_off_amount", "base_write_off_amount"],
		order_by="name asc",
	)


def undo_and_check(run: Any, start: ledger_checks.Snapshot, company: str = HL, user: str = MANAGER) -> None:
	"""Cancel the run and check that the ledgers equal the snapshot `start`."""
	with as_user(user):
		frappe.get_doc("Write-Off Run", run.name).cancel()
	ledger_checks.assert_debits_equal_credits(company)
	ledger_checks.assert_ple_equals_gl(company)
	assert start.diff(ledger_checks.snapshot(company)) == []
