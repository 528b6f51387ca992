"""Holds on balances of the ledger, read in bulk."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

import frappe
from frappe.query_builder.functions import Sum
from frappe.utils import create_batch, get_fullname, getdate

from ar_writeoff.core.money import ZERO, money
from ar_writeoff.core.reasons import Reason
from ar_writeoff.holds.rules import ACTIVE, Hold, Scope, applying, by_scope
from ar_writeoff.ledger.money import company_currency, precision
from ar_writeoff.ledger.open_items import Key


def hold_reasons(company: str, keys: Iterable[Key]) -> dict[Key, Reason]:
	"""Return the reason for each of these balances that is on hold."""
	keys = list(keys)
	holds = by_scope(active_holds(company, {key.customer for key in keys}))
	if not holds:
		return {}
	found = {key: applying(holds, key.customer, key.voucher_type, key.voucher_no) for key in keys}
	return {key: hold.reason for key, hold in found.items() if hold}


def active_holds(company: str, customers: Iterable[str]) -> list[Hold]:
	"""Return the holds on these customers and their vouchers that have not ended, by status or by date."""
	holds = []
	for batch in create_batch(sorted(customers), 1000):
		# The query builder takes longer over a thousand names than the query itself.
		# nosemgrep: frappe-using-db-sql
		rows = frappe.db.sql(
			"""select name, customer, voucher_type, voucher_no, kind, hold_until, note, owner
			from `tabWrite-Off Hold`
			where company = %s and status = %s and (hold_until is null or hold_until >= %s) and customer in %s
			order by name""",
			(company, ACTIVE, getdate(), tuple(batch)),
			as_dict=True,
		)
		holds += [hold_of(row) for row in rows]
	return holds


def hold_of(row: Any) -> Hold:
	"""Return the hold of a Write-Off Hold, a document or a row."""
	return Hold(
		name=row.name,
		scope=scope_of(row),
		kind=row.kind,
		until=row.hold_until and getdate(row.hold_until),
		by=get_fullname(row.owner),
		note=(row.note or "").strip(),
	)


def scope_of(row: Any) -> Scope:
	"""Return what a Write-Off Hold applies to."""
	return (row.customer, row.voucher_type or "", row.voucher_no or "")


def customers_of_voucher(company: str, voucher_type: str, voucher_no: str) -> list[str]:
	"""Return the customers of the company with a balance of this voucher, open or settled, sorted."""
	ple = frappe.qb.DocType("Payment Ledger Entry")
	return (
		frappe.qb.from_(ple)
		.select(ple.party)
		.distinct()
		.where(
			(ple.company == company)
			& (ple.against_voucher_type == voucher_type)
			& (ple.against_voucher_no == voucher_no)
			& (ple.party_type == "Customer")
			& (ple.delinked == 0)
		)
		.orderby(ple.party)
		.run(pluck=True)
	)


def balances_of_scopes(company: str, scopes: Iterable[Scope]) -> dict[Scope, Decimal]:
	"""Return the present balance of these customers and vouchers in company currency."""
	wanted = set(scopes)
	totals = dict.fromkeys(wanted, ZERO)
	decimals = precision(company_currency(company))
	ple = frappe.qb.DocType("Payment Ledger Entry")
	for customers in create_batch(sorted({scope[0] for scope in wanted}), 1000):
		for *voucher, total in (
			frappe.qb.from_(ple)
			.select(ple.party, ple.against_voucher_type, ple.against_voucher_no, Sum(ple.amount))
			.where(
				(ple.company == company)
				& (ple.account_type == "Receivable")
				& (ple.party_type == "Customer")
				& ple.party.isin(customers)
				& (ple.delinked == 0)
			)
			.groupby(ple.party, ple.against_voucher_type, ple.against_voucher_no)
			.run()
		):
			for scope in (tuple(voucher), (voucher[0], "", "")):
				if scope in wanted:
					totals[scope] += money(total, decimals)
	return totals
