"""The demo's company: a small publisher with many customers and the balances that pile up in such a business.

Lakeside Publishing sells subscriptions, books and advertising. Customers short-pay by their bank's charges, forget the
postage, disappear, dispute, overpay. Dates run back from today, everything else comes from one fixed seed.

Every kind of thing is made through ERPNext; the bulk of the open invoices is copied from real ones in the database.
"""

from __future__ import annotations

import datetime
import random
from decimal import Decimal
from typing import Any

import frappe
from frappe.utils import add_days, flt, getdate, nowdate

from tests.site.volume import Copy, copy_invoices

COMPANY, ABBR, CURRENCY = "Lakeside Publishing Ltd", "LP", "USD"
PASSWORD = "lakeside"

# login -> (name, roles, what the person is for)
USERS = {
	"anna@lakeside.example": ("Anna Berg", ["Accounts User"], "prepares runs (Accounts User)"),
	"mark@lakeside.example": (
		"Mark Lund",
		["Accounts Manager", "Accounts User"],
		"posts and reverses (Accounts Manager)",
	),
	"ines@lakeside.example": ("Ines Vidal", ["Auditor"], "looks, changes nothing (Auditor)"),
}

CUSTOMER_COUNT = 300
COPIES_EACH = (4, 22)  # open invoices a customer, besides the real one

CUSTOMER_GROUPS = {
	"Institutions": ["Libraries", "Universities", "Schools"],
	"Trade": ["Bookshops", "Wholesalers", "Newsagents"],
	"Private": ["Subscribers"],
}
TERRITORIES = {
	"North": ["Lake District", "Highlands"],
	"South": ["Coast", "Capital"],
	"Abroad": ["Euro Area"],
}
ITEM_GROUPS = {
	"Subscriptions": ["Magazines", "Online Access"],
	"Books": ["Trade Books", "Textbooks"],
	"Advertising": ["Print Ads"],
}
ITEMS = {
	"Quarterly Review, one year": ("Magazines", 48),
	"Online Archive, one year": ("Online Access", 120),
	"Lakes and Legends": ("Trade Books", 24.9),
	"Introduction to Limnology": ("Textbooks", 89),
	"Half-page Advertisement": ("Print Ads", 640),
}

FIRST = (
	"Alder Birch Cedar Dogwood Elm Fern Gorse Hazel Ivy Juniper Kestrel Linden Maple Nettle Oak Poplar Quince Rowan "
	"Sorrel Thistle Umber Vetch Willow Yarrow Ash Bramble Clover Drake Ember Falcon Grove Heron Iris Jasmine Lark"
).split()
SECOND = {
	"Libraries": ["Town Library", "County Library", "Reading Room"],
	"Universities": ["University", "College", "Institute"],
	"Schools": ["School", "Academy", "Grammar School"],
	"Bookshops": ["Books", "Bookshop", "& Daughters Booksellers"],
	"Wholesalers": ["Book Wholesale", "Distribution", "Media Trade"],
	"Newsagents": ["News", "Kiosk", "Corner Shop"],
	"Subscribers": [
		"Ahlberg",
		"Brandt",
		"Conti",
		"Duarte",
		"Eriksen",
		"Fontaine",
		"Grey",
		"Hofer",
		"Ivanova",
		"Jansen",
	],
}


def lay() -> None:
	"""Fill a site that has ERPNext and this app, and nothing else."""
	frappe.set_user("Administrator")
	frappe.flags.in_import = False
	frappe.flags.mute_messages = True
	chance = random.Random(20260630)
	complete_setup()
	years()
	for doctype, branches in (
		("Customer Group", CUSTOMER_GROUPS),
		("Territory", TERRITORIES),
		("Item Group", ITEM_GROUPS),
	):
		tree(doctype, branches)
	accounts()
	items()
	users()
	frappe.db.commit()
	customers = make_customers(chance)
	frappe.db.commit()
	open_invoices(chance, customers)
	short_payments(chance, customers)
	credits_and_overpayments(chance, customers)
	write_off_settings()
	frappe.db.commit()
	frappe.clear_cache()


def complete_setup() -> None:
	from frappe.desk.page.setup_wizard.setup_wizard import setup_complete

	year = getdate(nowdate()).year
	setup_complete(
		{
			"language": "English",
			"country": "United States",
			"currency": CURRENCY,
			"timezone": "America/New_York",
			"full_name": "Administrator",
			"email": "",
			"password": "",
			"company_name": COMPANY,
			"company_abbr": ABBR,
			"chart_of_accounts": "Standard",
			"fy_start_date": f"{year}-01-01",
			"fy_end_date": f"{year}-12-31",
			"domain": "Services",
			"enable_telemetry": 0,
			"setup_demo": 0,
		}
	)
	for field, value in {
		"enable_onboarding": 0,
		"enable_password_policy": 0,
		"disable_change_log_notification": 1,
	}.items():
		if frappe.get_meta("System Settings").has_field(field):
			frappe.db.set_single_value("System Settings", field, value)
	frappe.db.set_single_value("Selling Settings", "sales_update_frequency", "Monthly")
	frappe.db.set_single_value("Selling Settings", "cust_master_name", "Customer Name")
	frappe.db.set_value("Company", COMPANY, "enable_perpetual_inventory", 0)


