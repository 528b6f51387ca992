"""Siblings of the cases: the same fact on another account, document, currency or company, or by another way in."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import frappe
import pytest

from ar_writeoff.ledger.open_items import Key
from ar_writeoff.posting.credits import allocate_to, exact_parts
from tests.site import ledger_checks, run_helpers
from tests.site.balance_kinds import separate_advance
from tests.site.factories import (
	HL,
	MANAGER,
	NW,
	TODAY,
	account,
	as_user,
	cost_center,
	invoice,
	journal,
	line,
	new_account,
	outstanding,
	pay,
	payment,
)
from tests.site.posting_checks import post_and_check, undo_and_check
from tests.site.test_case_dimensions import posted, with_lines
from tests.site.test_case_kinds import RATE, rupiah_customer
from tests.site.test_case_open_documents import draft_like, payment_request
from tests.site.test_dimensions import department, require
from tests.site.test_posting_blockers import mandatory
from tests.site.test_small_differences import after_payments, an_hour_passes

__all__ = ["department"]

FIRST = "2026-01-15"
CAFE, HELIOS = "Anchor Cafe", "Helios SARL"


@pytest.fixture(autouse=True)
def accounts(site: str) -> None:
	run_helpers.settings(credit_write_off_account=account("Credit Balances Written Off"))


def code(run: Any, voucher: Any) -> str:
	return run_helpers.items(run)[voucher.name].reason_code


def credits(**values: Any) -> Any:
	return run_helpers.run(balance_type="Credit", **values)


def journal_credit(name: str, amount: float, **fields: Any) -> Any:
	return journal(
		line("Debtors", credit=amount, party=name, is_advance="Yes", **fields),
		line("House Bank", amount, **fields),
		posting_date=FIRST,
	)


def disable(name: str) -> None:
	frappe.db.set_value("Customer", name, "disabled", 1)
	frappe.clear_document_cache("Customer", name)


# C01


def test_c01_an_advance_in_euro_and_a_credit_in_another_company():
	bill, other = invoice(HELIOS, 9, FIRST, currency="EUR", rate=1.1), invoice(CAFE, 9, FIRST)
	advances = new_account(
		"Customer Advances EUR", "Current Liabilities", account_type="Receivable", account_currency="EUR"
	)
	payment(HELIOS, 50, FIRST, paid_from=advances, rate=1.2)
	payment(CAFE, 50, FIRST, company=NW)
	draft_like(payment("Elm School", 50, FIRST, company=NW)).insert()
	run = run_helpers.run()
	assert code(run, bill) == "credit_available"
	assert f"50.00 EUR on {advances}" in run_helpers.items(run)[bill.name].message
	assert code(run, other) == ""


# C04


def test_c04_cost_centers_on_the_lines_of_a_credit_note():
	note = with_lines(
		CAFE,
		(10, "North Pier", {"qty": -1}),
		(20, "South Pier", {"qty": -1}),
		is_return=True,
	)
	start = ledger_checks.snapshot(HL)
	assert list(run_helpers.items(credits(cost_center=cost_center("South Pier")))) == [note.name]
	run = post_and_check(credits())
	assert sorted(posted(run)) == sorted(
		[
			(CAFE, "", 30, 0),
			(account("Credit Balances Written Off"), cost_center("North Pier"), 0, 10),
			(account("Credit Balances Written Off"), cost_center("South Pier"), 0, 20),
		]
	)
	undo_and_check(run, start)


# C07


@pytest.mark.parametrize("fast", [1, 0])
def test_c07_a_stale_outstanding_amount_of_an_invoice_that_a_credit_note_settles(fast):
	"""It is not in the list, because nothing is left of it."""
	run_helpers.settings(fast_posting=fast, customer_credits="Net First")
	covered, small = invoice(CAFE, 100, FIRST), invoice(CAFE, 9, "2026-02-01")
	note = invoice(CAFE, 100, FIRST, is_return=True)
	for one in (covered, note):
		frappe.db.set_value("Sales Invoice", one.name, "outstanding_amount", 0)
	run = run_helpers.run()
	assert list(run_helpers.items(run)) == [small.name]
	post_and_check(run)
	assert run.status == "Posted", run_helpers.items(run)[small.name].message
	assert [outstanding(one) for one in (covered, small, note)] == [0, 0, 0]


# C08 and C27


def test_c08_a_field_became_mandatory_after_the_write_off():
	bill, other = invoice(CAFE, 9, FIRST), invoice("Elm School", 8, FIRST)
	run = post_and_check(run_helpers.run())
	mandatory()
	values = {"applies_to": "Journal Entry", "entry_field": "approval_note", "value": "see run"}
	run_helpers.settings(entry_values=[values])
	reinstate_and_reverse(run, bill)
	assert [outstanding(one) for one in (bill, other)] == [9, 8]


def reinstate_and_reverse(run: Any, bill: Any) -> None:
	item = run_helpers.items(run)[bill.name]
	with as_user(MANAGER):
		run.reinstate([item.name], [4], TODAY)
		assert outstanding(bill) == 4
		run.reload().reverse(TODAY, dated=1)


@pytest.mark.parametrize("entries_per", ["Batch", "Invoice"])
def test_c27_a_dimension_became_mandatory_after_the_write_off(department, entries_per):
	"""The default fills the rows of a recovery and of a reversing entry."""
	run_helpers.settings(entries_per=entries_per)
	bill, other = invoice(CAFE, 9, FIRST), invoice("Elm School", 8, FIRST, department=department["Pilots"])
	run, cancelled = post_and_check(run_helpers.run()), invoice("Dover Council", 7, FIRST)
	later = post_and_check(run_helpers.run())
	require(
		department["dimension"],
		mandatory_for_bs=1,
		mandatory_for_pl=1,
		default_dimension=department["Harbour Masters"],
	)
	reinstate_and_reverse(run, bill)
	assert [outstanding(one) for one in (bill, other)] == [9, 8]
	rows = frappe.get_all(
		"GL Entry", {"voucher_type": "Journal Entry", "party": CAFE}, ["department", "debit"]
	)
	assert {row.department for row in rows if row.debit} == {department["Harbour Masters"]}
	with as_user(MANAGER):
		later.reload().cancel()
	assert outstanding(cancelled) == 7


@pytest.mark.parametrize("make", [payment, journal_credit])
def test_c27_a_credit_whose_ledger_rows_lack_a_required_dimension(department, make):
	"""ERPNext posts the rows of a credit again to allocate it, and a default does not fill them."""

	def credit(name: str, amount: float, **fields: Any) -> Any:
		return make(name, amount, **({"posting_date": FIRST} if make is payment else {}), **fields)

	run_helpers.settings(customer_credits="Net First")
	bill = invoice(CAFE, 20, FIRST)
	credit(CAFE, 11)
	before = run_helpers.run()
	alone, with_one = credit("Elm School", 6), credit("Dover Council", 5, department=department["Pilots"])
	note = invoice("Compass Stores", 4, FIRST, is_return=True)
	require(
		department["dimension"],
		mandatory_for_bs=1,
		mandatory_for_pl=1,
		default_dimension=department["Pilots"],
	)
	assert before.preview_entries()["skipped_count"] == 1
	assert code(run_helpers.run(), bill) == "credit_available", "the credit cannot be set off"
	run = credits()
	row = run_helpers.items(run)[alone.name]
	assert (row.reason_code, row.reason_doctype, row.reason_name) == (
		"credit_dimension_missing",
		alone.doctype,
		alone.name,
	)
	assert code(run, with_one) == code(run, note) == ""
	assert run.preview_entries()["problems"] == []
	post_and_check(run)
	assert run.status == "Posted"
	post_and_check(before)
	assert code(before, bill) == "set_off_not_possible"


# C10


@pytest.mark.parametrize("make", [payment, journal_credit])
def test_c10_credits_of_a_disabled_customer_are_set_off(make):
	run_helpers.settings(customer_credits="Net First", include_disabled_customers=1)
	bill = invoice(CAFE, 20, FIRST)
	make(CAFE, 11)
	start = ledger_checks.snapshot(HL)
	disable(CAFE)
	run = run_helpers.run()
	assert run_helpers.items(run)[bill.name].write_off_amount == 9
	assert run.preview_entries()["problems"] == []
	post_and_check(run)
	assert run.status == "Posted"
	undo_and_check(run, start)


# C13


def test_c13_a_request_for_the_rest_of_a_partly_paid_invoice():
	bill = invoice(CAFE, 100, FIRST)
	pay(bill, 91, FIRST)
	request = payment_request(bill)
	assert request.grand_total == 9
	for criteria in ({}, {"only_remainders": 1}):
		assert code(run_helpers.run(**criteria), bill) == "payment_requested"


def test_c13_a_draft_payment_of_a_journal_entry():
	entry = journal(line("Debtors", 9, party=CAFE), line("Sales", credit=9), posting_date=FIRST)
	draft = draft_like(payment("Elm School", 9, FIRST))
	draft.append(
		"references",
		{"reference_doctype": "Journal Entry", "reference_name": entry.name, "allocated_amount": 9},
	)
	draft.insert()
	assert code(run_helpers.run(), entry) == "draft_settles"


# C19


def test_c19_payments_and_journal_credits_to_a_liability():
	property_account = new_account("Unclaimed Property", "Current Liabilities")
	reason = frappe.get_doc(
		{
			"doctype": "Write-Off Reason",
			"reason": "Unclaimed",
			"applies_to": "Credit",
			"method": "Reclassify",
			"accounts": [{"company": HL, "account": property_account}],
		}
	).insert()
	payment(CAFE, 7, FIRST)
	journal_credit("Elm School", 5)
	start = ledger_checks.snapshot(HL)
	run = post_and_check(credits(reason=reason.name))
	tables = "\n".join(ledger_checks.gl_table(entry) for entry in run_helpers.entries(run))
	assert tables.count("Unclaimed Property - HL") == 2 and "7.00" in tables and "5.00" in tables
	undo_and_check(run, start)


# C21 and C32


def test_c21_a_threshold_for_an_advance_account_and_in_euro():
	run_helpers.settings(customer_credits="Net First", credit_threshold=1.08)
	bill, other = invoice(CAFE, 9, FIRST), invoice(HELIOS, 9, FIRST, currency="EUR", rate=1.1)
	separate_advance(CAFE, 1.08)
	payment(HELIOS, 0.9, FIRST, rate=1.2)
	run = post_and_check(run_helpers.run())
	assert [outstanding(one) for one in (bill, other)] == [0, 0]
	assert run.status == "Posted"
	run_helpers.settings(credit_threshold=1.07)
	again = [invoice(CAFE, 9, FIRST), invoice(HELIOS, 9, FIRST, currency="EUR", rate=1.1)]
	run = run_helpers.run()
	assert [code(run, one) for one in again] == ["credit_available"] * 2


def test_c32_a_credit_that_is_zero_in_company_currency_excludes_no_invoice():
	name, on = rupiah_customer()
	bill = invoice(name, 1_000_000, FIRST, currency="IDR", rate=RATE, debit_to=on)
	credit = invoice(name, 1_000_050, FIRST, currency="IDR", rate=RATE, debit_to=on, is_return=True)
	journal(
		line(on, 1_000_000, party=name, against=credit, rate=RATE),
		line("House Bank", credit=61.24),
		posting_date=FIRST,
	)
	run_helpers.settings(customer_credits="Ignore")
	assert code(credits(), credit) == "worth_nothing"
	run_helpers.settings(customer_credits="Leave Out")
	run = run_helpers.run()
	assert code(run, bill) == "", run_helpers.items(run)[bill.name].message
	post_and_check(run)
	assert outstanding(bill) == 0


# C22 and C31: credits in a foreign currency, which ERPNext allocates at their own rate and rounds row by row


def allocated(make: Any, parts: tuple[float, ...]) -> tuple[Any, list[Any]]:
	"""A credit of 100.00 EUR of which these parts are allocated to invoices of this and one euro more."""
	on, rate = account("Debtors EUR"), 1.2345
	bills = [invoice(HELIOS, part + 1, FIRST, currency="EUR", rate=rate) for part in parts]
	if make is payment:
		credit = payment(HELIOS, 100, FIRST, rate=rate)
	else:
		credit = journal(
			line(on, credit=100, party=HELIOS, rate=rate, is_advance="Yes"),
			line("House Bank", 123.45),
			posting_date=FIRST,
		)
	for bill, part in zip(bills, parts, strict=True):
		key = Key(credit.doctype, credit.name, on, HELIOS)
		allocate_to(key, Decimal(str(part)), "EUR", "Sales Invoice", bill.name)
	return credit, bills


@pytest.mark.corrupts_ledgers
@pytest.mark.parametrize("make", [payment, journal])
@pytest.mark.parametrize("parts", [(33.33, 33.34), (0.01, 0.01, 0.01)])
def test_c22_and_c31_what_is_left_of_a_euro_credit_after_allocations(make, parts):
	"""The ledgers of ERPNext differ by a cent then. The invoices and the rest of the credit are written off."""
	run_helpers.settings(customer_credits="Ignore")
	credit, bills = allocated(make, parts)
	run = run_helpers.run()
	assert [code(run, bill) for bill in bills] == [""] * len(bills)
	run = credits()
	assert code(run, credit) == "", run_helpers.items(run)[credit.name].message
	assert run.preview_entries()["problems"] == []
	run_helpers.post(run)
	assert run.status == "Posted", run_helpers.items(run)[credit.name].message
	[[own, base]] = frappe.db.sql(
		"""select sum(amount_in_account_currency), sum(amount) from `tabPayment Ledger Entry`
		where delinked = 0 and against_voucher_no in %s""",
		([credit.name, *run_helpers.entries(run)],),
	)
	assert (round(own, 2), round(base, 2)) == (0, 0)
	with as_user(MANAGER):
		run.cancel()
	assert run_helpers.items(run)[credit.name].status == "Reversed"
	assert [row for row in run_helpers.items(credits())] == [credit.name]


@pytest.mark.corrupts_ledgers
def test_c31_a_credit_that_erpnext_values_otherwise_is_named_by_the_preview():
	run_helpers.settings(customer_credits="Ignore")
	credit = payment(HELIOS, 100, FIRST, rate=1.2345)
	for doctype, field, value in (("Payment Ledger Entry", "amount", -123.4), ("GL Entry", "credit", 123.4)):
		frappe.db.set_value(doctype, {"voucher_no": credit.name, "party": HELIOS}, field, value)
	run = credits()
	[problem] = run.preview_entries()["problems"]
	assert problem["voucher_no"] == credit.name and "No exchange rate" in problem["message"]
	run_helpers.post(run)
	assert code(run, credit) == "exchange_rate_not_exact"


@pytest.mark.parametrize(
	("amount", "rate", "base", "parts"),
	[
		("33.33", 1.2345, "41.15", ["33.33"]),
		("33.33", 1.2345, "41.14", ["33.32", "0.01"]),
		("33.33", 1.2345, "41.20", ["33.33"]),
		("0.01", 1.2345, "0.02", ["0.01"]),
	],
)
def test_parts_of_an_allocation_add_up_to_its_value(amount, rate, base, parts):
	found = exact_parts(Decimal(amount), rate, Decimal(base))
	assert [str(part) for part in found] == parts


# C29


def test_c29_credit_notes_in_euro_on_the_account_in_dollars():
	run_helpers.settings(customer_credits="Ignore")
	note = invoice(CAFE, 10, FIRST, currency="EUR", rate=1.15, is_return=True)
	plain = invoice(CAFE, 10, FIRST, is_return=True)
	assert set(run_helpers.items(credits(currency="EUR"))) == {note.name}
	thresholds = [{"currency": "EUR", "min_amount": 0, "max_amount": 9.99}]
	assert set(run_helpers.items(credits(thresholds=thresholds))) == {plain.name}
	assert post_and_check(credits()).status == "Posted"


# Several companies, and small differences


def test_c10_and_c21_in_a_company_in_euro():
	run_helpers.settings(NW, credit_threshold=0.5, include_disabled_customers=1)
	bill = invoice("Fischhaus Kiel", 9, FIRST, company=NW)
	gone = invoice("Galeere Rostock", 8, FIRST, company=NW)
	payment("Fischhaus Kiel", 0.5, FIRST, company=NW)
	payment("Fischhaus Kiel", 5, FIRST)
	disable("Galeere Rostock")
	start = ledger_checks.snapshot(NW)
	run = run_helpers.run(NW)
	assert set(run_helpers.items(run, status="Open")) == {bill.name, gone.name}
	post_and_check(run, NW)
	assert run.status == "Posted"
	undo_and_check(run, start, NW)


def test_w03_a_schedule_after_payments_with_an_amount_in_another_currency():
	"""2.00 EUR are 2.30 USD, over the maximum of 1.00 USD and within that of 3.00 EUR."""
	schedule = after_payments(thresholds=[{"currency": "EUR", "min_amount": 0, "max_amount": 3}])
	small, large = invoice(CAFE, 100, FIRST, currency="EUR", rate=1.15), invoice(CAFE, 100, FIRST)
	pay(small, 112.7, FIRST)
	pay(large, 98, FIRST)
	[log] = an_hour_passes(schedule)
	assert set(run_helpers.items(log.run)) == {small.name}
