"""Generates a company with up to a million invoices in minutes: real vouchers, cloned in SQL.

A handful of vouchers is submitted through ERPNext (invoices in two currencies, their payments, credit notes with and
without a balance of their own, payments on account). Their rows, ledgers included, are then copied in the database by
number, with their own names, customers, dates and amounts, so that `tests/site/ledger_checks.py` finds no error.
Invoice n is one of:

    open         1 in 10      nothing paid; one in ten of these in foreign currency
    paid         8 in 10      by a Payment Entry of its own
    returned     1 in 10      by a credit note against it
    on account   1 in 100     in addition: an unallocated Payment Entry
    credit note  1 in 100     in addition: a credit note with a balance of its own

The kinds repeat every 100 numbers, so any multiple of 100 has the same mixture, and more can be added. Indexes are
dropped first and rebuilt at the end, which saves most of the time.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import frappe

CHUNK = 50_000
CUSTOMERS = 20_000
FIRST_DAY = "2024-01-05"
DAYS = 700

# The test customer with a receivable account in foreign currency, by company.
FOREIGNERS = {"Harbour Lights Ltd": "Helios SARL", "Nordwind GmbH": "Pacific Traders"}

# SQL conditions for the numbers of each kind.
OPEN_HOME = "n % 10 = 0 AND n % 100 <> 0"
OPEN_FOREIGN = "n % 100 = 0"
RETURNED = "n % 10 = 5"
PAID = "n % 10 NOT IN (0, 5)"
ON_ACCOUNT = "n % 100 = 1"
CREDIT_NOTE = "n % 100 = 2"

# Several invoices of a customer in a row, as in a real ledger; whole cents, 1.00 to 500.00.
AMOUNT = "(1 + (n * 7919) % 49901 / 100)"
DATE = f"DATE_ADD('{FIRST_DAY}', INTERVAL (n * 37) % {DAYS} DAY)"
DUE = f"DATE_ADD('{FIRST_DAY}', INTERVAL (n * 37) % {DAYS} + 30 DAY)"


@dataclass(frozen=True)
class Kind:
	"""A voucher to clone: template, name prefix, numbers to clone it for, and prefix of the voucher it settles."""

	company: str
	doctype: str
	template: str
	prefix: str
	numbers: str
	foreign: bool = False
	settles: str | None = None  # invoice of the template; those of the clones
	age: int = 0  # days after the invoice's date


def grow(company: str, upto: int, *, log: Any = print) -> None:
	"""Clone until the company has `upto` invoices (a multiple of 100), and commit."""
	have = frappe.db.sql(
		"SELECT COUNT(*) FROM `tabSales Invoice` WHERE company = %s AND name LIKE %s",
		(company, f"{abbr(company)}-SI-%"),
	)[0][0]
	if have >= upto:
		return
	started = time.monotonic()
	kinds = templates(company)
	clone_customers(company)
	tables = sorted({table for kind in kinds for table in tables_of(kind)})
	frappe.db.commit()
	with without_indexes(tables, log):
		for first in range(have + 1, upto + 1, CHUNK):
			last = min(first + CHUNK - 1, upto)
			for kind in kinds:
				clone(kind, first, last)
			frappe.db.commit()
			log(f"{last:>9,} invoices after {time.monotonic() - started:6.1f} s")
	frappe.db.sql_ddl("ANALYZE TABLE " + ", ".join(f"`{table}`" for table in tables))
	log(f"{upto:>9,} invoices, indexes built, after {time.monotonic() - started:6.1f} s")


def templates(company: str) -> list[Kind]:
	"""The template vouchers, created once per site. They stay in the books."""
	frappe.clear_cache()  # the site was recreated under the same name: drop the old site's vouchers from memory
	from tests.site.base_data import COMPANIES
	from tests.site.factories import credit_note, invoice, pay, payment

	foreign, stranger = COMPANIES[company][3], FOREIGNERS[company]

	def once(key: str, make: Any) -> Any:
		name = frappe.db.get_global(f"volume_{abbr(company)}_{key}")
		if not name:
			name = make().name
			frappe.db.set_global(f"volume_{abbr(company)}_{key}", name)
		return name

	def real(doctype: str, key: str, make: Any) -> Any:
		return frappe.get_doc(doctype, once(key, make))

	at = FIRST_DAY
	home = real("Sales Invoice", "open", lambda: invoice("Anchor Cafe", 1000, at, company=company))
	abroad = real(
		"Sales Invoice",
		"foreign",
		lambda: invoice(stranger, 1000, at, company=company, currency=foreign, rate=1.25),
	)
	paid = real("Sales Invoice", "paid", lambda: invoice("Anchor Cafe", 1000, at, company=company))
	money = real("Payment Entry", "payment", lambda: pay(paid, 1000, at))
	paid.reload()
	returned = real("Sales Invoice", "returned", lambda: invoice("Anchor Cafe", 1000, at, company=company))
	back = real("Sales Invoice", "return", lambda: credit_note(returned, 1000, at))
	returned.reload()
	account = real("Payment Entry", "account", lambda: payment("Anchor Cafe", 1000, at, company=company))
	own = real(
		"Sales Invoice",
		"credit_note",
		lambda: invoice("Anchor Cafe", 1000, at, company=company, is_return=True),
	)
	frappe.db.commit()
	return [
		Kind(company, "Sales Invoice", home.name, "SI", OPEN_HOME),
		Kind(company, "Sales Invoice", abroad.name, "SI", OPEN_FOREIGN, foreign=True),
		Kind(company, "Sales Invoice", paid.name, "SI", PAID),
		Kind(company, "Sales Invoice", returned.name, "SI", RETURNED),
		Kind(company, "Payment Entry", money.name, "PE", PAID, settles=paid.name, age=20),
		Kind(company, "Sales Invoice", back.name, "RT", RETURNED, settles=returned.name, age=10),
		Kind(company, "Payment Entry", account.name, "OA", ON_ACCOUNT, age=40),
		Kind(company, "Sales Invoice", own.name, "CN", CREDIT_NOTE, age=5),
	]


def abbr(company: str) -> str:
	return frappe.get_cached_value("Company", company, "abbr")


def name_of(company: str, prefix: str) -> str:
	"""SQL for the name of number n."""
	return f"CONCAT('{abbr(company)}-{prefix}-', LPAD(n, 8, '0'))"


def customer_prefix(company: str, foreign: bool) -> str:
	return f"{abbr(company)}-{'F' if foreign else 'C'}-"


def customer_of(kind: Kind) -> str:
	"""SQL for the customer of number n: three invoices in a row, about fifty each with a million invoices."""
	prefix = customer_prefix(kind.company, kind.foreign)
	return f"CONCAT('{prefix}', LPAD((n DIV 3) % {CUSTOMERS}, 6, '0'))"


def clone_customers(company: str) -> None:
	"""Create customers for the clones as copies of the templates' customers, with group, territory and accounts."""
	for foreign, name in ((False, "Anchor Cafe"), (True, FOREIGNERS[company])):
		prefix = customer_prefix(company, foreign)
		if frappe.db.exists("Customer", f"{prefix}000000"):
			continue
		new = f"CONCAT('{prefix}', LPAD(seq, 6, '0'))"
		insert("Customer", f"t.name = {quote(name)}", {"name": new, "customer_name": new}, sequence=CUSTOMERS)
		insert(
			"Party Account",
			f"t.parent = {quote(name)} AND t.parenttype = 'Customer'",
			{"name": "REPLACE(UUID(), '-', '')", "parent": new},
			sequence=CUSTOMERS,
		)


