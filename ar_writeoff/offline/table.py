"""Rows of a CSV or XLSX file with their row numbers."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

from ar_writeoff.offline.problems import InvalidFile, Problem
from ar_writeoff.offline.words import Text, t

Cells = Sequence[object]

# Delimiters of Frappe's export dialog, the default first.
DELIMITERS = (",", ";", "\t", "|", ":")
# Rows in which the delimiter is detected.
HEAD = 60
UTF_16 = (b"\xff\xfe", b"\xfe\xff")


def missing_package_message() -> Text:
	"""Message on how to install the packages for spreadsheets."""
	return t(
		'Packages for spreadsheets are missing: pip install "ar_writeoff[preview]". Or export the report as'
		" CSV."
	)


def rows(path: Path, encoding: str = "utf-8-sig") -> tuple[int, Iterator[tuple[int, Cells]]]:
	"""The approximate number of rows, and the rows numbered from 1. An empty cell is None or "".

	Raises:
	    InvalidFile: the file is missing, or is not CSV or XLSX in this encoding.
	"""
	if not path.is_file():
		raise InvalidFile(str(path), Problem(t("The file does not exist.")))
	if path.suffix.lower() in (".xlsx", ".xlsm", ".xls", ".ods"):
		return _spreadsheet(path)
	if path.suffix.lower() in (".csv", ".tsv", ".txt"):
		return _csv(path, encoding)
	raise InvalidFile(path.name, Problem(t("The file is neither a .csv nor a .xlsx file.")))


def _csv(path: Path, encoding: str) -> tuple[int, Iterator[tuple[int, Cells]]]:
	content = path.read_bytes()
	if content.startswith(UTF_16):
		encoding = "utf-16"
	try:
		text = content.decode(encoding)
	except UnicodeDecodeError as error:
		row = error.object[: error.start].count(b"\n") + 1
		raise InvalidFile(
			path.name,
			Problem(t("The file is not UTF-8 text. Enter its encoding, for example --encoding cp1252."), row),
		) from error
	return text.count("\n"), _csv_rows(path.name, text, _delimiter(text))


def _delimiter(text: str) -> str:
	"""The delimiter that gives the most cells in a row at the top of the file."""

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
		# Rows are counted as in a spreadsheet: a cell with a line break is part of one row.
		yield from enumerate(reader, start=1)
	except csv.Error as error:
		raise InvalidFile(
			name, Problem(t("The file cannot be read as CSV: {error}.", error=error), reader.line_num)
		) from error


def _spreadsheet(path: Path) -> tuple[int, Iterator[tuple[int, Cells]]]:
	try:
		import python_calamine
	except ImportError as error:
		raise InvalidFile(path.name, Problem(missing_package_message())) from error
	try:
		book = python_calamine.CalamineWorkbook.from_path(path)
		found = book.get_sheet_by_index(0).to_python(skip_empty_area=False)
	except (python_calamine.CalamineError, ValueError, OSError, IndexError) as error:
		raise InvalidFile(
			path.name, Problem(t("The file cannot be read as a spreadsheet: {error}.", error=error))
		) from error
	return len(found), iter(enumerate(found, start=1))
