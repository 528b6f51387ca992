"""Leave a site as it was before: custom fields with their columns and indexes, and what belongs to no module.

Frappe removes the app's own doctypes, with their tables, and whatever else is of its module by itself.
"""

import json
from pathlib import Path

import frappe

from ar_writeoff import receivables_link, workflow
from ar_writeoff.ledger import covering_index


def before_uninstall() -> None:
	receivables_link.remove()
	covering_index.drop()
	remove_workflows()
	remove_navigation()
	# Frappe forgets an app's scheduled jobs with its next migrate only.
	frappe.db.delete("Scheduled Job Type", {"method": ("like", "ar_writeoff.%")})
	for field in shipped_custom_fields():
		remove_custom_field(field["dt"], field["fieldname"])
	# An Onboarding Step has no module that Frappe could know it by.
	for step in shipped_onboarding_steps():
		frappe.delete_doc("Onboarding Step", step, force=True, ignore_permissions=True, ignore_missing=True)


def remove_navigation() -> None:
	"""Remove the desktop icon and the sidebar, which have no module that Frappe could know them by.

	Without their `on_trash`, which would remove our own files on a site in developer mode.
	"""
	if not frappe.db.table_exists("Workspace Sidebar"):
		return
	workspaces = frappe.get_all(
		"Workspace", filters={"module": "AR Writeoff"}, pluck="name", order_by="name asc"
	)
	sidebars = frappe.get_all(
		"Workspace Sidebar",
		or_filters={"module": "AR Writeoff", "name": ("in", workspaces)},
		pluck="name",
		order_by="name asc",
	)
	icons = frappe.get_all(
		"Desktop Icon",
		filters={"link_type": "Workspace Sidebar", "link_to": ("in", [*workspaces, *sidebars])},
		pluck="name",
		order_by="name asc",
	)
	for doctype, names in (("Desktop Icon", icons), ("Workspace Sidebar", sidebars)):
		for name in names:
			frappe.delete_doc(doctype, name, force=True, ignore_permissions=True, ignore_on_trash=True)


def remove_workflows() -> None:
	"""Remove Workflows on our documents, ours and others', with the field each has added: nobody else would."""
	for doctype in frappe.get_all(
		"DocType", filters={"module": "AR Writeoff"}, pluck="name", order_by="name asc"
	):
		workflows = frappe.get_all(
			"Workflow",
			filters={"document_type": doctype},
			fields=["name", "workflow_state_field"],
			order_by="name asc",
		)
		for one in workflows:
			frappe.delete_doc("Workflow", one.name, force=True, ignore_permissions=True)
			remove_custom_field(doctype, one.workflow_state_field)
	workflow.remove_what_was_added()


def shipped_custom_fields() -> list[dict]:
	"""The Custom Fields this app ships: one definition for install and uninstall."""
	with open(frappe.get_app_path("ar_writeoff", "fixtures", "custom_field.json")) as file:
		return json.load(file)


def shipped_onboarding_steps() -> list[str]:
	"""Names of the Onboarding Steps this app ships."""
	folder = Path(frappe.get_app_path("ar_writeoff", "ar_writeoff", "onboarding_step"))
	return [json.loads(path.read_text())["name"] for path in sorted(folder.glob("*/*.json"))]


def remove_custom_field(doctype: str, fieldname: str) -> None:
	"""Remove a Custom Field, its column, its Property Setters, and with the column every index over it."""
	name = frappe.db.get_value("Custom Field", {"dt": doctype, "fieldname": fieldname})
	if name:
		frappe.delete_doc("Custom Field", name, force=True, ignore_permissions=True)
	frappe.db.delete("Property Setter", {"doc_type": doctype, "field_name": fieldname})
	if frappe.db.has_column(doctype, fieldname):
		frappe.db.sql_ddl(f"ALTER TABLE `tab{doctype}` DROP COLUMN `{fieldname}`")
	frappe.clear_cache(doctype=doctype)
