"""All open balances of ERPNext's Accounts Receivable report are found or excluded with a reason."""

from __future__ import annotations

from typing import Any

import frappe

from ar_writeoff.ledger.versions import order_advances_on_payments
from tests.site.balance_kinds import create_all_kinds, receivable_report
from tests.site.run_helpers import run, settings


def found_by(*runs: Any) -> dict[tuple, Any]:
	"""The items of these runs by voucher, account and customer."""
	return {
		(row.voucher_type, row.voucher_no, row.receivable_account, row.customer): row
		for doc in runs
		for row in frappe.get_all(
			"Write-Off Run Item", filters={"run": doc.name}, fields=["*"], order_by="name asc"
		)
	}


def test_found_equals_the_accounts_receivable_report():
	"""Every debit and credit balance of a company with every kind is found or excluded with a reason.

	The report names some of them by the document that moved them, we by the document they belong to: a discounted
	invoice by the discounting instead of the invoice and, on ERPNext 15.71, an advance by its payment instead of the
	order. On 15.102 and 16 the ledger too has the advance on its payment.
	"""
	kinds = create_all_kinds()
	settings(customer_credits="Ignore")
	found = found_by(run(balance_type="Debit"), run(balance_type="Credit"))
	report = receivable_report()

	advance = ("Payment Entry", kinds["on an order"].name)
	order = ("Sales Order", frappe.db.get_value("Sales Order", {}, "name"))
	on_order = advance if order_advances_on_payments() else order
	other_names = {
		advance: on_order,
		("Invoice Discounting", kinds["discounting"].name): ("Sales Invoice", kinds["discounted"].name),
	}
	report = {(*other_names.get(key[:2], key[:2]), *key[2:]): amount for key, amount in report.items()}
	assert {key: row.base_outstanding_amount for key, row in found.items()} == report

	left_out = {row.voucher_no: row.reason_code for row in found.values() if row.status == "Excluded"}
	assert left_out == {
		kinds["separate advance"].name: "separate_advance",
		kinds["refund"].name: "refund",
		kinds["discounted"].name: "discounted",
		on_order[1]: "on_order",
	}
	assert {
		(row.reason_doctype, row.reason_name) for row in found.values() if row.reason_code == "on_order"
	} == {order}
	for row in found.values():
		if row.status == "Excluded":
			assert row.message and not row.selected
			assert frappe.db.exists(row.reason_doctype, row.reason_name), row.reason_code
		else:
			assert row.selected and not row.message
