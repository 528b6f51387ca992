"""Approved terms are posted: sealed on submit, renames followed, Maximum Customer Total kept."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import frappe
import pytest
from frappe.utils import formatdate

from ar_writeoff.approval import change_log
from tests.site import ledger_checks, run_helpers
from tests.site.db_snapshot import clear_data_caches
from tests.site.factories import (
	HL,
	MANAGER,
	PREPARER,
	account,
	as_user,
	cost_center,
	customer,
	invoice,
	journal,
	line,
	outstanding,
	payment,
	project,
)
from tests.site.posting_checks import undo_and_check

FIRST = "2026-01-15"


@pytest.fixture(autouse=True)
def renames_reach_dynamic_links(monkeypatch: pytest.MonkeyPatch) -> None:
	"""Some releases of Frappe quote the table name twice and do not rename Dynamic Links."""
	from frappe.model import dynamic_links

	def doctypes_linked(doctype: str, fieldname: str) -> list[str]:
		return frappe.db.sql_list(f"select distinct `{fieldname}` from `tab{doctype}`")

	monkeypatch.setattr(dynamic_links, "fetch_distinct_link_doctypes", doctypes_linked)


def verified(run: Any) -> dict[str, Any]:
	return frappe.get_doc("Write-Off Run", run.name).verify_approval()


def rename(doctype: str, old: str, new: str, **values: Any) -> str:
	return frappe.rename_doc(doctype, old, new, force=True, rebuild_search=False, show_alert=False, **values)


def planned(run: Any) -> list[list[tuple]]:
	"""The rows of the entries in the preview."""
	plan = frappe.get_doc("Write-Off Run", run.name).preview_entries(limit=100)
	assert not plan["problems"]
	return sorted(
		sorted(
			(row["account"], row["party"] or "", row["cost_center"] or "", row["debit"], row["credit"])
			for row in entry["rows"]
		)
		for entry in plan["entries"]
	)


def posted(run: Any) -> list[list[tuple]]:
	"""The rows of the run's Journal Entries, to compare with the preview."""
	return sorted(
		sorted(
			(row.account, row.party or "", row.cost_center or "", row.debit, row.credit)
			for row in frappe.get_doc("Journal Entry", name).accounts
		)
		for name in run_helpers.entries(run)
	)


# ---------------------------------------------------------------------------------- Settings changed after approval


def settings_saved(**values: Any) -> Callable[[], None]:
	return lambda: run_helpers.settings(**values) and None


def reason_account() -> None:
	doc = frappe.get_doc("Write-Off Reason", "Small Balance")
	doc.append("accounts", {"company": HL, "account": account("Bad Debt Expense")})
	doc.save()


def company_account() -> None:
	frappe.db.set_value("Company", HL, "cost_center", cost_center("South Pier"))
	clear_data_caches()


CHANGES: dict[str, Callable[[], None]] = {
	"account": settings_saved(bad_debt_account="Bad Debt Expense - HL"),
	"cost center": settings_saved(cost_center="South Pier - HL"),
	"cost center for all": settings_saved(cost_center="South Pier - HL", force_cost_center=1),
	"entry per customer": settings_saved(entries_per="Customer"),
	"entry per invoice": settings_saved(entries_per="Invoice"),
	"rows per entry": settings_saved(rows_per_entry=3),
	"credits": settings_saved(customer_credits="Leave Out"),
	"account of the reason": reason_account,
	"cost center of the company": company_account,
}


@pytest.mark.parametrize("change", CHANGES)
def test_fault_06_settings_changed_after_the_approval_change_nothing_of_what_is_posted(change: str):
	start = ledger_checks.snapshot(HL)
	run_helpers.settings(customer_credits="Ignore")
	invoices = [
		invoice("Anchor Cafe", 10, FIRST, cost_center=cost_center("North Pier")),
		invoice("Anchor Cafe", 20, FIRST),
		invoice("Breakwater Bar", 30, FIRST),
	]
	# Its write-off takes the cost center of the Settings, or of the company.
	journal(
		line("Debtors", 70, party="Dover Council", cost_center=""),
		line("Temporary Opening", credit=70, cost_center=""),
		posting_date="2026-01-01",
		is_opening="Yes",
	)
	payment("Compass Stores", 5, FIRST)
	payment("Breakwater Bar", 5, FIRST)
	start = ledger_checks.snapshot(HL)
	run = run_helpers.run(user=PREPARER)
	preview = planned(run)
	run_helpers.submitted_but_not_posted(run)
	CHANGES[change]()
	assert planned(run) == preview, "the preview of an approved run is of what was approved"
	run_helpers.post_now(run)
	assert run.status == "Posted"
	assert [outstanding(one) for one in invoices] == [0, 0, 0]
	assert posted(run) == preview
	assert verified(run)["intact"]
	undo_and_check(run, start)


