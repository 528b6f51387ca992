"""The sidebar and the desktop icon that the app ships take the place of those that v16 made of the workspace."""

import frappe
from frappe.modules.import_file import import_file_by_path


def execute() -> None:
	if not frappe.db.table_exists("Workspace Sidebar"):
		return
	for folder in ("workspace_sidebar", "desktop_icon"):
		# Forced: what is there is younger than the file, and would stay.
		import_file_by_path(frappe.get_app_path("ar_writeoff", folder, "ar_write_off.json"), force=True)
