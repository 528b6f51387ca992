"""Find Invoices finds exactly the balances that match the criteria.

Sixty invoices and credit notes of three customers in two companies; each case lists the expected ones by label. Anchor
Cafe (A) covers amounts, item groups and dimensions, Elm School (E) dates and age, Helios SARL (H) currency, Nordwind GmbH
(N) is the other company.
"""

from __future__ import annotations

from typing import Any

import frappe
import pytest

from tests.site import run_helpers
from tests.site.factories import (
	HL,
	NW,
	account,
	cost_center,
	credit_note,
	exclude_balances,
	invoice,
	pay,
	project,
)
from tests.site.tables import labels, rows

ANCHOR, ELM, HELIOS = "Anchor Cafe", "Elm School", "Helios SARL"
CUSTOMERS = {"A": ANCHOR, "E": ELM, "H": HELIOS}

# Amounts below zero are credit notes with a balance of their own. `paid` was paid on `paid_on`.
INVOICES = """
	label  company  customer     posted      due         amount   item          where            paid   paid_on
	-----  -------  -----------  ----------  ----------  -------  ------------  ---------------  -----  ----------
	A1     HL       Anchor_Cafe  2026-01-15  2026-02-14    0.01   Mooring_Fee   -                -      -
	A2     HL       Anchor_Cafe  2026-01-15  2026-02-14    5.00   Mooring_Fee   -                -      -
	A3     HL       Anchor_Cafe  2026-01-15  2026-02-14   24.99   Mooring_Fee   -                -      -
	A4     HL       Anchor_Cafe  2026-01-15  2026-02-14   25.00   Mooring_Fee   -                -      -
	A5     HL       Anchor_Cafe  2026-01-15  2026-02-14   25.01   Mooring_Fee   -                -      -
	A6     HL       Anchor_Cafe  2026-01-15  2026-02-14  100.00   Mooring_Fee   -                -      -
	A7     HL       Anchor_Cafe  2026-01-15  2026-02-14  100.00   Mooring_Fee   -                75.00  2026-03-01
	A8     HL       Anchor_Cafe  2026-01-15  2026-02-14  100.00   Mooring_Fee   -                74.99  2026-03-01
	A9     HL       Anchor_Cafe  2026-01-15  2026-02-14   30.00   Mooring_Fee   credited_5       -      -
	A10    HL       Anchor_Cafe  2026-01-15  2026-02-14   25.00   Mooring_Fee   -                25.00  2026-03-01
	A11    HL       Anchor_Cafe  2026-01-15  2026-02-14    6.00   Pilotage_Fee  -                -      -
	A12    HL       Anchor_Cafe  2026-01-15  2026-02-14    7.00   Harbour_News  -                -      -
	A13    HL       Anchor_Cafe  2026-01-15  2026-02-14    8.00   Berth_Holder_Membership  -     -      -
	A14    HL       Anchor_Cafe  2026-01-15  2026-02-14    9.00   Mooring_Fee   and_Harbour_News -      -
	A15    HL       Anchor_Cafe  2026-01-15  2026-02-14   11.00   Mooring_Fee   North_Pier       -      -
	A16    HL       Anchor_Cafe  2026-01-15  2026-02-14   12.00   Mooring_Fee   South_Pier       -      -
	A17    HL       Anchor_Cafe  2026-01-15  2026-02-14   13.00   Mooring_Fee   project          -      -
	A18    HL       Anchor_Cafe  2026-01-15  2026-02-14   14.00   Mooring_Fee   Other_Debtors    -      -
	A19    HL       Anchor_Cafe  2026-01-15  2026-02-14   10.00   Mooring_Fee   in_EUR           -      -
	A20    HL       Anchor_Cafe  2026-02-15  -           -10.00   Mooring_Fee   -                -      -
	A21    HL       Anchor_Cafe  2026-02-15  -           -25.00   Mooring_Fee   -                -      -
	A22    HL       Anchor_Cafe  2026-02-15  -           -25.01   Mooring_Fee   -                -      -
	A23    HL       Anchor_Cafe  2026-02-15  -            -5.00   Harbour_News  North_Pier       -      -
	A24    HL       Anchor_Cafe  2026-02-15  -            -3.00   Mooring_Fee   of_A6            -      -
	E1     HL       Elm_School   2026-06-30  2026-07-30   10.00   Mooring_Fee   -                -      -
	E2     HL       Elm_School   2026-07-01  2026-07-31   10.00   Mooring_Fee   -                -      -
	E3     HL       Elm_School   2026-05-01  2026-05-31   10.00   Mooring_Fee   -                -      -
	E4     HL       Elm_School   2026-04-30  2026-05-30   10.00   Mooring_Fee   -                -      -
	E5     HL       Elm_School   2026-04-01  2026-05-01   10.00   Mooring_Fee   -                -      -
	E6     HL       Elm_School   2026-03-31  2026-04-30   10.00   Mooring_Fee   -                -      -
	E7     HL       Elm_School   2026-03-02  2026-04-01   10.00   Mooring_Fee   -                -      -
	E8     HL       Elm_School   2026-03-01  2026-03-31   10.00   Mooring_Fee   -                -      -
	E9     HL       Elm_School   2026-01-31  2026-03-02   10.00   Mooring_Fee   -                -      -
	E10    HL       Elm_School   2026-01-30  2026-03-01   10.00   Mooring_Fee   -                -      -
	E11    HL       Elm_School   2026-01-15  2026-02-14  100.00   Mooring_Fee   -                90.00  2026-07-05
	E12    HL       Elm_School   2026-01-15  2026-02-14   10.00   Mooring_Fee   -                10.00  2026-07-05
	E13    HL       Elm_School   2026-01-15  2026-02-14   10.00   Mooring_Fee   -                 4.00  2026-06-30
	E14    HL       Elm_School   2025-12-31  2026-01-30   10.00   Mooring_Fee   -                -      -
	E15    HL       Elm_School   2026-06-30  -           -10.00   Mooring_Fee   -                -      -
	E16    HL       Elm_School   2026-07-01  -           -10.00   Mooring_Fee   -                -      -
	E17    HL       Elm_School   2026-05-31  -           -10.00   Mooring_Fee   -                -      -
	E18    HL       Elm_School   2026-05-30  -           -10.00   Mooring_Fee   -                -      -
	H1     HL       Helios_SARL  2026-01-15  2026-02-14   10.00   Mooring_Fee   at_1.10          -      -
	H2     HL       Helios_SARL  2026-01-15  2026-02-14   20.00   Mooring_Fee   at_1.25          -      -
	H3     HL       Helios_SARL  2026-01-15  2026-02-14   20.01   Mooring_Fee   at_1.25          -      -
	H4     HL       Helios_SARL  2026-01-15  2026-02-14   22.73   Pilotage_Fee  at_1.10          -      -
	H5     HL       Helios_SARL  2026-02-15  -           -10.00   Mooring_Fee   at_1.10          -      -
	H6     HL       Helios_SARL  2026-02-15  -           -22.74   Mooring_Fee   at_1.10          -      -
	N1     NW       Anchor_Cafe  2026-01-15  2026-02-14   10.00   Mooring_Fee   -                -      -
	N2     NW       Anchor_Cafe  2026-01-15  2026-02-14   25.00   Harbour_News  Ostkai           -      -
	N3     NW       Anchor_Cafe  2026-01-15  2026-02-14   25.01   Mooring_Fee   -                -      -
	N4     NW       Elm_School   2026-01-15  2026-02-14   20.00   Mooring_Fee   Westkai          -      -
	N5     NW       Elm_School   2026-06-30  2026-07-30   20.00   Mooring_Fee   -                -      -
	N6     NW       Elm_School   2026-07-01  2026-07-31   20.00   Mooring_Fee   -                -      -
	N7     NW       Helios_SARL  2026-01-15  2026-02-14   15.00   Mooring_Fee   project          -      -
	N8     NW       Helios_SARL  2026-01-15  2026-02-14   15.00   Mooring_Fee   Other_Debtors    -      -
	N9     NW       Helios_SARL  2026-01-15  2026-02-14   40.00   Mooring_Fee   -                30.00  2026-03-01
	N10    NW       Anchor_Cafe  2026-02-15  -           -25.00   Mooring_Fee   -                -      -
	N11    NW       Elm_School   2026-02-15  -           -25.01   Mooring_Fee   -                -      -
	N12    NW       Helios_SARL  2026-02-15  -            -1.00   Mooring_Fee   -                -      -
"""

