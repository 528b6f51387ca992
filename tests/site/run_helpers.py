"""Helpers to create, search, submit and read Write-Off Runs in tests."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import frappe

from ar_writeoff.posting import service as posting
from tests.site.factories import HL, MANAGER, TODAY, account, as_user


def settings(company: str = HL, **values: Any) -> Any:
	"""The company's Write-Off Settings, with accounts."""
	if frappe.db.exists("Write-Off Settings", company):
		doc = frappe.get_doc("Write-Off Settings", company)
	else:
		doc = frappe.new_doc("Write-Off Settings")
		doc.company = company
		doc.bad_debt_account = account("Write Off", company)
	doc.update(values)
	return doc.save(ignore_permissions=True)


def run(company: str = HL, *, find: bool = True, user: str = MANAGER, **values: Any) -> Any:
	"""A draft run over all balances of up to 1,000,000 as of TODAY, after its search."""
	if not frappe.db.exists("Write-Off Settings", company):
		settings(company)
	with as_user(user):
		doc = frappe.new_doc("Write-Off Run")
		doc.update(
			{
				"company": company,
				"balance_type": "Debit",
				"reason": "Small Balance",
				"cutoff_date": TODAY,
				"posting_date": TODAY,
				"max_invoice_amount": 1_000_000,
				**values,
			}
		)
		doc.insert()
		if find:
			doc.find_invoices()
	return doc


def post(doc: Any, user: str = MANAGER) -> Any:
	"""Submit the run, which posts it in this process, and reload it."""
	with as_user(user):
		doc.submit()
	return doc.reload()


def items(run: Any, **filters: Any) -> dict[str, Any]:
	"""The run's items by voucher."""
	return {
		row.voucher_no: row
		for row in frappe.get_all(
			"Write-Off Run Item",
			filters={"run": getattr(run, "name", run), **filters},
			fields=["*"],
			order_by="name asc",
		)
	}


def entries(run: Any, docstatus: int = 1) -> list[str]:
	"""The run's Journal Entries, in order of their names."""
	return frappe.get_all(
		"Journal Entry",
		filters={"write_off_run": getattr(run, "name", run), "docstatus": docstatus},
		pluck="name",
		order_by="name asc",
	)


def status(run: Any) -> str:
	"""Status of the run in the database."""
	return frappe.db.get_value("Write-Off Run", getattr(run, "name", run), "status")


def names(docs: Iterable[Any]) -> list[str]:
	return [doc.name for doc in docs]


def live_entries_of(voucher: str) -> int:
	"""How many submitted Journal Entries of runs refer to the voucher."""
	[[count]] = frappe.db.sql(
		"""SELECT COUNT(*) FROM `tabJournal Entry Account` jea JOIN `tabJournal Entry` je ON je.name = jea.parent
		WHERE jea.reference_name = %s AND je.docstatus = 1 AND je.write_off_run IS NOT NULL""",
		voucher,
	)
	return count


@contextmanager
def refusing(voucher: str) -> Iterator[None]:
	"""Within the block, submitting a Journal Entry that refers to this voucher raises, as a site's own hook might."""
	from erpnext.accounts.doctype.journal_entry.journal_entry import JournalEntry

	original = JournalEntry.on_submit

	def on_submit(self: Any) -> None:
		if any(row.reference_name == voucher for row in self.accounts):
			frappe.throw("refused for the test")
		original(self)

	JournalEntry.on_submit = on_submit
	try:
		yield
	finally:
		JournalEntry.on_submit = original


def events(run: Any) -> dict[str, str]:
	"""The last message of each event type in the run's log."""
	rows = frappe.get_all(
		"Write-Off Run Event",
		filters={"run": getattr(run, "name", run)},
		fields=["event", "message"],
		order_by="at asc",
	)
	return {row.event: row.message for row in rows}


def live_workers(run: Any) -> list[str]:
	return frappe.get_all(
		"Write-Off Run Worker",
		filters={"run": getattr(run, "name", run), "heartbeat": ("is", "set")},
		pluck="name",
		order_by=None,
	)


