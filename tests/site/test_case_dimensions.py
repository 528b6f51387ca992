"""Cost center, project and dimensions of the lines of an invoice, and defaults of mandatory dimensions (cases C04, C27)."""

from __future__ import annotations

from typing import Any

import frappe
import pytest

from ar_writeoff.ledger import permissions as access
from tests.site import ledger_checks, run_helpers
from tests.site.factories import (
	HL,
	MANAGER,
	account,
	as_user,
	cost_center,
	invoice,
	journal,
	line,
	many_invoices,
	outstanding,
	pay,
	permit,
	project,
	user,
)
from tests.site.posting_checks import post_and_check, undo_and_check
from tests.site.test_dimensions import department, require

__all__ = ["department"]

FIRST = "2026-01-15"


def with_lines(
	name: str,
	*lines: tuple[float, str] | tuple[float, str, dict[str, Any]],
	head: str | None = None,
	**fields: Any,
) -> Any:
	"""An invoice with these lines: amount, cost center, other fields."""
	doc = invoice(name, lines[0][0], FIRST, submit=False, **fields)
	first = doc.items[0].as_dict()
	doc.items = []
	for amount, place, *more in lines:
		row = {key: first[key] for key in ("item_code", "income_account", "uom", "item_name")}
		row.update(qty=1, rate=amount, price_list_rate=amount, cost_center=cost_center(place), project=None)
		doc.append("items", {**row, **(more[0] if more else {})})
	doc.cost_center = head
	doc.payment_schedule = []
	doc.save()
	doc.submit()
	return doc.reload()


def rows_of(entry: str, *fields: str) -> list[tuple]:
	"""Account or customer, cost center and these fields, debit and credit of each ledger row."""
	rows = frappe.get_all(
		"GL Entry", {"voucher_no": entry, "is_cancelled": 0}, ["*"], order_by="party desc, debit asc"
	)
	return [
		(
			row.party or row.account,
			row.cost_center or "",
			*(row[field] or "" for field in fields),
			row.debit,
			row.credit,
		)
		for row in rows
	]


def posted(run: Any, *fields: str) -> list[tuple]:
	[entry] = run_helpers.entries(run)
	return rows_of(entry, *fields)


# C04


def test_c04_the_loss_falls_where_the_lines_are_by_share():
	bill = with_lines("Anchor Cafe", (10, "North Pier"), (20, "South Pier"))
	start = ledger_checks.snapshot(HL)
	run = post_and_check(run_helpers.run())
	assert posted(run) == [
		("Anchor Cafe", "", 0, 30),
		(account("Write Off"), cost_center("North Pier"), 10, 0),
		(account("Write Off"), cost_center("South Pier"), 20, 0),
	]
	undo_and_check(run, start)
	assert outstanding(bill) == 30


def test_c04_what_is_left_after_a_payment_by_the_shares_of_the_whole_with_tax_and_row_by_row():
	run_helpers.settings(fast_posting=0)
	bill = with_lines("Anchor Cafe", (10, "North Pier"), (20, "South Pier"), (30, "South Pier"))
	pay(bill, 59.99, "2026-02-01")
	other = with_lines("Anchor Cafe", (10, "North Pier"), (20, "South Pier"))
	pay(other, 20, "2026-02-01")
	run = post_and_check(run_helpers.run())
	assert posted(run)[2:] == [
		(account("Write Off"), cost_center("North Pier"), 3.33, 0),
		(account("Write Off"), cost_center("South Pier"), 6.68, 0),
	]


def test_c04_the_head_counts_where_it_has_a_value_and_each_dimension_for_itself():
	with_lines(
		"Anchor Cafe",
		(10, "North Pier", {"project": project()}),
		(20, "South Pier"),
		head=cost_center("Main"),
	)
	run = post_and_check(run_helpers.run())
	assert posted(run, "project") == [
		("Anchor Cafe", cost_center("Main"), "", 0, 30),
		(account("Write Off"), cost_center("Main"), project(), 10, 0),
		(account("Write Off"), cost_center("Main"), "", 20, 0),
	]


