"""Amounts as Decimal, rounded half up to the precision of their currency, as ERPNext stores them."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from functools import cache

ZERO = Decimal(0)


class AmountError(ValueError):
	"""A text that is not an amount. `code` is a `Reason` code."""

	def __init__(self, code: str, text: str):
		super().__init__(f"{code}: {text}")
		self.code = code
		self.text = text


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


def parse_amount(value: object) -> Decimal | None:
	"""What a person or an import put in an amount field: a Decimal, or None for an empty field.

	Raises:
	    AmountError: `not_a_number` for letters and other text, `not_finite` for infinity and NaN.
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
			number = Decimal(text.replace(",", "").replace(" ", ""))
		except InvalidOperation:
			raise AmountError("not_a_number", text) from None
	if not number.is_finite():
		raise AmountError("not_finite", str(value))
	return number
