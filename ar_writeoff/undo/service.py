"""Undo a run, one Journal Entry to a commit; what follows when one of its entries is cancelled.

A worker shares the lock on the run and takes an entry by locking its row; the items and their vouchers are locked next,
in the order of the posting.
What is left to undo is what the items say, so an interrupted undoing goes on where it stopped.
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
from ar_writeoff.ledger import messages
from ar_writeoff.ledger.open_items import Key
from ar_writeoff.ledger.transactions import clear_settings_cache, run_in_transaction
from ar_writeoff.posting import entries as journal
from ar_writeoff.posting import ledger as posting
from ar_writeoff.run import gate, log
from ar_writeoff.run import worker as workers
from ar_writeoff.run.status import as_user, publish_progress, set_status, status_of, update_settled_status
from ar_writeoff.undo import guards
from ar_writeoff.undo import ledger as undo

METHOD = "ar_writeoff.jobs.undo_run"

# Journal Entries that one request may cancel by itself: some five hundred balances, well under a minute.
MOST_CANCELLED_AT_ONCE = 5

# What may be done with an entry.
CANCEL = "cancel"
REVERSE = "reverse"
CANCEL_OR_REVERSE = "cancel or reverse"


# The whole run


def start_undoing(run: str, posting_date: date, *, always_dated: bool = False, cancel: bool = False) -> None:
	"""Undo a run, which the caller has locked, in the background; in tests in this process. What was still to be posted
	is set aside.

	With `always_dated` all entries are taken back by reversing entries of `posting_date`. With `cancel` they are
	cancelled or left, and when none is left the run is cancelled too.
	"""
	frappe.db.set_value(
		"Write-Off Run",
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
	set_pending_aside(run)
	log.record(run, "Reversal Started", reason=Reason.verbatim(str(posting_date)))
	if workers.runs_inline():
		undo_run(run)
	else:
		workers.start(run, METHOD, range(1, worker_count(run) + 1))


def worker_count(run: str) -> int:
	company = frappe.db.get_value("Write-Off Run", run, "company")
	return min(workers.parallel_jobs(company), max(1, len(live_entries(run))))


def undo_run(run: str, worker: int = 1) -> None:
	"""Undo entries of a run until none is left, as the user who asked for it."""
	frappe.db.commit()
	doc = frappe.db.get_value(
		"Write-Off Run",
		run,
		["status", "reversal_date", "reversal_dated", "cancel_when_undone", "reversed_by"],
		as_dict=True,
	)
	if doc.status != states.REVERSING:
		return
	doc.how = CANCEL if doc.cancel_when_undone else REVERSE if doc.reversal_dated else CANCEL_OR_REVERSE
	session = workers.WorkerSession(run, worker)
	refused: set[str] = set()
	with as_user(doc.reversed_by):
		try:
			while not session.is_expired:
				left = [name for name in live_entries(run) if name not in refused]
				if not left or status_of(run) != states.REVERSING:
					break
				if not undo_some(left, doc, session, refused) and not session.wait_for_batch():
					break
		except Exception as error:
			workers.record_interruption(session, error)
			raise
		run_in_transaction(session.end)
		run_in_transaction(lambda: finish_undoing(session, refused))
	publish_progress(run)


def undo_some(names: list[str], doc: Any, session: workers.WorkerSession, refused: set[str]) -> bool:
	"""Undo those of these entries that nobody else has, until the time is up; whether there were any."""
	any_done = False
	for name in names:
		if session.is_expired:
			break
		run_in_transaction(session.heartbeat)
		clear_settings_cache()
		if undo_next(name, doc, session, refused):
			any_done = True
			if session.should_publish():
				publish_progress(session.run)
	return any_done


def undo_next(name: str, doc: Any, session: workers.WorkerSession, refused: set[str]) -> bool:
	"""Undo one entry and commit. False when another worker has it. What ERPNext refuses is logged, once."""

	def undo_it() -> bool:
		if gate.lock_shared(session.run) != states.REVERSING:
			return False
		return undo_entry(name, doc.how, doc.reversal_date, session.number)

	try:
		return run_in_transaction(undo_it)
	except frappe.ValidationError as error:
		frappe.clear_messages()
		refused.add(name)
		reason = messages.error_reason(error)
		run_in_transaction(
			lambda: log.record(
				session.run, "Not Reversed", journal_entry=name, worker=session.number, reason=reason
			)
		)
		return True


def live_entries(run: str, *, for_update: bool = False) -> list[str]:
	"""Journal Entries whose write-off is alive, the last one first. `for_update`: as committed last, the items locked."""
	item = frappe.qb.DocType("Write-Off Run Item")
	query = (
		frappe.qb.from_(item)
		.select(item.journal_entry)
		.where((item.run == run) & item.status.isin(states.ITEM_POSTED))
	)
	names = (query.orderby(item.name).for_update() if for_update else query.distinct()).run(pluck=True)
	return sorted({name for name in names if name}, reverse=True)


def undo_entry(name: str, how: str, posting_date: date | None = None, worker: int = 0) -> bool:
	"""Undo one entry of a run in the current transaction, which has the lock on the run. False when another worker has
	the entry.

	Raises:
	    frappe.ValidationError: it is to be cancelled and cannot be, or whatever ERPNext has against it.
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
	rows = [row for row in guards.items_of_entry(name) if row.status in states.ITEM_POSTED]
	rows = [row for row in rows if row.journal_entry == name]
	if not rows:
		return True
	run, company = rows[0].run, rows[0].company
	items = undo.written_off(rows, company)
	posting.lock_vouchers([item.key for item in items])
	if how == CANCEL:
		refuse_to_reverse(name, company, items)
	undone = undo.undo_entry(name, items, posting_date or getdate(), how == REVERSE)
	if undone.how == undo.REVERSED:
		by_entry: dict[str, list[str]] = {}
		for item, reversing in undone.entries.items():
			by_entry.setdefault(reversing, []).append(item)
		for reversing, names in by_entry.items():
			set_items(
				names,
				status=states.REVERSED,
				reversal_entry=reversing,
				**messages.columns(Reason.of(reasons.REVERSED_BY, entry=reversing, on=posting_date)),
			)
		journal.update_write_off_fields(item.key for item in items)
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


