# Copyright (c) 2026, AR Write-Off contributors
# For license information, please see license.txt

"""A customer to whom the search of a run or schedule is restricted.

Tests in tests/site: test_find_invoices.py
"""

from frappe.model.document import Document


class WriteOffRunCustomer(Document):
	# begin: auto-generated types
	# This code is auto-generated. Do not modify anything in this block.

	from typing import TYPE_CHECKING

	if TYPE_CHECKING:
		from frappe.types import DF

		customer: DF.Link
		parent: DF.Data
		parentfield: DF.Data
		parenttype: DF.Data
	# end: auto-generated types

	pass
