# Copyright (c) 2026, AR Write-Off contributors
# For license information, please see license.txt

"""Write-Off Holds: vouchers and customers on hold, with kind, last day, user and current balance."""

from typing import Any

import frappe
from frappe import _
from frappe.utils import get_fullname, getdate
from pypika.terms import Criterion

from ar_writeoff.ar_writeoff.report.write_off_register.write_off_register import column
from ar_writeoff.holds.ledger import balances_of_scopes, scope_of
from ar_writeoff.holds.rules import ACTIVE, DOCTYPE
from ar_writeoff.ledger import permissions as access
from ar_writeoff.ledger.money import company_currency


def execute(filters: dict | None = None) -> tuple:
	filters = frappe._dict(filters or {})
	if not filters.company:
		frappe.throw(_("Choose a company."), title=_("Company"))
	access.check_company(filters.company)
	rows = holds(filters)
	if (filters.status or ACTIVE) == ACTIVE and not filters.kind and not filters.ends_by:
		rows += excluded_customers(filters)
	currency = company_currency(filters.company)
	balances = balances_of_scopes(filters.company, {scope_of(row) for row in rows})
	for row in rows:
		row.balance = float(balances[scope_of(row)])
		row.company_currency = currency
	return columns(), [row for row in rows if row.name or row.balance]


def holds(filters: frappe._dict) -> list[frappe._dict]:
	"""Holds of the company that the user may see, those that end first at the top."""
	hold = frappe.qb.DocType(DOCTYPE)
	conditions = [hold.company == filters.company, hold.status == (filters.status or ACTIVE)]
	for fieldname in ("customer", "kind"):
		if filters.get(fieldname):
			conditions.append(hold[fieldname] == filters[fieldname])
	if filters.ends_by:
		conditions.append(hold.hold_until <= getdate(filters.ends_by))
	if allowed := access.holds_allowed(hold, access.of_user()):
		conditions.append(allowed)
	rows = (
		frappe.qb.from_(hold)
		.select(
			hold.name,
			hold.customer,
			hold.customer_name,
			hold.voucher_type,
			hold.voucher_no,
			hold.kind,
			hold.hold_until,
			hold.note,
			hold.owner,
			hold.creation,
			hold.status,
		)
		.where(Criterion.all(conditions))
		.orderby(hold.hold_until.isnull())
		.orderby(hold.hold_until)
		.orderby(hold.name)
		.run(as_dict=True)
	)
	for row in rows:
		row.kind, row.status = _(row.kind), _(row.status)
		row.owner, row.creation = get_fullname(row.owner), getdate(row.creation)
	return rows


def excluded_customers(filters: frappe._dict) -> list[frappe._dict]:
	"""Customers with Exclude from Write-Off: on hold in all companies, without an end."""
	customer = frappe.qb.DocType("Customer")
	of_user = access.of_user()
	conditions = [customer.exclude_from_write_off == 1]
	if filters.customer:
		conditions.append(customer.name == filters.customer)
	for field, allowed in (
		(customer.name, of_user.customers),
		(customer.customer_group, of_user.customer_groups),
		(customer.territory, of_user.territories),
	):
		if allowed is not None:
			conditions.append(field.isin(list(allowed)))
	rows = (
		frappe.qb.from_(customer)
		.select(customer.name.as_("customer"), customer.customer_name)
		.where(Criterion.all(conditions))
		.orderby(customer.name)
		.run(as_dict=True)
	)
	for row in rows:
		row.kind, row.status = _("Exclude from Write-Off"), _(ACTIVE)
	return rows


def columns() -> list[dict[str, Any]]:
	return [
		column("customer", _("Customer"), "Link", 140, options="Customer"),
		column("customer_name", _("Customer Name"), "Data", 140),
		column("voucher_no", _("Voucher"), "Dynamic Link", 185, options="voucher_type"),
		column("balance", _("Balance (Company Currency)"), "Currency", 140, options="company_currency"),
		column("kind", _("Kind"), "Data", 170),
		column("hold_until", _("Hold Until"), "Date", 110),
		column("note", _("Note"), "Data", 200),
		column("owner", _("Set By"), "Data", 130),
		column("creation", _("Set On"), "Date", 110),
		column("status", _("Status"), "Data", 90),
		column("name", _("Write-Off Hold"), "Link", 150, options=DOCTYPE),
	]
