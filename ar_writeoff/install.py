"""What installing and migrating add to a site beyond doctypes and fixtures."""

import frappe
from frappe import _

from ar_writeoff import receivables_link, workflow
from ar_writeoff.ledger import covering_index

# (reason, applies to, may scheduled runs use it)
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

# (doctype, fields, index name): created by us, removed by `uninstall`.
INDEXES = (
	# In order of the names, as the list begins.
	("Write-Off Run Item", ["run"], "run"),
	# What the list is sorted and filtered by: 100,000 items are sorted without reading them. Not `selected`, which
	# changes for all of them at once.
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
	"""Refuse a site without ERPNext, in words, before anything is written."""
	if "erpnext" not in frappe.get_installed_apps():
		frappe.throw(_("AR Write-Off needs ERPNext. Install ERPNext on this site first."))
	# Frappe may have read it from a cache older than the app: then it would find none of our doctypes to install.
	frappe.setup_module_map()


def after_install() -> None:
	create_starting_reasons()
	create_indexes()
	covering_index.create_if_small()
	receivables_link.add()


def after_sync() -> None:
	"""After the custom fields are there, which Frappe adds last and asks for when the doctype changes."""
	workflow.create()


def after_migrate() -> None:
	create_indexes()
	receivables_link.add()


def create_starting_reasons() -> None:
	"""A sensible first set. Only on a site that has no reason yet: what people made of it stays theirs."""
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
