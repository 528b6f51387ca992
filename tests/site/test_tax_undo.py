"""A tax run is not undone while a later one builds on it: no claim has more repaid than claimed, or more claimed than its tax."""

from __future__ import annotations

from typing import Any

import frappe
import pytest

from tests.site import run_helpers
from tests.site.factories import MANAGER, as_user, credit_note, pay
from tests.site.test_tax_at_once import use_method
from tests.site.test_tax_by_age import (
	AUGUST,
	DEFERRED,
	RELIEF,
	assert_books_agree,
	unpaid,
	use_age_rule,
)
from tests.site.test_tax_claims import claims
from tests.site.test_tax_interim import INTERIM
from tests.site.test_tax_rules import use_rule
from tests.site.test_tax_runs import (
	JULY,
	LOSS,
	balance_of,
	entries,
	item_of,
	partly_written_off,
	tax_run,
	written_off,
)

pytestmark = pytest.mark.usefixtures("site")

SEPTEMBER = {"from_date": "2026-09-01", "to_date": "2026-09-30", "posting_date": "2026-09-30"}


def post(**period: str) -> Any:
	return run_helpers.post(tax_run(**period))


def balances() -> tuple[float, ...]:
	return tuple(round(balance_of(name), 2) for name in (RELIEF, DEFERRED, LOSS))


def assert_refused(run: Any, because: str) -> None:
	"""The run, its entry, and both ways to undo it."""
	before = balances()
	[entry, *_rest] = entries(run)
	for undo in (
		run.cancel,
		lambda: run.reverse("2026-12-31", dated=True),
		frappe.get_doc("Journal Entry", entry).cancel,
	):
		run.reload()
		with as_user(MANAGER), pytest.raises(frappe.ValidationError, match=because):
			undo()
		frappe.db.rollback()
	assert balances() == before


def cancel(run: Any) -> None:
	with as_user(MANAGER):
		run.reload().cancel()
	frappe.db.commit()
	assert run.reload().status == "Reversed"


def reinstate(claim: Any, amount: float, day: str) -> Any:
	run = frappe.get_doc("Write-Off Run", claim.run)
	with as_user(MANAGER):
		run.reinstate([claim.item], {claim.item: amount}, day)
	return run


def test_a_claim_by_age_that_was_repaid_in_part() -> None:
	use_age_rule()
	sale = unpaid()
	june = post()
	pay(sale, 220, "2026-07-10")
	july = post(**JULY)
	assert balances() == (50, -50, 0)
	assert_refused(june, f"The tax of {sale.name}-A1 was repaid by {july.name}. Undo {july.name} first")
	cancel(july)
	cancel(june)
	[claim] = claims(sale)
	assert (claim.claimed_amount, claim.repaid_amount, balances()) == (0, 0, (0, 0, 0))
	assert_books_agree()


def test_a_claim_of_a_loss_that_was_repaid_in_part() -> None:
	use_rule()
	sale = written_off()
	june = post()
	[claim] = claims(sale)
	reinstate(claim, 280, "2026-07-10")
	july = post(**JULY)
	assert balances() == (60, 0, 360)
	assert_refused(june, f"The tax of {claim.name} was repaid by {july.name}")
	cancel(july)
	cancel(june)
	assert balances() == (0, 0, 420)


def test_a_repayment_whose_tax_was_claimed_again() -> None:
	"""The payment is cancelled, so the tax of all is claimed: without the repayment it would be claimed twice."""
	use_age_rule()
	sale = unpaid()
	june = post()
	paid = pay(sale, 220, "2026-07-10")
	july = post(**JULY)
	paid.cancel()
	august = post(**AUGUST)
	[claim] = claims(sale)
	assert (claim.claimed_amount, claim.repaid_amount, claim.tax_amount) == (90, 20, 70)
	assert_refused(july, f"The tax of {claim.name} was claimed again by {august.name}")
	cancel(june)
	[claim] = claims(sale)
	assert (claim.claimed_amount, claim.repaid_amount) == (20, 20), "both remain, and nothing more"
	post()
	assert balances() == (70, -70, 0)
	assert_books_agree()


def test_runs_are_undone_in_order_after_each_message() -> None:
	"""Claimed, repaid, claimed again and repaid again: each message names the run to undo first, the last one none."""
	use_age_rule()
	sale = unpaid()
	runs = [post()]
	paid = pay(sale, 770, "2026-07-10")
	runs.append(post(**JULY))
	paid.cancel()
	runs.append(post(**AUGUST))
	pay(sale, 220, "2026-09-10")
	runs.append(post(**SEPTEMBER))
	assert_refused(runs[0], f"repaid by {runs[3].name}")
	assert_refused(runs[2], f"repaid by {runs[3].name}")
	cancel(runs.pop())
	assert_refused(runs[1], f"claimed again by {runs[2].name}")
	for run in reversed(runs):
		cancel(run)
	assert balances() == (0, 0, 0)


