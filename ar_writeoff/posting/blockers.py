"""Checks before posting: reasons for which ERPNext would reject every entry of a run, for preview and submit.

Nothing is posted. ERPNext's checks are called, and a trial entry is validated up to the moment before it would be
inserted, which covers mandatory fields, links and scripts of the site.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any, NoReturn

import frappe
from frappe import _
from frappe.model import no_value_fields

from ar_writeoff.core import reasons
from ar_writeoff.core.reasons import Reason
from ar_writeoff.ledger import accounts, messages
from ar_writeoff.ledger.dimensions import Offset
from ar_writeoff.ledger.money import reporting_currency_message
from ar_writeoff.ledger.periods import closed_period_message
from ar_writeoff.posting import entries as journal
from ar_writeoff.posting import ledger as posting
from ar_writeoff.posting.rules import PlanItem
from ar_writeoff.posting.trial_ledger import trial_ledger

# Trial entries at most. One valid entry is enough.
MAX_TRIAL_ENTRIES = 3


class ValidationPassed(Exception):
	"""Raised when a trial entry has passed validation."""


def run_blockers(
	rules: posting.Rules, items: Sequence[PlanItem], account_names: Iterable[str]
) -> list[Reason]:
	"""Reasons why all entries, or those on an account, cannot be posted. `items`: a sample of the run's items."""
	found = []
	closed = closed_period_message(rules.company, rules.posting_date)
	if closed:
		found.append(Reason.of(reasons.PERIOD_CLOSED, why=closed))
	no_rate = reporting_currency_message(rules.company, rules.posting_date)
	if no_rate:
		found.append(Reason.of(reasons.REFUSED, why=no_rate))
	for name in sorted(set(account_names)):
		problem = accounts.posting_problem(name, rules.company)
		if problem:
			found.append(account_reason(rules.offset, name, problem))
	cost_center = rules.offset.cost_center
	unusable = accounts.unusable("Cost Center", cost_center, rules.company) if cost_center else None
	if unusable:
		found.append(Reason.caused(reasons.COST_CENTER_UNUSABLE, unusable, company=rules.company))
	if not found:
		found += balance_blockers(rules, items) or entry_blockers(rules, items)
	return found


def balance_blockers(rules: posting.Rules, items: Sequence[PlanItem]) -> list[Reason]:
	"""The reason why the balance of the offset account cannot take any of these items; none if it can take one."""
	account = rules.offset.account
	if not account or not (side := accounts.side_of_balance(account)):
		return []
	with trial_ledger(rules, budgets=False) as trial:
		for item in items:
			for plan in posting.build_plans([item], rules):
				rows = tuple(row for row in plan.rows if row.account == account)
				if not trial.add(replace(plan, rows=rows)):
					return []
	problem = Reason.of(reasons.BALANCE_ON_ONE_SIDE, account=account, side=side)
	return [account_reason(rules.offset, account, problem)] if items else []


def account_reason(offset: Offset, account: str, problem: Reason) -> Reason:
	"""The reason why entries on this account cannot be posted."""
	if account != offset.account:
		return Reason.caused(reasons.REFUSED, problem)
	return Reason.caused(
		reasons.OFFSET_ACCOUNT_UNUSABLE, problem, reason=offset.reason, company=offset.company
	)


def entry_blockers(rules: posting.Rules, items: Sequence[PlanItem]) -> list[Reason]:
	"""The reason why trial entries for these items are rejected; none if one of them passes."""
	rejected: list[tuple[Exception, Any]] = []
	for item in items[:MAX_TRIAL_ENTRIES]:
		for plan in posting.build_plans([item], rules):
			entry = journal.build(plan, rules.header(posting.TRIAL_NAME))
			with posting.party_validation(rules):
				error = validation_error(without_references(entry))
			if not error:
				return []
			rejected.append((error, entry))
	return [rejection_reason(*rejected[0])] if rejected else []


def without_references(entry: Any) -> Any:
	"""The entry without its references: the state of a voucher is not checked here."""
	for row in entry.accounts:
		row.reference_type = row.reference_name = None
	return entry


def validation_error(entry: Any) -> Exception | None:
	"""The error that validation of a new entry raises; None if it passes.

	Changes by scripts of the site are rolled back.
	"""

	def stop_before_insert(*_args: Any, **_kwargs: Any) -> NoReturn:
		raise ValidationPassed

	entry.flags.ignore_permissions = True
	entry.flags.write_off_locked = True
	entry.docstatus = 1
	entry.db_insert = stop_before_insert
	message_count = len(frappe.local.message_log)
	error: Exception | None = None
	frappe.db.savepoint("write_off_trial")
	try:
		entry.insert(set_name=entry.flags.write_off_name)
	except ValidationPassed:
		pass
	except Exception as caught:
		if not posting.is_item_error(caught):
			raise
		error = caught
	frappe.db.rollback(save_point="write_off_trial")
	del frappe.local.message_log[message_count:]
	return error


def rejection_reason(error: Exception, entry: Any) -> Reason:
	cause = messages.error_reason(error)
	if isinstance(error, frappe.MandatoryError) or names_empty_field(error, entry):
		return Reason.caused(reasons.MANDATORY_FIELD, cause, company=entry.company)
	return Reason.caused(reasons.REFUSED, cause)


def names_empty_field(error: Exception, entry: Any) -> bool:
	"""Whether an error names a custom field of the entry or its rows that has no value. Apps check the mandatory fields of
	their accounts themselves."""
	text = messages.error_text(error)
	return any(
		not document.get(field.fieldname) and re.search(rf"\b{re.escape(_(field.label))}\b", text)
		for document in (entry, *entry.accounts)
		for field in document.meta.fields
		if field.get("is_custom_field") and field.label and field.fieldtype not in no_value_fields
	)
