"""Notices to customers about the tax in their written-off invoices, for rules that make them a condition of the claim."""

from collections.abc import Iterable
from functools import partial
from typing import Any

import frappe
from frappe import _
from frappe.utils import getdate

from ar_writeoff.core.run_types import TAX_CLAIM, TAX_RUN
from ar_writeoff.ledger import messages
from ar_writeoff.ledger import permissions as access
from ar_writeoff.ledger.transactions import run_in_transaction
from ar_writeoff.review import letters
from ar_writeoff.run import log
from ar_writeoff.run.arguments import json_argument
from ar_writeoff.run.worker import runs_inline
from ar_writeoff.tax_relief import ledger, rules, service

METHOD = "ar_writeoff.jobs.send_notices"
# Statuses in which a claim may lack its notice.
UNNOTIFIED = (rules.WAITING, rules.NEEDS_NOTICE, rules.CLAIMABLE)


@frappe.whitelist(methods=["POST"])
def send_notices(company: str, claims: list | str | None = None, email_template: str | None = None) -> int:
	"""Send a notice to each customer with claims that lack one, in the background: one letter for each Write-Off Run, with all
	its claims of the customer. Returns the number of letters.

	`claims`: only the letters with these. `email_template`: with `{{ letter }}`, which inserts the letter; by default the
	email contains only the letter.
	"""
	frappe.has_permission(TAX_RUN, "submit", throw=True)
	access.check_company(company)
	if email_template:
		frappe.has_permission("Email Template", "read", email_template, throw=True)
	wanted = letters_to_send(company, json_argument("claims", claims, list))
	if not wanted:
		frappe.throw(_("No claim needs a notice."), title=_("Send Notices"))
	for run in sorted({run for run, _customer in wanted}):
		access.check_whole_run(run, _("Send Notices"))
	if runs_inline():
		send_all(wanted, email_template)
	else:
		frappe.enqueue(
			METHOD,
			queue="long",
			timeout=3600,
			enqueue_after_commit=True,
			wanted=wanted,
			email_template=email_template,
		)
	return len(wanted)


def rules_with_notice() -> list[str]:
	"""Return the rules that require a notice to the customer."""
	return frappe.get_all(ledger.RULE, {"needs_notice": 1}, pluck="name", order_by="name asc")


def letters_to_send(company: str, claims: list[str] | None) -> list[tuple[str, str]]:
	"""Return run and customer of the claims that lack their notice, of those the current user may see."""
	filters: dict[str, Any] = {
		"company": company,
		"status": ("in", UNNOTIFIED),
		"notice_sent_on": ("is", "not set"),
		"run": ("is", "set"),
		"tax_rule": ("in", rules_with_notice() or [""]),
	}
	if claims is not None:
		filters["name"] = ("in", claims or [""])
	rows = frappe.get_list(
		TAX_CLAIM, filters=filters, fields=["run", "customer"], order_by="name asc", limit=0
	)
	return sorted({(row.run, row.customer) for row in rows})


def send_all(wanted: Iterable[tuple[str, str]], email_template: str | None = None) -> None:
	"""Send the notices one by one, each committed, and log their numbers in each run."""
	counts: dict[str, dict[str, int]] = {}
	for run, customer in wanted:
		status = run_in_transaction(partial(send_notice, run, customer, email_template))
		if status:
			of_run = counts.setdefault(run, {letters.SENT: 0, letters.NOT_SENT: 0})
			of_run[status] += 1
	for run, of_run in counts.items():
		run_in_transaction(
			partial(
				log.record,
				run,
				"Letters Sent",
				posted_count=of_run[letters.SENT],
				failed_count=of_run[letters.NOT_SENT],
			)
		)


def send_notice(run: str, customer: str, email_template: str | None) -> str | None:
	"""Send the notice of one customer, and store it in the claims as their condition. Returns its status; None if no claim
	lacks a notice any more."""
	claim = frappe.qb.DocType(TAX_CLAIM)
	rows = (
		frappe.qb.from_(claim)
		.select(*service.CLAIM_FIELDS, claim.notice)
		.where(
			(claim.run == run)
			& (claim.customer == customer)
			& claim.status.isin(UNNOTIFIED)
			& claim.notice_sent_on.isnull()
		)
		.orderby(claim.name)
		.for_update()
		.run(as_dict=True)
	)
	if not rows:
		return None
	names = [row.name for row in rows]
	for unsent in sorted({row.notice for row in rows} - {None, ""}):
		if not frappe.db.exists(TAX_CLAIM, {"notice": unsent, "name": ("not in", names)}):
			frappe.db.delete("Write-Off Letter", {"name": unsent, "status": letters.NOT_SENT})
	letter = letters.new_letter(run, customer, letters.TAX_NOTICE, email_template)
	ledger.write_claims({name: {"notice": letter.name} for name in names})
	status = letters.deliver(letter)
	if status == letters.SENT:
		ledger.write_claims({row.name: notified(row) for row in rows})
	return status


def notified(claim: Any) -> dict[str, Any]:
	"""Return the fields of a claim whose notice was sent today."""
	claim.notice_sent_on = getdate()
	status, reason = service.current_status(claim, getdate())
	return {"notice_sent_on": claim.notice_sent_on, "status": status, **messages.columns(reason)}
