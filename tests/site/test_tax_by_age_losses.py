"""Claims by age and write-offs of the same invoices: nothing is claimed twice, and nothing is repaid that nobody paid."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import frappe
import pytest
from frappe.utils import getdate

from ar_writeoff.tax_relief import age
from tests.site import run_helpers
from tests.site.factories import HL, MANAGER, account, as_user, pay
from tests.site.test_account_kinds import tax_withheld
from tests.site.test_tax_by_age import (
	AUGUST,
	AUSTRALIA,
	DEFERRED,
	RELIEF,
	assert_books_agree,
	deferred_account,
	post,
	unpaid,
	use_age_rule,
)
from tests.site.test_tax_claims import claims, taxed
from tests.site.test_tax_rules import tax_account, use_rule
from tests.site.test_tax_runs import JULY, LOSS, balance_of, entries, item_of, tax_run


@pytest.fixture(autouse=True)
def rule(site: str) -> Any:
	return use_age_rule()


def balances() -> tuple[float, ...]:
	return tuple(round(balance_of(name), 2) for name in (RELIEF, DEFERRED, LOSS))


def deselect(run: Any, *claims: str) -> Any:
	items = run_helpers.items(run)
	with as_user(MANAGER):
		run.set_selection(False, items=[items[name].name for name in claims])
	return run


def write_off(amount: float | None = None) -> Any:
	run = run_helpers.run()
	if amount:
		with as_user(MANAGER):
			run.set_write_off_amount(item_of(run).name, amount)
	return run_helpers.post(run)


def two_taxes() -> Any:
	"""An invoice over 1,149.75 with 50.00 GST and 99.75 QST."""
	relief = tax_account("VAT on Bad Debts")
	use_age_rule(**{tax_account(): relief, tax_account("Sales Tax 2"): relief})
	return taxed(1000, 50, 99.75, due_date="2025-05-31")


def test_one_of_two_taxes_is_claimed_before_the_loss() -> None:
	"""The tax that was claimed by age is released, the other one is claimed against the loss."""
	sale = two_taxes()
	run = tax_run()
	of_age = {claim.tax_account: claim.name for claim in claims(sale)}
	run_helpers.post(deselect(run, of_age[account("Sales Tax 2")]))
	assert balances() == (50, -50, 0)
	loss = write_off()
	assert (
		post()
		== """\
account                           | party | cost center | debit | credit | against
Deferred VAT on Unpaid Debts - HL |       |             | 50.00 |        |
VAT on Bad Debts - HL             |       |             | 99.75 |        |
Write Off - HL                    |       | Main - HL   |       | 149.75 |"""
	)
	assert run_helpers.items(tax_run()) == {}, "nothing is paid, and nothing is left to claim"
	assert balances() == (149.75, 0, 1000)
	assert_books_agree()
	with as_user(MANAGER):
		loss.reinstate([item_of(loss).name], {}, "2026-07-10")
	pay(sale, None, "2026-07-15")
	run_helpers.post(tax_run(**JULY))
	assert balances() == (0, 0, 0)
	assert_books_agree()


def disabled(rule: Any) -> None:
	rule.db_set("disabled", 1)


def no_longer_valid(rule: Any) -> None:
	rule.db_set("valid_to", "2026-06-01")


def without_the_account(rule: Any) -> None:
	other = {"tax_account": tax_account("Sales Tax 2"), "relief_account": account("VAT on Bad Debts")}
	rule.set("accounts", [{**other, "interim_account": deferred_account()}])
	rule.save()


def another_chosen(rule: Any) -> None:
	use_rule()


@pytest.mark.parametrize("change", [disabled, no_longer_valid, without_the_account, another_chosen])
def test_a_loss_releases_the_tax_whatever_the_rule_is_now(rule: Any, change: Callable[[Any], None]) -> None:
	"""The customer has not paid, so nothing is repaid."""
	sale = unpaid()
	run_helpers.post(tax_run())
	change(rule)
	loss = run_helpers.run()
	told = loss.preview_entries()["tax_relief"]
	assert (told["tax"], told["released"], told["loss"], told["claims"]) == (0, 70, 700, [])
	run_helpers.post(loss)
	[release] = claims(sale, item=("is", "set"))
	assert (release.releases, release.tax_amount, release.tax_rule) == (f"{sale.name}-A1", 70, AUSTRALIA)
	assert (
		post()
		== """\
