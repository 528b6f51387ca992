"""Journal Entries of a run: built from a plan and submitted through ERPNext's document."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import Any

import frappe
from erpnext.accounts.doctype.journal_entry_account.journal_entry_account import JournalEntryAccount
from erpnext.selling.doctype.customer.customer import check_credit_limit, get_credit_limit
from frappe import _
from frappe.query_builder.functions import Sum

from ar_writeoff.core import reasons
from ar_writeoff.core.money import money
from ar_writeoff.core.reasons import Reason
from ar_writeoff.core.run_types import ALL, type_of
from ar_writeoff.core.status import ITEM_POSTED, PARTLY_WRITTEN_OFF, WRITTEN_OFF
from ar_writeoff.ledger import dunnings, open_items, parties, payment_terms
from ar_writeoff.ledger.bulk_update import case_by_name
from ar_writeoff.ledger.dimensions import dimension_fields
from ar_writeoff.ledger.messages import validation_message
from ar_writeoff.ledger.money import company_currency, precision
from ar_writeoff.ledger.open_items import Key
from ar_writeoff.posting import credits, fast, proof
from ar_writeoff.posting.entry_values import Value, apply_values, company_values
from ar_writeoff.posting.proof.kinds import kinds_of_entry
from ar_writeoff.posting.rules import EntryPlan, Row
from ar_writeoff.search.rules import CHARGE_TYPES

VOUCHER_TYPE = "Write Off Entry"

# Field of each voucher type that shows a live write-off. It can be read with the voucher's row lock alone.
WRITE_OFF_FIELDS = {
	"Journal Entry": "has_write_off",
	"Payment Entry": "has_write_off",
	"Sales Invoice": "written_off_amount",
}


@dataclass(frozen=True, slots=True)
class EntryHeader:
	"""Fields that all entries of a run share.

	The `name` comes from run and batch, so the same entry cannot be posted twice. `values` are for fields the site has
	made mandatory; None takes them from the company's Settings.
	"""

	company: str
	posting_date: date
	run: str
	name: str
	remark: str
	values: tuple[Value, ...] | None = None


@dataclass(frozen=True, slots=True)
class Posted:
	"""Name of a submitted entry, and the credit limit warning for each customer that has one."""

	name: str
	warnings: dict[str, Reason]


class ChargeRow(JournalEntryAccount):  # type: ignore[misc]
	"""A row that settles a charge. ERPNext's ledgers accept any voucher, but its list of references lacks some."""

	def _validate_selects(self) -> None:
		reference_type = self.get("reference_type")
		self.set("reference_type", None)
		super()._validate_selects()
		self.set("reference_type", reference_type)


class NotSubmitted(frappe.ValidationError):
	"""ERPNext returned from submit without submitting the Journal Entry."""


def post(plan: EntryPlan, header: EntryHeader, cache: fast.ValidationCache | None = None) -> Posted:
	"""Submit one Journal Entry for the plan in the current transaction. `cache`: see `fast.cached_validation`.

	Raises:
	    frappe.ValidationError: ERPNext rejects the entry.
	    frappe.DuplicateEntryError: an entry with this name exists.
	"""
	posted = submit(build(plan, header), cache)
	if plan.credit:
		credits.allocate(plan.credit, posted.name)
	return posted


def submit(entry: Any, cache: fast.ValidationCache | None = None) -> Posted:
	"""Insert and submit a Journal Entry under the name of its header, in the current transaction.

	A credit limit does not stop it, because undoing a write-off or writing off a credit grants no credit. Where
	ERPNext would reject, the customer's warning is returned.
	"""
	if cache is None:
		return SingleEntry(entry).post_in_proven_way()
	warnings: dict[str, Reason] = {}
	entry.flags.ignore_permissions = True
	# The caller has locked the vouchers, as our guards require.
	entry.flags.write_off_locked = True
	entry.check_credit_limit = lambda: warnings.update(credit_limit_warnings(entry))
	if entry.flags.reopens_credit_notes:
		entry.validate_invoices = partial(validate_other_invoices, entry)
	# A naming series would be locked until commit and make the workers wait for each other.
	fast.submit(entry, entry.flags.write_off_name, cache)
	# Handlers may hand the document to a job, and a function cannot be handed over.
	del entry.check_credit_limit
	vars(entry).pop("validate_invoices", None)
	if entry.docstatus != 1:
		raise NotSubmitted(_("Journal Entry {0} was not submitted.").format(entry.name))
	return Posted(entry.name, warnings)


