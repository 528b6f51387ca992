"""The query of Write-Off Run Items that a user may see, used by list, preview, export, evidence, reports and totals."""

from collections.abc import Iterable, Iterator
from typing import Any

import frappe
from frappe import _
from frappe.query_builder import Case, DocType
from frappe.query_builder.functions import Count
from frappe.utils import cint
from pypika import Order, Table
from pypika.queries import QueryBuilder
from pypika.terms import Criterion, Term

from ar_writeoff.core import reasons
from ar_writeoff.core import status as states
from ar_writeoff.ledger import messages
from ar_writeoff.ledger import permissions as access

# Fields that identify a balance and its amounts: planned, sealed, posted and checked for conflicts.
BALANCE_FIELDS = (
	"name",
	"customer",
	"voucher_type",
	"voucher_no",
	"receivable_account",
	"currency",
	"outstanding_amount",
	"base_outstanding_amount",
	"write_off_amount",
	"set_offs",
)

# Columns of the list, without the message.
COLUMNS = (
	"name",
	"customer",
	"customer_name",
	"voucher_type",
	"voucher_no",
	"receivable_account",
	"posting_date",
	"due_date",
	"age_days",
	"currency",
	"outstanding_amount",
	"base_outstanding_amount",
	"set_off_amount",
	"write_off_amount",
	"base_write_off_amount",
	"reinstated_amount",
	"selected",
	"note",
	"status",
	"reason_code",
	"reason_doctype",
	"reason_name",
	"journal_entry",
)
FIELDS = (*COLUMNS, "message")

# Filters on these columns match the text anywhere; others are compared.
TEXT_FIELDS = {"customer": ("customer", "customer_name"), "voucher_no": ("voucher_no",)}
COMPARISONS = {
	"=": lambda field, value: field == value,
	"!=": lambda field, value: field != value,
	"<": lambda field, value: field < value,
	"<=": lambda field, value: field <= value,
	">": lambda field, value: field > value,
	">=": lambda field, value: field >= value,
}

ROWS_PER_QUERY = 5000
MAX_PAGE_LENGTH = 1000
MAX_START = 10**9


def table() -> Table:
	return DocType("Write-Off Run Item")


def state(item: Table) -> Term:
	"""Return the status of an item; after the submit, balances that were not selected are not counted as Excluded."""
	return Case().when(item.reason_code == reasons.NOT_SELECTED, states.NOT_SELECTED).else_(item.status)


def visible(item: Table, run: str | None = None, user: str | None = None) -> Criterion:
	"""Return the condition for items, of one run or all, that a user (default: the current one) may see."""
	conditions = [item.run == run] if run else []
	restriction = access.items_allowed(item, access.of_user(user))
	return Criterion.all([*conditions, restriction] if restriction else conditions)


def where(item: Table, run: str, filters: dict[str, Any] | None = None) -> Criterion:
	"""Return the condition for the visible items of a run under filters. Throws for an unknown field."""
	condition = visible(item, run)
	for fieldname, value in (filters or {}).items():
		if fieldname not in FIELDS:
			frappe.throw(_("Items cannot be filtered by {0}.").format(fieldname), title=_("Filter balances"))
		if any(isinstance(part, dict | list) for part in (value if isinstance(value, list) else [value])):
			frappe.throw(
				_("The filter on {0} must be a value, a list of values, or an operator and a value.").format(
					fieldname
				),
				title=_("Filter balances"),
			)
		if fieldname == "message":
			condition &= messages.message_filter(item, str(value))
		elif fieldname in TEXT_FIELDS and isinstance(value, str):
			condition &= Criterion.any(
				[item[column].like(messages.like_pattern(value)) for column in TEXT_FIELDS[fieldname]]
			)
		elif isinstance(value, list) and len(value) == 2 and value[0] in COMPARISONS:
			condition &= COMPARISONS[value[0]](item[fieldname], value[1])
		elif isinstance(value, list):
			condition &= item[fieldname].isin(value or [""])
		else:
			condition &= item[fieldname] == value
	return condition


def in_order(
	query: QueryBuilder, item: Table, sort_by: str = "name", order: Order = Order.asc
) -> QueryBuilder:
	"""Return the query ordered by a column of the list; `message` groups equal messages."""
	if sort_by not in FIELDS:
		frappe.throw(_("Items cannot be sorted by {0}.").format(sort_by), title=_("Sort"))
	for fieldname in messages.COLUMNS[:2] if sort_by == "message" else (sort_by,):
		query = query.orderby(item[fieldname], order=order)
	return query.orderby(item.name)


def count(run: str, filters: dict[str, Any] | None = None) -> int:
	item = table()
	return frappe.qb.from_(item).select(Count("*")).where(where(item, run, filters)).run()[0][0]


def page_limits(start: Any, page_length: Any) -> tuple[int, int]:
	"""Return offset and length of a page: 100 items unless another positive number is given."""
	length = cint(page_length)
	return min(max(cint(start), 0), MAX_START), min(length if length > 0 else 100, MAX_PAGE_LENGTH)


def visible_names(run: str, names: Iterable[str], user: str | None = None) -> list[str]:
	"""Return the names among these items of the run that a user may see, sorted."""
	item = table()
	condition = visible(item, run, user) & item.name.isin(list(names) or [""])
	return frappe.qb.from_(item).select(item.name).where(condition).orderby(item.name).run(pluck=True)


def read(
	run: str, fields: Iterable[str | Term], filters: dict[str, Any] | None = None
) -> Iterator[frappe._dict]:
	"""Yield the visible items of a run ordered by name. They are read in pages, to limit memory.

	The field `message` is in the language of the reader.
	"""
	item, last = table(), ""
	columns = list(dict.fromkeys(["name", *fields]))
	with_message = "message" in columns
	if with_message:
		columns.remove("message")
		columns += [column for column in messages.COLUMNS[:2] if column not in columns]
	while True:
		page = (
			frappe.qb.from_(item)
			.select(*[item[column] for column in columns])
			.where(where(item, run, filters) & (item.name > last))
			.orderby(item.name)
			.limit(ROWS_PER_QUERY)
			.run(as_dict=True)
		)
		if with_message:
			messages.localize_messages(page)
		yield from page
		if len(page) < ROWS_PER_QUERY:
			return
		last = page[-1].name
