"""The Journal Entry with set-based validation: mixed into ERPNext's document while it is submitted or cancelled."""

import functools
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import frappe
from erpnext.accounts.doctype.journal_entry.journal_entry import JournalEntry
from erpnext.accounts.utils import get_stock_accounts
from frappe.utils import flt

from ar_writeoff.posting.fast import invoices, rows
from ar_writeoff.posting.fast.document import post_rows
from ar_writeoff.posting.fast.ledger_rows import RowWriter
from ar_writeoff.posting.fast.links import all_valid, linked_documents
from ar_writeoff.posting.fast.listeners import JOURNAL_ENTRY
from ar_writeoff.posting.fast.validation_cache import ValidationCache

# Voucher types for which ERPNext compares party, account and amount with those of the row.
COMPARED_REFERENCES = ("Sales Invoice", "Purchase Invoice", "Sales Order", "Purchase Order")
ROW = "Journal Entry Account"


@contextmanager
def in_sets(entry: JournalEntry, cache: ValidationCache) -> Iterator[None]:
	"""Within the block the entry is submitted or cancelled with set-based validation."""
	documents = [entry, *entry.accounts]
	controllers = [type(document) for document in documents]
	for document in documents:
		document.__class__ = set_based_class(type(document))  # type: ignore[arg-type]
	entry.flags.cache = cache
	try:
		yield
	finally:
		# Handlers may hand the document to a job.
		for document, controller in zip(documents, controllers, strict=True):
			document.__class__ = controller
		del entry.flags.cache


@functools.cache
def set_based_class(controller: type) -> type:
	"""The controller with set-based validation."""
	mixin = SetBasedEntry if issubclass(controller, JournalEntry) else SetBasedRow
	return type(controller.__name__, (mixin, controller), {})


class SetBasedRow:
	"""A row that is inserted together with the others of its entry."""

	def db_insert(self, *args: Any, **kwargs: Any) -> None:
		self.set("__islocal", False)  # type: ignore[attr-defined]


