"""Locks for limits."""

from collections.abc import Iterable

import frappe
from frappe.utils import create_batch


def lock_customers(names: Iterable[str]) -> None:
	"""Lock these customers, ordered by name, until the transaction ends."""
	customer = frappe.qb.DocType("Customer")
	for batch in create_batch(sorted(names), 1000):
		frappe.qb.from_(customer).select(customer.name).where(customer.name.isin(batch)).orderby(
			customer.name
		).for_update().run()