def test_c04_a_dimension_of_the_site_on_the_lines(department):
	with_lines(
		"Anchor Cafe",
		(10, "North Pier", {"department": department["Pilots"]}),
		(20, "North Pier", {"department": department["Harbour Masters"]}),
	)
	run = post_and_check(run_helpers.run())
	assert posted(run, "department")[1:] == [
		(account("Write Off"), cost_center("North Pier"), department["Pilots"], 10, 0),
		(account("Write Off"), cost_center("North Pier"), department["Harbour Masters"], 20, 0),
	]


def test_c04_a_discount_on_a_line_of_its_own_and_one_cost_center_for_all():
	bill = with_lines("Anchor Cafe", (30, "North Pier"), (10, "South Pier"))
	frappe.db.set_value("Sales Invoice Item", bill.items[1].name, "base_net_amount", -10)
	run = post_and_check(run_helpers.run())
	assert posted(run)[1:] == [(account("Write Off"), cost_center("North Pier"), 40, 0)]

	run_helpers.settings(force_cost_center=1, cost_center=cost_center("Main"))
	with_lines("Elm School", (30, "North Pier"), (10, "South Pier"))
	run = post_and_check(run_helpers.run())
	assert posted(run)[1:] == [(account("Write Off"), cost_center("Main"), 40, 0)]


def test_c04_criteria_find_what_is_on_the_lines():
	head = with_lines("Anchor Cafe", (10, "North Pier"), head=cost_center("South Pier"))
	mixed = with_lines("Anchor Cafe", (10, "North Pier"), (20, "South Pier"))
	north = with_lines("Elm School", (10, "North Pier", {"project": project()}))
	journal(line("Debtors", 7, party="Elm School"), line("Sales", credit=7), posting_date=FIRST)

	def found(**criteria: str) -> set[str]:
		return set(run_helpers.items(run_helpers.run(**criteria)))

	assert found(cost_center=cost_center("North Pier")) == {mixed.name, north.name}
	assert found(cost_center=cost_center("South Pier")) == {head.name, mixed.name}
	assert found(project=project()) == {north.name}


def test_c04_user_permissions_need_all_lines():
	head = with_lines("Anchor Cafe", (10, "South Pier"), head=cost_center("North Pier"))
	mixed = with_lines("Anchor Cafe", (10, "North Pier"), (20, "South Pier"))
	north = with_lines("Elm School", (10, "North Pier"))
	everything = run_helpers.run()
	clerk = user("north.clerk@example.com", "Accounts User")
	permit(clerk, "Cost Center", cost_center("North Pier"))
	assert set(run_helpers.items(run_helpers.run(user=clerk))) == {head.name, north.name}
	with as_user(clerk):
		visible = {
			row.voucher_no for row in frappe.get_list("Write-Off Run Item", {"run": everything.name}, "*")
		}
		for bill in (head, mixed, north):
			hold = frappe.get_doc(
				{
					"doctype": "Write-Off Hold",
					"company": HL,
					"customer": bill.customer,
					"voucher_type": bill.doctype,
					"voucher_no": bill.name,
				}
			)
			assert access.has_hold_permission(hold) == (bill is not mixed)
	assert visible == {head.name, north.name}
	assert mixed.name in run_helpers.items(everything)


def test_c04_a_part_is_reinstated_by_the_same_shares():
	bill = with_lines("Anchor Cafe", (10, "North Pier"), (20, "South Pier"))
	invoice("Elm School", 5, FIRST, cost_center=cost_center("Main"))
	run = post_and_check(run_helpers.run())
	item = run_helpers.items(run)[bill.name]
	with as_user(MANAGER):
		entries = run.reinstate([item.name], [15], "2026-06-30")
	assert set(rows_of(entries[item.name])) == {
		("Anchor Cafe", "", 15, 0),
		(account("Write Off"), cost_center("North Pier"), 0, 5),
		(account("Write Off"), cost_center("South Pier"), 0, 10),
	}
	with as_user(MANAGER):
		run.reload().reverse("2026-06-30")
	ledger_checks.assert_debits_equal_credits(HL)
	ledger_checks.assert_ple_equals_gl(HL)
	left = frappe.get_all("GL Entry", {"account": account("Write Off"), "is_cancelled": 0}, ["*"])
	by_cost_center: dict[str, float] = {}
	for row in left:
		by_cost_center[row.cost_center] = by_cost_center.get(row.cost_center, 0) + row.debit - row.credit
	assert {place: round(amount, 2) for place, amount in by_cost_center.items() if round(amount, 2)} == {}


