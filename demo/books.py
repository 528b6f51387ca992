"""The demo's company and master data: a small publisher with many customers and typical small balances.

Lakeside Publishing sells subscriptions, books and advertising. Customers pay less their bank's charges, forget the
postage, disappear, dispute and overpay. Dates run back from today; everything else comes from a fixed seed.

Documents of each kind are created through ERPNext; most invoices and payments are then copied in the database. The two
years of transactions are in `trade.py`, the write-offs in `runs.py`.
"""

from __future__ import annotations

import random
from typing import Any

import frappe
from frappe.utils import getdate, nowdate

COMPANY, ABBR, CURRENCY = "Lakeside Publishing Ltd", "LP", "USD"
EURO = "EUR"
EURO_RATE = 1.1
PASSWORD = "lakeside"

# login: (name, roles, purpose)
USERS = {
	"anna@lakeside.example": ("Anna Berg", ["Accounts User"], "prepares runs (Accounts User)"),
	"mark@lakeside.example": (
		"Mark Lund",
		["Accounts Manager", "Accounts User"],
		"posts and reverses (Accounts Manager)",
	),
	"lena@lakeside.example": (
		"Lena Moser",
		["Accounts Manager", "Accounts User"],
		"second approver (Accounts Manager)",
	),
	"ines@lakeside.example": ("Ines Vidal", ["Auditor"], "looks, changes nothing (Auditor)"),
}

CUSTOMER_COUNT = 1_000
INVOICE_COUNT = 20_000

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


PLACES = ("North", "South", "East", "West", "Hill", "Bridge", "Green", "Mill", "Park", "Quay")


def create_books(customer_count: int = CUSTOMER_COUNT, invoice_count: int = INVOICE_COUNT) -> None:
	"""Fill a site on which only ERPNext and this app are installed."""
	from demo import runs, trade

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
	customers = make_customers(chance, customer_count)
	frappe.db.commit()
	trade.two_years(chance, customers, invoice_count)
	frappe.db.commit()
	runs.write_off(chance)
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
	if not frappe.db.exists("Currency Exchange", {"from_currency": EURO, "to_currency": CURRENCY}):
		rates = {
			"from_currency": EURO,
			"to_currency": CURRENCY,
			"exchange_rate": EURO_RATE,
			"for_buying": 1,
			"for_selling": 1,
		}
		make("Currency Exchange", date=f"{this - 3}-01-01", **rates)
	frappe.db.set_value("Currency", EURO, "enabled", 1)


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
	account("Debtors EUR", "Accounts Receivable", account_type="Receivable", account_currency=EURO)
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


def make_customers(chance: random.Random, count: int) -> list[str]:
	"""Create the customers. Every twentieth is in the euro area with an account of its own; some are disabled, frozen
	or excluded.

	One of each kind is created through ERPNext, the others are copies.
	"""
	groups = [leaf for leaves in CUSTOMER_GROUPS.values() for leaf in leaves]
	places = [leaf for branch, leaves in TERRITORIES.items() if branch != "Abroad" for leaf in leaves]
	names: dict[str, tuple[str, str]] = {}
	while len(names) < count:
		group = chance.choice(groups)
		name = f"{chance.choice(FIRST)} {chance.choice(SECOND[group])}"
		if name in names:
			name += f" {chance.choice(PLACES)}"
		if name not in names:
			abroad = len(names) % 20 == 19
			names[name] = group, "Euro Area" if abroad else chance.choice(places)
	first_of: dict[bool, str] = {}
	for name, (group, territory) in names.items():
		abroad = territory == "Euro Area"
		if abroad not in first_of:
			make(
				"Customer",
				customer_name=name,
				customer_type=customer_type(group),
				customer_group=group,
				territory=territory,
				default_currency=EURO if abroad else None,
				accounts=[{"company": COMPANY, "account": f"Debtors EUR - {ABBR}"}] if abroad else [],
			)
			first_of[abroad] = name
	for abroad, first in first_of.items():
		copy_customer(
			first,
			{
				name: values
				for name, values in names.items()
				if (values[1] == "Euro Area") == abroad and name != first
			},
		)
	ordered = list(names)
	for field, which in {
		"exclude_from_write_off": ordered[7::60],
		"is_frozen": ordered[33::250],
		"disabled": ordered[48::250],
	}.items():
		for name in which:
			frappe.db.set_value("Customer", name, field, 1)
	return ordered


def customer_type(group: str) -> str:
	return "Individual" if group == "Subscribers" else "Company"


def copy_customer(template: str, others: dict[str, tuple[str, str]]) -> None:
	"""Copy the template's row and its account rows for the others: name to group and territory."""

	def copy(doctype: str, filters: dict[str, str], values: list[dict[str, str]]) -> None:
		for row in frappe.get_all(doctype, filters=filters, fields=["*"], order_by="name asc"):
			rows = [{**row, "name": frappe.generate_hash(length=10), **value} for value in values]
			columns = list(row)
			frappe.db.bulk_insert(doctype, columns, [[one[column] for column in columns] for one in rows])

	copy(
		"Customer",
		{"name": template},
		[
			{
				"name": name,
				"customer_name": name,
				"customer_type": customer_type(group),
				"customer_group": group,
				"territory": territory,
			}
			for name, (group, territory) in others.items()
		],
	)
	copy("Party Account", {"parent": template}, [{"parent": name} for name in others])


def make(doctype: str, **values: Any) -> Any:
	doc = frappe.new_doc(doctype)
	doc.update({key: value for key, value in values.items() if value is not None})
	doc.flags.ignore_permissions = doc.flags.ignore_password_policy = True
	return doc.insert()
