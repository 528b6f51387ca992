"""Post a run, batch by batch, by any number of workers on any number of machines.

A worker shares the lock on the run, takes a batch by locking its row, and in the same transaction locks the items and
the vouchers, looks again, posts, and writes down what became of each item. Journal Entries, their unique keys and the item rows are
one commit: killed before it, nothing happened, killed after it, all did. Nobody has to find out afterwards.
"""

import time
from collections import Counter
from collections.abc import Hashable, Mapping
from typing import Any, NamedTuple

import frappe
from frappe.utils import cint, now

from ar_writeoff.approval import at_posting as guard
from ar_writeoff.approval import service as approval
from ar_writeoff.core import reasons
from ar_writeoff.core import status as states
from ar_writeoff.core.reasons import Reason
from ar_writeoff.ledger import messages
from ar_writeoff.ledger.open_items import Key
from ar_writeoff.ledger.transactions import (
	forget_cached_settings,
	in_one_commit,
	read_committed,
	site_is_unfit,
)
from ar_writeoff.posting import conflicts, fast
from ar_writeoff.posting import entries as journal
from ar_writeoff.posting import ledger as posting
from ar_writeoff.posting.completion import notify_completion
from ar_writeoff.posting.stopped import stop
from ar_writeoff.run import gate, log
from ar_writeoff.run import worker as workers
from ar_writeoff.run.status import add_up, as_user, publish_progress, refresh_totals, set_status, status_of

METHOD = "ar_writeoff.jobs.post_run"

# A batch that was begun so often and never finished takes its worker down with it: it is given up.
MOST_BEGINNINGS = 10
# Batches to look at for one that nobody holds.
CANDIDATES = 50


class ClaimedBatch(NamedTuple):
	"""The batch that a worker has claimed; where there is none, whether others hold what is left. `guard_result`: what was
	asked a moment before and is not asked again for this batch."""

	batch: frappe._dict | None = None
	held: bool = False
	guard_result: Mapping[Hashable, Any] = {}


def start_posting(run: str) -> None:
	"""Post in the background, by as many jobs as the company allows; in tests in this process."""
	if workers.in_this_process():
		post_run(run)
		return
	workers.start(run, METHOD, range(1, workers_wanted(run) + 1))


def workers_wanted(run: str) -> int:
	"""As many as the company allows, and no more than there are batches; one at least, to settle the run."""
	company = frappe.db.get_value("Write-Off Run", run, "company")
	return min(workers.parallel_jobs(company), max(1, pending_batches(run)))


def post_run(run: str, worker: int = 1) -> None:
	"""Post batches of a submitted run until none is left for this worker, or its time is up.

	Works as the user who submitted the run, whoever runs the job and however often it was tried again.
	"""
	with read_committed():
		doc = approval.as_stored(run)
		with as_user(doc.submitted_by or doc.owner):
			session = workers.WorkerSession(run, worker)
			claimed = in_one_commit(lambda: begin(session, doc.company))
			if not claimed:
				return
			try:
				rules = guard.approved_rules(doc)
			except posting.SharedFault as error:
				shared = error
				in_one_commit(lambda: stop(run, shared, worker))
				publish_and_notify(run, in_one_commit(lambda: finish(session, doc.company)))
				return
			except frappe.ValidationError as error:
				reason = messages.reason_of(error)
				in_one_commit(lambda: give_up(run, reason))
				publish_and_notify(run, in_one_commit(lambda: finish(session, doc.company)))
				return
			work(session, rules, claimed)


def work(session: workers.WorkerSession, rules: posting.Rules, claimed: ClaimedBatch) -> None:
	"""The loop of a worker, from its first batch to the end of its session."""
	finished = None
	try:
		while finished is None:
			if claimed.batch:
				this = claimed
				forget_cached_settings()
				if not in_one_commit(lambda: post_or_stop(this, session, rules)):
					session.back_off()
				elif session.should_publish():
					publish_progress(session.run)
			waits = claimed.held and session.wait_for_batch()
			if session.is_over or not (claimed.batch or waits):
				finished = in_one_commit(lambda: finish(session, rules.company))
			else:
				claimed, finished = in_one_commit(lambda: go_on(session, rules.company))
	except Exception as error:
		if site_is_unfit(error):
			unfit = posting.SharedFault(error)
			in_one_commit(lambda: stop(session.run, unfit, session.number))
		workers.interrupted(session, error)
		raise
	publish_and_notify(session.run, finished)
	if not finished and session.is_over:
		in_one_commit(lambda: hand_over(session))


def go_on(session: workers.WorkerSession, company: str) -> tuple[ClaimedBatch, bool | None]:
	"""Take the next batch; where nothing is left, not even in the hands of others, end the session at once: the second
	value is then that of `finish`."""
	claimed = claim_batch(session)
	return claimed, None if claimed.batch or claimed.held else finish(session, company)


def hand_over(session: workers.WorkerSession) -> None:
	"""Enqueue a successor where there is still something to post."""
	if gate.lock(session.run) == states.POSTING and pending_batches(session.run):
		workers.start(session.run, METHOD, [session.number])


