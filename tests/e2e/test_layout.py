"""The form of a Write-Off Run in other languages, themes and widths, without overflow or errors."""

from __future__ import annotations

import re
from pathlib import Path

import frappe
import pytest
from babel.messages.pofile import read_po

from tests.e2e.conftest import Desk
from tests.e2e.run_page import RunPage, pictures
from tests.site.factories import MANAGER, account, exclude_balances, invoice
from tests.site.run_helpers import run, settings
from tools.bench import CHECKOUT

# tablet upright, and a small laptop
WIDTHS = (820, 1280)


@pytest.mark.parametrize(
	("language", "theme"),
	[("en", "Light"), ("de", "Light"), ("ar", "Dark")],
	ids=["English", "German", "rtl"],
)
def test_every_state_in(language: str, theme: str, desk: Desk, tmp_path: Path):
	"""The form, its dialogs and its list are in the user's language and fit the window."""
	for name in ("Anchor Cafe", "Breakwater Bar"):
		for amount, date in ((4.2, "2025-11-15"), (12.35, "2026-03-05"), (8.8, "2026-05-25")):
			invoice(name, amount, date)
	invoice("Compass Stores", 5.55, "2026-02-01")
	exclude_balances("Compass Stores")
	settings(bad_debt_account=account("Bad Debt Expense"))
	draft = run(find=False)
	frappe.db.set_value("User", MANAGER, {"language": language, "desk_theme": theme})
	frappe.clear_cache(user=MANAGER)
	frappe.db.commit()
	page = RunPage(desk.sign_in())
	picture = pictures(desk, tmp_path)
	english = texts_with_a_translation(language)

	def look() -> None:
		for width in WIDTHS:
			desk.page.set_viewport_size({"width": width, "height": 900})
			page.ready()
			assert overflow(desk) == [], f"at {width} px"
		left = [line for line in shown(desk) if any(text.fullmatch(line) for text in english)]
		assert not left, "not translated"

	def press_primary(scope: str = ".page-head") -> None:
		desk.page.locator(f"{scope} .btn-primary:visible").last.click()
		desk.settle()

	page.open(draft.name)
	html = desk.page.locator("html")
	assert html.get_attribute("data-theme") == theme.lower()
	assert desk.page.evaluate("() => getComputedStyle(document.body).direction") == (
		"rtl" if language == "ar" else "ltr"
	)
	look()
	press_primary()
	page.wait_for_grid()
	look()
	if language != "en":
		picture(f"review-{language}", scroll_to=".wo-bench")
	desk.page.locator(".wo-tab").last.click()
	page.ready()
	look()
	desk.page.locator(".wo-tab").first.click()
	page.ready()
	desk.page.locator(".wo-info").first.click()
	desk.dialog()
	look()
	page.close_dialog()
	press_primary()
	desk.dialog()
	look()
	press_primary(".modal.show")
	page.wait_for_status("Posted")
	look()
	desk.page.locator(".wo-grid .wo-tick[data-name]").first.click()
	desk.page.locator("[data-select='reinstate']").click()
	desk.dialog()
	look()
	page.close_dialog()
	desk.page.locator(".page-actions .btn:visible", has_text=frappe._("Undo", lang=language)).first.click()
	desk.dialog()
	look()


def texts_with_a_translation(language: str) -> list[re.Pattern[str]]:
	"""Patterns of the app's English texts that have a translation in this language."""
	catalog = CHECKOUT / "ar_writeoff" / "locale" / f"{language}.po"
	if not catalog.exists():
		return []
	with catalog.open("rb") as file:
		return [
			re.compile(re.sub(r"\\\{\d\\\}", ".+", re.escape(str(message.id))))
			for message in read_po(file)
			if message.id
			and message.string
			and message.string != message.id
			# "{0}: {1}" would stand for anything
			and re.search(r"[a-zA-Z]{3}", str(message.id))
		]


def shown(desk: Desk) -> list[str]:
	"""The lines of text in the form and the top dialog."""
	lines = []
	for area in desk.page.locator(".page-head:visible, .form-page:visible, .modal.show:visible").all():
		lines += [line.strip() for line in area.inner_text().split("\n")]
	return [line for line in lines if line]


def overflow(desk: Desk) -> list[str]:
	"""Elements that overflow: the page, parts of the form, dialogs. Lists and tables may scroll."""
	return desk.page.evaluate(
		"""() => [document.documentElement, ...document.querySelectorAll(
			".wo-bench, .wo-bench > *:not(.wo-grid), .wo-card, .wo-reason, .form-message, .modal.show .modal-body, .wo-note"
		)].filter((part) => part.offsetParent !== null || part === document.documentElement)
			.filter((part) => part.scrollWidth > part.clientWidth + 1)
			.map((part) => `${part.tagName}.${part.className}: ${part.scrollWidth} > ${part.clientWidth}`)"""
	)
