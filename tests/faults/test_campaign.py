"""The fault campaign: `make faults`. Not part of `make test`; it takes an hour on two quiet cores.

AR_WRITEOFF_FAULT_RUNS   how many runs (default 200)
AR_WRITEOFF_FAULT_SEED   the seed of what goes wrong (default: by chance; printed, to have it again)
AR_WRITEOFF_FAULT_PAGE   1: write the summary to docs/reliability.md
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.campaign import Campaign, Tally, World, begun_again, outcome_counts
from tools import bench as benches
from tools.bench import CHECKOUT, find_bench, say

PAGE = CHECKOUT / "docs" / "reliability.md"
BEGIN, END = "<!-- campaign: begin -->", "<!-- campaign: end -->"


@pytest.fixture
def world() -> Iterator[World]:
	bench, words = find_bench()
	if not bench:
		pytest.exit(words, returncode=3)
	made = World(bench, bench.site(benches.test_site()))
	try:
		made.open()
		yield made
	finally:
		made.close()


def test_campaign(world: World) -> None:
	count = int(os.environ.get("AR_WRITEOFF_FAULT_RUNS") or 200)
	seed = int(os.environ.get("AR_WRITEOFF_FAULT_SEED") or random.randrange(1_000_000))
	say(f"{count} runs, seed {seed}")
	campaign = Campaign(world, seed, count, say)
	campaign.prepare()
	tally = campaign.run_all()
	text = summary(tally, seed, count)
	print(text)
	if os.environ.get("AR_WRITEOFF_FAULT_PAGE"):
		write_page(PAGE, text)
	if count >= 200:
		databases = tally.counts["MariaDB killed"] + tally.counts["MariaDB restarted"]
		queues = tally.counts["Redis flushed"] + tally.counts["Redis restarted"]
		assert databases >= 5 and queues >= 5 and tally.counts["workers killed"] >= 5


def summary(tally: Tally, seed: int, count: int) -> str:
	"""The campaign as a table."""
	counts = tally.counts
	items = outcome_counts()
	rows = [
		(
			"Runs posted, of these over the same balances as another",
			f"{counts['runs']}, {counts['rival runs']}",
		),
		("Runs undone as well", counts["runs undone"]),
		("Items approved", counts["items"]),
		(
			"Items at the end: written off, undone, skipped, failed, in conflict",
			", ".join(
				str(items.get(name, 0)) for name in ("Posted", "Reversed", "Skipped", "Failed", "Conflict")
			),
		),
		(
			"SIGKILL to a job, to a worker with its job",
			f"{counts['jobs killed']}, {counts['workers killed']}",
		),
		("MariaDB: SIGKILL, restart", f"{counts['MariaDB killed']}, {counts['MariaDB restarted']}"),
		(
			"Redis: flushed, killed and started empty",
			f"{counts['Redis flushed']}, {counts['Redis restarted']}",
		),
		(
			"Racing payments: booked, refused, too late",
			f"{counts['payments booked']}, {counts['payments refused']}, {counts['payments too late']}",
		),
		("Runs paused and resumed while posting", counts["pauses"]),
		("Batches begun more than once", begun_again()),
		("Runs resumed by the watchdog", counts["resumed by the watchdog"]),
		("Checks of every invariant", counts["checks"]),
		("Violations", 0),
	]
	lines = [
		f"{count} runs with seed {seed} on {time.strftime('%Y-%m-%d')}, {tally.seconds / 60:.0f} minutes:",
		"",
		"| What | How many |",
		"|---|---|",
		*(f"| {what} | {value} |" for what, value in rows),
	]
	return "\n".join(lines)


def write_page(page: Path, text: str) -> None:
	before, _, rest = page.read_text().partition(BEGIN)
	_, _, after = rest.partition(END)
	page.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{after}")
