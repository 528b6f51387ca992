"""What follows when the selection or an amount of a draft changes, by whatever way."""

from typing import Any

import frappe

from ar_writeoff.approval import limits
from ar_writeoff.approval import service as approval
from ar_writeoff.run.status import refresh_totals


def selection_changed(run: Any) -> None:
	"""Hold back what is over the limits of whoever changed it, note who it was, and sum up anew."""
	limits.hold_back(run, frappe.session.user)
	approval.record_change(run.name, frappe.session.user)
	refresh_totals(run.name)
