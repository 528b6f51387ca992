"""The words for the reasons of `core.reasons`, translated: errors are data until somebody reads them."""

from collections.abc import Callable

import frappe
from frappe import _

from ar_writeoff.core import reasons
from ar_writeoff.core.reasons import Reason

# Lambdas, so that each text is translated into the language of whoever reads it.
MESSAGES: dict[str, Callable[[], str]] = {
	reasons.MAXIMUM_REQUIRED: lambda: _("Enter the largest balance to write off."),
	reasons.MAXIMUM_NOT_POSITIVE: lambda: _("The maximum must be above 0, not {amount}."),
	reasons.NOT_A_NUMBER: lambda: _("{text} is not a number. Enter digits only, for example 25.00."),
	reasons.NOT_FINITE: lambda: _("{text} is not an amount. Enter a number, for example 25.00."),
	reasons.AGE_NEGATIVE: lambda: _("Enter a number of days, 0 or more, not {days}."),
	reasons.CUTOFF_AFTER_POSTING: lambda: _(
		"The posting date {posting} must not be before the cutoff date {cutoff}: an invoice cannot be written"
		" off before it was made."
	),
	reasons.CUSTOMER_OPTED_OUT: lambda: _("The customer is excluded from write-offs."),
	reasons.CUSTOMER_DISABLED: lambda: _("The customer is disabled. Enable the customer first."),
	reasons.CUSTOMER_FROZEN: lambda: _("The customer is frozen. Unfreeze the customer first."),
	reasons.CUSTOMER_OVER_MAXIMUM: lambda: _(
		"The customer's balances add up to {total}, over the maximum of {maximum} per customer."
	),
	reasons.DISCOUNTED: lambda: _("The invoice is discounted with a lender. Settle the Invoice Discounting first."),
	reasons.IN_ANOTHER_RUN: lambda: _("Write-Off Run {run} is about to post this balance."),
	reasons.BASE_RESIDUE: lambda: _(
		"Only a difference between currencies is left. Use an Exchange Rate Revaluation for it."
	),
	reasons.NO_OFFSET_ACCOUNT: lambda: _(
		"No account to write off to. Set one in the Write-Off Reason or in the Write-Off Settings of {company}."
	),
	reasons.NOT_SELECTED: lambda: _("Not selected by the person who prepared the run."),
	reasons.BALANCE_CHANGED: lambda: _(
		"The balance changed since the search, from {before} to {now}. Search again to see it as it is."
	),
	reasons.NO_LONGER_SUBMITTED: lambda: _("{voucher} is no longer submitted."),
	reasons.NO_LONGER_MATCHES: lambda: _("The balance no longer matches the criteria of the run."),
	reasons.NOT_PERMITTED: lambda: _("{user} has no permission for this customer or company."),
	reasons.EXCHANGE_RATE_NOT_EXACT: lambda: _(
		"No exchange rate takes {amount} to exactly {base_amount}. Write it off with a Journal Entry by hand."
	),
	reasons.SETTLED_AT_THE_SAME_TIME: lambda: _(
		"Another entry settled this balance at the same time and {balance} is left. Undo one of the two."
	),
}

LABELS: dict[str, Callable[[], str]] = {
	reasons.CUSTOMER_OPTED_OUT: lambda: _("Customer excluded from write-offs"),
	reasons.CUSTOMER_DISABLED: lambda: _("Customer disabled"),
	reasons.CUSTOMER_FROZEN: lambda: _("Customer frozen"),
	reasons.CUSTOMER_OVER_MAXIMUM: lambda: _("Over the maximum per customer"),
	reasons.DISCOUNTED: lambda: _("Invoice discounted"),
	reasons.IN_ANOTHER_RUN: lambda: _("In another run"),
	reasons.BASE_RESIDUE: lambda: _("Currency difference only"),
	reasons.NO_OFFSET_ACCOUNT: lambda: _("No offset account"),
	reasons.NOT_SELECTED: lambda: _("Not selected"),
	reasons.BALANCE_CHANGED: lambda: _("Balance changed"),
	reasons.NO_LONGER_SUBMITTED: lambda: _("No longer submitted"),
	reasons.NO_LONGER_MATCHES: lambda: _("No longer matches"),
	reasons.NOT_PERMITTED: lambda: _("Not permitted"),
	reasons.EXCHANGE_RATE_NOT_EXACT: lambda: _("Exchange rate not exact"),
	reasons.SETTLED_AT_THE_SAME_TIME: lambda: _("Settled at the same time"),
}


def message(reason: Reason) -> str:
	"""The sentence that a person reads for this reason."""
	return MESSAGES[reason.code]().format(**dict(reason.facts))


def label(code: str) -> str:
	"""A few words for a group of items left out for the same reason."""
	return LABELS[code]() if code in LABELS else code


def refusal(check: Callable, *args) -> str | None:
	"""What ERPNext answers when it refuses, or None when `check` passes: asked before posting, not tripped over.

	ERPNext's checks throw; the message they leave for the desk is taken back.
	"""
	try:
		check(*args)
	except frappe.ValidationError as error:
		frappe.clear_last_message()
		return frappe.utils.strip_html(str(error))
	return None
