"""Resumes runs whose worker died, or whose job was never enqueued. Called by the scheduler every few minutes."""

import frappe

from ar_writeoff.core import status as states
from ar_writeoff.posting import service as posting
from ar_writeoff.run import log
from ar_writeoff.run import worker as workers
from ar_writeoff.undo import service as undo


def resume_stalled_runs(lease: int = workers.LEASE) -> list[str]:
	"""Start what is missing for every run that is to be posted or undone; returns the runs that needed it.

	A worker counts as alive for `lease` seconds after its last sign of life, and while its job waits in the queue.
	"""
	resumed = []
	for run in frappe.get_all(
		"Write-Off Run",
		filters={"docstatus": 1, "status": ("in", states.IN_PROGRESS)},
		fields=["name", "status"],
		order_by="name asc",
	):
		if run.status == states.REVERSING:
			method, wanted = undo.METHOD, undo.workers_wanted(run.name)
		else:
			method, wanted = posting.METHOD, posting.workers_wanted(run.name)
		missing = workers.missing(run.name, wanted, lease)
		if missing:
			log.record(run.name, "Resumed by Watchdog", worker=", ".join(str(number) for number in missing))
			workers.start(run.name, method, missing)
			resumed.append(run.name)
		frappe.db.commit()
	return resumed
