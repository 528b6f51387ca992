"""The items of a run, paged, sorted, filtered, totalled and selected in SQL: runs reach 100,000 items."""

from collections import defaultdict
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

import frappe
from frappe import _
from frappe.query_builder import Case
from frappe.query_builder.functions import Abs, Count, Max, Sum
from frappe.utils import cint, flt, fmt_money
from pypika import Order

from ar_writeoff.core import ageing
from ar_writeoff.core.money import money
from ar_writeoff.core.reasons import OVER_LIMIT
from ar_writeoff.core.run_types import TAX_CLAIM, doctype_of, posts_claims
from ar_writeoff.core.status import (
	CONFLICT,
	EXCLUDED,
	FAILED,
	ITEM_POSTED,
	NOT_SELECTED,
	OPEN,
	REVERSED,
	SKIPPED,
)
from ar_writeoff.ledger import messages
from ar_writeoff.ledger import permissions as access
from ar_writeoff.ledger.history import original_amounts
from ar_writeoff.ledger.money import company_currency, precision
from ar_writeoff.ledger.open_items import balance_key
from ar_writeoff.review.ledger import customer_balance, voucher_details
from ar_writeoff.run.arguments import exact_amount
from ar_writeoff.run.items import COLUMNS, count, in_order, page_limits, state, table, visible, where
from ar_writeoff.search.rules import base_of_part

TOP_CUSTOMERS = 10
MAX_NOTE = 500

# Columns read for the items of a page only. The list is not sorted or filtered by them.
MORE_COLUMNS = ("invoice_total", "customer_group")


def page(
	run: str, *, start: int, page_length: int, sort_by: str, sort_order: str, filters: dict[str, Any] | None
) -> dict[str, Any]:
	"""One page of items and the number of items under the filters."""
	item = table()
	start, length = page_limits(start, page_length)
	order = Order.desc if sort_order.lower() == "desc" else Order.asc
	# The index covers all sort and filter columns, so full rows are read for the page only.
	found = frappe.qb.from_(item).select(item.name).where(where(item, run, filters))
	on_page = in_order(found, item, sort_by, order).limit(length).offset(start).as_("on_page")
	full_row = table().as_("full_row")
	rows = in_order(
		frappe.qb.from_(on_page)
		.join(full_row)
		.on(full_row.name == on_page.name)
		.select(*[full_row[field] for field in (*COLUMNS, "reason_facts")]),
		full_row,
		sort_by,
		order,
	).run(as_dict=True)
	messages.localize_messages(rows)
	if len(rows) < length and (rows or not start):
		total = start + len(rows)  # last page
	else:
		total = count(run, filters)
	return {"items": rows, "total": total}


def add_columns(company: str, rows: list[frappe._dict], wanted: Iterable[str]) -> None:
	"""Set these of `MORE_COLUMNS` on the rows."""
	columns = set(wanted) & set(MORE_COLUMNS)
	if "invoice_total" in columns:
		totals = original_amounts(company, [balance_key(row) for row in rows])
		for row in rows:
			row.invoice_total = totals.get(balance_key(row))
	if "customer_group" in columns:
		customers = {row.customer for row in rows}
		groups = dict(
			frappe.get_all(
				"Customer",
				filters={"name": ("in", sorted(customers) or [""])},
				fields=["name", "customer_group"],
				as_list=True,
			)
		)
		for row in rows:
			row.customer_group = groups.get(row.customer)


def sums(run: str, filters: dict[str, Any] | None) -> dict[str, Any]:
	"""Number and amounts of the items under the filters: by currency, and in company currency."""
	item = table()
	rows = (
		frappe.qb.from_(item)
		.select(
			item.currency,
			Count("*").as_("count"),
			Sum(item.outstanding_amount).as_("amount"),
			Sum(item.base_outstanding_amount).as_("base_amount"),
		)
		.where(where(item, run, filters))
		.groupby(item.currency)
		.orderby(item.currency)
		.run(as_dict=True)
	)
	return {
		"count": sum(row["count"] for row in rows),
		"base_amount": sum(row.base_amount for row in rows),
		"by_currency": [{"currency": row.currency, "amount": row.amount} for row in rows],
	}


