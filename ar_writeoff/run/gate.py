"""The gate for every change of a run and its items.

Each operation locks the run's row first and then checks docstatus, status, permission and company. The operations and
their conditions are defined below.

Locks are always taken in this order: run, batch, items by name, vouchers by type and name. Operations of users and
changes of the run itself lock the row exclusively (`enter`, `lock`). Workers that post or undo a batch share the lock
(`lock_shared`) until their commit. So an operation waits for the batches in progress, and no batch is posted for a run
that is paused or cancelled. A transaction with the shared lock never requests the exclusive one, which could deadlock.

The tax returns of a company are locked before its tax runs: shared for all operations, exclusively to file one.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import frappe
from frappe import _

from ar_writeoff.core import status as states
from ar_writeoff.core.run_types import TAX_RUN, doctype_of, posts_claims
from ar_writeoff.ledger import permissions as access
from ar_writeoff.tax_relief.filed import filed_return, lock_returns


@dataclass(frozen=True, slots=True)
class Operation:
	"""Conditions for one operation on a run.

	`refusal`: the message for a run in another docstatus or status. `ptype`: the required permission on the run; None if
	Frappe checks a permission of another document. `posts`: the operation submits or cancels Journal Entries.
	"""

	docstatus: int
	statuses: frozenset[str]
	refusal: Callable[[Any], str]
	ptype: str | None = None
	posts: bool = False


def _list_locked(run: Any) -> str:
	return _("This run is {0}. Its list can no longer be changed.").format(_(run.status))


def _not_editable(run: Any) -> str:
	if run.status == states.SEARCHING:
		return _("A search is running for this run. Wait until it has finished, or cancel it.")
	return _list_locked(run)


def _not_submittable(run: Any) -> str:
	if run.status == states.SEARCHING:
		return _not_editable(run)
	return _("This run is {0} and cannot be submitted now.").format(_(run.status))


def _not_pausable(run: Any) -> str:
	return _("This run is {0} and cannot be paused.").format(_(run.status))


def _not_resumable(run: Any) -> str:
	return _("This run is {0}. Only a paused run can be resumed.").format(_(run.status))


def _not_retriable(run: Any) -> str:
	return _("This run is {0} and cannot be retried.").format(_(run.status))


def _nothing_to_undo(run: Any) -> str:
	if run.status in states.IN_PROGRESS:
		return _in_progress(run)
	return _("This run is {0} and has no written-off balances.").format(_(run.status))


def _in_progress(run: Any) -> str:
	return _("This run is {0}. Wait until it has finished.").format(_(run.status))


def _not_deletable(run: Any) -> str:
	return _("{0} was submitted by {1} and cannot be deleted.").format(
		run.name, frappe.utils.get_fullname(run.submitted_by)
	)


def _not_fileable(run: Any) -> str:
	return _("This run is {0}. Only the return of a posted run can be marked as filed.").format(_(run.status))


def _entry_not_cancellable(run: Any) -> str:
	return _("{0} is cancelled. Its Journal Entries cannot be changed.").format(run.name)


def _return_filed(run: Any, operation: "Operation") -> str | None:
	"""Return the tax run with the filed return that this operation would change; None if there is none. What a return has is
	frozen for all tax runs of its period, also for those that were posted after the one that is marked as filed."""
	if not posts_claims(run.name) or operation not in (*_POSTING, *_UNDOING):
		return None
	filed: str | None = run.name if run.filed_on else filed_return(run.company, run.posting_date, lock=True)
	is_changed = operation in _POSTING or frappe.db.exists(
		"Write-Off Run Item", {"run": run.name, "status": ("in", states.ITEM_POSTED)}
	)
	return filed if is_changed else None


_DRAFT = frozenset({states.DRAFT})
_UNDOABLE = frozenset({states.POSTED, states.PARTLY_POSTED, states.PAUSED})
_ANY = frozenset((*states.TO_BE_POSTED, *states.IN_PROGRESS, *states.SETTLED))

EDIT = Operation(0, _DRAFT, _not_editable)
FIND = Operation(0, _DRAFT, _list_locked, "write")
SAVE_RESULTS = Operation(0, frozenset({states.SEARCHING}), _list_locked, "write")
CANCEL_SEARCH = Operation(0, frozenset({states.DRAFT, states.SEARCHING}), _list_locked, "write")
SELECT = Operation(0, _DRAFT, _list_locked, "write")
REQUEST_APPROVAL = Operation(0, _DRAFT, _list_locked, "write")
RETURN = Operation(0, _DRAFT, _list_locked, "submit")
SUBMIT = Operation(0, _DRAFT, _not_submittable, "submit", posts=True)
DELETE = Operation(0, frozenset({states.DRAFT, states.SEARCHING}), _not_deletable)
PAUSE = Operation(1, frozenset({states.QUEUED, states.POSTING}), _not_pausable, "submit", posts=True)
RESUME = Operation(1, frozenset({states.PAUSED}), _not_resumable, "submit", posts=True)
RETRY = Operation(1, frozenset({states.PARTLY_POSTED, states.FAILED}), _not_retriable, "submit", posts=True)
REVERSE = Operation(1, _UNDOABLE, _nothing_to_undo, "submit", posts=True)
REINSTATE = Operation(1, _UNDOABLE, _nothing_to_undo, "submit", posts=True)
# The return with the claims of a tax run.
FILE = Operation(1, frozenset({states.POSTED, states.PARTLY_POSTED}), _not_fileable, "submit")
# Submitted with status Draft: version 0.1 could leave that when a search overlapped with the submit.
CANCEL = Operation(
	1, frozenset((states.DRAFT, states.PAUSED, *states.SETTLED)), _in_progress, "cancel", posts=True
)
# Custom fields with Allow on Submit.
ANNOTATE = Operation(1, _ANY, _list_locked)
CANCEL_ENTRY = Operation(1, _ANY, _entry_not_cancellable)

# The date of a run is checked when it is submitted.
_POSTING = (RESUME, RETRY)
_UNDOING = (REVERSE, REINSTATE, CANCEL, CANCEL_ENTRY)


def enter(run: str, operation: Operation, *, restart: bool = True) -> Any:
	"""Lock a run for an operation of the current user and return its current document. `restart`: see `lock_document`.

	Raises:
	    frappe.ValidationError: the run has another docstatus or status.
	    frappe.PermissionError: the user lacks a permission, or access to the company.
	"""
	document = lock_document(run, restart=restart, files=operation == FILE)
	check(document, operation)
	return document


def check(run: Any, operation: Operation, *, permission: bool = True) -> None:
	"""Check that the operation is allowed on this locked run. `permission`: False if it was checked before the job was
	enqueued.

	Raises:
	    as `enter`
	"""
	if permission and operation.ptype:
		run.check_permission(operation.ptype)
	access.check_company(run.company)
	if operation.docstatus and not run.docstatus:
		frappe.throw(
			_("This run is not submitted."),
			title=_("{0} {1}: {2}").format(_(run.doctype), run.name, _(run.status)),
		)
	if run.docstatus != operation.docstatus or run.status not in operation.statuses:
		frappe.throw(
			operation.refusal(run), title=_("{0} {1}: {2}").format(_(run.doctype), run.name, _(run.status))
		)
	if filed := _return_filed(run, operation):
		frappe.throw(
			_(
				"The return with the claims of {0} is filed. What is recovered later is repaid by the tax run of that period."
			).format(filed),
			title=_("Return Filed"),
		)
	if permission and operation.posts and not frappe.has_permission("Journal Entry", "submit"):
		frappe.throw(
			_("You need permission to submit Journal Entries to post or undo write-offs."),
			frappe.PermissionError,
			title=_("Not permitted"),
		)


def lock_document(run: str, *, restart: bool = True, files: bool = False) -> Any:
	"""Lock a run until the transaction ends and return its current document. `restart`: False if the transaction already
	holds locks that it needs. `files`: the return of a tax run is filed.

	Raises:
	    frappe.TimestampMismatchError: the run changed after the transaction's snapshot, and the transaction cannot be
	        restarted because it has already written.
	    frappe.QueryTimeoutError: the lock wait timed out.
	"""
	company = company_of_tax_run(run)
	fresh = restart and restart_transaction()
	try:
		if company:
			lock_returns(company, exclusive=files)
		document = frappe.get_doc(doctype_of(run), run, for_update=True)
	except frappe.QueryTimeoutError:
		frappe.throw(
			_("{0} is being posted or changed. Please try again.").format(run),
			frappe.QueryTimeoutError,
			title=_(doctype_of(run)),
		)
	# Under REPEATABLE READ the following reads would use the snapshot from before the other change.
	if not fresh and frappe.db.get_value(doctype_of(run), run, "modified") != document.modified:
		frappe.throw(
			_("{0} was changed by another user at the same time. Please try again.").format(run),
			frappe.TimestampMismatchError,
			title=_(doctype_of(run)),
		)
	return document


def restart_transaction(*, with_snapshot: bool = True) -> bool:
	"""Start a new transaction, so that its snapshot includes what the previous holder of the lock commits.

	`with_snapshot`: False for READ COMMITTED, if the transaction waits for further locks.

	Under REPEATABLE READ the snapshot is taken at the first read, and a request has already read its session and user.
	Returns False if the transaction has already written and has to continue.
	"""
	if frappe.flags.read_committed:
		return True
	if frappe.db.transaction_writes:
		return False
	if not with_snapshot:
		# `frappe.db.rollback` begins a transaction, and the level applies to the next one only.
		frappe.db.sql("ROLLBACK")  # nosemgrep: frappe-using-db-sql - as above
		# nosemgrep: frappe-using-db-sql - no builder for SET
		frappe.db.sql("SET TRANSACTION ISOLATION LEVEL READ COMMITTED")
	frappe.db.begin()
	return True


def company_of_tax_run(run: str) -> str | None:
	"""Return the company of a tax run; None for other runs."""
	return frappe.db.get_value(TAX_RUN, run, "company") if posts_claims(run) else None


def lock(run: str, *, skip_locked: bool = False) -> str | None:
	"""Lock a run for a change by the app and return its current status; None if it does not exist, or with `skip_locked`
	if it is locked."""
	if company := company_of_tax_run(run):
		lock_returns(company)
	return frappe.db.get_value(doctype_of(run), run, "status", for_update=True, skip_locked=skip_locked)


def lock_shared(run: str) -> str | None:
	"""Lock a run in share mode, together with other workers, and return its status."""
	if company := company_of_tax_run(run):
		lock_returns(company)
	# nosemgrep: frappe-using-db-sql - the builder has no LOCK IN SHARE MODE
	rows = frappe.db.sql(f"SELECT status FROM `tab{doctype_of(run)}` WHERE name = %s LOCK IN SHARE MODE", run)
	return rows[0][0] if rows else None
