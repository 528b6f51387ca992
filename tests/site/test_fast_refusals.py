"""Fast posting raises the same errors and warnings as ERPNext."""

from __future__ import annotations

from collections.abc import Callable

import frappe
import pytest

from tests.site import run_helpers
from tests.site.db_snapshot import clear_data_caches
from tests.site.differential import assert_posted_identically, assert_refused_identically
from tests.site.factories import (
	HL,
	NW,
	account,
	accounting_period,
	close_books,
	cost_center,
	credit_note,
	customer,
	freeze_books,
	invoice,
	project,
	stopping_budget,
)


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
	stopping_budget(account("Write Off"), cost_center("Main"), 15)


def other_currency() -> None:
	frappe.db.set_value("Account", account("Debtors"), "account_currency", "EUR")


def forbidden_dimension() -> None:
	dimension_filter = frappe.new_doc("Accounting Dimension Filter")
	dimension_filter.update(
		{
			"company": HL,
			"accounting_dimension": "Project",
			"fieldname": "project",
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
	assert assert_refused_identically(run_helpers.run(), obstacle) != "{}"


def test_same_warning_above_the_credit_limit():
	of = invoice("Anchor Cafe", 100, "2026-01-15")
	credit_note(of, 15, update_outstanding_for_self=True)
	run_helpers.settings(credit_write_off_account=account("Write Off"), customer_credits="Ignore")

	def low_limit() -> None:
		doc = frappe.get_doc("Customer", "Anchor Cafe")
		doc.append("credit_limits", {"company": HL, "credit_limit": 50})
		doc.flags.ignore_validate = doc.flags.ignore_permissions = True
		doc.save()

	assert "credit_limit_exceeded" in assert_refused_identically(
		run_helpers.run(reason="Unclaimed Credit", balance_type="Credit"), low_limit
	)


def test_a_customer_of_the_test_only():
	"""Customers are looked at in sets: one of many that is disabled fails alone."""
	names = [customer(f"Customer {number}") for number in range(4)]
	for name in names:
		invoice(name, 10, "2026-01-15")
	run = run_helpers.run()
	frappe.db.set_value("Customer", names[2], "disabled", 1)
	clear_data_caches()
	outcomes = assert_posted_identically(run)
	assert sum(outcome.status == "Posted" for outcome in outcomes) == 3
