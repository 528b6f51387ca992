"""Progress bar on the terminal."""

from __future__ import annotations

import gc
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

T = TypeVar("T")

WIDTH = 32
REDRAW_INTERVAL = 0.1  # seconds


def bar(things: Iterable[T], total: int, label: str, *, delay: float = 0.3) -> Iterator[T]:
	"""Iterate with a progress bar on standard error; none in a pipe or within the first `patience` seconds."""
	if not sys.stderr.isatty() or not total:
		yield from things
		return
	next_time = time.monotonic() + delay
	shown = False
	for number, thing in enumerate(things):
		if number % 256 == 0 and time.monotonic() >= next_time:
			draw(label, number / total)
			next_time = time.monotonic() + REDRAW_INTERVAL
			shown = True
		yield thing
	if shown:
		sys.stderr.write("\r\033[K")
		sys.stderr.flush()


def draw(label: str, share: float) -> None:
	done = round(WIDTH * min(share, 1))
	sys.stderr.write(f"\r{label}  [{'#' * done}{'.' * (WIDTH - done)}] {min(share, 1):4.0%}")
	sys.stderr.flush()


@contextmanager
def without_garbage_collection() -> Iterator[None]:
	"""Disable Python's garbage collection of reference cycles, which takes half of the time with a million objects.

	The objects created here are excluded from later collections too. They have no cycles, so they are freed by
	reference counting.
	"""
	was_on = gc.isenabled()
	gc.disable()
	try:
		yield
	finally:
		gc.freeze()
		if was_on:
			gc.enable()
