"""W11: letters to customers about written-off balances."""

from __future__ import annotations

from typing import Any

import frappe
import pytest

from ar_writeoff.review import letters
from tests.site import run_helpers
from tests.site.factories import MANAGER, PREPARER, account, as_user, customer, invoice

FIRST = "2026-01-15"


@pytest.fixture
def outgoing() -> None:
	frappe.get_doc(
		{
			"doctype": "Email Account",
			"email_id": "accounts@example.com",
			"email_account_name": "Accounts",
			"enable_outgoing": 1,
			"default_outgoing": 1,
			"smtp_server": "localhost",
			"password": "x",
			"awaiting_password": 1,
		}
	).insert(ignore_permissions=True, ignore_mandatory=True)


def address(of: str, email: str, language: str) -> None:
	contact = frappe.get_doc(
		{
			"doctype": "Contact",
			"first_name": of,
			"email_ids": [{"email_id": email, "is_primary": 1}],
			"links": [{"link_doctype": "Customer", "link_name": of}],
		}
	)
	contact.insert(ignore_permissions=True)
	frappe.db.set_value("Customer", of, "language", language)


@pytest.fixture
def run() -> Any:
	run_helpers.settings(bad_debt_account=account("Bad Debt Expense"))
	german = customer("Kontor & Söhne")
	address(german, "kontor@example.com", "de")
	address("Anchor Cafe", "cafe@example.com", "en")
	for name, amount in ((german, 9), (german, 8), ("Anchor Cafe", 7), ("Elm School", 6)):
		invoice(name, amount, FIRST)
	return run_helpers.post(run_helpers.run())


def sent() -> dict[str, Any]:
	return {
		row.customer_name: row
		for row in frappe.get_all("Write-Off Letter", fields=["*"], order_by="name asc")
	}


def queued() -> dict[str, str]:
	"""The text of each email by its recipient."""
	return {
		frappe.get_doc("Email Queue", name).recipients[0].recipient: frappe.get_doc(
			"Email Queue", name
		).message
		for name in frappe.get_all(
			"Email Queue", {"reference_doctype": "Write-Off Letter"}, pluck="name", order_by="creation asc"
		)
	}


def text_of(message: str) -> str:
	import email
	from email import policy

	body = email.message_from_string(message, policy=policy.default).get_body(preferencelist=("html",))
	assert body
	return str(body.get_content())


def test_w11_each_customer_gets_one_letter_in_its_language(outgoing: None, run: Any):
	with as_user(MANAGER):
		assert letters.send_letters(run.name) == 3
	found = sent()
	assert {name: row.status for name, row in found.items()} == {
		"Kontor & Söhne": "Sent",
		"Anchor Cafe": "Sent",
		"Elm School": "Not Sent",
	}
	assert "no email address" in found["Elm School"].message
	emails = queued()
	assert set(emails) == {"kontor@example.com", "cafe@example.com"}
	german, english = text_of(emails["kontor@example.com"]), text_of(emails["cafe@example.com"])
	assert "We have written off these balances" in english and "$ 7.00" in english
	assert "ausgebucht" in german and "9.00" in german and "8.00" in german
	assert "Kontor &amp; Söhne" in german, "a name is text"

	# again: only who has none yet
	address("Elm School", "school@example.com", "en")
	with as_user(MANAGER):
		letters.send_letters(run.name)
	assert set(queued()) == {"kontor@example.com", "cafe@example.com", "school@example.com"}
	assert len(sent()) == 3 and frappe.db.count("Email Queue", {"reference_doctype": "Write-Off Letter"}) == 3


def test_w11_the_claim_is_upheld_where_wanted(outgoing: None, run: Any):
	with as_user(MANAGER):
		letters.send_letters(run.name, "Claim Upheld")
	assert "our claim remains" in text_of(queued()["cafe@example.com"])


def test_w11_an_email_template_around_the_letter(outgoing: None, run: Any):
	template = frappe.get_doc(
		{
			"doctype": "Email Template",
			"name": "Write-Off",
			"subject": "Account of {{ customer_name }}",
			"response": "Dear customer, {{ letter }}",
		}
	).insert(ignore_permissions=True)
	with as_user(MANAGER):
		letters.send_letters(run.name, email_template=template.name)
	message = queued()["cafe@example.com"]
	assert "Dear customer," in text_of(message) and "$ 7.00" in text_of(message)
	assert "Account of Anchor Cafe" in message


def test_w11_letters_are_in_the_evidence_and_the_log(outgoing: None, run: Any):
	with as_user(MANAGER):
		letters.send_letters(run.name)
		page = frappe.utils.strip_html(frappe.get_print("Write-Off Run", run.name, "Write-Off Evidence"))
	assert "Letters" in page and "Balance Written Off" in page
	[event] = frappe.get_all(
		"Write-Off Run Event",
		{"run": run.name, "event": "Letters Sent"},
		["posted_count", "failed_count"],
		order_by="name asc",
	)
	assert (event.posted_count, event.failed_count) == (2, 1)


def test_w11_without_an_email_account_the_letters_are_printed(run: Any):
	with as_user(MANAGER):
		letters.send_letters(run.name)
	found = sent()
	assert {row.status for row in found.values()} == {"Not Sent"}
	letter = found["Anchor Cafe"]
	html = frappe.get_print("Write-Off Letter", letter.name, "Write-Off Letter")
	assert "$ 7.00" in html and "$ 9.00" not in html


def test_w11_who_may_send(run: Any):
	with as_user(PREPARER), pytest.raises(frappe.PermissionError):
		letters.send_letters(run.name)
	draft = run_helpers.run(find=False)
	with as_user(MANAGER), pytest.raises(frappe.ValidationError, match="no written-off balances"):
		letters.send_letters(draft.name)
