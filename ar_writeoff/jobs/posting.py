"""Post a run, batch by batch. Each batch commits, so that a worker may die at any moment."""

import random
import time

import frappe
from frappe.utils import cint, now, now_datetime

from ar_writeoff.core import status as states
from ar_writeoff.jobs.rules import rules_of
from ar_writeoff.jobs.run import as_user, publish_progress, refresh_totals, set_status
from ar_writeoff.ledger import journal, posting
from ar_writeoff.ledger.isolation import read_committed

# A lost lock race costs a fraction of a second; a few more tries cost little, a failed batch a phone call.
ATTEMPTS = 5


def start_posting(run: str) -> None:
	"""Post in the background; in tests in this process, committing as a worker would."""
	if frappe.flags.in_test:
		post_run(run)
		return
	frappe.enqueue(
		"ar_writeoff.jobs.post_run",
		run=run,
		queue="long",
		timeout=3600,
		job_id=f"write-off-run::{run}",
		deduplicate=True,
		enqueue_after_commit=True,
	)


def post_run(run: str) -> None:
	"""Post batches of a submitted run until none is pending; any number of workers may do so at once.

	Works as the user who submitted the run, whoever runs the worker.
	"""
	frappe.db.commit()
	doc = frappe.get_doc("Write-Off Run", run)
	with as_user(doc.submitted_by or doc.owner):
		rules = rules_of(doc)
		set_status(run, states.POSTING)
		frappe.db.commit()
		while post_next_batch(run, rules):
			publish_progress(run)
		finish(run)


def post_next_batch(run: str, rules: posting.Rules) -> bool:
	"""Post one batch in one transaction. False when there is none left for this worker, or the run is paused.

	After a deadlock or a lock timeout the whole transaction is gone: the batch begins again, a few times.
	"""
	for attempt in range(1, ATTEMPTS + 1):
		try:
			with read_committed():
				if frappe.db.get_value("Write-Off Run", run, "status") != states.POSTING:
					return False
				batch = claim_batch(run)
				if not batch:
					return False
				post_batch(batch, rules)
				frappe.db.commit()
				return True
		except (frappe.QueryDeadlockError, frappe.QueryTimeoutError):
			frappe.db.rollback()
			if attempt == ATTEMPTS:
				raise
			time.sleep(random.uniform(0.05, 0.2) * attempt)
	return False


def claim_batch(run: str) -> frappe._dict | None:
	"""Lock the first pending batch that no other worker has; the lock goes with the transaction."""
	pending = frappe.get_all(
		"Write-Off Run Batch",
		filters={"run": run, "status": "Pending"},
		pluck="name",
		order_by="number asc",
	)
	for name in pending:
		rows = frappe.db.sql(
			"""select name, run, number, attempts from `tabWrite-Off Run Batch`
			where name = %s and status = 'Pending' for update skip locked""",
			name,
			as_dict=True,
		)
		if rows:
			return rows[0]
	return None


def post_batch(batch: frappe._dict, rules: posting.Rules) -> None:
	"""Post the open items of a locked batch and write down what became of each, in one transaction."""
	started = now_datetime()
	item = frappe.qb.DocType("Write-Off Run Item")
	names = frappe.get_all(
		"Write-Off Run Item",
		filters={"run": batch.run, "batch": batch.number, "status": states.OPEN, "selected": 1},
		pluck="name",
		order_by="name asc",
	)
	rows = (
		frappe.qb.from_(item)
		.select("*")
		.where(item.name.isin(names or [""]) & (item.status == states.OPEN))
		.orderby(item.name)
		.for_update()
		.run(as_dict=True)
	)
	items = posting.items_from_rows(rows, rules.company)
	outcomes = posting.post_items(items, rules, posting.Names(f"ACC-JV-{batch.run}-{batch.number:04d}"))
	write_outcomes(outcomes)
	journal.refresh_written_off_amounts(
		[row.voucher_no for row in rows if row.voucher_type == "Sales Invoice"]
	)
	frappe.db.set_value(
		"Write-Off Run Batch",
		batch.name,
		{
			"status": "Done",
			"attempts": cint(batch.attempts) + 1,
			"started_at": started,
			"finished_at": now_datetime(),
			"posted_count": sum(bool(outcome.journal_entry) for outcome in outcomes),
		},
	)


def write_outcomes(outcomes: list[posting.Outcome]) -> None:
	"""Set status, entry and message of the items, one statement for each group that shares them."""
	item = frappe.qb.DocType("Write-Off Run Item")
	groups: dict[tuple, list[str]] = {}
	for outcome in outcomes:
		key = (outcome.status, outcome.journal_entry, outcome.code, outcome.message)
		groups.setdefault(key, []).append(outcome.item)
	for (status, journal_entry, code, message), names in groups.items():
		(
			frappe.qb.update(item)
			.set(item.status, status)
			.set(item.journal_entry, journal_entry)
			.set(item.reason_code, code)
			.set(item.message, message)
			.set(item.modified, now())
			.set(item.modified_by, frappe.session.user)
			.where(item.name.isin(names))
			.run()
		)


def finish(run: str) -> None:
	"""Give the run the status that its items add up to, once no batch is pending."""
	frappe.db.get_value("Write-Off Run", run, "name", for_update=True)
	status = frappe.db.get_value("Write-Off Run", run, "status")
	if status == states.POSTING and not frappe.db.exists(
		"Write-Off Run Batch", {"run": run, "status": "Pending"}
	):
		counts = refresh_totals(run)
		set_status(run, states.finished_status(counts))
	else:
		refresh_totals(run)
	frappe.db.commit()
	publish_progress(run)