COMPANIES = {"HL": HL, "NW": NW}


def make_invoices(table: str = INVOICES) -> dict[str, str]:
	"""The invoices of the table. Returns {name of the voucher: label}."""
	made: dict[str, Any] = {}
	for row in rows(table):
		amount = float(row["amount"])
		voucher = made_from(row, amount, made)
		made[row["label"]] = voucher
		if row["paid"]:
			pay(voucher, float(row["paid"]), row["paid_on"])
	return {voucher.name: label for label, voucher in made.items()}


def made_from(row: dict[str, str], amount: float, made: dict[str, Any]) -> Any:
	company, where = COMPANIES[row["company"]], row["where"]
	more: dict[str, Any] = {"company": company, "item": row["item"]}
	if where.startswith("of "):
		return credit_note(made[where[3:]], -amount, row["posted"], update_outstanding_for_self=True)
	if where.endswith(("Pier", "kai")):
		more["cost_center"] = cost_center(where, company)
	elif where == "project":
		more["project"] = project(company)
	elif where == "Other Debtors":
		more["debit_to"] = account(where, company)
	elif where == "in EUR":
		more |= {"currency": "EUR", "rate": 1.1}
	elif where.startswith("at "):
		more |= {"currency": "EUR", "rate": float(where[3:])}
	elif where == "and Harbour News":
		more["submit"] = False
	if row["due"]:
		more["due_date"] = row["due"]
	voucher = invoice(row["customer"], abs(amount), row["posted"], is_return=amount < 0, **more)
	if where == "and Harbour News":
		voucher.items[0].rate = 4
		voucher.append("items", {**line_of(voucher.items[0]), "item_code": "Harbour News", "rate": 5})
		voucher.save(ignore_permissions=True)
		voucher.submit()
	if where == "credited 5":
		credit_note(voucher, 5, "2026-02-01")
	return voucher


