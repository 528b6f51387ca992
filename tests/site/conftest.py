"""A real site for every test in this folder: connected, without transactions, with the settings of base_data.py.

Fixtures a test may ask for:

site             the connected site's name (used by every test)
workers(n)       starts n real RQ workers; see Workers
web              a web server for the site; web.url, web.session(user)
another_site()   makes a second site from the same base data, for tests that install and uninstall

`make site` prepares the site. It is locked while the tests run.
"""

from __future__ import annotations

import os
import random
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import frappe
import pytest

from tests.site import ledger_checks
from tests.site.base_data import PASSWORD
from tests.site.db_snapshot import DatabaseSnapshot, clear_caches
from tools import processes
from tools.bench import CHECKOUT, Bench, Site, find_bench, more_apps, test_site, write_file
from tools.processes import Redis

BENCH, WORDS = find_bench()
if BENCH:
	# before the tests are imported: v16 opens a log file in ../logs as soon as some of its modules are
	os.chdir(BENCH.sites)

# Tests beside another app, which are not there without it.
collect_ignore = [f"test_beside_{app}.py" for app in ("india_compliance",) if app not in more_apps()]

# In the environment of every process we start: the path of the site it belongs to.
MARK = "AR_WRITEOFF_CHILD_OF"

T = TypeVar("T")


class Session:
	"""One connected site for the whole pytest session, with a Redis of its own."""

	_only: Session | None = None

	@classmethod
	def get(cls) -> Session:
		if cls._only is None:
			cls._only = cls()
		return cls._only

	@classmethod
	def end(cls) -> None:
		if cls._only:
			cls._only.close()
			cls._only = None

	def __init__(self) -> None:
		if not BENCH:
			pytest.exit(WORDS, returncode=3)
		self.bench: Bench = BENCH
		# pytest-xdist: one site for each of its workers
		number = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
		self.site: Site = self.bench.site(test_site(number))
		if self.site.name not in os.environ.get("AR_WRITEOFF_CLAIMED", "").split():
			self.bench.attach()
			self.site.lock.take(wait=10, busy=f"The site {self.site.name} is in use by {{holder}}.")
		if not self.site.note.exists():
			pytest.exit(f"The site {self.site.name} is not there yet. `make link` makes it.", returncode=3)

		# the whole path: other benches on this machine may have a site of the same name
		self.mark = str(self.site.path)
		for pid in processes.marked(MARK, self.mark):
			processes.kill_pid(pid)  # left by a killed session
		self.scratch = Path(tempfile.mkdtemp(prefix="ar-writeoff-"))
		self.logs = self.bench.store / "logs" / self.site.name
		self.logs.mkdir(parents=True, exist_ok=True)
		for old in self.logs.glob("*.log"):
			old.unlink()
		os.environ[MARK] = self.mark
		self.redis = Redis(self.scratch)
		os.environ.update(self.redis.env)
		connect(self.site.name, self.bench)
		self.snapshot = DatabaseSnapshot()
		# Removed until the snapshot is restored: a killed session leaves a site that is rebuilt.
		self.note_text = self.site.note.read_text()
		self.site.note.unlink()

	def close(self) -> None:
		connect(self.site.name, self.bench)
		self.snapshot.restore()
		write_file(self.site.note, self.note_text)
		frappe.destroy()
		self.redis.stop()
		shutil.rmtree(self.scratch, ignore_errors=True)

	def env(self) -> dict[str, str]:
		"""Environment for programs of the bench that use the tests' site and Redis."""
		return {**self.bench.env(), **self.redis.env, MARK: self.mark}

	def start(self, name: str, *command: str | Path, **more_env: str) -> processes.subprocess.Popen[bytes]:
		log = self.logs / f"{name}.log"
		return processes.start([*command], log=log, cwd=self.bench.sites, env={**self.env(), **more_env})

	def cli(self) -> list[str | Path]:
		return [self.bench.python, CHECKOUT / "tools" / "frappe_cli.py"]


def connect(site: str, bench: Bench) -> None:
	"""A fresh connection and fresh caches of the process, as Administrator."""
	frappe.destroy()
	frappe.init(site, sites_path=str(bench.sites), force=True)
	frappe.connect()
	frappe.flags.in_test = True
	try:
		from frappe.tests.utils import toggle_test_mode  # v16

		toggle_test_mode(True)
	except ImportError:
		pass
	frappe.set_user("Administrator")
	frappe.local.lang = "en"
	frappe.flags.mute_messages = True


def pytest_sessionfinish() -> None:
	Session.end()


@pytest.fixture(autouse=True)
def site(request: pytest.FixtureRequest) -> Iterator[str]:
	"""The restored test site: no transactions, original settings, Administrator signed in.

	After each test that posted Journal Entries the ledgers are checked, both uncommitted and committed. Tests that corrupt
	them on purpose have the marker `corrupts_ledgers`.
	"""
	# One of a hundred batches is compared again, and not another one each time.
	random.seed(0)
	session = Session.get()
	connect(session.site.name, session.bench)
	if session.snapshot.restore():
		connect(session.site.name, session.bench)
	yield session.site.name
	check = frappe.local.site == session.site.name and not request.node.get_closest_marker("corrupts_ledgers")
	if check:
		assert_ledgers_consistent()
	frappe.db.rollback()
	if check:
		assert_ledgers_consistent()


