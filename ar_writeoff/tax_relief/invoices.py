"""The tax of invoices, from their own General Ledger entries."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

import frappe
from frappe.query_builder.functions import Sum

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


def _taxes_reversed_by_payments(names: list[str], tax_accounts: list[str]) -> dict[str, str]:
	"""{invoice: Payment Entry} of payments that have reversed tax already, for an early-payment discount."""
	reference, deduction = (
		frappe.qb.DocType("Payment Entry Reference"),
		frappe.qb.DocType("Payment Entry Deduction"),
	)
	return dict(
		frappe.qb.from_(reference)
		.inner_join(deduction)
		.on(deduction.parent == reference.parent)
		.select(reference.reference_name, reference.parent)
		.where(
			(reference.reference_doctype == "Sales Invoice")
			& reference.reference_name.isin(names)
			& (reference.docstatus == 1)
			& deduction.account.isin(tax_accounts or [""])
			& (deduction.amount != 0)
		)
		.orderby(reference.parent)
		.run()
	)
