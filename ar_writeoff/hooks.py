app_name = "ar_writeoff"
app_title = "AR Write-Off"
app_publisher = "AR Write-Off contributors"
app_description = "Write off small and hopeless receivable balances: find, review, approve, post, undo."
app_email = ""
app_license = "gpl-3.0"

required_apps = ["frappe/erpnext"]

before_install = "ar_writeoff.install.before_install"
after_install = "ar_writeoff.install.after_install"
after_sync = "ar_writeoff.install.after_sync"
before_uninstall = "ar_writeoff.uninstall.before_uninstall"

# Custom fields on ERPNext's DocTypes, synced on install and migrate.
fixtures = [{"dt": "Custom Field", "filters": [["module", "=", "AR Writeoff"]]}]

doctype_js = {
	"Sales Invoice": "public/js/sales_invoice.js",
	"Customer": "public/js/customer.js",
}
doctype_list_js = {
	"Sales Invoice": "public/js/sales_invoice_list.js",
	# Frappe runs list scripts before it creates a new document.
	"Write-Off Run": "public/js/criteria.js",
	"Write-Off Schedule": "public/js/criteria.js",
}

jinja = {"methods": ["ar_writeoff.review.evidence.write_off_run_evidence"]}

doc_events = {
	"*": {"after_rename": "ar_writeoff.approval.change_log.document_renamed"},
	"Journal Entry": {
		"before_submit": "ar_writeoff.undo.guards.validate_journal_entry_allocations",
		"before_update_after_submit": "ar_writeoff.undo.guards.validate_journal_entry_allocations",
		"before_cancel": [
			"ar_writeoff.undo.service.lock_run_before_cancel",
			"ar_writeoff.undo.guards.before_cancel_journal_entry",
		],
		"on_cancel": "ar_writeoff.undo.service.on_cancel_journal_entry",
		"on_trash": "ar_writeoff.undo.guards.on_trash_voucher",
	},
	"Payment Entry": {
		"before_submit": "ar_writeoff.undo.guards.validate_payment_entry_allocations",
		"before_update_after_submit": "ar_writeoff.undo.guards.validate_payment_entry_allocations",
		"before_cancel": "ar_writeoff.undo.guards.before_cancel_voucher",
		"on_trash": "ar_writeoff.undo.guards.on_trash_voucher",
	},
	"Sales Invoice": {
		"before_validate": "ar_writeoff.undo.guards.restore_written_off_amount",
		"before_update_after_submit": "ar_writeoff.undo.guards.restore_written_off_amount",
		"before_cancel": [
			"ar_writeoff.undo.guards.restore_written_off_amount",
			"ar_writeoff.undo.guards.before_cancel_voucher",
		],
		"on_trash": "ar_writeoff.undo.guards.on_trash_voucher",
	},
	"Unreconcile Payment": {
		"validate": "ar_writeoff.undo.guards.validate_unreconcile_payment",
	},
}

# User Permissions on groups, territories and cost centers apply to items, and to documents with totals of items.
permission_query_conditions = {
	"Write-Off Run": "ar_writeoff.ledger.permissions.runs_query_conditions",
	"Write-Off Run Item": "ar_writeoff.ledger.permissions.items_query_conditions",
	"Write-Off Run Batch": "ar_writeoff.ledger.permissions.batches_query_conditions",
	"Write-Off Run Event": "ar_writeoff.ledger.permissions.events_query_conditions",
	"Write-Off Run Worker": "ar_writeoff.ledger.permissions.workers_query_conditions",
	"Write-Off Recovery": "ar_writeoff.ledger.permissions.recoveries_query_conditions",
}
has_permission = {
	"Write-Off Run Item": "ar_writeoff.ledger.permissions.has_item_permission",
	"Write-Off Run Batch": "ar_writeoff.ledger.permissions.has_run_part_permission",
	"Write-Off Run Event": "ar_writeoff.ledger.permissions.has_event_permission",
	"Write-Off Run Worker": "ar_writeoff.ledger.permissions.has_run_part_permission",
	"Write-Off Recovery": "ar_writeoff.ledger.permissions.has_recovery_permission",
	"File": "ar_writeoff.ledger.permissions.has_file_permission",
}

scheduler_events = {
	"all": ["ar_writeoff.watchdog.resume_stalled_runs"],
	"cron": {
		"*/10 * * * *": ["ar_writeoff.schedules.service.run_due"],
	},
}

# Batches and workers do not block the deletion of linked documents. Items, events and recoveries do, as evidence.
ignore_links_on_delete = ["Write-Off Run Batch", "Write-Off Run Worker", "Write-Off Change Log"]

export_python_type_annotations = True
