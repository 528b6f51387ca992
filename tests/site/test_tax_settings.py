"""Write-Off Settings and rules are not changed so that tax stays on an interim account."""

from __future__ import annotations

from typing import Any

import frappe
import pytest

from tests.site import run_helpers
from tests.site.factories import HL, MANAGER, as_user
from tests.site.test_tax_at_once import use_method
from tests.site.test_tax_by_age import (
	AUSTRALIA,
	DEFERRED,
	assert_books_agree,
	deferred_account,
	unpaid,
	use_age_rule,
)
from tests.site.test_tax_claims import claims
from tests.site.test_tax_interim import INTERIM
from tests.site.test_tax_rules import use_rule
from tests.site.test_tax_runs import RELIEF, balance_of, item_of, tax_run, written_off

pytestmark = pytest.mark.usefixtures("site")


def delete_settings() -> None:
	frappe.delete_doc("Write-Off Settings", HL)


def empty_the_rule() -> None:
	run_helpers.settings(tax_rule=None)


def deferred_by_age() -> str:
	use_age_rule()
	unpaid()
	run_helpers.post(tax_run())
	assert balance_of(DEFERRED) == -70
	return r"70\.00.*by age is still deferred. Keep a rule"


def on_an_interim_account() -> str:
	use_method("Interim Account")
	written_off()
	assert balance_of(INTERIM) == 100
	return r"100\.00.*on interim accounts. Keep a rule"


@pytest.mark.parametrize("change", [delete_settings, empty_the_rule])
@pytest.mark.parametrize("tax", [deferred_by_age, on_an_interim_account])
def test_settings_keep_a_rule_while_tax_waits(tax: Any, change: Any) -> None:
	message = tax()
	frappe.db.commit()
	with pytest.raises(frappe.ValidationError, match=message):
		change()
	frappe.db.rollback()


@pytest.mark.parametrize("change", [delete_settings, empty_the_rule])
def test_no_rule_after_the_tax_was_claimed(change: Any) -> None:
	use_method("Interim Account")
	written_off()
	run_helpers.post(tax_run())
	assert (balance_of(INTERIM), balance_of(RELIEF)) == (0, 100)
	change()


@pytest.mark.parametrize("change", [delete_settings, empty_the_rule])
def test_claims_by_age_are_not_posted_without_a_rule(change: Any) -> None:
	"""A loss would not release the tax."""
	use_age_rule()
	sale = unpaid()
	before = tax_run()
	change()
	run_helpers.post(before)
	assert item_of(before).status == "Skipped"
	item = item_of(tax_run())
	assert (item.status, item.reason_code) == ("Excluded", "tax_no_rule")
	assert "Choose one in Write-Off Settings" in item.message
	assert balance_of(DEFERRED) == 0
	use_age_rule()
	run_helpers.post(tax_run())
	assert (claims(sale)[0].claimed_amount, balance_of(DEFERRED)) == (70, -70)


def test_the_interim_account_of_a_rule_is_changed() -> None:
	"""What was deferred is released from the account that has it; without one the rule cannot be saved."""
	rule = use_age_rule()
	unpaid()
	run_helpers.post(tax_run())
	rule.reload()
	rule.accounts[0].interim_account = None
	with pytest.raises(frappe.ValidationError, match="Enter the Interim Account"):
		rule.save()
	rule.reload()
	rule.accounts[0].interim_account = deferred_account("Deferred VAT 2")
	rule.save()
	run_helpers.post(run_helpers.run())
	run_helpers.post(tax_run())
	assert (balance_of(DEFERRED), balance_of("Deferred VAT 2 - HL"), balance_of(RELIEF)) == (0, 0, 70)
	assert_books_agree()


def test_the_method_of_a_rule_is_changed_while_tax_waits() -> None:
	"""The tax run claims it from the interim account of the write-off."""
	rule = use_method("Interim Account")
	written_off()
	rule.reload()
	rule.method = "Relief Later"
	rule.accounts[0].interim_account = None
	rule.save()
	run_helpers.post(tax_run())
	assert (balance_of(INTERIM), balance_of(RELIEF)) == (0, 100)


def test_another_rule_is_chosen_while_claims_by_age_are_open() -> None:
	use_age_rule()
	unpaid()
	tax_run()
	use_rule()
	run_helpers.post(tax_run())
	assert balance_of(DEFERRED) == -70
	with as_user(MANAGER):
		told = run_helpers.run().preview_entries()["tax_relief"]
	assert told["released"] == 70
	assert claims()[0].tax_rule == AUSTRALIA
