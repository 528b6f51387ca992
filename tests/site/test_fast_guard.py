"""Fast posting is not used if it is switched off, not proven, or if hooks expect single documents."""

from __future__ import annotations

from typing import Any

import frappe
import pytest

from ar_writeoff.ledger import messages
from ar_writeoff.posting import fast
from ar_writeoff.posting.fast import guard
from ar_writeoff.posting.fast import proven as proven_code
from tests.site import run_helpers
from tests.site.factories import HL, account, invoice

proven = pytest.mark.usefixtures("proven")


def plain() -> None:
	invoice("Anchor Cafe", 10, "2026-01-15")
	invoice("Breakwater Bar", 14.1, "2026-02-15")


def entries_posted_fast(monkeypatch: pytest.MonkeyPatch) -> list[str]:
	names: list[str] = []
	submit = fast.submit
	monkeypatch.setattr(
		fast, "submit", lambda entry, name, cache: (names.append(name), submit(entry, name, cache))
	)
	return names


@proven
def test_a_run_is_posted_fast(monkeypatch: pytest.MonkeyPatch):
	names = entries_posted_fast(monkeypatch)
	plain()
	run = run_helpers.post(run_helpers.run())
	assert run.status == "Posted" and names == run_helpers.entries(run)


def blocked() -> str:
	"""Why entries are posted row by row, as the log says it."""
	reason = fast.blocker(HL)
	assert reason
	return messages.message(reason)


def test_the_switch(monkeypatch: pytest.MonkeyPatch):
	names = entries_posted_fast(monkeypatch)
	plain()
	run_helpers.settings(fast_posting=0)
	assert "switched off" in blocked()
	assert run_helpers.post(run_helpers.run()).status == "Posted" and not names


def test_a_version_that_it_is_not_proven_with(monkeypatch: pytest.MonkeyPatch):
	"""The run is posted row by row, and the reason can be read."""
	monkeypatch.setattr(guard, "ERPNEXT_VERSIONS", ("14.",))
	guard.code_blocker.cache_clear()
	try:
		names = entries_posted_fast(monkeypatch)
		plain()
		assert "is not proven for" in blocked()
		assert run_helpers.post(run_helpers.run()).status == "Posted" and not names
	finally:
		guard.code_blocker.cache_clear()


@proven
@pytest.mark.parametrize("doctype, fieldname, active", guard.RULE_DOCTYPES, ids=lambda value: str(value))
def test_other_listeners_block_fast_posting(doctype: str, fieldname: str, active: dict[str, Any]):
	if not frappe.db.table_exists(doctype):
		pytest.skip(f"{doctype} is not a DocType of this version")
	for target in ("GL Entry", "Journal Entry"):
		assert fast.blocker(HL) is None
		rule = frappe.get_doc({"doctype": doctype, fieldname: target, "name": "Listener", **active})
		rule.db_insert()
		assert target in blocked()
		frappe.db.delete(doctype, {"name": "Listener"})


@proven
@pytest.mark.parametrize(
	"doctype, event",
	(
		("GL Entry", "on_submit"),
		("Payment Ledger Entry", "validate"),
		("Sales Invoice", "on_change"),
		("Journal Entry", "before_insert"),
		("*", "on_update"),
	),
)
def test_hooks_of_other_apps_block_fast_posting(doctype: str, event: str, monkeypatch: pytest.MonkeyPatch):
	hooks = {name: dict(events) for name, events in frappe.get_doc_hooks().items()}
	hooks.setdefault(doctype, {}).setdefault(event, [])
	hooks[doctype][event] = [*hooks[doctype][event], "another.app.heard"]
	monkeypatch.setattr(frappe, "get_doc_hooks", lambda: hooks)
	assert "another.app.heard" in blocked()


@proven
def test_no_other_app_may_have_entries_searched(monkeypatch: pytest.MonkeyPatch):
	"""Frappe listens to everything for the search index, and does nothing where no app has registered for it."""
	hooks = {name: dict(events) for name, events in frappe.get_doc_hooks().items()}
	hooks["*"]["on_update"] = [guard.SEARCH_INDEX]
	monkeypatch.setattr(frappe, "get_doc_hooks", lambda: hooks)
	assert fast.blocker(HL) is None
	monkeypatch.setattr(
		frappe, "get_hooks", lambda name: ["another.app.Search"] if name == "sqlite_search" else []
	)
	assert guard.SEARCH_INDEX in blocked()


@pytest.mark.parametrize("number", range(len(proven_code.RELEASES)))
def test_all_of_the_code_must_be_of_one_release(number: int, monkeypatch: pytest.MonkeyPatch):
	"""A function that is right in one proven release is not in another."""
	code = {name: guard.proven_fingerprint(number, name) for name in proven_code.PROVEN}
	monkeypatch.setattr(guard, "fingerprints", lambda: code)
	monkeypatch.setattr(guard.frappe, "__version__", "15.0.0")
	monkeypatch.setattr(guard.erpnext, "__version__", "15.0.0")
	code_blocker = guard.code_blocker.__wrapped__
	assert code_blocker() is None
	changed = sorted(name for name, own in proven_code.PROVEN.items() if len(own) > 1)
	other = (number + 1) % len(proven_code.RELEASES)
	code[changed[0]] = guard.proven_fingerprint(other, changed[0])
	assert dict(code_blocker().facts)["function"] == changed[0]


@proven
def test_no_other_app_may_replace_a_document(monkeypatch: pytest.MonkeyPatch):
	class Other(guard.resolve(guard.CONTROLLERS["GL Entry"])):
		pass

	monkeypatch.setitem(frappe.controllers[frappe.local.site], "GL Entry", Other)
	assert "GL Entry" in blocked()


@proven
def test_erpnext_must_be_the_one_it_was_proven_with(monkeypatch: pytest.MonkeyPatch):
	"""Another app that replaces a function of ERPNext's, or another version of it, is noticed."""
	from erpnext.accounts.doctype.gl_entry.gl_entry import GLEntry

	def validate_party(self: Any) -> None:
		pass

	guard.code_blocker.cache_clear()
	monkeypatch.setattr(GLEntry, "validate_party", validate_party)
	try:
		assert "validate_party" in blocked()
	finally:
		guard.code_blocker.cache_clear()


@proven
def test_an_account_that_is_validated_after_each_row(monkeypatch: pytest.MonkeyPatch):
	names = entries_posted_fast(monkeypatch)
	frappe.db.set_value("Account", account("Write Off"), "balance_must_be", "Debit")
	frappe.clear_cache()
	plain()
	assert run_helpers.post(run_helpers.run()).status == "Posted" and not names


@proven
def test_a_field_that_frappe_fetches(monkeypatch: pytest.MonkeyPatch):
	field = frappe.get_meta("GL Entry").get_field("remarks")
	monkeypatch.setattr(field, "fetch_from", "account.account_number", raising=False)
	assert "fetched" in blocked()


def test_hooks_are_checked_once_per_batch(monkeypatch: pytest.MonkeyPatch):
	"""Three entries, one transaction, a moment after the worker has begun: nobody can begin to listen in between."""
	plain()
	invoice("Compass Stores", 9, "2026-02-16")
	run_helpers.settings(entries_per="Customer")
	run = run_helpers.run()
	asked: list[str] = []
	blocker = guard.blocker
	for module in (guard, fast):
		monkeypatch.setattr(module, "blocker", lambda company: (asked.append(company), blocker(company))[1])
	run_helpers.post(run)
	assert len(run_helpers.entries(run)) == 3 and asked == [HL]
