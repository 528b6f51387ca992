"""Runs posted while everything around them fails, and what must hold after each.

Two workers' jobs for each run, three worker processes. While a run posts, or is undone, workers are killed with
SIGKILL, payments race for its invoices, a second run over the same balances is submitted, it is paused and resumed,
MariaDB is killed or restarted, Redis is flushed or restarted. The scheduler is the only help there is, every second
instead of every few minutes; workers that are gone are started again, as a bench's supervisor does.
"""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import TypeVar

import frappe
import pymysql
import redis
from frappe.utils import add_days, flt

from ar_writeoff.jobs.watchdog import resume_stalled_runs
from ar_writeoff.ledger.isolation import lost_transaction_errors
from tests.faults.server import MariaDB, move_site
from tests.site import books, runs, story
from tests.site import conftest as harness
from tests.site.crash import OtherSession, in_background
from tests.site.story import HL, MANAGER, SECOND_MANAGER, as_user, customer, invoice
from tests.site.volume import Copy, copy_invoices
from tools import processes
from tools.bench import Bench, Site
from tools.processes import Redis

T = TypeVar("T")

FIRST_DAY = "2024-02-01"
CUSTOMERS = 40
TOGETHER = 2  # runs under way at the same time, not counting rivals
WORKERS = 3
LEASE = 3  # seconds, instead of minutes
PATIENCE = 240  # seconds until a run that has not finished is a failure of the campaign
FINISHED = ("Posted", "Partly Posted", "Failed", "Reversed")


@dataclass
class Tally:
	"""What the campaign did and saw."""

	counts: Counter[str] = field(default_factory=Counter)
	refusals: Counter[str] = field(default_factory=Counter)
	seconds: float = 0


class World:
	"""The site on its own MariaDB and Redis, with its workers. Stands in for the harness's Session."""

	def __init__(self, bench: Bench, site: Site):
		self.scratch = Path(tempfile.mkdtemp(prefix="ar-writeoff-faults-"))
		self.bench = bench
		self.database = MariaDB(self.scratch / "mariadb")
		self.site = move_site(site, self.database)
		self.redis = Redis(self.scratch / "redis")
		self.logs = bench.store / "logs" / self.site.name
		shutil.rmtree(self.logs, ignore_errors=True)
		self.logs.mkdir(parents=True)
		self.workers: list[processes.subprocess.Popen[bytes]] = []
		self.started = 0

	def open(self) -> None:
		os.environ.update(self.redis.env)
		os.chdir(self.bench.sites)
		harness.Session._only = self  # so that other sessions of a test find their site
		self.connect()

	def connect(self) -> None:
		harness.connect(self.site.name, self.bench)

	def close(self) -> None:
		for worker in self.workers:
			processes.kill(worker)
		with contextlib.suppress(Exception):
			frappe.destroy()
		self.redis.stop()
		self.database.stop()
		shutil.rmtree(self.site.path, ignore_errors=True)
		shutil.rmtree(self.scratch, ignore_errors=True)

	def env(self) -> dict[str, str]:
		return {**self.bench.env(), **self.redis.env, harness.MARK: str(self.site.path)}

	def supervise(self) -> None:
		"""Start workers where some are missing, as a bench's supervisor does."""
		self.workers = [worker for worker in self.workers if worker.poll() is None]
		while len(self.workers) < WORKERS:
			self.started += 1
			command = [
				"nice",
				self.bench.python,
				harness.CHECKOUT / "tools" / "frappe_cli.py",
				"worker",
				"--queue",
				"long",
			]
			log = self.logs / f"worker-{self.started}.log"
			self.workers.append(processes.start(command, log=log, cwd=self.bench.sites, env=self.env()))

	def kill_a_worker(self, rng: random.Random) -> str | None:
		"""SIGKILL to a worker with its job, or to the job's process only; one at work if there is one."""
		busy = [worker for worker in self.workers if processes.descendants(worker.pid)]
		if not busy:
			return None
		worker = rng.choice(busy)
		if rng.random() < 0.6:
			for pid in processes.descendants(worker.pid)[:1]:
				processes.kill_pid(pid)
			return "jobs killed"
		processes.kill(worker)
		return "workers killed"

	def flush_redis(self, restart: bool) -> None:
		"""Lose all jobs and caches; with `restart` the server is gone for a moment as well."""
		if restart:
			processes.kill(self.redis.process)
			time.sleep(0.5)
			self.redis.start()
			return
		redis.from_url(self.redis.url).flushall()


