"""Duration of a search, compared with ERPNext's own queries for the same question.

make bench ARGS="search --sizes 10000 100000 1000000 --compare-at 200000"

Creates a site (`ar-writeoff-volume.localhost`) with a company that grows to these numbers of invoices (`generate.py`),
every tenth of them open. Measured at each size: the search including storing its items, with and without the covering
index, its peak memory, and pages of the list. At one size also: ERPNext's `QueryPaymentLedger` and Accounts Receivable
report for the same company; a query that takes longer than `PATIENCE` is stopped. Each measurement is a process of its
own; the fastest of three counts (of one for those that take minutes).
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

CHECKOUT = Path(__file__).resolve().parent.parent
SITE = "ar-writeoff-volume.localhost"
COMPANY = "Harbour Lights Ltd"
DAY = "2026-06-30"

# Seconds after which a query of ERPNext is stopped, and MariaDB's error code for that.
PATIENCE = 420
STATEMENT_TIMEOUT = 1969


# Run in a process with the site connected


def connect() -> None:
	import frappe

	frappe.init(SITE, sites_path=os.environ["SITES"])
	frappe.connect()
	frappe.flags.in_test = True
	frappe.set_user("Administrator")


def timed(work: Callable[[], Any], times: int = 3) -> tuple[float, Any]:
	"""Seconds of the fastest of several calls, and its result."""
	import frappe

	best, result = None, None
	for _time in range(times):
		frappe.db.rollback()
		frappe.local.cache = {}
		started = time.perf_counter()
		result = work()
		took = time.perf_counter() - started
		best = took if best is None else min(best, took)
	return best or 0.0, result


def grow(upto: int) -> dict[str, Any]:
	from benchmarks.generate import grow

	started = time.perf_counter()
	grow(COMPANY, upto, log=lambda text: print(text, file=sys.stderr))
	return {"seconds": time.perf_counter() - started}


def index(wanted: int) -> dict[str, Any]:
	from ar_writeoff.ledger import covering_index

	started = time.perf_counter()
	(covering_index.create if wanted else covering_index.drop)()
	return {"seconds": time.perf_counter() - started}


def draft(customer_credits: str) -> Any:
	import frappe

	from tests.site.run_helpers import settings

	frappe.db.delete("Write-Off Run Item")
	frappe.db.delete("Write-Off Run")
	settings(COMPANY, customer_credits=customer_credits)
	doc = frappe.new_doc("Write-Off Run")
	doc.update(
		{
			"company": COMPANY,
			"balance_type": "Debit",
			"reason": "Small Balance",
			"cutoff_date": DAY,
			"posting_date": DAY,
			"max_invoice_amount": 1_000_000,
		}
	)
	doc.insert()
	frappe.db.commit()
	return doc


def search(_size: int, customer_credits: str = "Ignore") -> dict[str, Any]:
	import frappe

	from ar_writeoff.search.service import search_in_background

	before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
	seconds = []
	for _time in range(2):
		doc = draft(customer_credits)
		frappe.db.set_value("Write-Off Run", doc.name, "status", "Searching")
		frappe.db.commit()
		seconds.append(timed(lambda name=doc.name: search_in_background(name), times=1)[0])
	peaks = [resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
	found, excluded = (
		frappe.db.count("Write-Off Run Item", {"run": doc.name, "status": status})
		for status in ("Open", "Excluded")
	)
	return {
		"seconds": min(seconds),
		"peak_mb": max(peaks) / 1024,
		"start_mb": before / 1024,
		"found": found,
		"excluded": excluded,
	}


def leave_out(size: int) -> dict[str, Any]:
	"""A search that excludes the invoices of customers with unallocated credits, as by default."""
	return search(size, "Leave Out")


def pages(_size: int) -> dict[str, Any]:
	import frappe

	doc = frappe.get_last_doc("Write-Off Run")
	asked = {
		"first": {},
		"by amount": {"sort_by": "base_outstanding_amount", "sort_order": "desc"},
		"by customer, one customer's": {"sort_by": "customer", "filters": {"customer": "000123"}},
		"by age, over 90 days, below 100": {
			"sort_by": "age_days",
			"sort_order": "desc",
			"filters": {"age_days": [">", 90], "base_outstanding_amount": ["<", 100]},
		},
		"the last, by date": {"sort_by": "due_date", "start": 90_000},
	}
	took = {name: timed(lambda values=values: doc.get_items(**values))[0] for name, values in asked.items()}
	took["summary"] = timed(doc.get_summary)[0]
	return {"pages": took}


def query_payment_ledger(_size: int) -> dict[str, Any]:
	import frappe
	from erpnext.accounts.utils import QueryPaymentLedger

	ple = frappe.qb.DocType("Payment Ledger Entry")

	def ask() -> int:
		return len(
			QueryPaymentLedger().get_voucher_outstandings(
				common_filter=[ple.company == COMPANY, ple.account_type == "Receivable"],
				get_payments=False,
				get_invoices=True,
			)
		)

	frappe.db.sql("SET SESSION max_statement_time = %s", PATIENCE)
	try:
		seconds, found = timed(ask, times=1)
	except frappe.db.OperationalError as error:
		if error.args[0] != STATEMENT_TIMEOUT:
			raise
		return {"seconds": PATIENCE, "found": None}
	return {"seconds": seconds, "found": found}


def report(_size: int) -> dict[str, Any]:
	import frappe
	from erpnext.accounts.report.accounts_receivable.accounts_receivable import execute

	filters = frappe._dict(
		company=COMPANY,
		report_date=DAY,
		party_type="Customer",
		ageing_based_on="Due Date",
		range="30, 60, 90, 120",
	)
	seconds, result = timed(lambda: execute(filters), times=1)
	peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
	return {"seconds": seconds, "found": len(result[1]), "peak_mb": peak / 1024}


MEASURES = {
	one.__name__: one for one in (grow, index, leave_out, search, pages, query_payment_ledger, report)
}


# Run by the benchmark itself


def measure(bench: Any, name: str, size: int) -> dict[str, Any]:
	done = subprocess.run(
		[str(bench.python), "-m", "benchmarks.search", name, str(size)],
		cwd=bench.sites,  # where Frappe looks for its logs
		env={**bench.env(), "SITES": str(bench.sites), "PYTHONPATH": str(CHECKOUT)},
		stdout=subprocess.PIPE,
		text=True,
	)
	if done.returncode:
		raise SystemExit(f"{name} at {size} failed")
	result: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
	return result


def main(arguments: list[str]) -> int:
	parser = argparse.ArgumentParser(
		prog="benchmarks search", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
	)
	parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
	parser.add_argument("--compare-at", type=int, default=200_000, help="invoices; 0 for no comparison")
	options = parser.parse_args(arguments)

	from tools.bench import find_bench
	from tools.make import own_redis

	bench, words = find_bench()
	if not bench:
		raise SystemExit(words)
	site = bench.site(SITE)
	with site.claimed():
		with own_redis():
			if site.note.exists():
				bench.frappe("--site", SITE, "migrate")  # it takes long to create
			else:
				site.make()
		for size in sorted({*options.sizes, options.compare_at} - {0}):
			at_size(bench, size, compare=size == options.compare_at)
	return 0


def at_size(bench: Any, size: int, *, compare: bool) -> None:
	grown = measure(bench, "grow", size)
	print(f"\n{size:,} invoices (made in {grown['seconds']:.0f} s)", flush=True)
	for wanted, kind in ((0, "search"), (1, "leave_out"), (1, "search")):
		built = measure(bench, "index", wanted)
		with_index = f"with the index (built in {built['seconds']:.1f} s)" if wanted else "without the index"
		ours = measure(bench, kind, size)
		print(
			f"  {kind} {with_index}: {ours['seconds']:.2f} s, {ours['found']:,} items stored,"
			f" {ours['excluded']:,} excluded, peak {ours['peak_mb']:.0f} MB",
			flush=True,
		)
	for name, seconds in measure(bench, "pages", size)["pages"].items():
		print(f"  page of 100, {name}: {seconds * 1000:.0f} ms", flush=True)
	if compare:
		theirs = measure(bench, "report", size)
		print(
			f"  ERPNext's Accounts Receivable report: {theirs['seconds']:.1f} s, {theirs['found']:,} rows, peak"
			f" {theirs['peak_mb']:.0f} MB: {theirs['seconds'] / ours['seconds']:.0f} times ours",
			flush=True,
		)
		theirs = measure(bench, "query_payment_ledger", size)
		times = f"{theirs['seconds'] / ours['seconds']:.0f} times ours"
		if theirs["found"] is None:
			print(
				f"  ERPNext's QueryPaymentLedger: stopped after {PATIENCE} s, more than {times}", flush=True
			)
		else:
			print(
				f"  ERPNext's QueryPaymentLedger: {theirs['seconds']:.1f} s, {theirs['found']:,} rows: {times}",
				flush=True,
			)


if __name__ == "__main__":
	connect()
	print(json.dumps(MEASURES[sys.argv[1]](int(sys.argv[2]))))
