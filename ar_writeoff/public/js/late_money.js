// Copyright (c) 2026, AR Write-Off contributors
// For license information, please see license.txt

// Payments of customers with written-off balances, on the forms of payments.

frappe.provide("frappe.ar_writeoff");

const SERVER = "ar_writeoff.undo.late_money.";

frappe.ar_writeoff.late_money = {
	get: (method, args) =>
		frappe.model.can_read("Write-Off Run") ? frappe.xcall(SERVER + method, args) : null,

	// Shows the amounts written off for the customer above the form, with links to the runs.
	show_message(frm, balances, more = "") {
		const parts = totals(balances).map(([currency, amount]) => format_currency(amount, currency));
		const runs = [...new Set(balances.map(({ run }) => run))].map((run) =>
			frappe.utils.get_form_link("Write-Off Run", run, true, frappe.utils.escape_html(run))
		);
		const shown = runs.slice(0, 3).join(", ") + (runs.length > 3 ? " …" : "");
		frm.set_intro(
			[__("Written off for this customer: {0} ({1}).", [parts.join(", "), shown]), more]
				.filter(Boolean)
				.join(" "),
			"orange"
		);
	},

	// `credits`: as the server lists them; `method` and `args(credit)`: the call that reinstates and allocates.
	button(frm, credits, method, args, on_done) {
		frm.add_custom_button(__("Reinstate and Allocate"), async () => {
			await frappe.require("ar_writeoff_entry.bundle.js");
			frappe.ar_writeoff.reinstate_and_allocate({
				credits,
				send: (credit, values) =>
					frappe.xcall(SERVER + method, { ...args(credit), ...values }, "POST", {
						freeze: true,
						freeze_message: __("Reinstating…"),
					}),
				on_done,
			});
		});
	},
};

function totals(balances) {
	const sums = {};
	for (const { currency, amount } of balances) sums[currency] = flt(sums[currency]) + flt(amount);
	return Object.entries(sums);
}
