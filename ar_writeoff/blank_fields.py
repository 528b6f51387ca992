"""Fields that stay empty when nobody filled them."""

from typing import Any

from frappe.model.document import Document

from ar_writeoff.core import criteria


class BlankFieldsDocument(Document):
	"""Frappe fills an empty Link from defaults of the same name, such as the default currency or item group, and an
	empty Time with the clock. A search that nobody narrowed would leave balances out without a word.
	"""

	FILTER_FIELDS: tuple[str, ...] = criteria.FILTER_FIELDS

	# Fields of the same kind that a DocType adds.
	MORE_BLANK_FIELDS: tuple[str, ...] = ()

	def __init__(self, *args: Any, **kwargs: Any) -> None:
		super().__init__(*args, **kwargs)
		if self.get("__islocal") and not self.name:
			# As frappe.new_doc makes it, with defaults and zeros that nobody asked for. (The desk names its own.)
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
