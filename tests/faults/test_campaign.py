"""The fault campaign: `make faults`. Not part of `make test`; it takes about a quarter of an hour on two cores.

AR_WRITEOFF_FAULT_RUNS     number of runs (default 200)
AR_WRITEOFF_FAULT_SEED     random seed (default: random; printed)
AR_WRITEOFF_FAULT_MINUTES  ends the campaign early, after the group of runs in which this time is over
AR_WRITEOFF_FAULT_PAGE     1: write the summary to docs/reliability.md
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.campaign import Campaign
from tests.faults.environment import FaultEnvironment
from tests.faults.statistics import PATHS, summary
from tools import bench as benches
from tools.bench import CHECKOUT, find_bench, say

PAGE = CHECKOUT / "docs" / "reliability.md"
BEGIN, END = "<!-- campaign: begin -->", "<!-- campaign: end -->"


@pytest.fixture
def environment() -> Iterator[FaultEnvironment]:
	bench, words = find_bench()
	if not bench:
		pytest.exit(words, returncode=3)
	made = FaultEnvironment(bench, bench.site(benches.test_site()))
	try:
		made.open()
		yield made
	finally:
		made.close()


def test_campaign(environment: FaultEnvironment) -> None:
	count = int(os.environ.get("AR_WRITEOFF_FAULT_RUNS") or 200)
	seed = int(os.environ.get("AR_WRITEOFF_FAULT_SEED") or random.randrange(1_000_000))
	say(f"{count} runs, seed {seed}")
	minutes = float(os.environ.get("AR_WRITEOFF_FAULT_MINUTES") or 0)
	campaign = Campaign(environment, seed, count, say, minutes)
	campaign.prepare()
	statistics = campaign.run_all()
	text = summary(statistics, seed)
	print(text)
	if os.environ.get("AR_WRITEOFF_FAULT_PAGE"):
		write_page(PAGE, text)
	if statistics.done >= 200:
		databases, queues = ("MariaDB killed", "MariaDB restarted"), ("Redis flushed", "Redis restarted")
		for faults in (databases, queues, ("workers killed",)):
			assert all(statistics.of(path, *faults) >= 5 for path in PATHS), faults
		assert statistics.total("rehearsals killed") >= 5


def write_page(page: Path, text: str) -> None:
	before, _, rest = page.read_text().partition(BEGIN)
	_, _, after = rest.partition(END)
	page.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{after}")
