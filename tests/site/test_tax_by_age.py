"""Claims by age: the tax of unpaid invoices is claimed without a write-off, repaid when the customer pays, and released to the
loss when the invoice is written off.
"""

from __future__ import annotations

from typing import Any

import frappe
import pytest
from frappe.utils import getdate

from ar_writeoff import jobs
from ar_writeoff.ar_writeoff.report.bad_debt_tax_relief import bad_debt_tax_relief as relief
from ar_writeoff.tax_relief import age
from tests.site import ledger_checks, run_helpers
from tests.site.factories import (
	HL,
	MANAGER,
	account,
	accounting_period,
	as_user,
	cost_center,
	credit_note,
	invoice,
	new_account,
	pay,
	permit,
	project,
	user,
)
from tests.site.ledger_checks import gl_table
from tests.site.test_tax_claims import claims, taxed
from tests.site.test_tax_rules import tax_account, use_rule
from tests.site.test_tax_runs import JULY, LOSS, balance_of, entries, item_of, ledger_rows, tax_run

AUSTRALIA = "Australia: overdue 12 months or more"
NETHERLANDS = "Netherlands: one year after the due date, without a write-off"
RELIEF, DEFERRED = "VAT on Bad Debts - HL", "Deferred VAT on Unpaid Debts - HL"
AUGUST = {"from_date": "2026-08-01", "to_date": "2026-08-31", "posting_date": "2026-08-31"}


def deferred_account(name: str = "Deferred VAT on Unpaid Debts") -> str:
	full = account(name)
	if frappe.db.exists("Account", full):
		return full
	return new_account(name, "Current Liabilities", HL)


def use_age_rule(name: str = AUSTRALIA, **accounts: str) -> Any:
	rule = frappe.get_doc("Write-Off Tax Rule", name)
	mapped = accounts or {tax_account(): tax_account("VAT on Bad Debts")}
	rule.set(
		"accounts",
		[
			{"tax_account": tax, "relief_account": relief, "interim_account": deferred_account()}
			for tax, relief in mapped.items()
		],
	)
	rule.save()
	run_helpers.settings(tax_rule=name)
	return rule


@pytest.fixture(autouse=True)
def rule(site: str) -> Any:
	return use_age_rule()


def unpaid(net: float = 1000, tax: float = 100, paid: float = 330, **values: Any) -> Any:
	"""By default the example of Australia: 770.00 of 1,100.00 with 100.00 GST are overdue 12 months."""
	sale = taxed(net, tax, **{"due_date": "2025-05-31", **values})
	if paid:
		pay(sale, paid, "2025-02-10")
	return sale


def post(**period: str) -> str:
	"""The ledger rows of a tax run of the period."""
	[entry] = entries(run_helpers.post(tax_run(**period)))
	return gl_table(entry)


def assert_books_agree() -> None:
	ledger_checks.assert_debits_equal_credits(HL)
	ledger_checks.assert_ple_equals_gl(HL)
	rows = claims()
	of_age = sum(row.claimed_amount - row.repaid_amount for row in rows if not row.item)
	released = sum(row.claimed_amount - row.repaid_amount for row in rows if row.releases)
	of_losses = sum(row.claimed_amount - row.repaid_amount for row in rows if row.item and not row.releases)
	assert balance_of(RELIEF) == pytest.approx(of_age + of_losses)
	assert balance_of(DEFERRED) == pytest.approx(released - of_age)
	message = relief.execute({"company": HL})[2]
	assert message is None or "differ" not in message, message


