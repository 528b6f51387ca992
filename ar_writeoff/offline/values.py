"""Parses dates and amounts of an export. Ambiguous values are rejected, not guessed.

A site writes all dates of a file in one format and all amounts with one decimal sign, so the whole column is used: one
15/01/2026 decides what 01/02/2026 means.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal, InvalidOperation

from ar_writeoff.core.money import COMMA, POINT, AmountError, parse_amount
from ar_writeoff.offline.words import Text, t

# Date formats of System Settings.
DATE_FORMATS = ("%Y-%m-%d", "%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%m-%d-%Y")
ISO = DATE_FORMATS[0]

_NUMBER = re.compile(r"-?\d+(\.\d+)?([eE][-+]?\d+)?")
_ONE_GROUP = re.compile(r"-?\d{1,3}\.\d{3}")
# A currency symbol or code before or after the digits: all Unicode currency symbols, three letters such as USD or
# US$, and the letter symbols of Frappe's currency list.
_SIGN = r"(?:[A-Z]{0,3}[$¢£¤¥֏؋৲৳૱௹฿៛₠-⃀﷼﹩＄￠￡￥￦]|[A-Z]{3}|Rs\.?|Re\.?|[Kk]r\.?|zł|Kč|Ft|lei|L\.?|Fr\.?|R|S/\.?|B/\.?|Bs\.?|лв\.?|дин\.?|ден|КМ|KM|K|Q|G|Lek|руб\.?|сом|[؀-ۿ]+\.?(?:[؀-ۿ]+\.?)*)"
_AMOUNT = re.compile(
	rf"(?P<open>\()?(?P<minus>[-−])?\s*(?:{_SIGN})?\s*(?P<minus_after_sign>[-−])?\s*"
	rf"(?P<digits>\d[\d.,'’\s]*?)\s*(?P<minus_behind>[-−])?\s*(?:{_SIGN})?\s*(?P<close>\))?"
)


@dataclass(frozen=True, slots=True)
class Format:
	"""Date format and decimal sign of a file. None: detect from all its dates and amounts."""

	date_format: str | None = None
	decimal_comma: bool | None = None


DETECT_FORMAT = Format()


class Unreadable(ValueError):
	"""Text that is not a date or amount, or is ambiguous."""

	def __init__(self, text: Text):
		super().__init__(text)
		self.text = text


def date_reader(values: Iterable[object], form: Format) -> Callable[[object], date | None]:
	"""A function that parses the dates of a file, given all of them.

	It raises `Unreadable` for values that are invalid or ambiguous in the whole file.
	"""
	texts = {str(value).strip()[:10] for value in values if isinstance(value, str) and value.strip()}
	if form.date_format:
		formats = [form.date_format]
	else:
		formats = [format for format in DATE_FORMATS if all(_parsed(text, format) for text in texts)]
	known: dict[object, date | None] = {None: None, "": None}

	def read(value: object) -> date | None:
		if value in known:
			return known[value]
		known[value] = found = _read_date(value, formats, form.date_format)
		return found

	return read


def _read_date(value: object, formats: list[str], date_format: str | None) -> date | None:
	if isinstance(value, datetime):
		return value.date()
	if isinstance(value, date):
		return value
	text = str(value).strip()
	if not text:
		return None
	readings = {found for format in formats if (found := _parsed(text if date_format else text[:10], format))}
	if len(readings) == 1:
		return readings.pop()
	if readings:
		one, other = sorted(readings, reverse=True)[:2]
		raise Unreadable(
			t(
				"{text} can be read as {one} or {other}. Enter the format, for example --date-format %d/%m/%Y.",
				text=text,
				one=one,
				other=other,
			)
		)
	if date_format:
		raise Unreadable(t("{text!r} is not a date in the format {form}.", text=text, form=date_format))
	# Dates of the file differ in format. This one may still be in ERPNext's format.
	if found := _parsed(text[:10], ISO) or _parsed(text, "%d.%m.%Y"):
		return found
	raise Unreadable(
		t(
			"{text!r} is not a date such as 2026-01-31. Enter its format, for example --date-format %d/%m/%Y.",
			text=text,
		)
	)


def _parsed(text: str, format: str) -> date | None:
	try:
		if format == ISO:
			return date.fromisoformat(text)
		return datetime.strptime(text, format).date()
	except ValueError:
		return None


def amount_reader(values: Iterable[object], form: Format) -> Callable[[object, bool], Decimal | None]:
	"""A function that parses the amounts of a file, given all of them.

	It takes a cell and whether its currency has no decimals, and raises `Unreadable` for values that are invalid or
	ambiguous in the whole file.
	"""
	signs = _signs(values, form)
	known: dict[tuple[object, bool], Decimal | None] = {}

	def read(value: object, no_decimals: bool = False) -> Decimal | None:
		key = (value, no_decimals)
		if key in known:
			return known[key]
		known[key] = found = _read_amount(value, signs, no_decimals)
		return found

	return read


def _signs(values: Iterable[object], form: Format) -> tuple[str, ...]:
	"""Decimal signs with which all amounts of the file can be parsed; one if the file decides it."""
	if form.decimal_comma is not None:
		return (COMMA,) if form.decimal_comma else (POINT,)
	marked = {value for value in values if isinstance(value, str) and (POINT in value or COMMA in value)}
	fit = {sign: 0 for sign in (POINT, COMMA)}
	for text in marked:
		for sign in fit:
			fit[sign] += _parsed_amount(text, sign) is not None
	if not marked:
		return (POINT,)
	possible = tuple(sign for sign, count in fit.items() if count == len(marked))
	# If no sign fits all amounts, the ones that do not fit the more frequent sign are reported.
	return possible or (max(fit, key=fit.__getitem__),)


def _read_amount(value: object, signs: tuple[str, ...], no_decimals: bool) -> Decimal | None:
	if value is None or value == "":
		return None
	if isinstance(value, Decimal | int | float) and not isinstance(value, bool):
		number = Decimal(str(value))
		if number.is_finite():
			return number
	elif isinstance(value, str):
		if not value.strip():
			return None
		readings = [found for sign in signs if (found := _parsed_amount(value, sign)) is not None]
		whole = [found for found in readings if found == found.to_integral_value()]
		if no_decimals and whole:
			readings = whole[:1] if len(whole) == 1 else [max(whole, key=abs)]
		if readings and len(set(readings)) == 1:
			return readings[0]
		if readings:
			raise Unreadable(
				t(
					"{text} can be read as {one} or {other}. Enter --decimal-comma if the decimal sign is a comma, or"
					" --decimal-point if it is a point.",
					text=value.strip(),
					one=str(readings[0]),
					other=str(readings[1]),
				)
			)
		if _parsed_amount(value, COMMA if signs == (POINT,) else POINT) is not None:
			raise Unreadable(
				t(
					"{text!r} is not an amount such as {example}. Enter --decimal-comma if the decimal sign is a comma,"
					" or --decimal-point if it is a point.",
					text=value,
					example="1234.50" if POINT in signs else "1234,50",
				)
			)
	raise Unreadable(t("{text!r} is not an amount such as {example}.", text=str(value), example="1234.50"))


def _parsed_amount(text: str, sign: str) -> Decimal | None:
	"""The amount with this decimal sign; None if invalid."""
	if _NUMBER.fullmatch(text):  # ERPNext's own format
		if sign == POINT or POINT not in text:
			return Decimal(text)
		return Decimal(text.replace(POINT, "")) if _ONE_GROUP.fullmatch(text) else None
	found = _AMOUNT.fullmatch(text.strip())
	if not found or bool(found["open"]) != bool(found["close"]):
		return None
	try:
		number = parse_amount(found["digits"], sign)
	except (AmountError, InvalidOperation):
		return None
	minus = [name for name in ("open", "minus", "minus_after_sign", "minus_behind") if found[name]]
	if number is None or len(minus) > 1:
		return None
	return -number if minus else number
