"""Checks before posting: the run is unchanged since its approval, and within the limits of its submitter.

The rules of the submit are checked again, for the run when a worker starts and for the items under their lock.
"""

from typing import Any

from frappe.utils import strip_html

from ar_writeoff.approval import customer_maximum, limits
from ar_writeoff.approval import notifications as notify
from ar_writeoff.approval import service as approval
from ar_writeoff.core import reasons
from ar_writeoff.core.reasons import Reason
from ar_writeoff.core.terms import Terms
from ar_writeoff.ledger import accounts, messages
from ar_writeoff.posting import ledger as posting
from ar_writeoff.run import items
from ar_writeoff.run.terms import rules_of


def approved_rules(run: Any) -> posting.Rules:
	"""Return the posting rules from the approved terms.

	Raises:
	    frappe.ValidationError: the terms were changed in the database, or the run is over the limit of its submitter.
	    posting.SharedFault: the account or cost center cannot be posted to.
	"""
	void = approval.void_reason(run)
	if void:
		notify.approval_void(run.name, run.company, lambda _user: messages.message(void))
		messages.throw_reason(void)
	terms = approval.terms_of(run)
	unusable = account_problem(terms)
	if unusable:
		raise posting.SharedFault(messages.ReasonError(messages.message(unusable), unusable))
	over = limits.run_blocker(run, run.submitted_by)
	if over:
		messages.throw_reason(over)
	return rules_of(terms)


def account_problem(terms: Terms) -> Reason | None:
	"""Return why the approved account or cost center cannot be posted to, or None."""
	for doctype, name in (("Account", terms.offset_account), ("Cost Center", terms.offset_cost_center)):
		reason = name and accounts.unusable(doctype, name, terms.company)
		if reason:
			return reason
	return None


def refused_items(rows: list[Any], run: str) -> dict[str, Reason]:
	"""Return the items of a locked batch that must not be posted, with the reason."""
	if not rows:
		return {}
	doc = approval.stored_run(run)
	changed = approval.changed_items(rows, approval.renames_since(doc))
	refused = {name: Reason.of(reasons.CHANGED_SINCE_APPROVAL) for name in sorted(changed)}
	if refused:
		notify.approval_void(
			run,
			doc.company,
			lambda user: vouchers_of(rows, items.visible_names(run, changed, user)),
		)
	as_approved = [row for row in rows if row.name not in changed]
	refused.update(limits.refused_items(as_approved, doc, doc.submitted_by))
	refused.update(customer_maximum.refused_items(as_approved, approval.terms_of(doc)))
	return refused


def vouchers_of(rows: list[Any], names: list[str]) -> str:
	return ", ".join(strip_html(row.voucher_no or row.name) for row in rows if row.name in names)
