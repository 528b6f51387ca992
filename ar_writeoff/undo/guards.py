"""Doc events on ERPNext's documents that protect balances a run has written off.

ERPNext checks a balance on validate and posts a moment later, without a lock: a payment validated before a write-off
commits would be posted on top of it. So its vouchers are locked before it is submitted, with one statement per DocType,
in the order of type and name that posting uses as well.

A field of the locked row (`WRITE_OFF_FIELDS`) shows whether a run has written off a balance of the voucher: it is
committed with the write-off, and a locking read sees the last commit. An ordinary payment needs no more than that.
ERPNext would lock its invoices a moment later anyway, to update their outstanding amounts, and two payments of the same
invoices wait for each other where ERPNext's own order could deadlock. Ledger rows are locked only for vouchers with a
write-off: under REPEATABLE READ their locks cover the gaps beside them, into which another payment may be about to
insert.

Items and entries of a run are locked before vouchers. A guard holds vouchers, so it waits for neither: it would deadlock
with a worker that undoes the run.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import frappe
from frappe import _
from frappe.utils import flt, fmt_money

from ar_writeoff.core import run_types
from ar_writeoff.core.money import ZERO, money
from ar_writeoff.core.run_types import doctype_of
from ar_writeoff.core.set_off import from_text
from ar_writeoff.core.status import ITEM_POSTED
from ar_writeoff.ledger import open_items
from ar_writeoff.ledger.money import precision
from ar_writeoff.ledger.open_items import Key
from ar_writeoff.posting.entries import WRITE_OFF_FIELDS, run_of
from ar_writeoff.posting.ledger import lock_vouchers
from ar_writeoff.search.net_first import keys_of
from ar_writeoff.tax_relief import booked

ENTRY_FIELDS = [run_type.entry_field for run_type in run_types.ALL]

# Voucher type, voucher number, and amount in account currency.
Settlement = tuple[str, str, Any]


class WrittenOffBalance(frappe.ValidationError):
	"""The document would settle a written-off balance."""


@dataclass(frozen=True, slots=True)
class LiveWriteOff:
	"""A live write-off of a voucher: its run, and the sign of the balance written off."""

	run: str
	sign: int


# Fields of the voucher


def restore_written_off_amount(invoice: Any, method: str | None = None) -> None:
	"""Doc event: no save changes the written-off amount, by which the guards identify invoices with a write-off, or the
	write-off status."""
	before = invoice.get_doc_before_save()
	invoice.written_off_amount = before.written_off_amount if before else 0
	invoice.write_off_status = before.write_off_status if before else ""


# Allocation


def validate_payment_entry_allocations(entry: Any, method: str | None = None) -> None:
	"""Doc event, before submit and before reconciliation: refuse to settle a written-off balance."""
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


def validate_journal_entry_allocations(entry: Any, method: str | None = None) -> None:
	"""Doc event, before submit and before reconciliation: refuse to settle a written-off balance, and to reverse an
	entry of a run."""
	if entry.flags.write_off_locked:
		return
	refuse_entry_of_run(entry.reversal_of)
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
	"""Refuse a document that would settle more of a written-off balance than is open. Locks the vouchers.

	`allocations`: the change of each balance, in account currency.
	"""
	effects: dict[Key, float] = defaultdict(float)
	for key, amount in allocations:
		if key.voucher_type in WRITE_OFF_FIELDS:
			effects[key] += amount
	for key in lock_written_off(effects):
		currency = frappe.get_cached_value("Account", key.account, "account_currency")
		decimals = precision(currency)
		settled = settlements(document, key)
		write_off = live_write_off(settled, key)
		balance = total_of(settled, decimals)
		if write_off and (balance + money(effects[key], decimals)) * write_off.sign < 0:
			text = _(
				"{0} {1} was written off by {2}. The open balance is {3}, but this entry settles {4}. Reinstate the"
				" balance in {2}, then allocate the payment."
			)
			if balance:
				text = _(
					"{0} {1} was partly written off by {2}. The open balance is {3}, but this entry settles {4}. Allocate at"
					" most {3}, or reinstate the balance in {2} first."
				)
			frappe.throw(
				text.format(
					_(key.voucher_type),
					key.voucher_no,
					link(write_off.run),
					fmt_money(float(balance), currency=currency),
					fmt_money(abs(effects[key]), currency=currency),
				),
				WrittenOffBalance,
				title=_("Already Written Off"),
			)


def lock_written_off(keys: Iterable[Key]) -> list[Key]:
	"""Lock the vouchers of these balances, ordered by type and name; returns the balances of vouchers with a
	write-off."""
	keys = list(keys)
	flagged: set[tuple[str, str]] = set()
	for voucher_type, vouchers in open_items.vouchers_by_type(keys):
		table = frappe.qb.DocType(voucher_type)
		# Not a condition in SQL: under READ COMMITTED rows that do not match would not stay locked.
		rows = (
			frappe.qb.from_(table)
			.select(table.name, table[WRITE_OFF_FIELDS[voucher_type]])
			.where(table.name.isin(vouchers))
			.orderby(table.name)
			.for_update()
			.run()
		)
		flagged.update((voucher_type, name) for name, flag in rows if flag)
	return [key for key in keys if (key.voucher_type, key.voucher_no) in flagged]


def live_write_off(settled: list[Settlement], key: Key) -> LiveWriteOff | None:
	"""The live write-off among the settlements of a voucher."""
	amounts: dict[str, Decimal] = defaultdict(lambda: ZERO)
	for voucher_type, voucher_no, amount in settled:
		# A run's entry for a credit is not a write-off of that entry itself.
		if voucher_type == "Journal Entry" and voucher_no != key.voucher_no:
			amounts[voucher_no] += Decimal(str(amount))
	runs = runs_of_entries(list(amounts))
	# Entries that were reversed or reinstated in full add up to zero.
	total = sum((amounts[entry] for entry in runs), ZERO)
	return LiveWriteOff(next(iter(runs.values())), -1 if total > 0 else 1) if total else None


def runs_of_entries(entries: list[str]) -> dict[str, str]:
	"""{Journal Entry: run} of these entries as last committed, for those of a run. Waits for no lock.

	Raises:
	    frappe.TimestampMismatchError: an entry posted since the snapshot is already being cancelled.
	"""
	if not entries:
		return {}
	entry = frappe.qb.DocType("Journal Entry")
	query = (
		frappe.qb.from_(entry)
		.select(entry.name, entry.write_off_run)
		.where(entry.name.isin(entries))
		.orderby(entry.name)
	)
	# The snapshot lacks entries posted since; the last commit is read without those that are being cancelled.
	runs = dict(query.run()) | dict(query.for_update(skip_locked=True).run())
	if len(runs) < len(entries):
		frappe.throw(
			_("{0} was changed by another user at the same time. Please try again.").format(
				", ".join(sorted(set(entries) - runs.keys()))
			),
			frappe.TimestampMismatchError,
			title=_("Write-Off Run"),
		)
	return {name: run for name, run in runs.items() if run}


def total_of(settled: list[Settlement], decimals: int) -> Decimal:
	return sum((money(amount, decimals) for _type, _no, amount in settled), ZERO)


def settlements(document: Any, key: Key) -> list[Settlement]:
	"""Payment Ledger rows of a balance as last committed, without those of the document itself."""
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


def refuse_entry_of_run(name: str | None) -> None:
	"""Refuse ERPNext's own reversal or unreconciliation of an entry of a run, which would not update the run."""
	entry = name and frappe.db.get_value("Journal Entry", name, ENTRY_FIELDS, as_dict=True)
	run = entry and run_of(entry)
	if run:
		frappe.throw(
			_("{0} belongs to {1}. Undo the run, or reinstate single balances of the run.").format(
				name, link(run)
			),
			title=_("Entry of a Write-Off Run"),
		)


