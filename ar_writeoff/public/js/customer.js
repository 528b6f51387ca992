// Copyright (c) 2026, AR Write-Off contributors
// For license information, please see license.txt

frappe.ui.form.on("Customer", {
	refresh(frm) {
		if (frm.is_new()) return;
		if (frappe.model.can_create("Write-Off Run")) {
			frm.add_custom_button(
				__("Write-Off Run"),
				() =>
					frappe.new_doc("Write-Off Run", null, (doc) => {
						const row = frappe.model.add_child(doc, "Write-Off Run Customer", "customers");
						row.customer = frm.doc.name;
					}),
				__("Create")
			);
		}
		frappe.ar_writeoff.add_hold_button(frm, { customer: frm.doc.name });
		show_state(frm);
	},
});

// Amounts written off in each company, and holds.
async function show_state(frm) {
	const { name } = frm.doc;
	const [written_off, holds] = await Promise.all([
		written_off_links(name),
		frappe.ar_writeoff.hold_links({ customer: name }),
	]);
	const parts = [...written_off, ...holds];
	if (frm.doc.name === name && parts.length) frm.set_intro(parts.join(" · "), "orange");
}

async function written_off_links(customer) {
	if (!frappe.model.can_read("Write-Off Run")) return [];
	const companies = await frappe.xcall("ar_writeoff.review.of_customer.written_off_of_customer", {
		customer,
	});
	return companies.map(({ company, amount, currency, first, last }) => {
		const filters = new URLSearchParams({ company, customer, from_date: first, to_date: last });
		const text = __("Written off in {0}: {1}, last on {2}", [
			company,
			format_currency(amount, currency),
			frappe.datetime.str_to_user(last),
		]);
		const shown = frappe.utils.escape_html(text);
		return `<a href="/app/query-report/Write-Off Register?${filters}">${shown}</a>`;
	});
}
