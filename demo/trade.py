"""Two years of transactions: invoices, most of them paid, and typical problems with the rest."""

from __future__ import annotations

import datetime
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import frappe
from frappe.utils import add_days, flt, getdate, nowdate

from demo.books import ABBR, COMPANY, CURRENCY, EURO, EURO_RATE, ITEMS, make
from tests.site.bulk_copy import Copy, Payment, copy_invoices, copy_payments

DAYS = 720
DUE_IN = 30

# Shares of copied invoices by outcome; the rest stays open.
PAID, SHORT_PAID = 0.76, 0.82

CHARGES = ("0.50", "1.50", "2.50", "5.00", "7.50")  # what banks keep of a payment


@dataclass(frozen=True)
class Bill:
	"""An invoice to copy, and the amount its customer pays."""

	copy: Copy
	paid: Decimal
	paid_on: str


def two_years(chance: random.Random, customers: list[str], count: int) -> None:
	"""Create the invoices of all customers, with payments, returns, credits, overpayments, disputes and dunnings."""
	# Set all in one query: saving a thousand documents would take as long as the invoices.
	in_euro = named(default_currency=EURO)
	abroad = [name for name in customers if name in in_euro]
	at_home = [name for name in customers if name not in in_euro]
	templates = [
		(item, invoice(names[0], price, DAYS, item=item), names)
		for item, (_group, price) in ITEMS.items()
		for names in (at_home, abroad)
		if names
	]
	number = iter(range(1, count + 1))
	for item, template, names in templates:
		share = count * len(names) // len(customers) // len(ITEMS)
		bills = list(copied(chance, names, share, Decimal(ITEMS[item][1]), number))
		copy_invoices(template, [bill.copy for bill in bills])
		paid = receive(names[0], template.grand_total, DAYS - 25, template)
		copy_payments(
			paid,
			[
				Payment(
					f"{bill.copy.name}-P", bill.copy.name, str(bill.copy.customer), bill.paid_on, bill.paid
				)
				for bill in bills
				if bill.paid
			],
		)
		frappe.db.commit()
	held_back = named(is_frozen=1) | named(disabled=1)
	create_single_documents(chance, [name for name in at_home if name not in held_back])


def copied(
	chance: random.Random, customers: list[str], count: int, price: Decimal, number: Iterator[int]
) -> Iterator[Bill]:
	"""Invoices of one item, at its price or over a small amount such as postage."""
	today = getdate(nowdate())
	for _ in range(count):
		fate = chance.random()
		age = chance.randint(45, DAYS - 1) if fate < SHORT_PAID else open_age(chance)
		amount = price * chance.randint(1, 4) if fate < SHORT_PAID or chance.random() < 0.4 else small(chance)
		date = today - datetime.timedelta(days=age)
		copy = Copy(
			name=f"LP-{date:%y}-{next(number):05d}",
			posting_date=str(date),
			due_date=str(date + datetime.timedelta(days=DUE_IN)),
			amount=amount,
			customer=chance.choice(customers),
		)
		paid = Decimal(0)
		if fate < PAID:
			paid = amount
		elif fate < SHORT_PAID:
			paid = amount - Decimal(chance.choice(CHARGES))
		yield Bill(copy, paid, str(date + datetime.timedelta(days=chance.randint(5, 44))))


def small(chance: random.Random) -> Decimal:
	return Decimal(str(round(chance.uniform(0.05, 25), 2)))


def open_age(chance: random.Random) -> int:
	"""Age in days: mostly recent, with a long tail."""
	return min(int(chance.expovariate(1 / 120)) + 1, DAYS - 1)


def create_single_documents(chance: random.Random, customers: list[str]) -> None:
	"""Create through ERPNext what is not copied."""
	for customer in chance.sample(customers, min(20, len(customers))):
		bill = invoice(customer, 120, chance.randint(60, 500), item="Online Archive, one year")
		returned(bill, chance.choice([20, 40, 60, 110.5]))
	for customer in chance.sample(customers, min(20, len(customers))):
		amount, age = round(chance.uniform(0.5, 40), 2), chance.randint(30, 500)
		invoice(customer, amount, age, item="Lakes and Legends", is_return=True)
	for customer in chance.sample(customers, min(15, len(customers))):
		receive(customer, round(chance.uniform(1, 60), 2), chance.randint(20, 400))
	disputed(chance)
	dunned(chance)


def named(**filters: Any) -> set[str]:
	"""Customers with this property."""
	return set(frappe.get_all("Customer", filters=filters, pluck="name", order_by="name asc"))


def disputed(chance: random.Random) -> None:
	"""Tag and comment some customers as disputing their balance."""
	from frappe.desk.doctype.tag.tag import add_tag

	for name in overdue(chance, 25, lambda row: row.outstanding_amount < 400):
		add_tag("Disputed", "Sales Invoice", name)
		frappe.get_doc("Sales Invoice", name).add_comment(
			"Comment", "The customer says this was cancelled in time."
		)


