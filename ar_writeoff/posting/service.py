"""Posting workers: post the batches of a run, by any number of workers on any number of machines.

A worker shares the lock on the run, takes a batch by locking its row, and in the same transaction locks items and
vouchers, revalidates, posts and records the outcome of each item. Journal Entries, which are named by their batch, and the item rows
are committed together, so a killed worker leaves a batch either posted or untouched.
"""

import time
from collections import Counter
from typing import NamedTuple

import frappe
from frappe.utils import cint, now

from ar_writeoff.approval import posting_checks as guard
from ar_writeoff.approval import service as approval
from ar_writeoff.core import reasons
from ar_writeoff.core import status as states
from ar_writeoff.core.reasons import Reason
from ar_writeoff.core.run_types import doctype_of
from ar_writeoff.ledger import messages
from ar_writeoff.ledger.open_items import Key
from ar_writeoff.ledger.transactions import (
	clear_settings_cache,
	is_site_fault,
	read_committed,
	run_in_transaction,
)
from ar_writeoff.posting import conflicts, proof
from ar_writeoff.posting import entries as journal
from ar_writeoff.posting import ledger as posting
from ar_writeoff.posting.completion import notify_completion
from ar_writeoff.posting.payment_requests import cancel_requests
from ar_writeoff.posting.shared_fault import pause_on_fault
from ar_writeoff.run import gate, log
from ar_writeoff.run import worker as workers
from ar_writeoff.run.status import (
	as_user,
	calculate_totals,
	publish_progress,
	refresh_totals,
	set_status,
	status_of,
)
from ar_writeoff.tax_relief import runs as tax_runs
from ar_writeoff.tax_relief import service as tax_relief

METHOD = "ar_writeoff.jobs.post_run"

# A batch that was started this often without finishing is given up: it crashes its worker.
MAX_ATTEMPTS = 10
# Batches to try when looking for an unlocked one.
BATCH_CANDIDATES = 50


class ClaimedBatch(NamedTuple):
	"""The batch a worker has claimed. Without one, `held` says whether other workers hold the remaining batches."""

	batch: frappe._dict | None = None
	held: bool = False


def start_posting(run: str) -> None:
	"""Post in the background with the company's number of parallel jobs; in this process in tests."""
	if workers.runs_inline():
		post_run(run)
		return
	workers.start(run, METHOD, range(1, worker_count(run) + 1))


def worker_count(run: str) -> int:
	"""The company's number of parallel jobs, at most the number of batches, and at least one to finish the run."""
	company = frappe.db.get_value(doctype_of(run), run, "company")
	return min(workers.parallel_jobs(company), max(1, pending_batches(run)))


def post_run(run: str, worker: int = 1) -> None:
	"""Post batches of a submitted run until none is left for this worker or its time is up, as the user who submitted
	the run."""
	with read_committed():
		doc = approval.stored_run(run)
		with as_user(doc.submitted_by or doc.owner):
			session = workers.WorkerSession(run, worker)
			claimed = run_in_transaction(lambda: start_session(session, doc.company))
			if not claimed:
				return
			try:
				rules = guard.approved_rules(doc)
			except posting.SharedFault as error:
				shared = error
				run_in_transaction(lambda: pause_on_fault(run, shared, worker))
				publish_and_notify(run, run_in_transaction(lambda: end_session(session, doc.company)))
				return
			except frappe.ValidationError as error:
				reason = messages.error_reason(error)
				run_in_transaction(lambda: fail_pending_items(run, reason))
				publish_and_notify(run, run_in_transaction(lambda: end_session(session, doc.company)))
				return
			run_worker(session, rules, claimed)


def run_worker(session: workers.WorkerSession, rules: posting.Rules, claimed: ClaimedBatch) -> None:
	"""Main loop of a worker."""
	finished = None
	try:
		while finished is None:
			if claimed.batch:
				current = claimed
				clear_settings_cache()
				if not run_in_transaction(lambda: post_or_pause(current, session, rules)):
					session.back_off()
				elif session.should_publish():
					publish_progress(session.run)
			waits = claimed.held and session.wait_for_batch()
			if session.is_expired or not (claimed.batch or waits):
				finished = run_in_transaction(lambda: end_session(session, rules.company))
			else:
				claimed, finished = run_in_transaction(lambda: claim_next_batch(session, rules.company))
	except Exception as error:
		if is_site_fault(error):
			unfit = posting.SharedFault(error)
			run_in_transaction(lambda: pause_on_fault(session.run, unfit, session.number))
		workers.record_interruption(session, error)
		raise
	publish_and_notify(session.run, finished)
	if not finished and session.is_expired:
		run_in_transaction(lambda: enqueue_next_job(session))


def claim_next_batch(session: workers.WorkerSession, company: str) -> tuple[ClaimedBatch, bool | None]:
	"""Claim the next batch; if none is left or held by others, end the session in the same transaction. The second
	value is the result of `end_session`, or None."""
	claimed = claim_batch(session)
	return claimed, None if claimed.batch or claimed.held else end_session(session, company)


