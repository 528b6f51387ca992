"""Bad Debt Tax Relief: claims by status and by box of the return, compared with the General Ledger."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import frappe
import pytest
from frappe.desk.desktop import get_desktop_page
from frappe.desk.doctype.number_card import number_card
from frappe.desk.query_report import export_query
from frappe.desk.query_report import run as run_report
from frappe.utils import add_days, getdate

from ar_writeoff import jobs
from ar_writeoff.ar_writeoff.report.bad_debt_tax_relief import bad_debt_tax_relief as relief
from tests.site import run_helpers
from tests.site.db_snapshot import clear_data_caches
from tests.site.factories import (
	AUDITOR,
	HL,
	MANAGER,
	NW,
	OUTSIDER,
	PREPARER,
	TODAY,
	as_user,
	cost_center,
	credit_note,
	invoice,
	journal,
	line,
	outstanding,
	pay,
	permit,
)
from tests.site.test_integrity import recorded_queries
from tests.site.test_tax_claims import claims, taxed
from tests.site.test_tax_rules import tax_account, use_rule
from tests.site.test_tax_runs import RELIEF, balance_of, entries, tax_run, written_off

BY_BOX, ACCOUNT = "By Box of the Return", "Refunds for Bad Debts Account"
JULY = {"from_date": "2026-07-01", "to_date": "2026-07-31", "posting_date": "2026-07-31"}


@pytest.fixture(autouse=True)
def rule(site: str) -> Any:
	"""As it comes with the app: its boxes are 4 and 1."""
	return use_rule()


def report(**filters: Any) -> tuple[list[Any], str | None, dict[str, float]]:
	_columns, rows, message, _chart, summary = relief.execute({"company": HL, **filters})
	return rows, message, {one["label"]: one["value"] for one in summary or ()}


def recover(sale: Any, amount: float, day: str) -> None:
	[claim] = claims(sale)
	with as_user(MANAGER):
		frappe.get_doc("Write-Off Run", claim.run).reinstate([claim.item], {claim.item: amount}, day)


def claimed_and_recovered() -> Any:
	"""100.00 is claimed in June, 40.00 repaid in July, and 20.00 of somebody else claimed in June."""
	sale = written_off()
	taxed(100, 20, who="Breakwater Bar")
	run_helpers.post(run_helpers.run())
	run_helpers.post(tax_run())
	recover(sale, 280, "2026-07-10")
	run_helpers.post(tax_run(**JULY))
	return sale


def test_claims_by_status() -> None:
	sale = written_off()
	taxed(1000, 200, who="Breakwater Bar", due_date="2036-05-31")
	run_helpers.post(run_helpers.run())
	rows, message, totals = report()
	assert [(row.customer, row.state, row.to_claim) for row in rows] == [
		("Anchor Cafe", "Claimable", 100),
		("Breakwater Bar", "Waiting", 200),
	]
	assert message == f"The totals match the General Ledger of {RELIEF}."
	nothing = {"Needs Notice": 0, "Lapsing Within 90 Days": 0, "Claimed": 0, "To Repay": 0, "Repaid": 0}
	assert totals == {**nothing, "Waiting": 200, "Claimable Now": 100}
	run_helpers.post(tax_run())
	recover(sale, 280, TODAY)
	rows, _message, totals = report(status="Claimed")
	assert [(row.sales_invoice, row.claimed_amount, row.to_claim, row.to_repay) for row in rows] == [
		(sale.name, 100, 0, 40)
	]
	run_helpers.post(tax_run())
	_rows, message, totals = report()
	assert totals == {**nothing, "Waiting": 200, "Claimable Now": 0, "Claimed": 100, "Repaid": 40}
	assert balance_of(RELIEF) == 60
	assert message == f"The totals match the General Ledger of {RELIEF}."


@pytest.mark.parametrize(
	("days", "open_amount", "soon"), [(-1, 0, 0), (0, 100, 100), (90, 100, 100), (91, 100, 0)]
)
def test_what_lapses_within_90_days(days: int, open_amount: float, soon: float) -> None:
	"""The last day counts."""
	sale = written_off()
	frappe.db.set_value(
		"Write-Off Tax Claim", {"sales_invoice": sale.name}, "lapses_on", add_days(getdate(), days)
	)
	totals = report()[2]
	assert (totals["Claimable Now"], totals["Lapsing Within 90 Days"]) == (open_amount, soon)


def test_open_claims_come_first_by_their_last_day() -> None:
	written_off()
	run_helpers.post(tax_run())
	later, sooner = taxed(100, 20), taxed(100, 20, who="Breakwater Bar")
	run_helpers.post(run_helpers.run())
	for sale, days in ((later, 100), (sooner, 10)):
		last = add_days(getdate(), days)
		frappe.db.set_value("Write-Off Tax Claim", {"sales_invoice": sale.name}, "lapses_on", last)
	assert [row.sales_invoice for row in report()[0]][:2] == [sooner.name, later.name]


def test_by_period_and_box() -> None:
	sale = claimed_and_recovered()
	rows, message, _totals = report(show=BY_BOX)
	rows[1:3] = sorted(rows[1:3], key=lambda row: row.customer)
	assert [(row.indent, row.kind, row.box, row.claims, row.amount, row.customer) for row in rows] == [
		(0, "Claim", "4", 2, 120, None),
		(1, "Claim", "4", None, 100, "Anchor Cafe"),
		(1, "Claim", "4", None, 20, "Breakwater Bar"),
		(0, "Repayment", "1", 1, -40, None),
		(1, "Repayment", "1", None, -40, "Anchor Cafe"),
	]
	assert rows[4].sales_invoice == sale.name
	assert rows[0].period == "06-01-2026 – 06-30-2026"
	assert message == f"The totals match the General Ledger of {RELIEF}."
	assert sum(row.amount for row in rows if not row.indent) == balance_of(RELIEF) == 80
	july = report(show=BY_BOX, from_date="2026-07-01", to_date="2026-07-31")[0]
	assert [row.amount for row in july] == [-40, -40]
	assert report(show=BY_BOX, from_date="2026-08-01")[0] == []


def test_a_tax_account_has_boxes_of_its_own(rule: Any) -> None:
	claimed_and_recovered()
	rule.reload()
	rule.accounts[0].claim_box = "4a"
	rule.save()
	assert [row.box for row in report(show=BY_BOX)[0] if not row.indent] == ["4a", "1"]


def test_the_account_of_refunds_for_bad_debts() -> None:
	"""The invoice, its tax and when it was charged, what was paid, what was claimed, and the periods of claim and repayment."""
	run_helpers.settings(tax_return_period="Quarter")
	sale = claimed_and_recovered()
	[claim] = claims(sale)
	reinstated = outstanding(sale)
	pay(sale, 280, "2026-07-15")
	rows, message, _totals = report(show=ACCOUNT)
	rows.sort(key=lambda row: row.customer)
	assert [
		(
			row.sales_invoice,
			str(row.supply_date),
			row.invoiced,
			row.tax_charged,
			row.paid,
			row.written_off_amount,
		)
		for row in rows
	] == [
		(sale.name, "2025-01-01", 1400, 200, 980, 700),
		(claims(customer="Breakwater Bar")[0].sales_invoice, "2025-01-01", 120, 20, 0, 120),
	]
	assert reinstated == 280 and rows[0].name == claim.name
	assert [
		(row.charged_period, row.claimed_amount, row.claim_period, row.repaid_amount, row.repayment_period)
		for row in rows
	] == [
		(
			"01-01-2025 – 03-31-2025",
			100,
			"06-01-2026 – 06-30-2026",
			40,
			"07-01-2026 – 07-31-2026",
		),
		("01-01-2025 – 03-31-2025", 20, "06-01-2026 – 06-30-2026", 0, ""),
	]
	assert message == f"The totals match the General Ledger of {RELIEF}."
	july = report(show=ACCOUNT, from_date="2026-07-01", to_date="2026-07-31")[0]
	assert [
		(row.name, row.claim_period, row.repayment_period, row.claimed_amount, row.repaid_amount)
		for row in july
	] == [(claim.name, "", "07-01-2026 – 07-31-2026", 0, 40)]
	june = report(show=ACCOUNT, to_date="2026-06-30")[0]
	assert sorted((row.claimed_amount, row.repaid_amount) for row in june) == [(20, 0), (100, 0)]


def test_what_is_paid_is_no_credit_note_and_no_write_off() -> None:
	"""At the rate of the invoice; a part in cash at the sale counts."""
	vat = {"charge_type": "On Net Total", "account_head": tax_account(), "description": "VAT", "rate": 20}
	vat["cost_center"] = "Main - HL"
	foreign = invoice(
		"Helios SARL", 1000, "2025-01-01", currency="EUR", rate=1.2, taxes=[vat], due_date="2025-01-31"
	)
	credit_note(foreign, 240)
	pay(foreign, 600, "2025-02-01", rate=1.3)
	run_helpers.post(run_helpers.run())
	run_helpers.post(tax_run())
	[row] = report(show=ACCOUNT)[0]
	assert (row.invoiced, row.tax_charged, row.paid, row.written_off_amount) == (1152, 192, 720, 432)
	assert row.claimed_amount == 72


@pytest.mark.parametrize("kind", ["Write Off Entry", "Exchange Gain Or Loss"])
def test_an_entry_that_settles_without_a_payment_is_not_paid(kind: str) -> None:
	sale = taxed(1200, 200)
	pay(sale, 300, "2025-02-01")
	journal(
		line("Debtors", credit=400, party="Anchor Cafe", against=sale),
		line("Write Off", 400),
		posting_date="2025-03-01",
		voucher_type=kind,
	)
	run_helpers.post(run_helpers.run())
	run_helpers.post(tax_run())
	[row] = report(show=ACCOUNT)[0]
	assert (row.invoiced, row.paid, row.written_off_amount) == (1400, 300, 700)


def test_what_was_entered_manually_is_in_the_account() -> None:
	entry = journal(
		line("Debtors", 60, party="Anchor Cafe"), line("Sales", credit=60), posting_date="2025-02-01"
	)
	run_helpers.post(run_helpers.run())
	doc = frappe.get_doc("Write-Off Tax Claim", claims(voucher_no=entry.name)[0].name)
	doc.tax_fraction = "1/6"
	doc.save()
	run_helpers.post(tax_run())
	[row] = report(show=ACCOUNT)[0]
	assert (row.name, row.sales_invoice, row.tax_charged, row.claimed_amount) == (doc.name, None, None, 10)


def test_boxes_for_other_apps() -> None:
	claimed_and_recovered()
	june, july = jobs.box_amounts(HL)
	assert june == {
		"from_date": getdate("2026-06-01"),
		"to_date": getdate("2026-06-30"),
		"kind": "Claim",
		"box": "4",
		"relief_account": RELIEF,
		"amount": 120,
		"claims": 2,
	}
	assert (july["kind"], july["box"], july["amount"], july["claims"]) == ("Repayment", "1", -40, 1)
	assert jobs.box_amounts(HL, "2026-07-01", "2026-07-31") == [july]
	assert jobs.box_amounts(NW) == []


@pytest.mark.parametrize(
	("show", "expected"),
	[
		("Claims", ["Claim", "Anchor Cafe", "Claimable", "100"]),
		(BY_BOX, ["4", "100"]),
		(ACCOUNT, ["Anchor Cafe", "200", "1400", "700"]),
	],
)
def test_the_report_is_exported_as_csv(show: str, expected: list[str]) -> None:
	sale = written_off()
	if show != "Claims":
		run_helpers.post(tax_run())
	rows = exported(show)
	assert len(rows) == {"Claims": 2, BY_BOX: 3, ACCOUNT: 2}[show]
	assert sale.name in rows[-1]
	text = ";".join(rows[1] + rows[-1])
	assert [said for said in expected if said not in text] == [], rows


def exported(show: str) -> list[list[str]]:
	frappe.local.response = frappe._dict(docs=[])
	with as_user(MANAGER):
		frappe.local.form_dict = frappe._dict(
			report_name="Bad Debt Tax Relief",
			file_format_type="CSV",
			filters=frappe.as_json({"company": HL, "show": show}),
			visible_idx=frappe.as_json(list(range(10))),
		)
		export_query()
	content = frappe.local.response["filecontent"]
	text = content if isinstance(content, str) else content.decode("utf-8-sig")
	return [row for row in csv.reader(io.StringIO(text.lstrip("\ufeff"))) if row]


# The workspace


def card(who: str) -> float:
	doc = frappe.get_doc("Number Card", "Tax Claimable Now")
	with as_user(who):
		filters = [*json.loads(doc.filters_json), ["Write-Off Tax Claim", "company", "=", HL]]
		return number_card.get_result(doc.as_json(), frappe.as_json(filters))


def cards_of_workspace(who: str) -> set[str]:
	page = frappe.get_doc("Workspace", "AR Write-Off")
	with as_user(who):
		shown = get_desktop_page(frappe.as_json({"name": page.name, "title": page.title}))
	return {row.get("number_card_name") for row in shown["number_cards"]["items"]}


def test_the_card_of_what_is_claimable_now() -> None:
	written_off()
	taxed(1000, 200, who="Breakwater Bar", due_date="2036-05-31")
	taxed(100, 20, who="Compass Stores")
	run_helpers.post(run_helpers.run())
	assert card(MANAGER) == 120
	permit(PREPARER, "Customer", "Compass Stores")
	assert card(PREPARER) == 20
	assert {"Tax Claimable Now", "Written Off This Year"} <= cards_of_workspace(MANAGER)
	run_helpers.settings(tax_rule=None)
	assert "Tax Claimable Now" not in cards_of_workspace(MANAGER)
	assert "Written Off This Year" in cards_of_workspace(MANAGER)
	with as_user(OUTSIDER):
		assert not frappe.has_permission("Number Card", doc="Written Off This Year")


@pytest.mark.parametrize("dated", [False, True])
def test_a_claim_that_was_undone_is_in_no_box(dated: bool) -> None:
	written_off()
	run = run_helpers.post(tax_run())
	with as_user(MANAGER):
		run.reverse(TODAY, dated=True) if dated else run.cancel()
	assert report(show=BY_BOX)[:2] == ([], f"The totals match the General Ledger of {RELIEF}.")
	assert report()[2]["Claimable Now"] == 100


@pytest.mark.corrupts_ledgers
def test_a_difference_to_the_ledger_is_told() -> None:
	written_off()
	run = run_helpers.post(tax_run())
	frappe.db.set_value("GL Entry", {"voucher_no": entries(run)[0], "account": RELIEF}, "debit", 99)
	assert report()[1] == f"The totals differ from the General Ledger: {RELIEF}: $ 1.00"


def test_other_entries_on_the_relief_account_are_told() -> None:
	written_off()
	run_helpers.post(tax_run())
	journal(line("VAT on Bad Debts", 15), line("House Bank", credit=15), posting_date=TODAY)
	assert report()[1] == (
		f"The totals match the General Ledger of {RELIEF}."
		f"<br>Entries that are not of tax runs: {RELIEF}: $ 15.00"
	)


def test_a_company_without_claims_has_an_empty_report() -> None:
	for show in ("Claims", BY_BOX, ACCOUNT):
		assert report(show=show)[:2] == ([], None)


@pytest.mark.parametrize(
	("doctype", "value"),
	[("Customer", "Breakwater Bar"), ("Cost Center", "North Pier - HL")],
)
def test_a_part_is_shown_to_who_may_see_a_part(doctype: str, value: str) -> None:
	taxed(100, 31)
	taxed(100, 20, who="Breakwater Bar", cost_center=cost_center("North Pier"))
	run_helpers.post(run_helpers.run())
	run_helpers.post(tax_run())
	permit(PREPARER, doctype, value)
	with as_user(PREPARER):
		rows, message, totals = report()
		assert ([row.customer for row in rows], message, totals["Claimed"]) == (["Breakwater Bar"], None, 20)
		assert [row.customer for row in report(show=ACCOUNT)[0]] == ["Breakwater Bar"]
		total, detail = report(show=BY_BOX)[0]
		assert (total.claims, total.amount, detail.customer) == (1, 20, "Breakwater Bar")


def test_another_company_is_refused() -> None:
	permit(PREPARER, "Company", NW)
	with as_user(PREPARER), pytest.raises(frappe.PermissionError):
		report()
	frappe.db.rollback()
	clear_data_caches()


@pytest.mark.parametrize("user", [PREPARER, MANAGER, AUDITOR])
@pytest.mark.parametrize("show", ["Claims", BY_BOX, ACCOUNT])
def test_it_opens_at_the_desk_for_every_role(user: str, show: str) -> None:
	claimed_and_recovered()
	with as_user(user):
		found = run_report("Bad Debt Tax Relief", filters={"company": HL, "show": show})
		assert len(found["result"]) == (5 if show == BY_BOX else 2)
		assert found["message"] == f"The totals match the General Ledger of {RELIEF}."


@pytest.mark.parametrize("show", ["Claims", BY_BOX, ACCOUNT])
def test_it_reads_nothing_twice(show: str) -> None:
	claimed_and_recovered()
	report(show=show)
	with recorded_queries() as queries:
		assert report(show=show)[0]
	assert sorted(queries) == sorted(set(queries))
