"""Find: the items of a draft run, from the Payment Ledger. In the request where it is small, else in a worker.

A search looks at the ledger and keeps what it finds beside the list. The list is replaced at the end, under the gate
(see `ar_writeoff.run.gate`): whoever cancels the search, or whatever kills it, leaves the list as it was.
"""

import pickle
import tempfile
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import IO, Any

import frappe
from frappe.query_builder import Case
from frappe.utils import now

from ar_writeoff.core import status as states
from ar_writeoff.core.money import money
from ar_writeoff.core.reasons import OVER_LIMIT
from ar_writeoff.ledger import permissions as access
from ar_writeoff.ledger.money import precision
from ar_writeoff.ledger.transactions import read_committed, run_in_transaction
from ar_writeoff.review.selection import selection_changed
from ar_writeoff.run import gate
from ar_writeoff.run import worker as workers
from ar_writeoff.run.status import PROGRESS_EVENT
from ar_writeoff.run.terms import criteria_of, current_terms, offset_of, scope_of
from ar_writeoff.search import ledger as search
from ar_writeoff.search.item_store import NewItem, insert_items
from ar_writeoff.search.ledger import Found
from ar_writeoff.search.rules import Verdict

METHOD = "ar_writeoff.search.service.search_in_background"
# The worker of a search: those that post and undo count from 1.
WORKER = 0

# Ledger rows to look at, above which a search leaves the request: about five seconds of somebody waiting.
BACKGROUND_ABOVE = 100_000
# Bytes of what was found that are kept in memory; the rest is in a temporary file.
IN_MEMORY = 32 * 2**20


class Cancelled(Exception):
	"""Somebody cancelled the search while it ran."""


class FoundItems:
	"""What a search has found so far, in the order in which it is listed."""

	def __init__(self) -> None:
		self.file: IO[bytes] = tempfile.SpooledTemporaryFile(max_size=IN_MEMORY)

	def add(self, part: list[tuple[Verdict, str]]) -> None:
		"""Verdicts with the customers' names."""
		pickle.dump(part, self.file, pickle.HIGHEST_PROTOCOL)

	def __iter__(self) -> Iterator[list[tuple[Verdict, str]]]:
		self.file.seek(0)
		while True:
			try:
				yield pickle.load(self.file)
			except EOFError:
				return


def is_large(run: Any) -> bool:
	"""Whether a search of this run is for a worker."""
	return (
		sum(search.ledger_sizes(scope_of(current_terms(run)), access.of_user()).values()) > BACKGROUND_ABOVE
	)


def start_search(run: str) -> None:
	"""Search a run, which the caller has locked, in a worker, as the current user."""
	frappe.db.set_value("Write-Off Run", run, "status", states.SEARCHING)
	workers.start(run, METHOD, [WORKER], stamp=stamp_of(run))


def stamp_of(run: str) -> str:
	"""What tells one search of a run from the next: a run that is being searched is not changed in between."""
	return str(frappe.db.get_value("Write-Off Run", run, "modified"))


def search_in_background(run: str, worker: int = WORKER, stamp: str = "") -> None:
	"""Search a run and replace its list, unless the search was cancelled meanwhile. `stamp`: see `stamp_of`."""
	session = workers.WorkerSession(run, worker)
	try:
		with read_committed():
			run_in_transaction(session.heartbeat)
			doc = frappe.get_doc("Write-Off Run", run)
			found = look(doc, lambda part: still_wanted(session, stamp, part))
			run_in_transaction(lambda: finish_search(session, stamp, found))
	except Cancelled:
		return
	except Exception as error:
		# Also a job that ran out of time. The run must not stay marked as searching.
		workers.record_interruption(session, error)
		run_in_transaction(lambda: end_search(run, stamp))
		raise
	finally:
		frappe.cache.delete_value(progress_key(run))
		frappe.publish_realtime(PROGRESS_EVENT, {"run": run}, doctype="Write-Off Run", docname=run)


