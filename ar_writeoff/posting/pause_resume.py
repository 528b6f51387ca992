"""What a person may do with a run while it posts: pause, resume, retry what failed. Each under the gate, see
`ar_writeoff.run.gate`: the run is locked, and its status and the permission are checked."""

import frappe
from frappe import _

from ar_writeoff.approval import service as approval
from ar_writeoff.core import status as states
from ar_writeoff.ledger import messages
from ar_writeoff.posting.batches import make_batches
from ar_writeoff.posting.service import start_posting
from ar_writeoff.run import log
from ar_writeoff.run.status import refresh_totals, set_status
from ar_writeoff.run.terms import rules_of


def pause(run: str) -> None:
	"""Stop after the batches that are in hand. What is posted stays posted."""
	set_status(run, states.PAUSED)
	log.record(run, "Paused")


def resume(run: str) -> None:
	"""Go on with what a paused run has left."""
	set_status(run, states.QUEUED)
	log.record(run, "Resumed")
	start_posting(run)


def retry_failed(run: str) -> int:
	"""Try the items that failed again, in new batches; returns how many.

	What was skipped changed after the approval, and stays as it is: a new run finds it as it is now.
	"""
	item = frappe.qb.DocType("Write-Off Run Item")
	count = frappe.db.count("Write-Off Run Item", {"run": run, "status": states.FAILED})
	if not count:
		frappe.throw(_("Nothing failed in this run. What was skipped can be found again with a new run."))
	query = (
		frappe.qb.update(item)
		.set(item.status, states.OPEN)
		.where((item.run == run) & (item.status == states.FAILED))
	)
	messages.set_reason(query, item, None).run()
	make_batches(run, rules_of(approval.terms_of(approval.as_stored(run))))
	refresh_totals(run)
	set_status(run, states.QUEUED)
	log.record(run, "Retried", posted_count=count)
	start_posting(run)
	return count
