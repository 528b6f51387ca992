"""Details of a voucher from ERPNext, for the decision whether to write it off."""

from typing import Any

import frappe
from frappe.query_builder.functions import Sum
from frappe.utils import flt

ROWS = 50


def voucher_details(voucher_type: str, voucher_no: str) -> dict[str, Any]:
	"""Lines, settlements, dunnings, orders, subscription and dates of a voucher. Checks the read permission on the
	voucher."""
	doc = frappe.get_doc(voucher_type, voucher_no)
	doc.check_permission("read")
	details: dict[str, Any] = {
		"voucher_type": voucher_type,
		"voucher_no": voucher_no,
		"posting_date": doc.get("posting_date"),
		"status": doc.get("status"),
		"settlements": settlements(voucher_type, voucher_no),
	}
	if voucher_type == "Sales Invoice":
		details.update(invoice_details(doc))
	return details


def invoice_details(invoice: Any) -> dict[str, Any]:
	return {
		"customer": invoice.customer,
		"customer_name": invoice.customer_name,
		"due_date": invoice.due_date,
		"status": invoice.status,
		"currency": invoice.currency,
		"grand_total": invoice.grand_total,
		"outstanding_amount": invoice.outstanding_amount,
		"party_account_currency": invoice.party_account_currency,
		"is_return": invoice.is_return,
		"return_against": invoice.return_against,
		"subscription": invoice.get("subscription"),
		"lines": [
			{
				"item_code": row.item_code,
				"item_name": row.item_name,
				"qty": row.qty,
				"rate": row.rate,
				"amount": row.amount,
			}
			for row in invoice.items[:ROWS]
		],
		"more_lines": max(len(invoice.items) - ROWS, 0),
		"orders": sorted({row.sales_order for row in invoice.items if row.sales_order}),
		"delivery_notes": sorted({row.delivery_note for row in invoice.items if row.delivery_note}),
		"dunnings": dunnings(invoice.name),
	}


def settlements(voucher_type: str, voucher_no: str) -> list[dict[str, Any]]:
	"""Payments, credit notes and Journal Entries against the voucher, latest first."""
	return frappe.get_all(
		"Payment Ledger Entry",
		filters={
			"against_voucher_type": voucher_type,
			"against_voucher_no": voucher_no,
			"voucher_no": ("!=", voucher_no),
			"delinked": 0,
		},
		fields=[
			"posting_date",
			"voucher_type",
			"voucher_no",
			"amount_in_account_currency",
			"account_currency",
		],
		order_by="posting_date desc, creation desc",
		limit=ROWS,
	)


def dunnings(invoice: str) -> list[dict[str, Any]]:
	"""Submitted Dunnings of this invoice."""
	overdue = frappe.qb.DocType("Overdue Payment")
	dunning = frappe.qb.DocType("Dunning")
	return (
		frappe.qb.from_(overdue)
		.inner_join(dunning)
		.on(dunning.name == overdue.parent)
		.select(dunning.name, dunning.posting_date, dunning.dunning_type, dunning.status)
		.distinct()
		.where((overdue.sales_invoice == invoice) & (dunning.docstatus == 1))
		.orderby(dunning.posting_date)
		.limit(ROWS)
		.run(as_dict=True)
	)


def customer_balance(customer: str, company: str) -> float:
	"""The customer's present balance in company currency."""
	ple = frappe.qb.DocType("Payment Ledger Entry")
	total = (
		frappe.qb.from_(ple)
		.select(Sum(ple.amount))
		.where(
			(ple.company == company)
			& (ple.party_type == "Customer")
			& (ple.party == customer)
			& (ple.account_type == "Receivable")
			& (ple.delinked == 0)
		)
		.run()
	)[0][0]
	return flt(total)
