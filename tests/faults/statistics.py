"""Counts of a fault campaign for each way of posting, and their table."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field

import erpnext
import frappe

from ar_writeoff.posting.fast import BY_ENTRY, BY_ROW, IN_SETS
from tests.faults import ways

PATHS = (IN_SETS, BY_ENTRY, BY_ROW)


@dataclass
class CampaignStatistics:
	"""Counts events under the current way of posting, and which run was posted in which."""

	path: str = IN_SETS
	counts: dict[str, Counter[str]] = field(default_factory=lambda: {path: Counter() for path in PATHS})
	path_of: dict[str, str] = field(default_factory=dict)
	seconds: float = 0
	# Dates of runs that were posted; a date may have a second run.
	done: int = 0

	def count(self, what: str, times: int = 1) -> None:
		self.counts[self.path][what] += times

	def of(self, path: str, *what: str) -> int:
		"""Sum of these counts for this way of posting."""
		return sum(self.counts[path][one] for one in what)

	def total(self, *what: str) -> int:
		return sum(self.of(path, *what) for path in PATHS)

	def runs(self, path: str) -> list[str]:
		return sorted(run for run, own in self.path_of.items() if own == path)


def _both(*what: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
	return tuple(f"{one} done" for one in what), tuple(f"{one} refused" for one in what)


FAULTS = (
	"rival runs",
	*("jobs killed", "workers killed"),
	*("MariaDB killed", "MariaDB restarted"),
	*("Redis flushed", "Redis restarted"),
	*("payments done", "payments refused"),
	*("saves done", "saves refused"),
)

# What the table says: in words, and the counts behind them; several in brackets are added up.
ROWS: tuple[tuple[str, tuple[str | tuple[str, ...], ...]], ...] = (
	("Runs posted, of these over the same balances as another", ("runs", "rival runs")),
	("Runs undone, cancelled as well", ("runs undone", "runs cancelled")),
	("Items approved", ("items",)),
	("Entries posted in this way, cancelled in this way", (ways.SUBMIT, ways.CANCEL)),
	("Entries posted or cancelled by entry, because nothing was proven", ("unproven entries",)),
	("Rehearsals, ended by SIGKILL", ("rehearsals", "rehearsals killed")),
	("SIGKILL to a job, to a worker with its job", ("jobs killed", "workers killed")),
	("MariaDB: SIGKILL, restart", ("MariaDB killed", "MariaDB restarted")),
	("Redis: flushed, killed and started empty", ("Redis flushed", "Redis restarted")),
	(
		"Racing payments: booked, refused, too late",
		("payments done", "payments refused", "payments too late"),
	),
	("Saves of invoices, customers and entries by another app: done, refused", _both("saves")),
	("Faults in all: rival runs, SIGKILL, restarts, payments and saves", (FAULTS,)),
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


def summary(statistics: CampaignStatistics, seed: int) -> str:
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
		f"{statistics.done} runs, and {statistics.total('rival runs')} over the same balances, with seed {seed} on"
		f" {time.strftime('%Y-%m-%d')}, ERPNext {erpnext.__version__}, {statistics.seconds / 60:.0f} minutes, posted in each"
		" way in turn:",
		"",
		f"| What | {' | '.join(PATHS)} |",
		f"|---|{'---|' * len(PATHS)}",
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
