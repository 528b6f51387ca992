"""Whether a site and an entry allow fast posting, and if not, why.

Three conditions. The ERPNext code that is skipped, or run for one row instead of all, is exactly the code that fast
posting was tested against. No hook of another app, server script, notification, webhook, rule or workflow listens to
ledger rows or invoice changes. And the entry contains only what fast posting supports. Otherwise ERPNext's ordinary
path is taken.
"""

import hashlib
import inspect
from collections.abc import Callable, Iterator
from functools import cache, reduce
from importlib import import_module
from operator import mul
from typing import Any

import erpnext
import frappe
from frappe import _
from frappe.model.base_document import get_controller
from pypika.terms import ValueWrapper

from ar_writeoff.core import reasons
from ar_writeoff.core.reasons import Reason
from ar_writeoff.posting.fast.proven import ERPNEXT_VERSIONS, FRAPPE_VERSIONS, PROVEN, RELEASES

JOURNAL_ENTRY = "erpnext.accounts.doctype.journal_entry.journal_entry:JournalEntry"
GL_ENTRY = "erpnext.accounts.doctype.gl_entry.gl_entry"
PAYMENT_LEDGER_ENTRY = "erpnext.accounts.doctype.payment_ledger_entry.payment_ledger_entry:PaymentLedgerEntry"
SALES_INVOICE = "erpnext.accounts.doctype.sales_invoice.sales_invoice"

CONTROLLERS = {
	"Journal Entry": JOURNAL_ENTRY,
	"Journal Entry Account": (
		"erpnext.accounts.doctype.journal_entry_account.journal_entry_account:JournalEntryAccount"
	),
	"GL Entry": f"{GL_ENTRY}:GLEntry",
	"Payment Ledger Entry": PAYMENT_LEDGER_ENTRY,
	"Sales Invoice": f"{SALES_INVOICE}:SalesInvoice",
}

# DocTypes whose rows are written without saving their documents.
UNSAVED_DOCTYPES = ("Journal Entry Account", "GL Entry", "Payment Ledger Entry", "Sales Invoice")

# Functions that are replaced or run for one row only; for a class, all its methods.
REPLACED = (
	f"{JOURNAL_ENTRY}.validate",
	f"{JOURNAL_ENTRY}.submit",
	f"{JOURNAL_ENTRY}.before_submit",
	f"{JOURNAL_ENTRY}.on_submit",
	f"{JOURNAL_ENTRY}.set_against_account",
	f"{JOURNAL_ENTRY}.validate_party",
	f"{JOURNAL_ENTRY}.validate_stock_accounts",
	f"{JOURNAL_ENTRY}.validate_reference_doc",
	f"{JOURNAL_ENTRY}.validate_orders",
	f"{JOURNAL_ENTRY}.validate_invoices",
	f"{JOURNAL_ENTRY}.make_gl_entries",
	f"{GL_ENTRY}:GLEntry",
	f"{GL_ENTRY}:validate_balance_type",
	f"{GL_ENTRY}:validate_frozen_account",
	PAYMENT_LEDGER_ENTRY,
	f"{SALES_INVOICE}:SalesInvoice.set_status",
	f"{SALES_INVOICE}:get_total_in_party_account_currency",
	f"{SALES_INVOICE}:is_overdue",
	"erpnext.accounts.doctype.budget.budget:validate_expense_against_budget",
	"erpnext.accounts.doctype.invoice_discounting.invoice_discounting"
	":get_party_account_based_on_invoice_discounting",
	"erpnext.accounts.general_ledger:make_acc_dimensions_offsetting_entry",
	"erpnext.accounts.general_ledger:get_accounting_dimensions_for_offsetting_entry",
	"erpnext.accounts.general_ledger:make_gl_entries",
	"erpnext.accounts.general_ledger:process_gl_map",
	"erpnext.accounts.general_ledger:distribute_gl_based_on_cost_center_allocation",
	"erpnext.accounts.general_ledger:save_entries",
	"erpnext.accounts.general_ledger:make_entry",
	"erpnext.accounts.general_ledger:validate_allowed_dimensions",
	"erpnext.accounts.party:validate_party_frozen_disabled",
	"erpnext.accounts.party:validate_party_gle_currency",
	"erpnext.accounts.party:get_party_gle_currency",
	"erpnext.accounts.party:validate_account_party_type",
	"erpnext.accounts.utils:get_payment_ledger_entries",
	"erpnext.accounts.utils:get_stock_accounts",
	"erpnext.accounts.utils:create_payment_ledger_entry",
	"erpnext.accounts.utils:update_voucher_outstanding",
	"erpnext.controllers.accounts_controller:AccountsController.is_internal_transfer",
	"erpnext.controllers.accounts_controller:AccountsController.validate_company",
	"erpnext.controllers.accounts_controller:AccountsController.validate_company_in_accounting_dimension",
)