def test_fault_06_default_dimension_changed_after_the_approval():
	dimension = frappe.new_doc("Accounting Dimension")
	dimension.document_type = "Department"
	departments = []
	for name in ("Pilots", "Harbour Masters"):
		one = frappe.new_doc("Department")
		one.update({"department_name": name, "company": HL})
		departments.append(one.insert().name)
	dimension.append(
		"dimension_defaults",
		{"company": HL, "reference_document": "Department", "default_dimension": departments[0]},
	)
	dimension.insert()
	forget_dimensions()
	invoice("Anchor Cafe", 60, FIRST)
	run = run_helpers.submitted_but_not_posted(run_helpers.run(user=PREPARER))
	frappe.db.set_value(
		"Accounting Dimension Detail", {"parent": dimension.name}, "default_dimension", departments[1]
	)
	forget_dimensions()
	pilots = rename("Department", departments[0], "Sea Pilots - HL")
	forget_dimensions()
	run_helpers.post_now(run)
	[entry] = run_helpers.entries(run)
	assert [row.department for row in frappe.get_doc("Journal Entry", entry).accounts if not row.party] == [
		pilots
	]
	assert verified(run)["intact"]


def forget_dimensions() -> None:
	frappe.flags.accounting_dimensions_details = None
	frappe.flags.dimension_filter_map = None
	clear_data_caches()


@pytest.mark.parametrize("what", ["account", "cost center"])
def test_fault_06_account_or_cost_center_disabled_since_is_said(what: str):
	run_helpers.settings(cost_center=cost_center("North Pier"))
	one = invoice("Anchor Cafe", 60, FIRST)
	run = run_helpers.submitted_but_not_posted(run_helpers.run(user=PREPARER))
	doctype, name = {
		"account": ("Account", account("Write Off")),
		"cost center": ("Cost Center", cost_center("North Pier")),
	}[what]
	frappe.db.set_value(doctype, name, "disabled", 1)
	clear_data_caches()
	run_helpers.post_now(run)
	assert (run.status, outstanding(one)) == ("Paused", 60)
	assert f"{name} is disabled" in run_helpers.events(run)["Paused"]
	frappe.db.set_value(doctype, name, "disabled", 0)
	clear_data_caches()
	frappe.db.commit()
	with as_user(MANAGER):
		frappe.get_doc("Write-Off Run", run.name).resume()
	assert (run.reload().status, outstanding(one)) == ("Posted", 0)


@pytest.mark.corrupts_ledgers
def test_fault_06_different_entries_are_reported():
	run_helpers.settings(force_cost_center=1, cost_center=cost_center("North Pier"))
	invoice("Anchor Cafe", 60, FIRST)
	run = run_helpers.post(run_helpers.run(user=PREPARER))
	assert verified(run)["intact"]
	[entry] = run_helpers.entries(run)
	row = frappe.db.get_value("Journal Entry Account", {"parent": entry, "party": ("is", "not set")})
	for field, value, words in (
		("account", account("Bad Debt Expense"), f"{entry}: posted to Bad Debt Expense - HL"),
		("cost_center", cost_center("South Pier"), f"{entry}: posted to cost center South Pier - HL"),
	):
		before = frappe.db.get_value("Journal Entry Account", row, field)
		frappe.db.set_value("Journal Entry Account", row, field, value)
		found = verified(run)
		assert (found["intact"], found["posted_otherwise"]) == (False, [words])
		frappe.db.set_value("Journal Entry Account", row, field, before)
	party_row = frappe.db.get_value("Journal Entry Account", {"parent": entry, "party": ("is", "set")})
	frappe.db.set_value("Journal Entry Account", party_row, "credit", 59)
	assert verified(run)["posted_otherwise"] == [f"{entry}: 59.00 written off, 60.00 approved"]
	frappe.db.set_value("Journal Entry Account", party_row, "credit", 60)
	frappe.db.set_value("Journal Entry", entry, "posting_date", "2026-06-29")
	assert verified(run)["posted_otherwise"] == [f"{entry}: posted on {formatdate('2026-06-29')} in {HL}"]


