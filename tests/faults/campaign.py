"""The fault campaign: runs are posted during faults and concurrent operations, and invariants are checked after each.

Two jobs per run, three worker processes. While a draft is submitted, several users search, select and submit it at the
same time. While a run posts or is undone, users pause, resume, cancel, undo, retry, search, select and change the
Settings; workers are killed with SIGKILL, payments compete for its invoices, another app saves its invoices, customers and
entries, a second run over the same balances is submitted, MariaDB is killed or restarted, Redis is flushed or restarted.
The scheduler runs every second instead of every few minutes; workers that ended are restarted, as a bench's supervisor
does.

Runs are posted in each of the three ways in turn, and events are counted for each. The ways are proven on the site before;
for some runs nothing is proven, so that their first batches are rehearsed, during the same faults.
"""

from __future__ import annotations

import contextlib
import random
import re
import time
from collections import Counter
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any, TypeVar

import frappe
import pymysql
import redis
from frappe.custom.doctype.custom_field.custom_field import create_custom_field
from frappe.utils import add_days, flt

from ar_writeoff.jobs import prove_posting
from ar_writeoff.ledger.transactions import METADATA_CACHE_KEYS, transaction_is_lost
from ar_writeoff.posting.fast import BY_ENTRY, BY_ROW, IN_SETS
from ar_writeoff.posting.proof import combination, verdicts
from ar_writeoff.watchdog import resume_stalled_runs
from tests.faults import ways
from tests.faults.environment import FaultEnvironment
from tests.faults.statistics import PATHS, CampaignStatistics
from tests.site import factories, ledger_checks, run_helpers
from tests.site.bulk_copy import Copy, copy_invoices
from tests.site.concurrency import ConcurrentSession, in_background
from tests.site.factories import HL, MANAGER, SECOND_MANAGER, TODAY, as_user, customer, invoice, many_invoices

T = TypeVar("T")

FIRST_DAY = "2024-02-01"
CUSTOMERS = 160
TOGETHER = 12  # runs under way at the same time, not counting rivals
SIZE = (5, 13)  # balances of a run
SIZE_TO_REHEARSE = (22, 30)
WINDOW = 3  # seconds within which things happen to a run after it was submitted
LEASE = 2  # seconds, instead of minutes
PATIENCE = 600  # seconds until a run that has not finished is a failure of the campaign
FINISHED = ("Posted", "Partly Posted", "Failed", "Reversed")
UNDO = ("cancel", "reverse", "reverse dated")
# What people do with a run that posts or has posted, and how many are at it in a group of runs.
MEDDLING = (
	"pause",
	"pause",
	"resume",
	"resume",
	"retry",
	*UNDO,
	*UNDO,
	"search",
	"tick",
	"settings",
)
MEDDLERS = (10, 20)
PEOPLE = (MANAGER, SECOND_MANAGER)
# What another app saves, and the field that it writes.
SAVED = ("Sales Invoice", "Sales Invoice", "Customer", "Journal Entry", "Journal Entry")
NOTE = "fault_note"
# The difference in the proofs that make the site post by entry.
BY_ENTRY_REASON = "Posted by entry in the fault campaign"
PROOF = "Write-Off Posting Proof"
EXPENSE = "SELECT COALESCE(SUM(debit - credit), 0) FROM `tabGL Entry` WHERE account = %s AND is_cancelled = 0"

Action = Callable[[], object]


