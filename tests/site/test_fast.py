"""Posting in sets leaves the rows that ERPNext leaves, refuses what ERPNext refuses, and keeps away from the rest."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import frappe
import pytest
from frappe.utils import add_days, flt, today

from ar_writeoff import jobs
from ar_writeoff.ledger import fast, journal, posting
from ar_writeoff.ledger.fast import guard
from tests.site import runs
from tests.site.story import (
	HL,
	NW,
	account,
	accounting_period,
	close_books,
	cost_center,
	credit_note,
	customer,
	debit_note,
	freeze_books,
	invoice,
	many_invoices,
	pay,
	project,
	setting,
)
from tests.site.twice import differences, twice

CREDIT_REASONS = {"reason": "Unclaimed Credit", "balance_type": "Credit"}


def post(run: Any) -> list[posting.Outcome]:
	"""Post the run's items in the current transaction."""
	rules = jobs.rules_of(run)
	rows = frappe.get_all(
		"Write-Off Run Item",
		filters={"run": run.name, "status": "Open", "selected": 1},
		fields=["*"],
		order_by="name asc",
	)
	items = posting.items_from_rows(rows, run.company)
	return posting.post_items(items, rules, posting.Names(f"ACC-JV-{run.name}"))


def post_and_cancel(run: Any) -> list[posting.Outcome]:
	outcomes = post(run)
	for name in sorted({outcome.journal_entry for outcome in outcomes if outcome.journal_entry}):
		journal.cancel(frappe.get_doc("Journal Entry", name))
	return outcomes


def posted_alike(run: Any, action: Callable[[Any], list[posting.Outcome]] = post) -> list[posting.Outcome]:
	"""The run posted natively and fast: the same outcomes, the same rows, none of them made natively."""
	assert fast.why_not(run.company) is None
	(native_outcomes, native), (outcomes, ours) = twice(run.company, lambda: action(run))
	assert outcomes == native_outcomes
	found = differences(native, ours)
	assert not found, "\n".join(found)
	return outcomes


# -------------------------------------------------------------------------------------------- books of every kind


def plain() -> dict[str, Any]:
	for number in range(3):
		invoice("Anchor Cafe", 10 + number, "2026-01-15")
	invoice("Breakwater Bar", 14.1, "2026-02-15")
	invoice("Compass Stores", 0.3, today())  # not due yet
	return {}


def partly_settled() -> dict[str, Any]:
	"""Paid in part, credited in part, charged again; and a balance below, at and above what terms ask for."""
	pay(invoice("Anchor Cafe", 100, "2026-01-15"), 40, "2026-02-01")
	credit_note(invoice("Anchor Cafe", 80, "2026-01-16"), 30)
	credit_note(invoice("Breakwater Bar", 70, "2026-01-17"), 20, update_outstanding_for_self=True)
	debit_note(invoice("Breakwater Bar", 60, "2026-01-18"), 5)
	for part in (30, 60):
		terms = [
			{"due_date": "2026-02-20", "invoice_portion": 50, "payment_amount": 50},
			{"due_date": add_days(today(), 300), "invoice_portion": 50, "payment_amount": 50},
		]
		pay(invoice("Compass Stores", 100, "2026-01-20", payment_schedule=terms), part, "2026-03-01")
	return {}


def currencies() -> dict[str, Any]:
	invoice("Helios SARL", 100, "2026-01-15", currency="EUR", rate=1.2)
	pay(
		invoice("Helios SARL", 33.33, "2026-01-16", currency="EUR", rate=1.0931),
		11.11,
		"2026-02-01",
		rate=1.1,
	)
	invoice("Anchor Cafe", 100, "2026-01-17", currency="EUR", rate=1.1)
	invoice("Breakwater Bar", 1234, "2026-01-18", currency="JPY", rate=0.007)
	invoice("Compass Stores", 41, "2026-01-19")
	return {}


def second_company() -> dict[str, Any]:
	invoice("Pacific Traders", 100, "2026-01-15", company=NW, currency="USD")
	invoice("Fischhaus Kiel", 19.99, "2026-01-16", company=NW)
	return {"company": NW}


def dimensions() -> dict[str, Any]:
	for number, pier in enumerate(("North Pier", "South Pier", "Main", "North Pier")):
		invoice("Anchor Cafe", 20 + number, "2026-01-15", cost_center=cost_center(pier))
	invoice("Breakwater Bar", 31, "2026-01-15", project=project())
	return {}


def merged_heads() -> dict[str, Any]:
	setting("Accounts Settings", merge_similar_account_heads=1)
	return dimensions()


