"""Frappe's lists of what has a reason, with the messages in the language of whoever looks at them."""

from typing import Any

import frappe
from frappe.desk import reportview

from ar_writeoff.ledger import messages


@frappe.whitelist()
def get() -> dict[str, Any] | list:
	"""What `frappe.desk.reportview.get` gives, of whose arguments these are; a message is replaced where code and facts
	are asked for beside it."""
	found = reportview.get()
	if not found or not {*messages.COLUMNS} <= {*found["keys"]}:
		return found
	code, facts, message = (found["keys"].index(column) for column in messages.COLUMNS)
	for row in found["values"]:
		row[message] = messages.stored_message(row[code] or "", row[facts] or "")
	return found
