"""Controls: accounts, limits and second approver of a company, and who may change them.

If a company has limits or requires a second approver, users bound by them cannot change the controls alone: the change
is a proposal in Write-Off Settings until a second user confirms it. Users with the control role of the Settings can.
"""

import json
from typing import Any

import frappe
from frappe import _
from frappe.utils import cint, flt, fmt_money, format_datetime, get_datetime, now

from ar_writeoff.approval import change_log, limits
from ar_writeoff.ledger.money import company_currency

CHANGED = "Control Changed"
PROPOSED = "Control Change Proposed"
WITHDRAWN = "Control Change Withdrawn"

ACCOUNTS = ("bad_debt_account", "credit_write_off_account", "allowance_account", "recovery_account")
APPROVAL_CONTROLS = ("limits", "require_second_approver", "control_role")
CONTROLS = (*ACCOUNTS, *APPROVAL_CONTROLS)

LIMIT_AMOUNTS = ("max_item_amount", "max_customer_month_amount", "max_run_amount")


def control_value(settings: Any, fieldname: str) -> Any:
	"""Return the value of a control to compare and log."""
	if fieldname == "limits":
		return [
			{
				"role": row.role,
				"limit_currency": row.limit_currency or "",
				**{amount: flt(row.get(amount)) for amount in LIMIT_AMOUNTS},
				"max_share": flt(row.max_share),
				"instead": cint(row.instead),
			}
			for row in settings.limits
		]
	if fieldname == "require_second_approver":
		return cint(settings.require_second_approver)
	return settings.get(fieldname) or ""


def changed_controls(before: Any, after: Any) -> dict[str, tuple[Any, Any]]:
	"""Return the controls that differ, with the values before and after. `before`: None for new Settings."""
	nothing = {"limits": [], "require_second_approver": 0}
	values = {
		fieldname: (
			control_value(before, fieldname) if before else nothing.get(fieldname, ""),
			control_value(after, fieldname),
		)
		for fieldname in CONTROLS
	}
	return {fieldname: pair for fieldname, pair in values.items() if pair[0] != pair[1]}


def is_bound(settings: Any, user: str) -> bool:
	"""Whether the controls of a company bind this user, who then cannot change them alone.

	Administrator is not bound; such changes are logged.
	"""
	if not (settings.limits or settings.require_second_approver or settings.control_role):
		return False
	if user == "Administrator":
		return False
	if settings.control_role:
		return settings.control_role not in frappe.get_roles(user)
	rows = limits.authority_of(user, settings.company).limits
	unlimited = bool(rows) and not any(row.has_amounts for row in rows)
	return bool(settings.require_second_approver) or not unlimited


def change_blocker(company: str) -> str | None:
	"""Return why the current user cannot change the accounts of this company alone, or None."""
	name = frappe.db.exists("Write-Off Settings", company)
	settings = frappe.get_doc("Write-Off Settings", name) if name else None
	if not settings or not is_bound(settings, frappe.session.user):
		return None
	if settings.control_role:
		return _("Only users with the role {1} can change the controls of {0}.").format(
			company, _(settings.control_role)
		)
	return _(
		"You are subject to the limits or the second approver of {0} and cannot change its controls. Enter"
		" a Role That Changes Controls in Write-Off Settings."
	).format(company)


# Proposals


def propose(settings: Any, before: Any) -> None:
	"""Reset changed controls of a document that is being saved, and store the changes as a proposal."""
	changes = changed_controls(before, settings)
	for fieldname in changes:
		settings.set(fieldname, before.get(fieldname))
		change_log.record(
			PROPOSED, **log_values(settings, fieldname, *changes[fieldname]), proposed_by=frappe.session.user
		)
	settings.update(
		{
			"proposed_changes": json.dumps(
				{fieldname: after for fieldname, (_before, after) in changes.items()}, indent=1
			),
			"proposed_by": frappe.session.user,
			"proposed_on": now(),
		}
	)


def check_confirmation(settings: Any, proposed_on: Any) -> None:
	"""
	Raises:
	    frappe.ValidationError: the proposal was changed or withdrawn.
	    frappe.PermissionError: the current user proposed it, or lacks the control role.
	"""
	if not settings.proposed_changes or get_datetime(settings.proposed_on) != get_datetime(proposed_on):
		frappe.throw(
			_("The proposed change was modified or withdrawn. Reload the form."), title=_("Proposed Change")
		)
	user = frappe.session.user
	if settings.proposed_by == user:
		frappe.throw(
			_("You proposed this change. Another user must confirm it."),
			frappe.PermissionError,
			title=_("Proposed Change"),
		)
	if settings.control_role and is_bound(settings, user):
		frappe.throw(
			_("Only users with the role {1} can change the controls of {0}.").format(
				settings.company, _(settings.control_role)
			),
			frappe.PermissionError,
			title=_("Not permitted"),
		)


