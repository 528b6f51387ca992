"""Precision and currencies of amounts in ERPNext's ledgers."""

from datetime import date

import frappe
from erpnext.accounts.doctype.gl_entry.gl_entry import GLEntry
from frappe.model.meta import get_field_precision

from ar_writeoff.ledger.messages import validation_message
from ar_writeoff.ledger.transactions import rolled_back


def precision(currency: str) -> int:
	"""Return the decimals of amounts in this currency in GL Entry and Payment Ledger Entry."""
	return get_field_precision(frappe.get_meta("GL Entry").get_field("debit"), currency=currency)


def company_currency(company: str) -> str:
	return frappe.get_cached_value("Company", company, "default_currency")


def reporting_currency_message(company: str, posting_date: date) -> str | None:
	"""Return why amounts of this date cannot be converted to the company's reporting currency, or None. Some releases have
	no such currency."""
	if not hasattr(GLEntry, "set_amount_in_reporting_currency"):
		return None
	row = frappe._dict(company=company, posting_date=posting_date, debit=0, credit=0)
	message_count = len(frappe.local.message_log)
	# A rate that cannot be downloaded leaves a message and an Error Log.
	with rolled_back("write_off_reporting_currency"):
		message = validation_message(GLEntry.set_amount_in_reporting_currency, row)
	del frappe.local.message_log[message_count:]
	return message
