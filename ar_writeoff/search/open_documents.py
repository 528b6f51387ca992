"""Documents to complete before a write-off: drafts and Payment Requests that would settle a balance, deferred revenue."""

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from itertools import chain
from typing import Any

import frappe
from frappe.utils import create_batch

from ar_writeoff.core import reasons
from ar_writeoff.core.money import ZERO, money
from ar_writeoff.core.reasons import Reason
from ar_writeoff.ledger.money import company_currency, precision
from ar_writeoff.ledger.open_items import Key, vouchers_by_type
from ar_writeoff.search.eligibility_data import ADVANCES

INVOICE = "Sales Invoice"
ORDER = "Sales Order"
BATCH = 1000

# Statuses of a Payment Request that the customer can still pay; those in which nobody has paid a part of it.
NOT_PAID = ("Requested", "Initiated")
IN_PAYMENT = ("Partially Paid", "Payment Ordered")

Balances = Mapping[Key, Decimal]


def pending_documents(
	company: str, balances: Balances, *, cancels_requests: bool = False
) -> dict[Key, Reason]:
	"""Why these balances have to wait for another document. `balances`: in account currency, by key. With
	`cancels_requests` they do not wait for Payment Requests that the posting can cancel."""
	statuses = IN_PAYMENT if cancels_requests else NOT_PAID + IN_PAYMENT
	found = {**deferred_revenue(company, balances), **payment_requests(balances, statuses)}
	found.update(drafts(balances))
	return found


def drafts(balances: Balances) -> dict[Key, Reason]:
	"""Balances that a draft of a payment, a Journal Entry, an invoice or a credit note would settle."""
	found: dict[Key, Reason] = {}
	for voucher_type, names in _batches(balances):
		rows = chain(
			_draft_rows(voucher_type, names),
			_draft_advances(voucher_type, names, _in_credit(balances, names)),
		)
		settled = {
			(voucher_no, customer, amount > 0): Reason.of(
				reasons.DRAFT_SETTLES, doctype=doctype, draft=draft
			).with_link(doctype, draft)
			for doctype, draft, voucher_no, customer, amount in rows
		}
		for key, balance in balances.items() if settled else ():
			# A draft that raises the balance does not settle it.
			reason = settled.get((key.voucher_no, key.customer, balance > 0))
			if reason and key.voucher_type == voucher_type:
				found[key] = reason
	return found


def _draft_rows(voucher_type: str, names: tuple[str, ...]) -> Iterator[tuple[str, str, str, str, Any]]:
	"""Yield (doctype, draft, voucher, customer, amount): a positive amount settles a debit balance."""
	# nosemgrep: frappe-using-db-sql - the query builder takes longer over a thousand names than the query itself
	for row in frappe.db.sql(
		"""select payment.name, ref.reference_name, payment.party, ref.allocated_amount
		from `tabPayment Entry Reference` ref join `tabPayment Entry` payment on payment.name = ref.parent
		where ref.docstatus = 0 and ref.reference_doctype = %s and ref.reference_name in %s
			and payment.docstatus = 0 and payment.party_type = 'Customer'
		order by payment.name""",
		(voucher_type, names),
	):
		yield "Payment Entry", *row
	# nosemgrep: frappe-using-db-sql - as above
	for row in frappe.db.sql(
		"""select parent, reference_name, party, credit_in_account_currency - debit_in_account_currency
		from `tabJournal Entry Account`
		where docstatus = 0 and reference_type = %s and reference_name in %s and party_type = 'Customer'
		order by parent""",
		(voucher_type, names),
	):
		yield "Journal Entry", *row
	if voucher_type == INVOICE:
		# nosemgrep: frappe-using-db-sql - as above
		for row in frappe.db.sql(
			"""select name, return_against, customer, -grand_total from `tabSales Invoice`
			where docstatus = 0 and is_return = 1 and return_against in %s order by name""",
			(names,),
		):
			yield INVOICE, *row


def _draft_advances(
	voucher_type: str, names: tuple[str, ...], customers: tuple[str, ...]
) -> Iterator[tuple[str, str, str, str, Any]]:
	"""Yield the draft invoices of these customers that have credits in their table of advances, as `_draft_rows` does."""
	if not customers or voucher_type not in ADVANCES:
		return
	# By customer, because the table of advances has no index on the credit.
	# nosemgrep: frappe-using-db-sql - as above
	for row in frappe.db.sql(
		"""select invoice.name, advance.reference_name, invoice.customer, -advance.allocated_amount
		from `tabSales Invoice` invoice join `tabSales Invoice Advance` advance on advance.parent = invoice.name
		where invoice.customer in %s and invoice.docstatus = 0 and advance.reference_type = %s
			and advance.reference_name in %s and advance.allocated_amount > 0
		order by invoice.name""",
		(customers, voucher_type, names),
	):
		yield INVOICE, *row


def _in_credit(balances: Balances, names: tuple[str, ...]) -> tuple[str, ...]:
	"""The customers with a credit among these vouchers."""
	wanted = set(names)
	return tuple(
		sorted({key.customer for key, amount in balances.items() if amount < 0 and key.voucher_no in wanted})
	)


