"""Letters to customers about balances that a run has written off, in the language of the customer."""

from functools import partial
from typing import Any

import frappe
from frappe import _
from frappe.contacts.doctype.contact.contact import get_default_contact
from frappe.query_builder.functions import Sum
from frappe.translate import print_language
from frappe.utils import fmt_money, formatdate, getdate, now

from ar_writeoff.core.criteria import DEBIT
from ar_writeoff.core.run_types import TAX_CLAIM
from ar_writeoff.core.status import ITEM_POSTED
from ar_writeoff.ledger import messages
from ar_writeoff.ledger import permissions as access
from ar_writeoff.ledger.money import company_currency
from ar_writeoff.ledger.transactions import run_in_transaction
from ar_writeoff.run import items, log
from ar_writeoff.run.worker import runs_inline

WRITTEN_OFF, UPHELD = "Balance Written Off", "Claim Upheld"
KINDS = (WRITTEN_OFF, UPHELD)
TAX_NOTICE = "Tax Relief Notice"
SENT, NOT_SENT = "Sent", "Not Sent"
METHOD = "ar_writeoff.jobs.send_letters"


# Text


def write_off_letter(letter: Any) -> str:
	"""The letter as HTML, in the current language. For the Print Format and for email templates."""
	letter.check_permission("read")
	is_notice = letter.kind == TAX_NOTICE
	heading, text = texts(letter.kind)
	columns = [_("Voucher No"), _("Date"), _("Written Off"), _("Tax")]
	return frappe.render_template(
		"ar_writeoff/templates/write_off_letter.html",
		{
			"company": letter.company,
			"customer_name": letter.customer_name,
			"today": formatdate(getdate(letter.creation)),
			"heading": heading,
			"text": text,
			"columns": columns if is_notice else [*columns[:2], _("Amount")],
			"rows": taxes_of(letter) if is_notice else balances_of(letter),
			"closing": _("This letter was created by a computer and is valid without a signature."),
		},
	)


def texts(kind: str) -> tuple[str, str]:
	"""Return the heading and the text of a kind of letter."""
	if kind == TAX_NOTICE:
		return _("Notice of relief from the tax on bad debts"), _(
			"We have written off these balances and claim relief for the tax in them. If you have deducted this tax as input"
			" tax, you may have to repay it to the tax authority."
		)
	if kind == UPHELD:
		return _("Our claim remains"), _(
			"We have written off these balances in our books. This is not a waiver: our claim remains, and we ask you to pay."
		)
	return _("Balances written off"), _(
		"We have written off these balances and no longer ask you to pay them."
	)


def balances_of(letter: Any) -> list[list[str]]:
	"""The written-off balances of the letter's customer in its run, of those the current user may see."""
	item = items.table()
	rows = (
		frappe.qb.from_(item)
		.select(
			item.voucher_no,
			item.posting_date,
			(item.write_off_amount - item.reinstated_amount).as_("amount"),
			item.currency,
		)
		.where(
			items.visible(item, letter.run)
			& (item.customer == letter.customer)
			& item.status.isin(ITEM_POSTED)
		)
		.orderby(item.posting_date)
		.orderby(item.name)
		.run(as_dict=True)
	)
	return [
		[row.voucher_no, formatdate(row.posting_date), fmt_money(row.amount, currency=row.currency)]
		for row in rows
	]


def taxes_of(letter: Any) -> list[list[str]]:
	"""The balances whose tax this letter gives notice of, in company currency, of those the current user may see."""
	item, claim = items.table(), frappe.qb.DocType(TAX_CLAIM)
	currency = company_currency(letter.company)
	rows = (
		frappe.qb.from_(claim)
		.inner_join(item)
		.on(item.name == claim.item)
		.select(
			item.voucher_no,
			item.posting_date,
			(item.base_write_off_amount - item.base_reinstated_amount).as_("amount"),
			Sum(claim.claimable_amount).as_("tax"),
		)
		.where(items.visible(item, letter.run) & (claim.notice == letter.name))
		.groupby(item.name)
		.orderby(item.posting_date)
		.orderby(item.name)
		.run(as_dict=True)
	)
	return [
		[
			row.voucher_no,
			formatdate(row.posting_date),
			*(fmt_money(amount, currency=currency) for amount in (row.amount, row.tax)),
		]
		for row in rows
	]


# Sending


@frappe.whitelist(methods=["POST"])
def send_letters(run: str, kind: str = WRITTEN_OFF, email_template: str | None = None) -> int:
	"""Send a letter to each customer of a posted run, in the background. Customers who have it already get none. Returns the
	number of customers.

	`email_template`: with `{{ letter }}`, which inserts the letter; by default the email contains only the letter.
	"""
	doc = frappe.get_doc("Write-Off Run", run)
	doc.check_permission("submit")
	access.check_company(doc.company)
	access.check_whole_run(run, _("Send Letters"))
	if kind not in KINDS:
		frappe.throw(_("Choose {0} or {1}.").format(*(_(name) for name in KINDS)), title=_("Send Letters"))
	if email_template:
		frappe.has_permission("Email Template", "read", email_template, throw=True)
	customers = customers_of(run) if doc.docstatus == 1 and doc.balance_type == DEBIT else []
	if not customers:
		frappe.throw(_("{0} has no written-off balances.").format(run), title=_("Send Letters"))
	if runs_inline():
		send_all(run, kind, email_template)
	else:
		frappe.enqueue(
			METHOD,
			queue="long",
			timeout=3600,
			job_id=f"write-off-letters::{run}::{kind}",
			deduplicate=True,
			enqueue_after_commit=True,
			run=run,
			kind=kind,
			email_template=email_template,
		)
	return len(customers)


