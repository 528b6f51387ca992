"""Dimensions on both sides of an entry (cases 10 and 20 of docs/reliability.md)."""

from __future__ import annotations

import frappe
import pytest

from ar_writeoff.ledger import dimensions
from tests.site import ledger_checks, run_helpers
from tests.site.db_snapshot import clear_data_caches
from tests.site.factories import (
	HL,
	account,
	cost_center,
	invoice,
	many_invoices,
	outstanding,
	project,
	stopping_budget,
)
from tests.site.posting_checks import post_and_check, undo_and_check

FIRST = "2026-01-15"


@pytest.fixture(autouse=True)
def accounts(site: str) -> None:
	run_helpers.settings(bad_debt_account=account("Bad Debt Expense"), cost_center=cost_center("Main"))


@pytest.fixture
def department() -> dict[str, str]:
	"""The site's own dimension: Department, not mandatory yet."""
	doc = frappe.new_doc("Accounting Dimension")
	doc.document_type = "Department"
	doc.append("dimension_defaults", {"company": HL, "reference_document": "Department"})
	doc.insert()
	frappe.flags.accounting_dimensions_details = None
	forget_rules()
	made = {}
	for name in ("Harbour Masters", "Pilots"):
		one = frappe.new_doc("Department")
		one.update({"department_name": name, "company": HL})
		made[name] = one.insert().name
	return {"dimension": doc.name, **made}


def forget_rules() -> None:
	frappe.flags.accounting_dimensions_details = None
	frappe.flags.dimension_filter_map = None
	clear_data_caches()


def require(dimension: str, **values: int | str) -> None:
	row = frappe.get_doc("Accounting Dimension", dimension).dimension_defaults[0]
	frappe.db.set_value("Accounting Dimension Detail", row.name, values)
	forget_rules()


def own_and_offset(entry: str, field: str) -> tuple[set[str], set[str]]:
	rows = frappe.get_all("GL Entry", {"voucher_no": entry, "is_cancelled": 0}, ["party", field])
	return {row[field] or "" for row in rows if row.party}, {
		row[field] or "" for row in rows if not row.party
	}


def test_10_many_dimensions_push_an_entry_past_100_rows():
	"""Sixty balances of sixty projects need sixty expense rows: two entries, neither longer than ERPNext posts at once."""
	names = many_invoices(60)
	projects = {name: f"Pier {number:02d}" for number, name in enumerate(names)}
	columns = ["name", "project_name", "company", "status", "naming_series"]
	frappe.db.bulk_insert(
		"Project", columns, [(one, one, HL, "Open", "PROJ-.####") for one in projects.values()]
	)
	for name, one in projects.items():
		frappe.db.set_value("GL Entry", {"voucher_no": name}, "project", one)
	run = post_and_check(run_helpers.run())
	assert run.status == "Posted"
	lengths = [
		frappe.db.count("Journal Entry Account", {"parent": entry}) for entry in run_helpers.entries(run)
	]
	assert lengths == [100, 20]
	assert {outstanding(name) for name in names} == {0}
	expenses = frappe.get_all(
		"GL Entry", {"account": account("Bad Debt Expense"), "is_cancelled": 0}, ["project", "debit"]
	)
	assert sorted((row.project, row.debit) for row in expenses) == [(one, 10) for one in projects.values()]


def test_20_each_side_has_the_dimensions_of_its_voucher(department):
	"""Cost center, project and the site's own dimension, on both sides; one offset row for each combination."""
	invoice("Anchor Cafe", 10, FIRST, cost_center=cost_center("North Pier"), department=department["Pilots"])
	invoice("Anchor Cafe", 20, FIRST, cost_center=cost_center("South Pier"), project=project())
	invoice("Elm School", 30, FIRST, cost_center=cost_center("North Pier"), department=department["Pilots"])
	start = ledger_checks.snapshot(HL)
	run = post_and_check(run_helpers.run())
	[entry] = run_helpers.entries(run)
	rows = frappe.get_all(
		"GL Entry",
		{"voucher_no": entry, "account": account("Bad Debt Expense")},
		["cost_center", "project", "department", "debit"],
		order_by="debit asc",
	)
	assert [(row.cost_center, row.project or "", row.department or "", row.debit) for row in rows] == [
		(cost_center("South Pier"), project(), "", 20),
		(cost_center("North Pier"), "", department["Pilots"], 40),
	]
	assert own_and_offset(entry, "department") == ({"", department["Pilots"]},) * 2
	undo_and_check(run, start)


