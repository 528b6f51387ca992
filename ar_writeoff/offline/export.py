"""Reader for ERPNext's exported Accounts Receivable report.

ERPNext writes one line per open voucher and receivable account. There may be filters above the headings, an empty line
and a subtotal after each customer, and a total. With "Based On Payment Terms" a voucher has several lines. Columns come
in any order and language, and custom columns may have the same label as one of the report's.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

from ar_writeoff.core.money import ZERO
from ar_writeoff.offline import labels, table
from ar_writeoff.offline.currencies import decimals
from ar_writeoff.offline.labels import Labels
from ar_writeoff.offline.problems import InvalidFile, Problem
from ar_writeoff.offline.progress import bar, without_garbage_collection
from ar_writeoff.offline.values import DETECT_FORMAT, Format, Unreadable, amount_reader, date_reader
from ar_writeoff.offline.words import Text, t

REQUIRED = (
	"posting_date",
	"customer",
	"receivable_account",
	"voucher_type",
	"voucher_no",
	"due_date",
	"outstanding",
	"currency",
)
# Fields that every line of a voucher has.
MANDATORY_VALUES = ("voucher_type", "voucher_no", "customer", "receivable_account", "currency")
# The report's standard columns from left to right.
ORDER = (
	"posting_date",
	"party_type",
	"customer",
	"receivable_account",
	"customer_name",
	"cost_center",
	"voucher_type",
	"voucher_no",
	"due_date",
	"payment_term",
	"invoiced",
	"paid",
	"credit_note",
	"outstanding",
	"currency",
	"sales_person",
	"territory",
	"customer_group",
)
# Columns with amounts besides the balance.
HISTORY = ("invoiced", "paid", "credit_note")
# Rows in which the headings must appear: ERPNext writes a dozen filters above them at most.
MAX_HEADING_ROW = 50

# Half a cent, because totals of the report are sums of floats.
TOLERANCE = Decimal("0.005")

Key = tuple[str, str, str, str]


class Line(NamedTuple):
	"""The open balance of one voucher on one receivable account. `amount` is positive where the customer owes us.

	`history`: amounts invoiced, paid and credited.
	"""

	row: int
	voucher_type: str
	voucher_no: str
	customer: str
	receivable_account: str
	posting_date: date
	due_date: date | None
	amount: Decimal
	currency: str
	customer_name: str = ""
	cost_center: str = ""
	customer_group: str = ""
	territory: str = ""
	sales_person: str = ""
	payment_terms_template: str = ""
	history: tuple[Decimal, ...] = (ZERO, ZERO, ZERO)

	@property
	def key(self) -> Key:
		return self.voucher_type, self.voucher_no, self.receivable_account, self.customer


@dataclass(slots=True)
class Export:
	"""Contents of an export. `filters` are the report's filters in the file; `company` and `report_date` come from
	them, and are empty if the report was exported without. `columns`: fields that it has. `history_problems`: cells of
	`Line.history` that cannot be read."""

	name: str
	lines: list[Line] = field(default_factory=list)
	filters: dict[str, str] = field(default_factory=dict)
	notes: list[Text] = field(default_factory=list)
	company: str = ""
	report_date: date | None = None
	columns: frozenset[str] = frozenset()
	history_problems: list[Problem] = field(default_factory=list)

	@property
	def currencies(self) -> list[str]:
		return sorted({line.currency for line in self.lines})


def read(
	path: Path,
	form: Format = DETECT_FORMAT,
	*,
	encoding: str = "utf-8-sig",
	headings: Mapping[str, str] | None = None,
) -> Export:
	"""Read an export. `headings`: custom headings by field.

	Raises:
	    InvalidFile: with all places that cannot be read.
	"""
	with without_garbage_collection():
		count, rows = table.rows(path, encoding)
		reader = _Reader(Export(path.name), form, headings or {})
		for number, cells in bar(rows, count, str(t("Reading {name}", name=path.name))):
			reader.read_row(number, cells)
		return reader.result()


def column_letter(index: int) -> str:
	"""Spreadsheet letters of a column, counted from 0."""
	name = ""
	index += 1
	while index:
		index, rest = divmod(index - 1, 26)
		name = chr(ord("A") + rest) + name
	return name


class _Reader:
	"""Collects the rows, then converts them to lines."""

	def __init__(self, export: Export, form: Format, headings: Mapping[str, str]):
		self.export = export
		self.form = form
		self.given = {labels.normalize(heading): (name,) for name, heading in headings.items()}
		self.labels: Labels = {}
		self.columns: dict[str, int] = {}
		self.duplicate_columns: dict[str, list[int]] = {}
		self.titles: list[str] = []
		self.rows: list[tuple[int, Sequence[object]]] = []
		self.problems: list[Problem] = []
		self.other_parties: dict[str, int] = defaultdict(int)
		self.sums: list[tuple[int, str, Decimal]] = []

	def read_row(self, number: int, cells: table.Cells) -> None:
		if self.columns:
			self.rows.append((number, cells))
		elif any(_text(cell) for cell in cells) and not self.read_headings(number, cells):
			self.read_filter(number, cells)

	# ------------------------------------------------------------------------------------------------ headings

	def read_headings(self, number: int, cells: table.Cells) -> bool:
		"""Whether this row has the headings, in the language with the most matches."""
		best: dict[str, list[int]] = {}
		for language in labels.table():
			names = {**labels.language_labels(language), **self.given}
			found = _assign_columns(cells, names)
			if _match_count(found) > _match_count(best):
				best, self.labels = found, names
		if "outstanding" in best and "customer" in best and not {"voucher_no", "posting_date"} & set(best):
			raise self.invalid_file(
				t(
					"The file has one line for each customer, like Accounts Receivable Summary, and does not show the"
					" open invoices. Export Accounts Receivable."
				),
				number,
			)
		if {"voucher_no", "debit", "credit"} <= set(best) and "outstanding" not in best:
			raise self.invalid_file(
				t(
					"The file has vouchers, but no Outstanding Amount, like General Ledger. The General Ledger does not"
					" show which payments settle which invoices. Export Accounts Receivable."
				),
				number,
			)
		if not {"voucher_no", "outstanding"} <= set(best):
			return False
		self.titles = [_text(cell) for cell in cells]
		self.columns = {name: indexes[0] for name, indexes in best.items()}
		self.duplicate_columns = {name: indexes for name, indexes in best.items() if len(indexes) > 1}
		missing = [labels.english(name) for name in REQUIRED if name not in best]
		if missing:
			raise self.invalid_file(
				t(
					"These columns are missing: {columns}. Export the report with them.",
					columns=", ".join(missing),
				),
				number,
			)
		return True

	def read_filter(self, number: int, cells: table.Cells) -> None:
		if number > MAX_HEADING_ROW:
			raise self.no_headings()
		if len(cells) > 1 and _text(cells[0]) and _text(cells[1]):
			self.export.filters[_text(cells[0])] = _text(cells[1])

	def no_headings(self) -> InvalidFile:
		return self.invalid_file(
			t(
				"The file has no headings of an Accounts Receivable report, such as Voucher No and Outstanding"
				" Amount. If your site uses other headings, enter them under [columns] in the policy file."
			)
		)

	def invalid_file(self, text: Text, row: int = 0) -> InvalidFile:
		return InvalidFile(self.export.name, Problem(text, row))

	def read_filters(self) -> None:
		"""Read company and date from the filters, by the labels of the headings' language."""
		found: dict[str, str] = {}
		for label, value in self.export.filters.items():
			for name in self.labels.get(labels.normalize(label), ()):
				found.setdefault(name, value)
		self.export.company = found.get("company", "")
		day = found.get("report_date") or found.get("posting_date")
		if day:
			try:
				self.export.report_date = date_reader([day], self.form)(day)
			except Unreadable:
				try:
					self.export.report_date = date_reader([day], DETECT_FORMAT)(day)
				except Unreadable as error:
					self.export.notes.append(error.text)

	# ------------------------------------------------------------------------------------- columns of one name

	def choose_columns(self) -> None:
		"""Choose the report's own column among several with the same label; a problem is reported if that is
		ambiguous."""
		lines = [(number, cells) for number, cells in self.rows if self.is_voucher(cells)]
		for name, indexes in self.duplicate_columns.items():
			mine = self.find_own_column(name, indexes, lines)
			if mine is not None:
				self.columns[name] = mine
				continue
			differ = next(
				number for number, cells in lines if len({_cell_at(cells, index) for index in indexes}) > 1
			)
			self.problems.append(
				Problem(
					t(
						"Several columns are called {title}: {letters}. They differ, first in row {row}. Remove the added"
						" column from the report and export it again.",
						title=self.titles[indexes[0]],
						letters=", ".join(column_letter(index) for index in indexes),
						row=str(differ),
					)
				)
			)

	def find_own_column(
		self, name: str, indexes: list[int], lines: Sequence[tuple[int, Sequence[object]]]
	) -> int | None:
		names = [labels.normalize(label) for label in labels.table()[labels.ENGLISH][name]]

		def rank(index: int) -> int:
			title = labels.normalize(self.titles[index])
			return names.index(title) if title in names else 0

		best = min(rank(index) for index in indexes)
		first = [index for index in indexes if rank(index) == best]
		if all(len({_text(_cell_at(cells, index)) for index in first}) == 1 for _number, cells in lines):
			return first[0]
		if name in (*MANDATORY_VALUES, "outstanding", "posting_date"):
			full = [
				index for index in first if all(_text(_cell_at(cells, index)) for _number, cells in lines)
			]
			if len(full) == 1:
				return self.choose_column(name, indexes, full[0])
			first = full or first
		alone = {other: index for other, index in self.columns.items() if other not in self.duplicate_columns}
		in_order = [index for index in first if _in_order(name, index, alone)]
		return self.choose_column(name, indexes, in_order[0]) if len(in_order) == 1 else None

	def choose_column(self, name: str, indexes: list[int], index: int) -> int:
		if name in REQUIRED:
			self.export.notes.append(
				t(
					"Several columns are called {title}: {letters}. Column {letter} is read, the report's own.",
					title=self.titles[index],
					letters=", ".join(column_letter(index) for index in indexes),
					letter=column_letter(index),
				)
			)
		return index

	# --------------------------------------------------------------------------------------------------- lines

	def cell(self, cells: Sequence[object], name: str) -> object:
		index = self.columns.get(name)
		return _cell_at(cells, index) if index is not None else None

	def is_voucher(self, cells: Sequence[object]) -> bool:
		return bool(_text(self.cell(cells, "voucher_no")) or _text(self.cell(cells, "voucher_type")))

	def problem(self, number: int, name: str, text: Text) -> None:
		self.problems.append(Problem(text, number, self.titles[self.columns[name]]))

	def read_lines(self) -> None:
		width = max(self.columns.values()) + 1
		at = {name: self.columns.get(name, width) for name in labels.FIELDS}
		rows = [
			(number, cells if len(cells) > width else [*cells, *[None] * (width + 1 - len(cells))])
			for number, cells in self.rows
		]
		outstanding, posting, due = at["outstanding"], at["posting_date"], at["due_date"]
		vouchers = [cells for _number, cells in rows if cells[at["voucher_no"]] or cells[at["voucher_type"]]]
		to_amount = amount_reader((cells[outstanding] for _number, cells in rows), self.form)
		to_date = date_reader((cells[index] for cells in vouchers for index in (posting, due)), self.form)
		text = _TextCache()
		for number, cells in rows:
			voucher_type, voucher_no = text[cells[at["voucher_type"]]], text[cells[at["voucher_no"]]]
			customer = text[cells[at["customer"]]]
			currency = text[cells[at["currency"]]]
			try:
				amount = to_amount(cells[outstanding], decimals(currency) == 0)
			except Unreadable as error:
				self.problem(number, "outstanding", error.text)
				is_valid = False
				amount = ZERO
			else:
				is_valid = True
			if not voucher_no and not voucher_type:
				if amount is not None and is_valid:
					self.sums.append((number, customer, amount))
				continue
			party_type = text[cells[at["party_type"]]] if "party_type" in self.columns else ""
			if party_type not in ("", "Customer"):
				self.other_parties[party_type] += 1
				continue
			account = text[cells[at["receivable_account"]]]
			try:
				posting_date, due_date = to_date(cells[posting]), to_date(cells[due])
			except Unreadable:
				self.report_invalid_dates(number, cells, to_date)
				is_valid = False
				posting_date = due_date = None
			else:
				if posting_date is None:
					self.problem(number, "posting_date", _empty_message())
			if not (voucher_type and voucher_no and customer and account and currency):
				for name in MANDATORY_VALUES:
					if not _text(self.cell(cells, name)):
						self.problem(number, name, _empty_message())
						is_valid = False
			if amount is None:
				if is_valid:
					self.problem(number, "outstanding", _empty_message())
				continue
			history = []
			for name in HISTORY:
				try:
					history.append(to_amount(cells[at[name]], decimals(currency) == 0) or ZERO)
				except Unreadable as error:
					# A problem only if a criterion needs the amount.
					self.export.history_problems.append(
						Problem(error.text, number, self.titles[self.columns[name]])
					)
					history.append(ZERO)
			if not is_valid or posting_date is None:
				continue
			self.export.lines.append(
				Line(
					number,
					voucher_type,
					voucher_no,
					customer,
					account,
					posting_date,
					due_date,
					amount,
					currency,
					text[cells[at["customer_name"]]],
					text[cells[at["cost_center"]]],
					text[cells[at["customer_group"]]],
					text[cells[at["territory"]]],
					text[cells[at["sales_person"]]],
					text[cells[at["payment_terms_template"]]],
					tuple(history),
				)
			)

	def report_invalid_dates(self, number: int, cells: Sequence[object], to_date: object) -> None:
		assert callable(to_date)
		for name in ("posting_date", "due_date"):
			try:
				to_date(self.cell(cells, name))
			except Unreadable as error:
				self.problem(number, name, error.text)

	def result(self) -> Export:
		if not self.columns:
			raise self.no_headings()
		export = self.export
		export.columns = frozenset(self.columns)
		self.read_filters()
		if self.duplicate_columns:
			self.choose_columns()
		self.read_lines()
		if "payment_term" in self.columns:
			export.lines = _merge_payment_terms(export.lines)
		else:
			self.problems.extend(_duplicate_vouchers(export.lines))
		if self.problems:
			raise InvalidFile(export.name, *self.problems)
		if not export.lines:
			if self.other_parties:
				raise self.invalid_file(
					t(
						"Every line is of party type {party_type}. Write-offs are for customers: export Accounts"
						" Receivable.",
						party_type=", ".join(self.other_parties),
					)
				)
			raise self.invalid_file(t("The file has headings, but no line with a voucher."))
		export.notes.extend(self.check_totals())
		for party_type, count in self.other_parties.items():
			export.notes.append(
				t(
					"Lines of party type {party_type} excluded: {count}. Write-offs are for customers.",
					count=count,
					party_type=party_type,
				)
			)
		return export

	def check_totals(self) -> Iterable[Text]:
		"""Notes on totals in the file that differ from the sum of its lines: rows were filtered, cut off or changed."""
		if not self.sums or self.other_parties:
			return
		by_customer: dict[str, Decimal] = defaultdict(lambda: ZERO)
		currencies: dict[str, set[str]] = defaultdict(set)
		for line in self.export.lines:
			by_customer[line.customer] += line.amount
			currencies[line.customer].add(line.currency)
		by_customer[""] = sum(by_customer.values(), ZERO)
		currencies[""] = set().union(*currencies.values())
		for row, customer, amount in self.sums:
			whose = customer if customer in by_customer else ""
			if len(currencies[whose]) == 1 and abs(by_customer[whose] - amount) > TOLERANCE:
				yield t(
					"Row {row} shows {said} for {whose}, but the lines add up to {sum}. Check whether the report was"
					" filtered or changed.",
					row=str(row),
					said=amount,
					whose=customer or t("the total"),
					sum=by_customer[whose],
				)


