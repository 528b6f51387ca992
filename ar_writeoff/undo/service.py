"""Undo workers: undo a run, one Journal Entry per commit; and the updates when one of its entries is cancelled.

A worker shares the lock on the run and takes an entry by locking its row; items and vouchers are locked next, in the
order of posting. The items show what is left to undo, so an interrupted undo continues where it stopped.
"""

import time
from datetime import date
from typing import Any

import frappe
from frappe import _
from frappe.utils import getdate, now, now_datetime

from ar_writeoff.core import reasons
from ar_writeoff.core import status as states
from ar_writeoff.core.reasons import Reason
from ar_writeoff.core.run_types import doctype_of
from ar_writeoff.ledger import messages
from ar_writeoff.ledger.open_items import balance_key
from ar_writeoff.ledger.transactions import clear_settings_cache, run_in_transaction
from ar_writeoff.posting import entries as journal
from ar_writeoff.posting import ledger as posting
from ar_writeoff.posting import set_offs
from ar_writeoff.run import gate, log
from ar_writeoff.run import worker as workers
from ar_writeoff.run.status import as_user, publish_progress, set_status, status_of, update_settled_status
from ar_writeoff.tax_relief import booked
from ar_writeoff.tax_relief import runs as tax_runs
from ar_writeoff.tax_relief import service as tax_relief
from ar_writeoff.undo import guards
from ar_writeoff.undo import ledger as undo

METHOD = "ar_writeoff.jobs.undo_run"

# Journal Entries one request may cancel: some five hundred balances, well under a minute.
MAX_ENTRIES_PER_REQUEST = 5

# Ways to undo an entry.
CANCEL = "cancel"
REVERSE = "reverse"
CANCEL_OR_REVERSE = "cancel or reverse"


# Undo of a run


def start_undo(run: str, posting_date: date, *, always_dated: bool = False, cancel: bool = False) -> None:
	"""Undo a run, which the caller has locked, in the background; in this process in tests. Pending items are skipped.

	With `always_dated` all entries are reversed by entries of `posting_date`. With `cancel` they are only cancelled,
	and when none is left the run is cancelled too.
	"""
	booked.throw_if_not_undoable(run)
	frappe.db.set_value(
		doctype_of(run),
		run,
		{
			"reversal_date": posting_date,
			"reversal_dated": int(always_dated),
			"cancel_when_undone": int(cancel),
			"reversed_by": frappe.session.user,
			"reversed_on": now(),
		},
	)
	set_status(run, states.REVERSING)
	skip_pending_items(run)
	log.record(run, "Reversal Started", reason=Reason.verbatim(str(posting_date)))
	if workers.runs_inline():
		undo_run(run)
	else:
		workers.start(run, METHOD, range(1, worker_count(run) + 1))


def worker_count(run: str) -> int:
	company = frappe.db.get_value(doctype_of(run), run, "company")
	return min(workers.parallel_jobs(company), max(1, len(live_entries(run))))


def undo_run(run: str, worker: int = 1) -> None:
	"""Undo entries of a run until none is left, as the user who requested it."""
	# Begin a new snapshot: another worker may have changed the run.
	frappe.db.commit()  # nosemgrep: frappe-manual-commit
	doc = frappe.db.get_value(
		doctype_of(run),
		run,
		["status", "reversal_date", "reversal_dated", "cancel_when_undone", "reversed_by"],
		as_dict=True,
	)
	if doc.status != states.REVERSING:
		return
	doc.how = CANCEL if doc.cancel_when_undone else REVERSE if doc.reversal_dated else CANCEL_OR_REVERSE
	session = workers.WorkerSession(run, worker)
	rejected: set[str] = set()
	with as_user(doc.reversed_by):
		try:
			while not session.is_expired:
				left = [name for name in live_entries(run) if name not in rejected]
				if not left or status_of(run) != states.REVERSING:
					break
				if not undo_entries(left, doc, session, rejected) and not session.wait_for_batch():
					break
		except Exception as error:
			workers.record_interruption(session, error)
			raise
		run_in_transaction(session.end)
		run_in_transaction(lambda: finish_undo(session, rejected))
	publish_progress(run)