account                           | party | cost center | debit | credit | against
Deferred VAT on Unpaid Debts - HL |       |             | 70.00 |        |
Write Off - HL                    |       | Main - HL   |       |  70.00 |"""
	)
	assert run_helpers.items(tax_run()) == {}
	assert balances() == (70, 0, 700)
	assert_books_agree()
	with as_user(MANAGER):
		assert loss.reload().verify_approval()["intact"]
		loss.cancel()
	run_helpers.post(tax_run(**JULY))
	assert balances() == (70, -70, 0)
	assert_books_agree()


def test_other_balances_have_no_claim_without_a_rule(rule: Any) -> None:
	unpaid()
	run_helpers.post(tax_run())
	disabled(rule)
	other = taxed(100, 10, who="Breakwater Bar")
	run_helpers.post(run_helpers.run())
	assert claims(other) == []


def test_a_reclassified_balance_is_no_longer_owed_by_the_customer() -> None:
	"""The amount is a claim on a third party. So the tax is repaid, as after a payment."""
	unpaid()
	run_helpers.post(tax_run())
	run_helpers.post(run_helpers.run(reason=tax_withheld()))
	assert (
		post(**JULY)
		== """\
account                           | party | cost center | debit | credit | against
Deferred VAT on Unpaid Debts - HL |       |             | 70.00 |        |
VAT on Bad Debts - HL             |       |             |       |  70.00 |"""
	)
	assert_books_agree()


def test_settings_keep_a_rule_while_tax_is_deferred() -> None:
	unpaid()
	run = run_helpers.post(tax_run())
	with pytest.raises(frappe.ValidationError, match=r"70\.00.*still deferred"):
		run_helpers.settings(tax_rule=None)
	with as_user(MANAGER):
		run.cancel()
	run_helpers.settings(tax_rule=None)


def test_a_payment_is_repaid_in_its_period_if_the_rest_is_written_off_later() -> None:
	sale = unpaid(1000, 200, 0)
	run_helpers.post(tax_run())
	pay(sale, 600, "2026-07-20")
	run_helpers.post(run_helpers.run(posting_date="2026-08-05", cutoff_date="2026-08-05"))
	assert (
		post(**JULY)
		== """\
account                           | party | cost center |  debit | credit | against
Deferred VAT on Unpaid Debts - HL |       |             | 100.00 |        |
VAT on Bad Debts - HL             |       |             |        | 100.00 |"""
	)
	run_helpers.post(tax_run(**AUGUST))
	assert balances() == (100, 0, 500)
	assert_books_agree()


def test_cents_of_a_loss_before_the_claim() -> None:
	"""Of 33.33 half is 16.67 in the loss and 16.66 by age."""
	sale = unpaid(166.67, 33.33, 0)
	write_off(100)
	run_helpers.post(tax_run())
	assert sorted(row.claimed_amount for row in claims(sale)) == [16.66, 16.67]
	write_off()
	assert [row.tax_amount for row in claims(sale) if row.releases] == [16.66]
	run_helpers.post(tax_run())
	assert run_helpers.items(tax_run()) == {}
	assert balances() == (33.33, 0, 166.67)
	assert_books_agree()


def test_a_loss_without_a_rule_is_not_claimed_by_age() -> None:
	"""385.00 of 770.00 is written off before the company has a rule. The second loss has the tax of both."""
	run_helpers.settings(tax_rule=None)
	sale = unpaid()
	write_off(385)
	use_age_rule()
	run_helpers.post(tax_run())
	assert balances() == (35, -35, 385)
	write_off()
	found = sorted((row.tax_amount, bool(row.item), bool(row.releases)) for row in claims(sale))
	assert found == [(35, False, False), (35, True, False), (35, True, True)]
	run_helpers.post(tax_run())
	assert run_helpers.items(tax_run()) == {}
	assert balances() == (70, 0, 700)
	assert_books_agree()


def test_a_claim_is_not_undone_while_its_tax_is_released() -> None:
	"""The deferred account would have a debit."""
	sale = unpaid()
	of_age = run_helpers.post(tax_run())
	write_off()
	release = run_helpers.post(tax_run())
	for undo in (of_age.cancel, lambda: of_age.reverse("2026-07-31", dated=True)):
		with (
			as_user(MANAGER),
			pytest.raises(frappe.ValidationError, match=f"-A1 was released by {release.name}"),
		):
			undo()
		frappe.db.rollback()
		of_age.reload()
	with pytest.raises(frappe.ValidationError, match="cannot be undone"):
		frappe.get_doc("Journal Entry", entries(of_age)[0]).cancel()
	frappe.db.rollback()
	assert balances() == (70, 0, 700)
	with as_user(MANAGER):
		release.reload().cancel()
		of_age.reload().cancel()
	assert balances() == (0, 0, 770)
	assert [row.claimed_amount for row in claims(sale)] == [0, 0]
	assert_books_agree()


def test_a_claim_that_is_paid_or_written_off_before_it_is_posted() -> None:
	paid, lost = unpaid(), unpaid(who="Breakwater Bar")
	tax_run()
	pay(paid, None, "2026-06-20")
	run_helpers.post(run_helpers.run())
	age.update(HL, getdate("2026-06-30"))
	for sale in (paid, lost):
		[claim] = claims(sale, item=("is", "not set"))
		assert (claim.status, claim.reason_code) == ("Withdrawn", "tax_no_longer_unpaid")
		assert "paid or written off" in claim.message
