"""Search criteria of a run, and the age and eligible amount of a balance."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import date
from decimal import Decimal
from typing import Final

from ar_writeoff.core import reasons
from ar_writeoff.core.money import ZERO
from ar_writeoff.core.reasons import Reason

DEBIT = "Debit"
CREDIT = "Credit"
DUE_DATE: Final = "Due Date"

# Effect of a customer's unallocated credits on debit balances of the same customer and account. With Leave Out, open
# invoices exclude credit balances in the same way.
LEAVE_OUT = "Leave Out"
DEDUCT = "Deduct"
IGNORE = "Ignore"


@dataclass(frozen=True, kw_only=True)
class Filters:
	"""The criteria that are answered by queries. An empty one does not filter; groups and trees include their descendants."""

	customers: tuple[str, ...] = ()
	customer_group: str | None = None
	territory: str | None = None
	item_group: str | None = None
	currency: str | None = None
	receivable_account: str | None = None
	cost_center: str | None = None
	project: str | None = None


@dataclass(frozen=True)
class Criteria:
	"""The criteria for a single balance. The filters are part of the query.

	Maximum amounts are in company currency. `customer_credits`: unallocated credits of a customer exclude the debit
	balances, are deducted from the total that is compared with `max_customer_amount`, or are ignored.
	"""

	balance_type: str
	cutoff_date: date
	max_invoice_amount: Decimal
	max_customer_amount: Decimal | None = None
	ageing_based_on: str = DUE_DATE
	minimum_age_days: int = 0
	customer_credits: str = LEAVE_OUT

	@property
	def sign(self) -> int:
		"""+1 for debit balances, -1 for credit balances."""
		return 1 if self.balance_type == DEBIT else -1


# Criteria fields of Write-Off Run and Write-Off Schedule, without the customers table. Search, seal, print and export
# use these lists.
FILTER_FIELDS = tuple(field.name for field in fields(Filters) if field.name != "customers")
AMOUNT_AND_AGE = tuple(
	field.name
	for field in fields(Criteria)
	if field.name not in ("balance_type", "cutoff_date", "customer_credits")
)
CRITERIA = (*AMOUNT_AND_AGE, *FILTER_FIELDS)
# When one of these fields changes, the items have to be searched again.
SEARCH_FIELDS = ("company", "balance_type", "cutoff_date", *CRITERIA)


def problems(
	*,
	max_invoice_amount: Decimal | None,
	max_customer_amount: Decimal | None,
	minimum_age_days: int,
	cutoff_date: date,
	posting_date: date,
) -> list[tuple[str, Reason]]:
	"""Return the invalid criteria as (fieldname, reason)."""
	found: list[tuple[str, Reason]] = []
	if max_invoice_amount is None:
		found.append(("max_invoice_amount", Reason.of(reasons.MAXIMUM_REQUIRED)))
	elif max_invoice_amount <= 0:
		found.append(
			("max_invoice_amount", Reason.of(reasons.MAXIMUM_NOT_POSITIVE, amount=max_invoice_amount))
		)
	if max_customer_amount is not None and max_customer_amount < 0:
		found.append(
			("max_customer_amount", Reason.of(reasons.MAXIMUM_NOT_POSITIVE, amount=max_customer_amount))
		)
	if minimum_age_days < 0:
		found.append(("minimum_age_days", Reason.of(reasons.AGE_NEGATIVE, days=minimum_age_days)))
	if cutoff_date > posting_date:
		found.append(
			(
				"posting_date",
				Reason.of(reasons.CUTOFF_AFTER_POSTING, cutoff=cutoff_date, posting=posting_date),
			)
		)
	return found


def age_in_days(criteria: Criteria, posting_date: date, due_date: date | None) -> int:
	"""Return the age at the cutoff date, from the posting date if there is no due date."""
	since = due_date if criteria.ageing_based_on == DUE_DATE and due_date else posting_date
	return (criteria.cutoff_date - since).days


def is_old_enough(criteria: Criteria, age_days: int) -> bool:
	"""Whether the age is over the minimum. A minimum of 0 also accepts balances that are not due."""
	return criteria.minimum_age_days == 0 or age_days > criteria.minimum_age_days


def eligible_amount(at_cutoff: Decimal, now: Decimal) -> Decimal:
	"""Return the smaller in absolute value of the balance at the cutoff and now, or zero if the sign changed."""
	if at_cutoff * now <= 0:
		return ZERO
	return min(at_cutoff, now, key=abs)