def undo_entries(names: list[str], doc: Any, session: workers.WorkerSession, rejected: set[str]) -> bool:
	"""Undo those of these entries that no other worker holds, until the time is up; returns whether there were any."""
	any_done = False
	for name in names:
		if session.is_expired:
			break
		run_in_transaction(session.heartbeat)
		clear_settings_cache()
		if undo_and_commit(name, doc, session, rejected):
			any_done = True
			if session.should_publish():
				publish_progress(session.run)
	return any_done


def undo_and_commit(name: str, doc: Any, session: workers.WorkerSession, rejected: set[str]) -> bool:
	"""Undo one entry and commit. False if another worker holds it. A rejection by ERPNext is logged once."""

	def undo_locked() -> bool:
		if gate.lock_shared(session.run) != states.REVERSING:
			return False
		return undo_entry(name, doc.how, doc.reversal_date, session.number)

	try:
		return run_in_transaction(undo_locked)
	except frappe.ValidationError as error:
		frappe.clear_messages()
		rejected.add(name)
		reason = messages.error_reason(error)
		run_in_transaction(
			lambda: log.record(
				session.run, "Not Reversed", journal_entry=name, worker=session.number, reason=reason
			)
		)
		return True


def live_entries(run: str, *, for_update: bool = False) -> list[str]:
	"""Journal Entries with a live write-off, latest first. `for_update`: as last committed, with their items locked."""
	item = frappe.qb.DocType("Write-Off Run Item")
	query = (
		frappe.qb.from_(item)
		.select(item.journal_entry)
		.where((item.run == run) & item.status.isin(states.ITEM_POSTED))
	)
	names = (query.orderby(item.name).for_update() if for_update else query.distinct()).run(pluck=True)
	return sorted({name for name in names if name}, reverse=True)


def undo_entry(name: str, how: str, posting_date: date | None = None, worker: int = 0) -> bool:
	"""Undo one entry of a run in the current transaction, which holds the lock on the run. False if another worker
	holds the entry.

	Raises:
	    frappe.ValidationError: it must be cancelled and cannot be, or ERPNext rejects the entry.
	"""
	started = time.monotonic()
	entry = frappe.qb.DocType("Journal Entry")
	if (
		not frappe.qb.from_(entry)
		.select(entry.name)
		.where((entry.name == name) & (entry.docstatus == 1))
		.for_update(skip_locked=True)
		.run()
	):
		return False
	all_rows = [row for row in guards.items_of_entry(name) if row.journal_entry == name]
	rows = [row for row in all_rows if row.status in states.ITEM_POSTED]
	if not rows:
		return True
	# An item that was reinstated in full is not posted any more, but its rows are still in the entry.
	whole = len(rows) == len(all_rows) and not any(row.reinstated_amount for row in rows)
	run, company = rows[0].run, rows[0].company
	items = undo.written_off_items(rows, company)
	posting.lock_vouchers([*(item.key for item in items), *set_offs.vouchers_of(items)])
	if how == CANCEL:
		require_cancellable(name, company, whole)
	booked.throw_if_not_undoable(run, name)
	undone = undo.undo_entry(name, items, posting_date or getdate(), whole=whole, always_dated=how == REVERSE)
	if undone.how == undo.REVERSED:
		by_entry: dict[str, list[str]] = {}
		for item, reversing in undone.entries.items():
			by_entry.setdefault(reversing, []).append(item)
		for reversing, names in by_entry.items():
			update_items(
				names,
				status=states.REVERSED,
				reversal_entry=reversing,
				**messages.columns(Reason.of(reasons.REVERSED_BY, entry=reversing, on=posting_date)),
			)
		set_offs.release(rows)
		journal.update_write_off_fields(item.key for item in items)
		tax_relief.update_of_items(row.name for row in rows if row.has_tax_claim)
		tax_runs.update_claims(tax_runs.claims_of(rows))
	log.record(
		run,
		"Entry Cancelled" if undone.how == undo.CANCELLED else "Entry Reversed",
		journal_entry=next(iter(undone.entries.values()), name),
		worker=worker or None,
		posted_count=len(items),
		amount=-sum(item.base_amount for item in items),
		duration=time.monotonic() - started,
		reason=None if undone.how == undo.CANCELLED else Reason.verbatim(name),
	)
	log_warnings(run, undone.warnings)
	return True


