"""Small differences: invoices on which a payment left at most the maximum of the company, added to one draft run for each
company, day and reason."""

from collections.abc import Collection
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import frappe
from frappe import _
from frappe.utils import flt, getdate, today

from ar_writeoff.core import status as states
from ar_writeoff.core.criteria import DEBIT
from ar_writeoff.ledger import permissions as access
from ar_writeoff.run import gate
from ar_writeoff.search.add_invoices import add_invoices, ledger_balances
from ar_writeoff.search.from_invoices import readable


def add_to_boot(bootinfo: Any) -> None:
	"""Hook `extend_bootinfo`: the maximum of each company, so that forms show their button without a request."""
	bootinfo.small_differences = {}
	# Before bench migrate the field does not exist, and an error in this hook would prevent every login.
	is_migrated = frappe.get_meta("Write-Off Settings").has_field("difference_amount")
	if not is_migrated or not frappe.has_permission("Write-Off Run", "create"):
		return
	allowed = access.of_user()
	for row in frappe.get_all(
		"Write-Off Settings",
		filters={"difference_amount": (">", 0)},
		fields=["company", "difference_amount"],
		order_by="name asc",
	):
		if allowed.allows_company(row.company):
			bootinfo.small_differences[row.company] = row.difference_amount


@frappe.whitelist(methods=["POST"])
def write_off_rest(invoices: str | list) -> dict[str, Any]:
	"""Add the balances of these Sales Invoices of one company to the draft run of the day. Nothing is posted.

	Returns the run, the number added, and the invoices left out with the reason.
	"""
	rows = [row for row in readable(invoices) if row.docstatus == 1]
	companies = {row.company for row in rows}
	names: list[str] = []
	if len(companies) == 1:
		balances = ledger_balances(rows[0].company, [row.name for row in rows])
		names = [name for name, amount in balances.items() if amount > 0]
	if not names:
		frappe.throw(
			_("Select invoices of one company with an outstanding amount."), title=_("Write Off the Rest")
		)
	return add_to_run_of_the_day(companies.pop(), names)


def add_to_run_of_the_day(company: str, names: list[str]) -> dict[str, Any]:
	run = gate.enter(run_of_the_day(company), gate.FIND)
	return {"run": run.name, **add_invoices(run, names)}


@frappe.whitelist(methods=["POST"])
def write_off_rest_of_bank(bank_account: str, from_date: str, to_date: str) -> dict[str, Any]:
	"""Add what the payments of reconciled Bank Transactions of a period leave open to the draft run of the day, as far as it
	is within the tolerance of the company. Nothing is posted.

	Returns the result of `write_off_rest`; with no run if nothing is left.
	"""
	frappe.has_permission("Write-Off Run", "create", throw=True)
	account = frappe.get_doc("Bank Account", bank_account)
	account.check_permission("read")
	access.check_company(account.company)
	if not (from_date and to_date):
		frappe.throw(_("Enter the period of the bank statement."), title=_("Write Off the Rest"))
	settings = difference_settings(account.company)
	amounts = ledger_balances(
		account.company, paid_through(bank_account, getdate(from_date), getdate(to_date))
	)
	names = [name for name, amount in amounts.items() if 0 < amount <= flt(settings.difference_amount)]
	readable_names = (
		frappe.get_list(
			"Sales Invoice", filters={"name": ("in", names)}, pluck="name", order_by="name asc", limit=0
		)
		if names
		else []
	)
	if not readable_names:
		return {"run": None, "added": 0, "left_out": []}
	return add_to_run_of_the_day(account.company, readable_names)