def line_of(line: Any) -> dict[str, Any]:
	return {"qty": 1, "income_account": line.income_account, "cost_center": line.cost_center}


# ------------------------------------------------------------------------------------------ every criterion

# what is asked (company HL, Debit, cutoff 2026-06-30, maximum 25.00 unless told) -> what is found
CASES: list[tuple[str, dict[str, Any], str]] = [
	(
		"the maximum: equal to it is found, one cent above is not; what is left of a larger one counts",
		{"customers": "A"},
		"A1-A4 A7 A9 A11-A19",
	),
	("one cent less", {"customers": "A", "max_invoice_amount": 24.99}, "A1-A3 A11-A19"),
	("one cent more", {"customers": "A", "max_invoice_amount": 25.01}, "A1-A5 A7-A9 A11-A19"),
	("a cent", {"max_invoice_amount": 0.01}, "A1"),
	("invoice date equal to the cutoff, one day after", {"customers": "E"}, "E1 E3-E11 E13 E14"),
	(
		"a day later",
		{"customers": "E", "cutoff_date": "2026-07-01", "posting_date": "2026-07-01"},
		"E1-E11 E13 E14",
	),
	("a day earlier", {"customers": "E", "cutoff_date": "2026-06-29"}, "E3-E11 E13 E14"),
	("over 30 days due: 30 is not, 31 is", {"customers": "E", "minimum_age_days": 30}, "E4-E11 E13 E14"),
	("over 60", {"customers": "E", "minimum_age_days": 60}, "E6-E11 E13 E14"),
	("over 90", {"customers": "E", "minimum_age_days": 90}, "E8-E11 E13 E14"),
	("over 120", {"customers": "E", "minimum_age_days": 120}, "E10 E11 E13 E14"),
	("any number: over 136", {"customers": "E", "minimum_age_days": 136}, "E14"),
	("over 135", {"customers": "E", "minimum_age_days": 135}, "E11 E13 E14"),
	(
		"over 60 days since the invoice date",
		{"customers": "E", "minimum_age_days": 60, "ageing_based_on": "Posting Date"},
		"E4-E11 E13 E14",
	),
	(
		"over 120 days since the invoice date",
		{"customers": "E", "minimum_age_days": 120, "ageing_based_on": "Posting Date"},
		"E8-E11 E13 E14",
	),
	(
		"credits: by their size, also those against an invoice",
		{"balance_type": "Credit", "customers": "A"},
		"A20 A21 A23 A24",
	),
	(
		"credits one cent above the maximum",
		{"balance_type": "Credit", "customers": "A", "max_invoice_amount": 25.01},
		"A20-A24",
	),
	("credits and the cutoff", {"balance_type": "Credit", "customers": "E"}, "E15 E17 E18"),
	(
		"credits over 30 days",
		{"balance_type": "Credit", "customers": "E", "minimum_age_days": 30},
		"E18",
	),
	("the maximum is in company currency", {"customers": "H"}, "H1 H2 H4"),
	("foreign credits", {"balance_type": "Credit", "customers": "H"}, "H5"),
	(
		"foreign credits, 22.74 EUR are 25.01 USD",
		{"balance_type": "Credit", "customers": "H", "max_invoice_amount": 25.01},
		"H5 H6",
	),
	("a list of customers", {"customers": "A H", "max_invoice_amount": 11}, "A1 A2 A11-A15 A19 H1"),
	("customer group", {"customer_group": "Trade Wholesale"}, "H1 H2 H4"),
	("customer group with those below it", {"customer_group": "Public Sector"}, "E1 E3-E11 E13 E14"),
	(
		"customer group with all below it",
		{"customer_group": "Trade", "max_invoice_amount": 10},
		"A1 A2 A11-A14",
	),
	("territory", {"territory": "US West"}, "E1 E3-E11 E13 E14"),
	("territory with those below it", {"territory": "Europe"}, "H1 H2 H4"),
	("territory, two below it", {"territory": "Americas", "max_invoice_amount": 5}, "A1 A2"),
	("customer and territory must both agree", {"customers": "A", "territory": "Europe"}, ""),
	("item group", {"item_group": "Newsletters"}, "A12 A14"),
	("item group with those below it", {"item_group": "Subscriptions"}, "A12-A14"),
	(
		"another item group with those below it",
		{"item_group": "Harbour Services", "max_invoice_amount": 9},
		"A1 A2 A11 A14 E13",
	),
	("item group of credits", {"balance_type": "Credit", "item_group": "Newsletters"}, "A23"),
	("currency of the invoice, whatever the account", {"currency": "EUR"}, "A19 H1 H2 H4"),
	(
		"the company's currency",
		{"currency": "USD", "max_invoice_amount": 11, "customers": "A H"},
		"A1 A2 A11-A15",
	),
	("from the minimum on", {"customers": "A", "min_invoice_amount": 24.99}, "A3 A4 A7 A9"),
	(
		"from the minimum to the maximum",
		{"customers": "A", "min_invoice_amount": 9, "max_invoice_amount": 12},
		"A14-A16 A19",
	),
	("one amount", {"customers": "A", "min_invoice_amount": 25}, "A4 A7 A9"),
	(
		"credits from the minimum on",
		{"balance_type": "Credit", "customers": "A", "min_invoice_amount": 10},
		"A20 A21",
	),
	(
		"a threshold in the currency of the invoice, on accounts in both currencies",
		{"customers": "A H", "max_invoice_amount": 1, "thresholds": [{"currency": "EUR", "max_amount": 20}]},
		"A1 A19 H1 H2",
	),
	(
		"a threshold with a minimum",
		{
			"customers": "A H",
			"max_invoice_amount": 1,
			"thresholds": [{"currency": "EUR", "min_amount": 10.01, "max_amount": 22.73}],
		},
		"A1 H2-H4",
	),
	(
		"a threshold may be below the maximum in company currency",
		{"customers": "H", "thresholds": [{"currency": "EUR", "max_amount": 19.99}]},
		"H1",
	),
	("at most a quarter of the invoice", {"customers": "A E", "max_original_share": 25}, "A7 E11"),
	("at most 60 percent", {"customers": "A E", "max_original_share": 60}, "A7 E11 E13"),
	("less than a quarter", {"customers": "A E", "max_original_share": 24.99}, "E11"),
	(
		"only what is left after a payment or credit note",
		{"customers": "A E", "only_remainders": 1},
		"A7 A9 E11 E13",
	),
	(
		"kind of voucher",
		{"balance_type": "Credit", "customers": "A", "voucher_kind": "Credit Note"},
		"A20 A21 A23 A24",
	),
	("credit notes are no Sales Invoices", {"balance_type": "Credit", "voucher_kind": "Sales Invoice"}, ""),
	("kind of voucher, invoices", {"customers": "H", "voucher_kind": "Sales Invoice"}, "H1 H2 H4"),
	("a currency nobody has", {"currency": "JPY"}, ""),
	("receivable account", {"receivable_account": "Other Debtors - HL"}, "A18"),
	("receivable account in another currency", {"receivable_account": "Debtors EUR - HL"}, "H1 H2 H4"),
	("cost center", {"cost_center": "North Pier - HL"}, "A15"),
	("cost center of credits", {"balance_type": "Credit", "cost_center": "North Pier - HL"}, "A23"),
	("cost center with those below it", {"cost_center": "Piers - HL"}, "A15 A16"),
	("cost center of the lines", {"cost_center": "Main - HL", "customers": "H"}, "H1 H2 H4"),
	("project", {"project": "of the company"}, "A17"),
	("the other company", {"company": NW}, "N1 N2 N4 N5 N7-N9"),
	("the other company's credits", {"company": NW, "balance_type": "Credit"}, "N10 N12"),
	("the other company's cost center", {"company": NW, "cost_center": "Ostkai - NW"}, "N2"),
	("the other company's project", {"company": NW, "project": "of the company"}, "N7"),
	("the other company's account", {"company": NW, "receivable_account": "Other Debtors - NW"}, "N8"),
	(
		"several at once",
		{"customer_group": "Trade", "item_group": "Harbour Services", "cost_center": "South Pier - HL"},
		"A16",
	),
]

