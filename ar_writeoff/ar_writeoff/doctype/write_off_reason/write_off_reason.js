// Copyright (c) 2026, AR Write-Off contributors
// For license information, please see license.txt

frappe.ui.form.on("Write-Off Reason", {
	setup(frm) {
		frm.set_query("account", "accounts", (doc, doctype, name) => ({
			filters: {
				company: frappe.get_doc(doctype, name).company,
				root_type: ["in", ["Expense", "Income"]],
				is_group: 0,
				disabled: 0,
			},
		}));
	},
});

frappe.ui.form.on("Write-Off Reason Account", {
	company(frm, doctype, name) {
		frappe.model.set_value(doctype, name, "account", null);
	},
});
