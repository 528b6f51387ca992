"""Connections of the app on the dashboards of ERPNext's forms, and the number cards of its workspace."""

from typing import Any

import frappe
from frappe import _
from frappe.desk.doctype.number_card.number_card import has_permission

TAX_CARD = "Tax Claimable Now"


def customer(data: Any) -> Any:
	"""Hook `override_doctype_dashboards`: documents that refer to the write-offs of a customer."""
	data.setdefault("transactions", []).append(
		{"label": _("Write-Off"), "items": ["Write-Off Hold", "Write-Off Recovery"]}
	)
	return data


def has_card_permission(doc: Any, ptype: str | None = None, user: str | None = None) -> bool:
	"""Hook `has_permission` of Number Card: the card of tax claims is shown where a company has a tax rule.

	Also calls Frappe's own check, which v15 would skip after this hook.
	"""
	if doc.name == TAX_CARD and not frappe.db.exists("Write-Off Settings", {"tax_rule": ("is", "set")}):
		return False
	return has_permission(doc, ptype, user)
