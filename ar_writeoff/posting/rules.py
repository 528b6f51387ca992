"""Plans balanced Journal Entries for written-off items.

Receivable side: one row per item, with party, reference and the dimensions of the voucher's own ledger entry. Offset
side: one row per account and dimensions, in company currency. Preview and posting use the same plan.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from ar_writeoff.core.money import ZERO, money

BATCH = "Batch"
CUSTOMER = "Customer"
INVOICE = "Invoice"

# ERPNext submits a Journal Entry with more rows in the background, and returns before it is posted.
MAX_ROWS_PER_ENTRY = 100

RATE_PRECISION = 9

Dimensions = tuple[tuple[str, str], ...]

NO_OFFSETS: Mapping[str, Hashable] = {}


@dataclass(frozen=True, slots=True)
class PlanItem:
	"""One item to write off. Amounts have the sign of the balance: positive where the customer owes us."""

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
		"""Whether the item is a payment or journal credit, which gets an entry of its own that is then allocated to it.
		A row with a reference would leave it unallocated in ERPNext."""
		return self.amount < 0 and self.voucher_type in ("Payment Entry", "Journal Entry")


@dataclass(frozen=True, slots=True)
class Row:
	"""A row of a Journal Entry. Positive amounts debit the account, negative ones credit it.

	`amount` is in account currency, `base_amount` in company currency. `item` is empty on the offset side.
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
		"""The carrying rate of the balance: base amount ÷ amount."""
		rate = self.base_amount / self.amount
		return rate.quantize(Decimal(1).scaleb(-RATE_PRECISION), rounding=ROUND_HALF_UP)

	def rate_is_exact(self, precision: int) -> bool:
		"""Whether amount times rate equals the base amount, rounded as ERPNext rounds it."""
		return money(self.amount * self.exchange_rate, precision) == self.base_amount


@dataclass(frozen=True, slots=True)
class EntryPlan:
	"""One balanced Journal Entry: receivable rows, then offset rows.

	`credit` is the payment or journal credit to allocate to the submitted entry.
	"""

	rows: tuple[Row, ...]
	finance_book: str = ""
	credit: PlanItem | None = None

	@property
	def items(self) -> tuple[str, ...]:
		return tuple(row.item for row in self.rows if row.item)

	@property
	def total(self) -> Decimal:
		"""Total debit, which equals total credit, in company currency."""
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
	"""Journal Entries of at most `rows_per_entry` rows, offset rows included, in the order of the items.

	An entry is closed before the item that would exceed the limit, so more dimensions mean more entries, not longer
	ones.
	"""
	limit = max(2, min(rows_per_entry, MAX_ROWS_PER_ENTRY))
	plans: list[EntryPlan] = []
	for group in _groups(items, entries_per):
		for chunk in _chunks(group, limit):
			plans.append(_entry(chunk, company_currency))
	return plans


def _groups(items: Iterable[PlanItem], entries_per: str) -> Iterator[list[PlanItem]]:
	"""Items that may share an entry. Finance book is a field of the entry, so items are always split by it. A credit to
	allocate gets an entry of its own."""
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


def batches(
	items: Iterable[tuple[str, str]],
	size: int,
	*,
	keep_customers: bool,
	offsets: Mapping[str, Hashable] = NO_OFFSETS,
) -> Iterator[list[str]]:
	"""Divide ordered (item, customer) pairs into batches of about `size` items, which fit into an entry of `size` + 1 rows.

	`offsets`: what decides on the offset row of an item, by item; items with the same value share a row.
	With `keep_customers` a batch ends with a customer, unless that customer alone exceeds the size. A remainder of a
	tenth of the size or less joins the batch before it: a transaction costs as much as twenty items.
	"""
	before: list[str] = []
	for batch in _divide(items, size, keep_customers, offsets):
		if before and len(batch) > size // 10:
			yield before
			before = []
		before += batch
	if before:
		yield before


def _divide(
	items: Iterable[tuple[str, str]], size: int, keep_customers: bool, offsets: Mapping[str, Hashable]
) -> Iterator[list[str]]:
	batch: list[str] = []
	rows: set[Hashable] = set()
	group: list[str] = []
	customer: str | None = None

	def is_too_long(names: list[str]) -> bool:
		more = {offsets.get(name) for name in names}
		return bool(batch) and len(batch) + len(names) + len(rows | more) > size + 1

	def add(group: list[str]) -> Iterator[list[str]]:
		nonlocal batch, rows
		if is_too_long(group):
			yield batch
			batch, rows = [], set()
		for name in group:
			if is_too_long([name]):
				yield batch
				batch, rows = [], set()
			batch.append(name)
			rows.add(offsets.get(name))

	for name, owner in items:
		if not keep_customers or owner != customer:
			yield from add(group)
			group = []
		group.append(name)
		customer = owner
	yield from add(group)
	if batch:
		yield batch
