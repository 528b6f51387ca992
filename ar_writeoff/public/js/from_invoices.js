// Copyright (c) 2026, AR Write-Off contributors
// For license information, please see license.txt

// Adds selected invoices to a new run or to a draft of the user.

const MODULE = "ar_writeoff.search.from_invoices";

export async function write_off_invoices(invoices) {
	const drafts = await frappe.xcall(`${MODULE}.get_my_drafts`, { invoices });
	if (!drafts.length) {
		await add(invoices, null);
		return;
	}
	const dialog = new frappe.ui.Dialog({
		title: __("Write Off Invoices"),
		fields: [
			{
				fieldname: "run",
				fieldtype: "Select",
				label: __("Add to Run"),
				options: [
					{ value: "", label: __("New run") },
					...drafts.map((draft) => ({
						value: draft.name,
						label: __("{0}: {1}, up to {2}", [
							draft.name,
							__(draft.reason),
							format_currency(draft.max_invoice_amount, draft.company_currency),
						]),
					})),
				],
			},
			{
				fieldtype: "HTML",
				options: `<p class="text-muted small">${__(
					"The run opens as a draft. Nothing is posted yet. A write-off closes only the balance; income and tax do not change. To reverse them, create a credit note."
				)}</p>`,
			},
		],
		primary_action_label: __("Open the Run"),
		async primary_action({ run }) {
			dialog.hide();
			await add(invoices, run || null);
		},
	});
	dialog.show();
}

async function add(invoices, run) {
	const result = await frappe.xcall(`${MODULE}.write_off_invoices`, { invoices, run });
	if (result.left_out.length) {
		frappe.msgprint({
			title: __("Invoices excluded: {0} of {1}", [result.left_out.length, invoices.length]),
			indicator: "orange",
			message: result.left_out
				.map(
					({ voucher_no, message }) =>
						`<b>${frappe.utils.escape_html(voucher_no)}</b>: ${frappe.utils.escape_html(message)}`
				)
				.join("<br>"),
		});
	}
	if (result.run) frappe.set_route("Form", "Write-Off Run", result.run);
}
