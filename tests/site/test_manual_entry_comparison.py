"""Entries of a run equal manual Journal Entries in ERPNext, row by row.

The same balances are written off twice: first by a manual Journal Entry, which is rolled back, then by a run. All columns
of all rows are compared, except names, times and remarks.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import frappe
from frappe.utils import flt

from tests.site import ledger_checks, run_helpers
from tests.site.factories import (
	HL,
	MANAGER,
	TODAY,
	account,
	as_user,
	cost_center,
	credit_note,
	invoice,
	outstanding,
	pay,
	project,
)

CUSTOMERS = ("Anchor Cafe", "Breakwater Bar", "Compass Stores", "Dover Council")
HELIOS = "Helios SARL"
NORTH, SOUTH = "North Pier", "South Pier"

# Of each row, what differs from one posting to the next whoever posts; remarks, which we keep short; what is ours.
# `custom_remark` is how v16 is told to keep a remark as it is.
REMARKS = {"remarks", "remark", "user_remark", "custom_remark"}
UNCOMPARED_REFERENCES = {"name", "creation", "modified", "modified_by"} | REMARKS
OURS = {"write_off_run", "written_off_amount", "write_off_status"}


def make_invoices() -> tuple[list[Any], list[Any]]:
	"""Twenty-seven invoices and thirteen credit notes."""
	debit, credit = [], []
	for number in range(16):
		dimensions: dict[str, Any] = {}
		if number % 4 == 1:
			dimensions["cost_center"] = cost_center(NORTH)
		elif number % 4 == 2:
			dimensions["cost_center"] = cost_center(SOUTH)
		elif number % 4 == 3:
			dimensions = {"cost_center": cost_center(NORTH), "project": project()}
		one = invoice(CUSTOMERS[number % 4], 1.1 * (number + 1), f"2026-01-{number + 1:02d}", **dimensions)
		debit.append(one)
	for number in range(3):  # paid in part
		one = invoice(CUSTOMERS[number], 100, f"2026-02-{number + 1:02d}", cost_center=cost_center(NORTH))
		pay(one, 90 + number, "2026-03-01")
		debit.append(one)
	for number in range(6):  # in euros, at two rates; the last two paid in part
		one = invoice(
			HELIOS, 5 + number, f"2026-02-{number + 1:02d}", currency="EUR", rate=1.1 + number % 2 / 10
		)
		if number > 3:
			pay(one, 2, "2026-03-01")
		debit.append(one)
	# in euros, on an account in dollars; and on another receivable account
	debit.append(invoice("Elm School", 10, "2026-02-10", currency="EUR", rate=1.1))
	debit.append(invoice("Elm School", 11, "2026-02-11", debit_to=account("Other Debtors")))

	for number in range(8):
		credit.append(
			invoice(
				CUSTOMERS[number % 4],
				2.2 * (number + 1),
				f"2026-01-{number + 1:02d}",
				is_return=True,
				cost_center=cost_center(SOUTH if number % 2 else NORTH),
			)
		)
	for number in range(3):
		credit.append(
			invoice(HELIOS, 3 + number, f"2026-02-{number + 1:02d}", is_return=True, currency="EUR", rate=1.2)
		)
	for number in range(2):  # against an invoice that stays open
		of = invoice("Elm School", 5000, "2026-02-01", cost_center=cost_center(NORTH))
		credit.append(credit_note(of, 4 + number, "2026-02-15", update_outstanding_for_self=True))
	return debit, credit


# ------------------------------------------------------------------------------------------------- by hand


def by_hand(invoices: list[Any], offset_account: str) -> str:
	"""The manual Journal Entry for these invoices: one row each, and the offset row."""
	rows: list[dict[str, Any]] = []
	offsets: dict[tuple[str, str], float] = defaultdict(float)
	for one in sorted(invoices, key=lambda one: (one.customer, str(one.posting_date), one.name)):
		amount = outstanding(one)
		rate = one.conversion_rate if one.party_account_currency == one.currency else 1
		side = "credit_in_account_currency" if amount > 0 else "debit_in_account_currency"
		rows.append(
			{
				"account": one.debit_to,
				"party_type": "Customer",
				"party": one.customer,
				"reference_type": "Sales Invoice",
				"reference_name": one.name,
				"exchange_rate": rate,
				"cost_center": one.cost_center or "",
				"project": one.project or "",
				side: abs(amount),
			}
		)
		# An expense needs a cost center: the company's own where the invoice has none.
		key = (one.cost_center or cost_center(), one.project or "")
		offsets[key] += flt(amount * rate, 2)
	for (center, of_project), amount in offsets.items():
		side = "debit_in_account_currency" if amount > 0 else "credit_in_account_currency"
		rows.append(
			{
				"account": offset_account,
				"cost_center": center,
				"project": of_project,
				side: flt(abs(amount), 2),
			}
		)
	with as_user(MANAGER):
		entry = frappe.get_doc(
			{
				"doctype": "Journal Entry",
				"voucher_type": "Write Off Entry",
				"company": HL,
				"posting_date": TODAY,
				"multi_currency": int(any(row["account"].startswith("Debtors EUR") for row in rows)),
				"accounts": rows,
			}
		)
		entry.insert()
		entry.submit()
	return entry.name


def by_run(balance_type: str) -> str:
	run = run_helpers.post(run_helpers.run(balance_type=balance_type, max_invoice_amount=100))
	assert run.status == "Posted"
	[entry] = run_helpers.entries(run)
	return entry


# ------------------------------------------------------------------------------------------ the books as rows


def rows_of(
	doctype: str, filters: dict[str, Any], entry: str, row_names: dict[str, str]
) -> list[dict[str, Any]]:
	"""All comparable columns of all rows. The names of the entry and its rows are replaced."""
	found = []
	for row in frappe.get_all(doctype, filters=filters, fields=["*"], order_by="creation asc, name asc"):
		values = {
			key: {entry: "the entry", **row_names}.get(value, value) if isinstance(value, str) else value
			for key, value in row.items()
			if key not in UNCOMPARED_REFERENCES | OURS
		}
		# NULL and "" say the same.
		found.append({key: value or None for key, value in values.items()})
	return found


def posted(entries: dict[str, str], invoices: list[Any]) -> dict[str, list[dict[str, Any]]]:
	"""The ledger rows of two entries, {Debit or Credit: name}."""
	result = {}
	for kind, entry in entries.items():
		lines = frappe.get_all("Journal Entry Account", {"parent": entry}, ["name", "idx"])
		row_names = {line.name: f"row {line.idx}" for line in lines}
		result |= {
			f"{kind}: Journal Entry": rows_of("Journal Entry", {"name": entry}, entry, row_names),
			f"{kind}: Journal Entry Account": in_order(
				rows_of("Journal Entry Account", {"parent": entry}, entry, row_names), "idx"
			),
			f"{kind}: GL Entry": in_order(
				rows_of("GL Entry", {"voucher_no": entry}, entry, row_names), "account", "against_voucher", "cost_center", "project"
			),
			f"{kind}: Payment Ledger Entry": in_order(
				rows_of("Payment Ledger Entry", {"voucher_no": entry}, entry, row_names), "against_voucher_no"
			),
		}  # fmt: skip
	names = [one.name for one in invoices]
	result["Sales Invoice"] = in_order(
		rows_of("Sales Invoice", {"name": ("in", names)}, "", {}), "posting_date"
	)
	return result


def in_order(found: list[dict[str, Any]], *keys: str) -> list[dict[str, Any]]:
	return sorted(found, key=lambda row: tuple(str(row.get(key) or "") for key in keys))


def differences(hand: dict[str, list[dict[str, Any]]], run: dict[str, list[dict[str, Any]]]) -> list[str]:
	found = []
	for table in hand:
		if len(hand[table]) != len(run[table]):
			found.append(f"{table}: {len(hand[table])} rows by hand, {len(run[table])} by the run")
			continue
		for number, (expected, actual) in enumerate(zip(hand[table], run[table], strict=True), start=1):
			for column in expected.keys() | actual.keys():
				if expected.get(column) != actual.get(column):
					found.append(
						f"{table}, row {number}, {column}: by hand {expected.get(column)!r},"
						f" by the run {actual.get(column)!r}"
					)
	return found


def test_forty_invoices_by_hand_and_by_a_run():
	run_helpers.settings(
		bad_debt_account=account("Bad Debt Expense"),
		credit_write_off_account=account("Credit Balances Written Off"),
		customer_credits="Ignore",
	)
	debit, credit = make_invoices()
	invoices = debit + credit
	assert (len(debit), len(credit)) == (27, 13)
	frappe.db.commit()

	entries = {
		"Debit": by_hand(debit, account("Bad Debt Expense")),
		"Credit": by_hand(credit, account("Credit Balances Written Off")),
	}
	hand = posted(entries, invoices)
	frappe.db.rollback()
	assert not frappe.db.exists("Journal Entry", {"voucher_type": "Write Off Entry"})

	# Credits of customers with written-off debts are excluded.
	entries = {"Credit": by_run("Credit"), "Debit": by_run("Debit")}
	run = posted(entries, invoices)

	assert not differences(hand, run), "\n".join(differences(hand, run))
	assert [len(rows) for rows in hand.values()] == [1, 31, 31, 27, 1, 16, 16, 13, 40]
	assert {(row["outstanding_amount"], row["docstatus"]) for row in run["Sales Invoice"]} == {(None, 1)}
	ledger_checks.assert_debits_equal_credits(HL)
	ledger_checks.assert_ple_equals_gl(HL)


def test_a_difference_would_be_noticed():
	"""A difference of a cent, of a cost center, and a missing row are reported."""
	base = {"GL Entry": [{"account": "Debtors", "debit": 1.00, "cost_center": "Main"}]}
	assert differences(base, base) == []
	for other in (
		{"account": "Debtors", "debit": 1.01, "cost_center": "Main"},
		{"account": "Debtors", "debit": 1.00, "cost_center": None},
	):
		assert len(differences(base, {"GL Entry": [other]})) == 1
	assert differences(base, {"GL Entry": []})
