"""The list of a run: paged, sorted, filtered, summed and selected in SQL. Runs reach 100,000 items."""

from collections import defaultdict
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

import frappe
from frappe import _
from frappe.query_builder import Case
from frappe.query_builder.functions import Abs, Count, Max, Sum
from frappe.utils import cint, fmt_money
from pypika import Order

from ar_writeoff.core import ageing
from ar_writeoff.core.money import money
from ar_writeoff.core.reasons import OVER_LIMIT
from ar_writeoff.core.status import CONFLICT, EXCLUDED, OPEN, POSTED
from ar_writeoff.ledger import messages
from ar_writeoff.ledger import permissions as access
from ar_writeoff.ledger.money import company_currency, precision
from ar_writeoff.review.ledger import balance_of_customer, voucher_story
from ar_writeoff.run.items import COLUMNS, count, in_order, table, visible, where
from ar_writeoff.search.rules import base_of_part

TOP_CUSTOMERS = 10


def page(
	run: str, *, start: int, page_length: int, sort_by: str, sort_order: str, filters: dict[str, Any] | None
) -> dict[str, Any]:
	"""One page of items and the number of all that the filters leave."""
	item = table()
	start, length = max(cint(start), 0), min(cint(page_length) or 100, 1000)
	order = Order.desc if sort_order.lower() == "desc" else Order.asc
	# The index of the list has what is sorted and filtered by, so only the rows of the page itself are read.
	found = frappe.qb.from_(item).select(item.name).where(where(item, run, filters))
	on_page = in_order(found, item, sort_by, order).limit(length).offset(start).as_("on_page")
	shown = table().as_("shown")
	rows = in_order(
		frappe.qb.from_(on_page)
		.join(shown)
		.on(shown.name == on_page.name)
		.select(*[shown[field] for field in (*COLUMNS, "reason_facts")]),
		shown,
		sort_by,
		order,
	).run(as_dict=True)
	messages.localize_messages(rows)
	if len(rows) < length and (rows or not start):
		total = start + len(rows)  # this page is the last one
	else:
		total = count(run, filters)
	return {"items": rows, "total": total}


def select(
	run: str, *, selected: bool, items: Iterable[str] | None, filters: dict[str, Any] | None, invert: bool
) -> None:
	"""Tick or untick open items: the ones named, the ones under the filters, or all."""
	item = table()
	condition = where(item, run, filters) & (item.status == OPEN)
	if items is not None:
		condition &= item.name.isin(list(items) or [""])
	# What is held back for want of a limit is ticked as well: unticking it is a decision of its own.
	held = item.reason_code.isin(OVER_LIMIT)
	if invert:
		value = 1 - Case().when((item.selected == 1) | held, 1).else_(0)
	else:
		value = cint(selected)
		condition &= (item.selected != value) | held
	# Who changed the selection, and when, is on the run. On each of 100,000 items it would take seconds.
	messages.set_reason(frappe.qb.update(item).set(item.selected, value).where(condition), item, None).run()


def item_of(run: str, name: str) -> frappe._dict:
	"""One item of the run that the current user may see.

	Raises:
	    frappe.ValidationError: there is none of this name.
	"""
	item = table()
	rows = frappe.qb.from_(item).select("*").where(visible(item, run) & (item.name == name)).run(as_dict=True)
	if not rows:
		frappe.throw(_("Item {0} is not in this run.").format(name))
	return rows[0]


def set_write_off_amount(run: str, name: str, amount: Decimal | None) -> None:
	"""Write off this much of an open item, in its currency and of its sign; None or the balance: all of it.

	Raises:
	    frappe.ValidationError: the item is not open, or the amount is not between 0 and the balance.
	"""
	row = item_of(run, name)
	if row.status != OPEN:
		frappe.throw(_("This item is {0}: its amount cannot be changed.").format(_(row.status)))
	decimals = precision(row.currency)
	outstanding = money(row.outstanding_amount, decimals)
	part = outstanding if amount is None else money(amount, decimals)
	if amount is not None and part != amount:
		frappe.throw(_("Enter an amount with at most {0} decimals.").format(decimals))
	if not 0 < part / outstanding <= 1:
		frappe.throw(
			_("Enter an amount from {0} to {1}, the balance.").format(
				fmt_money(smallest(outstanding), currency=row.currency),
				fmt_money(outstanding, currency=row.currency),
			)
		)
	base_decimals = precision(company_currency(row.company))
	base = base_of_part(part, outstanding, money(row.base_outstanding_amount, base_decimals))
	if not base:
		frappe.throw(_("This amount is nothing in company currency. Enter a larger one."))
	frappe.db.set_value("Write-Off Run Item", name, {"write_off_amount": part, "base_write_off_amount": base})


def fields_of(run: str, name: str) -> dict[str, Any]:
	"""What the list shows of one item."""
	row = item_of(run, name)
	return shown(row)


def shown(row: frappe._dict) -> dict[str, Any]:
	"""What the list shows of an item, from its whole row."""
	return {**{field: row[field] for field in COLUMNS}, "message": messages.row_message(row)}


def smallest(amount: Decimal) -> Decimal:
	"""The smallest amount of this sign and precision."""
	return Decimal(1).scaleb(int(amount.as_tuple().exponent)).copy_sign(amount)


