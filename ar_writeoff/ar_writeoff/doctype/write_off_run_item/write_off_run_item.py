# Copyright (c) 2026, AR Write-Off contributors
# For license information, please see license.txt

"""One balance in the list of a run.

Tests in tests/site: test_find_invoices.py, test_exclusions.py, test_authorisation_of_amounts.py
"""

import frappe
from frappe import _

from ar_writeoff.reason_document import ReasonDocument


class WriteOffRunItem(ReasonDocument):
	# begin: auto-generated types
	# This code is auto-generated. Do not modify anything in this block.

	from typing import TYPE_CHECKING

	if TYPE_CHECKING:
		from frappe.types import DF

		age_days: DF.Int
		base_outstanding_amount: DF.Currency
		base_reinstated_amount: DF.Currency
		base_write_off_amount: DF.Currency
		batch: DF.Int
		company: DF.Link
		currency: DF.Link | None
		customer: DF.Link | None
		customer_name: DF.Data | None
		due_date: DF.Date | None
		has_tax_claim: DF.Check
		journal_entry: DF.Link | None
		message: DF.SmallText | None
		note: DF.SmallText | None
		outstanding_amount: DF.Currency
		posting_date: DF.Date | None
		reason_code: DF.Data | None
		reason_doctype: DF.Data | None
		reason_facts: DF.SmallText | None
		reason_name: DF.Data | None
		receivable_account: DF.Link | None
		reinstated_amount: DF.Currency
		reversal_entry: DF.Link | None
		run: DF.Data
		seal: DF.Data | None
		selected: DF.Check
		set_off_amount: DF.Currency
		set_offs: DF.SmallText | None
		status: DF.Literal["Open", "Excluded", "Posted", "Skipped", "Failed", "Conflict", "Reversed"]
		tax_box: DF.Data | None
		voucher_no: DF.Data | None
		voucher_type: DF.Data | None
		write_off_amount: DF.Currency
	# end: auto-generated types

	"""Refuse to save an item on its own: its run finds, selects and posts it."""

	def validate(self) -> None:
		frappe.throw(
			_("Items can be changed only in their Write-Off Run."),
			frappe.PermissionError,
			title=_("Write-Off Run Item"),
		)

	def on_trash(self) -> None:
		frappe.throw(
			_("Items can be deleted only with their Write-Off Run."),
			frappe.PermissionError,
			title=_("Write-Off Run Item"),
		)


def on_doctype_update() -> None:
	# Covers the columns that the list is sorted and filtered by, for 100,000 items. Without `selected`, which is
	# updated for all items at once.
	frappe.db.add_index(
		"Write-Off Run Item",
		[
			"run",
			"status",
			"customer",
			"customer_name",
			"currency",
			"age_days",
			"posting_date",
			"due_date",
			"outstanding_amount",
			"base_outstanding_amount",
			"write_off_amount",
			"base_write_off_amount",
		],
		"run_list",
	)
	frappe.db.add_index("Write-Off Run Item", ["voucher_no", "voucher_type"], "voucher")
