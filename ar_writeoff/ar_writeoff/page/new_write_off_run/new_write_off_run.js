// Copyright (c) 2026, AR Write-Off contributors
// For license information, please see license.txt

// Opens a new run. A shortcut to a DocType is shown to everybody who may read it, one to a Page only to its roles.
frappe.pages["new-write-off-run"].on_page_show = () => {
	// Back leads to the page before, not here.
	frappe.route_flags.replace_route = true;
	frappe.new_doc("Write-Off Run");
};
