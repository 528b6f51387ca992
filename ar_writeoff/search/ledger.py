"""The search: all open balances of a company's customers that match the criteria, with a reason where excluded.

Customers are searched in ranges with a limited number of ledger rows. A range is one grouping query over the index on
party (or the covering index) and takes a fraction of a second; one query over the whole ledger takes minutes without
the covering index. Memory stays flat, progress is known, and the search can be cancelled between ranges.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal

import frappe
from frappe.query_builder.functions import Count
from frappe.utils import create_batch
from frappe.utils.nestedset import get_descendants_of
from pypika import Order
from pypika.terms import Criterion

from ar_writeoff.core.criteria import DEBIT, DEDUCT, Criteria, Filters
from ar_writeoff.core.money import ZERO
from ar_writeoff.ledger import dimensions, open_items
from ar_writeoff.ledger import permissions as user_access
from ar_writeoff.ledger.dimensions import Offset
from ar_writeoff.ledger.open_items import Key, LedgerBalance
from ar_writeoff.search import eligibility_data as facts
from ar_writeoff.search import rules as eligibility
from ar_writeoff.search.eligibility_data import Credits, Debits, VoucherDetails
from ar_writeoff.search.rules import Balance, CustomerFacts, Verdict

# Limits of one query: it takes a fraction of a second, and its list of names is not too long to parse.
ROWS_PER_QUERY = 20_000
CUSTOMERS_PER_QUERY = 1_000


@dataclass(frozen=True, kw_only=True)
class Scope(Filters):
	"""The company to search with the filters of a run."""

	company: str
	run: str = ""


@dataclass(frozen=True, slots=True)
class Found:
	"""Result of one range of customers, after which `processed_rows` of `ledger_rows` have been processed."""

	verdicts: list[Verdict]
	customers: Mapping[str, CustomerFacts]
	processed_rows: int
	ledger_rows: int


def search(
	scope: Scope,
	criteria: Criteria,
	access: user_access.Access | None = None,
	offset: Offset | None = None,
) -> Iterator[Found]:
	"""Yield all matching balances, with a reason where one must not be written off.

	A customer's balances are in one result; each is ordered by customer, date and voucher. `access` limits the result
	to what a user may see (default: the current user). With `offset`, the other side of the entries, balances are
	excluded whose entry would be refused for want of an account or a dimension.
	"""
	access = access or user_access.of_user()
	accounts = facts.receivable_accounts(scope.company, scope.receivable_account, scope.currency)
	if not accounts or not access.allows_company(scope.company):
		return
	row_counts = ledger_row_counts(scope, access)
	total, processed_rows = sum(row_counts.values()), 0
	without_gaps = not customer_conditions(scope, access)
	for customers in customer_ranges(row_counts):
		# The range may contain parties whose customer was deleted.
		balances = [
			balance
			for balance in open_items.balances_of_customers(
				scope.company, list(accounts), customers, criteria.cutoff_date, without_gaps=without_gaps
			)
			if balance.key.customer in row_counts
		]
		credits = facts.credits_from_balances(balances)
		customer_data = facts.customer_facts({balance.key.customer for balance in balances})
		verdicts = judge_all(
			balances,
			scope,
			criteria,
			access,
			customers=customer_data,
			credits=credits,
			debits=facts.debits_from_balances(balances),
			offset=offset,
		)
		processed_rows += sum(row_counts[customer] for customer in customers)
		kept = eligibility.apply_customer_maximum(verdicts, criteria, base_credits(credits))
		yield Found(kept, customer_data, processed_rows, total)


def base_credits(credits: Credits) -> dict[str, Decimal]:
	"""Unallocated credits of each customer over all accounts, in company currency."""
	totals: dict[str, Decimal] = defaultdict(lambda: ZERO)
	for (customer, _account), (_credit, base_credit) in credits.items():
		totals[customer] += base_credit
	return totals


def credits_in_scope(scope: Scope, criteria: Criteria, customers: Iterable[str]) -> dict[str, Decimal]:
	"""Credits to deduct from each customer's total, in company currency; empty unless the criteria deduct them."""
	if (criteria.balance_type, criteria.customer_credits) != (DEBIT, DEDUCT):
		return {}
	accounts = facts.receivable_accounts(scope.company, scope.receivable_account, scope.currency)
	names = sorted(customers)
	if not accounts or not names:
		return {}
	balances = open_items.balances_of_customers(scope.company, list(accounts), names, criteria.cutoff_date)
	return base_credits(facts.credits_from_balances(balances))


def ledger_row_counts(scope: Scope, access: user_access.Access) -> dict[str, int]:
	"""Number of ledger rows, in all companies, of each customer in scope, in order. Read from the index alone."""
	names = customer_names(scope, access)
	ple = frappe.qb.DocType("Payment Ledger Entry")
	query = frappe.qb.from_(ple).select(ple.party, Count("*")).groupby(ple.party)
	if len(names) > CUSTOMERS_PER_QUERY:
		row_counts = dict(query.run())
	else:
		row_counts = dict(query.where(ple.party.isin(names or [""])).run())
	return {name: row_counts[name] for name in names if name in row_counts}


def customer_ranges(row_counts: Mapping[str, int]) -> Iterator[list[str]]:
	"""Customers, in order, in lists with about `ROWS_PER_QUERY` ledger rows."""
	customers: list[str] = []
	rows = 0
	for customer, size in row_counts.items():
		if customers and (rows + size > ROWS_PER_QUERY or len(customers) == CUSTOMERS_PER_QUERY):
			yield customers
			customers, rows = [], 0
		customers.append(customer)
		rows += size
	if customers:
		yield customers


