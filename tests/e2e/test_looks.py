"""The form of a Write-Off Run in other languages, themes and widths: nothing overflows, nothing complains."""

from __future__ import annotations

import frappe

from tests.e2e.conftest import Desk
from tests.e2e.run_page import RunPage
from tests.site.runs import run
from tests.site.story import invoice


def test_the_window_may_change_its_width_at_any_moment(desk: Desk):
	"""Also while a chart that has just been drawn is drawn once more, which is within the first second."""
	invoice("Anchor Cafe", 4, "2026-01-15")
	invoice("Breakwater Bar", 5, "2026-05-15")
	draft = run()
	frappe.db.commit()
	desk.page.add_init_script(
		"""setInterval(() => {
			const chart = document.querySelector(".wo-ageing");
			if (chart) chart.style.inlineSize = `${200 + (Date.now() % 60)}px`;
		}, 20)"""
	)
	RunPage(desk).open(draft.name).wait_for_grid()
	desk.page.locator(".wo-ageing svg .bar").nth(4).wait_for()
	desk.page.wait_for_timeout(1200)
