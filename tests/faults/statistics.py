"""Counts of a fault campaign for fast and row-by-row posting, and their table."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field

import frappe

# The posting methods, as named in the table.
FAST, ROW_BY_ROW = "fast", "row by row"
PATHS = (FAST, ROW_BY_ROW)


@dataclass
class CampaignStatistics:
	"""Counts events under the current posting method, and which run was posted with which."""

	path: str = FAST
	counts: dict[str, Counter[str]] = field(default_factory=lambda: {path: Counter() for path in PATHS})
	path_of: dict[str, str] = field(default_factory=dict)
	seconds: float = 0

	def count(self, what: str, times: int = 1) -> None:
		self.counts[self.path][what] += times

	def of(self, path: str, *what: str) -> int:
		"""Sum of these counts for this posting method."""
		return sum(self.counts[path][one] for one in what)

	def total(self, *what: str) -> int:
		return sum(self.of(path, *what) for path in PATHS)

	def runs(self, path: str) -> list[str]:
		return sorted(run for run, own in self.path_of.items() if own == path)


def _both(*what: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
	return tuple(f"{one} done" for one in what), tuple(f"{one} refused" for one in what)


# What the table says: in words, and the counts behind them; several in brackets are added up.
ROWS: tuple[tuple[str, tuple[str | tuple[str, ...], ...]], ...] = (
	("Runs posted, of these over the same balances as another", ("runs", "rival runs")),
	("Runs undone, cancelled as well", ("runs undone", "runs cancelled")),
	("Items approved", ("items",)),
	("SIGKILL to a job, to a worker with its job", ("jobs killed", "workers killed")),
	("MariaDB: SIGKILL, restart", ("MariaDB killed", "MariaDB restarted")),
	("Redis: flushed, killed and started empty", ("Redis flushed", "Redis restarted")),
	(
		"Racing payments: booked, refused, too late",
		("payments done", "payments refused", "payments too late"),
	),
	("Drafts found, ticked or submitted by several people at once: done, refused", _both("draft changes")),
	("Pause: done, refused", _both("pause")),
	("Resume: done, refused", _both("resume")),
	("Retry: done, refused", _both("retry")),
	("Cancel: done, refused", _both("cancel")),
	("Undo: done, refused", _both("reverse", "reverse dated")),
	("Search and tick in a submitted run: done, refused", _both("search", "tick")),
	("Settings changed while posting: done, refused", _both("settings")),
	("Runs resumed by the watchdog", ("resumed by the watchdog",)),
	("Checks of every invariant", ("checks",)),
)
OUTCOMES = ("Posted", "Reversed", "Skipped", "Failed", "Conflict")


def summary(statistics: CampaignStatistics, seed: int, count: int) -> str:
	"""The campaign as a table. A violation ends the campaign before."""
	table = [
		(
			words,
			*(
				", ".join(
					str(statistics.of(path, *([what] if isinstance(what, str) else what))) for what in behind
				)
				for path in PATHS
			),
		)
		for words, behind in ROWS
	]
	table += [
		(
			"Items at the end: written off, undone, skipped, failed, in conflict",
			*(", ".join(map(str, outcome_counts(statistics.runs(path)))) for path in PATHS),
		),
		("Batches begun more than once", *(str(retried_batches(statistics.runs(path))) for path in PATHS)),
		("Violations", *("0" for _path in PATHS)),
	]
	lines = [
		f"{count} runs with seed {seed} on {time.strftime('%Y-%m-%d')}, {statistics.seconds / 60:.0f} minutes, posted in"
		" turns with fast posting and row by row:",
		"",
		"| What | Fast posting | Row by row |",
		"|---|---|---|",
		*(f"| {' | '.join(cells)} |" for cells in table),
	]
	return "\n".join(lines)


def outcome_counts(runs: list[str]) -> list[int]:
	"""The number of approved items of these runs by OUTCOMES."""
	filters = {"run": ("in", runs or [""]), "selected": 1}
	return [frappe.db.count("Write-Off Run Item", {**filters, "status": status}) for status in OUTCOMES]


def retried_batches(runs: list[str]) -> int:
	"""The number of batches of these runs with more than one attempt."""
	return frappe.db.count("Write-Off Run Batch", {"run": ("in", runs or [""]), "attempts": (">", 1)})
