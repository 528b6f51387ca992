"""Cost of the guards for an ordinary payment, and concurrent payments of two cashiers.

make bench ARGS="guards --payments 300 --pairs 1000"

Cost: two sites with the same books, one with the app and one without, with a process each. They submit payments in
turns, with one reference and with fifty, never of a written-off voucher. Measured are insert, submit and commit; the
difference is the median of those within a turn, so that a slow moment of the machine affects both. A busy machine makes it
uncertain by more than the guard costs. So the time within the guard is measured by itself, statements are counted, and the
other times are those of the fastest tenth.

Concurrency: two processes submit a Payment Entry of the same customer at the same moment, on the site with the app.
Each settles parts of three invoices: half of the pairs the same three in opposite order, half three of its own.
Payments that fail are counted by error. `--bare` does the same on the site without the app.

Prints tables; exits with 1 if the guard takes more than 3 % of a payment or 1.5 ms, or a pair has a deadlock.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

AT_MOST_SHARE, AT_MOST_MS = 0.03, 1.5
WITH, WITHOUT = "with the app", "without it"
INVOICES = 60
WARM_UP = 5
TILL = "Two Tills"
# Of the payment at hand.
SPENT: defaultdict[str, float] = defaultdict(float)


# ------------------------------------------------------------------------------------------------ in a till's process


def child(site: str, sites: str) -> None:
	"""Connect, and run each JSON line as a command; answer each with a JSON line."""
	import frappe

	os.chdir(sites)
	frappe.init(site, sites_path=sites)
	frappe.connect()
	frappe.set_user("Administrator")
	frappe.flags.mute_messages = True
	measure_guard()
	done: dict[str, Any] = {"create_invoices": create_invoices, "pay": pay, "draft": draft, "submit": submit}
	for line in sys.stdin:
		task = json.loads(line)
		print(json.dumps(done[task.pop("do")](**task)), flush=True)
	frappe.destroy()


def create_invoices() -> list[str]:
	"""Invoices of one customer, large enough for all payments."""
	import frappe

	from tests.site.factories import customer, many_invoices

	# The site without the app keeps the customer of an earlier benchmark.
	name = TILL if frappe.db.exists("Customer", TILL) else customer(TILL)
	names = many_invoices(INVOICES, customers=[name], amount=lambda _number: 100_000.0)
	frappe.db.commit()
	return names


def pay(names: list[str]) -> list[float]:
	"""Submit a payment of a part of each of these invoices: seconds it took, seconds of them in the guard, statements."""
	import frappe

	SPENT.clear()
	started = time.perf_counter()
	doc = payment(names)
	doc.insert()
	doc.submit()
	frappe.db.commit()
	seconds = time.perf_counter() - started
	# Caches of a request do not last until the next one.
	frappe.local.cache.clear()
	frappe.db.value_cache.clear()
	return [seconds, SPENT["guard"], SPENT["statements"]]


def measure_guard() -> None:
	"""Count statements and time the guard, if the site has the app."""
	import frappe

	from ar_writeoff.undo import guards

	guard, sql = guards.validate_payment_entry_allocations, frappe.db.sql

	def timed(*args: Any) -> None:
		started = time.perf_counter()
		guard(*args)
		SPENT["guard"] += time.perf_counter() - started

	def counted(*args: Any, **kwargs: Any) -> Any:
		SPENT["statements"] += 1
		return sql(*args, **kwargs)

	guards.validate_payment_entry_allocations, frappe.db.sql = timed, counted


def draft(names: list[str]) -> str:
	"""A saved payment, as in a form."""
	import frappe

	doc = payment(names)
	doc.insert()
	frappe.db.commit()
	frappe.local.drafted = doc
	return doc.name


def submit() -> str:
	"""Submit the draft; returns the type of the error, if any."""
	import frappe

	try:
		frappe.local.drafted.submit()
		frappe.db.commit()
	except Exception as error:
		frappe.db.rollback()
		return f"{type(error).__name__}: {str(error)[:80]}"
	return ""


def payment(names: list[str]) -> Any:
	import frappe

	from tests.site.factories import HL, TODAY, account

	doc = frappe.new_doc("Payment Entry")
	doc.update(
		{
			"payment_type": "Receive",
			"company": HL,
			"posting_date": TODAY,
			"party_type": "Customer",
			"party": TILL,
			"paid_from": account("Debtors"),
			"paid_from_account_currency": "USD",
			"paid_to": account("House Bank"),
			"paid_to_account_currency": "USD",
			"paid_amount": 0.01 * len(names),
			"received_amount": 0.01 * len(names),
			"source_exchange_rate": 1,
			"target_exchange_rate": 1,
			"reference_no": "TILL",
			"reference_date": TODAY,
			"references": [
				{"reference_doctype": "Sales Invoice", "reference_name": name, "allocated_amount": 0.01}
				for name in names
			],
		}
	)
	return doc


# ------------------------------------------------------------------------------------------------------ the measuring


class Till:
	"""A process that submits payments on a site."""

	def __init__(self, session: Any, site: str):
		self.process = subprocess.Popen(
			[sys.executable, "-m", "benchmarks.guards", site],
			cwd=Path(__file__).resolve().parent.parent,
			env={**session.env(), "BENCH_SITES": str(session.bench.sites)},
			stdin=subprocess.PIPE,
			stdout=subprocess.PIPE,
			text=True,
		)

	def tell(self, do: str, **task: Any) -> None:
		self.process.stdin.write(json.dumps({"do": do, **task}) + "\n")
		self.process.stdin.flush()

	def answer(self) -> Any:
		for line in self.process.stdout:
			if line[0] in '["{-.0123456789':
				return json.loads(line)
			print(line, end="", file=sys.stderr)
		raise RuntimeError(f"the till ended with {self.process.wait()}")

	def ask(self, do: str, **task: Any) -> Any:
		self.tell(do, **task)
		return self.answer()

	def close(self) -> None:
		self.process.stdin.close()
		self.process.wait(timeout=60)


@contextmanager
def tills(session: Any, *sites: str) -> Iterator[list[Till]]:
	started = [Till(session, site) for site in sites]
	try:
		yield started
	finally:
		for till in started:
			till.close()


def measure(session: Any, bare: str, payments: int) -> bool:
	"""Submit payments alternately; return whether the guard is within its limits."""
	with tills(session, session.site.name, bare) as pair:
		names = [till.ask("create_invoices") for till in pair]
		print(
			"| references | without the app, ms | with it, ms | median difference, ms | in the guard, ms | share"
			" | more statements |\n|--:|--:|--:|--:|--:|--:|--:|"
		)
		good = True
		for references, turns in ((1, payments), (50, payments // 10)):
			taken: list[tuple[list[float], list[float]]] = []
			for number in range(-WARM_UP if references == 1 else -1, turns):
				of = [own[number % 10 : number % 10 + references] for own in names]
				order = (0, 1) if number % 2 else (1, 0)
				results: list[list[float]] = [[], []]
				for which in order:
					results[which] = pair[which].ask("pay", names=of[which])
				if number >= 0:
					taken.append((results[0], results[1]))
			app, none, guard = (
				fastest(row[site][value] for row in taken) for site, value in ((0, 0), (1, 0), (0, 1))
			)
			more = 1000 * statistics.median(row[0][0] - row[1][0] for row in taken)
			statements = statistics.median(row[0][2] - row[1][2] for row in taken)
			good &= guard <= AT_MOST_MS and guard / none <= AT_MOST_SHARE
			print(
				f"| {references} | {none:.1f} | {app:.1f} | {more:+.2f} | {guard:.2f} | {guard / none:.2%}"
				f" | {statements:.0f} |",
				flush=True,
			)
	return good


def fastest(seconds: Iterable[float]) -> float:
	"""The 10th percentile in milliseconds, which is the least affected by other load."""
	ordered = sorted(seconds)
	return 1000 * ordered[len(ordered) // 10]


def race(session: Any, site: str, pairs: int) -> Counter[str]:
	"""Number of failed payments among these pairs, by error."""
	errors: Counter[str] = Counter()
	with tills(session, site, site) as both:
		names = both[0].ask("create_invoices")
		for number in range(pairs):
			start = 3 * (number % 9)
			first = names[start : start + 3]
			second = first[::-1] if number % 2 else names[start + 30 : start + 33]
			for till, own in zip(both, (first, second), strict=True):
				till.ask("draft", names=own)
			for till in both:
				till.tell("submit")
			errors.update(error for error in (till.answer() for till in both) if error)
	return errors


def main(arguments: list[str]) -> int:
	parser = argparse.ArgumentParser(
		prog="benchmarks guards", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
	)
	parser.add_argument(
		"--payments", type=int, default=300, help="turns with one reference; a tenth of it with fifty"
	)
	parser.add_argument("--pairs", type=int, default=1000)
	parser.add_argument("--bare", action="store_true", help="the tills on the site without the app as well")
	options = parser.parse_args(arguments)

	import frappe

	from tests.site.conftest import Session, connect

	session = Session.get()
	bare = session.bench.site(f"other-{session.site.name}")
	good = True
	try:
		with bare.claimed():
			bare.make_base()
			connect(session.site.name, session.bench)
			if session.snapshot.restore():
				connect(session.site.name, session.bench)
			frappe.db.commit()
			if options.payments:
				good = measure(session, bare.name, options.payments)
			for site, words in ((session.site.name, WITH), (bare.name, WITHOUT))[: 1 + options.bare]:
				if options.pairs:
					errors = race(session, site, options.pairs)
					print(
						f"\n{options.pairs} pairs {words}: {sum(errors.values())} payments not booked",
						flush=True,
					)
					for error, count in errors.most_common():
						print(f"  {count} x {error}")
					good &= words == WITHOUT or not errors
	finally:
		Session.end()
	return int(not good)


if __name__ == "__main__":
	child(sys.argv[1], os.environ["BENCH_SITES"])
