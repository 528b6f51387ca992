"""Base class of Write-Off Run and Write-Off Schedule: documents with search criteria."""

from typing import Any

import frappe
from frappe.model.document import Document

from ar_writeoff.core.criteria import DUE_DATE

# Criteria with a default value in Write-Off Settings.
SETTINGS_CRITERIA = ("reason", "max_invoice_amount", "minimum_age_days", "ageing_based_on")


class CriteriaDocument(Document):
	"""Criteria that nobody has set come from the company's Write-Off Settings, or stay empty.

	Frappe sets an empty Link from a default of the same name, such as the default currency or item group, an empty number
	to 0 and an empty Time from the clock. A search would then exclude balances without notice. `public/js/criteria.js`
	does the same in the desk.
	"""

	company: str
	ageing_based_on: str | None

	def __init__(self, *args: Any, **kwargs: Any) -> None:
		super().__init__(*args, **kwargs)
		# The fields that Frappe does not set on insert.
		self.dont_update_if_missing = [
			field.fieldname
			for field in self.meta.fields
			if field.fieldname in SETTINGS_CRITERIA
			or field.fieldtype == "Time"
			or (
				field.fieldtype == "Link"
				and field.fieldname != "company"
				and not field.get("is_custom_field")
			)
		]
		if self.get("__islocal") and not self.name:
			# Created by frappe.new_doc, which has set them. (New documents of the desk have a name.)
			self.update(dict.fromkeys(self.dont_update_if_missing))

	def _set_defaults(self) -> None:
		super()._set_defaults()
		if self.is_new():
			self.set_defaults_from_settings()

	def set_defaults_from_settings(self) -> None:
		"""A maximum that was entered is never replaced, even an invalid one."""
		for fieldname, value in settings_criteria(self.doctype, self.company).items():
			if self.get(fieldname) in (None, "") and value:
				self.set(fieldname, value)
		self.ageing_based_on = self.ageing_based_on or DUE_DATE


def settings_criteria(doctype: str, company: str) -> dict[str, Any]:
	"""Return the criteria of a new document from the company's Write-Off Settings."""
	fields = ["default_reason as reason", *SETTINGS_CRITERIA[1:]]
	settings = frappe.db.get_value("Write-Off Settings", company, fields, as_dict=True)
	values = dict(settings or dict.fromkeys(SETTINGS_CRITERIA))
	if doctype == "Write-Off Schedule" and not frappe.get_cached_value(
		"Write-Off Reason", values["reason"] or "", "use_in_schedules"
	):
		values["reason"] = None
	return values
