"""Setup on install and migrate beyond DocTypes and fixtures."""

import frappe
from frappe import _

from ar_writeoff import receivables_link, workflow
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

# (doctype, fields, index name)
INDEXES = (
	# The default order of the list.
	("Write-Off Run Item", ["run"], "run"),
	# Covers the columns that the list is sorted and filtered by, for 100,000 items. Without `selected`, which is
	# updated for all items at once.
	(
		"Write-Off Run Item",
		[
			"run",
			"status",
			"customer",
			"customer_name",
			"currency",
			"age_days",
			"posting_date",
			"due_date",
			"outstanding_amount",
			"base_outstanding_amount",
			"write_off_amount",
			"base_write_off_amount",
		],
		"run_list",
	),
	("Write-Off Run Item", ["voucher_no", "voucher_type"], "voucher"),
	("Write-Off Run Batch", ["run", "status"], "run_status"),
	("Write-Off Run Event", ["run", "at"], "run_at"),
)


def before_install() -> None:
	"""Refuse to install on a site without ERPNext."""
	if "erpnext" not in frappe.get_installed_apps():
		frappe.throw(_("AR Write-Off needs ERPNext. Install ERPNext on this site first."))
	# The cached module map may be older than the app; Frappe would not find the DocTypes to install.
	frappe.setup_module_map()


def after_install() -> None:
	create_starting_reasons()
	create_indexes()
	covering_index.create_if_small()
	receivables_link.add()


def after_sync() -> None:
	"""Create the Workflow; it needs the custom fields, which Frappe syncs after `after_install`."""
	workflow.create()


def after_migrate() -> None:
	create_indexes()
	receivables_link.add()


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


def create_indexes() -> None:
	for doctype, fields, name in INDEXES:
		frappe.db.add_index(doctype, fields, name)
