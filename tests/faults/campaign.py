"""The fault campaign: runs are posted during faults and concurrent operations, and invariants are checked after each.

Two jobs per run, three worker processes. While a draft is submitted, several users search, select and submit it at the
same time. While a run posts or is undone, users pause, resume, cancel, undo, retry, search, select and change the
Settings; workers are killed with SIGKILL, payments compete for its invoices, a second run over the same balances is
submitted, MariaDB is killed or restarted, Redis is flushed or restarted. The scheduler runs every second instead of every
few minutes; workers that ended are restarted, as a bench's supervisor does.

Fast posting alternates between on and off, and events are counted for each.
"""

from __future__ import annotations

import contextlib
import random
import re
import time
from collections.abc import Callable
from decimal import Decimal
from typing import Any, TypeVar

import frappe
import pymysql
import redis
from frappe.utils import add_days, flt

from ar_writeoff.ledger.transactions import transaction_is_lost
from ar_writeoff.watchdog import resume_stalled_runs
from tests.faults.environment import FaultEnvironment
from tests.faults.statistics import FAST, PATHS, CampaignStatistics
from tests.site import factories, ledger_checks, run_helpers
from tests.site.bulk_copy import Copy, copy_invoices
from tests.site.concurrency import ConcurrentSession, in_background
from tests.site.factories import HL, MANAGER, SECOND_MANAGER, as_user, customer, invoice

T = TypeVar("T")

FIRST_DAY = "2024-02-01"
CUSTOMERS = 40
TOGETHER = 4  # runs under way at the same time, not counting rivals
SIZE = (10, 40)  # balances of a run
LEASE = 3  # seconds, instead of minutes
PATIENCE = 600  # seconds until a run that has not finished is a failure of the campaign
FINISHED = ("Posted", "Partly Posted", "Failed", "Reversed")
# What people do with a run that posts or has posted, and how many are at it in a group of runs.
MEDDLING = (
	"pause",
	"pause",
	"resume",
	"resume",
	"retry",
	"cancel",
	"reverse",
	"reverse dated",
	"search",
	"tick",
	"settings",
)
MEDDLERS = (4, 12)
PEOPLE = (MANAGER, SECOND_MANAGER)


