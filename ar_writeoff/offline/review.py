"""State of a review: files, criteria, ticks and lowered amounts.

The page shows and changes it; this module does not depend on the page. Ticks and lowered amounts are kept when the
criteria change and the same balance is found again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from itertools import compress
from pathlib import Path
from typing import Any

from ar_writeoff.core import ageing, reasons
from ar_writeoff.core.money import ZERO, money
from ar_writeoff.core.reasons import Reason
from ar_writeoff.offline import decide, export, policy, summary, words
from ar_writeoff.offline.currencies import decimals
from ar_writeoff.offline.decide import Decision
from ar_writeoff.offline.export import Export, Key
from ar_writeoff.offline.policy import InvalidPolicy, InvalidSetting, Settings
from ar_writeoff.offline.summary import Total
from ar_writeoff.offline.values import DETECT_FORMAT, Format
from ar_writeoff.offline.words import Text, t
from ar_writeoff.search.rules import Verdict

# The page's default maximum if neither a policy nor an option gives one.
DEFAULT_MAXIMUM = Decimal(10)
# Value of a field that is either yes or no.
YES = "Yes"


@dataclass(slots=True)
class Review:
	"""The state of a review.

	`rows` are the balances that can be written off, in the order of the list. `flags` has a 1 for each ticked row;
	`amounts` and `base_amounts` are the amounts to write off.
	"""

	settings: Settings = field(default_factory=dict)
	form: Format = DETECT_FORMAT
	encoding: str = "utf-8-sig"
	path: Path | None = None
	party_path: Path | None = None
	main: Export | None = None
	party: Export | None = None
	decision: Decision | None = None
	flags: bytearray = field(default_factory=bytearray)
	amounts: list[Decimal] = field(default_factory=list)
	base_amounts: list[Decimal] = field(default_factory=list)
	unticked: set[Key] = field(default_factory=set)
	lowered: dict[Key, Decimal] = field(default_factory=dict)
	number: int = 0

	# ---------------------------------------------------------------------------------------------- files

	def read(self, path: Path) -> None:
		"""Read a report in place of the one before; the criteria stay.

		Raises:
		    InvalidFile: with all places that cannot be read. The report before stays.
		"""
		found = self._read(path)
		self.path, self.main = path, found
		self.party_path = self.party = None
		self.unticked.clear()
		self.lowered.clear()
		if found.company:
			self.settings["company"] = found.company

	def read_party_currency(self, path: Path | None) -> None:
		"""Read the same report in party currency; None removes it.

		Raises:
		    InvalidFile: with all places that cannot be read.
		"""
		self.party = self._read(path) if path else None
		self.party_path = path

	def read_again(self, form: Format, encoding: str) -> None:
		"""Read the same files with another format.

		Raises:
		    InvalidFile: with all places that cannot be read.
		"""
		self.form, self.encoding = form, encoding
		if self.path:
			self.main = self._read(self.path)
		if self.party_path:
			self.party = self._read(self.party_path)

	def _read(self, path: Path) -> Export:
		return export.read(
			path, self.form, encoding=self.encoding, headings=policy.section(self.settings, "columns")
		)

	# ------------------------------------------------------------------------------------------- the list

	def find(self, today: date) -> None:
		"""Search balances with the present criteria.

		Raises:
		    InvalidPolicy: criteria that a run on a site would not accept either.
		    InvalidFile: the two reports do not belong together.
		"""
		if not self.main:
			return
		chosen_policy = policy.make(self.settings, today=today, report_date=self.main.report_date)
		decision = decide.find(chosen_policy, self.main, self.party)
		decision.notes[:0] = [*self.main.notes, *(self.party.notes if self.party else ())]
		self.decision = decision
		self.number += 1
		self.flags = bytearray(b"\1") * len(self.rows)
		self.amounts = [row.amount for row in self.rows]
		self.base_amounts = [row.base_amount for row in self.rows]
		if not self.unticked and not self.lowered:
			return
		for index, row in enumerate(self.rows):
			key = self.key(row)
			if key in self.unticked:
				self.flags[index] = 0
			if key in self.lowered:
				self._store_amount(index, min(self.lowered[key], row.amount, key=abs))

	@property
	def rows(self) -> Sequence[Verdict]:
		return self.decision.write_off if self.decision else ()

	@property
	def left_out(self) -> Sequence[Verdict]:
		return self.decision.left_out if self.decision else ()

	def key(self, verdict: Verdict) -> Key:
		balance = verdict.balance
		return balance.voucher_type, balance.voucher_no, balance.receivable_account, balance.customer

	def tick(self, flags: bytes) -> None:
		"""Set the ticks: one byte per row, in the order of the list.

		Raises:
		    ValueError: the flags belong to another list.
		"""
		if len(flags) != len(self.flags):
			raise ValueError("The list has changed meanwhile.")
		for index, (before, now) in enumerate(zip(self.flags, flags, strict=True)):
			if before != now:
				change = self.unticked.discard if now else self.unticked.add
				change(self.key(self.rows[index]))
		self.flags[:] = flags

	def set_amount(self, index: int, typed: object) -> Decimal:
		"""Set the amount to write off of a row and return it; empty text means the whole balance.

		Raises:
		    InvalidSetting: not an amount, or not a part of the balance.
		"""
		row = self.rows[index]
		part = policy.amount(str(typed), decimal_sign()) if typed not in (None, "") else row.amount
		precision = decimals(row.balance.currency)
		if part is None:
			part = row.amount
		if part * row.amount <= 0 or abs(part) > abs(row.amount) or money(part, precision) != part:
			raise InvalidSetting(
				t(
					"The amount {amount} does not fit the balance of {balance}.",
					amount=part,
					balance=f"{words.number(row.amount)} {row.balance.currency}",
				)
			)
		part = money(part, precision)
		base = row.base_of(part)
		changed = replace(row, amount=part, base_amount=base)
		if not base:
			raise InvalidSetting(t("This amount is zero in company currency."))
		if self.decision and row.balance.currency != self.decision.company_currency:
			for refused in decide.inexact_verdicts([changed], self.decision).values():
				if refused.reason:
					raise InvalidSetting(t("{reason}", reason=words.message(refused.reason)))
		self._store_amount(index, part)
		if part == row.amount:
			self.lowered.pop(self.key(row), None)
		else:
			self.lowered[self.key(row)] = part
		return part

	def _store_amount(self, index: int, part: Decimal) -> None:
		self.amounts[index] = part
		self.base_amounts[index] = self.rows[index].base_of(part)

	# ---------------------------------------------------------------------------------------------- totals

	def ticked(self) -> tuple[int, int, Decimal]:
		"""Number of ticked balances and of their customers, and their total in company currency."""
		customers = {row.balance.customer for row in compress(self.rows, self.flags)}
		return sum(self.flags), len(customers), sum(compress(self.base_amounts, self.flags), ZERO)

	def by_age(self) -> list[Total]:
		"""Totals of ticked balances per age bucket, including empty ones."""
		found = {name: Total(name) for name in (summary.NOT_DUE, *ageing.NAMES)}
		for row, amount in self._ticked_amounts():
			total = found[summary.bucket(row)]
			total.count += 1
			total.amount += amount
		return list(found.values())

	def by_customer(self, most: int) -> list[Total]:
		"""Totals of ticked balances by customer, largest first, at most `most`."""
		found: dict[str, Total] = {}
		for row, amount in self._ticked_amounts():
			customer = row.balance.customer
			total = found.get(customer)
			if total is None:
				found[customer] = total = Total(customer)
			total.count += 1
			total.amount += amount
		names = self.decision.customer_names if self.decision else {}
		return [
			replace(total, name=names.get(total.name, total.name))
			for total in summary.largest(found.values())[:most]
		]

	def _ticked_amounts(self) -> Iterable[tuple[Verdict, Decimal]]:
		return compress(zip(self.rows, self.base_amounts, strict=True), self.flags)

	# ------------------------------------------------------------------------------------------- the decision

	def decision_of_ticks(self) -> Decision:
		"""The decision: ticked rows with their amounts, the others excluded as not selected, and the entries.

		Raises:
		    InvalidPolicy: no report was read, or nothing is ticked.
		"""
		decision = self.decision
		if not decision or not any(self.flags):
			raise InvalidPolicy(t("No balances are selected."))
		not_selected = Reason.of(reasons.NOT_SELECTED)
		made = replace(decision, write_off=[], left_out=list(decision.left_out), notes=list(decision.notes))
		for index, row in enumerate(self.rows):
			if not self.flags[index]:
				made.left_out.append(replace(row, reason=not_selected))
			elif self.amounts[index] != row.amount:
				made.write_off.append(
					replace(row, amount=self.amounts[index], base_amount=self.base_amounts[index])
				)
			else:
				made.write_off.append(row)
		decide.plan(made)
		return made

	def missing(self) -> Mapping[str, Text]:
		"""Settings that the entries still need, with a message each."""
		needed = {
			"company": t("Enter the company name as in ERPNext."),
			"accounts.offset": t("Enter the offset account, such as Bad Debt Expense."),
		}
		return {name: text for name, text in needed.items() if not self.settings.get(name)}


def decimal_sign() -> str:
	"""The decimal sign of the page's language."""
	return "," if words.current_language() == words.GERMAN else "."


