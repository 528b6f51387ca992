"""Searches the items of a draft run in the Payment Ledger: in the request if small, otherwise in a worker.

A search stores what it finds in a temporary file and replaces the items at the end, under the gate (see
`ar_writeoff.run.gate`). If it is cancelled or killed, the items stay as they were.
"""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import frappe
from frappe.query_builder import Case
from frappe.utils import now

from ar_writeoff.core import status as states
from ar_writeoff.core.money import money
from ar_writeoff.core.reasons import OVER_LIMIT
from ar_writeoff.core.run_types import doctype_of
from ar_writeoff.ledger import permissions as access
from ar_writeoff.ledger.money import precision
from ar_writeoff.ledger.transactions import read_committed, run_in_transaction
from ar_writeoff.review.selection import after_selection_change
from ar_writeoff.run import gate
from ar_writeoff.run import worker as workers
from ar_writeoff.run.status import PROGRESS_EVENT
from ar_writeoff.run.terms import criteria_of, current_terms, offset_of, scope_of
from ar_writeoff.search import ledger as search
from ar_writeoff.search.item_store import NewItem, insert_items, notes_of, restore_notes
from ar_writeoff.search.processes import FoundItems, find

METHOD = "ar_writeoff.search.service.search_in_background"
# Worker number of a search; those of posting and undo count from 1.
WORKER = 0

# Voucher type and number, account and customer.
Key = tuple[str, str, str, str]

# A search over more ledger rows runs in a worker: about five seconds of waiting.
MAX_ROWS_IN_REQUEST = 100_000


class SearchCancelled(Exception):
	"""The search was cancelled while it ran."""


def needs_worker(run: Any) -> bool:
	"""Whether a search of this run needs a worker."""
	return (
		sum(search.ledger_row_counts(scope_of(current_terms(run)), access.of_user()).values())
		> MAX_ROWS_IN_REQUEST
	)


def start_search(run: str) -> None:
	"""Start a background search of a run, which the caller has locked, as the current user."""
	frappe.db.set_value("Write-Off Run", run, "status", states.SEARCHING)
	workers.start(run, METHOD, [WORKER], stamp=stamp_of(run))


def stamp_of(run: str) -> str:
	"""Identifies one search of a run: a run is not modified while it is being searched."""
	return str(frappe.db.get_value("Write-Off Run", run, "modified"))


def search_in_background(run: str, worker: int = WORKER, stamp: str = "") -> None:
	"""Search a run and replace its items, unless the search was cancelled in the meantime. `stamp`: see `stamp_of`."""
	session = workers.WorkerSession(run, worker)
	try:
		with read_committed():
			run_in_transaction(session.heartbeat)
			doc = frappe.get_doc("Write-Off Run", run)
			prepared = prepared_search(doc)
			found = find(
				prepared,
				workers.parallel_jobs(doc.company),
				lambda rows: report_progress(session, stamp, rows, prepared.total_rows),
			)
			run_in_transaction(lambda: finish_search(session, stamp, found))
	except SearchCancelled:
		return
	except Exception as error:
		# Includes the job timeout. The run must not stay in status Searching.
		workers.record_interruption(session, error)
		run_in_transaction(lambda: stop_search(run, stamp))
		raise
	finally:
		frappe.cache.delete_value(progress_key(run))
		frappe.publish_realtime(PROGRESS_EVENT, {"run": run}, doctype="Write-Off Run", docname=run)


def report_progress(session: workers.WorkerSession, stamp: str, rows: int, total: int) -> None:
	"""Renew the lease and publish how many of the ledger rows are processed.

	Raises:
	    SearchCancelled: this search was cancelled.
	"""
	run = session.run
	run_in_transaction(session.heartbeat)
	if not is_current(run, stamp, frappe.db.get_value("Write-Off Run", run, "status")):
		raise SearchCancelled
	progress = {"processed_rows": rows, "ledger_rows": total}
	frappe.cache.set_value(progress_key(run), progress, expires_in_sec=3600)
	frappe.publish_realtime(PROGRESS_EVENT, {"run": run, **progress}, doctype="Write-Off Run", docname=run)


def is_current(run: str, stamp: str, status: str | None) -> bool:
	return status == states.SEARCHING and stamp in ("", stamp_of(run))


