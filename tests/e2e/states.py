"""Runs in every state that a run can have, for tests that look at all of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import frappe

from demo import runs
from tests.site import factories, run_helpers
from tests.site.factories import (
	HL,
	MANAGER,
	PREPARER,
	account,
	as_user,
	cost_center,
	exclude_balances,
	invoice,
	outstanding,
	pay,
	payment,
)
from tests.site.run_helpers import post, run, settings


def runs_in(*wanted: str) -> dict[str, Any]:
	"""{name of the state: run}, of small runs of one company; without names in every state."""
	settings(
		bad_debt_account=account("Bad Debt Expense"),
		cost_center=cost_center(),
		max_invoice_amount=20,
		default_reason="Small Balance",
	)
	for name in ("Anchor Cafe", "Breakwater Bar"):
		for amount, date in ((4.2, "2025-11-15"), (12.35, "2026-03-05"), (8.8, "2026-05-25")):
			invoice(name, amount, date)
	invoice("Anchor Cafe", 15, "2026-02-01", currency="EUR")
	invoice("Compass Stores", 5.55, "2026-02-01")
	exclude_balances("Compass Stores")
	payment("Elm School", 30, "2026-02-01")
	return {name: STATES[name]() for name in wanted or STATES}


def _approval_requested() -> Any:
	doc = run(user=PREPARER)
	with as_user(PREPARER):
		doc.request_approval()
	return doc


def _returned() -> Any:
	doc = _approval_requested()
	with as_user(MANAGER):
		doc.return_to_preparer("Please leave Anchor Cafe out: they pay in July.")
	return doc


def _own(customer: str) -> Any:
	"""A run over three balances of a customer of its own."""
	name = factories.customer(f"{customer} Trading Company Limited")
	for amount in (1234.5, 2.25, 7):
		invoice(name, amount, "2026-01-15")
	return run(customers=[{"customer": name}], max_invoice_amount=2000)


def _set(doc: Any, **values: Any) -> Any:
	frappe.db.set_value("Write-Off Run", doc.name, values)
	return doc.reload()


def _submitted(doc: Any) -> Any:
	run_helpers.submit_without_job(doc)
	return doc.reload()


def _reinstated(doc: Any) -> Any:
	item = next(iter(run_helpers.items(doc).values()))
	with as_user(MANAGER):
		doc.reinstate([item.name], [1], "2026-06-30")
	return doc


def _partly_posted() -> Any:
	doc = _own("Partly Posted")
	item = next(iter(run_helpers.items(doc).values()))
	bill = frappe.get_doc("Sales Invoice", item.voucher_no)
	pay(bill, outstanding(bill))
	return post(doc)


def _failed() -> Any:
	doc = _submitted(_own("Failed"))
	frappe.db.set_value(
		"Write-Off Run Item",
		{"run": doc.name},
		{
			"status": "Failed",
			"reason_code": "refused",
			"reason_facts": '{"why":"Budget of the year is exceeded."}',
		},
	)
	return _set(doc, status="Failed", failed_count=3)


def _reversed(doc: Any) -> Any:
	with as_user(MANAGER):
		doc.reverse("2026-06-30", dated=True)
	return doc.reload()


def _cancelled(doc: Any) -> Any:
	with as_user(MANAGER):
		doc.cancel()
	return doc


STATES: dict[str, Callable[[], Any]] = {
	"saved": lambda: run(find=False),
	"review": run,
	"approval-requested": _approval_requested,
	"returned": _returned,
	"nothing-found": lambda: run(max_invoice_amount=0.01),
	"credit": lambda: run(balance_type="Credit", reason="Rounding Difference"),
	"searching": lambda: _set(run(find=False), status="Searching"),
	"queued": lambda: _submitted(_own("Queue")),
	"posting": lambda: _set(_submitted(_own("Posting")), status="Posting"),
	"paused": lambda: _set(_submitted(_own("Paused")), status="Paused"),
	"posted": lambda: _reinstated(post(_own("Posted"))),
	"partly-posted": _partly_posted,
	"failed": _failed,
	"reversing": lambda: _set(post(_own("Reversing")), status="Reversing"),
	"reversed": lambda: _reversed(post(_own("Reversed"))),
	"cancelled": lambda: _cancelled(post(_own("Cancelled"))),
}

SCHEDULE = {**runs.SCHEDULE, "company": HL}
