"""Set-based copies of a submitted Sales Invoice or Payment Entry.

ERPNext needs a tenth of a second for an invoice. Volume tests, the demo and the benchmarks need 1,000 to 1,000,000, so
one real document is submitted and its rows (document, lines, schedule, ledger) are copied in the database with the
names, dates and amounts of the copies. `ledger_checks.py` finds nothing wrong with the result.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
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
	customer: str | None = None  # another than the template's, with the same receivable account


@dataclass(frozen=True)
class Payment:
	"""A copy of a Payment Entry that settles one invoice of the same customer, in full or in part."""

	name: str
	invoice: str
	customer: str
	posting_date: str
	amount: Decimal  # in the currency of the receivable account


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
		" fiscal_year VARCHAR(140), status VARCHAR(140), amount DECIMAL(21,9), customer VARCHAR(140),"
		" customer_name VARCHAR(140), customer_group VARCHAR(140), territory VARCHAR(140)) CHARACTER SET utf8mb4"
		" COLLATE utf8mb4_unicode_ci"
	)
	customers = {copy.customer or template.customer for copy in copies}
	facts = _customers(customers)
	year_of = _fiscal_years()
	day = getdate(today)
	values: list[Any] = []
	for copy in copies:
		status = "Overdue" if getdate(copy.due_date) < day else "Unpaid"
		customer = copy.customer or template.customer
		values += [
			copy.name,
			copy.posting_date,
			copy.due_date,
			year_of(copy.posting_date),
			status,
			copy.amount,
		]
		values += [customer, *facts[customer]]
	rows = ", ".join([f"({', '.join(['%s'] * 10)})"] * len(copies))
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
		customer="c.customer",
		customer_name="c.customer_name",
		title="c.customer_name",
		customer_group="c.customer_group",
		territory="c.territory",
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
			**_party(template.customer),
		)
	frappe.db.sql_ddl("DROP TEMPORARY TABLE IF EXISTS _copies")


def copy_payments(template: Any, copies: Sequence[Payment], *, today: str | None = None) -> None:
	"""Copy the template (a submitted Payment Entry that settles one invoice) once for each of `copies`.

	The invoices' balances and statuses are set afterwards, from the Payment Ledger.
	"""
	template = frappe.get_doc("Payment Entry", template.name)
	if template.docstatus != 1 or len(template.references) != 1:
		raise ValueError(f"{template.name} is not a submitted payment of one invoice")
	for start in range(0, len(copies), BATCH):
		_copy_payment_batch(template, copies[start : start + BATCH], today)


def _copy_payment_batch(template: Any, copies: Sequence[Payment], today: str | None) -> None:
	frappe.db.sql_ddl("DROP TEMPORARY TABLE IF EXISTS _copies")
	frappe.db.sql_ddl(
		"CREATE TEMPORARY TABLE _copies (name VARCHAR(140) PRIMARY KEY, posting_date DATE, invoice VARCHAR(140),"
		" fiscal_year VARCHAR(140), amount DECIMAL(21,9), customer VARCHAR(140), customer_name VARCHAR(140),"
		" due_date DATE, KEY (invoice)) CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci"
	)
	facts = _customers({copy.customer for copy in copies})
	year_of = _fiscal_years()
	values: list[Any] = []
	for copy in copies:
		values += [copy.name, copy.posting_date, copy.invoice, year_of(copy.posting_date), copy.amount]
		values += [copy.customer, facts[copy.customer][0], copy.posting_date]
	rows = ", ".join([f"({', '.join(['%s'] * 8)})"] * len(copies))
	frappe.db.sql(f"INSERT INTO _copies VALUES {rows}", values)

	old, total = frappe.db.escape(template.name), Decimal(str(template.paid_amount))
	_copy_rows(
		"Payment Entry",
		f"t.name = {old}",
		"c.name",
		total,
		party="c.customer",
		party_name="c.customer_name",
		title="c.customer_name",
		reference_date="c.posting_date",
		remarks="CONCAT('Payment of ', c.invoice)",
		in_words="''",
		base_in_words="''",
	)
	_copy_rows(
		"Payment Entry Reference",
		f"t.parent = {old}",
		"REPLACE(UUID(), '-', '')",
		total,
		parent="c.name",
		reference_name="c.invoice",
	)
	invoice = frappe.db.escape(template.references[0].reference_name)
	for ledger, own in (("GL Entry", "against_voucher"), ("Payment Ledger Entry", "against_voucher_no")):
		_copy_rows(
			ledger,
			f"t.voucher_no = {old}",
			"REPLACE(UUID(), '-', '')",
			total,
			voucher_no="c.name",
			remarks="CONCAT('Payment of ', c.invoice)",
			to_rename="0",
			**{own: f"IF(t.`{own}` = {invoice}, c.invoice, t.`{own}`)"},
			**_party(template.party),
		)
	frappe.db.sql(
		"""UPDATE `tabSales Invoice` si JOIN (
			SELECT against_voucher_no AS name, SUM(amount_in_account_currency) AS balance
			FROM `tabPayment Ledger Entry` WHERE delinked = 0 AND against_voucher_type = 'Sales Invoice'
				AND against_voucher_no IN (SELECT invoice FROM _copies) GROUP BY against_voucher_no
		) ple ON ple.name = si.name
		SET si.outstanding_amount = ple.balance,
			si.status = IF(ple.balance = 0, 'Paid', IF(si.due_date < %s, 'Overdue', 'Partly Paid'))""",
		getdate(today),
	)
	frappe.db.sql_ddl("DROP TEMPORARY TABLE IF EXISTS _copies")


def _party(customer: str) -> dict[str, str]:
	"""Expressions for the columns of a ledger that name the customer."""
	old = frappe.db.escape(customer)
	return {
		"party": f"IF(t.party = {old}, c.customer, t.party)",
		"against": f"IF(t.against = {old}, c.customer, t.against)",
	}


def _customers(names: set[str]) -> dict[str, tuple[str, str, str]]:
	rows = frappe.get_all(
		"Customer",
		filters={"name": ("in", list(names))},
		fields=["name", "customer_name", "customer_group", "territory"],
		order_by=None,
	)
	return {row.name: (row.customer_name, row.customer_group, row.territory) for row in rows}


def _fiscal_years() -> Callable[[str], str | None]:
	years = frappe.get_all(
		"Fiscal Year", fields=["name", "year_start_date", "year_end_date"], order_by="name asc"
	)

	def year_of(day: str) -> str | None:
		date = getdate(day)
		return next((row.name for row in years if row.year_start_date <= date <= row.year_end_date), None)

	return year_of


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
