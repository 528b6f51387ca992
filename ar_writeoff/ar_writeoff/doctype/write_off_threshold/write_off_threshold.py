# Copyright (c) 2026, AR Write-Off contributors
# For license information, please see license.txt

"""Minimum and maximum balance of vouchers in one currency.

Tests in tests/site: test_criteria.py
"""

from frappe.model.document import Document


class WriteOffThreshold(Document):
	# begin: auto-generated types
	# This code is auto-generated. Do not modify anything in this block.

	from typing import TYPE_CHECKING

	if TYPE_CHECKING:
		from frappe.types import DF

		currency: DF.Link
		max_amount: DF.Currency
		min_amount: DF.Currency
		parent: DF.Data
		parentfield: DF.Data
		parenttype: DF.Data
	# end: auto-generated types

	pass
