"""Payments and journal credits that are written off: allocated to the entry that does so, and given back on undo.

ERPNext knows what is left of a Payment Entry by its `unallocated_amount`, and of a journal credit by its rows without
a reference. An entry that merely refers to them would clear the Payment Ledger and leave them to be spent again. So
the entry stands on the receivable account by itself, as a debit, and the credit is allocated to it with ERPNext's own
reconciliation, in the same transaction.
"""

from typing import Any

import frappe
from erpnext.accounts.utils import (
	cancel_exchange_gain_loss_journal,
	reconcile_against_document,
	unlink_ref_doc_from_payment_entries,
)
from frappe import _
from frappe.query_builder.functions import Sum

from ar_writeoff.core.money import ZERO, money
from ar_writeoff.ledger.money import precision
from ar_writeoff.posting.rules import PlanItem


class NotAllocated(frappe.ValidationError):
	"""A credit could not be allocated to its entry in full, in both currencies."""


def allocate(credit: PlanItem, entry: str) -> None:
	"""Allocate as much of the credit to the submitted Journal Entry as was written off.

	Raises:
	    frappe.ValidationError: there is not so much of it left, or something would be left over.
	"""
	rows = payment_rows(credit) if credit.voucher_type == "Payment Entry" else journal_rows(credit)
	decimals = precision(credit.currency)
	left = -credit.amount
	allocations = []
	for row in rows:
		available = money(row.unadjusted_amount, decimals)
		part = min(left, available)
		if part > 0:
			left -= part
			allocations.append(
				frappe._dict(
					row,
					voucher_type=credit.voucher_type,
					voucher_no=credit.voucher_no,
					against_voucher_type="Journal Entry",
					against_voucher=entry,
					account=credit.receivable_account,
					party_type="Customer",
					party=credit.customer,
					dr_or_cr="credit_in_account_currency",
					unreconciled_amount=row.unadjusted_amount,
					allocated_amount=float(part),
					precision=decimals,
				)
			)
	if left:
		raise NotAllocated(
			_("{0} {1} has {2} {3} less to allocate than its balance says.").format(
				_(credit.voucher_type), credit.voucher_no, left, credit.currency
			)
		)
	party_validation = frappe.flags.ignore_party_validation
	reconcile_against_document(allocations)
	frappe.flags.ignore_party_validation = party_validation
	check_cleared(entry)


def payment_rows(credit: PlanItem) -> list[frappe._dict]:
	"""What is unallocated of a Payment Entry, in one piece, at the rate that it was booked at.

	Without a rate ERPNext would allocate at that of the entry's day, and leave the difference on the account.
	"""
	payment = frappe.db.get_value(
		"Payment Entry",
		credit.voucher_no,
		["payment_type", "unallocated_amount", "source_exchange_rate", "target_exchange_rate"],
		as_dict=True,
	)
	receives = payment.payment_type == "Receive"
	return [
		frappe._dict(
			unadjusted_amount=payment.unallocated_amount,
			exchange_rate=payment.source_exchange_rate if receives else payment.target_exchange_rate,
		)
	]


def journal_rows(credit: PlanItem) -> list[frappe._dict]:
	"""The rows of a Journal Entry that credit the customer and refer to nothing, in order."""
	row = frappe.qb.DocType("Journal Entry Account")
	return (
		frappe.qb.from_(row)
		.select(
			row.name.as_("voucher_detail_no"),
			(row.credit_in_account_currency - row.debit_in_account_currency).as_("unadjusted_amount"),
			row.exchange_rate,
			row.is_advance,
		)
		.where(
			(row.parent == credit.voucher_no)
			& (row.account == credit.receivable_account)
			& (row.party_type == "Customer")
			& (row.party == credit.customer)
			& (row.docstatus == 1)
			& (row.reference_type.isnull() | (row.reference_type == ""))
		)
		.orderby(row.idx)
		.run(as_dict=True)
	)


def check_cleared(entry: str) -> None:
	"""The entry and what was allocated to it add up to nothing, in both currencies.

	Raises:
	    NotAllocated: they do not, for example because a rate was rounded.
	"""
	ple = frappe.qb.DocType("Payment Ledger Entry")
	for account, currency, amount, base in (
		frappe.qb.from_(ple)
		.select(ple.account, ple.account_currency, Sum(ple.amount_in_account_currency), Sum(ple.amount))
		.where(
			(ple.against_voucher_type == "Journal Entry")
			& (ple.against_voucher_no == entry)
			& (ple.delinked == 0)
		)
		.groupby(ple.account, ple.account_currency)
		.run()
	):
		decimals = precision(currency)
		if money(amount, decimals) != ZERO or money(base, decimals) != ZERO:
			raise NotAllocated(
				_(
					"{0} of {1} {2} would be left over on {3}. Write it off with a Journal Entry by hand."
				).format(money(base, decimals), money(amount, decimals), currency, account)
			)


def release(entry: Any) -> None:
	"""Give back the credits that were allocated to this Journal Entry: they are unallocated again.

	Asked for explicitly: whether ERPNext does so when the entry is cancelled is a setting of the site.
	"""
	if not has_allocations(entry.name):
		return
	muted = frappe.flags.mute_messages
	frappe.flags.mute_messages = True
	try:
		cancel_exchange_gain_loss_journal(entry)
		unlink_ref_doc_from_payment_entries(entry)
	finally:
		frappe.flags.mute_messages = muted


def has_allocations(entry: str) -> bool:
	return bool(
		frappe.db.exists(
			"Payment Entry Reference",
			{"reference_doctype": "Journal Entry", "reference_name": entry, "docstatus": 1},
		)
		or frappe.db.exists(
			"Journal Entry Account",
			{"reference_type": "Journal Entry", "reference_name": entry, "docstatus": 1},
		)
	)
