"""Reinstates single balances of a run, in full or in part, for a late payment. Each is stored as a Write-Off
Recovery."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

import frappe
from frappe import _
from frappe.utils import getdate

from ar_writeoff.core import reasons
from ar_writeoff.core import status as states
from ar_writeoff.core.money import ZERO, AmountError, parse_amount
from ar_writeoff.core.reasons import Reason
from ar_writeoff.ledger import messages
from ar_writeoff.ledger.periods import closed_period_message
from ar_writeoff.posting import entries as journal
from ar_writeoff.posting import ledger as posting
from ar_writeoff.run import log
from ar_writeoff.run.arguments import exact_amount
from ar_writeoff.run.status import update_settled_status
from ar_writeoff.tax_relief import ledger as tax
from ar_writeoff.tax_relief import service as tax_relief
from ar_writeoff.undo import ledger as undo
from ar_writeoff.undo.service import log_warnings, update_items


def check_date(run: Any, posting_date: date) -> None:
	"""Refuse a date on which balances of this run cannot be reinstated.

	Raises:
	    frappe.ValidationError: it is before the write-off, or in a closed period.
	"""
	if posting_date < getdate(run.posting_date):
		frappe.throw(
			_("A balance cannot be reinstated before the date of the write-off, {0}.").format(
				run.get_formatted("posting_date")
			),
			title=_("Posting Date"),
		)
	if reason := closed_period_message(run.company, posting_date):
		frappe.throw(reason, title=_("Period closed"))


def reinstate(
	run: str, amounts: Mapping[str, Any], posting_date: date, paid_by: tuple[str, str] = ("", "")
) -> dict[str, str]:
	"""Reinstate balances of a run, in full or in part, in the current transaction.

	`amounts`: item -> amount in account currency, with the sign of the balance; None for all that is written off.
	`paid_by`: type and name of the document that is allocated to them. Returns the Journal Entry of each item.

	Raises:
	    frappe.ValidationError: an amount does not fit, or ERPNext rejects the entry.
	"""
	rows = lock_items_of_run(run, list(amounts))
	company = rows[0].company
	items = undo.written_off_items(rows, company)
	posting.lock_vouchers([item.key for item in items])
	parts = [
		undo.part_of(item, amount_to_reinstate(item, row, amounts[item.item]))
		for item, row in zip(items, rows, strict=True)
	]
	entries, warnings = undo.reinstate(parts, posting_date, f"ACC-JV-{run}-RI")
	for part, row in zip(parts, rows, strict=True):
		record_recovery(part, row, posting_date, entries[part.of.item], paid_by)
	journal.update_write_off_fields(item.key for item in items)
	tax_relief.update_of_items(row.name for row in rows if row.has_tax_claim)
	log_warnings(run, warnings)
	update_settled_status(run)
	return entries


def lock_items_of_run(run: str, names: list[str]) -> list[Any]:
	"""These items of the run, locked in order of name. Throws if one is not an item of the run."""
	item = frappe.qb.DocType("Write-Off Run Item")
	rows = (
		frappe.qb.from_(item)
		.select("*")
		.where(item.name.isin(names or [""]) & (item.run == run))
		.orderby(item.name)
		.for_update()
		.run(as_dict=True)
	)
	if not names or len(rows) != len(set(names)):
		frappe.throw(_("Choose balances of this run to reinstate."), title=_("Reinstate Balances"))
	return rows


def amount_to_reinstate(item: undo.WrittenOffItem, row: Any, wanted: Any) -> Decimal:
	"""The amount to reinstate, checked against what is still written off."""
	if row.status not in states.ITEM_POSTED:
		frappe.throw(
			_("{0} is {1} and cannot be reinstated.").format(row.voucher_no, _(row.status)),
			title=_("Reinstate Balances"),
		)
	try:
		entered = item.amount if wanted is None else parse_amount(wanted)
	except AmountError as error:
		frappe.throw(
			f"{row.voucher_no}: {messages.message(Reason.of(error.code, **error.facts))}",
			title=_("Reinstate Balances"),
		)
	amount = exact_amount(
		entered or ZERO, item.currency, title=_("Reinstate Balances"), voucher_no=row.voucher_no
	)
	if undo.is_credit(item) and amount != item.amount:
		frappe.throw(
			_("{0} can only be reinstated in full.").format(row.voucher_no), title=_("Reinstate Balances")
		)
	if amount * item.amount <= 0 or abs(amount) > abs(item.amount):
		frappe.throw(
			_("{0}: enter an amount between 0 and {1}.").format(
				row.voucher_no,
				frappe.format(item.amount, {"fieldtype": "Currency", "options": item.currency}),
			),
			title=_("Reinstate Balances"),
		)
	return amount


def record_recovery(
	part: undo.ItemPart, row: Any, posting_date: date, journal_entry: str, paid_by: tuple[str, str]
) -> None:
	frappe.get_doc(
		{
			"doctype": "Write-Off Recovery",
			"run": row.run,
			"item": row.name,
			"company": row.company,
			"customer": row.customer,
			"voucher_type": row.voucher_type,
			"voucher_no": row.voucher_no,
			"posting_date": posting_date,
			"currency": row.currency,
			"amount": part.amount,
			"base_amount": part.base_amount,
			"journal_entry": journal_entry,
			"paid_by_type": paid_by[0],
			"paid_by": paid_by[1],
			"taxes": tax.taxes_as_text(part.taxes),
		}
	).insert(ignore_permissions=True)
	whole = part.amount == part.of.amount
	update_items(
		[row.name],
		reinstated_amount=part.of.reinstated + part.amount,
		base_reinstated_amount=Decimal(str(row.base_reinstated_amount or 0)) + part.base_amount,
		status=states.REVERSED if whole else row.status,
		**messages.columns(
			Reason.of(reasons.REINSTATED_BY, entry=journal_entry, on=posting_date)
			if whole
			else Reason.of(
				reasons.REINSTATED_IN_PART, amount=f"{part.amount} {row.currency}", entry=journal_entry
			)
		),
	)
	log.record(
		row.run,
		"Reinstated",
		journal_entry=journal_entry,
		voucher_no=row.voucher_no,
		amount=part.base_amount,
	)