class Campaign:
	def __init__(self, environment: FaultEnvironment, seed: int, count: int, say: Callable[[str], None]):
		self.environment = environment
		self.rng = random.Random(seed)
		self.count = count
		self.say = say
		self.statistics = CampaignStatistics()
		self.sessions: list[tuple[ConcurrentSession, str]] = []
		self.customers: list[str] = []
		self.vouchers: list[list[str]] = []
		self.paid: set[str] = set()

	# ------------------------------------------------------------------------------------------- before

	def prepare(self) -> None:
		"""Create customers, and the invoices of each run on a separate date."""
		run_helpers.settings(rows_per_entry=6, parallel_jobs=2)
		self.customers = [customer(f"Customer {number:02d}") for number in range(CUSTOMERS)]
		copies: dict[str, list[Copy]] = {name: [] for name in self.customers}
		for number in range(self.count):
			day = str(add_days(FIRST_DAY, number))
			own = [
				Copy(f"FLT-{number:04d}-{part:03d}", day, day, Decimal(self.rng.randint(1, 9999)) / 100)
				for part in range(self.rng.randint(*SIZE))
			]
			self.vouchers.append([copy.name for copy in own])
			copies[self.customers[number % CUSTOMERS]].extend(own)
		for name, own in copies.items():
			if own:
				template = invoice(name, 1000, FIRST_DAY)
				copy_invoices(template, own)
				factories.remove(template)
		frappe.db.commit()
		self.environment.supervise()

	# ---------------------------------------------------------------------------------------------- runs

	def run_all(self) -> CampaignStatistics:
		started = time.monotonic()
		groups = range(0, self.count, TOGETHER)
		restarts, flushes = self._spread(len(groups)), self._spread(len(groups))
		for number, first in enumerate(groups):
			self.take_path(PATHS[number % len(PATHS)])
			last = min(first + TOGETHER, self.count)
			self.post(list(range(first, last)), number in restarts, number in flushes)
			if number % 5 == 4:
				self.say(f"{last} runs, {time.monotonic() - started:.0f} s: {self.statistics.counts}")
		self.statistics.seconds = time.monotonic() - started
		return self.statistics

	def _spread(self, groups: int) -> set[int]:
		"""One in ten of the groups of runs, as many of each path, and three of each at least where there are."""
		own = [range(place, groups, len(PATHS)) for place in range(len(PATHS))]
		return {
			number
			for numbers in own
			for number in self.rng.sample(numbers, min(len(numbers), max(3, groups // 20)))
		}

	def take_path(self, path: str) -> None:
		"""Switch the posting method; no run is in progress."""
		self.statistics.path = path
		self.steadily(self._switch)

	def _switch(self) -> None:
		run_helpers.settings(fast_posting=int(self.statistics.path == FAST))
		frappe.db.commit()

	def post(self, numbers: list[int], restart: bool, flush: bool) -> None:
		"""Runs posted at the same time, with whatever goes wrong meanwhile; some of them are undone again."""
		rng = self.rng
		names, actions = [], []
		for number in numbers:
			names.append(self.submit(number, MANAGER))
			if rng.random() < 0.2:
				names.append(self.submit(number, SECOND_MANAGER))
				self.statistics.count("rival runs")
			actions += [(rng.uniform(0, 5), self.pay(number)) for _ in range(rng.choice((0, 1, 1, 2)))]
		names = [name for name in names if name]
		actions += [(rng.uniform(0, 5), self.meddle(names)) for _ in range(rng.randint(*MEDDLERS)) if names]
		actions += [(rng.uniform(0, 5), self.kill) for _ in range(rng.choice((0, 1, 2, 3)))]
		if restart:
			kill, away = rng.random() < 0.5, rng.uniform(0, 3)
			actions.append((rng.uniform(0.5, 5), lambda: self.restart_database(kill, away)))
		if flush:
			whole = rng.random() < 0.3
			actions.append((rng.uniform(0, 5), lambda: self.flush(whole)))
		self.until(names, actions)

	def submit(self, number: int, user: str) -> str:
		"""A run over what is open of the run's customer on its day, submitted in the background; in one of three, others
		are at work on the draft meanwhile."""

		def draft() -> str:
			day = str(add_days(FIRST_DAY, number))
			with as_user(user):
				run = run_helpers.run(
					cutoff_date=day,
					posting_date=day,
					customers=[{"customer": self.customers[number % CUSTOMERS]}],
					user=user,
				)
			frappe.db.commit()
			return run.name if run.found_count else ""

		name = self.steadily(draft)
		if not name:
			return ""
		if self.rng.random() < 0.33:
			others = [
				self.session(user, self.rng.choice(("search", "tick", "submit")), name) for user in PEOPLE
			]
			for session in others:
				self.settle(session, "draft changes")

		def submit() -> None:
			frappe.db.rollback()
			doc = frappe.get_doc("Write-Off Run", name)
			if doc.status == "Searching":
				with as_user(user):
					doc.cancel_search()
				frappe.db.commit()
			if doc.reload().docstatus == 0:
				with as_user(user), in_background():
					doc.set_selection(selected=True)
					doc.reload().submit()
				frappe.db.commit()

		self.steadily(submit)
		self.statistics.count("runs")
		self.statistics.path_of[name] = self.statistics.path
		self.statistics.count("items", self.steadily(lambda: len(run_helpers.items(name, selected=1))))
		return name

	def until(self, names: list[str], actions: list[tuple[float, Callable[[], bool | None]]]) -> None:
		"""Let the workers work and the actions happen until the runs have finished; check each when it has.

		An action that returns False found nothing to do yet, and is tried again a moment later.
		"""
		left = list(names)
		started = time.monotonic()
		due = sorted(actions, key=lambda action: action[0])
		watched = 0.0
		while left:
			passed = time.monotonic() - started
			while due and due[0][0] <= passed:
				action = due.pop(0)[1]
				if action() is False:
					due = sorted([*due, (passed + 0.3, action)], key=lambda each: each[0])
			self.environment.supervise()
			if passed - watched >= 1:
				watched = passed
				self.steadily(self.watch)
			if not due and not any(session.is_alive() for session, _what in self.sessions):
				left = [name for name in names if not self.steadily(lambda name=name: self.is_finished(name))]
			if passed > PATIENCE:
				raise AssertionError(f"did not finish: {[(name, self.status(name)) for name in left]}")
			time.sleep(0.1)
		for session, what in self.sessions:
			self.settle(session, what)
		self.sessions = []
		self.check(names)

	def is_finished(self, run: str) -> bool:
		"""Whether the run is finished. A paused run is resumed once no other operation is pending."""
		status = self.status(run)
		if status == "Paused":
			with contextlib.suppress(frappe.ValidationError), as_user(MANAGER), in_background():
				frappe.get_doc("Write-Off Run", run).resume()
				frappe.db.commit()
		return status in FINISHED

	def status(self, run: str) -> str:
		frappe.db.rollback()
		return run_helpers.status(run)

	def watch(self) -> None:
		frappe.db.rollback()
		with in_background():
			self.statistics.count("resumed by the watchdog", len(resume_stalled_runs(LEASE)))
		frappe.db.commit()

	# -------------------------------------------------------------------------------------------- faults

	def kill(self) -> bool:
		what = self.environment.kill_worker(self.rng)
		if what:
			self.statistics.count(what)
		return bool(what)

	def pay(self, number: int) -> Callable[[], None]:
		# Each invoice once: two payments that were validated at the same time may settle one twice in ERPNext alone.
		voucher = self.rng.choice([name for name in self.vouchers[number] if name not in self.paid])
		self.paid.add(voucher)
		share = self.rng.choice((1, 1, 0.5))

		def work() -> bool:
			left = factories.outstanding(voucher)
			if left <= 0.01:
				return False
			factories.pay(voucher, flt(left * share, 2), str(add_days(FIRST_DAY, number)))
			return True

		return lambda: self.sessions.append((ConcurrentSession(work), "payments"))

	def settle(self, session: ConcurrentSession, what: str) -> None:
		"""What became of a payment or of what somebody did with a run: done, refused in words, or lost with its
		connection. Anything else is a violation."""
		try:
			done = session.result(timeout=120)
			self.statistics.count(f"{what} done" if done else f"{what} too late")
		except Exception as error:
			if not (
				isinstance(error, (frappe.ValidationError, redis.exceptions.ConnectionError, *_lost()))
				or transaction_is_lost(error)
			):
				raise
			self.statistics.count(f"{what} refused")

	def meddle(self, names: list[str]) -> Callable[[], None]:
		user, what, name = self.rng.choice(PEOPLE), self.rng.choice(MEDDLING), self.rng.choice(names)
		return lambda: self.sessions.append((self.session(user, what, name), what))

	def session(self, user: str, what: str, name: str) -> ConcurrentSession:
		"""A concurrent session that performs this operation on the run."""
		seed = self.rng.random()

		def work() -> bool:
			with in_background():
				if what == "settings":
					change_settings(random.Random(seed))
				else:
					ACTIONS[what](frappe.get_doc("Write-Off Run", name), random.Random(seed))
			return True

		return ConcurrentSession(work, "Administrator" if what == "settings" else user)

	def restart_database(self, kill: bool, away: float) -> None:
		self.environment.database.restart(kill=kill, away=away)
		self.statistics.count("MariaDB killed" if kill else "MariaDB restarted")

	def flush(self, restart: bool) -> None:
		self.environment.flush_redis(restart)
		self.statistics.count("Redis restarted" if restart else "Redis flushed")

	def steadily(self, work: Callable[[], T]) -> T:
		"""Run this; retry while MariaDB is not available."""
		deadline = time.monotonic() + PATIENCE
		while True:
			try:
				return work()
			except (redis.exceptions.ConnectionError, *_lost()) as error:
				if time.monotonic() > deadline:
					raise
				self.statistics.count("driver's own retries")
				self.say(f"again after {type(error).__name__}: {str(error)[:80]}")
				time.sleep(0.5)
				with contextlib.suppress(*_lost()):
					self.environment.connect()

	# ---------------------------------------------------------------------------------------- invariants

	def check(self, names: list[str]) -> None:
		try:
			self.steadily(lambda: self._check(names))
		except AssertionError as error:
			for voucher in dict.fromkeys(re.findall(r"FLT-\d+-\d+", str(error))):
				error.add_note(self.steadily(lambda voucher=voucher: ledger_checks.voucher_rows(voucher)))
			raise

	def _check(self, names: list[str]) -> None:
		"""Check all invariants in one snapshot, taken by the first query."""
		frappe.db.rollback()
		ledger_checks.assert_debits_equal_credits(HL)
		ledger_checks.assert_ple_equals_gl(HL)
		for name in names:
			self.check_run(name)
			self.statistics.count("checks")
		self.every_run_is_finished()
		self.one_write_off_for_each_voucher()
		self.expense_is_what_was_written_off()

	def check_run(self, name: str) -> None:
		run_helpers.assert_posted_once(name)
		run = frappe.get_doc("Write-Off Run", name)
		if run.docstatus == 2:
			assert run.status == "Reversed", (name, run.status)
			alive = [
				row.name for row in run_helpers.items(name).values() if row.status in ("Posted", "Conflict")
			]
			assert not alive, f"{name} is cancelled and has live entries: {alive}"
			self.statistics.count("runs cancelled")
		elif run.reversed_on and not run.posted_count:
			self.statistics.count("runs undone")
		assert run.submitted_by in PEOPLE, (name, run.submitted_by)
		owners = {
			frappe.db.get_value("Journal Entry", row.journal_entry, "owner")
			for row in run_helpers.items(name).values()
			if row.journal_entry
		}
		assert owners <= {run.submitted_by}, f"{name}: {owners}, submitted by {run.submitted_by}"
		why_slow = run_helpers.events(name).get("Started")
		if owners:
			assert (not why_slow) == (self.statistics.path_of[name] == FAST), f"{name}: {why_slow}"
		assert run.verify_approval()["intact"], f"{name} is not what was approved"

	def every_run_is_finished(self) -> None:
		"""Also runs of earlier groups, which late operations may have changed."""
		unfinished = frappe.get_all(
			"Write-Off Run",
			filters={"docstatus": 1, "status": ("not in", FINISHED)},
			fields=["name", "status"],
			order_by="name asc",
		)
		assert not unfinished, f"runs that nobody finishes: {unfinished}"
		searching = frappe.get_all(
			"Write-Off Run", filters={"docstatus": 0, "status": ("!=", "Draft")}, pluck="name", order_by=None
		)
		assert not searching, f"drafts that nobody finishes: {searching}"

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
			factories.account("Write Off"),
		)
		[[written_off]] = frappe.db.sql(
			"""SELECT COALESCE(SUM(base_write_off_amount - base_reinstated_amount), 0) FROM `tabWrite-Off Run Item`
			WHERE status IN ('Posted', 'Conflict')"""
		)
		assert abs(expense - written_off) < 0.005, f"expense {expense}, written off {written_off}"


def change_settings(rng: random.Random) -> None:
	"""Change the Settings while runs post."""
	run_helpers.settings(
		rows_per_entry=rng.choice((4, 6, 11)),
		entries_per=rng.choice(("Batch", "Customer", "Invoice")),
		customer_credits=rng.choice(("Leave Out", "Ignore")),
		parallel_jobs=rng.choice((1, 2, 3)),
	)


def tick(run: Any, rng: random.Random) -> None:
	names = [row.name for row in run_helpers.items(run).values()]
	run.set_selection(selected=rng.random() < 0.5, items=rng.sample(names, len(names) // 3))


ACTIONS: dict[str, Callable[[Any, random.Random], object]] = {
	"pause": lambda run, rng: run.pause(),
	"resume": lambda run, rng: run.resume(),
	"retry": lambda run, rng: run.retry_failed(),
	"cancel": lambda run, rng: run.cancel(),
	"reverse": lambda run, rng: run.reverse(str(add_days(run.posting_date, 1))),
	"reverse dated": lambda run, rng: run.reverse(str(add_days(run.posting_date, 1)), dated=True),
	"search": lambda run, rng: run.find_invoices(background=rng.random() < 0.5),
	"tick": tick,
	"submit": lambda run, rng: run.submit(),
}


def _lost() -> tuple[type[Exception], ...]:
	"""Errors of a lost connection, also before the driver is connected."""
	return (
		frappe.QueryDeadlockError,
		frappe.QueryTimeoutError,
		pymysql.OperationalError,
		pymysql.InterfaceError,
		pymysql.InternalError,
	)