def test_the_example_of_australia() -> None:
	"""770.00 / 11 = 70.00; 220.00 is paid later: 20.00; the rest is written off: 50.00 is released."""
	sale = unpaid()
	before = ledger_rows()
	run = tax_run()
	item, [claim] = item_of(run), claims(sale)
	assert (claim.name, claim.item, claim.run) == (f"{sale.name}-A1", None, None)
	assert (item.voucher_type, item.voucher_no) == ("Write-Off Tax Claim", claim.name)
	assert (item.receivable_account, item.write_off_amount, item.selected) == (RELIEF, 70, 1)
	assert (claim.status, claim.tax_amount, claim.written_off_amount) == ("Claimable", 70, 770)
	assert (str(claim.claimable_on), claim.lapses_on) == ("2026-06-01", None)
	with as_user(MANAGER):
		plan = run.preview_entries()
	assert plan["problems"] == [] and plan["skipped"] == []
	assert [(row["account"], row["debit"], row["credit"]) for row in plan["accounts"]] == [
		(DEFERRED, 0, 70),
		(RELIEF, 70, 0),
	]
	run_helpers.post(run)
	assert (
		gl_table(entries(run)[0])
		== """\
account                           | party | cost center | debit | credit | against
VAT on Bad Debts - HL             |       |             | 70.00 |        |
Deferred VAT on Unpaid Debts - HL |       |             |       |  70.00 |"""
	)
	assert ledger_rows() == before
	assert (claims(sale)[0].status, run.claimed_amount) == ("Claimed", 70)
	assert run_helpers.items(tax_run()) == {}, "posting again posts nothing"
	with as_user(MANAGER):
		assert run.verify_approval()["intact"]
	assert_books_agree()

	pay(sale, 220, "2026-07-10")
	assert run_helpers.items(tax_run()) == {}, "not in the return of June"
	assert (
		post(**JULY)
		== """\
account                           | party | cost center | debit | credit | against
Deferred VAT on Unpaid Debts - HL |       |             | 20.00 |        |
VAT on Bad Debts - HL             |       |             |       |  20.00 |"""
	)
	assert (claims(sale)[0].status, claims(sale)[0].repaid_amount) == ("Partly Repaid", 20)
	assert_books_agree()

	write_off = run_helpers.run(posting_date="2026-08-15", cutoff_date="2026-08-15")
	told = write_off.preview_entries()["tax_relief"]
	assert (told["tax"], told["released"], told["loss"]) == (0, 50, 500)
	run_helpers.post(write_off)
	release = claims(sale, releases=claim.name)[0]
	assert (release.name, release.relief_account, release.tax_amount) == (f"{sale.name}-T1", DEFERRED, 50)
	run = run_helpers.post(tax_run(**AUGUST))
	assert (
		gl_table(entries(run)[0])
		== """\
account                           | party | cost center | debit | credit | against
Deferred VAT on Unpaid Debts - HL |       |             | 50.00 |        |
Write Off - HL                    |       | Main - HL   |       |  50.00 |"""
	)
	assert (run.claimed_amount, run.repaid_amount) == (0, 0), "nothing is claimed from the tax office"
	assert (balance_of(RELIEF), balance_of(DEFERRED), balance_of(LOSS)) == (50, 0, 500)
	assert [(row["kind"], row["amount"]) for row in jobs.box_amounts(HL)] == [
		("Claim", 70),
		("Repayment", -20),
	]
	assert_books_agree()


def test_a_payment_after_the_release() -> None:
	"""Reinstated and paid: the loss takes its tax back, and the tax office is repaid."""
	sale = unpaid()
	run_helpers.post(tax_run())
	write_off = run_helpers.post(run_helpers.run())
	run_helpers.post(tax_run())
	assert (balance_of(RELIEF), balance_of(DEFERRED), balance_of(LOSS)) == (70, 0, 700)
	item = item_of(write_off)
	with as_user(MANAGER):
		write_off.reinstate([item.name], {item.name: 220}, "2026-07-10")
	pay(sale, 220, "2026-07-15")
	assert (
		post(**JULY)
		== """\
account                           | party | cost center | debit | credit | against
Deferred VAT on Unpaid Debts - HL |       |             | 20.00 |        |
Write Off - HL                    |       | Main - HL   | 20.00 |        |
Deferred VAT on Unpaid Debts - HL |       |             |       |  20.00 |
VAT on Bad Debts - HL             |       |             |       |  20.00 |"""
	)
	assert (balance_of(RELIEF), balance_of(DEFERRED), balance_of(LOSS)) == (50, 0, 500)
	assert_books_agree()


@pytest.mark.parametrize(
	("net", "tax", "claimed", "repaid"), [(1000, 100, 70, 20), (1020, 80, 56, 16)], ids=["all", "80 %"]
)
def test_a_supply_that_is_taxable_in_part(net: float, tax: float, claimed: float, repaid: float) -> None:
	sale = unpaid(net, tax)
	run_helpers.post(tax_run())
	assert balance_of(RELIEF) == claimed == -balance_of(DEFERRED)
	pay(sale, 220, "2026-07-10")
	run_helpers.post(tax_run(**JULY))
	assert balance_of(RELIEF) == claimed - repaid


def test_the_first_day() -> None:
	"""Due on 30 June 2025, so overdue 12 months on 30 June 2026."""
	unpaid(due_date="2025-06-30")
	assert run_helpers.items(tax_run()) == {} and claims() == []
	first = {"from_date": "2026-07-01", "to_date": "2026-07-31", "posting_date": "2026-07-01"}
	assert item_of(tax_run(**first)).write_off_amount == 70


