import { read } from "./server";
import { date, escape, link, money } from "./text";

// What there is to know about the voucher of an item before it is given up, and the other ways to deal with it.
export async function show_voucher_story(frm, item) {
	const story = await read(
		frm.doc.name,
		"get_voucher_story",
		{ item: item.name },
		{ freeze_message: __("Loading details…") }
	);
	const dialog = new frappe.ui.Dialog({
		title: story.voucher_no,
		size: "large",
		fields: [{ fieldtype: "HTML", fieldname: "story" }],
	});
	dialog.fields_dict.story.$wrapper.html(`<div class="wo-story">${facts(story)}${tables(story)}</div>`);
	add_ways_out(dialog, story);
	dialog.show();
}

function facts(story) {
	const { item } = story;
	const pairs = [
		[__("Customer"), link("Customer", item.customer, story.customer_name || item.customer)],
		[__("Status"), escape(__(story.status))],
		[__("Date"), date(story.posting_date)],
		[__("Due Date"), date(story.due_date)],
		[__("Invoiced"), story.grand_total === undefined ? "" : money(story.grand_total, story.currency)],
		[__("Balance"), money(item.outstanding_amount, item.currency)],
		[__("Age in Days"), escape(item.age_days)],
		[
			__("All Balances of the Customer"),
			story.customer_balance === null ? "" : money(story.customer_balance, story.company_currency),
		],
		[__("Subscription"), link("Subscription", story.subscription)],
		[__("Return Against"), link("Sales Invoice", story.return_against)],
	];
	const shown = pairs.filter(([, html]) => html);
	return `<dl class="wo-facts">${shown
		.map(([label, html]) => `<div><dt>${escape(label)}</dt><dd>${html}</dd></div>`)
		.join("")}</dl>`;
}

function tables(story) {
	return [
		table(__("Lines"), story.lines, [
			[__("Item"), (row) => escape(row.item_name || row.item_code)],
			[__("Quantity"), (row) => escape(row.qty), "end"],
			[__("Amount"), (row) => money(row.amount, story.currency), "end"],
		]),
		table(__("Payments and Credits"), story.settlements, [
			[__("Date"), (row) => date(row.posting_date)],
			[__("Voucher"), (row) => link(row.voucher_type, row.voucher_no)],
			[__("Amount"), (row) => money(row.amount_in_account_currency, row.account_currency), "end"],
		]),
		table(__("Dunning"), story.dunnings, [
			[__("Date"), (row) => date(row.posting_date)],
			[__("Dunning"), (row) => link("Dunning", row.name)],
			[__("Type"), (row) => escape(row.dunning_type)],
			[__("Status"), (row) => escape(__(row.status))],
		]),
		table(__("Orders and Deliveries"), orders(story), [
			[__("Document"), (row) => link(row.doctype, row.name)],
			[__("Type"), (row) => escape(__(row.doctype))],
		]),
		table(__("Earlier Write-Offs of This Customer"), story.written_off_before, [
			[__("Run"), (row) => link("Write-Off Run", row.run)],
			[__("Voucher"), (row) => escape(row.voucher_no)],
			[__("Status"), (row) => escape(__(row.status))],
			[__("Amount"), (row) => money(row.write_off_amount, row.currency), "end"],
		]),
	].join("");
}

const orders = (story) => [
	...(story.orders || []).map((name) => ({ doctype: "Sales Order", name })),
	...(story.delivery_notes || []).map((name) => ({ doctype: "Delivery Note", name })),
];

// columns: [label, row => HTML, "end" for amounts]
function table(title, rows, columns) {
	if (!rows?.length) return "";
	const side = (end) => (end ? ' class="wo-amount"' : "");
	return `
		<h6>${escape(title)}</h6>
		<div class="wo-scroll"><table class="table wo-table">
			<thead><tr>${columns.map(([label, , end]) => `<th${side(end)}>${escape(label)}</th>`).join("")}</tr></thead>
			<tbody>${rows
				.map(
					(row) =>
						`<tr>${columns
							.map(([, cell, end]) => `<td${side(end)}>${cell(row)}</td>`)
							.join("")}</tr>`
				)
				.join("")}</tbody>
		</table></div>`;
}

function add_ways_out(dialog, story) {
	const leave = (go) => () => {
		dialog.hide();
		go();
	};
	dialog.set_primary_action(
		__("Open"),
		leave(() => frappe.set_route("Form", story.voucher_type, story.voucher_no))
	);
	if (
		story.voucher_type === "Sales Invoice" &&
		!story.is_return &&
		frappe.model.can_create("Sales Invoice")
	) {
		dialog.add_custom_action(
			__("Create Credit Note Instead"),
			leave(() =>
				frappe.model.open_mapped_doc({
					method: "erpnext.accounts.doctype.sales_invoice.sales_invoice.make_sales_return",
					source_name: story.voucher_no,
				})
			),
			"wo-way-out"
		);
	}
	if (frappe.model.can_write("Customer")) {
		dialog.add_custom_action(
			__("Exclude Customer from Write-Off"),
			leave(() => exclude_customer(story)),
			"wo-way-out"
		);
	}
}

function exclude_customer(story) {
	const { customer } = story.item;
	frappe.confirm(
		__("{0} will be excluded from all write-offs until this is changed in the customer. Continue?", [
			escape(story.customer_name || customer).bold(),
		]),
		async () => {
			await frappe.db.set_value("Customer", customer, "exclude_from_write_off", 1);
			frappe.show_alert({
				message: __(
					"The customer is excluded from write-offs. Press Find Invoices to update the list."
				),
				indicator: "green",
			});
		}
	);
}
