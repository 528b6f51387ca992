"""Posts one batch of items: lock, revalidate, plan, post. The caller commits the transaction.

Locks are taken in one fixed order, items before vouchers and each by name, by every worker and by the guards on Payment
Entry and Journal Entry, so that they wait and do not deadlock.
"""

import random
import re
import traceback
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal

import frappe
from erpnext.accounts.utils import update_voucher_outstanding
from frappe import _
from frappe.utils import create_batch, getdate
from rq.timeouts import BaseTimeoutException

from ar_writeoff.core import reasons
from ar_writeoff.core.criteria import Criteria
from ar_writeoff.core.money import money
from ar_writeoff.core.reasons import Reason
from ar_writeoff.core.run_types import posts_claims
from ar_writeoff.core.set_off import SetOff, Voucher, from_text, total
from ar_writeoff.core.status import CONFLICT, FAILED, ITEM_POSTED, POSTED, SKIPPED
from ar_writeoff.ledger import dimensions, dunnings, messages, open_items, parties
from ar_writeoff.ledger import permissions as user_access
from ar_writeoff.ledger.dimensions import Offset
from ar_writeoff.ledger.money import company_currency, precision
from ar_writeoff.ledger.open_items import Key, LedgerBalance
from ar_writeoff.ledger.periods import closed_period_message
from ar_writeoff.ledger.transactions import is_site_fault, transaction_is_lost
from ar_writeoff.posting import credits, fast, proof, set_offs, tax_claims
from ar_writeoff.posting import entries as journal
from ar_writeoff.posting.entry_values import Value
from ar_writeoff.posting.fast import invoices as fast_invoices
from ar_writeoff.posting.fast.ledger_rows import get_customers
from ar_writeoff.posting.proof.kinds import kinds_of
from ar_writeoff.posting.proof.rehearsal import SharedFault as SharedFault
from ar_writeoff.posting.rules import EntryPlan, PlanItem, plan_entries, set_off_vouchers
from ar_writeoff.search import eligibility_data as facts
from ar_writeoff.search import ledger as search
from ar_writeoff.search.ledger import Scope
from ar_writeoff.search.net_first import keys_of
from ar_writeoff.search.rules import Verdict, base_of_part
from ar_writeoff.tax_relief.filed import filed_return, lock_returns
from ar_writeoff.tax_relief.losses import NO_BOOKING, booked_taxes
from ar_writeoff.tax_relief.rules import NET_AT_ONCE, Booking

# When an entry is rejected, this many balances are tried one by one to see whether the fault is shared. Smaller
# batches than the second number are simply halved.
SAMPLE_SIZE = 4
MIN_ITEMS_TO_SAMPLE = 3

# Name of an entry that is only validated.
TRIAL_NAME = "ACC-JV-TRIAL"


@dataclass(frozen=True, slots=True)
class Rules:
	"""The posting rules of a run: its approved criteria and the company's settings. `entry_values`: see `EntryHeader`;
	`tax_rule`: see `Terms`. `booking`: how the entries take the tax."""

	run: str
	company: str
	posting_date: date
	remark: str
	offset: Offset
	scope: Scope
	criteria: Criteria
	entries_per: str = "Batch"
	rows_per_entry: int = 100
	entry_values: tuple[Value, ...] | None = None
	tax_rule: str | None = None
	booking: Booking = NO_BOOKING

	@property
	def posts_claims(self) -> bool:
		"""Whether the items are tax claims, not balances."""
		return posts_claims(self.run)

	def header(self, name: str) -> journal.EntryHeader:
		"""Header of the entry with this name."""
		return journal.EntryHeader(
			self.company, self.posting_date, self.run, name, self.remark, self.entry_values
		)


