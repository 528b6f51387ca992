// Copyright (c) 2026, AR Write-Off contributors
// For license information, please see license.txt

frappe.ui.form.on("Customer", {
	refresh(frm) {
		if (frm.is_new() || !frappe.model.can_create("Write-Off Run")) return;
		frm.add_custom_button(
			__("Write-Off Run"),
			() =>
				frappe.new_doc("Write-Off Run", null, (doc) => {
					const row = frappe.model.add_child(doc, "Write-Off Run Customer", "customers");
					row.customer = frm.doc.name;
				}),
			__("Create")
		);
	},
});