def dunned(chance: random.Random) -> None:
	"""Dunnings with a fee."""
	from erpnext.accounts.doctype.sales_invoice.sales_invoice import create_dunning

	kind = make(
		"Dunning Type",
		dunning_type="Second Reminder",
		company=COMPANY,
		dunning_fee=2.5,
		income_account=f"Sales - {ABBR}",
		cost_center=f"Main - {ABBR}",
		dunning_letter_text=[{"language": "en", "body_text": "Please pay within ten days."}],
	)
	for name in overdue(chance, 8, lambda row: row.currency == CURRENCY and row.outstanding_amount > 20):
		doc = create_dunning(name)
		doc.update({"dunning_type": kind.name, "dunning_fee": 2.5, "income_account": f"Sales - {ABBR}"})
		doc.docstatus = 1
		doc.insert(ignore_permissions=True)


def overdue(chance: random.Random, count: int, wanted: Callable[[Any], bool]) -> list[str]:
	rows = frappe.get_all(
		"Sales Invoice",
		filters={"docstatus": 1, "status": "Overdue", "company": COMPANY},
		fields=["name", "outstanding_amount", "currency"],
		order_by="name asc",
	)
	names = [row.name for row in rows if wanted(row)]
	return chance.sample(names, min(count, len(names)))


# ----------------------------------------------------------------------------------- one document at a time


def currency_of(customer: str) -> str:
	return frappe.get_cached_value("Customer", customer, "default_currency") or CURRENCY


def invoice(customer: str, amount: float, age: int, *, item: str, is_return: bool = False) -> Any:
	"""A submitted invoice dated so many days ago, due after 30 days."""
	currency = currency_of(customer)
	rate = EURO_RATE if currency == EURO else 1
	date = add_days(nowdate(), -age)
	doc = frappe.new_doc("Sales Invoice")
	doc.update(
		{
			"customer": customer,
			"company": COMPANY,
			"set_posting_time": 1,
			"posting_date": date,
			"due_date": date if is_return else add_days(date, DUE_IN),
			"currency": currency,
			"conversion_rate": rate,
			"selling_price_list": "Standard Selling",
			"price_list_currency": currency,
			"plc_conversion_rate": rate,
			"ignore_pricing_rule": 1,
			"disable_rounded_total": 1,
			"is_return": int(is_return),
			"update_outstanding_for_self": int(is_return),
		}
	)
	cost_center = "Advertising Sales" if item == "Half-page Advertisement" else "Editorial"
	doc.append(
		"items",
		{
			"item_code": item,
			"qty": -1 if is_return else 1,
			"rate": amount,
			"price_list_rate": amount,
			"income_account": f"Sales - {ABBR}",
			"cost_center": f"{cost_center} - {ABBR}",
		},
	)
	doc.cost_center = f"{cost_center} - {ABBR}"
	doc.docstatus = 1
	return doc.insert(ignore_permissions=True)


def returned(bill: Any, amount: float) -> Any:
	"""A credit note that reduces the balance of its invoice."""
	from erpnext.controllers.sales_and_purchase_return import make_return_doc

	doc = make_return_doc("Sales Invoice", bill.name)
	date = add_days(bill.posting_date, 10)
	doc.update(
		{
			"set_posting_time": 1,
			"posting_date": date,
			"due_date": date,
			"update_outstanding_for_self": 0,
			"update_billed_amount_in_sales_order": 0,
			"update_billed_amount_in_delivery_note": 0,
			"disable_rounded_total": 1,
			"payment_schedule": [],
		}
	)
	for row in doc.items:
		row.qty, row.rate, row.price_list_rate = -1, amount, amount
	# ERPNext needs the total before it is calculated, to decide whose balance it reduces.
	doc.run_method("calculate_taxes_and_totals")
	doc.insert(ignore_permissions=True)
	return doc.submit()


def receive(customer: str, amount: float, age: int, bill: Any = None) -> Any:
	"""A payment in the currency of the customer's account, for an invoice or on account."""
	currency = currency_of(customer)
	rate = EURO_RATE if currency == EURO else 1
	amount, date = flt(amount, 2), add_days(nowdate(), -max(age, 0))
	doc = frappe.new_doc("Payment Entry")
	doc.update(
		{
			"payment_type": "Receive",
			"company": COMPANY,
			"posting_date": date,
			"party_type": "Customer",
			"party": customer,
			"paid_from": f"Debtors EUR - {ABBR}" if currency == EURO else f"Debtors - {ABBR}",
			"paid_from_account_currency": currency,
			"paid_to": f"Lakeside Bank - {ABBR}",
			"paid_to_account_currency": CURRENCY,
			"paid_amount": amount,
			"received_amount": flt(amount * rate, 2),
			"source_exchange_rate": rate,
			"target_exchange_rate": 1,
			"reference_no": "TRANSFER",
			"reference_date": date,
		}
	)
	if bill:
		row = {"reference_doctype": "Sales Invoice", "reference_name": bill.name, "allocated_amount": amount}
		doc.append("references", row)
	doc.setup_party_account_field()
	doc.set_missing_values()
	doc.docstatus = 1
	return doc.insert(ignore_permissions=True)
