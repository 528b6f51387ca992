"""Payment schedules of invoices. ERPNext reduces the outstanding amount of a term by Payment Entries only, and proposes
it for the next payment and the next Dunning.

The amount of a term that a write-off closes is added to its paid amount, which ERPNext deducts from the proposed
payment. It is also stored in a field of the app, so that an undo can subtract it.
"""

from collections.abc import Iterable
from decimal import Decimal
from itertools import groupby

import frappe
from frappe.utils import create_batch

from ar_writeoff.core.money import ZERO, money
from ar_writeoff.core.payment_terms import Term, with_write_off
from ar_writeoff.ledger.bulk_update import case_by_name
from ar_writeoff.ledger.money import company_currency, precision


def update_terms(invoices: Iterable[str]) -> None:
	"""Update the outstanding amounts of the payment terms of these invoices by their amounts written off, in the
	current transaction."""
	for batch in create_batch(sorted(set(invoices)), 1000):
		changes: dict[str, dict[str, Decimal]] = {}
		for _invoice, rows in groupby(_rows(batch), key=lambda row: row.invoice):
			changes.update(_changes(list(rows)))
		_write(changes)


def _rows(invoices: list[str]) -> list[frappe._dict]:
	invoice, term = frappe.qb.DocType("Sales Invoice"), frappe.qb.DocType("Payment Schedule")
	return (
		frappe.qb.from_(term)
		.inner_join(invoice)
		.on((invoice.name == term.parent) & (term.parenttype == "Sales Invoice"))
		.select(
			term.name,
			term.parent.as_("invoice"),
			term.paid_amount,
			term.outstanding,
			term.write_off_amount,
			invoice.company,
			invoice.written_off_amount,
			invoice.currency,
			invoice.party_account_currency,
			invoice.conversion_rate,
		)
		.where(invoice.name.isin(invoices) & (invoice.is_return == 0) & (invoice.docstatus == 1))
		.orderby(term.parent)
		.orderby(term.due_date)
		.orderby(term.idx)
		.run(as_dict=True)
	)


def _changes(rows: list[frappe._dict]) -> dict[str, dict[str, Decimal]]:
	"""New values of the rows of one invoice that change, by name and field."""
	first = rows[0]
	rate = Decimal(str(first.conversion_rate or 1))
	decimals, base_decimals = precision(first.currency), precision(company_currency(first.company))
	written_off = Decimal(str(first.written_off_amount))
	if first.currency != first.party_account_currency:
		written_off /= rate
	terms = [Term(money(row.outstanding, decimals), money(row.write_off_amount, decimals)) for row in rows]
	changes = {}
	after = with_write_off(terms, max(money(written_off, decimals), ZERO))
	for row, before, now in zip(rows, terms, after, strict=True):
		if now != before:
			paid = money(row.paid_amount, decimals) + now.written_off - before.written_off
			changes[row.name] = {
				"outstanding": now.outstanding,
				"write_off_amount": now.written_off,
				"paid_amount": paid,
				"base_outstanding": money(now.outstanding * rate, base_decimals),
				"base_paid_amount": money(paid * rate, base_decimals),
			}
	return changes


def _write(changes: dict[str, dict[str, Decimal]]) -> None:
	if not changes:
		return
	term = frappe.qb.DocType("Payment Schedule")
	query = frappe.qb.update(term).where(term.name.isin(sorted(changes)))
	meta = frappe.get_meta("Payment Schedule")
	for fieldname in next(iter(changes.values())):
		# Some releases have no amounts in company currency.
		if meta.has_field(fieldname):
			values = {name: row[fieldname] for name, row in changes.items()}
			query = query.set(term[fieldname], case_by_name(term.name, values))
	query.run()
