"""Find: the items of a draft run, from the Payment Ledger. In the request where it is small, else in a worker."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import frappe
from frappe.query_builder import Case
from frappe.utils import add_to_date, now, now_datetime

from ar_writeoff.core import status as states
from ar_writeoff.core.money import money
from ar_writeoff.core.reasons import OVER_LIMIT
from ar_writeoff.ledger import permissions as access
from ar_writeoff.ledger.money import precision
from ar_writeoff.ledger.transactions import read_committed
from ar_writeoff.review.selection import selection_changed
from ar_writeoff.run.status import PROGRESS_EVENT
from ar_writeoff.run.terms import criteria_of, offset_of, scope_of
from ar_writeoff.search import ledger as search
from ar_writeoff.search.item_store import NewItem, insert_items
from ar_writeoff.search.ledger import Found

# Ledger rows to look at, above which a search leaves the request: about five seconds of somebody waiting.
BACKGROUND_ABOVE = 100_000

# A search of a million invoices takes half a minute. One that is still marked as running after this time has died.
GIVEN_UP_AFTER_MINUTES = 30


class Cancelled(Exception):
	"""Somebody cancelled the search while it ran."""


def is_large(run: Any) -> bool:
	"""Whether a search of this run is for a worker."""
	return sum(search.ledger_sizes(scope_of(run), access.of_user()).values()) > BACKGROUND_ABOVE


def start_search(run: str) -> None:
	"""Search in a worker, as the current user. The list stays as it is until the search is done."""
	frappe.db.set_value("Write-Off Run", run, "status", states.SEARCHING)
	frappe.enqueue(
		"ar_writeoff.search.service.search_in_background",
		run=run,
		queue="long",
		timeout=GIVEN_UP_AFTER_MINUTES * 60,
		enqueue_after_commit=True,
	)


def search_in_background(run: str) -> None:
	"""Search in one transaction of its own: whoever cancels it, or whatever kills it, leaves the list as it was."""
	try:
		with read_committed():
			search_run(run, on_found=lambda found: still_wanted(run, found))
			frappe.db.commit()
	except Cancelled:
		return
	except Exception:
		# Also a job that ran out of time. The run must not stay marked as searching.
		frappe.db.rollback()
		end_search(run)
		frappe.db.commit()
		raise
	finally:
		frappe.cache.delete_value(progress_key(run))
		frappe.publish_realtime(PROGRESS_EVENT, {"run": run}, doctype="Write-Off Run", docname=run)


def still_wanted(run: str, found: Found) -> None:
	"""Say how far the search is.

	Raises:
	    Cancelled: the run is no longer being searched.
	"""
	if frappe.db.get_value("Write-Off Run", run, "status") != states.SEARCHING:
		raise Cancelled
	done = {"looked_at": found.looked_at, "ledger_rows": found.ledger_rows}
	frappe.cache.set_value(progress_key(run), done, expires_in_sec=3600)
	frappe.publish_realtime(PROGRESS_EVENT, {"run": run, **done}, doctype="Write-Off Run", docname=run)


def progress_key(run: str) -> str:
	return f"write_off_search::{run}"


def search_progress(run: str) -> dict[str, int]:
	"""Ledger rows looked at and to look at by the search that is running; 0 of 0 where none has begun."""
	return frappe.cache.get_value(progress_key(run)) or {"looked_at": 0, "ledger_rows": 0}


def end_search(run: str) -> bool:
	"""Make a run that is being searched a draft again. The worker notices at the next range of customers."""
	status = frappe.db.get_value("Write-Off Run", run, "status", for_update=True)
	if status == states.SEARCHING:
		frappe.db.set_value("Write-Off Run", run, "status", states.DRAFT)
	return status == states.SEARCHING


def end_dead_searches() -> None:
	"""Scheduler: runs whose search died, worker and all, become drafts again."""
	for run in frappe.get_all(
		"Write-Off Run",
		filters={
			"status": states.SEARCHING,
			"modified": ("<", add_to_date(now_datetime(), minutes=-GIVEN_UP_AFTER_MINUTES)),
		},
		pluck="name",
		order_by="name asc",
	):
		end_search(run)
		frappe.db.commit()


def search_run(run: str, on_found: Callable[[Found], None] | None = None) -> dict[str, int]:
	"""Fill the items of a draft run anew and say what changed since the last search.

	Everything found is selected; what somebody had unticked before stays unticked, and an amount somebody lowered
	stays as long as the balance covers it. `on_found` is called after each range of customers.
	"""
	if not on_found:
		frappe.db.get_value("Write-Off Run", run, "name", for_update=True)
	doc = frappe.get_doc("Write-Off Run", run)
	before = items_of_last_search(run)
	frappe.db.delete("Write-Off Run Item", {"run": run})

	counts = {"found": 0, "selected": 0, "excluded": 0, "added": 0, "changed": 0, "dropped": len(before)}
	number = 0
	for found in search.search(scope_of(doc), criteria_of(doc), offset=offset_of(doc)):
		items = []
		for verdict in found.verdicts:
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
			customer_name = found.customers[balance.customer].customer_name
			items.append(NewItem(number, verdict, customer_name, selected, lowered))
		insert_items(doc, items)
		if on_found:
			on_found(found)

	status = frappe.db.get_value("Write-Off Run", run, "status", for_update=True)
	if on_found and status != states.SEARCHING:
		raise Cancelled
	frappe.db.set_value(
		"Write-Off Run",
		run,
		{"searched_on": now(), "searched_by": frappe.session.user, "status": states.DRAFT},
	)
	selection_changed(doc)
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
