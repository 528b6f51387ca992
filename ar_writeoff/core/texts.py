"""English messages and labels of the reasons in `core.reasons`; `ledger/messages.py` translates them.

`_` only marks a text for extraction.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from string import Formatter

from ar_writeoff.core import reasons
from ar_writeoff.core.reasons import OVER_LIMIT, Reason

# The fact that is the whole message, in its original language (from ERPNext, another app or a user).
VERBATIM = "said"
# A fact that is another reason, as JSON. Its message is the fact `why`.
CAUSE = "cause"
# Facts that are formatted or translated for the reader. The others are names.
AMOUNT_FACTS = frozenset(
	{
		"amount",
		"balance",
		"base_amount",
		"before",
		"booked",
		"limit",
		"maximum",
		"now",
		"original",
		"outstanding",
		"total",
		"unallocated",
	}
)
# Facts with one line for each amount: amount, currency, account.
ACCOUNT_FACTS = frozenset({"credits", "debits"})
# Facts with one line for each amount: amount, currency, run, voucher. A last line without an amount counts the others.
VOUCHER_FACTS = frozenset({"written_off"})
DATE_FACTS = frozenset({"cutoff", "on", "posting", "until"})
TRANSLATED_FACTS = frozenset(
	{"dimension", "doctype", "enough", "fields", "holder", "kind", "rule", "side", "status"}
)


def _(text: str) -> str:
	return text


MESSAGES: Mapping[str, str] = {
	reasons.DOES_NOT_EXIST: _("{doctype} {name} does not exist."),
	reasons.OTHER_COMPANY: _("{doctype} {name} belongs to company {owner}, not to {company}."),
	reasons.IS_GROUP: _("{doctype} {name} is a group. Choose one below it."),
	reasons.IS_DISABLED: _("{doctype} {name} is disabled."),
	reasons.VALUES_MISSING: _("{doctype} needs a value in {fields}."),
	reasons.MAXIMUM_REQUIRED: _("Enter the maximum balance to write off."),
	reasons.MAXIMUM_NOT_POSITIVE: _("The maximum must be above 0, not {amount}."),
	reasons.MINIMUM_NOT_IN_RANGE: _(
		"The minimum must be between 0 and the maximum of {maximum}, not {amount}."
	),
	reasons.SHARE_NOT_IN_RANGE: _("The share must be between 0 and 100 %, not {share}."),
	reasons.THRESHOLD_TWICE: _("{currency} has more than one row."),
	reasons.THRESHOLD_NOT_POSITIVE: _("{currency}: enter a maximum above 0."),
	reasons.THRESHOLD_MINIMUM_NOT_IN_RANGE: _(
		"{currency}: the minimum must be between 0 and the maximum of {maximum}, not {amount}."
	),
	reasons.NOT_A_NUMBER: _("{text} is not a number. Enter digits only, for example 25.00."),
	reasons.NOT_FINITE: _("{text} is not an amount. Enter a number, for example 25.00."),
	reasons.AMBIGUOUS_AMOUNT: _("{text} can be read as {one} or {other}. Enter one of these amounts."),
	reasons.AGE_NEGATIVE: _("Enter a number of days, 0 or more, not {days}."),
	reasons.CUTOFF_AFTER_POSTING: _(
		"The posting date {posting} must not be before the cutoff date {cutoff}."
	),
	reasons.CUSTOMER_OPTED_OUT: _("The customer is excluded from write-offs."),
	reasons.ON_HOLD: _("{doctype} on hold until {until}: {kind}, set by {by}."),
	reasons.ON_HOLD_WITHOUT_END: _("{doctype} on hold without an end: {kind}, set by {by}."),
	reasons.HELD_BY_POLICY: _("{name} is on hold according to the policy."),
	reasons.CUSTOMER_DISABLED: _("The customer is disabled. Enable the customer first."),
	reasons.CUSTOMER_FROZEN: _(
		"The customer is frozen. Unfreeze the customer first, or let a user with the role for frozen accounts search and"
		" submit."
	),
	reasons.INTERNAL_CUSTOMER: _(
		"The customer represents {represents}, a company of the group. Its payable would remain open. Internal"
		" customers can be included in Write-Off Settings."
	),
	reasons.INTERNAL_VOUCHER: _(
		"The voucher is between companies of the group. The payable of the other company would remain open."
		" Internal customers can be included in Write-Off Settings."
	),
	reasons.ACCOUNT_DISABLED: _("Account {account} is disabled. Enable it first."),
	reasons.ACCOUNT_FROZEN: _(
		"Account {account} is frozen. Unfreeze it first, or let a user with the role for frozen accounts search and submit."
	),
	reasons.ACCOUNT_IS_GROUP: _("Account {account} is a group. Convert it to a ledger account first."),
	reasons.CUSTOMER_OVER_MAXIMUM: _(
		"The customer's balances add up to {total}, over the maximum of {maximum} per customer."
	),
	reasons.SEPARATE_ADVANCE: _("{account} is an advance account. Allocate or refund the advance."),
	reasons.DISCOUNTED: _("The invoice is discounted with a lender. Settle the Invoice Discounting first."),
	reasons.ON_ORDER: _("Advance for {order}. Allocate it to the invoice of the order, or refund it."),
	reasons.REFUND: _(
		"Payment to the customer that is not allocated. Allocate it with Payment Reconciliation."
	),
	reasons.WRITE_OFF_ENTRY: _(
		"This entry is a write-off of {run} that was unlinked from its voucher. Undo it in the run."
	),
	reasons.UNKNOWN_VOUCHER: _(
		"A balance of a {doctype} cannot be written off by a run. Create a Journal Entry manually."
	),
	reasons.IN_ANOTHER_RUN: _("Write-Off Run {run} already includes this balance."),
	reasons.RECONCILIATION_RUNNING: _(
		"{reconciliation} is allocating this customer's payments. Wait until it has finished."
	),
	reasons.CREDIT_AVAILABLE: _(
		"The customer has credits that can settle this balance: {credits}. Allocate them with Payment Reconciliation"
		" first; move credits of another account with a Journal Entry."
	),
	reasons.INVOICES_OPEN: _(
		"The customer has open invoices that this credit can settle: {debits}. Allocate it with Payment Reconciliation"
		" first; move a credit to another account with a Journal Entry."
	),
	reasons.WRITTEN_OFF_DEBTS: _(
		"This credit may be for a written-off balance: {written_off}. Reinstate the balance and allocate the credit with"
		" Reinstate and Allocate, on the payment or in Payment Reconciliation."
	),
	reasons.DRAFT_SETTLES: _(
		"{doctype} {draft} is a draft that would settle this balance. Submit or delete it first."
	),
	reasons.DRAFT_OF_CUSTOMER: _(
		"{doctype} {draft} of the customer is a draft of {amount} that may settle this balance. Submit and allocate it, or"
		" delete it."
	),
	reasons.PAYMENT_REQUESTED: _(
		"Payment Request {request} is open for this balance. Cancel it first, or wait for the payment."
	),
	reasons.ORDER_PAYMENT_REQUESTED: _(
		"Payment Request {request} is open for {order}, the order of this invoice. Cancel it first, or wait for the"
		" payment."
	),
	reasons.DEFERRED_REVENUE: _(
		"{amount} of the invoice is deferred revenue that would still be recognised as income. Create a credit note"
		" instead, or wait until it is recognised."
	),
	reasons.LEDGERS_DIFFER: _(
		"The amount of {doctype} {voucher} is {balance} in the Payment Ledger and {booked} in the General Ledger."
		" Repost it with Repost Payment Ledger first."
	),
	reasons.MORE_THAN_INVOICED: _(
		"The Payment Ledger has {balance} for this invoice, more than the invoice total of {total}. Repost the"
		" invoice with Repost Accounting Ledger first."
	),
	reasons.PAYMENT_DIFFERS: _(
		"The unallocated amount of {doctype} {voucher} is {unallocated}, its balance in the Payment Ledger"
		" {balance}. Repost it with Repost Payment Ledger first, or cancel and amend it."
	),
	reasons.STALE_OUTSTANDING: _(
		"The outstanding amount of the invoice is {outstanding}, but its balance in the Payment Ledger is"
		" {balance}. There is nothing to write off. Update the invoice with Repost Payment Ledger."
	),
	reasons.NO_LEDGER_ROWS: _(
		"The invoice has an outstanding amount of {outstanding} and no rows in the Payment Ledger. Create them with"
		" Repost Payment Ledger first."
	),
	reasons.CREDIT_WITHOUT_LEDGER_ROWS: _(
		"{amount} of {doctype} {voucher} is unallocated, but the voucher has no rows in the Payment Ledger. Create them"
		" with Repost Payment Ledger first."
	),
	reasons.NOT_IN_LEDGER: _(
		"{doctype} {voucher} of the customer may settle this balance: {amount} of it is open, but it has no rows in the"
		" Payment Ledger. Create them with Repost Payment Ledger first."
	),
	reasons.CANCELLED_IN_LEDGER: _(
		"{doctype} {voucher} was cancelled or deleted, but the Payment Ledger still has {balance} of it. Ask an"
		" administrator to set DeLinked in its rows of the Payment Ledger."
	),
	reasons.BASE_RESIDUE: _("Only an exchange difference is left. Create an Exchange Rate Revaluation."),
	reasons.WORTH_NOTHING: _(
		"{amount} {currency} is zero in company currency, and ERPNext does not post zero amounts. Create a"
		" Journal Entry manually that also settles another balance of the customer."
	),
	reasons.REVALUATION: _(
		"Exchange difference of a revaluation without an invoice. The next Exchange Rate Revaluation"
		" includes it."
	),
	reasons.DIMENSION_MISSING: _(
		"{account} requires {dimension}, but the voucher has no value for it. Enter a default for the company in the"
		" dimension."
	),
	reasons.CREDIT_DIMENSION_MISSING: _(
		"{account} requires {dimension}, but {doctype} {voucher} has no value for it. ERPNext posts its ledger rows again to"
		" allocate it, without a default. Enter a value in the {doctype}."
	),
	reasons.DIMENSION_NOT_ALLOWED: _("{dimension} {value} of the voucher is not allowed on {account}."),
	reasons.NO_OFFSET_ACCOUNT: _(
		"No offset account is set. Enter one in the Write-Off Reason or in the Write-Off Settings of"
		" {company}."
	),
	reasons.NO_RECLASSIFY_ACCOUNT: _(
		"The Write-Off Reason {reason} has no account for {company}. A reason with the method Reclassify needs an account"
		" for each company."
	),
	reasons.NOT_SELECTED: _("Not selected by the user who prepared the run."),
	reasons.BALANCE_CHANGED: _("The balance changed from {before} to {now} since the search. Search again."),
	reasons.AMOUNT_OVER_BALANCE: _("The amount {amount} does not fit the balance of {balance}."),
	reasons.NO_LONGER_SUBMITTED: _("{voucher} is no longer submitted."),
	reasons.NO_LONGER_MATCHES: _("The balance no longer matches the criteria of the run."),
	reasons.NOT_PERMITTED: _("{user} has no permission for this customer or company."),
	reasons.SET_OFF_CHANGED: _(
		"The balance of {doctype} {voucher} has changed since the search, so credits cannot be set off as approved."
		" Search again."
	),
	reasons.SET_OFF_NOT_POSSIBLE: _('{doctype} {voucher} can no longer be set off ("{why}").'),
	reasons.CHANGED_SINCE_APPROVAL: _(
		"This item was changed in the database after the approval. It is not posted."
	),
	reasons.NO_LIMIT: _("The roles of this user have no limit for balances in {currency}."),
	reasons.OVER_ITEM_LIMIT: _("{amount} is over the limit of {maximum} per balance for {holder}."),
	reasons.OVER_SHARE_LIMIT: _(
		"{amount} is over {maximum} % of the original amount of {original}, the limit for {holder}."
	),
	reasons.OVER_CUSTOMER_LIMIT: _(
		"The customer's write-offs of the month would add up to {total}, over the limit of {maximum} per customer"
		" and month for {holder}."
	),
	reasons.OVER_RUN_LIMIT: _(
		"The total of the run is {total}, over the limit of {maximum} per run for {holder}."
	),
	reasons.ORIGINAL_AMOUNT_UNKNOWN: _(
		"The original amount of this voucher is unknown, and the limit for {holder} is a share of that"
		" amount."
	),
	reasons.WRITTEN_OFF_BY: _("Write-Off Run {run} has already written off this balance."),
	reasons.PERIOD_CLOSED: _('Nothing can be posted on this date ("{why}").'),
	reasons.MAY_NOT_POST: _("{user} submitted the run but may no longer submit Journal Entries."),
	reasons.REFUSED: _('ERPNext rejected the entry ("{why}").'),
	reasons.UNEXPECTED: _("Unexpected error: {error}. See Error Log {log}."),
	reasons.OFFSET_ACCOUNT_UNUSABLE: _(
		"{why} It is the offset account of the run. Enter another one in the Write-Off Reason {reason}, or in the Write-Off"
		" Settings of {company}."
	),
	reasons.BALANCE_ON_ONE_SIDE: _("The balance of account {account} must always be {side}."),
	reasons.COST_CENTER_UNUSABLE: _(
		"{why} It is the cost center of the Write-Off Settings, or without one there that of {company}. Enter another one in"
		" the Write-Off Settings."
	),
	reasons.VALUE_UNUSABLE: _(
		'ERPNext does not post the {dimension} of {voucher} ("{why}"). Change it in the voucher, or correct {value}.'
	),
	reasons.MANDATORY_FIELD: _(
		"{why} Set a default for the field, or enter a value in the Write-Off Settings of {company}."
	),
	reasons.MANDATORY_SINCE_APPROVAL: _(
		"{why} Set a default for the field, then resume the run. A value in Write-Off Settings applies to runs that are"
		" submitted later."
	),
	reasons.ALL_REFUSED: _(
		'ERPNext rejects every entry for the same reason ("{why}"). Correct this, then resume the run.'
	),
	reasons.ALL_FAIL: _(
		"Every entry fails with the same error: {error}. See Error Log {log}. Correct this, then resume the"
		" run."
	),
	reasons.SITE_UNFIT: _(
		"Database error: {error}. See Error Log {log}. Check that bench migrate has finished, then resume"
		" the run."
	),
	reasons.INTERRUPTED: _(
		"Posting was interrupted {times} times. Ask an administrator to check the workers, then retry."
	),
	reasons.UNDONE_BEFORE_POSTING: _("The run was undone before this balance was posted."),
	reasons.EXCHANGE_RATE_NOT_EXACT: _(
		"No exchange rate converts {amount} to exactly {base_amount}. Create a Journal Entry manually."
	),
	reasons.FAST_SWITCHED_OFF: _("Fast posting is switched off in the Write-Off Settings of {company}."),
	reasons.FAST_OVERRIDDEN: _(
		"The app {app} replaces methods of {doctype}. With doc events instead, entries could be posted in sets."
	),
	reasons.FAST_DIFFERENT: _(
		"On this site, posting in sets wrote other rows than ERPNext: {found}. See Write-Off Posting Proof {proof}."
		" Delete it to compare again."
	),
	reasons.FAST_NOT_POSSIBLE: _(
		"On this site, posting in sets cannot be compared with ERPNext: {found}. See Write-Off Posting Proof {proof}."
		" Delete it to compare again."
	),
	reasons.FAST_HANDLER: _("{method} runs on changes of {doctype}."),
	reasons.FAST_RULE: _("{rule} {name} runs on changes of {doctype}."),
	reasons.FAST_FETCHED: _("{fields} of {doctype} is fetched from another document."),
	reasons.SETTLED_AT_THE_SAME_TIME: _(
		"Another entry settled this balance at the same time, which leaves {balance}. Undo one of the two"
		" entries."
	),
	reasons.CREDIT_LIMIT_EXCEEDED: _("With this entry {customer} is over the credit limit of {limit}."),
	reasons.NO_ACCOUNT_TO_REINSTATE: _(
		"The balance was written off to {account}, which cannot be used ({why}). Enter another account in the Write-Off"
		" Reason {reason}, or in the Write-Off Settings of {company}."
	),
	reasons.REVERSED_BY: _("Reversed by {entry} on {on}."),
	reasons.REINSTATED_BY: _("Reinstated by {entry} on {on}."),
	reasons.REINSTATED_IN_PART: _("{amount} reinstated by {entry}."),
	reasons.ENTRY_CANCELLED: _("{entry} was cancelled by {user}."),
	reasons.RUN_CHANGED_SINCE_APPROVAL: _("Changed since the approval: {fields}."),
	reasons.APPROVAL_RECORD_CHANGED: _("The record of the approval was changed in the database."),
	reasons.JOB_NOT_ENQUEUED: _("The job could not be enqueued."),
	reasons.ALL_EXCLUDED: _("{count} excluded."),
	reasons.SCHEDULE_NOT_APPROVED: _("The terms of the schedule are not approved. The run stays a draft."),
	reasons.ALL_OVER_CAPS: _("All balances found are over the caps of the schedule or the limits of {user}."),
	reasons.RUN_STATUS: _("The status of the run is {status}."),
	reasons.MAY_NOT_APPROVE_SCHEDULE: _("Only users who may submit Write-Off Runs can approve a schedule."),
	reasons.CHANGED_SCHEDULE_LAST: _(
		"{user} last changed this schedule, and {company} requires a second approver."
	),
	reasons.REASON_DISABLED: _("The reason {reason} is disabled."),
	reasons.REASON_NOT_FOR_SCHEDULES: _("The reason {reason} cannot be used in schedules."),
	reasons.REASON_FOR_OTHER_SIDE: _("The reason {reason} is for {side} balances."),
	reasons.SCHEDULE_USER_DISABLED: _("User {user} is disabled. Another user must save this schedule."),
	reasons.NOTHING_POSTED: _("No balance of {run} could be posted."),
	reasons.TAX_UNKNOWN: _(
		"An opening invoice has no tax in the ledger. The Tax Fraction can be entered in the claim."
	),
	reasons.TAX_NO_INVOICE: _(
		"The ledger has the tax of Sales Invoices only. The Tax Fraction can be entered in the claim."
	),
	reasons.TAX_NOT_BY_AGE: _(
		"An opening invoice has no tax in the ledger. The tax can be claimed when the invoice is written off."
	),
	reasons.TAX_CONNECTED: _("The customer is a company of the group."),
	reasons.TAX_REVERSED_BY_PAYMENT: _("Payment Entry {payment} has reversed tax of this invoice."),
	reasons.TAX_LAPSED: _("The last day for the claim was {on}."),
	reasons.TAX_EVENT_MISSING: _("Enter the date on which the debt became uncollectible."),
	reasons.TAX_CONDITIONS_MISSING: _("Still missing: {fields}."),
	reasons.TAX_WITHDRAWN: _(
		"The write-off was undone or reinstated, or credit notes have reversed the tax."
	),
	reasons.TAX_NO_LONGER_UNPAID: _(
		"The invoice was paid or written off, or credit notes have reversed the tax."
	),
	reasons.TAX_NO_RULE: _(
		"The company has no tax rule, so losses would not release this tax. Choose one in Write-Off Settings."
	),
	reasons.RETURN_FILED: _("The return with the claims of {run} is filed."),
}

# Reasons whose message differs from balance to balance by an amount.
BY_BALANCE = frozenset(
	code
	for code, text in MESSAGES.items()
	if any(
		fact in AMOUNT_FACTS | ACCOUNT_FACTS | VOUCHER_FACTS
		for _literal, fact, _format, _conversion in Formatter().parse(text)
	)
)

# Prefix for the holder of a limit that is a schedule, not a role.
SCHEDULE_PREFIX = "Schedule "

# Appended to reasons over a limit when the roles with a sufficient limit are known.
ENOUGH = _("The limit of {enough} is sufficient.")
NOBODY = _("No user has a sufficient limit. An Accounts Manager can raise a limit in Write-Off Settings.")

# Appended to reasons with a note of the user who gave them.
NOTE = _("Note: {note}")

LABELS: Mapping[str, str] = {
	reasons.CUSTOMER_OPTED_OUT: _("Customer excluded from write-offs"),
	reasons.ON_HOLD: _("On hold"),
	reasons.ON_HOLD_WITHOUT_END: _("On hold without an end"),
	reasons.HELD_BY_POLICY: _("On hold"),
	reasons.CUSTOMER_DISABLED: _("Customer disabled"),
	reasons.CUSTOMER_FROZEN: _("Customer frozen"),
	reasons.CUSTOMER_OVER_MAXIMUM: _("Over the maximum per customer"),
	reasons.INTERNAL_CUSTOMER: _("Internal customer"),
	reasons.INTERNAL_VOUCHER: _("Inter-company voucher"),
	reasons.ACCOUNT_DISABLED: _("Account disabled"),
	reasons.ACCOUNT_FROZEN: _("Account frozen"),
	reasons.ACCOUNT_IS_GROUP: _("Account is a group"),
	reasons.SEPARATE_ADVANCE: _("Advance in a separate account"),
	reasons.DISCOUNTED: _("Invoice discounted"),
	reasons.ON_ORDER: _("Advance on an order"),
	reasons.REFUND: _("Refund not allocated"),
	reasons.WRITE_OFF_ENTRY: _("Entry of a write-off"),
	reasons.UNKNOWN_VOUCHER: _("Other voucher type"),
	reasons.IN_ANOTHER_RUN: _("In another run"),
	reasons.RECONCILIATION_RUNNING: _("Reconciliation running"),
	reasons.CREDIT_AVAILABLE: _("Credit available"),
	reasons.INVOICES_OPEN: _("Open invoices"),
	reasons.WRITTEN_OFF_DEBTS: _("Balances of the customer written off"),
	reasons.DRAFT_SETTLES: _("Settled by a draft"),
	reasons.DRAFT_OF_CUSTOMER: _("Draft of the customer"),
	reasons.PAYMENT_REQUESTED: _("Payment requested"),
	reasons.ORDER_PAYMENT_REQUESTED: _("Payment requested"),
	reasons.DEFERRED_REVENUE: _("Deferred revenue"),
	reasons.LEDGERS_DIFFER: _("Ledgers differ"),
	reasons.MORE_THAN_INVOICED: _("Over the invoice total"),
	reasons.PAYMENT_DIFFERS: _("Voucher and Payment Ledger differ"),
	reasons.STALE_OUTSTANDING: _("Outstanding amount not up to date"),
	reasons.NO_LEDGER_ROWS: _("No rows in the Payment Ledger"),
	reasons.CREDIT_WITHOUT_LEDGER_ROWS: _("No rows in the Payment Ledger"),
	reasons.NOT_IN_LEDGER: _("Voucher without rows in the Payment Ledger"),
	reasons.CANCELLED_IN_LEDGER: _("Cancelled with rows in the Payment Ledger"),
	reasons.REVALUATION: _("Revaluation difference"),
	reasons.DIMENSION_MISSING: _("Dimension missing"),
	reasons.CREDIT_DIMENSION_MISSING: _("Dimension missing"),
	reasons.DIMENSION_NOT_ALLOWED: _("Dimension not allowed"),
	reasons.BASE_RESIDUE: _("Exchange difference only"),
	reasons.WORTH_NOTHING: _("Zero in company currency"),
	reasons.NO_OFFSET_ACCOUNT: _("No offset account"),
	reasons.NO_RECLASSIFY_ACCOUNT: _("No account in the reason"),
	reasons.NOT_SELECTED: _("Not selected"),
	reasons.BALANCE_CHANGED: _("Balance changed"),
	reasons.AMOUNT_OVER_BALANCE: _("Amount over the balance"),
	reasons.NO_LONGER_SUBMITTED: _("No longer submitted"),
	reasons.NO_LONGER_MATCHES: _("No longer matches"),
	reasons.NOT_PERMITTED: _("Not permitted"),
	reasons.SET_OFF_CHANGED: _("Balance to set off changed"),
	reasons.SET_OFF_NOT_POSSIBLE: _("Credit cannot be set off"),
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
	reasons.REFUSED: _("Rejected by ERPNext"),
	reasons.UNEXPECTED: _("Unexpected error"),
	reasons.OFFSET_ACCOUNT_UNUSABLE: _("Offset account cannot be used"),
	reasons.BALANCE_ON_ONE_SIDE: _("Balance on one side only"),
	reasons.COST_CENTER_UNUSABLE: _("Cost center cannot be used"),
	reasons.VALUE_UNUSABLE: _("Dimension cannot be used"),
	reasons.MANDATORY_FIELD: _("Mandatory field without a value"),
	reasons.MANDATORY_SINCE_APPROVAL: _("Field mandatory since the approval"),
	reasons.ALL_REFUSED: _("All rejected for the same reason"),
	reasons.ALL_FAIL: _("All failed with the same error"),
	reasons.SITE_UNFIT: _("Database error"),
	reasons.INTERRUPTED: _("Interrupted repeatedly"),
	reasons.UNDONE_BEFORE_POSTING: _("Undone before posting"),
	reasons.EXCHANGE_RATE_NOT_EXACT: _("Exchange rate not exact"),
	reasons.FAST_SWITCHED_OFF: _("Fast posting switched off"),
	reasons.FAST_OVERRIDDEN: _("No fast posting"),
	reasons.FAST_DIFFERENT: _("No fast posting"),
	reasons.FAST_NOT_POSSIBLE: _("No fast posting"),
	reasons.FAST_HANDLER: _("Saved one by one"),
	reasons.FAST_RULE: _("Saved one by one"),
	reasons.FAST_FETCHED: _("Saved one by one"),
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
	reasons.REASON_FOR_OTHER_SIDE: _("Reason for the other balance type"),
	reasons.SCHEDULE_USER_DISABLED: _("User disabled"),
	reasons.NOTHING_POSTED: _("Nothing posted"),
	reasons.TAX_UNKNOWN: _("Tax unknown"),
	reasons.TAX_NO_INVOICE: _("No Sales Invoice"),
	reasons.TAX_NOT_BY_AGE: _("Tax unknown"),
	reasons.TAX_CONNECTED: _("Connected customer"),
	reasons.TAX_REVERSED_BY_PAYMENT: _("Tax reversed by a payment"),
	reasons.TAX_LAPSED: _("Lapsed"),
	reasons.TAX_EVENT_MISSING: _("Event date missing"),
	reasons.TAX_CONDITIONS_MISSING: _("Conditions missing"),
	reasons.TAX_WITHDRAWN: _("Withdrawn"),
	reasons.TAX_NO_LONGER_UNPAID: _("No longer unpaid"),
	reasons.TAX_NO_RULE: _("No tax rule"),
	reasons.RETURN_FILED: _("Return Filed"),
}


def reason_texts(reason: Reason) -> list[str]:
	"""Return the message templates of this reason."""
	facts = dict(reason.facts)
	texts = [MESSAGES.get(reason.code, reason.code)]
	if reason.code in OVER_LIMIT and "enough" in facts:
		texts.append(ENOUGH if facts["enough"] else NOBODY)
	if "note" in facts:
		texts.append(NOTE)
	return texts


ON_ACCOUNT = _("{amount} on {account}")


def on_accounts(
	value: str, format_amount: Callable[[str], str] = _, translate: Callable[[str], str] = _
) -> str:
	"""Format one of ACCOUNT_FACTS. `format_amount` formats an amount with its currency."""
	parts = []
	for line in value.split("\n"):
		number, currency, *account = line.split(" ", 2)
		amount = format_amount(f"{number} {currency}")
		# Reasons of earlier versions have no account.
		parts.append(translate(ON_ACCOUNT).format(amount=amount, account=account[0]) if account else amount)
	return ", ".join(parts)


OF_VOUCHER = _("{amount} of {voucher}, written off by {run}")
MORE = _("{count} more")


def of_vouchers(
	value: str, format_amount: Callable[[str], str] = _, translate: Callable[[str], str] = _
) -> str:
	"""Format one of VOUCHER_FACTS. `format_amount` formats an amount with its currency."""
	parts = []
	for line in value.split("\n"):
		number, *rest = line.split(" ", 3)
		if len(rest) < 3:
			parts.append(translate(MORE).format(count=number))
			continue
		currency, run, voucher = rest
		amount = format_amount(f"{number} {currency}")
		parts.append(translate(OF_VOUCHER).format(amount=amount, voucher=voucher, run=run))
	return "; ".join(parts)


def english_fact(fact: str, value: str) -> str:
	"""Format a fact for an English message."""
	if fact in VOUCHER_FACTS:
		return of_vouchers(value)
	if fact in ACCOUNT_FACTS:
		return on_accounts(value)
	return value.replace("\n", " or " if fact == "enough" else ", ") if fact in TRANSLATED_FACTS else value


def message(
	reason: Reason,
	translate: Callable[[str], str] = _,
	format_fact: Callable[[str, str], str] = english_fact,
) -> str:
	"""Return the message of this reason, by default in English. `translate` translates a template, `format_fact` formats a
	fact by its name."""
	facts = dict(reason.facts)
	if VERBATIM in facts:
		return facts[VERBATIM]
	values = {fact: format_fact(fact, value) for fact, value in facts.items()}
	if CAUSE in facts:
		code, cause = json.loads(facts[CAUSE])
		values["why"] = message(Reason.of(code, **cause), translate, format_fact)
	return " ".join(translate(text).format(**values) for text in reason_texts(reason))


def label(code: str) -> str:
	"""Return the English label for a group of items with this reason."""
	return LABELS.get(code, code)
