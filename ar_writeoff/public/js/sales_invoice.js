// Copyright (c) 2026, AR Write-Off contributors
// For license information, please see license.txt

frappe.ui.form.on("Sales Invoice", {
	refresh(frm) {
		if (frm.doc.docstatus !== 1) return;
		if (flt(frm.doc.written_off_amount)) {
			frm.dashboard.add_indicator(
				__("Written Off: {0}", [
					format_currency(frm.doc.written_off_amount, frm.doc.party_account_currency),
				]),
				"orange"
			);
		}
		if (flt(frm.doc.outstanding_amount) && frappe.model.can_create("Write-Off Run")) {
			frm.add_custom_button(
				__("Write-Off Run"),
				async () => {
					await frappe.require("ar_writeoff_entry.bundle.js");
					frappe.ar_writeoff.write_off_invoices([frm.doc.name]);
				},
				__("Create")
			);
		}
	},
});
