"""`make names ARGS=--rewrite` brings signatures.txt up to date with the app and the release that is installed."""

import os

import pytest

from tools.bench import find_bench

BENCH, _words = find_bench()
if BENCH:
	# before anything is imported: v16 opens a log file in ../logs as soon as some of its modules are
	os.chdir(BENCH.sites)


def pytest_addoption(parser: pytest.Parser) -> None:
	parser.addoption("--rewrite", action="store_true", help="write signatures.txt anew")
