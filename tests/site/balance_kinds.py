"""Factories for every kind of open receivable balance."""

from __future__ import annotations

from typing import Any

import frappe

from tests.site.factories import (
	HL,
	TODAY,
	account,
	cost_center,
	credit_note,
	customer,
	debit_note,
	discount,
	invoice,
	journal,
	line,
	pay,
	payment,
	submitted,
)

FIRST = "2026-01-15"


def create_all_kinds() -> dict[str, Any]:
	"""Create one balance of each kind for Harbour Lights. Returns the vouchers by a label. Does not commit."""
	kinds: dict[str, Any] = {}
	kinds["invoice"] = invoice("Anchor Cafe", 100, FIRST)
	kinds["partly paid"] = invoice("Anchor Cafe", 80, FIRST)
	pay(kinds["partly paid"], 30, "2026-02-01")
	pay(invoice("Anchor Cafe", 60, FIRST))
	kinds["debit note"] = debit_note(kinds["invoice"], 7, "2026-02-02")
	kinds["opening invoice"] = opening_invoice("Breakwater Bar", 44)
	kinds["returned in part"] = invoice("Breakwater Bar", 50, FIRST)
	credit_note(kinds["returned in part"], 20, "2026-02-03")
	kinds["credit note"] = invoice("Compass Stores", 12, "2026-02-04", is_return=True)
	kinds["on account"] = payment("Dover Council", 25, "2026-03-01")
	kinds["advance journal"] = journal(
		line("House Bank", 35),
		line("Debtors", credit=35, party="Elm School", is_advance="Yes"),
		posting_date="2026-03-02",
	)
	kinds["opening journal"] = opening_journal(("Fischhaus Kiel", 18), ("Galeere Rostock", 27))
	kinds["two accounts"] = journal(
		line("Debtors", 9, party="Compass Stores"),
		line("Other Debtors", 11, party="Compass Stores"),
		line("Sales", credit=20),
		posting_date="2026-03-04",
	)
	kinds["foreign"] = invoice("Helios SARL", 100, FIRST, currency="EUR", rate=1.10)
	pay(kinds["foreign"], 40, "2026-03-05", rate=1.20)
	kinds["foreign credit"] = payment("Helios SARL", 5, "2026-03-06", rate=1.30)
	kinds["discounted"] = invoice("Galeere Rostock", 70, "2026-02-05")
	kinds["discounting"] = discount(kinds["discounted"], posting_date="2026-02-06")
	kinds["separate advance"] = separate_advance("Pacific Traders", 33)
	kinds["refund"] = refund("Pacific Traders", 6)
	kinds["on an order"] = order_advance("Pacific Traders", 15)
	return kinds


def opening_invoice(name: str, amount: float) -> Any:
	doc = invoice(name, amount, FIRST, is_opening="Yes", submit=False)
	doc.items[0].income_account = account("Temporary Opening")
	doc.submit()
	return doc


def opening_journal(*parties: tuple[str, float]) -> Any:
	"""An opening Journal Entry for several customers on one account, as an import creates it."""
	total = sum(amount for _name, amount in parties)
	return journal(
		*[line("Debtors", amount, party=name) for name, amount in parties],
		line("Temporary Opening", credit=total),
		posting_date="2026-01-01",
		voucher_type="Opening Entry",
		is_opening="Yes",
	)


def separate_advance(name: str, amount: float) -> Any:
	"""An advance booked in a separate liability account until it is allocated."""
	frappe.db.set_value(
		"Company",
		HL,
		{
			"book_advance_payments_in_separate_party_account": 1,
			"default_advance_received_account": account("Customer Advances"),
		},
	)
	frappe.clear_document_cache("Company", HL)
	advance = payment(
		name,
		amount,
		"2026-03-07",
		paid_from=account("Customer Advances"),
		book_advance_payments_in_separate_party_account=1,
	)
	frappe.db.set_value("Company", HL, "book_advance_payments_in_separate_party_account", 0)
	frappe.clear_document_cache("Company", HL)
	return advance


