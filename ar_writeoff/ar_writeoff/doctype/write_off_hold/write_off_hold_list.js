// Copyright (c) 2026, AR Write-Off contributors
// For license information, please see license.txt

frappe.listview_settings["Write-Off Hold"] = {
	filters: [["status", "=", "Active"]],
};
