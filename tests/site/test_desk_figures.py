"""The figures of the form, the evidence page, the export and the Register are those of the ledger, and agree."""

from __future__ import annotations

import csv
import io
from collections import Counter
from typing import Any

import frappe
import pytest
from frappe.desk import query_report
from frappe.utils import add_days, getdate

from ar_writeoff.ar_writeoff.report.write_off_register import write_off_register as register
from ar_writeoff.review.evidence import write_off_run_evidence
from tests.site import run_helpers
from tests.site.factories import (
	HL,
	MANAGER,
	PREPARER,
	account,
	as_user,
	cost_center,
	credit_note,
	customer,
	invoice,
	many_invoices,
	pay,
	payment,
	permit,
)

YEAR = {"company": HL, "from_date": "2026-01-01", "to_date": "2026-12-31"}


def untick(run: Any, *vouchers: str) -> None:
	found = run_helpers.items(run)
	with as_user(MANAGER):
		run.set_selection(False, items=[found[voucher].name for voucher in vouchers])


def reinstate(run: Any, voucher: str, amount: float) -> None:
	with as_user(MANAGER):
		run.reinstate([run_helpers.items(run)[voucher].name], [amount], "2026-06-30")


def results(run: Any) -> dict[str, tuple[int, str]]:
	"""{state: (number, amount)} of the evidence page."""
	evidence = write_off_run_evidence(frappe.get_doc("Write-Off Run", run.name))
	return {row["status"]: (row["count"], row["amount"]) for row in evidence["results"]}


def exported(run: Any) -> list[dict[str, str]]:
	with as_user(MANAGER):
		url = run.export_items("CSV")["file_url"]
	content = frappe.get_doc("File", {"file_url": url}).get_content()
	text = content.decode("utf-8-sig") if isinstance(content, bytes) else content.removeprefix("\ufeff")
	lines = list(csv.reader(io.StringIO(text)))
	header, *found = lines[lines.index([]) + 1 :]
	return [dict(zip(header, line, strict=True)) for line in found]


def one_of_each() -> tuple[Any, dict[str, str]]:
	"""A draft with a balance to post, one to leave open, and an excluded one."""
	run_helpers.settings()
	vouchers = {
		"posted": invoice("Anchor Cafe", 100, "2026-01-15").name,
		"left open": invoice("Breakwater Bar", 40, "2026-01-15").name,
		"excluded": invoice(customer("Kept Open Ltd", exclude_from_write_off=1), 30, "2026-01-15").name,
	}
	run = run_helpers.run()
	untick(run, vouchers["left open"])
	return run.reload(), vouchers


def test_desk_01_the_evidence_has_the_amounts_of_the_form():
	run, vouchers = one_of_each()
	assert results(run) == {
		"Open": (1, "$ 100.00"),
		"Not Selected": (1, "$ 40.00"),
		"Excluded": (1, "$ 30.00"),
	}
	run_helpers.post(run)
	reinstate(run, vouchers["posted"], 25)
	assert results(run) == {
		"Posted": (1, "$ 75.00"),
		"Not Selected": (1, "$ 40.00"),
		"Excluded": (1, "$ 30.00"),
	}
	with as_user(MANAGER):
		summary = run.get_summary()
		evidence = write_off_run_evidence(run)
	assert summary["posted"]["base_amount"] == 75
	assert [group["base_amount"] for group in summary["excluded"]] == [30]
	assert evidence["customers"] == [{"customer": "Anchor Cafe", "count": 1, "amount": "$ 75.00"}]
	assert evidence["recovered"] == "$ 25.00"


def test_desk_12_a_balance_that_is_not_selected_has_no_amount_to_write_off():
	run, vouchers = one_of_each()
	run_helpers.post(run)
	left_open = run_helpers.items(run)[vouchers["left open"]]
	assert (left_open.status, left_open.write_off_amount, left_open.base_write_off_amount) == (
		"Excluded",
		0,
		0,
	)
	with as_user(MANAGER):
		summary = run.get_summary()
	assert summary["counts"] == {"Posted": 1, "Not Selected": 1, "Excluded": 1}
	assert [group["reason_code"] for group in summary["excluded"]] == ["customer_opted_out"]
	assert (run.found_count, run.selected_count, run.excluded_count) == (2, 1, 1)


