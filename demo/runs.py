"""The demo's write-offs: settings, and one run of each kind."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import frappe
from frappe.utils import add_days, nowdate

from demo.books import ABBR, COMPANY, make
from demo.trade import receive

PREPARER, MANAGER, SECOND = "anna@lakeside.example", "mark@lakeside.example", "lena@lakeside.example"


# On the first of each month, last month's small balances.
SCHEDULE = {
	"doctype": "Write-Off Schedule",
	"schedule_name": "Small Balances, Monthly",
	"reason": "Small Balance",
	"action": "Prepare Draft",
	"frequency": "Monthly",
	"day_of_month": 1,
	"time": "06:00:00",
	"cutoff_rule": "End of Last Month",
	"max_invoice_amount": 10,
	"minimum_age_days": 90,
}


def write_off(chance: random.Random) -> None:
	"""Create settings, a schedule, a posted run, a partly posted run and a draft."""
	settings()
	schedule()
	frappe.db.commit()
	posted()
	partly_posted()
	draft(chance)


def settings() -> None:
	make(
		"Write-Off Settings",
		company=COMPANY,
		bad_debt_account=f"Bad Debt Expense - {ABBR}",
		credit_write_off_account=f"Unclaimed Credits - {ABBR}",
		cost_center=f"Main - {ABBR}",
		max_invoice_amount=10,
		minimum_age_days=90,
		default_reason="Small Balance",
		require_second_approver=1,
		notify_role="Accounts Manager",
	)
	reason = frappe.get_doc("Write-Off Reason", "Bank Charges Deducted by Customer")
	reason.append("accounts", {"company": COMPANY, "account": f"Small Balances Written Off - {ABBR}"})
	reason.save(ignore_permissions=True)


def schedule() -> None:
	"""A schedule that prepares a draft of last month's small balances on the first of each month."""
	with signed_in(MANAGER):
		doc = frappe.get_doc({**SCHEDULE, "company": COMPANY, "notify_user": PREPARER}).insert()
	with signed_in(SECOND):
		doc.approve()


def posted() -> None:
	"""A run over balances of up to a dollar, more than a year overdue."""
	with signed_in(PREPARER):
		run = found(days_ago=30, max_invoice_amount=1, minimum_age_days=365)
	submit(run)


def partly_posted() -> None:
	"""A run in which three customers paid after the search, so their items are skipped."""
	with signed_in(PREPARER):
		run = found(
			days_ago=7,
			reason="Bank Charges Deducted by Customer",
			max_invoice_amount=7.5,
			minimum_age_days=300,
			customer_group="Trade",
			currency="USD",
		)
	late = frappe.get_all(
		"Write-Off Run Item",
		filters={"run": run.name, "status": "Open"},
		fields=["customer", "voucher_no", "outstanding_amount"],
		order_by="outstanding_amount desc, name asc",
		limit=3,
	)
	for row in late:
		receive(row.customer, row.outstanding_amount, 0, frappe._dict(name=row.voucher_no))
	frappe.db.commit()
	submit(run)


def draft(chance: random.Random) -> None:
	"""This month's draft with a few items unticked."""
	with signed_in(PREPARER):
		run = found(days_ago=0, max_invoice_amount=10, minimum_age_days=90)
		items = frappe.get_all(
			"Write-Off Run Item",
			filters={"run": run.name, "status": "Open"},
			pluck="name",
			order_by="name asc",
		)
		run.set_selection(selected=0, items=chance.sample(items, min(5, len(items))))


def found(*, days_ago: int, **criteria: Any) -> Any:
	"""A draft with its items, as of so many days ago."""
	day = add_days(nowdate(), -days_ago)
	run = frappe.get_doc(
		{
			"doctype": "Write-Off Run",
			"company": COMPANY,
			"balance_type": "Debit",
			"reason": "Small Balance",
			"cutoff_date": day,
			"posting_date": day,
			**criteria,
		}
	).insert()
	run.find_invoices()
	return run


def submit(run: Any) -> None:
	"""Approve and post in this process."""
	frappe.db.commit()
	with signed_in(MANAGER), posting_inline():
		frappe.get_doc("Write-Off Run", run.name).submit()
	frappe.db.commit()


@contextmanager
def signed_in(user: str) -> Iterator[None]:
	frappe.set_user(user)
	try:
		yield
	finally:
		frappe.set_user("Administrator")


@contextmanager
def posting_inline() -> Iterator[None]:
	"""Post in this process, as in tests: no worker is running yet."""
	before = frappe.flags.in_test
	frappe.flags.in_test = True
	try:
		yield
	finally:
		frappe.flags.in_test = before
