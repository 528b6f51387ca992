"""Amounts as Decimal, rounded half up to the precision of their currency, as ERPNext stores them."""

from __future__ import annotations

import re
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from functools import cache

ZERO = Decimal(0)


class AmountError(ValueError):
	"""A text that is not an amount. `code` is a `Reason` code, `facts` are what its message needs."""

	def __init__(self, code: str, text: str, **facts: str):
		super().__init__(f"{code}: {text}")
		self.code = code
		self.text = text
		self.facts = {"text": text, **facts}


def money(value: object, precision: int = 2) -> Decimal:
	"""A database or document number as Decimal with `precision` decimals.

	Floats go through their shortest text, so 14.1 is 14.10 and not 14.0999999999999996.
	"""
	if value is None or value == "":
		return ZERO
	number = value if isinstance(value, Decimal) else Decimal(str(value))
	return number.quantize(unit(precision), rounding=ROUND_HALF_UP)


@cache
def unit(precision: int) -> Decimal:
	"""The smallest amount of this many decimals."""
	return Decimal(1).scaleb(-precision)


POINT, COMMA = ".", ","

# What stands between groups of digits besides a comma or a point: spaces of every width, and the apostrophe of
# Switzerland.
_GROUPS = str.maketrans(
	"", "", " \N{NO-BREAK SPACE}\N{NARROW NO-BREAK SPACE}\N{THIN SPACE}'\N{RIGHT SINGLE QUOTATION MARK}"
)
_IN_THOUSANDS = re.compile(r"[-+]?\d{1,3}(,\d{3})+")
_IN_LAKHS = re.compile(r"[-+]?\d{1,2}(,\d{2})+,\d{3}")


def parse_amount(value: object, decimal: str = "") -> Decimal | None:
	"""What a person or an import put in an amount field: a Decimal, or None for an empty field.

	`decimal` is the decimal sign where it is known, `POINT` or `COMMA`. Where it is not, a point marks the decimals,
	and a text whose comma could mean two things is refused: 12,50 is 12.50 or 1250.

	Raises:
	    AmountError: `not_a_number` for letters and other text, `not_finite` for infinity and NaN,
	        `ambiguous_amount` for what can be read in two ways.
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
	"""The digits with a point before the decimals, as `Decimal` reads them.

	Raises:
	    AmountError: for what can be read in two ways, and for groups that are none.
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
	"""Whether the groups are of three digits, or as in India of two before the last three."""
	found = whole.replace(group, COMMA)
	return bool(_IN_THOUSANDS.fullmatch(found) or _IN_LAKHS.fullmatch(found))


def _is_number(digits: str) -> bool:
	try:
		Decimal(digits)
	except InvalidOperation:
		return False
	return True