# ------------------------------------------------------------------------------------------- approved by 0.1.0


def as_approved_by_the_first_version(run: Any) -> None:
	"""Approval record and hash of version 0.1.0, without terms from the Settings."""
	from ar_writeoff.approval import seal_rules, seals, service
	from ar_writeoff.core.terms import SETTINGS_FIELDS

	record = frappe.parse_json(run.approval_snapshot)
	for name in {*SETTINGS_FIELDS, "change_log_until"} - {"offset_account"}:
		record.pop(name, None)
	text = seal_rules.canonical(record)
	digest = seal_rules.digest(
		text, [service.item_text(row) for row in run_helpers.items(run).values() if row.seal]
	)
	frappe.db.set_value(
		"Write-Off Run",
		run.name,
		{"approval_snapshot": text, "approval_seal": seals.seal(text), "approval_hash": digest},
	)
	frappe.db.commit()
	run.reload()


@pytest.mark.parametrize("status", ["Queued", "Paused"])
def test_a_run_approved_by_the_first_version_is_posted_after_the_upgrade(status: str):
	one = invoice("Anchor Cafe", 60, FIRST)
	run = run_helpers.submitted_but_not_posted(
		run_helpers.run(user=PREPARER, customers=[{"customer": "Anchor Cafe"}])
	)
	as_approved_by_the_first_version(run)
	if status == "Paused":
		with as_user(MANAGER):
			frappe.get_doc("Write-Off Run", run.name).pause()
	run_helpers.settings(bad_debt_account=account("Bad Debt Expense"))
	new = rename("Customer", "Anchor Cafe", "Anchor Coffee")
	if status == "Paused":
		with as_user(MANAGER):
			frappe.get_doc("Write-Off Run", run.name).resume()
	else:
		run_helpers.post_now(run)
	assert (run.reload().status, outstanding(one)) == ("Posted", 0)
	[rows] = posted(run)
	assert [row[:2] for row in rows] == [(account("Debtors"), new), (account("Write Off"), "")]
	found = verified(run)
	assert found["intact"] and found["renamed"] == ["Customer: Anchor Cafe → Anchor Coffee"]


def test_changes_of_a_run_approved_by_version_0_1_are_detected():
	one = invoice("Anchor Cafe", 60, FIRST)
	run = run_helpers.submitted_but_not_posted(run_helpers.run(user=PREPARER))
	as_approved_by_the_first_version(run)
	frappe.db.set_value("Write-Off Run", run.name, "max_invoice_amount", 5)
	run_helpers.post_now(run)
	assert outstanding(one) == 60
	assert verified(run)["criteria"] == "Changed since the approval: Maximum Invoice Balance."


# ------------------------------------------------------------------------------------------------------ renames


def renumbered_account() -> tuple[str, str, str]:
	from erpnext.accounts.doctype.account.account import update_account_number

	new = update_account_number(account("Write Off"), "Write Off", "6900")
	return "Account", account("Write Off"), new


def renumbered_debtors() -> tuple[str, str, str]:
	from erpnext.accounts.doctype.account.account import update_account_number

	new = update_account_number(account("Debtors"), "Trade Debtors", "1400")
	return "Account", account("Debtors"), new


def renamed_cost_center() -> tuple[str, str, str]:
	from erpnext.accounts.utils import update_cost_center

	new = update_cost_center(cost_center("North Pier"), "Pier North", None, HL, merge=False)
	return "Cost Center", cost_center("North Pier"), new


def merged_customer() -> tuple[str, str, str]:
	return renamed("Customer", "Anchor Cafe", "Breakwater Bar", merge=True)