def customers_page(
	run: str, *, start: int, page_length: int, filters: dict[str, Any] | None
) -> dict[str, Any]:
	"""One page of customers with number, balance and selection of their items in company currency, and their number."""
	item = table()
	condition = where(item, run, filters)
	# Pending items count as selected, as in the list.
	ticked = Case().when((item.selected == 1) | item.reason_code.isin(OVER_LIMIT), 1).else_(0)
	balance = Sum(item.base_outstanding_amount)
	start, length = page_limits(start, page_length)
	rows = (
		frappe.qb.from_(item)
		.select(
			item.customer,
			Max(item.customer_name).as_("customer_name"),
			Count("*").as_("count"),
			balance.as_("base_amount"),
			Sum(ticked).as_("selected_count"),
			Sum(ticked * item.base_write_off_amount).as_("selected_amount"),
		)
		.where(condition)
		.groupby(item.customer)
		.orderby(Abs(balance), order=Order.desc)
		.orderby(item.customer)
		.limit(length)
		.offset(start)
		.run(as_dict=True)
	)
	[[total]] = frappe.qb.from_(item).select(Count(item.customer).distinct()).where(condition).run()
	return {"customers": rows, "total": total}


def set_note(run: str, name: str, note: str) -> None:
	"""Set the note of an item of the run that the current user may see."""
	get_item(run, name)
	note = note.strip()
	if len(note) > MAX_NOTE:
		frappe.throw(_("A note has at most {0} characters.").format(MAX_NOTE), title=_("Note"))
	frappe.db.set_value("Write-Off Run Item", name, "note", note or None)


def select(
	run: str, *, selected: bool, items: Iterable[str] | None, filters: dict[str, Any] | None, invert: bool
) -> None:
	"""Select or deselect open items: the named ones, those under the filters, or all."""
	item = table()
	condition = where(item, run, filters) & (item.status == OPEN)
	if items is not None:
		condition &= item.name.isin(list(items) or [""])
	# Pending items count as selected: deselecting them is a separate decision.
	pending = item.reason_code.isin(OVER_LIMIT)
	if invert:
		value = 1 - Case().when((item.selected == 1) | pending, 1).else_(0)
	else:
		value = cint(selected)
		condition &= (item.selected != value) | pending
	# User and time are stored on the run. On each of 100,000 items that would take seconds.
	messages.set_reason(frappe.qb.update(item).set(item.selected, value).where(condition), item, None).run()


def get_item(run: str, name: str) -> frappe._dict:
	"""The item of the run, which the current user must be allowed to see.

	Raises:
	    frappe.ValidationError: there is no such item.
	"""
	item = table()
	rows = frappe.qb.from_(item).select("*").where(visible(item, run) & (item.name == name)).run(as_dict=True)
	if not rows:
		frappe.throw(_("Item {0} is not in this run.").format(name), title=_("Write-Off Run Item"))
	return rows[0]


def set_write_off_amount(run: str, name: str, amount: Decimal | None) -> None:
	"""Set the amount to write off of an open item, in its currency and with its sign; None for the whole balance.

	Raises:
	    frappe.ValidationError: the item is not open, or the amount is not between 0 and the balance.
	"""
	row = get_item(run, name)
	if row.status != OPEN:
		frappe.throw(
			_("This item is {0}. Its amount cannot be changed.").format(_(row.status)),
			title=_("Amount to Write Off"),
		)
	outstanding = money(row.outstanding_amount, precision(row.currency))
	part = outstanding
	if amount is not None:
		part = exact_amount(amount, row.currency, title=_("Amount to Write Off"))
	if not 0 < part / outstanding <= 1:
		frappe.throw(
			_("Enter an amount between {0} and {1}, the balance.").format(
				fmt_money(smallest_amount(outstanding), currency=row.currency),
				fmt_money(outstanding, currency=row.currency),
			),
			title=_("Amount to Write Off"),
		)
	base_decimals = precision(company_currency(row.company))
	base = base_of_part(part, outstanding, money(row.base_outstanding_amount, base_decimals))
	if not base:
		frappe.throw(
			_("This amount is zero in company currency. Enter a larger amount."),
			title=_("Amount to Write Off"),
		)
	frappe.db.set_value("Write-Off Run Item", name, {"write_off_amount": part, "base_write_off_amount": base})


def item_list_values(run: str, name: str) -> dict[str, Any]:
	"""The values the list shows of an item."""
	row = get_item(run, name)
	return list_values(row)


def list_values(row: frappe._dict) -> dict[str, Any]:
	"""The values the list shows of an item row."""
	return {**{field: row[field] for field in COLUMNS}, "message": messages.row_message(row)}


def smallest_amount(amount: Decimal) -> Decimal:
	"""The smallest amount with this sign and precision."""
	return Decimal(1).scaleb(int(amount.as_tuple().exponent)).copy_sign(amount)


def has_selected_items(run: str) -> bool:
	"""Whether any selected item that the user may see can be written off."""
	item = table()
	return bool(
		frappe.qb.from_(item)
		.select(item.name)
		.where(visible(item, run) & (item.selected == 1) & (item.status != EXCLUDED))
		.limit(1)
		.run()
	)