@dataclass(frozen=True, slots=True)
class Item:
	"""A Write-Off Run Item as approved. Amounts have the sign of the balance. `set_offs`: those posted with the item."""

	name: str
	key: Key
	currency: str
	outstanding_amount: Decimal
	base_outstanding_amount: Decimal
	write_off_amount: Decimal
	set_offs: tuple[SetOff, ...] = ()

	@property
	def set_off_amount(self) -> Decimal:
		"""The amount of the voucher that credits settle before the write-off."""
		return total(one for one in self.set_offs if keys_of(one, self.key.customer)[1] == self.key)


@dataclass(frozen=True, slots=True)
class Outcome:
	"""Result for one item."""

	item: str
	status: str
	journal_entry: str | None = None
	reason: Reason | None = None
	base_amount: Decimal = Decimal(0)

	@property
	def message(self) -> str:
		"""The reason in the reader's language."""
		return messages.message(self.reason) if self.reason else ""


@dataclass(slots=True)
class Names:
	"""Names of the entries of one batch: the same in a second attempt, so that no entry is posted twice."""

	batch: str
	used: int = field(default=0)

	def next(self) -> str:
		self.used += 1
		return self.batch if self.used == 1 else f"{self.batch}-{self.used}"


def items_from_rows(rows: Iterable[frappe._dict], company: str) -> list[Item]:
	"""Items with exact amounts from rows of Write-Off Run Item."""
	base_decimals = precision(company_currency(company))
	return [
		Item(
			name=row["name"],
			key=open_items.balance_key(row),
			currency=row["currency"],
			outstanding_amount=money(row["outstanding_amount"], precision(row["currency"])),
			base_outstanding_amount=money(row["base_outstanding_amount"], base_decimals),
			write_off_amount=money(row["write_off_amount"], precision(row["currency"])),
			set_offs=from_text(row["set_offs"]),
		)
		for row in rows
	]


def post_items(items: list[Item], rules: Rules, names: Names) -> list[Outcome]:
	"""Post these items, which the caller has locked, and return one outcome for each.

	A changed balance is skipped, an item that ERPNext rejects fails, and the others are posted.

	Raises:
	    SharedFault: a fault that all items share.
	    frappe.QueryDeadlockError, frappe.QueryTimeoutError: the transaction is lost; begin the batch again.
	"""
	keys = [*(item.key for item in items), *set_offs.vouchers_of(items)]
	if rules.booking.method == NET_AT_ONCE:
		# No return is filed between the entries and their claims.
		lock_returns(rules.company)
	lock_vouchers(keys)
	reason = batch_blocker(rules)
	if reason:
		return [failed(item.name, reason) for item in items]
	if rules.posts_claims:
		kept, outcomes = revalidate_claims(items, rules)
		batch = Batch(kept, rules, names)
		return outcomes + batch.post(proof.method(rules.company, batch, rules.run))

	balances = open_items.balances_of_vouchers(
		rules.company, keys, rules.criteria.cutoff_date, for_update=True
	)
	kept, outcomes = revalidate_items(items, balances, rules)
	update_outstanding_amounts([*(item.key for item in kept), *set_offs.vouchers_of(kept)], balances)
	batch = Batch(kept, rules, names)
	method = proof.method(rules.company, batch, rules.run)
	outcomes += batch.post(method)
	return mark_conflicting(outcomes, kept, balances, rules)


class Batch:
	"""Items to post in one transaction."""

	cancels = False

	def __init__(self, items: list[Item], rules: Rules, names: Names):
		self.items, self.rules, self.names = items, rules, names
		self.size = len(items)
		self.plan_items = {item.name: item for item in to_plan_items(items, rules)}
		self.plans = build_plans(self.plan_items.values(), rules)

	def sample(self, size: int) -> "Batch":
		return Batch(self.items[:size], self.rules, self.names)

	def kinds(self) -> set[str]:
		"""The kinds of its entries and invoices, see `proof`."""
		in_part = {
			item.key.voucher_no for item in self.items if item.write_off_amount != item.outstanding_amount
		}
		set_off = {
			f"set off {one.credit.voucher_type}, {one.debit.voucher_type}"
			for item in self.items
			for one in item.set_offs
		}
		return kinds_of(self.plans, self.rules.company, in_part) | set_off

	def post(self, method: str) -> list[Outcome]:
		"""Post the items in this way. They can be posted again after a rollback.

		Raises:
		    SharedFault: a fault that all items share.
		"""
		outcomes = []
		with fast.cached_validation(self.rules.company, method, locked_documents(self.items)) as cache:
			customers = get_customers({item.customer for item in self.plan_items.values()}, cache)
			booked = {name: customer.gle_currency for name, customer in customers.items()}
			poster = Poster(self.plan_items, self.rules, replace(self.names), cache, booked)
			for plan in self.plans:
				outcomes.extend(poster.post(plan))
		return outcomes


