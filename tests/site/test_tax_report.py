"""Bad Debt Tax Relief: claims by status and by box of the return, compared with the General Ledger."""

from __future__ import annotations

from typing import Any

import frappe
import pytest
from frappe.desk.query_report import run as run_report
from frappe.utils import add_days, getdate

from ar_writeoff.ar_writeoff.report.bad_debt_tax_relief import bad_debt_tax_relief as relief
from tests.site import run_helpers
from tests.site.db_snapshot import clear_data_caches
from tests.site.factories import (
	AUDITOR,
	HL,
	MANAGER,
	NW,
	PREPARER,
	TODAY,
	as_user,
	cost_center,
	journal,
	line,
	permit,
)
from tests.site.test_integrity import recorded_queries
from tests.site.test_tax_claims import claims, taxed
from tests.site.test_tax_rules import use_rule
from tests.site.test_tax_runs import RELIEF, balance_of, entries, tax_run, written_off

BY_BOX = "By Box of the Return"
JULY = {"from_date": "2026-07-01", "to_date": "2026-07-31", "posting_date": "2026-07-31"}


@pytest.fixture(autouse=True)
def rule(site: str) -> Any:
	rule = use_rule()
	rule.reload()
	rule.accounts[0].update({"claim_box": "4", "repayment_box": "1"})
	rule.save()
	return rule


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
	taxed(1000, 200, who="Breakwater Bar", posting_date="2026-05-31", due_date="2026-05-31")
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
	for show in ("Claims", BY_BOX):
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
		total, detail = report(show=BY_BOX)[0]
		assert (total.claims, total.amount, detail.customer) == (1, 20, "Breakwater Bar")


def test_another_company_is_refused() -> None:
	permit(PREPARER, "Company", NW)
	with as_user(PREPARER), pytest.raises(frappe.PermissionError):
		report()
	frappe.db.rollback()
	clear_data_caches()


@pytest.mark.parametrize("user", [PREPARER, MANAGER, AUDITOR])
@pytest.mark.parametrize("show", ["Claims", BY_BOX])
def test_it_opens_at_the_desk_for_every_role(user: str, show: str) -> None:
	claimed_and_recovered()
	with as_user(user):
		found = run_report("Bad Debt Tax Relief", filters={"company": HL, "show": show})
		assert len(found["result"]) == (2 if show == "Claims" else 5)
		assert found["message"] == f"The totals match the General Ledger of {RELIEF}."


@pytest.mark.parametrize("show", ["Claims", BY_BOX])
def test_it_reads_nothing_twice(show: str) -> None:
	claimed_and_recovered()
	report(show=show)
	with recorded_queries() as queries:
		assert report(show=show)[0]
	assert sorted(queries) == sorted(set(queries))
