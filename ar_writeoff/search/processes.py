"""A search in the worker's process and in others beside it, each with a connection of its own.

A search is half Python, half MariaDB, so a second process makes it faster even where both share two cores. Each process
is a copy of the worker's, searches a part of the ranges, and stores what it finds in a file of its own.
"""

import multiprocessing
import os
import pickle
import shutil
import tempfile
from collections.abc import Callable, Iterator
from typing import Any

import frappe

from ar_writeoff.ledger.transactions import read_committed
from ar_writeoff.search.ledger import Search
from ar_writeoff.search.rules import Verdict

# A search over fewer ledger rows ends before another process has started.
MIN_ROWS_PER_PROCESS = 100_000
# Bytes of results kept in memory; more go to a temporary file.
MAX_BYTES_IN_MEMORY = 32 * 2**20
# Seconds between two reports of the progress while only other processes search.
REPORT_EVERY = 0.5

# Verdicts with the customers' names.
Part = list[tuple[Verdict, str]]


class SearchFailed(Exception):
	"""Another process of the search ended with an error."""


class FoundItems:
	"""Results of a search so far, in order."""

	def __init__(self) -> None:
		self.file = tempfile.SpooledTemporaryFile(max_size=MAX_BYTES_IN_MEMORY)

	def share(self) -> None:
		"""Store the results in a file, to which a copy of this process can write as well."""
		self.file.rollover()

	def add(self, part: Part) -> None:
		pickle.dump(part, self.file, pickle.HIGHEST_PROTOCOL)
		self.file.flush()

	def append(self, others: "FoundItems") -> None:
		others.file.seek(0)
		shutil.copyfileobj(others.file, self.file)

	def __iter__(self) -> Iterator[Part]:
		self.file.seek(0)
		while True:
			try:
				yield pickle.load(self.file)
			except EOFError:
				return


def no_progress(rows: int) -> None:
	pass


def find(search: Search, processes: int = 1, on_progress: Callable[[int], None] = no_progress) -> FoundItems:
	"""Search with up to this many processes. `on_progress` is called with the ledger rows processed so far, and may raise to
	end the search.

	Raises:
	    SearchFailed: another process ended with an error.
	"""
	own, *others = parts(search, min(processes, search.total_rows // MIN_ROWS_PER_PROCESS))
	copies: list[Copy] = []
	items, rows = FoundItems(), 0

	def report() -> None:
		on_progress(rows + sum(copy.rows for copy in copies))

	try:
		for ranges in others:
			copies.append(Copy(search, ranges))
		for customers in own:
			items.add(found_in(search, customers))
			rows += search.rows(customers)
			report()
		for copy in copies:
			while copy.is_searching(REPORT_EVERY):
				report()
			report()
	finally:
		for copy in copies:
			copy.stop()
	for copy in copies:
		items.append(copy.items)
	return items


def found_in(search: Search, customers: list[str]) -> Part:
	"""The results of one range of customers."""
	found = search.of_range(customers)
	return [(verdict, found.customers[verdict.balance.customer].customer_name) for verdict in found.verdicts]


def parts(search: Search, count: int) -> list[list[list[str]]]:
	"""The ranges of customers in up to `count` lists with about as many ledger rows, in order; at least one list."""
	total, rows = search.total_rows, 0
	found: list[list[list[str]]] = [[]]
	for customers in search.ranges:
		if len(found) < count and rows >= total * len(found) / count:
			found.append([])
		found[-1].append(customers)
		rows += search.rows(customers)
	return found


# Connections of the worker that its copies have. They are never closed there: that would end them for the worker as well.
inherited: list[Any] = []


class Copy:
	"""A copy of this process that searches some ranges of customers."""

	def __init__(self, search: Search, ranges: list[list[str]]):
		self.search, self.ranges, self.items = search, ranges, FoundItems()
		self.items.share()
		self.site, self.sites_path, self.user = (
			frappe.local.site,
			frappe.local.sites_path,
			frappe.session.user,
		)
		context = multiprocessing.get_context("fork")
		self.processed = context.Value("q", 0, lock=False)
		self.worker = os.getpid()
		self.process = context.Process(target=self.run, daemon=True)
		self.process.start()

	@property
	def rows(self) -> int:
		"""The ledger rows processed so far."""
		return int(self.processed.value)

	def run(self) -> None:
		"""Search, in the new process."""
		inherited.append(frappe.local.db)
		frappe.init(self.site, sites_path=self.sites_path, force=True)
		frappe.connect()
		frappe.set_user(self.user)
		with read_committed():
			for customers in self.ranges:
				if os.getppid() != self.worker:
					return  # the worker was killed
				self.items.add(found_in(self.search, customers))
				self.processed.value += self.search.rows(customers)

	def is_searching(self, wait: float) -> bool:
		"""Whether the process still searches after `wait` seconds.

		Raises:
		    SearchFailed: it ended with an error, which is in the log of the worker.
		"""
		self.process.join(wait)
		if self.process.exitcode:
			raise SearchFailed(
				f"A process of the search ended with code {self.process.exitcode}. The log of the worker has the error."
			)
		return self.process.exitcode is None

	def stop(self) -> None:
		"""End the process if it still searches."""
		self.process.kill()
		self.process.join()