def refund(name: str, amount: float) -> Any:
	"""An unallocated refund to a customer."""
	doc = frappe.new_doc("Payment Entry")
	doc.update(
		{
			"payment_type": "Pay",
			"company": HL,
			"posting_date": "2026-03-08",
			"party_type": "Customer",
			"party": name,
			"paid_from": account("House Bank"),
			"paid_from_account_currency": "USD",
			"paid_to": account("Debtors"),
			"paid_to_account_currency": "USD",
			"paid_amount": amount,
			"received_amount": amount,
			"source_exchange_rate": 1,
			"target_exchange_rate": 1,
			"reference_no": "BANK",
			"reference_date": "2026-03-08",
		}
	)
	doc.setup_party_account_field()
	doc.set_missing_values()
	return submitted(doc)


def order(name: str, amount: float) -> Any:
	doc = frappe.new_doc("Sales Order")
	doc.update(
		{
			"customer": name,
			"company": HL,
			"transaction_date": "2026-03-01",
			"delivery_date": TODAY,
			"currency": "USD",
			"conversion_rate": 1,
			"selling_price_list": "Standard Selling",
			"price_list_currency": "USD",
			"plc_conversion_rate": 1,
			"ignore_pricing_rule": 1,
			"items": [{"item_code": "Mooring Fee", "qty": 1, "rate": amount, "delivery_date": TODAY}],
		}
	)
	return submitted(doc)


def order_advance(name: str, amount: float) -> Any:
	"""A payment on a Sales Order that is not invoiced yet."""
	of = order(name, amount * 2)
	return payment(
		name,
		amount,
		"2026-03-09",
		references=[
			{"reference_doctype": "Sales Order", "reference_name": of.name, "allocated_amount": amount}
		],
	)


def dunning(of: Any, and_of: Any = None) -> Any:
	"""A Dunning with a fee for one or two overdue invoices."""
	from erpnext.accounts.doctype.sales_invoice.sales_invoice import create_dunning

	doc = create_dunning(of.name)
	if and_of:
		doc = create_dunning(and_of.name, doc)
	doc.update(
		{
			"dunning_fee": 2.5,
			"income_account": account("Sales"),
			"cost_center": cost_center(),
			"posting_date": TODAY,
		}
	)
	return submitted(doc)


def subscription(name: str, amount: float) -> tuple[Any, Any]:
	"""A monthly Subscription and its first invoice."""
	plan = frappe.new_doc("Subscription Plan")
	plan.update(
		{
			"plan_name": f"Harbour News at {amount}",
			"item": "Harbour News",
			"currency": "USD",
			"price_determination": "Fixed Rate",
			"cost": amount,
			"billing_interval": "Month",
			"billing_interval_count": 1,
		}
	)
	plan.insert()
	doc = frappe.new_doc("Subscription")
	doc.update(
		{
			"party_type": "Customer",
			"party": name,
			"company": HL,
			"start_date": FIRST,
			"generate_invoice_at": "Beginning of the current subscription period",
			"submit_invoice": 1,
			"days_until_due": 10,
			"cost_center": cost_center(),
			"plans": [{"plan": plan.name, "qty": 1}],
		}
	)
	doc.insert()
	doc.process(FIRST)
	[bill] = doc.invoices
	return doc, frappe.get_doc("Sales Invoice", bill.name)


def receivable_report(company: str = HL, date: str = TODAY) -> dict[tuple, float]:
	"""Open balances of ERPNext's Accounts Receivable report in company currency, by voucher, account and customer."""
	from erpnext.accounts.report.accounts_receivable.accounts_receivable import execute

	filters = frappe._dict(
		company=company,
		report_date=date,
		party_type="Customer",
		ageing_based_on="Due Date",
		range="30, 60, 90, 120",
	)
	rows = execute(filters)[1]
	return {
		(row.voucher_type, row.voucher_no, row.party_account, row.party): row.outstanding
		for row in rows
		if row.get("voucher_no")
	}


__all__ = ["create_all_kinds", "customer", "receivable_report"]
