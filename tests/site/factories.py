"""Factories for invoices, payments, journals and master data in tests.

	cafe = invoice("Anchor Cafe", 100, "2026-01-15")
	pay(cafe, 40, "2026-02-01")
	note = credit_note(cafe, 10)
	payment("Anchor Cafe", 25, "2026-03-01")  # money on account, not allocated

They submit ERPNext's own documents; only `many_invoices` copies database rows. The companies, customers, items and users
are in base_data.py. Nothing here commits: a test that starts workers or a browser calls `frappe.db.commit()` itself.
Dates are always explicit; "today" is TODAY.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

import frappe
from frappe.utils import add_days, flt, getdate

from tests.site.base_data import COMPANIES, HL, ITEMS, NW, PASSWORD

TODAY = "2026-06-30"

PREPARER = "preparer@example.com"
MANAGER = "manager@example.com"
SECOND_MANAGER = "second.manager@example.com"
AUDITOR = "auditor@example.com"
OUTSIDER = "outsider@example.com"

__all__ = [
	"AUDITOR",
	"HL",
	"MANAGER",
	"NW",
	"OUTSIDER",
	"PASSWORD",
	"PREPARER",
	"SECOND_MANAGER",
	"TODAY",
	"account",
	"accounting_period",
	"as_user",
	"bank_account",
	"bank_line",
	"bank_transaction",
	"close_books",
	"cost_center",
	"credit_note",
	"customer",
	"debit_note",
	"discount",
	"every_dynamic_link",
	"exclude_balances",
	"fiscal_year",
	"freeze_books",
	"invoice",
	"journal",
	"line",
	"many_invoices",
	"new_account",
	"outstanding",
	"pay",
	"payment",
	"permit",
	"project",
	"setting",
	"submitted",
	"user",
]


# ------------------------------------------------------------------------------------------- users and masters


def abbr(company: str = HL) -> str:
	return frappe.get_cached_value("Company", company, "abbr")


def account(name: str, company: str = HL) -> str:
	"""`account("Bad Debt Expense")` is "Bad Debt Expense - HL"."""
	return f"{name} - {abbr(company)}"


def cost_center(name: str = "Main", company: str = HL) -> str:
	return f"{name} - {abbr(company)}"


def project(company: str = HL) -> str:
	"""The name of the company's one project."""
	return frappe.db.get_value("Project", {"company": company})


def new_account(name: str, parent: str, company: str = HL, **fields: Any) -> str:
	doc = frappe.new_doc("Account")
	doc.update(
		{"account_name": name, "parent_account": account(parent, company), "company": company, **fields}
	)
	return doc.insert(ignore_permissions=True).name


@contextmanager
def as_user(email: str) -> Iterator[None]:
	"""Run the block as this user."""
	before = frappe.session.user
	frappe.set_user(email)
	try:
		yield
	finally:
		frappe.set_user(before)


def user(email: str, *roles: str) -> str:
	"""Create a user with these roles."""
	doc = frappe.new_doc("User")
	doc.update(
		{"email": email, "first_name": email.split("@")[0], "send_welcome_email": 0, "new_password": PASSWORD}
	)
	doc.set("roles", [{"role": role} for role in roles])
	doc.flags.ignore_permissions = doc.flags.ignore_password_policy = True
	return doc.insert().name


def permit(email: str, doctype: str, value: str, **more: Any) -> None:
	"""Create a User Permission: the user is restricted to the permitted documents of this doctype."""
	doc = frappe.new_doc("User Permission")
	doc.update({"user": email, "allow": doctype, "for_value": value, "apply_to_all_doctypes": 1, **more})
	doc.insert(ignore_permissions=True)


def customer(name: str, group: str = "Trade Retail", territory: str = "US East", **fields: Any) -> str:
	"""Create a customer."""
	doc = frappe.new_doc("Customer")
	doc.update(
		{
			"customer_name": name,
			"customer_type": "Company",
			"customer_group": group,
			"territory": territory,
			**fields,
		}
	)
	return doc.insert(ignore_permissions=True).name


