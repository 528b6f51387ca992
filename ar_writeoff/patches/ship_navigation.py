"""Import the app's sidebar and desktop icon in place of those that v16 generated from the workspace."""

import frappe
from frappe.modules.import_file import import_file_by_path


def execute() -> None:
	if not frappe.db.table_exists("Workspace Sidebar"):
		return
	for folder in ("workspace_sidebar", "desktop_icon"):
		# Forced, because the existing documents are newer than the file.
		import_file_by_path(frappe.get_app_path("ar_writeoff", folder, "ar_write_off.json"), force=True)
