"""Taking back what a run posted: by cancelling its entry, by a dated reversing entry, or item by item.

Cancelling leaves the books as if nothing had been posted. It needs the period open, and under ERPNext's immutable
ledger it would date the General Ledger today and the Payment Ledger at the old date, so that the two disagreed for
every day in between. A reversing entry has its own date, posts native rows in both ledgers, and they agree at every
date. Both work for customers who are disabled or frozen since.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

import frappe
from frappe import _
from frappe.utils import getdate

from ar_writeoff.core.money import money
from ar_writeoff.core.reasons import Reason
from ar_writeoff.ledger import parties
from ar_writeoff.ledger.dimensions import dimension_fields
from ar_writeoff.ledger.money import company_currency, precision
from ar_writeoff.ledger.open_items import Key
from ar_writeoff.ledger.periods import closed_period_message
from ar_writeoff.posting import credits
from ar_writeoff.posting import entries as journal
from ar_writeoff.posting.rules import Dimensions, PlanItem, plan_entries
from ar_writeoff.search.rules import carrying_value

CANCELLED = "Cancelled"
REVERSED = "Reversed"


@dataclass(frozen=True, slots=True)
class WrittenOff:
	"""An item that is written off, as its locked row says. Amounts are signed as the balance was.

	`amount` and `base_amount` are what is still written off: less what was reinstated.
	"""

	item: str
	key: Key
	currency: str
	journal_entry: str
	amount: Decimal
	base_amount: Decimal
	reinstated: Decimal


@dataclass(frozen=True, slots=True)
class Part:
	"""As much of a written-off item as is to be taken back. Signed as the balance was."""

	of: WrittenOff
	amount: Decimal
	base_amount: Decimal


@dataclass(frozen=True, slots=True)
class Undone:
	"""How an entry was undone, and by which entries: none where it was cancelled."""

	how: str
	entries: dict[str, str]  # item -> reversing entry
	warnings: dict[str, Reason]


def written_off(rows: Iterable[dict], company: str) -> list[WrittenOff]:
	"""Rows of Write-Off Run Item as what is still written off, in exact amounts."""
	base_decimals = precision(company_currency(company))
	result = []
	for row in rows:
		decimals = precision(row["currency"])
		reinstated = money(row["reinstated_amount"], decimals)
		result.append(
			WrittenOff(
				item=row["name"],
				key=Key(row["voucher_type"], row["voucher_no"], row["receivable_account"], row["customer"]),
				currency=row["currency"],
				journal_entry=row["journal_entry"],
				amount=money(row["write_off_amount"], decimals) - reinstated,
				base_amount=money(row["base_write_off_amount"], base_decimals)
				- money(row["base_reinstated_amount"], base_decimals),
				reinstated=reinstated,
			)
		)
	return result


def part_of(item: WrittenOff, amount: Decimal) -> Part:
	"""An amount of an item with its company-currency value: all that is left, or a share at the carrying rate."""
	if amount == item.amount:
		return Part(item, amount, item.base_amount)
	return Part(item, amount, carrying_value(amount, item.amount, item.base_amount))


def why_not_cancel(company: str, posting_date: date) -> str | None:
	"""Why entries of this date cannot be cancelled, in words; None when they can."""
	if frappe.db.get_single_value("Accounts Settings", "enable_immutable_ledger", cache=False):
		return _("The ledger is immutable: entries are reversed, not cancelled.")
	return closed_period_message(company, posting_date)


def undo_entry(name: str, items: list[WrittenOff], posting_date: date, always_dated: bool) -> Undone:
	"""Undo one Journal Entry of a run in the current transaction; its items and their vouchers are locked.

	It is cancelled where its period is open and nothing of it was reinstated, unless `always_dated`; otherwise a
	reversing entry of `posting_date` takes back what is still written off.

	Raises:
	    frappe.ValidationError: whatever ERPNext has against it.
	"""
	entry = frappe.get_doc("Journal Entry", name)
	whole = not any(item.reinstated for item in items)
	if whole and not always_dated and not why_not_cancel(entry.company, getdate(entry.posting_date)):
		journal.cancel(entry)
		return Undone(CANCELLED, {}, {})
	with parties.skip_party_validation():
		if whole:
			posted = reverse_whole(entry, posting_date, f"{name}-R")
			return Undone(REVERSED, {item.item: posted.name for item in items}, posted.warnings)
		parts = [Part(item, item.amount, item.base_amount) for item in items if item.amount]
		entries, warnings = take_back({name: entry}, parts, posting_date, f"{name}-R", reversal_of=name)
		return Undone(REVERSED, entries, warnings)


def reverse_whole(entry: Any, posting_date: date, key: str) -> journal.Posted:
	"""A reversing entry of a whole entry: every row with its sides changed, dimensions and rates as they were.

	A payment or journal credit that was allocated to the entry is unallocated again, and the entry's own debit is
	settled by the reversing entry instead.
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
	rows = [
		{
			**{field: row.get(field) for field in fields},
			**reference_back(row, entry),
			"debit_in_account_currency": row.credit_in_account_currency,
			"credit_in_account_currency": row.debit_in_account_currency,
		}
		for row in entry.accounts
	]
	reversing = journal.build_entry(
		journal.EntryHeader(
			entry.company,
			posting_date,
			entry.write_off_run,
			free_name(key),
			_("Reversal of {0}").format(entry.name),
		),
		rows,
		finance_book=entry.finance_book,
		multi_currency=entry.multi_currency,
		reversal_of=entry.name,
	)
	return journal.submit(reversing)