def setting(doctype: str, **values: Any) -> None:
	"""Set values of a single DocType, such as Accounts Settings. They are restored before the next test."""
	for field, value in values.items():
		frappe.db.set_single_value(doctype, field, value)
	frappe.clear_document_cache(doctype, doctype)


# ------------------------------------------------------------------------------------------------------ invoices


def submitted(doc: Any) -> Any:
	"""Insert and submit in one step, which takes half the time of two with the same checks and rows."""
	doc.docstatus = 1
	doc.flags.ignore_permissions = True
	doc.insert()
	assert doc.docstatus == 1, f"{doc.doctype} {doc.name} was not submitted"
	return doc


def invoice(
	customer: str,
	amount: float,
	posting_date: str = TODAY,
	*,
	due_date: str | None = None,
	company: str = HL,
	currency: str | None = None,
	rate: float | None = None,
	debit_to: str | None = None,
	is_return: bool = False,
	item: str | None = None,
	item_group: str | None = None,
	cost_center: str | None = None,
	project: str | None = None,
	submit: bool = True,
	**fields: Any,
) -> Any:
	"""A Sales Invoice with one service item, by default due 30 days after its date.

	`currency` and `rate` (company currency per unit) make a foreign invoice. It is booked on `debit_to`, by default the
	customer's receivable account or else the company's. `is_return` makes a standalone credit note with a balance of its
	own; `amount` stays positive.
	"""
	if not item:
		item = (
			next((name for name, group in ITEMS.items() if group == item_group), None) if item_group else None
		)
		item = item or "Mooring Fee"
	if currency and rate is None and currency != COMPANIES[company][1]:
		rate = _rate(currency, company)
	income = frappe.get_cached_value("Company", company, "default_income_account")
	doc = frappe.new_doc("Sales Invoice")
	doc.update(
		{
			"customer": customer,
			"company": company,
			"set_posting_time": 1,
			"posting_date": posting_date,
			"posting_time": "12:00:00",
			"due_date": due_date or (posting_date if is_return else add_days(posting_date, 30)),
			"currency": currency or COMPANIES[company][1],
			"conversion_rate": rate or 1,
			"selling_price_list": "Standard Selling",
			"price_list_currency": currency or COMPANIES[company][1],
			"plc_conversion_rate": rate or 1,
			"ignore_pricing_rule": 1,
			"disable_rounded_total": 1,
			"is_return": int(is_return),
			"update_outstanding_for_self": int(is_return),
			"cost_center": cost_center,
			"project": project,
		}
	)
	if debit_to:
		doc.debit_to = debit_to
	doc.append(
		"items",
		{
			"item_code": item,
			"qty": -1 if is_return else 1,
			"rate": amount,
			"price_list_rate": amount,
			"income_account": income,
			"cost_center": cost_center or frappe.get_cached_value("Company", company, "cost_center"),
			"project": project,
		},
	)
	doc.update(fields)
	if not submit:
		doc.insert(ignore_permissions=True)
		return doc
	return submitted(doc)


def credit_note(
	of: Any, amount: float | None = None, posting_date: str | None = None, *, update_outstanding_for_self: bool = False,
	**fields: Any,
) -> Any:  # fmt: skip
	"""A return against an invoice, in full or for `amount`.

	By default it reduces the balance of the invoice. With `update_outstanding_for_self` the credit note keeps a (negative)
	balance of its own.
	"""
	from erpnext.controllers.sales_and_purchase_return import make_return_doc

	of = _doc(of)
	doc = make_return_doc("Sales Invoice", of.name)
	doc.update(
		{
			"set_posting_time": 1,
			"posting_date": posting_date or of.posting_date,
			"posting_time": "13:00:00",
			"due_date": posting_date or of.posting_date,
			"update_outstanding_for_self": int(update_outstanding_for_self),
			"update_billed_amount_in_sales_order": 0,
			"update_billed_amount_in_delivery_note": 0,
			"disable_rounded_total": 1,
			"payment_schedule": [],
		}
	)
	if amount is not None:
		share = flt(amount) / flt(of.grand_total)
		for row, original in zip(doc.items, of.items, strict=True):
			# part of the quantity, so that several partial returns fit, and never at more than the invoice's rate
			row.qty = -math.ceil(round(original.qty * share * 1000, 6)) / 1000
			row.rate = row.price_list_rate = flt(original.amount * share / -row.qty, row.precision("rate"))
	doc.update(fields)
	# ERPNext uses the total to decide whose balance changes, before it computes the total
	doc.run_method("calculate_taxes_and_totals")
	submitted(doc)
	assert doc.update_outstanding_for_self == int(update_outstanding_for_self), (
		"more than the invoice has left"
	)
	return doc


