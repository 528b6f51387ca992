"""Master data of the test companies, created once and kept as a SQL dump that every test site starts from.

Two companies, both service businesses that keep no stock:

* Harbour Lights Ltd (HL, USD) runs moorings and memberships in an American harbour.
* Nordwind GmbH (NW, EUR) does the same on the Baltic.

Each test creates its own transactions (see factories.py); they are removed before the next test. A change of this file
rebuilds the dump on the next run, which takes a minute: put data that only one test needs into that test.

Fiscal years exist from 2024 to the current year, at least to 2026; none before 2024.
"""

from __future__ import annotations

import datetime

import frappe

PASSWORD = "Harbour-Lights-2026"
FIRST_YEAR, LAST_YEAR = 2024, 2026

HL = "Harbour Lights Ltd"
NW = "Nordwind GmbH"

USERS = {
	"preparer@example.com": ("Petra Preparer", ["Accounts User"]),
	"manager@example.com": ("Manuel Manager", ["Accounts Manager", "Accounts User"]),
	"second.manager@example.com": ("Selma Second", ["Accounts Manager", "Accounts User"]),
	"auditor@example.com": ("August Auditor", ["Auditor"]),
	"outsider@example.com": ("Otto Outsider", []),
}

CUSTOMER_GROUPS = {"Trade": ["Trade Retail", "Trade Wholesale"], "Public Sector": ["Councils", "Schools"]}
TERRITORIES = {"Americas": ["US East", "US West"], "Europe": ["Baltic", "North Sea"]}
ITEM_GROUPS = {"Harbour Services": ["Mooring", "Pilotage"], "Subscriptions": ["Newsletters", "Memberships"]}

# item -> item group
ITEMS = {
	"Mooring Fee": "Mooring",
	"Pilotage Fee": "Pilotage",
	"Harbour News": "Newsletters",
	"Berth Holder Membership": "Memberships",
}

# customer -> (customer group, territory, currency of its own receivable account, if not the company's)
CUSTOMERS = {
	"Anchor Cafe": ("Trade Retail", "US East", None),
	"Breakwater Bar": ("Trade Retail", "US West", None),
	"Compass Stores": ("Trade Wholesale", "US East", None),
	"Dover Council": ("Councils", "US East", None),
	"Elm School": ("Schools", "US West", None),
	"Fischhaus Kiel": ("Trade Retail", "Baltic", None),
	"Galeere Rostock": ("Trade Wholesale", "Baltic", None),
	"Helios SARL": ("Trade Wholesale", "North Sea", "EUR"),
	"Pacific Traders": ("Trade Wholesale", "US West", "USD"),
}

# company -> (abbr, currency, country, its foreign currency, cost centers, project)
COMPANIES = {
	HL: ("HL", "USD", "United States", "EUR", ["North Pier", "South Pier"], "Harbour Refit"),
	NW: ("NW", "EUR", "Germany", "USD", ["Ostkai", "Westkai"], "Hallenbau"),
}

RATES = {
	("EUR", "USD"): 1.10,
	("USD", "EUR"): 0.90,
	("JPY", "USD"): 0.007,
	("JPY", "EUR"): 0.006,
	("KWD", "USD"): 3.25,
	("KWD", "EUR"): 3.00,
}


def create() -> None:
	"""Create the master data on a new ERPNext site."""
	frappe.flags.in_test = True
	frappe.set_user("Administrator")
	complete_setup()
	settings()
	fiscal_years()
	tree("Customer Group", CUSTOMER_GROUPS)
	tree("Territory", TERRITORIES)
	tree("Item Group", ITEM_GROUPS)
	exchange_rates()
	second_company()
	for company in COMPANIES:
		accounts(company)
		cost_centers(company)
	items()
	customers()
	users()
	frappe.db.commit()
	frappe.clear_cache()


def complete_setup() -> None:
	from frappe.desk.page.setup_wizard.setup_wizard import setup_complete

	abbr, currency, country, *_ = COMPANIES[HL]
	setup_complete(
		{
			"language": "English",
			"country": country,
			"currency": currency,
			"timezone": "America/New_York",
			"full_name": "Administrator",
			"email": "",
			"password": "",
			"company_name": HL,
			"company_abbr": abbr,
			"chart_of_accounts": "Standard",
			"fy_start_date": f"{FIRST_YEAR}-01-01",
			"fy_end_date": f"{FIRST_YEAR}-12-31",
			"domain": "Services",
			"enable_telemetry": 0,
			"setup_demo": 0,
		}
	)
	if not frappe.db.exists("Company", HL):
		raise RuntimeError(f"The setup wizard did not make the company {HL}.")


def settings() -> None:
	def single(doctype: str, **values) -> None:
		fields = {df.fieldname for df in frappe.get_meta(doctype).fields}
		for field, value in values.items():
			if field in fields:
				frappe.db.set_single_value(doctype, field, value)

	single(
		"System Settings",
		enable_onboarding=0,
		enable_password_policy=0,
		disable_change_log_notification=1,
		disable_system_update_notification=1,
		enable_telemetry=0,
		enable_scheduler=0,
		deny_multiple_sessions=0,
		session_expiry="24:00",
	)
	single(
		"Accounts Settings",
		allow_stale=1,
		allow_multi_currency_invoices_against_single_party_account=1,
	)
	# monthly: ERPNext would otherwise update the company's monthly sales with every invoice
	single("Selling Settings", cust_master_name="Customer Name", sales_update_frequency="Monthly")
	single("Global Defaults", default_company=HL, demo_company="")