def enqueue_next_job(session: workers.WorkerSession) -> None:
	"""Enqueue the next job if batches are pending."""
	if gate.lock(session.run) == states.POSTING and pending_batches(session.run):
		workers.start(session.run, METHOD, [session.number])


def start_session(session: workers.WorkerSession, company: str) -> ClaimedBatch | None:
	"""Set Queued to Posting and claim the first batch; None if the run is not to be posted.

	If it is not posted in sets, the log records why.
	"""
	# Only the first worker takes the lock, which waits for the batches in progress.
	status = status_of(session.run)
	if status == states.QUEUED:
		status = gate.lock(session.run)
	if status == states.POSTING:
		return claim_batch(session)
	if status != states.QUEUED:
		return None
	set_status(session.run, states.POSTING, status)
	log.record(session.run, "Started", company, worker=session.number, reason=proof.hindrance(company))
	return claim_batch(session)


def claim_batch(session: workers.WorkerSession) -> ClaimedBatch:
	"""Claim a batch that no other worker holds, count the attempt, and renew the lease. The batch is None if there is
	none or the run is paused.

	The attempt is committed before the work starts, so a batch that crashes its worker each time is detected. Batches
	with the fewest attempts come first.
	"""
	run = frappe.qb.DocType(doctype_of(session.run))
	pending = frappe.qb.DocType("Write-Off Run Batch")
	candidates = (
		frappe.qb.from_(pending)
		.inner_join(run)
		.on(run.name == pending.run)
		.select(pending.name)
		.where((pending.run == session.run) & (pending.status == "Pending") & (run.status == states.POSTING))
		.orderby(pending.attempts)
		.orderby(pending.number)
		.limit(BATCH_CANDIDATES)
		.run(pluck=True)
	)
	for name in candidates:
		batch = lock_batch(name)
		if batch:
			batch.attempts = cint(batch.attempts) + 1
			frappe.db.set_value(
				"Write-Off Run Batch",
				name,
				{
					"attempts": batch.attempts,
					"worker": f"{session.number} · {workers.process_name()}",
				},
			)
			session.heartbeat(batch.number)
			return ClaimedBatch(batch)
	return ClaimedBatch(held=bool(candidates))


def lock_batch(name: str) -> frappe._dict | None:
	"""Lock a pending batch until the end of the transaction; None if another worker holds it or it is done."""
	batch = frappe.qb.DocType("Write-Off Run Batch")
	rows = (
		frappe.qb.from_(batch)
		.select(batch.name, batch.run, batch.number, batch.attempts)
		.where((batch.name == name) & (batch.status == "Pending"))
		.for_update(skip_locked=True)
		.run(as_dict=True)
	)
	return rows[0] if rows else None


def post_or_pause(claimed: ClaimedBatch, session: workers.WorkerSession, rules: posting.Rules) -> bool:
	"""Post a batch; pause the run on a shared fault."""
	try:
		return post_batch(claimed, session, rules)
	except posting.SharedFault as fault:
		pause_on_fault(session.run, fault, session.number)
		return True


def post_batch(claimed: ClaimedBatch, session: workers.WorkerSession, rules: posting.Rules) -> bool:
	"""Post the open items of a batch and record their outcomes. False if another worker holds the batch or the run is
	no longer Posting."""
	started = time.monotonic()
	if gate.lock_shared(session.run) != states.POSTING:
		return False
	batch = lock_batch(claimed.batch.name) if claimed.batch else None
	if not batch:
		return False
	rows = lock_items(batch)
	items = posting.items_from_rows(rows, rules.company)
	if cint(batch.attempts) > MAX_ATTEMPTS:
		reason = Reason.of(reasons.INTERRUPTED, times=cint(batch.attempts) - 1)
		outcomes = [posting.failed(item.name, reason) for item in items]
	else:
		refused = guard.refused_items(rows, batch.run)
		outcomes = [posting.Outcome(name, states.SKIPPED, reason=reason) for name, reason in refused.items()]
		names = posting.Names(f"ACC-JV-{batch.run}-{batch.number:04d}")
		outcomes += posting.post_items([item for item in items if item.name not in refused], rules, names)
	write_outcomes(outcomes)
	written_off = {outcome.item for outcome in outcomes if outcome.status in states.ITEM_POSTED}
	if rules.posts_claims:
		tax_runs.update_claims(item.key.voucher_no for item in items if item.name in written_off)
	if rules.tax_rule:
		tax_relief.create_claims(
			rules.tax_rule,
			rules.booking,
			batch.run,
			rules.company,
			[row for row in rows if row["name"] in written_off],
			rules.posting_date,
			{outcome.item: outcome.journal_entry for outcome in outcomes},
		)
	journal.update_write_off_fields([item.key for item in items])
	if rules.criteria.cancel_payment_requests:
		cancel_requests(batch.run, [item.key for item in items if item.name in written_off])
	record_batch(batch, items, outcomes, session, rules.company, time.monotonic() - started)
	return True


