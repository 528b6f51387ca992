// Copyright (c) 2026, AR Write-Off contributors
// For license information, please see license.txt

frappe.ui.form.on("Sales Invoice", {
	refresh(frm) {
		if (frm.doc.docstatus !== 1) return;
		if (flt(frm.doc.written_off_amount)) show_written_off(frm);
		if (!flt(frm.doc.outstanding_amount) || !frappe.model.can_create("Write-Off Run")) return;
		add_button(frm);
	},
});

function add_button(frm) {
	const button = frm.add_custom_button(
		__("Write-Off Run"),
		async () => {
			await frappe.require("ar_writeoff_entry.bundle.js");
			frappe.ar_writeoff.write_off_invoices([frm.doc.name]);
		},
		__("Create")
	);
	// ERPNext adds its own buttons later in the same refresh. Its Payment comes first.
	button?.closest(".inner-group-button").on("show.bs.dropdown", () => button.appendTo(button.parent()));
}

async function show_written_off(frm) {
	const { name } = frm.doc;
	const amount = format_currency(frm.doc.written_off_amount, frm.doc.party_account_currency);
	const runs = await frappe.xcall("ar_writeoff.review.items.runs_of_invoice", { invoice: name });
	if (frm.doc.name !== name) return;
	const links = runs.map((run) =>
		frappe.utils.get_form_link("Write-Off Run", run, true, frappe.utils.escape_html(run))
	);
	frm.set_intro([__("Written Off: {0}", [amount]), ...links].join(" · "), "orange");
}