def fiscal_years() -> None:
	for year in range(FIRST_YEAR, max(LAST_YEAR, datetime.date.today().year) + 1):
		if not frappe.db.exists("Fiscal Year", {"year_start_date": f"{year}-01-01"}):
			make(
				"Fiscal Year", year=str(year), year_start_date=f"{year}-01-01", year_end_date=f"{year}-12-31"
			)


def tree(doctype: str, branches: dict[str, list[str]]) -> None:
	"""Create two levels below ERPNext's root node."""
	name_field = {"Customer Group": "customer_group_name", "Territory": "territory_name"}.get(
		doctype, "item_group_name"
	)
	parent_field = "parent_" + frappe.scrub(doctype)
	root = frappe.db.get_value(
		doctype, {"is_group": 1, parent_field: ("in", ("", None))}, "name", order_by="lft asc"
	)
	root = root or frappe.db.get_value(doctype, {"lft": 1}, "name")
	for branch, leaves in branches.items():
		make(doctype, **{name_field: branch, parent_field: root, "is_group": 1})
		for leaf in leaves:
			make(doctype, **{name_field: leaf, parent_field: branch, "is_group": 0})


def exchange_rates() -> None:
	"""Exchange rates for every currency pair in the tests, so that ERPNext never fetches one from the internet."""
	for (source, target), rate in RATES.items():
		for currency in (source, target):
			frappe.db.set_value("Currency", currency, "enabled", 1)
		make(
			"Currency Exchange",
			date=f"{FIRST_YEAR}-01-01",
			from_currency=source,
			to_currency=target,
			exchange_rate=rate,
			for_buying=1,
			for_selling=1,
		)


def second_company() -> None:
	abbr, currency, country, *_ = COMPANIES[NW]
	make(
		"Company",
		company_name=NW,
		abbr=abbr,
		default_currency=currency,
		country=country,
		create_chart_of_accounts_based_on="Standard Template",
		chart_of_accounts="Standard",
	)


def accounts(company: str) -> None:
	abbr, currency, _, foreign, *_ = COMPANIES[company]
	frappe.db.set_value("Company", company, "enable_perpetual_inventory", 0)

	def account(name: str, parent: str, **values) -> str:
		# v16's chart comes with some of these ("Customer Advances"), without an account type
		if frappe.db.exists("Account", made := f"{name} - {abbr}"):
			doc = frappe.get_doc("Account", made)
			doc.update(values)
			return doc.save().name
		return make(
			"Account",
			account_name=name,
			parent_account=f"{parent} - {abbr}",
			company=company,
			is_group=0,
			**{"account_currency": currency, **values},
		).name

	account("Bad Debt Expense", "Indirect Expenses", account_type="Expense Account")
	account("Small Balances Written Off", "Indirect Expenses", account_type="Expense Account")
	account("Credit Balances Written Off", "Indirect Income", account_type="Income Account")
	account("Allowance for Doubtful Accounts", "Accounts Receivable")
	account("Other Debtors", "Accounts Receivable", account_type="Receivable")
	account("Customer Advances", "Current Liabilities", account_type="Receivable")
	account(f"Debtors {foreign}", "Accounts Receivable", account_type="Receivable", account_currency=foreign)
	bank = account("House Bank", "Bank Accounts", account_type="Bank")
	account(f"House Bank {foreign}", "Bank Accounts", account_type="Bank", account_currency=foreign)
	frappe.db.set_value(
		"Company",
		company,
		{
			"default_bank_account": bank,
			"write_off_account": f"Write Off - {abbr}",
			"round_off_cost_center": f"Main - {abbr}",
			"cost_center": f"Main - {abbr}",
		},
	)


def cost_centers(company: str) -> None:
	abbr, *_, names, project = COMPANIES[company]
	for name in names:
		make(
			"Cost Center",
			cost_center_name=name,
			parent_cost_center=f"{company} - {abbr}",
			company=company,
			is_group=0,
		)
	make("Project", project_name=project, company=company)


def items() -> None:
	for item, group in ITEMS.items():
		make(
			"Item",
			item_code=item,
			item_name=item,
			item_group=group,
			stock_uom="Hour",  # divisible, for partial returns
			is_stock_item=0,
			is_purchase_item=0,
			include_item_in_manufacturing=0,
		)


def customers() -> None:
	for customer, (group, territory, currency) in CUSTOMERS.items():
		own_accounts = []
		for company, (abbr, company_currency, _, foreign, *_rest) in COMPANIES.items():
			if currency and currency != company_currency and currency == foreign:
				own_accounts.append({"company": company, "account": f"Debtors {foreign} - {abbr}"})
		make(
			"Customer",
			customer_name=customer,
			customer_type="Company",
			customer_group=group,
			territory=territory,
			default_currency=currency,
			accounts=own_accounts,
		)


def users() -> None:
	for email, (name, roles) in USERS.items():
		first_name, last_name = name.split()
		make(
			"User",
			email=email,
			first_name=first_name,
			last_name=last_name,
			enabled=1,
			send_welcome_email=0,
			new_password=PASSWORD,
			roles=[{"role": role} for role in roles],
		)


def make(doctype: str, **values):
	doc = frappe.new_doc(doctype)
	doc.update(values)
	doc.flags.ignore_permissions = True
	doc.flags.ignore_password_policy = True
	return doc.insert()
