// Copyright (c) 2026, AR Write-Off contributors
// For license information, please see license.txt

// Small differences on the forms of payments.

frappe.provide("frappe.ar_writeoff");

// Adds the button for these invoices: [{name, left}], with the remaining amount in company currency. The maximum comes
// with the page, so no request is needed.
frappe.ar_writeoff.offer_rest = (frm, company, invoices) => {
	const tolerance = frappe.boot.small_differences?.[company];
	const names = invoices
		.filter(({ left }) => left > 0 && flt(left, 9) <= tolerance)
		.map(({ name }) => name);
	if (!names.length) return;
	frm.add_custom_button(__("Write Off the Rest"), async () => {
		frappe.ar_writeoff.show_added(
			await frappe.xcall("ar_writeoff.search.small_differences.write_off_rest", { invoices: names })
		);
	});
};

// Button to write off the amounts that payments of reconciled bank transactions leave open.
frappe.ar_writeoff.offer_rest_of_bank = (frm) => {
	if (!frappe.boot.small_differences?.[frm.doc.company]) return;
	frm.add_custom_button(__("Write Off the Rest"), async () => {
		const { bank_account, bank_statement_from_date, bank_statement_to_date } = frm.doc;
		if (!bank_account) {
			frappe.msgprint({
				title: __("Write Off the Rest"),
				message: __("Choose a bank account."),
			});
			return;
		}
		const result = await frappe.xcall("ar_writeoff.search.small_differences.write_off_rest_of_bank", {
			bank_account,
			from_date: bank_statement_from_date,
			to_date: bank_statement_to_date,
		});
		if (result.run) frappe.ar_writeoff.show_added(result);
		else
			frappe.show_alert({
				message: __("No payment of this period leaves an amount within the Maximum Difference."),
				indicator: "blue",
			});
	});
};

// Shows the invoices that were added to the run of the day, and those that were excluded.
frappe.ar_writeoff.show_added = ({ run, added, left_out }) => {
	const link = frappe.utils.get_form_link("Write-Off Run", run, true, run);
	frappe.show_alert(
		{
			message: __("Added to the draft {0}: {1}", [link, added]),
			indicator: added ? "green" : "orange",
		},
		10
	);
	if (!left_out.length) return;
	frappe.msgprint({
		title: __("Invoices excluded: {0} of {1}", [left_out.length, left_out.length + added]),
		indicator: "orange",
		message: left_out
			.map((row) => `<b>${row.voucher_no}</b>: ${frappe.utils.escape_html(row.message)}`)
			.join("<br>"),
	});
};