def customers_of(run: str) -> list[str]:
	return frappe.get_all(
		"Write-Off Run Item",
		filters={"run": run, "status": ("in", ITEM_POSTED)},
		pluck="customer",
		distinct=True,
		order_by="customer asc",
	)


def send_all(run: str, kind: str, email_template: str | None = None) -> None:
	"""Send the letters one by one, each committed, and log the numbers."""
	customers = customers_of(run)
	counts = {SENT: 0, NOT_SENT: 0}
	for number, customer in enumerate(customers, start=1):
		status = run_in_transaction(partial(send_letter, run, customer, kind, email_template))
		if status:
			counts[status] += 1
		frappe.publish_progress(
			number * 100 / len(customers),
			title=_("Send Letters"),
			description=_("{0} of {1}").format(number, len(customers)),
			doctype="Write-Off Run",
			docname=run,
		)
	run_in_transaction(
		lambda: log.record(run, "Letters Sent", posted_count=counts[SENT], failed_count=counts[NOT_SENT])
	)


def send_letter(run: str, customer: str, kind: str, email_template: str | None) -> str | None:
	"""Send the letter of one customer and store it. Returns its status; None if the customer has it already."""
	if frappe.db.exists("Write-Off Letter", {"run": run, "customer": customer, "kind": kind, "status": SENT}):
		return None
	frappe.db.delete("Write-Off Letter", {"run": run, "customer": customer, "kind": kind})
	return deliver(new_letter(run, customer, kind, email_template))


def new_letter(run: str, customer: str, kind: str, email_template: str | None) -> Any:
	"""Store a letter that is not sent, in the language of the customer."""
	details = frappe.db.get_value("Customer", customer, ["customer_name", "language"], as_dict=True)
	language = details.language or frappe.db.get_single_value("System Settings", "language") or "en"
	return frappe.get_doc(
		{
			"doctype": "Write-Off Letter",
			"run": run,
			"company": frappe.db.get_value("Write-Off Run", run, "company"),
			"customer": customer,
			"customer_name": details.customer_name,
			"kind": kind,
			"email_template": email_template,
			"language": language,
			"recipient": recipient_of(customer),
			"status": NOT_SENT,
		}
	).insert(ignore_permissions=True)


def deliver(letter: Any) -> str:
	"""Send a letter by email and return its status. If it cannot be sent, its message says why."""
	if not letter.recipient:
		set_result(letter.name, NOT_SENT, _("The customer has no email address. Print the letter."))
		return NOT_SENT
	if not has_outgoing_account():
		set_result(letter.name, NOT_SENT, _("There is no default outgoing Email Account. Print the letter."))
		return NOT_SENT
	try:
		with print_language(letter.language):
			send_email(letter)
	except (frappe.ValidationError, frappe.OutgoingEmailError) as error:
		set_result(letter.name, NOT_SENT, messages.error_text(error))
		return NOT_SENT
	set_result(letter.name, SENT)
	return SENT


def has_outgoing_account() -> bool:
	"""Whether the site can send email: without an account, Frappe looks for its sender in the site configuration."""
	account = {"enable_outgoing": 1, "default_outgoing": 1}
	return bool(frappe.db.exists("Email Account", account) or frappe.conf.get("mail_server"))


def set_result(letter: str, status: str, message: str = "") -> None:
	values = {"status": status, "message": message, "sent_on": now() if status == SENT else None}
	frappe.db.set_value("Write-Off Letter", letter, values)


def recipient_of(customer: str) -> str | None:
	contact = get_default_contact("Customer", customer)
	address = contact and frappe.db.get_value("Contact", contact, "email_id")
	return address or frappe.db.get_value("Customer", customer, "email_id")


def send_email(letter: Any) -> None:
	html = write_off_letter(letter)
	subject = f"{_(letter.kind)}: {letter.company}"
	if letter.email_template:
		template = frappe.get_doc("Email Template", letter.email_template)
		formatted = template.get_formatted_email({**letter.as_dict(), "letter": html})
		subject, html = formatted["subject"], formatted["message"]
	frappe.sendmail(
		recipients=[letter.recipient],
		subject=subject,
		message=html,
		reference_doctype=letter.doctype,
		reference_name=letter.name,
	)


def letters_of(run: str) -> list[dict[str, Any]]:
	"""Number of letters of a run by kind and status, for the evidence page."""
	counts: dict[tuple[str, str], int] = {}
	for row in frappe.get_list(
		"Write-Off Letter", filters={"run": run}, fields=["kind", "status"], limit=0, order_by="name asc"
	):
		counts[row.kind, row.status] = counts.get((row.kind, row.status), 0) + 1
	return [
		{"kind": _(kind), "status": _(status), "count": count}
		for (kind, status), count in sorted(counts.items())
	]