def apply(settings: Any) -> None:
	"""Set the proposed values in the document, which the caller saves."""
	settings.update(json.loads(settings.proposed_changes))
	settings.flags.confirmed_user = settings.proposed_by
	clear(settings)


def withdraw(settings: Any) -> None:
	"""Log the withdrawal of a proposal and clear it."""
	for fieldname, after in json.loads(settings.proposed_changes or "{}").items():
		change_log.record(
			WITHDRAWN,
			**log_values(settings, fieldname, control_value(settings, fieldname), after),
			proposed_by=settings.proposed_by,
		)
	clear(settings)


def clear(settings: Any) -> None:
	settings.update({"proposed_changes": None, "proposed_by": None, "proposed_on": None})


# The log


def record_changes(doc: Any, changes: dict[str, tuple[Any, Any]], company: str) -> None:
	"""Log the changed controls of a saved document."""
	for fieldname, (before, after) in changes.items():
		change_log.record(
			CHANGED,
			**{**log_values(doc, fieldname, before, after), "company": company},
			proposed_by=doc.flags.confirmed_user,
		)


def log_values(doc: Any, fieldname: str, before: Any, after: Any) -> dict[str, Any]:
	return {
		"document_type": doc.doctype,
		"document": doc.name,
		"company": doc.get("company"),
		"fieldname": fieldname,
		"old_value": json.dumps(before, ensure_ascii=False),
		"new_value": json.dumps(after, ensure_ascii=False),
	}


def changes_affecting(run: Any) -> list[dict[str, str]]:
	"""Return the control changes for the evidence of a run: the last changes of the limits before its creation, and all
	changes until it was posted."""
	rows = change_log.rows_since(None, (CHANGED,), company=run.company)
	before: dict[tuple[str, ...], Any] = {}
	during = []
	for row in rows:
		if row.at <= get_datetime(run.creation):
			if row.fieldname in APPROVAL_CONTROLS:
				before[row.document_type, row.document, row.fieldname] = row
		elif not run.posted_on or row.at <= get_datetime(run.posted_on):
			during.append(row)
	return [log_row_text(row, run.company) for row in (*before.values(), *during)]


def log_row_text(row: Any, company: str) -> dict[str, str]:
	"""Return label and text of a log row."""
	label = _(frappe.get_meta(row.document_type).get_label(row.fieldname))
	if row.document_type != "Write-Off Settings":
		label = f"{_(row.document_type)} {row.document}: {label}"
	before, after = (
		value_text(row.fieldname, json.loads(value), company) for value in (row.old_value, row.new_value)
	)
	by = _("by {0}").format(row.user)
	if row.proposed_by:
		by = _("proposed by {0}, confirmed by {1}").format(row.proposed_by, row.user)
	return {"label": label, "text": f"{before} → {after} ({by}, {format_datetime(row.at)})"}


def value_text(fieldname: str, value: Any, company: str) -> str:
	if fieldname == "limits":
		return "; ".join(limit_text(row, company) for row in value) or _("None")
	if fieldname == "require_second_approver":
		return _("Yes") if value else _("No")
	return value or _("None")


def limit_text(row: dict[str, Any], company: str) -> str:
	meta = frappe.get_meta("Write-Off Limit")
	currency = row["limit_currency"] or company_currency(company)
	parts = [
		f"{_(meta.get_label(amount))} {fmt_money(row[amount], currency=currency)}"
		for amount in LIMIT_AMOUNTS
		if row[amount]
	]
	if row["max_share"]:
		parts.append(f"{_(meta.get_label('max_share'))} {row['max_share']:g} %")
	if row["instead"]:
		parts.append(_(meta.get_label("instead")))
	return f"{_(row['role'])}: {', '.join(parts) or _('No limit')}"


def companies_changed(before: Any, after: Any) -> set[str]:
	"""Return the companies whose account in a Write-Off Reason changed; all companies if its method changed."""
	accounts = [{row.company: row.account for row in doc.accounts} if doc else {} for doc in (before, after)]
	if before and before.method != after.method:
		return set(frappe.get_all("Write-Off Settings", pluck="company", order_by=None))
	return {
		company
		for company in accounts[0].keys() | accounts[1].keys()
		if accounts[0].get(company) != accounts[1].get(company)
	}


def check_reason(before: Any, after: Any) -> None:
	"""
	Raises:
	    frappe.PermissionError: the current user cannot change the controls of an affected company.
	"""
	for company in sorted(companies_changed(before, after)):
		problem = change_blocker(company)
		if problem:
			frappe.throw(problem, frappe.PermissionError, title=_("Not permitted"))


def record_reason(before: Any, after: Any) -> None:
	"""Log the changed accounts and method of a saved Write-Off Reason."""

	def account(doc: Any, company: str) -> str:
		return next((row.account for row in doc.accounts if row.company == company), "") if doc else ""

	for company in sorted(companies_changed(before, after)):
		record_changes(after, {"accounts": (account(before, company), account(after, company))}, company)
		if before and before.method != after.method:
			record_changes(after, {"method": (before.method, after.method)}, company)
