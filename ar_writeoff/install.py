"""Setup on install beyond DocTypes and fixtures."""

import frappe
from frappe import _

from ar_writeoff import workflow
from ar_writeoff.ledger import covering_index

# (reason, applies to, use in schedules)
STARTING_REASONS = (
	("Small Balance", "Both", 1),
	("Rounding Difference", "Both", 1),
	("Bank Charges Deducted by Customer", "Debit", 1),
	("Uncollectible", "Debit", 0),
	("Customer Insolvent", "Debit", 0),
	("Customer Untraceable", "Debit", 0),
	("Disputed, Not Pursued", "Debit", 0),
	("Statute Barred", "Debit", 0),
	("Unclaimed Credit", "Credit", 0),
)


def before_install() -> None:
	"""Refuse to install on a site without ERPNext."""
	if "erpnext" not in frappe.get_installed_apps():
		frappe.throw(_("AR Write-Off needs ERPNext. Install ERPNext on this site first."))
	# The cached module map may be older than the app; Frappe would not find the DocTypes to install.
	frappe.setup_module_map()


def after_install() -> None:
	create_starting_reasons()
	covering_index.create_if_small()


def after_sync() -> None:
	"""Create the Workflow; it needs the custom fields, which Frappe syncs after `after_install`."""
	workflow.create()


def create_starting_reasons() -> None:
	"""Create the default reasons on a site that has none."""
	if frappe.db.count("Write-Off Reason"):
		return
	for reason, applies_to, use_in_schedules in STARTING_REASONS:
		frappe.get_doc(
			{
				"doctype": "Write-Off Reason",
				"reason": reason,
				"applies_to": applies_to,
				"use_in_schedules": use_in_schedules,
			}
		).insert(ignore_permissions=True)
