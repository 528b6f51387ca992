"""Interim Account: the tax of a write-off waits on an account of its own until a tax run claims it, or it lapses."""

from __future__ import annotations

from typing import Any

import frappe
import pytest

from tests.site import ledger_checks, run_helpers
from tests.site.factories import HL, MANAGER, account, as_user, cost_center, credit_note
from tests.site.ledger_checks import gl_table
from tests.site.test_tax_at_once import (
	AU,
	amounts_of,
	assert_books,
	claim_of,
	two_lines,
	use_method,
	written_off,
)
from tests.site.test_tax_claims import claims, taxed
from tests.site.test_tax_report import BY_BOX, JULY, report
from tests.site.test_tax_rules import tax_account, use_rule
from tests.site.test_tax_runs import LOSS, RELIEF, balance_of, entries, item_of, partly_written_off, tax_run

INTERIM = "VAT to be Reclaimed - HL"
METHOD = "Interim Account"


@pytest.fixture(autouse=True)
def rule(site: str) -> Any:
	return use_method(METHOD)


def balances() -> tuple[float, float, float]:
	"""Of the interim account, the relief account and the account of the loss."""
	return balance_of(INTERIM), balance_of(RELIEF), balance_of(LOSS)


def recover(run: Any, amount: float | None, day: str = "2026-07-10") -> str:
	claim = claim_of(run)
	with as_user(MANAGER):
		amounts = {claim.item: amount} if amount else {}
		[entry] = run.reload().reinstate([claim.item], amounts, day).values()
	return entry


def lapse(run: Any, day: str = "2026-06-15") -> None:
	frappe.db.set_value("Write-Off Tax Claim", {"run": run.name}, {"lapses_on": day, "status": "Lapsed"})


def test_the_tax_waits_until_it_is_claimed() -> None:
	taxed_run = written_off()
	[entry] = run_helpers.entries(taxed_run)
	claim = claim_of(taxed_run)
	assert gl_table(entry) == (
		"""\
account                  | party       | cost center |  debit | credit | against
VAT to be Reclaimed - HL |             | Main - HL   | 100.00 |        |
Write Off - HL           |             | Main - HL   | 600.00 |        |
Debtors - HL             | Anchor Cafe |             |        | 700.00 | Sales Invoice """
		+ claim.sales_invoice
	)
	assert amounts_of(claim) == ("Claimable", 100, 0, 0)
	assert (claim.method, claim.booked_account, claim.relief_account) == (METHOD, INTERIM, RELIEF)
	assert_books()
	run = tax_run()
	with as_user(MANAGER):
		plan = run.preview_entries()
	assert [(row["account"], row["debit"], row["credit"]) for row in plan["accounts"]] == [
		(RELIEF, 100, 0),
		(INTERIM, 0, 100),
	]
	run_helpers.post(run)
	[entry] = entries(run)
	assert (
		gl_table(entry)
		== """\
account                  | party | cost center |  debit | credit | against
VAT on Bad Debts - HL    |       |             | 100.00 |        |
VAT to be Reclaimed - HL |       | Main - HL   |        | 100.00 |"""
	)
	assert amounts_of(claim_of(taxed_run)) == ("Claimed", 100, 100, 0)
	assert balances() == (0, 100, 600)
	with as_user(MANAGER):
		assert run.verify_approval()["intact"] and taxed_run.verify_approval()["intact"]
	assert_books()


def test_the_preview_of_a_write_off() -> None:
	taxed(100, 20)
	with as_user(MANAGER):
		plan = run_helpers.run().preview_entries()
	assert [(row["account"], row["debit"]) for row in plan["accounts"] if row["debit"]] == [
		(INTERIM, 20),
		(LOSS, 100),
	]
	relief = plan["tax_relief"]
	assert (relief["tax"], relief["claimed"], relief["interim"], relief["loss"]) == (20, 0, 20, 100)


def test_a_recovery_before_the_claim() -> None:
	run = written_off()
	entry = recover(run, 280)
	assert gl_table(entry) == (
		"""\
account                  | party       | cost center |  debit | credit | against
Debtors - HL             | Anchor Cafe |             | 280.00 |        | Sales Invoice """
		+ claim_of(run).sales_invoice
		+ """
VAT to be Reclaimed - HL |             | Main - HL   |        |  40.00 |
Write Off - HL           |             | Main - HL   |        | 240.00 |"""
	)
	assert amounts_of(claim_of(run)) == ("Claimable", 60, 0, 0)
	run_helpers.post(tax_run(**JULY))
	assert balances() == (0, 60, 360)
	assert_books()