def test_a_forced_return_period() -> None:
	"""In the Netherlands the claim is made in the return of its first day. What lapsed before is not found."""
	use_age_rule(NETHERLANDS)
	frappe.db.set_value("Write-Off Tax Rule", AUSTRALIA, "disabled", 1)
	unpaid(due_date="2025-05-31")
	unpaid(due_date="2025-04-30", who="Breakwater Bar")
	run = tax_run()
	[claim] = claims()
	assert (str(claim.claimable_on), str(claim.lapses_on)) == ("2026-06-01", "2026-06-30")
	run_helpers.post(run)
	assert balance_of(RELIEF) == 70


def test_the_daily_job_creates_claims_once() -> None:
	sale = unpaid()
	unpaid(who="Breakwater Bar", due_date="2026-06-30")
	invoice("Anchor Cafe", 100, "2025-01-01", due_date="2025-01-31")
	for _again in range(2):
		age.update_companies(getdate("2026-07-01"))
		assert [(claim.sales_invoice, claim.status) for claim in claims()] == [(sale.name, "Claimable")]
	pay(sale, 770)
	age.update_companies(getdate("2026-07-01"))
	[claim] = claims()
	assert (claim.status, claim.claimable_amount) == ("Withdrawn", 0)
	assert run_helpers.items(tax_run()) == {}


def test_only_companies_with_such_a_rule_have_claims() -> None:
	run_helpers.settings(tax_rule=None)
	unpaid()
	age.update_companies(getdate("2026-07-01"))
	use_rule()
	tax_run()
	assert claims() == []


def test_undo_and_a_cancelled_payment() -> None:
	sale = unpaid()
	run = run_helpers.post(tax_run())
	with as_user(MANAGER):
		run.cancel()
	assert (claims(sale)[0].status, claims(sale)[0].claimed_amount) == ("Claimable", 0)
	assert (balance_of(RELIEF), balance_of(DEFERRED)) == (0, 0)
	run_helpers.post(tax_run())
	paid = pay(sale, 220, "2026-07-10")
	run_helpers.post(tax_run(**JULY))
	paid.cancel()
	run_helpers.post(tax_run(**JULY))
	[claim] = claims(sale)
	assert (claim.status, claim.claimed_amount, claim.repaid_amount) == ("Claimed", 90, 20)
	assert (balance_of(RELIEF), balance_of(DEFERRED)) == (70, -70)
	assert_books_agree()


def test_a_payment_after_the_search_is_not_claimed() -> None:
	sale = unpaid()
	run = tax_run()
	pay(sale, 220)
	with as_user(MANAGER):
		assert run.preview_entries()["skipped_count"] == 1
	run_helpers.post(run)
	assert (item_of(run).status, entries(run)) == ("Skipped", [])
	assert item_of(tax_run()).write_off_amount == 50


def test_a_write_off_before_the_claim() -> None:
	"""Of 770.00 a part of 385.00 is written off before: its tax is claimed against the loss, the rest is deferred."""
	sale = unpaid()
	write_off = run_helpers.run()
	with as_user(MANAGER):
		write_off.set_write_off_amount(item_of(write_off).name, 385)
	run_helpers.post(write_off)
	assert (
		post()
		== """\
account                           | party | cost center | debit | credit | against
VAT on Bad Debts - HL             |       |             | 70.00 |        |
Deferred VAT on Unpaid Debts - HL |       |             |       |  35.00 |
Write Off - HL                    |       | Main - HL   |       |  35.00 |"""
	)
	assert sorted(claim.name for claim in claims(sale)) == [f"{sale.name}-A1", f"{sale.name}-T1"]
	rest = run_helpers.post(run_helpers.run())
	run_helpers.post(tax_run())
	assert (balance_of(RELIEF), balance_of(DEFERRED), balance_of(LOSS)) == (70, 0, 700)
	assert_books_agree()
	with as_user(MANAGER):
		rest.cancel()
	run_helpers.post(tax_run())
	assert (balance_of(RELIEF), balance_of(DEFERRED), balance_of(LOSS)) == (70, -35, 350)
	assert_books_agree()


def test_a_loss_of_more_than_was_deferred() -> None:
	"""385.00 is claimed by age, then 385.00 that was written off before is reinstated, and 770.00 is written off."""
	sale = unpaid()
	first = run_helpers.run()
	with as_user(MANAGER):
		first.set_write_off_amount(item_of(first).name, 385)
	run_helpers.post(first)
	run = tax_run()
	of_loss = next(name for name in run_helpers.items(run) if name.endswith("-T1"))
	with as_user(MANAGER):
		run.set_selection(False, items=[run_helpers.items(run)[of_loss].name])
	run_helpers.post(run)
	with as_user(MANAGER):
		first.reload().cancel()
	run_helpers.post(run_helpers.run())
	parts = [(row.tax_amount, bool(row.releases)) for row in claims(sale, status="Claimable")]
	assert sorted(parts) == [(35, False), (35, True)]
	run_helpers.post(tax_run())
	assert (balance_of(RELIEF), balance_of(DEFERRED), balance_of(LOSS)) == (70, 0, 700)
	assert run_helpers.items(tax_run()) == {}
	assert_books_agree()


