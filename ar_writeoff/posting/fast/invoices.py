"""Updates outstanding amount and status of the Sales Invoices an entry settles, in one step."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import date

import frappe
from erpnext.accounts.utils import QueryPaymentLedger, update_voucher_outstanding
from frappe.model.meta import get_field_precision
from frappe.utils import flt, getdate, now

from ar_writeoff.ledger import dunnings
from ar_writeoff.ledger.bulk_update import case_by_name
from ar_writeoff.posting.fast.validation_cache import ValidationCache

INVOICE = "Sales Invoice"

FIELDS = (
	"name",
	"debit_to",
	"outstanding_amount",
	"company",
	"customer",
	"currency",
	"party_account_currency",
	"due_date",
	"is_pos",
	"is_return",
	"is_discounted",
	"is_internal_customer",
	"represents_company",
	"disable_rounded_total",
	"grand_total",
	"rounded_total",
	"base_grand_total",
	"base_rounded_total",
)


def get_invoices(names: set[str], cache: ValidationCache) -> dict[str, frappe._dict]:
	"""Submitted Sales Invoices of these names, as they are after the entries posted so far.

	`discounted`: under Invoice Discounting, so it may be settled on another account. `has_dunning`: ERPNext updates a
	Dunning of it.
	"""
	pending = cache.settlements[cache.refreshed_count :]
	if any(row.against_voucher_no in names for row in pending):
		refresh(cache)
	unknown = names - cache.invoices.keys()
	if unknown:
		load_invoices(cache.with_prefetch(INVOICE, unknown), cache)
	return {name: cache.invoices[name] for name in names if name in cache.invoices}


def load_invoices(names: set[str], cache: ValidationCache) -> None:
	found = frappe.get_all(
		INVOICE, filters={"name": ("in", list(names)), "docstatus": 1}, fields=list(FIELDS), order_by=None
	)
	discounted = set(
		frappe.get_all(
			"Discounted Invoice",
			filters={"sales_invoice": ("in", list(names)), "docstatus": 1},
			pluck="sales_invoice",
			order_by=None,
		)
	)
	invoices_with_dunning = dunnings.invoices_with_dunning(names) if dunnings.updates_dunnings() else set()
	for invoice in found:
		invoice.discounted = invoice.name in discounted
		invoice.has_dunning = invoice.name in invoices_with_dunning
		cache.invoices[invoice.name] = invoice


def settle(payment_rows: Iterable[frappe._dict], cache: ValidationCache) -> None:
	"""Record which invoices these Payment Ledger rows settle, to be updated together with those of the next entries.

	If ERPNext has to update one of them, all are updated at once, so that a refusal hits this entry.
	"""
	rows = [row for row in payment_rows if row.against_voucher_type == INVOICE]
	found = get_invoices({row.against_voucher_no for row in rows}, cache)
	cache.settlements += rows
	if not all(can_refresh(found.get(row.against_voucher_no)) for row in rows):
		refresh(cache)


def can_refresh(invoice: frappe._dict | None) -> bool:
	"""Whether the invoice can be updated here. ERPNext updates discounted invoices and those with a Dunning."""
	return invoice is not None and not invoice.is_discounted and not invoice.has_dunning


def refresh(cache: ValidationCache) -> None:
	"""Update the invoices settled by Payment Ledger rows since the last call."""
	pending, cache.refreshed_count = cache.settlements[cache.refreshed_count :], len(cache.settlements)
	by_account: dict[str, dict[str, str]] = defaultdict(dict)
	for row in pending:
		by_account[row.account][row.against_voucher_no] = row.party
	for account, parties in by_account.items():
		refresh_on_account(account, parties, cache)


def refresh_on_account(account: str, parties: dict[str, str], cache: ValidationCache) -> None:
	"""Update these invoices, given with their parties, from the Payment Ledger of this account."""
	outstanding = balances(account, parties)
	found = get_invoices(set(outstanding), cache)
	invoices = {name: invoice for name, invoice in found.items() if can_refresh(invoice)}
	for name in outstanding:
		if name not in invoices:
			with dunnings.single_dunning_update([name]):
				update_voucher_outstanding(INVOICE, name, account, "Customer", parties[name])
			cache.invoices.pop(name, None)
	if not invoices:
		return

	terms = payment_terms(invoices)
	credited = credited_invoices(invoices)
	today = getdate()
	amounts, statuses = {}, {}
	for name, invoice in invoices.items():
		amounts[name] = flt(outstanding[name], precision("outstanding_amount"))
		statuses[name] = invoice_status(invoice, amounts[name], terms[name], name in credited, today)
		invoice.outstanding_amount = amounts[name]
	update_invoices(amounts, statuses)


def balances(account: str, parties: dict[str, str]) -> dict[str, float]:
	"""Outstanding amount of each invoice by ERPNext's own query, in account currency."""
	ple = frappe.qb.DocType("Payment Ledger Entry")
	found = QueryPaymentLedger().get_voucher_outstandings(
		[frappe._dict(voucher_type=INVOICE, voucher_no=name) for name in parties],
		common_filter=[
			ple.account == account,
			ple.party_type == "Customer",
			ple.party.isin(list(set(parties.values()))),
		],
	)
	return {
		row.voucher_no: row.outstanding_in_account_currency
		for row in found
		if row.voucher_type == INVOICE and parties[row.voucher_no] == row.party
	}


