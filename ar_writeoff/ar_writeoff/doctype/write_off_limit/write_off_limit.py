# Copyright (c) 2026, AR Write-Off contributors
# For license information, please see license.txt

from frappe.model.document import Document


class WriteOffLimit(Document):
	pass
