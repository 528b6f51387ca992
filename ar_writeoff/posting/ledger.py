"""Posting one batch of items: lock, look again, plan, post. In the caller's transaction, which commits it whole.

Locks are taken in one fixed order, items before vouchers and each in the order of their names, by every
worker and by the guards on Payment Entry and Journal Entry, so that they wait and do not deadlock.
"""

import random
import re
import traceback
from collections.abc import Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from typing import Any

import frappe
from frappe import _
from frappe.utils import create_batch, getdate
from rq.timeouts import BaseTimeoutException

from ar_writeoff.core import reasons
from ar_writeoff.core.criteria import Criteria
from ar_writeoff.core.money import money
from ar_writeoff.core.reasons import Reason
from ar_writeoff.core.status import CONFLICT, FAILED, POSTED, SKIPPED, WRITTEN_OFF
from ar_writeoff.ledger import dimensions, messages, open_items
from ar_writeoff.ledger import permissions as user_access
from ar_writeoff.ledger.dimensions import Offset
from ar_writeoff.ledger.money import company_currency, precision
from ar_writeoff.ledger.open_items import Key, LedgerBalance
from ar_writeoff.ledger.periods import why_closed
from ar_writeoff.ledger.transactions import site_is_unfit, transaction_is_lost
from ar_writeoff.posting import entries as journal
from ar_writeoff.posting import fast
from ar_writeoff.posting.rules import EntryPlan, PlanItem, plan_entries
from ar_writeoff.search import eligibility_data as facts
from ar_writeoff.search import ledger as search
from ar_writeoff.search.ledger import Scope
from ar_writeoff.search.rules import Verdict, base_of_part

# Balances that are tried alone when an entry is refused. A batch with fewer than the second is looked at one by one.
BALANCES_COMPARED = 4
FEWEST_SHARING = 3

# The key of an entry that is validated only.
TRIAL_KEY = "ACC-JV-TRIAL"


@dataclass(frozen=True, slots=True)
class Rules:
	"""What a run posts with: its criteria as approved and the settings of its company."""

	run: str
	company: str
	posting_date: date
	remark: str
	offset: Offset
	scope: Scope
	criteria: Criteria
	entries_per: str = "Batch"
	rows_per_entry: int = 100


@dataclass(frozen=True, slots=True)
class Item:
	"""A Write-Off Run Item as approved. Amounts are signed, as the balance is."""

	name: str
	key: Key
	currency: str
	outstanding_amount: Decimal
	base_outstanding_amount: Decimal
	write_off_amount: Decimal


@dataclass(frozen=True, slots=True)
class Outcome:
	"""What became of one item."""

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
	"""Names, which are the unique keys too, of the entries of one batch: the same again in a second attempt."""

	batch: str
	used: int = field(default=0)

	def next(self) -> str:
		self.used += 1
		return self.batch if self.used == 1 else f"{self.batch}-{self.used}"


def items_from_rows(rows: Iterable[dict], company: str) -> list[Item]:
	"""Rows of Write-Off Run Item as items with exact amounts."""
	base_decimals = precision(company_currency(company))
	return [
		Item(
			name=row["name"],
			key=Key(row["voucher_type"], row["voucher_no"], row["receivable_account"], row["customer"]),
			currency=row["currency"],
			outstanding_amount=money(row["outstanding_amount"], precision(row["currency"])),
			base_outstanding_amount=money(row["base_outstanding_amount"], base_decimals),
			write_off_amount=money(row["write_off_amount"], precision(row["currency"])),
		)
		for row in rows
	]


def post_items(
	items: list[Item], rules: Rules, names: Names, answers: Mapping[Hashable, Any] | None = None
) -> list[Outcome]:
	"""Post these items; one outcome for each. Items must be locked by the caller. `answers`: see `fast.together`.

	A balance that changed is skipped, an item that ERPNext refuses fails, and the others post.

	Raises:
	    SharedFault: what is wrong is not about single items.
	    frappe.QueryDeadlockError, frappe.QueryTimeoutError: the transaction is lost, begin the batch again.
	"""
	lock_vouchers(item.key for item in items)
	reason = why_nothing_posts(rules)
	if reason:
		return [failed(item.name, reason) for item in items]

	balances = open_items.balances_of_vouchers(
		rules.company, [item.key for item in items], rules.criteria.cutoff_date, for_update=True
	)
	kept, outcomes = look_again(items, balances, rules)
	plan_items = {item.name: item for item in to_plan_items(kept, rules)}
	with fast.together(rules.company, known_links(kept), answers) as checked:
		poster = Poster(plan_items, rules, names, checked)
		for plan in plans(plan_items.values(), rules):
			outcomes.extend(poster.post(plan))
	return with_conflicts(outcomes, kept, balances, rules)


