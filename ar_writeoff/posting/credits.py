"""Allocation of payments and journal credits to the entry that writes them off, and its release on undo.

ERPNext takes the remainder of a Payment Entry from its `unallocated_amount`, and that of a journal credit from its rows
without a reference. An entry that merely refers to them would clear the Payment Ledger but leave them available for
allocation. So the entry debits the receivable account without a reference, and the credit is allocated to it with
ERPNext's own reconciliation, in the same transaction.
"""

from decimal import Decimal
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
from ar_writeoff.ledger import dunnings
from ar_writeoff.ledger.money import precision
from ar_writeoff.ledger.open_items import Key, balance_key
from ar_writeoff.posting.rules import PlanItem


class NotAllocated(frappe.ValidationError):
	"""The credit could not be allocated to its entry in full, in both currencies."""


def allocate(credit: PlanItem, entry: str) -> None:
	"""Allocate the written-off amount of the credit to the submitted Journal Entry.

	Raises:
	    frappe.ValidationError: less than that is unallocated, or a remainder would stay on the account.
	"""
	allocate_to(
		balance_key(credit), -credit.amount, credit.currency, "Journal Entry", entry, base=-credit.base_amount
	)
	check_cleared(entry)


def allocate_to(
	credit: Key,
	amount: Decimal,
	currency: str,
	voucher_type: str,
	voucher_no: str,
	*,
	base: Decimal | None = None,
) -> None:
	"""Allocate an amount, above 0, of a payment or journal credit to a voucher of the same customer and account. `base`: its
	value in company currency, if this must be exact.

	Raises:
	    frappe.ValidationError: less than that is unallocated, or ERPNext rejects the allocation.
	"""
	decimals = precision(currency)
	parts = allocation_parts(credit, amount, decimals, base)
	left = amount - sum((part for _row, part in parts), ZERO)
	if left:
		raise NotAllocated(
			_("The unallocated amount of {0} {1} is {2} {3} lower than its balance.").format(
				_(credit.voucher_type), credit.voucher_no, left, currency
			)
		)
	party_validation = frappe.flags.ignore_party_validation
	with dunnings.single_dunning_update_of(voucher_type, voucher_no):
		reconcile_against_document(
			[
				frappe._dict(
					row,
					voucher_type=credit.voucher_type,
					voucher_no=credit.voucher_no,
					against_voucher_type=voucher_type,
					against_voucher=voucher_no,
					account=credit.account,
					party_type="Customer",
					party=credit.customer,
					dr_or_cr="credit_in_account_currency",
					unreconciled_amount=row.unadjusted_amount,
					allocated_amount=float(part),
					precision=decimals,
				)
				for row, part in parts
			]
		)
	frappe.flags.ignore_party_validation = party_validation


def allocation_parts(
	credit: Key, amount: Decimal, decimals: int, base: Decimal | None
) -> list[tuple[frappe._dict, Decimal]]:
	"""Return the amounts to allocate of the rows of a credit; less than `amount` if less is unallocated. `base`: see
	`allocate_to`."""
	is_payment = credit.voucher_type == "Payment Entry"
	rows = payment_rows(credit) if is_payment else journal_rows(credit)
	left = amount
	found = []
	for row in rows:
		part = min(left, money(row.unadjusted_amount, decimals))
		if part > 0:
			left -= part
			# ERPNext divides a row of a Journal Entry only once, and values its rest anew.
			parts = [part] if base is None or not is_payment else exact_parts(part, row.exchange_rate, base)
			found += [(row, one) for one in parts]
	return found


def can_be_cleared(credit: PlanItem) -> bool:
	"""Whether ERPNext allocates the credit at its value in the ledger. Otherwise a difference would remain."""
	base = -credit.base_amount
	parts = allocation_parts(balance_key(credit), -credit.amount, precision(credit.currency), base)
	return base == sum((value(part, row.exchange_rate, base) for row, part in parts), ZERO)


def value(amount: Decimal, rate: float, base: Decimal) -> Decimal:
	"""Return the value of an amount as ERPNext allocates it, rounded like `base`."""
	return money(amount * Decimal(str(rate)), -int(base.as_tuple().exponent))


def exact_parts(amount: Decimal, rate: float, base: Decimal) -> list[Decimal]:
	"""Divide an amount into two parts whose values add up to `base`: ERPNext allocates at the rate of the credit, and rounds
	each part. Return the whole amount if it has this value, or if it cannot be divided so."""
	smallest = Decimal(1).scaleb(int(amount.as_tuple().exponent))
	sizes = (smallest * digit * 10**power for power in range(9) for digit in range(1, 100))
	if value(amount, rate, base) == base:
		return [amount]
	for part in sizes:
		rest = amount - part
		if rest > 0 and value(rest, rate, base) + value(part, rate, base) == base:
			return [rest, part]
	return [amount]


def payment_rows(credit: Key) -> list[frappe._dict]:
	"""The unallocated amount of a Payment Entry, as one row at the exchange rate it was booked at.

	Without a rate ERPNext allocates at the rate of the entry's posting date and leaves the difference on the account.
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


def journal_rows(credit: Key) -> list[frappe._dict]:
	"""The rows of a Journal Entry that credit the customer without a reference, in order."""
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
			& (row.account == credit.account)
			& (row.party_type == "Customer")
			& (row.party == credit.customer)
			& (row.docstatus == 1)
			& (row.reference_type.isnull() | (row.reference_type == ""))
		)
		.orderby(row.idx)
		.run(as_dict=True)
	)


def check_cleared(entry: str) -> None:
	"""Check that the entry and its allocations add up to zero, in both currencies.

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
				_("{0} of {1} {2} would remain on {3}. Create a Journal Entry manually.").format(
					money(base, decimals), money(amount, decimals), currency, account
				)
			)


def release(entry: Any) -> None:
	"""Unallocate the credits that were allocated to this Journal Entry.

	Done explicitly: whether ERPNext does so on cancel depends on Accounts Settings.
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