def locked_documents(items: Iterable[Item]) -> set[tuple[str, str]]:
	"""Documents just read under lock: the vouchers are submitted, their customers exist."""
	vouchers = {(item.key.voucher_type, item.key.voucher_no) for item in items}
	return vouchers | {("Customer", item.key.customer) for item in items}


def batch_blocker(rules: Rules) -> Reason | None:
	"""Reason why the whole batch cannot be posted, such as a closed period or a withdrawn permission; None if it
	can."""
	closed = closed_period_message(rules.company, rules.posting_date)
	if closed:
		return Reason.of(reasons.PERIOD_CLOSED, why=closed)
	filed = filed_return(rules.company, rules.posting_date, lock=True) if rules.posts_claims else None
	if filed:
		return Reason.of(reasons.RETURN_FILED, run=filed)
	user = frappe.session.user
	if not (
		frappe.db.get_value("User", user, "enabled") and frappe.has_permission("Journal Entry", "submit")
	):
		return Reason.of(reasons.MAY_NOT_POST, user=user)
	return None


def lock_vouchers(keys: Iterable[Key]) -> None:
	"""Lock the rows of the vouchers, ordered by type and name."""
	for voucher_type, vouchers in open_items.vouchers_by_type(keys):
		table = frappe.qb.DocType(voucher_type)
		for batch in create_batch(vouchers, 1000):
			frappe.qb.from_(table).select(table.name).where(table.name.isin(batch)).orderby(
				table.name
			).for_update().run()


def revalidate_items(
	items: list[Item], balances: dict[Key, LedgerBalance], rules: Rules
) -> tuple[list[Item], list[Outcome]]:
	"""The items that are still as approved, and an outcome with the reason for each of the others."""
	scope, access = rules.scope, user_access.of_user()
	# Only customers in scope that the user may see.
	customers = facts.customer_facts(
		rules.company,
		{item.key.customer for item in items if access.allows_company(rules.company)},
		search.customer_conditions(replace(scope, customers=()), access),
	)
	vouchers = facts.voucher_details(item.key for item in items)
	of_items = {item.key for item in items}
	own_set_off = {item.key: item.set_off_amount for item in items if item.set_off_amount}
	verdicts = {
		open_items.balance_key(verdict.balance): verdict
		for verdict in search.judge_all(
			[
				balance
				for balance in balances.values()
				if balance.key.customer in customers and balance.key in of_items
			],
			scope,
			rules.criteria,
			access,
			customers=customers,
			vouchers=vouchers,
			credits=set_offs.credits_left(rules.run, rules.company, customers)
			if rules.criteria.sets_off_credits
			else None,
			offset=rules.offset,
			set_off=own_set_off,
			check_other_runs=False,
		)
	}
	set_off_blockers = set_offs.blockers(
		items,
		balances,
		set_offs.unusable_credits(items, balances, scope, rules.criteria, access, rules.offset),
	)
	written_off = written_off_by_other_runs(items, rules.run)

	kept, outcomes = [], []
	for item in items:
		reason: Reason | None
		if vouchers[item.key].docstatus != 1:
			reason = Reason.of(reasons.NO_LONGER_SUBMITTED, voucher=item.key.voucher_no)
		elif item.key.customer not in customers:
			reason = Reason.of(reasons.NOT_PERMITTED, user=frappe.session.user)
		else:
			reason = set_off_blockers.get(item.key) or item_blocker(
				item, verdicts.get(item.key), balances.get(item.key)
			)
		if reason and item.key in written_off:
			reason = Reason.of(reasons.WRITTEN_OFF_BY, run=written_off[item.key])
		if reason:
			outcomes.append(Outcome(item.name, SKIPPED, reason=reason))
		else:
			kept.append(item)
	return kept, outcomes


