"""Batches of a run: the items posted or undone in one transaction."""

from collections.abc import Iterator, Sequence

import frappe

from ar_writeoff.core import reasons
from ar_writeoff.core import status as states
from ar_writeoff.core.reasons import Reason
from ar_writeoff.ledger import messages
from ar_writeoff.ledger.bulk_update import standard_values
from ar_writeoff.posting import ledger as posting
from ar_writeoff.posting import rules as planning


def split_into_batches(
	run: str, rules: posting.Rules, selected: Sequence[tuple[str, str]] | None = None
) -> Iterator[list[str]]:
	"""Split the selected open items into batches and yield the item names of each; one batch is one transaction.

	With one entry per customer, a batch ends with a customer as long as it fits. `selected`: (item, customer) pairs
	ordered by name, if the caller has already read them.
	"""
	rows = selected_open_items(run) if selected is None else selected
	size = max(1, min(rules.rows_per_entry, planning.MAX_ROWS_PER_ENTRY) - 1)
	return planning.batches(rows, size, keep_customers=rules.entries_per == planning.CUSTOMER)


def selected_open_items(run: str) -> list[tuple[str, str]]:
	"""(item, customer) of the selected open items, in the order of their names."""
	item = frappe.qb.DocType("Write-Off Run Item")
	return (
		frappe.qb.from_(item)
		.select(item.name, item.customer)
		.where((item.run == run) & (item.status == states.OPEN) & (item.selected == 1))
		.orderby(item.name)
		.run()
	)


def create_batches(run: str, rules: posting.Rules, selected: Sequence[tuple[str, str]] | None = None) -> int:
	"""Create the batches of a submitted run, exclude the items that are not selected, and return the number of
	batches.

	`selected`: as for `split_into_batches`, given on submit.
	"""
	item = frappe.qb.DocType("Write-Off Run Item")
	query = (
		frappe.qb.update(item)
		.set(item.status, states.EXCLUDED)
		.set(item.write_off_amount, 0)
		.set(item.base_write_off_amount, 0)
		.where((item.run == run) & (item.status == states.OPEN) & (item.selected == 0))
	)
	messages.set_reason(query, item, Reason.of(reasons.NOT_SELECTED)).run()
	number = frappe.db.count("Write-Off Run Batch", {"run": run}) if selected is None else 0
	rows: list[dict] = []
	for batch in split_into_batches(run, rules, selected):
		number += 1
		rows.append(
			{
				"name": f"{run}-B{number:04d}",
				**standard_values(),
				"run": run,
				"number": number,
				"status": "Pending",
				"item_count": len(batch),
			}
		)
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
	if rows:
		values = [tuple(row.values()) for row in rows]
		frappe.db.bulk_insert("Write-Off Run Batch", list(rows[0]), values)
	return len(rows)