def assert_posted_once(run: Any) -> None:
	"""Check that each item has one submitted entry or none according to its status, that the totals add up and that no
	item is Open."""
	name = getattr(run, "name", run)
	found = frappe.get_all("Write-Off Run Item", filters={"run": name}, fields=["*"], order_by="name asc")
	live = frappe.db.sql(
		"""SELECT jea.reference_name, je.name, jea.debit_in_account_currency - jea.credit_in_account_currency
		FROM `tabJournal Entry Account` jea JOIN `tabJournal Entry` je ON je.name = jea.parent
		WHERE je.write_off_run = %s AND je.docstatus = 1 AND jea.party IS NOT NULL
			AND je.name IN (SELECT journal_entry FROM `tabWrite-Off Run Item` WHERE run = je.write_off_run)""",
		name,
	)
	entries: dict[str, list[tuple[str, float]]] = {}
	for voucher, entry, amount in live:
		entries.setdefault(voucher, []).append((entry, amount))
	for row in found:
		own = entries.pop(row.voucher_no, [])
		taken_back = row.status == "Reversed" and (row.reversal_entry or row.reinstated_amount)
		alive = row.status in ("Posted", "Conflict") or taken_back
		expected = [(row.journal_entry, -row.write_off_amount)] if alive else []
		assert [(entry, round(amount, 9)) for entry, amount in own] == expected, (row.name, row.status, own)
		assert row.status != "Open", row.name
	assert not entries, f"entries of no item: {entries}"
	totals = frappe.db.get_value("Write-Off Run", name, ["posted_count", "posted_amount"], as_dict=True)
	posted = [row for row in found if row.status in ("Posted", "Conflict")]
	assert totals.posted_count == len(posted)
	assert (
		abs(
			totals.posted_amount
			- sum(row.base_write_off_amount - row.base_reinstated_amount for row in posted)
		)
		< 0.005
	)


def wait_for_lock_wait(timeout: float = 60) -> None:
	"""Wait until a statement on this database waits for a lock. Keeps the current transaction."""
	deadline = time.monotonic() + timeout
	while time.monotonic() < deadline:
		# Without the PROCESS privilege only the statements of the site's own user are listed.
		waiting = [
			row for row in frappe.db.sql("SHOW FULL PROCESSLIST") if "for update" in str(row[7]).lower()
		]
		if any(int(row[5]) >= 1 for row in waiting):
			return
		time.sleep(0.05)
	raise AssertionError("no statement waits for a lock")


def submit_without_job(run: Any, user: str = MANAGER) -> None:
	"""Submit the run, with no job that would post it."""
	original = posting.start_posting
	posting.start_posting = lambda name: None
	try:
		with as_user(user):
			run.submit()
	finally:
		posting.start_posting = original


@contextmanager
def approved(run: Any, user: str = MANAGER) -> Iterator[None]:
	"""Submit the run, run the block, then post."""
	submit_without_job(run, user)
	yield
	posting.post_run(run.name)
	run.reload()


def credit_account(company: str = HL) -> str:
	"""An income account for unclaimed credits."""
	name = account("Unclaimed Credits", company)
	if not frappe.db.exists("Account", name):
		doc = frappe.new_doc("Account")
		doc.update(
			{
				"account_name": "Unclaimed Credits",
				"parent_account": account("Indirect Income", company),
				"company": company,
			}
		)
		doc.insert(ignore_permissions=True)
	return name


def submitted_but_not_posted(run: Any, user: str = MANAGER) -> Any:
	"""Submit a run without posting it: its jobs are queued, and no worker runs."""
	frappe.flags.in_test = False
	try:
		with as_user(user):
			frappe.get_doc("Write-Off Run", run.name).submit()
	finally:
		frappe.flags.in_test = True
	frappe.db.commit()
	return run.reload()


def post_now(run: Any) -> Any:
	"""Post a submitted run in this process."""
	from ar_writeoff.posting.service import post_run

	frappe.db.commit()
	post_run(run.name)
	return run.reload()
