"""What a worker asks before it posts: is this still what was approved, and may the one who approved it still do so?

The same rules as on submit, asked again: for the run when a worker begins, for the items under their lock.
"""

from typing import Any

import frappe
from frappe.utils import strip_html

from ar_writeoff.approval import limits
from ar_writeoff.approval import notifications as notify
from ar_writeoff.approval import service as approval
from ar_writeoff.core import reasons
from ar_writeoff.core.reasons import Reason
from ar_writeoff.ledger import messages
from ar_writeoff.posting import ledger as posting
from ar_writeoff.run import items
from ar_writeoff.run.terms import rules_of


def approved_rules(run: Any) -> posting.Rules:
	"""What the run posts with, when it is what was approved.

	Raises:
	    frappe.ValidationError: criteria, date or account changed since, or the run is over the limit of who
	        submitted it.
	"""
	rules = rules_of(run)
	void = approval.why_void(run, rules.offset.account)
	if void:
		notify.approval_void(run.name, run.company, lambda _user: messages.message(void))
		messages.refuse(void)
	over = limits.run_refused(run, run.submitted_by)
	if over:
		messages.refuse(over)
	return rules


def refused_items(rows: list[Any], run: str) -> dict[str, Reason]:
	"""Items of a locked batch that must not be posted, with the reason. The others are as approved."""
	if not rows:
		return {}
	fields = ["name", "company", "posting_date", "submitted_by", "by_schedule", "schedule"]
	doc = frappe.db.get_value("Write-Off Run", run, fields, as_dict=True)
	changed = approval.tampered(rows)
	refused = {name: Reason.of(reasons.CHANGED_SINCE_APPROVAL) for name in sorted(changed)}
	if refused:
		notify.approval_void(
			run,
			doc.company,
			lambda user: vouchers_of(rows, items.visible_among(run, changed, user)),
		)
	refused.update(limits.refused([row for row in rows if row.name not in changed], doc, doc.submitted_by))
	return refused


def vouchers_of(rows: list[Any], names: list[str]) -> str:
	return ", ".join(strip_html(row.voucher_no or row.name) for row in rows if row.name in names)
