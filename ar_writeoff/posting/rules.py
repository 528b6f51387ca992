"""Plans balanced Journal Entries for written-off items.

Receivable side: one row per item, two where a currency needs it, with party, reference and the dimensions of the
voucher's own ledger entry. Offset side: one row per account and dimensions, in company currency. Preview and posting
use the same plan.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal

from ar_writeoff.core.money import ZERO, money
from ar_writeoff.core.set_off import SetOff, Voucher

BATCH = "Batch"
CUSTOMER = "Customer"
INVOICE = "Invoice"

# ERPNext submits a Journal Entry with more rows in the background, and returns before it is posted.
MAX_ROWS_PER_ENTRY = 100

RATE_PRECISION = 9

# Credits of this type are set off by rows of an entry, others are allocated.
CREDIT_NOTE_TYPE = "Sales Invoice"

Dimensions = tuple[tuple[str, str], ...]

# Dimensions of offset rows with the weight of each, above 0.
Shares = tuple[tuple[Dimensions, Decimal], ...]

NO_OFFSETS: Mapping[str, Collection[Hashable]] = {}
# Values that determine the offset rows of items that are not in `offsets`.
SAME_OFFSET: Collection[Hashable] = (None,)


@dataclass(frozen=True, slots=True)
class SetOffRow:
	"""A row of an entry for a voucher that is set off. `amount` is above 0 for a credit note and below 0 for the
	voucher that it settles, in the currency of company and account."""

	voucher: Voucher
	account: str
	amount: Decimal
	dimensions: Dimensions = ()


@dataclass(frozen=True, slots=True)
class PlanItem:
	"""One item to write off. Amounts have the sign of the balance: positive where the customer owes us.

	`offset_shares`: dimensions of the offset side, by weight. `taxes`: the part of the base amount that other accounts than
	the offset account take, by account. `shares_both_sides`: both sides have the dimensions of the offset side. `set_offs`: credits to set off before. Payments and
	journal credits are allocated, see `posting/credits.py`. Credit notes have rows in the entry, `set_off_rows`; the
	amount that they settle of this item itself is added to its own row.
	"""

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
	offset_shares: Shares = (((), Decimal(1)),)
	finance_book: str = ""
	set_offs: tuple[SetOff, ...] = ()
	set_off_rows: tuple[SetOffRow, ...] = ()
	taxes: tuple[tuple[str, Decimal], ...] = ()
	shares_both_sides: bool = False

	@property
	def settled_by_rows(self) -> Decimal:
		"""What the set-off rows settle of the item itself."""
		return sum((row.amount for row in self.set_off_rows), ZERO)

	@property
	def is_credit_to_allocate(self) -> bool:
		"""Whether the item is a payment or journal credit, which gets an entry of its own that is then allocated to it.
		A row with a reference would leave it unallocated in ERPNext."""
		return self.amount < 0 and self.voucher_type in ("Payment Entry", "Journal Entry")

	@property
	def offset_parts(self) -> dict[tuple[str, Dimensions], Decimal]:
		"""The base amount by account of the offset side and dimensions."""
		tax = sum((amount for _account, amount in self.taxes), ZERO)
		parts: dict[tuple[str, Dimensions], Decimal] = {}
		for account, amount in ((self.offset_account, self.base_amount - tax), *self.taxes):
			for dimensions, part in _shared(amount, self.offset_shares):
				parts[account, dimensions] = parts.get((account, dimensions), ZERO) + part
		return parts


def _shared(amount: Decimal, shares: Shares) -> Iterator[tuple[Dimensions, Decimal]]:
	"""Divide an amount by weight. Rounded as the parts add up, so that the last takes the rest."""
	total = sum(weight for _dimensions, weight in shares)
	weights, placed = ZERO, ZERO
	for dimensions, weight in shares:
		weights += weight
		until = (amount * weights / total).quantize(amount, rounding=ROUND_HALF_UP)
		if until != placed:
			yield dimensions, until - placed
		placed = until


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
		return tuple(dict.fromkeys(row.item for row in self.rows if row.item))

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
	ones. An item with many offset rows may have an entry of its own that is longer.
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


def receivable_rows(item: PlanItem) -> list[Row]:
	"""The receivable row of an item; two where no exchange rate converts its amount to its base amount. Then the rows of
	its set-offs."""
	row = Row(
		account=item.receivable_account,
		currency=item.currency,
		amount=-item.amount - item.settled_by_rows,
		base_amount=-item.base_amount - item.settled_by_rows,
		customer=item.customer,
		reference_type="" if item.is_credit_to_allocate else item.voucher_type,
		reference_name="" if item.is_credit_to_allocate else item.voucher_no,
		dimensions=item.receivable_dimensions,
		item=item.name,
	)
	if item.shares_both_sides:
		return [
			replace(row, amount=-part, base_amount=-part, dimensions=dimensions)
			for dimensions, part in _shared(item.base_amount, item.offset_shares)
		]
	decimals = -int(item.base_amount.as_tuple().exponent)
	if row.rate_is_exact(decimals):
		return [row, *set_off_rows(item)]
	parts = _exact_parts(row.amount, row.base_amount, decimals)
	return [replace(row, amount=amount, base_amount=base) for amount, base in parts] or [row]


def set_off_rows(item: PlanItem) -> list[Row]:
	"""The rows of an item's credit notes, and of the other vouchers of the customer that they settle."""
	return [
		Row(
			account=row.account,
			currency=item.currency,
			amount=row.amount,
			base_amount=row.amount,
			customer=item.customer,
			reference_type=row.voucher.voucher_type,
			reference_name=row.voucher.voucher_no,
			dimensions=row.dimensions,
			item=item.name,
		)
		for row in item.set_off_rows
	]