def paid_through(bank_account: str, from_date: date, to_date: date) -> list[str]:
	"""The Sales Invoices that payments and Journal Entries of Bank Transactions of a period were allocated to."""
	transaction, linked = (
		frappe.qb.DocType("Bank Transaction"),
		frappe.qb.DocType("Bank Transaction Payments"),
	)
	ple = frappe.qb.DocType("Payment Ledger Entry")
	return (
		frappe.qb.from_(transaction)
		.inner_join(linked)
		.on((linked.parent == transaction.name) & (linked.parenttype == "Bank Transaction"))
		.inner_join(ple)
		.on((ple.voucher_type == linked.payment_document) & (ple.voucher_no == linked.payment_entry))
		.select(ple.against_voucher_no)
		.distinct()
		.where(
			(transaction.bank_account == bank_account)
			& (transaction.docstatus == 1)
			& transaction.date[from_date:to_date]
			& (ple.against_voucher_type == "Sales Invoice")
			& (ple.delinked == 0)
		)
		.orderby(ple.against_voucher_no)
		.run(pluck=True)
	)


def settled_since(company: str, moment: datetime) -> list[str]:
	"""The Sales Invoices of a company to which payments, Journal Entries or credit notes were allocated since."""
	ple = frappe.qb.DocType("Payment Ledger Entry")
	return (
		frappe.qb.from_(ple)
		.select(ple.against_voucher_no)
		.distinct()
		.where(
			# One of them has an index, which one depends on the release.
			(ple.creation >= moment)
			& (ple.modified >= moment)
			& (ple.company == company)
			& (ple.against_voucher_type == "Sales Invoice")
			& (ple.voucher_no != ple.against_voucher_no)
			& (ple.amount < 0)
			& (ple.delinked == 0)
		)
		.orderby(ple.against_voucher_no)
		.run(pluck=True)
	)


def open_rests(
	company: str, moment: datetime, largest: Decimal, any_amount_in: Collection[str] = ()
) -> list[str]:
	"""The invoices settled in part since this moment on which no more than this is left, in company currency. In the
	currencies of `any_amount_in`, the largest amount is that of a threshold, so they are returned whatever is left."""
	settled = settled_since(company, moment)
	amounts = ledger_balances(company, settled) if settled else {}
	larger = [name for name, amount in amounts.items() if amount > largest] if any_amount_in else []
	in_currencies = set(
		frappe.get_all(
			"Sales Invoice",
			filters={"name": ("in", larger), "currency": ("in", list(any_amount_in))},
			pluck="name",
			order_by=None,
		)
		if larger
		else ()
	)
	return sorted(name for name, amount in amounts.items() if 0 < amount <= largest or name in in_currencies)


def difference_settings(company: str, *, for_update: bool = False) -> Any:
	"""The tolerance and reason of a company for small differences.

	Raises:
	    frappe.ValidationError: the company has no tolerance.
	"""
	settings = frappe.db.get_value(
		"Write-Off Settings",
		company,
		["difference_amount", "difference_share", "difference_reason", "default_reason"],
		as_dict=True,
		for_update=for_update,
	)
	if not settings or flt(settings.difference_amount) <= 0:
		frappe.throw(
			_("The Write-Off Settings of {0} have no Maximum Difference. Enter one first.").format(company),
			title=_("Write Off the Rest"),
		)
	return settings


def run_of_the_day(company: str) -> str:
	"""The draft of today for small differences of a company; a new one if there is none, or its approval is requested."""
	gate.restart_transaction()
	# Without the lock two users could create two drafts.
	settings = difference_settings(company, for_update=True)
	terms = {
		"company": company,
		"balance_type": DEBIT,
		"reason": settings.difference_reason or settings.default_reason,
		"cutoff_date": today(),
		"posting_date": today(),
		"max_invoice_amount": settings.difference_amount,
		"max_original_share": settings.difference_share,
		"only_remainders": 1,
	}
	draft = frappe.db.get_value(
		"Write-Off Run",
		{
			**terms,
			"small_differences": 1,
			"docstatus": 0,
			"status": states.DRAFT,
			"approval_requested_on": ("is", "not set"),
		},
		order_by="creation asc",
	)
	if draft:
		return draft
	run = frappe.get_doc({"doctype": "Write-Off Run", **terms, "minimum_age_days": 0}).insert()
	gate.lock(run.name)
	frappe.db.set_value("Write-Off Run", run.name, "small_differences", 1, update_modified=False)
	return run.name