def revalidate_claims(items: list[Item], rules: Rules) -> tuple[list[Item], list[Outcome]]:
	"""As `revalidate_items`, for the items of a tax run."""
	blockers = tax_claims.blockers(items, rules.company, rules.posting_date, rules.criteria.cutoff_date)
	return [item for item in items if item.name not in blockers], [
		Outcome(name, SKIPPED, reason=reason) for name, reason in blockers.items()
	]


def update_outstanding_amounts(keys: Iterable[Key], balances: Mapping[Key, LedgerBalance]) -> None:
	"""Update the outstanding amounts that differ from the balance: ERPNext settles no more than them."""
	invoices = {key.voucher_no: key for key in keys if key.voucher_type == "Sales Invoice"}
	rows = frappe.get_all(
		"Sales Invoice",
		filters={"name": ("in", sorted(invoices) or [""])},
		fields=["name", "outstanding_amount"],
		order_by="name asc",
	)
	for row in rows:
		key = invoices[row.name]
		if Decimal(str(row.outstanding_amount)) != balances[key].now:
			with dunnings.single_dunning_update([row.name]):
				update_voucher_outstanding(key.voucher_type, row.name, key.account, "Customer", key.customer)


def written_off_by_other_runs(items: Iterable[Item], run: str) -> dict[Key, str]:
	"""Other runs that have written off these balances in the meantime.

	Two runs may both be approved for a balance. The first to lock the voucher posts it, even if the other run is
	paused.
	"""
	table = frappe.qb.DocType("Write-Off Run Item")
	keys = {item.key for item in items}
	rows = (
		frappe.qb.from_(table)
		.select(table.voucher_type, table.voucher_no, table.receivable_account, table.customer, table.run)
		.where(
			table.voucher_no.isin(sorted({key.voucher_no for key in keys}) or [""])
			& table.status.isin(ITEM_POSTED)
			& (table.run != run)
		)
		.run()
	)
	return {Key(*row[:4]): row[4] for row in rows if Key(*row[:4]) in keys}


def item_blocker(item: Item, verdict: Verdict | None, balance: LedgerBalance | None) -> Reason | None:
	"""Reason why an approved item cannot be posted as approved; None if it can."""
	if verdict and verdict.reason:
		return verdict.reason
	if not 0 < item.write_off_amount / (item.outstanding_amount or item.write_off_amount or 1) <= 1:
		# ERPNext limits what is credited to an invoice, but not what is debited to a credit note.
		return Reason.of(
			reasons.AMOUNT_OVER_BALANCE,
			amount=f"{item.write_off_amount} {item.currency}",
			balance=f"{item.outstanding_amount} {item.currency}",
		)
	now = verdict.amount if verdict else (balance.now if balance else Decimal(0))
	base_now = verdict.base_amount if verdict else Decimal(0)
	if (now, base_now) == (item.outstanding_amount, item.base_outstanding_amount):
		return None
	if not verdict and now == item.outstanding_amount:
		return Reason.of(reasons.NO_LONGER_MATCHES)
	return Reason.of(
		reasons.BALANCE_CHANGED,
		before=f"{item.outstanding_amount} {item.currency}",
		now=f"{now} {item.currency}",
	)


