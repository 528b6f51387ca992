"""What ERPNext's own documents may do to a balance that a run has written off. Called as doc events.

ERPNext asks for a balance when it validates and posts a moment later, without a lock. A payment that was validated
before a write-off committed would be posted on top of it. So before it is submitted its vouchers are locked, all with
one statement for each DocType, in the order of type and name that the posting uses as well.

The locked row tells whether a run has written off a balance of the voucher (`WRITE_OFF_FIELDS`): it is written in the commit of
the write-off, and a locking read sees what was committed last. An ordinary payment asks no more than that. The rows of
its invoices it would lock a moment later anyway, when ERPNext brings their outstanding amounts up to date, and two
payments of the same invoices that lock them by name wait for each other where ERPNext's own order could deadlock.
Ledger rows are locked for a voucher that is marked only: under REPEATABLE READ their locks cover the gaps beside
them, into which somebody else's payment may be about to write.

The items are not asked: their locks come before those of the vouchers, and whoever commits lets go of the voucher a
moment before it lets go of them.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import frappe
from frappe import _
from frappe.utils import flt, fmt_money

from ar_writeoff.core.money import ZERO, money
from ar_writeoff.core.status import ITEM_POSTED
from ar_writeoff.ledger import open_items
from ar_writeoff.ledger.money import precision
from ar_writeoff.ledger.open_items import Key
from ar_writeoff.posting.entries import WRITE_OFF_FIELDS
from ar_writeoff.posting.ledger import lock_vouchers

# Voucher type, voucher, and amount in account currency.
Settlement = tuple[str, str, Any]


class WrittenOffBalance(frappe.ValidationError):
	"""A document would settle a balance that a run has written off."""


@dataclass(frozen=True, slots=True)
class Hold:
	"""A live write-off of a voucher: the run, and the sign of the balance it took."""

	run: str
	sign: int


# Payment Entry, Journal Entry: settling


def payment_entry_allocates(entry: Any, method: str | None = None) -> None:
	"""Doc event, before submit and before a reconciliation: refuse to settle what is written off."""
	sign = -1 if entry.payment_type == "Receive" else 1
	account = entry.paid_from if entry.payment_type == "Receive" else entry.paid_to
	if entry.party_type == "Customer":
		refuse_over_allocation(
			entry,
			[
				(
					Key(
						row.reference_doctype, row.reference_name, row.get("account") or account, entry.party
					),
					sign * flt(row.allocated_amount),
				)
				for row in entry.references
				if flt(row.allocated_amount)
			],
		)


def journal_entry_allocates(entry: Any, method: str | None = None) -> None:
	"""Doc event, before submit and before a reconciliation: refuse to settle what is written off, and to reverse
	an entry of a run behind its back."""
	if entry.flags.write_off_locked:
		return
	refuse_reversal_by_hand(entry)
	refuse_over_allocation(
		entry,
		[
			(
				Key(row.reference_type, row.reference_name, row.account, row.party),
				flt(row.debit_in_account_currency) - flt(row.credit_in_account_currency),
			)
			for row in entry.accounts
			if row.party_type == "Customer" and row.reference_name
		],
	)


def refuse_over_allocation(document: Any, allocations: Iterable[tuple[Key, float]]) -> None:
	"""Refuse the document where it takes a written-off balance past zero; vouchers are locked from here on.

	`allocations`: what it adds to each balance, in account currency.
	"""
	effects: dict[Key, float] = defaultdict(float)
	for key, amount in allocations:
		if key.voucher_type in WRITE_OFF_FIELDS:
			effects[key] += amount
	for key in lock_and_find_marked(effects):
		currency = frappe.get_cached_value("Account", key.account, "account_currency")
		decimals = precision(currency)
		settled = settlements(document, key)
		hold = write_off_among(settled, key)
		balance = balance_of(settled, decimals)
		if hold and (balance + money(effects[key], decimals)) * hold.sign < 0:
			frappe.throw(
				_(
					"{0} {1} was written off by {2}: {3} is left of it, and this entry would settle {4}. Reinstate the balance in {2} first, then allocate the payment."
				).format(
					_(key.voucher_type),
					key.voucher_no,
					link(hold.run),
					fmt_money(float(balance), currency=currency),
					fmt_money(abs(effects[key]), currency=currency),
				),
				WrittenOffBalance,
				title=_("Already Written Off"),
			)


def lock_and_find_marked(keys: Iterable[Key]) -> list[Key]:
	"""Lock the vouchers of these balances, in order of type and name; returns the balances of those that are marked."""
	keys = list(keys)
	marked: set[tuple[str, str]] = set()
	for voucher_type, vouchers in open_items.vouchers_by_type(keys):
		table = frappe.qb.DocType(voucher_type)
		# Not a condition: rows that do not meet it would not stay locked under READ COMMITTED.
		rows = (
			frappe.qb.from_(table)
			.select(table.name, table[WRITE_OFF_FIELDS[voucher_type]])
			.where(table.name.isin(vouchers))
			.orderby(table.name)
			.for_update()
			.run()
		)
		marked.update((voucher_type, name) for name, mark in rows if mark)
	return [key for key in keys if (key.voucher_type, key.voucher_no) in marked]


def write_off_among(settled: list[Settlement], key: Key) -> Hold | None:
	"""The live write-off of a voucher among what has settled it."""
	amounts: dict[str, Decimal] = defaultdict(lambda: ZERO)
	for voucher_type, voucher_no, amount in settled:
		# What a run's own entry has on the account, for a credit to be allocated to, is nothing written off.
		if voucher_type == "Journal Entry" and voucher_no != key.voucher_no:
			amounts[voucher_no] += Decimal(str(amount))
	runs = runs_of_entries(list(amounts))
	# What was reversed or reinstated in full is no hold any more: the amounts of its entries are zero together.
	taken = sum((amounts[entry] for entry in runs), ZERO)
	return Hold(next(iter(runs.values())), -1 if taken > 0 else 1) if taken else None


def runs_of_entries(entries: list[str]) -> dict[str, str]:
	"""{Journal Entry: its run}, as committed last, of those of these entries that a run made."""
	if not entries:
		return {}
	entry = frappe.qb.DocType("Journal Entry")
	return dict(
		frappe.qb.from_(entry)
		.select(entry.name, entry.write_off_run)
		.where(entry.name.isin(entries) & (entry.write_off_run != ""))
		.orderby(entry.name)
		.for_update()
		.run()
	)


def balance_of(settled: list[Settlement], decimals: int) -> Decimal:
	return sum((money(amount, decimals) for _type, _no, amount in settled), ZERO)


def settlements(document: Any, key: Key) -> list[Settlement]:
	"""What the Payment Ledger has of a balance, as committed last and without what the document itself has posted."""
	ple = frappe.qb.DocType("Payment Ledger Entry")
	return (
		frappe.qb.from_(ple)
		.select(ple.voucher_type, ple.voucher_no, ple.amount_in_account_currency)
		.where(
			(ple.against_voucher_no == key.voucher_no)
			& (ple.against_voucher_type == key.voucher_type)
			& (ple.account == key.account)
			& (ple.party == key.customer)
			& (ple.delinked == 0)
			& (ple.voucher_no != (document.name or ""))
		)
		.for_update()
		.run()
	)


def refuse_reversal_by_hand(entry: Any) -> None:
	"""ERPNext's own button reverses an entry as often as it is pressed, and the run would not know."""
	run = entry.reversal_of and frappe.db.get_value("Journal Entry", entry.reversal_of, "write_off_run")
	if run:
		frappe.throw(
			_(
				"{0} belongs to {1}. Undo the run, or reinstate single balances in it; it keeps count of both."
			).format(entry.reversal_of, link(run)),
			title=_("Entry of a Write-Off Run"),
		)


