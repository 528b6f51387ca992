"""Rows of a CSV or XLSX file, with the numbers that a spreadsheet shows beside them."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

from ar_writeoff.offline.problems import BadFile, Problem
from ar_writeoff.offline.words import Text, t

Cells = Sequence[object]

# The delimiters that people choose in Frappe's export dialog, the usual one first.
DELIMITERS = (",", ";", "\t", "|", ":")
# The delimiter shows within these rows.
HEAD = 60
UTF_16 = (b"\xff\xfe", b"\xfe\xff")


def needs_a_package() -> Text:
	"""What to do where the packages that read and write spreadsheets are missing."""
	return t(
		'Packages for spreadsheets are missing: pip install "ar_writeoff[preview]". Or export the report as'
		" CSV."
	)


def rows(path: Path, encoding: str = "utf-8-sig") -> tuple[int, Iterator[tuple[int, Cells]]]:
	"""The number of rows, about, and the rows, numbered from 1. An empty cell is None or "".

	Raises:
	    BadFile: the file is not there, is no CSV or XLSX, or not in this encoding.
	"""
	if not path.is_file():
		raise BadFile(str(path), Problem(t("The file does not exist.")))
	if path.suffix.lower() in (".xlsx", ".xlsm", ".xls", ".ods"):
		return _spreadsheet(path)
	if path.suffix.lower() in (".csv", ".tsv", ".txt"):
		return _csv(path, encoding)
	raise BadFile(path.name, Problem(t("The file is neither a .csv nor a .xlsx file.")))


def _csv(path: Path, encoding: str) -> tuple[int, Iterator[tuple[int, Cells]]]:
	content = path.read_bytes()
	if content.startswith(UTF_16):
		encoding = "utf-16"
	try:
		text = content.decode(encoding)
	except UnicodeDecodeError as error:
		row = error.object[: error.start].count(b"\n") + 1
		raise BadFile(
			path.name,
			Problem(t("The file is not UTF-8 text. Enter its encoding, for example --encoding cp1252."), row),
		) from error
	return text.count("\n"), _csv_rows(path.name, text, _delimiter(text))


def _delimiter(text: str) -> str:
	"""The delimiter that makes most cells of a row at the top of the file."""

	def cells(delimiter: str) -> int:
		try:
			found = csv.reader(io.StringIO(text[:100_000], newline=""), delimiter=delimiter)
			return max((len(row) for row in islice(found, HEAD)), default=0)
		except csv.Error:
			return 0

	return max(DELIMITERS, key=cells)


def _csv_rows(name: str, text: str, delimiter: str) -> Iterator[tuple[int, Cells]]:
	reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
	try:
		# The number of the row is that of a spreadsheet: a cell with a line break in it is one row all the same.
		yield from enumerate(reader, start=1)
	except csv.Error as error:
		raise BadFile(
			name, Problem(t("The file cannot be read as CSV: {error}.", error=error), reader.line_num)
		) from error


def _spreadsheet(path: Path) -> tuple[int, Iterator[tuple[int, Cells]]]:
	try:
		import python_calamine
	except ImportError as error:
		raise BadFile(path.name, Problem(needs_a_package())) from error
	try:
		book = python_calamine.CalamineWorkbook.from_path(path)
		found = book.get_sheet_by_index(0).to_python(skip_empty_area=False)
	except (python_calamine.CalamineError, ValueError, OSError, IndexError) as error:
		raise BadFile(
			path.name, Problem(t("The file cannot be read as a spreadsheet: {error}.", error=error))
		) from error
	return len(found), iter(enumerate(found, start=1))
