// Asks for an email template and sends letters. `fields`: more fields, before the template. `send(values)` returns the number
// of letters.
export function letters_dialog({ title, fields = [], note, send }) {
	const dialog = new frappe.ui.Dialog({
		title,
		fields: [
			...fields,
			{
				fieldtype: "Link",
				fieldname: "email_template",
				label: __("Email Template"),
				options: "Email Template",
				description: __(
					"{{ letter }} in the template inserts the letter. Without a template, the email contains only the letter."
				),
			},
			{
				fieldtype: "HTML",
				options: `<p class="text-muted small">${frappe.utils.escape_html(note)}</p>`,
			},
		],
		primary_action_label: title,
		async primary_action(values) {
			dialog.hide();
			const count = await send(values);
			frappe.show_alert({ message: __("Letters to be sent: {0}", [count]), indicator: "green" });
		},
	});
	dialog.show();
}

// Notices of tax claims that lack them: those of these claims, or all of the company, which are so many `letters`.
export function send_notices(company, { claims = null, letters = 0 }) {
	const rule = __(
		"Each customer gets one notice for each Write-Off Run, with all its claims that lack a notice, in the language of the customer."
	);
	letters_dialog({
		title: __("Send Notices"),
		note: claims
			? rule
			: [__("For all claims of {0} that lack a notice. Letters: {1}.", [company, letters]), rule].join(
					" "
			  ),
		send: (values) =>
			frappe.xcall("ar_writeoff.tax_relief.notices.send_notices", {
				company,
				claims: claims && JSON.stringify(claims),
				...values,
			}),
	});
}
