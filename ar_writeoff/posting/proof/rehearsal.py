"""Posts a batch in two ways, compares every column of every row that either has written, and undoes both."""

import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from itertools import zip_longest
from typing import Any

import frappe
from rq.timeouts import BaseTimeoutException

from ar_writeoff.ledger.transactions import clear_settings_cache, rolled_back, transaction_is_lost
from ar_writeoff.posting.proof.containment import contained
from ar_writeoff.posting.proof.writes import Rows, TooManyRows, Writes, read_rows

SAVEPOINT = "write_off_rehearsal"
NEW = "(new)"
# Its tracebacks name the code that was run.
ERROR_LOG = "tabError Log"
TIME = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6}")


class SharedFault(Exception):
	"""Nothing of a run can be posted until a fault is fixed. `error`: the exception."""

	def __init__(self, error: Exception):
		super().__init__(str(error))
		self.error = error


@dataclass
class Rehearsed:
	"""Outcome of one way of posting: its result, the rows it wrote, and the seconds it took. `breach`: why it could
	not be rehearsed. `failure`: the error that it ended with; `fault`: if all items share it."""

	result: Any
	writes: Writes
	rows: Rows
	seconds: float
	breach: str = ""
	failure: str = ""
	fault: SharedFault | None = None


@dataclass
class Comparison:
	"""Differences between two ways, one line for each column. `row_count`: the rows compared, by table."""

	differences: list[str] = field(default_factory=list)
	row_count: dict[str, int] = field(default_factory=dict)


def rehearse(action: Callable[[], Any]) -> Rehearsed:
	"""Run the action, read what it has written, and undo it.

	Raises:
	    errors that end the transaction or the job.
	"""
	started = time.monotonic()
	rehearsed = Rehearsed(None, Writes(), {}, 0)
	with contained() as containment, rolled_back(SAVEPOINT):
		try:
			rehearsed.result = action()
			rehearsed.seconds = time.monotonic() - started
			rehearsed.rows = read_rows(containment.writes)
		except TooManyRows as error:
			rehearsed.breach = f"{error}: too many rows to compare"
		except Exception as error:
			if transaction_is_lost(error) or isinstance(error, BaseTimeoutException | MemoryError):
				raise
			rehearsed.failure = f"{type(error).__name__}: {error}"
			rehearsed.fault = error if isinstance(error, SharedFault) else None
	rehearsed.writes = containment.writes
	rehearsed.breach = rehearsed.breach or containment.breach
	clear_caches(containment.writes)
	return rehearsed


def clear_caches(writes: Writes) -> None:
	"""Forget the documents that were undone, in this process and in Redis."""
	clear_settings_cache()
	for table, names in writes.names.items():
		for name in names:
			frappe.clear_document_cache(table.removeprefix("tab"), name)


def compare(one: Rehearsed, other: Rehearsed, since: datetime) -> Comparison:
	"""Compare what two ways have written. `since`: when the first one began; later times differ in any case."""
	comparison = Comparison()
	written = Writes()
	for rehearsed in (one, other):
		for table, names in rehearsed.writes.names.items():
			written.names[table] |= names
	original = read_rows(written)
	states = state_after(one, original), state_after(other, original)
	random = [random_names(states[place], states[1 - place], original) for place in (0, 1)]
	ours, theirs = (
		{
			table: {name: normalized(row, names, since) for name, row in rows.items()}
			for table, rows in state.items()
		}
		for state, names in zip(states, random, strict=True)
	)
	results = [
		normalized({"result": repr(rehearsed.result)}, names, since)
		for rehearsed, names in zip((one, other), random, strict=True)
	]
	comparison.differences += row_differences("outcome", *results)
	for table in sorted((ours.keys() | theirs.keys()) - {ERROR_LOG}):
		if (table in one.writes.whole) != (table in other.writes.whole):
			comparison.differences.append(f"{table}: written in another way")
			continue
		pairs = pair_rows(ours.get(table, {}), theirs.get(table, {}), *random)
		comparison.row_count[table] = len(pairs)
		for name, first, second in pairs:
			comparison.differences += row_differences(f"{table} {name}", first, second)
	return comparison


def state_after(rehearsed: Rehearsed, original: Rows) -> Rows:
	"""The rows that either way has written, as this one has left them."""
	state = {table: dict(rows) for table, rows in original.items()}
	for table, rows in rehearsed.rows.items():
		state.setdefault(table, {}).update(rows)
	for table, names in rehearsed.writes.names.items():
		for name in names - rehearsed.rows.get(table, {}).keys():
			state.get(table, {}).pop(name, None)
	return state


def random_names(state: Rows, other: Rows, original: Rows) -> set[str]:
	"""Names of new rows that the other way has given no row."""
	return {
		name
		for table, rows in state.items()
		for name in rows.keys() - original.get(table, {}).keys() - other.get(table, {}).keys()
		if not name.startswith("#")
	}


def normalized(row: dict[str, Any], random: set[str], since: datetime) -> dict[str, Any]:
	"""The row without names and times that differ each time."""
	pattern = re.compile("|".join(re.escape(text) for text in random)) if random else None
	earliest = str(since)

	def time_or_now(match: re.Match) -> str:
		return "(now)" if match[0] >= earliest else match[0]

	result = {}
	for column, value in row.items():
		if isinstance(value, datetime) and value >= since:
			value = "(now)"
		elif isinstance(value, str) and value:
			value = TIME.sub(time_or_now, pattern.sub(NEW, value) if pattern else value)
		result[column] = value
	return result


def pair_rows(
	ours: dict[str, dict], theirs: dict[str, dict], our_names: set[str], their_names: set[str]
) -> list[tuple[str, dict | None, dict | None]]:
	"""(name, row, row of the other way). Rows with random names are paired in the order of their values."""
	pairs = [
		(name, ours.get(name), theirs.get(name))
		for name in sorted((ours.keys() - our_names) | (theirs.keys() - their_names))
	]
	new = [
		sorted((rows[name] for name in rows.keys() & names), key=repr)
		for rows, names in ((ours, our_names), (theirs, their_names))
	]
	return [*pairs, *((NEW, first, second) for first, second in zip_longest(*new))]


def row_differences(label: str, ours: dict | None, theirs: dict | None) -> list[str]:
	"""The differences between two rows, one line for each column."""
	if ours is None or theirs is None:
		return [
			f"{label}: {'missing' if ours is None else 'there'} / {'missing' if theirs is None else 'there'}"
		]
	return [
		f"{label} {column}: {ours[column]!r} / {theirs.get(column)!r}"
		for column in ours
		if not same_value(ours[column], theirs.get(column))
	]


def same_value(one: Any, other: Any) -> bool:
	"""Whether the values are equal. ERPNext joins some lists in the order of a Python set."""
	if isinstance(one, str) and isinstance(other, str):
		return one == other or sorted(one.split(", ")) == sorted(other.split(", "))
	return one == other