def item_groups(run: str) -> list[frappe._dict]:
	"""The items the user may see, grouped for the summary."""
	item = table()
	bucket = Case()
	for days, name in ageing.BUCKETS:
		bucket = bucket.when(item.age_days <= days, name)
	status = state(item)
	return (
		frappe.qb.from_(item)
		.select(
			status.as_("status"),
			item.selected,
			item.currency,
			item.reason_code,
			bucket.else_(ageing.OLDER).as_("bucket"),
			Count("*").as_("count"),
			Sum(item.base_outstanding_amount).as_("balance"),
			Sum(item.write_off_amount).as_("amount"),
			Sum(item.base_write_off_amount).as_("write_off"),
			Sum(item.base_reinstated_amount).as_("recovered"),
			Sum(Case().when(item.base_reinstated_amount != 0, 1).else_(0)).as_("recovered_count"),
			(Sum(item.base_write_off_amount) - Sum(item.base_reinstated_amount)).as_("written_off"),
			# A balance reinstated in full is Reversed too, and counted as recovered.
			Sum(Case().when(item.base_write_off_amount != item.base_reinstated_amount, 1).else_(0)).as_(
				"written_off_count"
			),
		)
		.where(visible(item, run))
		.groupby(status, item.selected, item.currency, item.reason_code, "bucket")
		.run(as_dict=True)
	)


def calculate_totals(groups: list[frappe._dict]) -> dict[str, Any]:
	"""Counts by status, and count and company-currency amount of the items: found, selected, posted (without what was
	reinstated), skipped or failed, in conflict, undone, not selected on the submit, and reinstated."""
	counts: dict[str, int] = {}
	kinds = (
		"found",
		"selected",
		"posted",
		"not_posted",
		"conflict",
		"reversed",
		"not_selected",
		"recovered",
	)
	result: dict[str, Any] = {
		"counts": counts,
		**{kind: {"count": 0, "base_amount": 0.0} for kind in kinds},
	}
	for row in groups:
		result["recovered"]["count"] += int(row.recovered_count)
		result["recovered"]["base_amount"] += row.recovered
		counts[row.status] = counts.get(row.status, 0) + row.count
		for kind, belongs, amount in (
			("found", row.status != EXCLUDED, row.balance),
			("selected", row.status != EXCLUDED and row.selected, row.write_off),
			("posted", row.status in ITEM_POSTED, row.written_off),
			("not_posted", row.status in (SKIPPED, FAILED), row.write_off),
			("conflict", row.status == CONFLICT, row.written_off),
			("reversed", row.status == REVERSED, row.written_off),
			("not_selected", row.status == NOT_SELECTED, row.balance),
		):
			if belongs:
				result[kind]["count"] += int(row.written_off_count) if kind == "reversed" else row.count
				result[kind]["base_amount"] += amount
	return result


def summary(run: str, company: str, *, submitted: bool = False) -> dict[str, Any]:
	"""The summary the form shows above the list. The charts are over the balances found, and over those still written off
	once the run is submitted."""
	groups = item_groups(run)
	result = calculate_totals(groups)
	found = [row for row in groups if row.status != EXCLUDED]
	result["selected"]["by_currency"] = [
		{"currency": currency, "count": count, "amount": amount, "base_amount": base_amount}
		for currency, (count, amount, base_amount) in sorted(
			totals_by((row for row in found if row.selected), "currency", "amount", "write_off").items()
		)
	]
	result["excluded"] = [
		{"reason_code": code, "label": messages.label(code), "count": count, "base_amount": base_amount}
		for code, (count, base_amount) in sorted(
			totals_by((row for row in groups if row.status == EXCLUDED), "reason_code", "balance").items()
		)
	]
	charted = [row for row in groups if row.status in ITEM_POSTED] if submitted else found
	buckets = totals_by(charted, "bucket", "written_off" if submitted else "balance")
	result["ageing"] = [
		{
			"bucket": _("over {0}").format(ageing.OLDEST) if name == ageing.OLDER else name,
			"count": buckets[name][0],
			"base_amount": buckets[name][1],
		}
		for name in ageing.NAMES
	]
	result["not_due"] = {"count": 0, "base_amount": 0.0} if submitted else not_due(run)
	result["customers"], result["customer_count"] = top_customers(run, submitted=submitted)
	result["company_currency"] = company_currency(company)
	return result