def lock_items(batch: frappe._dict) -> list[frappe._dict]:
	"""The open items of a batch, locked in order of name."""
	item = frappe.qb.DocType("Write-Off Run Item")
	names = frappe.get_all(
		"Write-Off Run Item",
		filters={"run": batch.run, "batch": batch.number, "status": states.OPEN, "selected": 1},
		pluck="name",
		order_by="name asc",
	)
	return (
		frappe.qb.from_(item)
		.select("*")
		.where(item.name.isin(names or [""]) & (item.status == states.OPEN))
		.orderby(item.name)
		.for_update()
		.run(as_dict=True)
	)


def write_outcomes(outcomes: list[posting.Outcome]) -> None:
	"""Set status, entry and reason of the items, one statement per group that shares them."""
	item = frappe.qb.DocType("Write-Off Run Item")
	groups: dict[tuple, list[str]] = {}
	for outcome in outcomes:
		key = (outcome.status, outcome.journal_entry, outcome.reason)
		groups.setdefault(key, []).append(outcome.item)
	for (status, journal_entry, reason), names in groups.items():
		link_doctype, link_name = (reason and reason.link) or ("", "")
		query = (
			frappe.qb.update(item)
			.set(item.status, status)
			.set(item.journal_entry, journal_entry)
			.set(item.reason_doctype, link_doctype)
			.set(item.reason_name, link_name)
			.set(item.modified, now())
			.set(item.modified_by, frappe.session.user)
			.where(item.name.isin(names))
		)
		messages.set_reason(query, item, reason).run()


def record_batch(
	batch: frappe._dict,
	items: list[posting.Item],
	outcomes: list[posting.Outcome],
	session: workers.WorkerSession,
	company: str,
	duration: float,
) -> None:
	"""Mark the batch as done, and log its entries and each item that was not posted."""
	counts = Counter(outcome.status for outcome in outcomes)
	entries = list(dict.fromkeys(outcome.journal_entry for outcome in outcomes if outcome.journal_entry))
	posted = counts[states.POSTED] + counts[states.CONFLICT]
	frappe.db.set_value(
		"Write-Off Run Batch",
		batch.name,
		{
			"status": "Done",
			"posted_count": posted,
			"journal_entry": entries[0] if entries else None,
		},
	)
	vouchers: dict[str, Key] = {item.name: item.key for item in items}
	log.record_all(
		batch.run,
		[
			{
				"event": "Batch Posted",
				"batch": batch.number,
				"worker": session.number,
				"duration": duration,
				"journal_entry": entries[0] if entries else None,
				"posted_count": posted,
				"skipped_count": counts[states.SKIPPED],
				"failed_count": counts[states.FAILED],
				"amount": sum(outcome.base_amount for outcome in outcomes),
				"reason": Reason.verbatim(", ".join(entries)) if len(entries) > 1 else None,
			},
			*(
				{
					"event": "Conflict" if outcome.status == states.CONFLICT else "Not Posted",
					"batch": batch.number,
					"voucher_no": vouchers[outcome.item].voucher_no,
					"journal_entry": outcome.journal_entry,
					"reason": outcome.reason,
				}
				for outcome in outcomes
				if outcome.status != states.POSTED
			),
		],
		company,
	)


def fail_pending_items(run: str, reason: Reason) -> None:
	"""Set all pending items of the run to Failed with this reason."""
	item = frappe.qb.DocType("Write-Off Run Item")
	if gate.lock(run) != states.POSTING:
		return
	if not reason.code:
		reason = Reason(reasons.REFUSED, reason.facts)
	query = (
		frappe.qb.update(item)
		.set(item.status, states.FAILED)
		.where((item.run == run) & (item.status == states.OPEN) & (item.selected == 1))
	)
	messages.set_reason(query, item, reason).run()
	frappe.db.set_value("Write-Off Run Batch", {"run": run, "status": "Pending"}, "status", "Done")
	log.record(run, "Stopped", reason=reason)


def pending_batches(run: str) -> int:
	return frappe.db.count("Write-Off Run Batch", {"run": run, "status": "Pending"})


def publish_and_notify(run: str, finished: bool) -> None:
	"""Publish progress, and if the run has finished, notify."""
	publish_progress(run)
	if finished:
		notify_completion(run)


def end_session(session: workers.WorkerSession, company: str) -> bool:
	"""End a session, and finish a run without pending batches. False if others still work on it or it is paused.

	The last worker checks the ledger again for payments that did not take the lock.
	"""
	run = session.run
	if status_of(run) == states.POSTING and pending_batches(run):
		# Without the lock on the run, which would make the other workers wait.
		session.end()
		return False
	status = gate.lock(run)
	session.end()
	if status not in (states.POSTING, states.PAUSED):
		return False
	if pending_batches(run):
		refresh_totals(run)
		return False
	conflicts.mark_conflicts(run, company)
	counts, totals = calculate_totals(run)
	set_status(run, states.finished_status(counts), status, **totals)
	log.record(
		run,
		"Finished",
		company,
		posted_count=totals["posted_count"],
		skipped_count=totals["skipped_count"],
		failed_count=totals["failed_count"],
		amount=totals["posted_amount"],
		duration=log.seconds_since(run, ("Submitted", "Retried")),
	)
	return True
