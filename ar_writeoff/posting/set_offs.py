"""Posts the set-offs of balances and releases them.

Payments and journal credits are allocated with ERPNext's own reconciliation, in the transaction of the entry. Credit
notes have rows in the entry itself and need nothing here.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from decimal import Decimal
from functools import partial
from typing import Any, Protocol

import frappe
from erpnext.accounts.utils import (
	remove_ref_doc_link_from_jv,
	remove_ref_doc_link_from_pe,
	update_accounting_ledgers_after_reference_removal,
	update_voucher_outstanding,
)
from frappe.query_builder.functions import Sum

from ar_writeoff.core import reasons
from ar_writeoff.core.criteria import Criteria
from ar_writeoff.core.money import ZERO, money
from ar_writeoff.core.reasons import Reason
from ar_writeoff.core.set_off import SetOff, from_text
from ar_writeoff.core.status import OPEN
from ar_writeoff.ledger import dunnings
from ar_writeoff.ledger.dimensions import Offset
from ar_writeoff.ledger.money import company_currency, precision
from ar_writeoff.ledger.open_items import Key, LedgerBalance, balance_key
from ar_writeoff.ledger.permissions import Access
from ar_writeoff.posting import credits
from ar_writeoff.posting.rules import CREDIT_NOTE_TYPE
from ar_writeoff.search.eligibility_data import Totals, unallocated_credits
from ar_writeoff.search.ledger import Scope, judge_part
from ar_writeoff.search.net_first import judge_credits, keys_of

# Tables that refer from a credit to the voucher it is allocated to: the field for the credit, and those for the voucher.
REFERENCES = {
	"Journal Entry Account": ("parent", "reference_type", "reference_name"),
	"Payment Ledger Entry": ("voucher_no", "against_voucher_type", "against_voucher_no"),
	"GL Entry": ("voucher_no", "against_voucher_type", "against_voucher"),
}


class HasSetOffs(Protocol):
	"""An item with the set-offs to post with it, or posted."""

	@property
	def key(self) -> Key: ...
	@property
	def set_offs(self) -> tuple[SetOff, ...]: ...


def vouchers_of(items: Iterable[HasSetOffs]) -> list[Key]:
	"""Return the balances of the credits of these items, and of the other vouchers that they settle."""
	return sorted(
		{key for item in items for one in item.set_offs for key in keys_of(one, item.key.customer)},
		key=lambda key: (key.voucher_type, key.voucher_no, key.account),
	)


def blockers(
	items: Iterable[HasSetOffs],
	balances: Mapping[Key, LedgerBalance],
	unusable: Mapping[Key, Reason],
) -> dict[Key, Reason]:
	"""Return why set-offs cannot be posted as approved, by key of the item. `unusable`: credits that must not be used."""
	left = {key: balance.now for key, balance in balances.items()}
	found: dict[Key, Reason] = {}
	for item in items:
		for one in item.set_offs:
			credit, debit = keys_of(one, item.key.customer)
			for key, change in ((credit, one.amount), (debit, -one.amount)):
				before = left.get(key, ZERO)
				left[key] = before + change
				if (before < 0) != (key == credit) or left[key] * before < 0:
					found[item.key] = Reason.of(
						reasons.SET_OFF_CHANGED, doctype=key.voucher_type, voucher=key.voucher_no
					).with_link(key.voucher_type, key.voucher_no)
			if credit in unusable:
				found[item.key] = Reason.caused(
					reasons.SET_OFF_NOT_POSSIBLE,
					unusable[credit],
					doctype=credit.voucher_type,
					voucher=credit.voucher_no,
				).with_link(credit.voucher_type, credit.voucher_no)
	return found


def unusable_credits(
	items: Iterable[HasSetOffs],
	balances: Mapping[Key, LedgerBalance],
	scope: Scope,
	criteria: Criteria,
	access: Access,
	offset: Offset,
) -> dict[Key, Reason]:
	"""Return the credits that the items set off and that can no longer be used, for example because they are on
	hold."""
	wanted = {
		credit
		for item in items
		for one in item.set_offs
		for credit in keys_of(one, item.key.customer)[:1]
		if balances[credit].now < 0
	}
	if not wanted:
		return {}
	verdicts = judge_credits(
		[balances[key] for key in wanted],
		scope,
		criteria,
		partial(judge_part, access=access, offset=offset, check_other_runs=False),
	)
	found = {balance_key(verdict.balance): verdict.reason for verdict in verdicts}
	no_match = Reason.of(reasons.NO_LONGER_MATCHES)
	return {key: reason for key in wanted if (reason := found[key] if key in found else no_match) is not None}


def credits_left(run: str, company: str, customers: Iterable[str]) -> Totals:
	"""Return the unallocated credits of customers, less what the selected open items of a run set off of them."""
	totals = unallocated_credits(company, customers)
	with_credits = {customer for customer, _account in totals}
	item = frappe.qb.DocType("Write-Off Run Item")
	rows = (
		frappe.qb.from_(item)
		.select(item.customer, item.set_offs)
		.where(
			(item.run == run)
			& item.customer.isin(sorted(with_credits) or [""])
			& (item.status == OPEN)
			& (item.selected == 1)
			& (item.set_offs != "")
		)
		.run()
	)
	planned: dict[tuple[str, str], Decimal] = defaultdict(lambda: ZERO)
	for customer, text in rows:
		for one in from_text(text):
			planned[customer, one.account] += one.amount
	left = {
		pair: (own - planned[pair], base - planned[pair]) if pair in planned else (own, base)
		for pair, (own, base) in totals.items()
	}
	return {pair: amounts for pair, amounts in left.items() if amounts[0] > 0}


def allocate(set_offs: Iterable[SetOff], customer: str, company: str) -> None:
	"""Allocate the payments and journal credits among these set-offs.

	Raises:
	    frappe.ValidationError: less is unallocated, or ERPNext rejects the allocation.
	"""
	for one in set_offs:
		if one.credit.voucher_type != CREDIT_NOTE_TYPE:
			credit, _debit = keys_of(one, customer)
			credits.allocate_to(credit, one.amount, company_currency(company), *one.debit)


def release(items: Iterable[Any]) -> None:
	"""Release the allocations posted with these items: rows of Write-Off Run Item, whose vouchers are locked.

	Other allocations between the same vouchers stay. Allocations that a user has already removed are skipped.
	"""
	for item in items:
		for one in reversed(from_text(item.set_offs)):
			if one.credit.voucher_type != CREDIT_NOTE_TYPE:
				credit, debit = keys_of(one, item.customer)
				release_one(credit, debit, one.amount, precision(item.currency), item.currency)


def release_one(credit: Key, debit: Key, amount: Decimal, decimals: int, currency: str) -> None:
	"""Release `amount` of the allocations of a credit to a voucher."""
	allocated = allocated_amount(credit, debit, decimals)
	if allocated <= 0:
		return
	rows = {doctype: referring_rows(doctype, credit, debit) for doctype in REFERENCES}
	# ERPNext's own function for all three also deletes the advances of the invoice.
	muted = frappe.flags.mute_messages
	frappe.flags.mute_messages = True
	try:
		for unlink in (
			remove_ref_doc_link_from_jv,
			remove_ref_doc_link_from_pe,
			update_accounting_ledgers_after_reference_removal,
		):
			unlink(debit.voucher_type, debit.voucher_no, credit.voucher_no)
	finally:
		frappe.flags.mute_messages = muted
	# Two Journal Entries may have rows of several customers, and ERPNext unlinks all of them.
	for doctype, found in rows.items():
		refer_to(doctype, (row.name for row in found if not belongs_to(row, credit)), debit)
	with dunnings.single_dunning_update_of(debit.voucher_type, debit.voucher_no):
		update_voucher_outstanding(
			debit.voucher_type, debit.voucher_no, debit.account, "Customer", debit.customer
		)
	if allocated > amount:
		credits.allocate_to(credit, allocated - amount, currency, debit.voucher_type, debit.voucher_no)
		refer_to("GL Entry", (row.name for row in rows["GL Entry"]), debit)


def referring_rows(doctype: str, credit: Key, debit: Key) -> list[Any]:
	"""Return the rows of a credit, for all customers, that refer to a voucher."""
	parent, reference_type, reference_no = REFERENCES[doctype]
	return frappe.get_all(
		doctype,
		filters={
			parent: credit.voucher_no,
			reference_type: debit.voucher_type,
			reference_no: debit.voucher_no,
			# A cancelled row of the Payment Ledger is not unlinked.
			**({"delinked": 0} if doctype == "Payment Ledger Entry" else {}),
		},
		fields=["name", "account", "party"],
		order_by=None,
	)


def belongs_to(row: Any, credit: Key) -> bool:
	return (row.account, row.party) == (credit.account, credit.customer)


def refer_to(doctype: str, names: Iterable[str], debit: Key) -> None:
	"""Let these rows refer to a voucher again."""
	found = list(names)
	if found:
		_parent, reference_type, reference_no = REFERENCES[doctype]
		values = {reference_type: debit.voucher_type, reference_no: debit.voucher_no}
		frappe.db.set_value(doctype, {"name": ("in", found)}, values, update_modified=False)


def allocated_amount(credit: Key, debit: Key, decimals: int) -> Decimal:
	"""Return the amount of a credit that is allocated to a voucher, in account currency."""
	ple = frappe.qb.DocType("Payment Ledger Entry")
	rows = (
		frappe.qb.from_(ple)
		.select(Sum(ple.amount_in_account_currency))
		.where(
			(ple.voucher_type == credit.voucher_type)
			& (ple.voucher_no == credit.voucher_no)
			& (ple.against_voucher_type == debit.voucher_type)
			& (ple.against_voucher_no == debit.voucher_no)
			& (ple.account == credit.account)
			& (ple.party == credit.customer)
			& (ple.delinked == 0)
		)
		.run()
	)
	return -money(rows[0][0] or 0, decimals)