# Cancelling what is written off


def voucher_is_cancelled(document: Any, method: str | None = None) -> None:
	"""Doc event, before cancel of a voucher: refuse while a write-off of its balance is alive.

	ERPNext would take the reference out of our entry and leave a credit on the customer, with the expense booked.
	"""
	if not lock_and_find_marked([Key(document.doctype, document.name, "", "")]):
		return
	item = frappe.qb.DocType("Write-Off Run Item")
	rows = (
		frappe.qb.from_(item)
		.select(item.run)
		.where(
			(item.voucher_no == document.name)
			& (item.voucher_type == document.doctype)
			& item.status.isin(ITEM_POSTED)
		)
		.for_update()
		.run()
	)
	if rows:
		frappe.throw(
			_(
				"{0} is written off by {1}. Undo the run, or reinstate this balance in it, then cancel."
			).format(document.name, link(rows[0][0])),
			title=_("Written Off"),
		)


def voucher_is_deleted(document: Any, method: str | None = None) -> None:
	"""Doc event, on trash of a voucher: what a run has written off once is evidence, with the run.

	Frappe asks for links by itself; items have the name of their voucher only.
	"""
	item = frappe.qb.DocType("Write-Off Run Item")
	rows = (
		frappe.qb.from_(item)
		.select(item.run)
		.where(
			(item.voucher_no == document.name)
			& (item.voucher_type == document.doctype)
			& item.journal_entry.isnotnull()
			& (item.journal_entry != "")
		)
		.limit(1)
		.run()
	)
	if rows:
		frappe.throw(
			_("A balance of {0} was written off by the Write-Off Run {1}: it is kept as evidence.").format(
				document.name, link(rows[0][0])
			),
			frappe.LinkExistsError,
		)


