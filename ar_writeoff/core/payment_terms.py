"""What is open of each payment term of an invoice with a write-off."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from ar_writeoff.core.money import ZERO


@dataclass(frozen=True, slots=True)
class Term:
	"""A row of a payment schedule. `outstanding`: what it says is open; `written_off`: what write-offs have closed of
	it."""

	outstanding: Decimal
	written_off: Decimal = ZERO

	def closed_by(self, amount: Decimal) -> Term:
		return replace(self, outstanding=self.outstanding - amount, written_off=self.written_off + amount)


def with_write_off(terms: Sequence[Term], written_off: Decimal) -> list[Term]:
	"""These terms, in order of their due dates, with this amount written off of the invoice.

	A write-off closes the last terms first: what the customer still pays is due by the first ones. An undo opens the first
	terms first.
	"""
	result = list(terms)
	difference = written_off - sum((term.written_off for term in terms), ZERO)
	for place in reversed(range(len(terms))) if difference > 0 else range(len(terms)):
		term = result[place]
		step = min(difference, term.outstanding) if difference > 0 else max(difference, -term.written_off)
		result[place] = term.closed_by(step)
		difference -= step
	return result
