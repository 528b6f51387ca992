"""Pausing a run when a fault stops all of its items."""

import frappe

from ar_writeoff.approval import notifications as notify
from ar_writeoff.core import status as states
from ar_writeoff.core.run_types import doctype_of
from ar_writeoff.ledger import messages
from ar_writeoff.posting import ledger as posting
from ar_writeoff.run import gate, log
from ar_writeoff.run.status import set_status


def pause_on_fault(run: str, fault: posting.SharedFault, worker: int) -> None:
	"""Roll back the current transaction and pause the run with one message that says what to fix.

	Attempts are reset: this one does not count when the run is resumed.
	"""
	frappe.db.rollback()
	if gate.lock(run) != states.POSTING:
		return
	reason = posting.fault_reason(fault)
	set_status(run, states.PAUSED, states.POSTING)
	frappe.db.set_value("Write-Off Run Batch", {"run": run, "status": "Pending"}, "attempts", 0)
	log.record(run, "Paused", worker=worker, reason=reason)
	notify.run_stopped(
		frappe.db.get_value(
			doctype_of(run), run, ["name", "company", "prepared_by", "submitted_by"], as_dict=True
		),
		lambda _user: messages.message(reason),
	)
