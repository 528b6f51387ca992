// Copyright (c) 2026, AR Write-Off contributors
// For license information, please see license.txt

frappe.ui.form.on("Write-Off Hold", {
	setup(frm) {
		frm.set_query("voucher_type", () => ({
			filters: { name: ["in", ["Sales Invoice", "Payment Entry", "Journal Entry"]] },
		}));
		frm.set_query("voucher_no", () => ({
			filters: { docstatus: 1, company: frm.doc.company, ...of_customer(frm.doc) },
		}));
	},

	refresh(frm) {
		if (frm.is_new() || !frm.perm[0]?.write || frm.doc.status !== "Active") return;
		frm.add_custom_button(__("End Hold"), async () => {
			await frm.set_value("status", "Ended");
			await frm.save();
		});
	},
});

// A Journal Entry has its customers in its rows.
function of_customer({ customer, voucher_type }) {
	const field = { "Sales Invoice": "customer", "Payment Entry": "party" }[voucher_type];
	return customer && field ? { [field]: customer } : {};
}
