"""After posting: does the ledger say what the items say? Whoever else settles a balance may not ask for our lock."""

from typing import Any

import frappe
from frappe import _
from frappe.utils import create_batch

from ar_writeoff.approval import notifications as notify
from ar_writeoff.core import status as states
from ar_writeoff.ledger import messages
from ar_writeoff.ledger import permissions as access
from ar_writeoff.posting import ledger as posting
from ar_writeoff.run import log
from ar_writeoff.run.status import totals_of

# Items looked at in one query of the ledger.
PAGE = 250
# What there has to be of an item to look.
FIELDS = (
	"name",
	"voucher_type",
	"voucher_no",
	"receivable_account",
	"customer",
	"currency",
	"outstanding_amount",
	"base_outstanding_amount",
	"write_off_amount",
)


def mark_conflicts(run: str, company: str) -> int:
	"""Mark written-off items whose balance has gone past zero, in the current transaction; returns how many.

	Both entries are committed, the write-off's and the other one. Neither is taken back without a person.
	"""
	names = frappe.get_all(
		"Write-Off Run Item",
		filters={"run": run, "status": states.POSTED},
		pluck="name",
		order_by="name asc",
	)
	found = 0
	for page in create_batch(names, PAGE):
		rows = frappe.get_all(
			"Write-Off Run Item", filters={"name": ("in", page)}, fields=list(FIELDS), order_by="name asc"
		)
		for item, reason in posting.settled_twice(posting.items_from_rows(rows, company), company):
			found += 1
			frappe.db.set_value(
				"Write-Off Run Item", item.name, {"status": states.CONFLICT, **messages.columns(reason)}
			)
			log.record(run, "Conflict", company, voucher_no=item.key.voucher_no, reason=reason)
	return found


def tell_of_conflicts(run: Any) -> None:
	"""Notify the submitter and the role named in Settings, or else the Accounts Managers of the company, that items of
	the run are in conflict."""

	def subject(user: str) -> str:
		return _(
			"{0} balances of Write-Off Run {1} were settled twice: written off, and by another entry."
		).format(totals_of(run, user).conflict_count, run.name)

	watchers = notify.watchers(run.company) or accounts_managers(run.company)
	notify.tell({run.submitted_by, *watchers}, subject, "Write-Off Run", run.name)


def accounts_managers(company: str) -> set[str]:
	"""Enabled users with the role Accounts Manager who may see the company."""
	user, role = frappe.qb.DocType("User"), frappe.qb.DocType("Has Role")
	names = (
		frappe.qb.from_(role)
		.inner_join(user)
		.on(user.name == role.parent)
		.select(user.name)
		.where(
			(role.parenttype == "User")
			& (role.role == "Accounts Manager")
			& (user.enabled == 1)
			& (user.user_type == "System User")
			& user.name.notin(["Administrator", "Guest"])
		)
		.run(pluck=True)
	)
	return {name for name in names if access.of_user(name).allows_company(company)}