def to_plan_items(items: list[Item], rules: Rules) -> list[PlanItem]:
	"""Plan items with accounts and dimensions."""
	if rules.posts_claims:
		return tax_claims.plan_items(items, rules.offset)
	taxes = taxes_of(items, rules)
	return dimensions.with_dimensions(
		[
			PlanItem(
				name=item.name,
				voucher_type=item.key.voucher_type,
				voucher_no=item.key.voucher_no,
				customer=item.key.customer,
				receivable_account=item.key.account,
				currency=item.currency,
				amount=item.write_off_amount,
				base_amount=base_of_part(
					item.write_off_amount, item.outstanding_amount, item.base_outstanding_amount
				),
				offset_account=rules.offset.account or "",
				taxes=taxes.get(item.name, ()),
				set_offs=item.set_offs,
				set_off_rows=set_off_vouchers(
					item.set_offs, Voucher(item.key.voucher_type, item.key.voucher_no)
				),
			)
			for item in items
		],
		rules.offset,
	)


def taxes_of(items: Iterable[Item], rules: Rules) -> dict[str, tuple[tuple[str, Decimal], ...]]:
	"""Return the tax that the entries take, by item: (account, amount in company currency)."""
	if not (rules.tax_rule and rules.booking.accounts):
		return {}
	rows = [
		frappe._dict(
			name=item.name,
			voucher_type=item.key.voucher_type,
			voucher_no=item.key.voucher_no,
			write_off_amount=item.write_off_amount,
		)
		for item in items
	]
	return booked_taxes(rules.tax_rule, rules.booking, rules.company, rows, rules.posting_date)


def build_plans(items: Iterable[PlanItem], rules: Rules) -> list[EntryPlan]:
	"""Entry plans for these items. Used by preview and posting."""
	return plan_entries(
		items,
		company_currency=company_currency(rules.company),
		entries_per=rules.entries_per,
		rows_per_entry=rules.rows_per_entry,
	)


def unplannable_items(
	plan: EntryPlan, items: Mapping[str, PlanItem], rules: Rules, booked: Mapping[str, str | None]
) -> list[Outcome]:
	"""Failures of the plan's items that no Journal Entry can clear to the cent, that have a dimension ERPNext refuses, or whose
	customer it finds booked in another currency. `booked`: currencies by customer. Used by preview and posting."""
	decimals = precision(company_currency(rules.company))
	found = dimensions.unusable_values([items[name] for name in plan.items], rules.company)
	refused = parties.currency_refusals(
		rules.company, {(row.customer, row.currency) for row in plan.rows if row.customer}, booked
	)
	for row in plan.rows:
		if (row.customer, row.currency) in refused:
			found[row.item] = Reason.of(reasons.REFUSED, why=refused[row.customer, row.currency])
	inexact = [row for row in plan.rows if not row.rate_is_exact(decimals)]
	credit = plan.credit
	if credit and credit.currency != company_currency(rules.company) and not credits.can_be_cleared(credit):
		inexact += [row for row in plan.rows if row.item]
	for row in inexact:
		found[row.item] = Reason.of(
			reasons.EXCHANGE_RATE_NOT_EXACT, amount=abs(row.amount), base_amount=abs(row.base_amount)
		)
	return [failed(name, reason) for name, reason in found.items()]


def party_validation(rules: Rules) -> AbstractContextManager[None]:
	"""Context in which ERPNext accepts disabled customers if the run includes them.

	Frozen customers have been excluded before, unless the user may post for them.
	"""
	return parties.skip_party_validation() if rules.criteria.include_disabled_customers else nullcontext()


