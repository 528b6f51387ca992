"""Kinds of entries: what decides which code of ERPNext runs for them. A proof holds for the kinds of its batch."""

from collections.abc import Iterable, Sequence
from typing import Any

import frappe
from frappe.utils import flt

from ar_writeoff.ledger import dunnings
from ar_writeoff.ledger.dimensions import dimension_fields
from ar_writeoff.ledger.money import company_currency
from ar_writeoff.posting.fast.listeners import SALES_INVOICE
from ar_writeoff.posting.rules import EntryPlan

# Fields of an invoice on which its new status depends.
INVOICE_FLAGS = ("is_return", "is_pos", "is_discounted", "is_internal_customer", "disable_rounded_total")


def kinds_of(plans: Sequence[EntryPlan], company: str, in_part: Iterable[str]) -> set[str]:
	"""The kinds of the rows of these entries and of the invoices they settle. `in_part`: vouchers of which a part
	stays open."""
	currency = company_currency(company)
	kinds = {"several entries" if len(plans) > 1 else "one entry"}
	invoices = set()
	for plan in plans:
		for row in plan.rows:
			kinds.add(
				" ".join(
					(
						row.account,
						"debit" if row.amount > 0 else "credit",
						row.reference_type or "-",
						"" if row.currency == currency else row.currency,
						",".join(sorted(name for name, value in row.dimensions if value)),
						plan.credit.voucher_type if plan.credit else "",
					)
				).rstrip()
			)
			if row.reference_type == SALES_INVOICE:
				invoices.add(row.reference_name)
	return kinds | invoice_kinds(invoices, set(in_part))


def kinds_of_entry(entry: Any, what: str) -> set[str]:
	"""The kinds of an entry that is not planned here, such as a reversing entry or one that is cancelled (`what`), and
	of its invoices."""
	currency = company_currency(entry.company)
	fieldnames = dimension_fields()
	kinds = {f"entry {entry.voucher_type}"}
	for row in entry.accounts:
		is_debit = flt(row.debit_in_account_currency) > 0
		dimensions = ",".join(sorted(name for name in fieldnames if row.get(name)))
		row_currency = "" if row.account_currency == currency else row.account_currency
		kinds.add(
			f"{row.account} {'debit' if is_debit else 'credit'} {row.reference_type or '-'} {row_currency}"
			f" {dimensions} {what}"
		)
	return kinds | invoice_kinds(
		{row.reference_name for row in entry.accounts if row.reference_type == SALES_INVOICE}, set()
	)


def invoice_kinds(names: set[str], in_part: set[str]) -> set[str]:
	"""The kinds of these invoices."""
	if not names:
		return set()
	filters = {"parent": ("in", sorted(names)), "parenttype": SALES_INVOICE}
	terms: dict[str, int] = {}
	for parent in frappe.get_all("Payment Schedule", filters=filters, pluck="parent", order_by=None):
		terms[parent] = terms.get(parent, 0) + 1
	with_dunning = dunnings.invoices_with_dunning(names) if dunnings.updates_dunnings() else set()
	credited = set(
		frappe.get_all(
			SALES_INVOICE,
			filters={"return_against": ("in", sorted(names)), "is_return": 1, "docstatus": 1},
			pluck="return_against",
			order_by=None,
		)
	)
	kinds = set()
	for invoice in frappe.get_all(
		SALES_INVOICE,
		filters={"name": ("in", sorted(names))},
		fields=["name", "currency", "party_account_currency", *INVOICE_FLAGS],
		order_by=None,
	):
		traits = [flag for flag in INVOICE_FLAGS if invoice[flag]]
		traits += ["foreign"] if invoice.currency != invoice.party_account_currency else []
		traits += ["several terms"] if terms.get(invoice.name, 0) > 1 else []
		traits += ["dunning"] if invoice.name in with_dunning else []
		traits += ["credited"] if invoice.name in credited else []
		traits += ["in part"] if invoice.name in in_part else []
		kinds.add(f"invoice: {', '.join(traits) or 'plain'}")
	return kinds
