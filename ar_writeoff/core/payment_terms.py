"""Outstanding amounts of the payment terms of an invoice with a write-off."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from ar_writeoff.core.money import ZERO


@dataclass(frozen=True, slots=True)
class Term:
	"""A row of a payment schedule. `outstanding`: its stored outstanding amount; `written_off`: the part that
	write-offs have closed."""

	outstanding: Decimal
	written_off: Decimal = ZERO

	def closed_by(self, amount: Decimal) -> Term:
		return replace(self, outstanding=self.outstanding - amount, written_off=self.written_off + amount)


def with_write_off(terms: Sequence[Term], written_off: Decimal) -> list[Term]:
	"""These terms, in order of their due dates, with this amount written off of the invoice.

	A write-off closes the last terms first, because the customer pays the first terms first. An undo opens the first
	terms first.
	"""
	result = list(terms)
	difference = written_off - sum(term.written_off for term in terms)
	for place in reversed(range(len(terms))) if difference > 0 else range(len(terms)):
		term = result[place]
		step = max(min(difference, term.outstanding), -term.written_off)
		result[place] = term.closed_by(step)
		difference -= step
	return result
