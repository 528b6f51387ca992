"""Limits and second approver at the desk."""

from __future__ import annotations

from pathlib import Path

import frappe

from tests.e2e.conftest import Desk
from tests.e2e.run_page import RunPage, pictures
from tests.site.factories import AUDITOR, PREPARER, invoice, outstanding
from tests.site.run_helpers import items, run, settings

ENOUGH = "The limit of Accounts Manager is sufficient."


def test_a_clerk_asks_and_a_manager_posts(desk: Desk, second_desk: Desk, tmp_path: Path):
	settings(
		require_second_approver=1,
		limits=[
			{"role": "Accounts User", "max_item_amount": 10},
			{"role": "Accounts Manager", "max_item_amount": 50},
		],
	)
	small, other, large, huge = (
		invoice(customer, amount, "2026-01-15")
		for customer, amount in (
			("Anchor Cafe", 4),
			("Anchor Cafe", 10),
			("Breakwater Bar", 40),
			("Compass Stores", 60),
		)
	)
	draft = run(user=PREPARER)
	frappe.db.commit()

	# the clerk sees what is over the limit and whose limit is enough
	desk.sign_in(PREPARER)
	clerk = RunPage(desk).open(draft.name).wait_for_grid()
	assert clerk.cards()["Selected"] == (2, "$ 14.00")
	assert clerk.cards()["Over Limit"] == (2, "$ 100.00")
	assert clerk.cards()["Left Open"] == (0, "$ 0.00")
	note = desk.page.locator(".wo-pending").inner_text()
	assert "Over the limit: 2 balances, total $ 100.00." in note and ENOUGH in note
	assert clerk.tabs() == {"To Review": 4, "Over Limit": 2}
	pictures(desk, tmp_path)("over-limit", scroll_to=".wo-bench")
	clerk.tab("Over Limit")
	assert sorted(clerk.vouchers()) == sorted([large.name, huge.name])
	assert clerk.ticked(large.name) and ENOUGH in clerk.row(large.name).inner_text()

	# unticking it is a decision of its own, and can be taken back
	clerk.tab("To Review")
	clerk.tick(huge.name)
	assert clerk.cards()["Over Limit"] == (1, "$ 40.00")
	assert clerk.cards()["Left Open"] == (1, "$ 60.00")
	clerk.tick(huge.name)
	assert clerk.cards()["Over Limit"] == (2, "$ 100.00")
	assert not desk.alerts("Another user").count()

	# and asks
	assert clerk.primary() == ["Request Approval"]
	desk.press("Request Approval")
	clerk.ready()
	desk.alert("Approval requested from: Manuel Manager, Selma Second")
	assert clerk.primary() == ["Preview Entries"]
	assert "Petra Preparer requested approval" in clerk.intro
	clerk.tick(small.name)
	assert clerk.primary() == ["Request Approval"], "what was asked for is not there any more"
	clerk.tick(small.name)
	desk.press("Request Approval")
	clerk.ready()

	# the manager posts what is within the own limit; the rest is a draft of its own
	manager = RunPage(second_desk).open(draft.name).wait_for_grid()
	assert manager.primary() == ["Preview and Post"]
	manager.post()
	second_desk.close_messages()
	assert [outstanding(bill) for bill in (small, other, large, huge)] == [0, 0, 0, 60]
	rest = frappe.db.get_value("Write-Off Run", {"remainder_of": draft.name})
	assert list(items(rest)) == [huge.name]
	assert f"Balances above the limit are in {rest}." in manager.intro
	second_desk.page.locator(f".form-message a[href*='{rest}']").click()
	second_desk.page.wait_for_function("name => cur_frm.doc.name === name", arg=rest)
	manager.wait_for_grid()
	assert f"balances of {draft.name} that were over the limit" in manager.intro
	assert "No user has a sufficient limit" in second_desk.page.locator(".wo-pending").inner_text()


def test_who_prepared_it_is_told_who_else_has_to_approve(desk: Desk):
	settings(require_second_approver=1)
	invoice("Anchor Cafe", 4, "2026-01-15")
	draft = run()
	frappe.db.commit()
	page = RunPage(desk).open(draft.name).wait_for_grid()
	assert "A second approver must submit this run." in page.intro
	assert page.primary() == ["Request Approval"]
	desk.press("Preview Entries")
	assert not desk.dialog().locator(".btn-primary:visible").count()


def test_an_auditor_verifies_what_was_approved(desk: Desk, tmp_path: Path):
	bill, other = (invoice("Anchor Cafe", amount, "2026-01-15") for amount in (4, 5))
	draft = run()
	draft.submit()
	frappe.db.commit()
	desk.sign_in(AUDITOR)
	page = RunPage(desk).open(draft.name).wait_for_grid()
	desk.press("Verify Approval")
	assert "all balances match the approval" in desk.dialog().inner_text()
	assert draft.approval_hash in desk.dialog().inner_text()
	page.close_dialog()
	frappe.db.set_value("Write-Off Run Item", items(draft)[bill.name].name, "write_off_amount", 3)
	frappe.db.commit()
	desk.press("Verify Approval")
	text = desk.dialog().inner_text()
	assert bill.name in text and other.name not in text
