// Copyright (c) 2026, AR Write-Off contributors
// For license information, please see license.txt

// The criteria of a new Write-Off Run or Write-Off Schedule come from the company's Write-Off Settings, or stay empty:
// defaults of the user or the site would narrow the search without notice. The server does the same, see
// criteria_document.py.
for (const doctype of ["Write-Off Run", "Write-Off Schedule"]) {
	for (const df of Object.values(frappe.meta.docfield_map[doctype] || {})) {
		df.no_default = df.fieldtype === "Link" && df.fieldname !== "company" && !df.is_custom_field;
		if (df.fieldname === "voucher_kind") df.options = installed_kinds(df.options);
	}
}

// Without those of apps that are not installed.
function installed_kinds(options) {
	const missing = frappe.boot.uninstalled_voucher_kinds || [];
	return options
		.split("\n")
		.filter((kind) => !missing.includes(kind))
		.join("\n");
}

frappe.provide("frappe.ar_writeoff");

// Fills untouched fields from the company's Write-Off Settings.
frappe.ar_writeoff.load_defaults = async (frm) => {
	const { company } = frm.doc;
	if (!company || !frappe.model.can_create(frm.doctype)) return;
	const [defaults, has_settings] = await Promise.all([
		frappe.xcall("ar_writeoff.ar_writeoff.doctype.write_off_run.write_off_run.get_defaults", {
			company,
			doctype: frm.doctype,
		}),
		frappe.db.exists("Write-Off Settings", company),
	]);
	if (frm.doc.company !== company || frm.doc.docstatus !== 0) return;
	frm.company_without_settings = has_settings ? null : company;
	frm.trigger("show_settings_hint");
	const before = frm.loaded_defaults || {};
	frm.loaded_defaults = defaults;
	for (const [field, value] of Object.entries(defaults)) {
		const current = frm.doc[field];
		const loaded = Boolean(current) && String(current) === String(before[field]);
		if (loaded || (value && !current)) await frm.set_value(field, value);
	}
};

// Returns a link to create the settings of a company that has none, as HTML; empty if it has, or the document is saved.
frappe.ar_writeoff.settings_hint = (frm) => {
	const { company_without_settings: company } = frm;
	if (!company || company !== frm.doc.company || !frm.is_new()) return "";
	const missing = __("{0} has no Write-Off Settings.", [frappe.utils.escape_html(company)]);
	if (!frappe.model.can_create("Write-Off Settings")) {
		return `${missing} ${__("Ask an Accounts Manager to create them.")}`;
	}
	const create = __("Create them first: accounts, limits and default criteria");
	return `${missing} <a href="#" class="write-off-settings-hint" style="text-decoration: underline">${create}</a>.`;
};

$(document)
	.off("click.write_off_settings")
	.on("click.write_off_settings", ".write-off-settings-hint", (event) => {
		event.preventDefault();
		frappe.new_doc("Write-Off Settings", { company: window.cur_frm.doc.company });
	});

frappe.ar_writeoff.change_company = (frm) => {
	["receivable_account", "cost_center", "project"].forEach((field) => frm.set_value(field, ""));
	return frappe.ar_writeoff.load_defaults(frm);
};
