"""Adds selected invoices to a draft run by the rules of the search."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

import frappe
from frappe.utils import cint, getdate, now

from ar_writeoff.core import reasons
from ar_writeoff.core import status as states
from ar_writeoff.core.reasons import Reason
from ar_writeoff.ledger import messages, open_items
from ar_writeoff.ledger import permissions as access
from ar_writeoff.ledger.open_items import Key
from ar_writeoff.review.selection import after_selection_change
from ar_writeoff.run.terms import criteria_of, current_terms, offset_of, scope_of
from ar_writeoff.search import eligibility_data as facts
from ar_writeoff.search import ledger as search
from ar_writeoff.search import ledger_differences
from ar_writeoff.search.item_store import NewItem, insert_items, notes_of, restore_notes
from ar_writeoff.search.rules import apply_customer_maximum


def add_invoices(doc: Any, invoices: list[str]) -> dict[str, Any]:
	"""Add Sales Invoices to a draft run, which the caller has locked. Those already in it stay as they are.

	Returns the number added, and the other invoices with the reason. Excluded ones are listed in the run too.
	"""
	run = doc.name
	terms = current_terms(doc)
	scope, criteria = scope_of(terms), criteria_of(terms)
	present = set(
		frappe.get_all(
			"Write-Off Run Item",
			filters={"run": run, "voucher_type": "Sales Invoice", "voucher_no": ("in", invoices)},
			pluck="voucher_no",
			order_by=None,
		)
	)
	added = [name for name in invoices if name not in present]
	keys = open_items.voucher_keys("Sales Invoice", added)
	with_rows = {key.voucher_no for key in keys}
	lost = ledger_differences.without_balance(doc.company, [name for name in added if name not in with_rows])
	customers = facts.customer_facts(
		doc.company, {key.customer for key in (*keys, *(balance.key for balance in lost))}
	)
	# The customer maximum counts all items of the run.
	existing = items_of_customers(run, customers) if criteria.max_customer_amount else {}
	balances = open_items.balances_of_vouchers(doc.company, [*keys, *existing], criteria.cutoff_date)
	verdicts = search.judge_all(
		[*balances.values(), *lost],
		scope,
		criteria,
		access.of_user(),
		customers=customers,
		offset=offset_of(terms),
		blockers={balance.key: reason for balance, reason in lost.items()},
	)
	if criteria.max_customer_amount:
		credits = search.credits_in_scope(scope, criteria, customers)
		verdicts = apply_customer_maximum(verdicts, criteria, credits)
	# Existing items are replaced only if the added ones take their customer over the maximum.
	verdicts = [
		verdict
		for verdict in verdicts
		if open_items.balance_key(verdict.balance) not in existing
		or (verdict.reason and verdict.reason.code == reasons.CUSTOMER_OVER_MAXIMUM)
	]
	replaced = [
		existing[key]
		for key in (open_items.balance_key(verdict.balance) for verdict in verdicts)
		if key in existing
	]
	notes = notes_of(run) if replaced else []
	if replaced:
		frappe.db.delete("Write-Off Run Item", {"name": ("in", replaced)})

	last = frappe.db.get_value("Write-Off Run Item", {"run": run}, "name", order_by="name desc")
	number = cint(last.rsplit("-", 1)[-1]) if last else 0
	items = []
	left_out = []
	for verdict in verdicts:
		number += 1
		name = customers[verdict.balance.customer].customer_name
		items.append(NewItem(number, verdict, name, int(verdict.reason is None)))
		if verdict.reason:
			left_out.append(
				{"voucher_no": verdict.balance.voucher_no, "message": messages.message(verdict.reason)}
			)
	insert_items(doc, [items])
	restore_notes(run, notes)
	judged = {verdict.balance.voucher_no for verdict in verdicts}
	no_match = messages.message(Reason.of(reasons.NO_LONGER_MATCHES))
	left_out += [
		{"voucher_no": name, "message": no_match}
		for name in invoices
		if name not in judged and name not in present
	]
	frappe.db.set_value(
		"Write-Off Run",
		run,
		{"searched_on": now(), "searched_by": frappe.session.user, "status": states.DRAFT},
	)
	after_selection_change(doc)
	return {"added": len(items) - sum(1 for verdict in verdicts if verdict.reason), "left_out": left_out}


def items_of_customers(run: str, customers: Iterable[str]) -> dict[Key, str]:
	"""Items by balance that count towards the customer maximum: open ones and those excluded only by it."""
	item = frappe.qb.DocType("Write-Off Run Item")
	rows = (
		frappe.qb.from_(item)
		.select(item.voucher_type, item.voucher_no, item.receivable_account, item.customer, item.name)
		.where(
			(item.run == run)
			& item.customer.isin(sorted(customers) or [""])
			& ((item.status == states.OPEN) | (item.reason_code == reasons.CUSTOMER_OVER_MAXIMUM))
		)
		.run()
	)
	return {Key(*row[:4]): row[4] for row in rows}


def ledger_balances(company: str, invoices: list[str]) -> dict[str, Decimal]:
	"""The largest balance of each of these Sales Invoices in company currency. An invoice without ledger rows has its
	outstanding amount."""
	keys = open_items.voucher_keys("Sales Invoice", invoices)
	balances = list(open_items.balances_of_vouchers(company, keys, getdate()).values())
	found: dict[str, Decimal] = {}
	for balance in sorted(balances, key=lambda balance: abs(balance.base_now)):
		found[balance.key.voucher_no] = balance.base_now
	lost = ledger_differences.without_balance(company, [name for name in invoices if name not in found])
	return found | {balance.key.voucher_no: balance.base_now for balance in lost}
