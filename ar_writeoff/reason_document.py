"""Base class of documents that store a reason, with the message in the language of the reader."""

from typing import Any

import frappe
from frappe.model.document import Document

from ar_writeoff.ledger import messages


class ReasonDocument(Document):
	"""Replaces the message in `as_dict` and in print; the stored columns are not changed."""

	# Prefix of the fieldnames, if any.
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
