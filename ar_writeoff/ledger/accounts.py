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

# Debit balances are written off to an expense, credit balances to an income or an expense.
OFFSET_ROOT_TYPES = {"Debit": ("Expense",), "Credit": ("Income", "Expense")}

# Direct: the write-off is the expense. Allowance: the write-off uses an allowance for doubtful accounts, whose expense
# was booked earlier, on an asset account beside the receivables (in some charts a liability).
DIRECT = "Direct"
ALLOWANCE = "Allowance"
ALLOWANCE_ROOT_TYPES = ("Asset", "Liability")

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
	"Tax",
)


def offset_account(
	company: str, balance_type: str, reason: str | None, settings: Mapping[str, Any]
) -> str | None:
	"""Return the offset account: of the reason, else of the Settings, else the company's write-off account.
	`settings`: OFFSET_ACCOUNTS of the Settings.

	A reason with the allowance method only falls back on the allowance account of the Settings: an expense account would
	book the loss twice.
	"""
	account = reason and frappe.db.get_value(
		"Write-Off Reason Account", {"parent": reason, "company": company}, "account"
	)
	if not account and write_off_method(reason) == ALLOWANCE:
		return settings.get("allowance_account")
	if not account:
		field = "bad_debt_account" if balance_type == DEBIT else "credit_write_off_account"
		account = settings.get(field)
	return account or frappe.get_cached_value("Company", company, "write_off_account")


def write_off_method(reason: str | None) -> str:
	"""Return the method of the reason: Direct (default) or Allowance."""
	return (reason and frappe.get_cached_value("Write-Off Reason", reason, "method")) or DIRECT


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
		allowed = ALLOWANCE_ROOT_TYPES if method == ALLOWANCE else OFFSET_ROOT_TYPES[balance_type]
		if details.root_type not in allowed:
			return _("Account {0} is of type {1}. Choose an account of type {2}.").format(
				account,
				_(details.root_type),
				comma_or([_(root_type) for root_type in allowed], add_quotes=False),
			)
	if details.account_type in EXCLUDED_ACCOUNT_TYPES:
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


def _check_frozen(account: str, company: str) -> None:
	# v16 also takes the company, which has the role for frozen accounts there.
	known = {"account": account, "company": company}
	validate_frozen_account(
		**{name: known[name] for name in signature(validate_frozen_account).parameters if name in known}
	)
