"""`make bench`: the benchmarks. `make bench ARGS="posting --sizes 100 1000"` runs one of them with options."""

from __future__ import annotations

import sys

from benchmarks import posting

BENCHMARKS = {"posting": posting.main}


def main(arguments: list[str]) -> int:
	name, *options = arguments or ["posting"]
	if name not in BENCHMARKS:
		print(f"Usage: make bench ARGS='{' | '.join(BENCHMARKS)} [options]'")
		return 2
	return BENCHMARKS[name](options)


if __name__ == "__main__":
	sys.exit(main(sys.argv[1:]))
