"""Property test: on damaged books no item fails at posting that the preview of entries has not named."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import frappe
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.site import run_helpers
from tests.site.conftest import Session, connect
from tests.site.factories import (
	HL,
	account,
	cost_center,
	credit_note,
	invoice,
	journal,
	line,
	pay,
	payment,
	stopping_budget,
)
from tests.site.test_case_open_documents import draft_journal, draft_payment, draft_return

CUSTOMERS = ("Anchor Cafe", "Breakwater Bar", "Elm School", "Helios SARL")
FIRST = "2026-01-15"

pytestmark = pytest.mark.corrupts_ledgers


# ------------------------------------------------------------------------------------------------- vouchers


def plain(name: str, amount: float) -> Any:
	return invoice(name, amount, FIRST, **foreign(name))


def foreign(name: str) -> dict[str, Any]:
	return {"currency": "EUR", "rate": 1.2345} if name == "Helios SARL" else {}


def on_other_account(name: str, amount: float) -> Any:
	return (
		plain(name, amount)
		if foreign(name)
		else invoice(name, amount, FIRST, debit_to=account("Other Debtors"))
	)


def partly_paid(name: str, amount: float) -> Any:
	doc = plain(name, amount)
	pay(doc, round(amount / 3, 2), "2026-02-01")
	return doc


def partly_credited(name: str, amount: float) -> Any:
	doc = plain(name, amount)
	credit_note(doc, round(amount / 3, 2))
	return doc


def opening(name: str, amount: float) -> Any:
	on = "Debtors EUR" if foreign(name) else "Debtors"
	rate = foreign(name).get("rate", 1)
	return journal(
		line(on, amount, party=name, rate=rate),
		line("Sales", credit=round(amount * rate, 2)),
		posting_date=FIRST,
	)


def on_account(name: str, amount: float) -> Any:
	return payment(name, amount, FIRST, **{key: foreign(name)[key] for key in ("rate",) if foreign(name)})


def credit_note_of_its_own(name: str, amount: float) -> Any:
	return invoice(name, amount, FIRST, is_return=True, **foreign(name))


VOUCHERS: dict[str, Callable[[str, float], Any]] = {
	"invoice": plain,
	"on another account": on_other_account,
	"partly paid": partly_paid,
	"partly credited": partly_credited,
	"journal entry": opening,
	"payment on account": on_account,
	"credit note of its own": credit_note_of_its_own,
}


# ------------------------------------------------------------------------------------------------- damages


def ledger(doctype: str, voucher: Any, **values: Any) -> None:
	frappe.db.set_value(doctype, {"voucher_no": voucher.name}, values)


def of_invoice(damage: Callable[[Any], Any]) -> Callable[[Any], Any]:
	return lambda voucher: (
		damage(voucher) if voucher.doctype == "Sales Invoice" and not voucher.is_return else None
	)


def posted_twice(voucher: Any) -> None:
	for row in frappe.get_all("Payment Ledger Entry", {"voucher_no": voucher.name}, ["*"]):
		frappe.get_doc(
			{**row, "doctype": "Payment Ledger Entry", "name": frappe.generate_hash(length=10)}
		).db_insert()


def outstanding_of(amount: float) -> Callable[[Any], Any]:
	return of_invoice(
		lambda voucher: frappe.db.set_value("Sales Invoice", voucher.name, "outstanding_amount", amount)
	)


def sub_cent(voucher: Any) -> None:
	for row in frappe.get_all("Payment Ledger Entry", {"voucher_no": voucher.name}, ["name", "amount"]):
		frappe.db.set_value("Payment Ledger Entry", row.name, "amount", row.amount + 0.004)


def of_customer(**values: Any) -> Callable[[Any], Any]:
	def damage(voucher: Any) -> None:
		name = customer_of(voucher)
		frappe.db.set_value("Customer", name, values)
		frappe.clear_document_cache("Customer", name)

	return damage


def of_account(name: str, **values: Any) -> Callable[[Any], Any]:
	def damage(_voucher: Any) -> None:
		frappe.db.set_value("Account", account(name), values)
		frappe.clear_document_cache("Account", account(name))

	return damage


def booked_in_two_currencies(voucher: Any) -> None:
	rows = frappe.get_all(
		"GL Entry",
		{"party": customer_of(voucher), "company": HL, "is_cancelled": 0},
		["name", "account_currency"],
		order_by="name asc",
	)
	other = {"USD": "EUR", "EUR": "USD"}[rows[0].account_currency] if rows else None
	if other:
		frappe.db.set_value("GL Entry", rows[0].name, "account_currency", other)


def budget(voucher: Any) -> None:
	"""A budget that stops after some of the balances; one is enough."""
	if not frappe.db.exists("Budget", {"docstatus": 1}):
		stopping_budget(account("Write Off"), cost_center("Main"), 400)


def customer_of(voucher: Any) -> str:
	return voucher.get("customer") or voucher.get("party") or voucher.accounts[0].party


DAMAGES: dict[str, Callable[[Any], Any]] = {
	"none": lambda voucher: None,
	"outstanding 0": outstanding_of(0),
	"outstanding less": outstanding_of(0.01),
	"outstanding more": outstanding_of(100_000),
	"posted twice": posted_twice,
	"no payment ledger": lambda voucher: frappe.db.delete("Payment Ledger Entry", {"voucher_no": voucher.name}),
	"no general ledger": lambda voucher: ledger("GL Entry", voucher, is_cancelled=1),
	"less than a cent": sub_cent,
	"disabled customer": of_customer(disabled=1),
	"frozen customer": of_customer(is_frozen=1),
	"internal customer": of_customer(is_internal_customer=1),
	"disabled account": of_account("Other Debtors", disabled=1),
	"frozen account": of_account("Other Debtors", freeze_account="Yes"),
	"disabled main account": of_account("Debtors", disabled=1),
	"frozen main account": of_account("Debtors", freeze_account="Yes"),
	"group account": of_account("Other Debtors", is_group=1),
	"group main account": of_account("Debtors", is_group=1),
	"receivables on one side": of_account("Debtors", balance_must_be="Debit"),
	"other receivables on one side": of_account("Other Debtors", balance_must_be="Debit"),
	"receivables on the wrong side": of_account("Other Debtors", balance_must_be="Credit"),
	"offset account on one side": of_account("Write Off", balance_must_be="Debit"),
	"offset account on the wrong side": of_account("Write Off", balance_must_be="Credit"),
	"two currencies": booked_in_two_currencies,
	"budget": budget,
	"draft payment": of_invoice(lambda voucher: None if foreign(voucher.customer) else draft_payment(voucher)),
	"draft journal": of_invoice(
		lambda voucher: None if foreign(voucher.customer) or voucher.debit_to != account("Debtors")
		else draft_journal(voucher, credit=0.01)
	),
	"draft return": of_invoice(lambda voucher: None if voucher.outstanding_amount < voucher.grand_total else draft_return(voucher)),
	"credit on another account": of_invoice(
		lambda voucher: None if foreign(voucher.customer)
		else payment(voucher.customer, 0.5, FIRST, paid_from=account("Customer Advances"))
	),
	"cost center disabled": of_invoice(
		lambda voucher: frappe.db.set_value("Cost Center", cost_center("North Pier"), "disabled", 1)
	),
}  # fmt: skip

voucher = st.tuples(
	st.sampled_from(sorted(VOUCHERS)),
	st.sampled_from(CUSTOMERS),
	st.integers(2, 99_999),
	st.sampled_from(sorted(DAMAGES)),
)


@settings(
	max_examples=int(os.environ.get("AR_WRITEOFF_EXAMPLES") or 4),
	deadline=None,
	derandomize="AR_WRITEOFF_EXAMPLES" not in os.environ,
	suppress_health_check=list(HealthCheck),
)
@given(
	books=st.lists(voucher, min_size=3, max_size=6),
	before_search=st.booleans(),
	options=st.fixed_dictionaries(
		{
			"fast_posting": st.integers(0, 1),
			"customer_credits": st.sampled_from(["Leave Out", "Ignore", "Net First"]),
			"include_disabled_customers": st.integers(0, 1),
			"include_internal_customers": st.integers(0, 1),
		}
	),
)
def test_no_item_fails_that_the_preview_did_not_name(books, before_search, options):
	session = Session.get()
	session.snapshot.restore()
	connect(session.site.name, session.bench)
	run_helpers.settings(**options)
	vouchers = [(VOUCHERS[kind](name, cents / 100), damage) for kind, name, cents, damage in books]
	run = None if before_search else run_helpers.run()
	# ERPNext creates no drafts on accounts that it rejects.
	for doc, damage in sorted(vouchers, key=lambda one: "account" in one[1] or "main" in one[1]):
		DAMAGES[damage](doc.reload())
	run = run or run_helpers.run()
	frappe.db.commit()
	items = run_helpers.items(run, status="Open")
	assert all(row.message for row in run_helpers.items(run, status="Excluded").values())
	if not items:
		return
	plan = run.preview_entries()
	named = {problem["voucher_no"] for problem in plan["problems"]}
	try:
		run_helpers.post(run)
	except frappe.ValidationError:
		assert "" in named, "a submit that is refused is named for all"
		return
	after = run_helpers.items(run)
	failed = {name: row.message for name, row in after.items() if row.status in ("Failed", "Conflict")}
	assert not failed.keys() - named, failed
	skipped = [row.message for row in after.values() if row.status == "Skipped"]
	assert len(skipped) == plan["skipped_count"], (skipped, plan["skipped"])
	assert frappe.db.get_value("Write-Off Run", run.name, "status") in (
		"Posted",
		"Partly Posted",
		"Failed",
	)
	assert frappe.db.count("GL Entry", {"company": HL})
