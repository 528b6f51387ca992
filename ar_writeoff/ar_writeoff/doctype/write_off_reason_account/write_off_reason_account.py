# Copyright (c) 2026, AR Write-Off contributors
# For license information, please see license.txt

"""The offset account of a reason for one company.

Tests in tests/site: test_accounting_page.py
"""

from frappe.model.document import Document


class WriteOffReasonAccount(Document):
	# begin: auto-generated types
	# This code is auto-generated. Do not modify anything in this block.

	from typing import TYPE_CHECKING

	if TYPE_CHECKING:
		from frappe.types import DF

		account: DF.Link
		company: DF.Link
		parent: DF.Data
		parentfield: DF.Data
		parenttype: DF.Data
	# end: auto-generated types

	pass
