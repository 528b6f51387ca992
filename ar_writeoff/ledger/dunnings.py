"""Dunnings of invoices whose balance an entry changes.

Since 15.92, ERPNext sets a Dunning to Resolved when its invoices are settled, and to Unresolved when one is open
again. It saves the Dunning once per overdue term of the invoice, and the second save fails with a timestamp mismatch.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import frappe
from erpnext.accounts.doctype.dunning import dunning
from frappe.query_builder.functions import Count

STATES = ("Resolved", "Unresolved")


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
