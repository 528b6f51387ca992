"""General Ledger and Payment Ledger rows of a Journal Entry.

ERPNext's functions make all General Ledger rows at once. Most of ERPNext's validation of a row depends only on its
account and dimensions, so one row of each kind is validated. Validations of the party run for all parties at once.
"""

import functools
from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any

import frappe
from erpnext.accounts import general_ledger
from erpnext.accounts.doctype.accounting_dimension.accounting_dimension import get_accounting_dimensions
from erpnext.accounts.doctype.accounting_dimension_filter.accounting_dimension_filter import (
	get_dimension_filter_map,
)
from erpnext.accounts.doctype.budget.budget import validate_expense_against_budget
from erpnext.accounts.doctype.gl_entry.gl_entry import validate_frozen_account
from erpnext.accounts.party import validate_party_frozen_disabled, validate_party_gle_currency
from frappe.utils import cint, flt

from ar_writeoff.ledger import parties
from ar_writeoff.posting.fast import invoices, rows
from ar_writeoff.posting.fast.guard import fingerprint
from ar_writeoff.posting.fast.links import all_valid, linked_documents
from ar_writeoff.posting.fast.proven import PROVEN
from ar_writeoff.posting.fast.validation_cache import ValidationCache

# Fields that the validation of a row may depend on, besides amounts and party. Dimensions and custom fields are
# added.
KIND_FIELDS = (
	"company",
	"account",
	"account_currency",
	"cost_center",
	"project",
	"finance_book",
	"fiscal_year",
	"party_type",
	"is_opening",
	"posting_date",
	"transaction_currency",
)

# Fields with the same name and value in both ledgers.
IN_BOTH_LEDGERS = (
	"posting_date",
	"company",
	"account",
	"account_currency",
	"party_type",
	"party",
	"cost_center",
	"finance_book",
	"due_date",
	"voucher_type",
	"voucher_no",
	"voucher_detail_no",
	"remarks",
)

Row = frappe._dict


def post(entry: Any, cache: ValidationCache) -> list[Row]:
	"""Insert the ledger rows of a Journal Entry that is being submitted, and record which invoices it settles.

	Returns the General Ledger rows; fewer than two are not inserted.

	Raises:
	    frappe.ValidationError: ERPNext refuses one of the rows.
	"""
	gl_rows = general_ledger_rows(entry, cache)
	if len(gl_rows) < 2:
		return gl_rows
	validate_parties(gl_rows, cache)
	payment_rows = payment_ledger_rows(gl_rows)
	validate_rows("Payment Ledger Entry", payment_rows, cache)
	rows.insert("Payment Ledger Entry", payment_rows, default_values("Payment Ledger Entry", cache))
	invoices.settle(payment_rows, cache)

	company, date = gl_rows[0].company, gl_rows[0].posting_date
	accounts = frozenset(row.account for row in gl_rows)
	cache.get_or_run(("work in progress", accounts), lambda: general_ledger.validate_cwip_accounts(gl_rows))
	general_ledger.process_debit_credit_difference(gl_rows)
	cache.get_or_run(("frozen", date), lambda: general_ledger.check_freezing_date(date))
	is_opening = any(row.is_opening == "Yes" for row in gl_rows)
	cache.get_or_run(
		("closed", is_opening, date, company),
		lambda: general_ledger.validate_against_pcv(is_opening, date, company),
	)
	validate_rows("GL Entry", gl_rows, cache)
	rows.insert(
		"GL Entry",
		gl_rows,
		default_values("GL Entry", cache),
		to_rename=int(frappe.get_meta("GL Entry").autoname != "hash"),
	)
	for row in budget_rows(gl_rows, cache):
		validate_expense_against_budget(row)
	return gl_rows


def default_values(doctype: str, cache: ValidationCache) -> Row:
	"""Default values of a new document."""
	return cache.get_or_run(("new", doctype), lambda: frappe.new_doc(doctype, as_dict=True))


# Build


def general_ledger_rows(entry: Any, cache: ValidationCache) -> list[Row]:
	"""The General Ledger rows ERPNext would write, before it validates each row."""
	gl_rows = entry.build_gl_map()
	if not gl_rows:
		return []
	if cache.get_or_run("offsetting", partial(has_offsetting_dimension, cache.company)):
		general_ledger.make_acc_dimensions_offsetting_entry(gl_rows)
	company, date = gl_rows[0].company, gl_rows[0].posting_date
	accounts = frozenset(row.account for row in gl_rows)
	cache.get_or_run(("period", company, date), lambda: general_ledger.validate_accounting_period(gl_rows))
	cache.get_or_run(("disabled", accounts), lambda: general_ledger.validate_disabled_accounts(gl_rows))
	merge = cint(frappe.db.get_single_value("Accounts Settings", "merge_similar_account_heads"))
	if any(
		has_cost_center_allocation(company, date, center, cache)
		for center in {row.cost_center for row in gl_rows}
	):
		return general_ledger.process_gl_map(gl_rows, merge)
	if checks_all_budgets_first():
		for row in budget_rows(gl_rows, cache):
			validate_expense_against_budget(row, expense_amount=flt(row.debit) - flt(row.credit))
	if merge:
		gl_rows = general_ledger.merge_similar_entries(gl_rows)
	return general_ledger.toggle_debit_credit_if_negative(gl_rows)


def has_offsetting_dimension(company: str) -> bool:
	"""Whether entries of the company are balanced by an accounting dimension."""
	return bool(
		frappe.get_all(
			"Accounting Dimension Detail",
			filters={"company": company, "automatically_post_balancing_accounting_entry": 1},
			limit=1,
			order_by=None,
		)
	)


