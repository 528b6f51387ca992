# Copyright (c) 2026, AR Write-Off contributors
# For license information, please see license.txt

from frappe.model.document import Document


class WriteOffScheduleLog(Document):
	"""One period of a schedule: named by schedule and period, so the database itself keeps a second one out."""
