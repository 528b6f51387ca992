"""ERPNext's checks that depend on what is posted before: of budgets, and of accounts whose balance must be on one side.

The entries of a run are checked before they are posted, in the order of posting. Nothing is left in the database.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from decimal import Decimal
from functools import cached_property
from typing import Any

import frappe
from erpnext.accounts import general_ledger
from erpnext.accounts.doctype.budget.budget import validate_expense_against_budget
from erpnext.accounts.doctype.gl_entry.gl_entry import validate_balance_type
from frappe.query_builder import Case
from frappe.query_builder.functions import Sum

from ar_writeoff.core.criteria import DEBIT
from ar_writeoff.core.money import ZERO
from ar_writeoff.ledger.accounts import side_of_balance
from ar_writeoff.ledger.transactions import rolled_back
from ar_writeoff.posting import entries as journal
from ar_writeoff.posting import ledger as posting
from ar_writeoff.posting.fast import rows as ledger_rows
from ar_writeoff.posting.rules import EntryPlan, Row

GL_ENTRY = "GL Entry"

# After this many balances that ERPNext rejects, entries are not divided further: each part takes inserts and a sum over
# the ledger.
MAX_REJECTED = 200


@contextmanager
def trial_ledger(rules: posting.Rules, budgets: bool = True) -> "Iterator[TrialLedger]":
	"""A ledger that entries can be added to until the end of the block."""
	with rolled_back("write_off_trial_ledger"):
		yield TrialLedger(rules, budgets)


class TrialLedger:
	"""The General Ledger with entries of a run, as far as these checks depend on it.

	`rejected`: the number of balances that ERPNext rejected alone. `unchecked`: the number of those in rejected entries that
	were not divided.
	"""

	def __init__(self, rules: posting.Rules, budgets: bool):
		self.rules = rules
		self.budgets = budgets and bool(
			frappe.get_all(
				"Budget", filters={"company": rules.company, "docstatus": 1}, limit=1, order_by=None
			)
		)
		self.balances: dict[str, set[Decimal]] = {}
		self.added: dict[str, Decimal] = {}
		self.errors: dict[str, Exception] = {}
		self.rejected = self.unchecked = 0

	def add(self, plan: EntryPlan) -> Exception | None:
		"""Add an entry. If ERPNext rejects it, return the error and add nothing."""
		before = dict(self.added)
		message_count = len(frappe.local.message_log)
		error: Exception | None = None
		expenses = [row for row in plan.rows if self.has_budget(row.account)]
		try:
			if expenses:
				frappe.db.savepoint("write_off_trial_entry")
				self.add_expenses(replace(plan, rows=tuple(expenses)))
			self.add_balances(row for row in plan.rows if not self.has_budget(row.account))
		except Exception as caught:
			if not posting.is_item_error(caught):
				raise
			error, self.added = caught, before
			if expenses:
				frappe.db.rollback(save_point="write_off_trial_entry")
				self.rejected += len(plan.items) == 1
		# Budgets that only warn.
		del frappe.local.message_log[message_count:]
		return error

	def has_budget(self, account: str) -> bool:
		return self.budgets and frappe.get_cached_value("Account", account, "root_type") == "Expense"

	def add_expenses(self, plan: EntryPlan) -> None:
		"""Insert the rows, with ERPNext's checks before and after each."""
		entry = journal.build(plan, self.rules.header(posting.TRIAL_NAME))
		entry.name = posting.TRIAL_NAME
		entry.set_amounts_in_company_currency()
		gl_rows = entry.build_gl_map()
		if self.has_budget_validation:
			general_ledger.BudgetValidation(gl_map=gl_rows).validate()
		merged = frappe.db.get_single_value("Accounts Settings", "merge_similar_account_heads")
		for row in general_ledger.process_gl_map(gl_rows, merged):
			self.insert(row)
			validate_balance_type(row.account)
			validate_expense_against_budget(row)

	@cached_property
	def has_budget_validation(self) -> bool:
		"""Whether ERPNext checks the budgets of an entry as a whole."""
		return hasattr(general_ledger, "BudgetValidation") and not frappe.db.get_single_value(
			"Accounts Settings", "use_legacy_budget_controller"
		)

	def add_balances(self, rows: Iterable[Row]) -> None:
		"""Add the rows to the balances of accounts that are limited to one side.

		ERPNext checks receivable accounts twice: with the rows of the Payment Ledger, before those of the General Ledger are
		added, and with the latter.
		"""
		limited = [row for row in rows if side_of_balance(row.account)]
		for account in dict.fromkeys(row.account for row in limited if row.customer):
			self.check_side(account)
		for row in limited:
			self.added[row.account] = self.added.get(row.account, ZERO) + row.base_amount
			self.check_side(row.account)

	def check_side(self, account: str) -> None:
		"""Check the balance of an account that is limited to one side.

		ERPNext adds up an account for each row, which takes long for receivables, so it is asked only if the balance seems to
		be on the other side. If it has rejected an account, its error is raised each time that the balance is.

		Raises:
		    frappe.ValidationError: ERPNext rejects the balance.
		"""
		side = side_of_balance(account)
		added = self.added.get(account, ZERO)
		posted = self.posted(account)
		wrong = {one for one in posted if (one + added < 0 if side == DEBIT else one + added > 0)}
		if not wrong:
			return
		error = self.errors.get(account) if wrong == posted else None
		error = error or self.balance_error(account, added)
		# The one that this release checks.
		self.balances[account] = (wrong if error else posted - wrong) or posted
		if error:
			self.errors[account] = error
			raise error

	def balance_error(self, account: str, added: Decimal) -> Exception | None:
		"""The error that ERPNext raises if this amount is added to the account; None if it accepts it."""
		with rolled_back("write_off_trial_balance"):
			self.insert({"account": account, "debit": max(added, ZERO), "credit": max(-added, ZERO)})
			try:
				validate_balance_type(account)
			except frappe.ValidationError as error:
				return error
		return None

	def posted(self, account: str) -> set[Decimal]:
		"""The posted balance of an account, and that without cancelled rows: releases of ERPNext differ in the one they check."""
		if account not in self.balances:
			entry = frappe.qb.DocType(GL_ENTRY)
			amount = entry.debit - entry.credit
			[(total, live)] = (
				frappe.qb.from_(entry)
				.select(Sum(amount), Sum(Case().when(entry.is_cancelled == 0, amount).else_(0)))
				.where(entry.account == account)
				.run()
			)
			self.balances[account] = {Decimal(str(total or 0)), Decimal(str(live or 0))}
		return self.balances[account]

	def insert(self, values: Any) -> None:
		common = {
			"company": self.rules.company,
			"posting_date": self.rules.posting_date,
			"voucher_type": "Journal Entry",
			"voucher_no": posting.TRIAL_NAME,
		}
		ledger_rows.insert(GL_ENTRY, [{**common, **values}], self.new_row)

	@cached_property
	def new_row(self) -> Any:
		return frappe.new_doc(GL_ENTRY, as_dict=True)
