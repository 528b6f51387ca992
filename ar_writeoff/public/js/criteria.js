// Copyright (c) 2026, AR Write-Off contributors
// For license information, please see license.txt

// The criteria of a new Write-Off Run or Write-Off Schedule come from the company's Write-Off Settings, or stay empty:
// defaults of the user or the site would narrow the search without notice. The server does the same, see
// criteria_document.py.
for (const doctype of ["Write-Off Run", "Write-Off Schedule"]) {
	for (const df of Object.values(frappe.meta.docfield_map[doctype] || {})) {
		df.no_default = df.fieldtype === "Link" && df.fieldname !== "company" && !df.is_custom_field;
	}
}

frappe.provide("frappe.ar_writeoff");

// Fills untouched fields from the company's Write-Off Settings.
frappe.ar_writeoff.load_defaults = async (frm) => {
	const { company } = frm.doc;
	if (!company || !frappe.model.can_create(frm.doctype)) return;
	const defaults = await frappe.xcall(
		"ar_writeoff.ar_writeoff.doctype.write_off_run.write_off_run.get_defaults",
		{ company, doctype: frm.doctype }
	);
	if (frm.doc.company !== company || frm.doc.docstatus !== 0) return;
	const before = frm.loaded_defaults || {};
	frm.loaded_defaults = defaults;
	for (const [field, value] of Object.entries(defaults)) {
		const current = frm.doc[field];
		const loaded = Boolean(current) && String(current) === String(before[field]);
		if (loaded || (value && !current)) await frm.set_value(field, value);
	}
};

frappe.ar_writeoff.change_company = (frm) => {
	["receivable_account", "cost_center", "project"].forEach((field) => frm.set_value(field, ""));
	return frappe.ar_writeoff.load_defaults(frm);
};
