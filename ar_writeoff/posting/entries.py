"""Journal Entries: from a plan to a submitted entry, through ERPNext's own document."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any

import frappe
from erpnext.selling.doctype.customer.customer import check_credit_limit, get_credit_limit
from frappe import _
from frappe.query_builder.functions import Sum

from ar_writeoff.core import reasons
from ar_writeoff.core.money import money
from ar_writeoff.core.reasons import Reason
from ar_writeoff.core.status import WRITTEN_OFF
from ar_writeoff.ledger import dunnings, open_items, parties
from ar_writeoff.ledger.bulk_update import by_name
from ar_writeoff.ledger.dimensions import dimension_fields
from ar_writeoff.ledger.messages import refusal
from ar_writeoff.ledger.money import company_currency, precision
from ar_writeoff.ledger.open_items import Key
from ar_writeoff.posting import credits, fast
from ar_writeoff.posting.entry_values import Value, give, of_company
from ar_writeoff.posting.rules import EntryPlan, Row

VOUCHER_TYPE = "Write Off Entry"

# Where a voucher says that a run has written off a balance of it, for whoever has the voucher locked.
MARKS = {
	"Journal Entry": "has_write_off",
	"Payment Entry": "has_write_off",
	"Sales Invoice": "written_off_amount",
}


@dataclass(frozen=True, slots=True)
class EntryHeader:
	"""What all entries of a run share. `key` makes a second attempt at the same entry impossible. `values`: for fields
	that the site has made mandatory; where they are not given, as the company's Settings say now."""

	company: str
	posting_date: date
	run: str
	key: str
	remark: str
	values: tuple[Value, ...] | None = None


@dataclass(frozen=True, slots=True)
class Posted:
	"""The name of a submitted entry, and for each customer what ERPNext would have warned of."""

	name: str
	warnings: dict[str, Reason]


class NotSubmitted(frappe.ValidationError):
	"""A Journal Entry came back from submit without being submitted."""


def post(plan: EntryPlan, header: EntryHeader, checked: fast.Checked | None = None) -> Posted:
	"""Submit one Journal Entry for the plan in the current transaction. `checked`: see `fast.together`.

	Raises:
	    frappe.ValidationError: whatever ERPNext has against the entry.
	    frappe.UniqueValidationError: an entry with this key exists.
	"""
	posted = submit(build(plan, header), checked)
	if plan.credit:
		credits.allocate(plan.credit, posted.name)
	return posted


def submit(entry: Any, checked: fast.Checked | None = None) -> Posted:
	"""Insert and submit a Journal Entry of ours, named by its key, in the current transaction.

	A credit limit does not stop it: taking back a write-off, or writing off a credit, lends nobody anything. Where
	ERPNext would have refused, a warning for the customer comes back.
	"""
	if checked is None:
		with fast.together(entry.company) as checked:
			return submit(entry, checked)
	warnings: dict[str, Reason] = {}
	entry.flags.ignore_permissions = True
	# What our guards ask of others, the caller has done.
	entry.flags.write_off_locked = True
	entry.check_credit_limit = lambda: warnings.update(over_credit_limit(entry))
	# Named by its key: the naming series would be locked until commit, and workers would post in turns.
	if checked.why_not or fast.why_not_entry(entry):
		fast.refresh_invoices(checked)
		with dunnings.saved_once(invoices_of(entry)):
			entry.insert(set_name=entry.ar_writeoff_key)
			entry.submit()
		checked.forget_documents()
	else:
		fast.submit(entry, entry.ar_writeoff_key, checked)
	if entry.docstatus != 1:
		raise NotSubmitted(_("Journal Entry {0} was not submitted.").format(entry.name))
	return Posted(entry.name, warnings)


def invoices_of(entry: Any) -> list[str]:
	"""The Sales Invoices that rows of the entry refer to."""
	return [row.reference_name for row in entry.accounts if row.reference_type == "Sales Invoice"]


