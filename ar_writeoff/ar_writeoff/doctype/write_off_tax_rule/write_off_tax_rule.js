// Copyright (c) 2026, AR Write-Off contributors
// For license information, please see license.txt

// With the default company of the user, a new rule would apply to this company only.
frappe.meta.get_docfield("Write-Off Tax Rule", "company").no_default = 1;

// A column of the table, which does not follow "Depends On".
function show_interim_account(frm) {
	const { grid } = frm.fields_dict.accounts;
	grid.update_docfield_property(
		"interim_account",
		"hidden",
		["Interim Account", "Age Only"].includes(frm.doc.method) ? 0 : 1
	);
	grid.reset_grid();
}

frappe.ui.form.on("Write-Off Tax Rule", {
	setup(frm) {
		const tax_accounts = () => ({
			filters: {
				...(frm.doc.company ? { company: frm.doc.company } : {}),
				root_type: ["in", ["Asset", "Liability"]],
				is_group: 0,
				disabled: 0,
			},
		});
		frm.set_query("tax_account", "accounts", tax_accounts);
		frm.set_query("relief_account", "accounts", tax_accounts);
		frm.set_query("interim_account", "accounts", () => ({
			filters: {
				...tax_accounts().filters,
				...(frm.doc.method === "Age Only" ? { root_type: "Liability" } : {}),
			},
		}));
	},
	refresh: show_interim_account,
	method: show_interim_account,
});
