"""Runs a benchmark with its own options (`make bench ARGS="posting --help"`). `make bench` alone runs the first.

make bench ARGS="posting"   ERPNext's own Journal Entry compared with a Write-Off Run over the same invoices
make bench ARGS="undo"      ERPNext's own cancelling compared with the undo of a run, the same entries
make bench ARGS="workers"   one worker compared with two on the same run
make bench ARGS="search"    the search among up to a million invoices, and ERPNext's own reports
make bench ARGS="guards"    cost of the app for an ordinary payment, and concurrent payments
"""

from __future__ import annotations

import sys

from benchmarks import guards, posting, search, undo, workers

BENCHMARKS = {
	"posting": posting.main,
	"undo": undo.main,
	"workers": workers.main,
	"search": search.main,
	"guards": guards.main,
}


def main(arguments: list[str]) -> int:
	name, *options = arguments or ["posting"]
	if name not in BENCHMARKS:
		print(__doc__)
		return 2
	return BENCHMARKS[name](options)


if __name__ == "__main__":
	sys.exit(main(sys.argv[1:]))
