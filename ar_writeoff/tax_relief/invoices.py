"""The tax of invoices, from their own General Ledger entries."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any

import frappe
from frappe.query_builder.functions import Coalesce, Sum
from pypika import Table
from pypika.queries import QueryBuilder

from ar_writeoff.core import reasons
from ar_writeoff.core.money import ZERO, money
from ar_writeoff.core.reasons import Reason
from ar_writeoff.ledger.money import company_currency, precision


@dataclass(slots=True)
class InvoiceTax:
	"""An invoice less its credit notes. `gross` and `taxes` (by tax account) are in company currency,
	`gross_own` in that of the receivable account. `reason`: why its tax cannot be claimed."""

	supply: date
	due: date
	gross: Decimal = ZERO
	gross_own: Decimal = ZERO
	taxes: dict[str, Decimal] = field(default_factory=dict)
	reason: Reason | None = None


def invoice_taxes(
	company: str, invoices: Iterable[str], tax_accounts: Iterable[str], until: date | None = None
) -> dict[str, InvoiceTax]:
	"""Return the tax of these Sales Invoices on these accounts. `until`: without credit notes after this day."""
	names, accounts = sorted(set(invoices)), sorted(tax_accounts)
	if not names:
		return {}
	decimals = precision(company_currency(company))
	found = _headers(names, accounts)
	# A credit note may keep a balance of its own: its ledger entries do not name the invoice.
	invoice_of = {name: name for name in names} | credit_notes(company, names, until)
	vouchers = sorted(invoice_of)
	for voucher, debit, credit, own_debit, own_credit in _receivable_rows(company, vouchers):
		tax = found[invoice_of[voucher]]
		is_invoice = voucher in found
		# Payments in the invoice itself, at a point of sale, are credits of its own entry.
		tax.gross += money(debit if is_invoice else -(credit or 0), decimals)
		tax.gross_own += money(own_debit if is_invoice else -(own_credit or 0), 9)
	sums: dict[tuple[str, str], Decimal] = defaultdict(lambda: ZERO)
	for voucher, account, amount in _tax_rows(company, vouchers, accounts):
		sums[invoice_of[voucher], account] += money(amount, decimals)
	for (invoice, account), amount in sorted(sums.items()):
		if amount > 0:
			found[invoice].taxes[account] = amount
	return found


def credit_notes(company: str, invoices: Iterable[str], until: date | None = None) -> dict[str, str]:
	"""Return the credit notes of these invoices, with the invoice of each. `until`: not those after this day."""
	filters: dict[str, Any] = {
		"return_against": ("in", sorted(invoices) or [""]),
		"is_return": 1,
		"docstatus": 1,
		"company": company,
	}
	if until:
		filters["posting_date"] = ("<=", until)
	return dict(
		frappe.get_all(
			"Sales Invoice",
			filters=filters,
			fields=["name", "return_against"],
			order_by="name asc",
			as_list=True,
		)
	)


def _headers(names: list[str], tax_accounts: list[str]) -> dict[str, InvoiceTax]:
	reversed_by = _taxes_reversed_by_payments(names, tax_accounts)
	return {
		row.name: InvoiceTax(
			supply=row.posting_date,
			due=row.due_date or row.posting_date,
			reason=_reason(row, reversed_by.get(row.name)),
		)
		for row in frappe.get_all(
			"Sales Invoice",
			filters={"name": ("in", names)},
			fields=["name", "posting_date", "due_date", "is_opening", "is_internal_customer"],
			order_by="name asc",
		)
	}


def _reason(invoice: frappe._dict, payment: str | None) -> Reason | None:
	if invoice.is_opening == "Yes":
		return Reason.of(reasons.TAX_UNKNOWN)
	if invoice.is_internal_customer:
		return Reason.of(reasons.TAX_CONNECTED)
	return Reason.of(reasons.TAX_REVERSED_BY_PAYMENT, payment=payment) if payment else None


def _receivable_rows(company: str, vouchers: list[str]) -> list[tuple]:
	"""(voucher, sums of debit and credit) on the receivable accounts."""
	gle = frappe.qb.DocType("GL Entry")
	return (
		frappe.qb.from_(gle)
		.select(
			gle.voucher_no,
			Sum(gle.debit),
			Sum(gle.credit),
			Sum(gle.debit_in_account_currency),
			Sum(gle.credit_in_account_currency),
		)
		.where(
			gle.voucher_no.isin(vouchers)
			& (gle.voucher_type == "Sales Invoice")
			& (gle.party_type == "Customer")
			& (gle.company == company)
			& (gle.is_cancelled == 0)
		)
		.groupby(gle.voucher_no)
		.run()
	)


def _tax_rows(company: str, vouchers: list[str], accounts: list[str]) -> list[tuple]:
	gle = frappe.qb.DocType("GL Entry")
	return (
		frappe.qb.from_(gle)
		.select(gle.voucher_no, gle.account, Sum(gle.credit - gle.debit))
		.where(
			gle.voucher_no.isin(vouchers)
			& (gle.voucher_type == "Sales Invoice")
			& gle.account.isin(accounts or [""])
			& (gle.company == company)
			& (gle.is_cancelled == 0)
		)
		.groupby(gle.voucher_no, gle.account)
		.run()
	)


def taxes_in_payments(
	company: str, invoices: Iterable[str], tax_accounts: Iterable[str], until: date | None = None
) -> dict[str, dict[str, Fraction]]:
	"""Return the tax that Payment Entries and Journal Entries with these invoices have reversed on these accounts: {invoice: {tax
	account: amount}}. An entry with several invoices has reversed the tax of each in proportion to what it settles. Entries of runs
	are left out. `until`: without entries after this day."""
	names, accounts = sorted(set(invoices)), sorted(set(tax_accounts))
	found: dict[str, dict[str, Fraction]] = defaultdict(lambda: defaultdict(Fraction))
	if not (names and accounts):
		return found
	settled: dict[str, dict[str, Fraction]] = defaultdict(lambda: defaultdict(Fraction))
	taxes: dict[str, dict[str, Fraction]] = defaultdict(lambda: defaultdict(Fraction))
	rows = (*_payment_rows(company, names, accounts, until), *_journal_rows(company, names, accounts, until))
	for entry, invoice, account, amount in rows:
		if account:
			taxes[entry][account] += Fraction(money(amount, 9))
		else:
			settled[entry][invoice] += Fraction(money(amount, 9))
	for entry, of_accounts in taxes.items():
		for invoice, amount in settled[entry].items():
			total = sum(one for one in settled[entry].values() if one * amount > 0)
			for account, tax in of_accounts.items():
				# Both are below 0 in an entry that reverses another one.
				if tax * amount > 0:
					found[invoice][account] += tax * amount / total
	return found


def _payment_rows(company: str, invoices: list[str], accounts: list[str], until: date | None) -> list[tuple]:
	"""The rows of the Payment Entries with these invoices and accounts: (entry, invoice, "", amount settled) and (entry, "", tax
	account, tax)."""
	entry, reference = frappe.qb.DocType("Payment Entry"), frappe.qb.DocType("Payment Entry Reference")
	query = (
		_payments_with_taxes(invoices, accounts)
		.inner_join(entry)
		.on(entry.name == reference.parent)
		.where(entry.company == company)
	)
	names = sorted({name for _invoice, name in _until(query, entry, until).run()})
	if not names:
		return []
	of_entries = {"parent": ("in", names), "parenttype": "Payment Entry"}
	references = frappe.get_all(
		"Payment Entry Reference",
		filters=of_entries,
		fields=["parent", "reference_name", "allocated_amount"],
		order_by=None,
	)
	deductions = frappe.get_all(
		"Payment Entry Deduction",
		filters={**of_entries, "account": ("in", accounts)},
		fields=["parent", "account", "amount"],
		order_by=None,
	)
	return [
		*((row.parent, row.reference_name, "", row.allocated_amount) for row in references),
		*((row.parent, "", row.account, row.amount) for row in deductions),
	]


def _journal_rows(company: str, invoices: list[str], accounts: list[str], until: date | None) -> list[tuple]:
	"""The same of the Journal Entries that are not of runs."""
	entry, row = frappe.qb.DocType("Journal Entry"), frappe.qb.DocType("Journal Entry Account")
	tax = frappe.qb.DocType("Journal Entry Account").as_("tax")
	query = (
		frappe.qb.from_(row)
		.inner_join(entry)
		.on(entry.name == row.parent)
		.inner_join(tax)
		.on(tax.parent == row.parent)
		.select(row.parent)
		.distinct()
		.where(
			(row.reference_type == "Sales Invoice")
			& row.reference_name.isin(invoices)
			& tax.account.isin(accounts)
			& (entry.company == company)
			& (entry.docstatus == 1)
			& (Coalesce(entry.write_off_run, "") == "")
			& (Coalesce(entry.write_off_tax_run, "") == "")
		)
	)
	names = _until(query, entry, until).run(pluck=True)
	if not names:
		return []
	rows = frappe.get_all(
		"Journal Entry Account",
		filters={"parent": ("in", names), "parenttype": "Journal Entry"},
		fields=["parent", "reference_name", "party_type", "account", "debit", "credit"],
		order_by=None,
	)
	return [
		*(
			(one.parent, one.reference_name or "", "", one.credit - one.debit)
			for one in rows
			if one.party_type == "Customer"
		),
		*((one.parent, "", one.account, one.debit - one.credit) for one in rows if one.account in accounts),
	]


def _until(query: QueryBuilder, entry: Table, until: date | None) -> QueryBuilder:
	return query.where(entry.posting_date <= until) if until else query


def _taxes_reversed_by_payments(names: list[str], tax_accounts: list[str]) -> dict[str, str]:
	"""{invoice: Payment Entry} of payments that have reversed tax already, for an early-payment discount."""
	return dict(_payments_with_taxes(names, tax_accounts).run())


def _payments_with_taxes(invoices: list[str], accounts: list[str]) -> QueryBuilder:
	"""(invoice, Payment Entry) of the payments of these invoices that have deductions on these accounts."""
	reference, deduction = (
		frappe.qb.DocType("Payment Entry Reference"),
		frappe.qb.DocType("Payment Entry Deduction"),
	)
	return (
		frappe.qb.from_(reference)
		.inner_join(deduction)
		.on(deduction.parent == reference.parent)
		.select(reference.reference_name, reference.parent)
		.where(
			(reference.reference_doctype == "Sales Invoice")
			& reference.reference_name.isin(invoices)
			& (reference.docstatus == 1)
			& deduction.account.isin(accounts or [""])
			& (deduction.amount != 0)
		)
		.orderby(reference.parent)
	)
