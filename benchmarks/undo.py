"""Undo: ERPNext's own cancelling compared with the undo of a Write-Off Run, the same entries.

make bench ARGS="undo --sizes 1000 10000 --rounds 3 1 --workers 1 2"
make bench ARGS="undo --dated --sizes 1000 --rounds 3"

As `posting`: processes of their own, warmed up, in turns, on restored books. The run is posted before. ERPNext cancels the
entries one by one, each committed; the run forgets them before, so that the app does nothing. With `--dated`, ERPNext's own
"Reverse Journal Entry" is submitted, and the app posts reversing entries. ERPNext undoes at most `--native` invoices of a run,
because it takes the same time for each. The time of the app begins with the request. How the site proves each way is part
of neither: one run is undone before.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterable
from typing import Any
from unittest.mock import patch

from benchmarks.posting import (
	APP,
	NATIVE,
	PROVEN,
	ROWS,
	Bench,
	Measurement,
	child,
	conditions,
	group_of,
	parse_options,
	run_bench,
	run_state,
)


def undo(task: dict[str, Any]) -> None:
	if task["who"] == NATIVE:
		for name in task["entries"]:
			undo_natively(name, task["dated"])
	else:
		from ar_writeoff.undo.service import undo_run

		for run in task["runs"]:
			undo_run(run, worker=task["worker"])


def undo_natively(name: str, dated: bool) -> None:
	import frappe
	from erpnext.accounts.doctype.journal_entry.journal_entry import make_reverse_journal_entry

	from tests.site.factories import TODAY

	if dated:
		entry = make_reverse_journal_entry(name)
		entry.posting_date = TODAY
		entry.insert()
		entry.submit()
	else:
		entry = frappe.get_doc("Journal Entry", name)
		entry.cancel()
	assert entry.docstatus == (1 if dated else 2)
	frappe.db.commit()


class UndoBench(Bench):
	"""The site with posted runs, and the processes that undo them."""

	module = "benchmarks.undo"

	def __init__(self, options: argparse.Namespace) -> None:
		super().__init__(options.listen, options.native)
		self.dated = options.dated

	def create_invoices(self, sizes: Iterable[int], processes: int) -> dict[int, list[list[str]]]:
		names = super().create_invoices(sizes, processes)
		with conditions({"listen": self.listen, "way": PROVEN}):
			self.prove_undo(group_of(min(names), 0))
		self.restore_books()
		return names

	def prove_undo(self, group: str) -> None:
		"""Undo a run, so that the site compares the ways of undoing its entries."""
		import frappe

		from ar_writeoff.posting.proof import verdicts
		from ar_writeoff.undo.service import undo_run

		run = self.posted_run(group=group)
		before = set(frappe.get_all(verdicts.DOCTYPE, pluck="name"))
		self.request(run)
		undo_run(run)
		for proof in frappe.get_all(verdicts.DOCTYPE, fields=["name", "verdict", "method", "differences"]):
			if proof.name not in before:
				print(f"Proof: {proof.verdict}, {proof.method}. {proof.differences or ''}", flush=True)

	def posted_run(self, **over: str) -> str:
		"""A posted run over the open invoices of a group or customer."""
		from ar_writeoff.posting.service import post_run

		run, _seconds = self.prepare_run(**over)
		post_run(run)
		return run

	def request(self, run: str) -> float:
		"""Request the undo of a run without starting it; returns the seconds."""
		import frappe
		from frappe.utils import getdate

		from ar_writeoff.run import worker as workers
		from ar_writeoff.undo import service
		from tests.site.factories import TODAY

		started = time.perf_counter()
		with (
			patch.object(workers, "start", lambda *args, **details: None),
			patch.object(workers, "runs_inline", lambda: False),
		):
			service.start_undo(run, getdate(TODAY), always_dated=self.dated)
		frappe.db.commit()
		return time.perf_counter() - started

	def task(self, method: str, runs: list[str], most: int | None = None) -> dict[str, Any]:
		"""The entries of these runs for ERPNext, or the runs with their undo requested."""
		import frappe

		if method == APP:
			return {"who": method, "runs": runs, "seconds": sum(map(self.request, runs))}
		entry = frappe.qb.DocType("Journal Entry")
		names = frappe.get_all(
			"Journal Entry", filters={"write_off_run": ("in", runs)}, pluck="name", order_by="name asc"
		)[:most]
		frappe.qb.update(entry).set(entry.write_off_run, None).where(entry.name.isin(names)).run()
		frappe.db.commit()
		return {"who": method, "entries": names, "dated": self.dated}

	def measure(
		self, method: str, names: list[list[str]], workers: int = 1, way: str = PROVEN
	) -> Measurement:
		import frappe

		size = len(names[0])
		warm_up = [
			{**self.task(method, [self.posted_run(customer=customer)]), "worker": 1}
			for customer in list(self.warm_up)[:workers]
		]
		runs = [self.posted_run(group=group_of(size, run)) for run in range(len(names))]
		most = max(1, self.native // ROWS) if method == NATIVE else None
		task = self.task(method, runs, most)
		undone = len(runs) * size
		if method == NATIVE:
			undone = frappe.db.count(
				"Journal Entry Account", {"parent": ("in", task["entries"]), "party": ("is", "set")}
			)
		seconds, queries, memory = self.run_processes(task, warm_up, way)
		every = [name for run in names for name in run]
		is_open = frappe.db.count("Sales Invoice", {"outstanding_amount": (">", 0), "name": ("in", every)})
		assert is_open == undone, f"{is_open} of {undone} invoices are open: {run_state(task)}"
		self.restore_books()
		return Measurement(
			method, size, undone / size, workers, seconds + task.get("seconds", 0), queries, memory, way
		)


def main(arguments: list[str]) -> int:
	parser = argparse.ArgumentParser(
		prog="benchmarks undo", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
	)
	parser.add_argument("--dated", action="store_true", help="reversing entries instead of cancelling")
	parser.add_argument("--native", type=int, default=1000, help="invoices at most that ERPNext undoes")
	options = parse_options(parser, arguments)
	run_bench(UndoBench(options), options)
	return 0


if __name__ == "__main__":
	child(sys.argv[1], json.loads(sys.stdin.readline()), undo)
