"""The pages of the app and runs in their states, on a phone and a laptop: nothing reaches out of the window, and axe-core has no
serious finding under WCAG 2.1 AA in the light theme, and in the dark one where colors carry a meaning.

axe-core measures what the app draws, see OURS. Frappe's frame is left out: navigation bar, sidebar, page head, standard fields,
and the lists and reports of the desk. With PICTURES=/a/folder this takes minutes: every state, lists, reports and the print as
well, both themes, and screenshots of four widths, to look at them.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import frappe

from tests.e2e.conftest import Desk
from tests.e2e.run_page import RunPage
from tests.e2e.states import SCHEDULE, runs_in
from tests.e2e.test_layout import overflow
from tests.site.factories import HL, MANAGER, cost_center
from tests.site.run_helpers import settings

PHONE, TABLET = {"width": 390, "height": 844}, {"width": 820, "height": 1180}
LAPTOP, SCREEN = {"width": 1366, "height": 768}, {"width": 1920, "height": 1080}
# The tablet and the large screen have the layouts of the others, and are for looking at them.
PICTURES = os.environ.get("PICTURES")
SIZES = (PHONE, TABLET, LAPTOP, SCREEN) if PICTURES else (PHONE, LAPTOP)

# States whose pages have something of their own. "Paused", for one, differs from "Posting" in words.
STATES = (
	()
	if PICTURES
	else ("review", "approval-requested", "nothing-found", "posting", "posted", "partly-posted", "failed")
)

# Pages with every color that the app has: notes, bars, marks of rows, tables.
DARK = ("run-failed", "excluded", "preview")

# The parts of a page that the app draws.
OURS = (
	".wo-bench",
	".wo-intro",
	".wo-progress",
	".wo-preview",
	".wo-voucher",
	".modal.show .wo-table",
	".write-off-settings-hint",
)
RULES = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa")

# Of frappe.DataTable, in which the app's cells are.
NOT_OURS = (
	".dt-header .dt-cell__resize-handle",
	".dt-scrollable__no-data",
	".dt-toast",
	".dt-freeze",
	".dt-paste-target",
)

# Parts of ours that reach out of the window, where nothing scrolls.
OUTSIDE = """() => [...document.querySelectorAll(
	".wo-card, .wo-top, .wo-tab, .wo-reason > *, .wo-filters > *, .wo-select > *, .wo-layout > *, .wo-totals, .wo-pages > *, .wo-intro, .wo-note, .wo-reinstate input"
)].filter((part) => part.offsetParent)
	.filter((part) => {
		const box = part.getBoundingClientRect();
		return box.right > window.innerWidth + 1 || box.left < -1;
	})
	.map((part) => `${part.className}: ${part.innerText}`)"""

# Colors are measured when they have arrived: not on their way to the other theme, and not of a list that is pale while it loads.
STILL = """
	*, *::before, *::after { transition: none !important; }
	.wo-list > * { opacity: 1 !important; }