class Campaign:
	def __init__(
		self,
		environment: FaultEnvironment,
		seed: int,
		count: int,
		say: Callable[[str], None],
		minutes: float = 0,
	):
		self.environment = environment
		self.minutes = minutes
		self.rng = random.Random(seed)
		self.count = count
		self.say = say
		self.statistics = CampaignStatistics()
		self.sessions: list[tuple[ConcurrentSession, str]] = []
		self.customers: list[str] = []
		self.vouchers: list[list[str]] = []
		self.paid: set[str] = set()
		# Of the present group of runs: whether nothing is proven when it begins, what is to happen and when and whether it
		# was tried, and what another app has saved: the value of each document, and whether it was committed.
		self.rehearses = False
		self.due: list[tuple[float, Action, bool]] = []
		self.watched = 0.0
		self.saved: dict[tuple[str, str], tuple[str, bool]] = {}

	# ------------------------------------------------------------------------------------------- before

	def prepare(self) -> None:
		"""Create customers, and the invoices of each run on a separate date; prove the ways of posting and undo."""
		ways.create_table()
		for doctype in dict.fromkeys(SAVED):
			field = {"fieldname": NOTE, "label": "Fault Note", "fieldtype": "Data", "allow_on_submit": 1}
			create_custom_field(doctype, field)
		run_helpers.settings(rows_per_entry=6, parallel_jobs=2)
		self.customers = [customer(f"Customer {number:03d}") for number in range(min(CUSTOMERS, self.count))]
		self.prove_ways()
		copies: list[Copy] = []
		for number in range(self.count):
			day = str(add_days(FIRST_DAY, number))
			size = SIZE_TO_REHEARSE if is_rehearsed(number // TOGETHER) else SIZE
			own = [
				Copy(
					f"FLT-{number:04d}-{part:03d}",
					day,
					day,
					Decimal(self.rng.randint(1, 9999)) / 100,
					self.customer_of(number),
				)
				for part in range(self.rng.randint(*size))
			]
			self.vouchers.append([copy.name for copy in own])
			copies += own
		template = invoice(self.customers[0], 1000, FIRST_DAY)
		copy_invoices(template, copies)
		factories.remove(template)
		frappe.db.commit()
		self.environment.supervise()

	def prove_ways(self) -> None:
		"""Prove on open balances that entries can be posted in sets, one and several of a batch, and on runs that they can
		be cancelled and reversed in sets."""
		name = customer("Customer of the proofs")
		many_invoices(30, customers=[name], posting_date="2024-01-15")
		for rows in (100, 6):
			run_helpers.settings(rows_per_entry=rows)
			frappe.db.commit()
			prove_posting(HL)
		run_helpers.settings(rows_per_entry=100)
		for dated in (False, True):
			run = run_helpers.post(run_helpers.run(customers=[{"customer": name}]))
			with as_user(MANAGER):
				run.reverse(TODAY, dated=dated)
			assert run.reload().status == "Reversed", run.status
		frappe.db.commit()
		proofs = frappe.get_all(PROOF, fields=["name", "method", "cancels"], order_by="creation asc")
		assert {proof.method for proof in proofs} == {IN_SETS} and len(proofs) >= 4, proofs

	def customer_of(self, number: int) -> str:
		return self.customers[number % len(self.customers)]

	# ---------------------------------------------------------------------------------------------- runs

	def run_all(self) -> CampaignStatistics:
		started = time.monotonic()
		groups = range(0, self.count, TOGETHER)
		restarts, flushes = self._spread(len(groups)), self._spread(len(groups))
		for number, first in enumerate(groups):
			self.take_path(number)
			last = min(first + TOGETHER, self.count)
			self.post(list(range(first, last)), number in restarts, number in flushes)
			self.statistics.seconds = time.monotonic() - started
			self.statistics.done = last
			self.say(f"{last} runs, {self.statistics.seconds:.0f} s: {self.statistics.counts}")
			if 0 < self.minutes * 60 < self.statistics.seconds:
				break
		return self.statistics

	def _spread(self, groups: int) -> set[int]:
		"""One in five of the groups of runs, as many of each path, and six of each at least of 200 runs."""
		least = 6 if self.count >= 200 else 1
		own = [range(place, groups, len(PATHS)) for place in range(len(PATHS))]
		return {
			number
			for numbers in own
			for number in self.rng.sample(numbers, min(len(numbers), max(least, groups // 15)))
		}

	def take_path(self, group: int) -> None:
		"""Switch the way of posting; no run is in progress."""
		self.statistics.path = PATHS[group % len(PATHS)]
		self.rehearses = is_rehearsed(group)
		rows = self.rng.choice((30, 41)) if self.rehearses else self.rng.choice((4, 6, 11, 30))
		per = "Invoice" if not self.rehearses and self.rng.random() < 0.15 else "Batch"
		self.steadily(lambda: self._switch(rows, per))

	def _switch(self, rows: int, per: str) -> None:
		path = self.statistics.path
		frappe.db.rollback()
		# A combination with a mark is none of the site's.
		frappe.db.delete(PROOF, {"differences": BY_ENTRY_REASON})
		frappe.db.sql(f"UPDATE `tab{PROOF}` SET combination = REPLACE(combination, '-', '')")
		if self.rehearses:
			frappe.db.sql(f"UPDATE `tab{PROOF}` SET combination = CONCAT('-', combination)")
		if path == BY_ENTRY:
			for cancels in (False, True):
				verdicts.record(
					HL,
					combination.key(HL, cancels),
					(),
					BY_ENTRY,
					differences=[BY_ENTRY_REASON],
					cancels=cancels,
				)
		run_helpers.settings(fast_posting=int(path != BY_ROW), rows_per_entry=rows, entries_per=per)
		frappe.db.commit()

	def post(self, numbers: list[int], restart: bool, flush: bool) -> None:
		"""Runs posted at the same time, with whatever goes wrong meanwhile; some of them are undone again."""
		rng = self.rng
		names: list[str] = []
		self.saved = {}
		self.later(rng.randint(4, 10), self.kill)
		if self.rehearses:
			self.later(3, self.kill_rehearsal)
		if restart:
			kill, away = rng.random() < 0.5, rng.uniform(0, 2)
			self.later(1, lambda: self.restart_database(kill, away), WINDOW * 2)
		if flush:
			whole = rng.random() < 0.3
			self.later(1, lambda: self.flush(whole), WINDOW * 2)
		for number in numbers:
			people = PEOPLE if rng.random() < 0.3 else [MANAGER]
			drafts = {name: user for user in people if (name := self.draft(number, user))}
			own = [name for name, user in drafts.items() if self.submit(name, user)]
			self.statistics.count("rival runs", max(0, len(own) - 1))
			names += own
			for _ in range(rng.choice((1, 1, 2, 3))):
				self.later(1, self.pay(number))
			for _ in range(rng.choice((3, 4, 5, 6)) if own else 0):
				self.later(1, self.save(rng.choice(own)))
			self.step()
		for _ in range(rng.randint(*MEDDLERS) if names else 0):
			self.later(1, self.meddle(names))
		self.until(names)

	def draft(self, number: int, user: str) -> str:
		"""A draft over what is open of the run's customer on its day."""

		def work() -> str:
			day = str(add_days(FIRST_DAY, number))
			with person(user):
				run = frappe.new_doc("Write-Off Run")
				run.update(
					{
						"company": HL,
						"balance_type": "Debit",
						"reason": "Small Balance",
						"cutoff_date": day,
						"posting_date": day,
						"max_invoice_amount": 1_000_000,
						"customers": [{"customer": self.customer_of(number)}],
					}
				)
				run.insert()
				run.find_invoices()
			frappe.db.commit()
			return run.name if run.found_count else ""

		return self.steadily(work)

	def submit(self, name: str, user: str) -> bool:
		"""Submit a draft in the background; in one of three, others are at work on it meanwhile. Returns whether it was
		submitted: a second run over the same balances may be refused."""
		if self.rng.random() < 0.33:
			others = [
				self.session(user, self.rng.choice(("search", "tick", "submit")), name) for user in PEOPLE
			]
			for session in others:
				self.settle(session, "draft changes")

		def work() -> None:
			frappe.db.rollback()
			doc = frappe.get_doc("Write-Off Run", name)
			if doc.status == "Searching":
				with person(user):
					doc.cancel_search()
				frappe.db.commit()
			if doc.reload().docstatus == 0:
				with person(user), in_background():
					doc.set_selection(selected=True)
					doc.reload().submit()
				frappe.db.commit()

		try:
			self.steadily(work)
		except frappe.ValidationError:
			frappe.db.rollback()
			self.statistics.count("submits refused")
			return False
		self.statistics.count("runs")
		self.statistics.path_of[name] = self.statistics.path
		self.statistics.count("items", self.steadily(lambda: len(run_helpers.items(name, selected=1))))
		return True

	def later(self, times: int, action: Action, window: float = WINDOW) -> None:
		"""Let this happen so often within the next seconds. An action that returns False found nothing to do yet, and is
		tried again a moment later, until the runs have finished."""
		now = time.monotonic()
		self.due += [(now + self.rng.uniform(0, window), action, False) for _ in range(times)]

	def step(self) -> bool:
		"""Do what is due, and what supervisor and scheduler do. Returns whether nothing more is to happen but what waits
		for something to do."""
		now = time.monotonic()
		coming, tried = [], []
		for when, action, is_tried in sorted(self.due, key=lambda each: each[0]):
			if when > now:
				(tried if is_tried else coming).append((when, action, is_tried))
			elif action() is False:
				tried.append((now + 0.3, action, True))
		self.due = coming + tried
		self.environment.supervise()
		if now - self.watched >= 1:
			self.watched = now
			self.steadily(self.watch)
		return not coming and not any(session.is_alive() for session, _what in self.sessions)

	def until(self, names: list[str]) -> None:
		"""Let the workers work until the runs have finished and everything has happened; then check each."""
		left = list(names)
		passed, last = 0.0, time.monotonic()
		while True:
			if self.step():
				left = [name for name in names if not self.steadily(lambda name=name: self.is_finished(name))]
				if not left and not self.due:
					break
				if not left:
					# What waited for a run to finish has its last chance.
					self.due = [(0, action, True) for _when, action, _is_tried in self.due]
					self.step()
					self.due = []
			# The machine may have been asleep.
			passed, last = passed + min(time.monotonic() - last, 10), time.monotonic()
			if passed > PATIENCE:
				raise AssertionError(f"did not finish: {[(name, self.status(name)) for name in left]}")
			time.sleep(0.05)
		for session, what in self.sessions:
			self.settle(session, what)
		self.sessions = []
		self.check(names)

	def is_finished(self, run: str) -> bool:
		"""Whether the run is finished. A paused run is resumed once no other operation is pending."""
		status = self.status(run)
		if status == "Paused":
			with contextlib.suppress(frappe.ValidationError), person(MANAGER), in_background():
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
		return self.count_killed(self.environment.kill_worker(self.rng))

	def kill_rehearsal(self) -> bool:
		return self.count_killed(self.environment.kill_rehearsal())

	def count_killed(self, killed: tuple[str, ...]) -> bool:
		for what in killed:
			self.statistics.count(what)
		return bool(killed)

	def pay(self, number: int) -> Action:
		# Each invoice once: two payments that were validated at the same time may settle one twice in ERPNext alone.
		voucher = self.rng.choice([name for name in self.vouchers[number] if name not in self.paid])
		self.paid.add(voucher)
		share, by_journal = self.rng.choice((1, 1, 0.5)), self.rng.random() < 0.3
		day = str(add_days(FIRST_DAY, number))

		def work() -> bool:
			left = factories.outstanding(voucher)
			if left <= 0.01:
				return False
			amount = flt(left * share, 2)
			if not by_journal:
				factories.pay(voucher, amount, day)
				return True
			bank = factories.line("House Bank", amount)
			paid = factories.line("Debtors", credit=amount, party=self.customer_of(number), against=voucher)
			factories.journal(bank, paid, posting_date=day)
			return True

		return lambda: self.sessions.append((ConcurrentSession(work), "payments"))

	def save(self, run: str) -> Action:
		"""Another app saves an invoice or a customer of the run or one of its entries, or writes one field of it. Each once,
		so that it is known what is stored."""
		rng = self.rng
		doctype, is_whole, thinking = rng.choice(SAVED), rng.random() < 0.6, rng.uniform(0, 0.3)
		place, value = rng.random(), f"{rng.random():.12f}"

		def choose() -> str | None:
			frappe.db.rollback()
			field = {"Sales Invoice": "voucher_no", "Customer": "customer", "Journal Entry": "journal_entry"}
			names = {row[field[doctype]] for row in run_helpers.items(run, selected=1).values()}
			free = sorted(name for name in names if name and (doctype, name) not in self.saved)
			return free[int(place * len(free))] if free else None

		def work(name: str) -> bool:
			if is_whole:
				doc = frappe.get_doc(doctype, name)
				time.sleep(thinking)
				doc.set(NOTE, value)
				doc.save(ignore_permissions=True)
			else:
				frappe.db.set_value(doctype, name, NOTE, value)
			frappe.db.commit()
			self.saved[doctype, name] = (value, True)
			return True

		def action() -> bool:
			name = self.steadily(choose)
			if not name:
				return False
			self.saved[doctype, name] = (value, False)
			self.sessions.append((ConcurrentSession(lambda: work(name)), "saves"))
			return True

		return action

	def settle(self, session: ConcurrentSession, what: str) -> None:
		"""What became of a payment or of what somebody did with a run: done, refused in words, or lost with its
		connection. Anything else is a violation."""
		try:
			done = session.result(timeout=PATIENCE)
			self.statistics.count(f"{what} done" if done else f"{what} too late")
		except Exception as error:
			if not (
				isinstance(error, (frappe.ValidationError, redis.exceptions.ConnectionError, *_lost()))
				or transaction_is_lost(error)
			):
				raise
			self.statistics.count(f"{what} refused")

	def meddle(self, names: list[str]) -> Action:
		"""Somebody does something with one of these runs; an undo mostly when it has posted."""
		user, what, name = self.rng.choice(PEOPLE), self.rng.choice(MEDDLING), self.rng.choice(names)
		waits = what in UNDO and self.rng.random() < 0.7

		def action() -> bool:
			if waits and self.steadily(lambda: self.status(name)) not in FINISHED:
				return False
			self.sessions.append((self.session(user, what, name), what))
			return True

		return action

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
			self.check_ways(name)
			self.statistics.count("checks")
		self.every_run_is_finished()
		self.one_write_off_for_each_voucher()
		self.expense_is_what_was_written_off()
		self.saves_are_kept()
		self.proofs_find_no_difference()

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
			assert (not why_slow) == (self.statistics.path_of[name] == IN_SETS), f"{name}: {why_slow}"
		assert run.verify_approval()["intact"], f"{name} is not what was approved"

	def check_ways(self, name: str) -> None:
		"""Each entry of the run belongs to an item, and was posted and cancelled in the way of the run; while nothing is
		proven, small ones also by entry."""
		entries = dict(
			frappe.get_all(
				"Journal Entry",
				filters={"write_off_run": name},
				fields=["name", "docstatus"],
				order_by="name asc",
				as_list=True,
			)
		)
		of_items = {
			entry
			for row in run_helpers.items(name).values()
			for entry in (row.journal_entry, row.reversal_entry)
		}
		stray = [entry for entry, docstatus in entries.items() if docstatus != 2 and entry not in of_items]
		assert not stray, f"{name}: entries of no item: {stray}"
		path = self.statistics.path_of[name]
		expected = {path, BY_ENTRY} if self.rehearses else {path}
		recorded = frappe.db.sql(
			f"SELECT entry, action, way FROM {ways.TABLE} WHERE entry IN %(entries)s",
			{"entries": [*entries, ""]},
		)
		assert {way for _entry, _action, way in recorded} <= expected, f"{name}: {recorded}"
		done = Counter((entry, action) for entry, action, _way in recorded)
		wanted = Counter([(entry, ways.SUBMIT) for entry in entries])
		wanted.update((entry, ways.CANCEL) for entry, docstatus in entries.items() if docstatus == 2)
		assert done == wanted, f"{name}: recorded {done - wanted}, missing {wanted - done}"
		for _entry, action, way in recorded:
			self.statistics.count(action if way == path else "unproven entries")
		self.statistics.count("rehearsals", frappe.db.count(PROOF, {"run": name}))

	def saves_are_kept(self) -> None:
		"""What another app has saved is stored, whatever was posted meanwhile."""
		for (doctype, name), (value, is_committed) in self.saved.items():
			stored = frappe.db.get_value(doctype, name, NOTE)
			assert stored == value or not is_committed, f"{doctype} {name}: {stored}, saved {value}"

	def proofs_find_no_difference(self) -> None:
		"""No fault makes a rehearsal find a difference, which would end posting in sets."""
		found = frappe.get_all(
			PROOF,
			filters={"verdict": ("!=", "Equal"), "differences": ("!=", BY_ENTRY_REASON)},
			fields=["name", "verdict", "differences"],
			order_by="creation asc",
		)
		assert not found, f"rehearsals with differences: {found}"

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
		[expense] = frappe.db.sql_list(EXPENSE, factories.account("Write Off"))
		[[written_off]] = frappe.db.sql(
			"""SELECT COALESCE(SUM(base_write_off_amount - base_reinstated_amount), 0) FROM `tabWrite-Off Run Item`
			WHERE status IN ('Posted', 'Conflict')"""
		)
		assert abs(expense - written_off) < 0.005, f"expense {expense}, written off {written_off}"


@contextlib.contextmanager
def person(email: str) -> Iterator[None]:
	"""As `as_user`, without reading the metadata of all DocTypes again."""
	kept = metadata()
	with as_user(email):
		frappe.local.cache.update(kept)
		yield
		kept = metadata()
	frappe.local.cache.update(kept)


def metadata() -> dict[Any, Any]:
	keys = [frappe.cache.make_key(key) for key in METADATA_CACHE_KEYS]
	return {key: frappe.local.cache[key] for key in keys if key in frappe.local.cache}


def is_rehearsed(group: int) -> bool:
	"""Whether nothing is proven when this group of runs begins: each third of those that are posted in sets."""
	return PATHS[group % len(PATHS)] == IN_SETS and group // len(PATHS) % 3 == 1


def change_settings(rng: random.Random) -> None:
	"""Change the Settings while runs post."""
	run_helpers.settings(
		rows_per_entry=rng.choice((4, 6, 11, 30)),
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