def begin(session: workers.WorkerSession, company: str) -> ClaimedBatch | None:
	"""Take the first batch; None when the run is not to be posted. The first worker to come turns Queued into Posting.

	The log says where entries are posted row by row, as ERPNext does, and why.
	"""
	# Only the first one to come needs the lock: the others would wait for the batches in hand, and batches for them.
	status = status_of(session.run)
	if status == states.QUEUED:
		status = gate.lock(session.run)
	if status == states.POSTING:
		return claim_batch(session)
	if status != states.QUEUED:
		return None
	set_status(session.run, states.POSTING, status)
	why = fast.why_not(company)
	log.record(session.run, "Started", company, worker=session.number, reason=why and Reason.said(why))
	guard_result: dict[Hashable, Any] = {fast.WHY_NOT: why}
	return claim_batch(session)._replace(guard_result=guard_result)


def claim_batch(session: workers.WorkerSession) -> ClaimedBatch:
	"""Choose a batch that nobody holds, note that it was begun, and renew the lease.

	The note is committed before the work, so that the database knows of a batch that kills its worker each time.
	Those begun least often come first. None when there is none, or the run is paused.
	"""
	run, pending = frappe.qb.DocType("Write-Off Run"), frappe.qb.DocType("Write-Off Run Batch")
	candidates = (
		frappe.qb.from_(pending)
		.inner_join(run)
		.on(run.name == pending.run)
		.select(pending.name)
		.where((pending.run == session.run) & (pending.status == "Pending") & (run.status == states.POSTING))
		.orderby(pending.attempts)
		.orderby(pending.number)
		.limit(CANDIDATES)
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
					"worker": f"{session.number} · {workers.this_process()}",
				},
			)
			session.heartbeat(batch.number)
			return ClaimedBatch(batch)
	return ClaimedBatch(held=bool(candidates))


def lock_batch(name: str) -> frappe._dict | None:
	"""Lock a pending batch; None when another worker has it or it is done. The lock goes with the transaction."""
	batch = frappe.qb.DocType("Write-Off Run Batch")
	rows = (
		frappe.qb.from_(batch)
		.select(batch.name, batch.run, batch.number, batch.attempts)
		.where((batch.name == name) & (batch.status == "Pending"))
		.for_update(skip_locked=True)
		.run(as_dict=True)
	)
	return rows[0] if rows else None


def post_or_stop(claimed: ClaimedBatch, session: workers.WorkerSession, rules: posting.Rules) -> bool:
	"""As `post_batch`; where nothing of the run can be posted, pause it."""
	try:
		return post_batch(claimed, session, rules)
	except posting.SharedFault as fault:
		stop(session.run, fault, session.number)
		return True


def post_batch(claimed: ClaimedBatch, session: workers.WorkerSession, rules: posting.Rules) -> bool:
	"""Post the open items of a batch and write down what became of each. False when another worker has it, or the run is
	not to be posted any more."""
	started = time.monotonic()
	if gate.share(session.run) != states.POSTING:
		return False
	batch = lock_batch(claimed.batch.name) if claimed.batch else None
	if not batch:
		return False
	rows = lock_items(batch)
	items = posting.items_from_rows(rows, rules.company)
	if cint(batch.attempts) > MOST_BEGINNINGS:
		reason = Reason.of(reasons.INTERRUPTED, times=cint(batch.attempts) - 1)
		outcomes = [posting.failed(item.name, reason) for item in items]
	else:
		refused = guard.refused_items(rows, batch.run)
		outcomes = [posting.Outcome(name, states.SKIPPED, reason=reason) for name, reason in refused.items()]
		names = posting.Names(f"ACC-JV-{batch.run}-{batch.number:04d}")
		outcomes += posting.post_items(
			[item for item in items if item.name not in refused], rules, names, claimed.guard_result
		)
	write_outcomes(outcomes)
	journal.refresh_marks([item.key for item in items])
	record_batch(batch, items, outcomes, session, rules.company, time.monotonic() - started)
	return True


def lock_items(batch: frappe._dict) -> list[dict]:
	"""The open items of a batch, locked in the order of their names."""
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
	"""Set status, entry and reason of the items, one statement for each group that shares them."""
	item = frappe.qb.DocType("Write-Off Run Item")
	groups: dict[tuple, list[str]] = {}
	for outcome in outcomes:
		key = (outcome.status, outcome.journal_entry, outcome.reason)
		groups.setdefault(key, []).append(outcome.item)
	for (status, journal_entry, reason), names in groups.items():
		query = (
			frappe.qb.update(item)
			.set(item.status, status)
			.set(item.journal_entry, journal_entry)
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
	"""Mark the batch as done, and log its entries and each failure with its reason."""
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
				"reason": Reason.said(", ".join(entries)) if len(entries) > 1 else None,
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


def give_up(run: str, reason: Reason) -> None:
	"""Nothing of the run can be posted: every pending item fails with the reason."""
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
	"""Tell who is watching how far the run is, and where it has finished, who is to know."""
	publish_progress(run)
	if finished:
		notify_completion(run)


def finish(session: workers.WorkerSession, company: str) -> bool:
	"""End a session, and settle a run that has no batch pending. False when others still work on it, or it waits for
	someone.

	Whoever comes last looks at the ledger once more: a payment that did not ask for the lock may have got through.
	"""
	run = session.run
	if status_of(run) == states.POSTING and pending_batches(run):
		# The run is left alone: whoever takes the lock on it stops the others for a moment.
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
	counts, totals = add_up(run)
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