def payment_requests(balances: Balances, statuses: tuple[str, ...]) -> dict[Key, Reason]:
	"""Debit balances with a Payment Request in one of these statuses, and invoices with one on their order that can still be
	paid. A request on an order is never cancelled by the posting, because the order may have other invoices."""
	found: dict[Key, Reason] = {}
	for voucher_type, names in _batches(key for key, amount in balances.items() if amount > 0):
		orders = _orders(names) if voucher_type == INVOICE else {}
		# nosemgrep: frappe-using-db-sql - as above
		rows = frappe.db.sql(
			"""select reference_doctype, reference_name, name, status from `tabPayment Request`
			where docstatus = 1 and reference_name in %s and reference_doctype in %s and status in %s
			order by name desc""",
			(
				(*names, *{order for of_invoice in orders.values() for order in of_invoice}),
				(voucher_type, ORDER),
				NOT_PAID + IN_PAYMENT,
			),
		)
		requests = {
			(doctype, reference): name
			for doctype, reference, name, status in rows
			if doctype == ORDER or status in statuses
		}
		for key in balances if requests else ():
			if key.voucher_type == voucher_type:
				reason = _request_reason(key, requests, orders.get(key.voucher_no, ()))
				if reason:
					found[key] = reason
	return found


def _request_reason(
	key: Key, requests: Mapping[tuple[str, str], str], orders: Iterable[str]
) -> Reason | None:
	"""The reason of the Payment Request for a voucher, or for one of its orders."""
	request = requests.get((key.voucher_type, key.voucher_no))
	if request:
		return Reason.of(reasons.PAYMENT_REQUESTED, request=request).with_link("Payment Request", request)
	for order in sorted(orders):
		request = requests.get((ORDER, order))
		if request:
			return Reason.of(reasons.ORDER_PAYMENT_REQUESTED, request=request, order=order).with_link(
				"Payment Request", request
			)
	return None


def _orders(invoices: tuple[str, ...]) -> dict[str, set[str]]:
	"""The Sales Orders that these invoices bill."""
	found: dict[str, set[str]] = {}
	# nosemgrep: frappe-using-db-sql - as above
	for invoice, order in frappe.db.sql(
		"select distinct parent, sales_order from `tabSales Invoice Item` where parent in %s and sales_order != ''",
		(invoices,),
	):
		found.setdefault(invoice, set()).add(order)
	return found


def deferred_revenue(company: str, balances: Balances) -> dict[Key, Reason]:
	"""Invoices of which income is still to be recognised, with the amount in company currency.

	The amount is the balance of the deferred revenue accounts of the invoice; ERPNext books returns to income.
	"""
	invoices = [key for key, amount in balances.items() if amount > 0 and key.voucher_type == INVOICE]
	left: dict[str, Decimal] = {}
	for _voucher_type, names in _batches(invoices):
		# nosemgrep: frappe-using-db-sql - as above
		rows = frappe.db.sql(
			"""select distinct parent, deferred_revenue_account from `tabSales Invoice Item`
			where parent in %s and enable_deferred_revenue = 1""",
			(names,),
		)
		if rows:
			left.update(_deferred_balances({row[0] for row in rows}, {row[1] for row in rows}))
	currency = company_currency(company)
	decimals = precision(currency)
	found = {}
	for key in invoices if left else ():
		amount = money(left.get(key.voucher_no), decimals)
		if amount > ZERO:
			found[key] = Reason.of(reasons.DEFERRED_REVENUE, amount=f"{amount} {currency}").with_link(
				INVOICE, key.voucher_no
			)
	return found


def _deferred_balances(invoices: Iterable[str], accounts: Iterable[str]) -> dict[str, Decimal]:
	"""Credit left on the deferred revenue accounts for each invoice. ERPNext recognises income with ledger rows of the
	invoice or with Journal Entries that refer to it."""
	names, on = tuple(sorted(invoices)), tuple(sorted(account for account in accounts if account)) or ("",)
	left: dict[str, Decimal] = {}
	for query in (
		"""select voucher_no, sum(credit - debit) from `tabGL Entry`
		where voucher_type = 'Sales Invoice' and voucher_no in %s and account in %s and is_cancelled = 0
		group by voucher_no""",
		"""select reference_name, sum(credit - debit) from `tabJournal Entry Account`
		where reference_type = 'Sales Invoice' and reference_name in %s and account in %s and docstatus = 1
		group by reference_name""",
	):
		# nosemgrep: frappe-using-db-sql - as above
		for name, amount in frappe.db.sql(query, (names, on)):
			left[name] = left.get(name, ZERO) + Decimal(str(amount or 0))
	return left


def _batches(keys: Iterable[Key]) -> Iterator[tuple[str, tuple[str, ...]]]:
	for voucher_type, vouchers in vouchers_by_type(keys):
		for batch in create_batch(vouchers, BATCH):
			yield voucher_type, tuple(batch)