def data_import(doctype: str, content: bytes) -> tuple[str, list[Any]]:
	"""Data Import of a CSV file: Insert New Records, Submit After Import. Returns its status and log."""
	upload = frappe.get_doc(
		{"doctype": "File", "file_name": "import.csv", "content": content, "is_private": 1}
	).insert()
	doc = frappe.get_doc(
		{
			"doctype": "Data Import",
			"reference_doctype": doctype,
			"import_type": "Insert New Records",
			"submit_after_import": 1,
			"import_file": upload.file_url,
		}
	).insert()
	frappe.db.commit()  # a row that is refused rolls back
	doc.start_import()
	log = frappe.get_all(
		"Data Import Log",
		filters={"data_import": doc.name},
		fields=["success", "messages", "exception"],
		order_by="log_index asc",
	)
	return frappe.db.get_value("Data Import", doc.name, "status"), log


def debit_note(of: Any, amount: float, posting_date: str | None = None, **fields: Any) -> Any:
	"""A debit note (rate adjustment) against an invoice."""
	of = _doc(of)
	return invoice(
		of.customer,
		amount,
		str(posting_date or of.posting_date),
		company=of.company,
		currency=of.currency,
		rate=of.conversion_rate,
		is_debit_note=1,
		return_against=of.name,
		**fields,
	)


@contextmanager
def every_dynamic_link() -> Iterator[None]:
	"""Within the block, renaming reaches every Dynamic Link. Some releases of Frappe quote the table name twice."""
	from frappe.model import dynamic_links

	original = dynamic_links.fetch_distinct_link_doctypes

	def doctypes_linked(doctype: str, fieldname: str) -> list[str]:
		return frappe.db.sql_list(f"select distinct `{fieldname}` from `tab{doctype}`")

	dynamic_links.fetch_distinct_link_doctypes = doctypes_linked
	try:
		yield
	finally:
		dynamic_links.fetch_distinct_link_doctypes = original


def outstanding(name: Any) -> float:
	return flt(frappe.db.get_value("Sales Invoice", getattr(name, "name", name), "outstanding_amount"))


# ------------------------------------------------------------------------------------------------------ payments


def pay(
	of: Any,
	amount: float | None = None,
	posting_date: str = TODAY,
	*,
	rate: float | None = None,
	**fields: Any,
) -> Any:
	"""A Payment Entry against an invoice, in full or for `amount` (in the invoice's receivable currency)."""
	of = _doc(of)
	amount = outstanding(of) if amount is None else amount
	return _receive(
		of.company,
		of.customer,
		amount,
		posting_date,
		of.debit_to,
		rate=rate or (of.conversion_rate if of.party_account_currency != COMPANIES[of.company][1] else None),
		references=[
			{"reference_doctype": "Sales Invoice", "reference_name": of.name, "allocated_amount": amount}
		],
		**fields,
	)


def payment(
	customer: str, amount: float, posting_date: str = TODAY, *, company: str = HL, paid_from: str | None = None,
	rate: float | None = None, **fields: Any,
) -> Any:  # fmt: skip
	"""An unallocated Payment Entry."""
	if not paid_from:
		from erpnext.accounts.party import get_party_account

		paid_from = get_party_account("Customer", customer, company)
	return _receive(company, customer, amount, posting_date, paid_from, rate=rate, **fields)