class _TextCache(dict[object, str]):
	"""Text by cell value, cached because the same names repeat in a column."""

	def __missing__(self, cell: object) -> str:
		self[cell] = text = _text(cell)
		return text


def _text(cell: object) -> str:
	"""The stripped text of a cell; empty for an empty cell."""
	if cell is None:
		return ""
	return cell.strip() if isinstance(cell, str) else str(cell)


def _cell_at(cells: Sequence[object], index: int) -> object:
	return cells[index] if index < len(cells) else None


def _empty_message() -> Text:
	return t("The file is empty.")


def _assign_columns(cells: Sequence[object], names: Labels) -> dict[str, list[int]]:
	"""Columns by field. A heading with several meanings is assigned to a field that is still missing."""
	found: dict[str, list[int]] = {}
	open_to_several = []
	for index, cell in enumerate(cells):
		if not isinstance(cell, str):
			continue
		# General Ledger: Debit (USD)
		fields = names.get(labels.normalize(cell)) or names.get(labels.normalize(cell.partition("(")[0]), ())
		if len(fields) == 1:
			found.setdefault(fields[0], []).append(index)
		elif fields:
			open_to_several.append((index, fields))
	for index, fields in open_to_several:
		missing = [name for name in fields if name not in found]
		wanted = [name for name in missing if name in REQUIRED] or missing or list(fields)
		found.setdefault(wanted[0], []).append(index)
	return found


