"""Frappe's list view for DocTypes with a stored reason, with its message in the reader's language."""

from typing import Any

import frappe
from frappe.desk import reportview

from ar_writeoff.ledger import messages


@frappe.whitelist()
def get() -> dict[str, Any] | list:
	"""As `frappe.desk.reportview.get`, with the message replaced if the columns of the reason are queried too."""
	found = reportview.get()
	if not found or not {*messages.COLUMNS} <= {*found["keys"]}:
		return found
	code, facts, message = (found["keys"].index(column) for column in messages.COLUMNS)
	for row in found["values"]:
		row[message] = messages.stored_message(row[code] or "", row[facts] or "")
	return found
