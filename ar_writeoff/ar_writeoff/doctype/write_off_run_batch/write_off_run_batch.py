# Copyright (c) 2026, AR Write-Off contributors
# For license information, please see license.txt

"""Balances of a run that are posted in one transaction.

Tests in tests/site: test_workers.py, test_posting.py
"""

import frappe
from frappe.model.document import Document


class WriteOffRunBatch(Document):
	# begin: auto-generated types
	# This code is auto-generated. Do not modify anything in this block.

	from typing import TYPE_CHECKING

	if TYPE_CHECKING:
		from frappe.types import DF

		attempts: DF.Int
		item_count: DF.Int
		journal_entry: DF.Link | None
		number: DF.Int
		posted_count: DF.Int
		run: DF.Data
		status: DF.Literal["Pending", "Done"]
		worker: DF.Data | None
	# end: auto-generated types

	pass


def on_doctype_update() -> None:
	frappe.db.add_index("Write-Off Run Batch", ["run", "status"], "run_status")
