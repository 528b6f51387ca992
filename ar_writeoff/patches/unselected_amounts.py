"""In submitted runs, balances that were not selected have no amount to write off and are not counted as excluded."""

import frappe

from ar_writeoff.core import reasons
from ar_writeoff.run.status import refresh_totals


def execute() -> None:
	item = frappe.qb.DocType("Write-Off Run Item")
	not_selected = item.reason_code == reasons.NOT_SELECTED
	frappe.qb.update(item).set(item.write_off_amount, 0).set(item.base_write_off_amount, 0).where(
		not_selected
	).run()
	for run in frappe.qb.from_(item).select(item.run).distinct().where(not_selected).run(pluck=True):
		refresh_totals(run)
