"""A bar on the terminal for what takes longer than a moment."""

from __future__ import annotations

import gc
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

T = TypeVar("T")

WIDTH = 32
EVERY = 0.1  # seconds


def bar(things: Iterable[T], total: int, label: str, *, patience: float = 0.3) -> Iterator[T]:
	"""The things, with a bar on standard error while they go by; nothing in a pipe or in under `patience` seconds."""
	if not sys.stderr.isatty() or not total:
		yield from things
		return
	next_time = time.monotonic() + patience
	shown = False
	for number, thing in enumerate(things):
		if number % 256 == 0 and time.monotonic() >= next_time:
			draw(label, number / total)
			next_time = time.monotonic() + EVERY
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
def many_objects() -> Iterator[None]:
	"""Without Python's search for reference cycles meanwhile: among a million objects it takes half of the time.

	What was made is left out of later searches too. None of it is in a cycle, so it goes when nobody needs it any more.
	"""
	was_on = gc.isenabled()
	gc.disable()
	try:
		yield
	finally:
		gc.freeze()
		if was_on:
			gc.enable()
