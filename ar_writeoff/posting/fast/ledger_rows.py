"""Rows of General Ledger and Payment Ledger for a Journal Entry.

ERPNext's functions make the rows of the General Ledger, all at once. Most of what ERPNext then checks on each row
depends on its account and dimensions only, so it is asked of one row of each kind. What depends on the party is
asked in sets.
"""

from collections.abc import Iterable, Sequence
from functools import cache, partial
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
from ar_writeoff.posting.fast.checked import Checked
from ar_writeoff.posting.fast.guard import fingerprint
from ar_writeoff.posting.fast.links import are_well, links_of
from ar_writeoff.posting.fast.proven import PROVEN

# What a check of one row may look at, beside its amounts and its party; dimensions and custom fields come on top.
KIND = (
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

# Fields that have the same name and value in both ledgers.
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


def post(entry: Any, checked: Checked) -> list[Row]:
	"""Write the ledger rows of a Journal Entry that is being submitted, and note which invoices it settles.

	Returns the rows of the General Ledger; fewer than two are left to the caller and not written.

	Raises:
	    frappe.ValidationError: whatever ERPNext has against one of the rows, in its words.
	"""
	gl_rows = general_ledger_rows(entry, checked)
	if len(gl_rows) < 2:
		return gl_rows
	check_parties(gl_rows, checked)
	payment_rows = payment_ledger_rows(gl_rows)
	check_each_kind("Payment Ledger Entry", payment_rows, checked)
	rows.insert("Payment Ledger Entry", payment_rows, empty("Payment Ledger Entry", checked))
	invoices.settle(payment_rows, checked)

	company, date = gl_rows[0].company, gl_rows[0].posting_date
	accounts = frozenset(row.account for row in gl_rows)
	checked.once(("work in progress", accounts), lambda: general_ledger.validate_cwip_accounts(gl_rows))
	general_ledger.process_debit_credit_difference(gl_rows)
	checked.once(("frozen", date), lambda: general_ledger.check_freezing_date(date))
	is_opening = any(row.is_opening == "Yes" for row in gl_rows)
	checked.once(
		("closed", is_opening, date, company),
		lambda: general_ledger.validate_against_pcv(is_opening, date, company),
	)
	check_each_kind("GL Entry", gl_rows, checked)
	rows.insert(
		"GL Entry",
		gl_rows,
		empty("GL Entry", checked),
		to_rename=int(frappe.get_meta("GL Entry").autoname != "hash"),
	)
	for row in budgeted(gl_rows, checked):
		validate_expense_against_budget(row)
	return gl_rows


def empty(doctype: str, checked: Checked) -> Row:
	"""A new document as values: its defaults."""
	return checked.once(("new", doctype), lambda: frappe.new_doc(doctype, as_dict=True))


# Making


def general_ledger_rows(entry: Any, checked: Checked) -> list[Row]:
	"""What ERPNext would write to the General Ledger, before it looks at each row."""
	gl_rows = entry.build_gl_map()
	if not gl_rows:
		return []
	if checked.once("offsetting", partial(has_offsetting_dimension, checked.company)):
		general_ledger.make_acc_dimensions_offsetting_entry(gl_rows)
	company, date = gl_rows[0].company, gl_rows[0].posting_date
	accounts = frozenset(row.account for row in gl_rows)
	checked.once(("period", company, date), lambda: general_ledger.validate_accounting_period(gl_rows))
	checked.once(("disabled", accounts), lambda: general_ledger.validate_disabled_accounts(gl_rows))
	merge = cint(frappe.db.get_single_value("Accounts Settings", "merge_similar_account_heads"))
	if any(is_allocated(company, date, center, checked) for center in {row.cost_center for row in gl_rows}):
		return general_ledger.process_gl_map(gl_rows, merge)
	if asks_for_budgets_first():
		for row in budgeted(gl_rows, checked):
			validate_expense_against_budget(row, expense_amount=flt(row.debit) - flt(row.credit))
	if merge:
		gl_rows = general_ledger.merge_similar_entries(gl_rows)
	return general_ledger.toggle_debit_credit_if_negative(gl_rows)


def has_offsetting_dimension(company: str) -> bool:
	"""Whether there is an accounting dimension by which each entry is balanced."""
	return bool(
		frappe.get_all(
			"Accounting Dimension Detail",
			filters={"company": company, "automatically_post_balancing_accounting_entry": 1},
			limit=1,
			order_by=None,
		)
	)


def is_allocated(company: str, date: Any, cost_center: str, checked: Checked) -> bool:
	"""Whether what is booked on this cost center is divided among others."""
	return checked.once(
		("allocated", company, date, cost_center),
		lambda: bool(general_ledger.get_cost_center_allocation_data(company, date, cost_center)),
	)


@cache
def asks_for_budgets_first() -> bool:
	"""Whether ERPNext asks for the budget of every row before it writes any, and not only where a cost center is
	allocated: as the first of the releases that posting in sets is proven with."""
	distribute = general_ledger.distribute_gl_based_on_cost_center_allocation
	return fingerprint(distribute) == PROVEN[distribute.__name__][0]


def budgeted(gl_rows: Iterable[Row], checked: Checked) -> list[Row]:
	"""Rows that a budget can be for; none where the site has no budget."""
	if not checked.once("budgets", lambda: frappe.get_all("Budget", limit=1)):
		return []
	return [
		row for row in gl_rows if frappe.get_cached_value("Account", row.account, "root_type") == "Expense"
	]


def payment_ledger_rows(gl_rows: Iterable[Row]) -> list[Row]:
	"""A row of the Payment Ledger for each row on a receivable account: what it adds to whose balance."""
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


# Checking


def check_parties(gl_rows: Sequence[Row], checked: Checked) -> None:
	"""No party is disabled or frozen, or has so far been booked in another currency."""
	currencies = {
		row.party: row.account_currency for row in gl_rows if row.party_type == "Customer" and row.party
	}
	unknown = currencies.keys() - checked.customers.keys()
	if unknown:
		look_up_customers(checked.and_those_ahead("Customer", unknown), checked)
	for name, currency in currencies.items():
		customer = checked.customers.get(name)
		if not customer:
			continue
		if customer.disabled or customer.is_frozen:
			validate_party_frozen_disabled("Customer", name)
		if customer.booked_in and customer.booked_in != currency:
			validate_party_gle_currency("Customer", name, checked.company, currency)
		customer.booked_in = customer.booked_in or currency


def look_up_customers(names: set[str], checked: Checked) -> None:
	customer = frappe.qb.DocType("Customer")
	gl_entry = frappe.qb.DocType("GL Entry")
	booked_in = (
		frappe.qb.from_(gl_entry)
		.select(gl_entry.account_currency)
		.where(
			(gl_entry.docstatus == 1)
			& (gl_entry.company == checked.company)
			& (gl_entry.party_type == "Customer")
			& (gl_entry.party == customer.name)
			& (gl_entry.is_cancelled == 0)
		)
		.limit(1)
	)
	for row in (
		frappe.qb.from_(customer)
		.select(customer.name, customer.disabled, customer.is_frozen, booked_in.as_("booked_in"))
		.where(customer.name.isin(list(names)))
		.run(as_dict=True)
	):
		checked.customers[row.name] = row


def check_each_kind(doctype: str, ledger_rows: Iterable[Row], checked: Checked) -> None:
	"""Ask ERPNext about one row of each kind; what it fills in is taken over by the others."""
	meta = frappe.get_meta(doctype)
	fields = sorted({*KIND, *(field.fieldname for field in meta.get_custom_fields())})
	required = [field.fieldname for field in meta.get("fields", {"reqd": 1})]
	for row in ledger_rows:
		kind = (
			doctype,
			*(row.get(field) for field in fields),
			*(bool(row.get(field)) for field in required),
			bool(row.get("debit") or row.get("credit")),
		)
		row.update(checked.once(kind, partial(check_row, doctype, row, checked)))


def check_row(doctype: str, row: Row, checked: Checked) -> dict[str, Any]:
	"""Ask ERPNext about one row; returns what it fills in."""
	document = frappe.new_doc(doctype)
	document.update(row)
	document.docstatus, document._action = 1, "submit"
	document._set_defaults()
	if not are_well(links_of(doctype, [row]), checked.linked):
		document._validate_links()
	# Not the customer again: `check_parties` has asked about all of them.
	with parties.of_any_state():
		{"GL Entry": check_gl_entry, "Payment Ledger Entry": check_payment_ledger_entry}[doctype](document)
	document._validate()
	return {
		field: document.get(field)
		for field in ("fiscal_year", "account_currency")
		if document.get(field) and not row.get(field)
	}


def check_gl_entry(document: Any) -> None:
	document.validate()
	general_ledger.validate_allowed_dimensions(document, get_dimension_filter_map())
	document.validate_account_details(adv_adj=False)
	document.validate_dimensions_for_pl_and_bs()
	validate_frozen_account(document.account)


def check_payment_ledger_entry(document: Any) -> None:
	document.validate()
	validate_frozen_account(document.account)
	document.validate_account_details()
	document.validate_dimensions_for_pl_and_bs()
	document.validate_allowed_dimensions()