def refuse_to_reverse(name: str, company: str, items: list[undo.WrittenOff]) -> None:
	"""Who cancels a run asked for books as if it had never been: no entry is taken back by another one instead."""
	reason = undo.why_not_cancel(company, getdate(frappe.db.get_value("Journal Entry", name, "posting_date")))
	if not reason and any(item.reinstated for item in items):
		reason = _("Balances of this run were reinstated.")
	if reason:
		frappe.throw(use_undo(reason))


def use_undo(reason: str) -> str:
	return _("{0} Use Undo: it posts reversing entries on a date of your choice.").format(reason)


def finish_undoing(session: workers.WorkerSession, refused: set[str]) -> None:
	"""Settle the run where nothing is left that this worker could undo; hand over where its time was up."""
	if gate.lock(session.run) != states.REVERSING:
		return
	left = set(live_entries(session.run)) - refused
	if left:
		if session.is_expired:
			workers.start(session.run, METHOD, [session.number])
		return
	set_status(session.run, states.PARTLY_POSTED if refused else states.REVERSED)
	status = update_settled_status(session.run)
	log.record(
		session.run,
		"Reversal Finished",
		failed_count=len(refused),
		duration=log.seconds_since(session.run, ("Reversal Started",)),
		reason=Reason.of(reasons.RUN_STATUS, status=status),
	)
	if not refused and frappe.db.get_value("Write-Off Run", session.run, "cancel_when_undone"):
		cancel_run(session.run)


def cancel_run(run: str) -> None:
	"""Cancel a run of which nothing is posted any more. The permission was checked when somebody asked for it.

	Where a rule of the site's own refuses, the run stays submitted, and the log says why.
	"""
	doc = frappe.get_doc("Write-Off Run", run)
	doc.flags.ignore_permissions = True
	frappe.db.savepoint("cancel_run")
	try:
		doc.cancel()
	except (frappe.ValidationError, frappe.PermissionError) as error:
		frappe.db.rollback(save_point="cancel_run")
		frappe.clear_messages()
		log.record(run, "Not Reversed", reason=messages.error_reason(error))