# Cancel and delete


def before_cancel_voucher(document: Any, method: str | None = None) -> None:
	"""Doc event, before cancel of a voucher: refuse while it has a live write-off.

	ERPNext would remove the reference from our entry and leave a credit on the customer, with the expense booked.
	"""
	if not lock_written_off([Key(document.doctype, document.name, "", "")]):
		return
	run = run_of_voucher(document.doctype, document.name)
	frappe.throw(
		_(
			"{0} was written off by {1}. Undo the run or reinstate the balance, then cancel the document."
		).format(document.name, link(run) if run else _("Write-Off Run")),
		title=_("Written Off"),
	)


def run_of_voucher(voucher_type: str, voucher_no: str) -> str | None:
	"""The first run with a live write-off of this voucher."""
	return frappe.db.get_value(
		"Write-Off Run Item",
		{"voucher_no": voucher_no, "voucher_type": voucher_type, "status": ("in", ITEM_POSTED)},
		"run",
		order_by="name asc",
	)


def on_trash_voucher(document: Any, method: str | None = None) -> None:
	"""Doc event, on trash of a voucher: refuse if a run has ever written off a balance of it.

	Frappe's own link check does not see items, which have the voucher's name as Data.
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
			_("{0} cannot be deleted. Write-Off Run {1} wrote off a balance of this document.").format(
				document.name, link(rows[0][0])
			),
			frappe.LinkExistsError,
			title=_("Written Off"),
		)


def validate_unreconcile_payment(document: Any, method: str | None = None) -> None:
	"""Doc event, validate: refuse to unreconcile an entry of a run, which would leave a credit on the customer."""
	if document.voucher_type == "Journal Entry":
		refuse_entry_of_run(document.voucher_no)


def before_cancel_journal_entry(entry: Any, method: str | None = None) -> None:
	"""Doc event, before cancel of a Journal Entry: refuse while later entries or write-offs depend on it.

	Locks items and vouchers in the order of posting, before ERPNext locks them in its own.
	"""
	before_cancel_voucher(entry)
	run = run_of(entry)
	if not run:
		return
	rows = items_of_entry(entry.name)
	keys = [open_items.balance_key(row) for row in rows]
	lock_vouchers([*keys, *vouchers_to_release(rows)])
	with_claim = [row.name for row in rows if row.has_tax_claim]
	filed = booked.filed_problem(entry.company, entry.posting_date, with_claim) if with_claim else None
	if filed:
		frappe.throw(filed, title=_("Return Filed"))
	if run_types.posts_claims(run):
		# The gate has checked the date of the run. A reversal has a date of its own.
		booked.throw_if_claims_filed(entry.company, entry.posting_date)
	# Of all entries of a run that is undone, the worker has checked it.
	if not entry.flags.write_off_locked:
		booked.throw_if_not_undoable(run, entry.name, alone=True)
	for row, key in zip(rows, keys, strict=True):
		if row.journal_entry == entry.name and (row.reversal_entry or flt(row.reinstated_amount)):
			frappe.throw(
				_(
					"{0} cannot be cancelled: some of its balances were already reinstated or reversed. Undo {1} for"
					" the remaining balances."
				).format(entry.name, link(run)),
				title=_("Partly Undone Already"),
			)
		if row.journal_entry != entry.name:
			refuse_settled_balance(entry, row, key)


def vouchers_to_release(rows: Iterable[Any]) -> Iterator[Key]:
	"""Yield the balances of credits that were set off with these items, and of what they settle."""
	for row in rows:
		for one in from_text(row.set_offs):
			yield from keys_of(one, row.customer)


def items_of_entry(name: str) -> list[Any]:
	"""Items that this entry wrote off, reversed or reinstated, locked in order of name."""
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


def refuse_settled_balance(entry: Any, row: Any, key: Key) -> None:
	"""Refuse to cancel a reversing entry whose reopened balance was settled in the meantime."""
	decimals = precision(row.currency)
	balance = total_of(settlements(entry, key), decimals)
	if balance * money(row.write_off_amount, decimals) < 0:
		frappe.throw(
			_("{0} was opened again by {1} and has been settled since. Cancel the settlement first.").format(
				key.voucher_no, entry.name
			),
			title=_("Already Settled"),
		)


def link(run: str) -> str:
	return frappe.utils.get_link_to_form(doctype_of(run), run)
