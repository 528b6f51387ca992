// Copyright (c) 2026, AR Write-Off contributors
// For license information, please see license.txt

frappe.ui.form.on("Bank Reconciliation Tool", {
	refresh(frm) {
		frappe.ar_writeoff.offer_rest_of_bank(frm);
	},
	company(frm) {
		frm.remove_custom_button(__("Write Off the Rest"));
		frappe.ar_writeoff.offer_rest_of_bank(frm);
	},
	// ERPNext reads the bank lines here.
	make_reconciliation_tool(frm) {
		show_late_lines(frm);
	},
});

async function show_late_lines(frm) {
	const { bank_account, bank_statement_from_date, bank_statement_to_date } = frm.doc;
	const { late_money } = frappe.ar_writeoff;
	if (!bank_account || !bank_statement_from_date || !bank_statement_to_date) return;
	const found = await late_money.get("get_late_bank_lines", {
		bank_account,
		from_date: bank_statement_from_date,
		to_date: bank_statement_to_date,
	});
	if (frm.doc.bank_account !== bank_account) return;
	frm.set_intro("");
	frm.remove_custom_button(__("Reinstate and Allocate"));
	if (!found?.lines.length) return;
	const lines = found.lines.map(({ name, customer, amount, currency }) => {
		const text = `${customer}: ${format_currency(amount, currency)}`;
		return frappe.utils.get_form_link("Bank Transaction", name, true, frappe.utils.escape_html(text));
	});
	frm.set_intro(
		__("Bank lines of customers with written-off balances: {0}.", [lines.join(", ")]),
		"orange"
	);
	if (!found.may_reinstate) return;
	late_money.button(
		frm,
		found.lines,
		"receive_and_allocate",
		({ name }) => ({ bank_transaction: name }),
		() => frm.trigger("make_reconciliation_tool")
	);
}