def test_a_release_that_was_taken_back() -> None:
	"""July takes the release of 20.00 back. Without it more would be released than is claimed, once the tax is repaid."""
	use_age_rule()
	sale = unpaid()
	june = post()
	run_helpers.post(run_helpers.run())
	release = post()
	[own] = claims(sale, item=("is", "set"))
	reinstate(own, 220, "2026-07-10")
	july = post(**JULY)
	pay(sale, 220, "2026-08-10")
	august = post(**AUGUST)
	assert balances() == (50, 0, 500)
	assert_refused(release, f"The tax of {own.name} was repaid by {july.name}")
	assert_refused(july, f"The tax of {sale.name}-A1 was repaid by {august.name}")
	assert_refused(june, "Undo .* first")
	for run in (august, july, release, june):
		cancel(run)
	assert balances() == (0, 0, 550)
	assert_books_agree()


def test_a_run_with_a_release_and_its_repayment_is_undone_whole() -> None:
	"""Whichever entry is undone first. A single one is not undone, where the other one builds on it."""
	use_age_rule()
	run_helpers.settings(entries_per="Invoice")
	sale = unpaid()
	post()
	run_helpers.post(run_helpers.run())
	post()
	[own] = claims(sale, item=("is", "set"))
	reinstate(own, 220, "2026-07-10")
	pay(sale, 220, "2026-07-15")
	july = post(**JULY)
	with as_user(MANAGER):
		july.reload().reverse("2026-07-31", dated=True)
	assert july.reload().status == "Reversed"
	assert balances() == (70, 0, 480)
	assert_books_agree()


def test_tax_that_came_back_from_the_loss() -> None:
	"""Lapsed tax of 100.00 is moved to the loss, and 40.00 back after a recovery. Without the first entry the interim account
	would have 40.00 more than the tax of what is still written off."""
	use_method("Interim Account")
	sale = written_off()
	[claim] = claims(sale)
	frappe.db.set_value("Write-Off Tax Claim", claim.name, {"lapses_on": "2026-06-15"})
	june = post()
	assert (balance_of(INTERIM), balance_of(LOSS)) == (0, 700)
	reinstate(claim, 280, "2026-07-10")
	july = post(**JULY)
	assert (balance_of(INTERIM), balance_of(LOSS)) == (0, 420)
	assert_refused(june, f"The tax of {claim.name} was moved back from the loss by {july.name}")
	cancel(july)
	cancel(june)
	assert balance_of(INTERIM) == 60


def test_a_repayment_before_the_tax_lapsed() -> None:
	"""40.00 of 100.00 is repaid, then the recovery is cancelled and the claim lapses: 40.00 is lost. Without the repayment it
	would be claimed and lost."""
	use_method("Interim Account")
	sale = written_off()
	post()
	[claim] = claims(sale)
	reinstate(claim, 280, "2026-07-10")
	july = post(**JULY)
	frappe.get_doc(
		"Journal Entry", frappe.db.get_value("Write-Off Recovery", {"item": claim.item}, "journal_entry")
	).cancel()
	frappe.db.set_value("Write-Off Tax Claim", claim.name, {"lapses_on": "2026-07-15"})
	august = post(**AUGUST)
	assert (balance_of(RELIEF), balance_of(INTERIM)) == (60, 0)
	assert_refused(july, f"The tax of {claim.name} was moved to the loss by {august.name}")


def test_a_claim_at_once_that_was_repaid_again() -> None:
	"""A credit note with all of the tax is repaid, cancelled and claimed again."""
	use_method()
	sale = partly_written_off()
	note = credit_note(sale, 480, "2026-06-10")
	june = post()
	assert (item_of(june).write_off_amount, balance_of(RELIEF)) == (-100, 0)
	note.cancel()
	july = post(**JULY)
	[claim] = claims(sale)
	assert_refused(june, f"The tax of {claim.name} was claimed again by {july.name}")
	cancel(july)
	cancel(june)
	assert balance_of(RELIEF) == 100


def test_an_undo_that_is_cancelled_after_the_tax_was_claimed_again() -> None:
	"""The entry of June would be posted beside that of July."""
	use_age_rule()
	sale = unpaid()
	june = post()
	with as_user(MANAGER):
		june.reload().reverse("2026-06-30", dated=True)
	july = post(**JULY)
	reversal = frappe.get_doc("Journal Entry", entries(june)[1])
	with as_user(MANAGER), pytest.raises(frappe.ValidationError, match=f"claimed again by {july.name}"):
		reversal.cancel()
	frappe.db.rollback()
	assert balances() == (70, -70, 0)
	cancel(july)
	with as_user(MANAGER):
		reversal.reload().cancel()
	assert (claims(sale)[0].claimed_amount, balances()) == (70, (70, -70, 0))


def test_what_a_recovery_has_repaid_at_once() -> None:
	"""June repays the 100.00 that a credit note has reversed, and is undone. The recovery repays them now, so the entry of June
	does not come back. No tax run has done this, so the message names none."""
	use_method()
	sale = partly_written_off()
	credit_note(sale, 480, "2026-06-10")
	june = post()
	with as_user(MANAGER):
		june.reload().reverse("2026-06-30", dated=True)
	[claim] = claims(sale)
	reinstate(claim, 600, "2026-07-10")
	frappe.db.commit()
	assert balance_of(RELIEF) == 0
	reversal = frappe.get_doc("Journal Entry", entries(june)[1])
	with (
		as_user(MANAGER),
		pytest.raises(frappe.ValidationError, match=f"of the tax of {claim.name} has changed"),
	):
		reversal.cancel()
	frappe.db.rollback()
	assert balance_of(RELIEF) == 0
	assert_books_agree()
