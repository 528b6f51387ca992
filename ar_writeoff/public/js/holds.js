// Copyright (c) 2026, AR Write-Off contributors
// For license information, please see license.txt

// Holds on the forms of ERPNext.

frappe.provide("frappe.ar_writeoff");

frappe.ar_writeoff.add_hold_button = (frm, values) => {
	if (!frappe.model.can_create("Write-Off Hold")) return;
	return frm.add_custom_button(
		__("Write-Off Hold"),
		async () => {
			await frappe.require("ar_writeoff_entry.bundle.js");
			frappe.ar_writeoff.hold(values, () => frm.reload_doc());
		},
		__("Create")
	);
};

// Links to the active holds of a customer, and of one voucher if given, as HTML.
frappe.ar_writeoff.hold_links = async ({ voucher_no, ...filters }) => {
	if (!frappe.model.can_read("Write-Off Hold")) return [];
	const holds = await frappe.db.get_list("Write-Off Hold", {
		fields: ["name", "kind", "hold_until", "voucher_no"],
		filters: { ...filters, status: "Active" },
		order_by: "name asc",
		limit: 100,
	});
	const today = frappe.datetime.get_today();
	return holds
		.filter((hold) => !hold.hold_until || hold.hold_until >= today)
		.filter((hold) => !hold.voucher_no || hold.voucher_no === voucher_no)
		.map((hold) => {
			const kind = __(hold.kind);
			const text = hold.hold_until
				? __("On hold until {0}: {1}", [frappe.datetime.str_to_user(hold.hold_until), kind])
				: __("On hold without an end: {0}", [kind]);
			return frappe.utils.get_form_link(
				"Write-Off Hold",
				hold.name,
				true,
				frappe.utils.escape_html(text)
			);
		});
};
