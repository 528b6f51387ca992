"""Notices to customers about the tax in their written-off invoices, and warnings before claims lapse."""

from __future__ import annotations

from typing import Any

import frappe
import pytest
from frappe.utils import add_days, getdate

from ar_writeoff.tax_relief import lapsing, notices
from tests.site import run_helpers
from tests.site.factories import HL, MANAGER, NW, PREPARER, account, as_user, customer, permit, user
from tests.site.test_case_letters import address, outgoing, queued, text_of
from tests.site.test_tax_claims import EMIRATES, GERMANY, claims, taxed
from tests.site.test_tax_rules import UK, tax_account, use_rule
from tests.site.test_tax_runs import item_of, tax_run

__all__ = ["outgoing"]

GERMAN = "Kontor & Söhne"


@pytest.fixture
def written_off(site: str) -> Any:
	"""A run with two invoices of a German customer, one of them with two taxes, and one of a customer without address."""
	rule = use_rule(
		EMIRATES,
		**{tax_account("VAT"): tax_account("VAT"), tax_account("Sales Tax 2"): tax_account("Sales Tax 2")},
	)
	rule.clock = "Due"
	rule.save()
	address(customer(GERMAN), "kontor@example.com", "de")
	taxed(1000, 50, 7.5, who=GERMAN)
	taxed(100, 5, who=GERMAN, posting_date="2026-05-02", due_date="2036-05-02")
	taxed(200, 10, who="Elm School")
	return run_helpers.post(run_helpers.run())


def states() -> dict[str, list[tuple[str, Any]]]:
	found: dict[str, list[tuple[str, Any]]] = {}
	for claim in claims():
		found.setdefault(claim.customer, []).append((claim.status, claim.notice_sent_on))
	return {name: sorted(rows, key=str) for name, rows in found.items()}


def send(**arguments: Any) -> int:
	with as_user(MANAGER):
		return notices.send_notices(HL, **arguments)


def test_one_notice_for_each_customer_of_a_run(outgoing: None, written_off: Any) -> None:
	"""With all its invoices, in its language; its day is the condition of the claims."""
	assert item_of_german_run() == ("Excluded", "Still missing: Notice Sent On.")
	assert send() == 2
	today = getdate()
	assert states() == {
		# One invoice is not due yet: the notice is there, the six months are not over.
		GERMAN: [("Claimable", today), ("Claimable", today), ("Waiting", today)],
		"Elm School": [("Needs Notice", None)],
	}
	text = " ".join(frappe.utils.strip_html(text_of(queued()["kontor@example.com"])).split())
	assert "Mitteilung" in text and "müssen Sie den Vorsteuerabzug gegebenenfalls berichtigen" in text
	for said in ("01-01-2025 $ 1,057.50 $ 57.50", "05-02-2026 $ 105.00 $ 5.00", "Kontor &amp; Söhne"):
		assert said in text, text
	[letter] = {claim.notice for claim in claims(customer=GERMAN)}
	assert frappe.db.get_value("Write-Off Letter", letter, ["status", "kind", "run", "customer"]) == (
		"Sent",
		"Tax Relief Notice",
		written_off.name,
		GERMAN,
	)
	[unsent] = {claim.notice for claim in claims(customer="Elm School")}
	with as_user(MANAGER):
		page = frappe.get_print("Write-Off Letter", unsent, "Write-Off Letter")
		evidence = frappe.utils.strip_html(
			frappe.get_print("Write-Off Run", written_off.name, "Write-Off Evidence")
		)
	assert "$ 210.00" in page and "$ 10.00" in page and "57.50" not in page
	assert "Tax Relief Notice" in evidence
	assert "Letters Sent" in run_helpers.events(written_off)
	run = tax_run()
	assert sorted(item.status for item in run_helpers.items(run).values()) == ["Excluded", "Open", "Open"]


def item_of_german_run() -> tuple[str, str]:
	item = next(item for item in run_helpers.items(tax_run()).values() if item.customer == GERMAN)
	return item.status, item.message


def test_nobody_gets_a_second_notice(outgoing: None, written_off: Any) -> None:
	send()
	first = {claim.notice for claim in claims(customer="Elm School")}
	address("Elm School", "school@example.com", "en")
	assert send() == 1
	assert set(queued()) == {"kontor@example.com", "school@example.com"}
	assert states()["Elm School"] == [("Claimable", getdate())]
	assert not frappe.db.exists("Write-Off Letter", first.pop()), (
		"of the letter that was not sent one is left"
	)
	with pytest.raises(frappe.ValidationError, match="No claim needs a notice"):
		send()
	assert notices.send_notice(written_off.name, GERMAN, None) is None
	assert frappe.db.count("Write-Off Letter") == 2


def test_a_letter_that_was_printed_is_kept(outgoing: None, written_off: Any) -> None:
	"""Its day is entered manually, and no email follows."""
	send()
	[claim] = claims(customer="Elm School")
	doc = frappe.get_doc("Write-Off Tax Claim", claim.name)
	doc.notice_sent_on = "2026-06-29"
	doc.save()
	with pytest.raises(frappe.ValidationError, match="No claim needs a notice"):
		send()
	assert frappe.db.exists("Write-Off Letter", claim.notice)


def test_only_the_letters_with_these_claims(outgoing: None, written_off: Any) -> None:
	assert send(claims=[claims(customer="Elm School")[0].name]) == 1
	assert not queued() and {row for rows in states().values() for row in rows} == {
		("Needs Notice", None),
		("Waiting", None),
	}
	with pytest.raises(frappe.ValidationError, match="No claim needs a notice"):
		send(claims=[])


