// Copyright (c) 2026, AR Write-Off contributors
// For license information, please see license.txt

frappe.ui.form.on("Sales Invoice", {
	refresh(frm) {
		const { doc } = frm;
		if (doc.docstatus !== 1) return;
		const is_open = Boolean(flt(doc.outstanding_amount));
		show_state(frm, is_open);
		if (!is_open) return;
		const buttons = [];
		if (frappe.model.can_create("Write-Off Run")) {
			buttons.push(
				frm.add_custom_button(
					__("Write-Off Run"),
					async () => {
						await frappe.require("ar_writeoff_entry.bundle.js");
						frappe.ar_writeoff.write_off_invoices([doc.name]);
					},
					__("Create")
				)
			);
		}
		buttons.push(
			frappe.ar_writeoff.add_hold_button(frm, {
				company: doc.company,
				customer: doc.customer,
				voucher_type: frm.doctype,
				voucher_no: doc.name,
			})
		);
		// ERPNext adds its own buttons later in the same refresh. Its Payment comes first.
		for (const button of buttons.filter(Boolean)) {
			button
				.closest(".inner-group-button")
				.on("show.bs.dropdown", () => button.appendTo(button.parent()));
		}
	},
});

// Runs that wrote off the invoice, and holds.
async function show_state(frm, is_open) {
	const { name, company, customer } = frm.doc;
	const [written_off, holds] = await Promise.all([
		written_off_links(frm),
		is_open ? frappe.ar_writeoff.hold_links({ company, customer, voucher_no: name }) : [],
	]);
	const parts = [...written_off, ...holds];
	if (frm.doc.name === name && parts.length) frm.set_intro(parts.join(" · "), "orange");
}

async function written_off_links(frm) {
	if (!flt(frm.doc.written_off_amount)) return [];
	const amount = format_currency(frm.doc.written_off_amount, frm.doc.party_account_currency);
	const runs = await frappe.xcall("ar_writeoff.review.items.runs_of_invoice", { invoice: frm.doc.name });
	const links = runs.map((run) =>
		frappe.utils.get_form_link("Write-Off Run", run, true, frappe.utils.escape_html(run))
	);
	return [__("Written Off: {0}", [amount]), ...links];
}