def renamed(doctype: str, old: str, new: str, **values: Any) -> tuple[str, str, str]:
	return doctype, old, rename(doctype, old, new, **values)


def all_renamed() -> list[str]:
	"""Rename all documents that a run links to."""
	return sorted(
		words(found)
		for found in (
			renamed("Customer", "Anchor Cafe", "Anchor Coffee"),
			renumbered_account(),
			renumbered_debtors(),
			renamed_cost_center(),
			renamed("Customer Group", "Trade", "Traders"),
			renamed("Territory", "Americas", "The Americas"),
			renamed("Item Group", "Harbour Services", "Services of the Harbour"),
			renamed("Project", project(), "Refit of the Harbour"),
			renamed("Write-Off Reason", "Small Balance", "Tiny Balance"),
			renamed("User", MANAGER, "manuel@example.com"),
			renamed("Company", HL, "Harbour Lights Inc"),
		)
	)


def narrow_run() -> tuple[Any, list[Any]]:
	"""A run over two customers with all link criteria set."""
	run_helpers.settings(cost_center=cost_center("South Pier"))
	values = {"cost_center": cost_center("North Pier"), "project": project()}
	invoices = [invoice("Anchor Cafe", 60, FIRST, **values), invoice("Breakwater Bar", 40, FIRST, **values)]
	run = run_helpers.run(
		user=PREPARER,
		customers=[{"customer": "Anchor Cafe"}, {"customer": "Breakwater Bar"}],
		customer_group="Trade",
		territory="Americas",
		item_group="Harbour Services",
		currency="USD",
		receivable_account=account("Debtors"),
		**values,
	)
	assert run.selected_count == 2
	return run, invoices


def words(found: tuple[str, str, str]) -> str:
	return "{}: {} → {}".format(*found)


def merged() -> list[str]:
	return [words(merged_customer())]


@pytest.mark.parametrize("change", [all_renamed, merged])
def test_fault_14_renamed_between_approval_and_posting(change: Callable[[], list[str]]):
	run, invoices = narrow_run()
	run_helpers.submitted_but_not_posted(run)
	found = change()
	run_helpers.post_now(run)
	assert run.status == "Posted", {row.message for row in run_helpers.items(run).values()}
	assert [outstanding(one) for one in invoices] == [0, 0]
	result = verified(run)
	assert result["intact"], result
	assert sorted(result["renamed"]) == found


@pytest.mark.parametrize("change", [all_renamed, merged])
def test_fault_14_renamed_after_posting(change: Callable[[], list[str]]):
	run, invoices = narrow_run()
	run_helpers.post(run)
	found = change()
	frappe.db.commit()
	result = verified(run)
	assert result["intact"], result
	assert sorted(result["renamed"]) == found
	frappe.get_doc("Write-Off Run", run.name).cancel()
	assert [outstanding(one) for one in invoices] == [60, 40]
	assert verified(run)["intact"]


def test_fault_14_renamed_while_paused_and_before_a_retry():
	run, [one, two] = narrow_run()
	run_helpers.submitted_but_not_posted(run)
	with as_user(MANAGER):
		frappe.get_doc("Write-Off Run", run.name).pause()
	found = [words(renumbered_account()), words(renamed("Customer", "Anchor Cafe", "Anchor Coffee"))]
	frappe.db.commit()
	with as_user(MANAGER), run_helpers.refusing(two.name):
		frappe.get_doc("Write-Off Run", run.name).resume()
	assert run.reload().status == "Partly Posted", {row.message for row in run_helpers.items(run).values()}
	found.append(words(renamed("Write-Off Reason", "Small Balance", "Tiny Balance")))
	frappe.db.commit()
	with as_user(MANAGER):
		frappe.get_doc("Write-Off Run", run.name).retry_failed()
	assert (run.reload().status, outstanding(one), outstanding(two)) == ("Posted", 0, 0)
	result = verified(run)
	assert result["intact"], result
	assert sorted(result["renamed"]) == sorted(found)


