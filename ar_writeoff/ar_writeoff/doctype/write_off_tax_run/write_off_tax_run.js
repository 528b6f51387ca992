// Copyright (c) 2026, AR Write-Off contributors
// For license information, please see license.txt

frappe.ui.form.on("Write-Off Tax Run", {
	setup(frm) {
		// The run cancels its Journal Entries itself.
		frm.ignore_doctypes_on_cancel_all = ["Journal Entry"];
		// Journal Entries of a run are created by posting only.
		frm.can_make_methods = { "Journal Entry": () => false };
	},

	onload(frm) {
		// Shortcuts and links of the desk open a new document also for readers.
		if (frm.is_new() && !frappe.model.can_create(frm.doctype)) {
			frappe.set_route("List", frm.doctype);
			return;
		}
		if (frm.is_new() && frm.doc.company) return load_period(frm);
	},

	async refresh(frm) {
		// The title's indicator and the summary above the list show the same.
		frm.toggle_display(["status", "totals_section"], false);
		if (!frm.is_new() && frm.doc.docstatus < 2) frm.page.clear_actions();
		const { name } = frm.doc;
		if (!frappe.ar_writeoff?.run_form) {
			await frappe.require(["ar_writeoff.bundle.css", "ar_writeoff.bundle.js"]);
		}
		if (frm.doc.name === name) await frappe.ar_writeoff.run_form(frm).refresh();
	},

	company: (frm) => load_period(frm),
});

// The return period of today, by the settings of the company.
async function load_period(frm) {
	const { company } = frm.doc;
	if (!company || !frappe.model.can_create(frm.doctype)) return;
	const period = await frappe.xcall(
		"ar_writeoff.ar_writeoff.doctype.write_off_tax_run.write_off_tax_run.get_period",
		{ company }
	);
	if (frm.doc.company === company && frm.doc.docstatus === 0) await frm.set_value(period);
}