# what may be written off, in the currency of the receivable account
AMOUNTS = """
	label  amount  why
	A1       0.01  -
	A7      25.00  partly_paid
	A9      25.00  credited_in_part
	A14      9.00  two_lines
	A19     11.00  ten_euros_on_an_account_in_dollars
	E11     10.00  ninety_were_paid_after_the_cutoff
	E13      6.00  four_were_paid_on_the_cutoff
	H2      20.00  euros
	H4      22.73  euros
"""


def group_piers() -> None:
	"""Put the two piers below a cost center of their own."""
	group = frappe.get_doc(
		{
			"doctype": "Cost Center",
			"cost_center_name": "Piers",
			"parent_cost_center": cost_center(HL),
			"company": HL,
			"is_group": 1,
		}
	).insert()
	for pier in ("North Pier", "South Pier"):
		frappe.get_doc("Cost Center", cost_center(pier)).update({"parent_cost_center": group.name}).save()


def found(values: dict[str, Any], label_of: dict[str, str]) -> dict[str, Any]:
	"""The items of a run with these criteria, by label. The run is thrown away."""
	values = {"company": HL, "max_invoice_amount": 25.00, **values}
	if customers := values.pop("customers", ""):
		values["customers"] = [{"customer": CUSTOMERS[letter]} for letter in customers.split()]
	if values.get("project"):
		values["project"] = project(values["company"])
	run = run_helpers.run(**values)
	result = {label_of[voucher]: item for voucher, item in run_helpers.items(run).items()}
	assert len(result) == frappe.db.count("Write-Off Run Item", {"run": run.name}), "no invoice twice"
	run.delete(ignore_permissions=True)
	assert not frappe.db.count("Write-Off Run Item", {"run": run.name}), "items go with their run"
	return result


