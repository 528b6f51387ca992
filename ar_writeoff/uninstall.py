"""Remove custom fields with their columns and indexes, and documents without a module, on uninstall.

Frappe itself removes the app's DocTypes with their tables, and other documents of its module.
"""

import csv
import io
import json
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import frappe
from frappe import _
from frappe.utils import now_datetime

from ar_writeoff import workflow
from ar_writeoff.core import run_types
from ar_writeoff.ledger import covering_index
from ar_writeoff.review.export import safe_cell

MODULE = "AR Writeoff"
# Site configuration key that confirms the uninstall of a site with submitted runs.
FLAG = "ar_writeoff_uninstall_with_runs"
ROWS_PER_QUERY = 5000


def before_uninstall() -> None:
	"""
	Raises:
	    click.ClickException: there are submitted runs, and FLAG is not set.
	"""
	posted = sum(frappe.db.count(run_type.doctype, {"docstatus": ("!=", 0)}) for run_type in run_types.ALL)
	if posted and not frappe.conf.get(FLAG):
		raise click.ClickException(
			_(
				"Approved Write-Off Runs on this site: {0}. Uninstalling deletes the runs with their items and log,"
				" and the write-off fields of Sales Invoice and Journal Entry. The Journal Entries stay. To"
				" continue, run bench --site {1} set-config {2} 1 and uninstall again. All records are written to a"
				" file first."
			).format(posted, frappe.local.site, FLAG)
		)
	if is_dry_run():
		return
	if posted:
		click.secho(_("Runs, items and log are in {0}").format(export_records()), fg="green")
	remove_site_changes()


def is_dry_run() -> bool:
	"""Whether this is a dry run. Frappe calls the hook for it, too, and does not pass the flag."""
	context = click.get_current_context(silent=True)
	return bool(context and context.params.get("dry_run"))


def export_records() -> str:
	"""Write all records of the app to a private zip file with one CSV per DocType; return its path."""
	with tempfile.TemporaryFile() as scratch:
		with zipfile.ZipFile(scratch, "w", zipfile.ZIP_DEFLATED) as archive:
			for doctype in frappe.get_all(
				"DocType", filters={"module": MODULE, "issingle": 0}, pluck="name", order_by="name asc"
			):
				with archive.open(f"{doctype}.csv", "w", force_zip64=True) as file:
					text = io.TextIOWrapper(file, "utf-8", newline="")
					write_records(csv.writer(text), doctype)
					text.close()
		scratch.seek(0)
		saved = frappe.get_doc(
			{
				"doctype": "File",
				"file_name": f"ar-writeoff-{now_datetime():%Y%m%d-%H%M%S}.zip",
				"content": scratch.read(),
				"is_private": 1,
			}
		).insert(ignore_permissions=True)
	return str(Path(saved.get_full_path()).resolve())


def write_records(writer: Any, doctype: str) -> None:
	columns = frappe.db.get_table_columns(doctype)
	writer.writerow(columns)
	for row in all_records(doctype):
		writer.writerow([safe_cell(row.get(column)) for column in columns])


def all_records(doctype: str) -> Iterator[dict]:
	last = ""
	while True:
		page = frappe.get_all(
			doctype, filters={"name": (">", last)}, fields=["*"], order_by="name asc", limit=ROWS_PER_QUERY
		)
		yield from page
		if len(page) < ROWS_PER_QUERY:
			return
		last = page[-1].name


def remove_site_changes() -> None:
	covering_index.drop()
	remove_workflows()
	remove_navigation()
	# Frappe would remove the scheduled jobs only on the next migrate.
	frappe.db.delete("Scheduled Job Type", {"method": ("like", "ar_writeoff.%")})
	for field in shipped_custom_fields():
		remove_custom_field(field["dt"], field["fieldname"])
	# Onboarding Step has no module field.
	for step in shipped_onboarding_steps():
		frappe.delete_doc("Onboarding Step", step, force=True, ignore_permissions=True, ignore_missing=True)


def remove_navigation() -> None:
	"""Remove the desktop icon and the sidebar, which have no module field.

	`on_trash` is skipped: in developer mode it would delete the app's own files.
	"""
	if not frappe.db.table_exists("Workspace Sidebar"):
		return
	workspaces = frappe.get_all("Workspace", filters={"module": MODULE}, pluck="name", order_by="name asc")
	sidebars = frappe.get_all(
		"Workspace Sidebar",
		or_filters={"module": MODULE, "name": ("in", workspaces)},
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
	"""Remove all Workflows on the app's DocTypes with their state fields."""
	for doctype in frappe.get_all("DocType", filters={"module": MODULE}, pluck="name", order_by="name asc"):
		workflows = frappe.get_all(
			"Workflow",
			filters={"document_type": doctype},
			fields=["name", "workflow_state_field"],
			order_by="name asc",
		)
		for one in workflows:
			frappe.delete_doc("Workflow", one.name, force=True, ignore_permissions=True)
			remove_custom_field(doctype, one.workflow_state_field)
	workflow.remove_states_and_actions()


def shipped_custom_fields() -> list[dict]:
	"""Return the Custom Fields of the fixtures."""
	with open(frappe.get_app_path("ar_writeoff", "fixtures", "custom_field.json")) as file:
		return json.load(file)


def shipped_onboarding_steps() -> list[str]:
	"""Return the names of the app's Onboarding Steps."""
	folder = Path(frappe.get_app_path("ar_writeoff", "ar_writeoff", "onboarding_step"))
	return [json.loads(path.read_text())["name"] for path in sorted(folder.glob("*/*.json"))]


def remove_custom_field(doctype: str, fieldname: str) -> None:
	"""Remove a Custom Field with its Property Setters and its column, which drops its indexes."""
	name = frappe.db.get_value("Custom Field", {"dt": doctype, "fieldname": fieldname})
	if name:
		frappe.delete_doc("Custom Field", name, force=True, ignore_permissions=True)
	frappe.db.delete("Property Setter", {"doc_type": doctype, "field_name": fieldname})
	# Not `has_column`: Frappe caches the columns of a table.
	# nosemgrep: frappe-using-db-sql - no builder for ALTER TABLE
	frappe.db.sql_ddl(f"ALTER TABLE `tab{doctype}` DROP COLUMN IF EXISTS `{fieldname}`")
	frappe.clear_cache(doctype=doctype)