# Handlers of Frappe and ERPNext that have no effect without a rule of one of the kinds below.
HARMLESS_HANDLERS = {
	"erpnext.accounts.doctype.accounting_period.accounting_period.validate_accounting_period_on_doc_save",
	"erpnext.setup.doctype.transaction_deletion_record.transaction_deletion_record.check_for_running_deletion_job",
	"erpnext.support.doctype.service_level_agreement.service_level_agreement.apply",
	"frappe.automation.doctype.assignment_rule.assignment_rule.apply",
	"frappe.automation.doctype.assignment_rule.assignment_rule.update_due_date",
	"frappe.automation.doctype.milestone_tracker.milestone_tracker.evaluate_milestone",
	"frappe.core.doctype.file.utils.attach_files_to_document",
	"frappe.core.doctype.user_type.user_type.apply_permissions_for_non_standard_user_type",
	"frappe.desk.notifications.clear_doctype_notifications",
	"frappe.social.doctype.energy_point_rule.energy_point_rule.process_energy_points",
	"frappe.workflow.doctype.workflow_action.workflow_action.process_workflow_actions",
}

# No effect unless an app has registered a search index.
SEARCH_INDEX = "frappe.search.sqlite_search.update_doc_index"

# Doc events that do not fire here.
ROW_EVENTS = {
	"before_naming",
	"autoname",
	"before_insert",
	"before_validate",
	"validate",
	"before_save",
	"before_submit",
	"after_insert",
	"on_update",
	"on_submit",
	"on_change",
}
INVOICE_EVENTS = {"before_change", "on_change"}

# Rules a user can create: DocType, the field with the DocType it applies to, and the filters for active ones.
RULE_DOCTYPES = (
	("Server Script", "reference_doctype", {"script_type": "DocType Event", "disabled": 0}),
	("Notification", "document_type", {"enabled": 1}),
	("Webhook", "webhook_doctype", {"enabled": 1}),
	("Assignment Rule", "document_type", {"disabled": 0}),
	("Workflow", "document_type", {"is_active": 1}),
	("Document Naming Rule", "document_type", {"disabled": 0}),
	("Service Level Agreement", "document_type", {"enabled": 1}),
	("Milestone Tracker", "document_type", {"disabled": 0}),
	("Energy Point Rule", "reference_doctype", {"enabled": 1}),
	("User Type", "apply_user_permission_on", {"is_standard": 0}),
)


def blocker(company: str) -> Reason | None:
	"""Reason why entries of this company cannot be posted the fast way; None if they can."""
	if frappe.db.get_value("Write-Off Settings", company, "fast_posting") == 0:
		return Reason.of(reasons.FAST_SWITCHED_OFF, company=company)
	return (
		code_blocker()
		or controller_blocker()
		or handler_blocker()
		or rule_blocker()
		or fetched_field_blocker()
	)


def entry_blocker(entry: Any) -> str | None:
	"""Message why this unsaved entry cannot be posted the fast way; None if it can."""
	for row in entry.accounts:
		if row.reference_type not in (None, "", "Sales Invoice", "Journal Entry", "Payment Entry"):
			return _("Row {0} settles a {1}.").format(row.idx, _(row.reference_type))
		if row.party_type not in (None, "", "Customer"):
			return _("Row {0} has a party that is not a customer.").format(row.idx)
	for account in {row.account for row in entry.accounts}:
		account_type, balance_must_be = frappe.get_cached_value(
			"Account", account, ["account_type", "balance_must_be"]
		) or (None, None)
		if account_type == "Payable" or balance_must_be:
			return _("ERPNext checks account {0} after each row.").format(account)
	return None


# ERPNext's code


@cache
def code_blocker() -> Reason | None:
	"""Reason naming a function of ERPNext that differs from the tested ones; None if all match."""
	if not frappe.__version__.startswith(FRAPPE_VERSIONS):
		return Reason.of(reasons.FAST_NOT_PROVEN, app="Frappe", version=frappe.__version__)
	if not erpnext.__version__.startswith(ERPNEXT_VERSIONS):
		return Reason.of(reasons.FAST_NOT_PROVEN, app="ERPNext", version=erpnext.__version__)
	found = fingerprints()
	# All functions must match one release; the message names the function by the closest release.
	different = min(
		(
			[
				name
				for name in sorted({*PROVEN, *found})
				if found.get(name) != proven_fingerprint(number, name)
			]
			for number in range(len(RELEASES))
		),
		key=len,
	)
	if different:
		return Reason.of(reasons.FAST_CODE_DIFFERS, version=erpnext.__version__, function=different[0])
	return None