def test_fault_14_renamed_twice_and_the_old_name_used_again():
	invoice("Anchor Cafe", 60, FIRST)
	run = run_helpers.post(run_helpers.run(user=PREPARER))
	rename("Customer", "Anchor Cafe", "Anchor Coffee")
	rename("Customer", "Anchor Coffee", "Anchor Tea")
	customer("Anchor Cafe")
	result = verified(run)
	assert result["intact"] and result["renamed"] == ["Customer: Anchor Cafe → Anchor Tea"]
	# The balance of the customer who has the old name now was never approved.
	frappe.db.set_value("Write-Off Run Item", {"run": run.name}, "customer", "Anchor Cafe")
	result = verified(run)
	assert not result["intact"] and len(result["changed_items"]) == 1


def test_fault_14_a_change_besides_a_rename_is_detected():
	one, two = invoice("Anchor Cafe", 60, FIRST), invoice("Compass Stores", 40, FIRST)
	run = run_helpers.submitted_but_not_posted(run_helpers.run(user=PREPARER))
	rename("Customer", "Anchor Cafe", "Breakwater Bar", merge=True)
	item = run_helpers.items(run)[two.name]
	frappe.db.set_value("Write-Off Run Item", item.name, "customer", "Breakwater Bar")
	run_helpers.post_now(run)
	assert [outstanding(one), outstanding(two)] == [0, 40]
	assert frappe.db.get_value("Write-Off Run Item", item.name, "reason_code") == "changed_since_approval"
	result = verified(run)
	assert not result["intact"]
	assert result["changed_items"] == [item.name]
	assert result["renamed"] == ["Customer: Anchor Cafe → Breakwater Bar"]


def test_fault_14_a_forged_rename_is_ignored():
	one = invoice("Anchor Cafe", 60, FIRST)
	run = run_helpers.submitted_but_not_posted(run_helpers.run(user=PREPARER))
	rename("Customer", "Dover Council", "Dover District Council")
	name = frappe.db.get_value("Write-Off Change Log", {"document_type": "Customer"})
	frappe.db.set_value(
		"Write-Off Change Log", name, {"old_value": "Anchor Cafe", "new_value": "Breakwater Bar"}
	)
	frappe.db.set_value("Write-Off Run Item", {"run": run.name}, "customer", "Breakwater Bar")
	run_helpers.post_now(run)
	assert outstanding(one) == 60
	assert len(verified(run)["changed_items"]) == 1
	assert change_log.renames_since(None) == []


def test_fault_14_the_settings_follow_their_company():
	run_helpers.settings(
		require_second_approver=1, limits=[{"role": "Accounts Manager", "max_item_amount": 5}]
	)
	one = invoice("Anchor Cafe", 60, FIRST)
	run = run_helpers.run(user=PREPARER)
	rename("Company", HL, "Harbour Lights Inc")
	frappe.db.commit()
	settings = frappe.get_doc("Write-Off Settings", "Harbour Lights Inc")
	assert (settings.company, settings.require_second_approver) == ("Harbour Lights Inc", 1)
	with as_user(MANAGER), pytest.raises(frappe.PermissionError):
		frappe.get_doc("Write-Off Run", run.name).submit()
	frappe.db.rollback()
	assert outstanding(one) == 60


def test_every_link_that_is_sealed_is_known_by_its_doctype():
	from ar_writeoff.approval import service

	for doctype, fields in (
		("Write-Off Run", service.approved_fields("WOR-2026-00001")),
		("Write-Off Tax Run", service.approved_fields("WTR-2026-00001")),
		("Write-Off Run Item", service.SEALED_FIELDS),
	):
		meta = frappe.get_meta(doctype)
		for fieldname in fields:
			df = meta.get_field(fieldname)
			if df and df.fieldtype == "Link" and df.options != "Write-Off Run":
				assert change_log.LINK_DOCTYPES.get(fieldname) == df.options, (doctype, fieldname)


# ------------------------------------------------------------------------------------------- customer maximum


@contextmanager
def lists_of(run: Any) -> Iterator[Callable[..., dict[str, Any]]]:
	from ar_writeoff.search.from_invoices import write_off_invoices

	with as_user(MANAGER):
		yield lambda *invoices: write_off_invoices([one.name for one in invoices], run=run.name)