def tables_of(kind: Kind) -> list[str]:
	meta = frappe.get_meta(kind.doctype)
	children = [
		table.options
		for table in meta.get_table_fields()
		if frappe.db.exists(table.options, {"parent": kind.template, "parenttype": kind.doctype})
	]
	return [f"tab{name}" for name in (kind.doctype, *children, "GL Entry", "Payment Ledger Entry")]


def clone(kind: Kind, first: int, last: int) -> None:
	"""Copy all rows of the template's voucher for the numbers of its kind from first to last."""
	template = quote(kind.template)
	name = name_of(kind.company, kind.prefix)
	total = frappe.db.get_value(
		kind.doctype, kind.template, "paid_amount" if kind.doctype == "Payment Entry" else "grand_total"
	)
	same: dict[str, str] = {}
	if kind.settles:
		same[kind.settles] = name_of(kind.company, "SI")
	same[kind.template] = name
	numbers = (first, last, kind.numbers)
	for table in tables_of(kind):
		doctype = table.removeprefix("tab")
		if doctype == kind.doctype:
			where, key = f"t.name = {template}", name
		elif doctype in ("GL Entry", "Payment Ledger Entry"):
			where, key = f"t.voucher_no = {template}", "REPLACE(UUID(), '-', '')"
		else:
			where = f"t.parent = {template} AND t.parenttype = {quote(kind.doctype)}"
			key = "REPLACE(UUID(), '-', '')"
		values = {"name": key, "to_rename": "0", "in_words": "''", "base_in_words": "''"}
		insert(doctype, where, values, numbers=numbers, kind=kind, same=same, total=abs(float(total)))