def _match_count(found: Mapping[str, list[int]]) -> tuple[int, int]:
	return sum(name in found for name in REQUIRED), len(found)


def _in_order(name: str, index: int, others: Mapping[str, int]) -> bool:
	"""Whether the column is in the report's order relative to the columns that are certain."""
	if name not in ORDER:
		return False
	place = ORDER.index(name)
	return all(
		(other_index < index) == (ORDER.index(other) < place)
		for other, other_index in others.items()
		if other in ORDER
	)


def _merge_payment_terms(lines: list[Line]) -> list[Line]:
	"""One line per voucher, with the due date of its last payment term."""
	merged: dict[Key, Line] = {}
	for line in lines:
		other = merged.get(line.key)
		if other:
			dates = [due for due in (line.due_date, other.due_date) if due]
			history = tuple(sum(pair, ZERO) for pair in zip(other.history, line.history, strict=True))
			line = other._replace(
				amount=other.amount + line.amount, due_date=max(dates, default=None), history=history
			)
		merged[line.key] = line
	return list(merged.values())


def _duplicate_vouchers(lines: Iterable[Line]) -> Iterator[Problem]:
	seen: dict[Key, int] = {}
	for line in lines:
		row = line[0]
		first = seen.setdefault(line.key, row)
		if first != row:
			yield Problem(
				t(
					"{voucher_type} {voucher_no} is already in row {row}.",
					voucher_type=line.voucher_type,
					voucher_no=line.voucher_no,
					row=str(first),
				),
				line.row,
			)
