"""Fingerprints of the ERPNext functions that fast posting was tested against.

When ERPNext changes one of these functions, entries are posted the ordinary way and the log names the function. Then:
read the change, adapt this package if needed, let tests/site/test_fast.py compare the rows, and add the release with
the output of `bench --site SITE execute ar_writeoff.posting.fast.guard.fingerprints`. Older releases stay.
"""

ERPNEXT_VERSIONS = ("15.",)
FRAPPE_VERSIONS = ("15.",)

# ERPNext releases that tests/site/test_fast*.py passed on. A function has one fingerprint if it is the same in all of
# them, otherwise one for each, in this order.
RELEASES = ("15.71.1", "15.102.0")

PROVEN: dict[str, tuple[str, ...]] = {
	"JournalEntry.validate": ("800e641d1a5ef084",),
	"JournalEntry.submit": ("251a15b2b2f672ef", "dbe18bb0f95fbdb7"),
	"JournalEntry.before_submit": ("7992885aee36a730",),
	"JournalEntry.on_submit": ("2ad05b819b9f6b6a", "e68331596348d5c3"),
	"JournalEntry.set_against_account": ("d3adb52bf68be539",),
	"JournalEntry.validate_party": ("e0bb97f138edc747", "1c7fbc1c661c94ad"),
	"JournalEntry.validate_stock_accounts": ("dec67d2f79864fc8", "710e7f7c2b56d14b"),
	"JournalEntry.validate_reference_doc": ("dcb354422f22e995",),
	"JournalEntry.validate_orders": ("b583c6262d2c3633",),
	"JournalEntry.validate_invoices": ("7eccdaa8a7beed60",),
	"JournalEntry.make_gl_entries": ("a042d003f12eb761", "9c2f579686ecefb7"),
	"GLEntry.autoname": ("be4d5961b95dbb72",),
	"GLEntry.check_mandatory": ("f31f29e029e39145", "1ffccfa07a9f50bc"),
	"GLEntry.check_pl_account": ("f1e41876eb2c55b9",),
	"GLEntry.on_cancel": ("91b5cf9c96962fe9",),
	"GLEntry.on_update": ("0c8227edea49af02",),
	"GLEntry.pl_must_have_cost_center": ("c5580ff67039dbcc",),
	"GLEntry.validate": ("230318ec923e19d3",),
	"GLEntry.validate_account_details": ("29435e870b3cdee8",),
	"GLEntry.validate_and_set_fiscal_year": ("5c498bbb1c239d6e",),
	"GLEntry.validate_cost_center": ("9cd90d8d2fe9f022", "83559311c7658c5b"),
	"GLEntry.validate_currency": ("b207e24c891d7665",),
	"GLEntry.validate_dimensions_for_pl_and_bs": ("45a34f65198d07f2", "683bf919fbf56f66"),
	"GLEntry.validate_party": ("b8563f132c07efa7",),
	"validate_balance_type": ("cf008a6f9816b7d9", "7e3ed5f9055b3a78"),
	"validate_frozen_account": ("cfc7c59412f8d2bd",),
	"PaymentLedgerEntry.on_update": ("6493bfe2ca2926a7",),
	"PaymentLedgerEntry.validate": ("811086f35f5890cf",),
	"PaymentLedgerEntry.validate_account": ("c4b84c945a6e41c9",),
	"PaymentLedgerEntry.validate_account_details": ("411facf839bc3486",),
	"PaymentLedgerEntry.validate_allowed_dimensions": ("a3a040ffd4e34b0f",),
	"PaymentLedgerEntry.validate_dimensions_for_pl_and_bs": ("43a393ce87700dff", "d2a4aa46d8fb2973"),
	"SalesInvoice.set_status": ("36bc7d8ad1a667fe",),
	"get_total_in_party_account_currency": ("b84967f2d704ed86",),
	"is_overdue": ("d92703b095fcae48",),
	"validate_expense_against_budget": ("84dc1a1c31b0b850", "ecb128a912971050"),
	"get_party_account_based_on_invoice_discounting": ("7b91c88b165991e2",),
	"make_acc_dimensions_offsetting_entry": ("3fa6cf8e6d5749ba",),
	"get_accounting_dimensions_for_offsetting_entry": ("9c80fabdcccf61d5",),
	"make_gl_entries": ("10c8896f61ade30f",),
	"process_gl_map": ("e874d2d40e333aba",),
	"distribute_gl_based_on_cost_center_allocation": ("0505b5017ac3df9d", "89656bda69a2da43"),
	"save_entries": ("1ff9d0f88b6eae97",),
	"make_entry": ("68df447b2fb1036f", "53526fec7441a4af"),
	"validate_allowed_dimensions": ("09a9893ec19bdece",),
	"validate_party_frozen_disabled": ("f490a159fd81634d",),
	"validate_party_gle_currency": ("aa2a70155d4cb917",),
	"get_party_gle_currency": ("900998c0d894019d",),
	"validate_account_party_type": ("07995f0d55557801",),
	"get_payment_ledger_entries": ("0a029cbdaadaad3b", "ab10bb2e7d647030"),
	"get_stock_accounts": ("3becf9b47a83c7fb",),
	"create_payment_ledger_entry": ("9843c48456f9399f", "d566838688c73097"),
	"update_voucher_outstanding": ("d14f2b72bdf10b38", "9254946df9e48a65"),
	"AccountsController.is_internal_transfer": ("34526ef2ef1a1517",),
	"AccountsController.validate_company": ("008ca87f93cab5de",),
	"AccountsController.validate_company_in_accounting_dimension": ("3c7d8d69ff2c1ff5",),
}
