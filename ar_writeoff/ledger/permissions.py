"""User Permissions, resolved to names, for SQL of our own.

Frappe applies them to its lists by itself; `erpnext.accounts.utils.build_qb_match_conditions` would guess
column names and lose balances with an empty field, so they are resolved here, once per search or batch.
"""

from dataclasses import dataclass
from typing import Any

import frappe
from frappe.permissions import get_user_permissions
from pypika import Table
from pypika.terms import Criterion, ExistsCriterion


@dataclass(frozen=True, slots=True)
class Access:
	"""What a user may see. None: no restriction. Groups and territories include the ones below."""

	customers: frozenset[str] | None = None
	customer_groups: frozenset[str] | None = None
	territories: frozenset[str] | None = None
	companies: frozenset[str] | None = None
	cost_centers: frozenset[str] | None = None

	def allows_company(self, company: str) -> bool:
		return self.companies is None or company in self.companies

	def allows_customer(self, name: str, customer_group: str | None, territory: str | None) -> bool:
		return (
			(self.customers is None or name in self.customers)
			and (self.customer_groups is None or customer_group in self.customer_groups)
			and (self.territories is None or territory in self.territories)
		)


def of_user(user: str | None = None) -> Access:
	"""The User Permissions of a user (default: the current one) that touch receivables."""
	permissions = get_user_permissions(user or frappe.session.user)

	def allowed(doctype: str) -> frozenset[str] | None:
		names = [
			permission.get("doc")
			for permission in permissions.get(doctype, [])
			if permission.get("applicable_for") in (None, "", "Sales Invoice", "Customer", "Write-Off Run")
		]
		return frozenset(names) if names else None

	return Access(
		customers=allowed("Customer"),
		customer_groups=allowed("Customer Group"),
		territories=allowed("Territory"),
		companies=allowed("Company"),
		cost_centers=allowed("Cost Center"),
	)


def items_allowed(item: Table, access: Access) -> Criterion | None:
	"""The condition for Write-Off Run Items that this access allows; None where it allows all."""
	conditions = []
	for field, allowed in ((item.customer, access.customers), (item.company, access.companies)):
		if allowed is not None:
			conditions.append(field.isin(list(allowed)))
	customer = frappe.qb.DocType("Customer")
	for field, allowed in (
		(customer.customer_group, access.customer_groups),
		(customer.territory, access.territories),
	):
		if allowed is not None:
			conditions.append(
				item.customer.isin(
					frappe.qb.from_(customer).select(customer.name).where(field.isin(list(allowed)))
				)
			)
	if access.cost_centers is not None:
		gl = frappe.qb.DocType("GL Entry")
		conditions.append(
			ExistsCriterion(
				frappe.qb.from_(gl)
				.select(gl.name)
				.where(
					(gl.voucher_type == item.voucher_type)
					& (gl.voucher_no == item.voucher_no)
					& (gl.account == item.receivable_account)
					& (gl.party == item.customer)
					& gl.cost_center.isin(list(access.cost_centers))
				)
			)
		)
	return Criterion.all(conditions) if conditions else None


def items_query_conditions(user: str | None = None) -> str:
	"""Hook: what Frappe adds to its own lists of Write-Off Run Items. SQL, every name in it escaped."""
	access = of_user(user)
	item = "`tabWrite-Off Run Item`"
	conditions = []

	def names(allowed: frozenset[str]) -> str:
		return ", ".join(frappe.db.escape(name) for name in sorted(allowed))

	for field, allowed in (("customer", access.customers), ("company", access.companies)):
		if allowed is not None:
			conditions.append(f"{item}.{field} in ({names(allowed)})")
	for field, allowed in (("customer_group", access.customer_groups), ("territory", access.territories)):
		if allowed is not None:
			conditions.append(
				f"{item}.customer in (select name from `tabCustomer` where {field} in ({names(allowed)}))"
			)
	if access.cost_centers is not None:
		conditions.append(
			f"exists (select 1 from `tabGL Entry` gl where gl.voucher_type = {item}.voucher_type"
			f" and gl.voucher_no = {item}.voucher_no and gl.account = {item}.receivable_account"
			f" and gl.party = {item}.customer and gl.cost_center in ({names(access.cost_centers)}))"
		)
	return " and ".join(conditions)


def batches_query_conditions(user: str | None = None) -> str:
	"""Hook: batches have no company of their own; they are seen with their run."""
	return _with_run("Write-Off Run Batch", user)


def _with_run(doctype: str, user: str | None) -> str:
	companies = of_user(user).companies
	if companies is None:
		return ""
	names = ", ".join(frappe.db.escape(name) for name in sorted(companies))
	return f"`tab{doctype}`.run in (select name from `tabWrite-Off Run` where company in ({names}))"


def may_see_batch(doc: Any, ptype: str | None = None, user: str | None = None) -> bool:
	"""Hook: whether a user may see this batch, besides what the role allows."""
	return of_user(user).allows_company(frappe.db.get_value("Write-Off Run", doc.run, "company"))


def may_see_item(doc: Any, ptype: str | None = None, user: str | None = None) -> bool:
	"""Hook: whether a user may see this one Write-Off Run Item, besides what the role allows."""
	item = frappe.qb.DocType("Write-Off Run Item")
	restriction = items_allowed(item, of_user(user))
	if not restriction:
		return True
	return bool(frappe.qb.from_(item).select(item.name).where((item.name == doc.name) & restriction).run())