@dataclass
class Poster:
	"""Posts the entries of one batch and finds the items that are rejected."""

	items: dict[str, PlanItem]
	rules: Rules
	names: Names
	cache: fast.ValidationCache
	booked: Mapping[str, str | None]
	# Whether the first rejection was compared with other balances of the batch, or an entry was posted.
	is_sampled: bool = False

	def post(self, plan: EntryPlan) -> list[Outcome]:
		"""Post the plan; if ERPNext rejects it, find the items it rejects and post the others.

		Raises:
		    SharedFault: other balances of the batch are rejected for the same reason.
		"""
		outcomes = unplannable_items(plan, self.items, self.rules, self.booked)
		if outcomes:
			return outcomes + self.post_part(plan, set(plan.items) - {outcome.item for outcome in outcomes})
		try:
			posted = self.attempt(plan)
		except EntryRejected as rejected:
			self.raise_if_shared(plan, rejected)
			if len(plan.items) == 1:
				return [failed(plan.items[0], failure_reason(rejected.error))]
			middle = len(plan.items) // 2
			return self.post_part(plan, set(plan.items[:middle])) + self.post_part(
				plan, set(plan.items[middle:])
			)
		self.is_sampled = True
		return [
			Outcome(
				item.name,
				POSTED,
				journal_entry=posted.name,
				reason=posted.warnings.get(item.customer),
				base_amount=item.base_amount,
			)
			for item in (self.items[name] for name in plan.items)
		]

	def post_part(self, plan: EntryPlan, part: set[str]) -> list[Outcome]:
		outcomes: list[Outcome] = []
		for smaller in build_plans([self.items[name] for name in plan.items if name in part], self.rules):
			outcomes.extend(self.post(smaller))
		return outcomes

	def attempt(self, plan: EntryPlan, keep: bool = True) -> journal.Posted:
		"""Post the plan as one entry; with `keep` false, roll it back again.

		Raises:
		    EntryRejected: it cannot be posted and was rolled back.
		    SharedFault: nothing can be posted on this site at present.
		"""
		header = self.rules.header(self.names.next())
		frappe.db.savepoint("write_off_entry")
		before = self.cache.savepoint()
		try:
			with party_validation(self.rules):
				self.set_off(plan)
				posted = journal.post(plan, header, self.cache)
		except Exception as error:
			if is_site_fault(error):
				raise SharedFault(error) from error
			if not is_item_error(error):
				raise
			self.roll_back(before)
			raise EntryRejected(error) from error
		if not keep:
			self.roll_back(before)
		return posted

	def set_off(self, plan: EntryPlan) -> None:
		"""Allocate the credits that the items of the plan set off."""
		items = [self.items[name] for name in plan.items if self.items[name].set_offs]
		if not items:
			return
		# ERPNext updates the invoices itself, so they are written before and read again.
		fast_invoices.refresh(self.cache)
		for item in items:
			set_offs.allocate(item.set_offs, item.customer, self.rules.company)
		self.cache.clear_documents()

	def roll_back(self, before: tuple[int, int]) -> None:
		frappe.db.rollback(save_point="write_off_entry")
		self.cache.rollback_to(before)
		self.names.used -= 1
		frappe.clear_messages()

	def raise_if_shared(self, plan: EntryPlan, rejected: "EntryRejected") -> None:
		"""At the first rejection of a batch, try a random sample of its balances one by one.

		If all are rejected for the same reason, the fault is shared; finding that out for each item would take two
		attempts each. If one can be posted or is rejected for another reason, the batch is halved.
		"""
		if self.is_sampled:
			return
		self.is_sampled = True
		known = {plan.items[0]} if len(plan.items) == 1 else set()
		others = sorted(self.items.keys() - known)
		if len(self.items) < MIN_ITEMS_TO_SAMPLE:
			return
		signature = self.signature(rejected.error)
		for name in random.sample(others, min(SAMPLE_SIZE, len(others))):
			try:
				for single in build_plans([self.items[name]], self.rules):
					self.attempt(single, keep=False)
				return
			except EntryRejected as other:
				if self.signature(other.error) != signature:
					return
		raise SharedFault(rejected.error)

	def signature(self, error: Exception) -> tuple[str, str]:
		"""Error type and text without customers, vouchers and numbers: equal for two balances with the same fault."""
		text = messages.error_text(error)
		names = {name for item in self.items.values() for name in (item.voucher_no, item.customer)}
		for name in sorted(names, key=len, reverse=True):
			text = text.replace(name, "#")
		return type(error).__name__, re.sub(r"0x[0-9a-f]+|\d[\d.,]*", "#", text)