def validate_other_invoices(entry: Any) -> None:
	"""ERPNext's check that rows settle no more than an invoice has open, but not of credit notes.

	A row that credits one takes back its write-off or set-off, and ERPNext compares it with the outstanding amount 0.
	"""
	totals = entry.reference_totals
	credit_notes = frappe.get_all(
		"Sales Invoice",
		filters={"name": ("in", [name for name, total in totals.items() if total] or [""]), "is_return": 1},
		pluck="name",
		order_by=None,
	)
	entry.reference_totals = {name: total for name, total in totals.items() if name not in credit_notes}
	type(entry).validate_invoices(entry)
	entry.reference_totals = totals


class SingleEntry:
	"""An entry to submit, or one to cancel, for `proof.method`. Its vouchers are locked, so they exist."""

	def __init__(self, entry: Any, cancels: bool = False):
		self.entry, self.cancels = entry, cancels
		self.size = len(entry.accounts)

	def kinds(self) -> set[str]:
		return kinds_of_entry(self.entry, "cancelled" if self.cancels else "reversing")

	def sample(self, _size: int) -> "SingleEntry":
		return self

	def post(self, method: str, keep: bool = False) -> Any:
		"""Submit or cancel the entry in this way; a copy, unless it is to `keep` what is written."""
		entry = self.entry
		if not keep:
			entry = frappe.get_doc(entry.as_dict())
			entry.flags.update(self.entry.flags)
		customers = {("Customer", row.party) for row in entry.accounts if row.party_type == "Customer"}
		with fast.cached_validation(entry.company, method, customers) as cache:
			if not self.cancels:
				return submit(entry, cache)
			credits.release(entry)
			fast.cancel(entry, cache)
		return None

	def post_in_proven_way(self) -> Any:
		return self.post(proof.method(self.entry.company, self, run_of(self.entry)), keep=True)


def credit_limit_warnings(entry: Any) -> dict[str, Reason]:
	"""Warnings for the customers whose balance exceeds their credit limit with this entry."""
	found: dict[str, Reason] = {}
	debits: dict[str, float] = defaultdict(float)
	for row in entry.accounts:
		if row.party_type == "Customer":
			debits[row.party] += row.debit - row.credit
	debits = {customer: debit for customer, debit in debits.items() if debit > 0}
	if not debits or not has_credit_limits(entry.company):
		return found
	# Some ERPNext releases check before they post the entry, so its amount has to be added; others check afterwards.
	is_posted = frappe.db.exists("GL Entry", {"voucher_type": "Journal Entry", "voucher_no": entry.name})
	for customer, debit in sorted(debits.items()):
		bypass = frappe.db.get_value(
			"Customer Credit Limit",
			{"parent": customer, "parenttype": "Customer", "company": entry.company},
			"bypass_credit_limit_check",
		)
		added = 0 if is_posted else debit
		if validation_message(check_credit_limit, customer, entry.company, bool(bypass), added):
			currency = company_currency(entry.company)
			limit = money(get_credit_limit(customer, entry.company), precision(currency))
			found[customer] = Reason.of(
				reasons.CREDIT_LIMIT_EXCEEDED, customer=customer, limit=f"{limit} {currency}"
			)
	return found


def has_credit_limits(company: str) -> bool:
	"""Whether any credit limit is set for the company, a customer or a customer group."""
	return bool(
		frappe.db.get_value("Company", company, "credit_limit")
		or frappe.db.exists("Customer Credit Limit", {"company": company, "credit_limit": (">", 0)})
	)


def build(plan: EntryPlan, header: EntryHeader) -> Any:
	"""The Journal Entry for a plan, not saved. Used by preview and posting."""
	currency = company_currency(header.company)
	return build_entry(
		header,
		[row_values(row) for row in plan.rows],
		finance_book=plan.finance_book or None,
		multi_currency=int(any(row.currency != currency for row in plan.rows)),
	)


def build_entry(header: EntryHeader, rows: list[dict], **fields: Any) -> Any:
	"""A Journal Entry with these rows, not saved."""
	entry = frappe.new_doc("Journal Entry")
	entry.update(
		{
			"voucher_type": VOUCHER_TYPE,
			"company": header.company,
			"posting_date": header.posting_date,
			"user_remark": header.remark,
			"remark": header.remark,
			# Where the field exists, ERPNext keeps a given remark only if it is set.
			"custom_remark": 1,
			**({type_of(header.run).entry_field: header.run} if header.run else {}),
			"accounts": rows,
			**fields,
		}
	)
	for row in entry.accounts:
		if row.reference_type in CHARGE_TYPES:
			row.__class__ = ChargeRow
	apply_values(entry, company_values(header.company) if header.values is None else header.values)
	entry.flags.write_off_name = header.name
	# ERPNext would join the references of all rows into one remark and copy it into each ledger row.
	entry.flags.skip_remarks_creation = True
	# Cleared at the carrying value, not at the exchange rate of the posting date.
	entry.flags.ignore_exchange_rate = True
	return entry


