"""ERPNext's validation of parties."""

from collections.abc import Iterator
from contextlib import contextmanager

import frappe


@contextmanager
def skip_party_validation() -> Iterator[None]:
	"""Within the block ERPNext does not check whether parties are disabled or frozen."""
	before = frappe.flags.ignore_party_validation
	frappe.flags.ignore_party_validation = True
	try:
		yield
	finally:
		frappe.flags.ignore_party_validation = before
