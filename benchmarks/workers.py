"""One worker compared with two on the same run: duration, and whether the books are the same.

make bench ARGS="workers --items 2000 --rounds 3"

Alternating rounds on the test site with real worker processes, started and idle before the run is submitted. Time runs
from the first batch to the run's final status, by its log. Prints a table; exits with 1 if two workers take more than
0.65 of the time of one.
"""

from __future__ import annotations

import argparse
import statistics

import frappe

from tests.site import ledger_checks, run_helpers
from tests.site.concurrency import in_background
from tests.site.conftest import Session, Workers, connect, empty_queues, eventually
from tests.site.factories import HL, many_invoices

MAX_RATIO = 0.65


def measure(session: Session, count: int, workers: int) -> tuple[float, list[tuple]]:
	"""Seconds these workers need for a run of this size, and the resulting books."""
	connect(session.site.name, session.bench)
	session.snapshot.restore()
	connect(session.site.name, session.bench)
	many_invoices(count)
	run_helpers.settings(parallel_jobs=workers)
	run = run_helpers.run()
	frappe.db.commit()
	empty_queues()
	started = Workers(session)
	try:
		started(workers, queues="long")
		with in_background():
			run_helpers.post(run)
			frappe.db.commit()
		eventually(
			lambda: run_helpers.status(run) in ("Posted", "Partly Posted", "Failed"), timeout=1800, every=0.5
		)
	finally:
		started.stop()
	run_helpers.assert_posted_once(run)
	ledger_checks.assert_debits_equal_credits(HL)
	ledger_checks.assert_ple_equals_gl(HL)
	at = dict(
		frappe.get_all(
			"Write-Off Run Event",
			filters={"run": run.name, "event": ("in", ("Started", "Finished"))},
			fields=["event", "at"],
			as_list=True,
			order_by="at asc",
		)
	)
	ledger = frappe.db.sql(
		"""SELECT account, COALESCE(party, ''), SUM(debit), SUM(credit), COUNT(*) FROM `tabGL Entry`
		WHERE voucher_type = 'Journal Entry' AND is_cancelled = 0 GROUP BY 1, 2 ORDER BY 1, 2"""
	)
	return (at["Finished"] - at["Started"]).total_seconds(), list(ledger)


def main(arguments: list[str]) -> int:
	parser = argparse.ArgumentParser(
		prog="benchmarks workers", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
	)
	parser.add_argument("--items", type=int, default=2000)
	parser.add_argument("--rounds", type=int, default=3)
	options = parser.parse_args(arguments)
	session = Session.get()
	seconds: dict[int, list[float]] = {1: [], 2: []}
	ledgers = set()
	try:
		for _round in range(options.rounds):
			for workers in (1, 2):
				took, ledger = measure(session, options.items, workers)
				seconds[workers].append(took)
				ledgers.add(str(ledger))
				print(f"{workers} worker{'s' * (workers > 1)}: {took:.1f} s", flush=True)
	finally:
		Session.end()
	one, two = (statistics.median(seconds[workers]) for workers in (1, 2))
	print("\n| workers | seconds (median) | ms an item | of one worker |\n|---|---|---|---|")
	for workers, took in ((1, one), (2, two)):
		print(f"| {workers} | {took:.1f} | {1000 * took / options.items:.1f} | {took / one:.2f} |")
	print(f"\nSame books: {len(ledgers) == 1}")
	return int(two > MAX_RATIO * one or len(ledgers) != 1)
