"""Entries of tax claims: the relief account against the account of the write-off.

A claim debits the relief account and credits the account of the write-off that took the tax, a repayment does the opposite.
That account is the one that took the loss, or an interim account. The tax of a lapsed claim goes from the interim account to
the account that took the loss. Both sides have the dimensions of the write-off, which are read from its Journal Entry. A claim by
age, without a write-off, credits the account with the deferred tax, with the dimensions of the invoice.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Any

import frappe
from frappe.query_builder import Case

from ar_writeoff.core import reasons
from ar_writeoff.core.criteria import DEBIT
from ar_writeoff.core.reasons import Reason
from ar_writeoff.core.run_types import TAX_CLAIM
from ar_writeoff.ledger import accounts, messages
from ar_writeoff.ledger import permissions as access
from ar_writeoff.ledger.dimensions import (
	Offset,
	account_rules,
	dimensions_of,
	offset_shares,
	voucher_dimensions,
)
from ar_writeoff.ledger.open_items import Key
from ar_writeoff.posting.rules import Dimensions, PlanItem, Shares
from ar_writeoff.tax_relief import ledger as tax
from ar_writeoff.tax_relief.booked import accounts_of_entries
from ar_writeoff.tax_relief.rules import INTERIM_ACCOUNT

if TYPE_CHECKING:
	from ar_writeoff.posting.ledger import Item


@dataclass(frozen=True, slots=True)
class WriteOff:
	"""The balance that a claim belongs to: its key, its entry, the run's reason, and the interim account that took the tax, if
	one did."""

	key: Key
	entry: str
	reason: str
	interim_account: str


@dataclass(frozen=True, slots=True)
class UnpaidInvoice:
	"""The invoice that a claim by age belongs to, and the account with its deferred tax."""

	key: Key
	booked_account: str


def blockers(items: Iterable[Item], company: str, posting_date: date, until: date) -> dict[str, Reason]:
	"""Return the items that cannot be posted as approved, with the reason. `until`: recoveries up to this day count."""
	found = {item.name: item for item in items}
	item_table = frappe.qb.DocType("Write-Off Run Item")
	condition = item_table.name.isin(list(found) or [""])
	allowed = access.items_allowed(item_table, access.of_user())
	if allowed is not None:
		condition &= allowed
	visible = set(frappe.qb.from_(item_table).select(item_table.name).where(condition).run(pluck=True))
	open_claims = tax.open_claims(
		company, posting_date, until, [item.key.voucher_no for item in found.values()]
	)
	result = {}
	for name, item in found.items():
		claim = open_claims.get(item.key.voucher_no)
		now = claim.amount if claim and claim.account == item.key.account else 0
		if name not in visible:
			result[name] = Reason.of(reasons.NOT_PERMITTED, user=frappe.session.user)
		elif claim and claim.reason:
			result[name] = claim.reason
		elif now != item.write_off_amount:
			result[name] = Reason.of(
				reasons.BALANCE_CHANGED,
				before=f"{item.write_off_amount} {item.currency}",
				now=f"{now} {item.currency}",
			)
	return result


def plan_items(items: Iterable[Item], offset: Offset) -> list[PlanItem]:
	"""Return plan items with the relief account in the place of the receivable account."""
	found = list(items)
	claims = {item.key.voucher_no for item in found}
	unpaid = _unpaid_invoices(claims)
	write_offs = _write_offs(claims - unpaid.keys())
	entry_rows = _entry_rows({one.entry for one in write_offs.values()})
	booked = accounts_of_entries(entry_rows)
	on_accounts = {item.key.account for item in found} | {one.booked_account for one in unpaid.values()}
	rules = account_rules(offset.company, on_accounts) if offset.has_rules else {}
	keys = {one.key for one in write_offs.values()} | {one.key for one in unpaid.values()}
	vouchers = voucher_dimensions(keys)
	today: dict[tuple[str, str], str] = {}
	result = []

	def values(own: Mapping[str, str], account: str) -> Dimensions:
		return tuple(sorted(offset.receivable_values(own, rules.get(account, ())).items()))

	for item in found:
		relief_account = item.key.account
		is_lapsed = False
		shares: Shares
		if item.key.voucher_no in unpaid:
			invoice = unpaid[item.key.voucher_no]
			voucher = vouchers[invoice.key]
			own, offset_account = voucher.own, invoice.booked_account
			shares = ((values(own, offset_account), Decimal(1)),)
			finance_book = voucher.finance_book
		else:
			write_off = write_offs[item.key.voucher_no]
			rows = entry_rows[write_off.entry]
			own_row, offsets = _own_row(rows, write_off.key), [row for row in rows if not row.party]
			own = dict(dimensions_of(own_row)) if own_row else {}
			losses = [row for row in offsets if row.account not in booked[write_off.entry]] or offsets
			key = (losses[0].account, write_off.reason)
			if key not in today:
				today[key] = _loss_account(offset.company, *key)
			is_lapsed = relief_account == write_off.interim_account
			offset_account = today[key] if is_lapsed else write_off.interim_account or today[key]
			shares = offset_shares(vouchers[write_off.key], [dimensions_of(row) for row in losses])
			finance_book = losses[0].finance_book or ""
		result.append(
			PlanItem(
				name=item.name,
				voucher_type=TAX_CLAIM,
				voucher_no=item.key.voucher_no,
				customer="",
				receivable_account=relief_account,
				currency=item.currency,
				# The relief account is debited, where a balance is credited.
				amount=-item.write_off_amount,
				base_amount=-item.write_off_amount,
				offset_account=offset_account,
				receivable_dimensions=values(own, relief_account),
				offset_shares=shares,
				shares_both_sides=is_lapsed,
				finance_book=finance_book,
			)
		)
	return result


def _unpaid_invoices(claims: Iterable[str]) -> dict[str, UnpaidInvoice]:
	"""Return the invoices of the claims by age among these."""
	claim, invoice = frappe.qb.DocType(TAX_CLAIM), frappe.qb.DocType("Sales Invoice")
	rows = (
		frappe.qb.from_(claim)
		.inner_join(invoice)
		.on(invoice.name == claim.sales_invoice)
		.select(claim.name, invoice.name, invoice.debit_to, invoice.customer, claim.booked_account)
		.where(claim.name.isin(sorted(claims) or [""]) & claim.item.isnull())
		.run()
	)
	return {
		name: UnpaidInvoice(Key("Sales Invoice", *key), booked_account) for name, *key, booked_account in rows
	}


def _write_offs(claims: Iterable[str]) -> dict[str, WriteOff]:
	claim, item = frappe.qb.DocType(TAX_CLAIM), frappe.qb.DocType("Write-Off Run Item")
	run = frappe.qb.DocType("Write-Off Run")
	rows = (
		frappe.qb.from_(claim)
		.inner_join(item)
		.on(item.name == claim.item)
		.inner_join(run)
		.on(run.name == item.run)
		.select(
			claim.name,
			item.voucher_type,
			item.voucher_no,
			item.receivable_account,
			item.customer,
			item.journal_entry,
			run.reason,
			Case().when(claim.method == INTERIM_ACCOUNT, claim.booked_account).else_(""),
		)
		.where(claim.name.isin(sorted(claims) or [""]))
		.run()
	)
	return {
		name: WriteOff(Key(*key), entry, reason, interim or "") for name, *key, entry, reason, interim in rows
	}


def _entry_rows(entries: Iterable[str]) -> Mapping[str, list[Any]]:
	"""Return the rows of these Journal Entries, cancelled ones as well, with the finance book of the entry."""
	row, entry = frappe.qb.DocType("Journal Entry Account"), frappe.qb.DocType("Journal Entry")
	found: dict[str, list[Any]] = defaultdict(list)
	for one in (
		frappe.qb.from_(row)
		.inner_join(entry)
		.on(entry.name == row.parent)
		.select(row.star, entry.finance_book)
		.where(row.parent.isin(sorted(entries) or [""]))
		.orderby(row.parent)
		.orderby(row.idx)
		.run(as_dict=True)
	):
		found[one.parent].append(one)
	return found


def _own_row(rows: Iterable[Any], key: Key) -> Any | None:
	return next(
		(
			row
			for row in rows
			if (row.party, row.account, row.reference_name) == (key.customer, key.account, key.voucher_no)
		),
		None,
	)


def _loss_account(company: str, account: str, reason: str) -> str:
	"""Return the account that took the loss, or that of today's write-offs if it was closed since. If there is none,
	ERPNext refuses the entry with the reason."""
	account_today = partial(
		accounts.account_to_reinstate,
		account,
		company=company,
		balance_type=DEBIT,
		reason=reason,
		recovered=False,
	)
	return account if messages.validation_message(account_today) else account_today()
