"""Runs posted while everything around them fails, and what must hold after each.

Two workers' jobs for each run, three worker processes. While a run posts, or is undone, workers are killed with
SIGKILL, payments race for its invoices, a second run over the same balances is submitted, it is paused and resumed,
MariaDB is killed or restarted, Redis is flushed or restarted. The scheduler is the only help there is, every second
instead of every few minutes; workers that are gone are started again, as a bench's supervisor does.

Fast posting is on and off in turns, and what happens is counted for each.
"""

from __future__ import annotations

import contextlib
import random
import re
import time
from collections.abc import Callable
from decimal import Decimal
from typing import TypeVar

import frappe
import pymysql
import redis
from frappe.utils import add_days, flt

from ar_writeoff.ledger.transactions import transaction_is_lost
from ar_writeoff.watchdog import resume_stalled_runs
from tests.faults.tally import FAST, PATHS, Tally
from tests.faults.world import World
from tests.site import books, runs, story
from tests.site.crash import OtherSession, in_background
from tests.site.story import HL, MANAGER, SECOND_MANAGER, as_user, customer, invoice
from tests.site.volume import Copy, copy_invoices

T = TypeVar("T")

FIRST_DAY = "2024-02-01"
CUSTOMERS = 40
TOGETHER = 2  # runs under way at the same time, not counting rivals
LEASE = 3  # seconds, instead of minutes
PATIENCE = 600  # seconds until a run that has not finished is a failure of the campaign
FINISHED = ("Posted", "Partly Posted", "Failed", "Reversed")


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
		self.paid: set[str] = set()

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
		groups = range(0, self.count, TOGETHER)
		restarts, flushes = self._spread(len(groups)), self._spread(len(groups))
		for number, first in enumerate(groups):
			self.take_path(PATHS[number % len(PATHS)])
			last = min(first + TOGETHER, self.count)
			self.post(list(range(first, last)), number in restarts, number in flushes)
			if number % 5 == 4:
				self.say(f"{last} runs, {time.monotonic() - started:.0f} s: {self.tally.counts}")
		self.tally.seconds = time.monotonic() - started
		return self.tally

	def _spread(self, groups: int) -> set[int]:
		"""One in ten of the groups of runs, as many of each path, and three of each at least where there are."""
		own = [range(place, groups, len(PATHS)) for place in range(len(PATHS))]
		return {
			number
			for numbers in own
			for number in self.rng.sample(numbers, min(len(numbers), max(3, groups // 20)))
		}

	def take_path(self, path: str) -> None:
		"""Post what follows on this path. No run is under way."""
		self.tally.path = path
		self.steadily(self._switch)

	def _switch(self) -> None:
		runs.settings(fast_posting=int(self.tally.path == FAST))
		frappe.db.commit()

	def post(self, numbers: list[int], restart: bool, flush: bool) -> None:
		"""Runs posted at the same time, with whatever goes wrong meanwhile; some of them are undone again."""
		rng = self.rng
		names, actions = [], []
		for number in numbers:
			names.append(self.submit(number, MANAGER))
			if rng.random() < 0.3:
				names.append(self.submit(number, SECOND_MANAGER))
				self.tally.count("rival runs")
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
			self.tally.count("runs undone", len(undone))

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
				self.tally.count("runs")
				self.tally.path_of[run.name] = self.tally.path
				self.tally.count("items", min(len(found), 120))
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
			self.tally.count("resumed by the watchdog", len(resume_stalled_runs(LEASE)))
		frappe.db.commit()

	# -------------------------------------------------------------------------------------------- faults

	def kill(self) -> bool:
		what = self.world.kill_a_worker(self.rng)
		if what:
			self.tally.count(what)
		return bool(what)

	def pay(self, number: int) -> Callable[[], None]:
		# Each invoice once: two payments that were validated at the same time may settle one twice in ERPNext alone.
		voucher = self.rng.choice([name for name in self.vouchers[number] if name not in self.paid])
		self.paid.add(voucher)
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
			self.tally.count("payments booked" if paid else "payments too late")
		except Exception as error:
			if not (isinstance(error, frappe.ValidationError) or transaction_is_lost(error)):
				raise
			self.tally.count("payments refused")

	def pause_and_resume(self, run: str) -> Callable[[], None]:
		def work() -> None:
			with contextlib.suppress(frappe.ValidationError), in_background(), as_user(MANAGER):
				doc = frappe.get_doc("Write-Off Run", run)
				doc.pause()
				frappe.db.commit()
				time.sleep(0.5)
				doc.resume()
				frappe.db.commit()
				self.tally.count("pauses")

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
		self.tally.count("MariaDB killed" if kill else "MariaDB restarted")

	def flush(self, restart: bool) -> None:
		self.world.flush_redis(restart)
		self.tally.count("Redis restarted" if restart else "Redis flushed")

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
				self.tally.count("driver's own retries")
				self.say(f"again after {type(error).__name__}: {str(error)[:80]}")
				time.sleep(0.5)
				with contextlib.suppress(*_lost()):
					self.world.connect()

	# ---------------------------------------------------------------------------------------- invariants

	def check(self, name: str) -> None:
		try:
			self.steadily(lambda: self._check(name))
		except AssertionError as error:
			for voucher in dict.fromkeys(re.findall(r"FLT-\d+-\d+", str(error))):
				error.add_note(self.steadily(lambda voucher=voucher: books.everything_about(voucher)))
			raise

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
		why_slow = runs.events(name)["Started"]
		assert (not why_slow) == (self.tally.path_of[name] == FAST), f"{name}: {why_slow}"
		self.one_write_off_for_each_voucher()
		self.expense_is_what_was_written_off()
		self.tally.count("checks")

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
