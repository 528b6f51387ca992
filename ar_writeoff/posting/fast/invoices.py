"""Updates outstanding amount and status of the Sales Invoices that entries settle.

ERPNext reads each invoice with its ten tables twice. Here the invoices are read together and ERPNext's own function
sets the status. They are updated together, or one by one if they have listeners.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any

import frappe
from erpnext.accounts.utils import QueryPaymentLedger, update_voucher_outstanding
from frappe.utils import flt, now

from ar_writeoff.core.criteria import FEES
from ar_writeoff.ledger import dunnings
from ar_writeoff.ledger.bulk_update import case_by_name
from ar_writeoff.posting.fast.listeners import SALES_INVOICE
from ar_writeoff.posting.fast.rebind import Overlay, rebind
from ar_writeoff.posting.fast.validation_cache import ValidationCache

INVOICE = SALES_INVOICE
# The table on which the status depends.
SCHEDULE = "payment_schedule"


def get_invoices(names: set[str], cache: ValidationCache) -> dict[str, Any]:
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
	found = read("Sales Invoice", {"name": ("in", sorted(names)), "docstatus": 1})
	discounted = {
		row.sales_invoice
		for row in frappe.get_all(
			"Discounted Invoice",
			filters={"sales_invoice": ("in", sorted(names)), "docstatus": 1},
			fields=["sales_invoice"],
			order_by=None,
		)
	}
	with_dunning = dunnings.invoices_with_dunning(names) if dunnings.updates_dunnings() else set()
	for invoice in found:
		invoice.discounted = invoice.name in discounted
		invoice.has_dunning = invoice.name in with_dunning
		cache.invoices[invoice.name] = invoice


def settle(payment_rows: Iterable[frappe._dict], cache: ValidationCache) -> None:
	"""Record which invoices these Payment Ledger rows settle, to be updated together with those of the next entries. Fees,
	which ERPNext updates as well, are updated at once.

	If ERPNext has to update one of them, or the entry or the invoices have listeners, all are updated at once.
	"""
	payment_rows = list(payment_rows)
	for row in payment_rows:
		if row.against_voucher_type == FEES:
			update_voucher_outstanding(FEES, row.against_voucher_no, row.account, "Customer", row.party)
	rows = [row for row in payment_rows if row.against_voucher_type == INVOICE]
	found = get_invoices({row.against_voucher_no for row in rows}, cache)
	cache.settlements += rows
	if any(cache.has_listener(doctype) for doctype in ("Journal Entry", "GL Entry", INVOICE)) or not all(
		can_refresh(found.get(row.against_voucher_no)) for row in rows
	):
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
	"""Update these invoices, given with their parties, from the Payment Ledger of this account, in this order."""
	outstanding = balances(account, parties)
	found = get_invoices(set(outstanding), cache)
	one_by_one = cache.has_listener(INVOICE)
	here = [name for name in parties if name in outstanding and can_refresh(found.get(name))]
	documents = build_documents([found[name] for name in here], all_tables=one_by_one)
	credited = credited_invoices(here) if here else set()
	amounts, statuses = {}, {}
	for name in parties:
		if name not in outstanding:
			continue
		if name not in documents:
			with dunnings.single_dunning_update([name]):
				update_voucher_outstanding(INVOICE, name, account, "Customer", parties[name])
			cache.invoices.pop(name, None)
			continue
		document = documents[name]
		amount = flt(outstanding[name], document.precision("outstanding_amount"))
		document.outstanding_amount = found[name].outstanding_amount = amount
		if one_by_one:
			update_with_events(document)
			found[name].status = document.status
		else:
			set_status(document, credited)
			amounts[name], statuses[name] = amount, document.status
	if amounts:
		update_together(amounts, statuses)


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


def build_documents(invoices: list[frappe._dict], all_tables: bool) -> dict[str, Any]:
	"""Documents of these invoices, with all tables or only the one on which the status depends."""
	tables: dict[str, dict[str, list[frappe._dict]]] = {
		invoice.name: defaultdict(list) for invoice in invoices
	}
	if not tables:
		return {}
	for field in frappe.get_meta(INVOICE).get_table_fields():
		if not all_tables and field.fieldname != SCHEDULE:
			continue
		for row in read(
			field.options,
			{
				"parent": ("in", sorted(tables)),
				"parenttype": INVOICE,
				"parentfield": field.fieldname,
			},
		):
			tables[row.parent][field.fieldname].append(row)
	return {
		invoice.name: frappe.get_doc({**invoice, **tables[invoice.name], "doctype": INVOICE})
		for invoice in invoices
	}


def read(doctype: str, filters: dict[str, Any]) -> list[frappe._dict]:
	"""Whole rows, child rows in their order."""
	return frappe.get_all(doctype, filters=filters, fields=["*"], order_by="idx asc")


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


def set_status(document: Any, credited: set[str]) -> None:
	"""Let ERPNext's document set its status. `credited`: what its query for a return would find."""
	known = Overlay(frappe, db=Overlay(frappe.db, get_value=known_returns(credited)))
	rebind(type(document).set_status, frappe=known)(document)


def known_returns(credited: set[str]) -> Callable:
	"""In place of `frappe.db.get_value`: returns without a query whether an invoice has a return."""

	def get_value(doctype: str, filters: Any = None, *args: Any, **kwargs: Any) -> Any:
		if (
			doctype == INVOICE
			and isinstance(filters, dict)
			and filters.keys() == {"is_return", "return_against", "docstatus"}
		):
			return filters["return_against"] in credited
		return frappe.db.get_value(doctype, filters, *args, **kwargs)

	return get_value


def update_with_events(document: Any) -> None:
	"""Update one invoice as ERPNext does, with all handlers and rules."""
	values = {"outstanding_amount": document.outstanding_amount}
	frappe.db.set_value(INVOICE, document.name, values)
	# The values that handlers compare with. Frappe would read them from the database.
	before = frappe.get_doc(document.as_dict(no_default_fields=False))
	before.update({"modified": now(), "modified_by": frappe.session.user})
	document._doc_before_save = before
	document.set_status(update=True)
	document.notify_update()


def update_together(amounts: dict[str, float], statuses: dict[str, str]) -> None:
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
