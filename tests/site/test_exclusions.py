"""Excluded balances with their reason and the linked document to correct."""

from __future__ import annotations

from typing import Any

import frappe
import pytest

from tests.site import run_helpers
from tests.site.factories import (
	HL,
	MANAGER,
	account,
	as_user,
	customer,
	exclude_balances,
	invoice,
	payment,
	submitted,
)
from tests.site.posting_checks import post_and_check

FIRST = "2026-01-15"


def reason(run: Any, voucher: Any) -> tuple[str, str, str]:
	row = run_helpers.items(run)[voucher.name]
	if row.reason_code:
		assert row.status == "Excluded" and not row.selected and not row.write_off_amount
		assert row.message and "{" not in row.message
	return row.reason_code, row.reason_doctype, row.reason_name


@pytest.mark.parametrize(
	("field", "code"),
	[
		("exclude_from_write_off", "customer_opted_out"),
		("disabled", "customer_disabled"),
		("is_frozen", "customer_frozen"),
	],
)
def test_the_customer_opted_out_or_is_disabled_or_frozen(field, code):
	bill, other = invoice("Anchor Cafe", 10, FIRST), invoice("Elm School", 10, FIRST)
	frappe.db.set_value("Customer", "Anchor Cafe", field, 1)
	run = run_helpers.run()
	assert reason(run, bill) == (code, "Customer", "Anchor Cafe")
	assert reason(run, other)[0] == ""


def test_another_run_is_about_to_post_it_and_is_named():
	bill = invoice("Anchor Cafe", 10, FIRST)
	first = run_helpers.run()
	frappe.db.set_value("Write-Off Run", first.name, {"docstatus": 1, "status": "Queued"})
	second = run_helpers.run()
	assert reason(second, bill) == ("in_another_run", "Write-Off Run", first.name)
	assert first.name in run_helpers.items(second)[bill.name].message


def test_a_reconciliation_is_at_work_for_the_customer():
	bill = invoice("Anchor Cafe", 10, FIRST)
	doc = frappe.new_doc("Process Payment Reconciliation")
	doc.update(
		{
			"company": HL,
			"party_type": "Customer",
			"party": "Anchor Cafe",
			"receivable_payable_account": account("Debtors"),
			"default_advance_account": account("Debtors"),
		}
	)
	submitted(doc)
	run = run_helpers.run()
	assert reason(run, bill) == ("reconciliation_running", "Process Payment Reconciliation", doc.name)
	doc.db_set("status", "Completed")
	assert reason(run_helpers.run(), bill)[0] == ""


def test_a_credit_could_settle_it():
	"""Of the same customer, whichever account; not if the setting is Ignore."""
	bill = invoice("Anchor Cafe", 10, FIRST)
	elsewhere = invoice("Anchor Cafe", 11, FIRST, debit_to=account("Other Debtors"))
	payment("Anchor Cafe", 4, "2026-02-01")
	run = run_helpers.run()
	assert reason(run, bill) == ("credit_available", "Payment Reconciliation", "Payment Reconciliation")
	assert "4.00 USD" in run_helpers.items(run)[bill.name].message
	assert reason(run, elsewhere)[0] == "credit_available"
	run_helpers.settings(customer_credits="Ignore")
	assert reason(run_helpers.run(), bill)[0] == ""


def test_a_payment_that_came_in_since_the_search_keeps_the_invoice_from_being_written_off():
	bill = invoice("Anchor Cafe", 10, FIRST)
	run = run_helpers.run()
	assert reason(run, bill)[0] == ""
	payment("Anchor Cafe", 10, "2026-06-30")
	post_and_check(run)
	assert run_helpers.items(run)[bill.name].status == "Skipped"
	assert run_helpers.items(run)[bill.name].reason_code == "credit_available"


