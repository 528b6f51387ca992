"""What a campaign did and saw, for each of the two ways of posting, and the table of it."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field

import frappe

# The ways of posting, as the table calls them: in sets, or as ERPNext does.
FAST, ROW_BY_ROW = "fast", "row by row"
PATHS = (FAST, ROW_BY_ROW)


@dataclass
class Tally:
	"""Counts what happens under the path that is on just now, and remembers which run was posted on which."""

	path: str = FAST
	counts: dict[str, Counter[str]] = field(default_factory=lambda: {path: Counter() for path in PATHS})
	path_of: dict[str, str] = field(default_factory=dict)
	seconds: float = 0

	def count(self, what: str, times: int = 1) -> None:
		self.counts[self.path][what] += times

	def of(self, path: str, *what: str) -> int:
		"""How often any of these happened on this path."""
		return sum(self.counts[path][one] for one in what)

	def total(self, *what: str) -> int:
		return sum(self.of(path, *what) for path in PATHS)

	def runs(self, path: str) -> list[str]:
		return sorted(run for run, own in self.path_of.items() if own == path)


# What the table says: in words, and the counts behind them.
ROWS = (
	("Runs posted, of these over the same balances as another", ("runs", "rival runs")),
	("Runs undone as well", ("runs undone",)),
	("Items approved", ("items",)),
	("SIGKILL to a job, to a worker with its job", ("jobs killed", "workers killed")),
	("MariaDB: SIGKILL, restart", ("MariaDB killed", "MariaDB restarted")),
	("Redis: flushed, killed and started empty", ("Redis flushed", "Redis restarted")),
	(
		"Racing payments: booked, refused, too late",
		("payments booked", "payments refused", "payments too late"),
	),
	("Runs paused and resumed while posting", ("pauses",)),
	("Runs resumed by the watchdog", ("resumed by the watchdog",)),
	("Checks of every invariant", ("checks",)),
)
OUTCOMES = ("Posted", "Reversed", "Skipped", "Failed", "Conflict")


def summary(tally: Tally, seed: int, count: int) -> str:
	"""The campaign as a table. A violation would have ended it."""
	table = [
		(words, *(", ".join(str(tally.of(path, what)) for what in behind) for path in PATHS))
		for words, behind in ROWS
	]
	table += [
		(
			"Items at the end: written off, undone, skipped, failed, in conflict",
			*(", ".join(map(str, outcome_counts(tally.runs(path)))) for path in PATHS),
		),
		("Batches begun more than once", *(str(begun_again(tally.runs(path))) for path in PATHS)),
		("Violations", *("0" for _path in PATHS)),
	]
	lines = [
		f"{count} runs with seed {seed} on {time.strftime('%Y-%m-%d')}, {tally.seconds / 60:.0f} minutes, posted in"
		" turns with fast posting and row by row:",
		"",
		"| What | Fast posting | Row by row |",
		"|---|---|---|",
		*(f"| {' | '.join(cells)} |" for cells in table),
	]
	return "\n".join(lines)


def outcome_counts(runs: list[str]) -> list[int]:
	"""How many approved items of these runs have each of OUTCOMES, as they stand."""
	filters = {"run": ("in", runs or [""]), "selected": 1}
	return [frappe.db.count("Write-Off Run Item", {**filters, "status": status}) for status in OUTCOMES]


def begun_again(runs: list[str]) -> int:
	"""Batches of these runs that were begun more than once."""
	return frappe.db.count("Write-Off Run Batch", {"run": ("in", runs or [""]), "attempts": (">", 1)})