def require_cancellable(name: str, company: str, whole: bool) -> None:
	"""Refuse if the entry cannot be cancelled: when a run is cancelled, no entry is reversed instead."""
	day = getdate(frappe.db.get_value("Journal Entry", name, "posting_date"))
	reason = undo.cancel_blocker(company, day) or filed_blocker(company, day, {"journal_entry": name})
	if not reason and not whole:
		reason = _("Balances of this run were reinstated.")
	if reason:
		frappe.throw(suggest_undo(reason), title=_("Undo"))


def suggest_undo(reason: str) -> str:
	return _("{0} Use Undo to post reversing entries on another date.").format(reason)


def finish_undo(session: workers.WorkerSession, rejected: set[str]) -> None:
	"""Finish the run if no entry is left to undo; enqueue the next job if the time was up."""
	if gate.lock(session.run) != states.REVERSING:
		return
	left = set(live_entries(session.run)) - rejected
	if left:
		if session.is_expired:
			workers.start(session.run, METHOD, [session.number])
		return
	set_status(session.run, states.PARTLY_POSTED if rejected else states.REVERSED)
	status = update_settled_status(session.run)
	log.record(
		session.run,
		"Reversal Finished",
		failed_count=len(rejected),
		duration=log.seconds_since(session.run, ("Reversal Started",)),
		reason=Reason.of(reasons.RUN_STATUS, status=status),
	)
	if not rejected and frappe.db.get_value(doctype_of(session.run), session.run, "cancel_when_undone"):
		cancel_run(session.run)


def cancel_run(run: str) -> None:
	"""Cancel a run without live entries. The permission was checked when the undo was requested.

	If a rule of the site rejects it, the run stays submitted and the log has the reason.
	"""
	doc = frappe.get_doc(doctype_of(run), run)
	doc.flags.ignore_permissions = True
	frappe.db.savepoint("cancel_run")
	try:
		doc.cancel()
	except (frappe.ValidationError, frappe.PermissionError) as error:
		frappe.db.rollback(save_point="cancel_run")
		frappe.clear_messages()
		log.record(run, "Not Reversed", reason=messages.error_reason(error))


def cancel_entries(run: str) -> None:
	"""Cancel all live entries of a run, which the caller has locked, in the current transaction.

	Raises:
	    frappe.ValidationError: ERPNext rejects one, or another user is changing it.
	"""
	for name in live_entries(run, for_update=True):
		if not undo_entry(name, CANCEL):
			frappe.throw(
				_("Journal Entry {0} is being changed by another user. Please try again.").format(name),
				title=_("Journal Entry"),
			)
	skip_pending_items(run)


def run_cancel_blocker(run: str, company: str, posting_date: date) -> str | None:
	"""Message why a run cannot be cancelled with its entries, and what to do instead; None if it can."""
	reason = entry_cancel_blocker(run, company, posting_date)
	return reason and suggest_undo(reason)


def entry_cancel_blocker(run: str, company: str, posting_date: date) -> str | None:
	"""Message why the entries of a run cannot be cancelled but only reversed; None if they can."""
	entries = live_entries(run)
	if not entries:
		return None
	reason = undo.cancel_blocker(company, posting_date)
	reason = reason or filed_blocker(
		company, posting_date, {"run": run, "status": ("in", states.ITEM_POSTED)}
	)
	reinstated = {"run": run, "journal_entry": ("in", entries), "reinstated_amount": ("!=", 0)}
	if not reason and frappe.db.exists("Write-Off Run Item", reinstated):
		reason = _("Balances of this run were reinstated.")
	return reason


