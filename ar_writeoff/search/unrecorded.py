"""Vouchers of customers that may settle their balances, and that the Payment Ledger does not show as they are.

These are drafts on account, submitted vouchers without rows in the Payment Ledger, and cancelled ones whose rows count as a
credit. Read by customer, with an index on each table (see `ledger/covering_index.py`) or from small tables only.
"""

from collections import defaultdict
from collections.abc import Iterable

import frappe
from frappe.utils import create_batch, getdate

from ar_writeoff.core import reasons
from ar_writeoff.core.money import ledger_money
from ar_writeoff.core.reasons import Reason
from ar_writeoff.ledger import covering_index
from ar_writeoff.ledger.money import company_currency, precision
from ar_writeoff.ledger.open_items import Key, LedgerBalance
from ar_writeoff.search.rules import IS_CANCELLED, IS_DRAFT, WITHOUT_ROWS, Unrecorded

INVOICE = "Sales Invoice"
BATCH = 1000

# Each query takes `sign`: 1 for what settles debit balances, -1 for what settles credit balances. Its columns are the
# customer, the docstatus, and the fields of `Unrecorded` without state and currency.
PAYMENTS = """
	select party, docstatus, 'Payment Entry', name, if(payment_type = 'Receive', paid_from, paid_to), posting_date,
		unallocated_amount,
		unallocated_amount * if(payment_type = 'Receive', source_exchange_rate, target_exchange_rate)
	from `tabPayment Entry` payment
	where party in %(customers)s and docstatus in (0, 1) and unallocated_amount > 0 and party_type = 'Customer'
		and company = %(company)s and payment_type = if(%(sign)s > 0, 'Receive', 'Pay')
		and (docstatus = 0 or not exists (
			select 1 from `tabPayment Ledger Entry` own
			where own.voucher_type = 'Payment Entry' and own.voucher_no = payment.name and own.delinked = 0
		))
	union all
	select payment.party, payment.docstatus, 'Payment Entry', payment.name,
		if(payment.payment_type = 'Receive', payment.paid_from, payment.paid_to), payment.posting_date,
		ref.allocated_amount, ref.allocated_amount
			* if(payment.payment_type = 'Receive', payment.source_exchange_rate, payment.target_exchange_rate)
	from `tabPayment Entry` payment join `tabPayment Entry Reference` ref on ref.parent = payment.name
	where payment.party in %(customers)s and payment.docstatus = 0 and payment.party_type = 'Customer'
		and payment.company = %(company)s and payment.payment_type = if(%(sign)s > 0, 'Receive', 'Pay')
		and ref.reference_doctype = 'Sales Order'
	union all
	select payment.party, 2, 'Payment Entry', payment.name, own.account, payment.posting_date,
		-sum(own.amount_in_account_currency) * %(sign)s, -sum(own.amount) * %(sign)s
	from `tabPayment Entry` payment join `tabPayment Ledger Entry` own
		on own.against_voucher_type = 'Payment Entry' and own.against_voucher_no = payment.name and own.delinked = 0
	where payment.party in %(customers)s and payment.docstatus = 2 and payment.party_type = 'Customer'
		and payment.company = %(company)s
	group by payment.party, payment.name, own.account, payment.posting_date
"""
JOURNAL_ROWS = """
	select line.party, line.docstatus, 'Journal Entry', entry.name, line.account, entry.posting_date,
		sum(line.credit_in_account_currency - line.debit_in_account_currency) * %(sign)s,
		sum(line.credit - line.debit) * %(sign)s
	from `tabJournal Entry Account` line join `tabJournal Entry` entry on entry.name = line.parent
	where line.party in %(customers)s and line.docstatus in (0, 1)
		and (line.reference_type is null or line.reference_type in ('', 'Sales Order'))
		and line.party_type = 'Customer' and entry.company = %(company)s
		and (line.docstatus = 0 or not exists (
			select 1 from `tabPayment Ledger Entry` own
			where own.voucher_type = 'Journal Entry' and own.voucher_no = line.parent and own.account = line.account
				and own.party = line.party and own.delinked = 0
		))
	group by line.party, line.docstatus, entry.name, line.account, entry.posting_date
	union all
	select own.party, 2, 'Journal Entry', entry.name, own.account, entry.posting_date,
		-sum(own.amount_in_account_currency) * %(sign)s, -sum(own.amount) * %(sign)s
	from (
		select distinct parent, party, account from `tabJournal Entry Account`
		where party in %(customers)s and docstatus = 2 and party_type = 'Customer'
	) line join `tabJournal Entry` entry on entry.name = line.parent
	join `tabPayment Ledger Entry` own on own.against_voucher_type = 'Journal Entry'
		and own.against_voucher_no = entry.name and own.party = line.party and own.account = line.account
		and own.delinked = 0
	where entry.company = %(company)s
	group by own.party, entry.name, own.account, entry.posting_date
"""
# Draft invoices settle nothing before they are sent, so they do not count.
INVOICES = """
	select customer, docstatus, 'Sales Invoice', name, debit_to, posting_date, -outstanding_amount * %(sign)s,
		-outstanding_amount * %(sign)s * if(party_account_currency = currency, conversion_rate, 1)
	from `tabSales Invoice` invoice
	where customer in %(customers)s and company = %(company)s and docstatus = 1
		and outstanding_amount != 0 and not exists (
			select 1 from `tabPayment Ledger Entry` own
			where own.against_voucher_type = 'Sales Invoice' and own.against_voucher_no = invoice.name
				and own.delinked = 0
		)
	union all
	select customer, docstatus, 'Sales Invoice', name, debit_to, posting_date,
		-if(party_account_currency = currency, grand_total, base_grand_total) * %(sign)s,
		-base_grand_total * %(sign)s
	from `tabSales Invoice`
	where customer in %(customers)s and company = %(company)s and docstatus = 0 and is_return = 1
		and ifnull(return_against, '') = ''
	union all
	select invoice.customer, 2, 'Sales Invoice', invoice.name, own.account, invoice.posting_date,
		-sum(own.amount_in_account_currency) * %(sign)s, -sum(own.amount) * %(sign)s
	from `tabSales Invoice` invoice join `tabPayment Ledger Entry` own
		on own.against_voucher_type = 'Sales Invoice' and own.against_voucher_no = invoice.name and own.delinked = 0
	where invoice.customer in %(customers)s and invoice.company = %(company)s and invoice.docstatus = 2
	group by invoice.customer, invoice.name, own.account, invoice.posting_date
"""
QUERIES = (
	(covering_index.UNALLOCATED, PAYMENTS),
	(covering_index.JOURNAL_ROWS, JOURNAL_ROWS),
	(covering_index.OUTSTANDING, INVOICES),
)
STATES = {0: IS_DRAFT, 1: WITHOUT_ROWS, 2: IS_CANCELLED}


