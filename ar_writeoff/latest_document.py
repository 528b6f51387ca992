"""Base class of documents whose error on an outdated form names the user who changed them."""

import frappe
from frappe import _
from frappe.model.document import Document
from frappe.utils import format_datetime, get_fullname


class LatestDocument(Document):
	def check_if_latest(self) -> None:
		"""Refuse to save an old copy. Frappe's own message has two timestamps and no name."""
		try:
			super().check_if_latest()
		except frappe.TimestampMismatchError:
			frappe.clear_last_message()
			stored = self.get_doc_before_save()
			user, moment = stored.modified_by, format_datetime(stored.modified, "medium")
			if user == frappe.session.user:
				text = _("You changed this document in another window on {0}.").format(moment)
			else:
				text = _("{0} changed this document on {1}.").format(get_fullname(user), moment)
			frappe.throw(
				f"{text} {_('Reload it, then make your changes again.')}",
				frappe.TimestampMismatchError,
				title=_("Changed Meanwhile"),
			)