def bank_account(company: str = HL) -> str:
	"""A Bank Account of the company on its House Bank account."""
	if not frappe.db.exists("Bank", "Harbour Bank"):
		frappe.get_doc({"doctype": "Bank", "bank_name": "Harbour Bank"}).insert(ignore_permissions=True)
	doc = frappe.new_doc("Bank Account")
	doc.update(
		{
			"account_name": "Current",
			"bank": "Harbour Bank",
			"is_company_account": 1,
			"company": company,
			"account": account("House Bank", company),
		}
	)
	return doc.insert(ignore_permissions=True).name


def bank_transaction(bank_account: str, entry: Any, amount: float, date: str = TODAY) -> Any:
	"""A Bank Transaction that is reconciled with this Payment Entry."""
	doc = frappe.new_doc("Bank Transaction")
	doc.update(
		{
			"bank_account": bank_account,
			"company": entry.company,
			"date": date,
			"deposit": amount,
			"currency": COMPANIES[entry.company][1],
		}
	)
	doc.append(
		"payment_entries",
		{"payment_document": entry.doctype, "payment_entry": entry.name, "allocated_amount": amount},
	)
	return submitted(doc)


def _receive(
	company: str, customer: str, amount: float, posting_date: str, paid_from: str, *, rate: float | None = None,
	references: Sequence[dict] = (), **fields: Any,
) -> Any:  # fmt: skip
	own = COMPANIES[company][1]
	currency = frappe.get_cached_value("Account", paid_from, "account_currency") or own
	bank = account("House Bank" if currency == own else f"House Bank {currency}", company)
	if currency != own:
		rate = rate or _rate(currency, company)
	doc = frappe.new_doc("Payment Entry")
	doc.update(
		{
			"payment_type": "Receive",
			"company": company,
			"posting_date": posting_date,
			"party_type": "Customer",
			"party": customer,
			"paid_from": paid_from,
			"paid_from_account_currency": currency,
			"paid_to": bank,
			"paid_to_account_currency": currency,
			"paid_amount": amount,
			"received_amount": amount,
			"source_exchange_rate": rate or 1,
			"target_exchange_rate": rate or 1,
			"reference_no": "BANK",
			"reference_date": posting_date,
			"references": list(references),
			**fields,
		}
	)
	doc.setup_party_account_field()
	doc.set_missing_values()
	return submitted(doc)


def bank_line(customer: str | None, amount: float, posting_date: str = TODAY, *, company: str = HL) -> Any:
	"""A deposit on the company's bank account, of a customer if the bank line names one."""
	own = COMPANIES[company][1]
	known = frappe.db.get_value("Bank Account", {"account": account("House Bank", company)})
	if not known:
		bank = frappe.new_doc("Bank").update({"bank_name": "Harbour Bank"}).insert(ignore_permissions=True)
		known = (
			frappe.new_doc("Bank Account")
			.update(
				{
					"account_name": "Current Account",
					"bank": bank.name,
					"account": account("House Bank", company),
					"is_company_account": 1,
					"company": company,
				}
			)
			.insert(ignore_permissions=True)
			.name
		)
	doc = frappe.new_doc("Bank Transaction")
	doc.update(
		{
			"date": posting_date,
			"bank_account": known,
			"company": company,
			"deposit": amount,
			"currency": own,
			"reference_number": "B-1",
			"party_type": "Customer" if customer else None,
			"party": customer,
		}
	)
	return submitted(doc)


# ------------------------------------------------------------------------------------------------------ journals


def line(
	name: str,
	debit: float = 0,
	credit: float = 0,
	*,
	party: str | None = None,
	against: Any = None,
	rate: float = 1,
	company: str = HL,
	**fields: Any,
) -> dict[str, Any]:
	"""A Journal Entry row: amounts in account currency. `against` is the reference document."""
	row: dict[str, Any] = {
		"account": name if name.endswith(f" - {abbr(company)}") else account(name, company),
		"debit_in_account_currency": debit,
		"credit_in_account_currency": credit,
		"exchange_rate": rate,
		"cost_center": cost_center("Main", company),
	}
	if party:
		row.update({"party_type": "Customer", "party": party})
	if against is not None:
		against = _doc(against)
		row.update({"reference_type": against.doctype, "reference_name": against.name})
	row.update(fields)
	return row