def unreconcile(document: Any, method: str | None = None) -> None:
	"""Doc event: an entry of a run is not taken off its vouchers; it would stay as a credit nobody owes."""
	if document.voucher_type != "Journal Entry":
		return
	run = frappe.db.get_value("Journal Entry", document.voucher_no, "write_off_run")
	if run:
		frappe.throw(
			_("{0} belongs to {1}. Undo the run, or reinstate single balances in it, instead.").format(
				document.voucher_no, link(run)
			),
			title=_("Entry of a Write-Off Run"),
		)


def journal_entry_is_cancelled(entry: Any, method: str | None = None) -> None:
	"""Doc event, before cancel of a Journal Entry: what of our bookkeeping depends on it comes first.

	Locks items and vouchers in the order of the posting, before ERPNext takes them in its own.
	"""
	voucher_is_cancelled(entry)
	if not entry.get("write_off_run"):
		return
	rows = items_of_entry(entry.name)
	keys = [Key(row.voucher_type, row.voucher_no, row.receivable_account, row.customer) for row in rows]
	lock_vouchers(keys)
	for row, key in zip(rows, keys, strict=True):
		if row.journal_entry == entry.name and (row.reversal_entry or flt(row.reinstated_amount)):
			frappe.throw(
				_(
					"Balances of {0} were reinstated or reversed by another entry: cancelling it would open them twice. Undo {1} for the rest."
				).format(entry.name, link(entry.write_off_run)),
				title=_("Partly Undone Already"),
			)
		if row.journal_entry != entry.name:
			refuse_past_zero(entry, row, key)


def items_of_entry(name: str) -> list[Any]:
	"""Items that this entry wrote off, reversed or reinstated, locked in the order of their names."""
	item, recovery = frappe.qb.DocType("Write-Off Run Item"), frappe.qb.DocType("Write-Off Recovery")
	names = (
		frappe.qb.from_(item)
		.select(item.name)
		.where((item.journal_entry == name) | (item.reversal_entry == name))
		.run(pluck=True)
	)
	names += (
		frappe.qb.from_(recovery)
		.select(recovery.item)
		.where((recovery.journal_entry == name) & (recovery.cancelled == 0))
		.run(pluck=True)
	)
	return (
		frappe.qb.from_(item)
		.select("*")
		.where(item.name.isin(names or [""]))
		.orderby(item.name)
		.for_update()
		.run(as_dict=True)
	)


def refuse_past_zero(entry: Any, row: Any, key: Key) -> None:
	"""Refuse to cancel a reversing entry whose reopened balance was settled meanwhile."""
	decimals = precision(row.currency)
	left = balance_of(settlements(entry, key), decimals)
	if left * money(row.write_off_amount, decimals) < 0:
		frappe.throw(
			_("{0} was reopened by {1} and settled since. Cancel what settled it first.").format(
				key.voucher_no, entry.name
			),
			title=_("Settled Meanwhile"),
		)


def link(run: str) -> str:
	return frappe.utils.get_link_to_form("Write-Off Run", run)
