"""How items that are written off become balanced journal entries.

Receivable side: one row per item, with party, reference and the dimensions of the voucher's own ledger
entry. Offset side: one row per account and dimensions, in company currency. The same plan is shown in the
preview and posted.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from ar_writeoff.core.money import ZERO, money

BATCH = "Batch"
CUSTOMER = "Customer"
INVOICE = "Invoice"

# A Journal Entry with more rows is submitted in the background by ERPNext: it would return before it posted.
MAX_ROWS_PER_ENTRY = 100

RATE_PRECISION = 9

Dimensions = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class PlanItem:
	"""One item to write off. Amounts are signed as the balance is: positive where the customer owes us."""

	name: str
	voucher_type: str
	voucher_no: str
	customer: str
	receivable_account: str
	currency: str
	amount: Decimal
	base_amount: Decimal
	offset_account: str
	receivable_dimensions: Dimensions = ()
	offset_dimensions: Dimensions = ()
	finance_book: str = ""

	@property
	def is_credit_to_allocate(self) -> bool:
		"""A payment or a journal credit: ERPNext knows what is left of it from its allocations, and a row that
		refers to it would leave it to be spent again. Its entry stands alone and is then allocated to it."""
		return self.amount < 0 and self.voucher_type in ("Payment Entry", "Journal Entry")


@dataclass(frozen=True, slots=True)
class Row:
	"""A row of a Journal Entry. Positive `amount` debits, negative credits the account.

	`amount` is in the currency of the account, `base_amount` in company currency. `item` is empty on the
	offset side.
	"""

	account: str
	currency: str
	amount: Decimal
	base_amount: Decimal
	customer: str = ""
	reference_type: str = ""
	reference_name: str = ""
	dimensions: Dimensions = ()
	item: str = ""

	@property
	def exchange_rate(self) -> Decimal:
		"""The carrying rate of the balance, not the rate of any day: base ÷ account currency."""
		rate = self.base_amount / self.amount
		return rate.quantize(Decimal(1).scaleb(-RATE_PRECISION), rounding=ROUND_HALF_UP)

	def rate_is_exact(self, precision: int) -> bool:
		"""Whether account currency times rate gives the base amount back, rounded as ERPNext rounds it."""
		return money(self.amount * self.exchange_rate, precision) == self.base_amount


@dataclass(frozen=True, slots=True)
class EntryPlan:
	"""One balanced Journal Entry: receivable rows first, offset rows after.

	`credit` is the payment or journal credit that is allocated to the entry once it is submitted.
	"""

	rows: tuple[Row, ...]
	finance_book: str = ""
	credit: PlanItem | None = None

	@property
	def items(self) -> tuple[str, ...]:
		return tuple(row.item for row in self.rows if row.item)

	@property
	def total(self) -> Decimal:
		"""Total debit = total credit, company currency."""
		return sum((row.base_amount for row in self.rows if row.base_amount > 0), ZERO)

	@property
	def difference(self) -> Decimal:
		return sum((row.base_amount for row in self.rows), ZERO)


def plan_entries(
	items: Iterable[PlanItem],
	*,
	company_currency: str,
	entries_per: str = BATCH,
	rows_per_entry: int = MAX_ROWS_PER_ENTRY,
) -> list[EntryPlan]:
	"""Journal entries of at most `rows_per_entry` rows, offset rows counted, in the order of the items.

	An entry is closed before the item that would take it over the limit, so that many dimensions make
	more entries and never a longer one.
	"""
	limit = max(2, min(rows_per_entry, MAX_ROWS_PER_ENTRY))
	plans: list[EntryPlan] = []
	for group in _groups(items, entries_per):
		for chunk in _chunks(group, limit):
			plans.append(_entry(chunk, company_currency))
	return plans


def _groups(items: Iterable[PlanItem], entries_per: str) -> Iterator[list[PlanItem]]:
	"""Items that may share an entry. The finance book is a field of the entry, so it always divides; a credit
	that will be allocated has an entry to itself."""
	groups: dict[tuple[str, str], list[PlanItem]] = defaultdict(list)
	for item in items:
		key = {CUSTOMER: item.customer, INVOICE: item.name}.get(entries_per, "")
		if item.is_credit_to_allocate:
			key = item.name
		groups[item.finance_book, key].append(item)
	yield from groups.values()


def _offset_key(item: PlanItem) -> tuple[str, Dimensions]:
	return item.offset_account, item.offset_dimensions


def _chunks(items: list[PlanItem], limit: int) -> Iterator[list[PlanItem]]:
	chunk: list[PlanItem] = []
	offsets: set[tuple[str, Dimensions]] = set()
	for item in items:
		wanted = offsets | {_offset_key(item)}
		if len(chunk) + 1 + len(wanted) > limit:
			yield chunk
			chunk, wanted = [], {_offset_key(item)}
		chunk.append(item)
		offsets = wanted
	if chunk:
		yield chunk


def _entry(items: list[PlanItem], company_currency: str) -> EntryPlan:
	rows = [
		Row(
			account=item.receivable_account,
			currency=item.currency,
			amount=-item.amount,
			base_amount=-item.base_amount,
			customer=item.customer,
			reference_type="" if item.is_credit_to_allocate else item.voucher_type,
			reference_name="" if item.is_credit_to_allocate else item.voucher_no,
			dimensions=item.receivable_dimensions,
			item=item.name,
		)
		for item in items
	]
	totals: dict[tuple[str, Dimensions], Decimal] = defaultdict(lambda: ZERO)
	for item in items:
		totals[_offset_key(item)] += item.base_amount
	rows.extend(
		Row(
			account=account,
			currency=company_currency,
			amount=total,
			base_amount=total,
			dimensions=dimensions,
		)
		for (account, dimensions), total in totals.items()
	)
	credit = items[0] if items[0].is_credit_to_allocate else None
	return EntryPlan(tuple(rows), items[0].finance_book, credit)


def batches(items: Iterable[tuple[str, str]], size: int, *, keep_customers: bool) -> Iterator[list[str]]:
	"""Divide (item, customer) pairs, in order, into batches of about `size` items.

	With `keep_customers` a batch ends where a customer ends, unless the customer alone is over the size. What would
	be a batch of a tenth of the size or less goes with the one before: a transaction costs as much as twenty items.
	"""
	before: list[str] = []
	for batch in _divide(items, size, keep_customers):
		if before and len(batch) > size // 10:
			yield before
			before = []
		before += batch
	if before:
		yield before


def _divide(items: Iterable[tuple[str, str]], size: int, keep_customers: bool) -> Iterator[list[str]]:
	batch: list[str] = []
	group: list[str] = []
	customer: str | None = None

	def add(group: list[str]) -> Iterator[list[str]]:
		nonlocal batch
		if batch and len(batch) + len(group) > size:
			yield batch
			batch = []
		for name in group:
			if len(batch) == size:
				yield batch
				batch = []
			batch.append(name)

	for name, owner in items:
		if not keep_customers or owner != customer:
			yield from add(group)
			group = []
		group.append(name)
		customer = owner
	yield from add(group)
	if batch:
		yield batch
