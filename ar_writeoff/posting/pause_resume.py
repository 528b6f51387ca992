"""What a person may do with a run while it posts: pause, resume, retry what failed."""

import frappe
from frappe import _

from ar_writeoff.core import status as states
from ar_writeoff.posting.batches import make_batches
from ar_writeoff.posting.service import start_posting
from ar_writeoff.run import log
from ar_writeoff.run.status import lock, refresh_totals, set_status
from ar_writeoff.run.terms import rules_of


def pause(run: str) -> None:
	"""Stop after the batches that are in hand. What is posted stays posted."""
	status = lock(run)
	if status not in (states.QUEUED, states.POSTING):
		frappe.throw(_("This run is {0} and cannot be paused.").format(_(status)))
	set_status(run, states.PAUSED)
	log.record(run, "Paused")


def resume(run: str) -> None:
	"""Go on with what a paused run has left."""
	status = lock(run)
	if status != states.PAUSED:
		frappe.throw(_("This run is {0}; only a paused one can be resumed.").format(_(status)))
	set_status(run, states.QUEUED)
	log.record(run, "Resumed")
	start_posting(run)


def retry_failed(run: str) -> int:
	"""Try the items that failed again, in new batches; returns how many.

	What was skipped changed after the approval, and stays as it is: a new run finds it as it is now.
	"""
	status = lock(run)
	if status not in (states.PARTLY_POSTED, states.FAILED):
		frappe.throw(_("This run is {0}: nothing in it can be retried now.").format(_(status)))
	item = frappe.qb.DocType("Write-Off Run Item")
	count = frappe.db.count("Write-Off Run Item", {"run": run, "status": states.FAILED})
	if not count:
		frappe.throw(_("Nothing failed in this run. What was skipped can be found again with a new run."))
	(
		frappe.qb.update(item)
		.set(item.status, states.OPEN)
		.set(item.reason_code, "")
		.set(item.message, "")
		.where((item.run == run) & (item.status == states.FAILED))
		.run()
	)
	make_batches(run, rules_of(frappe.get_doc("Write-Off Run", run)))
	refresh_totals(run)
	set_status(run, states.QUEUED)
	log.record(run, "Retried", posted_count=count)
	start_posting(run)
	return count
