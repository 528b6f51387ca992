# Copyright (c) 2026, AR Write-Off contributors
# For license information, please see license.txt

"""The limits of a role, for one company and optionally one currency.

Tests in tests/site: test_control.py
"""

from frappe.model.document import Document


class WriteOffLimit(Document):
	# begin: auto-generated types
	# This code is auto-generated. Do not modify anything in this block.

	from typing import TYPE_CHECKING

	if TYPE_CHECKING:
		from frappe.types import DF

		instead: DF.Check
		limit_currency: DF.Link | None
		max_customer_month_amount: DF.Currency
		max_item_amount: DF.Currency
		max_run_amount: DF.Currency
		max_share: DF.Percent
		parent: DF.Data
		parentfield: DF.Data
		parenttype: DF.Data
		role: DF.Link
	# end: auto-generated types

	pass
