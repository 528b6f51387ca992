"""Precision of amounts in ERPNext's ledgers."""

import frappe
from frappe.model.meta import get_field_precision


def precision(currency: str) -> int:
	"""Return the decimals of amounts in this currency in GL Entry and Payment Ledger Entry."""
	return get_field_precision(frappe.get_meta("GL Entry").get_field("debit"), currency=currency)


def company_currency(company: str) -> str:
	return frappe.get_cached_value("Company", company, "default_currency")
