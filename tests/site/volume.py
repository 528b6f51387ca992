"""Copies of a submitted Sales Invoice by the thousand, set-based.

ERPNext needs a tenth of a second for an invoice. Volume tests, the demo and the benchmarks need 1,000 to 1,000,000, so
one real invoice is submitted and its rows (invoice, lines, schedule, ledger) are copied in the database with the names,
dates and amounts of the copies. `books.py` finds nothing wrong with the result.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import frappe
from frappe.utils import getdate

BATCH = 2000


@dataclass(frozen=True)
class Copy:
	name: str
	posting_date: str
	due_date: str
	amount: Decimal  # grand total in the invoice's currency


def copy_invoices(template: Any, copies: Sequence[Copy], *, today: str | None = None) -> None:
	"""Copy the template (an open, submitted invoice over a positive amount) once for each of `copies`."""
	template = frappe.get_doc("Sales Invoice", template.name)
	if template.docstatus != 1 or template.outstanding_amount <= 0:
		raise ValueError(f"{template.name} is not an open submitted invoice")
	for start in range(0, len(copies), BATCH):
		_copy_batch(template, copies[start : start + BATCH], today)


def _copy_batch(template: Any, copies: Sequence[Copy], today: str | None) -> None:
	frappe.db.sql_ddl("DROP TEMPORARY TABLE IF EXISTS _copies")
	frappe.db.sql_ddl(
		"CREATE TEMPORARY TABLE _copies (name VARCHAR(140) PRIMARY KEY, posting_date DATE, due_date DATE,"
		" fiscal_year VARCHAR(140), status VARCHAR(140), amount DECIMAL(21,9)) CHARACTER SET utf8mb4"
		" COLLATE utf8mb4_unicode_ci"
	)
	years = frappe.get_all(
		"Fiscal Year", fields=["name", "year_start_date", "year_end_date"], order_by="name asc"
	)
	asked = getdate(today)
	values: list[Any] = []
	for copy in copies:
		date = getdate(copy.posting_date)
		year = next((row.name for row in years if row.year_start_date <= date <= row.year_end_date), None)
		status = "Overdue" if getdate(copy.due_date) < asked else "Unpaid"
		values += [copy.name, copy.posting_date, copy.due_date, year, status, copy.amount]
	rows = ", ".join(["(%s, %s, %s, %s, %s, %s)"] * len(copies))
	frappe.db.sql(f"INSERT INTO _copies VALUES {rows}", values)

	old = frappe.db.escape(template.name)
	total = Decimal(str(template.grand_total))
	_copy_rows(
		"Sales Invoice",
		f"t.name = {old}",
		"c.name",
		total,
		status="c.status",
		in_words="''",
		base_in_words="''",
	)
	children = {table.options for table in template.meta.get_table_fields()}
	for child in sorted(children):
		where = f"t.parent = {old} AND t.parenttype = 'Sales Invoice'"
		if frappe.db.sql(f"SELECT 1 FROM `tab{child}` t WHERE {where} LIMIT 1"):
			_copy_rows(child, where, "REPLACE(UUID(), '-', '')", total, parent="c.name")
	for ledger, own in (("GL Entry", "against_voucher"), ("Payment Ledger Entry", "against_voucher_no")):
		_copy_rows(
			ledger,
			f"t.voucher_no = {old}",
			"REPLACE(UUID(), '-', '')",
			total,
			voucher_no="c.name",
			to_rename="0",
			**{own: f"IF(t.`{own}` = {old}, c.name, t.`{own}`)"},
		)
	frappe.db.sql_ddl("DROP TEMPORARY TABLE IF EXISTS _copies")


def _copy_rows(doctype: str, where: str, name: str, total: Decimal, **own: str) -> None:
	"""INSERT … SELECT of the template's rows, once for each copy; amounts scaled, dates and names replaced."""
	meta = frappe.get_meta(doctype)
	currency = {field.fieldname for field in meta.fields if field.fieldtype == "Currency"}
	always = {"name": name, **own}
	dates = {"posting_date": "c.posting_date", "due_date": "c.due_date", "fiscal_year": "c.fiscal_year"}
	if doctype == "GL Entry":
		dates["transaction_date"] = "c.posting_date"
	columns, expressions = [], []
	for column in frappe.db.get_table_columns(doctype):
		if column in always:
			expression = always[column]
		elif column in dates:
			expression = f"IF(t.`{column}` IS NULL, NULL, {dates[column]})"
		elif column in currency:
			# scaled from the template: amounts and, for foreign invoices, base amounts at the same rate
			expression = f"ROUND(t.`{column}` * c.amount / {total}, {_precision(doctype, column)})"
		else:
			expression = f"t.`{column}`"
		columns.append(f"`{column}`")
		expressions.append(expression)
	frappe.db.sql(
		f"INSERT INTO `tab{doctype}` ({', '.join(columns)}) "
		f"SELECT {', '.join(expressions)} FROM `tab{doctype}` t CROSS JOIN _copies c WHERE {where}"
	)


def _precision(doctype: str, column: str) -> int:
	field = frappe.get_meta(doctype).get_field(column)
	return int(field.precision or frappe.db.get_default("currency_precision") or 2)