def over_credit_limit(entry: Any) -> dict[str, Reason]:
	"""Customers whom this entry takes over their credit limit, with the limit."""
	found: dict[str, Reason] = {}
	debits: dict[str, float] = defaultdict(float)
	for row in entry.accounts:
		if row.party_type == "Customer":
			debits[row.party] += row.debit - row.credit
	debits = {customer: debit for customer, debit in debits.items() if debit > 0}
	if not debits or not has_credit_limits(entry.company):
		return found
	# Some releases of ERPNext ask before they post the entry, and so miss what it adds; others ask afterwards.
	is_posted = frappe.db.exists("GL Entry", {"voucher_type": "Journal Entry", "voucher_no": entry.name})
	for customer, debit in sorted(debits.items()):
		bypass = frappe.db.get_value(
			"Customer Credit Limit",
			{"parent": customer, "parenttype": "Customer", "company": entry.company},
			"bypass_credit_limit_check",
		)
		added = 0 if is_posted else debit
		if refusal(check_credit_limit, customer, entry.company, bool(bypass), added):
			currency = company_currency(entry.company)
			limit = money(get_credit_limit(customer, entry.company), precision(currency))
			found[customer] = Reason.of(
				reasons.CREDIT_LIMIT_EXCEEDED, customer=customer, limit=f"{limit} {currency}"
			)
	return found


def has_credit_limits(company: str) -> bool:
	"""Whether there is a credit limit for anybody: of the company, of a customer or of a group of customers."""
	return bool(
		frappe.db.get_value("Company", company, "credit_limit")
		or frappe.db.exists("Customer Credit Limit", {"company": company, "credit_limit": (">", 0)})
	)


def build(plan: EntryPlan, header: EntryHeader) -> Any:
	"""The Journal Entry for a plan, not saved yet. Preview and posting both come from here."""
	currency = company_currency(header.company)
	return build_entry(
		header,
		[row_values(row) for row in plan.rows],
		finance_book=plan.finance_book or None,
		multi_currency=int(any(row.currency != currency for row in plan.rows)),
	)


def build_entry(header: EntryHeader, rows: list[dict], **fields: Any) -> Any:
	"""A Journal Entry of ours over these rows, not saved yet."""
	entry = frappe.new_doc("Journal Entry")
	entry.update(
		{
			"voucher_type": VOUCHER_TYPE,
			"company": header.company,
			"posting_date": header.posting_date,
			"user_remark": header.remark,
			"remark": header.remark,
			# Where there is such a field, ERPNext keeps a remark of ours only with it.
			"custom_remark": 1,
			"write_off_run": header.run,
			"ar_writeoff_key": header.key,
			"accounts": rows,
			**fields,
		}
	)
	give(entry, of_company(header.company) if header.values is None else header.values)
	# ERPNext would join the references of all rows into one text and copy it into each ledger row.
	entry.flags.skip_remarks_creation = True
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


def cancel(entry: Any) -> None:
	"""Cancel a submitted Journal Entry in the current transaction, also where its customers are disabled or
	frozen since.

	Raises:
	    frappe.ValidationError: whatever ERPNext has against it, such as a closed period.
	"""
	entry.flags.ignore_permissions = True
	entry.flags.write_off_locked = True
	# Undoing must not depend on what the customers are now.
	with parties.of_any_state(), dunnings.saved_once(invoices_of(entry)):
		credits.release(entry)
		entry.cancel()


def refresh_marks(keys: Iterable[Key]) -> None:
	"""Bring the marks of these vouchers up to date with what is written off of them. The vouchers must be locked.

	On a Sales Invoice it is what live write-offs took, less what was reinstated, in account currency; on the others,
	which may have balances of several customers in several currencies, that there is a live write-off.
	"""
	item = frappe.qb.DocType("Write-Off Run Item")
	for voucher_type, vouchers in open_items.by_type(keys):
		totals = dict(
			frappe.qb.from_(item)
			.select(item.voucher_no, Sum(item.write_off_amount - item.reinstated_amount))
			.where(
				(item.voucher_type == voucher_type)
				& item.voucher_no.isin(vouchers)
				& item.status.isin(WRITTEN_OFF)
			)
			.groupby(item.voucher_no)
			.run()
		)
		voucher = frappe.qb.DocType(voucher_type)
		if voucher_type == "Sales Invoice":
			marks = {name: totals.get(name) or 0 for name in vouchers}
		else:
			marks = {name: int(name in totals) for name in vouchers}
		frappe.qb.update(voucher).set(voucher[MARKS[voucher_type]], by_name(voucher.name, marks)).where(
			voucher.name.isin(vouchers)
		).run()