def test_fault_05_maximum_customer_total_holds_for_invoices_added_to_a_run():
	one, two, three = (invoice("Anchor Cafe", amount, FIRST) for amount in (40, 50, 20))
	other = invoice("Breakwater Bar", 90, FIRST)
	run = run_helpers.run(max_customer_amount=100, find=False)
	with lists_of(run) as add:
		assert add(one, other) == {"run": run.name, "added": 2, "left_out": []}
		assert add(two)["added"] == 1, "90 of 100"
		result = add(three)
	assert result["added"] == 0
	assert {row["voucher_no"] for row in result["left_out"]} == {one.name, two.name, three.name}
	assert "110.00" in result["left_out"][0]["message"] and "100.00" in result["left_out"][0]["message"]
	items = run_helpers.items(run)
	assert {no for no, row in items.items() if row.status == "Open" and row.selected} == {other.name}
	assert {items[one.name].reason_code, items[three.name].reason_code} == {"customer_over_maximum"}
	assert run.reload().selected_count == 1
	with lists_of(run) as add:
		assert add(one, two, three, other)["added"] == 0, "once more changes nothing"
	assert len(run_helpers.items(run)) == 4


def test_fault_05_a_run_over_the_maximum_is_not_approved():
	invoice("Anchor Cafe", 60, FIRST)
	run = run_helpers.run(user=PREPARER, max_customer_amount=100)
	frappe.db.set_value("Write-Off Run Item", {"run": run.name}, "base_write_off_amount", 101)
	with as_user(MANAGER), pytest.raises(frappe.ValidationError, match=re.escape("Anchor Cafe")):
		frappe.get_doc("Write-Off Run", run.name).submit()


def test_fault_05_credits_that_were_deducted_and_used_up_since():
	run_helpers.settings(customer_credits="Deduct", entries_per="Invoice", rows_per_entry=2)
	one, two, three = (invoice("Anchor Cafe", amount, FIRST) for amount in (40, 50, 20))
	other = invoice("Breakwater Bar", 100, FIRST)
	credit = payment("Anchor Cafe", 30, FIRST)
	run = run_helpers.run(user=PREPARER, max_customer_amount=100)
	assert run.selected_count == 4, "110 less 30"
	run_helpers.submitted_but_not_posted(run)
	credit.cancel()
	run_helpers.post_now(run)
	assert [outstanding(doc) for doc in (one, two, three, other)] == [40, 50, 20, 0]
	items = run_helpers.items(run)
	assert {items[doc.name].reason_code for doc in (one, two, three)} == {"customer_over_maximum"}, (
		"all of the customer, in whichever batch"
	)


def test_fault_05_customers_merged_since_are_one_customer():
	one, two = invoice("Anchor Cafe", 60, FIRST), invoice("Breakwater Bar", 60, FIRST)
	run = run_helpers.run(user=PREPARER, max_customer_amount=100)
	assert run.selected_count == 2
	run_helpers.submitted_but_not_posted(run)
	rename("Customer", "Anchor Cafe", "Breakwater Bar", merge=True)
	run_helpers.post_now(run)
	assert [outstanding(one), outstanding(two)] == [60, 60]
	assert {row.reason_code for row in run_helpers.items(run).values()} == {"customer_over_maximum"}


def test_what_is_submitted_is_what_was_previewed():
	invoice("Anchor Cafe", 60, FIRST)
	draft = run_helpers.run(user=PREPARER)
	with as_user(MANAGER):
		plan = frappe.get_doc("Write-Off Run", draft.name).preview_entries()
		run_helpers.settings(bad_debt_account=account("Bad Debt Expense"))
		frappe.db.commit()
		doc = frappe.get_doc(
			{**frappe.get_doc("Write-Off Run", draft.name).as_dict(), "previewed_terms": plan["terms"]}
		)
		with pytest.raises(frappe.ValidationError, match="changed since the preview"):
			doc.submit()
		frappe.db.rollback()
		plan = frappe.get_doc("Write-Off Run", draft.name).preview_entries()
		doc = frappe.get_doc(
			{**frappe.get_doc("Write-Off Run", draft.name).as_dict(), "previewed_terms": plan["terms"]}
		)
		doc.submit()
	assert doc.reload().status == "Posted"
