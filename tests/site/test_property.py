"""Property test: after any sequence of operations on a small company the ledger invariants hold."""

from __future__ import annotations

import os

import frappe
import pytest
from frappe.utils import flt
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ar_writeoff.posting import proof
from ar_writeoff.undo import late_money
from tests.site import balance_kinds, ledger_checks, run_helpers
from tests.site.conftest import Session, connect
from tests.site.differential import posted
from tests.site.factories import (
	HL,
	account,
	credit_note,
	every_dynamic_link,
	invoice,
	outstanding,
	pay,
	payment,
)

CUSTOMERS = ("Anchor Cafe", "Helios SARL", "Elm School")
DAYS = ("2026-06-30", "2026-07-15", "2026-07-31")

number = st.integers(0, 20)
share = st.sampled_from((1, 0.5, 0.333))
step = st.one_of(
	st.tuples(st.just("find and submit"), number, share),
	st.tuples(st.just("pay"), number, share),
	st.tuples(st.just("cancel the run"), number, share),
	st.tuples(st.just("reverse"), number, share),
	st.tuples(st.just("reverse on a later day"), number, share),
	st.tuples(st.just("reinstate"), number, share),
	st.tuples(st.just("cancel an entry by hand"), number, share),
	st.tuples(st.just("reinstate and allocate"), number, share),
	st.tuples(st.just("credit note"), number, share),
	st.tuples(st.just("rename the customer"), number, share),
	st.tuples(st.just("dunning"), number, share),
)


@pytest.mark.parametrize("method", (proof.IN_SETS, proof.BY_ENTRY, proof.BY_ROW))
@settings(
	max_examples=int(os.environ.get("AR_WRITEOFF_EXAMPLES") or 4),
	deadline=None,
	derandomize="AR_WRITEOFF_EXAMPLES" not in os.environ,
	suppress_health_check=list(HealthCheck),
)
@given(
	amounts=st.lists(st.integers(1, 99_999), min_size=2, max_size=4),
	steps=st.lists(step, min_size=3, max_size=9),
)
def test_ledger_invariants_hold_after_any_operations(method, amounts, steps):
	session = Session.get()
	session.snapshot.restore()
	connect(session.site.name, session.bench)
	vouchers = []
	for place, cents in enumerate(amounts):
		foreign = {"currency": "EUR", "rate": 1.2345} if CUSTOMERS[place % 3] == "Helios SARL" else {}
		vouchers.append(invoice(CUSTOMERS[place % 3], cents / 100, "2026-01-15", **foreign).name)
	# Credit notes with a balance of their own do not keep the invoices of their customer out.
	run_helpers.settings(rows_per_entry=3, customer_credits="Ignore")
	frappe.db.commit()
	for action, which, part in steps:
		try:
			with posted(method):
				STEPS[action](vouchers, which, part)
			frappe.db.commit()
		except frappe.ValidationError:
			frappe.db.rollback()
		assert_everything()


# ---------------------------------------------------------------------------------------------- what is done


def pick(things: list, which: int):
	"""Draw one of them, or None if empty."""
	if not things:
		raise frappe.ValidationError
	return things[which % len(things)]


def submitted_runs() -> list[str]:
	return frappe.get_all("Write-Off Run", filters={"docstatus": 1}, pluck="name", order_by="name asc")


def find_and_submit(vouchers: list[str], which: int, part: float) -> None:
	run = run_helpers.run(max_invoice_amount=(10, 100, 1_000_000)[which % 3])
	if not run_helpers.items(run, status="Open"):
		raise frappe.ValidationError
	frappe.db.commit()
	run_helpers.post(run)


def pay_one(vouchers: list[str], which: int, part: float) -> None:
	voucher = pick(vouchers, which)
	left = outstanding(voucher)
	# a written-off one is tried as well, and refused
	pay(voucher, flt(left * part, 2) or 1, DAYS[which % 3])


def cancel_the_run(vouchers: list[str], which: int, part: float) -> None:
	frappe.get_doc("Write-Off Run", pick(submitted_runs(), which)).cancel()


def reverse(vouchers: list[str], which: int, part: float) -> None:
	frappe.get_doc("Write-Off Run", pick(submitted_runs(), which)).reverse(DAYS[which % 3])


def reverse_later(vouchers: list[str], which: int, part: float) -> None:
	frappe.get_doc("Write-Off Run", pick(submitted_runs(), which)).reverse(DAYS[which % 3], dated=True)


def reinstate(vouchers: list[str], which: int, part: float) -> None:
	item = pick(
		frappe.get_all("Write-Off Run Item", filters={"status": "Posted"}, fields=["*"], order_by="name asc"),
		which,
	)
	amount = flt((item.write_off_amount - item.reinstated_amount) * part, 2)
	frappe.get_doc("Write-Off Run", item.run).reinstate([item.name], {item.name: amount}, DAYS[which % 3])


def cancel_an_entry(vouchers: list[str], which: int, part: float) -> None:
	entries = frappe.get_all(
		"Journal Entry",
		filters={"write_off_run": ("is", "set"), "docstatus": 1},
		pluck="name",
		order_by="name asc",
	)
	frappe.get_doc("Journal Entry", pick(entries, which)).cancel()