def test_20_mandatory_dimension_missing_on_a_side(department):
	without = invoice("Anchor Cafe", 10, FIRST)
	with_one = invoice("Elm School", 20, FIRST, department=department["Pilots"])
	require(department["dimension"], mandatory_for_pl=1)
	run = run_helpers.run()
	row = run_helpers.items(run)[without.name]
	assert (row.status, row.reason_code) == ("Excluded", "dimension_missing")
	assert account("Bad Debt Expense") in row.message and "Department" in row.message
	assert (row.reason_doctype, row.reason_name) == ("Accounting Dimension", department["dimension"])
	post_and_check(run)
	assert set(run_helpers.items(run, status="Posted")) == {with_one.name}

	require(department["dimension"], default_dimension=department["Harbour Masters"])
	run = post_and_check(run_helpers.run())
	[entry] = run_helpers.entries(run)
	assert own_and_offset(entry, "department") == ({""}, {department["Harbour Masters"]}), (
		"the default fills in"
	)


def test_20_mandatory_for_the_balance_sheet(department):
	without = invoice("Anchor Cafe", 10, FIRST)
	require(department["dimension"], mandatory_for_bs=1)
	row = run_helpers.items(run_helpers.run())[without.name]
	assert row.reason_code == "dimension_missing" and account("Debtors") in row.message


def test_20_dimension_filter(department):
	allowed = invoice("Anchor Cafe", 10, FIRST, department=department["Pilots"])
	forbidden = invoice("Elm School", 20, FIRST, department=department["Harbour Masters"])
	doc = frappe.new_doc("Accounting Dimension Filter")
	doc.update(
		{
			"accounting_dimension": "Department",
			"company": HL,
			"allow_or_restrict": "Allow",
			"apply_restriction_on_values": 1,
			"accounts": [{"applicable_on_account": account("Bad Debt Expense"), "is_mandatory": 0}],
			"dimensions": [{"accounting_dimension": "Department", "dimension_value": department["Pilots"]}],
		}
	)
	doc.insert()
	forget_rules()
	run = run_helpers.run()
	row = run_helpers.items(run)[forbidden.name]
	assert (row.reason_code, row.reason_doctype, row.reason_name) == (
		"dimension_not_allowed", "Accounting Dimension Filter", doc.name,
	)  # fmt: skip
	post_and_check(run)
	assert set(run_helpers.items(run, status="Posted")) == {allowed.name}

	# A dimension with a label of its own has a field of that name, and some releases name the filter's field so.
	frappe.db.set_value("Accounting Dimension", department["dimension"], "fieldname", "team")
	for field in ("team", "department"):
		assert dimensions._filter_link(field, account("Bad Debt Expense")) == (doc.doctype, doc.name)


def test_20_one_cost_center_for_all_if_the_settings_say_so():
	run_helpers.settings(cost_center=cost_center("Main"), force_cost_center=1)
	invoice("Anchor Cafe", 10, FIRST, cost_center=cost_center("North Pier"))
	[entry] = run_helpers.entries(post_and_check(run_helpers.run()))
	assert own_and_offset(entry, "cost_center") == ({cost_center("North Pier")}, {cost_center("Main")})


def test_20_cost_center_allocation():
	"""A cost center that ERPNext spreads over others is spread by the write-off as it was by the invoice."""
	doc = frappe.new_doc("Cost Center Allocation")
	doc.update(
		{
			"company": HL,
			"main_cost_center": cost_center("Main"),
			"valid_from": "2026-01-01",
			"allocation_percentages": [
				{"cost_center": cost_center("North Pier"), "percentage": 60},
				{"cost_center": cost_center("South Pier"), "percentage": 40},
			],
		}
	)
	doc.docstatus = 1
	doc.insert()
	bill = invoice("Anchor Cafe", 10, FIRST, cost_center=cost_center("Main"))
	start = ledger_checks.snapshot(HL)
	run = run_helpers.run()
	assert run_helpers.items(run)[bill.name].outstanding_amount == 10
	post_and_check(run)
	[entry] = run_helpers.entries(run)
	rows = frappe.get_all(
		"GL Entry",
		{"voucher_no": entry, "account": account("Bad Debt Expense")},
		["cost_center", "debit"],
		order_by="debit desc",
	)
	assert [(row.cost_center, row.debit) for row in rows] == [
		(cost_center("North Pier"), 6), (cost_center("South Pier"), 4),
	]  # fmt: skip
	undo_and_check(run, start)


def test_20_budget_that_stops_fails_the_item_with_erpnexts_words():
	stopping_budget(account("Bad Debt Expense"), cost_center("North Pier"), 5)
	over = invoice("Anchor Cafe", 10, FIRST, cost_center=cost_center("North Pier"))
	fine = invoice("Elm School", 20, FIRST, cost_center=cost_center("South Pier"))
	run = run_helpers.run()
	[problem] = run.preview_entries()["problems"]
	post_and_check(run)
	assert set(run_helpers.items(run, status="Posted")) == {fine.name}
	row = run_helpers.items(run)[over.name]
	assert row.status == "Failed" and "Budget" in row.message
	assert (problem["voucher_no"], problem["message"]) == (over.name, row.message)
