"""User Permissions, resolved to names, for SQL of our own.

Frappe applies them to its lists by itself; `erpnext.accounts.utils.build_qb_match_conditions` would guess
column names and lose balances with an empty field, so they are resolved here, once per search or batch.
"""

from dataclasses import dataclass

import frappe
from frappe.permissions import get_user_permissions


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