def anything_selected(run: str) -> bool:
	"""Whether there is something to write off among the items that the user may see."""
	item = table()
	return bool(
		frappe.qb.from_(item)
		.select(item.name)
		.where(visible(item, run) & (item.selected == 1) & (item.status != EXCLUDED))
		.limit(1)
		.run()
	)


def groups_of(run: str) -> list[frappe._dict]:
	"""The items of a run that the user may see, in one pass: everything the summary adds up, but the customers."""
	item = table()
	bucket = Case()
	for days, name in ageing.BUCKETS:
		bucket = bucket.when(item.age_days <= days, name)
	return (
		frappe.qb.from_(item)
		.select(
			item.status,
			item.selected,
			item.currency,
			item.reason_code,
			bucket.else_(ageing.OLDER).as_("bucket"),
			Count("*").as_("count"),
			Sum(item.base_outstanding_amount).as_("balance"),
			Sum(item.write_off_amount).as_("amount"),
			Sum(item.base_write_off_amount).as_("write_off"),
			Sum(item.base_reinstated_amount).as_("recovered"),
		)
		.where(visible(item, run))
		.groupby(item.status, item.selected, item.currency, item.reason_code, "bucket")
		.run(as_dict=True)
	)


def calculate_totals(groups: list[frappe._dict]) -> dict[str, Any]:
	"""Counts by status, and count and company-currency amount of what was found, is selected and is posted."""
	counts: dict[str, int] = {}
	result: dict[str, Any] = {
		"counts": counts,
		"found": {"count": 0, "base_amount": 0.0},
		"selected": {"count": 0, "base_amount": 0.0},
		"posted": {"count": 0, "base_amount": 0.0},
	}
	for row in groups:
		counts[row.status] = counts.get(row.status, 0) + row.count
		visible_totals = []
		if row.status != EXCLUDED:
			visible_totals.append("found")
			if row.selected:
				visible_totals.append("selected")
		if row.status in (POSTED, CONFLICT):
			visible_totals.append("posted")
		for name in visible_totals:
			result[name]["count"] += row.count
			result[name]["base_amount"] += {
				"found": row.balance,
				"selected": row.write_off,
				"posted": row.write_off - row.recovered,
			}[name]
	return result


def summary(run: str, company: str) -> dict[str, Any]:
	"""What the form shows above the list."""
	groups = groups_of(run)
	result = calculate_totals(groups)
	found = [row for row in groups if row.status != EXCLUDED]
	result["selected"]["by_currency"] = [
		{"currency": currency, "count": count, "amount": amount, "base_amount": base_amount}
		for currency, (count, amount, base_amount) in sorted(
			grouped((row for row in found if row.selected), "currency", "amount", "write_off").items()
		)
	]
	result["excluded"] = [
		{"reason_code": code, "label": messages.label(code), "count": count, "base_amount": base_amount}
		for code, (count, base_amount) in sorted(
			grouped((row for row in groups if row.status == EXCLUDED), "reason_code", "balance").items()
		)
	]
	buckets = grouped(found, "bucket", "balance")
	result["ageing"] = [
		{
			"bucket": _("over {0}").format(ageing.OLDEST) if name == ageing.OLDER else name,
			"count": buckets[name][0],
			"base_amount": buckets[name][1],
		}
		for name in ageing.NAMES
	]
	result["customers"] = top_customers(run)
	result["company_currency"] = company_currency(company)
	return result


def grouped(rows: Iterable[frappe._dict], by: str, *amounts: str) -> dict[str, list[Any]]:
	"""{value of `by`: [count, sum of each amount]}, zeros for a value that does not occur."""
	result: dict[str, list[Any]] = defaultdict(lambda: [0] + [0.0] * len(amounts))
	for row in rows:
		for index, value in enumerate((row.count, *(row[amount] for amount in amounts))):
			result[row[by] or ""][index] += value
	return result


def top_customers(run: str) -> list[frappe._dict]:
	"""The customers with the largest balances found, whether they owe us or we them."""
	item = table()
	total = Sum(item.base_outstanding_amount)
	return (
		frappe.qb.from_(item)
		.select(item.customer, Max(item.customer_name).as_("customer_name"), Count("*").as_("count"))
		.select(total.as_("base_amount"))
		.where(visible(item, run) & (item.status != EXCLUDED))
		.groupby(item.customer)
		.orderby(Abs(total), order=Order.desc)
		.orderby(item.customer)
		.limit(TOP_CUSTOMERS)
		.run(as_dict=True)
	)


def story(run: str, item: str) -> dict[str, Any]:
	"""What there is to know about the voucher of an item of this run, to decide whether to give it up."""
	row = item_of(run, item)
	return {
		"item": shown(row),
		**voucher_story(row.voucher_type, row.voucher_no),
		# Of all cost centers, so for those who may see all.
		"customer_balance": balance_of_customer(row.customer, row.company)
		if access.of_user().cost_centers is None
		else None,
		"written_off_before": frappe.get_list(
			"Write-Off Run Item",
			filters={
				"company": row.company,
				"customer": row.customer,
				"name": ("!=", item),
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
