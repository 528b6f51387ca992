"""Base class of documents whose filter fields get no default values."""

from typing import Any

from frappe.model.document import Document

from ar_writeoff.core import criteria


class BlankFieldsDocument(Document):
	"""Keeps filter fields blank.

	Frappe sets an empty Link from a default of the same name, such as the default currency or item group, and an empty
	Time from the clock. A search would then exclude balances without notice.
	"""

	FILTER_FIELDS: tuple[str, ...] = criteria.FILTER_FIELDS

	# More fields to keep blank.
	MORE_BLANK_FIELDS: tuple[str, ...] = ()

	def __init__(self, *args: Any, **kwargs: Any) -> None:
		super().__init__(*args, **kwargs)
		if self.get("__islocal") and not self.name:
			# Created by frappe.new_doc, with defaults and zeros. (New documents of the desk have a name.)
			self.clear(*self.FILTER_FIELDS, *self.MORE_BLANK_FIELDS)

	def _set_defaults(self) -> None:
		empty = [
			fieldname
			for fieldname in (*self.FILTER_FIELDS, *self.MORE_BLANK_FIELDS)
			if self.get(fieldname) in (None, "")
		]
		super()._set_defaults()
		if self.is_new():
			self.clear(*empty)

	def clear(self, *fieldnames: str) -> None:
		for fieldname in fieldnames:
			self.set(fieldname, None)