class SetBasedEntry:
	"""Each method validates all rows at once and falls back on ERPNext's own if anything is unusual."""

	_action: str
	accounts: list[Any]
	company: str
	docstatus: int
	doctype: str
	flags: Any
	get_valid_dict: Any
	meta: Any
	name: str

	def _validate_links(self) -> None:
		"""Check that all linked documents exist and are not cancelled."""
		if self._action == "cancel":
			return
		links = linked_documents(ROW, self.accounts) | linked_documents(self.doctype, [self])  # type: ignore[list-item]
		if has_fetched_fields() or not all_valid(links, self.flags.cache.valid_links):
			super()._validate_links()  # type: ignore[misc]

	def insert(self, *args: Any, **kwargs: Any) -> Any:
		return super().insert(*args, **{"set_name": self.flags.set_name, **kwargs})  # type: ignore[misc]

	def after_insert(self) -> None:
		self.flags.inserted_rows = {row.name: stored_values(row) for row in self.accounts}
		rows.insert(ROW, [row.__dict__ for row in self.accounts], docstatus=int(self.docstatus))
		if hasattr(super(), "after_insert"):
			super().after_insert()  # type: ignore[misc]

	def update_child_table(self, fieldname: str, df: Any = None) -> None:
		"""Update the rows of an entry that is submitted or cancelled; those that did not change, in one statement."""
		stored = self.flags.inserted_rows
		if not stored and fieldname == "accounts" and self._action == "cancel":
			stored = {row.name: stored_values(row) for row in self._doc_before_save.accounts}
		if fieldname != "accounts" or {row.name for row in self.accounts} != stored.keys():
			super().update_child_table(fieldname, df)  # type: ignore[misc]
			return
		changed = [row for row in self.accounts if stored_values(row) != stored[row.name]]
		for row in changed:
			row.db_update()
		unchanged = stored.keys() - {row.name for row in changed}
		if unchanged:
			values = {
				field: self.get_valid_dict()[field] for field in ("docstatus", "modified", "modified_by")
			}
			frappe.db.set_value(ROW, {"name": ("in", sorted(unchanged))}, values, update_modified=False)

	def save_version(self) -> None:
		"""Save the version that ERPNext would: a draft that was submitted."""
		if self.docstatus == 1 and not self._doc_before_save:  # type: ignore[has-type]
			draft = frappe.get_doc({**self.get_valid_dict(), "doctype": self.doctype, "docstatus": 0})
			draft.accounts = self.accounts
			self._doc_before_save = draft
		super().save_version()  # type: ignore[misc]

	def validate(self) -> None:
		super().validate()  # type: ignore[misc]
		if self.docstatus == 1 and not self.flags.inserted_rows:
			# ERPNext does so on a draft, and this entry never is one.
			self.set_against_account()  # type: ignore[attr-defined]

	def validate_party(self) -> None:
		kinds = {(row.account, row.party_type if row.party else None) for row in self.accounts}
		for account, party_type in kinds:
			account_type = frappe.get_cached_value("Account", account, "account_type")
			if account_type in ("Receivable", "Payable") and account_type != (
				party_type and frappe.get_cached_value("Party Type", party_type, "account_type")
			):
				super().validate_party()  # type: ignore[misc]

	def validate_stock_accounts(self) -> None:
		"""Check that no account is a stock account."""
		cache = self.flags.cache
		stock = cache.get_or_run("stock accounts", lambda: frozenset(get_stock_accounts(self.company)))
		if any(row.account in stock for row in self.accounts):
			super().validate_stock_accounts()  # type: ignore[misc]

	def validate_company_in_accounting_dimension(self) -> None:
		"""Check that no dimension of the entry or a row belongs to another company."""
		cache = self.flags.cache
		fields = cache.get_or_run("fields of dimensions", dimension_fieldnames)
		values = frozenset(tuple(row.get(field) for field in fields) for row in (self, *self.accounts))
		cache.get_or_run(("dimensions", values), super().validate_company_in_accounting_dimension)  # type: ignore[misc]

	def validate_reference_doc(self) -> None:
		"""Check that each row settles a submitted invoice of its party on its account, once, and no more than is
		outstanding."""
		for row in self.accounts:
			if not (row.reference_type and row.reference_name):
				row.reference_type = row.reference_name = None
		settled = [row for row in self.accounts if row.reference_type in COMPARED_REFERENCES]
		cache = self.flags.cache
		names = {row.reference_name for row in settled if row.reference_type == invoices.INVOICE}
		found = invoices.get_invoices(names, cache)
		if len(names) < len(settled) or not all(
			is_plain_settlement(row, found.get(row.reference_name)) for row in settled
		):
			invoices.refresh(cache)
			super().validate_reference_doc()  # type: ignore[misc]

	def make_gl_entries(self, cancel: int = 0, adv_adj: int = 0) -> None:
		cache = self.flags.cache
		# Also while it is being cancelled.
		cache.valid_links.add((self.doctype, self.name))
		writer = RowWriter(cache)
		post_rows(self, writer.make_gl_entries(), cancel)
		writer.flush()
		if cancel:
			# Handlers and ERPNext's own code after the ledgers see the invoices as they are.
			invoices.refresh(cache)


def has_fetched_fields() -> bool:
	"""Whether Frappe fetches a field of an entry or its rows from another document when it checks the links."""
	return any(
		field.get("fetch_from")
		for doctype in (JOURNAL_ENTRY, ROW)
		for field in frappe.get_meta(doctype).fields
	)


def stored_values(row: Any) -> dict[str, Any]:
	"""The values of a row that do not change when its draft is submitted."""
	values = row.get_valid_dict()
	for field in ("docstatus", "modified", "modified_by"):
		values.pop(field, None)
	return values


def dimension_fieldnames() -> list[str]:
	"""Fieldnames in which ERPNext looks for the dimensions of a row."""
	dimensions = frappe.get_all("Accounting Dimension", pluck="document_type", order_by=None)
	return sorted({frappe.scrub(dimension) for dimension in (*dimensions, "Project", "Cost Center")})


def is_plain_settlement(row: Any, invoice: frappe._dict | None) -> bool:
	return bool(
		row.reference_type == invoices.INVOICE
		and invoice
		and not invoice.discounted
		and (invoice.customer, invoice.debit_to) == (row.party, row.account)
		and flt(row.credit_in_account_currency) <= max(flt(invoice.outstanding_amount), 0)
	)