def test_cents_of_several_losses() -> None:
	"""16.67 of 100.00 is released in three losses to the cent, and nothing else is posted."""
	use_age_rule(NETHERLANDS)
	sale = unpaid(83.33, 16.67, 0)
	run_helpers.post(tax_run())
	for part in (33.33, 33.33, 33.34):
		run = run_helpers.run()
		with as_user(MANAGER):
			run.set_write_off_amount(item_of(run).name, part)
		run_helpers.post(run)
		run_helpers.post(tax_run())
		assert run_helpers.items(tax_run()) == {}
	assert sorted(row.claimed_amount for row in claims(sale) if row.releases) == [5.55, 5.56, 5.56]
	assert balance_of(DEFERRED) == pytest.approx(0)


def test_a_credit_note_takes_its_tax() -> None:
	vat = {"charge_type": "On Net Total", "account_head": account("VAT"), "description": "GST", "rate": 10}
	sale = invoice(
		"Anchor Cafe",
		1000,
		"2025-01-01",
		due_date="2025-05-31",
		taxes=[{**vat, "cost_center": "Main - HL"}],
	)
	run_helpers.post(tax_run())
	assert balance_of(RELIEF) == 100
	credit_note(sale, 220, "2026-07-10")
	run_helpers.post(tax_run(**JULY))
	assert (balance_of(RELIEF), balance_of(DEFERRED)) == (80, -80)


def test_a_foreign_invoice_at_its_rate() -> None:
	use_age_rule(NETHERLANDS)
	sale = unpaid(1000, 200, 0, who="Helios SARL", currency="EUR", rate=1.2)
	pay(sale, 600, "2025-03-01", rate=1.3)
	run = tax_run()
	[claim] = claims(sale)
	assert (claim.tax_amount, claim.written_off_amount) == (120, 720)
	run_helpers.post(run)
	assert balance_of(DEFERRED) == -120


def test_invoices_whose_tax_cannot_be_claimed_by_age_are_told() -> None:
	opening = invoice("Anchor Cafe", 100, "2025-01-01", is_opening="Yes", submit=False)
	opening.items[0].income_account = account("Temporary Opening")
	opening.submit()
	discounted = unpaid(1000, 200, 0)
	deduction = {"account": account("VAT"), "cost_center": "Main - HL", "amount": 2}
	paid = pay(discounted, 100, deductions=[deduction], paid_amount=98, received_amount=98)
	assert run_helpers.items(tax_run()) == {}
	[of_opening], [of_discounted] = claims(opening), claims(discounted)
	assert (of_opening.status, of_discounted.status) == ("Excluded", "Excluded")
	assert "can be claimed when the invoice is written off" in of_opening.message
	assert paid.name in of_discounted.message
	assert len(claims()) == 2, "once"


def test_the_dimensions_of_the_invoice() -> None:
	unpaid(cost_center=cost_center("North Pier"), project=project())
	[entry] = entries(run_helpers.post(tax_run()))
	rows = frappe.get_all(
		"GL Entry", {"voucher_no": entry}, ["account", "cost_center", "project"], order_by="account asc"
	)
	assert [(row.account, row.cost_center, row.project) for row in rows] == [
		(DEFERRED, cost_center("North Pier"), project()),
		(RELIEF, cost_center("North Pier"), project()),
	]


def test_users_see_the_claims_of_their_customers() -> None:
	unpaid()
	of_pier = unpaid(who="Breakwater Bar", cost_center=cost_center("North Pier"))
	bound = user("tax.clerk@example.com", "Accounts Manager", "Accounts User")
	permit(bound, "Customer", "Anchor Cafe")
	run = tax_run(who=bound)
	assert [item.customer for item in run_helpers.items(run).values()] == ["Anchor Cafe"]
	with as_user(bound):
		assert frappe.get_list("Write-Off Tax Claim", pluck="customer") == ["Anchor Cafe"]
		other = claims(customer="Breakwater Bar")[0]
		assert not frappe.get_doc("Write-Off Tax Claim", other.name).has_permission("read")
		own = claims(customer="Anchor Cafe")[0]
		assert frappe.get_doc("Write-Off Tax Claim", own.name).has_permission("read")
	by_pier = user("pier.clerk@example.com", "Accounts Manager", "Accounts User")
	permit(by_pier, "Cost Center", cost_center("North Pier"))
	with as_user(by_pier):
		assert frappe.get_list("Write-Off Tax Claim", pluck="sales_invoice") == [of_pier.name]
		assert not frappe.get_doc("Write-Off Tax Claim", own.name).has_permission("read")
		assert frappe.get_doc("Write-Off Tax Claim", other.name).has_permission("read")
	assert [item.customer for item in run_helpers.items(tax_run(who=by_pier)).values()] == ["Breakwater Bar"]


