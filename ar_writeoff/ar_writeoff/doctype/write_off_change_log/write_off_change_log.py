# Copyright (c) 2026, AR Write-Off contributors
# For license information, please see license.txt

"""Renamed documents and changed controls that affect approvals.

Tests in tests/site: test_terms.py, test_segregation.py
"""

import frappe
from frappe import _
from frappe.model.document import Document


class WriteOffChangeLog(Document):
	# begin: auto-generated types
	# This code is auto-generated. Do not modify anything in this block.

	from typing import TYPE_CHECKING

	if TYPE_CHECKING:
		from frappe.types import DF

		at: DF.Datetime | None
		company: DF.Link | None
		document: DF.Data | None
		document_type: DF.Data | None
		event: DF.Literal[
			"Renamed", "Merged", "Control Changed", "Control Change Proposed", "Control Change Withdrawn"
		]
		fieldname: DF.Data | None
		new_value: DF.Text | None
		old_value: DF.Text | None
		proposed_by: DF.Data | None
		seal: DF.Data | None
		user: DF.Data | None
	# end: auto-generated types

	def on_trash(self) -> None:
		frappe.throw(_("The change log cannot be deleted."), title=_("Write-Off Change Log"))
