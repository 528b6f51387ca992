# Copyright (c) 2026, AR Write-Off contributors
# For license information, please see license.txt

"""A letter to a customer about balances that a run has written off.

Tests in tests/site: test_case_letters.py
"""

from frappe.model.document import Document


class WriteOffLetter(Document):
	# begin: auto-generated types
	# This code is auto-generated. Do not modify anything in this block.

	from typing import TYPE_CHECKING

	if TYPE_CHECKING:
		from frappe.types import DF

		company: DF.Link | None
		customer: DF.Link | None
		customer_name: DF.Data | None
		email_template: DF.Link | None
		kind: DF.Literal["Balance Written Off", "Claim Upheld", "Tax Relief Notice"]
		language: DF.Link | None
		message: DF.SmallText | None
		recipient: DF.Data | None
		run: DF.Link
		sent_on: DF.Datetime | None
		status: DF.Literal["Sent", "Not Sent"]
	# end: auto-generated types

	pass