def allocated_cost_center() -> dict[str, Any]:
	allocation = frappe.new_doc("Cost Center Allocation")
	allocation.update(
		{
			"company": HL,
			"main_cost_center": cost_center("Main"),
			"valid_from": "2026-06-01",
			"allocation_percentages": [
				{"cost_center": cost_center("North Pier"), "percentage": 30},
				{"cost_center": cost_center("South Pier"), "percentage": 70},
			],
		}
	)
	allocation.insert(ignore_permissions=True).submit()
	return plain()


def credit_balances() -> dict[str, Any]:
	of = invoice("Anchor Cafe", 100, "2026-01-15")
	credit_note(of, 15, update_outstanding_for_self=True)
	invoice("Breakwater Bar", 25, "2026-01-16", is_return=True)
	invoice("Helios SARL", 25, "2026-01-16", is_return=True, currency="EUR", rate=1.2)
	return CREDIT_REASONS


def internal_customer() -> dict[str, Any]:
	name = invoice("Anchor Cafe", 12, "2026-01-15").name
	frappe.db.set_value("Sales Invoice", name, {"is_internal_customer": 1, "represents_company": HL})
	return plain()


def two_entries() -> dict[str, Any]:
	many_invoices(120, amount=lambda number: 3 + number % 7 + 0.07)
	return {}


WORLDS = (
	plain,
	partly_settled,
	currencies,
	second_company,
	dimensions,
	merged_heads,
	allocated_cost_center,
	credit_balances,
	internal_customer,
	two_entries,
)


@pytest.mark.parametrize("world", WORLDS, ids=lambda world: world.__name__)
def test_same_rows(world: Callable[[], dict[str, Any]]):
	values = world()
	runs.settings(
		values.get("company", HL), credit_write_off_account=account("Write Off", values.get("company", HL))
	)
	outcomes = posted_alike(runs.run(**values))
	assert {outcome.status for outcome in outcomes} == {"Posted"}


@pytest.mark.parametrize("immutable", (False, True))
def test_same_rows_after_cancelling(immutable: bool):
	setting("Accounts Settings", enable_immutable_ledger=int(immutable))
	currencies()
	posted_alike(runs.run(), post_and_cancel)


def test_same_rows_for_a_part():
	partly_settled()
	currencies()
	run = runs.run()
	for row in runs.items(run, status="Open").values():
		part = flt(row.write_off_amount / 3, 2)
		frappe.db.set_value("Write-Off Run Item", row.name, "write_off_amount", part, update_modified=False)
	outcomes = posted_alike(run)
	assert {outcome.status for outcome in outcomes} == {"Posted"}


def test_same_rows_with_an_accounting_dimension():
	dimension = frappe.new_doc("Accounting Dimension")
	dimension.document_type = "Territory"
	dimension.append("dimension_defaults", {"company": HL, "reference_document": "Territory"})
	dimension.insert(ignore_permissions=True)
	frappe.clear_cache()
	frappe.flags.accounting_dimensions = frappe.flags.accounting_dimensions_details = None
	for number, territory in enumerate(("US East", "US West", "US East")):
		one = invoice("Anchor Cafe", 20 + number, "2026-01-15", territory=territory)
		frappe.db.set_value("GL Entry", {"voucher_no": one.name}, "territory", territory)
		frappe.db.set_value("Payment Ledger Entry", {"voucher_no": one.name}, "territory", territory)
	frappe.db.commit()
	outcomes = posted_alike(runs.run())
	assert {outcome.status for outcome in outcomes} == {"Posted"}
	assert frappe.db.count("GL Entry", {"voucher_type": "Journal Entry", "territory": "US East"}) == 3


# ------------------------------------------------------------------------------------------------------- refusals


def disabled_customer() -> None:
	frappe.db.set_value("Customer", "Anchor Cafe", "disabled", 1)


def frozen_customer() -> None:
	frappe.db.set_value("Customer", "Anchor Cafe", "is_frozen", 1)


def frozen_account() -> None:
	frappe.db.set_value("Account", account("Write Off"), "freeze_account", "Yes")


def disabled_account() -> None:
	frappe.db.set_value("Account", account("Write Off"), "disabled", 1)


def group_account() -> None:
	frappe.db.set_value("Account", account("Write Off"), "is_group", 1)