def journal(*lines: dict[str, Any], posting_date: str = TODAY, company: str = HL, **fields: Any) -> Any:
	"""A Journal Entry with these rows; see `line`.

	journal(line("Debtors", 250, party="Elm School", is_advance="No"), line("Sales", credit=250), is_opening="No")
	"""
	currencies = {frappe.get_cached_value("Account", row["account"], "account_currency") for row in lines}
	doc = frappe.new_doc("Journal Entry")
	doc.update(
		{
			"voucher_type": "Journal Entry",
			"company": company,
			"posting_date": posting_date,
			"multi_currency": int(currencies != {COMPANIES[company][1]}),
			"accounts": list(lines),
			**fields,
		}
	)
	return submitted(doc)


# ----------------------------------------------------------------------------- closed periods and other limits


def freeze_books(until: str, *, except_role: str | None = None, company: str = HL) -> None:
	"""Freeze the accounts up to this date. (In Accounts Settings on v15, in Company on v16.)"""
	if frappe.get_meta("Company").has_field("accounts_frozen_till_date"):
		frappe.db.set_value(
			"Company",
			company,
			{"accounts_frozen_till_date": until, "role_allowed_for_frozen_entries": except_role or ""},
		)
		frappe.clear_document_cache("Company", company)
	else:
		setting("Accounts Settings", acc_frozen_upto=until, frozen_accounts_modifier=except_role or "")


def accounting_period(
	start: str, end: str, *, company: str = HL, closed: Sequence[str] = ("Journal Entry",)
) -> Any:
	"""An Accounting Period that closes these document types."""
	doc = frappe.new_doc("Accounting Period")
	doc.update(
		{
			"period_name": f"{start} to {end}",
			"company": company,
			"start_date": start,
			"end_date": end,
			"closed_documents": [{"document_type": name, "closed": 1} for name in closed],
		}
	)
	return doc.insert(ignore_permissions=True)


def close_books(year: int, *, company: str = HL) -> Any:
	"""A Period Closing Voucher for the year."""
	retained = frappe.db.get_value("Account", {"company": company, "root_type": "Equity", "is_group": 0})
	doc = frappe.new_doc("Period Closing Voucher")
	doc.update(
		{
			"company": company,
			"fiscal_year": fiscal_year(year),
			"period_start_date": f"{year}-01-01",
			"period_end_date": f"{year}-12-31",
			"posting_date": f"{year}-12-31",
			"transaction_date": f"{year}-12-31",
			"closing_account_head": retained,
			"remarks": f"Year {year}",
		}
	)
	return submitted(doc)


def stopping_budget(
	of_account: str, of_cost_center: str, amount: float, *, company: str = HL, **fields: Any
) -> Any:
	"""A budget for 2026 with the action Stop. v15 has a table of accounts, v16 one budget per account."""
	doc = frappe.new_doc("Budget")
	doc.update(
		{
			"company": company,
			"budget_against": "Cost Center",
			"cost_center": of_cost_center,
			"applicable_on_booking_actual_expenses": 1,
			"action_if_annual_budget_exceeded": "Stop",
			**fields,
		}
	)
	if doc.meta.has_field("accounts"):
		doc.fiscal_year = fiscal_year(2026)
		doc.append("accounts", {"account": of_account, "budget_amount": amount})
	else:
		doc.from_fiscal_year = doc.to_fiscal_year = fiscal_year(2026)
		doc.account, doc.budget_amount = of_account, amount
	return submitted(doc)


def fiscal_year(year: int) -> str:
	return frappe.db.get_value("Fiscal Year", {"year_start_date": f"{year}-01-01"})


