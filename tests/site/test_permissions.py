"""User Permissions in search, list, Frappe lists, export and posting (case 25 of docs/reliability.md)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import frappe
import pytest

from tests.site import run_helpers
from tests.site.balance_kinds import dunning, subscription
from tests.site.db_snapshot import clear_data_caches
from tests.site.factories import (
	MANAGER,
	TODAY,
	as_user,
	cost_center,
	invoice,
	outstanding,
	permit,
)
from tests.site.posting_checks import post_and_check

FIRST = "2026-01-15"


@pytest.fixture(autouse=True)
def no_permission_is_remembered(site: str) -> Iterator[None]:
	"""Clear the User Permissions in Redis, which may be from a transaction that was rolled back."""
	yield
	frappe.db.rollback()
	clear_data_caches()


@pytest.fixture
def bills() -> dict[str, Any]:
	"""Anchor Cafe is in Trade Retail and US East, Elm School in Schools and US West."""
	return {
		"Anchor Cafe": invoice("Anchor Cafe", 10, FIRST, cost_center=cost_center("North Pier")),
		"Elm School": invoice("Elm School", 20, FIRST, cost_center=cost_center("South Pier")),
	}


PERMISSIONS = [
	("Customer", "Anchor Cafe"),
	("Customer Group", "Trade"),  # and what is below it
	("Territory", "US East"),
	("Cost Center", "North Pier - HL"),
]


@pytest.mark.parametrize(("doctype", "value"), PERMISSIONS)
def test_25_hidden_in_search(bills, doctype, value):
	permit(MANAGER, doctype, value)
	assert set(run_helpers.items(run_helpers.run())) == {bills["Anchor Cafe"].name}


@pytest.mark.parametrize(("doctype", "value"), PERMISSIONS)
def test_25_hidden_in_the_list_of_a_run_that_somebody_else_made(bills, doctype, value):
	from ar_writeoff.review.export import as_csv

	run = run_helpers.run()
	hidden = run_helpers.items(run)[bills["Elm School"].name].name
	permit(MANAGER, doctype, value)
	mine = {bills["Anchor Cafe"].name}
	with as_user(MANAGER):
		doc = frappe.get_doc("Write-Off Run", run.name)
		page = doc.get_items()
		assert ({row.voucher_no for row in page["items"]}, page["total"]) == (mine, 1)
		summary = doc.get_summary()
		assert (summary["found"]["count"], summary["selected"]["base_amount"]) == (1, 10)
		content = as_csv(doc, None)
		assert "Elm School" not in (content if isinstance(content, str) else content.decode())
		assert {
			row.voucher_no for row in frappe.get_list("Write-Off Run Item", fields=["voucher_no"])
		} == mine
		assert not frappe.has_permission("Write-Off Run Item", "read", hidden)
		with pytest.raises(frappe.ValidationError):
			doc.set_write_off_amount(hidden, 5)
		doc.set_selection(selected=0)
	assert frappe.db.get_value("Write-Off Run Item", hidden, "selected"), "not touched by who cannot see it"


@pytest.mark.parametrize(("doctype", "value"), PERMISSIONS)
def test_25_refused_at_posting(bills, doctype, value):
	"""Searched by an unrestricted user, posted by a restricted one: hidden items are skipped with a reason."""
	run = run_helpers.run()
	permit(MANAGER, doctype, value)
	post_and_check(run)
	rows = run_helpers.items(run)
	assert rows[bills["Anchor Cafe"].name].status == "Posted"
	assert rows[bills["Elm School"].name].status == "Skipped"
	assert outstanding(bills["Elm School"]) == 20


def test_25_another_company_is_refused(bills):
	run = run_helpers.run()
	permit(MANAGER, "Company", "Nordwind GmbH")
	with as_user(MANAGER), pytest.raises(frappe.PermissionError):
		frappe.get_doc("Write-Off Run", run.name).get_items()
	with as_user(MANAGER), pytest.raises(frappe.PermissionError):
		frappe.get_doc("Write-Off Run", run.name).submit()


def test_25_criteria_tampered_in_a_draft_do_not_widen_what_is_posted(bills):
	"""Criteria lowered in the database: items that no longer match are skipped. Raised: no further items."""
	run = run_helpers.run()
	frappe.db.set_value("Write-Off Run", run.name, "max_invoice_amount", 15)
	run.reload()
	post_and_check(run)
	rows = run_helpers.items(run)
	assert rows[bills["Anchor Cafe"].name].status == "Posted"
	assert rows[bills["Elm School"].name].status == "Skipped"

	small = invoice("Dover Council", 5, FIRST)
	large = invoice("Dover Council", 500, FIRST)
	run = run_helpers.run(max_invoice_amount=5)
	frappe.db.set_value("Write-Off Run", run.name, "max_invoice_amount", 1000)
	run.reload()
	post_and_check(run)
	assert set(run_helpers.items(run, status="Posted")) == {small.name}
	assert outstanding(large) == 500


TERMS = [
	{"due_date": "2026-02-14", "invoice_portion": 60, "payment_amount": 60},
	{"due_date": "2026-03-14", "invoice_portion": 40, "payment_amount": 40},
]


def test_25_payment_terms_dunning_and_subscription_afterwards():
	"""All consumers of the balance see it as settled: payment terms, Dunning and Subscription."""
	bill = invoice("Compass Stores", 100, FIRST, payment_schedule=TERMS)
	amounts = [row.payment_amount for row in bill.payment_schedule]
	assert sum(amounts) == 100
	reminder = dunning(bill)
	contract, month = subscription("Compass Stores", 12)

	def terms_reminder_contract() -> tuple[list[float], str, str]:
		schedule = frappe.get_all(
			"Payment Schedule", {"parent": bill.name}, pluck="outstanding", order_by="idx"
		)
		contract.reload().process(TODAY)
		return schedule, reminder.reload().status, contract.status

	before = terms_reminder_contract()
	assert before == (amounts, "Unresolved", "Unpaid")
	run = post_and_check(run_helpers.run())
	for doc in (bill, month):
		assert (doc.reload().outstanding_amount, doc.status) == (0, "Paid")
	assert terms_reminder_contract() == ([0, 0], "Resolved", "Active")
	with as_user(MANAGER):
		frappe.get_doc("Write-Off Run", run.name).cancel()
	for doc, amount in ((bill, 100), (month, 12)):
		assert (doc.reload().outstanding_amount, doc.status) == (amount, "Overdue")
	assert terms_reminder_contract() == before
