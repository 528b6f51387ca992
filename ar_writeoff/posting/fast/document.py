"""By entry: ERPNext's own Journal Entry and ledger rows, with all handlers and rules. Only the invoices are
updated once, when the Payment Ledger rows are there, and not with each row."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import frappe
from erpnext.accounts import general_ledger, utils
from erpnext.accounts.doctype.journal_entry.journal_entry import JournalEntry

from ar_writeoff.ledger import dunnings
from ar_writeoff.posting.fast import invoices
from ar_writeoff.posting.fast.listeners import SALES_INVOICE
from ar_writeoff.posting.fast.rebind import rebind
from ar_writeoff.posting.fast.validation_cache import ValidationCache


@contextmanager
def by_entry(entry: Any, cache: ValidationCache) -> Iterator[None]:
	"""Within the block the entry is submitted or cancelled with one update of its invoices."""
	invoices.refresh(cache)
	# ERPNext may have updated the invoices since they were read.
	cache.clear_documents()
	names = settled_invoices(entry)
	# An invoice with two rows is updated with each, and a listener is called twice.
	is_called_once = len(names) == len(set(names)) or not cache.has_listener(SALES_INVOICE)
	is_replaceable = is_called_once and type(entry).make_gl_entries is JournalEntry.make_gl_entries
	if is_replaceable:
		entry.make_gl_entries = lambda cancel=0: make_gl_entries(entry, cache, cancel)
	with by_row(entry, cache):
		yield
	if is_replaceable:
		del entry.make_gl_entries
	cache.clear_documents()


@contextmanager
def by_row(entry: Any, _cache: ValidationCache) -> Iterator[None]:
	"""Within the block the entry is submitted or cancelled all as ERPNext does it."""
	with dunnings.single_dunning_update(settled_invoices(entry)):
		yield


def settled_invoices(entry: Any) -> list[str]:
	"""Names of the Sales Invoices that the entry refers to, one for each row."""
	return [row.reference_name for row in entry.accounts if row.reference_type == SALES_INVOICE]


def make_gl_entries(entry: Any, cache: ValidationCache, cancel: int) -> None:
	"""Post the ledger rows of an entry that is being submitted or cancelled, and update its invoices between the two
	ledgers."""

	def create_payment_ledger_entry(gl_rows: list, **kwargs: Any) -> None:
		utils.create_payment_ledger_entry(gl_rows, **{**kwargs, "update_outstanding": "No"})
		invoices.settle(
			[
				frappe._dict(
					against_voucher_type=row.reference_type,
					against_voucher_no=row.reference_name,
					account=row.account,
					party=row.party,
				)
				for row in entry.accounts
			],
			cache,
		)
		invoices.refresh(cache)

	replaced = {"create_payment_ledger_entry": create_payment_ledger_entry}
	reverse = rebind(general_ledger.make_reverse_gl_entries, **replaced)
	post_rows(
		entry, rebind(general_ledger.make_gl_entries, make_reverse_gl_entries=reverse, **replaced), cancel
	)


def post_rows(entry: Any, make_gl_entries: Callable, cancel: int) -> None:
	"""Post the ledger rows of an entry that is being submitted or cancelled, with this version of ERPNext's function.

	Raises:
	    frappe.ValidationError: ERPNext rejects one of the rows.
	"""
	gl_rows = entry.build_gl_map()
	if not gl_rows:
		return
	merge = frappe.db.get_single_value("Accounts Settings", "merge_similar_account_heads")
	make_gl_entries(gl_rows, cancel=cancel, merge_entries=merge)
	if cancel:
		utils.cancel_exchange_gain_loss_journal(frappe._dict(doctype=entry.doctype, name=entry.name))
