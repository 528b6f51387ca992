"""Whether posting in sets is possible at all on a site, and if not, why."""

import frappe

from ar_writeoff.core import reasons
from ar_writeoff.core.reasons import Reason
from ar_writeoff.posting.fast.listeners import controllers

# Methods of ERPNext's documents that are not called, unless something is unusual.
REPLACED_METHODS = {
	"Journal Entry": (
		"_validate_links",
		"update_child_table",
		"validate_party",
		"validate_stock_accounts",
		"validate_company_in_accounting_dimension",
		"validate_reference_doc",
		"make_gl_entries",
	),
	"GL Entry": ("_validate_links", "validate", "on_update"),
	"Payment Ledger Entry": ("_validate_links", "validate", "on_update"),
	"Sales Invoice": ("set_status",),
}


def blocker(company: str) -> Reason | None:
	"""Reason why entries of this company cannot be posted in sets: it is switched off, or another app replaces a
	method that is replaced here. None if they can."""
	if frappe.db.get_value("Write-Off Settings", company, "fast_posting") == 0:
		return Reason.of(reasons.FAST_SWITCHED_OFF, company=company)
	for doctype, (installed, original) in controllers().items():
		for name in REPLACED_METHODS[doctype]:
			if getattr(installed, name) is not getattr(original, name):
				return Reason.of(
					reasons.FAST_OVERRIDDEN, doctype=doctype, app=installed.__module__.partition(".")[0]
				)
	return None
