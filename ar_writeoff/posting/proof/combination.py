"""The combination that a proof holds for: versions, apps, replaced code, customisations and settings of a site."""

import ast
import hashlib
import inspect
import json
import textwrap
from collections.abc import Callable, Iterator
from functools import cache, reduce
from importlib import import_module
from typing import Any

import frappe

from ar_writeoff.posting.fast.listeners import CANCEL_EVENTS, EVENTS, all_listeners, controllers

JOURNAL_ENTRY = "erpnext.accounts.doctype.journal_entry.journal_entry:JournalEntry"
LEDGER = "erpnext.accounts.general_ledger"
UTILS = "erpnext.accounts.utils"
PARTY = "erpnext.accounts.party"
SALES_INVOICE = "erpnext.accounts.doctype.sales_invoice.sales_invoice"

# Functions of ERPNext and Frappe that are replaced, or run for one row only; for a class, all its methods.
REPLACED = (
	JOURNAL_ENTRY,
	"erpnext.accounts.doctype.gl_entry.gl_entry:GLEntry",
	"erpnext.accounts.doctype.gl_entry.gl_entry:validate_balance_type",
	"erpnext.accounts.doctype.gl_entry.gl_entry:validate_frozen_account",
	"erpnext.accounts.doctype.payment_ledger_entry.payment_ledger_entry:PaymentLedgerEntry",
	f"{SALES_INVOICE}:SalesInvoice.set_status",
	f"{SALES_INVOICE}:get_total_in_party_account_currency",
	f"{SALES_INVOICE}:is_overdue",
	"erpnext.accounts.doctype.budget.budget:validate_expense_against_budget",
	"erpnext.accounts.doctype.dunning.dunning:update_linked_dunnings",
	f"{LEDGER}:make_gl_entries",
	f"{LEDGER}:process_gl_map",
	f"{LEDGER}:distribute_gl_based_on_cost_center_allocation",
	f"{LEDGER}:save_entries",
	f"{LEDGER}:make_entry",
	f"{LEDGER}:make_reverse_gl_entries",
	f"{LEDGER}:set_as_cancel",
	f"{LEDGER}:make_acc_dimensions_offsetting_entry",
	f"{LEDGER}:validate_accounting_period",
	f"{LEDGER}:validate_disabled_accounts",
	f"{LEDGER}:validate_cwip_accounts",
	f"{LEDGER}:check_freezing_date",
	f"{LEDGER}:validate_against_pcv",
	f"{PARTY}:validate_party_frozen_disabled",
	f"{PARTY}:validate_party_gle_currency",
	f"{PARTY}:validate_account_party_type",
	f"{UTILS}:get_payment_ledger_entries",
	f"{UTILS}:get_stock_accounts",
	f"{UTILS}:create_payment_ledger_entry",
	f"{UTILS}:delink_original_entry",
	f"{UTILS}:cancel_exchange_gain_loss_journal",
	f"{UTILS}:update_voucher_outstanding",
	"erpnext.controllers.accounts_controller:AccountsController.validate_company_in_accounting_dimension",
	"frappe.model.document:Document.insert",
	"frappe.model.document:Document._save",
	"frappe.model.document:Document._validate",
	"frappe.model.document:Document._validate_links",
	"frappe.model.document:Document.update_child_table",
	"frappe.model.document:Document.save_version",
	"frappe.model.document:Document.db_set",
	"frappe.model.base_document:BaseDocument.db_insert",
)
# DocTypes whose fields matter.
CUSTOMISED = (
	"Journal Entry",
	"Journal Entry Account",
	"GL Entry",
	"Payment Ledger Entry",
	"Sales Invoice",
	"Payment Schedule",
)
FIELD_PROPERTIES = (
	"fieldname",
	"fieldtype",
	"options",
	"default",
	"reqd",
	"fetch_from",
	"unique",
	"precision",
)
# Fields of Company with settings, not with totals.
SETTING_FIELDTYPES = ("Link", "Check", "Select", "Date", "Currency")


def key(company: str, cancels: bool = False) -> str:
	"""Hash of the combination for entries of this company that are posted, or cancelled."""
	text = json.dumps(parts(company, cancels), sort_keys=True, default=str)
	return hashlib.sha256(text.encode()).hexdigest()[:32]


def parts(company: str, cancels: bool) -> dict[str, Any]:
	"""Return the parts of the combination by name."""
	return {
		"company": company,
		"cancels": cancels,
		"apps": versions(),
		"code": code(frappe.local.site),
		"controllers": {
			doctype: f"{found.__module__}.{found.__qualname__}"
			for doctype, (found, _own) in controllers().items()
		},
		"fields": {doctype: fields(doctype) for doctype in CUSTOMISED},
		"listeners": sorted(all_listeners(CANCEL_EVENTS if cancels else EVENTS)),
		"settings": settings(company),
	}


def versions() -> dict[str, str]:
	"""The installed apps with their versions."""
	return {app: str(getattr(import_module(app), "__version__", "")) for app in frappe.get_installed_apps()}


def settings(company: str) -> dict[str, Any]:
	"""Settings of accounting."""
	documents = {
		"accounts": frappe.get_cached_doc("Accounts Settings", "Accounts Settings"),
		"company": frappe.get_cached_doc("Company", company),
	}
	return {
		**{
			name: {
				field.fieldname: document.get(field.fieldname)
				for field in document.meta.fields
				if field.fieldtype in SETTING_FIELDTYPES and not field.fieldname.startswith("total_")
			}
			for name, document in documents.items()
		},
		"dimensions": frappe.get_all(
			"Accounting Dimension", fields=["name", "fieldname", "disabled"], order_by="name asc"
		),
	}


def fields(doctype: str) -> str:
	"""Hash of the DocType's fields, with Custom Fields and Property Setters."""
	meta = frappe.get_meta(doctype)
	text = json.dumps(
		[[str(field.get(name) or "") for name in FIELD_PROPERTIES] for field in meta.fields]
		+ [str(meta.get(name) or "") for name in ("autoname", "naming_rule", "track_changes")]
	)
	return hashlib.sha256(text.encode()).hexdigest()[:16]


@cache
def code(_site: str) -> str:
	"""Hash of the syntax trees of the replaced functions, as installed."""
	digest = hashlib.sha256()
	for path in REPLACED:
		for name, function in functions(path):
			digest.update(f"{name} {syntax_tree(function)}\n".encode())
	return digest.hexdigest()[:32]


def functions(path: str) -> Iterator[tuple[str, Callable | None]]:
	"""The function at the path `module:name`, None if it is missing; for a class, all its methods."""
	module, _colon, name = path.partition(":")
	try:
		found: Any = reduce(getattr, name.split("."), import_module(module))
	except (ImportError, AttributeError):
		found = None
	if not inspect.isclass(found):
		yield name, found
		return
	for method_name, method in sorted(vars(found).items()):
		# Python adds functions of its own for annotations.
		if inspect.isfunction(method) and not method_name.startswith("__annotate"):
			yield f"{name}.{method_name}", method


def syntax_tree(function: Callable | None) -> str:
	"""The function's code without layout and comments; empty if there is none."""
	if function is None:
		return ""
	try:
		return ast.dump(ast.parse(textwrap.dedent(inspect.getsource(function))))
	except (OSError, SyntaxError, TypeError):
		# Not written in a file, such as a function that was made at run time.
		return repr(getattr(function, "__code__", None) and function.__code__.co_code)