def discount(*invoices: Any, posting_date: str = TODAY, company: str = HL) -> Any:
	"""An Invoice Discounting of these invoices, which moves their balance to another account."""
	invoices = [_doc(one) for one in invoices]

	def helper(name: str, parent: str, kind: str = "") -> str:
		full = account(name, company)
		if not frappe.db.exists("Account", full):
			doc = frappe.new_doc("Account")
			doc.update(
				{
					"account_name": name,
					"parent_account": account(parent, company),
					"company": company,
					"account_type": kind,
				}
			)
			doc.insert(ignore_permissions=True)
		return full

	doc = frappe.new_doc("Invoice Discounting")
	doc.update(
		{
			"posting_date": posting_date,
			"company": company,
			"loan_start_date": posting_date,
			"loan_period": 60,
			"invoices": [
				{
					"sales_invoice": one.name,
					"customer": one.customer,
					"posting_date": one.posting_date,
					"outstanding_amount": outstanding(one),
					"debit_to": one.debit_to,
				}
				for one in invoices
			],
			"accounts_receivable_credit": helper("Receivable Credit", "Accounts Receivable", "Receivable"),
			"accounts_receivable_discounted": helper(
				"Receivable Discounted", "Accounts Receivable", "Receivable"
			),
			"accounts_receivable_unpaid": helper("Receivable Unpaid", "Accounts Receivable", "Receivable"),
			"short_term_loan": helper("Short Term Loan", "Current Liabilities"),
			"bank_charges_account": helper("Discounting Charges", "Indirect Expenses"),
			"bank_account": account("House Bank", company),
		}
	)
	return submitted(doc)


# --------------------------------------------------------------------------------------------------- bulk data


def many_invoices(
	count: int,
	*,
	customers: Sequence[str] = ("Anchor Cafe", "Breakwater Bar", "Compass Stores"),
	amount: float | Callable[[int], float] = 10.0,
	posting_date: str | Callable[[int], str] = "2026-01-15",
	due_in: int = 30,
	company: str = HL,
	**fields: Any,
) -> list[str]:
	"""Create many submitted invoices: one per customer through ERPNext, the others as copies of its database rows.

	`amount` and `posting_date` may be functions of the index (0, 1, 2, …). Amounts, balances and statuses are those that
	ERPNext would have written; 2,000 invoices take about a second. Returns the names in order.
	"""
	from tests.site.bulk_copy import Copy, copy_invoices

	templates = {
		name: invoice(name, 1000, "2026-01-15", company=company, **fields)
		for name in dict.fromkeys(customers)
	}
	wanted: dict[str, list[Copy]] = {name: [] for name in templates}
	names = []
	batch = frappe.generate_hash(length=6)
	for number in range(count):
		name = f"INV-{batch}-{number + 1:06d}"
		date = posting_date(number) if callable(posting_date) else posting_date
		value = amount(number) if callable(amount) else amount
		wanted[customers[number % len(customers)]].append(
			Copy(name, str(date), str(add_days(date, due_in)), Decimal(str(value)))
		)
		names.append(name)
	for customer, copies in wanted.items():
		copy_invoices(templates[customer], copies)
	for template in templates.values():
		remove(template)
	return names


def remove(doc: Any) -> None:
	"""Delete a submitted voucher with its rows and ledger entries."""
	for doctype in ("GL Entry", "Payment Ledger Entry"):
		frappe.db.delete(doctype, {"voucher_no": doc.name})
	for table in doc.meta.get_table_fields():
		frappe.db.delete(table.options, {"parent": doc.name, "parenttype": doc.doctype})
	frappe.db.delete(doc.doctype, {"name": doc.name})


# ----------------------------------------------------------------------------------------------------- helpers


def exclude_balances(*names: str) -> None:
	"""Exclude these customers from write-offs."""
	for name in names:
		frappe.db.set_value("Customer", name, "exclude_from_write_off", 1)
		frappe.clear_document_cache("Customer", name)


def _rate(currency: str, company: str) -> float:
	from erpnext.setup.utils import get_exchange_rate

	return flt(get_exchange_rate(currency, COMPANIES[company][1], TODAY))


def _doc(of: Any) -> Any:
	return frappe.get_doc("Sales Invoice", of) if isinstance(of, str) else of


def age(date: str, today: str = TODAY) -> int:
	return (getdate(today) - getdate(date)).days
