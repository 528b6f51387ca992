"""Restart runs whose worker died or whose job was never enqueued. Called by the scheduler every few minutes."""

import frappe

from ar_writeoff.core import run_types
from ar_writeoff.core import status as states
from ar_writeoff.posting import service as posting
from ar_writeoff.run import log
from ar_writeoff.run import worker as workers
from ar_writeoff.search import service as search
from ar_writeoff.undo import service as undo


def resume_stalled_runs(lease: int = workers.LEASE) -> list[str]:
	"""Start missing workers of runs in progress and reset runs whose search died to Draft. Returns these runs.

	A worker is alive for `lease` seconds after its last heartbeat, and while its job is queued.
	"""
	resumed = []
	in_progress = [
		run
		for run_type in run_types.ALL
		for run in frappe.get_all(
			run_type.doctype,
			filters={"status": ("in", (states.SEARCHING, *states.IN_PROGRESS))},
			fields=["name", "status"],
			order_by="name asc",
		)
	]
	for run in in_progress:
		if run.status == states.SEARCHING:
			alive = workers.is_alive(run.name, search.WORKER, lease)
			needed = not alive and search.stop_search(run.name, skip_locked=True)
		else:
			needed = start_missing_workers(run.name, run.status, lease)
		if needed:
			resumed.append(run.name)
		# One transaction for each run, which releases its lock.
		frappe.db.commit()  # nosemgrep: frappe-manual-commit
	return resumed


def start_missing_workers(run: str, status: str, lease: int) -> bool:
	"""Start the missing workers of a run; return whether there were any."""
	job = undo if status == states.REVERSING else posting
	missing = workers.missing_workers(run, job.worker_count(run), lease)
	if missing:
		log.record(run, "Resumed by Watchdog", worker=", ".join(str(number) for number in missing))
		workers.start(run, job.METHOD, missing)
	return bool(missing)
