# Copyright (c) 2026, AR Write-Off contributors
# For license information, please see license.txt

"""One period of a schedule with its result.

Tests in tests/site: test_schedules.py
"""

from ar_writeoff.reason_document import ReasonDocument


class WriteOffScheduleLog(ReasonDocument):
	# begin: auto-generated types
	# This code is auto-generated. Do not modify anything in this block.

	from typing import TYPE_CHECKING

	if TYPE_CHECKING:
		from frappe.types import DF

		attempts: DF.Int
		claimed_until: DF.Datetime | None
		company: DF.Link
		due_on: DF.Datetime | None
		finished_on: DF.Datetime | None
		message: DF.SmallText | None
		period: DF.Data
		planned_on: DF.Datetime | None
		reason_code: DF.Data | None
		reason_facts: DF.SmallText | None
		remainder: DF.Link | None
		result: DF.Literal["Working", "Prepared", "Submitted", "Submitted in Part", "Nothing Found", "Failed"]
		run: DF.Link | None
		schedule: DF.Link
		started_on: DF.Datetime | None
	# end: auto-generated types

	"""One period of a schedule: named by schedule and period, so the database itself keeps a second one out."""