def set_off_vouchers(set_offs: Iterable[SetOff], voucher: Voucher) -> tuple[SetOffRow, ...]:
	"""The rows for the credit notes among these set-offs. The amount that they settle of `voucher` is in the item's own
	row."""
	rows = []
	for one in set_offs:
		if one.credit.voucher_type == CREDIT_NOTE_TYPE:
			rows.append(SetOffRow(one.credit, one.account, one.amount))
			if one.debit != voucher:
				rows.append(SetOffRow(one.debit, one.account, -one.amount))
	return tuple(rows)


def _exact_parts(amount: Decimal, base_amount: Decimal, decimals: int) -> list[tuple[Decimal, Decimal]]:
	"""Divide an amount and its base amount into two parts that each have an exact exchange rate; empty if impossible.

	A rate has nine decimals, so below a certain amount every base amount has one: the small part takes the rest.
	"""
	rate = (base_amount / amount).quantize(Decimal(1).scaleb(-RATE_PRECISION), rounding=ROUND_DOWN)
	for digit in (5, 4, 3, 2, 1):
		small = (Decimal(digit).scaleb(RATE_PRECISION - 1 - decimals)).quantize(amount).copy_sign(amount)
		large = amount - small
		base_large = money(large * rate, decimals)
		base_small = base_amount - base_large
		if min(part * amount for part in (large, base_large, base_small)) <= 0:
			continue
		parts = [(large, base_large), (small, base_small)]
		# ERPNext adds up the rows of an invoice as floats, and settles no more than its outstanding amount.
		fits = abs(float(large) + float(small)) <= abs(float(amount))
		if fits and all(Row("", "", own, base).rate_is_exact(decimals) for own, base in parts):
			return parts
	return []


def _chunks(items: list[PlanItem], limit: int) -> Iterator[list[PlanItem]]:
	chunk: list[PlanItem] = []
	offsets: set[tuple[str, Dimensions]] = set()
	length = 0
	for item in items:
		size = len(receivable_rows(item))
		own = item.offset_parts.keys()
		wanted = offsets | own
		if chunk and length + size + len(wanted) > limit:
			yield chunk
			chunk, wanted, length = [], set(own), 0
		chunk.append(item)
		length += size
		offsets = wanted
	if chunk:
		yield chunk


def _entry(items: list[PlanItem], company_currency: str) -> EntryPlan:
	rows = [row for item in items for row in receivable_rows(item)]
	totals: dict[tuple[str, Dimensions], Decimal] = defaultdict(lambda: ZERO)
	for item in items:
		for key, part in item.offset_parts.items():
			totals[key] += part
	rows.extend(
		Row(
			account=account,
			currency=company_currency,
			amount=total,
			base_amount=total,
			dimensions=dimensions,
		)
		for (account, dimensions), total in totals.items()
		# ERPNext posts no row of 0: a claim and a repayment may cancel each other on the other account.
		if total
	)
	credit = items[0] if items[0].is_credit_to_allocate else None
	return EntryPlan(tuple(rows), items[0].finance_book, credit)


def batches(
	items: Iterable[tuple[str, str]],
	size: int,
	*,
	keep_customers: bool,
	offsets: Mapping[str, Collection[Hashable]] = NO_OFFSETS,
) -> Iterator[list[str]]:
	"""Divide ordered (item, customer) pairs into batches of about `size` items, which fit into an entry of `size` + 1
	rows.

	`offsets`: the values that determine the offset rows of an item, by item; items with the same value share a row.
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
	items: Iterable[tuple[str, str]],
	size: int,
	keep_customers: bool,
	offsets: Mapping[str, Collection[Hashable]],
) -> Iterator[list[str]]:
	batch: list[str] = []
	rows: set[Hashable] = set()
	group: list[str] = []
	customer: str | None = None

	def is_too_long(names: list[str]) -> bool:
		more = {row for name in names for row in offsets.get(name, SAME_OFFSET)}
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
			rows.update(offsets.get(name, SAME_OFFSET))

	for name, owner in items:
		if not keep_customers or owner != customer:
			yield from add(group)
			group = []
		group.append(name)
		customer = owner
	yield from add(group)
	if batch:
		yield batch
