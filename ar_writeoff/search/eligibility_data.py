"""Data on customers, accounts and vouchers that decides whether a balance is eligible, read in bulk."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import date
from decimal import Decimal
from functools import cache
from typing import Any, NamedTuple

import frappe
from erpnext.accounts.utils import get_advance_payment_doctypes
from frappe.query_builder.functions import Sum
from frappe.utils import create_batch, getdate
from pypika import Order
from pypika.terms import Criterion

from ar_writeoff.core import reasons
from ar_writeoff.core.criteria import (
	CREDIT,
	CREDIT_NOTE,
	DEBIT,
	DEBIT_NOTE,
	OPENING_INVOICE,
	SALES_INVOICE,
	Criteria,
)
from ar_writeoff.core.money import ZERO, money
from ar_writeoff.core.reasons import Reason
from ar_writeoff.core.run_types import TAX_CLAIM
from ar_writeoff.core.status import ITEM_POSTED, OPEN, TO_BE_POSTED
from ar_writeoff.holds.ledger import hold_reasons
from ar_writeoff.ledger import parties
from ar_writeoff.ledger.accounts import account_blocker
from ar_writeoff.ledger.foreign_invoices import carrying_rate
from ar_writeoff.ledger.history import History
from ar_writeoff.ledger.money import company_currency, precision
from ar_writeoff.ledger.open_items import Key, LedgerBalance, balances_of_customers, vouchers_by_type
from ar_writeoff.ledger.versions import order_advances_on_payments
from ar_writeoff.search.rules import (
	CHARGE_TYPES,
	INVOICE_TYPES,
	NO_CREDITS_OF_CUSTOMER,
	AccountTotal,
	CustomerFacts,
	Origin,
	PartyFacts,
	VoucherFacts,
	WrittenOff,
)
from ar_writeoff.search.unrecorded import unrecorded

# Open credits or invoices by customer and receivable account, in account currency and company currency, both positive.
Totals = Mapping[tuple[str, str], tuple[Decimal, Decimal]]

# Fields of an ordinary invoice; the others have their defaults.
ORDINARY = (
	"posting_date",
	"due_date",
	"if(currency = party_account_currency, greatest(abs(grand_total), abs(rounded_total)),"
	" greatest(abs(base_grand_total), abs(base_rounded_total))) as invoice_total",
	"outstanding_amount",
	"payment_terms_template",
)
IS_ORDINARY = """docstatus = 1 and is_discounted = 0 and is_internal_customer = 0 and is_return = 0 and is_debit_note = 0
	and is_opening = 'No' and ifnull(inter_company_invoice_reference, '') = '' and currency = party_account_currency"""

# Fields read of each voucher type.
DETAILS = {
	"Sales Invoice": (
		*ORDINARY,
		"is_discounted",
		"is_internal_customer",
		"inter_company_invoice_reference as inter_company_voucher",
		"grand_total",
		"base_grand_total",
		"currency",
		"conversion_rate",
		"is_return",
		"is_debit_note",
		"is_opening",
	),
	"Journal Entry": (
		"posting_date",
		"due_date",
		"write_off_run",
		"inter_company_journal_entry_reference as inter_company_voucher",
	),
	"Payment Entry": ("posting_date", "unallocated_amount"),
	**dict.fromkeys(CHARGE_TYPES, ("posting_date",)),
}

# Child table with a voucher's allocations, and its field for the DocType.
ADVANCES = {
	"Payment Entry": ("Payment Entry Reference", "reference_doctype"),
	"Journal Entry": ("Journal Entry Account", "reference_type"),
}


def receivable_accounts(
	company: str, account: str | None = None, currency: str | None = None
) -> dict[str, frappe._dict]:
	"""Receivable accounts of the company, including those for advances, with a liability root.

	`currency`: of vouchers. An invoice is posted to an account in its currency or in company currency.
	"""
	filters: dict[str, Any] = {"company": company, "account_type": "Receivable", "is_group": 0}
	if account:
		filters["name"] = account
	if currency:
		filters["account_currency"] = ("in", (currency, company_currency(company)))
	rows = frappe.get_all("Account", filters=filters, fields=["name", "root_type"], order_by="name asc")
	return {row.name: row for row in rows}


def customer_facts(
	company: str, customers: Iterable[str], conditions: Iterable[Criterion] = ()
) -> dict[str, CustomerFacts]:
	"""Facts of the customers that meet the conditions on `tabCustomer`."""
	table = frappe.qb.DocType("Customer")
	may_post_for_frozen = parties.may_post_for_frozen(company)
	facts = {}
	for batch in create_batch(sorted(customers), 1000):
		for row in (
			frappe.qb.from_(table)
			.select(
				table.name,
				table.customer_name,
				table.disabled,
				table.is_frozen,
				table.exclude_from_write_off,
				table.is_internal_customer,
				table.represents_company,
			)
			.where(Criterion.all([table.name.isin(batch), *conditions]))
			.run(as_dict=True)
		):
			facts[row.name] = CustomerFacts(
				customer_name=row.customer_name or "",
				opted_out=bool(row.exclude_from_write_off),
				disabled=bool(row.disabled),
				frozen=bool(row.is_frozen) and not may_post_for_frozen,
				internal=bool(row.is_internal_customer),
				represents=row.represents_company or "",
			)
	return facts


# Customers by account


def party_facts(
	company: str,
	keys: Iterable[Key],
	criteria: Criteria,
	credits: Totals | None = None,
	debits: Totals | None = None,
) -> dict[tuple[str, str], PartyFacts]:
	"""Facts by customer and account. Credits and debits are read if they are not given and the criteria need them."""
	pairs = {(key.customer, key.account) for key in keys}
	customers = {customer for customer, _account in pairs}
	needed = criteria.balance_type if criteria.excludes_for_credits else None
	if credits is None:
		counts = needed == DEBIT or (needed == CREDIT and criteria.credit_threshold)
		credits = unallocated_credits(company, customers) if counts else {}
	if debits is None:
		debits = open_debits(company, customers) if needed == CREDIT else {}
	running = active_reconciliations(company) if pairs else {}
	credits_of, debits_of = totals_of_customers(credits), totals_of_customers(debits)
	written_off = written_off_debts(company, customers) if criteria.balance_type == CREDIT else {}
	others = unrecorded(company, customers, criteria.sign) if needed else {}
	return {
		pair: PartyFacts(
			credits_of.get(pair[0], ()),
			debits_of.get(pair[0], ()),
			running.get(pair),
			written_off.get(pair[0], ()),
			others.get(pair[0], ()),
		)
		for pair in pairs
	}


def written_off_debts(company: str, customers: Iterable[str]) -> dict[str, tuple[WrittenOff, ...]]:
	"""Debts of these customers that runs have written off and not reinstated, the largest first."""
	item = frappe.qb.DocType("Write-Off Run Item")
	left = item.write_off_amount - item.reinstated_amount
	found: dict[str, list[WrittenOff]] = {}
	for batch in create_batch(sorted(customers), 1000):
		rows = (
			frappe.qb.from_(item)
			.select(item.customer, left, item.currency, item.voucher_no, item.run)
			.where(
				item.customer.isin(batch)
				& (item.company == company)
				& (item.voucher_type != TAX_CLAIM)
				& item.status.isin(ITEM_POSTED)
				& (item.write_off_amount > item.reinstated_amount)
			)
			.orderby(item.base_write_off_amount - item.base_reinstated_amount, order=Order.desc)
			.orderby(item.name)
			.run()
		)
		for customer, amount, currency, voucher_no, run in rows:
			debt = WrittenOff(money(amount, precision(currency)), currency, voucher_no, run)
			found.setdefault(customer, []).append(debt)
	return {customer: tuple(debts) for customer, debts in found.items()}


def totals_of_customers(totals: Totals) -> dict[str, tuple[AccountTotal, ...]]:
	"""Totals of each customer, the largest account first."""
	found: dict[str, list[AccountTotal]] = {}
	for (customer, account), (own, base) in totals.items():
		currency = frappe.get_cached_value("Account", account, "account_currency")
		found.setdefault(customer, []).append(AccountTotal(account, currency, own, base))
	return {
		customer: tuple(sorted(rows, key=lambda row: (-row.base_amount, row.account)))
		for customer, rows in found.items()
	}


def is_credit(balance: LedgerBalance) -> bool:
	"""Whether the balance is a credit of the customer: a payment, a Journal Entry, a credit note, an advance."""
	return balance.now < 0 and balance.key.voucher_type not in NO_CREDITS_OF_CUSTOMER


def is_open_invoice(balance: LedgerBalance) -> bool:
	"""Whether a credit can be allocated to the balance."""
	return balance.now > 0 and balance.key.voucher_type in INVOICE_TYPES


def totals_from_balances(
	balances: Iterable[LedgerBalance], counts: Callable[[LedgerBalance], bool]
) -> Totals:
	"""Absolute sums of the balances that count: `is_credit` or `is_open_invoice`."""
	totals: dict[tuple[str, str], tuple[Decimal, Decimal]] = {}
	for balance in balances:
		if counts(balance):
			pair = (balance.key.customer, balance.key.account)
			own, base = totals.get(pair, (ZERO, ZERO))
			totals[pair] = (own + abs(balance.now), base + abs(balance.base_now))
	return totals


def open_debits(company: str, customers: Iterable[str]) -> Totals:
	"""Open invoices and journal debits of these customers on any receivable account, from the Payment Ledger."""
	accounts = list(receivable_accounts(company))
	totals: dict[tuple[str, str], tuple[Decimal, Decimal]] = {}
	for batch in create_batch(sorted(customers), 1000):
		balances = balances_of_customers(company, accounts, batch, getdate())
		totals.update(totals_from_balances(balances, is_open_invoice))
	return totals


def unallocated_credits(company: str, customers: Iterable[str]) -> Totals:
	"""Unallocated credits of these customers on any receivable account, from the Payment Ledger.

	Read again before posting, because a payment or credit note may have come in.
	"""
	ple = frappe.qb.DocType("Payment Ledger Entry")
	amount = Sum(ple.amount_in_account_currency)
	base_decimals = precision(company_currency(company))
	totals: dict[tuple[str, str], tuple[Decimal, Decimal]] = {}
	accounts = list(receivable_accounts(company))
	for batch in create_batch(sorted(customers), 1000):
		is_credit_type = ple.against_voucher_type.isin(["Payment Entry", "Journal Entry", "Sales Order"])
		notes = invoices_in_credit(company, batch)
		if notes:
			is_credit_type |= (ple.against_voucher_type == "Sales Invoice") & ple.against_voucher_no.isin(
				notes
			)
		rows = (
			frappe.qb.from_(ple)
			.select(ple.party, ple.account, amount, Sum(ple.amount))
			.where(
				(ple.party_type == "Customer")
				& ple.party.isin(batch)
				& ple.account.isin(accounts)
				& is_credit_type
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
	return {pair: total for pair, total in totals.items() if total[0]}


def invoices_in_credit(company: str, customers: list[str]) -> list[str]:
	"""Credit notes and overpaid invoices of these customers. All their invoices in the Payment Ledger would be a thousand
	times as many."""
	return frappe.get_all(
		"Sales Invoice",
		filters={
			"customer": ("in", customers),
			"company": company,
			"docstatus": 1,
			"outstanding_amount": ("<", 0),
		},
		pluck="name",
		order_by=None,
	)


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


class VoucherDetails(NamedTuple):
	"""Fields of a voucher that decide on its eligibility; empty for other voucher types. `docstatus`: 2 also for a voucher
	that was deleted."""

	docstatus: int = 1
	posting_date: date | None = None
	due_date: date | None = None
	is_discounted: int = 0
	write_off_run: str | None = None
	is_internal_customer: int = 0
	inter_company_voucher: str | None = None
	# Absolute amounts in account currency.
	invoice_total: Decimal | float | None = None
	unallocated_amount: Decimal | float | None = None
	# In currency of the invoice and of the company, and in account currency.
	grand_total: Decimal | float = 0
	base_grand_total: Decimal | float = 0
	outstanding_amount: Decimal | float | None = None
	currency: str | None = None
	conversion_rate: float = 1
	is_return: int = 0
	is_debit_note: int = 0
	is_opening: str | None = None
	payment_terms_template: str | None = None

	@property
	def is_internal(self) -> bool:
		return bool(self.is_internal_customer or self.inter_company_voucher)


NO_DETAILS = VoucherDetails()
DELETED = VoucherDetails(docstatus=2)


def voucher_details(keys: Iterable[Key]) -> dict[Key, VoucherDetails]:
	"""Details of these vouchers."""
	keys = list(keys)
	found: dict[tuple[str, str], VoucherDetails] = {}
	for voucher_type, vouchers in vouchers_by_type(keys):
		if voucher_type not in DETAILS or not frappe.db.table_exists(voucher_type):
			found.update({(voucher_type, name): NO_DETAILS for name in vouchers})
			continue
		fields = ("docstatus", *DETAILS[voucher_type])
		for batch in create_batch(vouchers, 1000):
			if voucher_type == SALES_INVOICE:
				# Reading all columns of a hundred thousand invoices takes a second longer.
				found.update(_details(voucher_type, batch, ORDINARY))
				found.update(_details(voucher_type, batch, fields, f"and ({IS_ORDINARY}) is not true"))
			else:
				found.update(_details(voucher_type, batch, fields))
	return {key: found.get((key.voucher_type, key.voucher_no), DELETED) for key in keys}


def _details(
	voucher_type: str, vouchers: Collection[str], fields: tuple[str, ...], condition: str = ""
) -> Iterator[tuple[tuple[str, str], VoucherDetails]]:
	"""Yield these fields of the vouchers that meet the condition, by type and name."""
	names = [field.rpartition(" as ")[2] for field in fields]
	# nosemgrep: frappe-using-db-sql - the query builder takes longer over a thousand names than the query itself
	for name, *values in frappe.db.sql(
		f"select name, {', '.join(fields)} from `tab{voucher_type}` where name in %s {condition}",
		(tuple(vouchers),),
	):
		yield (voucher_type, name), VoucherDetails(**dict(zip(names, values, strict=True)))


def origin(key: Key, account_currency: str, voucher: VoucherDetails, history: History | None) -> Origin:
	"""Data on a voucher besides its balance. `history`: if the criteria need it."""
	common = _origin_of_kind(
		key.voucher_type, bool(voucher.is_return), bool(voucher.is_debit_note), voucher.is_opening == "Yes"
	)
	currency, rate = None, Decimal(1)
	if voucher.currency and voucher.currency != account_currency:
		rate = carrying_rate(voucher.base_grand_total, voucher.grand_total, voucher.conversion_rate)
		currency = voucher.currency if rate else None
	if not currency and not history:
		return common
	return replace(
		common,
		currency=currency or "",
		rate=rate if currency else Decimal(1),
		decimals=precision(currency) if currency else 2,
		original=history.original if history else None,
		settled=bool(history and history.settled),
	)


@cache
def _origin_of_kind(voucher_type: str, is_credit_note: bool, is_debit_note: bool, is_opening: bool) -> Origin:
	"""Origin of a voucher in the currency of its account. Cached: a search has 100,000 of few kinds."""
	if voucher_type != SALES_INVOICE:
		return Origin(kinds=(voucher_type,))
	flags = ((DEBIT_NOTE, is_debit_note), (OPENING_INVOICE, is_opening))
	kinds = (CREDIT_NOTE if is_credit_note else SALES_INVOICE, *(kind for kind, applies in flags if applies))
	return Origin(kinds=kinds)


def voucher_facts(
	company: str, keys: Iterable[Key], details: Mapping[Key, VoucherDetails], run: str | None
) -> dict[Key, VoucherFacts]:
	"""Facts by balance. Open items of runs other than `run` are considered; None: of no run."""
	keys = list(keys)
	other_runs: dict[str, str] = {}
	if run is not None and (pending := pending_runs(run)):
		for batch in create_batch(sorted({key.voucher_no for key in keys}), 1000):
			other_runs.update(vouchers_in_runs(pending, batch))
	accounts = {key.account for key in keys}
	on_accounts = {account: account_blocker(account, company) for account in accounts}
	advance_accounts = {
		account for account in accounts if frappe.get_cached_value("Account", account, "root_type") != "Asset"
	}
	discounted = {key.voucher_no for key in keys if key in details and details[key].is_discounted}
	discountings = invoice_discountings(discounted)
	orders = advance_orders(keys) if order_advances_on_payments() else {}
	holds = hold_reasons(company, keys)
	uninstalled = uninstalled_types() if any(key.voucher_type in CHARGE_TYPES for key in keys) else ()
	return {
		key: VoucherFacts(
			discounted=key.voucher_no in discounted,
			hold=holds.get(key),
			discounting=discountings.get(key.voucher_no),
			other_run=other_runs.get(key.voucher_no),
			internal=details.get(key, NO_DETAILS).is_internal,
			blocker=(advance_account_blocker(key) if key.account in advance_accounts else None)
			or on_accounts[key.account]
			or uninstalled_blocker(key, uninstalled)
			or blocker(details.get(key, NO_DETAILS), orders.get(key)),
		)
		for key in keys
	}


def advance_account_blocker(key: Key) -> Reason:
	"""Why a balance on an advance account, which has a liability root, cannot be written off."""
	return Reason.of(reasons.SEPARATE_ADVANCE, account=key.account).with_link(
		key.voucher_type, key.voucher_no
	)


def uninstalled_blocker(key: Key, uninstalled: Collection[str]) -> Reason | None:
	"""Why a charge of an app that is not installed any more cannot be written off; None for other vouchers."""
	if key.voucher_type not in uninstalled:
		return None
	return Reason.of(reasons.UNKNOWN_VOUCHER, doctype=key.voucher_type)


def uninstalled_types() -> list[str]:
	"""Types of charges whose app is not installed. Frappe deletes a DocType and leaves its table."""
	installed = frappe.get_all("DocType", filters={"name": ("in", CHARGE_TYPES)}, pluck="name", order_by=None)
	return [doctype for doctype in CHARGE_TYPES if doctype not in installed]


def add_to_boot(bootinfo: Any) -> None:
	"""Hook `extend_bootinfo`: voucher kinds that forms do not offer, see `public/js/criteria.js`."""
	bootinfo.uninstalled_voucher_kinds = uninstalled_types()


def blocker(voucher: VoucherDetails, order: tuple[str, str] | None = None) -> Reason | None:
	"""Why this voucher can never be written off; None if it can."""
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
