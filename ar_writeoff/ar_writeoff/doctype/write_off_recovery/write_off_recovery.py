# Copyright (c) 2026, AR Write-Off contributors
# For license information, please see license.txt

"""A balance of a run that was reinstated, in full or in part.

Tests in tests/site: test_reversal.py, test_authorisation_of_amounts.py
"""

from frappe.model.document import Document


class WriteOffRecovery(Document):
	# begin: auto-generated types
	# This code is auto-generated. Do not modify anything in this block.

	from typing import TYPE_CHECKING

	if TYPE_CHECKING:
		from frappe.types import DF

		amount: DF.Currency
		base_amount: DF.Currency
		cancelled: DF.Check
		company: DF.Link | None
		currency: DF.Link | None
		customer: DF.Link | None
		item: DF.Link
		journal_entry: DF.Link | None
		paid_by: DF.Data | None
		paid_by_type: DF.Data | None
		posting_date: DF.Date | None
		run: DF.Link
		taxes: DF.SmallText | None
		voucher_no: DF.Data | None
		voucher_type: DF.Data | None
	# end: auto-generated types

	pass