def years() -> None:
	this = getdate(nowdate()).year
	for year in range(this - 3, this + 2):
		if not frappe.db.exists("Fiscal Year", {"year_start_date": f"{year}-01-01"}):
			make(
				"Fiscal Year", year=str(year), year_start_date=f"{year}-01-01", year_end_date=f"{year}-12-31"
			)
	if not frappe.db.exists("Currency Exchange", {"from_currency": "EUR", "to_currency": CURRENCY}):
		rates = {
			"from_currency": "EUR",
			"to_currency": CURRENCY,
			"exchange_rate": 1.1,
			"for_buying": 1,
			"for_selling": 1,
		}
		make("Currency Exchange", date=f"{this - 3}-01-01", **rates)
	frappe.db.set_value("Currency", "EUR", "enabled", 1)


def tree(doctype: str, branches: dict[str, list[str]]) -> None:
	name_field = "item_group_name" if doctype == "Item Group" else f"{frappe.scrub(doctype)}_name"
	parent_field = f"parent_{frappe.scrub(doctype)}"
	root = f"All {doctype.replace('Territory', 'Territorie')}s"
	for branch, leaves in branches.items():
		if not frappe.db.exists(doctype, branch):
			make(doctype, **{name_field: branch, parent_field: root, "is_group": 1})
		for leaf in leaves:
			if not frappe.db.exists(doctype, leaf):
				make(doctype, **{name_field: leaf, parent_field: branch, "is_group": 0})


def accounts() -> None:
	def account(name: str, parent: str, **values: Any) -> str:
		values = {"account_currency": CURRENCY, **values}
		return make(
			"Account", account_name=name, parent_account=f"{parent} - {ABBR}", company=COMPANY, **values
		).name

	account("Bad Debt Expense", "Indirect Expenses", account_type="Expense Account")
	account("Small Balances Written Off", "Indirect Expenses", account_type="Expense Account")
	account("Unclaimed Credits", "Indirect Income", account_type="Income Account")
	account("Debtors EUR", "Accounts Receivable", account_type="Receivable", account_currency="EUR")
	bank = account("Lakeside Bank", "Bank Accounts", account_type="Bank")
	frappe.db.set_value("Company", COMPANY, "default_bank_account", bank)
	for name in ("Editorial", "Advertising Sales"):
		make("Cost Center", cost_center_name=name, parent_cost_center=f"{COMPANY} - {ABBR}", company=COMPANY)


def items() -> None:
	for item, (group, _price) in ITEMS.items():
		make("Item", item_code=item, item_group=group, stock_uom="Nos", is_stock_item=0, is_purchase_item=0)


def users() -> None:
	for email, (name, roles, _purpose) in USERS.items():
		first, last = name.split()
		make(
			"User",
			email=email,
			first_name=first,
			last_name=last,
			send_welcome_email=0,
			new_password=PASSWORD,
			roles=[{"role": role} for role in roles],
		)


def make_customers(chance: random.Random) -> list[str]:
	"""Three hundred of them; every twentieth in the euro area with an account of its own."""
	groups = [leaf for leaves in CUSTOMER_GROUPS.values() for leaf in leaves]
	places = [leaf for branch, leaves in TERRITORIES.items() if branch != "Abroad" for leaf in leaves]
	names: list[str] = []
	seen: set[str] = set()
	while len(names) < CUSTOMER_COUNT:
		group = chance.choice(groups)
		name = f"{chance.choice(FIRST)} {chance.choice(SECOND[group])}"
		if name in seen:
			name += f" {chance.choice(['North', 'South', 'East', 'West', 'Hill', 'Bridge', 'Green', 'Mill'])}"
		if name in seen:
			continue
		seen.add(name)
		abroad = len(names) % 20 == 19
		make(
			"Customer",
			customer_name=name,
			customer_type="Individual" if group == "Subscribers" else "Company",
			customer_group=group,
			territory="Euro Area" if abroad else chance.choice(places),
			default_currency="EUR" if abroad else None,
			accounts=[{"company": COMPANY, "account": f"Debtors EUR - {ABBR}"}] if abroad else [],
		)
		names.append(name)
	for name in names[7::60]:
		if frappe.get_meta("Customer").has_field("exclude_from_write_off"):
			frappe.db.set_value("Customer", name, "exclude_from_write_off", 1)
	return names