def known_links(items: Iterable[Item]) -> set[tuple[str, str]]:
	"""Documents that were just seen, under lock: the vouchers are submitted, their customers exist."""
	vouchers = {(item.key.voucher_type, item.key.voucher_no) for item in items}
	return vouchers | {("Customer", item.key.customer) for item in items}


def why_nothing_posts(rules: Rules) -> Reason | None:
	"""What stops the whole batch, whatever is in it: a period closed since, a permission withdrawn since."""
	closed = why_closed(rules.company, rules.posting_date)
	if closed:
		return Reason.of(reasons.PERIOD_CLOSED, why=closed)
	user = frappe.session.user
	if not (
		frappe.db.get_value("User", user, "enabled") and frappe.has_permission("Journal Entry", "submit")
	):
		return Reason.of(reasons.MAY_NOT_POST, user=user)
	return None


def lock_vouchers(keys: Iterable[Key]) -> None:
	"""Lock the vouchers' rows, in order of type and name. Whoever else would settle them waits."""
	for voucher_type, vouchers in open_items.by_type(keys):
		table = frappe.qb.DocType(voucher_type)
		for batch in create_batch(vouchers, 1000):
			frappe.qb.from_(table).select(table.name).where(table.name.isin(batch)).orderby(
				table.name
			).for_update().run()


def look_again(
	items: list[Item], balances: dict[Key, LedgerBalance], rules: Rules
) -> tuple[list[Item], list[Outcome]]:
	"""The items that are still as approved, and an outcome with the reason for each of the others."""
	scope, access = rules.scope, user_access.of_user()
	# Of those in scope that the user may see.
	customers = facts.customer_facts(
		{item.key.customer for item in items if access.allows_company(rules.company)},
		search.conditions_on_customers(replace(scope, customers=()), access),
	)
	# Of those that are submitted.
	vouchers = facts.voucher_details(item.key for item in items)
	verdicts = {
		open_items.key_of(verdict.balance): verdict
		for verdict in search.judge_all(
			[balance for balance in balances.values() if balance.key.customer in customers],
			scope,
			rules.criteria,
			access,
			customers=customers,
			vouchers=vouchers,
			ask_other_runs=False,
		)
	}
	written_off = written_off_by_others(items, rules.run)

	kept, outcomes = [], []
	for item in items:
		reason: Reason | None
		if item.key not in vouchers:
			reason = Reason.of(reasons.NO_LONGER_SUBMITTED, voucher=item.key.voucher_no)
		elif item.key.customer not in customers:
			reason = Reason.of(reasons.NOT_PERMITTED, user=frappe.session.user)
		else:
			reason = why_not(item, verdicts.get(item.key), balances.get(item.key))
		if reason and item.key in written_off:
			reason = Reason.of(reasons.WRITTEN_OFF_BY, run=written_off[item.key])
		if reason:
			outcomes.append(Outcome(item.name, SKIPPED, reason=reason))
		else:
			kept.append(item)
	return kept, outcomes


def written_off_by_others(items: Iterable[Item], run: str) -> dict[Key, str]:
	"""Runs that have written off these balances meanwhile.

	Two runs may both have been approved for a balance. Whoever has the lock on the voucher first posts, so one
	of the two always does, also when the other is paused or never gets to it.
	"""
	table = frappe.qb.DocType("Write-Off Run Item")
	keys = {item.key for item in items}
	rows = (
		frappe.qb.from_(table)
		.select(table.voucher_type, table.voucher_no, table.receivable_account, table.customer, table.run)
		.where(
			table.voucher_no.isin(sorted({key.voucher_no for key in keys}) or [""])
			& table.status.isin(WRITTEN_OFF)
			& (table.run != run)
		)
		.run()
	)
	return {Key(*row[:4]): row[4] for row in rows if Key(*row[:4]) in keys}


