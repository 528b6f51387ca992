"""Documents that keep a reason as code and facts, shown in the language of whoever looks at them."""

from typing import Any

import frappe
from frappe.model.document import Document

from ar_writeoff.ledger import messages


class ReasonDocument(Document):
	"""What a document gives away of itself has its message in the reader's language; the columns stay as they are."""

	# Before the names of the columns, where they are not the plain ones.
	FIELD_PREFIX = ""

	def localized_message(self) -> str:
		return messages.stored_message(
			self.get(f"{self.FIELD_PREFIX}reason_code") or "",
			self.get(f"{self.FIELD_PREFIX}reason_facts") or "",
		)

	def as_dict(self, *args: Any, **kwargs: Any) -> frappe._dict:
		values = super().as_dict(*args, **kwargs)
		values[f"{self.FIELD_PREFIX}message"] = self.localized_message()
		return values

	def before_print(self, settings: Any = None) -> None:
		self.set(f"{self.FIELD_PREFIX}message", self.localized_message())
