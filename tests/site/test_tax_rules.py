"""Tax rules: those that come with the app, and the choice of a company."""

from __future__ import annotations

from typing import Any

import frappe
import pytest

from ar_writeoff.tax_relief import shipped
from ar_writeoff.tax_relief.ledger import rule_of_company
from tests.site import run_helpers
from tests.site.factories import HL, MANAGER, NW, PREPARER, account, as_user, new_account

UK = "United Kingdom: bad debt relief"


def tax_account(name: str = "VAT", company: str = HL) -> str:
	full = account(name, company)
	if frappe.db.exists("Account", full):
		return full
	return new_account(name, "Duties and Taxes", company, account_type="Tax")


def use_rule(name: str = UK, company: str = HL, **accounts: str) -> Any:
	"""Map tax accounts to relief accounts (by default the tax account itself) in a rule, and choose it."""
	rule = frappe.get_doc("Write-Off Tax Rule", name)
	rule.disabled = 0
	mapped = accounts or {tax_account(company=company): tax_account("VAT on Bad Debts", company)}
	rule.set("accounts", [{"tax_account": tax, "relief_account": relief} for tax, relief in mapped.items()])
	rule.save()
	run_helpers.settings(company, tax_rule=name)
	return rule


def test_shipped_rules_are_on_the_site() -> None:
	for rule in shipped.shipped_rules():
		stored = frappe.get_doc("Write-Off Tax Rule", rule["rule_name"])
		assert not stored.company
		assert stored.country == rule["country"] and stored.source and stored.checked_on
	assert frappe.db.get_value("Write-Off Tax Rule", "India: no relief", "no_relief")


def test_an_update_changes_only_rules_that_nobody_edited(monkeypatch: pytest.MonkeyPatch) -> None:
	edited = frappe.get_doc("Write-Off Tax Rule", UK)
	edited.limit_months = 36
	edited.save()
	newer = [{**rule, "limit_months": 48, "limit_from": "Due"} for rule in shipped.shipped_rules()]
	monkeypatch.setattr(shipped, "shipped_rules", lambda: newer)
	shipped.sync()
	assert frappe.db.get_value("Write-Off Tax Rule", UK, "limit_months") == 36
	other = {"shipped_key": "SG"}
	assert frappe.db.get_value("Write-Off Tax Rule", other, ["limit_months", "limit_from"]) == (48, "Due")
	before = frappe.db.get_value("Write-Off Tax Rule", other, "modified")
	shipped.sync()
	assert frappe.db.get_value("Write-Off Tax Rule", other, "modified") == before


def test_accounts_of_a_company_are_no_edit_of_the_rule(monkeypatch: pytest.MonkeyPatch) -> None:
	use_rule()
	newer = [
		{**rule, "limit_months": 60} if rule["key"] == "GB" else rule for rule in shipped.shipped_rules()
	]
	monkeypatch.setattr(shipped, "shipped_rules", lambda: newer)
	shipped.sync()
	rule = frappe.get_doc("Write-Off Tax Rule", UK)
	assert rule.limit_months == 60 and len(rule.accounts) == 1


def test_an_edited_rule_keeps_its_versions() -> None:
	with as_user(MANAGER):
		rule = frappe.get_doc("Write-Off Tax Rule", UK)
		rule.wait_months = 7
		rule.shipped_hash = "forged"
		rule.save(ignore_version=False)
	assert frappe.db.count("Version", {"ref_doctype": "Write-Off Tax Rule", "docname": UK}) == 1
	assert rule.reload().shipped_hash != "forged"
	with as_user(PREPARER), pytest.raises(frappe.PermissionError):
		rule.save()


def test_a_shipped_rule_is_disabled_not_deleted() -> None:
	with as_user(MANAGER), pytest.raises(frappe.ValidationError, match="Disable it instead"):
		frappe.delete_doc("Write-Off Tax Rule", UK)


WRONG = {
	"fraction": ({"statutory_fraction": "11"}, "Statutory Fraction"),
	"dates": ({"valid_from": "2026-02-01", "valid_to": "2026-01-31"}, "Valid To"),
	"event": ({"trigger": "Event"}, "waiting time starts with the event"),
	"no event": ({"clock": "Event"}, "requires the trigger Event"),
	"limit": ({"limit_from": ""}, "start of the limit"),
	"short limit": ({"limit_months": 6}, "longer than the waiting time"),
}