def test_each_criterion_finds_exactly_what_it_asks_for():
	for company in (HL, NW):
		run_helpers.settings(company, customer_credits="Ignore")
	group_piers()
	label_of = make_invoices()
	assert len(label_of) == 60
	differences = []
	for name, values, expected in CASES:
		items = found(values, label_of)
		if set(items) != labels(expected):
			missing, too_many = labels(expected) - set(items), set(items) - labels(expected)
			differences.append(f"{name}: missing {sorted(missing)}, too many {sorted(too_many)}")
		for label, item in items.items():
			if (item.status, item.selected) != ("Open", 1):
				differences.append(
					f"{name}: {label} is {item.status}, selected {item.selected}: {item.message}"
				)
	assert not differences, "\n".join(differences)

	items = found({}, label_of)
	amounts = {row["label"]: float(row["amount"]) for row in rows(AMOUNTS)}
	assert {label: items[label].write_off_amount for label in amounts} == amounts
	assert (items["H4"].outstanding_amount, items["H4"].base_outstanding_amount) == (22.73, 25.00)
	assert items["H4"].currency == "EUR"
	assert (items["E4"].age_days, str(items["E4"].due_date)) == (31, "2026-05-30")

	credit = found({"balance_type": "Credit"}, label_of)["H5"]
	assert (credit.outstanding_amount, credit.base_outstanding_amount) == (-10.00, -11.00)


