"""Reasons are stored as code and facts, and translated for the reader."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import frappe
import pytest

from ar_writeoff.core import reasons, texts
from ar_writeoff.core.reasons import Reason
from ar_writeoff.ledger import messages
from ar_writeoff.patches import reasons_as_facts
from ar_writeoff.review import lists
from tests.site import run_helpers
from tests.site.db_snapshot import clear_data_caches
from tests.site.factories import (
	MANAGER,
	PREPARER,
	account,
	as_user,
	cost_center,
	customer,
	invoice,
	outstanding,
	pay,
)
from tests.site.posting_checks import post_and_check
from tests.site.test_posting_blockers import LABEL, mandatory

FIRST = "2026-01-15"
OPTED_OUT = {
	"en": "The customer is excluded from write-offs.",
	"de": "Der Kunde ist von Ausbuchungen ausgenommen.",
}


@contextmanager
def language(code: str) -> Iterator[None]:
	"""Run the block in this language."""
	before = frappe.local.lang
	frappe.local.lang = code
	try:
		yield
	finally:
		frappe.local.lang = before


def opted_out(name: str = "Quiet Customer") -> Any:
	return invoice(customer(name, exclude_from_write_off=1), 10, FIRST)


def words(html: str) -> str:
	return frappe.utils.strip_html(html)


def listed(doctype: str) -> set[str]:
	"""The messages in the list view of a DocType."""
	frappe.local.form_dict = frappe._dict(
		doctype=doctype, fields=json.dumps(["name", *messages.COLUMNS]), start=0, page_length=100
	)
	found = lists.get()
	return {row[found["keys"].index("message")] for row in found["values"]}


def test_fault_07_reasons_in_the_language_of_the_reader():
	"""Written by a German user, read by an English and a German one."""
	left_out, gone = opted_out(), invoice("Anchor Cafe", 12, FIRST)
	with language("de"):
		run = run_helpers.run()
		pay(gone, 5)
		run_helpers.post(run)
	for code, excluded in OPTED_OUT.items():
		with language(code), as_user(MANAGER):
			doc = frappe.get_doc("Write-Off Run", run.name)
			rows = {row.voucher_no: row.message for row in doc.get_items()["items"]}
			assert rows[left_out.name] == excluded
			changed = rows[gone.name]
			assert ("12.00 USD" in changed, "The balance changed" in changed) == (True, code == "en")
			item = frappe.get_doc("Write-Off Run Item", run_helpers.items(run)[left_out.name].name)
			assert item.as_dict().message == excluded
			file = frappe.get_doc("File", {"file_url": doc.export_items("CSV")["file_url"]})
			exported = file.get_content()
			exported = exported if isinstance(exported, str) else exported.decode("utf-8-sig")
			assert excluded in exported and changed in exported
			assert excluded in words(frappe.get_print(doc=doc, print_format="Write-Off Evidence"))
			from ar_writeoff.ar_writeoff.report.write_off_register import write_off_register as register

			assert changed in {row.message for row in register.execute({"company": doc.company})[1]}
			event = frappe.get_last_doc("Write-Off Run Event", {"run": run.name, "event": "Not Posted"})
			assert event.as_dict().message == changed
			assert doc.get_voucher_details(item.name)["item"]["message"] == excluded
			assert excluded in listed("Write-Off Run Item") and changed in listed("Write-Off Run Event")


def test_fault_07_stored_messages_do_not_depend_on_the_writers_language():
	"""Code, facts and the English message are stored, whatever the language of the writer."""
	left_out, gone = opted_out(), invoice("Anchor Cafe", 12, FIRST)
	with language("de"):
		run = run_helpers.run()
		pay(gone, 5)
		run_helpers.post(run)
	row = run_helpers.items(run)[gone.name]
	assert (row.reason_code, json.loads(row.reason_facts)) == (
		"balance_changed",
		{"before": "12.00 USD", "now": "7.00 USD"},
	)
	assert row.message == texts.message(Reason.from_row(row.reason_code, row.reason_facts))
	assert run_helpers.items(run)[left_out.name].message == OPTED_OUT["en"]
	for event in frappe.get_all(
		"Write-Off Run Event", {"run": run.name}, ["reason_code", "reason_facts", "message"]
	):
		assert event.message in (None, "") or event.reason_code or "said" in event.reason_facts


def test_fault_07_roles_with_a_sufficient_limit():
	large = invoice("Breakwater Bar", 400, FIRST)
	run_helpers.settings(
		limits=[
			{"role": "Accounts User", "max_item_amount": 50},
			{"role": "Accounts Manager", "max_item_amount": 500},
		]
	)
	with language("de"):
		run = run_helpers.run(user=PREPARER)
	with language("en"):
		[pending] = run.get_summary()["pending"]["reasons"]
		assert "The limit of Accounts Manager is sufficient." in pending["message"]
	with language("de"):
		[pending] = run.get_summary()["pending"]["reasons"]
		assert "reicht aus." in pending["message"]
	assert json.loads(run_helpers.items(run)[large.name].reason_facts)["enough"] == "Accounts Manager"


def test_fault_07_results_of_items():
	bill = invoice("Anchor Cafe", 30, FIRST)
	run = post_and_check(run_helpers.run())
	name = run_helpers.items(run)[bill.name].name
	with language("de"), as_user(MANAGER):
		entry = run.reinstate([name], [10])[name]
	row = run_helpers.items(run)[bill.name]
	assert json.loads(row.reason_facts) == {"amount": "10.00 USD", "entry": entry}
	assert messages.row_message(row) == f"10.00 USD reinstated by {entry}."
	with language("de"):
		assert messages.row_message(row) == f"10.00 USD durch {entry} wieder eröffnet."
	assert outstanding(bill) == 10


@pytest.mark.parametrize(
	("doctype", "words"),
	[
		("Account", {"en": "Account {0} is disabled.", "de": "Konto {0} ist deaktiviert."}),
		("Cost Center", {"en": "Cost Center {0} is disabled.", "de": "Kostenstelle {0} ist deaktiviert."}),
		("Custom Field", {"en": "needs a value in {0}.", "de": "braucht einen Wert in {0}."}),
	],
)
def test_fault_07_why_a_run_is_paused(doctype: str, words: dict[str, str]):
	"""By a worker with the language of whoever submitted it; read by anybody."""
	for n in range(4):
		invoice("Anchor Cafe", 5 + n, FIRST)
	run_helpers.settings(cost_center=cost_center("North Pier"))
	run = run_helpers.run()
	names = {"Account": account("Write Off"), "Cost Center": cost_center("North Pier")}
	with language("de"), run_helpers.approved(run):
		if doctype == "Custom Field":
			mandatory()
		else:
			frappe.db.set_value(doctype, names[doctype], "disabled", 1)
			clear_data_caches()
		frappe.db.commit()
	assert run.status == "Paused"
	told = frappe.get_all("Notification Log", {"document_name": run.name}, pluck="email_content")
	for code, text in words.items():
		said = text.format(names.get(doctype, LABEL))
		with language(code), as_user(MANAGER):
			paused = frappe.get_doc("Write-Off Run", run.name).get_summary()["pause_message"]
			event = frappe.get_last_doc("Write-Off Run Event", {"run": run.name, "event": "Paused"})
			assert said in paused and event.as_dict().message == paused
		assert ("fort" in paused) == (code == "de"), "all of it"
		assert (said in event.message) == (code == "en")
		assert any(said in frappe.utils.strip_html(text) for text in told) == (code == "en"), told


def test_amounts_and_dates_are_shown_in_the_formats_of_the_site():
	reason = Reason.of(reasons.BALANCE_CHANGED, before="1234.50 EUR", now="0.50 EUR")
	undone = Reason.of(reasons.REVERSED_BY, entry="ACC-JV-1", on="2026-06-30")
	frappe.db.set_default("number_format", "#.###,##")
	frappe.db.set_default("date_format", "dd.mm.yyyy")
	frappe.local.user_date_format = None
	try:
		assert "from 1.234,50 EUR to 0,50 EUR" in messages.message(reason)
		assert messages.message(undone) == "Reversed by ACC-JV-1 on 30.06.2026."
	finally:
		frappe.local.user_date_format = None


@pytest.mark.parametrize(
	("code", "text", "found"),
	[
		("en", "excluded from", 1),
		("en", "Customer excluded", 1),  # the label
		("en", "ausgenommen", 0),
		("de", "von Ausbuchungen ausgenommen", 1),
		("en", "changed 12.00 7.00", 1),  # words of the sentence and of its facts
		("en", "changed 12,00", 1),
		("en", "changed 13.00", 0),
		("en", "100%", 0),
	],
)
def test_the_list_is_searched_by_the_words_that_the_reader_sees(code: str, text: str, found: int):
	opted_out()
	gone = invoice("Anchor Cafe", 12, FIRST)
	run = run_helpers.run()
	pay(gone, 5)
	run_helpers.post(run)
	with language(code), as_user(MANAGER):
		page = run.get_items(filters={"message": text}, sort_by="message")
	assert (page["total"], len(page["items"])) == (found, found)


# ------------------------------------------------------------------------------------------------------ migration


def stored_before(run: Any, code: str, text: str) -> Any:
	"""An item as stored by an earlier version."""
	row = next(iter(run_helpers.items(run).values()))
	frappe.db.set_value(
		"Write-Off Run Item", row.name, {"reason_code": code, "reason_facts": None, "message": text}
	)
	reasons_as_facts.execute()
	return frappe.db.get_value(
		"Write-Off Run Item", row.name, ["reason_code", "reason_facts", "message"], as_dict=True
	)


@pytest.mark.parametrize(
	("code", "text", "facts"),
	[
		(
			"balance_changed",
			"The balance changed from 12.00 USD to 7.00 USD since the search. Search again.",
			{"before": "12.00 USD", "now": "7.00 USD"},
		),
		("customer_opted_out", OPTED_OUT["de"], {}),
		(
			"refused",
			'ERPNext rejected the entry ("Budget of X is exceeded").',
			{"why": "Budget of X is exceeded"},
		),
		# What was formatted for a reader cannot be told apart: the words stay.
		("refused", "Anything at all", {"said": "Anything at all"}),
		("", "$ 10.00 reinstated by ACC-JV-1.", {"said": "$ 10.00 reinstated by ACC-JV-1."}),
		("", "Reversed by ACC-JV-1 on 06-30-2026.", {"said": "Reversed by ACC-JV-1 on 06-30-2026."}),
		("no_code_of_ours", "Still readable", {"said": "Still readable"}),
	],
)
def test_fault_07_earlier_messages_are_migrated(code: str, text: str, facts: dict):
	invoice("Anchor Cafe", 12, FIRST)
	row = stored_before(run_helpers.run(), code, text)
	assert (row.reason_code, json.loads(row.reason_facts or "{}")) == (code, facts)
	with language("de"):
		said = messages.row_message(row)
	assert (said == text) == ("said" in facts or text == OPTED_OUT["de"])
	if "said" in facts:
		assert row.message == text
	before = row
	reasons_as_facts.execute()
	assert frappe.db.get_value("Write-Off Run Item", {"message": before.message}, "reason_facts") == (
		before.reason_facts
	)


def test_fault_07_the_log_is_migrated():
	invoice("Anchor Cafe", 12, FIRST)
	run = post_and_check(run_helpers.run())
	name = frappe.db.get_value("Write-Off Run Event", {"run": run.name, "event": "Finished"})
	for text, code in (
		("ACC-JV-1 was cancelled by somebody@example.com.", "entry_cancelled"),
		("Lost connection to server", ""),
	):
		frappe.db.set_value(
			"Write-Off Run Event", name, {"reason_code": None, "reason_facts": None, "message": text}
		)
		reasons_as_facts.execute()
		event = frappe.get_doc("Write-Off Run Event", name)
		assert (event.reason_code, event.as_dict().message) == (code, text)


def test_fault_07_notifications_are_in_the_users_language():
	"""Sent by a user or worker with another language: each recipient reads their own."""
	from tests.site.factories import SECOND_MANAGER

	frappe.db.set_value("User", SECOND_MANAGER, "language", "de")
	invoice("Anchor Cafe", 12, FIRST)
	run = run_helpers.run(user=PREPARER)
	frappe.clear_document_cache("User", SECOND_MANAGER)
	with as_user(PREPARER):
		run.request_approval()
	subjects = dict(
		frappe.get_all(
			"Notification Log",
			{"document_name": run.name},
			["for_user", "subject"],
			order_by="name",
			as_list=True,
		)
	)
	assert subjects[MANAGER] == f"Petra Preparer requests approval of {run.name}: 1 balance, total $ 12.00"
	assert (
		subjects[SECOND_MANAGER]
		== f"Petra Preparer bittet um Genehmigung von {run.name}: 1 Posten, Summe $ 12.00"
	)
	assert frappe.local.lang == "en"