class EntryRejected(Exception):
	"""ERPNext or a rule of the site rejects an entry. `error`: the exception."""

	def __init__(self, error: Exception):
		super().__init__(str(error))
		self.error = error


def is_item_error(error: Exception) -> bool:
	"""Whether the error may concern only some of the items. Rejections by ERPNext may, and so may errors of other code
	hooked to Journal Entry: one customer's broken rule must not stop the others.

	Lost transactions, the job timeout, duplicate names and a site that is not migrated concern all items.
	"""
	return not isinstance(
		error,
		(
			BaseTimeoutException,
			MemoryError,
			frappe.DuplicateEntryError,
		),
	) and not (transaction_is_lost(error) or is_site_fault(error))


def failure_reason(error: Exception) -> Reason:
	"""The reason for a failed item. Unexpected errors go to the Error Log with their traceback."""
	if is_rejection(error):
		return Reason.caused(reasons.REFUSED, messages.error_reason(error))
	log = frappe.log_error(_("A write-off could not be posted"), format_traceback(error))
	return Reason.of(reasons.UNEXPECTED, error=messages.error_text(error), log=log.name if log else "")


def fault_reason(fault: SharedFault) -> Reason:
	"""The reason for pausing a run, as for `failure_reason`; called after rolling back."""
	if isinstance(fault.error, frappe.MandatoryError):
		return Reason.caused(reasons.MANDATORY_SINCE_APPROVAL, messages.error_reason(fault.error))
	if is_rejection(fault.error):
		return Reason.caused(reasons.ALL_REFUSED, messages.error_reason(fault.error))
	text = messages.error_text(fault.error)
	log = frappe.log_error(_("A Write-Off Run could not be posted"), format_traceback(fault.error))
	if is_site_fault(fault.error):
		return Reason.of(reasons.SITE_UNFIT, error=text, log=log.name if log else "")
	return Reason.of(reasons.ALL_FAIL, error=text, log=log.name if log else "")


def is_rejection(error: Exception) -> bool:
	return isinstance(error, frappe.ValidationError | frappe.PermissionError)


def format_traceback(error: Exception) -> str:
	return "".join(traceback.format_exception(error))


def failed(item: str, reason: Reason) -> Outcome:
	return Outcome(item, FAILED, reason=reason)


def find_conflicts(items: list[Item], company: str) -> Iterator[tuple[Item, Reason]]:
	"""Written-off items whose balance has changed sign, each with the reason."""
	balances = open_items.balances_of_vouchers(company, [item.key for item in items], getdate())
	for item in items:
		balance = balances.get(item.key)
		if balance and balance.now * item.write_off_amount < 0:
			yield (
				item,
				Reason.of(reasons.SETTLED_AT_THE_SAME_TIME, balance=f"{balance.now} {item.currency}"),
			)


def mark_conflicting(
	outcomes: list[Outcome], items: list[Item], before: dict[Key, LedgerBalance], rules: Rules
) -> list[Outcome]:
	"""The outcomes, with Conflict where the ledger did not change by exactly the amount written off.

	Code that does not take the lock can still post a payment between the check and the entry.
	"""
	posted = {outcome.item for outcome in outcomes if outcome.status == POSTED}
	posted_items = {item.name: item for item in items if item.name in posted}
	after = open_items.balances_of_vouchers(
		rules.company, [item.key for item in posted_items.values()], rules.criteria.cutoff_date
	)
	result = []
	for outcome in outcomes:
		item = posted_items.get(outcome.item)
		if item and after[item.key].now != (
			before[item.key].now - item.set_off_amount - item.write_off_amount
		):
			outcome = replace(
				outcome,
				status=CONFLICT,
				reason=Reason.of(
					reasons.SETTLED_AT_THE_SAME_TIME,
					balance=f"{after[item.key].now} {item.currency}",
				),
			)
		result.append(outcome)
	return result
