"""Rows of a CSV or XLSX file, with the numbers that a spreadsheet shows beside them."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Iterator
from pathlib import Path

from ar_writeoff.offline.problems import BadFile, Problem

Cells = tuple[object, ...]

NO_OPENPYXL = (
	'Spreadsheets need the package openpyxl: pip install "ar_writeoff[preview]". Or export the report as CSV.'
)


def rows(path: Path, encoding: str = "utf-8-sig") -> tuple[int, Iterator[tuple[int, Cells]]]:
	"""The number of rows, about, and the rows, numbered from 1. An empty cell is None.

	Raises:
	    BadFile: the file is not there, is no CSV or XLSX, or not in this encoding.
	"""
	if not path.is_file():
		raise BadFile(str(path), Problem("There is no such file."))
	if path.suffix.lower() in (".xlsx", ".xlsm"):
		return _xlsx(path)
	if path.suffix.lower() in (".csv", ".tsv", ".txt"):
		return _csv(path, encoding)
	raise BadFile(str(path), Problem("This is neither a .csv nor a .xlsx file."))


def _csv(path: Path, encoding: str) -> tuple[int, Iterator[tuple[int, Cells]]]:
	try:
		text = path.read_bytes().decode(encoding)
	except UnicodeDecodeError as error:
		row = error.object[: error.start].count(b"\n") + 1
		raise BadFile(
			path.name,
			Problem("This is not UTF-8 text. Name its encoding, for example --encoding cp1252.", row),
		) from error
	head = text[:20_000]
	delimiter = max((",", ";", "\t"), key=head.count)
	return text.count("\n"), _csv_rows(path.name, text, delimiter)


def _csv_rows(name: str, text: str, delimiter: str) -> Iterator[tuple[int, Cells]]:
	reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
	try:
		# The number of the row is that of a spreadsheet: a cell with a line break in it is one row all the same.
		for number, cells in enumerate(reader, start=1):
			yield number, tuple(cell.strip() or None for cell in cells)
	except csv.Error as error:
		raise BadFile(name, Problem(f"This cannot be read as CSV: {error}.", reader.line_num)) from error


def _xlsx(path: Path) -> tuple[int, Iterator[tuple[int, Cells]]]:
	try:
		import openpyxl
	except ImportError as error:
		raise BadFile(path.name, Problem(NO_OPENPYXL)) from error
	try:
		book = openpyxl.load_workbook(path, read_only=True, data_only=True)
	except (zipfile.BadZipFile, KeyError, ValueError, OSError) as error:
		raise BadFile(path.name, Problem(f"This cannot be read as a spreadsheet: {error}.")) from error
	sheet = book.worksheets[0]
	return sheet.max_row or 0, (
		(number, tuple((cell.strip() or None) if isinstance(cell, str) else cell for cell in cells))
		for number, cells in enumerate(sheet.iter_rows(values_only=True), start=1)
	)
