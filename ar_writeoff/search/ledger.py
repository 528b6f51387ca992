"""The search: all open balances of a company's customers that match the criteria, with a reason where excluded.

Customers are searched in ranges with a limited number of ledger rows. A range is one grouping query over the index on
party (or the covering index) and takes a fraction of a second; one query over the whole ledger takes minutes without
the covering index. Memory stays flat, progress is known, and the search can be cancelled between ranges.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import partial

import frappe
from frappe.query_builder.functions import Count
from frappe.utils import create_batch
from frappe.utils.nestedset import get_descendants_of
from pypika import Order
from pypika.terms import Criterion

from ar_writeoff.core.criteria import CREDIT, DEBIT, DEDUCT, Criteria, Filters
from ar_writeoff.core.money import ZERO
from ar_writeoff.core.reasons import Reason
from ar_writeoff.ledger import dimensions, open_items
from ar_writeoff.ledger import permissions as user_access
from ar_writeoff.ledger.dimensions import NO_DIMENSIONS, Offset, VoucherDimensions
from ar_writeoff.ledger.history import histories
from ar_writeoff.ledger.open_items import Key, LedgerBalance
from ar_writeoff.search import eligibility_data as facts
from ar_writeoff.search import ledger_differences, net_first, open_documents
from ar_writeoff.search import rules as eligibility
from ar_writeoff.search.eligibility_data import Totals, VoucherDetails
from ar_writeoff.search.rules import Balance, CustomerFacts, PartyFacts, Verdict
from ar_writeoff.search.unrecorded import credits_without_rows

# Limits of one query: it takes a fraction of a second, and its list of names is not too long to parse.
ROWS_PER_QUERY = 20_000
CUSTOMERS_PER_QUERY = 1_000

NO_SET_OFF: Mapping[Key, Decimal] = {}


@dataclass(frozen=True, kw_only=True)
class Scope(Filters):
	"""The company to search with the filters of a run."""

	company: str
	run: str = ""


@dataclass(frozen=True, slots=True)
class Found:
	"""Result of one range of customers."""

	verdicts: list[Verdict]
	customers: Mapping[str, CustomerFacts]


@dataclass(frozen=True, kw_only=True)
class Search:
	"""A search, with what all of its ranges have in common.

	`accounts`: receivable accounts in scope; `all_accounts`: of the company, because credits on any of them count.
	`row_counts`: ledger rows of each customer that has any. `looks_for_lost`: whether vouchers without ledger rows are listed.
	"""

	scope: Scope
	criteria: Criteria
	access: user_access.Access
	offset: Offset | None
	accounts: Collection[str]
	all_accounts: list[str]
	row_counts: Mapping[str, int]
	ranges: list[list[str]]
	without_gaps: bool
	looks_for_lost: bool

	@property
	def total_rows(self) -> int:
		"""The ledger rows of all ranges."""
		return sum(self.row_counts.values())

	def rows(self, customers: Iterable[str]) -> int:
		"""The ledger rows of a range of customers."""
		return sum(self.row_counts.get(customer, 0) for customer in customers)

	def balances(self, customers: list[str]) -> list[LedgerBalance]:
		"""The open balances of a range of customers, on all receivable accounts."""
		if customers[0] not in self.row_counts:
			return []
		found = open_items.balances_of_customers(
			self.scope.company,
			self.all_accounts,
			customers,
			self.criteria.cutoff_date,
			without_gaps=self.without_gaps,
		)
		# The range may contain parties whose customer was deleted.
		return [balance for balance in found if balance.key.customer in self.row_counts]

	def of_range(self, customers: list[str]) -> Found:
		"""The matching balances of one of the ranges."""
		scope, criteria, company = self.scope, self.criteria, self.scope.company
		balances = self.balances(customers)
		lost = lost_balances(company, customers, balances, criteria) if self.looks_for_lost else {}
		in_scope = [balance for balance in (*balances, *lost) if balance.key.account in self.accounts]
		customer_data = facts.customer_facts(company, {balance.key.customer for balance in in_scope})
		judge = partial(judge_part, access=self.access, customers=customer_data, offset=self.offset)
		planned = (
			net_first.plan(balances, in_scope, scope, company, criteria, judge)
			if criteria.sets_off_credits
			else net_first.NOTHING
		)
		left = [planned.left(balance) for balance in balances] if planned.amounts else balances
		credits = facts.totals_from_balances(left, facts.is_credit)
		verdicts = judge_all(
			in_scope,
			scope,
			criteria,
			self.access,
			customers=customer_data,
			credits=credits,
			debits=facts.totals_from_balances(balances, facts.is_open_invoice),
			offset=self.offset,
			blockers={balance.key: reason for balance, reason in lost.items()},
			set_off=planned.amounts,
		)
		kept = eligibility.apply_customer_maximum(verdicts, criteria, base_credits(credits))
		return Found(net_first.attach(kept, planned), customer_data)


def search(
	scope: Scope,
	criteria: Criteria,
	access: user_access.Access | None = None,
	offset: Offset | None = None,
) -> Iterator[Found]:
	"""Yield all matching balances, with a reason where one must not be written off. See `prepare`."""
	prepared = prepare(scope, criteria, access, offset)
	yield from map(prepared.of_range, prepared.ranges)


def prepare(
	scope: Scope,
	criteria: Criteria,
	access: user_access.Access | None = None,
	offset: Offset | None = None,
) -> Search:
	"""Return the search for all matching balances.

	A customer's balances are in one range; each range is ordered by customer, date and voucher. `access` limits the result
	to what a user may see (default: the current user). With `offset`, the other side of the entries, balances are
	excluded whose entry would be rejected because an account or a dimension is missing.
	"""
	access = access or user_access.of_user()
	accounts = facts.receivable_accounts(scope.company, scope.receivable_account, scope.currency)
	names = customer_names(scope, access) if accounts and access.allows_company(scope.company) else []
	row_counts = ledger_row_counts(scope, access, names) if names else {}
	looks_for_lost = ledger_differences.can_look_for_invoices(sum(row_counts.values()))
	without_rows = [name for name in names if name not in row_counts] if looks_for_lost else []
	return Search(
		scope=scope,
		criteria=criteria,
		access=access,
		offset=offset,
		accounts=accounts,
		all_accounts=list(facts.receivable_accounts(scope.company)),
		row_counts=row_counts,
		ranges=[*customer_ranges(row_counts), *create_batch(without_rows, CUSTOMERS_PER_QUERY)],
		without_gaps=not customer_conditions(scope, access),
		looks_for_lost=looks_for_lost,
	)


def lost_balances(
	company: str, customers: list[str], balances: Iterable[LedgerBalance], criteria: Criteria
) -> dict[LedgerBalance, Reason]:
	"""Vouchers that are open, but have no balance in the Payment Ledger, with the reason why they are excluded."""
	found = ledger_differences.invoices_without_balance(company, customers, balances)
	if criteria.balance_type == CREDIT:
		found.update(credits_without_rows(company, customers))
	return found


def base_credits(credits: Totals) -> dict[str, Decimal]:
	"""Unallocated credits of each customer over all accounts, in company currency."""
	totals: dict[str, Decimal] = defaultdict(lambda: ZERO)
	for (customer, _account), (_credit, base_credit) in credits.items():
		totals[customer] += base_credit
	return totals


def credits_in_scope(scope: Scope, criteria: Criteria, customers: Iterable[str]) -> dict[str, Decimal]:
	"""Credits to deduct from each customer's total, in company currency; empty unless the criteria deduct them."""
	if (criteria.balance_type, criteria.customer_credits) != (DEBIT, DEDUCT):
		return {}
	names = sorted(customers)
	if not names:
		return {}
	accounts = list(facts.receivable_accounts(scope.company))
	balances = open_items.balances_of_customers(scope.company, accounts, names, criteria.cutoff_date)
	return base_credits(facts.totals_from_balances(balances, facts.is_credit))