def test_limits_and_a_closed_period() -> None:
	unpaid()
	run_helpers.settings(limits=[{"role": "Accounts Manager", "max_item_amount": 50}])
	with as_user(MANAGER), pytest.raises(frappe.PermissionError, match="over your limit"):
		tax_run().submit()
	run_helpers.settings(limits=[])
	run = tax_run()
	period = accounting_period("2026-06-01", "2026-06-30")
	with as_user(MANAGER), pytest.raises(frappe.ValidationError, match=period.name):
		run.submit()


def test_evidence_is_a_condition(rule: Any) -> None:
	rule.needs_evidence = 1
	rule.save()
	sale = unpaid()
	assert (item_of(tax_run()).status, claims(sale)[0].status) == ("Excluded", "Needs Notice")
	doc = frappe.get_doc("Write-Off Tax Claim", claims(sale)[0].name)
	doc.evidence = "/private/files/reminders.pdf"
	doc.save()
	assert claims(sale)[0].status == "Claimable"
	run_helpers.post(tax_run())
	run_helpers.post(run_helpers.run())
	assert run_helpers.post(tax_run()).status == "Posted", "a release has no conditions"
	assert balance_of(DEFERRED) == 0


def test_the_report_counts_deferred_tax_once() -> None:
	sale = unpaid()
	run_helpers.post(tax_run())
	run_helpers.post(run_helpers.run())
	rows, message, totals = report()
	assert [(row.state, row.to_claim, bool(row.releases)) for row in rows] == [
		("Claimable", 70, True),
		("Claimed", 0, False),
	]
	assert (totals["Claimable Now"], totals["Claimed"]) == (0, 70)
	run_helpers.post(tax_run())
	_rows, message, totals = report()
	assert (totals["Claimable Now"], totals["Claimed"]) == (0, 70)
	assert message and "The totals match the General Ledger" in message and DEFERRED in message
	account_rows = relief.execute({"company": HL, "show": relief.ACCOUNT})[1]
	assert [(row.sales_invoice, row.claimed_amount) for row in account_rows] == [(sale.name, 70)]


def report() -> tuple[list[Any], str | None, dict[str, float]]:
	_columns, rows, message, _chart, summary = relief.execute({"company": HL})
	return rows, message, {one["label"]: one["value"] for one in summary}


def test_the_evidence_and_the_list_of_a_run() -> None:
	sale = unpaid()
	run = run_helpers.post(tax_run())
	with as_user(MANAGER):
		page = frappe.utils.strip_html(
			frappe.get_print("Write-Off Tax Run", run.name, "Write-Off Tax Evidence")
		)
		assert entries(run)[0] in page and "70.00" in page
		assert f"{sale.name}-A1" in [row["voucher_no"] for row in run.get_items()["items"]]
		details = run.get_voucher_details(item_of(run).name)
		assert (details["voucher_no"], details["status"]) == (f"{sale.name}-A1", "Claimed")


WRONG = {
	"trigger": ({"trigger": "Written Off"}, "requires the trigger Age"),
	"clock": ({"clock": "Write-Off"}, "no write-off to count from"),
	"limit": ({"limit_months": 90, "limit_from": "Write-Off"}, "no write-off to count from"),
	"notice": ({"needs_notice": 1}, "Require evidence instead"),
}


@pytest.mark.parametrize(("values", "message"), WRONG.values(), ids=WRONG)
def test_wrong_rules(rule: Any, values: dict[str, Any], message: str) -> None:
	rule.update(values)
	with pytest.raises(frappe.ValidationError, match=message):
		rule.save()


@pytest.mark.parametrize(
	("name", "message"),
	[
		(None, "Enter the Interim Account"),
		("VAT", "account of its own"),
		("Cash", "not a liability account"),
		("Creditors", "not a tax account"),
	],
)
def test_wrong_interim_accounts(rule: Any, name: str | None, message: str) -> None:
	rule.accounts[0].interim_account = name and account(name)
	with pytest.raises(frappe.ValidationError, match=message):
		rule.save()
