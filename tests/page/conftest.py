"""The page in Chromium, as `ar-writeoff review` serves it: no bench, no site.

A test asks for `start`, gives it a file and options, and gets a `Window` on the page. Errors in the
browser's console fail the test at its end, and so does any request to another machine.
"""

from __future__ import annotations

import base64
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect, sync_playwright

from tests.unit.exports import ROWS, table, total, write_csv
from tools import venvs

CHECKOUT = Path(__file__).resolve().parents[2]
PATIENCE = 30_000  # milliseconds; a busy machine is slow, not wrong
ON = ("--cutoff", "2026-06-30", "--posting-date", "2026-06-30")
BOOK = ("--company", "Harbour Lights Ltd", "--account", "Bad Debt - HL")

expect.set_options(timeout=PATIENCE)


class Window:
	"""A browser window on the page, with helpers for common actions."""

	def __init__(self, context: BrowserContext, address: str, out: Path):
		self.context = context
		self.address = address
		self.out = out
		self.page: Page = context.new_page()
		self.complaints: list[str] = []
		self.page.on("pageerror", lambda error: self.complaints.append(f"error: {error}"))
		self.page.on(
			"console",
			lambda said: self.complaints.append(f"console: {said.text}") if said.type == "error" else None,
		)
		self.page.on("request", lambda request: self.stays_here(request.url))

	def stays_here(self, url: str) -> None:
		if not re.match(r"(https?|ws)://127\.0\.0\.1:|data:|blob:", url):
			self.complaints.append(f"left the machine: {url}")

	def open(self) -> Window:
		self.page.goto(self.address)
		expect(self.page.get_by_text("AR Write-Off", exact=True)).to_be_visible()
		return self

	def drop(self, path: Path) -> None:
		"""Drop a file onto the page."""
		data = self.page.evaluate_handle(
			"""([name, content]) => {
				const data = new DataTransfer();
				const bytes = Uint8Array.from(atob(content), (letter) => letter.charCodeAt(0));
				data.items.add(new File([bytes], name));
				return data;
			}""",
			[path.name, base64.b64encode(path.read_bytes()).decode()],
		)
		self.page.wait_for_function("() => window.arWriteOffUploader !== undefined")
		self.page.dispatch_event(".main", "drop", {"dataTransfer": data})

	def has_list(self, number: int | None = None) -> None:
		"""Wait until the list has its rows; of the search with this number."""
		self.page.wait_for_function(
			"(number) => document.body.dataset.listfound"
			" && (!number || document.body.dataset.listfound == number)",
			arg=number,
			timeout=PATIENCE * 4,
		)

	def field(self, name: str) -> Locator:
		return self.page.locator(f'[data-setting="{name}"]')

	def fill(self, name: str, text: str) -> None:
		# Quasar hands what it does not know on to the input itself, or keeps it on the label around it.
		field = self.field(name)
		(field if field.evaluate("element => element.tagName") == "INPUT" else field.locator("input")).fill(
			text
		)

	def find(self) -> None:
		before = int(self.page.evaluate("document.body.dataset.listfound || 0"))
		self.page.locator(".find").click()
		self.has_list(before + 1)

	def row(self, voucher: str, name: str = "found") -> Locator:
		return self.page.locator(f".list-{name} .ag-center-cols-container .ag-row").filter(has_text=voucher)

	def cell(self, voucher: str, column: str, name: str = "found") -> Locator:
		return self.row(voucher, name).locator(f'[col-id="{column}"]')

	def tick(self, voucher: str) -> None:
		"""Tick or untick."""
		index = self.row(voucher).get_attribute("row-index")
		self.page.locator(f'.list-found .ag-pinned-left-cols-container [row-index="{index}"] input').click()

	def vouchers(self, name: str = "found") -> list[str]:
		"""Those of the list, in its order, filtered as it is."""
		found: list[str] = self.page.evaluate(
			"""(name) => {
				const found = [];
				arWriteOff.lists[name].api.forEachNodeAfterFilterAndSort((node) => found.push(node.data.voucher_no));
				return found;
			}""",
			name,
		)
		return found

	def ticked(self) -> set[str]:
		return set(
			self.page.evaluate("arWriteOff.lists.found.api.getSelectedRows().map((row) => row.voucher_no)")
		)

	def says(self, text: str) -> None:
		"""The text on the ticked rows at the bottom of the page."""
		expect(self.page.locator(".ticked-total")).to_have_text(text)

	def tab(self, name: str) -> None:
		self.page.locator(f'.q-tab[name="{name}"], .q-tab').filter(has_text=name).first.click()

	def files(self) -> list[Path]:
		return sorted(path for path in self.out.rglob("*") if path.is_file())


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
	program = venvs.chromium()
	if not program:
		pytest.skip("There is no Chromium.")
	with sync_playwright() as playwright:
		chromium = playwright.chromium.launch(executable_path=program, args=venvs.CHROMIUM_ARGS)
		yield chromium
		chromium.close()


Start = Callable[..., Window]


def serve(folder: Path, *arguments: object, language: str = "en") -> tuple[subprocess.Popen[bytes], str]:
	"""Start the command; returns its process and the page's address."""
	note = folder / "address"
	note.unlink(missing_ok=True)
	command = [sys.executable, "-m", "ar_writeoff.offline", "review", *map(str, arguments)]
	command += [
		"--no-browser",
		"--address-file",
		str(note),
		"--out",
		str(folder / "out"),
		"--language",
		language,
	]
	# NiceGUI does other things where it finds itself in a test of its own.
	env = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "NICEGUI"))}
	process = subprocess.Popen(
		command,
		cwd=CHECKOUT,
		env=env,
		stdin=subprocess.DEVNULL,
		stdout=subprocess.PIPE,
		stderr=subprocess.STDOUT,
	)
	deadline = time.monotonic() + 120
	while not (note.exists() and note.read_text().strip()):
		if process.poll() is not None or time.monotonic() > deadline:
			process.kill()
			raise AssertionError(f"The page did not start: {process.communicate()[0].decode()}")
		time.sleep(0.05)
	return process, note.read_text().strip()


@pytest.fixture
def start(browser: Browser, tmp_path: Path) -> Iterator[Start]:
	"""Start the page with a file and options, and open it."""
	processes: list[subprocess.Popen[bytes]] = []
	windows: list[Window] = []

	def starting(*arguments: object, language: str = "en") -> Window:
		process, address = serve(tmp_path, *arguments, language=language)
		processes.append(process)
		context = browser.new_context(viewport={"width": 1440, "height": 940}, accept_downloads=True)
		window = Window(context, address, tmp_path / "out")
		windows.append(window)
		return window.open()

	starting.processes = processes  # type: ignore[attr-defined]
	yield starting
	said = []
	for window in windows:
		said += window.complaints
		window.context.close()
	for process in processes:
		process.terminate()
		output = process.communicate(timeout=30)[0].decode()
		said += [output] if "Traceback" in output or "Error" in output else []
	assert not said


@pytest.fixture
def file(tmp_path: Path) -> Path:
	return write_csv(tmp_path / "ar.csv", table([*ROWS, total(71.71)]))


@pytest.fixture(autouse=True)
def no_stray_files() -> Iterator[None]:
	"""The command leaves nothing in the folder it is run in."""
	before = set(os.listdir(CHECKOUT))
	yield
	assert not {name for name in set(os.listdir(CHECKOUT)) - before if name.startswith(".nicegui")}
