# Copyright (c) 2026, AR Write-Off contributors
# For license information, please see license.txt

import frappe
from frappe import _
from frappe.model.document import Document


class WriteOffRunItem(Document):
	"""An item is found, ticked and posted through its run, which holds every rule: never saved by itself."""

	def validate(self) -> None:
		frappe.throw(_("Items are changed in their Write-Off Run only."), frappe.PermissionError)

	def on_trash(self) -> None:
		frappe.throw(_("Items go with their Write-Off Run only."), frappe.PermissionError)