def ledger_row_counts(
	scope: Scope, access: user_access.Access, names: list[str] | None = None
) -> dict[str, int]:
	"""Number of ledger rows, in all companies, of each customer in scope with any, in order. Read from the index alone.
	`names`: of the customers in scope, if known."""
	names = customer_names(scope, access) if names is None else names
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


def judge_part(
	balances: list[LedgerBalance],
	scope: Filters,
	criteria: Criteria,
	*,
	access: user_access.Access,
	customers: Mapping[str, CustomerFacts] | None = None,
	offset: Offset | None = None,
	check_other_runs: bool = True,
) -> list[Verdict]:
	"""Verdicts on debit or credit balances that may be set off, before all balances are judged. See `judge_all`."""
	assert isinstance(scope, Scope)
	return judge_all(
		balances,
		scope,
		criteria,
		access,
		customers=customers,
		credits={},
		debits={},
		offset=replace(offset, is_for_set_offs=criteria.balance_type == CREDIT) if offset else None,
		check_other_runs=check_other_runs,
	)


def judge_all(
	balances: Iterable[LedgerBalance],
	scope: Scope,
	criteria: Criteria,
	access: user_access.Access,
	*,
	customers: Mapping[str, CustomerFacts] | None = None,
	vouchers: Mapping[Key, VoucherDetails] | None = None,
	credits: Totals | None = None,
	debits: Totals | None = None,
	offset: Offset | None = None,
	blockers: Mapping[Key, Reason] | None = None,
	set_off: Mapping[Key, Decimal] = NO_SET_OFF,
	check_other_runs: bool = True,
) -> list[Verdict]:
	"""Verdicts on these balances, ordered by customer, date and voucher.

	Used by the search, and again under the lock, where other runs do not count because the first one posts.
	`customers`, `vouchers`, `credits` and `debits` are read if they are not given. `blockers`: known reasons.
	`set_off`: amounts that credits settle before, so that only the rest is judged.
	"""
	booked = {balance.key: balance for balance in balances}
	left = {
		key: net_first.after_set_off(balance, set_off[key]) if balance.now > 0 and key in set_off else balance
		for key, balance in booked.items()
	}
	matching = {key: balance for key, balance in left.items() if eligibility.amounts_match(balance, criteria)}
	if not matching:
		return []
	if vouchers is None:
		vouchers = facts.voucher_details(matching)
	found = matching_verdicts(matching, vouchers, scope, criteria, set_off)
	keys = list(found)
	voucher_dimensions = needed_dimensions(keys, scope, access, offset)
	out_of_scope = keys_out_of_scope(keys, scope, access, voucher_dimensions)
	candidates = {key: verdict for key, verdict in found.items() if key not in out_of_scope}
	if not candidates:
		return []
	return judge_candidates(
		candidates,
		{key: booked[key] for key in candidates},
		scope,
		criteria,
		vouchers,
		customers=facts.customer_facts(scope.company, {key.customer for key in candidates})
		if customers is None
		else customers,
		parties=facts.party_facts(scope.company, candidates, criteria, credits, debits),
		entry_problems=offset.exclusions(
			{key: verdict.amount for key, verdict in candidates.items()}, voucher_dimensions
		)
		if offset
		else {},
		blockers=blockers or {},
		check_other_runs=check_other_runs,
	)


