// Copyright (c) 2026, AR Write-Off contributors
// For license information, please see license.txt

frappe.ui.form.on("Payment Reconciliation", {
	refresh(frm) {
		const { doc } = frm;
		if (doc.party_type !== "Customer") return;
		show_late_credits(frm);
		frappe.ar_writeoff.offer_rest(
			frm,
			doc.company,
			(doc.invoices || [])
				.filter((row) => row.invoice_type === "Sales Invoice")
				.filter((row) => flt(row.outstanding_amount) < flt(row.amount))
				.map((row) => ({
					name: row.invoice_number,
					left: flt(row.outstanding_amount) * (flt(row.exchange_rate) || 1),
				}))
		);
	},

	party(frm) {
		if (frm.doc.party_type === "Customer") show_late_credits(frm);
	},
});

async function show_late_credits(frm) {
	const { company, party } = frm.doc;
	const { late_money } = frappe.ar_writeoff;
	frm.set_intro("");
	frm.remove_custom_button(__("Reinstate and Allocate"));
	if (!company || !party) return;
	const found = await late_money.get("get_late_credits", { company, customer: party });
	if (frm.doc.party !== party || frm.doc.company !== company || !found?.balances.length) return;
	frm.set_intro("");
	frm.remove_custom_button(__("Reinstate and Allocate"));
	late_money.show_message(frm, found.balances);
	if (!found.may_reinstate || !found.credits.length) return;
	late_money.button(
		frm,
		found.credits,
		"reinstate_and_allocate",
		({ credit_type, credit_no }) => ({ credit_type, credit_no }),
		() => {
			show_late_credits(frm);
			// Without open invoices ERPNext would complain.
			if (frm.doc.invoices?.length) frm.trigger("get_unreconciled_entries");
		}
	);
}