@pytest.mark.parametrize(("values", "message"), WRONG.values(), ids=WRONG)
def test_wrong_rules(values: dict[str, Any], message: str) -> None:
	rule = frappe.get_doc("Write-Off Tax Rule", UK)
	rule.update(values)
	with pytest.raises(frappe.ValidationError, match=message):
		rule.save()


@pytest.mark.parametrize(
	("tax", "relief", "message"),
	[
		("Sales", "VAT", "not a tax account"),
		("VAT", "Debtors", "not a tax account"),
		("VAT", "Duties and Taxes", "is a group"),
	],
)
def test_wrong_accounts(tax: str, relief: str, message: str) -> None:
	tax_account()
	rule = frappe.get_doc("Write-Off Tax Rule", UK)
	rule.append("accounts", {"tax_account": account(tax), "relief_account": account(relief)})
	with pytest.raises(frappe.ValidationError, match=message):
		rule.save()


def test_an_account_of_another_company() -> None:
	rule = frappe.get_doc("Write-Off Tax Rule", UK)
	rule.append("accounts", {"tax_account": tax_account(), "relief_account": tax_account(company=NW)})
	with pytest.raises(frappe.ValidationError, match=f"belongs to company {NW}"):
		rule.save()


def test_the_choice_of_a_company() -> None:
	with pytest.raises(frappe.ValidationError, match="India grants no relief"):
		run_helpers.settings(tax_rule="India: no relief")
	with pytest.raises(frappe.ValidationError, match="is disabled"):
		run_helpers.settings(tax_rule="Italy: insolvency proceedings")
	with pytest.raises(frappe.ValidationError, match="tax accounts of"):
		run_helpers.settings(tax_rule=UK)
	use_rule()
	with pytest.raises(frappe.ValidationError, match=f"tax accounts of {NW}"):
		run_helpers.settings(NW, tax_rule=UK)
	frappe.db.set_value("Write-Off Tax Rule", UK, "company", NW)
	run_helpers.settings(tax_rule=None)
	with pytest.raises(frappe.ValidationError, match=f"by {NW} only"):
		run_helpers.settings(tax_rule=UK)


def test_the_rule_that_is_valid_on_the_day() -> None:
	"""A law that changed: the rule chosen ends, and one of the same country follows."""
	rule = use_rule()
	frappe.db.set_value("Write-Off Tax Rule", UK, "valid_to", "2025-12-31")
	follows = frappe.copy_doc(rule)
	follows.update({"rule_name": "United Kingdom 2026", "valid_from": "2026-01-01", "wait_months": 4})
	follows.insert()
	assert rule_of_company(HL, UK, "2025-12-31") == UK
	assert rule_of_company(HL, UK, "2026-01-01") == "United Kingdom 2026"
	assert rule_of_company(HL, "United Kingdom 2026", "2025-06-30") == UK
	frappe.db.set_value("Write-Off Tax Rule", "United Kingdom 2026", "company", NW)
	assert rule_of_company(HL, UK, "2026-01-01") is None
	assert rule_of_company(NW, UK, "2026-01-01") == "United Kingdom 2026"
	assert rule_of_company(HL, None, "2026-01-01") is None


@pytest.mark.parametrize(
	("country", "words"),
	[
		("United Kingdom", None),
		("France", "is in France. The rule"),
		("India", "is in India, which grants no relief"),
	],
)
def test_a_rule_of_another_country_is_chosen_with_a_note(country: str, words: str | None) -> None:
	use_rule()
	settings = run_helpers.settings(tax_rule=None)
	frappe.db.set_value("Company", HL, "country", country)
	frappe.clear_document_cache("Company", HL)
	settings.tax_rule = UK
	frappe.flags.mute_messages, frappe.local.message_log = False, []
	settings.save()
	frappe.flags.mute_messages = True
	assert (words in str(frappe.local.message_log)) if words else not frappe.local.message_log
	assert settings.reload().tax_rule == UK
