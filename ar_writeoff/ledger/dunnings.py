"""Dunnings of invoices whose balance an entry changes.

Since 15.92, ERPNext sets a Dunning to Resolved when its invoices are settled, and to Unresolved when one is open
again. It saves the Dunning once per overdue term of the invoice, and the second save fails with a timestamp mismatch.
Earlier releases do so for Payment Entries only; there `update_states` does it, and marks the Dunnings it has resolved.
"""

from collections.abc import Collection, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager

import frappe
from erpnext.accounts.doctype.dunning import dunning
from frappe import _
from frappe.query_builder import Case
from frappe.query_builder.functions import Coalesce, Count, Max

RESOLVED, UNRESOLVED = "Resolved", "Unresolved"
STATES = (RESOLVED, UNRESOLVED)


@contextmanager
def single_dunning_update(invoices: Iterable[str]) -> Iterator[None]:
	"""Within the block, balances of these invoices can change without ERPNext saving a Dunning twice.

	Affected Dunnings have no status in the block, so that ERPNext does not update them; afterwards they are updated once.
	After an error their status is empty, and the caller rolls back.
	"""
	repeated = dunnings_with_repeated_invoices(invoices)
	before = dict(
		frappe.get_all(
			"Sales Invoice",
			filters={"name": ("in", sorted({invoice for _name, _status, invoice in repeated}))},
			fields=["name", "outstanding_amount"],
			as_list=True,
			order_by=None,
		)
		if repeated
		else ()
	)
	for name, _status, _invoice in repeated:
		set_status(name, "")
	yield
	for name, status, _invoice in repeated:
		set_status(name, status)
	for invoice, outstanding in sorted(before.items()):
		update_dunnings(invoice, outstanding, attempts=len(repeated))


def single_dunning_update_of(voucher_type: str, voucher_no: str) -> AbstractContextManager[None]:
	"""Return `single_dunning_update` for a voucher that need not be an invoice."""
	return single_dunning_update([voucher_no] if voucher_type == "Sales Invoice" else [])


def dunnings_with_repeated_invoices(invoices: Iterable[str]) -> list[tuple[str, str, str]]:
	"""Return the Dunnings with several rows for one of these invoices: (Dunning, status, invoice). Empty if ERPNext does
	not update Dunnings when an entry is posted."""
	names = sorted(set(invoices))
	if not names or not updates_dunnings():
		return []
	doc = frappe.qb.DocType("Dunning")
	overdue = frappe.qb.DocType("Overdue Payment")
	return list(
		frappe.qb.from_(overdue)
		.inner_join(doc)
		.on(doc.name == overdue.parent)
		.select(doc.name, doc.status, overdue.sales_invoice)
		.where(overdue.sales_invoice.isin(names) & (doc.docstatus != 2) & doc.status.isin(STATES))
		.groupby(doc.name, doc.status, overdue.sales_invoice)
		.having(Count("*") > 1)
		.run()
	)


def invoices_with_dunning(invoices: Iterable[str]) -> set[str]:
	"""Return those of these invoices that have a Dunning that is not cancelled."""
	return {
		row.sales_invoice
		for row in frappe.get_all(
			"Overdue Payment",
			filters={
				"sales_invoice": ("in", sorted(invoices)),
				"parenttype": "Dunning",
				"docstatus": ("<", 2),
			},
			fields=["sales_invoice"],
			order_by=None,
		)
	}


def updates_dunnings() -> bool:
	"""Whether ERPNext updates the status of Dunnings when the balance of an invoice changes."""
	return hasattr(dunning, "update_linked_dunnings")


def set_status(name: str, status: str) -> None:
	frappe.db.set_value("Dunning", name, "status", status, update_modified=False)


def update_dunnings(invoice: str, outstanding_before: float, attempts: int) -> None:
	"""Let ERPNext update the status of the invoice's Dunnings. A Dunning whose second save fails is already saved, and
	the next attempt skips it."""
	doc = frappe.get_doc("Sales Invoice", invoice)
	for _attempt in range(attempts):
		try:
			dunning.update_linked_dunnings(doc, outstanding_before)
			return
		except frappe.TimestampMismatchError:
			frappe.clear_last_message()
	dunning.update_linked_dunnings(doc, outstanding_before)


def update_states(invoices: Iterable[str], reopened: Collection[str] = ()) -> None:
	"""Resolve the submitted Dunnings of these invoices that have no open term, and reopen those with an open term that
	were resolved here.

	`reopened`: invoices of which less is written off than before. Since 15.92, ERPNext updates their Dunnings once
	more: when their balance was restored, their payment terms were still closed.
	"""
	for row in dunnings_of(sorted(set(invoices))):
		if row.status == UNRESOLVED and not row.is_open:
			change_state(row.name, RESOLVED, _("Resolved: no balance is open after a write-off."))
		elif row.status == RESOLVED and row.is_open and row.resolved_by_write_off:
			change_state(
				row.name, UNRESOLVED, _("Reopened: the balance of a written-off invoice is open again.")
			)
		elif row.status == UNRESOLVED and row.resolved_by_write_off:
			frappe.db.set_value("Dunning", row.name, "resolved_by_write_off", 0, update_modified=False)
	if reopened and updates_dunnings():
		for name in sorted(invoices_with_dunning(reopened)):
			# 0: any amount below the balance makes ERPNext open the Dunnings again.
			update_dunnings(name, 0, attempts=len(dunnings_with_repeated_invoices([name])))


def dunnings_of(invoices: list[str]) -> list[frappe._dict]:
	"""The submitted Dunnings of these invoices with their status, and whether a term of one of their invoices is open."""
	if not invoices:
		return []
	doc, overdue = frappe.qb.DocType("Dunning"), frappe.qb.DocType("Overdue Payment")
	of = frappe.qb.DocType("Overdue Payment").as_("of_invoice")
	invoice, term = frappe.qb.DocType("Sales Invoice"), frappe.qb.DocType("Payment Schedule")
	is_open = (invoice.outstanding_amount > 0) & (Coalesce(term.outstanding, invoice.outstanding_amount) > 0)
	return (
		frappe.qb.from_(of)
		.inner_join(doc)
		.on((doc.name == of.parent) & (of.parenttype == "Dunning"))
		.inner_join(overdue)
		.on((overdue.parent == doc.name) & (overdue.parenttype == "Dunning"))
		.inner_join(invoice)
		.on(invoice.name == overdue.sales_invoice)
		.left_join(term)
		.on(term.name == overdue.payment_schedule)
		.select(
			doc.name,
			doc.status,
			doc.resolved_by_write_off,
			Max(Case().when(is_open, 1).else_(0)).as_("is_open"),
		)
		.where(of.sales_invoice.isin(invoices) & (doc.docstatus == 1) & doc.status.isin(STATES))
		.groupby(doc.name, doc.status, doc.resolved_by_write_off)
		.orderby(doc.name)
		.run(as_dict=True)
	)


def change_state(name: str, status: str, note: str) -> None:
	frappe.db.set_value("Dunning", name, {"status": status, "resolved_by_write_off": int(status == RESOLVED)})
	frappe.get_doc("Dunning", name).add_comment("Info", note)
