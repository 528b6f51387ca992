"""Search criteria of a run, and the age and eligible amount of a balance."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from datetime import date
from decimal import Decimal
from typing import Final, NamedTuple

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
# Credits are set off against the debit balances in the same run, and the remaining balances are judged. Credits that
# cannot be set off have the effect of Leave Out.
NET_FIRST = "Net First"

# Kinds of vouchers. An invoice may be of several kinds: a debit note is a Sales Invoice too.
SALES_INVOICE = "Sales Invoice"
DEBIT_NOTE = "Debit Note"
OPENING_INVOICE = "Opening Invoice"
CREDIT_NOTE = "Credit Note"
PAYMENT_ENTRY = "Payment Entry"
JOURNAL_ENTRY = "Journal Entry"
DUNNING = "Dunning"
FEES = "Fees"
VOUCHER_KINDS = (
	SALES_INVOICE,
	DEBIT_NOTE,
	OPENING_INVOICE,
	CREDIT_NOTE,
	PAYMENT_ENTRY,
	JOURNAL_ENTRY,
	DUNNING,
	FEES,
)


class Threshold(NamedTuple):
	"""Smallest and largest balance of vouchers in one currency, in this currency. They replace those in company
	currency."""

	currency: str
	min_amount: Decimal
	max_amount: Decimal


@dataclass(frozen=True, kw_only=True)
class Filters:
	"""The criteria that are answered by queries. An empty one does not filter; groups and trees include their descendants.

	`currency`: of the voucher, see `Origin` in `search/rules.py`.
	"""

	customers: tuple[str, ...] = ()
	customer_group: str | None = None
	territory: str | None = None
	item_group: str | None = None
	currency: str | None = None
	receivable_account: str | None = None
	cost_center: str | None = None
	project: str | None = None
	sales_person: str | None = None
	payment_terms_template: str | None = None


@dataclass(frozen=True)
class Criteria:
	"""The criteria for a single balance. The filters are part of the query.

	Amounts are in company currency, those of `thresholds` in the currency of the voucher. `max_original_share`: largest
	balance in percent of the original amount. `only_remainders`: only remainders after a payment or credit note.
	`customer_credits`: unallocated credits of a customer exclude the debit balances, are deducted from the total that
	is compared with `max_customer_amount`, are ignored, or are set off first. If the credits of a customer total up to
	`credit_threshold`, they do not exclude balances. `cancel_payment_requests`: open Payment Requests do not exclude
	balances, because the posting cancels them.
	"""

	balance_type: str
	cutoff_date: date
	max_invoice_amount: Decimal
	min_invoice_amount: Decimal = ZERO
	max_customer_amount: Decimal | None = None
	ageing_based_on: str = DUE_DATE
	minimum_age_days: int = 0
	max_original_share: Decimal | None = None
	only_remainders: bool = False
	voucher_kind: str | None = None
	thresholds: tuple[Threshold, ...] = ()
	customer_credits: str = LEAVE_OUT
	credit_threshold: Decimal = ZERO
	include_disabled_customers: bool = False
	include_internal_customers: bool = False
	cancel_payment_requests: bool = False

	@property
	def sign(self) -> int:
		"""+1 for debit balances, -1 for credit balances."""
		return 1 if self.balance_type == DEBIT else -1

	@property
	def excludes_for_credits(self) -> bool:
		"""Whether open credits and invoices of the same customer exclude balances."""
		return self.customer_credits in (LEAVE_OUT, NET_FIRST)

	@property
	def sets_off_credits(self) -> bool:
		"""Whether credits of the customers are set off before balances are judged."""
		return (self.balance_type, self.customer_credits) == (DEBIT, NET_FIRST)

	@property
	def needs_history(self) -> bool:
		"""Whether a criterion needs the original amount of a voucher or what settled it."""
		return self.max_original_share is not None or self.only_remainders

	def threshold(self, currency: str) -> Threshold | None:
		"""Return the threshold for vouchers in this currency, or None."""
		return next((one for one in self.thresholds if one.currency == currency), None)

	def is_in_range(self, base_amount: Decimal) -> bool:
		"""Whether an absolute amount in company currency is in the range from the minimum to the maximum."""
		return self.min_invoice_amount <= base_amount <= self.max_invoice_amount


# Criteria from Write-Off Settings.
SETTINGS_CRITERIA = (
	"customer_credits",
	"credit_threshold",
	"include_disabled_customers",
	"include_internal_customers",
	"cancel_payment_requests",
)
# Criteria fields of Write-Off Run and Write-Off Schedule, without the tables. Search, seal, print and export use these
# lists.
TABLES = ("customers", "thresholds")
FILTER_FIELDS = tuple(field.name for field in fields(Filters) if field.name not in TABLES)
AMOUNT_AND_AGE = tuple(
	field.name
	for field in fields(Criteria)
	if field.name not in ("balance_type", "cutoff_date", *SETTINGS_CRITERIA, *TABLES)
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
	min_invoice_amount: Decimal | None = None,
	max_original_share: Decimal | None = None,
	thresholds: Iterable[Threshold] = (),
) -> list[tuple[str, Reason]]:
	"""Return the invalid criteria as (fieldname, reason)."""
	found: list[tuple[str, Reason]] = []
	if max_invoice_amount is None:
		found.append(("max_invoice_amount", Reason.of(reasons.MAXIMUM_REQUIRED)))
	elif max_invoice_amount <= 0:
		found.append(
			("max_invoice_amount", Reason.of(reasons.MAXIMUM_NOT_POSITIVE, amount=max_invoice_amount))
		)
	elif not 0 <= (min_invoice_amount or 0) <= max_invoice_amount:
		found.append(
			(
				"min_invoice_amount",
				Reason.of(
					reasons.MINIMUM_NOT_IN_RANGE, amount=min_invoice_amount, maximum=max_invoice_amount
				),
			)
		)
	if max_original_share is not None and not 0 <= max_original_share <= 100:
		found.append(("max_original_share", Reason.of(reasons.SHARE_NOT_IN_RANGE, share=max_original_share)))
	found += [("thresholds", reason) for reason in _threshold_problems(thresholds)]
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


def _threshold_problems(thresholds: Iterable[Threshold]) -> Iterable[Reason]:
	seen: set[str] = set()
	for currency, minimum, maximum in thresholds:
		if currency in seen:
			yield Reason.of(reasons.THRESHOLD_TWICE, currency=currency)
		elif maximum <= 0:
			yield Reason.of(reasons.THRESHOLD_NOT_POSITIVE, currency=currency)
		elif not 0 <= minimum <= maximum:
			yield Reason.of(
				reasons.THRESHOLD_MINIMUM_NOT_IN_RANGE, currency=currency, amount=minimum, maximum=maximum
			)
		seen.add(currency)


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
