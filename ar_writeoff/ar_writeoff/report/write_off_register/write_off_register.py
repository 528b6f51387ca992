# Copyright (c) 2026, AR Write-Off contributors
# For license information, please see license.txt

"""Write-Off Register: every balance that runs wrote off, skipped, failed to write off or reversed, with user, date and
reason."""

from collections import defaultdict
from typing import Any

import frappe
from frappe import _
from frappe.utils import flt, formatdate, get_first_day, getdate

from ar_writeoff.core import status as states
from ar_writeoff.ledger import messages
from ar_writeoff.ledger import permissions as access
from ar_writeoff.ledger.accounts import RECLASSIFY
from ar_writeoff.ledger.money import company_currency, precision
from ar_writeoff.run import items

# Results only; items that were not selected are shown in the run.
STATUSES = (states.POSTED, states.CONFLICT, states.SKIPPED, states.FAILED, states.REVERSED)


def execute(filters: dict | None = None) -> tuple:
	filters = frappe._dict(filters or {})
	check_permission(filters)
	currency = company_currency(filters.company)
	rows = get_rows(filters, currency)
	totals = summary(rows, currency)
	for row in rows:
		row.status = _(row.status)
	return columns(currency), rows, None, chart(rows, currency), totals


def check_permission(filters: frappe._dict) -> access.Access:
	"""Check the permission on the company.

	Raises:
	    frappe.PermissionError: the user may not see the company.
	"""
	if not filters.company:
		frappe.throw(_("Choose a company."), title=_("Company"))
	return access.check_company(filters.company)


def get_rows(filters: frappe._dict, currency: str) -> list[frappe._dict]:
	item, run = items.table(), frappe.qb.DocType("Write-Off Run")
	query = (
		frappe.qb.from_(item)
		.inner_join(run)
		.on(run.name == item.run)
		.select(
			run.posting_date,
			item.run,
			item.customer,
			item.customer_name,
			item.voucher_type,
			item.voucher_no,
			item.currency,
			item.write_off_amount,
			item.base_write_off_amount,
			item.base_reinstated_amount.as_("recovered"),
			item.status,
			run.reason,
			run.method,
			item.journal_entry,
			run.prepared_by,
			run.submitted_by,
			run.submitted_on,
			run.schedule,
			item.reason_code,
			item.reason_facts,
		)
		.where(
			items.visible(item)
			& (run.company == filters.company)
			& (run.docstatus != 0)
			& item.status.isin(STATUSES)
		)
		.orderby(run.posting_date)
		.orderby(item.name)
	)
	if filters.from_date:
		query = query.where(run.posting_date >= getdate(filters.from_date))
	if filters.to_date:
		query = query.where(run.posting_date <= getdate(filters.to_date))
	if filters.customer:
		query = query.where(item.customer == filters.customer)
	if filters.reason:
		query = query.where(run.reason == filters.reason)
	if filters.method:
		query = query.where(run.method == filters.method)
	if filters.run:
		query = query.where(item.run == filters.run)
	if filters.status:
		query = query.where(item.status == filters.status)
	if filters.user:
		query = query.where((run.submitted_by == filters.user) | (run.prepared_by == filters.user))
	decimals = precision(currency)
	rows = query.run(as_dict=True)
	messages.localize_messages(rows)
	for row in rows:
		row.company_currency = currency
		posted = (*states.ITEM_POSTED, states.REVERSED)
		row.posted = row.base_write_off_amount if row.status in posted else 0
		left = flt(row.posted - row.recovered, decimals)
		# A balance reinstated in full is Reversed too, with nothing left.
		row.reversed = left if row.status == states.REVERSED else 0
		# As in the ledger.
		row.written_off = left - row.reversed
	return rows


