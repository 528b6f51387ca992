"""Journal Entries: from a plan to a submitted entry, through ERPNext's own document."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date

import frappe
from frappe import _
from frappe.query_builder.functions import Sum

from ar_writeoff.core.plan import EntryPlan, Row
from ar_writeoff.ledger import credits
from ar_writeoff.ledger.compat import IS_V16
from ar_writeoff.ledger.dimensions import dimension_fields
from ar_writeoff.ledger.money import company_currency

VOUCHER_TYPE = "Write Off Entry"


@dataclass(frozen=True, slots=True)
class EntryHeader:
	"""What all entries of a run share. `key` makes a second attempt at the same entry impossible."""

	company: str
	posting_date: date
	run: str
	key: str
	remark: str


class NotSubmitted(frappe.ValidationError):
	"""A Journal Entry came back from submit without being submitted."""


def post(plan: EntryPlan, header: EntryHeader) -> str:
	"""Submit one Journal Entry for the plan in the current transaction and return its name.

	Raises:
	    frappe.ValidationError: whatever ERPNext has against the entry.
	    frappe.UniqueValidationError: an entry with this key exists.
	"""
	entry = build(plan, header)
	entry.flags.ignore_permissions = True
	# Named by its key: the naming series would be locked until commit, and workers would post in turns.
	entry.insert(set_name=header.key)
	entry.submit()
	if entry.docstatus != 1:
		raise NotSubmitted(_("Journal Entry {0} was not submitted.").format(entry.name))
	if plan.credit:
		credits.allocate(plan.credit, entry.name)
	return entry.name


def build(plan: EntryPlan, header: EntryHeader):
	"""The Journal Entry for a plan, not saved yet. Preview and posting both come from here."""
	currency = company_currency(header.company)
	entry = frappe.new_doc("Journal Entry")
	entry.update(
		{
			"voucher_type": VOUCHER_TYPE,
			"company": header.company,
			"posting_date": header.posting_date,
			"finance_book": plan.finance_book or None,
			"multi_currency": int(any(row.currency != currency for row in plan.rows)),
			"user_remark": header.remark,
			"remark": header.remark,
			"write_off_run": header.run,
			"ar_writeoff_key": header.key,
			"accounts": [row_values(row) for row in plan.rows],
		}
	)
	# ERPNext would join the references of all rows into one text and copy it into each ledger row.
	entry.flags.skip_remarks_creation = True
	if IS_V16:
		entry.custom_remark = 1
	# The balance leaves at its carrying value, not at the rate of any day.
	entry.flags.ignore_exchange_rate = True
	return entry


def row_values(row: Row) -> dict:
	"""One row of the accounts table."""
	side = "debit_in_account_currency" if row.amount > 0 else "credit_in_account_currency"
	values = {
		"account": row.account,
		"account_currency": row.currency,
		"exchange_rate": float(row.exchange_rate),
		side: float(abs(row.amount)),
		# Empty where the balance has none: Frappe would put the company's cost center there, and a report by
		# cost center would show the invoice open at one and settled at another.
		**dict.fromkeys(dimension_fields(), ""),
		**dict(row.dimensions),
	}
	if row.customer:
		values.update(
			party_type="Customer",
			party=row.customer,
			reference_type=row.reference_type or None,
			reference_name=row.reference_name or None,
		)
	return values


def cancel(name: str) -> None:
	"""Cancel a Journal Entry in the current transaction, also where its customers are disabled or frozen since.

	Raises:
	    frappe.ValidationError: whatever ERPNext has against it, such as a closed period.
	"""
	entry = frappe.get_doc("Journal Entry", name)
	if entry.docstatus == 2:
		return
	entry.flags.ignore_permissions = True
	with customers_of_any_state():
		credits.release(entry)
		entry.cancel()


@contextmanager
def customers_of_any_state() -> Iterator[None]:
	"""Inside, ERPNext posts for disabled and frozen customers: undoing must not depend on what they are now."""
	before = frappe.flags.ignore_party_validation
	frappe.flags.ignore_party_validation = True
	try:
		yield
	finally:
		frappe.flags.ignore_party_validation = before


def refresh_written_off_amounts(vouchers: list[str]) -> None:
	"""Set `written_off_amount` of these Sales Invoices to what live write-offs took, in account currency."""
	if not vouchers:
		return
	item = frappe.qb.DocType("Write-Off Run Item")
	totals = dict(
		frappe.qb.from_(item)
		.select(item.voucher_no, Sum(item.write_off_amount))
		.where(
			(item.voucher_type == "Sales Invoice")
			& item.voucher_no.isin(vouchers)
			& item.status.isin(["Posted", "Conflict"])
		)
		.groupby(item.voucher_no)
		.run()
	)
	invoice = frappe.qb.DocType("Sales Invoice")
	for amount in set(totals.values()) | {0}:
		names = [name for name in vouchers if (totals.get(name) or 0) == amount]
		if names:
			frappe.qb.update(invoice).set(invoice.written_off_amount, amount).where(
				invoice.name.isin(names)
			).run()
