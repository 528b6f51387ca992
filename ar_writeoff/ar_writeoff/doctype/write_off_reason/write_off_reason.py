# Copyright (c) 2026, AR Write-Off contributors
# For license information, please see license.txt

"""Why balances are written off, with the account for each company.

Tests in tests/site: test_validation.py, test_accounting_page.py
"""

from frappe import _

from ar_writeoff.approval import controls
from ar_writeoff.latest_document import LatestDocument
from ar_writeoff.ledger import accounts
from ar_writeoff.validation import throw_field_errors


class WriteOffReason(LatestDocument):
	# begin: auto-generated types
	# This code is auto-generated. Do not modify anything in this block.

	from typing import TYPE_CHECKING

	if TYPE_CHECKING:
		from frappe.types import DF

		from ar_writeoff.ar_writeoff.doctype.write_off_reason_account.write_off_reason_account import (
			WriteOffReasonAccount,
		)

		accounts: DF.Table[WriteOffReasonAccount]
		applies_to: DF.Literal["Debit", "Credit", "Both"]
		disabled: DF.Check
		method: DF.Literal["Direct", "Allowance", "Reclassify"]
		reason: DF.Data
		use_in_schedules: DF.Check
	# end: auto-generated types

	def validate(self) -> None:
		balance_types = ("Debit", "Credit") if self.applies_to == "Both" else (self.applies_to,)
		problems = []
		if self.method == accounts.ALLOWANCE and self.applies_to != "Debit":
			problems.append(("method", _("The allowance method is for debit balances only.")))
		seen = set()
		for row in self.accounts:
			problem = accounts.offset_account_problem(row.account, row.company, balance_types, self.method)
			if row.company in seen:
				problem = _("Company {0} has more than one row.").format(row.company)
			seen.add(row.company)
			if problem:
				problems.append(("accounts", _("Row {0}: {1}").format(row.idx, problem)))
		throw_field_errors(self, problems)
		if not self.flags.ignore_permissions:
			controls.check_reason(self.get_doc_before_save(), self)

	def on_update(self) -> None:
		controls.record_reason(self.get_doc_before_save(), self)
