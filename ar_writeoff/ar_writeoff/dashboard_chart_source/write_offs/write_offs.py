# Copyright (c) 2026, AR Write-Off contributors
# For license information, please see license.txt

"""Chart source: write-offs of the last twelve months, for the charts of the workspace.

A chart source of our own, because Frappe caches the values of its other charts for all users, whatever their
permissions.
"""

from collections import defaultdict
from typing import Any

import frappe
from frappe import _
from frappe.utils import add_months, flt, formatdate, get_first_day, today

from ar_writeoff.ledger import permissions as access
from ar_writeoff.ledger.accounts import RECLASSIFY
from ar_writeoff.run.arguments import json_argument


@frappe.whitelist()
def get(
	chart_name: str | None = None,
	chart: str | dict | None = None,
	no_cache: str | int | None = None,
	filters: str | dict | list | None = None,
	from_date: str | None = None,
	to_date: str | None = None,
	timespan: str | None = None,
	time_interval: str | None = None,
	heatmap_year: str | int | None = None,
	refresh: str | int | None = None,
) -> dict[str, Any]:
	"""Written-off debit balances of a company in company currency, without reclassified ones, by month or by reason, of the
	runs the user may see.
	Only `filters` is used; the other arguments are those Frappe passes to every source."""
	wanted = frappe._dict(json_argument("filters", filters, dict) or {})
	access.check_company(wanted.company)
	amounts: dict[str, float] = defaultdict(float)
	for run in frappe.get_list(
		"Write-Off Run",
		filters={
			"company": wanted.company,
			"docstatus": 1,
			"balance_type": "Debit",
			"method": ("!=", RECLASSIFY),
			"posting_date": (">=", get_first_day(add_months(today(), -11))),
		},
		fields=["posting_date", "reason", "posted_amount"],
		order_by="posting_date asc",
		limit=0,
	):
		group = run.reason if wanted.by == "reason" else formatdate(run.posting_date, "MMM y")
		amounts[group] += flt(run.posted_amount)
	return {
		"labels": list(amounts),
		"datasets": [{"name": _("Written Off"), "values": list(amounts.values())}],
	}
