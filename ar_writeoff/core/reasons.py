"""Reasons for exclusions, rejections and results: a code with the facts for its message. Both are stored; the message is
translated when it is read.

The messages are in `ar_writeoff/core/texts.py`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace


@dataclass(frozen=True, slots=True)
class Reason:
	"""A code and its facts as text: amounts as `10.00 USD` or `10.00`, dates as `2026-01-31`, lists as lines. The name of a
	fact determines its format, see `texts`. `link`: the document to correct, as (doctype, name).
	"""

	code: str
	facts: tuple[tuple[str, str], ...] = field(default=())
	link: tuple[str, str] | None = None

	@classmethod
	def of(cls, code: str, **facts: object) -> Reason:
		return cls(code, tuple((key, str(value)) for key, value in facts.items()))

	@classmethod
	def verbatim(cls, text: str) -> Reason:
		"""A reason without a code, with a message from ERPNext, another app or a user."""
		return cls.of("", said=text)

	@classmethod
	def caused(cls, code: str, cause: Reason, **facts: object) -> Reason:
		"""A reason whose fact `why` is the message of another reason."""
		if not cause.code:
			return cls.of(code, why=dict(cause.facts)["said"], **facts)
		return cls.of(code, cause=json.dumps([cause.code, dict(cause.facts)], ensure_ascii=False), **facts)

	@classmethod
	def from_row(cls, code: str | None, facts: str | None) -> Reason | None:
		"""The reason stored in `reason_code` and `reason_facts` of a row, or None."""
		if not code and not facts:
			return None
		return cls.of(code or "", **json.loads(facts or "{}"))

	@property
	def stored_facts(self) -> str:
		"""The facts as JSON. Equal facts give equal text, so that rows can be grouped by it."""
		return json.dumps(dict(self.facts), ensure_ascii=False, separators=(",", ":")) if self.facts else ""

	def with_link(self, doctype: str, name: str) -> Reason:
		"""Return a copy with the document to correct."""
		return replace(self, link=(doctype, name))

	def with_facts(self, **facts: object) -> Reason:
		"""Return a copy with more facts."""
		return replace(self, facts=(*self.facts, *Reason.of("", **facts).facts))


# A document that cannot be used. Shown at a field, or the cause of another reason.
DOES_NOT_EXIST = "does_not_exist"
OTHER_COMPANY = "other_company"
IS_GROUP = "is_group"
IS_DISABLED = "is_disabled"
VALUES_MISSING = "values_missing"

# Invalid criteria.
MAXIMUM_REQUIRED = "maximum_required"
MAXIMUM_NOT_POSITIVE = "maximum_not_positive"
MINIMUM_NOT_IN_RANGE = "minimum_not_in_range"
SHARE_NOT_IN_RANGE = "share_not_in_range"
THRESHOLD_TWICE = "threshold_twice"
THRESHOLD_NOT_POSITIVE = "threshold_not_positive"
THRESHOLD_MINIMUM_NOT_IN_RANGE = "threshold_minimum_not_in_range"
NOT_A_NUMBER = "not_a_number"
NOT_FINITE = "not_finite"
AMBIGUOUS_AMOUNT = "ambiguous_amount"
AGE_NEGATIVE = "age_negative"
CUTOFF_AFTER_POSTING = "cutoff_after_posting"

# Exclusions: balances that match the criteria and must not be written off.
CUSTOMER_OPTED_OUT = "customer_opted_out"
ON_HOLD = "on_hold"
ON_HOLD_WITHOUT_END = "on_hold_without_end"
HELD_BY_POLICY = "held_by_policy"
CUSTOMER_DISABLED = "customer_disabled"
CUSTOMER_FROZEN = "customer_frozen"
CUSTOMER_OVER_MAXIMUM = "customer_over_maximum"
INTERNAL_CUSTOMER = "internal_customer"
INTERNAL_VOUCHER = "internal_voucher"
ACCOUNT_DISABLED = "account_disabled"
ACCOUNT_FROZEN = "account_frozen"
ACCOUNT_IS_GROUP = "account_is_group"
SEPARATE_ADVANCE = "separate_advance"
DISCOUNTED = "discounted"
ON_ORDER = "on_order"
REFUND = "refund"
WRITE_OFF_ENTRY = "write_off_entry"
UNKNOWN_VOUCHER = "unknown_voucher"
IN_ANOTHER_RUN = "in_another_run"
RECONCILIATION_RUNNING = "reconciliation_running"
CREDIT_AVAILABLE = "credit_available"
INVOICES_OPEN = "invoices_open"
WRITTEN_OFF_DEBTS = "written_off_debts"
DRAFT_SETTLES = "draft_settles"
DRAFT_OF_CUSTOMER = "draft_of_customer"
PAYMENT_REQUESTED = "payment_requested"
ORDER_PAYMENT_REQUESTED = "order_payment_requested"
DEFERRED_REVENUE = "deferred_revenue"
LEDGERS_DIFFER = "ledgers_differ"
MORE_THAN_INVOICED = "more_than_invoiced"
PAYMENT_DIFFERS = "payment_differs"
STALE_OUTSTANDING = "stale_outstanding"
NO_LEDGER_ROWS = "no_ledger_rows"
CREDIT_WITHOUT_LEDGER_ROWS = "credit_without_ledger_rows"
NOT_IN_LEDGER = "not_in_ledger"
CANCELLED_IN_LEDGER = "cancelled_in_ledger"
BASE_RESIDUE = "base_residue"
WORTH_NOTHING = "worth_nothing"
REVALUATION = "revaluation"
NO_OFFSET_ACCOUNT = "no_offset_account"
NO_RECLASSIFY_ACCOUNT = "no_reclassify_account"
DIMENSION_MISSING = "dimension_missing"
CREDIT_DIMENSION_MISSING = "credit_dimension_missing"
DIMENSION_NOT_ALLOWED = "dimension_not_allowed"
NOT_SELECTED = "not_selected"

# Limits: the item is pending until a user with a sufficient limit approves.
NO_LIMIT = "no_limit"
OVER_ITEM_LIMIT = "over_item_limit"
OVER_SHARE_LIMIT = "over_share_limit"
OVER_CUSTOMER_LIMIT = "over_customer_limit"
OVER_RUN_LIMIT = "over_run_limit"
ORIGINAL_AMOUNT_UNKNOWN = "original_amount_unknown"

OVER_LIMIT = (
	NO_LIMIT,
	OVER_ITEM_LIMIT,
	OVER_SHARE_LIMIT,
	OVER_CUSTOMER_LIMIT,
	OVER_RUN_LIMIT,
	ORIGINAL_AMOUNT_UNKNOWN,
)

# Found when the locked item is checked again before posting.
BALANCE_CHANGED = "balance_changed"
AMOUNT_OVER_BALANCE = "amount_over_balance"
NO_LONGER_SUBMITTED = "no_longer_submitted"
NO_LONGER_MATCHES = "no_longer_matches"
NOT_PERMITTED = "not_permitted"
WRITTEN_OFF_BY = "written_off_by"
PERIOD_CLOSED = "period_closed"
MAY_NOT_POST = "may_not_post"
REFUSED = "refused"
UNEXPECTED = "unexpected"
OFFSET_ACCOUNT_UNUSABLE = "offset_account_unusable"
BALANCE_ON_ONE_SIDE = "balance_on_one_side"
COST_CENTER_UNUSABLE = "cost_center_unusable"
VALUE_UNUSABLE = "value_unusable"
MANDATORY_FIELD = "mandatory_field"
MANDATORY_SINCE_APPROVAL = "mandatory_since_approval"
ALL_REFUSED = "all_refused"
ALL_FAIL = "all_fail"
SITE_UNFIT = "site_unfit"
INTERRUPTED = "interrupted"
UNDONE_BEFORE_POSTING = "undone_before_posting"
CHANGED_SINCE_APPROVAL = "changed_since_approval"
SET_OFF_CHANGED = "set_off_changed"
SET_OFF_NOT_POSSIBLE = "set_off_not_possible"
EXCHANGE_RATE_NOT_EXACT = "exchange_rate_not_exact"

# A run that is not posted in sets.
FAST_SWITCHED_OFF = "fast_switched_off"
FAST_OVERRIDDEN = "fast_overridden"
FAST_DIFFERENT = "fast_different"
FAST_NOT_POSSIBLE = "fast_not_possible"

# Documents that are saved one by one.
FAST_HANDLER = "fast_handler"
FAST_RULE = "fast_rule"
FAST_FETCHED = "fast_fetched"

# Found after posting.
SETTLED_AT_THE_SAME_TIME = "settled_at_the_same_time"

# Results of items that were written off.
CREDIT_LIMIT_EXCEEDED = "credit_limit_exceeded"
NO_ACCOUNT_TO_REINSTATE = "no_account_to_reinstate"
REVERSED_BY = "reversed_by"
REINSTATED_BY = "reinstated_by"
REINSTATED_IN_PART = "reinstated_in_part"
ENTRY_CANCELLED = "entry_cancelled"

# Reasons of a run, in its log and in the log of its schedule.
RUN_CHANGED_SINCE_APPROVAL = "run_changed_since_approval"
APPROVAL_RECORD_CHANGED = "approval_record_changed"
JOB_NOT_ENQUEUED = "job_not_enqueued"
ALL_EXCLUDED = "all_excluded"
SCHEDULE_NOT_APPROVED = "schedule_not_approved"
ALL_OVER_CAPS = "all_over_caps"
RUN_STATUS = "run_status"
MAY_NOT_APPROVE_SCHEDULE = "may_not_approve_schedule"
CHANGED_SCHEDULE_LAST = "changed_schedule_last"
REASON_DISABLED = "reason_disabled"
REASON_NOT_FOR_SCHEDULES = "reason_not_for_schedules"
REASON_FOR_OTHER_SIDE = "reason_for_other_side"
SCHEDULE_USER_DISABLED = "schedule_user_disabled"
NOTHING_POSTED = "nothing_posted"

# Tax claims.
TAX_UNKNOWN = "tax_unknown"
TAX_NO_INVOICE = "tax_no_invoice"
TAX_NOT_BY_AGE = "tax_not_by_age"
TAX_CONNECTED = "tax_connected"
TAX_REVERSED_BY_PAYMENT = "tax_reversed_by_payment"
TAX_LAPSED = "tax_lapsed"
TAX_EVENT_MISSING = "tax_event_missing"
TAX_CONDITIONS_MISSING = "tax_conditions_missing"
TAX_WITHDRAWN = "tax_withdrawn"
TAX_NO_LONGER_UNPAID = "tax_no_longer_unpaid"
TAX_NO_RULE = "tax_no_rule"
RETURN_FILED = "return_filed"
