"""ERPNext's validation of parties."""

import inspect
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager

import frappe
from erpnext.accounts import party
from pypika import Field
from pypika.queries import QueryBuilder

from ar_writeoff.ledger import messages


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


def booked_currencies(company: str, customers: Collection[str]) -> dict[str, str | None]:
	"""The account currency in which ERPNext finds each of these customers booked; None if it is not booked."""
	customer = frappe.qb.DocType("Customer")
	return dict(
		frappe.qb.from_(customer)
		.select(customer.name, booked_currency(company, customer.name))
		.where(customer.name.isin(sorted(customers) or [""]))
		.run()
	)


def currency_refusals(
	company: str, customers: Iterable[tuple[str, str]], booked: Mapping[str, str | None]
) -> dict[tuple[str, str], str]:
	"""ERPNext's message for each of these (customer, account currency) for which it rejects entries, because it finds the
	customer booked in another currency. `booked`: see `booked_currencies`."""
	found = {}
	for name, currency in set(customers):
		if booked.get(name) not in (None, currency):
			message = messages.validation_message(
				party.validate_party_gle_currency, "Customer", name, company, currency
			)
			if message:
				found[name, currency] = message
	return found


def booked_currency(company: str, customer: Field) -> QueryBuilder:
	"""Subquery for the account currency in which ERPNext finds a customer booked: that of any ledger row."""
	entry = frappe.qb.DocType("GL Entry")
	return (
		frappe.qb.from_(entry)
		.select(entry.account_currency)
		.where(
			(entry.docstatus == 1)
			& (entry.company == company)
			& (entry.party_type == "Customer")
			& (entry.party == customer)
			& (entry.is_cancelled == 0)
		)
		.limit(1)
	)
