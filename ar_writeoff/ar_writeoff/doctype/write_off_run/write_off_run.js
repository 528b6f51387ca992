// Copyright (c) 2026, AR Write-Off contributors
// For license information, please see license.txt

frappe.ui.form.on("Write-Off Run", {
	setup(frm) {
		const of_company = (filters) => () => ({ filters: { company: frm.doc.company, ...filters } });
		frm.set_query(
			"receivable_account",
			of_company({ account_type: "Receivable", root_type: "Asset", is_group: 0, disabled: 0 })
		);
		frm.set_query("cost_center", of_company());
		frm.set_query("project", of_company());
		frm.set_query("reason", () => ({
			filters: { disabled: 0, applies_to: ["in", [frm.doc.balance_type, "Both"]] },
		}));
		// The run cancels its Journal Entries itself.
		frm.ignore_doctypes_on_cancel_all = ["Journal Entry"];
		// Journal Entries of a run are created by posting only.
		frm.can_make_methods = { "Journal Entry": () => false, "Write-Off Recovery": () => false };
	},

	onload(frm) {
		// Shortcuts and links of the desk open a new document also for readers.
		if (frm.is_new() && !frappe.model.can_create(frm.doctype)) {
			frappe.show_alert({
				message: __("You have no permission to create Write-Off Runs."),
				indicator: "orange",
			});
			frappe.set_route("List", frm.doctype);
			return;
		}
		if (frm.is_new() && frm.doc.company && !frm.doc.amended_from) frappe.ar_writeoff.load_defaults(frm);
	},

	refresh(frm) {
		// The title's indicator and the summary above the list show the same.
		frm.toggle_display(["status", "totals_section"], false);
		if (!frm.is_new() && frm.doc.docstatus < 2) frm.page.clear_actions();
		return with_run_form(frm, (run_form) => run_form.refresh());
	},

	show_settings_hint(frm) {
		frm.write_off_run_form?.show_state();
	},

	company(frm) {
		return frappe.ar_writeoff.change_company(frm);
	},

	async balance_type(frm) {
		if (!frm.doc.reason) return;
		const { reason, balance_type } = frm.doc;
		const { message } = await frappe.db.get_value("Write-Off Reason", reason, "applies_to");
		const fits = ["Both", balance_type].includes(message?.applies_to);
		if (!fits && frm.doc.reason === reason) frm.set_value("reason", null);
	},
});

async function with_run_form(frm, use) {
	const { name } = frm.doc;
	if (!frappe.ar_writeoff?.run_form) {
		await frappe.require(["ar_writeoff.bundle.css", "ar_writeoff.bundle.js"]);
	}
	if (frm.doc.name === name) await use(frappe.ar_writeoff.run_form(frm));
}