def invoice(customer: str, amount: float, age: int, *, item: str, is_return: bool = False) -> Any:
	"""A submitted invoice dated so many days ago, due after 30 days."""
	abroad = frappe.get_cached_value("Customer", customer, "default_currency") == "EUR"
	date = add_days(nowdate(), -age)
	doc = frappe.new_doc("Sales Invoice")
	doc.update(
		{
			"customer": customer,
			"company": COMPANY,
			"set_posting_time": 1,
			"posting_date": date,
			"due_date": date if is_return else add_days(date, 30),
			"currency": "EUR" if abroad else CURRENCY,
			"conversion_rate": 1.1 if abroad else 1,
			"selling_price_list": "Standard Selling",
			"price_list_currency": "EUR" if abroad else CURRENCY,
			"plc_conversion_rate": 1.1 if abroad else 1,
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


def some_amount(chance: random.Random) -> float:
	"""Many small, some ordinary, a few large."""
	kind = chance.random()
	if kind < 0.30:
		return round(chance.uniform(0.05, 5), 2)
	if kind < 0.60:
		return round(chance.uniform(5, 25), 2)
	if kind < 0.90:
		return round(chance.uniform(25, 250), 2)
	return round(chance.uniform(250, 5000), 2)


def some_age(chance: random.Random) -> int:
	"""In days: mostly recent, with a long tail."""
	return min(int(chance.expovariate(1 / 160)) + 1, 720)


def open_invoices(chance: random.Random, customers: list[str]) -> None:
	items = list(ITEMS)
	number = 0
	for customer in customers:
		item = chance.choice(items)
		template = invoice(customer, ITEMS[item][1], some_age(chance), item=item)
		copies = []
		for _ in range(chance.randint(*COPIES_EACH)):
			number += 1
			date = getdate(add_days(nowdate(), -some_age(chance)))
			copies.append(
				Copy(
					name=f"LP-{date:%y}-{number:05d}",
					posting_date=str(date),
					due_date=str(date + datetime.timedelta(days=30)),
					amount=Decimal(str(some_amount(chance))),
				)
			)
		copy_invoices(template, copies)
	frappe.db.commit()


def short_payments(chance: random.Random, customers: list[str]) -> None:
	"""Paid, but for the bank's charges or a discount taken too late: the classic small balance."""
	at_home = [
		name for name in customers if frappe.get_cached_value("Customer", name, "default_currency") != "EUR"
	]
	for customer in chance.sample(at_home, 100):
		item = chance.choice(list(ITEMS))
		price, age = ITEMS[item][1], chance.randint(60, 600)
		bill = invoice(customer, price, age, item=item)
		missing = chance.choice([1.5, 2.5, 5, 7.5, flt(price * 0.02, 2), flt(price * 0.03, 2)])
		receive(customer, price - missing, age - 25, bill)
	frappe.db.commit()


def credits_and_overpayments(chance: random.Random, customers: list[str]) -> None:
	at_home = [
		name for name in customers if frappe.get_cached_value("Customer", name, "default_currency") != "EUR"
	]
	for customer in chance.sample(at_home, 50):
		item = chance.choice(list(ITEMS))
		invoice(
			customer, round(chance.uniform(0.5, 40), 2), chance.randint(30, 500), item=item, is_return=True
		)
	for customer in chance.sample(at_home, 25):
		receive(customer, round(chance.uniform(1, 60), 2), chance.randint(20, 400))
	frappe.db.commit()


def receive(customer: str, amount: float, age: int, bill: Any = None) -> None:
	amount, date = flt(amount, 2), add_days(nowdate(), -max(age, 1))
	doc = frappe.new_doc("Payment Entry")
	doc.update(
		{
			"payment_type": "Receive",
			"company": COMPANY,
			"posting_date": date,
			"party_type": "Customer",
			"party": customer,
			"paid_from": f"Debtors - {ABBR}",
			"paid_from_account_currency": CURRENCY,
			"paid_to": f"Lakeside Bank - {ABBR}",
			"paid_to_account_currency": CURRENCY,
			"paid_amount": amount,
			"received_amount": amount,
			"source_exchange_rate": 1,
			"target_exchange_rate": 1,
			"reference_no": f"TRF {date}",
			"reference_date": date,
		}
	)
	if bill:
		row = {"reference_doctype": "Sales Invoice", "reference_name": bill.name, "allocated_amount": amount}
		doc.append("references", row)
	doc.setup_party_account_field()
	doc.set_missing_values()
	doc.docstatus = 1
	doc.insert(ignore_permissions=True)


def write_off_settings() -> None:
	make(
		"Write-Off Settings",
		company=COMPANY,
		bad_debt_account=f"Bad Debt Expense - {ABBR}",
		credit_write_off_account=f"Unclaimed Credits - {ABBR}",
		cost_center=f"Main - {ABBR}",
		max_invoice_amount=10,
		minimum_age_days=90,
		default_reason="Small Balance",
	)


def make(doctype: str, **values: Any) -> Any:
	doc = frappe.new_doc(doctype)
	doc.update({key: value for key, value in values.items() if value is not None})
	doc.flags.ignore_permissions = doc.flags.ignore_password_policy = True
	return doc.insert()
