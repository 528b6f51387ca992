import { hold_balances, may_hold } from "./hold";
import { posts_claims } from "./run_types";
import { read, write } from "./server";
import { date, escape, link, money } from "./text";

// Dialog with details of an item's voucher and the alternatives to a write-off.
//
// options: {may_note, on_note(), on_hold()}
export async function show_voucher_details(frm, item, { may_note, on_note, on_hold }) {
	const details = await read(
		frm.doc.name,
		"get_voucher_details",
		{ item: item.name },
		{ freeze_message: __("Loading details…") }
	);
	const dialog = new frappe.ui.Dialog({
		title: details.voucher_no,
		size: "large",
		fields: [
			{
				fieldtype: "Small Text",
				fieldname: "note",
				label: __("Note"),
				default: details.item.note,
				read_only: !may_note,
				hidden: !may_note && !details.item.note,
				description: may_note
					? __("For reviewers and approvers. The note is exported with the list.")
					: "",
			},
			{ fieldtype: "HTML", fieldname: "details" },
		],
	});
	dialog.onhide = async () => {
		const note = (dialog.get_value("note") || "").trim();
		if (!may_note || note === (details.item.note || "")) return;
		await write(frm.doc.name, "set_note", { item: item.name, note });
		on_note();
	};
	dialog.fields_dict.details.$wrapper.html(
		`<div class="wo-voucher">${facts(details)}${tables(details)}</div>`
	);
	add_actions(frm, dialog, details, { may_change: may_note, on_hold });
	dialog.show();
}

function facts(details) {
	const { item } = details;
	const pairs = [
		[__("Customer"), link("Customer", item.customer, details.customer_name || item.customer)],
		[__("Status"), escape(__(details.status))],
		[__("Date"), date(details.posting_date)],
		[__("Due Date"), date(details.due_date)],
		[
			__("Invoiced"),
			details.grand_total === undefined ? "" : money(details.grand_total, details.currency),
		],
		[__("Balance"), money(item.outstanding_amount, item.currency)],
		[__("Age in Days"), escape(item.age_days)],
		[
			__("All Balances of the Customer"),
			details.customer_balance === null
				? ""
				: money(details.customer_balance, details.company_currency),
		],
		[__("Subscription"), link("Subscription", details.subscription)],
		[__("Return Against"), link("Sales Invoice", details.return_against)],
	];
	const shown = pairs.filter(([, html]) => html);
	return `<dl class="wo-facts">${shown
		.map(([label, html]) => `<div><dt>${escape(label)}</dt><dd>${html}</dd></div>`)
		.join("")}</dl>`;
}

function tables(details) {
	return [
		table(__("Lines"), details.lines, [
			[__("Item"), (row) => escape(row.item_name || row.item_code)],
			[__("Quantity"), (row) => escape(row.qty), "end"],
			[__("Amount"), (row) => money(row.amount, details.currency), "end"],
		]),
		table(__("Payments and Credits"), details.settlements, [
			[__("Date"), (row) => date(row.posting_date)],
			[__("Voucher"), (row) => link(row.voucher_type, row.voucher_no)],
			[__("Amount"), (row) => money(row.amount_in_account_currency, row.account_currency), "end"],
		]),
		table(__("Dunning"), details.dunnings, [
			[__("Date"), (row) => date(row.posting_date)],
			[__("Dunning"), (row) => link("Dunning", row.name)],
			[__("Type"), (row) => escape(row.dunning_type)],
			[__("Status"), (row) => escape(__(row.status))],
		]),
		table(__("Orders and Deliveries"), orders(details), [
			[__("Document"), (row) => link(row.doctype, row.name)],
			[__("Type"), (row) => escape(__(row.doctype))],
		]),
		table(__("Earlier Write-Offs of This Customer"), details.written_off_before, [
			[__("Run"), (row) => link("Write-Off Run", row.run)],
			[__("Voucher"), (row) => escape(row.voucher_no)],
			[__("Status"), (row) => escape(__(row.status))],
			[__("Amount"), (row) => money(row.write_off_amount, row.currency), "end"],
		]),
	].join("");
}

const orders = (details) => [
	...(details.orders || []).map((name) => ({ doctype: "Sales Order", name })),
	...(details.delivery_notes || []).map((name) => ({ doctype: "Delivery Note", name })),
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

function add_actions(frm, dialog, details, { may_change, on_hold }) {
	const leave = (go) => () => {
		dialog.hide();
		go();
	};
	dialog.set_primary_action(
		__("Open {0}", [__(details.voucher_type)]),
		leave(() => frappe.set_route("Form", details.voucher_type, details.voucher_no))
	);
	if (
		details.voucher_type === "Sales Invoice" &&
		!details.is_return &&
		frappe.model.can_create("Sales Invoice")
	) {
		dialog.add_custom_action(
			__("Create Credit Note Instead"),
			leave(() =>
				frappe.model.open_mapped_doc({
					method: "erpnext.accounts.doctype.sales_invoice.sales_invoice.make_sales_return",
					source_name: details.voucher_no,
				})
			),
			"wo-alternative"
		);
	}
	if (posts_claims(frm.doc)) return;
	if (frappe.model.can_write("Payment Reconciliation")) {
		dialog.add_custom_action(
			__("Payment Reconciliation"),
			leave(() => open_reconciliation(details.item, frm.doc.company)),
			"wo-alternative"
		);
	}
	if (may_change && may_hold(frm.doc) && details.item.status === "Open") {
		dialog.add_custom_action(
			__("Keep Open"),
			leave(() => hold_balances(frm.doc.name, [details.item.name], on_hold)),
			"wo-alternative"
		);
	}
	if (frappe.model.can_write("Customer")) {
		dialog.add_custom_action(
			__("Exclude Customer from Write-Off"),
			leave(() => exclude_customer(details)),
			"wo-alternative"
		);
	}
}

// With the customer filled in, so that credits can be allocated to the invoices.
function open_reconciliation({ customer, receivable_account }, company) {
	const values = {
		company,
		party_type: "Customer",
		party: customer,
		receivable_payable_account: receivable_account,
	};
	$(document).on("form-refresh.ar_writeoff", async (event, form) => {
		if (form.doctype !== "Payment Reconciliation") return;
		$(document).off("form-refresh.ar_writeoff");
		for (const [field, value] of Object.entries(values)) {
			await form.set_value(field, value);
			// ERPNext fills in the account of the party.
			await frappe.after_ajax();
		}
	});
	frappe.set_route("Form", "Payment Reconciliation");
}

function exclude_customer(details) {
	const { customer } = details.item;
	frappe.confirm(
		__("{0} will be excluded from all write-offs until this is changed in the customer. Continue?", [
			escape(details.customer_name || customer).bold(),
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
