"""The benchmarks, each with options of its own (`make bench ARGS="posting --help"`). `make bench` alone runs the first.

make bench ARGS="posting"   ERPNext's own Journal Entry against a Write-Off Run, the same invoices
make bench ARGS="workers"   one worker against two on the same run
make bench ARGS="search"    the search among up to a million invoices, beside ERPNext's own reports
make bench ARGS="guards"    what the app costs an ordinary payment; two tills at the same time
"""

from __future__ import annotations

import sys

from benchmarks import guards, posting, search, workers

BENCHMARKS = {
	"posting": posting.main,
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
