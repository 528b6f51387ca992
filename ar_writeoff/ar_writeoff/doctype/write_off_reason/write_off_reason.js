// Copyright (c) 2026, AR Write-Off contributors
// For license information, please see license.txt

frappe.ui.form.on("Write-Off Reason", {
	setup(frm) {
		// See ledger/accounts.py. Direct: an account of profit and loss. Allowance, Reclassify: of the balance sheet.
		frm.set_query("account", "accounts", (doc, doctype, name) => {
			const { company } = frappe.get_doc(doctype, name);
			const root_types = doc.method === "Direct" ? ["Income", "Expense"] : ["Asset", "Liability"];
			return {
				filters: {
					company,
					root_type: ["in", root_types],
					account_currency: frappe.model.get_value(":Company", company, "default_currency"),
					is_group: 0,
					disabled: 0,
				},
			};
		});
	},
});

frappe.ui.form.on("Write-Off Reason Account", {
	company(frm, doctype, name) {
		frappe.model.set_value(doctype, name, "account", null);
	},
});