def test_a_deleted_customer_is_skipped():
	"""Also where all customers are asked for and the ledger is read in one stretch."""
	for name in ("Anchor Cafe", "Breakwater Bar", "Compass Stores"):
		invoice(name, 10, "2026-01-15")
	frappe.db.delete("Customer", "Breakwater Bar")
	found = frappe.get_all("Write-Off Run Item", filters={"run": run_helpers.run().name}, pluck="customer")
	assert set(found) == {"Anchor Cafe", "Compass Stores"}


def test_maximum_per_customer_takes_all_of_a_customer_or_none():
	make = [
		invoice(ANCHOR, 10, "2026-01-15"),
		invoice(ANCHOR, 20, "2026-01-15"),
		invoice(ELM, 20, "2026-01-15"),
	]
	names = [one.name for one in make]

	def left_out(maximum: float) -> list[bool]:
		items = run_helpers.items(run_helpers.run(max_invoice_amount=25, max_customer_amount=maximum))
		assert set(items) == set(names), "what is left out stays on the list"
		return [items[name].status == "Excluded" for name in names]

	assert left_out(0) == [False, False, False]
	assert left_out(30.00) == [False, False, False]
	assert left_out(29.99) == [True, True, False]
	assert left_out(20.00) == [True, True, False]
	assert left_out(19.99) == [True, True, True]


def test_what_matches_and_is_left_out_says_why():
	mine, other = invoice(ANCHOR, 10, "2026-01-15"), invoice(ELM, 10, "2026-01-15")
	exclude_balances(ELM)
	run = run_helpers.run()
	items = run_helpers.items(run)
	assert (items[mine.name].status, items[mine.name].selected) == ("Open", 1)
	assert (items[other.name].status, items[other.name].selected) == ("Excluded", 0)
	assert items[other.name].message == "The customer is excluded from write-offs."
	assert (run.found_count, run.selected_count, run.excluded_count) == (1, 1, 1)
	assert run.selected_amount == 10


# ------------------------------------------------------------------------------------------------- selection


@pytest.fixture
def draft() -> Any:
	"""A draft run over invoices of 1, 2, … 6, in that order on the list."""
	for amount in range(1, 7):
		invoice(ANCHOR if amount <= 3 else ELM, amount, f"2026-01-{amount:02d}")
	return run_helpers.run()


def selected(run: Any) -> list[int]:
	"""The amounts that are ticked."""
	return sorted(int(item.outstanding_amount) for item in run_helpers.items(run).values() if item.selected)


def names(run: Any, *amounts: int) -> list[str]:
	return [item.name for item in run_helpers.items(run).values() if item.outstanding_amount in amounts]


def test_all_found_items_are_selected(draft):
	assert selected(draft) == [1, 2, 3, 4, 5, 6]
	assert (draft.found_count, draft.selected_count, draft.selected_amount) == (6, 6, 21)


def test_select_none_some_and_all(draft):
	draft.set_selection(selected=False)
	assert selected(draft) == []
	draft.set_selection(selected=True, items=names(draft, 2, 5))
	assert selected(draft) == [2, 5]
	draft.set_selection(selected=False, items=names(draft, 5, 6))
	assert selected(draft) == [2]
	draft.set_selection(selected=True)
	assert selected(draft) == [1, 2, 3, 4, 5, 6]


def test_select_under_a_filter(draft):
	draft.set_selection(selected=False, filters={"customer": "Anchor"})
	assert selected(draft) == [4, 5, 6]
	draft.set_selection(selected=False, filters={"outstanding_amount": [">=", 6]})
	assert selected(draft) == [4, 5]
	draft.set_selection(selected=True, filters={"customer": "Anchor", "outstanding_amount": ["<", 2]})
	assert selected(draft) == [1, 4, 5]


def test_invert_all_or_under_a_filter(draft):
	draft.set_selection(selected=False, items=names(draft, 1, 4))
	draft.set_selection(invert=True)
	assert selected(draft) == [1, 4]
	draft.set_selection(invert=True, filters={"customer": "Elm"})
	assert selected(draft) == [1, 5, 6]


def test_selection_as_the_desk_sends_it(draft):
	"""JSON strings and 0 or 1."""
	summary = draft.set_selection(selected="0", items=frappe.as_json(names(draft, 1)), filters="{}")
	assert selected(draft) == [2, 3, 4, 5, 6]
	assert (summary["selected"]["count"], summary["selected"]["base_amount"]) == (5, 20)
	draft.reload()
	assert (draft.found_count, draft.selected_count, draft.selected_amount) == (6, 5, 20)


