# Copyright (c) 2026, AR Write-Off contributors
# For license information, please see license.txt

"""Result of posting a batch, or cancelling an entry, in two ways and comparing the rows.

If a proof is deleted, the next batch is compared again.

Tests in tests/site: test_posting_proof.py, test_undo_proof.py
"""

from frappe.model.document import Document


class WriteOffPostingProof(Document):
	# begin: auto-generated types
	# This code is auto-generated. Do not modify anything in this block.

	from typing import TYPE_CHECKING

	if TYPE_CHECKING:
		from frappe.types import DF

		apps: DF.SmallText | None
		cancels: DF.Check
		combination: DF.Data | None
		company: DF.Link | None
		differences: DF.Code | None
		erpnext_version: DF.Data | None
		frappe_version: DF.Data | None
		kinds: DF.Code | None
		method: DF.Literal["In Sets", "By Entry", "By Row"]
		native_seconds: DF.Float
		rows_compared: DF.Int
		run: DF.Link | None
		seconds: DF.Float
		tables: DF.SmallText | None
		verdict: DF.Literal["Equal", "Different", "Not Possible"]
	# end: auto-generated types
