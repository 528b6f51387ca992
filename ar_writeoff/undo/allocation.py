"""Allocation of a customer's credit to balances that were reinstated, with ERPNext's Payment Reconciliation."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

import frappe
from erpnext.accounts.doctype.bank_reconciliation_tool.bank_reconciliation_tool import (
	create_payment_entry_bts,
)
from frappe import _
from frappe.utils import getdate

from ar_writeoff.core.money import ZERO, money
from ar_writeoff.ledger import dunnings, open_items
from ar_writeoff.ledger.money import precision
from ar_writeoff.ledger.open_items import Key
from ar_writeoff.search.eligibility_data import receivable_accounts

# Documents whose credit ERPNext can allocate to an invoice.
CREDIT_TYPES = ("Payment Entry", "Journal Entry", "Sales Invoice")


@dataclass(frozen=True, slots=True)
class Credit:
	"""The unallocated amount of a submitted voucher, in the currency of its account; `amount` is positive."""

	key: Key
	company: str
	currency: str
	posting_date: date
	amount: Decimal


def credits_of(credit_type: str, credit_no: str, *, for_update: bool = False) -> list[Credit]:
	"""The credits of a voucher, one for each account and customer; none if it is not submitted or all is allocated."""
	if credit_type not in CREDIT_TYPES:
		return []
	voucher = frappe.db.get_value(
		credit_type, credit_no, ["company", "posting_date", "docstatus"], as_dict=True, for_update=for_update
	)
	if not voucher or voucher.docstatus != 1:
		return []
	keys = open_items.voucher_keys(credit_type, [credit_no])
	balances = open_items.balances_of_vouchers(
		voucher.company, keys, getdate(voucher.posting_date), for_update=for_update
	)
	return [
		Credit(key, voucher.company, balance.currency, getdate(voucher.posting_date), -balance.now)
		for key, balance in balances.items()
		if balance.now < 0
	]


def credits_of_customer(company: str, customer: str) -> list[Credit]:
	"""The unallocated amounts of payments, Journal Entries and credit notes of a customer, the oldest first."""
	accounts = list(receivable_accounts(company))
	balances = open_items.balances_of_customers(company, accounts, [customer], getdate()) if accounts else []
	return sorted(
		(
			Credit(balance.key, company, balance.currency, getdate(balance.since), -balance.now)
			for balance in balances
			if balance.now < 0 and balance.key.voucher_type in CREDIT_TYPES
		),
		key=lambda credit: (credit.posting_date, credit.key.voucher_no),
	)


def allocate(credit: Credit, amounts: Mapping[Key, Decimal]) -> None:
	"""Allocate the credit to these open balances, in the current transaction.

	Raises:
	    frappe.ValidationError: ERPNext cannot allocate the amount.
	"""
	muted = frappe.flags.mute_messages
	for key, amount in amounts.items():
		# Without the message that ERPNext shows to users of Payment Reconciliation.
		frappe.flags.mute_messages = True
		try:
			with dunnings.single_dunning_update_of(key.voucher_type, key.voucher_no):
				_reconcile(credit, key, amount)
		finally:
			frappe.flags.mute_messages = muted
	# ERPNext resolves Dunnings when a payment is submitted, not when it is allocated later.
	dunnings.update_states(key.voucher_no for key in amounts if key.voucher_type == "Sales Invoice")


def _reconcile(credit: Credit, key: Key, amount: Decimal) -> None:
	# Unlike `posting.credits.allocate_to`, for all that Payment Reconciliation can do: credit notes, advance accounts and
	# exchange differences.
	tool = frappe.get_doc("Payment Reconciliation")
	tool.update(
		{
			"company": credit.company,
			"party_type": "Customer",
			"party": key.customer,
			"receivable_payable_account": key.account,
			"payment_name": credit.key.voucher_no,
			"invoice_name": key.voucher_no,
			# A name is searched for as a part of other names.
			"payment_limit": 0,
			"invoice_limit": 0,
		}
	)
	if credit.key.account != key.account:
		tool.default_advance_account = credit.key.account
	tool.get_unreconciled_entries()
	payments = _rows(tool.payments, credit.key, "reference_type", "reference_name")
	invoices = _rows(tool.invoices, key, "invoice_type", "invoice_number")
	decimals = precision(credit.currency)
	available = sum((money(row["amount"], decimals) for row in payments), ZERO)
	if not invoices or available < amount:
		frappe.throw(
			_(
				"{0} {1} on {2} cannot be allocated to {3} on {4}. Move the credit with a Journal Entry first."
			).format(
				_(credit.key.voucher_type),
				credit.key.voucher_no,
				credit.key.account,
				key.voucher_no,
				key.account,
			),
			title=_("Reinstate and Allocate"),
		)
	[invoice] = invoices
	invoice["outstanding_amount"] = float(amount)
	tool.allocate_entries(frappe._dict(payments=payments, invoices=[invoice]))
	tool.validate_allocation()
	tool.reconcile_allocations()


def _rows(rows: Iterable[Any], key: Key, type_field: str, name_field: str) -> list[dict[str, Any]]:
	return [
		row.as_dict()
		for row in rows
		if (row.get(type_field), row.get(name_field)) == (key.voucher_type, key.voucher_no)
	]


# Bank lines


def bank_lines(bank_account: str, from_date: date, to_date: date) -> list[Any]:
	"""The deposits of customers on a bank account in this time of which an amount is not allocated, the oldest first."""
	return _open_deposits({"bank_account": bank_account, "date": ("between", (from_date, to_date))})


def bank_line(name: str) -> Any:
	"""This Bank Transaction, if it is an open deposit of a customer, or None. Locked."""
	frappe.db.get_value("Bank Transaction", name, "name", for_update=True)
	return next(iter(_open_deposits({"name": name})), None)


def _open_deposits(filters: dict[str, Any]) -> list[Any]:
	return frappe.get_list(
		"Bank Transaction",
		filters={
			**filters,
			"docstatus": 1,
			"party_type": "Customer",
			"party": ("is", "set"),
			"deposit": (">", 0),
			"unallocated_amount": (">", 0),
		},
		fields=["name", "company", "date", "party", "unallocated_amount", "currency", "reference_number"],
		order_by="date asc, name asc",
		limit=200,
	)


def receive_bank_line(line: Any) -> str:
	"""Create and submit the Payment Entry of a bank line, as ERPNext's Bank Reconciliation Tool does. Returns its name."""
	create_payment_entry_bts(
		line.name,
		reference_number=line.reference_number or line.name,
		reference_date=line.date,
		party_type="Customer",
		party=line.party,
		posting_date=line.date,
	)
	return frappe.db.get_value(
		"Bank Transaction Payments",
		{"parent": line.name, "payment_document": "Payment Entry"},
		"payment_entry",
		order_by="creation desc, idx desc",
	)