class Campaign:
	def __init__(self, world: World, seed: int, count: int, say: Callable[[str], None]):
		self.world = world
		self.rng = random.Random(seed)
		self.count = count
		self.say = say
		self.tally = Tally()
		self.sessions: list[OtherSession] = []
		self.customers: list[str] = []
		self.vouchers: list[list[str]] = []

	# ------------------------------------------------------------------------------------------- before

	def prepare(self) -> None:
		"""Customers, and invoices for every run, each run's of a day of its own."""
		runs.settings(rows_per_entry=11, parallel_jobs=2)
		self.customers = [customer(f"Customer {number:02d}") for number in range(CUSTOMERS)]
		copies: dict[str, list[Copy]] = {name: [] for name in self.customers}
		for number in range(self.count):
			day = str(add_days(FIRST_DAY, number))
			own = [
				Copy(f"FLT-{number:04d}-{part:03d}", day, day, Decimal(self.rng.randint(1, 9999)) / 100)
				for part in range(self.rng.randint(30, 120))
			]
			self.vouchers.append([copy.name for copy in own])
			copies[self.customers[number % CUSTOMERS]].extend(own)
		for name, own in copies.items():
			if own:
				template = invoice(name, 1000, FIRST_DAY)
				copy_invoices(template, own)
				story.remove(template)
		frappe.db.commit()
		self.world.supervise()

	# ---------------------------------------------------------------------------------------------- runs

	def run_all(self) -> Tally:
		started = time.monotonic()
		restarts = self._spread(max(6, self.count // 25))
		flushes = self._spread(max(6, self.count // 25))
		for first in range(0, self.count, TOGETHER):
			group = range(first, min(first + TOGETHER, self.count))
			self.post(list(group), bool(restarts & set(group)), bool(flushes & set(group)))
			if first // TOGETHER % 5 == 4:
				self.say(
					f"{group[-1] + 1} runs, {time.monotonic() - started:.0f} s: {dict(self.tally.counts)}"
				)
		self.tally.seconds = time.monotonic() - started
		return self.tally

	def _spread(self, times: int) -> set[int]:
		return set(self.rng.sample(range(self.count), min(times, self.count)))

	def post(self, numbers: list[int], restart: bool, flush: bool) -> None:
		"""Runs posted at the same time, with whatever goes wrong meanwhile; some of them are undone again."""
		rng = self.rng
		names, actions = [], []
		for number in numbers:
			names.append(self.submit(number, MANAGER))
			if rng.random() < 0.3:
				names.append(self.submit(number, SECOND_MANAGER))
				self.tally.counts["rival runs"] += 1
			actions += [(rng.uniform(0, 6), self.pay(number)) for _ in range(rng.choice((0, 1, 2, 3)))]
			if rng.random() < 0.15 and names[-1]:
				actions.append((rng.uniform(0, 5), self.pause_and_resume(names[-1])))
		actions += [(rng.uniform(0, 6), self.kill) for _ in range(rng.choice((0, 1, 1, 2)) * len(numbers))]
		if restart:
			kill, away = rng.random() < 0.5, rng.uniform(0, 3)
			actions.append((rng.uniform(0.5, 6), lambda: self.restart_database(kill, away)))
		if flush:
			whole = rng.random() < 0.3
			actions.append((rng.uniform(0, 6), lambda: self.flush(whole)))
		self.until(names, actions)
		undone = [name for name in names if name and rng.random() < 0.15]
		for name in undone:
			dated = rng.random() < 0.5
			self.steadily(lambda name=name, dated=dated: self.undo(name, dated))
		if undone:
			self.until(undone, [(rng.uniform(0, 3), self.kill) for _ in range(rng.choice((0, 1)))])
			self.tally.counts["runs undone"] += len(undone)

	def submit(self, number: int, user: str) -> str:
		"""A run over what is open of the run's customer on its day; 120 items at most. Submitted in the background."""

		def work() -> str:
			day = str(add_days(FIRST_DAY, number))
			with as_user(user):
				run = runs.run(
					cutoff_date=day,
					posting_date=day,
					customers=[{"customer": self.customers[number % CUSTOMERS]}],
					user=user,
				)
				found = [row.name for row in runs.items(run, status="Open").values()]
				if len(found) > 120:
					run.set_selection(selected=False, items=found[120:])
				if not found:
					return ""
				with in_background():
					run.submit()
				frappe.db.commit()
				self.tally.counts["runs"] += 1
				self.tally.counts["items"] += min(len(found), 120)
				return run.name

		return self.steadily(work)

	def until(self, names: list[str], actions: list[tuple[float, Callable[[], bool | None]]]) -> None:
		"""Let the workers work and the actions happen until the runs have finished; check each when it has.

		An action that returns False found nothing to do yet, and is tried again a moment later.
		"""
		left = [name for name in names if name]
		started = time.monotonic()
		due = sorted(actions, key=lambda action: action[0])
		watched = 0.0
		while left:
			passed = time.monotonic() - started
			while due and due[0][0] <= passed:
				action = due.pop(0)[1]
				if action() is False:
					due = sorted([*due, (passed + 0.3, action)], key=lambda each: each[0])
			self.world.supervise()
			if passed - watched >= 1:
				watched = passed
				self.steadily(self.watch)
			for name in list(left):
				if self.steadily(lambda name=name: self.status(name)) in FINISHED:
					left.remove(name)
					self.check(name)
			if passed > PATIENCE:
				raise AssertionError(f"did not finish: {[(name, self.status(name)) for name in left]}")
			time.sleep(0.1)
		for session in self.sessions:
			self.settle(session)
		self.sessions = []
		for name in names:
			if name:
				self.check(name)  # with the payments that came last

	def status(self, run: str) -> str:
		frappe.db.rollback()
		return runs.status(run)

	def watch(self) -> None:
		frappe.db.rollback()
		with in_background():
			self.tally.counts["resumed by the watchdog"] += len(resume_stalled_runs(LEASE))
		frappe.db.commit()

	# -------------------------------------------------------------------------------------------- faults

	def kill(self) -> bool:
		what = self.world.kill_a_worker(self.rng)
		if what:
			self.tally.counts[what] += 1
		return bool(what)

	def pay(self, number: int) -> Callable[[], None]:
		voucher = self.rng.choice(self.vouchers[number])
		share = self.rng.choice((1, 1, 0.5))

		def work() -> bool:
			left = story.outstanding(voucher)
			if left <= 0.01:
				return False
			story.pay(voucher, flt(left * share, 2), str(add_days(FIRST_DAY, number)))
			return True

		return lambda: self.sessions.append(OtherSession(work))

	def settle(self, session: OtherSession) -> None:
		"""What became of a racing payment: in the books, refused in words, or lost with its connection."""
		try:
			paid = session.result(timeout=120)
			self.tally.counts["payments booked" if paid else "payments too late"] += 1
		except (frappe.ValidationError, *lost_transaction_errors()) as error:
			self.tally.counts["payments refused"] += 1
			self.tally.refusals[type(error).__name__] += 1

	def pause_and_resume(self, run: str) -> Callable[[], None]:
		def work() -> None:
			with contextlib.suppress(frappe.ValidationError), in_background(), as_user(MANAGER):
				doc = frappe.get_doc("Write-Off Run", run)
				doc.pause()
				frappe.db.commit()
				time.sleep(0.5)
				doc.resume()
				frappe.db.commit()
				self.tally.counts["pauses"] += 1

		def action() -> None:
			self.steadily(work)
			if self.steadily(lambda: self.status(run)) == "Paused":
				self.steadily(resume)

		def resume() -> None:
			with contextlib.suppress(frappe.ValidationError), in_background(), as_user(MANAGER):
				frappe.get_doc("Write-Off Run", run).resume()
				frappe.db.commit()

		return action

	def restart_database(self, kill: bool, away: float) -> None:
		self.world.database.restart(kill=kill, away=away)
		self.tally.counts["MariaDB killed" if kill else "MariaDB restarted"] += 1

	def flush(self, restart: bool) -> None:
		self.world.flush_redis(restart)
		self.tally.counts["Redis restarted" if restart else "Redis flushed"] += 1

	def undo(self, run: str, dated: bool) -> None:
		doc = frappe.get_doc("Write-Off Run", run)
		if doc.status not in ("Posted", "Partly Posted"):
			return
		with in_background(), as_user(MANAGER):
			doc.reverse(str(add_days(doc.posting_date, 1)), dated=dated)
			frappe.db.commit()

	def steadily(self, work: Callable[[], T]) -> T:
		"""Do this, as often as it takes MariaDB to come back."""
		deadline = time.monotonic() + PATIENCE
		while True:
			try:
				return work()
			except (redis.exceptions.ConnectionError, *_lost()) as error:
				if time.monotonic() > deadline:
					raise
				self.tally.counts["driver's own retries"] += 1
				self.say(f"again after {type(error).__name__}: {str(error)[:80]}")
				time.sleep(0.5)
				with contextlib.suppress(*_lost()):
					self.world.connect()

	# ---------------------------------------------------------------------------------------- invariants

	def check(self, name: str) -> None:
		self.steadily(lambda: self._check(name))

	def _check(self, name: str) -> None:
		"""Everything, as of one moment: the first query begins a transaction that sees no later commit."""
		frappe.db.rollback()
		books.assert_books_balanced(HL)
		books.ple_equals_gl(HL)
		runs.assert_posted_once(name)
		owners = set(
			frappe.get_all("Journal Entry", filters={"write_off_run": name}, pluck="owner", order_by=None)
		)
		submitter = frappe.db.get_value("Write-Off Run", name, "submitted_by")
		assert owners <= {submitter, MANAGER}, f"{name}: {owners}, submitted by {submitter}"
		self.one_write_off_for_each_voucher()
		self.expense_is_what_was_written_off()
		self.tally.counts["checks"] += 1

	def one_write_off_for_each_voucher(self) -> None:
		twice = frappe.db.sql(
			"""SELECT voucher_no, COUNT(*) FROM `tabWrite-Off Run Item` WHERE status IN ('Posted', 'Conflict')
			GROUP BY voucher_no HAVING COUNT(*) > 1"""
		)
		assert not twice, f"written off twice: {twice}"
		wrong = frappe.db.sql(
			"""SELECT si.name, si.written_off_amount, si.outstanding_amount, COALESCE(SUM(item.write_off_amount), 0)
			FROM `tabSales Invoice` si LEFT JOIN `tabWrite-Off Run Item` item
				ON item.voucher_no = si.name AND item.status IN ('Posted', 'Conflict')
			GROUP BY si.name HAVING ABS(si.written_off_amount - COALESCE(SUM(item.write_off_amount), 0)) > 0.004
				OR (si.outstanding_amount < -0.004 AND NOT MAX(COALESCE(item.status = 'Conflict', 0)))"""
		)
		assert not wrong, f"invoices that say something else than their items: {wrong}"

	def expense_is_what_was_written_off(self) -> None:
		[[expense]] = frappe.db.sql(
			"SELECT COALESCE(SUM(debit - credit), 0) FROM `tabGL Entry` WHERE account = %s AND is_cancelled = 0",
			story.account("Write Off"),
		)
		[[written_off]] = frappe.db.sql(
			"""SELECT COALESCE(SUM(base_write_off_amount - base_reinstated_amount), 0) FROM `tabWrite-Off Run Item`
			WHERE status IN ('Posted', 'Conflict')"""
		)
		assert abs(expense - written_off) < 0.005, f"expense {expense}, written off {written_off}"


def _lost() -> tuple[type[Exception], ...]:
	"""Errors of a connection that is gone, also where the driver has no connection yet to tell them by."""
	return (
		frappe.QueryDeadlockError,
		frappe.QueryTimeoutError,
		pymysql.OperationalError,
		pymysql.InterfaceError,
		pymysql.InternalError,
	)


def outcome_counts() -> dict[str, int]:
	"""Items of all runs by status, as they stand."""
	return dict(
		frappe.db.sql(
			"SELECT status, COUNT(*) FROM `tabWrite-Off Run Item` WHERE selected = 1 GROUP BY status ORDER BY status"
		)
	)


def begun_again() -> int:
	"""Batches that were begun more than once."""
	return frappe.db.count("Write-Off Run Batch", {"attempts": (">", 1)})