def reference_back(row: Any, entry: Any) -> dict[str, str]:
	"""What the reversing row refers to: the same invoice, or the entry's own debit where that stands by itself.

	A debit cannot refer to a Journal Entry in ERPNext: what an opening entry had is then the reversing entry's.
	"""
	if row.party and row.reference_type == "Sales Invoice":
		return {"reference_type": row.reference_type, "reference_name": row.reference_name}
	if row.party and row.debit and not row.reference_name:
		return {"reference_type": "Journal Entry", "reference_name": entry.name}
	return {}


def is_credit(item: WrittenOff) -> bool:
	"""A payment or journal credit: its entry is its own and was allocated to it, so it is taken back whole."""
	return item.amount < 0 and item.key.voucher_type != "Sales Invoice"


def reinstate(parts: list[Part], posting_date: date, prefix: str) -> tuple[dict[str, str], dict[str, Reason]]:
	"""Give these parts back to their customers in the current transaction; items and vouchers are locked.

	Returns the entry of each item, and warnings by customer. Entries are named `prefix`, `prefix`-2, …

	Raises:
	    frappe.ValidationError: whatever ERPNext has against it.
	"""
	names = sorted({part.of.journal_entry for part in parts})
	entries = {name: frappe.get_doc("Journal Entry", name) for name in names}
	made: dict[str, str] = {}
	warnings: dict[str, Reason] = {}
	with parties.skip_party_validation():
		for part in parts:
			if is_credit(part.of):
				posted = reverse_whole(entries[part.of.journal_entry], posting_date, prefix)
				made[part.of.item] = posted.name
				warnings.update(posted.warnings)
		shares = [part for part in parts if not is_credit(part.of)]
		if shares:
			taken, more = take_back(entries, shares, posting_date, prefix)
			made.update(taken)
			warnings.update(more)
	return made, warnings


def take_back(
	entries: dict[str, Any],
	parts: list[Part],
	posting_date: date,
	prefix: str,
	reversal_of: str | None = None,
) -> tuple[dict[str, str], dict[str, Reason]]:
	"""Entries that take back parts of what `entries` wrote off, against the accounts that took it."""
	[company] = {entry.company for entry in entries.values()}
	[run] = {entry.write_off_run for entry in entries.values()}
	items = [plan_item(part, entries[part.of.journal_entry]) for part in parts]
	made: dict[str, str] = {}
	warnings: dict[str, Reason] = {}
	for plan in plan_entries(items, company_currency=company_currency(company)):
		entry = journal.build(
			plan,
			journal.EntryHeader(
				company,
				posting_date,
				run,
				free_name(prefix),
				_("Reversal of {0}").format(reversal_of)
				if reversal_of
				else _("Reinstated from Write-Off Run {0}").format(run),
			),
		)
		entry.reversal_of = reversal_of
		posted = journal.submit(entry)
		made.update({item: posted.name for item in plan.items})
		warnings.update(posted.warnings)
	return made, warnings


def plan_item(part: Part, entry: Any) -> PlanItem:
	"""What is taken back, with the accounts and dimensions that the write-off itself used."""
	key = part.of.key
	own = next(
		row
		for row in entry.accounts
		if row.party == key.customer
		and row.account == key.account
		and row.reference_name in (key.voucher_no, None, "")
	)
	receivable = dimensions_of(own)
	offsets = [row for row in entry.accounts if not row.party]
	offset = next((row for row in offsets if dimensions_of(row) == receivable), offsets[0])
	return PlanItem(
		name=part.of.item,
		voucher_type=key.voucher_type,
		voucher_no=key.voucher_no,
		customer=key.customer,
		receivable_account=key.account,
		currency=part.of.currency,
		amount=-part.amount,
		base_amount=-part.base_amount,
		offset_account=offset.account,
		receivable_dimensions=receivable,
		offset_dimensions=dimensions_of(offset),
		finance_book=entry.finance_book or "",
	)


def dimensions_of(row: Any) -> Dimensions:
	return tuple(sorted((field, row.get(field)) for field in dimension_fields() if row.get(field)))


def free_name(wanted: str) -> str:
	"""`wanted`, or where an entry of that name was cancelled before, `wanted`-2, …"""
	name, number = wanted, 1
	while frappe.db.exists("Journal Entry", name):
		number += 1
		name = f"{wanted}-{number}"
	return name
