"""Posting: ERPNext's own Journal Entry compared with a Write-Off Run over the same invoices.

make bench ARGS="posting --sizes 100 1000 10000 --rounds 3 2 1 --workers 1 2"
make bench ARGS="posting --sizes 1000 10000 --rounds 3 1 --workers 1 2 --ways Proven 'By Entry' --native 1000"
make bench ARGS="posting --listen 'Journal Entry:validate' 'Journal Entry:on_submit' 'GL Entry:validate'"

The app posts in the way that the site has proven ahead, or in each of the given `--ways` (`Proven` is the first). With
`--listen`, a handler that does nothing listens to these events, in the processes of both. ERPNext posts at most `--native`
invoices in a measurement, because it takes the same time for each.

Each measurement is a process of its own, like a worker: it connects, posts one invoice to warm up, and waits; time runs
from the word "go" to the last commit. ERPNext posts entries of 99 invoices and one expense row, each committed; the app
posts a submitted run, and the time to submit it is included. In between the books are restored, so that both post the
same invoices, in turns and with alternating sizes, and a slow minute of the machine does not affect only one of them. A
measurement covers at least 1,000 invoices, such as ten runs of 100, so that a slow moment does not either. Queries are
the statements MariaDB counted on the connection; memory is the peak resident size of the process minus that at "go".
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

CHECKOUT = Path(__file__).resolve().parent.parent
NATIVE, APP = "ERPNext", "app"
PROVEN = "Proven"
ROWS = 99
CUSTOMERS = 100
# Minimum number of invoices in a measurement.
MIN_INVOICES = 1000


@dataclass(frozen=True)
class Measurement:
	"""Result of one way of posting for a number of runs and invoices."""

	method: str
	size: int
	runs: float
	workers: int
	seconds: float
	queries: int
	memory_mb: float
	way: str = PROVEN

	@property
	def ms(self) -> float:
		return 1000 * self.seconds / (self.size * self.runs)

	@property
	def queries_each(self) -> float:
		return self.queries / (self.size * self.runs)


# ------------------------------------------------------------------------------------------- in the worker's process


def child(site: str, task: dict[str, Any], work: Callable[[dict[str, Any]], None]) -> None:
	"""Connect, warm up, wait for "go", post or undo, and print the result as JSON."""
	import frappe

	frappe.init(site, sites_path=".")
	frappe.connect()
	frappe.set_user("Administrator")
	frappe.flags.mute_messages = True
	with conditions(task):
		work(task["warm_up"])
		print("{}", flush=True)
		sys.stdin.readline()

		reset_peak()
		memory, queries, started = rss(), statements(), time.perf_counter()
		work(task)
		seconds = time.perf_counter() - started
	answer = {
		"seconds": seconds,
		"queries": statements() - queries,
		"memory_mb": (peak_rss() - memory) / 1024,
	}
	print(json.dumps(answer), flush=True)
	frappe.destroy()


@contextmanager
def conditions(task: dict[str, Any]) -> Iterator[None]:
	"""The handlers that listen, and the way of posting if one is given."""
	from tests.site.differential import posted
	from tests.site.heard import ignore, listening

	with ExitStack() as stack:
		if task["listen"]:
			targets = [tuple(target.split(":")) for target in task["listen"]]
			stack.enter_context(listening(*targets, handler=ignore))
		if task["way"] != PROVEN:
			stack.enter_context(posted(task["way"]))
		yield


def post(task: dict[str, Any]) -> None:
	if task["who"] == NATIVE:
		for names in task["invoices"]:
			post_natively(names)
	else:
		from ar_writeoff.posting.service import post_run

		for run in task["runs"]:
			post_run(run, worker=task["worker"])


def post_natively(names: list[str]) -> None:
	"""Post Journal Entries of 99 invoices as an accountant would, in the fewest steps ERPNext allows."""
	import frappe

	from tests.site.factories import HL, TODAY, account, cost_center

	for start in range(0, len(names), ROWS):
		part = names[start : start + ROWS]
		invoices = frappe.get_all(
			"Sales Invoice",
			filters={"name": ("in", part)},
			fields=["name", "customer", "debit_to", "outstanding_amount"],
			order_by="name asc",
		)
		entry = frappe.new_doc("Journal Entry")
		entry.update({"voucher_type": "Write Off Entry", "company": HL, "posting_date": TODAY})
		for invoice in invoices:
			entry.append(
				"accounts",
				{
					"account": invoice.debit_to,
					"party_type": "Customer",
					"party": invoice.customer,
					"reference_type": "Sales Invoice",
					"reference_name": invoice.name,
					"credit_in_account_currency": invoice.outstanding_amount,
					"cost_center": cost_center(),
				},
			)
		total = round(sum(invoice.outstanding_amount for invoice in invoices), 2)
		entry.append(
			"accounts",
			{
				"account": account("Bad Debt Expense"),
				"debit_in_account_currency": total,
				"cost_center": cost_center(),
			},
		)
		entry.insert()
		entry.submit()
		assert entry.docstatus == 1
		frappe.db.commit()


def statements() -> int:
	"""Statements run on this connection so far."""
	import frappe

	return int(frappe.db.sql("SHOW SESSION STATUS LIKE 'Questions'")[0][1])


def rss() -> int:
	"""Resident size of this process in KB."""
	return _status("VmRSS")


def peak_rss() -> int:
	"""Peak resident size since `reset_peak`, in KB. Not from getrusage, because a child inherits its parent's."""
	return _status("VmHWM")


