"""Outstanding amount and status of the Sales Invoices that an entry settles, all in one step."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import date

import frappe
from erpnext.accounts.utils import QueryPaymentLedger, update_voucher_outstanding
from frappe.model.meta import get_field_precision
from frappe.utils import flt, getdate, now

from ar_writeoff.ledger import dunnings
from ar_writeoff.ledger.bulk_update import by_name
from ar_writeoff.posting.fast.checked import Checked

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


def look_up(names: set[str], checked: Checked) -> dict[str, frappe._dict]:
	"""Submitted Sales Invoices of these names, as they are after the entries before; `discounted` where a bank has
	discounted them: those may be settled on another account; `reminded` where ERPNext sees to a Dunning of theirs."""
	waiting = checked.settled[checked.refreshed :]
	if any(row.against_voucher_no in names for row in waiting):
		refresh_settled(checked)
	unknown = names - checked.invoices.keys()
	if unknown:
		load(checked.and_those_ahead(INVOICE, unknown), checked)
	return {name: checked.invoices[name] for name in names if name in checked.invoices}


def load(names: set[str], checked: Checked) -> None:
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
	reminded = dunnings.reminded(names) if dunnings.updates_dunnings() else set()
	for invoice in found:
		invoice.discounted = invoice.name in discounted
		invoice.reminded = invoice.name in reminded
		checked.invoices[invoice.name] = invoice


def settle(payment_rows: Iterable[frappe._dict], checked: Checked) -> None:
	"""Note which invoices these rows of the Payment Ledger settle. They are brought up to date together with those of
	the next entries; where ERPNext has to see to one of them, at once, so that this entry is refused if it has
	something against it."""
	rows = [row for row in payment_rows if row.against_voucher_type == INVOICE]
	found = look_up({row.against_voucher_no for row in rows}, checked)
	checked.settled += rows
	if not all(is_plain(found.get(row.against_voucher_no)) for row in rows):
		refresh_settled(checked)


def is_plain(invoice: frappe._dict | None) -> bool:
	"""Whether the invoice can be brought up to date here. A discounted one has a status that ERPNext knows best, and
	with a Dunning there is more to bring up to date."""
	return invoice is not None and not invoice.is_discounted and not invoice.reminded


def refresh_settled(checked: Checked) -> None:
	"""Bring the invoices up to date that rows of the Payment Ledger have settled since the last time."""
	waiting, checked.refreshed = checked.settled[checked.refreshed :], len(checked.settled)
	by_account: dict[str, dict[str, str]] = defaultdict(dict)
	for row in waiting:
		by_account[row.account][row.against_voucher_no] = row.party
	for account, parties in by_account.items():
		refresh_on_account(account, parties, checked)


def refresh_on_account(account: str, parties: dict[str, str], checked: Checked) -> None:
	"""Refresh invoices, given with their parties, by what the Payment Ledger has on this account."""
	outstanding = balances(account, parties)
	found = look_up(set(outstanding), checked)
	invoices = {name: invoice for name, invoice in found.items() if is_plain(invoice)}
	for name in outstanding:
		if name not in invoices:
			with dunnings.saved_once([name]):
				update_voucher_outstanding(INVOICE, name, account, "Customer", parties[name])
			checked.invoices.pop(name, None)
	if not invoices:
		return

	terms = payment_terms(invoices)
	credited = with_credit_note(invoices)
	today = getdate()
	amounts, statuses = {}, {}
	for name, invoice in invoices.items():
		amounts[name] = flt(outstanding[name], precision("outstanding_amount"))
		statuses[name] = status_of(invoice, amounts[name], terms[name], name in credited, today)
		invoice.outstanding_amount = amounts[name]
	write(amounts, statuses)


def balances(account: str, parties: dict[str, str]) -> dict[str, float]:
	"""What ERPNext takes for the outstanding amount of each invoice, in the currency of the account."""
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
	"""Rows of the Payment Schedules, by invoice."""
	terms: dict[str, list[frappe._dict]] = defaultdict(list)
	for row in frappe.get_all(
		"Payment Schedule",
		filters={"parent": ("in", list(names)), "parenttype": INVOICE},
		fields=["parent", "due_date", "payment_amount", "base_payment_amount"],
		order_by="idx asc",
	):
		terms[row.parent].append(row)
	return terms


def with_credit_note(names: Iterable[str]) -> set[str]:
	"""Those of the invoices that a submitted return refers to."""
	return set(
		frappe.get_all(
			INVOICE,
			filters={"return_against": ("in", list(names)), "is_return": 1, "docstatus": 1},
			pluck="return_against",
			order_by=None,
		)
	)


def status_of(
	invoice: frappe._dict, outstanding: float, terms: list[frappe._dict], credited: bool, today: date
) -> str:
	"""The status that ERPNext gives a submitted, undiscounted invoice with this outstanding amount."""
	if invoice.is_internal_customer and invoice.represents_company == invoice.company:
		return "Internal Transfer"
	base = "base_" if invoice.party_account_currency != invoice.currency else ""
	total_field = base + ("grand_total" if invoice.disable_rounded_total else "rounded_total")
	total = flt(invoice[total_field], precision(total_field))
	if outstanding > 0:
		if overdue(invoice, total, outstanding, terms, base + "payment_amount", today):
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


def overdue(
	invoice: frappe._dict,
	total: float,
	outstanding: float,
	terms: list[frappe._dict],
	amount_field: str,
	today: date,
) -> bool:
	"""Whether less is paid than the terms that are due by now ask for."""
	if invoice.is_pos or not terms:
		return getdate(invoice.due_date) < today
	decimals = precision("outstanding_amount")
	due = flt(sum(flt(term[amount_field]) for term in terms if getdate(term.due_date) < today), decimals)
	return flt(total - outstanding, decimals) < due


def precision(fieldname: str) -> int:
	return get_field_precision(frappe.get_meta(INVOICE).get_field(fieldname))


def write(amounts: dict[str, float], statuses: dict[str, str]) -> None:
	"""One statement for all; caches and open forms hear of it as they would from ERPNext."""
	table = frappe.qb.DocType(INVOICE)
	names = sorted(amounts)
	(
		frappe.qb.update(table)
		.set(table.outstanding_amount, by_name(table.name, amounts))
		.set(table.status, by_name(table.name, statuses))
		.set(table.modified, now())
		.set(table.modified_by, frappe.session.user)
		.where(table.name.isin(names))
		.run()
	)
	forget(names)
	for name in names:
		frappe.publish_realtime(
			"doc_update", {"doctype": INVOICE, "name": name}, doctype=INVOICE, docname=name, after_commit=True
		)


def forget(names: Iterable[str]) -> None:
	"""Drop what is cached of these invoices, now and again when the transaction ends, either way."""
	keys = [frappe.get_document_cache_key(INVOICE, name) for name in names]

	def drop() -> None:
		frappe.cache.delete_value(keys)

	drop()
	frappe.db.after_commit.add(drop)
	frappe.db.after_rollback.add(drop)
	frappe.db.value_cache.pop(INVOICE, None)
