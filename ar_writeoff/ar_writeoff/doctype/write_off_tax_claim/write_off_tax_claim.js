// Copyright (c) 2026, AR Write-Off contributors
// For license information, please see license.txt

frappe.ui.form.on("Write-Off Tax Claim", {
	setup(frm) {
		frm.set_query("tax_account", () => ({
			filters: {
				company: frm.doc.company,
				root_type: ["in", ["Asset", "Liability"]],
				is_group: 0,
				disabled: 0,
			},
		}));
	},
});