def run_of(entry: Any) -> str:
	"""The run that created a Journal Entry; empty for other entries."""
	return next((run for run_type in ALL if (run := entry.get(run_type.entry_field))), "")


def row_values(row: Row) -> dict:
	"""Values of one row of the accounts table."""
	side = "debit_in_account_currency" if row.amount > 0 else "credit_in_account_currency"
	values = {
		"account": row.account,
		"account_currency": row.currency,
		"exchange_rate": float(row.exchange_rate),
		side: float(abs(row.amount)),
		# Empty where the balance has none: Frappe would default to the company's cost center, and reports by cost
		# center would show the invoice open in one and settled in another.
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
	"""Cancel a submitted Journal Entry, whose vouchers are locked, in the current transaction and in the fastest way
	that the site has proven, even if its customers have been disabled or frozen.

	Raises:
	    frappe.ValidationError: ERPNext rejects it, for example because the period is closed.
	"""
	entry.flags.ignore_permissions = True
	entry.flags.write_off_locked = True
	# Undo must not depend on the present state of the customers.
	with parties.skip_party_validation():
		SingleEntry(entry, cancels=True).post_in_proven_way()


def update_write_off_fields(keys: Iterable[Key]) -> None:
	"""Update the write-off fields of these vouchers from the live write-offs. The vouchers must be locked.

	A Sales Invoice gets the amount written off less the amount reinstated, in account currency, and its write-off status.
	The other types, which may hold balances of several customers in several currencies, get a flag. What follows from the
	balance of an invoice is updated too: its payment terms and its Dunnings.
	"""
	item = frappe.qb.DocType("Write-Off Run Item")
	for voucher_type, vouchers in open_items.vouchers_by_type(
		key for key in keys if key.voucher_type in WRITE_OFF_FIELDS
	):
		totals = dict(
			frappe.qb.from_(item)
			.select(item.voucher_no, Sum(item.write_off_amount - item.reinstated_amount))
			.where(
				(item.voucher_type == voucher_type)
				& item.voucher_no.isin(vouchers)
				& item.status.isin(ITEM_POSTED)
			)
			.groupby(item.voucher_no)
			.run()
		)
		voucher = frappe.qb.DocType(voucher_type)
		invoices: dict[str, Any] = {}
		if voucher_type == "Sales Invoice":
			marks = {name: totals.get(name) or 0 for name in vouchers}
			invoices = invoice_amounts(vouchers)
		else:
			marks = {name: int(name in totals) for name in vouchers}
		update = frappe.qb.update(voucher).set(
			voucher[WRITE_OFF_FIELDS[voucher_type]], case_by_name(voucher.name, marks)
		)
		if voucher_type == "Sales Invoice":
			update = update.set(
				voucher.write_off_status,
				case_by_name(voucher.name, write_off_statuses(marks, invoices)),
			)
		update.where(voucher.name.isin(vouchers)).run()
		if voucher_type == "Sales Invoice":
			payment_terms.update_terms(vouchers)
			reopened = {
				name for name, row in invoices.items() if abs(marks[name]) < abs(row.written_off_amount)
			}
			dunnings.update_states(vouchers, reopened)


def invoice_amounts(names: Iterable[str]) -> dict[str, Any]:
	"""Outstanding and written-off amounts that are stored in these invoices, by name."""
	rows = frappe.get_all(
		"Sales Invoice",
		filters={"name": ("in", list(names))},
		fields=["name", "outstanding_amount", "written_off_amount"],
		order_by=None,
	)
	return {row.name: row for row in rows}


def write_off_statuses(written_off: Mapping[str, Any], invoices: Mapping[str, Any]) -> dict[str, str]:
	"""The write-off status of invoices by their amounts written off. What a customer pays later does not change it.

	`invoices`: see `invoice_amounts`.
	"""
	return {
		name: (PARTLY_WRITTEN_OFF if invoices[name].outstanding_amount else WRITTEN_OFF) if amount else ""
		for name, amount in written_off.items()
	}
