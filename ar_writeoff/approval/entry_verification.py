"""Verification of the Journal Entries of a run against its terms."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from math import isclose
from typing import Any

import frappe
from frappe import _
from frappe.utils import cast, create_batch, formatdate, getdate

from ar_writeoff.core.money import ZERO, money
from ar_writeoff.core.run_types import TAX_CLAIM, posts_claims
from ar_writeoff.core.terms import Terms
from ar_writeoff.ledger.money import company_currency, precision
from ar_writeoff.posting import entry_values
from ar_writeoff.posting import rules as planning
from ar_writeoff.tax_relief import booked

ENTRY_FIELDS = ("name", "company", "posting_date", "docstatus")
ROW_FIELDS = ("parent", "account", "cost_center", "party", "debit", "credit")


def entry_differences(terms: Terms, items: Iterable[Any], *, all_terms: bool = True) -> list[str]:
	"""Return the differences between the entries of these items and the terms, one line each. Without `all_terms` only
	date, account and amounts are compared."""
	given = entry_values.by_doctype((all_terms and terms.entry_values) or ())
	by_entry: dict[str, list[Any]] = defaultdict(list)
	for item in items:
		if item.journal_entry:
			by_entry[item.journal_entry].append(item)
	found = []
	for names in create_batch(sorted(by_entry), 500):
		entries = frappe.get_all(
			"Journal Entry",
			{"name": ("in", names)},
			[*ENTRY_FIELDS, *given[entry_values.ENTRY]],
			order_by="name asc",
		)
		rows: dict[str, list[Any]] = defaultdict(list)
		for row in frappe.get_all(
			"Journal Entry Account",
			{"parent": ("in", names), "parenttype": "Journal Entry"},
			[*ROW_FIELDS, *given[entry_values.ROW]],
			order_by="parent asc, idx asc",
		):
			rows[row.parent].append(row)
		found += [
			_("{0}: the Journal Entry was deleted.").format(name)
			for name in sorted(set(names) - {entry.name for entry in entries})
		]
		for entry in entries:
			differences = [
				*single_entry_differences(terms, entry, rows[entry.name], by_entry[entry.name], all_terms),
				*other_values(entry_values.ENTRY, [entry], given),
				*other_values(entry_values.ROW, rows[entry.name], given),
			]
			found += [_("{0}: {1}").format(entry.name, text) for text in differences]
	return found


def single_entry_differences(
	terms: Terms, entry: Any, rows: list[Any], items: list[Any], all_terms: bool
) -> Iterator[str]:
	"""Yield the differences of one entry as text."""
	decimals = precision(company_currency(terms.company))
	if entry.company != terms.company or getdate(entry.posting_date) != terms.posting_date:
		yield _("posted on {0} in {1}").format(formatdate(entry.posting_date), entry.company)
	if posts_claims(terms.name):
		yield from relief_differences(rows, items, decimals)
		return
	offset_rows = [row for row in rows if not row.party]
	taxes = booked_amounts(items) if terms.tax_accounts else {}
	others = {row.account for row in offset_rows} - {terms.offset_account, *taxes}
	if others:
		yield _("posted to {0}").format(", ".join(sorted(others)))
	yield from amount_differences(rows, taxes, decimals)
	posted_amount = sum(
		(money(row.credit, decimals) - money(row.debit, decimals) for row in rows if row.party), ZERO
	)
	approved_amount = sum((money(item.base_write_off_amount, decimals) for item in items), ZERO)
	if posted_amount != approved_amount:
		yield _("{0} written off, {1} approved").format(posted_amount, approved_amount)
	if not all_terms:
		return
	if terms.force_cost_center:
		others = {row.cost_center or "" for row in offset_rows} - {terms.offset_cost_center}
		if others:
			yield _("posted to cost center {0}").format(", ".join(sorted(others)))
	# One balance may need more offset rows.
	if len(rows) > max(2, terms.rows_per_entry) and len(items) > 1:
		yield _("{0} rows").format(len(rows))
	sharing = {planning.INVOICE: len(items), planning.CUSTOMER: len({item.customer for item in items})}
	if sharing.get(terms.entries_per, 1) > 1:
		yield _("one entry for {0} balances").format(len(items))


def relief_differences(rows: list[Any], items: list[Any], decimals: int) -> Iterator[str]:
	"""Yield the differences of an entry of a tax run on the relief accounts and interim accounts."""
	interim = dict(
		frappe.get_all(
			TAX_CLAIM,
			filters={"name": ("in", [item.voucher_no for item in items]), "booked_account": ("is", "set")},
			fields=["name", "booked_account"],
			as_list=True,
			order_by=None,
		)
	)
	approved: dict[str, Decimal] = defaultdict(lambda: ZERO)
	for item in items:
		amount = money(item.base_write_off_amount, decimals)
		approved[item.receivable_account] += amount
		account = interim.get(item.voucher_no, item.receivable_account)
		if account != item.receivable_account:
			approved[account] -= amount
	yield from amount_differences(rows, approved, decimals)


def booked_amounts(items: list[Any]) -> dict[str, Decimal]:
	"""Return the tax of these written-off items that their entry takes, by account."""
	amounts: dict[str, Decimal] = defaultdict(lambda: ZERO)
	for taxes in booked.booked_taxes(item.name for item in items).values():
		for tax in taxes:
			amounts[tax.account] += tax.tax
	return amounts


def amount_differences(rows: list[Any], approved: Mapping[str, Decimal], decimals: int) -> Iterator[str]:
	"""Yield the accounts on which an entry has another amount than approved. Debits are above 0."""
	posted: dict[str, Decimal] = defaultdict(lambda: ZERO)
	for row in rows:
		posted[row.account] += money(row.debit, decimals) - money(row.credit, decimals)
	for account, amount in sorted(approved.items()):
		if posted[account] != amount:
			yield _("{0} posted to {1}, {2} approved").format(posted[account], account, amount)


def other_values(doctype: str, documents: list[Any], given: dict[str, dict[str, Any]]) -> Iterator[str]:
	"""Return the values of mandatory fields in which one of these documents differs."""
	meta = frappe.get_meta(doctype)
	for fieldname, value in given[doctype].items():
		fieldtype = meta.get_field(fieldname).fieldtype
		found = {document[fieldname]: None for document in documents}
		others = [str(one or "") for one in found if not same(cast(fieldtype, one), value)]
		if others:
			yield _('{0} is "{1}"').format(_(meta.get_label(fieldname)), '", "'.join(others))


def same(one: Any, other: Any) -> bool:
	"""Return whether two values are equal, numbers as rounded by the database."""
	return isclose(one, other, abs_tol=1e-9) if isinstance(other, float) else one == other
