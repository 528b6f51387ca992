"""Obstacles that accountants found at the desk; the numbers are those of a review of the desk."""

from __future__ import annotations

import frappe
import pytest
from frappe.utils import add_months, formatdate, get_first_day, get_last_day, nowdate

from ar_writeoff.review.evidence import write_off_run_evidence
from tests.site import run_helpers
from tests.site.factories import (
	HL,
	MANAGER,
	PREPARER,
	SECOND_MANAGER,
	as_user,
	exclude_balances,
	invoice,
	pay,
)


def subjects(run: str, user: str) -> list[str]:
	return frappe.get_all(
		"Notification Log",
		{"document_name": run, "for_user": user},
		pluck="subject",
		order_by="creation asc",
	)


def test_desk_17_notifications_say_how_much():
	for amount in (4, 5):
		invoice("Anchor Cafe", amount, "2026-01-15")
	run = run_helpers.run(user=PREPARER)
	with as_user(PREPARER):
		run.request_approval()
	[subject] = subjects(run.name, MANAGER)
	assert subject == f"Petra Preparer requests approval of {run.name}: 2 balances, total $ 9.00"
	run_helpers.post(frappe.get_doc("Write-Off Run", run.name))
	assert subjects(run.name, PREPARER)[-1] == f"{run.name}: Posted, 2 of 2 balances"


@pytest.mark.parametrize("doctype", ["Write-Off Run", "Write-Off Settings"])
def test_desk_21_who_saves_an_old_copy_is_told_who_changed_it(doctype: str):
	settings = run_helpers.settings()
	name = run_helpers.run(find=False).name if doctype == "Write-Off Run" else settings.name
	with as_user(MANAGER):
		old = frappe.get_doc(doctype, name)
		frappe.get_doc(doctype, name).save()
		frappe.db.set_value(doctype, name, "modified_by", PREPARER, update_modified=False)
		frappe.clear_messages()
		with pytest.raises(frappe.TimestampMismatchError) as refusal:
			old.save()
	told = str(refusal.value)
	assert "Petra Preparer" in told and "Reload" in told and not any(".0" in word for word in told.split())


def test_desk_22_the_criteria_are_above_the_rows_of_an_export():
	from ar_writeoff.review.export import all_rows

	invoice("Anchor Cafe", 4, "2026-01-15")
	run = run_helpers.run()
	rows = list(all_rows(run, None))
	assert rows[0] == ["Write-Off Run", run.name]
	gap = rows.index([])
	assert [HL in row for row in rows[:gap]].count(True) == 1
	assert "Voucher No" in rows[gap + 1] and len(rows) == gap + 3


def test_desk_22_the_runs_of_an_invoice():
	from ar_writeoff.review.items import runs_of_invoice

	bill = invoice("Anchor Cafe", 4, "2026-01-15")
	run = run_helpers.run()
	assert runs_of_invoice(bill.name) == []
	run_helpers.post(run)
	assert runs_of_invoice(bill.name) == [run.name]


def test_desk_24_a_run_is_returned_with_a_comment():
	invoice("Anchor Cafe", 4, "2026-01-15")
	run = run_helpers.run(user=PREPARER)
	with as_user(PREPARER):
		run.request_approval()
		with pytest.raises(frappe.PermissionError):
			run.return_to_preparer("mine")
	seen_before = frappe.get_doc("Write-Off Run", run.name)
	with as_user(MANAGER):
		run = frappe.get_doc("Write-Off Run", run.name)
		with pytest.raises(frappe.ValidationError, match="required changes"):
			run.return_to_preparer(" ")
		assert run.return_to_preparer("Leave Anchor Cafe out: they pay in July.") == ["Petra Preparer"]
	with as_user(SECOND_MANAGER), pytest.raises(frappe.TimestampMismatchError):
		seen_before.submit()
	run.reload()
	summary = run.get_summary()
	assert (summary["returned_by"], summary["return_comment"]) == (
		MANAGER,
		"Leave Anchor Cafe out: they pay in July.",
	)
	assert summary["approval_requested_on"] is None
	assert ("Returned By", MANAGER) in [row[:2] for row in write_off_run_evidence(run)["people"]]
	assert subjects(run.name, PREPARER)[-1].startswith(f"Manuel Manager returned {run.name}: Leave Anchor")
	comments = frappe.get_all(
		"Comment", {"reference_name": run.name, "comment_type": "Comment"}, pluck="content"
	)
	assert comments == ["Leave Anchor Cafe out: they pay in July."]
	with as_user(PREPARER):
		run = frappe.get_doc("Write-Off Run", run.name)
		run.request_approval()
	assert run.get_summary()["return_comment"] is None


