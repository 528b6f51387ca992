# Copyright (c) 2026, AR Write-Off contributors
# For license information, please see license.txt

"""A voucher or a customer that is left out of all runs and schedules until a date.

Tests in tests/site: test_holds.py
"""

import frappe
from frappe import _
from frappe.utils import comma_and, getdate

from ar_writeoff.holds import ledger as holds
from ar_writeoff.holds.rules import ACTIVE
from ar_writeoff.holds.service import wait_for_posting
from ar_writeoff.latest_document import LatestDocument
from ar_writeoff.ledger import permissions as access
from ar_writeoff.validation import throw_field_errors


class WriteOffHold(LatestDocument):
	# begin: auto-generated types
	# This code is auto-generated. Do not modify anything in this block.

	from typing import TYPE_CHECKING

	if TYPE_CHECKING:
		from frappe.types import DF

		company: DF.Link
		customer: DF.Link
		customer_name: DF.Data | None
		hold_until: DF.Date | None
		kind: DF.Literal["", "Dispute", "Promise to Pay", "Under Review", "Legal", "Other"]
		note: DF.SmallText | None
		status: DF.Literal["Active", "Ended"]
		voucher_no: DF.DynamicLink | None
		voucher_type: DF.Link | None
	# end: auto-generated types

	def before_insert(self) -> None:
		if not self.voucher_no:
			self.voucher_type = None
		elif not self.customer:
			customers = self.customers_of_voucher()
			self.customer = customers[0] if len(customers) == 1 else ""
			self.customer_name = frappe.db.get_value("Customer", self.customer, "customer_name")
		if self.status == ACTIVE and self.customer:
			# Before anything is written, because the wait may restart the transaction.
			self.flags.posted_runs = wait_for_posting(
				self.company, holds.scope_of(self), restart=not self.flags.run_is_locked
			)

	def validate(self) -> None:
		# Frappe checked the permission before the customer was known.
		if not self.flags.ignore_permissions and not access.has_hold_permission(self):
			frappe.throw(
				_("You have no permission for this customer or company."),
				frappe.PermissionError,
				title=_("Not permitted"),
			)
		if self.is_new():
			throw_field_errors(self, [("voucher_no", self.voucher_problem())])
		if self.becomes_active():
			throw_field_errors(self, [("hold_until", self.date_problem())])
			if not self.is_new():
				self.flags.posted_runs = wait_for_posting(self.company, holds.scope_of(self), restart=False)
			self.notify_posted_runs(self.flags.posted_runs or [])

	def customers_of_voucher(self) -> list[str]:
		return holds.customers_of_voucher(self.company, self.voucher_type or "", self.voucher_no or "")

	def voucher_problem(self) -> str | None:
		"""Why this voucher cannot be put on hold; None if it can."""
		if not self.voucher_no or self.customer in self.customers_of_voucher():
			return None
		return _("{0} has no balance of this customer in {1}. Choose a submitted voucher.").format(
			self.voucher_no, self.company
		)

	def becomes_active(self) -> bool:
		"""Whether this save sets, resumes or changes an active hold."""
		return self.status == ACTIVE and (
			self.has_value_changed("status") or self.has_value_changed("hold_until")
		)

	def date_problem(self) -> str | None:
		if self.hold_until and getdate(self.hold_until) < getdate():
			return _("The last day of the hold is in the past. Enter today or a later date.")
		return None

	def notify_posted_runs(self, runs: list[str]) -> None:
		if runs:
			frappe.msgprint(
				_("{0} has written off balances before the hold was set.").format(comma_and(runs)),
				title=_("Already Written Off"),
				indicator="orange",
			)
