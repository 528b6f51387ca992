# Copyright (c) 2026, AR Write-Off contributors
# For license information, please see license.txt

"""One row in the log of a run.

Tests in tests/site: test_posting.py, test_reason_messages.py
"""

import frappe

from ar_writeoff.reason_document import ReasonDocument


class WriteOffRunEvent(ReasonDocument):
	# begin: auto-generated types
	# This code is auto-generated. Do not modify anything in this block.

	from typing import TYPE_CHECKING

	if TYPE_CHECKING:
		from frappe.types import DF

		amount: DF.Currency
		at: DF.Datetime | None
		batch: DF.Int
		company: DF.Link | None
		duration: DF.Float
		event: DF.Literal[
			"Submitted",
			"Started",
			"Batch Posted",
			"Not Posted",
			"Conflict",
			"Interrupted",
			"Resumed by Watchdog",
			"Paused",
			"Resumed",
			"Retried",
			"Finished",
			"Reversal Started",
			"Entry Cancelled",
			"Entry Reversed",
			"Not Reversed",
			"Reversal Finished",
			"Reinstated",
			"Reinstatement Cancelled",
			"Reversal Cancelled",
			"Over Credit Limit",
			"Stopped",
			"Exported",
			"Letters Sent",
			"Filed",
			"Filing Withdrawn",
		]
		failed_count: DF.Int
		journal_entry: DF.Link | None
		message: DF.SmallText | None
		posted_count: DF.Int
		reason_code: DF.Data | None
		reason_facts: DF.SmallText | None
		run: DF.Data
		skipped_count: DF.Int
		user: DF.Link | None
		voucher_no: DF.Data | None
		worker: DF.Data | None
	# end: auto-generated types

	pass


def on_doctype_update() -> None:
	frappe.db.add_index("Write-Off Run Event", ["run", "at"], "run_at")