def test_c04_more_offset_rows_than_rows_per_entry():
	run_helpers.settings(rows_per_entry=2)
	with_lines("Anchor Cafe", (10, "North Pier"), (20, "South Pier"))
	invoice("Elm School", 5, FIRST, cost_center=cost_center("Main"))
	run = post_and_check(run_helpers.run())
	assert sorted(len(rows_of(entry)) for entry in run_helpers.entries(run)) == [2, 3]
	with as_user(MANAGER):
		assert run.verify_approval()["intact"]


def test_c04_a_batch_of_many_lines_fits():
	"""Sixty invoices with two lines of their own projects each: 60 + 120 rows, in entries of at most 100."""
	names = many_invoices(60)
	for number, name in enumerate(names):
		[row] = frappe.get_all("Sales Invoice Item", {"parent": name}, ["*"])
		for part in range(2):
			values = {"project": f"P {number} {part}", "base_net_amount": 5, "idx": part + 1}
			if part:
				frappe.get_doc(
					{
						**row,
						**values,
						"doctype": "Sales Invoice Item",
						"name": frappe.generate_hash(length=10),
					}
				).db_insert()
			else:
				frappe.db.set_value("Sales Invoice Item", row.name, values)
	columns = ["name", "project_name", "company", "status", "naming_series"]
	frappe.db.bulk_insert(
		"Project",
		columns,
		[(f"P {n} {p}", f"P {n} {p}", HL, "Open", "PROJ-.####") for n in range(60) for p in (0, 1)],
	)
	run = post_and_check(run_helpers.run())
	assert run.status == "Posted"
	counts = [
		frappe.db.count("Journal Entry Account", {"parent": entry}) for entry in run_helpers.entries(run)
	]
	assert max(counts) <= 100 and sum(counts) == 180


# C27


@pytest.mark.parametrize("kinds", [{"mandatory_for_bs": 1}, {"mandatory_for_bs": 1, "mandatory_for_pl": 1}])
def test_c27_the_default_of_a_dimension_fills_both_sides(department, kinds):
	old = invoice("Anchor Cafe", 10, FIRST)
	with_one = invoice("Elm School", 20, FIRST, department=department["Pilots"])
	entry = journal(line("Debtors", 7, party="Elm School"), line("Sales", credit=7), posting_date=FIRST)
	require(department["dimension"], **kinds)
	row = run_helpers.items(run_helpers.run())[old.name]
	assert row.reason_code == "dimension_missing" and "default" in row.message
	require(department["dimension"], default_dimension=department["Harbour Masters"])
	start = ledger_checks.snapshot(HL)
	run = run_helpers.run()
	assert {row.status for row in run_helpers.items(run).values()} == {"Open"}
	post_and_check(run)
	rows = posted(run, "department")
	assert {(row[0], row[2]) for row in rows} == {
		("Anchor Cafe", department["Harbour Masters"]),
		("Elm School", department["Harbour Masters"]),
		("Elm School", department["Pilots"]),
		(account("Write Off"), department["Harbour Masters"]),
		(account("Write Off"), department["Pilots"]),
	}
	assert outstanding(old) == outstanding(with_one) == 0 and entry
	undo_and_check(run, start)


def test_c27_a_default_of_which_nothing_is_required_stays_off_the_receivable_side(department):
	invoice("Anchor Cafe", 10, FIRST)
	require(department["dimension"], default_dimension=department["Harbour Masters"])
	run = post_and_check(run_helpers.run())
	assert [(row[0], row[2]) for row in posted(run, "department")] == [
		("Anchor Cafe", ""),
		(account("Write Off"), department["Harbour Masters"]),
	]
