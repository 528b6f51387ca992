"""Which hold applies to a balance, and the reason it gives."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from ar_writeoff.core import reasons
from ar_writeoff.core.reasons import Reason

ACTIVE = "Active"
ENDED = "Ended"

DOCTYPE = "Write-Off Hold"

# Customer, voucher type and voucher number; both empty for the whole customer.
Scope = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Hold:
	"""An active hold. `until` is its last day, None for no end; `by` the full name of the user who set it."""

	name: str
	scope: Scope
	kind: str
	until: date | None
	by: str
	note: str = ""

	@property
	def last_day(self) -> date:
		return self.until or date.max

	@property
	def reason(self) -> Reason:
		customer_or_voucher = self.scope[1] or "Customer"
		if self.until:
			reason = Reason.of(
				reasons.ON_HOLD, doctype=customer_or_voucher, until=self.until, kind=self.kind, by=self.by
			)
		else:
			reason = Reason.of(
				reasons.ON_HOLD_WITHOUT_END, doctype=customer_or_voucher, kind=self.kind, by=self.by
			)
		if self.note:
			reason = reason.with_facts(note=self.note)
		return reason.with_link(DOCTYPE, self.name)


def longest(holds: Iterable[Hold | None]) -> Hold | None:
	"""Return the hold that ends last, the first of several."""
	return max((hold for hold in holds if hold), key=lambda hold: hold.last_day, default=None)


def by_scope(holds: Iterable[Hold]) -> dict[Scope, Hold]:
	"""Return the hold of each scope that ends last."""
	found: dict[Scope, Hold] = {}
	for hold in holds:
		found[hold.scope] = max(found.get(hold.scope, hold), hold, key=lambda hold: hold.last_day)
	return found


def applying(holds: Mapping[Scope, Hold], customer: str, voucher_type: str, voucher_no: str) -> Hold | None:
	"""Return the hold on this balance, of its voucher or of its customer; None if there is none."""
	return longest([holds.get((customer, voucher_type, voucher_no)), holds.get((customer, "", ""))])