def test_a_recovery_after_the_claim() -> None:
	"""The tax run of the period of receipt repays it from the interim account."""
	run = written_off()
	run_helpers.post(tax_run())
	recover(run, 280)
	assert balances() == (-40, 100, 360)
	assert run_helpers.items(tax_run()) == {}, "not in the return of June"
	later = run_helpers.post(tax_run(**JULY))
	assert (
		gl_table(entries(later)[0])
		== """\
account                  | party | cost center | debit | credit | against
VAT to be Reclaimed - HL |       | Main - HL   | 40.00 |        |
VAT on Bad Debts - HL    |       |             |       |  40.00 |"""
	)
	assert amounts_of(claim_of(run)) == ("Partly Repaid", 60, 100, 40)
	assert balances() == (0, 60, 360)
	assert_books()
	recover(run, None, "2026-07-20")
	run_helpers.post(tax_run(**JULY))
	assert (balances(), claim_of(run).status) == ((0, 0, 0), "Repaid")
	assert_books()


@pytest.mark.parametrize("claimed", (False, True))
def test_undo(claimed: bool) -> None:
	run = written_off()
	if claimed:
		run_helpers.post(tax_run())
	with as_user(MANAGER):
		run.reload().cancel()
	if claimed:
		assert (claim_of(run).status, balances()) == ("Claimed", (-100, 100, 0))
		run_helpers.post(tax_run())
	assert balances() == (0, 0, 0)
	assert claim_of(run).status == ("Repaid" if claimed else "Withdrawn")
	assert_books()


def test_undo_after_filing() -> None:
	run = written_off()
	june = run_helpers.post(tax_run())
	with as_user(MANAGER):
		june.mark_as_filed()
		run.reload().cancel()
	assert (claim_of(run).status, balances()) == ("Filed", (-100, 100, 0))
	run_helpers.post(tax_run(**JULY))
	assert (claim_of(run).status, balances()) == ("Repaid", (0, 0, 0))
	assert_books()


def test_undo_of_the_tax_run() -> None:
	run = written_off()
	[start] = claims()
	june = run_helpers.post(tax_run())
	with as_user(MANAGER):
		june.cancel()
	[claim] = claims()
	assert {name for name in start if start[name] != claim[name]} <= {"modified"}
	assert balances() == (100, 0, 600)
	assert run.name == claim.run
	assert_books()


def test_a_claim_that_lapses() -> None:
	run = written_off()
	lapse(run)
	june = tax_run()
	item = item_of(june)
	assert (item.status, item.receivable_account, item.write_off_amount) == ("Open", INTERIM, -100)
	run_helpers.post(june)
	assert (
		gl_table(entries(june)[0])
		== """\
account                  | party | cost center |  debit | credit | against
Write Off - HL           |       | Main - HL   | 100.00 |        |
VAT to be Reclaimed - HL |       | Main - HL   |        | 100.00 |"""
	)
	claim = claim_of(run)
	assert (*amounts_of(claim), claim.lapsed_amount) == ("Lapsed", 100, 0, 0, 100)
	assert balances() == (0, 0, 700)
	assert run_helpers.items(tax_run()) == {}
	assert report(show=BY_BOX)[0] == [], "nothing for the return"
	with as_user(MANAGER):
		assert june.verify_approval()["intact"]
	assert_books()


def test_a_recovery_after_the_lapse() -> None:
	"""No tax is to be repaid: the loss takes all of it back."""
	run = written_off()
	lapse(run)
	run_helpers.post(tax_run())
	recover(run, 280)
	july = run_helpers.post(tax_run(**JULY))
	assert (
		gl_table(entries(july)[0])
		== """\
account                  | party | cost center | debit | credit | against
VAT to be Reclaimed - HL |       | Main - HL   | 40.00 |        |
Write Off - HL           |       | Main - HL   |       |  40.00 |"""
	)
	assert balances() == (0, 0, 420)
	claim = claim_of(run)
	assert (*amounts_of(claim), claim.lapsed_amount) == ("Lapsed", 60, 0, 0, 60)
	assert_books()
	with as_user(MANAGER):
		run.reload().reverse("2026-07-15")
	run_helpers.post(tax_run(**JULY))
	assert (balances(), claim_of(run).status) == ((0, 0, 0), "Withdrawn")
	assert_books()


def test_undo_of_a_lapse() -> None:
	run = written_off()
	lapse(run)
	june = run_helpers.post(tax_run())
	with as_user(MANAGER):
		june.cancel()
	claim = claim_of(run)
	assert (claim.status, claim.lapsed_amount, balances()) == ("Lapsed", 0, (100, 0, 600))
	assert_books()


def test_a_claim_and_a_lapse_in_one_run() -> None:
	written_off()
	[first] = claims()
	taxed(100, 20, who="Breakwater Bar")
	second = run_helpers.post(run_helpers.run())
	lapse(second)
	june = run_helpers.post(tax_run())
	assert balances() == (0, 100, 720)
	assert (june.claimed_amount, june.repaid_amount) == (100, 0)
	assert (claims(name=first.name)[0].status, claim_of(second).status) == ("Claimed", "Lapsed")
	with as_user(MANAGER):
		assert june.verify_approval()["intact"]
	assert_books()


def test_what_had_lapsed_is_written_off_with_the_balance() -> None:
	use_method(METHOD, limit_months=6, limit_from="Supply")
	run = written_off()
	claim = claim_of(run)
	assert (claim.status, claim.booked_account, balances()) == ("Lapsed", None, (0, 0, 700))


