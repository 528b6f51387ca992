# Copyright (c) 2026, AR Write-Off contributors
# For license information, please see license.txt

"""A background worker of a run, with its last heartbeat.

Tests in tests/site: test_workers.py
"""

from frappe.model.document import Document


class WriteOffRunWorker(Document):
	# begin: auto-generated types
	# This code is auto-generated. Do not modify anything in this block.

	from typing import TYPE_CHECKING

	if TYPE_CHECKING:
		from frappe.types import DF

		batch: DF.Int
		heartbeat: DF.Datetime | None
		job_id: DF.Data | None
		machine: DF.Data | None
		number: DF.Int
		run: DF.Data
	# end: auto-generated types

	pass
