"""Page object for the form of a Write-Off Run."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from playwright.sync_api import Error, Locator

from tests.e2e.conftest import Desk
from tests.site.base_data import HL
from tests.site.factories import TODAY
from tools.bench import CHECKOUT

FINISHED = ("Posted", "Partly Posted", "Failed")


class RunPage:
	def __init__(self, desk: Desk):
		self.desk = desk
		self.page = desk.page

	# ------------------------------------------------------------------------------------------- opening

	def new(self, **criteria: Any) -> RunPage:
		"""A new run with fields set, not saved; by default at TODAY for balances up to 20."""
		self.desk.new("Write-Off Run")
		self.page.wait_for_function("() => cur_frm && cur_frm.is_new() && frappe.ar_writeoff")
		self.desk.settle()
		values = {
			"company": HL,
			"reason": "Small Balance",
			"cutoff_date": TODAY,
			"posting_date": TODAY,
			"max_invoice_amount": 20,
			**criteria,
		}
		self.desk.set(**values)
		return self

	def open(self, name: str) -> RunPage:
		self.desk.form("Write-Off Run", name)
		self.page.wait_for_function("name => window.cur_frm && cur_frm.doc.name === name", arg=name)
		self.desk.settle()
		return self

	@property
	def name(self) -> str:
		return str(self.page.evaluate("() => cur_frm.doc.name"))

	@property
	def status(self) -> str:
		return str(self.page.evaluate("() => cur_frm.doc.status"))

	@property
	def intro(self) -> str:
		return self.page.locator(".form-message:visible").inner_text()

	def primary(self) -> list[str]:
		"""The labels of the primary buttons."""
		return self.page.locator(".page-head .primary-action:visible").all_inner_texts()

	# -------------------------------------------------------------------------------------------- the grid

	def find(self, label: str = "Find Invoices") -> RunPage:
		self.desk.press(label)
		return self.wait_for_grid()

	def wait_for_grid(self) -> RunPage:
		self.page.locator(".wo-grid .dt-row-0").first.wait_for()
		self.ready()
		return self

	def ready(self) -> None:
		"""Wait until the grid is loaded and the selection is saved."""
		self.page.wait_for_timeout(350)  # typing and ticks wait a moment for more of them
		self.desk.settle()
		self.page.wait_for_function("() => !document.querySelector('.wo-list[aria-busy]')")

	def vouchers(self) -> list[str]:
		"""Voucher numbers of the rendered rows."""
		return [
			text.strip()
			for text in self.page.locator(
				".wo-grid .dt-scrollable a[href*='/sales-invoice/']"
			).all_inner_texts()
		]

	def type_amount(self, voucher: str, shown: str, typed: str) -> None:
		"""Type another amount over the one that a row shows in its last column with it."""
		cell = self.row(voucher).locator(".dt-cell").filter(has_text=shown).last
		editor = self.page.locator(".dt-cell--editing input")
		# A grid that is drawn anew in between takes no notice of the double click, or of what was typed.
		for _attempt in range(5):
			cell.dblclick()
			with suppress(Error):
				editor.wait_for(timeout=3000)
				self.page.keyboard.press("Control+a")
				self.page.keyboard.type(typed)
				if editor.input_value(timeout=3000) == typed:
					self.page.keyboard.press("Enter")
					return
		raise AssertionError(f"{typed} could not be typed")

	def row(self, voucher: str) -> Locator:
		return self.page.locator(".wo-grid .dt-scrollable .dt-row").filter(has_text=voucher)

	def tick(self, *vouchers: str) -> None:
		for voucher in vouchers:
			self.row(voucher).locator(".wo-tick").click()
		self.ready()

	def ticked(self, voucher: str) -> bool:
		return self.row(voucher).locator(".wo-tick").is_checked()

	def filter(self, **values: str) -> None:
		for field, value in values.items():
			box = self.page.locator(f".wo-filters [data-filter='{field}']")
			box.select_option(value) if field == "selected" else box.fill(value)
		self.ready()

	def select(self, action: str) -> None:
		"""Press page, all, none or invert."""
		self.page.locator(f".wo-select [data-select='{action}']").click()
		self.ready()

	def tab(self, label: str) -> None:
		self.page.locator(".wo-tab").filter(has_text=re.compile(rf"^\s*{re.escape(label)}\s")).click()
		self.ready()

	def tabs(self) -> dict[str, int]:
		return {
			text.rsplit(" ", 1)[0].strip(): int(text.rsplit(" ", 1)[1])
			for text in (" ".join(text.split()) for text in self.page.locator(".wo-tab").all_inner_texts())
		}

	def cards(self) -> dict[str, tuple[int, str]]:
		"""The numbers above the grid: {label: (count, amount)}."""
		cards = {}
		for card in self.page.locator(".wo-card").all():
			label, count, *amount = card.inner_text().split("\n")
			cards[label.strip()] = (int(count.replace(",", "")), amount[0].strip() if amount else "")
		return cards

	def totals(self) -> str:
		return " ".join(self.page.locator(".wo-totals").inner_text().split())

	def close_dialog(self) -> None:
		dialog = self.desk.dialog()
		dialog.locator(".btn-modal-close").click()
		dialog.wait_for(state="hidden")

	# --------------------------------------------------------------------------------------------- posting

	def wait_for_status(self, *statuses: str, timeout: float = 60) -> None:
		self.page.wait_for_function(
			"statuses => statuses.includes(cur_frm.doc.status)", arg=list(statuses), timeout=timeout * 1000
		)
		self.ready()

	def post(self) -> None:
		"""Preview, approve, and wait until it is posted."""
		self.desk.press("Preview and Post")
		self.desk.dialog().locator(".btn-primary:visible").click()
		self.wait_for_status(*FINISHED)


def pictures(desk: Desk, folder: Path) -> Callable[..., None]:
	"""Takes screenshots; with UPDATE_SCREENSHOTS=1 for the documentation."""
	if os.environ.get("UPDATE_SCREENSHOTS") == "1":
		folder = CHECKOUT / "docs" / "images"

	def take(name: str, *, scroll_to: str | None = None) -> None:
		page = desk.page
		page.mouse.move(0, 0)
		page.evaluate(
			"() => document.querySelectorAll('#alert-container .desk-alert').forEach((alert) => alert.remove())"
		)
		if scroll_to:
			page.evaluate(
				"""selector => {
					const top = document.querySelector(selector).getBoundingClientRect().top;
					window.scrollTo(0, window.scrollY + top - 95);
				}""",
				scroll_to,
			)
		else:
			page.evaluate("() => window.scrollTo(0, 0)")
		page.wait_for_timeout(600)
		desk.screenshot(folder / f"{name}.png")

	return take
