"""The Accounts Receivable report as ERPNext exports it: what is a balance, what is a heading, what is a sum.

ERPNext writes one line for each open voucher and receivable account. Around the lines there may be the report's filters
(above the headings), an empty line and a subtotal after each customer, and a total. With "Based On Payment Terms"
a voucher has several lines. Columns come in any order, and translated.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from pathlib import Path

from ar_writeoff.core.money import ZERO
from ar_writeoff.offline import table
from ar_writeoff.offline.problems import BadFile, Problem
from ar_writeoff.offline.progress import bar
from ar_writeoff.offline.values import AS_ERPNEXT_WRITES, Format, to_amount, to_date

# Headings of the columns, as ERPNext has them in English and German; others are named in the policy file.
HEADINGS: Mapping[str, tuple[str, ...]] = {
	"posting_date": ("Posting Date", "Buchungsdatum"),
	"party_type": ("Party Type", "Partei-Typ"),
	"customer": ("Party", "Customer", "Partei", "Kunde"),
	"customer_name": ("Customer Name", "Kundenname"),
	"receivable_account": ("Receivable Account", "Party Account", "Forderungskonto", "Parteikonto"),
	"cost_center": ("Cost Center", "Kostenstelle"),
	"voucher_type": ("Voucher Type", "Belegtyp", "Belegart"),
	"voucher_no": ("Voucher No", "Belegnr.", "Belegnummer"),
	"due_date": ("Due Date", "Fälligkeitsdatum"),
	"payment_term": ("Payment Term", "Zahlungsbedingung"),
	"outstanding": ("Outstanding Amount", "Ausstehender Betrag"),
	"currency": ("Currency", "Währung"),
	"territory": ("Territory", "Gebiet", "Region"),
	"customer_group": ("Customer Group", "Kundengruppe"),
}
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
# The filters that ERPNext writes above the headings are a dozen at most.
HEADINGS_WITHIN = 50

# Half a cent: sums of the report are sums of floats.
TOLERANCE = Decimal("0.005")


@dataclass(frozen=True, slots=True)
class Line:
	"""The open balance of one voucher on one receivable account. `amount` is positive where the customer owes us."""

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

	@property
	def key(self) -> tuple[str, str, str, str]:
		return self.voucher_type, self.voucher_no, self.receivable_account, self.customer


@dataclass(slots=True)
class Export:
	"""An export, read. `filters` are those of the report, where it was exported with them."""

	name: str
	lines: list[Line] = field(default_factory=list)
	filters: dict[str, str] = field(default_factory=dict)
	notes: list[str] = field(default_factory=list)

	@property
	def currencies(self) -> list[str]:
		return sorted({line.currency for line in self.lines})


def read(
	path: Path,
	form: Format = AS_ERPNEXT_WRITES,
	*,
	encoding: str = "utf-8-sig",
	headings: Mapping[str, str] | None = None,
) -> Export:
	"""The lines of an export. `headings` names columns that are called otherwise: field to heading.

	Raises:
	    BadFile: with every place that cannot be read.
	"""
	count, rows = table.rows(path, encoding)
	reader = _Reader(Export(path.name), form, _labels(headings or {}))
	for number, cells in bar(rows, count, f"Reading {path.name}"):
		reader.take(number, cells)
	return reader.finish()


def _labels(headings: Mapping[str, str]) -> dict[str, str]:
	labels = {label.casefold(): name for name, known in HEADINGS.items() for label in known}
	for name, label in headings.items():
		labels = {known: field_name for known, field_name in labels.items() if field_name != name}
		labels[label.casefold()] = name
	return labels


class _Reader:
	"""Takes the rows one by one: filters, then headings, then lines and sums."""

	def __init__(self, export: Export, form: Format, labels: Mapping[str, str]):
		self.export = export
		self.form = form
		self.labels = labels
		self.columns: dict[str, int] = {}
		self.titles: dict[str, str] = {}
		self.problems: list[Problem] = []
		self.sums: list[tuple[int, str, Decimal]] = []
		self.other_parties: dict[str, int] = defaultdict(int)

	def take(self, number: int, cells: table.Cells) -> None:
		if not any(cell is not None for cell in cells):
			return
		if self.columns:
			self.take_line(number, cells)
		elif not self.take_headings(number, cells):
			self.take_filter(number, cells)

	def take_headings(self, number: int, cells: table.Cells) -> bool:
		found: dict[str, int] = {}
		for index, cell in enumerate(cells):
			name = self.labels.get(cell.casefold()) if isinstance(cell, str) else None
			if name and name not in found:
				found[name] = index
		if not {"voucher_no", "outstanding"} <= set(found):
			return False
		self.columns = found
		self.titles = {name: str(cells[index]) for name, index in found.items()}
		missing = [HEADINGS[name][0] for name in REQUIRED if name not in found]
		if missing:
			raise BadFile(
				self.export.name,
				Problem(
					f"These columns are missing: {', '.join(missing)}. Export the report with them.", number
				),
			)
		return True

	def take_filter(self, number: int, cells: table.Cells) -> None:
		if number > HEADINGS_WITHIN:
			raise self.no_headings()
		if len(cells) > 1 and cells[0] is not None and cells[1] is not None:
			self.export.filters[str(cells[0])] = str(cells[1])

	def no_headings(self) -> BadFile:
		return BadFile(
			self.export.name,
			Problem(
				"This has no headings of an Accounts Receivable report, such as Voucher No and Outstanding Amount."
				" If they are in another language, name them under [columns] in the policy file."
			),
		)

	def take_line(self, number: int, cells: table.Cells) -> None:
		def cell(name: str) -> object:
			index = self.columns.get(name)
			return cells[index] if index is not None and index < len(cells) else None

		def text(name: str) -> str:
			value = cell(name)
			return "" if value is None else str(value)

		def problem(name: str, words: str) -> None:
			self.problems.append(Problem(words, number, self.titles[name]))

		def amount() -> Decimal | None:
			try:
				return to_amount(cell("outstanding"), self.form)
			except ValueError as error:
				problem("outstanding", str(error))
				return None

		if cell("voucher_no") is None and cell("voucher_type") is None:
			value = amount()
			if value is not None:
				self.sums.append((number, text("customer"), value))
			return
		if cell("party_type") not in (None, "Customer"):
			self.other_parties[text("party_type")] += 1
			return

		before = len(self.problems)
		for name in ("voucher_type", "voucher_no", "customer", "receivable_account", "currency"):
			if cell(name) is None:
				problem(name, "This is empty.")
		dates: dict[str, date | None] = {}
		for name in ("posting_date", "due_date"):
			try:
				dates[name] = to_date(cell(name), self.form)
			except ValueError as error:
				problem(name, str(error))
		if "posting_date" in dates and dates["posting_date"] is None:
			problem("posting_date", "This is empty.")
		value = amount()
		if value is None and len(self.problems) == before:
			problem("outstanding", "This is empty.")
		posting_date = dates.get("posting_date")
		if len(self.problems) > before or posting_date is None or value is None:
			return
		self.export.lines.append(
			Line(
				row=number,
				voucher_type=text("voucher_type"),
				voucher_no=text("voucher_no"),
				customer=text("customer"),
				receivable_account=text("receivable_account"),
				posting_date=posting_date,
				due_date=dates["due_date"],
				amount=value,
				currency=text("currency"),
				customer_name=text("customer_name"),
				cost_center=text("cost_center"),
				customer_group=text("customer_group"),
				territory=text("territory"),
			)
		)

	def finish(self) -> Export:
		if not self.columns:
			raise self.no_headings()
		export = self.export
		if "payment_term" in self.columns:
			export.lines = _with_terms_added_up(export.lines)
		else:
			self.problems.extend(_repeated(export.lines))
		if self.problems:
			raise BadFile(export.name, *self.problems)
		if not export.lines:
			raise BadFile(export.name, Problem("This has headings, but no line with a voucher."))
		export.notes.extend(self.unequal_sums())
		for party_type, count in self.other_parties.items():
			export.notes.append(
				f"{count} lines of party type {party_type} are left out: write-offs are for customers."
			)
		return export

	def unequal_sums(self) -> Iterable[str]:
		"""Where the file's own sums are not those of its lines: something was filtered, cut off or typed over."""
		by_customer: dict[str, Decimal] = defaultdict(lambda: ZERO)
		currencies: dict[str, set[str]] = defaultdict(set)
		for line in self.export.lines:
			for whose in (line.customer, ""):
				by_customer[whose] += line.amount
				currencies[whose].add(line.currency)
		for row, customer, amount in self.sums:
			whose = customer if customer in by_customer else ""
			if (
				len(currencies[whose]) == 1
				and abs(by_customer[whose] - amount) > TOLERANCE
				and not self.other_parties
			):
				yield (
					f"Row {row} says {amount:,} for {customer or 'the total'}, the lines add up to"
					f" {by_customer[whose]:,}. Was part of the report filtered out or changed?"
				)


def _with_terms_added_up(lines: list[Line]) -> list[Line]:
	"""One line for each voucher, due when its last payment term is."""
	whole: dict[tuple[str, str, str, str], Line] = {}
	for line in lines:
		other = whole.get(line.key)
		if other:
			dates = [due for due in (line.due_date, other.due_date) if due]
			line = replace(other, amount=other.amount + line.amount, due_date=max(dates, default=None))
		whole[line.key] = line
	return list(whole.values())


def _repeated(lines: Iterable[Line]) -> Iterable[Problem]:
	seen: dict[tuple[str, str, str, str], int] = {}
	for line in lines:
		first = seen.setdefault(line.key, line.row)
		if first != line.row:
			yield Problem(f"{line.voucher_type} {line.voucher_no} is in row {first} already.", line.row)