def test_a_waiting_claim_is_on_the_interim_account() -> None:
	use_method(METHOD, clock="Write-Off", wait_months=6)
	run = written_off()
	assert (claim_of(run).booked_account, balances()) == (INTERIM, (100, 0, 600))


def test_foreign_currency() -> None:
	taxed(100, 20, who="Helios SARL", currency="EUR", rate=1.2)
	run = run_helpers.post(run_helpers.run())
	assert balances() == (24, 0, 120)
	run_helpers.post(tax_run())
	recover(run, 30)
	run_helpers.post(tax_run(**JULY))
	assert balances() == (0, 18, 90)
	assert_books()


@pytest.mark.parametrize("lapses", (False, True))
def test_two_tax_accounts_and_dimensions_of_lines(lapses: bool) -> None:
	"""Both accounts are cleared in each cost center."""
	two = tax_account("Tax to be Reclaimed 2")
	frappe.db.set_value("Write-Off Tax Rule", AU, "method", "Relief Later")
	use_rule(AU, **{tax_account("VAT"): RELIEF, tax_account("Sales Tax 2"): RELIEF})
	rule = frappe.get_doc("Write-Off Tax Rule", AU)
	rule.update({"method": METHOD, "statutory_fraction": ""})
	for row, interim in zip(rule.accounts, (INTERIM, two), strict=True):
		row.interim_account = interim
	rule.save()
	two_lines()
	run = run_helpers.post(run_helpers.run())
	assert (balance_of(two), *balances()) == pytest.approx((0.5, 1.01, 0, 30))
	if lapses:
		lapse(run)
	run_helpers.post(tax_run())
	assert balances() == pytest.approx((0, 0, 31.51) if lapses else (0, 1.51, 30))
	left = ledger_checks.balances_by_cost_center(INTERIM, two)
	assert {key[1] for key in left} == {cost_center("North Pier"), cost_center("South Pier")}
	assert not any(abs(amount) > 0.001 for amount in left.values()), left
	assert_books()


def test_the_interim_account_is_one_of_its_own() -> None:
	for interim, text in (
		(None, "Enter the Interim Account of"),
		(RELIEF, "an account of its own"),
		(account("Debtors"), "not a tax account"),
	):
		rule = frappe.get_doc("Write-Off Tax Rule", AU)
		rule.accounts[0].interim_account = interim
		with pytest.raises(frappe.ValidationError, match=text):
			rule.save()
	assert frappe.db.get_value("Write-Off Settings", HL, "tax_rule") == AU


def test_a_credit_note_takes_the_tax_from_the_interim_account() -> None:
	"""What cannot be claimed any more is part of the loss."""
	sale = partly_written_off()
	assert balances() == (100, 0, 500)
	credit_note(sale, 480, "2026-07-10")
	july = run_helpers.post(tax_run(**JULY))
	assert (july.claimed_amount, july.repaid_amount, balances()) == (0, 0, (0, 0, 600))
	[claim] = claims(sale)
	assert (claim.status, claim.booked_amount, claim.lapsed_amount) == ("Withdrawn", 100, 100)
	assert_books()


def test_an_invoice_with_many_dimensions_fits_into_one_entry() -> None:
	"""The smallest shares join the largest one. Each account has a row for each share, and a lapse has them on both sides."""
	group = frappe.get_cached_value("Cost Center", cost_center("North Pier"), "parent_cost_center")
	sale = taxed(10, 20, submit=False)
	more = {key: sale.items[0].get(key) for key in ("item_code", "income_account", "uom")}
	sale.items = []
	for number in range(60):
		pier = frappe.get_doc(
			{
				"doctype": "Cost Center",
				"cost_center_name": f"Pier {number}",
				"parent_cost_center": group,
				"company": HL,
			}
		).insert()
		rate = 40 if number == 7 else 10
		sale.append(
			"items", {**more, "qty": 1, "rate": rate, "price_list_rate": rate, "cost_center": pier.name}
		)
	sale.payment_schedule = []
	sale.save()
	sale.submit()
	run = run_helpers.post(run_helpers.run())
	[entry] = run_helpers.entries(run)
	assert balances() == (20, 0, 630)
	assert len(frappe.get_doc("Journal Entry", entry).accounts) == 91
	largest = frappe.db.get_value(
		"GL Entry", {"voucher_no": entry, "account": LOSS, "debit": (">", 100)}, "*"
	)
	assert (largest.debit, largest.cost_center) == (190, "Pier 7 - HL")
	lapse(run)
	june = run_helpers.post(tax_run())
	assert balances() == (0, 0, 650)
	assert len(frappe.get_doc("Journal Entry", entries(june)[0]).accounts) == 90
	left = ledger_checks.balances_by_cost_center(INTERIM)
	assert len(left) == 45 and not any(abs(amount) > 0.001 for amount in left.values())
	assert_books()
