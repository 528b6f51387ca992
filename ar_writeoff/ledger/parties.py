"""What ERPNext asks about a party before it books anything."""

from collections.abc import Iterator
from contextlib import contextmanager

import frappe


@contextmanager
def skip_party_validation() -> Iterator[None]:
	"""Inside, ERPNext books for disabled and frozen parties: it does not look whether they are."""
	before = frappe.flags.ignore_party_validation
	frappe.flags.ignore_party_validation = True
	try:
		yield
	finally:
		frappe.flags.ignore_party_validation = before