def stopped_budget() -> None:
	budget = frappe.new_doc("Budget")
	budget.update(
		{
			"company": HL,
			"fiscal_year": "2026",
			"budget_against": "Cost Center",
			"cost_center": cost_center("Main"),
			"applicable_on_booking_actual_expenses": 1,
			"action_if_annual_budget_exceeded": "Stop",
			"accounts": [{"account": account("Write Off"), "budget_amount": 15}],
		}
	)
	budget.insert(ignore_permissions=True).submit()


def other_currency() -> None:
	frappe.db.set_value("Account", account("Debtors"), "account_currency", "EUR")


def forbidden_dimension() -> None:
	dimension_filter = frappe.new_doc("Accounting Dimension Filter")
	dimension_filter.update(
		{
			"company": HL,
			"accounting_dimension": "Project",
			"allow_or_restrict": "Allow",
			"accounts": [{"applicable_on_account": account("Write Off"), "is_mandatory": 1}],
			"dimensions": [{"accounting_dimension": "Project", "dimension_value": project()}],
		}
	)
	dimension_filter.db_insert()
	for row in (*dimension_filter.accounts, *dimension_filter.dimensions):
		row.parent, row.parenttype = dimension_filter.name, dimension_filter.doctype
		row.db_insert()
	frappe.flags.dimension_filter_map = None


def cancelled_invoice() -> None:
	frappe.db.set_value("Sales Invoice", {"customer": "Anchor Cafe"}, "docstatus", 2)


def draft_invoice() -> None:
	frappe.db.set_value("Sales Invoice", {"customer": "Anchor Cafe"}, "docstatus", 0)


def missing_invoice() -> None:
	frappe.db.delete("Sales Invoice", {"customer": "Anchor Cafe"})


def paid_invoice() -> None:
	frappe.db.set_value("Sales Invoice", {"customer": "Anchor Cafe"}, "outstanding_amount", 3)


def other_party() -> None:
	frappe.db.set_value("Sales Invoice", {"customer": "Anchor Cafe"}, "customer", "Elm School")


def closed_period() -> None:
	accounting_period("2026-06-01", "2026-06-30")


def frozen_books() -> None:
	freeze_books("2026-07-31")


def closed_year() -> None:
	close_books(2026)


def party_type_of_other_accounts() -> None:
	frappe.db.set_value("Party Type", "Customer", "account_type", "Payable")


def cost_center_of_another_company() -> None:
	frappe.db.set_value("Cost Center", cost_center("Main"), "company", NW)


def missing_cost_center() -> None:
	frappe.db.delete("Cost Center", {"name": cost_center("Main")})


REFUSALS = (
	disabled_customer,
	frozen_customer,
	frozen_account,
	disabled_account,
	group_account,
	stopped_budget,
	other_currency,
	forbidden_dimension,
	cost_center_of_another_company,
	missing_cost_center,
	cancelled_invoice,
	draft_invoice,
	missing_invoice,
	paid_invoice,
	other_party,
	closed_period,
	frozen_books,
	closed_year,
	party_type_of_other_accounts,
)


@pytest.mark.parametrize("obstacle", REFUSALS, ids=lambda obstacle: obstacle.__name__)
def test_same_refusals(obstacle: Callable[[], None]):
	"""What the run does not look at itself, ERPNext refuses in the same words."""
	invoice("Anchor Cafe", 10, "2026-01-15")
	invoice("Breakwater Bar", 12, "2026-01-15")
	assert refused_alike(runs.run(), obstacle) != "{}"


def test_same_warning_above_the_credit_limit():
	of = invoice("Anchor Cafe", 100, "2026-01-15")
	credit_note(of, 15, update_outstanding_for_self=True)
	runs.settings(credit_write_off_account=account("Write Off"))

	def low_limit() -> None:
		doc = frappe.get_doc("Customer", "Anchor Cafe")
		doc.append("credit_limits", {"company": HL, "credit_limit": 50})
		doc.flags.ignore_validate = doc.flags.ignore_permissions = True
		doc.save()

	assert "credit limit" in refused_alike(runs.run(**CREDIT_REASONS), low_limit)


def refused_alike(run: Any, obstacle: Callable[[], None]) -> str:
	"""In what words the run's first entry is refused, or warned of, natively and fast, with the obstacle there."""
	rules = jobs.rules_of(run)
	rows = list(runs.items(run, status="Open").values())
	[plan, *_more] = posting.plans(
		posting.to_plan_items(posting.items_from_rows(rows, run.company), rules), rules
	)
	obstacle()
	frappe.clear_cache()
	frappe.db.value_cache.clear()
	header = journal.EntryHeader(rules.company, rules.posting_date, run.name, "ACC-JV-REFUSED", rules.remark)

	def action() -> str:
		frappe.db.savepoint("before_the_entry")
		try:
			return str(journal.post(plan, header).warnings)
		except frappe.ValidationError as error:
			frappe.db.rollback(save_point="before_the_entry")
			return f"{type(error).__name__}: {error}"

	assert fast.why_not(run.company) is None
	(native_words, native), (words, ours) = twice(run.company, action)
	assert words == native_words
	found = differences(native, ours)
	assert not found, "\n".join(found)
	return words


