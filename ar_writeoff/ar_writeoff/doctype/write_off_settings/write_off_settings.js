// Copyright (c) 2026, AR Write-Off contributors
// For license information, please see license.txt

frappe.ui.form.on("Write-Off Settings", {
	setup(frm) {
		// A debt is written off to an expense; a credit nobody claims to an income or against an expense.
		const offset_account =
			(...root_types) =>
			() => ({
				filters: {
					company: frm.doc.company,
					root_type: ["in", root_types],
					account_currency: frappe.model.get_value(":Company", frm.doc.company, "default_currency"),
					is_group: 0,
					disabled: 0,
				},
			});
		frm.set_query("bad_debt_account", offset_account("Expense"));
		frm.set_query("credit_write_off_account", offset_account("Income", "Expense"));
		frm.set_query("allowance_account", offset_account("Asset", "Liability"));
		frm.set_query("cost_center", () => ({
			filters: { company: frm.doc.company, is_group: 0, disabled: 0 },
		}));
		frm.set_query("default_reason", () => ({ filters: { disabled: 0 } }));
	},

	refresh(frm) {
		if (!frm.is_new()) {
			frm.add_custom_button(__("New Write-Off Run"), () =>
				frappe.new_doc("Write-Off Run", { company: frm.doc.company })
			);
		}
	},

	company(frm) {
		["bad_debt_account", "credit_write_off_account", "allowance_account", "cost_center"].forEach(
			(field) => frm.set_value(field, null)
		);
	},
});
