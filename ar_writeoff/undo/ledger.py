"""Undo in the ledger: cancel an entry, post a dated reversing entry, or reinstate single items.

Cancelling leaves the books as if nothing had been posted. It needs an open period, and with ERPNext's immutable ledger
it would date the General Ledger today and the Payment Ledger at the old date, so that the two would disagree in
between. A reversing entry has its own date and posts to both ledgers, which agree at every date. Both work for
customers who are disabled or frozen by now.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any

import frappe
from frappe import _
from frappe.utils import getdate

from ar_writeoff.core.money import money
from ar_writeoff.core.reasons import Reason
from ar_writeoff.core.run_types import posts_claims
from ar_writeoff.core.set_off import SetOff, Voucher, from_text
from ar_writeoff.ledger import parties
from ar_writeoff.ledger.accounts import account_to_reinstate
from ar_writeoff.ledger.dimensions import (
	RequiredDimensions,
	VoucherDimensions,
	dimension_fields,
	dimensions_of,
	offset_shares,
	voucher_dimensions,
)
from ar_writeoff.ledger.money import company_currency, precision
from ar_writeoff.ledger.open_items import Key, balance_key
from ar_writeoff.ledger.periods import closed_period_message
from ar_writeoff.posting import credits
from ar_writeoff.posting import entries as journal
from ar_writeoff.posting.rules import (
	PlanItem,
	SetOffRow,
	plan_entries,
	set_off_vouchers,
)
from ar_writeoff.search.rules import CHARGE_TYPES, carrying_value
from ar_writeoff.tax_relief import booked
from ar_writeoff.tax_relief.booked import BookedTax
from ar_writeoff.tax_relief.filed import filed_return

CANCELLED = "Cancelled"
REVERSED = "Reversed"


@dataclass(frozen=True, slots=True)
class WrittenOffItem:
	"""A written-off item from its locked row. Amounts have the sign of the balance.

	`amount` and `base_amount` are still written off: less what was reinstated. `set_offs`: posted with the item. `taxes`:
	what its entry took for tax.
	"""

	item: str
	key: Key
	currency: str
	journal_entry: str
	amount: Decimal
	base_amount: Decimal
	reinstated: Decimal
	set_offs: tuple[SetOff, ...] = ()
	taxes: tuple[BookedTax, ...] = ()


@dataclass(frozen=True, slots=True)
class ItemPart:
	"""The part of a written-off item to take back, with the sign of the balance, and whether its set-offs are too."""

	of: WrittenOffItem
	amount: Decimal
	base_amount: Decimal
	with_set_offs: bool = False

	@property
	def taxes(self) -> dict[str, Decimal]:
		"""The tax in this part that the entry took, by claim."""
		written_off = self.of.amount + self.of.reinstated
		share = Fraction(self.of.amount - self.amount) / Fraction(written_off)
		return {tax.claim: part for tax in self.of.taxes if (part := tax.part(share))}


@dataclass(frozen=True, slots=True)
class UndoResult:
	"""How an entry was undone, and by which entries; none if it was cancelled."""

	how: str
	entries: dict[str, str]  # item: reversing entry
	warnings: dict[str, Reason]


def written_off_items(rows: Iterable[frappe._dict], company: str) -> list[WrittenOffItem]:
	"""Written-off items with exact amounts from rows of Write-Off Run Item."""
	rows = list(rows)
	base_decimals = precision(company_currency(company))
	with_claim = [row["name"] for row in rows if row["has_tax_claim"]]
	taxes = booked.booked_taxes(with_claim) if with_claim else {}
	result = []
	for row in rows:
		decimals = precision(row["currency"])
		reinstated = money(row["reinstated_amount"], decimals)
		result.append(
			WrittenOffItem(
				item=row["name"],
				key=balance_key(row),
				currency=row["currency"],
				journal_entry=row["journal_entry"],
				amount=money(row["write_off_amount"], decimals) - reinstated,
				base_amount=money(row["base_write_off_amount"], base_decimals)
				- money(row["base_reinstated_amount"], base_decimals),
				reinstated=reinstated,
				set_offs=from_text(row["set_offs"]),
				taxes=tuple(taxes.get(row["name"], ())),
			)
		)
	return result


def part_of(item: WrittenOffItem, amount: Decimal) -> ItemPart:
	"""A part of an item with its company-currency value: all that is left, or a share at the carrying rate."""
	if amount == item.amount:
		return ItemPart(item, amount, item.base_amount)
	return ItemPart(item, amount, carrying_value(amount, item.amount, item.base_amount))


def cancel_blocker(company: str, posting_date: date) -> str | None:
	"""Message why entries of this date cannot be cancelled; None if they can."""
	if frappe.db.get_single_value("Accounts Settings", "enable_immutable_ledger", cache=False):
		return _("The ledger is immutable: entries are reversed, not cancelled.")
	return closed_period_message(company, posting_date)


def undo_entry(
	name: str, items: list[WrittenOffItem], posting_date: date, *, whole: bool, always_dated: bool
) -> UndoResult:
	"""Undo one Journal Entry of a run in the current transaction. Items and vouchers must be locked.

	It is cancelled if its period is open and it is `whole`, that is nothing of it was reinstated, unless
	`always_dated`; otherwise a reversing entry of `posting_date` takes back the items, which are still written off.

	Raises:
	    frappe.ValidationError: ERPNext rejects the entry.
	"""
	entry = frappe.get_doc("Journal Entry", name)
	is_of_claims = posts_claims(journal.run_of(entry))
	if is_of_claims:
		booked.throw_if_claims_filed(entry.company, entry.posting_date)
	blocker = cancel_blocker(entry.company, getdate(entry.posting_date))
	with_tax = [item.item for item in items if item.taxes]
	blocker = blocker or booked.filed_problem(entry.company, entry.posting_date, with_tax)
	if whole and not always_dated and not blocker:
		journal.cancel(entry)
		return UndoResult(CANCELLED, {}, {})
	throw_if_filed(entry.company, posting_date, items, is_of_claims=is_of_claims)
	accounts_now = accounts_to_reinstate([entry], recovered=False)
	with parties.skip_party_validation():
		if whole:
			posted = reverse_entry(entry, posting_date, f"{name}-R", accounts_now)
			return UndoResult(REVERSED, {item.item: posted.name for item in items}, posted.warnings)
		parts = [ItemPart(item, item.amount, item.base_amount, True) for item in items if item.amount]
		entries, warnings = post_reversal(
			{name: entry}, parts, posting_date, f"{name}-R", accounts_now, reversal_of=name
		)
		return UndoResult(REVERSED, entries, warnings)


def throw_if_filed(
	company: str, posting_date: date, items: Iterable[WrittenOffItem], *, is_of_claims: bool = False
) -> None:
	"""Refuse an entry that would repay tax at once in a return that is filed, or take back what a tax run has posted."""
	if is_of_claims:
		filed = filed_return(company, posting_date, lock=True)
	else:
		filed = booked.return_with_tax(company, posting_date, (item.item for item in items if item.taxes))
	if filed:
		frappe.throw(booked.filed_message(filed), title=_("Return Filed"))


def accounts_to_reinstate(entries: Iterable[Any], *, recovered: bool) -> dict[str, str]:
	"""Return the accounts that take back what these entries of one run wrote off, by account of the offset side. Tax goes
	back to the account that took it.

	Raises:
	    frappe.ValidationError: an account was closed, and there is none in its place.
	"""
	found = list(entries)
	offsets = {row.account for entry in found for row in offset_rows(entry)}
	if posts_claims(journal.run_of(found[0])):
		return {account: account for account in offsets}
	tax_accounts = accounts_of_taxes(found)
	run = frappe.db.get_value(
		"Write-Off Run", found[0].write_off_run, ["company", "balance_type", "reason"], as_dict=True
	)
	return {
		account: account
		if account in tax_accounts
		else account_to_reinstate(account, **run, recovered=recovered)
		for account in sorted(offsets)
	}


def accounts_of_taxes(entries: Iterable[Any]) -> set[str]:
	"""Return the accounts that took tax in these entries."""
	# Without tax, the offset side of an entry has one account.
	names = [entry.name for entry in entries if len({row.account for row in offset_rows(entry)}) > 1]
	found: set[str] = set()
	for accounts in booked.accounts_of_entries(names).values() if names else ():
		found |= accounts
	return found


def offset_rows(entry: Any) -> list[Any]:
	return [row for row in entry.accounts if not row.party]


def reverse_entry(
	entry: Any, posting_date: date, key: str, accounts_now: Mapping[str, str]
) -> journal.Posted:
	"""Post a reversing entry of a whole entry: debit and credit swapped, with the same dimensions and rates, and the defaults
	of dimensions that are required since. `accounts_now`: see `accounts_to_reinstate`.

	A payment or journal credit is unallocated from the entry, and the reversing entry settles the entry's debit
	instead.
	"""
	credits.release(entry)
	fields = (
		"account",
		"account_currency",
		"exchange_rate",
		"party_type",
		"party",
		*dimension_fields(),
	)
	required = RequiredDimensions(entry.company)
	accounts = {row.name: row.account if row.party else accounts_now[row.account] for row in entry.accounts}
	rows = [
		{
			**{field: row.get(field) for field in fields},
			"account": accounts[row.name],
			**dict(required.add_to(dimensions_of(row), accounts[row.name])),
			**reversing_reference(row, entry),
			"debit_in_account_currency": row.credit_in_account_currency,
			"credit_in_account_currency": row.debit_in_account_currency,
		}
		for row in entry.accounts
	]
	reversing = journal.build_entry(
		journal.EntryHeader(
			entry.company,
			posting_date,
			journal.run_of(entry),
			unused_name(key),
			_("Reversal of {0}").format(entry.name),
		),
		rows,
		finance_book=entry.finance_book,
		multi_currency=entry.multi_currency,
		reversal_of=entry.name,
	)
	reversing.flags.reopens_credit_notes = True
	return journal.submit(reversing)


def reversing_reference(row: Any, entry: Any) -> dict[str, str]:
	"""Reference of the reversing row: the same invoice, or the entry itself if its row has no reference.

	ERPNext allows no debit with a reference to a Journal Entry, so the reversing row of an opening entry has none.
	"""
	if row.party and row.reference_type in ("Sales Invoice", *CHARGE_TYPES):
		return {"reference_type": row.reference_type, "reference_name": row.reference_name}
	if row.party and row.debit and not row.reference_name:
		return {"reference_type": "Journal Entry", "reference_name": entry.name}
	return {}


def is_credit(item: WrittenOffItem) -> bool:
	"""Whether the item is a payment or journal credit: it has an entry of its own that was allocated to it, so it is
	taken back as a whole."""
	return item.amount < 0 and item.key.voucher_type != "Sales Invoice"


def reinstate(
	parts: list[ItemPart], posting_date: date, prefix: str
) -> tuple[dict[str, str], dict[str, Reason]]:
	"""Post entries that reinstate these parts in the current transaction. Items and vouchers must be locked.

	Returns the entry of each item, and warnings by customer. Entries are named `prefix`, `prefix`-2, …

	Raises:
	    frappe.ValidationError: ERPNext rejects the entry.
	"""
	names = sorted({part.of.journal_entry for part in parts})
	entries = {name: frappe.get_doc("Journal Entry", name) for name in names}
	entry_of_item: dict[str, str] = {}
	warnings: dict[str, Reason] = {}
	throw_if_filed(next(iter(entries.values())).company, posting_date, [part.of for part in parts])
	accounts_now = accounts_to_reinstate(entries.values(), recovered=True)
	with parties.skip_party_validation():
		for part in parts:
			if is_credit(part.of):
				posted = reverse_entry(entries[part.of.journal_entry], posting_date, prefix, accounts_now)
				entry_of_item[part.of.item] = posted.name
				warnings.update(posted.warnings)
		shares = [part for part in parts if not is_credit(part.of)]
		if shares:
			taken, more = post_reversal(entries, shares, posting_date, prefix, accounts_now)
			entry_of_item.update(taken)
			warnings.update(more)
	return entry_of_item, warnings


def post_reversal(
	entries: dict[str, Any],
	parts: list[ItemPart],
	posting_date: date,
	prefix: str,
	accounts_now: Mapping[str, str],
	reversal_of: str | None = None,
) -> tuple[dict[str, str], dict[str, Reason]]:
	"""Post entries that take back parts of what `entries` wrote off. `accounts_now`: see `accounts_to_reinstate`."""
	[company] = {entry.company for entry in entries.values()}
	[run] = {journal.run_of(entry) for entry in entries.values()}
	tax_accounts = accounts_of_taxes(entries.values())
	required = RequiredDimensions(company)
	vouchers = voucher_dimensions(part.of.key for part in parts)
	items = [
		plan_item(
			part,
			entries[part.of.journal_entry],
			accounts_now,
			tax_accounts,
			vouchers[part.of.key],
			required,
		)
		for part in parts
	]
	entry_of_item: dict[str, str] = {}
	warnings: dict[str, Reason] = {}
	for plan in plan_entries(items, company_currency=company_currency(company)):
		entry = journal.build(
			plan,
			journal.EntryHeader(
				company,
				posting_date,
				run,
				unused_name(prefix),
				_("Reversal of {0}").format(reversal_of)
				if reversal_of
				else _("Reinstated from Write-Off Run {0}").format(run),
			),
		)
		entry.reversal_of = reversal_of
		entry.flags.reopens_credit_notes = True
		posted = journal.submit(entry)
		entry_of_item.update({item: posted.name for item in plan.items})
		warnings.update(posted.warnings)
	return entry_of_item, warnings


def plan_item(
	part: ItemPart,
	entry: Any,
	accounts_now: Mapping[str, str],
	tax_accounts: Collection[str],
	voucher: VoucherDimensions,
	required: RequiredDimensions,
) -> PlanItem:
	"""Plan item for a part, with the dimensions of the write-off, and the defaults of those that are required since."""
	key = part.of.key
	own = next(
		(
			row
			for row in entry.accounts
			if row.party == key.customer
			and row.account == key.account
			and row.reference_name in (key.voucher_no, None, "")
		),
		None,
	)
	if not own:
		frappe.throw(
			_("{0} has no row of {1} on {2} for {3}. Reverse the entry manually.").format(
				entry.name, key.customer, key.account, key.voucher_no
			),
			title=_("Journal Entry"),
		)
	offsets = offset_rows(entry)
	# The tax of a cent is the whole cent.
	losses = [row for row in offsets if row.account not in tax_accounts] or offsets
	offset_account = accounts_now[losses[0].account]
	shares = offset_shares(voucher, [dimensions_of(row) for row in losses])
	account_of = {tax.claim: tax.account for tax in part.of.taxes}
	return PlanItem(
		name=part.of.item,
		voucher_type=key.voucher_type,
		voucher_no=key.voucher_no,
		customer=key.customer,
		receivable_account=key.account,
		currency=part.of.currency,
		amount=-part.amount,
		base_amount=-part.base_amount,
		offset_account=offset_account,
		receivable_dimensions=required.add_to(dimensions_of(own), key.account),
		offset_shares=tuple((required.add_to(values, offset_account), weight) for values, weight in shares),
		taxes=tuple((account_of[claim], -amount) for claim, amount in part.taxes.items()),
		finance_book=entry.finance_book or "",
		set_off_rows=reversed_set_offs(part.of, entry, required) if part.with_set_offs else (),
	)


def reversed_set_offs(
	item: WrittenOffItem, entry: Any, required: RequiredDimensions
) -> tuple[SetOffRow, ...]:
	"""The rows that take back an item's set-offs of credit notes, with the dimensions of its entry."""
	dimensions = {
		row.reference_name: required.add_to(dimensions_of(row), row.account)
		for row in entry.accounts
		if row.party
	}
	return tuple(
		replace(row, amount=-row.amount, dimensions=dimensions.get(row.voucher.voucher_no, ()))
		for row in set_off_vouchers(item.set_offs, Voucher(item.key.voucher_type, item.key.voucher_no))
	)


def unused_name(wanted: str) -> str:
	"""`wanted`, or `wanted`-2, … if a cancelled entry has that name."""
	name, number = wanted, 1
	while frappe.db.exists("Journal Entry", name):
		number += 1
		name = f"{wanted}-{number}"
	return name
