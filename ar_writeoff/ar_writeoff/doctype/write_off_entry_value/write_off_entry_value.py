# Copyright (c) 2026, AR Write-Off contributors
# For license information, please see license.txt

"""A value for a field of Journal Entry that the site has made mandatory.

Tests in tests/site: test_posting_blockers.py
"""

from frappe.model.document import Document


class WriteOffEntryValue(Document):
	# begin: auto-generated types
	# This code is auto-generated. Do not modify anything in this block.

	from typing import TYPE_CHECKING

	if TYPE_CHECKING:
		from frappe.types import DF

		applies_to: DF.Literal["Journal Entry", "Journal Entry Account"]
		entry_field: DF.Data
		parent: DF.Data
		parentfield: DF.Data
		parenttype: DF.Data
		value: DF.Data
	# end: auto-generated types

	pass
