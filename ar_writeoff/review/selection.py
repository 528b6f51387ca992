"""Updates after a change of the selection or an amount of a draft."""

from typing import Any

import frappe

from ar_writeoff.approval import limits
from ar_writeoff.approval import service as approval
from ar_writeoff.run.status import refresh_totals


def after_selection_change(run: Any) -> None:
	"""Hold back items over the user's limits, record the user, and refresh the totals."""
	limits.mark_pending(run, frappe.session.user)
	approval.record_change(run.name, frappe.session.user)
	refresh_totals(run.name)
