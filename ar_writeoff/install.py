"""Setup on install beyond DocTypes and fixtures."""

import frappe
from frappe import _
from frappe.translate import clear_cache

from ar_writeoff import workflow
from ar_writeoff.ledger import covering_index
from ar_writeoff.tax_relief import shipped


def before_install() -> None:
	"""Refuse to install on a site without ERPNext."""
	if "erpnext" not in frappe.get_installed_apps():
		frappe.throw(
			_("AR Write-Off needs ERPNext. Install ERPNext on this site first."), title=_("ERPNext Needed")
		)
	# The cached module map may be older than the app; Frappe would not find the DocTypes to install.
	frappe.setup_module_map()


def after_install() -> None:
	create_starting_reasons()
	shipped.sync()
	covering_index.create_if_small()


def after_sync() -> None:
	"""Create the Workflow; it needs the custom fields, which Frappe syncs after `after_install`."""
	workflow.create()


def create_starting_reasons() -> None:
	"""Create the default reasons on a site that has none, in the language of the site as ERPNext's own masters."""
	if frappe.db.count("Write-Off Reason"):
		return
	# Loaded before this app was installed.
	clear_cache()
	language = frappe.db.get_single_value("System Settings", "language") or "en"
	for reason, applies_to, use_in_schedules in starting_reasons(language):
		frappe.get_doc(
			{
				"doctype": "Write-Off Reason",
				"reason": reason,
				"applies_to": applies_to,
				"use_in_schedules": use_in_schedules,
			}
		).insert(ignore_permissions=True)


def starting_reasons(language: str) -> list[tuple[str, str, int]]:
	"""Return the default reasons with the balance type that they apply to, and whether schedules may use them."""
	return [
		(_("Small Balance", language), "Both", 1),
		(_("Rounding Difference", language), "Both", 1),
		(_("Bank Charges Deducted by Customer", language), "Debit", 1),
		(_("Uncollectible", language), "Debit", 0),
		(_("Customer Insolvent", language), "Debit", 0),
		(_("Customer Untraceable", language), "Debit", 0),
		(_("Disputed, Not Pursued", language), "Debit", 0),
		(_("Statute Barred", language), "Debit", 0),
		(_("Unclaimed Credit", language), "Credit", 0),
	]