# ------------------------------------------------------------------------------------------------------ the guard


def entries_posted_fast(monkeypatch: pytest.MonkeyPatch) -> list[str]:
	names: list[str] = []
	submit = fast.submit
	monkeypatch.setattr(fast, "submit", lambda entry, name: (names.append(name), submit(entry, name))[1])
	return names


def test_a_run_is_posted_fast(monkeypatch: pytest.MonkeyPatch):
	names = entries_posted_fast(monkeypatch)
	plain()
	run = runs.post(runs.run())
	assert run.status == "Posted" and names == runs.entries(run)


def test_the_switch(monkeypatch: pytest.MonkeyPatch):
	names = entries_posted_fast(monkeypatch)
	plain()
	runs.settings(fast_posting=0)
	assert "switched off" in fast.why_not(HL)
	assert runs.post(runs.run()).status == "Posted" and not names


@pytest.mark.parametrize("doctype, fieldname, active", guard.RULES, ids=lambda value: str(value))
def test_nobody_else_may_listen(doctype: str, fieldname: str, active: dict[str, Any]):
	if not frappe.db.table_exists(doctype):
		pytest.skip(f"{doctype} is not a DocType of this version")
	for target in ("GL Entry", "Journal Entry"):
		assert fast.why_not(HL) is None
		rule = frappe.get_doc({"doctype": doctype, fieldname: target, "name": "Listener", **active})
		rule.db_insert()
		assert target in fast.why_not(HL)
		frappe.db.delete(doctype, {"name": "Listener"})


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
def test_no_other_app_may_listen(doctype: str, event: str, monkeypatch: pytest.MonkeyPatch):
	hooks = {name: dict(events) for name, events in frappe.get_doc_hooks().items()}
	hooks.setdefault(doctype, {}).setdefault(event, [])
	hooks[doctype][event] = [*hooks[doctype][event], "another.app.heard"]
	monkeypatch.setattr(frappe, "get_doc_hooks", lambda: hooks)
	assert "another.app.heard" in fast.why_not(HL)


def test_no_other_app_may_replace_a_document(monkeypatch: pytest.MonkeyPatch):
	class Other(guard.resolve(guard.CONTROLLERS["GL Entry"])):
		pass

	monkeypatch.setitem(frappe.controllers[frappe.local.site], "GL Entry", Other)
	assert "GL Entry" in fast.why_not(HL)


def test_erpnext_must_be_the_one_it_was_proven_with(monkeypatch: pytest.MonkeyPatch):
	"""Another app that replaces a function of ERPNext's, or another version of it, is noticed."""
	from erpnext.accounts.doctype.gl_entry.gl_entry import GLEntry

	def validate_party(self: Any) -> None:
		pass

	guard.different_code.cache_clear()
	monkeypatch.setattr(GLEntry, "validate_party", validate_party)
	try:
		assert "validate_party" in fast.why_not(HL)
	finally:
		guard.different_code.cache_clear()


def test_an_account_that_is_looked_at_after_each_row(monkeypatch: pytest.MonkeyPatch):
	names = entries_posted_fast(monkeypatch)
	frappe.db.set_value("Account", account("Write Off"), "balance_must_be", "Debit")
	frappe.clear_cache()
	plain()
	assert runs.post(runs.run()).status == "Posted" and not names


def test_a_field_that_frappe_fetches(monkeypatch: pytest.MonkeyPatch):
	field = frappe.get_meta("GL Entry").get_field("remarks")
	monkeypatch.setattr(field, "fetch_from", "account.account_number", raising=False)
	assert "fetched" in fast.why_not(HL)


def test_a_customer_of_the_test_only():
	"""Customers are looked at in sets: one of many that is disabled fails alone."""
	names = [customer(f"Customer {number}") for number in range(4)]
	for name in names:
		invoice(name, 10, "2026-01-15")
	run = runs.run()
	frappe.db.set_value("Customer", names[2], "disabled", 1)
	frappe.clear_cache()
	outcomes = posted_alike(run)
	assert sum(outcome.status == "Posted" for outcome in outcomes) == 3
