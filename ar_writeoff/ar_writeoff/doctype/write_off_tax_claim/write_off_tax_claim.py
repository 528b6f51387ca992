# Copyright (c) 2026, AR Write-Off contributors
# For license information, please see license.txt

"""The tax of one written-off item on one tax account, from the write-off to the return; or by age, of an unpaid invoice.

Tests in tests/site: test_tax_claims.py
"""

import frappe
from frappe import _
from frappe.utils import getdate

from ar_writeoff.latest_document import LatestDocument
from ar_writeoff.reason_document import ReasonDocument
from ar_writeoff.tax_relief import rules, service
from ar_writeoff.validation import throw_field_errors

# Fields that a user enters.
CONDITIONS = ("event_date", "notice_sent_on", "evidence")
# And where the ledger does not have the tax.
MANUAL_FIELDS = ("tax_fraction", "tax_account")


class WriteOffTaxClaim(ReasonDocument, LatestDocument):
	# begin: auto-generated types
	# This code is auto-generated. Do not modify anything in this block.

	from typing import TYPE_CHECKING

	if TYPE_CHECKING:
		from frappe.types import DF

		booked_account: DF.Link | None
		booked_amount: DF.Currency
		claimable_amount: DF.Currency
		claimable_on: DF.Date | None
		claimed_amount: DF.Currency
		company: DF.Link
		customer: DF.Link
		due_date: DF.Date | None
		event_date: DF.Date | None
		evidence: DF.Attach | None
		filed_boxes: DF.SmallText | None
		is_manual: DF.Check
		item: DF.Data | None
		journal_entry: DF.Link | None
		lapsed_amount: DF.Currency
		lapses_on: DF.Date | None
		message: DF.SmallText | None
		method: DF.Literal["Relief Later", "Net at Once", "Interim Account", "Age Only"]
		notice: DF.Link | None
		notice_sent_on: DF.Date | None
		reason_code: DF.Data | None
		reason_facts: DF.SmallText | None
		releases: DF.Link | None
		relief_account: DF.Link | None
		repaid_amount: DF.Currency
		run: DF.Link | None
		sales_invoice: DF.Link | None
		status: DF.Literal[
			"Waiting",
			"Needs Notice",
			"Claimable",
			"Claimed",
			"Filed",
			"Partly Repaid",
			"Repaid",
			"Lapsed",
			"Excluded",
			"Withdrawn",
		]
		supply_date: DF.Date | None
		tax_account: DF.Link | None
		tax_amount: DF.Currency
		tax_fraction: DF.Data | None
		tax_rule: DF.Link | None
		tax_run: DF.Link | None
		voucher_no: DF.DynamicLink | None
		voucher_type: DF.Link | None
		warned_on: DF.Date | None
		write_off_date: DF.Date | None
		written_off_amount: DF.Currency
	# end: auto-generated types

	def before_insert(self) -> None:
		frappe.throw(
			_("Claims are created by write-offs, and for unpaid invoices by Find Claims and a daily job."),
			frappe.PermissionError,
			title=_("Write-Off Tax Claim"),
		)

	def before_validate(self) -> None:
		"""Reset the fields that the app writes, whatever the client sent."""
		stored = self.get_doc_before_save()
		entered = (*CONDITIONS, *(MANUAL_FIELDS if stored.is_manual else ()))
		for field in self.meta.fields:
			if field.fieldname not in entered and not field.get("is_custom_field"):
				self.set(field.fieldname, stored.get(field.fieldname))

	def validate(self) -> None:
		is_entered = any(map(self.has_value_changed, MANUAL_FIELDS))
		if not is_entered and not any(map(self.has_value_changed, CONDITIONS)):
			return
		changeable = (*rules.PENDING, *([rules.EXCLUDED] if self.is_manual else []))
		if self.status not in changeable or self.lapsed_amount:
			frappe.throw(
				_("This claim is {0}. Its conditions can no longer be changed.").format(_(self.status)),
				title=_("Write-Off Tax Claim"),
			)
		throw_field_errors(
			self,
			[
				*(
					(fieldname, _("Enter a date that is not in the future."))
					for fieldname in ("event_date", "notice_sent_on")
					if self.get(fieldname) and getdate(self.get(fieldname)) > getdate()
				),
				("tax_fraction", service.fraction_problem(self.tax_fraction)),
			],
		)
		if is_entered:
			self.update(service.manual_tax(self))
			unmapped = self.tax_amount and not self.relief_account
			problem = _("Choose a tax account of the rule {0}.").format(self.tax_rule) if unmapped else None
			throw_field_errors(self, [("tax_account", problem)])
		service.apply_rule(self, getdate())

	def on_trash(self) -> None:
		frappe.throw(
			_("Claims are evidence and cannot be deleted."),
			frappe.PermissionError,
			title=_("Write-Off Tax Claim"),
		)
