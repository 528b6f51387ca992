// Copyright (c) 2026, AR Write-Off contributors
// For license information, please see license.txt

frappe.ui.form.on("Payment Entry", {
	refresh(frm) {
		const { doc } = frm;
		if (doc.party_type !== "Customer" || doc.payment_type !== "Receive") return;
		show_late_money(frm);
		if (doc.docstatus !== 1) return;
		frappe.ar_writeoff.offer_rest(
			frm,
			doc.company,
			doc.references
				.filter((row) => row.reference_doctype === "Sales Invoice")
				// On submit ERPNext stores the remaining outstanding amount in the row.
				.map((row) => ({
					name: row.reference_name,
					left: flt(row.outstanding_amount) * (flt(row.exchange_rate) || 1),
				}))
		);
	},

	party(frm) {
		if (frm.doc.party_type === "Customer" && frm.doc.payment_type === "Receive") show_late_money(frm);
	},
});

async function show_late_money(frm) {
	const { name, company, party, docstatus } = frm.doc;
	const { late_money } = frappe.ar_writeoff;
	frm.set_intro("");
	if (!company || !party || docstatus > 1) return;
	if (docstatus === 0) {
		const balances = await late_money.get("get_written_off", { company, customer: party });
		if (frm.doc.name !== name || frm.doc.party !== party || !balances?.length) return;
		late_money.show_message(frm, balances, __("Submit the payment, then press Reinstate and Allocate."));
		return;
	}
	if (!flt(frm.doc.unallocated_amount)) return;
	const found = await late_money.get("get_late_money", {
		credit_type: frm.doctype,
		credit_no: name,
	});
	if (frm.doc.name !== name || !found?.credits.length) return;
	late_money.show_message(frm, found.credits[0].balances);
	if (!found.may_reinstate) return;
	late_money.button(
		frm,
		found.credits,
		"reinstate_and_allocate",
		({ credit_type, credit_no }) => ({ credit_type, credit_no }),
		() => frm.reload_doc()
	);
}
