"""Workers that stop where a test wants them to, other sessions beside the test's own, and the watchdog at once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import frappe

from tests.site.conftest import Session, Worker, Workers, connect, eventually
from tests.site.patches import HOLDS


class Crashable:
	"""Starts workers with points (see patches.py), holds them there, and lets them go."""

	def __init__(self, workers: Workers, folder: Path):
		self.workers = workers
		self.folder = folder
		session = workers.session
		self.command = [session.bench.python, Path(__file__).with_name("patched_worker.py")]

	def start(self, count: int = 1) -> list[Worker]:
		session = self.workers.session
		original = session.cli
		session.cli = lambda: self.command
		try:
			return self.workers(count, queues="long", **{HOLDS: str(self.folder)})
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
	"""Inside, runs are posted and undone by workers, as outside of tests."""
	frappe.flags.in_test = False
	try:
		yield
	finally:
		frappe.flags.in_test = True


def watchdog(lease: int = -1) -> list[str]:
	"""The watchdog, to whom every worker without a heartbeat this very second is dead."""
	from ar_writeoff.watchdog import resume_stalled_runs

	frappe.db.commit()
	with in_background():
		return resume_stalled_runs(lease)


class OtherSession(threading.Thread):
	"""Somebody else at work at the same time, on a connection of their own. `result()` waits and raises."""

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
