"""Handlers of other apps and rules of the site are called in each way of posting as ERPNext calls them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import frappe
import pytest

from ar_writeoff.posting import proof
from ar_writeoff.posting.fast import listeners
from ar_writeoff.undo import service as undo
from tests.site import heard, run_helpers
from tests.site.differential import assert_equal_in_each_way, post, posted
from tests.site.factories import HL, TODAY, account, credit_note, invoice, many_invoices, pay
from tests.site.heard import every_event, listening
from tests.site.test_case_kinds import large_balance
from tests.site.test_fast import WORLDS, found

DOCTYPES = tuple(listeners.EVENTS)


def books() -> Any:
	"""A run over invoices that are open in full and in part, foreign, and with terms."""
	pay(invoice("Anchor Cafe", 100, "2026-01-15"), 40, "2026-02-01")
	invoice("Breakwater Bar", 14.1, "2026-02-15")
	credit_note(invoice("Compass Stores", 80, "2026-01-16"), 30)
	invoice("Helios SARL", 33.33, "2026-01-16", currency="EUR", rate=1.0931)
	return run_helpers.run()


def post_all(run: Any) -> set[str]:
	return {outcome.status for outcome in post(run)}


def assert_called_identically(
	run: Any, *targets: tuple[str, str], action: Callable[[Any], set[str]] = post_all
) -> list[tuple]:
	"""Post in each way, or do something else, with equal rows and equal calls of the handlers. Returns the calls."""
	found = []

	def heard_action() -> Any:
		heard.calls.clear()
		statuses = action(run)
		found.append(list(heard.calls))
		return statuses

	with listening(*targets):
		assert len(assert_equal_in_each_way(heard_action)) == 1
	native, by_entry, in_sets = found
	assert [call[:2] for call in in_sets] == [call[:2] for call in native]
	assert in_sets == native
	assert sorted(map(repr, by_entry)) == sorted(map(repr, native))
	return native


@pytest.mark.parametrize("doctype", DOCTYPES)
def test_same_calls_for_one_doctype(doctype: str):
	"""Every event of it: order, number, values of the document and what has changed."""
	calls = assert_called_identically(books(), *every_event(doctype))
	assert {call[0] for call in calls} == {doctype}


def test_same_calls_for_all_doctypes():
	calls = assert_called_identically(books(), *every_event())
	assert {call[0] for call in calls} == set(DOCTYPES)


@pytest.mark.parametrize("world", WORLDS, ids=lambda world: world.__name__)
def test_same_calls_in_every_world(world: Callable[[], dict[str, Any]]):
	calls = assert_called_identically(found(world), *every_event())
	assert calls


def test_same_calls_in_several_entries():
	run_helpers.settings(entries_per="Customer")
	calls = assert_called_identically(books(), *every_event())
	assert len([call for call in calls if call[:2] == ("Journal Entry", "on_submit")]) == 4


@pytest.mark.parametrize("doctype", (None, *DOCTYPES))
@pytest.mark.parametrize("how", (undo.CANCEL, undo.REVERSE))
def test_same_calls_when_entries_are_undone(how: str, doctype: str | None):
	"""Also the events of cancelling, and with an invoice of two rows."""
	large_balance()
	with posted(proof.IN_SETS):
		run = run_helpers.post(books())
	[name] = run_helpers.entries(run)

	def undo_all(run: Any) -> set[str]:
		assert undo.undo_entry(name, how, TODAY)
		return {row.status for row in run_helpers.items(run).values()}

	events = {
		target: listeners.EVENTS[target] | listeners.CANCEL_EVENTS[target] for target in listeners.EVENTS
	}
	doctypes = [doctype] if doctype else DOCTYPES
	calls = assert_called_identically(run, *every_event(*doctypes, events=events), action=undo_all)
	assert {call[0] for call in calls} == set(doctypes)


def test_same_calls_for_an_invoice_with_two_rows():
	"""ERPNext updates it with each row."""
	large_balance()
	calls = assert_called_identically(run_helpers.run(), *every_event("Sales Invoice"))
	assert [call[1] for call in calls] == ["before_change", "on_change"] * 2


def test_same_calls_as_two_apps_of_the_field():
	"""One listens to entries, the other to ledger rows before they are written."""
	assert_called_identically(
		books(), ("Journal Entry", "validate"), ("Journal Entry", "on_submit"), ("GL Entry", "validate")
	)


@pytest.mark.parametrize("method", (proof.IN_SETS, proof.BY_ENTRY, proof.BY_ROW))
@pytest.mark.parametrize("target", (("GL Entry", "validate"), ("Sales Invoice", "on_change")), ids=str)
def test_a_handler_that_refuses_one_row(method: str, target: tuple[str, str]):
	"""That item alone fails."""
	names = [invoice("Anchor Cafe", 10 + number, "2026-01-15").name for number in range(8)]

	def refuse(doc: Any, event: str) -> None:
		if names[2] in (doc.get("against_voucher"), doc.name):
			frappe.throw("Not this one")

	run = run_helpers.run()
	with listening(target, react=refuse), posted(method):
		run_helpers.post(run)
	rows = run_helpers.items(run)
	assert {name: row.status for name, row in rows.items()} == {
		name: "Failed" if name == names[2] else "Posted" for name in names
	}
	assert "Not this one" in rows[names[2]].message


def test_a_handler_that_refuses_the_third_of_300_rows():
	"""That item alone fails, whatever the number of entries and balances posted together."""
	names = many_invoices(300)

	def refuse(doc: Any, event: str) -> None:
		if doc.against_voucher == names[2]:
			frappe.throw("Not this one")

	run = run_helpers.run()
	with listening(("GL Entry", "validate"), react=refuse), posted(proof.IN_SETS):
		run_helpers.post(run)
	assert (run.status, run.posted_count, run.failed_count) == ("Partly Posted", 299, 1)
	[item] = run_helpers.items(run, status="Failed").values()
	assert item.voucher_no == names[2] and "Not this one" in item.message
	assert frappe.db.count("Sales Invoice", {"outstanding_amount": (">", 0)}) == 1


def test_a_handler_that_changes_a_row():
	"""What it sets before ERPNext validates the row is validated and stored."""
	run = books()

	def move(doc: Any, event: str) -> None:
		if doc.account == account("Write Off"):
			doc.remarks = "Changed by a handler"

	with listening(("GL Entry", "before_validate"), react=move):
		assert_equal_in_each_way(lambda: post(run))
	assert frappe.db.count("GL Entry", {"remarks": "Changed by a handler"}) == 1


# ------------------------------------------------------------------------------------------------ who listens


def listener(doctype: str) -> str | None:
	found = listeners.find_listeners().get(doctype)
	return found.name if found else None


RULES = (
	("Server Script", {"script_type": "DocType Event"}, "reference_doctype", "doctype_event"),
	("Notification", {"enabled": 1}, "document_type", "event"),
	("Webhook", {"enabled": 1}, "webhook_doctype", "webhook_docevent"),
)
EVENTS = {
	"Server Script": {"Before Save": DOCTYPES[:3], "After Submit": DOCTYPES[:3], "Before Cancel": ()},
	"Notification": {
		"New": DOCTYPES[:3],
		"Value Change": ("Journal Entry", "Sales Invoice"),
		"Cancel": (),
		"Days After": (),
	},
	"Webhook": {
		"on_submit": DOCTYPES[:3],
		"on_change": ("Journal Entry", "Sales Invoice"),
		"on_cancel": (),
	},
}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule[0])
def test_rules_by_doctype_and_event(rule: tuple[str, dict[str, Any], str, str]):
	doctype, active, target_field, event_field = rule
	assert listeners.find_listeners() == {}
	for event, expected in EVENTS[doctype].items():
		for target in DOCTYPES:
			name = f"{target} {event}"
			values = {**active, target_field: target, event_field: event, "name": name}
			frappe.get_doc({"doctype": doctype, **values}).db_insert()
			assert listener(target) == (name if target in expected else None), name
			frappe.db.delete(doctype, {"name": name})


@pytest.mark.parametrize(
	"doctype, fieldname, active, concerned",
	(
		("Assignment Rule", "document_type", {}, DOCTYPES[:3]),
		("Milestone Tracker", "document_type", {}, DOCTYPES),
		("Workflow", "document_type", {"is_active": 1}, DOCTYPES[:3]),
		("Document Naming Rule", "document_type", {}, DOCTYPES[1:3]),
	),
)
def test_other_rules(doctype: str, fieldname: str, active: dict[str, Any], concerned: tuple[str, ...]):
	for target in DOCTYPES:
		frappe.get_doc({"doctype": doctype, fieldname: target, "name": "Rule", **active}).db_insert()
		assert listener(target) == ("Rule" if target in concerned else None), target
		frappe.db.delete(doctype, {"name": "Rule"})


def test_a_rule_that_is_switched_off():
	frappe.get_doc(
		{"doctype": "Webhook", "webhook_doctype": "GL Entry", "webhook_docevent": "on_submit", "name": "Off"}
	).db_insert()
	assert listener("GL Entry") is None


def test_handlers_by_event():
	with listening(("Journal Entry", "on_cancel"), ("Sales Invoice", "on_submit"), ("GL Entry", "validate")):
		assert listeners.find_listeners().keys() == {"GL Entry"}
	with listening(("*", "on_update")):
		assert listeners.find_listeners().keys() == set(DOCTYPES[:3])


def test_a_search_index(monkeypatch: pytest.MonkeyPatch):
	"""Frappe listens to everything for the search index, and does nothing where no app has registered for it."""
	hooks = {name: dict(events) for name, events in frappe.get_doc_hooks().items()}
	hooks["*"]["on_update"] = [listeners.SEARCH_INDEX]
	monkeypatch.setattr(frappe, "get_doc_hooks", lambda: hooks)
	assert listeners.find_listeners() == {}
	get_hooks = frappe.get_hooks
	monkeypatch.setattr(
		frappe,
		"get_hooks",
		lambda name=None, **more: (
			["another.app.Search"] if name == "sqlite_search" else get_hooks(name, **more)
		),
	)
	assert listener("GL Entry") == listeners.SEARCH_INDEX


def test_a_class_of_another_app(monkeypatch: pytest.MonkeyPatch):
	class Other(listeners.GLEntry):
		pass

	monkeypatch.setitem(frappe.controllers[frappe.local.site], "GL Entry", Other)
	assert "Other" in str(listener("GL Entry"))
	assert proof.hindrance(HL) is None


def test_a_field_that_frappe_fetches(monkeypatch: pytest.MonkeyPatch):
	field = frappe.get_meta("GL Entry").get_field("remarks")
	monkeypatch.setattr(field, "fetch_from", "account.account_number", raising=False)
	assert listener("GL Entry") == "Remarks"


def test_a_document_that_a_handler_keeps_can_be_handed_to_a_job():
	"""Webhooks hand the documents to jobs, after the commit."""
	import pickle

	kept: list[Any] = []
	run = books()
	for method in (proof.IN_SETS, proof.BY_ENTRY):
		frappe.db.savepoint("before_posting")
		with listening(*every_event(), react=lambda doc, event: kept.append(doc)), posted(method):
			post(run)
		frappe.db.rollback(save_point="before_posting")
	for doc in kept:
		assert pickle.loads(pickle.dumps(doc)).doctype == doc.doctype