def has_cost_center_allocation(company: str, date: Any, cost_center: str, cache: ValidationCache) -> bool:
	"""Whether the cost center has a Cost Center Allocation on this date."""
	return cache.get_or_run(
		("allocated", company, date, cost_center),
		lambda: bool(general_ledger.get_cost_center_allocation_data(company, date, cost_center)),
	)


@functools.cache
def checks_all_budgets_first() -> bool:
	"""Whether ERPNext checks the budget of every row before it writes any, not only where a cost center is allocated.
	The first of the tested releases does."""
	distribute = general_ledger.distribute_gl_based_on_cost_center_allocation
	return fingerprint(distribute) == PROVEN[distribute.__name__][0]


def budget_rows(gl_rows: Iterable[Row], cache: ValidationCache) -> list[Row]:
	"""Rows that a budget can apply to; none if the site has no budgets."""
	if not cache.get_or_run("budgets", lambda: frappe.get_all("Budget", limit=1)):
		return []
	return [
		row for row in gl_rows if frappe.get_cached_value("Account", row.account, "root_type") == "Expense"
	]


def payment_ledger_rows(gl_rows: Iterable[Row]) -> list[Row]:
	"""A Payment Ledger row for each General Ledger row on a receivable account."""
	project = ("project",) if frappe.get_meta("Payment Ledger Entry").has_field("project") else ()
	fields = (*IN_BOTH_LEDGERS, *project, *get_accounting_dimensions())
	result = []
	for row in gl_rows:
		account_type = frappe.get_cached_value("Account", row.account, "account_type")
		if account_type != "Receivable":
			continue
		payment = Row({field: row.get(field) for field in fields})
		payment.update(
			account_type=account_type,
			against_voucher_type=row.against_voucher_type or row.voucher_type,
			against_voucher_no=row.against_voucher or row.voucher_no,
			amount=row.debit - row.credit,
			amount_in_account_currency=row.debit_in_account_currency - row.credit_in_account_currency,
			delinked=0,
		)
		result.append(payment)
	return result


# Validation


def validate_parties(gl_rows: Sequence[Row], cache: ValidationCache) -> None:
	"""Check that no party is disabled, frozen or booked in another currency."""
	currencies = {
		row.party: row.account_currency for row in gl_rows if row.party_type == "Customer" and row.party
	}
	unknown = currencies.keys() - cache.customers.keys()
	if unknown:
		load_customers(cache.with_prefetch("Customer", unknown), cache)
	for name, currency in currencies.items():
		customer = cache.customers.get(name)
		if not customer:
			continue
		if customer.disabled or customer.is_frozen:
			validate_party_frozen_disabled("Customer", name)
		if customer.gle_currency and customer.gle_currency != currency:
			validate_party_gle_currency("Customer", name, cache.company, currency)
		customer.gle_currency = customer.gle_currency or currency


def load_customers(names: set[str], cache: ValidationCache) -> None:
	customer = frappe.qb.DocType("Customer")
	gl_entry = frappe.qb.DocType("GL Entry")
	gle_currency = (
		frappe.qb.from_(gl_entry)
		.select(gl_entry.account_currency)
		.where(
			(gl_entry.docstatus == 1)
			& (gl_entry.company == cache.company)
			& (gl_entry.party_type == "Customer")
			& (gl_entry.party == customer.name)
			& (gl_entry.is_cancelled == 0)
		)
		.limit(1)
	)
	for row in (
		frappe.qb.from_(customer)
		.select(customer.name, customer.disabled, customer.is_frozen, gle_currency.as_("gle_currency"))
		.where(customer.name.isin(list(names)))
		.run(as_dict=True)
	):
		cache.customers[row.name] = row


def validate_rows(doctype: str, ledger_rows: Iterable[Row], cache: ValidationCache) -> None:
	"""Validate one row of each kind with ERPNext's code, and copy the values it sets to the other rows of the kind."""
	meta = frappe.get_meta(doctype)
	fields = sorted({*KIND_FIELDS, *(field.fieldname for field in meta.get_custom_fields())})
	required = [field.fieldname for field in meta.get("fields", {"reqd": 1})]
	for row in ledger_rows:
		kind = (
			doctype,
			*(row.get(field) for field in fields),
			*(bool(row.get(field)) for field in required),
			bool(row.get("debit") or row.get("credit")),
		)
		row.update(cache.get_or_run(kind, partial(validate_row, doctype, row, cache)))


def validate_row(doctype: str, row: Row, cache: ValidationCache) -> dict[str, Any]:
	"""Validate one row with ERPNext's code; returns the values it sets."""
	document = frappe.new_doc(doctype)
	document.update(row)
	document.docstatus, document._action = 1, "submit"
	document._set_defaults()
	if not all_valid(linked_documents(doctype, [row]), cache.valid_links):
		document._validate_links()
	# The customers have been validated by `validate_parties`.
	with parties.skip_party_validation():
		{"GL Entry": validate_gl_entry, "Payment Ledger Entry": validate_payment_ledger_entry}[doctype](
			document
		)
	document._validate()
	return {
		field: document.get(field)
		for field in ("fiscal_year", "account_currency")
		if document.get(field) and not row.get(field)
	}


def validate_gl_entry(document: Any) -> None:
	document.validate()
	general_ledger.validate_allowed_dimensions(document, get_dimension_filter_map())
	document.validate_account_details(adv_adj=False)
	document.validate_dimensions_for_pl_and_bs()
	validate_frozen_account(document.account)


def validate_payment_ledger_entry(document: Any) -> None:
	document.validate()
	validate_frozen_account(document.account)
	document.validate_account_details()
	document.validate_dimensions_for_pl_and_bs()
	document.validate_allowed_dimensions()
