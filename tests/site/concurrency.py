"""Workers with breakpoints, concurrent sessions, and the watchdog with any lease."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import frappe

from tests.site.breakpoints import BREAKPOINTS
from tests.site.conftest import Session, Worker, Workers, connect, eventually


class BreakpointWorkers:
	"""Starts workers that pause at breakpoints (see breakpoints.py)."""

	def __init__(self, workers: Workers, folder: Path):
		self.workers = workers
		self.folder = folder
		session = workers.session
		self.command = [session.bench.python, Path(__file__).with_name("worker_with_breakpoints.py")]

	def start(self, count: int = 1) -> list[Worker]:
		session = self.workers.session
		original = session.cli
		session.cli = lambda: self.command
		try:
			return self.workers(count, queues="long", **{BREAKPOINTS: str(self.folder)})
		finally:
			session.cli = original

	def hold(self, point: str) -> None:
		(self.folder / f"{point}.reached").unlink(missing_ok=True)
		(self.folder / f"{point}.hold").touch()

	def release(self, point: str) -> None:
		(self.folder / f"{point}.hold").unlink(missing_ok=True)

	def wait_for(self, point: str, timeout: float = 60) -> None:
		eventually((self.folder / f"{point}.reached").exists, timeout)


@contextmanager
def in_background() -> Iterator[None]:
	"""Within the block, runs are posted and undone by workers, as on a production site."""
	frappe.flags.in_test = False
	try:
		yield
	finally:
		frappe.flags.in_test = True


def watchdog(lease: int = -1) -> list[str]:
	"""Run the watchdog; by default every lease counts as expired. Returns the resumed runs."""
	from ar_writeoff.watchdog import resume_stalled_runs

	frappe.db.commit()
	with in_background():
		return resume_stalled_runs(lease)


class ConcurrentSession(threading.Thread):
	"""Runs `work` in a thread with its own database connection. `result()` waits and re-raises."""

	def __init__(self, work: Callable[[], Any], user: str = "Administrator"):
		super().__init__(daemon=True)
		self.work = work
		self.user = user
		self.value: Any = None
		self.error: BaseException | None = None
		self.start()

	def run(self) -> None:
		session = Session.get()
		connect(session.site.name, session.bench)
		frappe.set_user(self.user)
		try:
			self.value = self.work()
			frappe.db.commit()
		except BaseException as error:
			self.error = error
			frappe.db.rollback()
		finally:
			frappe.destroy()

	def result(self, timeout: float = 60) -> Any:
		self.join(timeout)
		assert not self.is_alive(), "still at work"
		if self.error:
			raise self.error
		return self.value
