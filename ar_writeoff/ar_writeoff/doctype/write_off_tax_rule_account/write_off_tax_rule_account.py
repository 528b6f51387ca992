# Copyright (c) 2026, AR Write-Off contributors
# For license information, please see license.txt

"""The relief account and the boxes of the return for one tax account of a rule.

Tests in tests/site: test_tax_rules.py
"""

from frappe.model.document import Document


class WriteOffTaxRuleAccount(Document):
	# begin: auto-generated types
	# This code is auto-generated. Do not modify anything in this block.

	from typing import TYPE_CHECKING

	if TYPE_CHECKING:
		from frappe.types import DF

		claim_box: DF.Data | None
		interim_account: DF.Link | None
		parent: DF.Data
		parentfield: DF.Data
		parenttype: DF.Data
		relief_account: DF.Link
		repayment_box: DF.Data | None
		tax_account: DF.Link
	# end: auto-generated types

	pass