def test_desk_12_the_export_has_no_amount_for_what_is_not_selected():
	run, vouchers = one_of_each()
	rows = {row["Voucher No"]: row for row in exported(run)}
	amounts = {name: rows[voucher]["Amount to Write Off"] for name, voucher in vouchers.items()}
	assert {name: float(amount) for name, amount in amounts.items()} == {
		"posted": 100,
		"left open": 0,
		"excluded": 0,
	}


def test_desk_12_runs_of_earlier_versions_are_corrected():
	from ar_writeoff.patches import unselected_amounts

	run, vouchers = one_of_each()
	run_helpers.post(run)
	name = run_helpers.items(run)[vouchers["left open"]].name
	frappe.db.set_value("Write-Off Run Item", name, {"write_off_amount": 40, "base_write_off_amount": 40})
	frappe.db.set_value("Write-Off Run", run.name, {"found_count": 1, "excluded_count": 2})
	unselected_amounts.execute()
	run.reload()
	assert frappe.db.get_value("Write-Off Run Item", name, ["write_off_amount", "base_write_off_amount"]) == (
		0,
		0,
	)
	assert (run.found_count, run.excluded_count) == (2, 1)


def test_desk_02_the_register_adds_only_amounts_in_company_currency():
	run_helpers.settings()
	invoice("Anchor Cafe", 100, "2026-01-15")
	invoice("Helios SARL", 50, "2026-01-15", currency="EUR", rate=1.2, debit_to=account("Debtors EUR"))
	run_helpers.post(run_helpers.run())
	with as_user(MANAGER):
		found = query_report.run("Write-Off Register", filters=YEAR)
	total = dict(zip([one["fieldname"] for one in found["columns"]], found["result"][-1], strict=True))
	assert (total["written_off"], total["write_off_amount"]) == (160, "")


def test_desk_02_written_off_less_reversed_and_recovered_is_the_ledger():
	run_helpers.settings()
	undone = invoice("Anchor Cafe", 100, "2026-01-15")
	kept = invoice("Breakwater Bar", 40, "2026-01-15")
	first = run_helpers.post(run_helpers.run(customers=[{"customer": "Anchor Cafe"}]))
	reinstate(first, undone.name, 25)
	with as_user(MANAGER):
		first.reverse("2026-06-30", dated=True)
	second = run_helpers.post(run_helpers.run(customers=[{"customer": "Breakwater Bar"}]))
	reinstate(second, kept.name, 15)
	_columns, rows, _message, _chart, summary = register.execute(YEAR)
	assert [
		(row.customer, row.status, row.posted, row.reversed, row.recovered, row.written_off) for row in rows
	] == [
		("Anchor Cafe", "Reversed", 100, 75, 25, 0),
		("Breakwater Bar", "Posted", 40, 0, 15, 25),
	]
	[[ledger]] = frappe.db.sql(
		"SELECT SUM(debit - credit) FROM `tabGL Entry` WHERE account = %s AND is_cancelled = 0",
		account("Write Off"),
	)
	totals = {row["label"]: row["value"] for row in summary}
	assert totals["Still Written Off"] == ledger == 25
	assert totals["Written Off"] - totals["Reversed Amount"] - totals["Recovered"] == ledger


def test_desk_06_the_preview_counts_only_what_can_still_be_written_off():
	run_helpers.settings()
	paid, _written_off, kept = (
		invoice(name, amount, "2026-01-15")
		for name, amount in (("Anchor Cafe", 100), ("Breakwater Bar", 40), ("Compass Stores", 7))
	)
	older = run_helpers.run()
	newer = run_helpers.post(run_helpers.run(customers=[{"customer": "Breakwater Bar"}]))
	pay(paid, 60, "2026-02-01")
	with as_user(MANAGER):
		plan = older.preview_entries()
	assert (plan["item_count"], plan["total"], plan["skipped_count"]) == (1, 7, 2)
	assert {row["message"]: row["count"] for row in plan["skipped"]} == {
		f"Write-Off Run {newer.name} has already written off this balance.": 1,
		"The balance changed from 100.00 USD to 40.00 USD since the search. Search again.": 1,
	}
	run_helpers.post(older)
	assert (older.posted_count, older.skipped_count) == (1, 2)
	assert run_helpers.items(older)[kept.name].status == "Posted"


