"""The offset account of a write-off, and validation of accounts and cost centers."""

from collections.abc import Mapping
from inspect import signature
from typing import Any

import frappe
from erpnext.accounts.doctype.gl_entry.gl_entry import validate_frozen_account
from frappe import _
from frappe.utils import comma_or

from ar_writeoff.core import reasons
from ar_writeoff.core.criteria import DEBIT
from ar_writeoff.core.reasons import Reason
from ar_writeoff.ledger import messages
from ar_writeoff.ledger.money import company_currency

# Direct: the write-off is the expense, or reduces the income (a price concession); credits become income or reduce an
# expense. Allowance: the write-off uses an allowance for doubtful accounts, whose expense was booked earlier, on an asset
# account beside the receivables (in some charts a liability). Reclassify: no loss, but a claim on a third party, such as
# tax withheld by customers, or a liability, such as unclaimed credits.
DIRECT = "Direct"
ALLOWANCE = "Allowance"
RECLASSIFY = "Reclassify"

PROFIT_AND_LOSS = {"Debit": ("Expense", "Income"), "Credit": ("Income", "Expense")}
BALANCE_SHEET = {"Debit": ("Asset", "Liability"), "Credit": ("Liability", "Asset")}

# Fields of Write-Off Settings with an offset account.
OFFSET_ACCOUNTS = ["bad_debt_account", "credit_write_off_account", "allowance_account"]

# These account types have to agree with a subledger.
EXCLUDED_ACCOUNT_TYPES = (
	"Receivable",
	"Payable",
	"Bank",
	"Cash",
	"Stock",
	"Fixed Asset",
	"Accumulated Depreciation",
	"Capital Work in Progress",
	"Stock Received But Not Billed",
)
# Tax accounts belong to the tax return: tax withheld by customers may be moved there, a loss may not.
TAX = "Tax"


def offset_account(
	company: str, balance_type: str, reason: str | None, settings: Mapping[str, Any]
) -> str | None:
	"""Return the offset account: of the reason, else of the Settings, else the company's write-off account.
	`settings`: OFFSET_ACCOUNTS of the Settings.

	A reason with the allowance method only falls back on the allowance account of the Settings: an expense account would
	book the loss twice. One that reclassifies has an account of its own or none.
	"""
	account = reason and frappe.db.get_value(
		"Write-Off Reason Account", {"parent": reason, "company": company}, "account"
	)
	method = write_off_method(reason)
	if not account and method == ALLOWANCE:
		return settings.get("allowance_account")
	if not account and method == RECLASSIFY:
		return None
	if not account:
		field = "bad_debt_account" if balance_type == DEBIT else "credit_write_off_account"
		account = settings.get(field)
	return account or frappe.get_cached_value("Company", company, "write_off_account")


def write_off_method(reason: str | None) -> str:
	"""Return the method of the reason: Direct (default), Allowance or Reclassify."""
	return (reason and frappe.get_cached_value("Write-Off Reason", reason, "method")) or DIRECT


def no_offset_account(company: str, reason: str | None) -> Reason:
	"""Return the reason why a run has no offset account, with the document to correct."""
	if write_off_method(reason) == RECLASSIFY:
		return Reason.of(reasons.NO_RECLASSIFY_ACCOUNT, company=company, reason=reason).with_link(
			"Write-Off Reason", reason or ""
		)
	return Reason.of(reasons.NO_OFFSET_ACCOUNT, company=company).with_link("Write-Off Settings", company)


def account_to_reinstate(
	account: str, *, company: str, balance_type: str, reason: str, recovered: bool
) -> str:
	"""Return the account that takes back a write-off to `account`.

	With `recovered`, for a payment after all, it is the recovery account of the Settings, if the write-off was a loss of
	its own: an allowance is restored, and what was reclassified goes back. Otherwise the same account, or that of today's
	write-offs if the old one was closed since.

	Raises:
	    frappe.ValidationError: none of them can be posted to.
	"""
	settings = (
		frappe.db.get_value(
			"Write-Off Settings", company, [*OFFSET_ACCOUNTS, "recovery_account"], as_dict=True
		)
		or frappe._dict()
	)
	is_loss = frappe.get_cached_value("Account", account, "root_type") in PROFIT_AND_LOSS[DEBIT]
	if recovered and balance_type == DEBIT and is_loss and settings.recovery_account:
		return settings.recovery_account
	problem = posting_problem(account, company)
	if not problem:
		return account
	today = offset_account(company, balance_type, reason, settings)
	if (
		today
		and not posting_problem(today, company)
		and not offset_account_problem(today, company, (balance_type,), write_off_method(reason))
	):
		return today
	messages.throw_reason(
		Reason.caused(
			reasons.NO_ACCOUNT_TO_REINSTATE, problem, account=account, company=company, reason=reason
		)
	)


