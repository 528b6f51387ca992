"""Journal Entry subclass with set-based validation."""

from typing import Any

import frappe
from erpnext.accounts.doctype.journal_entry.journal_entry import JournalEntry
from erpnext.accounts.doctype.journal_entry_account.journal_entry_account import JournalEntryAccount
from erpnext.accounts.utils import get_stock_accounts
from frappe.utils import flt

from ar_writeoff.posting.fast import invoices, ledger_rows, refresh_invoices, rows
from ar_writeoff.posting.fast.links import all_valid, linked_documents
from ar_writeoff.posting.fast.validation_cache import ValidationCache

# Voucher types for which ERPNext does not compare party, account and amount with those of the row.
UNCOMPARED_REFERENCES = ("Journal Entry", "Payment Entry")


def submit(entry: JournalEntry, name: str, cache: ValidationCache) -> None:
	"""Insert and submit a new Journal Entry under this name, in one step.

	Raises:
	    frappe.ValidationError: ERPNext refuses the entry.
	"""
	entry.__class__ = SetBasedJournalEntry
	for row in entry.accounts:
		row.__class__ = SetBasedRow
	entry.flags.cache = cache
	entry.docstatus = 1
	entry.insert(set_name=name)


class SetBasedRow(JournalEntryAccount):  # type: ignore[misc]
	"""A row that is inserted together with the others of its entry."""

	def db_insert(self, *args: Any, **kwargs: Any) -> None:
		self.set("__islocal", False)


class SetBasedJournalEntry(JournalEntry):  # type: ignore[misc]
	"""Each method validates all rows at once and falls back on ERPNext's own if anything is unusual."""

	def _validate_links(self) -> None:
		"""Check that all linked documents exist and are not cancelled."""
		links = linked_documents("Journal Entry Account", self.accounts) | linked_documents(
			self.doctype, [self]
		)
		if not all_valid(links, self.flags.cache.valid_links):
			super()._validate_links()

	def after_insert(self) -> None:
		rows.insert("Journal Entry Account", [row.__dict__ for row in self.accounts])

	def save_version(self) -> None:
		"""Save the version that ERPNext would: a draft that was submitted."""
		draft = frappe.get_doc({**self.get_valid_dict(), "doctype": self.doctype, "docstatus": 0})
		draft.accounts = self.accounts
		self._doc_before_save = draft
		super().save_version()

	def validate(self) -> None:
		super().validate()
		# ERPNext does so on a draft, and this entry never is one.
		self.set_against_account()

	def validate_party(self) -> None:
		kinds = {(row.account, row.party_type if row.party else None) for row in self.accounts}
		for account, party_type in kinds:
			account_type = frappe.get_cached_value("Account", account, "account_type")
			if account_type in ("Receivable", "Payable") and account_type != (
				party_type and frappe.get_cached_value("Party Type", party_type, "account_type")
			):
				super().validate_party()

	def validate_stock_accounts(self) -> None:
		"""Check that no account is a stock account."""
		cache = self.flags.cache
		stock = cache.get_or_run("stock accounts", lambda: frozenset(get_stock_accounts(self.company)))
		if any(row.account in stock for row in self.accounts):
			super().validate_stock_accounts()

	def validate_company_in_accounting_dimension(self) -> None:
		"""Check that no dimension of the entry or a row belongs to another company."""
		cache = self.flags.cache
		fields = cache.get_or_run("fields of dimensions", dimension_fieldnames)
		values = frozenset(tuple(row.get(field) for field in fields) for row in (self, *self.accounts))
		cache.get_or_run(("dimensions", values), super().validate_company_in_accounting_dimension)

	def validate_reference_doc(self) -> None:
		"""Check that each row settles a submitted invoice of its party on its account, once, and no more than is
		outstanding."""
		for row in self.accounts:
			if not (row.reference_type and row.reference_name):
				row.reference_type = row.reference_name = None
		settled = [
			row
			for row in self.accounts
			if row.reference_type and row.reference_type not in UNCOMPARED_REFERENCES
		]
		cache = self.flags.cache
		names = {row.reference_name for row in settled if row.reference_type == invoices.INVOICE}
		found = invoices.get_invoices(names, cache)
		if len(names) < len(settled) or not all(
			is_plain_settlement(row, found.get(row.reference_name)) for row in settled
		):
			refresh_invoices(cache)
			super().validate_reference_doc()

	def make_gl_entries(self, cancel: int = 0, adv_adj: int = 0) -> None:
		if len(ledger_rows.post(self, self.flags.cache)) < 2:
			# Nothing to book, or all on one account: ERPNext has messages for that.
			super().make_gl_entries(cancel, adv_adj)


def dimension_fieldnames() -> list[str]:
	"""Fieldnames in which ERPNext looks for the dimensions of a row."""
	dimensions = frappe.get_all("Accounting Dimension", pluck="document_type", order_by=None)
	return sorted({frappe.scrub(dimension) for dimension in (*dimensions, "Project", "Cost Center")})


def is_plain_settlement(row: JournalEntryAccount, invoice: frappe._dict | None) -> bool:
	return bool(
		row.reference_type == invoices.INVOICE
		and invoice
		and not invoice.discounted
		and (invoice.customer, invoice.debit_to) == (row.party, row.account)
		and flt(row.credit_in_account_currency) <= max(flt(invoice.outstanding_amount), 0)
	)