def not_due(run: str) -> dict[str, Any]:
	"""Count and company-currency amount of the selected balances that are due after the cutoff date."""
	item = table()
	if posts_claims(run):
		return {"count": 0, "base_amount": 0.0}
	cutoff_date = frappe.db.get_value("Write-Off Run", run, "cutoff_date")
	[row] = (
		frappe.qb.from_(item)
		.select(Count("*").as_("count"), Sum(item.base_write_off_amount).as_("base_amount"))
		.where(
			visible(item, run) & (item.status == OPEN) & (item.selected == 1) & (item.due_date > cutoff_date)
		)
		.run(as_dict=True)
	)
	return {"count": row.count, "base_amount": flt(row.base_amount)}


def other_drafts(run: Any) -> list[dict[str, Any]]:
	"""Other drafts in which balances of this run are selected too, with their number. The run that is posted first writes them off."""
	names = frappe.get_list(
		doctype_of(run.name),
		filters={
			"company": run.company,
			"docstatus": 0,
			"selected_count": (">", 0),
			"name": ("!=", run.name),
		},
		pluck="name",
		order_by="name asc",
	)
	if not names:
		return []
	own, other = table().as_("own"), table().as_("other")
	return (
		frappe.qb.from_(own)
		.join(other)
		.on(
			(other.voucher_no == own.voucher_no)
			& (other.voucher_type == own.voucher_type)
			& (other.receivable_account == own.receivable_account)
			& (other.customer == own.customer)
		)
		.select(other.run, Count("*").as_("count"))
		.where(visible(own, run.name) & (own.status == OPEN) & (own.selected == 1))
		.where(other.run.isin(names) & (other.status == OPEN) & (other.selected == 1))
		.groupby(other.run)
		.orderby(other.run)
		.run(as_dict=True)
	)


def totals_by(rows: Iterable[frappe._dict], by: str, *amounts: str) -> dict[str, list[Any]]:
	"""{value of `by`: [count, sum of each amount]}, zeros for other values."""
	result: dict[str, list[Any]] = defaultdict(lambda: [0] + [0.0] * len(amounts))
	for row in rows:
		for index, value in enumerate((row.count, *(row[amount] for amount in amounts))):
			result[row[by] or ""][index] += value
	return result


def top_customers(run: str, *, submitted: bool = False) -> tuple[list[frappe._dict], int]:
	"""The customers with the largest balances found, or still written off, debit or credit; and the number of customers."""
	item = table()
	condition = visible(item, run)
	if submitted:
		total = Sum(item.base_write_off_amount) - Sum(item.base_reinstated_amount)
		condition &= item.status.isin(ITEM_POSTED)
	else:
		total = Sum(item.base_outstanding_amount)
		condition &= item.status != EXCLUDED
	largest = (
		frappe.qb.from_(item)
		.select(item.customer, Max(item.customer_name).as_("customer_name"), Count("*").as_("count"))
		.select(total.as_("base_amount"))
		.where(condition)
		.groupby(item.customer)
		.orderby(Abs(total), order=Order.desc)
		.orderby(item.customer)
		.limit(TOP_CUSTOMERS)
		.run(as_dict=True)
	)
	if len(largest) < TOP_CUSTOMERS:
		return largest, len(largest)
	[[count]] = frappe.qb.from_(item).select(Count(item.customer).distinct()).where(condition).run()
	return largest, count


def item_details(run: str, item: str) -> dict[str, Any]:
	"""Details of the voucher of an item, for the decision whether to write it off."""
	row = get_item(run, item)
	return {
		"item": list_values(row),
		**voucher_details(row.voucher_type, row.voucher_no),
		# Covers all cost centers, so only for users without a restriction on them.
		"customer_balance": customer_balance(row.customer, row.company)
		if access.of_user().cost_centers is None
		else None,
		"written_off_before": frappe.get_list(
			"Write-Off Run Item",
			filters={
				"company": row.company,
				"customer": row.customer,
				"name": ("!=", item),
				"voucher_type": ("!=", TAX_CLAIM),
				"status": ("in", ("Posted", "Conflict", "Reversed")),
			},
			fields=[
				"run",
				"voucher_no",
				"write_off_amount",
				"currency",
				"status",
				"modified",
				"journal_entry",
			],
			order_by="modified desc",
			limit=20,
		),
		"company_currency": company_currency(row.company),
	}


@frappe.whitelist()
def runs_of_invoice(invoice: str) -> list[str]:
	"""The runs that have written off a Sales Invoice, latest first, of those the current user may see."""
	frappe.has_permission("Sales Invoice", "read", invoice, throw=True)
	return frappe.get_list(
		"Write-Off Run Item",
		filters={
			"voucher_type": "Sales Invoice",
			"voucher_no": invoice,
			"status": ("in", ITEM_POSTED),
		},
		pluck="run",
		distinct=True,
		order_by="run desc",
		limit=5,
	)
