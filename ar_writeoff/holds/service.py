"""Sets holds on the balances of a run, and ends holds."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

import frappe
from frappe import _
from frappe.utils import getdate

from ar_writeoff.approval import notifications
from ar_writeoff.core import status as states
from ar_writeoff.holds.ledger import hold_of
from ar_writeoff.holds.rules import ACTIVE, DOCTYPE, ENDED, Hold, Scope
from ar_writeoff.ledger import messages
from ar_writeoff.ledger.transactions import transaction_is_lost
from ar_writeoff.run import gate, items

# Balances put on hold in one request.
MAX_ITEMS = 500


# Setting


def hold_items(run: Any, names: Iterable[str], *, whole_customer: bool, **values: Any) -> int:
	"""Put the vouchers of these open items of a draft, which the caller has locked, or their customers on hold, and exclude
	the items. `values`: fields of the holds. Returns the number of holds."""
	wanted = list(names)
	if not 1 <= len(wanted) <= MAX_ITEMS:
		frappe.throw(_("Select between 1 and {0} balances.").format(MAX_ITEMS), title=_("Hold Balances"))
	item = items.table()
	rows = (
		frappe.qb.from_(item)
		.select(item.customer, item.voucher_type, item.voucher_no)
		.where(items.visible(item, run.name) & item.name.isin(wanted) & (item.status == states.OPEN))
		.orderby(item.name)
		.run()
	)
	scopes: dict[Scope, None] = {(row[0], "", "") if whole_customer else tuple(row): None for row in rows}
	for customer, voucher_type, voucher_no in scopes:
		hold = frappe.get_doc(
			{
				"doctype": DOCTYPE,
				"company": run.company,
				"customer": customer,
				"voucher_type": voucher_type or None,
				"voucher_no": voucher_no or None,
				**values,
			}
		)
		hold.flags.run_is_locked = True
		exclude(run.name, hold_of(hold.insert()))
	return len(scopes)


def exclude(run: str, hold: Hold) -> None:
	"""Exclude the open items of a draft that the hold applies to."""
	item = items.table()
	query = frappe.qb.update(item).where(
		(item.run == run) & (item.status == states.OPEN) & applies_to(item, hold.scope)
	)
	for column, value in (
		(item.status, states.EXCLUDED),
		(item.selected, 0),
		(item.write_off_amount, 0),
		(item.base_write_off_amount, 0),
		(item.reason_doctype, DOCTYPE),
		(item.reason_name, hold.name),
	):
		query = query.set(column, value)
	messages.set_reason(query, item, hold.reason).run()


def wait_for_posting(company: str, scope: Scope, *, restart: bool = True) -> list[str]:
	"""Lock the submitted runs that have still to post a balance that this hold applies to, which waits for their batches in
	progress. Returns those that have posted some in the meantime.

	A worker reads the holds after it has locked its run, so balances that are not posted by now will not be posted.
	`restart`: see `gate.lock_document`.
	"""
	item, run = items.table(), frappe.qb.DocType("Write-Off Run")
	runs = (
		frappe.qb.from_(item)
		.inner_join(run)
		.on(run.name == item.run)
		.select(item.run)
		.distinct()
		.where(
			(run.company == company)
			& (run.docstatus == 1)
			& run.status.isin(states.TO_BE_POSTED)
			& (item.status == states.OPEN)
			& (item.selected == 1)
			& applies_to(item, scope)
		)
		.orderby(item.run)
		.run(pluck=True)
	)
	if runs and restart:
		gate.restart_transaction()
	for name in runs:
		lock_run(name)
	return [
		name
		for name in runs
		if frappe.qb.from_(item)
		.select(item.name)
		.where((item.run == name) & item.status.isin(states.ITEM_POSTED) & applies_to(item, scope))
		.limit(1)
		.run()
	]


def lock_run(run: str) -> None:
	"""Lock a run that is being posted.

	Raises:
	    frappe.QueryTimeoutError: it was changed since the snapshot of this transaction, which cannot be restarted.
	"""
	try:
		gate.lock(run)
	except Exception as error:
		if frappe.flags.read_committed or not transaction_is_lost(error):
			raise
		frappe.throw(
			_("{0} is being posted or changed. Please try again.").format(run),
			frappe.QueryTimeoutError,
			title=_("Write-Off Run"),
		)


def applies_to(item: Any, scope: Scope) -> Any:
	"""Return the condition for the items that a hold of this scope applies to."""
	customer, voucher_type, voucher_no = scope
	condition = item.customer == customer
	if voucher_no:
		condition &= (item.voucher_type == voucher_type) & (item.voucher_no == voucher_no)
	return condition


# Ending


def end_due() -> None:
	"""Scheduler event, each day: end the holds whose last day has passed."""
	hold = frappe.qb.DocType(DOCTYPE)
	_end(
		frappe.qb.from_(hold)
		.select("*")
		.where((hold.status == ACTIVE) & (hold.hold_until < getdate()))
		.orderby(hold.name)
		.for_update()
		.run(as_dict=True),
		_("ended after its last day"),
	)


def end_of_voucher(voucher: Any, method: str | None = None) -> None:
	"""Doc event, on cancel: end the holds on this voucher."""
	hold = frappe.qb.DocType(DOCTYPE)
	_end(
		frappe.qb.from_(hold)
		.select("*")
		.where(
			(hold.voucher_no == voucher.name)
			& (hold.voucher_type == voucher.doctype)
			& (hold.status == ACTIVE)
		)
		.orderby(hold.name)
		.run(as_dict=True),
		_("ended, because {0} was cancelled").format(voucher.name),
	)


def _end(rows: list[Any], comment: str) -> None:
	"""End these holds and notify their owners, with one notification for each."""
	of_owner: dict[str, list[Any]] = defaultdict(list)
	for row in rows:
		frappe.db.set_value(DOCTYPE, row.name, "status", ENDED)
		frappe.get_doc(DOCTYPE, row.name).add_comment("Info", comment)
		of_owner[row.owner].append(row)
	for owner, own in of_owner.items():
		_notify(owner, own)


def _notify(owner: str, rows: list[Any]) -> None:
	def subject(_user: str) -> str:
		if len(rows) == 1:
			return _("The hold on {0} has ended").format(_held(rows[0]))
		return _("{0} holds have ended").format(len(rows))

	def message(_user: str) -> str:
		return ", ".join(_("{0} ({1})").format(_held(row), _(row.kind)) for row in rows)

	notifications.notify_users([owner], subject, DOCTYPE, rows[0].name, message)


def _held(row: Any) -> str:
	customer = row.customer_name or row.customer
	return f"{row.voucher_no}, {customer}" if row.voucher_no else customer


# Deleted documents


def delete_holds(document: Any, method: str | None = None) -> None:
	"""Doc event, on trash of a customer or voucher: delete its holds, which would prevent the deletion."""
	filters = (
		{"customer": document.name}
		if document.doctype == "Customer"
		else {"voucher_type": document.doctype, "voucher_no": document.name}
	)
	for name in frappe.get_all(DOCTYPE, filters=filters, pluck="name", order_by="name asc"):
		frappe.delete_doc(DOCTYPE, name, ignore_permissions=True)