def parse_settings(values: Mapping[str, Any]) -> tuple[Settings, dict[str, Text]]:
	"""Settings from the texts in the page's fields, by name, and error messages.

	An empty field is no setting.
	"""
	settings: Settings = {}
	problems: dict[str, Text] = {}
	for name, value in values.items():
		section, _dot, key = name.rpartition(".")
		known = policy.SECTIONS[section]
		kind = known.get(key) or known["*"]
		text = str(value if value is not None else "").strip()
		try:
			if not text:
				continue
			if kind == policy.AMOUNT:
				settings[name] = policy.amount(text, decimal_sign())
			elif kind == policy.DATE:
				settings[name] = _date(text)
			elif kind == policy.RANGE:
				settings[name] = policy.amount_range(text, decimal_sign())
			elif kind == policy.FLAG:
				settings[name] = text == YES
			elif kind == policy.COUNT:
				settings[name] = _count(text)
			elif kind == policy.NAMES:
				settings[name] = frozenset(line.strip() for line in text.splitlines() if line.strip())
			else:
				settings[name] = policy.choice(key, text)
		except InvalidSetting as error:
			problems[name] = error.text
	return settings, problems


def _date(text: str) -> date:
	for form in ("%Y-%m-%d", "%d.%m.%Y"):
		try:
			return policy.day(text, form)
		except ValueError:
			pass
	raise InvalidSetting(t("{text!r} is not a date such as {example}.", text=text, example=date(2026, 6, 30)))


def _count(text: str) -> int:
	if text.isdecimal():
		return int(text)
	raise InvalidSetting(t("{text!r} is not a number such as 30.", text=text))