def finish_search(session: workers.WorkerSession, stamp: str, found: FoundItems) -> None:
	"""Replace the items of the run with the results, in the current transaction.

	Raises:
	    SearchCancelled: this search was cancelled.
	    frappe.PermissionError: the user may no longer change the run.
	"""
	if not is_current(session.run, stamp, gate.lock(session.run)):
		raise SearchCancelled
	run = gate.enter(session.run, gate.SAVE_RESULTS)
	replace_items(run, found)
	session.end()


def progress_key(run: str) -> str:
	return f"write_off_search::{run}"


def search_progress(run: str) -> dict[str, int]:
	"""Processed and total ledger rows of the running search; both 0 if none has started."""
	return frappe.cache.get_value(progress_key(run)) or {"processed_rows": 0, "ledger_rows": 0}


def stop_search(run: str, stamp: str = "", *, skip_locked: bool = False) -> bool:
	"""Set a run that is being searched back to Draft; returns whether it was. The worker notices at the next range of
	customers.

	`skip_locked`: skip a run that is locked, for example by the worker that is replacing its items.
	"""
	is_searching = is_current(run, stamp, gate.lock(run, skip_locked=skip_locked))
	if is_searching:
		frappe.db.set_value("Write-Off Run", run, "status", states.DRAFT)
	return is_searching


def search_run(run: str) -> dict[str, int]:
	"""Replace the items of a draft run; returns the counts of changes."""
	gate.lock(run)
	doc = frappe.get_doc("Write-Off Run", run)
	return replace_items(doc, find(prepared_search(doc)))


def prepared_search(run: Any) -> search.Search:
	"""The search for the balances that match the criteria of the run, including excluded ones."""
	terms = current_terms(run)
	return search.prepare(scope_of(terms), criteria_of(terms), offset=offset_of(terms))


def replace_items(run: Any, found: FoundItems) -> dict[str, int]:
	"""Replace the items of a run, which the caller has locked; returns the counts of changes.

	Everything found is selected, except balances that a user has deselected before. A lowered amount is kept while the
	balance covers it.
	"""
	before, notes = previous_items(run.name), notes_of(run.name)
	frappe.db.delete("Write-Off Run Item", {"run": run.name})
	counts = {"found": 0, "selected": 0, "excluded": 0, "added": 0, "changed": 0, "dropped": len(before)}
	insert_items(run, new_items(found, before, counts))
	restore_notes(run.name, notes)
	frappe.db.set_value(
		doctype_of(run.name),
		run.name,
		{"searched_on": now(), "searched_by": frappe.session.user, "status": states.DRAFT},
	)
	after_selection_change(run)
	return counts


def new_items(
	found: FoundItems, before: dict[Key, tuple[Decimal, Decimal, int]], counts: dict[str, int]
) -> Iterator[list[NewItem]]:
	"""Yield the items of each part of the results, and count the changes to the items `before`."""
	number = 0
	for part in found:
		items = []
		for verdict, customer_name in part:
			balance = verdict.balance
			key = (balance.voucher_type, balance.voucher_no, balance.receivable_account, balance.customer)
			outstanding, write_off, selected = before.get(key) or (None, None, 1)
			number += 1
			if verdict.reason is None:
				counts["found"] += 1
				counts["selected"] += selected
				counts["added"] += outstanding is None
				if outstanding is not None:
					counts["changed"] += outstanding != verdict.amount
					counts["dropped"] -= 1
			else:
				counts["excluded"] += 1
				selected = 0
			lowered = write_off if write_off != outstanding else None
			items.append(NewItem(number, verdict, customer_name, selected, lowered))
		yield items


def previous_items(run: str) -> dict[Key, tuple[Decimal, Decimal, int]]:
	"""Balance, amount and selection of the open items, by voucher type and number, account and customer."""
	item = frappe.qb.DocType("Write-Off Run Item")
	rows = (
		frappe.qb.from_(item)
		.select(
			item.voucher_type,
			item.voucher_no,
			item.receivable_account,
			item.customer,
			item.currency,
			item.outstanding_amount,
			item.write_off_amount,
			# Pending items were not deselected by a user.
			Case().when((item.selected == 1) | item.reason_code.isin(OVER_LIMIT), 1).else_(0),
		)
		.where((item.run == run) & (item.status == states.OPEN))
		.run()
	)
	decimals = {currency: precision(currency) for currency in {row[4] for row in rows}}
	return {
		row[:4]: (money(row[5], decimals[row[4]]), money(row[6], decimals[row[4]]), row[7]) for row in rows
	}