def reset_peak() -> None:
	Path("/proc/self/clear_refs").write_text("5")


def _status(name: str) -> int:
	lines = Path("/proc/self/status").read_text().splitlines()
	return next(int(line.split()[1]) for line in lines if line.startswith(name))


# ------------------------------------------------------------------------------------------------------ the measuring


class Bench:
	"""The site with the invoices, and the processes that post them."""

	module = "benchmarks.posting"

	def __init__(self, listen: Iterable[str] = (), native: int | None = None) -> None:
		from tests.site.conftest import Session

		self.listen, self.native = list(listen), native

		# One Redis for all sizes: Frappe keeps its first connection.
		self.session = Session.get()
		self.warm_up: dict[str, str] = {}

	def empty_books(self) -> None:
		"""Empty the books."""
		import frappe

		from tests.site.conftest import connect

		connect(self.session.site.name, self.session.bench)
		frappe.db.sql_ddl("DROP TABLE IF EXISTS _bench_books")
		if self.session.snapshot.restore():
			connect(self.session.site.name, self.session.bench)

	def create_invoices(self, sizes: Iterable[int], processes: int) -> dict[int, list[list[str]]]:
		"""Create a customer group per run with its open invoices of small odd amounts, and an invoice per process to
		warm up. Returns the invoice names of each run, by size."""
		import frappe

		from tests.site.factories import HL, account, cost_center, customer, many_invoices

		names = {}
		for size in sizes:
			names[size] = []
			for run in range(max(1, MIN_INVOICES // size)):
				group = frappe.new_doc("Customer Group")
				group.update(
					{
						"customer_group_name": group_of(size, run),
						"parent_customer_group": "All Customer Groups",
					}
				)
				group.insert()
				customers = [
					customer(f"{group.name} Customer {number:03d}", group.name)
					for number in range(min(CUSTOMERS, size))
				]
				names[size].append(
					many_invoices(
						size,
						customers=customers,
						amount=lambda number: 5 + number % 40 + 0.13,
						posting_date="2026-01-15",
					)
				)
		apart = [customer(f"Bench Warm-Up {number}") for number in range(1, processes + 1)]
		self.warm_up = dict(zip(apart, many_invoices(processes, customers=apart), strict=True))
		settings = frappe.new_doc("Write-Off Settings")
		settings.update(
			{
				"company": HL,
				"bad_debt_account": account("Bad Debt Expense"),
				"cost_center": cost_center(),
				"max_invoice_amount": 50,
				"default_reason": "Small Balance",
			}
		)
		settings.insert()
		frappe.db.commit()
		self.prove_ahead()
		frappe.db.sql_ddl("CREATE TABLE _bench_books LIKE `tabSales Invoice`")
		frappe.db.sql("INSERT INTO _bench_books SELECT * FROM `tabSales Invoice`")
		frappe.db.commit()
		return names

	def prove_ahead(self) -> None:
		"""Let the site compare the ways of posting, as before the first run."""
		from ar_writeoff.jobs import prove_posting
		from tests.site.factories import HL

		with conditions({"listen": self.listen, "way": PROVEN}):
			for proof in prove_posting(HL):
				print(f"Proof: {proof.verdict}, {proof.method}. {proof.differences or ''}", flush=True)

	def restore_books(self) -> None:
		"""Restore the books: delete entries, ledger rows and runs, and reopen the invoices."""
		import frappe

		for doctype in ("GL Entry", "Payment Ledger Entry"):
			frappe.db.delete(doctype, {"voucher_type": "Journal Entry"})
		for doctype in frappe.get_all("DocType", {"module": "AR Writeoff", "istable": 0}, pluck="name"):
			if doctype.startswith("Write-Off Run"):
				frappe.db.delete(doctype)
		for doctype in ("Journal Entry", "Journal Entry Account", "Version"):
			frappe.db.delete(doctype)
		frappe.db.sql(
			"""REPLACE INTO `tabSales Invoice`
			SELECT laid.* FROM _bench_books laid JOIN `tabSales Invoice` now USING (name)
			WHERE now.modified != laid.modified"""
		)
		frappe.db.commit()
		frappe.clear_cache()

	def end(self) -> None:
		self.empty_books()
		self.session.end()

	def prepare_run(self, *, group: str | None = None, customer: str | None = None) -> tuple[str, float]:
		"""Create and submit a run over the open invoices of a group or customer without posting it. Returns the run and
		the seconds to submit it."""
		import frappe

		from ar_writeoff.posting import service
		from tests.site.factories import HL, TODAY

		run = frappe.new_doc("Write-Off Run")
		run.update(
			{
				"company": HL,
				"balance_type": "Debit",
				"reason": "Small Balance",
				"cutoff_date": TODAY,
				"posting_date": TODAY,
				"max_invoice_amount": 50,
				"customer_group": group,
			}
		)
		if customer:
			run.append("customers", {"customer": customer})
		run.insert()
		run.find_invoices()
		frappe.db.commit()
		start_posting = service.start_posting
		service.start_posting = lambda run: None
		try:
			run.reload()
			started = time.perf_counter()
			run.submit()
			frappe.db.commit()
		finally:
			service.start_posting = start_posting
		return run.name, time.perf_counter() - started

	def prepare_warm_up(self, method: str, worker: int) -> dict[str, Any]:
		"""What the process posts before the measurement."""
		name, invoice = list(self.warm_up.items())[worker - 1]
		if method == NATIVE:
			return {"who": method, "invoices": [[invoice]]}
		return {"who": method, "runs": [self.prepare_run(customer=name)[0]], "worker": 1}

	def measure(
		self, method: str, names: list[list[str]], workers: int = 1, way: str = PROVEN
	) -> Measurement:
		"""Measure one way of posting. `names`: invoice names of each run."""
		import frappe

		size = len(names[0])
		warm_up = [self.prepare_warm_up(method, number) for number in range(1, workers + 1)]
		seconds = 0.0
		if method == APP:
			prepared = [self.prepare_run(group=group_of(size, run)) for run in range(len(names))]
			seconds = sum(took for _run, took in prepared)
			task: dict[str, Any] = {"who": method, "runs": [run for run, _took in prepared]}
		else:
			names = list(parts(names, self.native or size * len(names)))
			task = {"who": method, "invoices": names}
		took, queries, memory = self.run_processes(task, warm_up, way)
		every = [name for run in names for name in run]
		still_open = frappe.db.count("Sales Invoice", {"outstanding_amount": (">", 0), "name": ("in", every)})
		assert not still_open, f"{still_open} invoices are still open: {run_state(task)}"
		self.restore_books()
		return Measurement(method, size, len(every) / size, workers, seconds + took, queries, memory, way)

	def run_processes(
		self, task: dict[str, Any], warm_up: list[dict[str, Any]], way: str
	) -> tuple[float, int, float]:
		"""Let a process for each warm-up do the task. Returns seconds, queries and MB."""
		import frappe

		processes = [
			self.start({**task, "way": way, "listen": self.listen, "worker": number, "warm_up": first})
			for number, first in enumerate(warm_up, start=1)
		]
		for process in processes:
			read_answer(process)
		started = time.perf_counter()
		for process in processes:
			process.stdin.write("go\n")
			process.stdin.flush()
		answers = [read_answer(process) for process in processes]
		seconds = time.perf_counter() - started if len(processes) > 1 else answers[0]["seconds"]
		for process in processes:
			process.communicate()
		frappe.db.commit()
		return (
			seconds,
			sum(int(answer["queries"]) for answer in answers),
			max(answer["memory_mb"] for answer in answers),
		)

	def start(self, task: dict[str, Any]) -> subprocess.Popen[str]:
		process = subprocess.Popen(
			[sys.executable, "-m", self.module, self.session.site.name],
			cwd=self.session.bench.sites,  # Frappe writes its logs relative to this folder
			env={**self.session.env(), "PYTHONPATH": str(CHECKOUT)},
			stdin=subprocess.PIPE,
			stdout=subprocess.PIPE,
			text=True,
		)
		process.stdin.write(json.dumps(task) + "\n")
		process.stdin.flush()
		return process


def parts(names: Iterable[list[str]], most: int) -> Iterator[list[str]]:
	"""Yield the names of each run, `most` altogether."""
	for run in names:
		if most > 0:
			yield run[:most]
		most -= len(run)


def group_of(size: int, run: int) -> str:
	"""Customer group of a run of this size."""
	return f"Bench {size} {run + 1:02d}"


def run_state(task: dict[str, Any]) -> dict[str, Any]:
	"""Status, items, batches and log of runs that were not posted completely."""
	import frappe

	run = {"run": ("in", task.get("runs") or [""])}
	return {
		"status": frappe.get_all("Write-Off Run", {"name": run["run"]}, ["name", "status"], as_list=True),
		"items": frappe.get_all(
			"Write-Off Run Item", run, ["status", "message"], distinct=True, as_list=True
		),
		"batches": frappe.get_all(
			"Write-Off Run Batch", run, ["number", "status", "attempts", "worker"], as_list=True
		),
		"log": frappe.get_all(
			"Write-Off Run Event", run, ["at", "event", "worker", "batch", "message"], as_list=True
		),
	}


def read_answer(process: subprocess.Popen[str]) -> dict[str, float]:
	"""The next JSON line of the process; other output is passed on."""
	for line in process.stdout:
		if line.startswith("{"):
			return json.loads(line)
		print(line, end="", file=sys.stderr)
	raise RuntimeError(f"the process of the measurement ended with {process.wait()}")


def median(measurements: Iterable[Measurement], value: str) -> float:
	return statistics.median(getattr(one, value) for one in measurements)


def table(measurements: list[Measurement]) -> str:
	"""Medians as a Markdown table, one row per size, way and number of workers."""
	lines = [
		"| invoices | way | workers | ERPNext ms | app ms | times as fast | ERPNext queries | app queries "
		"| ERPNext MB | app MB | of one worker |",
		"|--:|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|",
	]
	for size in sorted({one.size for one in measurements}):
		of_size = [one for one in measurements if one.size == size]
		native = [one for one in of_size if one.method == NATIVE]
		for way, workers in dict.fromkeys(
			(one.way, one.workers)
			for one in sorted(of_size, key=lambda one: one.workers)
			if one.method == APP
		):
			app = [one for one in of_size if (one.method, one.way, one.workers) == (APP, way, workers)]
			single = [one for one in of_size if (one.method, one.way, one.workers) == (APP, way, 1)]
			cells = [f"{size:,}", way, str(workers)]
			cells += [f"{median(native, 'ms'):.1f}"] if native else ["-"]
			cells += [f"{median(app, 'ms'):.2f}"]
			cells += [f"**{median(native, 'ms') / median(app, 'ms'):.1f}**"] if native else ["-"]
			cells += [f"{median(native, 'queries_each'):.1f}"] if native else ["-"]
			cells += [f"{median(app, 'queries_each'):.2f}"]
			cells += [f"{median(native, 'memory_mb'):.0f}"] if native else ["-"]
			cells += [f"{median(app, 'memory_mb'):.0f}"]
			cells += [f"{median(app, 'seconds') / median(single, 'seconds'):.2f}" if single else "-"]
			lines.append("| " + " | ".join(cells) + " |")
	return "\n".join(lines)


def main(arguments: list[str]) -> int:
	parser = argparse.ArgumentParser(
		prog="benchmarks posting", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
	)
	parser.add_argument("--native", type=int, help="invoices at most that ERPNext posts")
	options = parse_options(parser, arguments)
	run_bench(Bench(options.listen, options.native), options)
	return 0


def parse_options(parser: argparse.ArgumentParser, arguments: list[str]) -> argparse.Namespace:
	parser.add_argument("--sizes", type=int, nargs="+", default=[100, 1000])
	parser.add_argument("--rounds", type=int, nargs="+", default=[5, 3], help="one number for each size")
	parser.add_argument("--workers", type=int, nargs="+", default=[1])
	parser.add_argument(
		"--ways", choices=(PROVEN, "In Sets", "By Entry", "By Row"), nargs="+", default=[PROVEN]
	)
	parser.add_argument("--listen", nargs="+", default=(), metavar="DOCTYPE:EVENT")
	parser.add_argument("--without-native", action="store_true")
	parser.add_argument("--json", type=Path, help="write every measurement to this file")
	options = parser.parse_args(arguments)
	if len(options.rounds) != len(options.sizes):
		parser.error("--rounds needs one number for each of --sizes")
	return options


def run_bench(bench: Bench, options: argparse.Namespace) -> None:
	"""Measure all sizes in turns and print the medians."""
	measurements: list[Measurement] = []
	try:
		bench.empty_books()
		names = bench.create_invoices(options.sizes, max(options.workers))
		most = max(options.rounds)
		for turn in range(most):
			for size, rounds in zip(options.sizes, options.rounds, strict=True):
				# Spread fewer rounds over the turns.
				if (turn + 1) * rounds // most == turn * rounds // most:
					continue
				# A run of one batch is posted by one worker only.
				ways = [
					(APP, workers, way)
					for way in options.ways
					for workers in options.workers
					if workers == 1 or size > ROWS + 1
				]
				if not options.without_native:
					ways.insert(0, (NATIVE, 1, PROVEN))
				for method, workers, way in ways if turn % 2 == 0 else reversed(ways):
					one = bench.measure(method, names[size], workers, way)
					measurements.append(one)
					print(
						f"{NATIVE if method == NATIVE else way:8} {one.runs:>4.3g} x {size:>6,} invoices, {workers} worker(s): {one.ms:7.2f} ms, "
						f"{one.queries_each:6.2f} queries an invoice, {one.memory_mb:5.0f} MB",
						flush=True,
					)
	finally:
		bench.end()
	print(f"\nPython {platform.python_version()}, {os.cpu_count()} cores, medians:\n\n{table(measurements)}")
	if options.json:
		(CHECKOUT / options.json).write_text(
			json.dumps([asdict(one) for one in measurements], indent="\t") + "\n"
		)


if __name__ == "__main__":
	child(sys.argv[1], json.loads(sys.stdin.readline()), post)
