"""The batches of a run: what is posted, or undone, in one transaction."""

from collections.abc import Iterator

import frappe

from ar_writeoff.core import plan as planning
from ar_writeoff.core import reasons
from ar_writeoff.core import status as states
from ar_writeoff.core.reasons import Reason
from ar_writeoff.ledger import messages, posting


def batches_of(run: str, rules: posting.Rules) -> Iterator[list[str]]:
	"""Names of the selected open items, divided as they are posted: one batch, one transaction.

	Where a customer has an entry of its own, a batch ends with a customer as long as it fits.
	"""
	item = frappe.qb.DocType("Write-Off Run Item")
	rows = (
		frappe.qb.from_(item)
		.select(item.name, item.customer)
		.where((item.run == run) & (item.status == states.OPEN) & (item.selected == 1))
		.orderby(item.name)
		.run()
	)
	size = max(1, min(rules.rows_per_entry, planning.MAX_ROWS_PER_ENTRY) - 1)
	return planning.batches(rows, size, keep_customers=rules.entries_per == planning.CUSTOMER)


def make_batches(run: str, rules: posting.Rules) -> int:
	"""Write down the batches of a run that was submitted, and set aside what is not selected.

	Returns the number of batches.
	"""
	item = frappe.qb.DocType("Write-Off Run Item")
	(
		frappe.qb.update(item)
		.set(item.status, states.EXCLUDED)
		.set(item.reason_code, reasons.NOT_SELECTED)
		.set(item.message, messages.message(Reason.of(reasons.NOT_SELECTED)))
		.where((item.run == run) & (item.status == states.OPEN) & (item.selected == 0))
		.run()
	)
	number = frappe.db.count("Write-Off Run Batch", {"run": run})
	made = 0
	for batch in batches_of(run, rules):
		made += 1
		number += 1
		frappe.get_doc(
			{
				"doctype": "Write-Off Run Batch",
				"run": run,
				"number": number,
				"status": "Pending",
				"item_count": len(batch),
				"first_item": batch[0],
				"last_item": batch[-1],
			}
		).insert(ignore_permissions=True, set_name=f"{run}-B{number:04d}")
		(
			frappe.qb.update(item)
			.set(item.batch, number)
			.where(
				(item.name >= batch[0])
				& (item.name <= batch[-1])
				& (item.run == run)
				& (item.status == states.OPEN)
				& (item.selected == 1)
			)
			.run()
		)
	return made
