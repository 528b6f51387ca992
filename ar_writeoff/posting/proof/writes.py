"""The rows that the statements of a transaction insert, update or delete.

The statements are read on the connection, so writes of any code are included.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import frappe

# A string, a name in backticks, a bracket, a comma, or a word.
TOKEN = re.compile(r"'(?:[^'\\]|\\.|'')*'|\"(?:[^\"\\]|\\.)*\"|`[^`]*`|[(),]|[^\s'\"`(),]+", re.DOTALL)
READS = {"select", "show", "explain", "describe", "desc", "analyze", "savepoint", "release", "set", "with"}
# A table whose rows cannot be identified by name is compared as a whole, up to this number of rows.
MAX_ROWS_TO_COMPARE = 20_000


@dataclass
class Writes:
	"""Names of the rows written, by table. `whole`: tables of which the rows are not known. `breach`: a statement that
	would have ended the transaction."""

	names: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
	whole: set[str] = field(default_factory=set)
	breach: str = ""

	@property
	def tables(self) -> set[str]:
		return {*self.names, *self.whole}


class TransactionEnds(Exception):
	"""A statement would end the transaction."""


@contextmanager
def recorded() -> Iterator[Writes]:
	"""Record what this connection writes within the block, and refuse statements that end the transaction."""
	writes = Writes()
	cursor = frappe.db._cursor
	frappe.db._cursor = RecordingCursor(cursor, writes)
	try:
		yield writes
	finally:
		frappe.db._cursor = cursor


class RecordingCursor:
	"""The cursor of the connection, which also records what its statements write."""

	def __init__(self, cursor: Any, writes: Writes):
		self._cursor = cursor
		self._writes = writes

	def __getattr__(self, name: str) -> Any:
		return getattr(self._cursor, name)

	def __iter__(self) -> Iterator[Any]:
		return iter(self._cursor)

	def execute(self, query: str, values: Any = None) -> Any:
		verb = query.lstrip("( \n\t").split(None, 1)[0].lower()
		if verb == "rollback" and re.match(r"\s*rollback\s+to\b", query, re.IGNORECASE):
			pass
		elif verb in ("insert", "replace", "update", "delete"):
			self.follow(verb, self._cursor.mogrify(query, values))
		elif verb not in READS:
			self._writes.breach = verb
			raise TransactionEnds(query)
		return self._cursor.execute(query, values)

	def follow(self, verb: str, query: str) -> None:
		"""Record the rows that this statement writes."""
		tokens = list(TOKEN.finditer(query))
		words = [token[0] for token in tokens]
		skip = {verb, "into", "from", "ignore", "low_priority", "delayed", "quick"}
		start = next(place for place, word in enumerate(words) if word.lower() not in skip)
		table = words[start].strip("`")
		names = None
		if "name" in columns(table, self.read):
			if verb in ("insert", "replace"):
				names = inserted_names(words[start + 1 :])
			elif words[start + 1].lower() == "set" or (
				verb == "delete" and words[start + 1].lower() == "where"
			):
				names = self.matching_names(table, query, tokens[start + 1 :])
		if names is None:
			self._writes.whole.add(table)
		else:
			self._writes.names[table].update(names)

	def matching_names(self, table: str, query: str, tokens: list[re.Match]) -> list[str] | None:
		"""The rows of an UPDATE or DELETE, by its condition; None if it has none."""
		depth = 0
		for token in tokens:
			depth += {"(": 1, ")": -1}.get(token[0], 0)
			if not depth and token[0].lower() == "where":
				rows = self.read(f"SELECT `name` FROM `{table}` {query[token.start() :]}")
				return [str(row[0]) for row in rows]
		return None

	def read(self, query: str) -> list[tuple]:
		self._cursor.execute(query)
		return list(self._cursor.fetchall())


def columns(table: str, read: Callable[[str], list[tuple]]) -> list[str]:
	return [row[0] for row in read(f"SHOW COLUMNS FROM `{table}`")]


def inserted_names(words: list[str]) -> list[str] | None:
	"""The names in the values of an INSERT, given as its words; None if it has no list of columns and values."""
	if not words or words[0] != "(":
		return None
	end = words.index(")")
	fields = [word.strip("`").lower() for word in words[1:end] if word != ","]
	if "name" not in fields or words[end + 1].lower() not in ("values", "value"):
		return None
	place = fields.index("name")
	names, depth, position = [], 0, 0
	for word in words[end + 2 :]:
		if word == "(":
			depth += 1
			position = 0
		elif word == ")":
			depth -= 1
		elif word == ",":
			position += depth == 1
		elif not depth:
			break  # such as ON DUPLICATE KEY UPDATE, for the same names
		elif depth == 1 and position == place:
			names.append(unquoted(word))
	return names


def unquoted(word: str) -> str:
	"""The value of a literal."""
	if word[0] not in "'\"":
		return word
	return re.sub(r"\\(.)", r"\1", word[1:-1]).replace("''", "'")


Rows = dict[str, dict[str, dict[str, Any]]]


def read_rows(writes: Writes) -> Rows:
	"""The rows written, as they are now, by table and name; of a whole table by their place."""
	found: Rows = {}
	for table, names in writes.names.items():
		found[table] = {}
		for part in frappe.utils.create_batch(sorted(names), 1000):
			# nosemgrep: frappe-using-db-sql - any table, whether or not it has a DocType
			for row in frappe.db.sql(
				f"SELECT * FROM `{table}` WHERE `name` IN %(names)s", {"names": part}, as_dict=True
			):
				found[table][str(row["name"])] = row
	for table in writes.whole:
		# nosemgrep: frappe-using-db-sql - any table, whether or not it has a DocType
		rows = frappe.db.sql(f"SELECT * FROM `{table}` LIMIT {MAX_ROWS_TO_COMPARE + 1}", as_dict=True)
		if len(rows) > MAX_ROWS_TO_COMPARE:
			raise TooManyRows(table)
		rows.sort(key=repr)
		found.setdefault(table, {}).update({f"#{place}": row for place, row in enumerate(rows)})
	return found


class TooManyRows(Exception):
	"""A table is too large to be compared as a whole."""