def why_not(item: Item, verdict: Verdict | None, balance: LedgerBalance | None) -> Reason | None:
	"""Why an approved item cannot be posted as approved; None when it can."""
	if verdict and verdict.reason:
		return verdict.reason
	if not 0 < item.write_off_amount / (item.outstanding_amount or item.write_off_amount or 1) <= 1:
		# ERPNext checks what is credited to an invoice, and lets a credit note be debited with more than it has.
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
	"""The items as the planning knows them, with accounts and dimensions."""
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
			)
			for item in items
		],
		rules.offset,
	)


def plans(items: Iterable[PlanItem], rules: Rules) -> list[EntryPlan]:
	"""The entries for these items, by the rules of the run. Preview and posting both plan here."""
	return plan_entries(
		items,
		company_currency=company_currency(rules.company),
		entries_per=rules.entries_per,
		rows_per_entry=rules.rows_per_entry,
	)


def not_plannable(plan: EntryPlan, rules: Rules) -> list[Outcome]:
	"""The items of a plan that no Journal Entry can take off the books to the cent. Preview and posting both ask."""
	decimals = precision(company_currency(rules.company))
	return [
		failed(
			row.item,
			Reason.of(
				reasons.EXCHANGE_RATE_NOT_EXACT, amount=abs(row.amount), base_amount=abs(row.base_amount)
			),
		)
		for row in plan.rows
		if not row.rate_is_exact(decimals)
	]


@dataclass
class Poster:
	"""Posts the entries of one batch, and finds out what is refused."""

	items: dict[str, PlanItem]
	rules: Rules
	names: Names
	checked: fast.Checked
	# Whether the first refusal was compared with what other balances of the batch are told, or need not be.
	compared: bool = False

	def post(self, plan: EntryPlan) -> list[Outcome]:
		"""Post the plan; where ERPNext refuses it, find the items it refuses and post the others.

		Raises:
		    SharedFault: other balances of the batch are refused for the same reason.
		"""
		outcomes = not_plannable(plan, self.rules)
		if outcomes:
			return outcomes + self.post_part(plan, set(plan.items) - {outcome.item for outcome in outcomes})
		try:
			posted = self.attempt(plan)
		except Refused as refused:
			self.stop_if_shared(plan, refused)
			if len(plan.items) == 1:
				return [failed(plan.items[0], reason_of(refused.error))]
			middle = len(plan.items) // 2
			return self.post_part(plan, set(plan.items[:middle])) + self.post_part(
				plan, set(plan.items[middle:])
			)
		self.compared = True
		return [
			Outcome(
				row.item,
				POSTED,
				journal_entry=posted.name,
				reason=posted.warnings.get(row.customer),
				base_amount=-row.base_amount,
			)
			for row in plan.rows
			if row.item
		]

	def post_part(self, plan: EntryPlan, part: set[str]) -> list[Outcome]:
		outcomes: list[Outcome] = []
		for smaller in plans([self.items[name] for name in plan.items if name in part], self.rules):
			outcomes.extend(self.post(smaller))
		return outcomes

	def attempt(self, plan: EntryPlan, keep: bool = True) -> journal.Posted:
		"""Post the plan as one entry; without `keep` only to see whether it can be.

		Raises:
		    Refused: it cannot be; nothing of it is left.
		    SharedFault: nothing can be posted on this site as it is.
		"""
		header = journal.EntryHeader(
			self.rules.company, self.rules.posting_date, self.rules.run, self.names.next(), self.rules.remark
		)
		frappe.db.savepoint("write_off_entry")
		before = self.checked.mark()
		try:
			posted = journal.post(plan, header, self.checked)
		except Exception as error:
			if site_is_unfit(error):
				raise SharedFault(error) from error
			if not may_be_about_an_item(error):
				raise
			self.take_back(before)
			raise Refused(error) from error
		if not keep:
			self.take_back(before)
		return posted

	def take_back(self, before: tuple[int, int]) -> None:
		frappe.db.rollback(save_point="write_off_entry")
		self.checked.back_to(before)
		self.names.used -= 1
		frappe.clear_messages()

	def stop_if_shared(self, plan: EntryPlan, refused: "Refused") -> None:
		"""At the first refusal of a batch, try some of its balances alone, drawn by lot: where all are refused for the
		same reason, so are all others, and finding out one by one would take two attempts for each.

		A single one that can be posted, or is refused for another reason, and the batch is halved.
		"""
		if self.compared:
			return
		self.compared = True
		known = {plan.items[0]} if len(plan.items) == 1 else set()
		others = sorted(self.items.keys() - known)
		if len(self.items) < FEWEST_SHARING:
			return
		fault = self.signature(refused.error)
		for name in random.sample(others, min(BALANCES_COMPARED, len(others))):
			try:
				for single in plans([self.items[name]], self.rules):
					self.attempt(single, keep=False)
				return
			except Refused as other:
				if self.signature(other.error) != fault:
					return
		raise SharedFault(refused.error)

	def signature(self, error: Exception) -> tuple[str, str]:
		"""What is the same in the errors of two balances with the same fault: without customers, vouchers, numbers."""
		text = messages.of_error(error)
		names = {name for item in self.items.values() for name in (item.voucher_no, item.customer)}
		for name in sorted(names, key=len, reverse=True):
			text = text.replace(name, "#")
		return type(error).__name__, re.sub(r"0x[0-9a-f]+|\d[\d.,]*", "#", text)