@pytest.mark.parametrize(
	("customer_credits", "maximum", "kept"),
	[("Ignore", 29.99, False), ("Ignore", 30, True), ("Deduct", 24.99, False), ("Deduct", 25, True)],
)
def test_both_caps_at_once_with_credits_deducted_or_not(customer_credits, maximum, kept):
	"""10 + 20 found, 40 too large for one, 5 on account: 30, or 25 where credits count."""
	run_helpers.settings(customer_credits=customer_credits)
	small, middle = invoice("Anchor Cafe", 10, FIRST), invoice("Anchor Cafe", 20, FIRST)
	large = invoice("Anchor Cafe", 40, FIRST)
	payment("Anchor Cafe", 5, "2026-02-01")
	run = run_helpers.run(max_invoice_amount=20, max_customer_amount=maximum)
	assert large.name not in run_helpers.items(run)
	wanted = "" if kept else "customer_over_maximum"
	assert {reason(run, small)[0], reason(run, middle)[0]} == {wanted}


def test_no_account_to_write_off_to():
	bill = invoice("Anchor Cafe", 10, FIRST)
	run_helpers.settings(bad_debt_account=None)
	frappe.db.set_value("Company", HL, "write_off_account", None)
	frappe.clear_document_cache("Company", HL)
	run = run_helpers.run()
	assert reason(run, bill) == ("no_offset_account", "Write-Off Settings", HL)


def test_running_again_keeps_excluded_ones_out_whatever_is_ticked():
	bill = invoice("Anchor Cafe", 10, FIRST)
	exclude_balances("Anchor Cafe")
	run = run_helpers.run()
	with as_user(MANAGER):
		run.set_selection(selected=1, items=[run_helpers.items(run)[bill.name].name])
	assert not run_helpers.items(run)[bill.name].selected


# Names that try to be more than names

NASTY = [
	"Robert'); DROP TABLE `tabCustomer`;--",
	"\\' OR 1=1 -- ",
	"<script>document.title='owned'</script>",
	"=HYPERLINK(\"http://example.com\";\"x\")",
	"100%_off {0} {name} %s %(x)s",
]  # fmt: skip


@pytest.mark.parametrize("name", NASTY)
def test_names_are_text_and_nothing_else(name):
	"""As a customer's name, as a criterion, as a filter and a sort order: found as text, and nothing happens."""
	who = customer("Plain Name")
	if "<" not in name:  # Frappe itself refuses those as a key
		who = frappe.rename_doc("Customer", who, f"C {name}".strip(), force=True, show_alert=False)
	frappe.db.set_value("Customer", who, "customer_name", name)
	bill, other = invoice(who, 10, FIRST), invoice("Elm School", 10, FIRST)
	tables = frappe.db.count("Customer")
	run = run_helpers.run(customers=[{"customer": who}])
	assert set(run_helpers.items(run)) == {bill.name}
	assert run_helpers.items(run)[bill.name].customer_name == name
	everything = run_helpers.run()
	with as_user(MANAGER):
		page = everything.get_items(filters={"customer": name})
		assert [row.customer_name for row in page["items"]] == [name]
		assert everything.get_items(filters={"voucher_no": name})["total"] == 0
		assert everything.get_items(filters={"status": name})["total"] == 0
		for sort in (name, "name; drop table x", "(select 1)"):
			with pytest.raises(frappe.ValidationError):
				everything.get_items(sort_by=sort)
		with pytest.raises(frappe.ValidationError):
			everything.get_items(filters={name: 1})
		assert everything.get_items(sort_by="customer", sort_order=name)["total"] == 2
	for criterion in ("customer_group", "territory", "item_group"):
		doc = run_helpers.run(find=False)
		frappe.db.set_value("Write-Off Run", doc.name, criterion, name)
		doc.reload()
		from ar_writeoff.search.service import search_run

		assert search_run(doc.name)["found"] == 0
	assert frappe.db.count("Customer") == tables
	assert other.name in run_helpers.items(everything)
