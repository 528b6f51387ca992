"""Doc events on credit notes: a credit note for an invoice that was written off would book the loss twice."""

from decimal import Decimal
from typing import Any

import frappe
from frappe import _
from frappe.query_builder.functions import Sum
from frappe.utils import fmt_money

from ar_writeoff.core.money import ZERO, money
from ar_writeoff.ledger.money import precision
from ar_writeoff.ledger.open_items import Key
from ar_writeoff.undo.guards import WrittenOffBalance, link, lock_written_off, run_of_voucher

INVOICE = "Sales Invoice"
POS_INVOICE = "POS Invoice"


def before_submit_sales_invoice(note: Any, method: str | None = None) -> None:
	"""Doc event, before submit: refuse to credit the written-off amount of the invoice."""
	if note.is_return and note.return_against:
		refuse_double_loss(note, note.return_against)


def before_submit_pos_invoice(note: Any, method: str | None = None) -> None:
	"""Doc event, before submit: as for a Sales Invoice, before the POS closing would be rejected."""
	if note.is_return and note.return_against:
		invoice = frappe.db.get_value(POS_INVOICE, note.return_against, "consolidated_invoice")
		if invoice:
			refuse_double_loss(note, invoice)


def refuse_double_loss(note: Any, invoice: str) -> None:
	"""Refuse a credit note with which more than the invoice total would be credited and written off. Locks the invoice.

	A credit note for the rest of the invoice is allowed, with a message.
	"""
	if not lock_written_off([Key(INVOICE, invoice, "", "")]):
		return
	fields = ["written_off_amount", "party_account_currency", *TOTALS]
	row = frappe.db.get_value(INVOICE, invoice, fields, as_dict=True, for_update=True)
	currency = row.party_account_currency
	decimals = precision(currency)
	written_off = money(row.written_off_amount, decimals)
	if written_off < 0:
		return
	total = total_of(row, decimals)
	credited = credited_before(note, invoice, currency, decimals) - total_of(note, decimals)
	run = run_of_voucher(INVOICE, invoice)
	facts = (
		invoice,
		fmt_money(float(written_off), currency=currency),
		link(run) if run else _("Write-Off Run"),
	)
	if credited + written_off > total:
		frappe.throw(
			_(
				"{1} of {0} was written off by {2}, and this credit note would book the loss twice. Reinstate the balance in"
				" {2}, then submit the credit note."
			).format(*facts),
			WrittenOffBalance,
			title=_("Already Written Off"),
		)
	frappe.msgprint(
		_(
			"{1} of {0} was written off by {2}. This credit note is for the remaining amount of the invoice."
		).format(*facts),
		title=_("Partly Written Off"),
		indicator="orange",
	)


TOTALS = ("currency", "grand_total", "rounded_total", "base_grand_total", "base_rounded_total")


def total_of(document: Any, decimals: int) -> Decimal:
	"""The total of an invoice or credit note in the currency of the receivable account. Negative for a credit note."""
	same = document.currency == (document.get("party_account_currency") or document.currency)
	prefix = "" if same else "base_"
	return money(
		document.get(f"{prefix}rounded_total") or document.get(f"{prefix}grand_total") or 0, decimals
	)


def credited_before(note: Any, invoice: str, currency: str, decimals: int) -> Decimal:
	"""The amount that other submitted credit notes credit of the invoice, positive; those of the POS before the closing
	too."""
	total = ZERO
	for row in frappe.get_all(
		INVOICE,
		filters={"return_against": invoice, "is_return": 1, "docstatus": 1, "name": ("!=", note.name)},
		fields=["party_account_currency", *TOTALS],
		order_by="name asc",
	):
		total -= total_of(row, decimals)
	if note.doctype == POS_INVOICE:
		returned, sold = frappe.qb.DocType(POS_INVOICE), frappe.qb.DocType(POS_INVOICE).as_("sold")
		[[waiting]] = (
			frappe.qb.from_(returned)
			.inner_join(sold)
			.on(sold.name == returned.return_against)
			.select(Sum(returned.grand_total if note.currency == currency else returned.base_grand_total))
			.where(
				(sold.consolidated_invoice == invoice)
				& (returned.docstatus == 1)
				& (returned.name != note.name)
				& (returned.consolidated_invoice.isnull() | (returned.consolidated_invoice == ""))
			)
			.run()
		)
		total -= money(waiting or 0, decimals)
	return total