"""

AXE = """async ([ours, not_ours, rules]) => {
	const shown = ours.filter((part) => [...document.querySelectorAll(part)].some((one) => one.offsetParent));
	if (!shown.length) return [];
	const include = shown.map((part) => [part]);
	const exclude = not_ours.map((part) => [part]);
	const result = await axe.run({ include, exclude }, { runOnly: rules, resultTypes: ["violations"] });
	return result.violations
		.filter(({ impact }) => ["serious", "critical"].includes(impact))
		.flatMap(({ id, nodes }) => nodes.map((node) =>
			`${id}: ${node.target.join(" ")}: ${node.any.map((one) => one.message).join("; ")}`));
}"""


class Look:
	"""Looks at the open page and keeps what is wrong."""

	def __init__(self, desk: Desk):
		self.desk = desk
		self.wrong: dict[str, list[str]] = {}

	def __call__(self, name: str) -> None:
		page = self.desk.page
		for size in SIZES:
			page.set_viewport_size(size)
			self.desk.settle()
			page.mouse.move(0, 0)
			page.evaluate("() => document.querySelectorAll('.desk-alert').forEach((alert) => alert.remove())")
			page.wait_for_timeout(300)  # the list is laid out anew a moment after the window
			if PICTURES:
				# All of the page, with the foot of the list where it belongs.
				height = page.evaluate("() => document.documentElement.scrollHeight")
				page.set_viewport_size({**size, "height": max(height, size["height"])})
				self.desk.screenshot(Path(PICTURES) / f"{name}-{size['width']}.png")
			self.note(f"{name} at {size['width']} px", [*overflow(self.desk), *page.evaluate(OUTSIDE)])
		if not page.evaluate("() => Boolean(window.axe)"):
			page.add_script_tag(path=os.environ["AXE"])
			page.add_style_tag(content=STILL)
		for theme in ("dark", "light") if PICTURES or name in DARK else ("light",):
			page.evaluate("theme => document.documentElement.setAttribute('data-theme', theme)", theme)
			self.note(f"{name}, {theme}", page.evaluate(AXE, [OURS, NOT_OURS, RULES]))

	def note(self, where: str, wrong: list[Any]) -> None:
		if wrong:
			self.wrong[where] = wrong


def test_every_page(desk: Desk):
	runs = runs_in(*STATES)
	settings(
		limits=[
			{"role": "Accounts User", "max_item_amount": 10, "max_run_amount": 500},
			{"role": "Accounts Manager", "max_item_amount": 2500, "max_customer_month_amount": 10000},
		],
		cost_center=cost_center(),
	)
	frappe.get_doc(SCHEDULE).insert()
	frappe.db.set_value("User", MANAGER, "desk_theme", "Light")
	frappe.clear_cache(user=MANAGER)
	frappe.db.commit()
	look = Look(desk)
	page = RunPage(desk.sign_in())

	page.new()
	look("new-run")
	for name, run in runs.items():
		page.open(run.name)
		look(f"run-{name}")
	look_at_parts(page, look, runs)
	desk.form("Write-Off Settings", HL)
	look("write_off_settings")
	if PICTURES:
		look_at_the_desk(look, runs)
	wrong = [f"{where}: {text}" for where, texts in look.wrong.items() for text in texts]
	assert not wrong, "\n" + "\n".join(wrong)


def look_at_the_desk(look: Look, runs: dict[str, Any]) -> None:
	"""The pages that Frappe draws."""
	desk = look.desk
	desk.open("write-off-run")
	desk.page.locator(".list-row").first.wait_for()
	look("list")
	for report in ("Write-Off Register", "Write-Off Roll-forward"):
		desk.open("query-report", report)
		desk.page.locator(".datatable .dt-row-0").first.wait_for()
		look(frappe.scrub(report))
	for doctype, name in (
		("Write-Off Reason", "Small Balance"),
		("Write-Off Schedule", SCHEDULE["schedule_name"]),
	):
		desk.form(doctype, name)
		look(frappe.scrub(doctype))
	desk.open("ar-write-off")
	look("workspace")
	desk.open("print", "Write-Off Run", runs["partly-posted"].name)
	paper = desk.page.frame_locator("iframe.print-format-container").locator("body")
	paper.get_by_text("Journal Entries").first.wait_for()
	look("print")


def look_at_parts(page: RunPage, look: Look, runs: dict[str, Any]) -> None:
	"""The views, filters and dialogs of a draft and of a posted run."""
	desk = page.desk
	page.open(runs["review"].name).wait_for_grid()
	page.filter(balance_up_to="abc")
	look("wrong-filter")
	page.filter(balance_up_to="", customer="nobody of this name")
	look("nothing-under-the-filter")
	page.filter(customer="")
	page.tab("Excluded")
	look("excluded")
	desk.press("By Customer")
	page.ready()
	look("by-customer")
	desk.press("By Customer")
	page.tab("To Review")
	desk.page.locator(".wo-info").first.click()
	desk.dialog()
	look("details")
	page.close_dialog()
	desk.press("Preview and Post")
	desk.dialog().locator("details").first.evaluate("entry => (entry.open = true)")
	look("preview")
	page.close_dialog()
	page.open(runs["posted"].name).wait_for_grid()
	desk.page.locator(".wo-grid .wo-tick[data-name]").first.click()
	desk.page.locator("[data-select='reinstate']").click()
	desk.dialog()
	look("reinstate")
	page.close_dialog()
	desk.press("Undo")
	desk.dialog()
	look("undo")
	page.close_dialog()