def judge_candidates(
	candidates: Mapping[Key, Verdict],
	balances: Mapping[Key, LedgerBalance],
	scope: Scope,
	criteria: Criteria,
	vouchers: Mapping[Key, VoucherDetails],
	*,
	customers: Mapping[str, CustomerFacts],
	parties: Mapping[tuple[str, str], PartyFacts],
	entry_problems: Mapping[Key, Reason],
	blockers: Mapping[Key, Reason],
	check_other_runs: bool,
) -> list[Verdict]:
	"""Verdicts on balances that match the criteria, with the reasons that exclude them."""
	voucher_data = facts.voucher_facts(
		scope.company, candidates, vouchers, scope.run if check_other_runs else None
	)
	pending = open_documents.pending_documents(
		scope.company,
		{key: balance.now for key, balance in balances.items()},
		cancels_requests=criteria.cancel_payment_requests,
	)
	damaged = ledger_differences.damaged_balances(scope.company, balances, vouchers)
	verdicts = []
	for key, verdict in candidates.items():
		reason = eligibility.exclusion_reason(
			verdict,
			criteria,
			customers[key.customer],
			voucher_data[key].with_problems(
				blockers.get(key) or damaged.get(key), pending.get(key), entry_problems.get(key)
			),
			parties[key.customer, key.account],
		)
		verdicts.append(replace(verdict, reason=reason) if reason else verdict)
	verdicts.sort(key=lambda v: (v.balance.customer, v.balance.posting_date, v.balance.voucher_no))
	return verdicts