def unrecorded(company: str, customers: Iterable[str], sign: int) -> dict[str, tuple[Unrecorded, ...]]:
	"""Return the vouchers by customer, damaged ones first, then the oldest. `sign`: 1 for those that may settle debit
	balances, -1 for credit balances."""
	queries = [query for index, query in QUERIES if covering_index.can_read(index)]
	found: dict[str, list[Unrecorded]] = defaultdict(list)
	base_decimals = precision(company_currency(company))
	for batch in create_batch(sorted(customers), BATCH) if queries else ():
		# nosemgrep: frappe-using-db-sql - the query builder takes longer over a thousand names than the query itself
		for customer, docstatus, doctype, name, account, posting_date, amount, base in frappe.db.sql(
			" union all ".join(queries), {"customers": tuple(batch), "company": company, "sign": sign}
		):
			currency = frappe.get_cached_value("Account", account, "account_currency")
			own, base = ledger_money(amount, precision(currency)), ledger_money(base, base_decimals)
			if base > 0:
				found[customer].append(
					Unrecorded(
						STATES[docstatus], doctype, name, account, currency, getdate(posting_date), own, base
					)
				)
	return {
		customer: tuple(
			sorted(rows, key=lambda one: (one.state == IS_DRAFT, one.posting_date, one.voucher_no))
		)
		for customer, rows in found.items()
	}


def credits_without_rows(company: str, customers: Iterable[str]) -> dict[LedgerBalance, Reason]:
	"""Return payments and Journal Entries of these customers that are credits and have no rows in the Payment Ledger, as
	balances of what is unallocated, with the reason why nothing can be written off."""
	found = {}
	for customer, vouchers in unrecorded(company, customers, 1).items():
		for one in vouchers:
			if one.state == WITHOUT_ROWS and one.voucher_type != INVOICE:
				key = Key(one.voucher_type, one.voucher_no, one.account, customer)
				amounts = (-one.amount, -one.base_amount)
				reason = Reason.of(
					reasons.CREDIT_WITHOUT_LEDGER_ROWS,
					amount=f"{one.amount} {one.currency}",
					doctype=one.voucher_type,
					voucher=one.voucher_no,
				).with_link(one.voucher_type, one.voucher_no)
				found[LedgerBalance(key, one.currency, one.posting_date, *amounts, *amounts)] = reason
	return found