def offset_account_problem(
	account: str, company: str, balance_types: tuple[str, ...], method: str = DIRECT
) -> str | None:
	"""Return why this account cannot be the offset account, or None."""
	problem = account_problem(account, company)
	if problem:
		return problem
	details = frappe.get_cached_value(
		"Account", account, ["root_type", "account_type", "account_currency"], as_dict=True
	)
	for balance_type in balance_types:
		allowed = (PROFIT_AND_LOSS if method == DIRECT else BALANCE_SHEET)[balance_type]
		if details.root_type not in allowed:
			text = _("Account {0} is of type {1}. Choose an account of type {2}.")
			in_balance_sheet = details.root_type in BALANCE_SHEET[balance_type]
			if in_balance_sheet and details.account_type not in EXCLUDED_ACCOUNT_TYPES:
				text = _(
					"Account {0} is of type {1}. Choose an account of type {2}, or another method in the Write-Off Reason."
				)
			return text.format(
				account,
				_(details.root_type),
				comma_or([_(root_type) for root_type in allowed], add_quotes=False),
			)
	if details.account_type in EXCLUDED_ACCOUNT_TYPES or (
		details.account_type == TAX and method != RECLASSIFY
	):
		return _("Account {0} is a {1} account and cannot take write-offs.").format(
			account, _(details.account_type)
		)
	currency = company_currency(company)
	if (details.account_currency or currency) != currency:
		return _("Account {0} is in {1}. Choose an account in the company's currency, {2}.").format(
			account, details.account_currency, currency
		)
	return None


def receivable_account_problem(account: str, company: str) -> str | None:
	"""Return why this account cannot be the receivable account of a search, or None."""
	problem = account_problem(account, company)
	if not problem and frappe.get_cached_value("Account", account, "account_type") != "Receivable":
		problem = _("Account {0} is not a Receivable account.").format(account)
	return problem


def account_problem(account: str, company: str) -> str | None:
	"""Return why this account cannot be used in the company, or None."""
	reason = unusable("Account", account, company)
	return messages.message(reason) if reason else None


def cost_center_problem(cost_center: str, company: str, allow_group: bool = False) -> str | None:
	"""Return why this cost center cannot be used in the company, or None."""
	reason = unusable("Cost Center", cost_center, company, allow_group)
	return messages.message(reason) if reason else None


def unusable(doctype: str, name: str, company: str, allow_group: bool = False) -> Reason | None:
	"""Return why this Account or Cost Center cannot be used in the company, or None."""
	details = frappe.get_cached_value(doctype, name, ["company", "is_group", "disabled"], as_dict=True)
	if not details:
		return Reason.of(reasons.DOES_NOT_EXIST, doctype=doctype, name=name)
	if details.company != company:
		return Reason.of(
			reasons.OTHER_COMPANY, doctype=doctype, name=name, owner=details.company, company=company
		)
	if details.is_group and not allow_group:
		return Reason.of(reasons.IS_GROUP, doctype=doctype, name=name)
	if details.disabled:
		return Reason.of(reasons.IS_DISABLED, doctype=doctype, name=name)
	return None


def posting_problem(account: str, company: str) -> Reason | None:
	"""Return why the current user cannot post to this account, or None."""
	reason = unusable("Account", account, company)
	if reason:
		return reason
	message = messages.validation_message(_check_frozen, account, company)
	return Reason.verbatim(message) if message else None


def side_of_balance(account: str) -> str:
	"""Return the only side on which the account may have a balance, Debit or Credit; empty if both are allowed."""
	return frappe.get_cached_value("Account", account, "balance_must_be") or ""


def account_blocker(account: str, company: str) -> Reason | None:
	"""Return why the current user cannot post to this account, with the link to it, or None."""
	problem = posting_problem(account, company)
	if not problem:
		return None
	if problem.code == reasons.IS_DISABLED:
		reason = Reason.of(reasons.ACCOUNT_DISABLED, account=account)
	elif problem.code == reasons.IS_GROUP:
		reason = Reason.of(reasons.ACCOUNT_IS_GROUP, account=account)
	else:
		reason = Reason.of(reasons.ACCOUNT_FROZEN, account=account)
	return reason.with_link("Account", account)


def _check_frozen(account: str, company: str) -> None:
	# v16 also takes the company, which has the role for frozen accounts there.
	known = {"account": account, "company": company}
	validate_frozen_account(
		**{name: known[name] for name in signature(validate_frozen_account).parameters if name in known}
	)