def assert_ledgers_consistent() -> None:
	for company in frappe.db.sql_list(
		"SELECT DISTINCT company FROM `tabGL Entry` WHERE voucher_type = 'Journal Entry'"
	):
		ledger_checks.assert_debits_equal_credits(company)
		ledger_checks.assert_ple_equals_gl(company)


# ------------------------------------------------------------------------------------------------- workers


class Worker:
	"""A bench worker process, which forks a child (the horse) for each job."""

	def __init__(self, process: processes.subprocess.Popen[bytes], log: Path):
		self.process = process
		self.log = log

	@property
	def pid(self) -> int:
		return self.process.pid

	@property
	def horse(self) -> int | None:
		"""The process that runs the current job."""
		below = processes.descendants(self.pid)
		return below[0] if below else None

	def kill(self) -> None:
		"""SIGKILL to the worker and its horse at once, as a power cut would."""
		processes.kill(self.process)

	def stop(self) -> None:
		processes.stop(self.process)

	@property
	def alive(self) -> bool:
		return self.process.poll() is None


class Workers:
	"""`workers(2)` starts two and returns them. All end with the test, their logs stay in sites/.ar-writeoff/logs."""

	def __init__(self, session: Session):
		self.session = session
		self.all: list[Worker] = []

	def __call__(self, count: int = 1, queues: str = "short,default,long", **env: str) -> list[Worker]:
		started = []
		for _ in range(count):
			name = f"worker-{len(self.all) + 1}"
			process = self.session.start(name, *self.session.cli(), "worker", "--queue", queues, **env)
			worker = Worker(process, self.session.logs / f"{name}.log")
			self.all.append(worker)
			started.append(worker)
		eventually(lambda: self._listening() >= len([one for one in self.all if one.alive]), timeout=180)
		return started

	def _listening(self) -> int:
		from frappe.utils.background_jobs import get_redis_conn
		from rq import Worker as RQWorker

		own = {one.pid for one in self.all if one.alive}
		return sum(1 for found in RQWorker.all(connection=get_redis_conn()) if found.pid in own)

	def stop(self) -> None:
		for worker in self.all:
			worker.stop()


@pytest.fixture
def workers(site: str) -> Iterator[Workers]:
	session = Session.get()
	empty_queues()
	started = Workers(session)
	try:
		yield started
	finally:
		started.stop()
		empty_queues()


def empty_queues() -> None:
	from frappe.utils.background_jobs import get_redis_conn

	get_redis_conn().flushdb()


def eventually(condition: Callable[[], T], timeout: float = 30, every: float = 0.1) -> T:
	"""Wait until the condition holds. Commits before each check, to see changes of other processes."""
	deadline = time.monotonic() + timeout
	while True:
		frappe.db.commit()
		if result := condition():
			return result
		if time.monotonic() >= deadline:
			raise AssertionError(
				f"Not met within {timeout:.0f} seconds: {getattr(condition, '__name__', condition)}"
			)
		time.sleep(every)


# ----------------------------------------------------------------------------------------------------- web


class Web:
	"""The site over HTTP."""

	def __init__(self, session: Session):
		self.port = processes.free_port()
		self.url = f"http://127.0.0.1:{self.port}"
		command = [session.bench.python, CHECKOUT / "tools" / "serve.py", session.site.name, str(self.port)]
		self.process = session.start("web", *command)
		processes.wait_for_port(self.port, self.process, session.logs / "web.log")

	def session(self, user: str = "Administrator", password: str = ""):
		"""A requests.Session signed in as the user."""
		import requests

		password = password or ("admin" if user == "Administrator" else PASSWORD)
		client = requests.Session()
		answer = client.post(f"{self.url}/api/method/login", data={"usr": user, "pwd": password}, timeout=60)
		answer.raise_for_status()
		page = client.get(f"{self.url}/app", timeout=60)
		if token := page.text.partition('frappe.csrf_token = "')[2].partition('"')[0]:
			client.headers["X-Frappe-CSRF-Token"] = token
		client.headers["Accept"] = "application/json"
		return client

	def stop(self) -> None:
		processes.stop(self.process)


@pytest.fixture(scope="session")
def web_server() -> Iterator[Web]:
	server = Web(Session.get())
	try:
		yield server
	finally:
		server.stop()


@pytest.fixture
def web(site: str, web_server: Web) -> Web:
	return web_server


# ------------------------------------------------------------------------------------------------ one more


@pytest.fixture(scope="session")
def another_site() -> Iterator[Callable[[], Site]]:
	"""Makes a second site from the same base data without the app, to install, migrate and uninstall.

	The commands run as `another.bench.frappe("--site", another.name, ...)`, SQL as `another.sql(...)`.
	"""
	session = Session.get()
	other = session.bench.site(f"other-{session.site.name}")

	def make() -> Site:
		other.make_base()
		return other

	with other.claimed():
		yield make


__all__ = ["Session", "Web", "Worker", "Workers", "clear_caches", "connect", "eventually"]
