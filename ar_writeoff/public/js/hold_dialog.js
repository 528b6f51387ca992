// Copyright (c) 2026, AR Write-Off contributors
// For license information, please see license.txt

const DOCTYPE = "Write-Off Hold";

// Dialog for the time that balances stay open, and the reason.
//
// options: {title, once, fields, on_hold(values)}
// `once`: offer to leave the balances open in this run only. `fields`: more fields of the dialog.
// `values`: hold_until, kind, note, and the values of `fields`.
export async function hold_dialog({ title, once, fields = [], on_hold }) {
	await frappe.model.with_doctype(DOCTYPE);
	const until = { value: "until", label: __("Until a date") };
	const held = "eval:doc.how != 'once'";
	const dialog = new frappe.ui.Dialog({
		title,
		fields: [
			{
				fieldtype: "Select",
				fieldname: "how",
				label: __("Keep Open"),
				options: [
					...(once ? [{ value: "once", label: __("Only in this run") }] : []),
					until,
					{ value: "endless", label: __("Without an end") },
				],
				default: until.value,
				reqd: 1,
			},
			{
				fieldtype: "Date",
				fieldname: "hold_until",
				label: __("Hold Until"),
				depends_on: "eval:doc.how == 'until'",
				mandatory_depends_on: "eval:doc.how == 'until'",
				description: __("The last day of the hold."),
			},
			{
				fieldtype: "Select",
				fieldname: "kind",
				label: __("Kind"),
				options: frappe.meta.get_docfield(DOCTYPE, "kind").options,
				depends_on: held,
				mandatory_depends_on: held,
			},
			...fields.map((field) => ({ depends_on: held, ...field })),
			{ fieldtype: "Small Text", fieldname: "note", label: __("Note"), depends_on: held },
		],
		primary_action_label: __("Keep Open"),
		async primary_action({ how, hold_until, ...values }) {
			try {
				if (how !== "once")
					await on_hold({ ...values, hold_until: how === "until" ? hold_until : null });
			} catch {
				// The desk has shown the error. The dialog stays open with its values.
				return;
			}
			dialog.hide();
		},
	});
	dialog.show();
}

// Creates a hold from a form. `values`: fields of the hold that are known.
export function hold(values, on_done) {
	const of_customer = !values.voucher_no;
	return hold_dialog({
		title: __("Hold {0}", [values.voucher_no || values.customer]),
		fields: of_customer
			? [
					{
						fieldtype: "Link",
						fieldname: "company",
						label: __("Company"),
						options: "Company",
						default: frappe.defaults.get_user_default("Company"),
						reqd: 1,
					},
			  ]
			: [],
		async on_hold(entered) {
			await frappe.db.insert({ doctype: DOCTYPE, ...values, ...entered });
			on_done();
		},
	});
}