def filed_blocker(company: str, day: date, items: dict[str, Any]) -> str | None:
	"""Message why entries of this day with these items, a filter, cannot be cancelled; None if they can."""
	with_claim = {**items, "has_tax_claim": 1}
	names = frappe.get_all("Write-Off Run Item", filters=with_claim, pluck="name", order_by=None)
	return booked.filed_problem(company, day, names)


def skip_pending_items(run: str) -> None:
	"""Skip the open items of a run that is being undone."""
	item = frappe.qb.DocType("Write-Off Run Item")
	query = (
		frappe.qb.update(item)
		.set(item.status, states.SKIPPED)
		.where((item.run == run) & (item.status == states.OPEN))
	)
	messages.set_reason(query, item, Reason.of(reasons.UNDONE_BEFORE_POSTING)).run()
	frappe.db.set_value("Write-Off Run Batch", {"run": run, "status": "Pending"}, "status", "Done")


# Cancelled entries


def lock_run_before_cancel(entry: Any, method: str | None = None) -> None:
	"""Doc event, before cancel of a Journal Entry, ahead of the guards: pass the gate of its run.

	Frappe has locked the entry already, so the transaction cannot begin anew. Nobody who holds the run waits for the
	entry.
	"""
	run = journal.run_of(entry)
	if run and not entry.flags.write_off_locked:
		gate.enter(run, gate.CANCEL_ENTRY, restart=False)


def on_cancel_journal_entry(entry: Any, method: str | None = None) -> None:
	"""Doc event, on cancel of a Journal Entry: update the items and the run."""
	run = journal.run_of(entry)
	if not run:
		return
	rows = guards.items_of_entry(entry.name)
	by = Reason.of(reasons.ENTRY_CANCELLED, entry=entry.name, user=frappe.session.user)
	recoveries = frappe.get_all(
		"Write-Off Recovery",
		filters={"journal_entry": entry.name, "cancelled": 0},
		fields=["name", "item", "amount", "base_amount"],
		order_by="item asc",
	)
	recovered = {recovery.item: recovery for recovery in recoveries}
	written_off = [
		row.name for row in rows if row.journal_entry == entry.name and row.status in states.ITEM_POSTED
	]
	set_offs.release(row for row in rows if row.name in written_off)
	update_items(written_off, status=states.REVERSED, **messages.columns(by))
	reversed_ = [row.name for row in rows if row.reversal_entry == entry.name]
	update_items(reversed_, status=states.POSTED, reversal_entry=None, **messages.columns(by))
	for row in rows:
		if recovery := recovered.get(row.name):
			update_items(
				[row.name],
				reinstated_amount=row.reinstated_amount - recovery.amount,
				base_reinstated_amount=row.base_reinstated_amount - recovery.base_amount,
				status=states.POSTED,
				**messages.columns(by),
			)
			frappe.db.set_value("Write-Off Recovery", recovery.name, "cancelled", 1)
	journal.update_write_off_fields(balance_key(row) for row in rows)
	tax_relief.update_of_items(row.name for row in rows if row.has_tax_claim)
	tax_runs.update_claims(tax_runs.claims_of(rows))
	if not entry.flags.write_off_locked:
		event = "Entry Cancelled"
		if reversed_ or recovered:
			event = "Reinstatement Cancelled" if recovered else "Reversal Cancelled"
		log.record(run, event, journal_entry=entry.name, posted_count=len(rows), reason=by)
	update_settled_status(run)


def update_items(names: list[str], **values: Any) -> None:
	if not names:
		return
	item = frappe.qb.DocType("Write-Off Run Item")
	query = frappe.qb.update(item).where(item.name.isin(names))
	for fieldname, value in {
		**values,
		"modified": now_datetime(),
		"modified_by": frappe.session.user,
	}.items():
		query = query.set(item[fieldname], value)
	query.run()


def log_warnings(run: str, warnings: dict[str, Reason]) -> None:
	"""Log exceeded credit limits and show them to the user."""
	for reason in warnings.values():
		frappe.msgprint(messages.message(reason), title=_("Over Credit Limit"), indicator="orange")
	log.record_all(run, [{"event": "Over Credit Limit", "reason": reason} for reason in warnings.values()])