def reinstate_and_allocate(vouchers: list[str], which: int, part: float) -> None:
	item = pick(
		frappe.get_all("Write-Off Run Item", filters={"status": "Posted"}, fields=["*"], order_by="name asc"),
		which,
	)
	paid = flt((item.write_off_amount - item.reinstated_amount) * part, 2)
	late = payment(item.customer, paid or 1, DAYS[which % 3], paid_from=item.receivable_account)
	late_money.reinstate_and_allocate("Payment Entry", late.name, [item.name], posting_date=DAYS[which % 3])


def credit_note_of_one(vouchers: list[str], which: int, part: float) -> None:
	of = frappe.get_doc("Sales Invoice", pick(vouchers, which))
	# of a written-off one it is tried as well, and refused
	credit_note(of, flt(of.grand_total * part, 2), DAYS[which % 3], update_outstanding_for_self=True)


def rename_customer(vouchers: list[str], which: int, part: float) -> None:
	name = frappe.db.get_value("Sales Invoice", pick(vouchers, which), "customer")
	with every_dynamic_link():
		frappe.rename_doc(
			"Customer", name, f"{name} {which}", force=True, rebuild_search=False, show_alert=False
		)


def dunning(vouchers: list[str], which: int, part: float) -> None:
	of = pick([name for name in vouchers if outstanding(name) > 0], which)
	balance_kinds.dunning(frappe.get_doc("Sales Invoice", of))


STEPS = {
	"find and submit": find_and_submit,
	"pay": pay_one,
	"cancel the run": cancel_the_run,
	"reverse": reverse,
	"reverse on a later day": reverse_later,
	"reinstate": reinstate,
	"cancel an entry by hand": cancel_an_entry,
	"reinstate and allocate": reinstate_and_allocate,
	"credit note": credit_note_of_one,
	"rename the customer": rename_customer,
	"dunning": dunning,
}


# ---------------------------------------------------------------------------------------------- what must hold


def assert_everything() -> None:
	ledger_checks.assert_debits_equal_credits(HL)
	ledger_checks.assert_ple_equals_gl(HL)
	ledger_checks.assert_roll_forward_equals_gl(HL)
	for run in submitted_runs():
		run_helpers.assert_posted_once(run)
	for name, balance, written_off, items in frappe.db.sql(
		"""SELECT si.name, si.outstanding_amount, si.written_off_amount,
			COALESCE(SUM(IF(item.status IN ('Posted', 'Conflict'), item.write_off_amount - item.reinstated_amount, 0)), 0)
		FROM `tabSales Invoice` si LEFT JOIN `tabWrite-Off Run Item` item ON item.voucher_no = si.name
		WHERE si.is_return = 0 GROUP BY si.name"""
	):
		assert balance > -0.005, f"{name} is settled past zero: {balance}"
		assert abs(written_off - items) < 0.005, f"{name} says {written_off}, its items {items}"
	[[expense]] = frappe.db.sql(
		"SELECT COALESCE(SUM(debit - credit), 0) FROM `tabGL Entry` WHERE account = %s AND is_cancelled = 0",
		account("Write Off"),
	)
	[[live]] = frappe.db.sql(
		"""SELECT COALESCE(SUM(base_write_off_amount - base_reinstated_amount), 0) FROM `tabWrite-Off Run Item`
		WHERE status IN ('Posted', 'Conflict')"""
	)
	assert abs(expense - live) < 0.005, f"expense {expense}, written off {live}"
	assert_no_loss_is_booked_twice()
	assert_reminders()


def assert_no_loss_is_booked_twice() -> None:
	"""What is credited and what is written off of an invoice are never more than its total."""
	for name, total, written_off, credited in frappe.db.sql(
		"""SELECT si.name, si.grand_total, si.written_off_amount, COALESCE(-SUM(note.grand_total), 0)
		FROM `tabSales Invoice` si LEFT JOIN `tabSales Invoice` note
			ON note.return_against = si.name AND note.docstatus = 1
		WHERE si.is_return = 0 GROUP BY si.name"""
	):
		assert written_off + credited < total + 0.005, (
			f"{name} over {total}: {written_off} written off, {credited} credited"
		)


def assert_reminders() -> None:
	"""A Dunning asks for something as long as something is open."""
	for name, status, is_open in frappe.db.sql(
		"""SELECT d.name, d.status, MAX(si.outstanding_amount > 0.005)
		FROM `tabDunning` d JOIN `tabOverdue Payment` op ON op.parent = d.name
		JOIN `tabSales Invoice` si ON si.name = op.sales_invoice WHERE d.docstatus = 1 GROUP BY d.name, d.status"""
	):
		assert status == ("Unresolved" if is_open else "Resolved"), (name, status, is_open)
	for name, written_off, of_terms in frappe.db.sql(
		"""SELECT si.name, si.written_off_amount, SUM(ps.write_off_amount) FROM `tabSales Invoice` si
		JOIN `tabPayment Schedule` ps ON ps.parent = si.name WHERE si.is_return = 0 GROUP BY si.name"""
	):
		assert abs(written_off - of_terms) < 0.005, f"{name}: {written_off}, {of_terms} of its terms"
