"""Invoices that a person chose one by one, put into a draft run by the same rules as a search."""

from collections.abc import Iterable
from typing import Any

import frappe
from frappe.utils import cint, getdate, now

from ar_writeoff.core import reasons
from ar_writeoff.core import status as states
from ar_writeoff.core.reasons import Reason
from ar_writeoff.ledger import messages, open_items
from ar_writeoff.ledger import permissions as access
from ar_writeoff.ledger.open_items import Key
from ar_writeoff.review.selection import selection_changed
from ar_writeoff.run.terms import criteria_of, current_terms, offset_of, scope_of
from ar_writeoff.search import eligibility_data as facts
from ar_writeoff.search import ledger as search
from ar_writeoff.search.item_store import NewItem, insert_items
from ar_writeoff.search.rules import apply_customer_maximum


def add_invoices(doc: Any, invoices: list[str]) -> dict[str, Any]:
	"""Add Sales Invoices to the items of a draft run, which the caller has locked; those already in it stay as they are.

	Returns how many were added, and the others with the reason: excluded ones are listed in the run too.
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
	keys = open_items.voucher_keys("Sales Invoice", [name for name in invoices if name not in present])
	customers = facts.customer_facts({key.customer for key in keys})
	# The maximum is for all that the run has of a customer.
	listed = items_of_customers(run, customers) if criteria.max_customer_amount else {}
	balances = open_items.balances_of_vouchers(doc.company, [*keys, *listed], criteria.cutoff_date)
	verdicts = search.judge_all(
		balances.values(),
		scope,
		criteria,
		access.of_user(),
		customers=customers,
		offset=offset_of(terms),
	)
	if criteria.max_customer_amount:
		credits = search.credits_in_scope(scope, criteria, customers)
		verdicts = apply_customer_maximum(verdicts, criteria, credits)
	# Of what was listed before only that is written anew which is over the maximum together with what is added.
	verdicts = [
		verdict
		for verdict in verdicts
		if open_items.balance_key(verdict.balance) not in listed
		or (verdict.reason and verdict.reason.code == reasons.CUSTOMER_OVER_MAXIMUM)
	]
	over = [
		listed[key]
		for key in (open_items.balance_key(verdict.balance) for verdict in verdicts)
		if key in listed
	]
	if over:
		frappe.db.delete("Write-Off Run Item", {"name": ("in", over)})

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
	insert_items(doc, items)
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
	selection_changed(doc)
	return {"added": len(items) - sum(1 for verdict in verdicts if verdict.reason), "left_out": left_out}


def items_of_customers(run: str, customers: Iterable[str]) -> dict[Key, str]:
	"""The items of these customers that count towards the customer's total, by balance: those that can be written off,
	and those that only the maximum keeps from it."""
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


def largest_balance(company: str, invoices: list[str]) -> float:
	"""The largest balance of these Sales Invoices in company currency: the maximum that lets all of them in."""
	keys = open_items.voucher_keys("Sales Invoice", invoices)
	balances = open_items.balances_of_vouchers(company, keys, getdate())
	return float(max((abs(balance.base_now) for balance in balances.values()), default=0))
