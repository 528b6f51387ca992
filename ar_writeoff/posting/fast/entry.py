"""A Journal Entry that asks once what ERPNext asks row by row."""

from typing import Any

import frappe
from erpnext.accounts.doctype.journal_entry.journal_entry import JournalEntry
from erpnext.accounts.doctype.journal_entry_account.journal_entry_account import JournalEntryAccount
from erpnext.accounts.utils import get_stock_accounts
from frappe.utils import flt

from ar_writeoff.posting.fast import invoices, ledger_rows, refresh_invoices, rows
from ar_writeoff.posting.fast.checked import Checked
from ar_writeoff.posting.fast.links import are_well, links_of

# Vouchers whose party, account and amount ERPNext does not compare with those of the row.
NEVER_COMPARED = ("Journal Entry", "Payment Entry")


def submit(entry: JournalEntry, name: str, checked: Checked) -> None:
	"""Insert and submit a new Journal Entry under this name, in one step.

	Raises:
	    frappe.ValidationError: whatever ERPNext has against the entry, in its words.
	"""
	entry.__class__ = SetBasedJournalEntry
	for row in entry.accounts:
		row.__class__ = SetBasedRow
	entry.flags.checked = checked
	entry.docstatus = 1
	entry.insert(set_name=name)


class SetBasedRow(JournalEntryAccount):  # type: ignore[misc]
	"""A row that is written together with the others of its entry."""

	def db_insert(self, *args: Any, **kwargs: Any) -> None:
		self.set("__islocal", False)


class SetBasedJournalEntry(JournalEntry):  # type: ignore[misc]
	"""Each method looks at all rows at once and is done when all is plainly well. If not, ERPNext's own decides."""

	def _validate_links(self) -> None:
		"""What the entry and its rows link to exists and is not cancelled."""
		links = links_of("Journal Entry Account", self.accounts) | links_of(self.doctype, [self])
		if not are_well(links, self.flags.checked.linked):
			super()._validate_links()

	def after_insert(self) -> None:
		rows.insert("Journal Entry Account", [row.__dict__ for row in self.accounts])

	def save_version(self) -> None:
		"""The history says that a draft was submitted, as it would natively."""
		draft = frappe.get_doc({**self.get_valid_dict(), "doctype": self.doctype, "docstatus": 0})
		draft.accounts = self.accounts
		self._doc_before_save = draft
		super().save_version()

	def validate(self) -> None:
		super().validate()
		# ERPNext does so while an entry is a draft, which this one never is.
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
		"""None of the accounts is one that stock is booked on."""
		checked = self.flags.checked
		stock = checked.once("stock accounts", lambda: frozenset(get_stock_accounts(self.company)))
		if any(row.account in stock for row in self.accounts):
			super().validate_stock_accounts()

	def validate_company_in_accounting_dimension(self) -> None:
		"""No dimension of the entry or of a row belongs to another company."""
		checked = self.flags.checked
		fields = checked.once("fields of dimensions", fields_of_dimensions)
		values = frozenset(tuple(row.get(field) for field in fields) for row in (self, *self.accounts))
		checked.once(("dimensions", values), super().validate_company_in_accounting_dimension)

	def validate_reference_doc(self) -> None:
		"""Each row settles a submitted invoice of its party on its account, once, and not more than is open."""
		for row in self.accounts:
			if not (row.reference_type and row.reference_name):
				row.reference_type = row.reference_name = None
		settled = [
			row for row in self.accounts if row.reference_type and row.reference_type not in NEVER_COMPARED
		]
		checked = self.flags.checked
		names = {row.reference_name for row in settled if row.reference_type == invoices.INVOICE}
		found = invoices.look_up(names, checked)
		if len(names) < len(settled) or not all(
			is_plain_settlement(row, found.get(row.reference_name)) for row in settled
		):
			refresh_invoices(checked)
			super().validate_reference_doc()

	def make_gl_entries(self, cancel: int = 0, adv_adj: int = 0) -> None:
		if len(ledger_rows.post(self, self.flags.checked)) < 2:
			# Nothing to book, or all on one account: ERPNext has words for that.
			super().make_gl_entries(cancel, adv_adj)


def fields_of_dimensions() -> list[str]:
	"""Where ERPNext looks for the dimensions of a row."""
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
