"""Navigation to the app: workspace, and sidebar and icon on releases that have them."""

from __future__ import annotations

import json
from pathlib import Path

import frappe
import pytest

from tests.e2e.conftest import Desk
from tests.e2e.run_page import RunPage, pictures
from tests.site import run_helpers
from tests.site.factories import AUDITOR, MANAGER, invoice
from tools.bench import CHECKOUT

WORKSPACE = "ar-write-off"
SMALL_LAPTOP = {"width": 1366, "height": 768}
PHONE = {"width": 390, "height": 844}

# Texts of a chart that are cut, lie over one another, or reach out of the chart.
UNREADABLE = """() => [...document.querySelectorAll(".dashboard-widget-box svg")].flatMap((svg) => {
	const room = svg.getBoundingClientRect();
	const texts = [...svg.querySelectorAll("text")].filter((text) => text.textContent.trim());
	const boxes = texts.map((text) => text.getBoundingClientRect());
	return texts
		.filter((text, i) => {
			const box = boxes[i];
			const over = boxes.some(
				(other, j) =>
					i !== j &&
					box.left < other.right - 1 && other.left < box.right - 1 &&
					box.top < other.bottom - 1 && other.top < box.bottom - 1
			);
			return over || text.textContent.includes("...") || box.left < room.left - 1 || box.right > room.right + 1;
		})
		.map((text) => text.textContent);
})"""

# Labels of cards, shortcuts and links that are wider than their room.
CUT = """() => [...document.querySelectorAll(".layout-main-section .widget .widget-title .ellipsis, .link-text")]
	.filter((label) => label.offsetParent && label.scrollWidth > label.clientWidth)
	.map((label) => label.innerText)"""


def wait_for_charts(desk: Desk) -> None:
	charts = desk.page.locator(".dashboard-widget-box")
	for number in range(2):
		charts.nth(number).locator(".bar:not([height='0'])").first.wait_for()
	desk.page.wait_for_timeout(1500)  # the bars grow
	desk.settle()


def test_the_workspace(desk: Desk, tmp_path: Path):
	for reason in ("Small Balance", "Bank Charges Deducted by Customer", "Uncollectible"):
		invoice("Anchor Cafe", 10, "2026-01-15")
		run_helpers.post(run_helpers.run(reason=reason, posting_date=frappe.utils.nowdate()))
	invoice("Breakwater Bar", 10, "2026-01-15")
	run_helpers.run()
	frappe.db.set_value("User", MANAGER, "desk_theme", "Light")
	frappe.db.commit()
	desk.page.set_viewport_size(SMALL_LAPTOP)
	desk.open(WORKSPACE)
	wait_for_charts(desk)
	shortcut = desk.page.locator(".shortcut-widget-box").filter(has_text="Draft")
	assert "1 Draft" in shortcut.inner_text()
	assert desk.page.evaluate(CUT) == []
	assert desk.page.evaluate(UNREADABLE) == []
	pictures(desk, tmp_path)("workspace")

	desk.page.locator(".shortcut-widget-box").filter(has_text="New Write-Off Run").click()
	desk.page.wait_for_function(
		"() => window.cur_frm && cur_frm.doctype === 'Write-Off Run' && cur_frm.is_new()"
	)
	desk.settle()


def test_a_new_run_from_the_workspace_and_back(desk: Desk):
	desk.open(WORKSPACE)
	desk.page.locator(".shortcut-widget-box").filter(has_text="New Write-Off Run").click()
	desk.page.wait_for_function("() => window.cur_frm && cur_frm.doctype === 'Write-Off Run'")
	desk.settle()
	desk.page.go_back()
	desk.page.wait_for_function("() => frappe.get_route()[0] === 'Workspaces'")


def test_who_only_reads_is_not_offered_a_new_run(desk: Desk):
	desk.sign_in(AUDITOR)
	desk.open(WORKSPACE)
	boxes = desk.page.locator(".shortcut-widget-box")
	boxes.first.wait_for()
	assert not boxes.filter(has_text="New Write-Off Run").count()


def test_the_sidebar_and_the_icon(desk: Desk):
	page = desk.open(WORKSPACE)
	if not page.evaluate("() => Boolean(frappe.boot.workspace_sidebar_item)"):
		pytest.skip("The desk of this release has no sidebars of its own.")
	links = page.locator(".body-sidebar .sidebar-items a.item-anchor")
	links.first.wait_for()
	shipped = json.loads((CHECKOUT / "ar_writeoff" / "workspace_sidebar" / "ar_write_off.json").read_text())
	assert [text.strip() for text in links.all_inner_texts()] == [row["label"] for row in shipped["items"]]
	logo = page.locator(".sidebar-header .header-logo img")
	assert logo.evaluate("image => image.complete && image.naturalWidth > 0")
	links.filter(has_text="Write-Off Register").click()
	page.wait_for_function("() => frappe.get_route_str() === 'query-report/Write-Off Register'")
	desk.settle()
	assert page.locator(".body-sidebar").get_attribute("data-title") == "AR Write-Off"
	assert "AR Write-Off" in page.evaluate("() => frappe.boot.desktop_icons.map((icon) => icon.label)")


@pytest.mark.parametrize("language", ["en", "de"])
def test_the_primary_button_on_a_phone(language: str, desk: Desk):
	invoice("Anchor Cafe", 10, "2026-01-15")
	draft = run_helpers.run()
	frappe.db.set_value("User", MANAGER, "language", language)
	frappe.clear_cache(user=MANAGER)
	frappe.db.commit()
	desk.page.set_viewport_size(PHONE)
	RunPage(desk.sign_in()).open(draft.name).wait_for_grid()
	button = desk.page.locator(".page-head:visible .primary-action:visible")
	box = button.bounding_box()
	assert box["x"] + box["width"] <= PHONE["width"], button.inner_text()
