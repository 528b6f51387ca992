"""Data on customers, accounts and vouchers that decides whether a balance is eligible, read in bulk."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import frappe
from erpnext.accounts.utils import get_advance_payment_doctypes
from frappe.query_builder.functions import Sum
from frappe.utils import create_batch, getdate
from pypika.terms import Criterion

from ar_writeoff.core import reasons
from ar_writeoff.core.criteria import CREDIT, DEBIT, LEAVE_OUT, Criteria
from ar_writeoff.core.money import ZERO, money
from ar_writeoff.core.reasons import Reason
from ar_writeoff.core.status import OPEN, TO_BE_POSTED
from ar_writeoff.ledger.money import company_currency, precision
from ar_writeoff.ledger.open_items import Key, LedgerBalance, balances_of_customers, vouchers_by_type
from ar_writeoff.ledger.versions import order_advances_on_payments
from ar_writeoff.search.rules import INVOICE_TYPES, VOUCHER_TYPES, CustomerFacts, PartyFacts, VoucherFacts

# Unallocated credits by customer and account, in account currency and company currency, both positive.
Credits = Mapping[tuple[str, str], tuple[Decimal, Decimal]]
# Open invoices by customer and account, in account currency.
Debits = Mapping[tuple[str, str], Decimal]

# Fields read of each voucher type.
DETAILS = {
	"Sales Invoice": ("posting_date", "due_date", "is_discounted"),
	"Journal Entry": ("posting_date", "due_date", "write_off_run"),
	"Payment Entry": ("posting_date",),
}

# Child table with a voucher's allocations, and its field for the DocType.
ADVANCES = {
	"Payment Entry": ("Payment Entry Reference", "reference_doctype"),
	"Journal Entry": ("Journal Entry Account", "reference_type"),
}


def receivable_accounts(
	company: str, account: str | None = None, currency: str | None = None
) -> dict[str, frappe._dict]:
	"""Receivable accounts of the company, including those for advances, with a liability root."""
	filters = {"company": company, "account_type": "Receivable", "is_group": 0}
	if account:
		filters["name"] = account
	if currency:
		filters["account_currency"] = currency
	rows = frappe.get_all("Account", filters=filters, fields=["name", "root_type"], order_by="name asc")
	return {row.name: row for row in rows}


def customer_facts(
	customers: Iterable[str], conditions: Iterable[Criterion] = ()
) -> dict[str, CustomerFacts]:
	"""Facts of the customers that meet the conditions on `tabCustomer`."""
	table = frappe.qb.DocType("Customer")
	facts = {}
	for batch in create_batch(sorted(customers), 1000):
		for row in (
			frappe.qb.from_(table)
			.select(
				table.name, table.customer_name, table.disabled, table.is_frozen, table.exclude_from_write_off
			)
			.where(Criterion.all([table.name.isin(batch), *conditions]))
			.run(as_dict=True)
		):
			facts[row.name] = CustomerFacts(
				customer_name=row.customer_name or "",
				opted_out=bool(row.exclude_from_write_off),
				disabled=bool(row.disabled),
				frozen=bool(row.is_frozen),
			)
	return facts


# Customers by account


def party_facts(
	company: str,
	keys: Iterable[Key],
	criteria: Criteria,
	credits: Credits | None = None,
	debits: Debits | None = None,
) -> dict[tuple[str, str], PartyFacts]:
	"""Facts by customer and account. Credits and debits are read if they are not given and the criteria need them."""
	pairs = {(key.customer, key.account) for key in keys}
	needed = criteria.balance_type if criteria.customer_credits == LEAVE_OUT else None
	if credits is None:
		credits = unallocated_credits(company, pairs) if needed == DEBIT else {}
	if debits is None:
		debits = open_debits(company, pairs) if needed == CREDIT else {}
	running = active_reconciliations(company) if pairs else {}
	return {
		pair: PartyFacts(
			*credits.get(pair, (ZERO, ZERO)), reconciliation=running.get(pair), debit=debits.get(pair, ZERO)
		)
		for pair in pairs
	}


def credits_from_balances(
	balances: Iterable[LedgerBalance],
) -> dict[tuple[str, str], tuple[Decimal, Decimal]]:
	"""Unallocated credits among these balances: payments, Journal Entries and credit notes."""
	totals: dict[tuple[str, str], tuple[Decimal, Decimal]] = {}
	for balance in balances:
		if balance.now < 0 and balance.key.voucher_type in VOUCHER_TYPES:
			pair = (balance.key.customer, balance.key.account)
			credit, base_credit = totals.get(pair, (ZERO, ZERO))
			totals[pair] = (credit - balance.now, base_credit - balance.base_now)
	return totals


def debits_from_balances(balances: Iterable[LedgerBalance]) -> dict[tuple[str, str], Decimal]:
	"""Open invoices and journal debits among these balances."""
	totals: dict[tuple[str, str], Decimal] = {}
	for balance in balances:
		if balance.now > 0 and balance.key.voucher_type in INVOICE_TYPES:
			pair = (balance.key.customer, balance.key.account)
			totals[pair] = totals.get(pair, ZERO) + balance.now
	return totals


def open_debits(company: str, pairs: Iterable[tuple[str, str]]) -> dict[tuple[str, str], Decimal]:
	"""Open invoices and journal debits of these customers, from the Payment Ledger."""
	wanted = set(pairs)
	accounts = sorted({account for _customer, account in wanted})
	totals: dict[tuple[str, str], Decimal] = {}
	for customers in create_batch(sorted({customer for customer, _account in wanted}), 1000):
		balances = balances_of_customers(company, accounts, customers, getdate())
		totals.update(debits_from_balances(balances))
	return totals


def unallocated_credits(
	company: str, pairs: Iterable[tuple[str, str]]
) -> dict[tuple[str, str], tuple[Decimal, Decimal]]:
	"""Unallocated payments and journal credits of these customers, from the Payment Ledger.

	Read again before posting, because a payment may have come in. Credit notes are considered in the search only.
	"""
	wanted = set(pairs)
	ple = frappe.qb.DocType("Payment Ledger Entry")
	amount = Sum(ple.amount_in_account_currency)
	base_decimals = precision(company_currency(company))
	totals: dict[tuple[str, str], tuple[Decimal, Decimal]] = {}
	accounts = sorted({account for _customer, account in wanted})
	for customers in create_batch(sorted({customer for customer, _account in wanted}), 1000):
		rows = (
			frappe.qb.from_(ple)
			.select(ple.party, ple.account, amount, Sum(ple.amount))
			.where(
				(ple.party_type == "Customer")
				& ple.party.isin(customers)
				& ple.account.isin(accounts)
				& ple.against_voucher_type.isin(["Payment Entry", "Journal Entry"])
				& (ple.delinked == 0)
			)
			.groupby(ple.party, ple.account, ple.against_voucher_type, ple.against_voucher_no)
			.having(amount < 0)
			.run()
		)
		for customer, account, own, base in rows:
			decimals = precision(frappe.get_cached_value("Account", account, "account_currency"))
			credit, base_credit = totals.get((customer, account), (ZERO, ZERO))
			totals[customer, account] = (
				credit - money(own, decimals),
				base_credit - money(base, base_decimals),
			)
	return totals


def active_reconciliations(company: str) -> dict[tuple[str, str], str]:
	"""Active Process Payment Reconciliations by customer and account."""
	return {
		(row.party, row.receivable_payable_account): row.name
		for row in frappe.get_all(
			"Process Payment Reconciliation",
			filters={
				"company": company,
				"party_type": "Customer",
				"docstatus": 1,
				"status": ("in", ["Queued", "Running", "Paused"]),
			},
			fields=["name", "party", "receivable_payable_account"],
			order_by="creation asc",
		)
	}


# Vouchers


@dataclass(frozen=True, slots=True)
class VoucherDetails:
	"""Fields of a voucher that decide on its eligibility; empty for other voucher types."""

	posting_date: date | None = None
	due_date: date | None = None
	is_discounted: int = 0
	write_off_run: str | None = None


NO_DETAILS = VoucherDetails()


def voucher_details(keys: Iterable[Key]) -> dict[Key, VoucherDetails]:
	"""Details of the submitted vouchers among these."""
	keys = list(keys)
	rows: dict[tuple[str, str], VoucherDetails] = {}
	for voucher_type, vouchers in vouchers_by_type(keys):
		if voucher_type not in DETAILS:
			rows.update({(voucher_type, name): NO_DETAILS for name in vouchers})
			continue
		fields = DETAILS[voucher_type]
		for batch in create_batch(vouchers, 1000):
			# The query builder takes longer over a thousand names than the query itself.
			# nosemgrep: frappe-using-db-sql
			for name, *values in frappe.db.sql(
				f"select name, {', '.join(fields)} from `tab{voucher_type}` where docstatus = 1 and name in %s",
				(tuple(batch),),
			):
				rows[voucher_type, name] = VoucherDetails(**dict(zip(fields, values, strict=True)))
	return {
		key: rows[key.voucher_type, key.voucher_no]
		for key in keys
		if (key.voucher_type, key.voucher_no) in rows
	}


def voucher_facts(
	keys: Iterable[Key], details: Mapping[Key, VoucherDetails], run: str | None
) -> dict[Key, VoucherFacts]:
	"""Facts by balance. Open items of runs other than `run` are considered; None: of no run."""
	keys = list(keys)
	other_runs: dict[str, str] = {}
	if run is not None and (pending := pending_runs(run)):
		for batch in create_batch(sorted({key.voucher_no for key in keys}), 1000):
			other_runs.update(vouchers_in_runs(pending, batch))
	roots = {
		account: frappe.get_cached_value("Account", account, "root_type")
		for account in {key.account for key in keys}
	}
	discounted = {key.voucher_no for key in keys if key in details and details[key].is_discounted}
	discountings = invoice_discountings(discounted)
	orders = advance_orders(keys) if order_advances_on_payments() else {}
	return {
		key: VoucherFacts(
			discounted=key.voucher_no in discounted,
			discounting=discountings.get(key.voucher_no),
			other_run=other_runs.get(key.voucher_no),
			blocker=blocker(key, roots[key.account], details.get(key, NO_DETAILS), orders.get(key)),
		)
		for key in keys
	}


def blocker(
	key: Key, root_type: str, voucher: VoucherDetails, order: tuple[str, str] | None = None
) -> Reason | None:
	"""Why this voucher or its account can never be written off; None if it can."""
	if root_type != "Asset":
		return Reason.of(reasons.SEPARATE_ADVANCE, account=key.account).with_link(
			key.voucher_type, key.voucher_no
		)
	if voucher.write_off_run:
		return Reason.of(reasons.WRITE_OFF_ENTRY, run=voucher.write_off_run).with_link(
			"Write-Off Run", voucher.write_off_run
		)
	if order:
		return Reason.of(reasons.ON_ORDER, order=order[1]).with_link(*order)
	return None


def advance_orders(keys: Iterable[Key]) -> dict[Key, tuple[str, str]]:
	"""The order, as type and name, that a payment or journal credit is allocated to.

	A balance that is partly an advance is excluded as a whole, because the ledger does not show the part that is not.
	"""
	orders: dict[Key, tuple[str, str]] = {}
	doctypes = get_advance_payment_doctypes()
	if not doctypes:
		return orders
	for voucher_type, vouchers in vouchers_by_type(key for key in keys if key.voucher_type in ADVANCES):
		child, reference_type = ADVANCES[voucher_type]
		of_voucher: dict[str, tuple[str, str]] = {}
		for batch in create_batch(vouchers, 1000):
			for row in frappe.get_all(
				child,
				filters={"parent": ("in", batch), "docstatus": 1, reference_type: ("in", doctypes)},
				fields=["parent", f"{reference_type} as doctype", "reference_name"],
				order_by="parent asc, idx asc",
			):
				of_voucher.setdefault(row.parent, (row.doctype, row.reference_name))
		orders.update(
			{
				key: of_voucher[key.voucher_no]
				for key in keys
				if key.voucher_type == voucher_type and key.voucher_no in of_voucher
			}
		)
	return orders


def invoice_discountings(invoices: set[str]) -> dict[str, str]:
	"""The submitted Invoice Discounting of each invoice."""
	if not invoices:
		return {}
	return {
		row.sales_invoice: row.parent
		for row in frappe.get_all(
			"Discounted Invoice",
			filters={"sales_invoice": ("in", sorted(invoices)), "docstatus": 1},
			fields=["sales_invoice", "parent"],
			order_by="creation asc",
		)
	}


def pending_runs(run: str) -> list[str]:
	"""Other submitted runs that may have items to post."""
	return frappe.get_all(
		"Write-Off Run",
		filters={"docstatus": 1, "status": ("in", TO_BE_POSTED), "name": ("!=", run)},
		pluck="name",
		order_by="name asc",
	)


def vouchers_in_runs(runs: list[str], vouchers: list[str]) -> dict[str, str]:
	"""{voucher: run} of the vouchers that these runs have still to post."""
	item = frappe.qb.DocType("Write-Off Run Item")
	return dict(
		frappe.qb.from_(item)
		.select(item.voucher_no, item.run)
		.where(
			item.voucher_no.isin(vouchers)
			& item.run.isin(runs)
			& (item.status == OPEN)
			& (item.selected == 1)
		)
		.run()
	)
