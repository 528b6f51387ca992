"""Permissions of every whitelisted method for every kind of user.

The methods are collected from the code: a method without a row here fails, and a row without a method too. Only the
permission is tested: any error other than a permission error means that the user was allowed.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Callable
from typing import Any

import frappe
import pytest

import ar_writeoff
from tests.site import run_helpers
from tests.site import test_tax_runs as tax_runs
from tests.site.factories import (
	AUDITOR,
	HL,
	MANAGER,
	NW,
	OUTSIDER,
	PREPARER,
	as_user,
	bank_line,
	invoice,
	payment,
	permit,
	user,
)
from tests.site.test_tax_rules import use_rule

STRANGER = "stranger@example.com"

# Guest, a user without a role, Accounts User of another company, Accounts User, Accounts Manager, Auditor
PEOPLE = ("Guest", OUTSIDER, STRANGER, PREPARER, MANAGER, AUDITOR)

NOBODY_ELSE = "n n n "
READS = NOBODY_ELSE + "y y y"
PREPARES = NOBODY_ELSE + "y y n"
MANAGES = NOBODY_ELSE + "n y n"

RUN = "write_off_run.write_off_run.WriteOffRun."
TAX_RUN = "write_off_tax_run.write_off_tax_run.WriteOffTaxRun."
SCHEDULE = "write_off_schedule.write_off_schedule.WriteOffSchedule."
CHART = "ar_writeoff.ar_writeoff.dashboard_chart_source.write_offs.write_offs."
SETTINGS = "write_off_settings.write_off_settings.WriteOffSettings."
LATE_MONEY = "ar_writeoff.undo.late_money."
FROM_INVOICES = "ar_writeoff.search.from_invoices."

# method -> (who may, arguments). Names of things are filled in: {invoice}, {item}, {bank_account}.
TABLE: dict[str, tuple[str, dict[str, Any]]] = {
	RUN + "find_invoices": (PREPARES, {}),
	RUN + "cancel_search": (PREPARES, {}),
	RUN + "set_write_off_amount": (PREPARES, {"item": "{item}", "amount": 5}),
	RUN + "get_items": (READS, {}),
	RUN + "set_selection": (PREPARES, {"selected": 1}),
	RUN + "hold_balances": (PREPARES, {"items": ["{item}"], "kind": "Dispute"}),
	RUN + "get_summary": (READS, {}),
	RUN + "preview_entries": (READS, {}),
	# ERPNext gives the Auditor no permission on Sales Invoice.
	RUN + "get_voucher_details": (PREPARES, {"item": "{item}"}),
	RUN + "export_items": (READS, {}),
	RUN + "get_progress": (READS, {}),
	RUN + "pause": (MANAGES, {}),
	RUN + "resume": (MANAGES, {}),
	RUN + "retry_failed": (MANAGES, {}),
	RUN + "reverse": (MANAGES, {}),
	RUN + "reinstate": (MANAGES, {"items": ["{item}"]}),
	RUN + "request_approval": (PREPARES, {}),
	RUN + "return_to_preparer": (MANAGES, {"comment": "Please check."}),
	RUN + "set_note": (PREPARES, {"item": "{item}", "note": "Called."}),
	RUN + "get_customers": (READS, {}),
	RUN + "verify_approval": (READS, {}),
	TAX_RUN + "find_claims": (PREPARES, {}),
	TAX_RUN + "mark_as_filed": (MANAGES, {}),
	"write_off_tax_run.write_off_tax_run.get_period": (PREPARES, {"company": HL}),
	SCHEDULE + "run_now_as_draft": (MANAGES, {}),
	SCHEDULE + "approve": (MANAGES, {}),
	SETTINGS + "confirm_changes": (MANAGES, {"proposed_on": "2026-06-30 12:00:00"}),
	SETTINGS + "withdraw_changes": (MANAGES, {}),
	SETTINGS + "prove_fast_posting": (MANAGES, {}),
	"write_off_run.write_off_run.get_defaults": (PREPARES, {"company": HL}),
	"ar_writeoff.review.items.runs_of_invoice": (PREPARES, {"invoice": "{invoice}"}),
	"ar_writeoff.review.of_customer.written_off_of_customer": (
		"n n y y y n",
		{"customer": "{customer}"},
	),
	"ar_writeoff.review.letters.send_letters": (MANAGES, {"run": "{run}"}),
	"ar_writeoff.tax_relief.notices.send_notices": (MANAGES, {"company": HL}),
	LATE_MONEY + "get_written_off": (READS, {"company": HL, "customer": "{customer}"}),
	LATE_MONEY + "get_late_money": (PREPARES, {"credit_type": "Payment Entry", "credit_no": "{payment}"}),
	LATE_MONEY + "get_late_credits": (PREPARES, {"company": HL, "customer": "{customer}"}),
	LATE_MONEY + "get_late_bank_lines": (
		PREPARES,
		{"bank_account": "{bank_account}", "from_date": "2026-01-01", "to_date": "2026-06-30"},
	),
	LATE_MONEY + "reinstate_and_allocate": (
		MANAGES,
		{"credit_type": "Payment Entry", "credit_no": "{payment}", "items": ["{item}"]},
	),
	LATE_MONEY + "receive_and_allocate": (MANAGES, {"bank_transaction": "{bank_line}", "items": ["{item}"]}),
	FROM_INVOICES + "get_my_drafts": (PREPARES, {"invoices": ["{invoice}"]}),
	"ar_writeoff.search.small_differences.write_off_rest": (PREPARES, {"invoices": ["{invoice}"]}),
	"ar_writeoff.search.small_differences.write_off_rest_of_bank": (
		PREPARES,
		{"bank_account": "{bank_account}", "from_date": "2026-06-01", "to_date": "2026-06-30"},
	),
	FROM_INVOICES + "write_off_invoices": (PREPARES, {"invoices": ["{invoice}"]}),
	# The lists of Frappe, which are empty for who may see nothing of them.
	"ar_writeoff.review.lists.get": (
		"n n y y y y",
		{"doctype": "Write-Off Run Item", "fields": '["name", "reason_code", "reason_facts", "message"]'},
	),
	CHART + "get": (READS, {"filters": {"company": HL}}),
}


def methods() -> dict[str, Callable]:
	"""Every whitelisted function of the app, by the end of its full name."""
	for module in pkgutil.walk_packages(ar_writeoff.__path__, "ar_writeoff."):
		if "offline" not in module.name and "patches" not in module.name:
			importlib.import_module(module.name)
	prefix = "ar_writeoff.ar_writeoff.doctype."
	return {
		f"{function.__module__}.{function.__qualname__}".removeprefix(prefix): function
		for function in frappe.whitelisted
		if function.__module__.startswith("ar_writeoff.")
	}


def test_every_method_has_a_row():
	assert set(methods()) == set(TABLE)


def test_arguments_are_annotated():
	"""Frappe checks arguments against annotations: one without lets anything in."""
	for name, function in methods().items():
		for parameter in inspect.signature(function).parameters.values():
			annotated = parameter.annotation is not inspect.Parameter.empty
			assert annotated or parameter.name == "self", f"{name}: {parameter.name}"


def test_nothing_is_open_to_guests():
	assert not [name for name, function in methods().items() if function in frappe.guest_methods]


@pytest.mark.parametrize("person", PEOPLE)
def test_permissions_of_methods(person: str):
	permit(user(STRANGER, "Accounts User"), "Company", NW)
	facts = {"invoice": invoice("Anchor Cafe", 10, "2026-01-15").name}
	settings = run_helpers.settings()
	run = run_helpers.run(user=PREPARER)
	facts |= late_money_of("Anchor Cafe")
	facts["run"] = run.name
	facts["item"] = next(iter(run_helpers.items(run).values())).name
	schedule, tax_run = make_schedule(), make_tax_run()
	frappe.db.commit()

	answers, expected = {}, {}
	for name, (who, arguments) in TABLE.items():
		expected[name] = who.split()[PEOPLE.index(person)] == "y"
		with as_user(person):
			docs = {SCHEDULE: schedule, SETTINGS: settings, TAX_RUN: tax_run}
			doc = docs.get(f"{name.rpartition('.')[0]}.", run)
			answers[name] = may_call(name, filled(arguments, facts), doc)
		frappe.db.rollback()
	assert answers == expected


def make_schedule() -> Any:
	with as_user(MANAGER):
		return frappe.get_doc(
			{
				"doctype": "Write-Off Schedule",
				"schedule_name": "Monthly",
				"company": HL,
				"reason": "Small Balance",
				"max_invoice_amount": 10,
			}
		).insert()


def make_tax_run() -> Any:
	"""A draft without claims, of a company whose later write-offs have none either."""
	use_rule()
	run = tax_runs.tax_run(find=False)
	run_helpers.settings(tax_rule=None)
	return run


def late_money_of(customer: str) -> dict[str, str]:
	"""A payment and a bank line of a customer, and their names in the arguments of TABLE."""
	deposit = bank_line(customer, 10, "2026-01-15")
	return {
		"customer": customer,
		"payment": payment(customer, 10, "2026-01-15").name,
		"bank_line": deposit.name,
		"bank_account": deposit.bank_account,
	}


def filled(arguments: dict[str, Any], facts: dict[str, str]) -> dict[str, Any]:
	def fill(value: Any) -> Any:
		if isinstance(value, list):
			return [fill(part) for part in value]
		return value.format(**facts) if isinstance(value, str) else value

	return {key: fill(value) for key, value in arguments.items()}


def may_call(name: str, arguments: dict[str, Any], doc: Any) -> bool:
	"""Call as Frappe's handler does for a request; whether permission was what refused it."""
	from frappe.handler import is_whitelisted, run_doc_method

	function = methods()[name]
	frappe.local.response = frappe._dict(docs=[])
	frappe.local.request = frappe._dict(method="POST")
	frappe.local.form_dict = frappe._dict(arguments)
	try:
		is_whitelisted(function)
		if "." in function.__qualname__:
			run_doc_method(function.__name__, dt=doc.doctype, dn=doc.name, args=frappe.as_json(arguments))
		else:
			frappe.call(function, **arguments)
	except frappe.PermissionError:
		return False
	except frappe.ValidationError:
		return True
	finally:
		frappe.local.request = None
	return True


def test_nothing_of_another_company_is_visible():
	"""Lists and single documents, of everything that belongs to a run."""
	permit(user(STRANGER, "Accounts User"), "Company", NW)
	invoice("Anchor Cafe", 10, "2026-01-15")
	run = run_helpers.post(run_helpers.run(user=PREPARER))
	assert run.status == "Posted"
	for doctype in ("Write-Off Run", "Write-Off Run Item", "Write-Off Run Batch"):
		[name] = frappe.get_all(doctype, pluck="name", order_by="name asc")
		with as_user(STRANGER):
			assert not frappe.get_list(doctype)
			assert not frappe.has_permission(doctype, "read", name)
		with as_user(PREPARER):
			assert frappe.get_list(doctype, pluck="name") == [name]
