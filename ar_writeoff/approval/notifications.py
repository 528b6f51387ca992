"""Notifications in the desk and by email. A user who cannot be notified is not an error."""

from collections.abc import Callable, Iterable
from typing import Any

import frappe
from frappe import _
from frappe.desk.doctype.notification_settings.notification_settings import (
	is_email_notifications_enabled,
	is_notifications_enabled,
)
from frappe.email.doctype.email_account.email_account import EmailAccount
from frappe.translate import get_user_lang, print_language
from frappe.utils import escape_html, fmt_money, get_url_to_form
from frappe.utils.user import get_users_with_role

from ar_writeoff.approval import limits
from ar_writeoff.approval import rules as core
from ar_writeoff.core import status as states
from ar_writeoff.core.run_types import doctype_of, posts_claims
from ar_writeoff.ledger import permissions as access
from ar_writeoff.ledger.money import company_currency
from ar_writeoff.run import status

# Returns the plain text for a user, called in that user's language.
Text = Callable[[str], str]


def notify_users(
	users: Iterable[str], subject: Text, doctype: str, name: str, message: Text | None = None
) -> list[str]:
	"""Notify the enabled users among these of a document, each in their language. Returns them."""
	recipients = enabled_users(users)
	send_email = has_outgoing_email()
	for user in recipients:
		with print_language(get_user_lang(user)):
			notify_user(user, subject(user), doctype, name, message(user) if message else "", send_email)
	return recipients


def notify_user(user: str, subject: str, doctype: str, name: str, message: str, send_email: bool) -> None:
	"""Notify a user in the desk and by email, according to the user's Notification Settings."""
	if is_notifications_enabled(user):
		log = frappe.get_doc(
			{
				"doctype": "Notification Log",
				"type": "Alert",
				"for_user": user,
				"from_user": frappe.session.user,
				"subject": escape_html(subject),
				"email_content": escape_html(message),
				"document_type": doctype,
				"document_name": name,
			}
		)
		# user and document exist
		log.insert(ignore_permissions=True, ignore_links=True)
	address = (
		send_email and is_email_notifications_enabled(user) and frappe.db.get_value("User", user, "email")
	)
	if address:
		link = get_url_to_form(doctype, name)
		frappe.sendmail(
			recipients=[address],
			subject=subject,
			message=f"<p>{escape_html(subject)}</p><p>{escape_html(message)}</p><p><a href='{link}'>{escape_html(name)}</a></p>",
			reference_doctype=doctype,
			reference_name=name,
		)


def has_outgoing_email() -> bool:
	"""Whether the site has an outgoing email account."""
	account = EmailAccount.find_outgoing()
	return bool(account and account.email_id)


def enabled_users(users: Iterable[str]) -> list[str]:
	wanted = {user for user in users if user and user != "Guest"}
	return frappe.get_all(
		"User",
		filters={"name": ("in", list(wanted) or [""]), "enabled": 1},
		pluck="name",
		order_by="name asc",
	)


def users_of_role(role: str | None, company: str) -> list[str]:
	"""Return the users with the role who may see the company."""
	if not role:
		return []
	return [user for user in get_users_with_role(role) if access.of_user(user).allows_company(company)]


def notify_role_users(company: str) -> list[str]:
	"""Return the users of the Notify Role in Write-Off Settings, for conflicts, failures and schedules."""
	return users_of_role(frappe.db.get_value("Write-Off Settings", company, "notify_role"), company)


def approvers(run: Any) -> list[str]:
	"""Return the users who can approve the run: may submit it, have a limit, and did not prepare it."""
	roles = limits.submitting_roles()
	table = limits.limits_of(run)
	without = {run.prepared_by, run.changed_by, run.searched_by, "Administrator"}
	found = set()
	for role in roles:
		for user in users_of_role(role, run.company):
			authority = core.authority_of_roles(table, frappe.get_roles(user), roles)
			if user not in without and (authority.limits or not authority.limit_required):
				found.add(user)
	return sorted(found)


def approval_requested(run: Any) -> list[str]:
	"""Notify the approvers of a draft."""

	def subject(user: str) -> str:
		totals = status.visible_totals(run, user)
		return _("{0} requests approval of {1}: {2}, total {3}").format(
			frappe.utils.get_fullname(frappe.session.user),
			run.name,
			count_of_items(run, totals.selected_count + totals.held_count),
			amount(run, totals.selected_amount + totals.held_amount),
		)

	def message(user: str) -> str:
		totals = status.visible_totals(run, user)
		return _("Selected: {0}, total {1}. Over the limit: {2}.").format(
			totals.selected_count, amount(run, totals.selected_amount), totals.held_count
		)

	return notify_users(approvers(run), subject, run.doctype, run.name, message)


def returned(run: Any, comment: str) -> list[str]:
	"""Notify the users who prepared, changed or requested approval of a draft that it was returned to them."""
	people = {run.prepared_by, run.changed_by, run.approval_requested_by} - {
		frappe.session.user,
		"Administrator",
	}
	return notify_users(
		people,
		lambda _user: _("{0} returned {1}: {2}").format(
			frappe.utils.get_fullname(frappe.session.user), run.name, frappe.utils.cstr(comment)[:100]
		),
		run.doctype,
		run.name,
		lambda _user: comment,
	)


def count_of_items(run: Any, count: int) -> str:
	if posts_claims(run.name):
		return _("1 claim") if count == 1 else _("{0} claims").format(count)
	return _("1 balance") if count == 1 else _("{0} balances").format(count)


def amount(run: Any, value: float) -> str:
	return fmt_money(value, currency=company_currency(run.company))


def run_finished(run: Any) -> list[str]:
	"""Notify preparer and submitter of the result of a run, and the users of the Notify Role unless all was posted."""
	people = {run.prepared_by, run.submitted_by}
	if run.status != states.POSTED or run.by_schedule:
		people.update(notify_role_users(run.company))

	def subject(user: str) -> str:
		totals = status.visible_totals(run, user)
		return _("{0}: {1}, {2} of {3}").format(
			run.name, _(run.status), totals.posted_count, count_of_items(run, totals.selected_count)
		)

	def message(user: str) -> str:
		totals = status.visible_totals(run, user)
		return _("Posted {0} of {1}, skipped {2}, failed {3}.").format(
			totals.posted_count, totals.selected_count, totals.skipped_count, totals.failed_count
		)

	return notify_users(people, subject, doctype_of(run.name), run.name, message)


def run_stopped(run: Any, message: Text) -> list[str]:
	"""Notify preparer, submitter and the users of the Notify Role that a run was paused by a fault."""
	return notify_users(
		{run.prepared_by, run.submitted_by, *notify_role_users(run.company)},
		lambda _user: _("{0}: {1}").format(run.name, _(states.PAUSED)),
		doctype_of(run.name),
		run.name,
		message,
	)


def approval_void(run: str, company: str, message: Text) -> list[str]:
	"""Notify the users of the Notify Role that an approved run was changed in the database."""
	return notify_users(
		notify_role_users(company),
		lambda _user: _("{0}: differs from the approval").format(run),
		doctype_of(run),
		run,
		message,
	)
