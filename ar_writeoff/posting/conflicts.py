"""Conflict check after posting: compares the posted items with the ledger. Other code that settles a balance may not
take our lock."""

from typing import Any

import frappe
from frappe import _
from frappe.utils import create_batch

from ar_writeoff.approval import notifications as notify
from ar_writeoff.core import status as states
from ar_writeoff.ledger import messages
from ar_writeoff.posting import ledger as posting
from ar_writeoff.run import log
from ar_writeoff.run.items import BALANCE_FIELDS
from ar_writeoff.run.status import visible_totals

# Items per ledger query.
PAGE_SIZE = 250


def mark_conflicts(run: str, company: str) -> int:
	"""Set the status Conflict on written-off items whose balance has changed sign, in the current transaction;
	returns how many.

	Both entries, the write-off and the other one, stay submitted: which one to reverse is a person's decision.
	"""
	names = frappe.get_all(
		"Write-Off Run Item",
		filters={"run": run, "status": states.POSTED},
		pluck="name",
		order_by="name asc",
	)
	found = 0
	for page in create_batch(names, PAGE_SIZE):
		rows = frappe.get_all(
			"Write-Off Run Item",
			filters={"name": ("in", page)},
			fields=list(BALANCE_FIELDS),
			order_by="name asc",
		)
		for item, reason in posting.find_conflicts(posting.items_from_rows(rows, company), company):
			found += 1
			frappe.db.set_value(
				"Write-Off Run Item", item.name, {"status": states.CONFLICT, **messages.columns(reason)}
			)
			log.record(run, "Conflict", company, voucher_no=item.key.voucher_no, reason=reason)
	return found


def notify_conflicts(run: Any) -> None:
	"""Notify the submitter and the role named in Settings, or else the Accounts Managers of the company, of the
	conflicts of a run."""

	def subject(user: str) -> str:
		return _("Write-Off Run {1}, balances settled twice: {0}").format(
			visible_totals(run, user).conflict_count, run.name
		)

	watchers = notify.notify_role_users(run.company) or notify.users_of_role("Accounts Manager", run.company)
	notify.notify_users({run.submitted_by, *watchers}, subject, "Write-Off Run", run.name)