def columns(currency: str) -> list[dict[str, Any]]:
	return [
		column("posting_date", _("Posting Date"), "Date", 115),
		column("run", _("Write-Off Run"), "Link", 160, options="Write-Off Run"),
		column("customer", _("Customer"), "Link", 140, options="Customer"),
		column("customer_name", _("Customer Name"), "Data", 160),
		column("voucher_no", _("Voucher"), "Dynamic Link", 190, options="voucher_type"),
		column("status", _("Status"), "Data", 90),
		*(
			column(fieldname, f"{label} ({currency})", "Currency", 150, options="company_currency")
			for fieldname, label in (
				("posted", _("Written Off")),
				("reversed", _("Reversed")),
				("recovered", _("Recovered")),
				("written_off", _("Still Written Off")),
			)
		),
		column("currency", _("Currency"), "Data", 80),
		# Not a Currency field: Frappe would add up all currencies, and what was not posted. The form formats it.
		column("write_off_amount", _("Amount"), "Data", 110),
		column("reason", _("Reason"), "Link", 140, options="Write-Off Reason"),
		column("method", _("Method"), "Data", 100),
		column("journal_entry", _("Journal Entry"), "Link", 150, options="Journal Entry"),
		column("prepared_by", _("Prepared By"), "Link", 140, options="User"),
		column("submitted_by", _("Submitted By"), "Link", 140, options="User"),
		column("submitted_on", _("Submitted On"), "Datetime", 150),
		column("schedule", _("Schedule"), "Link", 120, options="Write-Off Schedule"),
		column("message", _("Message"), "Data", 260),
	]


def column(
	fieldname: str, label: str, fieldtype: str, width: int, options: str | None = None
) -> dict[str, Any]:
	"""A column of a report; as text if the user may not read the linked DocType, such as Customer for an Auditor: Frappe
	would refuse the report."""
	if fieldtype == "Link" and not any(frappe.has_permission(options, ptype) for ptype in ("read", "select")):
		fieldtype, options = "Data", None
	return {
		"fieldname": fieldname,
		"label": label,
		"fieldtype": fieldtype,
		"width": width,
		**({"options": options} if options else {}),
	}


def chart(rows: list[frappe._dict], currency: str) -> dict[str, Any]:
	"""Amounts still written off by month, one bar per reason, without those that were reclassified."""
	rows = [row for row in rows if row.method != RECLASSIFY]
	months = sorted({get_first_day(row.posting_date) for row in rows if row.written_off})
	amounts: dict[str, dict[Any, float]] = defaultdict(lambda: defaultdict(float))
	for row in rows:
		amounts[row.reason][get_first_day(row.posting_date)] += row.written_off
	return {
		"data": {
			"labels": [formatdate(month, "MMM y") for month in months],
			"datasets": [
				{"name": reason, "values": [by_month[month] for month in months]}
				for reason, by_month in sorted(amounts.items())
			],
		},
		"type": "bar",
		"barOptions": {"stacked": 1},
		"fieldtype": "Currency",
		"options": currency,
	}


def summary(rows: list[frappe._dict], currency: str) -> list[dict[str, Any]]:
	counts: dict[str, int] = defaultdict(int)
	for row in rows:
		counts[row.status] += 1
	losses = [row for row in rows if row.method != RECLASSIFY]
	amounts = {
		_("Written Off"): sum(row.posted for row in losses),
		_("Reversed Amount"): sum(row.reversed for row in losses),
		_("Recovered"): sum(row.recovered for row in losses),
		_("Still Written Off"): sum(row.written_off for row in losses),
	}
	if len(losses) < len(rows):
		# Not a loss: moved to another account of the balance sheet.
		amounts[_("Reclassified")] = sum(row.written_off for row in rows if row.method == RECLASSIFY)
	return [
		*(
			{"label": label, "value": amount, "datatype": "Currency", "currency": currency}
			for label, amount in amounts.items()
		),
		*({"label": _(name), "value": counts[name], "datatype": "Int"} for name in STATUSES if counts[name]),
	]