def still_wanted(session: workers.WorkerSession, stamp: str, found: Found) -> None:
	"""Renew the lease and say how far the search is.

	Raises:
	    Cancelled: this search of the run was cancelled.
	"""
	run = session.run
	run_in_transaction(session.heartbeat)
	if not is_wanted(run, stamp, frappe.db.get_value("Write-Off Run", run, "status")):
		raise Cancelled
	done = {"looked_at": found.looked_at, "ledger_rows": found.ledger_rows}
	frappe.cache.set_value(progress_key(run), done, expires_in_sec=3600)
	frappe.publish_realtime(PROGRESS_EVENT, {"run": run, **done}, doctype="Write-Off Run", docname=run)


def is_wanted(run: str, stamp: str, status: str | None) -> bool:
	return status == states.SEARCHING and stamp in ("", stamp_of(run))


def finish_search(session: workers.WorkerSession, stamp: str, found: FoundItems) -> None:
	"""Replace the list of the run with what was found, in the current transaction.

	Raises:
	    Cancelled: this search of the run was cancelled.
	    frappe.PermissionError: the user may not change the run any more.
	"""
	if not is_wanted(session.run, stamp, gate.lock(session.run)):
		raise Cancelled
	run = gate.enter(session.run, gate.SAVE_RESULTS)
	replace_items(run, found)
	session.end()


def progress_key(run: str) -> str:
	return f"write_off_search::{run}"


def search_progress(run: str) -> dict[str, int]:
	"""Ledger rows looked at and to look at by the search that is running; 0 of 0 where none has begun."""
	return frappe.cache.get_value(progress_key(run)) or {"looked_at": 0, "ledger_rows": 0}


def end_search(run: str, stamp: str = "", *, skip_locked: bool = False) -> bool:
	"""Make a run that is being searched a draft again; whether it was. The worker notices at the next range of customers.
	`skip_locked`: leave a run alone that somebody has locked, such as the worker that is just replacing its list."""
	wanted = is_wanted(run, stamp, gate.lock(run, skip_locked=skip_locked))
	if wanted:
		frappe.db.set_value("Write-Off Run", run, "status", states.DRAFT)
	return wanted


def search_run(run: str) -> dict[str, int]:
	"""Fill the items of a draft run anew and say what changed since the last search."""
	gate.lock(run)
	doc = frappe.get_doc("Write-Off Run", run)
	return replace_items(doc, look(doc))


def look(run: Any, on_found: Callable[[Found], None] | None = None) -> FoundItems:
	"""What matches the criteria of the run, and what is left out. `on_found` is called after each range of customers."""
	items = FoundItems()
	terms = current_terms(run)
	for found in search.search(scope_of(terms), criteria_of(terms), offset=offset_of(terms)):
		items.add(
			[(verdict, found.customers[verdict.balance.customer].customer_name) for verdict in found.verdicts]
		)
		if on_found:
			on_found(found)
	return items


def replace_items(run: Any, found: FoundItems) -> dict[str, int]:
	"""Replace the list of a run, which the caller has locked, and say what changed since the last search.

	Everything found is selected; what somebody had unticked before stays unticked, and an amount somebody lowered
	stays as long as the balance covers it.
	"""
	before = items_of_last_search(run.name)
	frappe.db.delete("Write-Off Run Item", {"run": run.name})
	counts = {"found": 0, "selected": 0, "excluded": 0, "added": 0, "changed": 0, "dropped": len(before)}
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
		insert_items(run, items)
	frappe.db.set_value(
		"Write-Off Run",
		run.name,
		{"searched_on": now(), "searched_by": frappe.session.user, "status": states.DRAFT},
	)
	selection_changed(run)
	return counts


def items_of_last_search(run: str) -> dict[tuple[str, str, str, str], tuple[Decimal, Decimal, int]]:
	"""Balance, amount and tick of what could be written off, by voucher type and number, account and customer."""
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
			# What is held back for want of a limit was not unticked by anybody.
			Case().when((item.selected == 1) | item.reason_code.isin(OVER_LIMIT), 1).else_(0),
		)
		.where((item.run == run) & (item.status == states.OPEN))
		.run()
	)
	decimals = {currency: precision(currency) for currency in {row[4] for row in rows}}
	return {
		row[:4]: (money(row[5], decimals[row[4]]), money(row[6], decimals[row[4]]), row[7]) for row in rows
	}
