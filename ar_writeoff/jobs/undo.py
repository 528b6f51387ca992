"""Undo what a run posted."""

from collections.abc import Iterator
from typing import Any

import frappe
from frappe import _

from ar_writeoff.core import status as states
from ar_writeoff.jobs.run import refresh_totals, set_status
from ar_writeoff.ledger import journal


def cancel_entries(run: str) -> None:
	"""Cancel every live Journal Entry of a run in the current transaction; the invoices are open again."""
	for name in live_entries(run):
		journal.cancel(name)
	refresh_totals(run)


def live_entries(run: str) -> Iterator[str]:
	"""Submitted Journal Entries of a run, the last one first."""
	yield from frappe.get_all(
		"Journal Entry",
		filters={"write_off_run": run, "docstatus": 1},
		pluck="name",
		order_by="creation desc, name desc",
	)


def journal_entry_cancelled(entry: Any, method: str | None = None) -> None:
	"""Doc event: keep the items true when an entry of a run is cancelled, by us or by hand."""
	if not entry.get("write_off_run"):
		return
	item = frappe.qb.DocType("Write-Off Run Item")
	rows = (
		frappe.qb.from_(item)
		.select(item.name, item.voucher_type, item.voucher_no)
		.where((item.journal_entry == entry.name) & item.status.isin([states.POSTED, states.CONFLICT]))
		.orderby(item.name)
		.for_update()
		.run(as_dict=True)
	)
	if rows:
		(
			frappe.qb.update(item)
			.set(item.status, states.REVERSED)
			.set(
				item.message,
				_("Journal Entry {0} was cancelled by {1}.").format(entry.name, frappe.session.user),
			)
			.where(item.name.isin([row.name for row in rows]))
			.run()
		)
	# The key stands for a live entry only.
	entry.db_set("ar_writeoff_key", None, update_modified=False)
	journal.refresh_written_off_amounts(
		[row.voucher_no for row in rows if row.voucher_type == "Sales Invoice"]
	)
	counts = refresh_totals(entry.write_off_run)
	if frappe.db.get_value("Write-Off Run", entry.write_off_run, "status") in (
		states.POSTED,
		states.PARTLY_POSTED,
	):
		set_status(entry.write_off_run, states.finished_status(counts))
