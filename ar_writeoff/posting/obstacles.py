"""What ERPNext would refuse for every entry of a run: asked at the preview and on submit, in words, once.

Nothing is posted to find out. The checks of ERPNext are asked, and an entry is validated up to the moment before it
would be written: that runs what the site has made mandatory, its links, and its scripts.
"""

from collections.abc import Iterable, Sequence
from typing import Any, NoReturn

import frappe

from ar_writeoff.core import reasons
from ar_writeoff.core.reasons import Reason
from ar_writeoff.ledger import accounts, messages
from ar_writeoff.ledger.periods import why_closed
from ar_writeoff.posting import entries as journal
from ar_writeoff.posting import ledger as posting
from ar_writeoff.posting.rules import PlanItem

# Balances whose entry is validated at most: one that passes is enough.
ENTRIES_TRIED = 3


class AboutToBeWritten(Exception):
	"""An entry was validated and would be written now."""


def of_run(
	rules: posting.Rules, items: Sequence[PlanItem], account_names: Iterable[str], cost_centers: Iterable[str]
) -> list[Reason]:
	"""What stands in the way of all entries, or of those on an account or cost center. `items`: some of the run."""
	found = []
	closed = why_closed(rules.company, rules.posting_date)
	if closed:
		found.append(Reason.of(reasons.PERIOD_CLOSED, why=closed))
	problems = [accounts.posting_problem(name, rules.company) for name in sorted(set(account_names))]
	problems += [accounts.cost_center_problem(name, rules.company) for name in sorted({*cost_centers} - {""})]
	found += [Reason.of(reasons.REFUSED, why=problem) for problem in problems if problem]
	if not found:
		found += refused_entries(rules, items)
	return found


def refused_entries(rules: posting.Rules, items: Sequence[PlanItem]) -> list[Reason]:
	"""Why an entry for these items is refused before it is written; nothing where one of them passes."""
	refused = []
	for item in items[:ENTRIES_TRIED]:
		for plan in posting.plans([item], rules):
			header = journal.EntryHeader(
				rules.company, rules.posting_date, rules.run, posting.TRIAL_KEY, rules.remark
			)
			error = error_of(without_references(journal.build(plan, header)))
			if not error:
				return []
			refused.append(error)
	return [reason_of(refused[0], rules.company)] if refused else []


def without_references(entry: Any) -> Any:
	"""The entry as if its balances were not settled by it: what became of a voucher is not the question here."""
	for row in entry.accounts:
		row.reference_type = row.reference_name = None
	return entry


def error_of(entry: Any) -> Exception | None:
	"""What a new entry is refused with before it is written; None where it would be written.

	What scripts of the site write meanwhile is rolled back.
	"""

	def stop(*_args: Any, **_kwargs: Any) -> NoReturn:
		raise AboutToBeWritten

	entry.flags.ignore_permissions = True
	entry.flags.write_off_locked = True
	entry.docstatus = 1
	entry.db_insert = stop
	said = len(frappe.local.message_log)
	error: Exception | None = None
	frappe.db.savepoint("write_off_trial")
	try:
		entry.insert(set_name=entry.ar_writeoff_key)
	except AboutToBeWritten:
		pass
	except Exception as caught:
		if not posting.may_be_about_an_item(caught):
			raise
		error = caught
	frappe.db.rollback(save_point="write_off_trial")
	del frappe.local.message_log[said:]
	return error


def reason_of(error: Exception, company: str) -> Reason:
	if isinstance(error, frappe.MandatoryError):
		return Reason.of(reasons.MANDATORY_FIELD, why=messages.of_error(error), company=company)
	return Reason.of(reasons.REFUSED, why=messages.of_error(error))
