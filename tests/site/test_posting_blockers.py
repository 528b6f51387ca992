"""Conditions that block all entries are reported once, in the preview and on submit."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import frappe
import pytest

from ar_writeoff.approval import seal_rules, seals, service
from tests.site import ledger_checks, run_helpers
from tests.site.db_snapshot import clear_data_caches
from tests.site.factories import (
	HL,
	NW,
	account,
	accounting_period,
	cost_center,
	customer,
	freeze_books,
	invoice,
	outstanding,
	pay,
)

LABEL = "Approval Note"
VALUE = {"applies_to": "Journal Entry", "entry_field": LABEL, "value": "by the board"}


def mandatory(doctype: str = "Journal Entry", **fields: Any) -> None:
	frappe.get_doc(
		{
			"doctype": "Custom Field",
			"dt": doctype,
			"fieldname": "approval_note",
			"label": LABEL,
			"fieldtype": "Data",
			"insert_after": "user_remark",
			"reqd": 1,
			**fields,
		}
	).insert()
	frappe.clear_cache()


@pytest.fixture
def run() -> Iterator[Any]:
	for n in range(30):
		invoice(customer(f"Debtor {n:02d}"), 5, "2026-01-15")
	run = run_helpers.run()
	frappe.db.commit()
	yield run
	ledger_checks.assert_debits_equal_credits(HL)
	ledger_checks.assert_ple_equals_gl(HL)


def said(run: Any) -> list[str]:
	"""The blockers of all entries in the preview."""
	before = ledger_checks.snapshot(HL)
	problems = frappe.get_doc("Write-Off Run", run.name).preview_entries()["problems"]
	assert before.diff(ledger_checks.snapshot(HL)) == []
	assert not frappe.db.count("Journal Entry")
	return [problem["message"] for problem in problems if not problem["voucher_no"]]


def test_c08_a_mandatory_field_is_said_at_preview_and_on_submit_and_given_in_settings(run):
	mandatory()
	[message] = said(run)
	assert LABEL in message and "Write-Off Settings" in message and "approval_note" not in message
	with pytest.raises(frappe.ValidationError, match=LABEL):
		run_helpers.post(run)
	frappe.db.rollback()
	assert run_helpers.status(run) == "Draft"

	run_helpers.settings(entry_values=[VALUE])
	assert said(run) == []
	run_helpers.post(run.reload())
	assert run.status == "Posted"
	[entry] = run_helpers.entries(run)
	assert frappe.db.get_value("Journal Entry", entry, "approval_note") == "by the board"
	run.reverse("2026-07-15", dated=True)
	_original, reversing = run_helpers.entries(run)
	assert frappe.db.get_value("Journal Entry", reversing, "approval_note") == "by the board"


def test_c08_a_mandatory_field_of_the_rows(run):
	mandatory("Journal Entry Account", fieldtype="Link", options="Territory")
	assert LABEL in said(run)[0]
	with pytest.raises(frappe.ValidationError, match="does not exist"):
		row = {"applies_to": "Journal Entry Account", "entry_field": "approval_note", "value": "Atlantis"}
		run_helpers.settings(entry_values=[row])
	run_helpers.settings(entry_values=[{**row, "value": "US East"}])
	assert said(run) == []
	run_helpers.post(run.reload())
	[entry] = run_helpers.entries(run)
	values = frappe.get_all(
		"Journal Entry Account", {"parent": entry}, pluck="approval_note", order_by="idx asc"
	)
	assert values == ["US East"] * 31


def test_c08_a_default_is_enough(run):
	mandatory(default="as usual")
	assert said(run) == []
	assert run_helpers.post(run).status == "Posted"


def test_c08_a_script_of_the_site_that_fills_the_field_is_enough(run, monkeypatch):
	from erpnext.accounts.doctype.journal_entry.journal_entry import JournalEntry

	original = JournalEntry.validate

	def validate(self: Any) -> None:
		original(self)
		self.approval_note = "filled"

	mandatory()
	monkeypatch.setattr(JournalEntry, "validate", validate)
	assert said(run) == []


def test_c08_made_mandatory_after_the_approval(run):
	with run_helpers.approved(run):
		mandatory()
	assert run_helpers.status(run) == "Paused"
	assert {row.status for row in run_helpers.items(run).values()} == {"Open"}
	assert LABEL in run_helpers.events(run)["Paused"]
	run_helpers.settings(entry_values=[VALUE])
	frappe.db.commit()
	run.reload().resume()
	assert run_helpers.status(run) == "Paused", "what was approved had no value for the field"
	frappe.db.set_value("Custom Field", "Journal Entry-approval_note", "default", "as usual")
	frappe.clear_cache()
	frappe.db.commit()
	run.reload().resume()
	assert run_helpers.status(run) == "Posted"
	[entry] = run_helpers.entries(run)
	assert frappe.db.get_value("Journal Entry", entry, "approval_note") == "as usual"
	assert run.verify_approval()["intact"]


def test_fault_06_values_of_mandatory_fields_are_posted_as_approved(run):
	mandatory()
	mandatory("Journal Entry Account", fieldtype="Link", options="Territory")
	row = {"applies_to": "Journal Entry Account", "entry_field": "approval_note"}
	run_helpers.settings(entry_values=[VALUE, {**row, "value": "us east"}])
	plan = frappe.get_doc("Write-Off Run", run.name).preview_entries()
	assert plan["notes"] == [f"Every entry has {LABEL}: by the board.", f"Every entry has {LABEL}: US East."]
	with run_helpers.approved(run):
		run_helpers.settings(entry_values=[{**VALUE, "value": "by nobody"}, {**row, "value": "Americas"}])
		frappe.rename_doc("Territory", "US East", "East Coast", force=True, show_alert=False)
		frappe.db.commit()
		approved = dict(service.approved_values(run))
		assert approved[LABEL] == "East Coast"
	assert run.status == "Posted", run_helpers.events(run)
	[entry] = run_helpers.entries(run)
	assert frappe.db.get_value("Journal Entry", entry, "approval_note") == "by the board"
	rows = frappe.get_all("Journal Entry Account", {"parent": entry}, ["name", "approval_note"])
	assert {one.approval_note for one in rows} == {"East Coast"}
	found = run.verify_approval()
	assert found["intact"], found
	assert found["renamed"] == ["Territory: US East → East Coast"]

	frappe.db.set_value("Journal Entry", entry, "approval_note", "by nobody")
	frappe.db.set_value("Journal Entry Account", rows[3].name, "approval_note", None)
	found = run.verify_approval()
	assert not found["intact"]
	assert found["posted_otherwise"] == [
		f'{entry}: {LABEL} is "by nobody"',
		f'{entry}: {LABEL} is ""',
	]


def test_a_run_approved_without_values_in_its_terms_takes_those_of_the_settings(run):
	mandatory()
	run_helpers.settings(entry_values=[VALUE])
	with run_helpers.approved(run):
		record = frappe.parse_json(run.reload().approval_snapshot)
		del record["entry_values"]
		text = seal_rules.canonical(record)
		items = [service.item_text(row) for row in run_helpers.items(run).values()]
		frappe.db.set_value(
			"Write-Off Run",
			run.name,
			{
				"approval_snapshot": text,
				"approval_seal": seals.seal(text),
				"approval_hash": seal_rules.digest(text, items),
			},
		)
		run_helpers.settings(entry_values=[{**VALUE, "value": "by the owner"}])
		frappe.db.commit()
	assert run.status == "Posted", run_helpers.events(run)
	[entry] = run_helpers.entries(run)
	assert frappe.db.get_value("Journal Entry", entry, "approval_note") == "by the owner"
	assert run.verify_approval()["intact"]


def test_what_the_app_decides_is_not_given_in_settings():
	for doctype, fieldname in (
		("Journal Entry", "posting_date"),
		("Journal Entry", "write_off_run"),
		("Journal Entry", "accounts"),
		("Journal Entry Account", "party"),
		("Journal Entry Account", "cost_center"),
		("Journal Entry", "no_such_field"),
	):
		with pytest.raises(frappe.ValidationError, match="cannot be set here"):
			row = {"applies_to": doctype, "entry_field": fieldname, "value": "x"}
			run_helpers.settings(entry_values=[row])
		frappe.db.rollback()


def test_accounts_cost_centers_and_periods(run):
	frappe.db.set_value("Account", account("Write Off"), "disabled", 1)
	frappe.db.commit()
	clear_data_caches()
	[message] = said(run)
	assert message.startswith(f"Account {account('Write Off')} is disabled. It is the offset account")
	assert "Small Balance" in message and f"Write-Off Settings of {HL}" in message
	with pytest.raises(frappe.ValidationError, match="is disabled"):
		run_helpers.post(run)
	frappe.db.rollback()
	run.reload()
	frappe.db.set_value("Account", account("Write Off"), {"disabled": 0, "freeze_account": "Yes"})
	clear_data_caches()
	assert len(said(run)) == 1 and "frozen" in said(run)[0]
	frappe.db.set_value("Account", account("Write Off"), "freeze_account", "No")
	frappe.db.set_value("Account", account("Debtors"), "freeze_account", "Yes")
	frappe.db.commit()
	clear_data_caches()
	assert len(said(run)) == 1 and account("Debtors") in said(run)[0]
	with pytest.raises(frappe.ValidationError, match="frozen"):
		run_helpers.post(run)
	frappe.db.rollback()
	run.reload()
	frappe.db.set_value("Account", account("Debtors"), "freeze_account", "No")
	frappe.db.set_value("Cost Center", cost_center(), "disabled", 1)
	frappe.db.commit()
	clear_data_caches()
	assert len(said(run)) == 1 and cost_center() in said(run)[0] and "Write-Off Settings" in said(run)[0]
	with pytest.raises(frappe.ValidationError, match="is disabled"):
		run_helpers.post(run)
	frappe.db.rollback()
	run.reload()
	frappe.db.set_value("Cost Center", cost_center(), "disabled", 0)
	accounting_period("2026-06-01", "2026-06-30")
	clear_data_caches()
	assert len(said(run)) == 1 and "Accounting Period" in said(run)[0]
	frappe.db.delete("Accounting Period")
	freeze_books("2026-06-30")
	assert len(said(run)) == 1


def test_a_disabled_cost_center_of_a_voucher_is_no_problem_of_the_run():
	"""ERPNext posts to it."""
	bill = invoice("Anchor Cafe", 100, "2026-01-15", cost_center=cost_center("North Pier"))
	frappe.db.set_value("Cost Center", cost_center("North Pier"), "disabled", 1)
	clear_data_caches()
	run = run_helpers.run()
	plan = run.preview_entries()
	assert plan["problems"] == []
	assert any(cost_center("North Pier") in note for note in plan["notes"])
	assert run_helpers.post(run).status == "Posted"
	assert outstanding(bill) == 0


def missing_project(bill: Any) -> tuple[str, str]:
	[row] = frappe.get_all("GL Entry", {"voucher_no": bill.name, "party": bill.customer}, pluck="name")
	frappe.db.set_value("GL Entry", row, "project", "PROJ-GONE")
	return "Project", "PROJ-GONE"


def group_of_cost_centers(bill: Any) -> tuple[str, str]:
	frappe.db.set_value("Cost Center", bill.cost_center, "is_group", 1)
	return "Cost Center", bill.cost_center


def cost_center_of_another_company(bill: Any) -> tuple[str, str]:
	frappe.db.set_value("Cost Center", bill.cost_center, "company", NW)
	return "Cost Center", bill.cost_center


@pytest.mark.corrupts_ledgers
@pytest.mark.parametrize("damage", [missing_project, group_of_cost_centers, cost_center_of_another_company])
@pytest.mark.parametrize("fast", [1, 0])
def test_a_dimension_of_a_voucher_that_erpnext_refuses(damage, fast):
	"""Named for its balance before the approval; the others are posted."""
	run_helpers.settings(fast_posting=fast)
	bill = invoice("Anchor Cafe", 100, "2026-01-15", cost_center=cost_center("North Pier"))
	fine = invoice("Anchor Cafe", 90, "2026-01-15")
	doctype, value = damage(bill)
	frappe.db.commit()
	clear_data_caches()
	run = run_helpers.run()
	[problem] = run.preview_entries()["problems"]
	assert problem["voucher_no"] == bill.name
	for part in (doctype, value, bill.name):
		assert part in problem["message"]
	run_helpers.post(run)
	items = run_helpers.items(run)
	assert (items[bill.name].status, items[fine.name].status) == ("Failed", "Posted")
	assert items[bill.name].message == problem["message"]


def test_a_changed_balance_does_not_affect_the_others():
	one = invoice("Anchor Cafe", 100, "2026-01-15")
	run = run_helpers.run()
	pay(one)
	assert said(run) == []
	assert run_helpers.post(run).status == "Failed"
	assert run_helpers.items(run)[one.name].status == "Skipped"
	assert outstanding(one) == 0


def test_an_active_workflow_on_journal_entry_is_said_at_the_preview(run):
	assert run.preview_entries()["notes"] == []
	for doctype, name in (("Workflow State", "Checked"), ("Workflow Action Master", "Check")):
		if not frappe.db.exists(doctype, name):
			field = "workflow_state_name" if doctype == "Workflow State" else "workflow_action_name"
			frappe.get_doc({"doctype": doctype, field: name}).insert()
	frappe.get_doc(
		{
			"doctype": "Workflow",
			"workflow_name": "Entries Are Checked",
			"document_type": "Journal Entry",
			"is_active": 1,
			"states": [{"state": "Checked", "doc_status": "1", "allow_edit": "Accounts Manager"}],
			"transitions": [
				{
					"state": "Checked",
					"action": "Check",
					"next_state": "Checked",
					"allowed": "Accounts Manager",
				}
			],
		}
	).insert()
	clear_data_caches()
	slower, skipped = run.preview_entries()["notes"]
	assert "Entries Are Checked" in skipped and "does not apply" in skipped
	assert "Entries Are Checked" in slower and "takes longer" in slower
