"""Batches of a run: the items posted or undone in one transaction."""

from collections.abc import Hashable, Iterator, Sequence
from itertools import product

import frappe
from frappe.utils import create_batch

from ar_writeoff.core import reasons
from ar_writeoff.core import status as states
from ar_writeoff.core.reasons import Reason
from ar_writeoff.ledger import dimensions, messages
from ar_writeoff.ledger.bulk_update import standard_values
from ar_writeoff.ledger.open_items import Key
from ar_writeoff.posting import ledger as posting
from ar_writeoff.posting import rules as planning

ITEMS_PER_QUERY = 5000


def split_into_batches(
	run: str, rules: posting.Rules, selected: Sequence[tuple[str, str]] | None = None
) -> Iterator[list[str]]:
	"""Split the selected open items into batches and yield the item names of each; one batch is one transaction, and fits
	into one entry as far as possible.

	With one entry per customer, a batch ends with a customer as long as it fits. `selected`: (item, customer) pairs
	ordered by name, if the caller has already read them.
	"""
	rows = selected_open_items(run) if selected is None else selected
	size = max(1, min(rules.rows_per_entry, planning.MAX_ROWS_PER_ENTRY) - 1)
	# With offset rows for each item, half as many items fit into an entry, or fewer.
	width = 1 + len(offset_accounts(rules))
	may_be_too_long = rules.entries_per != planning.INVOICE and width * len(rows) > size + 1
	offsets = offset_rows([row[0] for row in rows], rules) if may_be_too_long else planning.NO_OFFSETS
	return planning.batches(
		rows, size, keep_customers=rules.entries_per == planning.CUSTOMER, offsets=offsets
	)


def offset_rows(names: list[str], rules: posting.Rules) -> dict[str, frozenset[Hashable]]:
	"""The values that determine the offset rows of each of these items."""
	item = frappe.qb.DocType("Write-Off Run Item")
	result: dict[str, frozenset[Hashable]] = {}
	for part in create_batch(names, ITEMS_PER_QUERY):
		rows = (
			frappe.qb.from_(item)
			.select(item.name, item.voucher_type, item.voucher_no, item.receivable_account, item.customer)
			.where(item.name.isin(part))
			.run()
		)
		result.update(dimensions.offset_rows({row[0]: Key(*row[1:]) for row in rows}, rules.offset))
	accounts = offset_accounts(rules)
	if len(accounts) == 1:
		return result
	return {name: frozenset(product(accounts, values)) for name, values in result.items()}


def offset_accounts(rules: posting.Rules) -> set[str]:
	"""The accounts that may have offset rows."""
	return {rules.offset.account or "", *dict(rules.booking.accounts).values()}


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
