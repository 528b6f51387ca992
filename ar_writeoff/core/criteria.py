"""What a run looks for, and whether one balance matches."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final

from ar_writeoff.core import reasons
from ar_writeoff.core.money import ZERO
from ar_writeoff.core.reasons import Reason

DEBIT = "Debit"
CREDIT = "Credit"
DUE_DATE: Final = "Due Date"

# The criteria fields of a run and of a schedule, under the same names in both, beside the table of customers. What is
# searched, sealed, compared, printed and exported reads these lists.
AMOUNT_AND_AGE = ("max_invoice_amount", "max_customer_amount", "ageing_based_on", "minimum_age_days")
# Links that narrow a search; empty means everything.
FILTER_FIELDS = (
	"customer_group",
	"territory",
	"item_group",
	"currency",
	"receivable_account",
	"cost_center",
	"project",
)
CRITERIA = (*AMOUNT_AND_AGE, *FILTER_FIELDS)
# What a list of balances was found with: when one of these changes, the list is void.
SEARCH_FIELDS = ("company", "balance_type", "cutoff_date", *CRITERIA)

# What unallocated credits of a customer do to debit balances of the same customer and account.
LEAVE_OUT = "Leave Out"
DEDUCT = "Deduct"
IGNORE = "Ignore"


@dataclass(frozen=True, slots=True)
class Criteria:
	"""The criteria that a single balance can be judged by.

	`max_invoice_amount` and `max_customer_amount` are in company currency. Which customers, groups, items,
	accounts and projects to look at is a matter of the query, see `ledger/search.py`. `customer_credits` says
	whether a customer's unallocated credits leave debit balances out, are deducted from the total that is
	compared with `max_customer_amount`, or are ignored.
	"""

	balance_type: str
	cutoff_date: date
	max_invoice_amount: Decimal
	max_customer_amount: Decimal | None = None
	minimum_age_days: int = 0
	ageing_based_on: str = DUE_DATE
	customer_credits: str = LEAVE_OUT

	@property
	def sign(self) -> int:
		"""+1 where customers owe us, -1 where we owe them."""
		return 1 if self.balance_type == DEBIT else -1


def problems(
	*,
	max_invoice_amount: Decimal | None,
	max_customer_amount: Decimal | None,
	minimum_age_days: int,
	cutoff_date: date,
	posting_date: date,
) -> list[tuple[str, Reason]]:
	"""What is wrong with criteria as typed: (fieldname, reason) pairs, none when a search may start."""
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
	"""Age at the cutoff date. A voucher without a due date ages from its posting date."""
	since = due_date if criteria.ageing_based_on == DUE_DATE and due_date else posting_date
	return (criteria.cutoff_date - since).days


def is_old_enough(criteria: Criteria, age_days: int) -> bool:
	"""Over N days; a balance exactly N days old is not. N = 0 asks for no age, not even to be due."""
	return criteria.minimum_age_days == 0 or age_days > criteria.minimum_age_days


def eligible_amount(at_cutoff: Decimal, now: Decimal) -> Decimal:
	"""The part of a balance that was open at the cutoff and still is: the smaller of the two in absolute
	value, or zero when it changed sides in between."""
	if at_cutoff * now <= 0:
		return ZERO
	return min(at_cutoff, now, key=abs)