def payment_terms(names: Iterable[str]) -> dict[str, list[frappe._dict]]:
	"""Payment Schedule rows by invoice."""
	terms: dict[str, list[frappe._dict]] = defaultdict(list)
	for row in frappe.get_all(
		"Payment Schedule",
		filters={"parent": ("in", list(names)), "parenttype": INVOICE},
		fields=["parent", "due_date", "payment_amount", "base_payment_amount"],
		order_by="idx asc",
	):
		terms[row.parent].append(row)
	return terms


def credited_invoices(names: Iterable[str]) -> set[str]:
	"""Invoices against which a return was submitted."""
	return set(
		frappe.get_all(
			INVOICE,
			filters={"return_against": ("in", list(names)), "is_return": 1, "docstatus": 1},
			pluck="return_against",
			order_by=None,
		)
	)


def invoice_status(
	invoice: frappe._dict, outstanding: float, terms: list[frappe._dict], credited: bool, today: date
) -> str:
	"""The status ERPNext gives a submitted, undiscounted invoice with this outstanding amount."""
	if invoice.is_internal_customer and invoice.represents_company == invoice.company:
		return "Internal Transfer"
	base = "base_" if invoice.party_account_currency != invoice.currency else ""
	total_field = base + ("grand_total" if invoice.disable_rounded_total else "rounded_total")
	total = flt(invoice[total_field], precision(total_field))
	if outstanding > 0:
		if is_overdue(invoice, total, outstanding, terms, base + "payment_amount", today):
			return "Overdue"
		if outstanding < total:
			return "Partly Paid"
		if getdate(invoice.due_date) >= today:
			return "Unpaid"
	if not invoice.is_return and credited:
		return "Credit Note Issued"
	if invoice.is_return:
		return "Return"
	return "Paid" if outstanding <= 0 else "Submitted"


def is_overdue(
	invoice: frappe._dict,
	total: float,
	outstanding: float,
	terms: list[frappe._dict],
	amount_field: str,
	today: date,
) -> bool:
	"""Whether less has been paid than the terms due by now require."""
	if invoice.is_pos or not terms:
		return getdate(invoice.due_date) < today
	decimals = precision("outstanding_amount")
	due = flt(sum(flt(term[amount_field]) for term in terms if getdate(term.due_date) < today), decimals)
	return flt(total - outstanding, decimals) < due


def precision(fieldname: str) -> int:
	return get_field_precision(frappe.get_meta(INVOICE).get_field(fieldname))


def update_invoices(amounts: dict[str, float], statuses: dict[str, str]) -> None:
	"""Update all invoices in one statement, with the cache and realtime events ERPNext would send."""
	table = frappe.qb.DocType(INVOICE)
	names = sorted(amounts)
	(
		frappe.qb.update(table)
		.set(table.outstanding_amount, case_by_name(table.name, amounts))
		.set(table.status, case_by_name(table.name, statuses))
		.set(table.modified, now())
		.set(table.modified_by, frappe.session.user)
		.where(table.name.isin(names))
		.run()
	)
	clear_cache(names)
	for name in names:
		frappe.publish_realtime(
			"doc_update", {"doctype": INVOICE, "name": name}, doctype=INVOICE, docname=name, after_commit=True
		)


def clear_cache(names: Iterable[str]) -> None:
	"""Clear the cached documents now, and again at the end of the transaction."""
	keys = [frappe.get_document_cache_key(INVOICE, name) for name in names]

	def drop() -> None:
		frappe.cache.delete_value(keys)

	drop()
	frappe.db.after_commit.add(drop)
	frappe.db.after_rollback.add(drop)
	frappe.db.value_cache.pop(INVOICE, None)
