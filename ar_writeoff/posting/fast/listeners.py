"""Listeners to the documents of an entry: handlers of apps and rules of the site, by DocType and event.

If a DocType has a listener, each of its documents is built and saved by Frappe, so that handlers and rules are called
as usual. Rows of the other DocTypes are inserted together.
"""

from collections.abc import Iterator
from functools import cache, reduce
from operator import mul
from typing import Any, NamedTuple

import frappe
from erpnext.accounts.doctype.gl_entry.gl_entry import GLEntry
from erpnext.accounts.doctype.journal_entry.journal_entry import JournalEntry
from erpnext.accounts.doctype.payment_ledger_entry.payment_ledger_entry import PaymentLedgerEntry
from erpnext.accounts.doctype.sales_invoice.sales_invoice import SalesInvoice
from frappe.core.doctype.server_script.server_script_utils import EVENT_MAP
from frappe.model.base_document import get_controller
from pypika.terms import ValueWrapper

JOURNAL_ENTRY, GL_ENTRY, PAYMENT_LEDGER_ENTRY, SALES_INVOICE = (
	"Journal Entry",
	"GL Entry",
	"Payment Ledger Entry",
	"Sales Invoice",
)

# Events when a row of the ledger is inserted.
ROW_EVENTS = {
	"before_naming",
	"autoname",
	"before_insert",
	"before_validate",
	"validate",
	"before_submit",
	"after_insert",
	"on_update",
	"on_submit",
	"on_change",
}
Events = dict[str, set[str]]
EVENTS: Events = {
	JOURNAL_ENTRY: ROW_EVENTS | {"before_save"},
	GL_ENTRY: ROW_EVENTS,
	PAYMENT_LEDGER_ENTRY: ROW_EVENTS,
	# Its status is set without saving it.
	SALES_INVOICE: {"before_change", "on_change"},
}

# Events when an entry is cancelled. Frappe saves the entry itself, so its own events cost no time.
CANCEL_EVENTS = {**EVENTS, JOURNAL_ENTRY: {"before_cancel", "on_cancel", "on_change"}}

# Handlers of Frappe and ERPNext for all DocTypes, with the DocType of the rules that they apply: its field with the
# DocType that a rule is for, and the filters for active rules. Without such a rule they do nothing.
RULE_HANDLERS: dict[str, tuple[str, str, dict[str, Any]]] = {
	"erpnext.support.doctype.service_level_agreement.service_level_agreement.apply": (
		"Service Level Agreement",
		"document_type",
		{"enabled": 1},
	),
	"frappe.automation.doctype.assignment_rule.assignment_rule.apply": (
		"Assignment Rule",
		"document_type",
		{"disabled": 0},
	),
	"frappe.automation.doctype.assignment_rule.assignment_rule.update_due_date": (
		"Assignment Rule",
		"document_type",
		{"disabled": 0},
	),
	"frappe.automation.doctype.milestone_tracker.milestone_tracker.evaluate_milestone": (
		"Milestone Tracker",
		"document_type",
		{"disabled": 0},
	),
	"frappe.core.doctype.user_type.user_type.apply_permissions_for_non_standard_user_type": (
		"User Type",
		"apply_user_permission_on",
		{"is_standard": 0},
	),
	"frappe.social.doctype.energy_point_rule.energy_point_rule.process_energy_points": (
		"Energy Point Rule",
		"reference_doctype",
		{"enabled": 1},
	),
	"frappe.workflow.doctype.workflow_action.workflow_action.process_workflow_actions": (
		"Workflow",
		"document_type",
		{"is_active": 1},
	),
}
# Handlers of Frappe and ERPNext that have no effect on these DocTypes.
HARMLESS_HANDLERS = {
	"erpnext.accounts.doctype.accounting_period.accounting_period.validate_accounting_period_on_doc_save",
	"erpnext.setup.doctype.transaction_deletion_record.transaction_deletion_record.check_for_running_deletion_job",
	"frappe.core.doctype.file.utils.attach_files_to_document",
	"frappe.core.doctype.permission_log.permission_log.make_perm_log",
	"frappe.desk.notifications.clear_doctype_notifications",
}
# No effect unless an app has registered a search index.
SEARCH_INDEX = "frappe.search.sqlite_search.update_doc_index"

NOTIFICATION_EVENTS = {
	"New": "after_insert",
	"Save": "on_update",
	"Submit": "on_submit",
	"Cancel": "on_cancel",
	"Value Change": "on_change",
}


ERPNEXT_CONTROLLERS = {
	JOURNAL_ENTRY: JournalEntry,
	GL_ENTRY: GLEntry,
	PAYMENT_LEDGER_ENTRY: PaymentLedgerEntry,
	SALES_INVOICE: SalesInvoice,
}


# Kind of a field that Frappe fetches.
FETCHED = "DocField"


class Listener(NamedTuple):
	"""A handler or class of an app (`name` is its path), or a rule of the site (`kind` is its DocType)."""

	doctype: str
	kind: str
	name: str
	modified: str = ""


def all_listeners(events: Events = EVENTS) -> list[Listener]:
	"""All listeners to these events, in the order of DocTypes as below."""
	return [*handlers(events), *overriding_classes(), *rules(events), *fetched_fields()]


