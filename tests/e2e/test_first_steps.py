"""The first steps of a company: the checklist on the workspace, the way to its settings, the keys of the list."""

from __future__ import annotations

import frappe
import pytest

from tests.e2e.conftest import Desk
from tests.e2e.run_page import RunPage
from tests.site import run_helpers
from tests.site.factories import HL, PREPARER, account, invoice, setting

WORKSPACE = "ar-write-off"


# A step of the checklist in the workspace, or in the panel of the sidebar that newer desks have; the class if it is complete.
STEP, COMPLETE = ".onboarding-step, .onb-steps > div", {"complete", "is_complete"}


def checklist(desk: Desk) -> dict[str, bool]:
	"""{step: complete} as the desk shows it."""
	steps = desk.page.locator(STEP)
	steps.first.wait_for()
	return {
		step.locator(".step-text, .onb-step-text").inner_text().strip(): bool(
			COMPLETE & set((step.get_attribute("class") or "").split())
		)
		for step in steps.all()
	}


def test_the_checklist_turns_green_by_itself(desk: Desk):
	setting("System Settings", enable_onboarding=1)
	invoice("Anchor Cafe", 4, "2026-01-15")
	frappe.clear_cache()
	frappe.db.commit()
	desk.open(WORKSPACE)
	assert list(checklist(desk).values()) == [False, False, False]

	# Settings that are made from anywhere, here from the list, complete the step.
	desk.new("Write-Off Settings")
	desk.set(company=HL, bad_debt_account=account("Write Off"))
	desk.save()
	desk.open(WORKSPACE)
	assert list(checklist(desk).values()) == [True, False, False]

	frappe.db.rollback()
	run_helpers.run(find=False)
	frappe.db.commit()
	desk.open(WORKSPACE)
	assert list(checklist(desk).values()) == [True, False, False], "a draft is not the first write-off"
	run_helpers.post(run_helpers.run())
	frappe.db.commit()
	desk.open(WORKSPACE)
	desk.settle()
	assert desk.page.locator(STEP).count() == 0, "a checklist that is complete is gone"


@pytest.mark.parametrize("doctype", ["Write-Off Run", "Write-Off Schedule"])
def test_a_company_without_settings_is_led_to_them(desk: Desk, doctype: str):
	hint = f"{HL} has no Write-Off Settings."
	frappe.db.commit()
	desk.new(doctype)
	desk.set(company=HL)
	message = desk.page.locator(".form-message:visible").filter(has_text=hint)
	message.locator("a").click()
	desk.page.wait_for_function("() => cur_frm && cur_frm.doctype === 'Write-Off Settings'")
	desk.settle()
	assert desk.value("company") == HL
	desk.set(bad_debt_account=account("Write Off"))
	desk.save()
	desk.press("New Write-Off Run")
	desk.page.wait_for_function("() => cur_frm && cur_frm.doctype === 'Write-Off Run'")
	desk.settle()
	assert desk.value("company") == HL
	assert not desk.page.locator(".form-message:visible").filter(has_text=hint).count()


def test_who_may_not_make_settings_is_told_who_may(desk: Desk):
	frappe.db.commit()
	desk.sign_in(PREPARER)
	desk.new("Write-Off Run")
	desk.set(company=HL)
	message = desk.page.locator(".form-message:visible")
	message.filter(has_text="Ask an Accounts Manager to create them.").wait_for()
	assert message.locator("a").count() == 0


def test_the_keys_of_the_list_are_in_the_dialog_of_the_desk(desk: Desk):
	invoice("Anchor Cafe", 4, "2026-01-15")
	draft = run_helpers.run()
	frappe.db.commit()
	RunPage(desk).open(draft.name).wait_for_grid()
	desk.page.keyboard.press("Shift+Slash")
	dialog = desk.dialog()
	keys = {
		" ".join(row.locator("kbd").inner_text().split()): row.locator("td").last.inner_text()
		for row in dialog.locator("tr").all()
	}
	assert keys["Space"] == "Select or deselect the balance"
	assert {"/", "I", "Enter", "Ctrl+A", "Ctrl+S"} <= set(keys)
