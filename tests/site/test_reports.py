"""The register lists the result of each balance; the roll-forward reconciles with the General Ledger."""

from __future__ import annotations

import random
from typing import Any

import frappe
import pytest

from ar_writeoff.ar_writeoff.report.write_off_register import write_off_register as register
from ar_writeoff.ar_writeoff.report.write_off_roll_forward import write_off_roll_forward as roll_forward
from tests.site import ledger_checks, run_helpers
from tests.site.factories import (
	AUDITOR,
	HL,
	MANAGER,
	NW,
	PREPARER,
	as_user,
	cost_center,
	invoice,
	journal,
	line,
	permit,
)

YEAR = {"company": HL, "from_date": "2026-01-01", "to_date": "2026-12-31"}


def rolled(**filters: Any) -> tuple[list[dict], str]:
	_columns, rows, message, _chart, _summary = roll_forward.execute({**YEAR, "period": "Yearly", **filters})
	return rows, message


def as_table(rows: list[dict]) -> list[str]:
	keys = ("account", "reason", "dimension")
	amounts = ("opening", "written_off", "reversed", "recovered", "closing")
	return [
		" | ".join([*(row[key] for key in keys), *(f"{row[amount]:g}" for amount in amounts)])
		for row in rows
		if not row.get("bold")
	]


def ledger(account: str) -> float:
	return frappe.db.sql(
		"SELECT COALESCE(SUM(debit - credit), 0) FROM `tabGL Entry` WHERE account = %s AND is_cancelled = 0",
		account,
	)[0][0]


def story() -> None:
	"""Write-offs in March and June, one of June undone, and another entry on the account."""
	run_helpers.settings()
	invoice("Anchor Cafe", 100, "2026-01-15", cost_center=cost_center("North Pier"))
	run_helpers.post(run_helpers.run(cutoff_date="2026-03-31", posting_date="2026-03-31"))
	invoice("Breakwater Bar", 40, "2026-04-15")
	run_helpers.post(run_helpers.run(reason="Uncollectible"))
	invoice("Compass Stores", 7, "2026-05-15")
	run_helpers.post(run_helpers.run()).cancel()
	journal(line("Write Off", 15), line("House Bank", credit=15), posting_date="2026-06-30")


def test_roll_forward_by_reason_and_dimension_equals_the_general_ledger():
	story()
	rows, message = rolled(from_date="2026-04-01")
	assert as_table(rows) == [
		"Write Off - HL | Small Balance | Main - HL | 0 | 7 | -7 | 0 | 0",
		"Write Off - HL | Small Balance | North Pier - HL | 100 | 0 | 0 | 0 | 100",
		"Write Off - HL | Uncollectible | Main - HL | 0 | 40 | 0 | 0 | 40",
	]
	assert message == "The totals match the General Ledger of Write Off - HL."
	proof = rows[-1]
	assert (proof["closing"], proof["ledger"], proof["difference"]) == (140, 140, 0)
	assert (proof["others"], proof["balance"]) == (15, 155) and ledger("Write Off - HL") == 155


def test_periods_carry_forward():
	story()
	rows, _message = rolled(period="Quarterly", dimension="project")
	totals = [
		(row["opening"], row["written_off"], row["reversed"], row["closing"])
		for row in rows
		if row["period"].startswith("Total")
	]
	assert totals == [(0, 100, 0, 100), (100, 47, -7, 140), (140, 0, 0, 140), (140, 0, 0, 140)]


@pytest.mark.corrupts_ledgers
def test_a_ledger_that_was_changed_by_hand_is_told():
	story()
	entry = frappe.get_all("Journal Entry", {"write_off_run": ("is", "set"), "docstatus": 1}, pluck="name")[0]
	frappe.db.set_value("GL Entry", {"voucher_no": entry, "account": "Write Off - HL"}, "debit", 99)
	_rows, message = rolled()
	assert message.startswith("The totals differ from the General Ledger: Write Off - HL")


def test_register_lists_every_outcome_with_who_and_why():
	story()
	_columns, rows, _message, chart, summary = register.execute(YEAR)
	assert [(row.customer, row.status, row.written_off, row.submitted_by) for row in rows] == [
		("Anchor Cafe", "Posted", 100, MANAGER),
		("Breakwater Bar", "Posted", 40, MANAGER),
		("Compass Stores", "Reversed", 0, MANAGER),
	]
	# written off, reversed, recovered, still written off
	assert [total["value"] for total in summary[:4]] == [147, 7, 0, 140]
	assert {data["name"]: data["values"] for data in chart["data"]["datasets"]} == {
		"Small Balance": [100, 0],
		"Uncollectible": [0, 40],
	}
	for filters, customers in (
		({"customer": "Anchor Cafe"}, ["Anchor Cafe"]),
		({"reason": "Uncollectible"}, ["Breakwater Bar"]),
		({"status": "Reversed"}, ["Compass Stores"]),
		({"run": rows[0].run}, ["Anchor Cafe"]),
		({"from_date": "2026-04-01", "status": "Posted"}, ["Breakwater Bar"]),
		({"user": PREPARER}, []),
		({"user": MANAGER, "reason": "Uncollectible"}, ["Breakwater Bar"]),
	):
		assert [row.customer for row in register.execute({**YEAR, **filters})[1]] == customers