class Refused(Exception):
	"""An entry that cannot be posted. `error`: what ERPNext, or a rule of the site, has against it."""

	def __init__(self, error: Exception):
		super().__init__(str(error))
		self.error = error


class SharedFault(Exception):
	"""Nothing of a run can be posted until somebody has mended something. `error`: what stops it."""

	def __init__(self, error: Exception):
		super().__init__(str(error))
		self.error = error


def may_be_about_an_item(error: Exception) -> bool:
	"""Whether another set of items could do better. Refusals of ERPNext are about an item, and so may be the
	errors of whatever else a site has hooked to a Journal Entry; one customer's broken rule stops nobody else.

	A lost transaction is not, nor the end of the job's time, nor a key that is taken, nor a site that is not migrated.
	"""
	return not isinstance(
		error,
		(
			BaseTimeoutException,
			MemoryError,
			frappe.UniqueValidationError,
			frappe.DuplicateEntryError,
		),
	) and not (transaction_is_lost(error) or site_is_unfit(error))


def reason_of(error: Exception) -> Reason:
	"""What was said against an item. What nobody foresaw goes to the Error Log with its traceback."""
	text = messages.of_error(error)
	if is_refusal(error):
		return Reason.of(reasons.REFUSED, why=text)
	log = frappe.log_error(_("A write-off could not be posted"), traceback_of(error))
	return Reason.of(reasons.UNEXPECTED, error=text, log=log.name if log else "")


def reason_of_fault(fault: SharedFault) -> Reason:
	"""What stops a whole run. As for `reason_of`, after whatever the error has left was rolled back."""
	text = messages.of_error(fault.error)
	if is_refusal(fault.error):
		return Reason.of(reasons.ALL_REFUSED, why=text)
	log = frappe.log_error(_("A Write-Off Run could not be posted"), traceback_of(fault.error))
	if site_is_unfit(fault.error):
		return Reason.of(reasons.SITE_UNFIT, error=text, log=log.name if log else "")
	return Reason.of(reasons.ALL_FAIL, error=text, log=log.name if log else "")


def is_refusal(error: Exception) -> bool:
	return isinstance(error, frappe.ValidationError | frappe.PermissionError)


def traceback_of(error: Exception) -> str:
	return "".join(traceback.format_exception(error))


def failed(item: str, reason: Reason) -> Outcome:
	return Outcome(item, FAILED, reason=reason)


def settled_twice(items: list[Item], company: str) -> Iterator[tuple[Item, Reason]]:
	"""Those of these written-off items whose balance is past zero now, each with the reason."""
	balances = open_items.balances_of_vouchers(company, [item.key for item in items], getdate())
	for item in items:
		balance = balances.get(item.key)
		if balance and balance.now * item.write_off_amount < 0:
			yield (
				item,
				Reason.of(reasons.SETTLED_AT_THE_SAME_TIME, balance=f"{balance.now} {item.currency}"),
			)


def with_conflicts(
	outcomes: list[Outcome], items: list[Item], before: dict[Key, LedgerBalance], rules: Rules
) -> list[Outcome]:
	"""The outcomes, with a conflict where the ledger did not move by exactly what was written off.

	Somebody who does not ask for the lock can still get a payment in between the look and the entry.
	"""
	posted = {outcome.item for outcome in outcomes if outcome.status == POSTED}
	posted_items = {item.name: item for item in items if item.name in posted}
	after = open_items.balances_of_vouchers(
		rules.company, [item.key for item in posted_items.values()], rules.criteria.cutoff_date
	)
	result = []
	for outcome in outcomes:
		item = posted_items.get(outcome.item)
		if item and after[item.key].now != before[item.key].now - item.write_off_amount:
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
