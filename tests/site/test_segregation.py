"""Users who are bound by the controls cannot change them alone, and changes are logged."""

from __future__ import annotations

from typing import Any

import frappe
import pytest

from ar_writeoff.review.evidence import write_off_run_evidence
from tests.site import run_helpers
from tests.site.factories import (
	HL,
	MANAGER,
	PREPARER,
	SECOND_MANAGER,
	account,
	as_user,
	invoice,
	user,
)

FIRST = "2026-01-15"
LIMIT = {"role": "Accounts Manager", "max_item_amount": 50}


def save(person: str, **values: Any) -> Any:
	"""Save the Settings as this user through the form; return them reloaded."""
	with as_user(person):
		frappe.get_doc("Write-Off Settings", HL).update(values).save()
	return frappe.get_doc("Write-Off Settings", HL)


def log(event: str = "Control Changed", **filters: Any) -> list[tuple]:
	return [
		(row.fieldname, row.user, row.proposed_by)
		for row in frappe.get_all(
			"Write-Off Change Log",
			filters={"event": event, **filters},
			fields=["fieldname", "user", "proposed_by"],
			order_by="at asc",
		)
	]


def limit_of(settings: Any) -> float:
	return settings.limits[0].max_item_amount


CHANGES = {
	"limits": [{"role": "Accounts Manager", "max_item_amount": 5000}],
	"bad_debt_account": "Bad Debt Expense - HL",
	"credit_write_off_account": "Credit Balances Written Off - HL",
	"require_second_approver": 1,
	"control_role": "Accounts Manager",
}


@pytest.mark.parametrize("control", CHANGES)
def test_fault_11_a_user_bound_by_limits_cannot_change_them_alone(control: str):
	before = run_helpers.settings(limits=[LIMIT])
	after = save(MANAGER, **{control: CHANGES[control]}, minimum_age_days=7)
	assert after.minimum_age_days == 7, "what is no control is changed at once"
	if control == "limits":
		assert limit_of(after) == 50
	else:
		assert after.get(control) == before.get(control)
	assert (after.proposed_by, list(frappe.parse_json(after.proposed_changes))) == (MANAGER, [control])
	with as_user(MANAGER), pytest.raises(frappe.PermissionError, match="You proposed this change"):
		after.confirm_changes(str(after.proposed_on))
	with as_user(PREPARER), pytest.raises(frappe.PermissionError):
		after.confirm_changes(str(after.proposed_on))
	with as_user(SECOND_MANAGER):
		frappe.get_doc("Write-Off Settings", HL).confirm_changes(str(after.proposed_on))
	after = frappe.get_doc("Write-Off Settings", HL)
	if control == "limits":
		assert limit_of(after) == 5000
	else:
		assert after.get(control) == CHANGES[control]
	assert not after.proposed_by and not after.proposed_changes
	assert log("Control Change Proposed") == [(control, MANAGER, MANAGER)]
	assert log()[-1] == (control, SECOND_MANAGER, MANAGER)


def test_fault_11_a_proposal_is_confirmed_as_it_was_seen_or_withdrawn():
	run_helpers.settings(limits=[LIMIT])
	seen = save(MANAGER, limits=[{**LIMIT, "max_item_amount": 60}])
	save(MANAGER, limits=[{**LIMIT, "max_item_amount": 6000}])
	with as_user(SECOND_MANAGER), pytest.raises(frappe.ValidationError, match="modified or withdrawn"):
		seen.confirm_changes(str(seen.proposed_on))
	with as_user(SECOND_MANAGER):
		frappe.get_doc("Write-Off Settings", HL).withdraw_changes()
	settings = frappe.get_doc("Write-Off Settings", HL)
	assert (limit_of(settings), settings.proposed_by) == (50, None)
	assert log("Control Change Withdrawn") == [("limits", SECOND_MANAGER, MANAGER)]
	# Nobody writes a proposal in another's name.
	save(SECOND_MANAGER, proposed_by=MANAGER, proposed_changes='{"require_second_approver": 1}')
	assert not frappe.get_doc("Write-Off Settings", HL).proposed_by


def test_fault_11_a_role_named_in_the_settings_changes_controls_and_nobody_else():
	frappe.get_doc({"doctype": "Role", "role_name": "Internal Control"}).insert()
	controller = user("control@example.com", "Accounts Manager", "Internal Control")
	run_helpers.settings(limits=[LIMIT], control_role="Internal Control")
	after = save(MANAGER, limits=[])
	assert limit_of(after) == 50
	with as_user(SECOND_MANAGER), pytest.raises(frappe.PermissionError, match="Internal Control"):
		frappe.get_doc("Write-Off Settings", HL).confirm_changes(str(after.proposed_on))
	after = save(controller, limits=[{**LIMIT, "max_item_amount": 70}])
	assert limit_of(after) == 70
	assert log()[-1] == ("limits", controller, None)


