"""Amounts as Decimal, rounded half up to the precision of their currency."""

from __future__ import annotations

import re
from decimal import ROUND_HALF_DOWN, ROUND_HALF_UP, Decimal, InvalidOperation
from functools import cache

ZERO = Decimal(0)


class AmountError(ValueError):
	"""A text that is not a valid amount. `code` and `facts` are those of a `Reason`."""

	def __init__(self, code: str, text: str, **facts: str):
		super().__init__(f"{code}: {text}")
		self.code = code
		self.text = text
		self.facts = {"text": text, **facts}


def money(value: object, precision: int = 2) -> Decimal:
	"""Convert a number of the database or a document to a Decimal with `precision` decimals.

	Floats are converted through their shortest text, so 14.1 is 14.10 and not 14.0999999999999996.
	"""
	return _rounded(value, precision, ROUND_HALF_UP)


def ledger_money(value: object, precision: int = 2) -> Decimal:
	"""Convert a sum of ledger rows as `money` does, but half down: ERPNext settles no more than the balance."""
	return _rounded(value, precision, ROUND_HALF_DOWN)


def _rounded(value: object, precision: int, rounding: str) -> Decimal:
	if value is None or value == "":
		return ZERO
	number = value if isinstance(value, Decimal) else Decimal(str(value))
	return number.quantize(unit(precision), rounding=rounding)


@cache
def unit(precision: int) -> Decimal:
	"""Return the smallest amount with this many decimals."""
	return Decimal(1).scaleb(-precision)


POINT, COMMA = ".", ","

# Group separators besides comma and point: spaces, and the apostrophe used in Switzerland.
_GROUPS = str.maketrans(
	"", "", " \N{NO-BREAK SPACE}\N{NARROW NO-BREAK SPACE}\N{THIN SPACE}'\N{RIGHT SINGLE QUOTATION MARK}"
)
_IN_THOUSANDS = re.compile(r"[-+]?\d{1,3}(,\d{3})+")
_IN_LAKHS = re.compile(r"[-+]?\d{1,2}(,\d{2})+,\d{3}")


def parse_amount(value: object, decimal: str = "") -> Decimal | None:
	"""Parse an amount that was typed or imported; None for an empty field.

	`decimal`: the decimal separator if known, `POINT` or `COMMA`. By default it is the point, and a text with an ambiguous
	comma raises: 12,50 could be 12.50 or 1250.

	Raises:
	    AmountError: `not_a_number` for letters and other text, `not_finite` for infinity and NaN,
	        `ambiguous_amount` for a text with two readings.
	"""
	if value is None or value is False:
		return None
	if isinstance(value, Decimal | int | float):
		number = Decimal(str(value))
	else:
		text = str(value).strip()
		if not text:
			return None
		try:
			number = Decimal(_plain(text, decimal))
		except InvalidOperation:
			raise AmountError("not_a_number", text) from None
	if not number.is_finite():
		raise AmountError("not_finite", str(value))
	return number


def _plain(text: str, decimal: str) -> str:
	"""Normalize the separators for `Decimal`.

	Raises:
	    AmountError: ambiguous, or with invalid groups of digits.
	"""
	digits = text.translate(_GROUPS)
	marks = [mark for mark in (COMMA, POINT) if mark in digits]
	if not marks:
		return digits
	if len(marks) == 2:
		mark = max(marks, key=digits.rindex)
		whole, part = digits.rsplit(mark, 1)
		group = COMMA if mark == POINT else POINT
		if not _grouped(whole, group) or not part.isdigit() or decimal == group:
			raise AmountError("not_a_number", text)
		return f"{whole.replace(group, '')}.{part}"
	[mark] = marks
	if digits.count(mark) > 1:
		if not _grouped(digits, mark) or decimal == mark:
			raise AmountError("not_a_number", text)
		return digits.replace(mark, "")
	if mark == (decimal or POINT):
		return digits.replace(mark, POINT)
	if decimal and _grouped(digits, mark):
		return digits.replace(mark, "")
	one, other = digits.replace(mark, POINT), digits.replace(mark, "")
	if not _is_number(one) or not _is_number(other):
		raise AmountError("not_a_number", text)
	shown = decimal or POINT
	raise AmountError("ambiguous_amount", text, one=one.replace(POINT, shown), other=other)


def _grouped(whole: str, group: str) -> bool:
	"""Whether the digits are grouped in thousands or in lakhs."""
	found = whole.replace(group, COMMA)
	return bool(_IN_THOUSANDS.fullmatch(found) or _IN_LAKHS.fullmatch(found))


def _is_number(digits: str) -> bool:
	try:
		Decimal(digits)
	except InvalidOperation:
		return False
	return True