def proven_fingerprint(number: int, name: str) -> str | None:
	"""The function's fingerprint in this one of the tested releases."""
	own = PROVEN.get(name, (None,))
	return own[number] if len(own) > 1 else own[0]


def fingerprints() -> dict[str, str]:
	"""Fingerprints of the replaced functions as installed, by name."""
	return {name: fingerprint(function) for path in REPLACED for name, function in functions(path)}


def functions(path: str) -> Iterator[tuple[str, Callable | None]]:
	"""The function at the path `module:name`, None if it is missing; for a class, all its methods."""
	_module, _colon, name = path.partition(":")
	found = resolve(path)
	if not inspect.isclass(found):
		yield name, found
		return
	for method_name, method in sorted(vars(found).items()):
		if inspect.isfunction(method):
			yield f"{name}.{method_name}", method


def resolve(path: str) -> Any:
	module, _colon, name = path.partition(":")
	try:
		return reduce(getattr, name.split("."), import_module(module))
	except (ImportError, AttributeError):
		return None


def fingerprint(function: Callable | None) -> str:
	"""Hash of a function's code lines; empty if there is no function."""
	if function is None:
		return ""
	lines = (line.strip() for line in inspect.getsource(function).splitlines())
	code = "\n".join(line for line in lines if line and not line.startswith("#"))
	return hashlib.sha256(code.encode()).hexdigest()[:16]


# Listeners


def controller_blocker() -> Reason | None:
	"""Reason naming a DocType whose controller another app overrides; None if there is none."""
	for doctype, controller in CONTROLLERS.items():
		if get_controller(doctype) is not resolve(controller):
			return Reason.of(reasons.FAST_OVERRIDDEN, doctype=doctype)
	return None


def handler_blocker() -> Reason | None:
	"""Reason naming another app's doc event that would not fire as usual; None if there is none."""
	handlers = frappe.get_doc_hooks()
	harmless = HARMLESS_HANDLERS if frappe.get_hooks("sqlite_search") else {*HARMLESS_HANDLERS, SEARCH_INDEX}
	for doctype, events in (
		("*", ROW_EVENTS | INVOICE_EVENTS),
		("Journal Entry", ROW_EVENTS),
		("Journal Entry Account", ROW_EVENTS),
		("GL Entry", ROW_EVENTS),
		("Payment Ledger Entry", ROW_EVENTS),
		("Sales Invoice", INVOICE_EVENTS),
	):
		for event in events.intersection(handlers.get(doctype, {})):
			for method in handlers[doctype][event]:
				own = doctype in ("Journal Entry", "Sales Invoice") and method.startswith("ar_writeoff.")
				if method not in harmless and not own:
					return Reason.of(reasons.FAST_HANDLER, method=method, doctype=doctype)
	return None


def rule_blocker() -> Reason | None:
	"""Reason naming a rule of the site that would not be applied; None if there is none."""
	# nosemgrep: frappe-using-db-sql - built once, because it runs in each transaction
	for doctype, name, listens_to in frappe.db.sql(rules_query(frappe.local.site)):
		return Reason.of(reasons.FAST_RULE, rule=doctype, name=name, doctype=listens_to)
	return None


@cache
def rules_query(_site: str) -> str:
	"""One query over all rule DocTypes, because it runs in each transaction. Which of them exist depends on the site."""
	watched = (*UNSAVED_DOCTYPES, "Journal Entry")
	queries = []
	for doctype, fieldname, active in RULE_DOCTYPES:
		if frappe.db.table_exists(doctype):
			rule = frappe.qb.DocType(doctype)
			query = frappe.qb.from_(rule).select(ValueWrapper(doctype), rule.name, rule[fieldname])
			for field, value in active.items():
				query = query.where(rule[field] == value)
			queries.append(query.where(rule[fieldname].isin(watched)))
	return reduce(mul, queries).get_sql()


def fetched_field_blocker() -> Reason | None:
	"""Reason naming a field that Frappe would fetch for each row; None if there is none."""
	for doctype in (*UNSAVED_DOCTYPES[:3], "Journal Entry"):
		for field in frappe.get_meta(doctype).fields:
			if field.get("fetch_from"):
				return Reason.of(reasons.FAST_FETCHED, fields=field.label, doctype=doctype)
	return None
