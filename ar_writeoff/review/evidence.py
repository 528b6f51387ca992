"""Data of the Print Format "Write-Off Evidence"."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any

import frappe
from frappe import _
from frappe.query_builder.functions import Count, Sum
from frappe.utils import flt, fmt_money, format_datetime, formatdate
from frappe.utils.formatters import format_value

from ar_writeoff.approval import controls
from ar_writeoff.approval import service as approval
from ar_writeoff.core import criteria
from ar_writeoff.core import status as states
from ar_writeoff.core.criteria import DEBIT, NET_FIRST
from ar_writeoff.core.reasons import OVER_LIMIT
from ar_writeoff.core.run_types import type_of
from ar_writeoff.core.set_off import from_text
from ar_writeoff.core.texts import BY_BALANCE
from ar_writeoff.ledger import messages
from ar_writeoff.ledger import permissions as access
from ar_writeoff.ledger.money import company_currency
from ar_writeoff.review.letters import letters_of
from ar_writeoff.run import items
from ar_writeoff.run.terms import table_texts

MAX_CUSTOMERS = 50
LEFT_OPEN = (states.EXCLUDED, states.NOT_SELECTED)
NOT_POSTED = (*LEFT_OPEN, states.SKIPPED, states.FAILED)

CRITERIA = ("balance_type", "reason", "cutoff_date", *criteria.CRITERIA, "from_date", "to_date")


def write_off_run_evidence(run: Any) -> dict[str, Any]:
	"""Criteria, people, results, entries and customers of a run, formatted for the Print Format."""
	run.check_permission("print")
	currency = company_currency(run.company)

	def amount(value: float | None) -> str:
		return fmt_money(value or 0, currency=currency)

	groups = item_groups(run.name)
	customers = totals_by("customer_name", (row for row in groups if row.status in states.ITEM_POSTED))
	see_all = access.can_see_whole_run(run.name)
	return {
		"criteria": [
			(_(run.meta.get_label(field)), criterion_text(run, run.meta.get_field(field)))
			for field in CRITERIA
			if run.get(field)
		]
		+ [(_(run.meta.get_label(field)), text) for field, text in table_texts(run).items() if text],
		"people": [
			(label, user, format_datetime(moment) if moment else "")
			for label, user, moment in (
				(_("Prepared By"), run.prepared_by, run.prepared_on),
				(_("Searched By"), run.searched_by, run.searched_on),
				(_("Last Changed By"), run.changed_by, run.changed_on),
				(_("Approval Requested By"), run.approval_requested_by, run.approval_requested_on),
				(_("Returned By"), run.returned_by, run.returned_on),
				(_("Approved and Submitted By"), run.submitted_by, run.submitted_on),
				(_("Reversed By"), run.reversed_by, run.reversed_on),
				(_("Filed By"), run.get("filed_by"), run.get("filed_on")),
			)
			if user
		],
		"approval": [
			*((_("Limit That Applied"), ", ".join(limit)) for limit in _limits(run, currency)),
			*(approval.approved_values(run) if run.docstatus else []),
			*((change["label"], change["text"]) for change in controls.changes_affecting(run)),
			*([(_("Approval Hash"), run.approval_hash)] if run.approval_hash else []),
		],
		"results": [
			{"status": status, "count": count, "amount": amount(total)}
			for status, count, total in totals_by("status", groups)
		],
		"recovered": amount(recovered) if (recovered := sum(row.recovered for row in groups)) else "",
		**set_offs(run, amount),
		"entries": [
			{
				"name": entry.name,
				"posting_date": formatdate(entry.posting_date),
				"state": _("Cancelled") if entry.docstatus == 2 else _("Submitted"),
				# Totals include items the reader may not see, so only for readers who see all of the run.
				"amount": amount(entry.total_debit) if see_all else "",
			}
			for entry in frappe.get_all(
				"Journal Entry",
				filters={type_of(run.name).entry_field: run.name, "docstatus": (">", 0)},
				fields=["name", "posting_date", "docstatus", "total_debit"],
				order_by="name asc",
			)
		],
		"letters": letters_of(run.name),
		"customers": [
			{"customer": customer, "count": count, "amount": amount(total)}
			for customer, count, total in customers[:MAX_CUSTOMERS]
		],
		"more_customers": max(len(customers) - MAX_CUSTOMERS, 0),
		"not_posted": [
			{"message": message, "count": count}
			for message, count, _total in totals_by(
				"cause", (row for row in groups if row.status in NOT_POSTED and row.message)
			)
		],
	}


def set_offs(run: Any, amount: Callable[[float], str]) -> dict[str, Any]:
	"""The credits that were set off with balances the reader may see: the first ones, and how many more."""
	shown: list[dict[str, str]] = []
	count = 0
	# The record is read without its seal: after a restore without the site's key the evidence must still be shown.
	record = frappe.parse_json(run.approval_snapshot or "{}")
	if (run.get("balance_type"), record.get("customer_credits")) == (DEBIT, NET_FIRST):
		rows = items.read(
			run.name, ["customer", "customer_name", "set_offs"], {"status": list(states.ITEM_POSTED)}
		)
		for row in rows:
			for one in from_text(row.set_offs):
				count += 1
				if count <= MAX_CUSTOMERS:
					shown.append(
						{
							"customer": row.customer_name or row.customer,
							"credit": one.credit.voucher_no,
							"debit": one.debit.voucher_no,
							"amount": amount(float(one.amount)),
						}
					)
	return {"set_offs": shown, "more_set_offs": count - len(shown)}


def criterion_text(run: Any, field: Any) -> str:
	"""The formatted value of a criterion that is set."""
	if field.fieldtype == "Check":
		return _("Yes")
	if field.fieldtype == "Select":
		return _(run.get(field.fieldname))
	return format_value(run.get(field.fieldname), field, run)


def _limits(run: Any, currency: str) -> list[list[str]]:
	"""Formatted parts of each limit that applied to the submitter."""
	applied = frappe.parse_json(run.limits_applied or "{}")
	amounts = {
		"per_balance": _("Per Balance"),
		"per_customer_and_month": _("Per Customer and Month"),
		"per_run": _("Per Run"),
	}
	limits = []
	for limit in (*applied.get("limits", ()), *applied.get("caps_of_schedule", ())):
		parts = [messages.format_fact("holder", limit["holder"])]
		for key, label in amounts.items():
			if key in limit:
				parts.append(f"{label}: {fmt_money(limit[key], currency=limit.get('currency') or currency)}")
		if "share_of_original_percent" in limit:
			parts.append(f"{_('Share of Original Amount')}: {flt(limit['share_of_original_percent']):g} %")
		limits.append(parts)
	return limits


def item_groups(run: str) -> list[frappe._dict]:
	"""Count and amount of the items the reader may see, by status, customer and message, as in the form: the balance of
	items left open, the approved amount of others, without what was reinstated.
	"""
	item = items.table()
	by = [item[field] for field in ("selected", "customer_name", "reason_code", "reason_facts")]
	state = items.state(item)
	rows = (
		frappe.qb.from_(item)
		.select(
			state.as_("status"),
			*by,
			Count("*").as_("count"),
			Sum(item.base_outstanding_amount).as_("balance"),
			Sum(item.base_write_off_amount).as_("write_off"),
			Sum(item.base_reinstated_amount).as_("recovered"),
		)
		.where(items.visible(item, run))
		.groupby(state, *by)
		.run(as_dict=True)
	)
	for row in rows:
		if row.status == states.OPEN and not row.selected and row.reason_code not in OVER_LIMIT:
			row.status = states.NOT_SELECTED
		row.amount = row.balance if row.status in LEFT_OPEN else row.write_off
		if row.status in states.ITEM_POSTED:
			row.amount -= row.recovered
	messages.localize_messages(rows)
	for row in rows:
		# Not grouped by amount, because nearly every balance has its own.
		row.cause = messages.label(row.reason_code) if row.reason_code in BY_BALANCE else row.message
	return rows


def totals_by(by: str, groups: Iterable[frappe._dict]) -> list[tuple[str, int, float]]:
	"""(value, count, amount) of the groups for each value of this field, largest amount first."""
	totals: dict[str, list] = defaultdict(lambda: [0, 0.0])
	for row in groups:
		totals[row[by]][0] += row["count"]
		totals[row[by]][1] += row.amount
	return sorted(
		((value, number, total) for value, (number, total) in totals.items()),
		key=lambda row: (-abs(row[2]), row[0] or ""),
	)