def find_listeners() -> dict[str, Listener]:
	"""The first listener to each DocType that has one."""
	found: dict[str, Listener] = {}
	for listener in all_listeners():
		found.setdefault(listener.doctype, listener)
	return found


def handlers(listened: Events) -> Iterator[Listener]:
	"""Handlers of other apps."""
	harmless = {*HARMLESS_HANDLERS, *RULE_HANDLERS}
	if not frappe.get_hooks("sqlite_search"):
		harmless.add(SEARCH_INDEX)
	for doctype, events in listened.items():
		for event, path in registered_handlers(doctype):
			if event in events and path not in harmless and not path.startswith("ar_writeoff."):
				yield Listener(doctype, "", path)


def controllers() -> dict[str, tuple[type, type]]:
	"""By DocType, its class on this site and ERPNext's own."""
	return {doctype: (get_controller(doctype), original) for doctype, original in ERPNEXT_CONTROLLERS.items()}


def overriding_classes() -> Iterator[Listener]:
	"""Classes of other apps in place of ERPNext's."""
	for doctype, (installed, original) in controllers().items():
		if installed is not original:
			yield Listener(doctype, "", f"{installed.__module__}.{installed.__qualname__}")


def registered_handlers(doctype: str) -> Iterator[tuple[str, str]]:
	"""(event, path) of all handlers of the DocType, in Frappe's order."""
	hooks = frappe.get_doc_hooks()
	for target in (doctype, "*"):
		for event, paths in hooks.get(target, {}).items():
			for path in paths:
				yield event, path


def rules(listened: Events) -> Iterator[Listener]:
	"""Active rules of the site that apply to one of the events."""
	applied = {
		(RULE_HANDLERS[path][0], doctype)
		for doctype, events in listened.items()
		for event, path in registered_handlers(doctype)
		if event in events and path in RULE_HANDLERS
	}
	# nosemgrep: frappe-using-db-sql - built once, because it runs in each transaction
	for kind, name, modified, doctype, event, method in frappe.db.sql(rules_query(frappe.local.site)):
		if (kind, doctype) in applied or rule_event(kind, doctype, event, method) in listened[doctype]:
			yield Listener(doctype, kind, name, str(modified))


def rule_event(kind: str, doctype: str, event: str, method: str) -> str | None:
	"""The event at which Frappe itself checks this rule; None if it is no event of a new entry."""
	if kind == "Server Script":
		return next((name for name, label in EVENT_MAP.items() if label == event), None)
	if kind == "Workflow":
		# Frappe sets the state of a document that it saves, whatever the event.
		return "validate" if doctype != SALES_INVOICE else None
	if kind == "Document Naming Rule":
		# The entry has a name already.
		return "autoname" if doctype in (GL_ENTRY, PAYMENT_LEDGER_ENTRY) else None
	if kind == "Notification":
		event = method if event == "Method" else NOTIFICATION_EVENTS.get(event, "")
	elif kind != "Webhook":
		return None
	if event == "on_change" and doctype in (GL_ENTRY, PAYMENT_LEDGER_ENTRY):
		# Not applied to a new document.
		return None
	return event


# Rules that Frappe applies without a handler: DocType, its field with the DocType the rule is for, the filters for
# active rules, and the fields with event and method.
RULE_DOCTYPES: tuple[tuple[str, str, dict[str, Any], str, str], ...] = (
	(
		"Server Script",
		"reference_doctype",
		{"script_type": "DocType Event", "disabled": 0},
		"doctype_event",
		"",
	),
	("Notification", "document_type", {"enabled": 1}, "event", "method"),
	("Webhook", "webhook_doctype", {"enabled": 1}, "webhook_docevent", ""),
	("Document Naming Rule", "document_type", {"disabled": 0}, "", ""),
)


def rule_doctypes() -> list[tuple[str, str, dict[str, Any], str, str]]:
	handled = sorted({(kind, field) for kind, field, _active in RULE_HANDLERS.values()})
	active = {kind: filters for kind, _field, filters in RULE_HANDLERS.values()}
	return [*RULE_DOCTYPES, *((kind, field, active[kind], "", "") for kind, field in handled)]


@cache
def rules_query(_site: str) -> str:
	"""One query over all rule DocTypes, because it runs in each transaction. Which of them exist depends on the site."""
	queries = []
	for kind, fieldname, active, event, method in rule_doctypes():
		if frappe.db.table_exists(kind):
			rule = frappe.qb.DocType(kind)
			query = frappe.qb.from_(rule).select(
				ValueWrapper(kind),
				rule.name,
				rule.modified,
				rule[fieldname],
				rule[event] if event else ValueWrapper(""),
				rule[method] if method else ValueWrapper(""),
			)
			for field, value in active.items():
				query = query.where(rule[field] == value)
			queries.append(query.where(rule[fieldname].isin(list(EVENTS))))
	return reduce(mul, queries).get_sql()


def fetched_fields() -> Iterator[Listener]:
	"""Fields of ledger rows that Frappe fetches from another document when it saves a row."""
	for doctype in (GL_ENTRY, PAYMENT_LEDGER_ENTRY):
		for field in frappe.get_meta(doctype).fields:
			if field.get("fetch_from"):
				yield Listener(doctype, FETCHED, field.label or field.fieldname)