def matching_verdicts(
	balances: Mapping[Key, LedgerBalance],
	vouchers: Mapping[Key, VoucherDetails],
	scope: Scope,
	criteria: Criteria,
	set_off: Mapping[Key, Decimal] = NO_SET_OFF,
) -> dict[Key, Verdict]:
	"""Verdicts, without reasons yet, on the balances that match the criteria."""
	known = histories(scope.company, balances) if criteria.needs_history else {}
	found = {}
	for key, balance in balances.items():
		voucher = vouchers[key]
		origin = facts.origin(key, balance.currency, voucher, known.get(key))
		if key in set_off:
			origin = replace(origin, settled=True)
		if scope.currency and scope.currency != (origin.currency or balance.currency):
			continue
		if scope.payment_terms_template and scope.payment_terms_template != voucher.payment_terms_template:
			continue
		verdict = eligibility.match(
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
				origin=origin,
			),
			criteria,
		)
		if verdict:
			found[key] = replace(verdict, set_off=set_off[key]) if key in set_off else verdict
	return found


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


def needed_dimensions(
	keys: list[Key], scope: Scope, access: user_access.Access, offset: Offset | None
) -> dict[Key, VoucherDimensions]:
	"""The dimensions of the vouchers, if scope, permissions or offset need them: reading them is half of a search."""
	if scope.cost_center or scope.project or access.cost_centers is not None or (offset and offset.has_rules):
		return dimensions.voucher_dimensions(keys)
	return {}


def keys_out_of_scope(
	keys: list[Key],
	scope: Scope,
	access: user_access.Access,
	voucher_dimensions: Mapping[Key, VoucherDimensions],
) -> set[Key]:
	"""Keys whose voucher is outside the item group, sales person, cost center or project of the scope, or not permitted.

	Of the lines of an invoice one has to be in scope, but the user has to be permitted for all.
	"""
	out_of_scope: set[Key] = set()
	for child, doctype, fieldname, name in (
		("Sales Invoice Item", "Item Group", "item_group", scope.item_group),
		("Sales Team", "Sales Person", "sales_person", scope.sales_person),
	):
		if not name:
			continue
		values = with_descendants(doctype, name)
		matching_invoices: set[str] = set()
		for batch in create_batch([key.voucher_no for key in keys], 1000):
			matching_invoices |= invoices_with_row(child, fieldname, batch, values)
		out_of_scope |= {
			key
			for key in keys
			if key.voucher_type != "Sales Invoice" or key.voucher_no not in matching_invoices
		}
	cost_centers = set(with_descendants("Cost Center", scope.cost_center)) if scope.cost_center else None
	for key in keys:
		voucher = voucher_dimensions.get(key, NO_DIMENSIONS)
		if cost_centers is not None and not cost_centers & voucher.values("cost_center"):
			out_of_scope.add(key)
		if access.cost_centers is not None and voucher.values("cost_center") - access.cost_centers:
			out_of_scope.add(key)
		if scope.project and scope.project not in voucher.values("project"):
			out_of_scope.add(key)
	return out_of_scope


def invoices_with_row(child: str, fieldname: str, names: list[str], values: list[str]) -> set[str]:
	"""The Sales Invoices among these that have a row of this child table with one of the values."""
	row = frappe.qb.DocType(child)
	return set(
		frappe.qb.from_(row)
		.select(row.parent)
		.distinct()
		.where((row.parenttype == "Sales Invoice") & row.parent.isin(names) & row[fieldname].isin(values))
		.run(pluck=True)
	)