def test_desk_06_two_drafts_with_the_same_balances_name_each_other():
	run_helpers.settings()
	one = invoice("Anchor Cafe", 100, "2026-01-15")
	invoice("Breakwater Bar", 40, "2026-01-15")
	first, second = run_helpers.run(), run_helpers.run()
	run_helpers.run(customers=[{"customer": "Compass Stores"}])
	with as_user(MANAGER):
		assert first.get_summary()["other_drafts"] == [{"run": second.name, "count": 2}]
		untick(second, one.name)
		assert first.get_summary()["other_drafts"] == [{"run": second.name, "count": 1}]
	permit(PREPARER, "Customer", "Anchor Cafe")
	with as_user(PREPARER):
		assert first.get_summary()["other_drafts"] == [], "a draft over balances of others is not named"
	run_helpers.post(second)
	with as_user(MANAGER):
		assert first.get_summary()["other_drafts"] == []


def credit_run(**values: Any) -> Any:
	run_helpers.settings(credit_write_off_account=run_helpers.credit_account())
	return run_helpers.run(balance_type="Credit", reason="Rounding Difference", **values)


def test_desk_07_a_credit_that_can_settle_an_invoice_is_not_offered():
	invoice("Anchor Cafe", 100, "2026-01-15")
	note = credit_note(invoice("Anchor Cafe", 20, "2026-01-15"), 20, update_outstanding_for_self=True)
	money = payment("Anchor Cafe", 30, "2026-02-01")
	alone = payment("Breakwater Bar", 5, "2026-02-01")
	found = run_helpers.items(credit_run())
	assert {
		name: (found[name].reason_code, found[name].reason_doctype, found[name].selected)
		for name in (note.name, money.name, alone.name)
	} == {
		note.name: ("invoices_open", "Payment Reconciliation", 0),
		money.name: ("invoices_open", "Payment Reconciliation", 0),
		alone.name: ("", "", 1),
	}
	assert "120.00 USD" in found[money.name].message
	for policy in ("Deduct", "Ignore"):
		run_helpers.settings(customer_credits=policy)
		assert run_helpers.items(credit_run())[money.name].selected


def test_desk_07_an_invoice_since_the_search_keeps_the_credit():
	money = payment("Anchor Cafe", 30, "2026-02-01")
	run = credit_run()
	invoice("Anchor Cafe", 100, "2026-03-15")
	run_helpers.post(run)
	item = run_helpers.items(run)[money.name]
	assert (item.status, item.reason_code) == ("Skipped", "invoices_open")


def test_desk_14_dates_in_the_future_are_named(monkeypatch: pytest.MonkeyPatch):
	monkeypatch.setitem(frappe.flags, "mute_messages", False)
	run_helpers.settings()
	invoice("Anchor Cafe", 100, "2026-01-15")
	later = add_days(getdate(), 3)
	frappe.clear_messages()
	run = run_helpers.run(posting_date=later, cutoff_date=later)
	told = " ".join(message["message"] for message in frappe.get_message_log())
	assert "Cutoff Date" in told and "Posting Date" in told and "in the future" in told
	with as_user(MANAGER):
		notes = " ".join(run.preview_entries()["notes"])
	assert "Cutoff Date" in notes and "Posting Date" in notes
	frappe.clear_messages()
	run = run_helpers.run()
	with as_user(MANAGER):
		assert not run.preview_entries()["notes"]
	assert not frappe.get_message_log()


def test_desk_08_two_cost_centers_do_not_double_the_entries():
	run_helpers.settings()
	centers = (cost_center("North Pier"), cost_center("South Pier"))
	many_invoices(200)
	for number, name in enumerate(frappe.get_all("Sales Invoice", pluck="name", order_by="name asc")):
		frappe.db.set_value(
			"GL Entry", {"voucher_no": name, "party": ("is", "set")}, "cost_center", centers[number % 2]
		)
	run = run_helpers.run()
	with as_user(MANAGER):
		preview = run.preview_entries()
	assert preview["entry_count"] == 3, preview["skipped"]
	run_helpers.post(run)
	assert run.posted_count == 200
	rows = Counter(
		frappe.get_all(
			"Journal Entry Account",
			filters={"parent": ("in", run_helpers.entries(run))},
			pluck="parent",
			order_by="parent asc",
		)
	)
	assert list(rows.values()) == [100, 100, 6]