def cancel_entries(run: str) -> None:
	"""Cancel every live entry of a run, which the caller has locked, in the current transaction, or none.

	Raises:
	    frappe.ValidationError: ERPNext refuses one, or somebody else is changing it.
	"""
	for name in live_entries(run, for_update=True):
		if not undo_entry(name, CANCEL):
			frappe.throw(
				_("Journal Entry {0} is being changed by somebody else. Please try again.").format(name)
			)
	set_pending_aside(run)


def why_not_cancel(run: str, company: str, posting_date: date) -> str | None:
	"""Why a run cannot be cancelled with its entries, and what to do instead, in words; None when it can."""
	reason = why_only_reversing(run, company, posting_date)
	return reason and use_undo(reason)


def why_only_reversing(run: str, company: str, posting_date: date) -> str | None:
	"""Why the entries of a run can be taken back by reversing entries only, in words; None when they can be cancelled."""
	written_off = {"run": run, "status": ("in", states.ITEM_POSTED)}
	if not frappe.db.exists("Write-Off Run Item", written_off):
		return None
	reason = undo.why_not_cancel(company, posting_date)
	if not reason and frappe.db.exists("Write-Off Run Item", {**written_off, "reinstated_amount": ("!=", 0)}):
		reason = _("Balances of this run were reinstated.")
	return reason


def set_pending_aside(run: str) -> None:
	"""A run that is undone posts no more: what was still open in it is skipped."""
	item = frappe.qb.DocType("Write-Off Run Item")
	query = (
		frappe.qb.update(item)
		.set(item.status, states.SKIPPED)
		.where((item.run == run) & (item.status == states.OPEN))
	)
	messages.set_reason(query, item, Reason.of(reasons.UNDONE_BEFORE_POSTING)).run()
	frappe.db.set_value("Write-Off Run Batch", {"run": run, "status": "Pending"}, "status", "Done")


# Entries cancelled, by us or by hand


def lock_run_of_entry(entry: Any, method: str | None = None) -> None:
	"""Doc event, before cancel of a Journal Entry, ahead of the guards: an entry of a run is cancelled under the gate.

	Frappe has locked the entry by now, so the transaction goes on; whoever has the run does not wait for the entry.
	"""
	if entry.get("write_off_run") and not entry.flags.write_off_locked:
		gate.enter(entry.write_off_run, gate.CANCEL_ENTRY, restart=False)


def journal_entry_cancelled(entry: Any, method: str | None = None) -> None:
	"""Doc event: keep items and run true when an entry of a run is cancelled."""
	run = entry.get("write_off_run")
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
	set_items(written_off, status=states.REVERSED, **messages.columns(by))
	reversed_ = [row.name for row in rows if row.reversal_entry == entry.name]
	set_items(reversed_, status=states.POSTED, reversal_entry=None, **messages.columns(by))
	for row in rows:
		if recovery := recovered.get(row.name):
			set_items(
				[row.name],
				reinstated_amount=row.reinstated_amount - recovery.amount,
				base_reinstated_amount=row.base_reinstated_amount - recovery.base_amount,
				status=states.POSTED,
				**messages.columns(by),
			)
			frappe.db.set_value("Write-Off Recovery", recovery.name, "cancelled", 1)
	# The key stands for a live entry only.
	entry.db_set("ar_writeoff_key", None, update_modified=False)
	journal.update_write_off_fields(
		Key(row.voucher_type, row.voucher_no, row.receivable_account, row.customer) for row in rows
	)
	if not entry.flags.write_off_locked:
		event = "Entry Cancelled"
		if reversed_ or recovered:
			event = "Reinstatement Cancelled" if recovered else "Reversal Cancelled"
		log.record(run, event, journal_entry=entry.name, posted_count=len(rows), reason=by)
	update_settled_status(run)


def set_items(names: list[str], **values: Any) -> None:
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
	"""Credit limits that were crossed: in the log, and on the screen of whoever waits for it."""
	for reason in warnings.values():
		frappe.msgprint(messages.message(reason), title=_("Over Credit Limit"), indicator="orange")
	log.record_all(run, [{"event": "Over Credit Limit", "reason": reason} for reason in warnings.values()])
