"""Open balances of customers, from the Payment Ledger.

Payment Ledger Entry is the truth; `Sales Invoice.outstanding_amount` is a cache of it. The search goes through
the customers in ranges: a range of some hundred customers uses the index on party and takes a fraction of a
second where one query over the whole ledger takes minutes, and memory stays flat.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import groupby

import frappe
from frappe.query_builder import Case
from frappe.query_builder.functions import Abs, Sum
from frappe.utils import create_batch, getdate
from frappe.utils.nestedset import get_descendants_of
from pypika import Order

from ar_writeoff.core import eligibility
from ar_writeoff.core.criteria import Criteria
from ar_writeoff.core.eligibility import Balance, CustomerFacts, Verdict, VoucherFacts
from ar_writeoff.core.money import money
from ar_writeoff.ledger import access as user_access
from ar_writeoff.ledger.money import company_currency, precision

# Vouchers that the search can write off.
VOUCHER_TYPES = ("Sales Invoice",)

CUSTOMERS_PER_QUERY = 500


@dataclass(frozen=True, slots=True)
class Scope:
	"""Where to look: the criteria that a query answers. Groups and trees include what is below them."""

	company: str
	run: str = ""
	customers: tuple[str, ...] = ()
	customer_group: str | None = None
	territory: str | None = None
	item_group: str | None = None
	currency: str | None = None
	receivable_account: str | None = None
	cost_center: str | None = None
	project: str | None = None


@dataclass(frozen=True, slots=True)
class Key:
	"""What a balance belongs to: one voucher may have balances on two accounts or of two parties."""

	voucher_type: str
	voucher_no: str
	account: str
	customer: str


@dataclass(frozen=True, slots=True)
class LedgerBalance:
	"""Sums of Payment Ledger Entries of one key, as of the cutoff and of now, in both currencies."""

	key: Key
	currency: str
	at_cutoff: Decimal
	base_at_cutoff: Decimal
	now: Decimal
	base_now: Decimal


def search(
	scope: Scope, criteria: Criteria, access: user_access.Access | None = None
) -> Iterator[list[Verdict]]:
	"""Every balance that matches, with a reason where it must not be written off.

	Yields the verdicts in lists, a customer never divided between two of them, ordered by customer, date and
	voucher. `access` limits what is found to what a user may see (default: the current user).
	"""
	access = access or user_access.of_user()
	accounts = receivable_accounts(scope)
	if not accounts or not access.allows_company(scope.company):
		return
	for customers in create_batch(candidates(scope, access), CUSTOMERS_PER_QUERY):
		balances = balances_of_customers(scope.company, accounts, customers, criteria.cutoff_date)
		verdicts = judge_all(balances, scope, criteria, access)
		if verdicts:
			yield eligibility.apply_customer_maximum(verdicts, criteria)


def judge_all(
	balances: Iterable[LedgerBalance], scope: Scope, criteria: Criteria, access: user_access.Access
) -> list[Verdict]:
	"""The verdicts on these balances, in order of customer, date and voucher.

	The same code judges in the search and again under the lock.
	"""
	by_key = {balance.key: balance for balance in balances if balance.key.voucher_type in VOUCHER_TYPES}
	vouchers = voucher_details([key.voucher_no for key in by_key])
	outside = keys_outside(list(by_key), scope, access)
	customers = customer_facts({key.customer for key in by_key})
	facts = voucher_facts([key.voucher_no for key in by_key], vouchers, scope.run)

	verdicts = []
	for key, balance in by_key.items():
		voucher = vouchers.get(key.voucher_no)
		if voucher is None or key in outside:
			continue
		verdict = eligibility.judge(
			Balance(
				voucher_type=key.voucher_type,
				voucher_no=key.voucher_no,
				customer=key.customer,
				receivable_account=key.account,
				currency=balance.currency,
				posting_date=getdate(voucher.posting_date),
				due_date=getdate(voucher.due_date) if voucher.due_date else None,
				at_cutoff=balance.at_cutoff,
				base_at_cutoff=balance.base_at_cutoff,
				now=balance.now,
				base_now=balance.base_now,
			),
			criteria,
			customers[key.customer],
			facts[key.voucher_no],
		)
		if verdict:
			verdicts.append(verdict)
	verdicts.sort(key=lambda v: (v.balance.customer, v.balance.posting_date, v.balance.voucher_no))
	return verdicts


def receivable_accounts(scope: Scope) -> list[str]:
	"""Receivable accounts of the company. Those with a liability root hold advances and are left out."""
	filters = {"company": scope.company, "account_type": "Receivable", "is_group": 0, "root_type": "Asset"}
	if scope.receivable_account:
		filters["name"] = scope.receivable_account
	if scope.currency:
		filters["account_currency"] = scope.currency
	return frappe.get_all("Account", filters=filters, pluck="name", order_by="name asc")


def candidates(scope: Scope, access: user_access.Access) -> list[str]:
	"""Customers to look at, in order of their names."""
	customer = frappe.qb.DocType("Customer")
	query = frappe.qb.from_(customer).select(customer.name).orderby(customer.name, order=Order.asc)
	if scope.customers:
		query = query.where(customer.name.isin(scope.customers))
	if scope.customer_group:
		query = query.where(
			customer.customer_group.isin(with_descendants("Customer Group", scope.customer_group))
		)
	if scope.territory:
		query = query.where(customer.territory.isin(with_descendants("Territory", scope.territory)))
	for field, allowed in (
		(customer.name, access.customers),
		(customer.customer_group, access.customer_groups),
		(customer.territory, access.territories),
	):
		if allowed is not None:
			query = query.where(field.isin(list(allowed)))
	return query.run(pluck=True)


def with_descendants(doctype: str, name: str) -> list[str]:
	return [name, *get_descendants_of(doctype, name, ignore_permissions=True)]


def balances_of_customers(
	company: str, accounts: list[str], customers: list[str], cutoff_date: date
) -> list[LedgerBalance]:
	"""Balances of these customers that are not zero now, in account currency or in company currency."""
	ple = frappe.qb.DocType("Payment Ledger Entry")
	return _balances(
		company,
		cutoff_date,
		(ple.party_type == "Customer") & ple.party.isin(customers) & ple.account.isin(accounts),
		only_open=True,
	)


def balances_of_vouchers(
	company: str, keys: Iterable[Key], cutoff_date: date, *, for_update: bool = False
) -> dict[Key, LedgerBalance]:
	"""Balances of these vouchers, zero ones too.

	`for_update` locks the ledger rows: it waits for a payment that is just being submitted, and sees it.
	"""
	wanted = set(keys)
	ple = frappe.qb.DocType("Payment Ledger Entry")
	found: dict[Key, LedgerBalance] = {}
	for voucher_type, vouchers in by_type(wanted):
		for batch in create_batch(vouchers, 1000):
			condition = ple.against_voucher_no.isin(batch) & (ple.against_voucher_type == voucher_type)
			if for_update:
				# MariaDB takes no lock in a query that groups: lock first, sum after.
				frappe.qb.from_(ple).select(ple.name).where(condition).for_update().run()
			for balance in _balances(company, cutoff_date, condition, only_open=False):
				if balance.key in wanted:
					found[balance.key] = balance
	return found


def keys_of_vouchers(voucher_type: str, vouchers: Iterable[str]) -> list[Key]:
	"""The balances that these vouchers have: one for each account and party they stand on."""
	ple = frappe.qb.DocType("Payment Ledger Entry")
	keys = []
	for batch in create_batch(sorted(set(vouchers)), 1000):
		keys += [
			Key(voucher_type, *row)
			for row in frappe.qb.from_(ple)
			.select(ple.against_voucher_no, ple.account, ple.party)
			.distinct()
			.where(
				(ple.against_voucher_type == voucher_type)
				& ple.against_voucher_no.isin(batch)
				& (ple.party_type == "Customer")
				& (ple.delinked == 0)
			)
			.run()
		]
	return keys


def key_of(balance: Balance) -> Key:
	return Key(balance.voucher_type, balance.voucher_no, balance.receivable_account, balance.customer)


def submitted(keys: Iterable[Key]) -> set[Key]:
	"""Those of the keys whose voucher is submitted."""
	wanted = set(keys)
	names = {
		(voucher_type, name)
		for voucher_type, vouchers in by_type(wanted)
		for batch in create_batch(vouchers, 1000)
		for name in frappe.get_all(
			voucher_type, filters={"name": ("in", batch), "docstatus": 1}, pluck="name", order_by=None
		)
	}
	return {key for key in wanted if (key.voucher_type, key.voucher_no) in names}


def by_type(keys: Iterable[Key]) -> Iterator[tuple[str, list[str]]]:
	"""Voucher names by voucher type, both in order."""
	ordered = sorted({(key.voucher_type, key.voucher_no) for key in keys})
	for voucher_type, pairs in groupby(ordered, key=lambda pair: pair[0]):
		yield voucher_type, [voucher_no for _type, voucher_no in pairs]


def _balances(company: str, cutoff_date: date, condition, *, only_open: bool) -> list[LedgerBalance]:
	ple = frappe.qb.DocType("Payment Ledger Entry")
	now = Sum(ple.amount_in_account_currency)
	base_now = Sum(ple.amount)

	def until_cutoff(field):
		return Sum(Case().when(ple.posting_date <= cutoff_date, field).else_(0))

	query = (
		frappe.qb.from_(ple)
		.select(
			ple.against_voucher_type,
			ple.against_voucher_no,
			ple.account,
			ple.party,
			ple.account_currency,
			now.as_("now"),
			base_now.as_("base_now"),
			until_cutoff(ple.amount_in_account_currency).as_("at_cutoff"),
			until_cutoff(ple.amount).as_("base_at_cutoff"),
		)
		.where((ple.company == company) & (ple.delinked == 0) & condition)
		.groupby(ple.party, ple.account, ple.against_voucher_type, ple.against_voucher_no)
	)
	base_currency = company_currency(company)
	if only_open:
		# Half of the smallest unit: what is below rounds to nothing.
		query = query.having(
			(Abs(now) >= 0.5 * 10 ** -precision(base_currency))
			| (Abs(base_now) >= 0.5 * 10 ** -precision(base_currency))
		)
	base_precision = precision(base_currency)
	result = []
	for row in query.run(as_dict=True):
		decimals = precision(row.account_currency)
		result.append(
			LedgerBalance(
				key=Key(row.against_voucher_type, row.against_voucher_no, row.account, row.party),
				currency=row.account_currency,
				at_cutoff=money(row.at_cutoff, decimals),
				base_at_cutoff=money(row.base_at_cutoff, base_precision),
				now=money(row.now, decimals),
				base_now=money(row.base_now, base_precision),
			)
		)
	return result


def voucher_details(names: list[str]) -> dict[str, frappe._dict]:
	"""Dates and state of submitted Sales Invoices."""
	details = {}
	for batch in create_batch(names, 1000):
		for row in frappe.get_all(
			"Sales Invoice",
			filters={"name": ("in", batch), "docstatus": 1},
			fields=["name", "posting_date", "due_date", "is_discounted"],
			order_by=None,
		):
			details[row.name] = row
	return details


def keys_outside(keys: list[Key], scope: Scope, access: user_access.Access) -> set[Key]:
	"""Keys whose voucher is not of the item group, cost center or project asked for, or not permitted."""
	outside: set[Key] = set()
	for batch in create_batch(keys, 1000):
		if scope.item_group:
			inside = _invoices_with_item_group([key.voucher_no for key in batch], scope.item_group)
			outside |= {key for key in batch if key.voucher_no not in inside}
		cost_centers: set[str] | None = None
		if scope.cost_center:
			cost_centers = set(with_descendants("Cost Center", scope.cost_center))
		if access.cost_centers is not None:
			cost_centers = set(access.cost_centers) & (cost_centers or set(access.cost_centers))
		if cost_centers is not None or scope.project:
			own = ledger_rows_of_vouchers(batch)
			for key in batch:
				row = own.get(key) or frappe._dict()
				if cost_centers is not None and row.cost_center not in cost_centers:
					outside.add(key)
				if scope.project and row.project != scope.project:
					outside.add(key)
	return outside


def _invoices_with_item_group(names: list[str], item_group: str) -> set[str]:
	item = frappe.qb.DocType("Sales Invoice Item")
	return set(
		frappe.qb.from_(item)
		.select(item.parent)
		.distinct()
		.where(item.parent.isin(names) & item.item_group.isin(with_descendants("Item Group", item_group)))
		.run(pluck=True)
	)


def ledger_rows_of_vouchers(
	keys: Iterable[Key], extra_fields: tuple[str, ...] = ()
) -> dict[Key, frappe._dict]:
	"""The receivable row that each voucher itself made in the General Ledger: its dimensions are the balance's.

	Where a voucher made several (payment terms, several lines), the first one counts.
	"""
	wanted = set(keys)
	rows: dict[Key, frappe._dict] = {}
	for voucher_type, vouchers in by_type(wanted):
		for batch in create_batch(vouchers, 1000):
			for row in frappe.get_all(
				"GL Entry",
				filters={
					"voucher_type": voucher_type,
					"voucher_no": ("in", batch),
					"party_type": "Customer",
					"is_cancelled": 0,
				},
				fields=[
					"voucher_no",
					"account",
					"party",
					"cost_center",
					"project",
					"finance_book",
					*extra_fields,
				],
				order_by="creation asc, name asc",
			):
				rows.setdefault(Key(voucher_type, row.voucher_no, row.account, row.party), row)
	return rows


def customer_facts(customers: Iterable[str]) -> dict[str, CustomerFacts]:
	facts = {}
	for batch in create_batch(sorted(customers), 1000):
		for row in frappe.get_all(
			"Customer",
			filters={"name": ("in", batch)},
			fields=["name", "customer_name", "disabled", "is_frozen", "exclude_from_write_off"],
			order_by=None,
		):
			facts[row.name] = CustomerFacts(
				customer_name=row.customer_name or "",
				opted_out=bool(row.exclude_from_write_off),
				disabled=bool(row.disabled),
				frozen=bool(row.is_frozen),
			)
	return facts


def voucher_facts(names: list[str], details: dict[str, frappe._dict], run: str) -> dict[str, VoucherFacts]:
	other_runs = {}
	for batch in create_batch(names, 1000):
		other_runs.update(_runs_about_to_post(batch, run))
	return {
		name: VoucherFacts(
			discounted=bool(name in details and details[name].is_discounted),
			other_run=other_runs.get(name),
		)
		for name in names
	}


def _runs_about_to_post(vouchers: list[str], run: str) -> dict[str, str]:
	"""Submitted runs, other than this one, that have these vouchers still to post."""
	item = frappe.qb.DocType("Write-Off Run Item")
	other = frappe.qb.DocType("Write-Off Run")
	rows = (
		frappe.qb.from_(item)
		.inner_join(other)
		.on(other.name == item.run)
		.select(item.voucher_no, item.run)
		.where(
			item.voucher_no.isin(vouchers)
			& (item.status == "Open")
			& (item.selected == 1)
			& (other.docstatus == 1)
			& (other.name != run)
		)
		.run()
	)
	return dict(rows)