def test_an_empty_list_of_items_selects_nothing(draft):
	draft.set_selection(selected=False, items=[])
	assert selected(draft) == [1, 2, 3, 4, 5, 6]


def test_items_of_another_run_are_not_touched(draft):
	other = run_helpers.run()
	draft.set_selection(selected=False, items=names(other, 1, 2, 3))
	assert selected(other) == selected(draft) == [1, 2, 3, 4, 5, 6]


def test_what_is_left_out_cannot_be_ticked(draft):
	exclude_balances(ELM)
	draft.find_invoices()
	draft.set_selection(selected=True)
	assert selected(draft) == [1, 2, 3]


def test_what_cannot_be_filtered_by_is_refused(draft):
	with pytest.raises(frappe.ValidationError, match="cannot be filtered by"):
		draft.set_selection(selected=False, filters={"run": "WOR-2026-00001"})
	assert selected(draft) == [1, 2, 3, 4, 5, 6]


# -------------------------------------------------------------------------------------------- finding again


def test_finding_again_says_what_changed_and_keeps_what_was_unticked(draft):
	draft.set_selection(selected=False, items=names(draft, 1, 2))
	of = {int(item.outstanding_amount): voucher for voucher, item in run_helpers.items(draft).items()}
	pay(of[2], 1.50, "2026-02-01")
	pay(of[3], 3, "2026-02-01")
	pay(of[4], 1.50, "2026-02-01")
	invoice(ELM, 7, "2026-02-01")

	counts = draft.find_invoices()
	assert {key: counts[key] for key in ("found", "selected", "excluded", "added", "dropped", "changed")} == {
		"found": 6,
		"selected": 4,
		"excluded": 0,
		"added": 1,  # 7
		"dropped": 1,  # 3, paid
		"changed": 2,  # 2 and 4, paid in part
	}
	assert sorted((item.outstanding_amount, item.selected) for item in run_helpers.items(draft).values()) == [
		(0.5, 0),
		(1, 0),
		(2.5, 1),
		(5, 1),
		(6, 1),
		(7, 1),
	]


def test_finding_again_with_nothing_new(draft):
	counts = draft.find_invoices()
	assert [counts[key] for key in ("found", "selected", "added", "dropped", "changed")] == [6, 6, 0, 0, 0]


def test_an_invoice_now_left_out_is_dropped_and_comes_back_ticked(draft):
	exclude_balances(ELM)
	counts = draft.find_invoices()
	assert [counts[key] for key in ("found", "excluded", "added", "dropped")] == [3, 3, 0, 3]
	frappe.db.set_value("Customer", ELM, "exclude_from_write_off", 0)
	counts = draft.find_invoices()
	assert [counts[key] for key in ("found", "excluded", "added", "dropped")] == [6, 0, 3, 0]
	assert selected(draft) == [1, 2, 3, 4, 5, 6]


def test_changing_a_criterion_empties_the_list(draft):
	"""A list found with other criteria would be the answer to another question."""
	draft.max_invoice_amount = 3
	draft.save()
	assert run_helpers.items(draft) == {}
	assert (draft.found_count, draft.selected_count, draft.selected_amount) == (0, 0, 0)
	draft.find_invoices()
	assert selected(draft) == [1, 2, 3]


def test_saving_without_a_change_keeps_the_list(draft):
	draft.save()
	assert selected(draft) == [1, 2, 3, 4, 5, 6]


def test_finding_on_a_submitted_run_is_refused(draft):
	run_helpers.post(draft)
	with pytest.raises(frappe.ValidationError, match="can no longer be changed"):
		draft.find_invoices()
	with pytest.raises(frappe.ValidationError, match="can no longer be changed"):
		draft.set_selection(selected=False)


def test_a_page_of_the_list(draft):
	page = draft.get_items(start=2, page_length=2, sort_by="outstanding_amount", sort_order="desc")
	assert [item.outstanding_amount for item in page["items"]] == [4, 3]
	assert page["total"] == 6
	page = draft.get_items(filters={"customer": "Anchor"}, page_length=2)
	assert ([item.outstanding_amount for item in page["items"]], page["total"]) == ([1, 2], 3)