def test_desk_25_sums_of_what_a_filter_finds():
	for customer, amount in (("Anchor Cafe", 4), ("Anchor Cafe", 5), ("Breakwater Bar", 7)):
		invoice(customer, amount, "2026-01-15")
	run = run_helpers.run()
	page = run.get_items(page_length=1, filters={"customer": "anchor"}, with_sums=1)
	assert page["sums"] == {
		"count": 2,
		"base_amount": 9,
		"by_currency": [{"currency": "USD", "amount": 9}],
	}
	assert "sums" not in run.get_items()


def test_desk_25_more_columns():
	bill = invoice("Anchor Cafe", 40, "2026-01-15")
	pay(bill, 36)
	run = run_helpers.run()
	[row] = run.get_items(more_columns=["invoice_total", "customer_group", "nothing"])["items"]
	assert (row.invoice_total, row.outstanding_amount, row.customer_group) == (40, 4, "Trade Retail")


def test_desk_25_the_balances_of_each_customer():
	for customer, amount in (("Anchor Cafe", 4), ("Anchor Cafe", 5), ("Breakwater Bar", 7)):
		invoice(customer, amount, "2026-01-15")
	run = run_helpers.run()
	run.set_selection(selected=0, filters={"customer": ["=", "Anchor Cafe"], "outstanding_amount": 5})
	page = run.get_customers(filters={"status": ["Open"]})
	assert page["total"] == 2
	assert [
		(row.customer, row["count"], row.base_amount, row.selected_count, row.selected_amount)
		for row in page["customers"]
	] == [("Anchor Cafe", 2, 9, 1, 4), ("Breakwater Bar", 1, 7, 1, 7)]
	assert run.get_customers(start=1, page_length=1)["customers"][0].customer == "Breakwater Bar"


def test_desk_27_a_note_on_a_balance():
	bill, excluded = invoice("Anchor Cafe", 4, "2026-01-15"), invoice("Elm School", 4, "2026-01-15")
	exclude_balances("Elm School")
	run = run_helpers.run(user=PREPARER)
	found = run_helpers.items(run)
	with as_user(PREPARER):
		assert run.set_note(found[bill.name].name, " Called: pays in July ")["note"] == "Called: pays in July"
		run.set_note(found[excluded.name].name, "Ask the school")
		run.find_invoices()
	assert {voucher: item.note for voucher, item in run_helpers.items(run).items()} == {
		bill.name: "Called: pays in July",
		excluded.name: "Ask the school",
	}
	from ar_writeoff.review.export import as_csv

	assert "Called: pays in July" in as_csv(run, None).decode()
	posted = run_helpers.post(frappe.get_doc("Write-Off Run", run.name))
	with pytest.raises(frappe.ValidationError):
		posted.set_note(run_helpers.items(run)[bill.name].name, "later")


def test_desk_15_progress_of_an_undo_has_amounts():
	invoice("Anchor Cafe", 4, "2026-01-15")
	run = run_helpers.post(run_helpers.run())
	assert (run.get_progress()["posted_amount"], run.get_progress()["reversed_amount"]) == (4, 0)
	with as_user(MANAGER):
		run.reverse(posting_date="2026-06-30")
	assert (run.get_progress()["posted_amount"], run.get_progress()["reversed_amount"]) == (0, 4)


def test_desk_23_the_roll_forward_ends_with_the_present_month():
	from ar_writeoff.ar_writeoff.report.write_off_roll_forward import write_off_roll_forward as report

	invoice("Anchor Cafe", 4, "2026-01-15")
	run_helpers.post(run_helpers.run())
	first = get_first_day(nowdate())
	dates = {"from_date": str(first), "to_date": str(get_last_day(add_months(first, 3)))}
	rows = report.execute({"company": HL, "period": "Monthly", **dates})[1]
	periods = {row["period"] for row in rows if row.get("closing") == 4 and not row.get("bold")}
	assert periods == {f"{formatdate(first)} – {formatdate(get_last_day(first))}"}