def test_reports_show_what_a_person_may_see():
	story()
	permit(PREPARER, "Customer", "Anchor Cafe")
	with as_user(PREPARER):
		assert {row.customer for row in register.execute(YEAR)[1]} == {"Anchor Cafe"}
		with pytest.raises(frappe.PermissionError):
			rolled()
	permit(AUDITOR, "Company", NW)
	with as_user(AUDITOR):
		for report in (register, roll_forward):
			with pytest.raises(frappe.PermissionError):
				report.execute({**YEAR, "period": "Yearly"})


@pytest.mark.parametrize("user", [PREPARER, MANAGER, AUDITOR])
def test_reports_open_at_the_desk_for_every_role(user: str):
	"""Frappe checks permission on every DocType that a column links to, and an Auditor may not read Customers."""
	from frappe.desk.query_report import run

	story()
	with as_user(user):
		found = run("Write-Off Register", filters=YEAR)
		assert {row["customer"] for row in found["result"][:3]} >= {"Anchor Cafe", "Breakwater Bar"}
		links = {one["fieldname"] for one in found["columns"] if one["fieldtype"] == "Link"}
		assert {"run", "journal_entry"} <= links and ("customer" in links) == (user != AUDITOR)
		for dimension in ("cost_center", "project"):
			filters = {**YEAR, "period": "Yearly", "dimension": dimension}
			assert "match the General Ledger" in run("Write-Off Roll-forward", filters=filters)["message"]


def test_dated_reversals_and_recoveries_are_on_their_own_day():
	run_helpers.settings()
	invoice("Anchor Cafe", 100, "2026-01-15")
	first = run_helpers.post(run_helpers.run(cutoff_date="2026-03-31", posting_date="2026-03-31"))
	one = invoice("Breakwater Bar", 40, "2026-04-15")
	second = run_helpers.post(run_helpers.run(cutoff_date="2026-04-30", posting_date="2026-04-30"))
	with as_user(MANAGER):
		first.reverse("2026-05-31", dated=True)
		second.reinstate([run_helpers.items(second)[one.name].name], [15], "2026-06-10")
	rows, message = rolled(period="Quarterly", to_date="2026-06-30")
	assert message.startswith("The totals match")
	totals = [
		tuple(row[key] for key in ("opening", "written_off", "reversed", "recovered", "closing"))
		for row in rows
		if row["period"].startswith("Total")
	]
	assert totals == [(0, 100, 0, 0, 100), (100, 40, -100, -15, 25)]
	ledger_checks.assert_roll_forward_equals_gl(HL)

	_columns, found, _message, _chart, summary = register.execute(YEAR)
	assert [(row.customer, row.status, row.written_off, row.recovered) for row in found] == [
		("Anchor Cafe", "Reversed", 0, 0),
		("Breakwater Bar", "Posted", 25, 15),
	]
	assert [total["value"] for total in summary[:4]] == [140, 100, 15, 25]
	ledger_checks.assert_register_equals_gl(HL)


@pytest.mark.parametrize("seed", [1, 2])
def test_random_books_roll_forward_to_the_general_ledger(seed: int):
	"""Runs over random invoices on random dates, some undone: report and ledger agree."""
	chance = random.Random(seed)
	run_helpers.settings()
	done = []
	for month in range(1, 7):
		for _number in range(chance.randint(1, 4)):
			invoice(
				chance.choice(["Anchor Cafe", "Breakwater Bar", "Compass Stores"]),
				chance.choice([0.1, 14.1, 33.33, 250]),
				f"2026-{month:02d}-{chance.randint(1, 20):02d}",
				cost_center=cost_center(chance.choice(["Main", "North Pier"])),
				is_return=chance.random() < 0.2,
			)
		values = {
			"cutoff_date": f"2026-{month:02d}-25",
			"posting_date": f"2026-{month:02d}-25",
			"balance_type": chance.choice(["Debit", "Debit", "Credit"]),
			"reason": chance.choice(["Small Balance", "Rounding Difference"]),
		}
		run = run_helpers.run(**values)
		if run.selected_count:
			done.append(run_helpers.post(run))
		if done and chance.random() < 0.4:
			done.pop(chance.randrange(len(done))).cancel()
	assert done
	ledger_checks.assert_roll_forward_equals_gl(HL)


def test_more_reversed_and_recovered_than_written_off_is_told():
	run_helpers.settings()
	bill = invoice("Anchor Cafe", 40, "2026-01-15")
	run = run_helpers.post(run_helpers.run())
	with as_user(MANAGER):
		run.reinstate([run_helpers.items(run)[bill.name].name], [15], "2026-06-30")
	assert "More was" not in rolled()[1]
	# An entry that was made by hand and is one of the run.
	extra = journal(line("Debtors", 30, party="Anchor Cafe"), line("Write Off", credit=30))
	frappe.db.set_value(
		"Journal Entry",
		extra.name,
		{"write_off_run": run.name, "reversal_of": run_helpers.entries(run)[0]},
	)
	assert rolled(account="Write Off - HL")[1].endswith(
		f"More was reversed and recovered than written off: {run.name}: $ 5.00"
	)


def test_the_register_is_in_the_language_of_the_user(monkeypatch: pytest.MonkeyPatch):
	story()
	monkeypatch.setattr(frappe.local, "lang", "de")
	_columns, rows, _message, chart, _summary = register.execute(YEAR)
	assert [row.status for row in rows] == ["Gebucht", "Gebucht", "Storniert"]
	assert chart["data"]["labels"] == ["März 2026", "Juni 2026"]
