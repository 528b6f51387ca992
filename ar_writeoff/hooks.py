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
after_migrate = ["ar_writeoff.tax_relief.shipped.sync"]
before_uninstall = "ar_writeoff.uninstall.before_uninstall"

# Custom fields on ERPNext's DocTypes, synced on install and migrate.
fixtures = [{"dt": "Custom Field", "filters": [["module", "=", "AR Writeoff"]]}]

doctype_js = {
	"Sales Invoice": ["public/js/holds.js", "public/js/sales_invoice.js"],
	"Customer": ["public/js/holds.js", "public/js/customer.js"],
	"Payment Entry": [
		"public/js/small_differences.js",
		"public/js/late_money.js",
		"public/js/payment_entry.js",
	],
	"Payment Reconciliation": [
		"public/js/small_differences.js",
		"public/js/late_money.js",
		"public/js/payment_reconciliation.js",
	],
	"Bank Reconciliation Tool": [
		"public/js/small_differences.js",
		"public/js/late_money.js",
		"public/js/bank_reconciliation_tool.js",
	],
}
doctype_list_js = {
	"Sales Invoice": "public/js/sales_invoice_list.js",
	# Frappe runs list scripts before it creates a new document.
	"Write-Off Run": "public/js/criteria.js",
	"Write-Off Schedule": "public/js/criteria.js",
}

# Reports of other apps have no hook of their own.
app_include_js = "ar_writeoff_desk.bundle.js"

override_doctype_dashboards = {"Customer": "ar_writeoff.dashboards.customer"}

extend_bootinfo = [
	"ar_writeoff.search.small_differences.add_to_boot",
	"ar_writeoff.search.eligibility_data.add_to_boot",
]

jinja = {
	"methods": [
		"ar_writeoff.review.evidence.write_off_run_evidence",
		"ar_writeoff.review.letters.write_off_letter",
	]
}

_ON_TRASH_VOUCHER = [
	"ar_writeoff.undo.guards.on_trash_voucher",
	"ar_writeoff.holds.service.delete_holds",
]

doc_events = {
	"*": {"after_rename": "ar_writeoff.approval.change_log.document_renamed"},
	"Journal Entry": {
		"before_submit": "ar_writeoff.undo.guards.validate_journal_entry_allocations",
		"before_update_after_submit": "ar_writeoff.undo.guards.validate_journal_entry_allocations",
		"before_cancel": [
			"ar_writeoff.undo.service.lock_run_before_cancel",
			"ar_writeoff.undo.guards.before_cancel_journal_entry",
		],
		"on_cancel": [
			"ar_writeoff.undo.service.on_cancel_journal_entry",
			"ar_writeoff.holds.service.end_of_voucher",
		],
		"on_trash": _ON_TRASH_VOUCHER,
	},
	"Payment Entry": {
		"before_submit": "ar_writeoff.undo.guards.validate_payment_entry_allocations",
		"before_update_after_submit": "ar_writeoff.undo.guards.validate_payment_entry_allocations",
		"before_cancel": "ar_writeoff.undo.guards.before_cancel_voucher",
		"on_cancel": "ar_writeoff.holds.service.end_of_voucher",
		"on_trash": _ON_TRASH_VOUCHER,
	},
	"Sales Invoice": {
		"before_validate": "ar_writeoff.undo.guards.restore_written_off_amount",
		"before_submit": "ar_writeoff.undo.credit_notes.before_submit_sales_invoice",
		"before_update_after_submit": "ar_writeoff.undo.guards.restore_written_off_amount",
		"before_cancel": [
			"ar_writeoff.undo.guards.restore_written_off_amount",
			"ar_writeoff.undo.guards.before_cancel_voucher",
		],
		"on_submit": "ar_writeoff.tax_relief.service.update_of_credit_note",
		"on_cancel": [
			"ar_writeoff.holds.service.end_of_voucher",
			"ar_writeoff.tax_relief.service.update_of_credit_note",
		],
		"on_trash": _ON_TRASH_VOUCHER,
	},
	"POS Invoice": {"before_submit": "ar_writeoff.undo.credit_notes.before_submit_pos_invoice"},
	"Customer": {"on_trash": "ar_writeoff.holds.service.delete_holds"},
	"Unreconcile Payment": {
		"validate": "ar_writeoff.undo.guards.validate_unreconcile_payment",
	},
	"Write-Off Settings": {"on_update": "ar_writeoff.onboarding.complete_steps"},
	"Write-Off Reason": {"on_update": "ar_writeoff.onboarding.complete_steps"},
	"Write-Off Run": {"on_submit": "ar_writeoff.onboarding.complete_steps"},
}

# User Permissions on groups, territories and cost centers apply to items, and to documents with totals of items.
permission_query_conditions = {
	"Write-Off Run": "ar_writeoff.ledger.permissions.runs_query_conditions",
	"Write-Off Tax Run": "ar_writeoff.ledger.permissions.tax_runs_query_conditions",
	"Write-Off Run Item": "ar_writeoff.ledger.permissions.items_query_conditions",
	"Write-Off Run Batch": "ar_writeoff.ledger.permissions.batches_query_conditions",
	"Write-Off Run Event": "ar_writeoff.ledger.permissions.events_query_conditions",
	"Write-Off Run Worker": "ar_writeoff.ledger.permissions.workers_query_conditions",
	"Write-Off Recovery": "ar_writeoff.ledger.permissions.recoveries_query_conditions",
	"Write-Off Hold": "ar_writeoff.ledger.permissions.holds_query_conditions",
	"Write-Off Letter": "ar_writeoff.ledger.permissions.letters_query_conditions",
	"Write-Off Tax Claim": "ar_writeoff.ledger.permissions.claims_query_conditions",
}
has_permission = {
	"Write-Off Run Item": "ar_writeoff.ledger.permissions.has_item_permission",
	"Write-Off Run Batch": "ar_writeoff.ledger.permissions.has_run_part_permission",
	"Write-Off Run Event": "ar_writeoff.ledger.permissions.has_event_permission",
	"Write-Off Run Worker": "ar_writeoff.ledger.permissions.has_run_part_permission",
	"Write-Off Recovery": "ar_writeoff.ledger.permissions.has_recovery_permission",
	"Write-Off Hold": "ar_writeoff.ledger.permissions.has_hold_permission",
	"Write-Off Letter": "ar_writeoff.ledger.permissions.has_letter_permission",
	"Write-Off Tax Claim": "ar_writeoff.ledger.permissions.has_claim_permission",
	"File": "ar_writeoff.ledger.permissions.has_file_permission",
	"Number Card": "ar_writeoff.dashboards.has_card_permission",
}

scheduler_events = {
	"all": ["ar_writeoff.watchdog.resume_stalled_runs"],
	"daily": [
		"ar_writeoff.holds.service.end_due",
		"ar_writeoff.tax_relief.service.move_claims",
		"ar_writeoff.tax_relief.age.update_companies",
		"ar_writeoff.tax_relief.lapsing.warn_before_lapse",
	],
	"cron": {
		"*/10 * * * *": ["ar_writeoff.schedules.service.run_due"],
	},
}

# Batches, workers and logs do not block the deletion of linked documents. Items, events and recoveries do, as evidence.
ignore_links_on_delete = [
	"Write-Off Run Batch",
	"Write-Off Run Worker",
	"Write-Off Change Log",
	"Write-Off Posting Proof",
]

export_python_type_annotations = True