def judge_all(
	balances: Iterable[LedgerBalance],
	scope: Scope,
	criteria: Criteria,
	access: user_access.Access,
	*,
	customers: Mapping[str, CustomerFacts] | None = None,
	vouchers: Mapping[Key, VoucherDetails] | None = None,
	credits: Credits | None = None,
	debits: Debits | None = None,
	offset: Offset | None = None,
	check_other_runs: bool = True,
) -> list[Verdict]:
	"""Verdicts on these balances, ordered by customer, date and voucher.

	Used by the search, and again under the lock, where other runs do not count because the first one posts.
	`customers`, `vouchers`, `credits` and `debits` are read if they are not given.
	"""
	matching = {balance.key: balance for balance in balances if eligibility.amounts_match(balance, criteria)}
	keys = list(matching)
	if vouchers is None:
		vouchers = facts.voucher_details(keys)
	own_rows = voucher_ledger_rows(keys, scope, access, offset)
	out_of_scope = keys_out_of_scope(keys, scope, access, own_rows)
	if customers is None:
		customers = facts.customer_facts({key.customer for key in keys})
	parties = facts.party_facts(scope.company, keys, criteria, credits, debits)
	voucher_data = facts.voucher_facts(keys, vouchers, scope.run if check_other_runs else None)
	entry_problems = offset.exclusions(keys, own_rows) if offset else {}

	verdicts = []
	for key, balance in matching.items():
		voucher = vouchers.get(key)
		if voucher is None or key in out_of_scope:
			continue
		verdict = eligibility.judge(
			Balance(
				voucher_type=key.voucher_type,
				voucher_no=key.voucher_no,
				customer=key.customer,
				receivable_account=key.account,
				currency=balance.currency,
				posting_date=voucher.posting_date or balance.since,
				due_date=voucher.due_date,
				at_cutoff=balance.at_cutoff,
				base_at_cutoff=balance.base_at_cutoff,
				now=balance.now,
				base_now=balance.base_now,
			),
			criteria,
			customers[key.customer],
			voucher_data[key].with_entry_problem(entry_problems.get(key)),
			parties[key.customer, key.account],
		)
		if verdict:
			verdicts.append(verdict)
	verdicts.sort(key=lambda v: (v.balance.customer, v.balance.posting_date, v.balance.voucher_no))
	return verdicts


def customer_names(scope: Scope, access: user_access.Access) -> list[str]:
	"""Names of the customers to search, in order."""
	customer = frappe.qb.DocType("Customer")
	query = frappe.qb.from_(customer).select(customer.name).orderby(customer.name, order=Order.asc)
	for condition in customer_conditions(scope, access):
		query = query.where(condition)
	return query.run(pluck=True)


def customer_conditions(scope: Scope, access: user_access.Access) -> list[Criterion]:
	"""Query conditions for the customers to search; empty for all."""
	customer = frappe.qb.DocType("Customer")
	conditions = []
	if scope.customers:
		conditions.append(customer.name.isin(scope.customers))
	if scope.customer_group:
		conditions.append(
			customer.customer_group.isin(with_descendants("Customer Group", scope.customer_group))
		)
	if scope.territory:
		conditions.append(customer.territory.isin(with_descendants("Territory", scope.territory)))
	for field, allowed in (
		(customer.name, access.customers),
		(customer.customer_group, access.customer_groups),
		(customer.territory, access.territories),
	):
		if allowed is not None:
			conditions.append(field.isin(list(allowed)))
	return conditions


def with_descendants(doctype: str, name: str) -> list[str]:
	"""The node and its descendants. A deleted one is returned alone, and matches nothing."""
	if not frappe.db.exists(doctype, name):
		return [name]
	return [name, *get_descendants_of(doctype, name, ignore_permissions=True)]


def voucher_ledger_rows(
	keys: list[Key], scope: Scope, access: user_access.Access, offset: Offset | None
) -> dict[Key, frappe._dict]:
	"""The vouchers' own ledger rows, if scope, permissions or offset need them: reading them is half of a search."""
	if scope.cost_center or scope.project or access.cost_centers is not None or (offset and offset.has_rules):
		return dimensions.voucher_ledger_rows(keys)
	return {}


def keys_out_of_scope(
	keys: list[Key], scope: Scope, access: user_access.Access, own_rows: Mapping[Key, frappe._dict]
) -> set[Key]:
	"""Keys whose voucher is outside the item group, cost center or project of the scope, or not permitted."""
	out_of_scope: set[Key] = set()
	if scope.item_group:
		matching_invoices: set[str] = set()
		groups = with_descendants("Item Group", scope.item_group)
		for batch in create_batch([key.voucher_no for key in keys], 1000):
			matching_invoices |= invoices_with_item_group(batch, groups)
		out_of_scope = {
			key
			for key in keys
			if key.voucher_type != "Sales Invoice" or key.voucher_no not in matching_invoices
		}
	cost_centers: set[str] | None = None
	if scope.cost_center:
		cost_centers = set(with_descendants("Cost Center", scope.cost_center))
	if access.cost_centers is not None:
		cost_centers = set(access.cost_centers) & (cost_centers or set(access.cost_centers))
	for key in keys:
		row = own_rows.get(key) or frappe._dict()
		if cost_centers is not None and row.cost_center not in cost_centers:
			out_of_scope.add(key)
		if scope.project and row.project != scope.project:
			out_of_scope.add(key)
	return out_of_scope


def invoices_with_item_group(names: list[str], groups: list[str]) -> set[str]:
	item = frappe.qb.DocType("Sales Invoice Item")
	return set(
		frappe.qb.from_(item)
		.select(item.parent)
		.distinct()
		.where(item.parent.isin(names) & item.item_group.isin(groups))
		.run(pluck=True)
	)
