"""Set the write-off status of Sales Invoices, their payment terms and Dunnings."""

import frappe
from frappe.utils import create_batch
from frappe.utils.fixtures import sync_fixtures

from ar_writeoff.core.status import ITEM_POSTED
from ar_writeoff.ledger.open_items import Key
from ar_writeoff.posting.entries import update_write_off_fields


def execute() -> None:
	# Fixtures with the custom fields are synced after the patches.
	sync_fixtures("ar_writeoff")
	rows = frappe.get_all(
		"Write-Off Run Item",
		filters={"status": ("in", ITEM_POSTED), "voucher_type": "Sales Invoice"},
		fields=["voucher_type", "voucher_no", "receivable_account", "customer"],
		as_list=True,
		order_by="name asc",
	)
	for batch in create_batch(rows, 1000):
		update_write_off_fields(Key(*row) for row in batch)