def insert(
	doctype: str,
	where: str,
	values: dict[str, str],
	*,
	sequence: int = 0,
	numbers: tuple[int, int, str] | None = None,
	kind: Kind | None = None,
	same: dict[str, str] | None = None,
	total: float = 1,
) -> None:
	meta = frappe.get_meta(doctype)
	money = {field.fieldname for field in meta.fields if field.fieldtype == "Currency"}
	customers = {"party", "customer", "customer_name", "party_name", "title", "against"}
	columns, expressions = [], []
	for column in frappe.db.get_table_columns(doctype):
		if column in values:
			expression = values[column]
		elif not kind:
			expression = f"t.`{column}`"
		elif column in ("posting_date", "transaction_date"):
			expression = f"DATE_ADD({DATE}, INTERVAL {kind.age} DAY)"
		elif column in ("due_date", "reference_date"):
			expression = f"IF(t.`{column}` IS NULL, NULL, {DUE})"
		elif column == "fiscal_year":
			expression = f"CAST(YEAR(DATE_ADD({DATE}, INTERVAL {kind.age} DAY)) AS CHAR)"
		elif column in money:
			expression = f"ROUND(t.`{column}` * {AMOUNT} / {total}, 2)"
		elif column in customers:
			customer = FOREIGNERS[kind.company] if kind.foreign else "Anchor Cafe"
			expression = f"IF(t.`{column}` = {quote(customer)}, {customer_of(kind)}, t.`{column}`)"
		elif meta.get_field(column) and meta.get_field(column).fieldtype in ("Link", "Dynamic Link", "Data"):
			expression = f"t.`{column}`"
			for old, new in (same or {}).items():
				expression = f"IF(t.`{column}` = {quote(old)}, {new}, {expression})"
		elif column == "parent":
			expression = (same or {})[kind.template]
		elif column == "status" and doctype == "Sales Invoice":
			expression = f"t.`{column}`"
		else:
			expression = f"t.`{column}`"
		columns.append(f"`{column}`")
		expressions.append(expression)
	if numbers:
		first, last, condition = numbers
		source = f"(SELECT seq AS n FROM seq_{first}_to_{last}) numbers"
		where = f"({where}) AND ({condition})"
	else:
		source = f"seq_0_to_{sequence - 1}"
	frappe.db.sql(
		f"INSERT INTO `tab{doctype}` ({', '.join(columns)}) SELECT {', '.join(expressions)} "
		f"FROM `tab{doctype}` t CROSS JOIN {source} WHERE {where}"
	)


@contextmanager
def without_indexes(tables: list[str], log: Any) -> Iterator[None]:
	"""Drop the indexes of the tables, and rebuild them when the block ends."""
	again: list[str] = []
	for table in tables:
		indexes: dict[str, tuple[bool, list[str]]] = {}
		for row in frappe.db.sql(f"SHOW INDEX FROM `{table}`", as_dict=True):
			if row.Key_name != "PRIMARY":
				part = f"`{row.Column_name}`" + (f"({row.Sub_part})" if row.Sub_part else "")
				indexes.setdefault(row.Key_name, (not row.Non_unique, []))[1].append(part)
		# needed to find the templates
		kept = {"voucher_no", "parent"}
		gone = {name: index for name, index in indexes.items() if name not in kept}
		if gone:
			frappe.db.sql_ddl(f"ALTER TABLE `{table}` " + ", ".join(f"DROP INDEX `{name}`" for name in gone))
			again.append(
				f"ALTER TABLE `{table}` "
				+ ", ".join(
					f"ADD {'UNIQUE ' if unique else ''}INDEX `{name}` ({', '.join(parts)})"
					for name, (unique, parts) in gone.items()
				)
			)
	frappe.db.sql("SET SESSION unique_checks = 0, foreign_key_checks = 0")
	try:
		yield
	except Exception:
		frappe.db.rollback()  # rebuilding the indexes commits, so roll back a half-finished chunk first
		raise
	finally:
		for statement in again:
			started = time.monotonic()
			frappe.db.sql_ddl(statement)
			log(f"          indexes of {statement.split('`')[1]}: {time.monotonic() - started:.1f} s")
		frappe.db.sql("SET SESSION unique_checks = 1, foreign_key_checks = 1")


def quote(text: str) -> str:
	return frappe.db.escape(text)
