"""ERPNext's validation of parties."""

import inspect
from collections.abc import Iterator
from contextlib import contextmanager

import frappe
from erpnext.accounts import party


@contextmanager
def skip_party_validation() -> Iterator[None]:
	"""Within the block ERPNext does not check whether parties are disabled or frozen."""
	before = frappe.flags.ignore_party_validation
	frappe.flags.ignore_party_validation = True
	try:
		yield
	finally:
		frappe.flags.ignore_party_validation = before


def may_post_for_frozen(company: str) -> bool:
	"""Whether ERPNext lets the current user post for frozen customers of this company."""
	if frappe.get_meta("Company").has_field("role_allowed_for_frozen_entries"):
		role = frappe.get_cached_value("Company", company, "role_allowed_for_frozen_entries")
	else:
		role = frappe.db.get_single_value("Accounts Settings", "frozen_accounts_modifier")
	return bool(role) and role in frappe.get_roles()


def validate_state(company: str, party_type: str, name: str) -> None:
	"""Let ERPNext reject a party that is disabled or frozen.

	Raises:
	    frappe.ValidationError: it is, and the user may not post for it.
	"""
	validate = party.validate_party_frozen_disabled
	if "company" in inspect.signature(validate).parameters:
		validate(company, party_type, name)
	else:
		validate(party_type, name)
