"""The desk in Chromium on the test site, with a worker and realtime.

The fixture `desk` is a Desk signed in as Manuel Manager (Accounts Manager); `desk.sign_in(PREPARER)` changes the user.
Console errors, uncaught exceptions, failed requests and server errors fail the test, and so does an unused
`desk.expect_error`. A screenshot of a failed test is saved in sites/.ar-writeoff/logs/<site>/.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import frappe
import pytest
from playwright.sync_api import (
	Browser,
	BrowserContext,
	ConsoleMessage,
	Error,
	Page,
	Response,
	sync_playwright,
)

from tests.site.base_data import PASSWORD
from tests.site.conftest import MARK, Session, eventually, site
from tests.site.factories import MANAGER, SECOND_MANAGER
from tools import venvs
from tools.desk import Desk as Stack

__all__ = ["Desk", "eventually", "site"]

# What the desk itself says on a healthy site, each for a reason that is not ours.
HARMLESS = [
	# Frappe's desk asks for a favicon and splash image that a new site does not have.
	r"favicon",
	# The realtime connection ends when a page is left; the next page makes its own.
	r"socket\.io.*(ERR_ABORTED|closed before the connection)",
	# A page that is left cancels what it was still loading.
	r"net::ERR_ABORTED",
]


class Desk:
	"""A browser window on the site, with helpers for common actions."""

	def __init__(self, context: BrowserContext, url: str):
		self.context = context
		self.url = url
		self.page: Page = context.new_page()
		self.complaints: list[str] = []
		self._expected: list[re.Pattern[str]] = []
		self._watch(self.page)

	def sign_in(self, user: str = MANAGER, password: str = "") -> Desk:
		self.context.clear_cookies()
		password = password or ("admin" if user == "Administrator" else PASSWORD)
		answer = self.context.request.post(
			f"{self.url}/api/method/login", form={"usr": user, "pwd": password}
		)
		assert answer.ok, f"{user} cannot sign in: {answer.status} {answer.text()[:500]}"
		return self

	def open(self, *route: str) -> Page:
		"""Open a route of the desk, e.g. `open("write-off-run", "new")`, and wait for it."""
		self.page.goto(f"{self.url}/app/{'/'.join(route)}", wait_until="domcontentloaded")
		self.page.wait_for_function(
			"() => window.frappe && frappe.boot && frappe.get_route && (frappe.get_route() || [])[0]"
		)
		self.settle()
		return self.page

	def new(self, doctype: str) -> Page:
		return self.open(frappe.scrub(doctype).replace("_", "-"), "new")

	def form(self, doctype: str, name: str) -> Page:
		return self.open(frappe.scrub(doctype).replace("_", "-"), name)

	def settle(self, timeout: float = 30) -> None:
		"""Wait until the desk is idle: no request, freeze or route change."""
		self.page.wait_for_function(
			"() => window.frappe && !(frappe.request && frappe.request.ajax_count) "
			"&& !document.querySelector('#freeze.in, #freeze.show')",
			timeout=timeout * 1000,
		)
		self.page.wait_for_timeout(100)

	def set(self, **values: Any) -> None:
		"""Set fields of the open form with its triggers."""
		for field, value in values.items():
			self.page.evaluate(
				"async ([field, value]) => { await cur_frm.set_value(field, value); }", [field, value]
			)
		self.settle()

	def field(self, name: str) -> Any:
		"""The input of a field in the open form."""
		return self.page.locator(f".form-layout [data-fieldname='{name}']:visible").first

	def value(self, field: str) -> Any:
		return self.page.evaluate("field => cur_frm.doc[field]", field)

	def save(self) -> str:
		"""Save the open form; returns its name."""
		self.page.evaluate("async () => { await cur_frm.save(); }")
		self.settle()
		return str(self.page.evaluate("() => cur_frm.doc.name"))

	def button(self, label: str) -> Any:
		"""A visible button by its label."""
		return self.page.locator("button:visible, a.btn:visible, .dropdown-item:visible").filter(
			has_text=re.compile(rf"^\s*{re.escape(label)}\s*$")
		).first  # fmt: skip

	def press(self, label: str) -> None:
		self.button(label).click()
		self.settle()

	def dialog(self) -> Any:
		"""The top dialog."""
		dialog = self.page.locator(".modal.show:visible, .modal.in:visible").last
		dialog.wait_for(state="visible")
		self._settle_dialogs()
		return dialog

	def _settle_dialogs(self) -> None:
		"""Wait until every dialog is fully shown: Bootstrap ignores hiding one that is still fading in."""
		self.page.wait_for_function(
			"() => !$('.modal').toArray().some((modal) => $(modal).data('bs.modal')?._isTransitioning)"
		)

	def confirm(self, label: str = "Yes") -> None:
		self.dialog().locator("button:visible").filter(
			has_text=re.compile(rf"^\s*{re.escape(label)}\s*$")
		).first.click()
		self.settle()

	def alerts(self, text: str) -> Any:
		"""The alerts that contain this text."""
		return self.page.locator(".desk-alert").filter(has_text=text)

	def alert(self, text: str) -> str:
		"""Wait for the alert that contains this text; returns all of it."""
		alert = self.alerts(text).first
		alert.wait_for()
		return str(alert.inner_text())

	def close_messages(self) -> None:
		"""Read and close the message dialog."""
		# Frappe keeps this dialog, so later dialogs follow it in the document and are still below it on the screen.
		message = self.page.locator(".modal.show .msgprint-dialog:visible")
		message.wait_for()
		self._settle_dialogs()
		message.locator(".btn-modal-close").click()
		message.wait_for(state="hidden")
		self.settle()

	def screenshot(self, path: str | Path, **options: Any) -> None:
		Path(path).parent.mkdir(parents=True, exist_ok=True)
		self.page.screenshot(path=str(path), **options)

	# ---------------------------------------------------------------------------------------- complaints

	@contextmanager
	def expect_error(self, pattern: str) -> Iterator[None]:
		"""Within the block an error with this text is expected."""
		before = len(self.complaints)
		yield
		self.settle()
		for _tenth in range(100):  # the request may begin a moment later
			new = self.complaints[before:]
			if any(re.search(pattern, text) for text in new):
				break
			self.page.wait_for_timeout(100)
		else:
			raise AssertionError(f"nobody complained of {pattern!r}: {new}")
		self.settle()
		new = self.complaints[before:]
		self.complaints[before:] = [
			text for text in new if not re.search(pattern, text) and "status of 4" not in text
		]

	def _watch(self, page: Page) -> None:
		page.on("console", self._on_console)
		page.on("pageerror", lambda error: self._complain(f"uncaught: {error}"))
		page.on(
			"requestfailed",
			lambda request: self._complain(
				f"request failed: {request.method} {request.url} {request.failure}"
			),
		)
		page.on("response", self._on_response)

	def _on_console(self, message: ConsoleMessage) -> None:
		if message.type == "error":
			place = message.location.get("url", "")
			self._complain(f"console: {message.text} ({place})")

	def _on_response(self, response: Response) -> None:
		if response.status < 400:
			return
		# At once: a body that the page does not read may come late, or never.
		line = f"HTTP {response.status}: {response.request.method} {response.url}"
		self._complain(line)
		with suppress(Error):  # the page was left
			body = response.text()[:1500]
			if line in self.complaints:
				self.complaints[self.complaints.index(line)] = f"{line} {body}"

	def _complain(self, text: str) -> None:
		if not any(re.search(pattern, text) for pattern in HARMLESS):
			self.complaints.append(text)


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
	"""Web server, realtime and one worker for the test site."""
	session = Session.get()
	running = Stack(session.site, {**session.redis.env, MARK: session.mark}, session.logs)
	running.add_worker()
	try:
		running.warm_up()
		yield running
	finally:
		running.stop()


@pytest.fixture(scope="session")
def browser(stack: Stack) -> Iterator[Browser]:
	executable = os.environ.get("CHROMIUM") or venvs.chromium()
	if not executable:
		pytest.fail("no Chromium on this machine")
	with sync_playwright() as playwright:
		browser = playwright.chromium.launch(
			executable_path=executable, headless=True, args=venvs.CHROMIUM_ARGS
		)
		yield browser
		browser.close()


@pytest.fixture
def desk(site: str, stack: Stack, browser: Browser, request: pytest.FixtureRequest) -> Iterator[Desk]:
	"""The desk, signed in as the manager. Transactions a test makes before must be committed."""
	frappe.db.commit()
	context = browser.new_context(
		viewport={"width": 1280, "height": 900}, locale="en-US", timezone_id="America/New_York"
	)
	context.set_default_timeout(120_000)  # the first page of a process takes long on a busy machine
	desk = Desk(context, stack.url)
	desk.sign_in()
	yield desk
	failed = getattr(request.node, "failed", False)
	if failed or desk.complaints:
		name = re.sub(r"[^a-zA-Z0-9_.-]+", "-", request.node.name)
		with suppress(Exception):  # never hide why the test failed
			desk.screenshot(Session.get().logs / f"{name}.png")
	with suppress(Exception):
		context.close()
	eventually_idle()
	if not failed:
		assert not desk.complaints, "The browser complained:\n" + "\n".join(desk.complaints)


@pytest.fixture
def second_desk(browser: Browser, stack: Stack, desk: Desk) -> Iterator[Desk]:
	"""The window of another user."""
	context = browser.new_context(viewport={"width": 1280, "height": 900}, locale="en-US")
	other = Desk(context, stack.url).sign_in(SECOND_MANAGER)
	yield other
	context.close()
	assert not other.complaints, "The other browser complained:\n" + "\n".join(other.complaints)


def eventually_idle(timeout: float = 60) -> None:
	"""Wait until the worker is idle before the snapshot is restored."""
	from frappe.utils.background_jobs import get_queue
	from rq.registry import StartedJobRegistry

	queues = [get_queue(name) for name in ("short", "default", "long")]

	def idle() -> bool:
		return not any(len(queue) or StartedJobRegistry(queue=queue).get_job_ids() for queue in queues)

	eventually(idle, timeout=timeout)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
	outcome = yield
	report = outcome.get_result()
	if report.when == "call" and report.failed:
		item.failed = True