def test_an_email_template_around_the_notice(outgoing: None, written_off: Any) -> None:
	template = frappe.get_doc(
		{
			"doctype": "Email Template",
			"name": "Notice",
			"subject": "Article 64: {{ customer_name }}",
			"response": "Dear customer, {{ letter }}",
		}
	).insert(ignore_permissions=True)
	send(email_template=template.name)
	assert "Dear customer," in text_of(queued()["kontor@example.com"])


def test_a_tax_run_says_how_many_letters_are_missing(outgoing: None, written_off: Any) -> None:
	"""Of the company. Claims that lack only their evidence need none."""
	run = tax_run()
	with as_user(MANAGER):
		assert run.get_summary()["notices"] == 2
		send()
		assert run.get_summary()["notices"] == 1
	frappe.db.set_value("Write-Off Tax Rule", EMIRATES, {"needs_notice": 0, "needs_evidence": 1})
	frappe.clear_document_cache("Write-Off Tax Rule", EMIRATES)
	run.find_claims()
	assert {group["reason_code"] for group in run.get_summary()["excluded"]} == {"tax_conditions_missing"}
	assert run.get_summary()["notices"] == 0


def test_a_rule_without_notices_sends_none(outgoing: None, site: str) -> None:
	use_rule(UK)
	taxed(100, 20)
	run_helpers.post(run_helpers.run())
	with pytest.raises(frappe.ValidationError, match="No claim needs a notice"):
		send()


def test_who_may_send(written_off: Any) -> None:
	with as_user(PREPARER), pytest.raises(frappe.PermissionError):
		notices.send_notices(HL)
	other = user("other.manager@example.com", "Accounts Manager", "Accounts User")
	permit(other, "Company", NW)
	with as_user(other), pytest.raises(frappe.PermissionError, match="no permission for company"):
		notices.send_notices(HL)
	part = user("part.manager@example.com", "Accounts Manager", "Accounts User")
	permit(part, "Customer", "Elm School")
	with as_user(part), pytest.raises(frappe.PermissionError, match="may not see all balances"):
		notices.send_notices(HL)
	assert frappe.db.count("Write-Off Letter") == 0


# Warnings


def logs() -> list[tuple[str, str]]:
	return [
		(row.for_user, row.subject)
		for row in frappe.get_all(
			"Notification Log", {"document_type": "Write-Off Tax Claim"}, ["*"], order_by="creation asc"
		)
	]


def test_a_warning_before_claims_lapse(site: str) -> None:
	"""30 and 7 days before the last day, once each, with what the user may see."""
	use_rule(UK)
	run_helpers.settings(notify_role="Accounts Manager")
	bound = user("bound@example.com", "Accounts Manager")
	permit(bound, "Customer", "Breakwater Bar")
	sales = [taxed(100, 20), taxed(200, 40, who="Breakwater Bar"), taxed(300, 60, who="Compass Stores")]
	run_helpers.post(run_helpers.run())
	last = getdate("2026-07-31")
	for sale, days in zip(sales, (0, 0, 60), strict=True):
		frappe.db.set_value(
			"Write-Off Tax Claim", {"sales_invoice": sale.name}, "lapses_on", add_days(last, days)
		)
	assert lapsing.warn_before_lapse(add_days(last, -31)) == 0
	assert lapsing.warn_before_lapse(add_days(last, -30)) == 2
	told = dict(logs())
	assert told[bound] == "Harbour Lights Ltd: 1 claim to be made until 07-31-2026, total $ 40.00"
	assert told[MANAGER] == "Harbour Lights Ltd: 2 claims to be made until 07-31-2026, total $ 60.00"
	assert PREPARER not in told
	link_of_bound = frappe.get_value("Notification Log", {"for_user": bound}, "document_name")
	assert claims(sales_invoice=sales[1].name)[0].name == link_of_bound
	count = len(logs())
	assert lapsing.warn_before_lapse(add_days(last, -29)) == 0 and len(logs()) == count
	assert lapsing.warn_before_lapse(add_days(last, -5)) == 2 and len(logs()) == 2 * count
	assert lapsing.warn_before_lapse(last) == 0
	assert lapsing.warn_before_lapse(add_days(last, 31)) == 1


def test_a_warning_if_the_event_date_is_missing(site: str) -> None:
	"""The claim lapses without it. The warning is no change of the claim."""
	use_rule(GERMANY)
	run_helpers.settings(notify_role="Accounts Manager")
	sale = taxed(100, 19)
	run_helpers.post(run_helpers.run())
	values = {"lapses_on": "2026-07-31", "modified": "2026-06-30 12:00:00.000000"}
	frappe.db.set_value("Write-Off Tax Claim", {"sales_invoice": sale.name}, values, update_modified=False)
	assert claims(sale)[0].status == "Waiting"
	assert lapsing.warn_before_lapse(getdate("2026-07-05")) == 1 and logs()
	[claim] = claims(sale)
	assert (str(claim.warned_on), str(claim.modified)) == ("2026-07-05", "2026-06-30 12:00:00")


def test_what_is_claimed_needs_no_warning(site: str) -> None:
	use_rule(UK)
	run_helpers.settings(notify_role="Accounts Manager")
	sale = taxed(100, 20)
	run_helpers.post(run_helpers.run())
	run = run_helpers.post(tax_run())
	assert item_of(run).status == "Posted" and account("VAT")
	frappe.db.set_value("Write-Off Tax Claim", {"sales_invoice": sale.name}, "lapses_on", "2026-07-10")
	assert lapsing.warn_before_lapse(getdate("2026-07-05")) == 0 and logs() == []
