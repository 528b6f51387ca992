"""Dates and amounts as an export may write them. What could be read in two ways is refused, not guessed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from ar_writeoff.core.money import AmountError, parse_amount

_PLAIN = re.compile(r"[-+]?\d+(\.\d+)?([eE][-+]?\d+)?")
_GROUPED = re.compile(r"[-+]?\d{1,3}(,\d{2,3})*,\d{3}(\.\d+)?")


@dataclass(frozen=True, slots=True)
class Format:
	"""How a file writes dates and amounts. None: as ERPNext v15 exports them, 2026-01-31 and 1234.5."""

	date_format: str | None = None
	decimal_comma: bool = False


AS_ERPNEXT_WRITES = Format()


def to_date(value: object, form: Format) -> date | None:
	"""A date, None for an empty cell.

	Raises:
	    ValueError: not a date, in words.
	"""
	if value is None:
		return None
	if isinstance(value, datetime):
		return value.date()
	if isinstance(value, date):
		return value
	text = str(value)
	if form.date_format:
		try:
			return datetime.strptime(text, form.date_format).date()
		except ValueError:
			raise ValueError(f"{text!r} is not a date of the form {form.date_format}.") from None
	try:
		return date.fromisoformat(text[:10])
	except ValueError:
		pass
	if re.fullmatch(r"\d{1,2}\.\d{1,2}\.\d{4}", text):
		try:
			return datetime.strptime(text, "%d.%m.%Y").date()
		except ValueError:
			pass
	raise ValueError(
		f"{text!r} is not a date such as 2026-01-31. Name its form, for example --date-format %d/%m/%Y."
	)


def to_amount(value: object, form: Format) -> Decimal | None:
	"""An amount, None for an empty cell.

	Raises:
	    ValueError: not an amount, in words.
	"""
	if isinstance(value, str):
		text = (
			value.replace("\N{NO-BREAK SPACE}", "").replace("\N{NARROW NO-BREAK SPACE}", "").replace(" ", "")
		)
		if form.decimal_comma:
			text = text.replace(".", "").replace(",", ".")
		if not _PLAIN.fullmatch(text) and not _GROUPED.fullmatch(text):
			hint = " Use --decimal-comma where a comma marks the decimals." if "," in text else ""
			raise ValueError(f"{value!r} is not an amount such as 1234.50.{hint}")
		value = text
	elif isinstance(value, bool) or not isinstance(value, Decimal | int | float | None):
		raise ValueError(f"{str(value)!r} is not an amount such as 1234.50.")
	try:
		return parse_amount(value)
	except AmountError:
		raise ValueError(f"{str(value)!r} is not an amount such as 1234.50.") from None
