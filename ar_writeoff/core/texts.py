"""The words for the reasons of `core.reasons`, in English; `ledger/messages.py` translates them for the desk.

`_` only marks a text, for whoever collects what there is to translate.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ar_writeoff.core import reasons
from ar_writeoff.core.reasons import OVER_LIMIT, Reason

# A fact that is the message itself: what ERPNext or a person said, in the language in which it was said.
VERBATIM = "said"
# Facts that a reader sees in the format of the site, or in words of the reader's language. The others are names.
AMOUNT_FACTS = frozenset(
	{
		"amount",
		"balance",
		"base_amount",
		"before",
		"credit",
		"limit",
		"maximum",
		"now",
		"original",
		"total",
	}
)
DATE_FACTS = frozenset({"on"})
TRANSLATED_FACTS = frozenset({"dimension", "doctype", "enough", "fields", "holder", "side", "status"})


def _(text: str) -> str:
	return text


MESSAGES: Mapping[str, str] = {
	reasons.MAXIMUM_REQUIRED: _("Enter the largest balance to write off."),
	reasons.MAXIMUM_NOT_POSITIVE: _("The maximum must be above 0, not {amount}."),
	reasons.NOT_A_NUMBER: _("{text} is not a number. Enter digits only, for example 25.00."),
	reasons.NOT_FINITE: _("{text} is not an amount. Enter a number, for example 25.00."),
	reasons.AMBIGUOUS_AMOUNT: _("{text} could be {one} or {other}. Write one of these two."),
	reasons.AGE_NEGATIVE: _("Enter a number of days, 0 or more, not {days}."),
	reasons.CUTOFF_AFTER_POSTING: _(
		"The posting date {posting} must not be before the cutoff date {cutoff}: an invoice cannot be written"
		" off before it was made."
	),
	reasons.CUSTOMER_OPTED_OUT: _("The customer is excluded from write-offs."),
	reasons.CUSTOMER_DISABLED: _("The customer is disabled. Enable the customer first."),
	reasons.CUSTOMER_FROZEN: _("The customer is frozen. Unfreeze the customer first."),
	reasons.CUSTOMER_OVER_MAXIMUM: _(
		"The customer's balances add up to {total}, over the maximum of {maximum} per customer."
	),
	reasons.SEPARATE_ADVANCE: _(
		"{account} holds advances that are booked apart from receivables. Allocate or refund the advance."
	),
	reasons.DISCOUNTED: _("The invoice is discounted with a lender. Settle the Invoice Discounting first."),
	reasons.ON_ORDER: _("An advance on {order}. It settles the invoice of the order, or is refunded."),
	reasons.REFUND: _(
		"Money paid to the customer that is allocated to nothing. Allocate it with Payment Reconciliation."
	),
	reasons.WRITE_OFF_ENTRY: _(
		"This entry is itself a write-off, of {run}, and was unlinked from what it wrote off. Undo it there."
	),
	reasons.UNKNOWN_VOUCHER: _(
		"A balance of a {doctype} cannot be written off here. Use a Journal Entry by hand."
	),
	reasons.IN_ANOTHER_RUN: _("Write-Off Run {run} is about to post this balance."),
	reasons.RECONCILIATION_RUNNING: _(
		"{reconciliation} is allocating this customer's payments. Wait until it has finished."
	),
	reasons.CREDIT_AVAILABLE: _(
		"The customer has a credit of {credit} {currency} that could settle this. Allocate it with Payment"
		" Reconciliation first."
	),
	reasons.BASE_RESIDUE: _(
		"Only a difference between currencies is left. Use an Exchange Rate Revaluation for it."
	),
	reasons.WORTH_NOTHING: _(
		"{amount} {currency} are worth nothing in company currency, and ERPNext books no entry over nothing. Close it"
		" together with another balance of the customer, with a Journal Entry by hand."
	),
	reasons.REVALUATION: _(
		"A difference between currencies, booked by a revaluation, that belongs to no invoice. The next Exchange"
		" Rate Revaluation takes it up."
	),
	reasons.DIMENSION_MISSING: _("{account} needs a {dimension}, and the voucher has none."),
	reasons.DIMENSION_NOT_ALLOWED: _("{dimension} {value} of the voucher is not allowed on {account}."),
	reasons.NO_OFFSET_ACCOUNT: _(
		"No account to write off to. Set one in the Write-Off Reason or in the Write-Off Settings of {company}."
	),
	reasons.NOT_SELECTED: _("Not selected by the person who prepared the run."),
	reasons.BALANCE_CHANGED: _(
		"The balance changed since the search, from {before} to {now}. Search again to see it as it is."
	),
	reasons.AMOUNT_OVER_BALANCE: _("{amount} is not a part of the balance, {balance}."),
	reasons.NO_LONGER_SUBMITTED: _("{voucher} is no longer submitted."),
	reasons.NO_LONGER_MATCHES: _("The balance no longer matches the criteria of the run."),
	reasons.NOT_PERMITTED: _("{user} has no permission for this customer or company."),
	reasons.CHANGED_SINCE_APPROVAL: _(
		"This row is not what was approved: it was changed in the database since. It is not posted."
	),
	reasons.NO_LIMIT: _("No limit is set for balances in {currency} and the roles of this person."),
	reasons.OVER_ITEM_LIMIT: _("{amount} is over the limit of {maximum} per balance for {holder}."),
	reasons.OVER_SHARE_LIMIT: _(
		"{amount} is over {maximum} % of the original amount of {original}, the limit for {holder}."
	),
	reasons.OVER_CUSTOMER_LIMIT: _(
		"The customer's write-offs of the month would add up to {total}, over the limit of {maximum} per customer"
		" and month for {holder}."
	),
	reasons.OVER_RUN_LIMIT: _(
		"The run adds up to {total}, over the limit of {maximum} per run for {holder}."
	),
	reasons.ORIGINAL_AMOUNT_UNKNOWN: _(
		"The original amount of this voucher is not known, and {holder} may write off a share of it only."
	),
	reasons.WRITTEN_OFF_BY: _("Write-Off Run {run} has written this balance off meanwhile."),
	reasons.PERIOD_CLOSED: _('Nothing can be posted on this date ("{why}").'),
	reasons.MAY_NOT_POST: _("{user}, who submitted the run, may not submit Journal Entries any more."),
	reasons.REFUSED: _('ERPNext refused the entry ("{why}").'),
	reasons.UNEXPECTED: _(
		"An unexpected error stopped this balance: {error}. An administrator finds it in Error Log {log}."
	),
	reasons.MANDATORY_FIELD: _(
		"{why} Give the field a default, or enter a value in the Write-Off Settings of {company}."
	),
	reasons.ALL_REFUSED: _('Every entry is refused for the same reason ("{why}"). Mend that, then resume.'),
	reasons.ALL_FAIL: _(
		"Every entry stops with the same error: {error}. An administrator finds it in Error Log {log}. Mend that,"
		" then resume."
	),
	reasons.SITE_UNFIT: _(
		"The database of this site cannot be used as it is: {error}. An administrator finds it in Error Log {log};"
		" bench migrate may not have finished. Mend that, then resume."
	),
	reasons.INTERRUPTED: _(
		"Posting was interrupted {times} times at this point. Ask an administrator to look at the workers, then retry."
	),
	reasons.UNDONE_BEFORE_POSTING: _("The run was undone before this balance was posted."),
	reasons.EXCHANGE_RATE_NOT_EXACT: _(
		"No exchange rate takes {amount} to exactly {base_amount}. Write it off with a Journal Entry by hand."
	),
	reasons.SETTLED_AT_THE_SAME_TIME: _(
		"Another entry settled this balance at the same time and {balance} is left. Undo one of the two."
	),
	reasons.CREDIT_LIMIT_EXCEEDED: _("With this entry {customer} is over the credit limit of {limit}."),
	reasons.REVERSED_BY: _("Reversed by {entry} on {on}."),
	reasons.REINSTATED_BY: _("Reinstated by {entry} on {on}."),
	reasons.REINSTATED_IN_PART: _("{amount} reinstated by {entry}."),
	reasons.ENTRY_CANCELLED: _("{entry} was cancelled by {user}."),
	reasons.RUN_CHANGED_SINCE_APPROVAL: _("Changed since it was approved: {fields}."),
	reasons.APPROVAL_RECORD_CHANGED: _("The record of what was approved was changed in the database."),
	reasons.JOB_NOT_ENQUEUED: _("The job could not be enqueued."),
	reasons.ALL_EXCLUDED: _("{count} excluded."),
	reasons.SCHEDULE_NOT_APPROVED: _("The terms of the schedule are not approved: the run stays a draft."),
	reasons.ALL_OVER_CAPS: _("Everything found is over the caps of the schedule or the limits of {user}."),
	reasons.RUN_STATUS: _("The run is {status} now."),
	reasons.MAY_NOT_APPROVE_SCHEDULE: _("Only who may submit Write-Off Runs can approve a schedule."),
	reasons.CHANGED_SCHEDULE_LAST: _(
		"{user} changed this schedule last, and {company} asks for a second approver."
	),
	reasons.REASON_DISABLED: _("The reason {reason} is disabled."),
	reasons.REASON_NOT_FOR_SCHEDULES: _("The reason {reason} is not for schedules: somebody has to decide."),
	reasons.REASON_FOR_OTHER_SIDE: _("The reason {reason} is for {side} balances."),
	reasons.SCHEDULE_USER_DISABLED: _("User {user} is disabled. Somebody else has to save this schedule."),
	reasons.NOTHING_POSTED: _("Nothing of {run} could be posted."),
}

# Before the name of a schedule that holds a limit, as a role does.
SCHEDULE_PREFIX = "Schedule "

# Follows what is over a limit, where the roles with a sufficient one were looked for.
ENOUGH = _("The limit of {enough} is enough.")
NOBODY = _("Nobody's limit is enough: an Accounts Manager may raise one in Write-Off Settings.")

LABELS: Mapping[str, str] = {
	reasons.CUSTOMER_OPTED_OUT: _("Customer excluded from write-offs"),
	reasons.CUSTOMER_DISABLED: _("Customer disabled"),
	reasons.CUSTOMER_FROZEN: _("Customer frozen"),
	reasons.CUSTOMER_OVER_MAXIMUM: _("Over the maximum per customer"),
	reasons.SEPARATE_ADVANCE: _("Advance in a separate account"),
	reasons.DISCOUNTED: _("Invoice discounted"),
	reasons.ON_ORDER: _("Advance on an order"),
	reasons.REFUND: _("Refund not allocated"),
	reasons.WRITE_OFF_ENTRY: _("Entry of a write-off"),
	reasons.UNKNOWN_VOUCHER: _("Other kind of voucher"),
	reasons.IN_ANOTHER_RUN: _("In another run"),
	reasons.RECONCILIATION_RUNNING: _("Reconciliation running"),
	reasons.CREDIT_AVAILABLE: _("Credit available"),
	reasons.REVALUATION: _("Revaluation difference"),
	reasons.DIMENSION_MISSING: _("Dimension missing"),
	reasons.DIMENSION_NOT_ALLOWED: _("Dimension not allowed"),
	reasons.BASE_RESIDUE: _("Currency difference only"),
	reasons.WORTH_NOTHING: _("Worth nothing in company currency"),
	reasons.NO_OFFSET_ACCOUNT: _("No offset account"),
	reasons.NOT_SELECTED: _("Not selected"),
	reasons.BALANCE_CHANGED: _("Balance changed"),
	reasons.AMOUNT_OVER_BALANCE: _("Amount over the balance"),
	reasons.NO_LONGER_SUBMITTED: _("No longer submitted"),
	reasons.NO_LONGER_MATCHES: _("No longer matches"),
	reasons.NOT_PERMITTED: _("Not permitted"),
	reasons.CHANGED_SINCE_APPROVAL: _("Changed since approval"),
	reasons.NO_LIMIT: _("No limit set"),
	reasons.OVER_ITEM_LIMIT: _("Over the limit per balance"),
	reasons.OVER_SHARE_LIMIT: _("Over the share of the original amount"),
	reasons.OVER_CUSTOMER_LIMIT: _("Over the limit per customer and month"),
	reasons.OVER_RUN_LIMIT: _("Over the limit per run"),
	reasons.ORIGINAL_AMOUNT_UNKNOWN: _("Original amount unknown"),
	reasons.WRITTEN_OFF_BY: _("Written off by another run"),
	reasons.PERIOD_CLOSED: _("Period closed"),
	reasons.MAY_NOT_POST: _("Submitter may not post"),
	reasons.REFUSED: _("Refused by ERPNext"),
	reasons.UNEXPECTED: _("Unexpected error"),
	reasons.MANDATORY_FIELD: _("Mandatory field without a value"),
	reasons.ALL_REFUSED: _("All refused for the same reason"),
	reasons.ALL_FAIL: _("All stopped by the same error"),
	reasons.SITE_UNFIT: _("Database not as expected"),
	reasons.INTERRUPTED: _("Interrupted again and again"),
	reasons.UNDONE_BEFORE_POSTING: _("Undone before posting"),
	reasons.EXCHANGE_RATE_NOT_EXACT: _("Exchange rate not exact"),
	reasons.SETTLED_AT_THE_SAME_TIME: _("Settled at the same time"),
	reasons.CREDIT_LIMIT_EXCEEDED: _("Over Credit Limit"),
	reasons.REVERSED_BY: _("Reversed"),
	reasons.REINSTATED_BY: _("Reinstated"),
	reasons.REINSTATED_IN_PART: _("Reinstated in part"),
	reasons.ENTRY_CANCELLED: _("Entry cancelled"),
	reasons.RUN_CHANGED_SINCE_APPROVAL: _("Run changed since approval"),
	reasons.APPROVAL_RECORD_CHANGED: _("Record of the approval changed"),
	reasons.JOB_NOT_ENQUEUED: _("Job not enqueued"),
	reasons.ALL_EXCLUDED: _("All excluded"),
	reasons.SCHEDULE_NOT_APPROVED: _("Schedule not approved"),
	reasons.ALL_OVER_CAPS: _("All over the caps or limits"),
	reasons.RUN_STATUS: _("Status"),
	reasons.MAY_NOT_APPROVE_SCHEDULE: _("May not approve a schedule"),
	reasons.CHANGED_SCHEDULE_LAST: _("Second approver needed"),
	reasons.REASON_DISABLED: _("Reason disabled"),
	reasons.REASON_NOT_FOR_SCHEDULES: _("Reason not for schedules"),
	reasons.REASON_FOR_OTHER_SIDE: _("Reason for the other kind of balance"),
	reasons.SCHEDULE_USER_DISABLED: _("User disabled"),
	reasons.NOTHING_POSTED: _("Nothing posted"),
}


def reason_texts(reason: Reason) -> list[str]:
	"""The texts that say this reason, with places for its facts."""
	texts = [MESSAGES.get(reason.code, reason.code)]
	if reason.code in OVER_LIMIT and "enough" in dict(reason.facts):
		texts.append(ENOUGH if dict(reason.facts)["enough"] else NOBODY)
	return texts


def english_fact(fact: str, value: str) -> str:
	"""A fact for an English sentence."""
	return value.replace("\n", " or " if fact == "enough" else ", ") if fact in TRANSLATED_FACTS else value


def message(
	reason: Reason,
	translate: Callable[[str], str] = _,
	format_fact: Callable[[str, str], str] = english_fact,
) -> str:
	"""The sentence that a person reads for this reason, in English. `translate` gives a text in another language,
	`format_fact` a fact, by its name, in another format."""
	facts = dict(reason.facts)
	if VERBATIM in facts:
		return facts[VERBATIM]
	values = {fact: format_fact(fact, value) for fact, value in facts.items()}
	return " ".join(translate(text).format(**values) for text in reason_texts(reason))


def label(code: str) -> str:
	"""A few words for a group of items left out for the same reason, in English."""
	return LABELS.get(code, code)
