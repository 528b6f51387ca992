"""Notes for the preview on documents that continue to invoice the customers of a run."""

from collections.abc import Iterable

import frappe
from frappe import _
from frappe.utils import create_batch

# Documents named in a note; the others are counted.
MAX_NAMED = 5

ENDED_SUBSCRIPTIONS = ("Cancelled", "Completed")


def continuing_notes(company: str, customers: Iterable[str]) -> list[str]:
	"""Notes on active Subscriptions of these customers and on Auto Repeats of their invoices, as far as the current user
	may see them."""
	names = sorted(set(customers))
	notes = []
	if found := subscriptions(company, names):
		notes.append(
			_(
				"Active Subscriptions of these customers: {0}. Cancel them if nothing more is delivered."
			).format(named(found))
		)
	if found := auto_repeats(company, names):
		notes.append(
			_(
				"These invoices are repeated automatically: {0}. Disable Auto Repeat if it is no longer needed."
			).format(named(found))
		)
	return notes


def subscriptions(company: str, customers: list[str]) -> list[str]:
	if not frappe.has_permission("Subscription", "read"):
		return []
	found: list[str] = []
	for batch in create_batch(customers, 1000):
		found += frappe.get_list(
			"Subscription",
			filters={
				"company": company,
				"party_type": "Customer",
				"party": ("in", batch),
				"status": ("not in", ENDED_SUBSCRIPTIONS),
			},
			pluck="name",
			order_by="name asc",
			limit=0,
		)
	return found


def auto_repeats(company: str, customers: list[str]) -> list[str]:
	if not frappe.has_permission("Sales Invoice", "read"):
		return []
	repeated = frappe.get_all(
		"Auto Repeat",
		filters={"reference_doctype": "Sales Invoice", "disabled": 0, "status": "Active"},
		pluck="reference_document",
		order_by="name asc",
	)
	wanted = set(customers)
	found: list[str] = []
	for batch in create_batch(repeated, 1000):
		found += [
			row.name
			for row in frappe.get_list(
				"Sales Invoice",
				filters={"name": ("in", batch), "company": company},
				fields=["name", "customer"],
				order_by="name asc",
				limit=0,
			)
			if row.customer in wanted
		]
	return found


def named(names: list[str]) -> str:
	shown = ", ".join(names[:MAX_NAMED])
	more = len(names) - MAX_NAMED
	return _("{0} and {1} more").format(shown, more) if more > 0 else shown
