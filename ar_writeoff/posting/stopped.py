"""A run of which nothing can be posted: it is paused, with one message that says what to mend."""

import frappe

from ar_writeoff.approval import notifications as notify
from ar_writeoff.core import status as states
from ar_writeoff.ledger import messages
from ar_writeoff.posting import ledger as posting
from ar_writeoff.run import gate, log
from ar_writeoff.run.status import set_status


def stop(run: str, fault: posting.SharedFault, worker: int) -> None:
	"""Pause the run; the current transaction is rolled back, so that no item of the batch is changed.

	Whoever resumes it begins the batches anew: that this one was begun in vain does not count.
	"""
	frappe.db.rollback()
	if gate.lock(run) != states.POSTING:
		return
	reason = posting.reason_of_fault(fault)
	set_status(run, states.PAUSED, states.POSTING)
	frappe.db.set_value("Write-Off Run Batch", {"run": run, "status": "Pending"}, "attempts", 0)
	log.record(run, "Paused", worker=worker, reason=reason)
	notify.run_stopped(
		frappe.db.get_value(
			"Write-Off Run", run, ["name", "company", "prepared_by", "submitted_by"], as_dict=True
		),
		lambda _user: messages.message(reason),
	)
