"""Pause, resume and retry of a posting run. Each locks the run and checks its status and the user's permission, see
`ar_writeoff.run.gate`."""

import frappe
from frappe import _

from ar_writeoff.approval import service as approval
from ar_writeoff.core import status as states
from ar_writeoff.ledger import messages
from ar_writeoff.posting.batches import create_batches
from ar_writeoff.posting.service import start_posting
from ar_writeoff.run import log
from ar_writeoff.run.status import refresh_totals, set_status
from ar_writeoff.run.terms import rules_of


def pause(run: str) -> None:
	"""Stop after the batches in progress. Posted entries stay posted."""
	set_status(run, states.PAUSED)
	log.record(run, "Paused")


def resume(run: str) -> None:
	"""Continue a paused run."""
	set_status(run, states.QUEUED)
	log.record(run, "Resumed")
	start_posting(run)


def retry_failed(run: str) -> int:
	"""Post the failed items again in new batches; returns their number.

	Skipped items stay as they are, because they changed after the approval: a new run finds them.
	"""
	item = frappe.qb.DocType("Write-Off Run Item")
	count = frappe.db.count("Write-Off Run Item", {"run": run, "status": states.FAILED})
	if not count:
		frappe.throw(
			_("This run has no failed balances. Use a new run for skipped balances."), title=_("Retry")
		)
	query = (
		frappe.qb.update(item)
		.set(item.status, states.OPEN)
		.where((item.run == run) & (item.status == states.FAILED))
	)
	messages.set_reason(query, item, None).run()
	create_batches(run, rules_of(approval.terms_of(approval.stored_run(run))))
	refresh_totals(run)
	set_status(run, states.QUEUED)
	log.record(run, "Retried", posted_count=count)
	start_posting(run)
	return count