def test_fault_11_a_user_without_limit_is_not_bound():
	frappe.get_doc({"doctype": "Role", "role_name": "Controller"}).insert()
	chief = user("chief@example.com", "Accounts Manager", "Controller")
	run_helpers.settings(limits=[LIMIT, {"role": "Controller", "instead": 1}])
	assert (
		limit_of(save(chief, limits=[{**LIMIT, "max_item_amount": 70}, {"role": "Controller", "instead": 1}]))
		== 70
	)
	run_helpers.settings(require_second_approver=1)
	assert save(chief, require_second_approver=0).require_second_approver == 1, (
		"subject to the second approver"
	)


def test_fault_11_settings_and_reasons_cannot_bypass_the_controls():
	run_helpers.settings(limits=[LIMIT])
	with as_user(MANAGER), pytest.raises(frappe.PermissionError):
		frappe.delete_doc("Write-Off Settings", HL)
	with as_user(MANAGER), pytest.raises(frappe.PermissionError):
		reason = frappe.get_doc("Write-Off Reason", "Small Balance")
		reason.append("accounts", {"company": HL, "account": account("Bad Debt Expense")})
		reason.save()
	with as_user(MANAGER), pytest.raises(frappe.PermissionError):
		frappe.get_doc(
			{
				"doctype": "Write-Off Reason",
				"reason": "Another",
				"applies_to": "Debit",
				"accounts": [{"company": HL, "account": account("Bad Debt Expense")}],
			}
		).insert()
	reason = frappe.get_doc("Write-Off Reason", "Small Balance")
	reason.append("accounts", {"company": HL, "account": account("Bad Debt Expense")})
	reason.save()
	assert log(document_type="Write-Off Reason") == [("accounts", "Administrator", None)]


def test_without_limits_nobody_sees_any_of_this():
	run_helpers.settings()
	after = save(MANAGER, bad_debt_account=account("Bad Debt Expense"), max_invoice_amount=20)
	assert (after.bad_debt_account, after.proposed_by) == (account("Bad Debt Expense"), None)
	assert limit_of(save(MANAGER, limits=[LIMIT])) == 50, "the first limits are free to set"
	with as_user(MANAGER):
		reason = frappe.get_doc({"doctype": "Write-Off Reason", "reason": "Another", "applies_to": "Debit"})
		reason.insert()


def evidence(run: Any) -> list[str]:
	return [
		text for _label, text in write_off_run_evidence(frappe.get_doc("Write-Off Run", run.name))["approval"]
	]


def test_fault_11_the_evidence_says_who_set_the_limits_that_a_run_was_posted_with():
	invoice("Anchor Cafe", 60, FIRST)
	run_helpers.settings()
	save(MANAGER, limits=[{**LIMIT, "max_item_amount": 10}])
	proposal = save(MANAGER, limits=[{**LIMIT, "max_item_amount": 100}])
	with as_user(SECOND_MANAGER):
		frappe.get_doc("Write-Off Settings", HL).confirm_changes(str(proposal.proposed_on))
	draft = run_helpers.run(user=PREPARER)
	save("Administrator", require_second_approver=1)
	run = run_helpers.post(draft)
	save("Administrator", limits=[])
	found = evidence(run)
	assert any(
		"Per Balance $ 10.00" in text
		and "Per Balance $ 100.00" in text
		and f"proposed by {MANAGER}, confirmed by {SECOND_MANAGER}" in text
		for text in found
	), found
	assert any("No → Yes (by Administrator" in text for text in found), "changed while the run was a draft"
	assert not any("→ None" in text for text in found), "what came after it is no evidence of this run"
	assert account("Write Off") in found


def test_the_change_log_is_kept_and_written_by_the_app_alone():
	run_helpers.settings(limits=[LIMIT])
	row = frappe.get_doc("Write-Off Change Log", {"fieldname": "limits"})
	with pytest.raises(frappe.ValidationError):
		row.delete()
	for person in (MANAGER, PREPARER):
		with as_user(person):
			assert not frappe.has_permission("Write-Off Change Log", "read")
	for ptype in ("write", "create", "delete"):
		with as_user("auditor@example.com"):
			assert not frappe.has_permission("Write-Off Change Log", ptype)
