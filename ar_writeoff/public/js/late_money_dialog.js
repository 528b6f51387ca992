// Copyright (c) 2026, AR Write-Off contributors
// For license information, please see license.txt

import { date, escape, link, money, not_an_amount, parse_number } from "./write_off_run/text";

// Dialog to choose the written-off balances that a credit pays. The amounts are filled in, oldest first.
//
// credits: [{label or credit_no, currency, amount, posting_date, balances}], send(credit, values), on_done()
export function reinstate_and_allocate({ credits, send, on_done }) {
	const names = credits.map((credit) => credit.credit_no || credit.name);
	let credit = credits[0];
	const dialog = new frappe.ui.Dialog({
		title: __("Reinstate and Allocate"),
		size: "large",
		fields: [
			{
				fieldtype: "Select",
				fieldname: "credit",
				label: __("Payment or Credit Note"),
				options: names,
				default: names[0],
				hidden: names.length < 2,
			},
			{ fieldtype: "HTML", fieldname: "sentence" },
			{
				fieldtype: "Date",
				fieldname: "posting_date",
				label: __("Posting Date"),
				default: credit.posting_date,
				description: __("Date of the Journal Entries that reinstate the balances."),
				reqd: 1,
			},
			{ fieldtype: "HTML", fieldname: "amounts" },
		],
		primary_action_label: __("Reinstate and Allocate"),
		async primary_action({ posting_date }) {
			const amounts = read(dialog, credit);
			if (!amounts) return;
			try {
				await send(credit, { items: Object.keys(amounts), amounts, posting_date });
			} catch {
				// The desk has shown the error. The dialog stays open with its values.
				return;
			}
			dialog.hide();
			frappe.show_alert({ message: __("Reinstated and allocated"), indicator: "green" });
			on_done();
		},
	});
	const show = () => {
		credit = credits[Math.max(0, names.indexOf(dialog.get_value("credit")))];
		dialog.fields_dict.sentence.$wrapper.html(`<p>${escape(sentence(credit))}</p>`);
		dialog.fields_dict.amounts.$wrapper.html(table(credit));
	};
	dialog.fields_dict.credit.df.onchange = () => {
		show();
		dialog.set_value("posting_date", credit.posting_date);
	};
	show();
	dialog.show();
}

const sentence = ({ currency, amount, customer }) =>
	__("{0} of {1} can be allocated. The balances are reinstated by the amounts entered here.", [
		format_currency(amount, currency),
		customer,
	]);

function table(credit) {
	let left = flt(credit.amount);
	const rows = credit.balances.map((row) => {
		const paid = Math.min(left, flt(row.amount));
		left = flt(left - paid, 9);
		return `<tr><td>${link(row.voucher_type, row.voucher_no)}</td><td>${date(row.posting_date)}</td>
			<td>${link("Write-Off Run", row.run)}</td><td class="text-right">${money(row.amount, row.currency)}</td>
			<td><input class="form-control input-xs text-right" inputmode="decimal" data-item="${escape(row.name)}"
				aria-label="${escape(amount_to_reinstate(row))}"
				value="${paid ? escape(format_number(paid, get_number_format(row.currency))) : ""}"></td></tr>`;
	});
	const head = [__("Invoice"), __("Date"), __("Write-Off Run")].map((text) => `<th>${escape(text)}</th>`);
	return `<div style="overflow-x: auto"><table class="table table-sm">
		<thead><tr>${head.join("")}<th class="text-right">${escape(__("Written Off"))}</th>
			<th>${escape(__("Reinstate"))}</th></tr></thead><tbody>${rows.join("")}</tbody></table></div>`;
}

// {item: amount}, or null if an amount does not fit. An empty one reinstates nothing.
function read(dialog, credit) {
	const amounts = {};
	let left = flt(credit.amount);
	for (const row of credit.balances) {
		const input = dialog.$wrapper.find(`[data-item="${CSS.escape(row.name)}"]`)[0];
		if (!input.value.trim()) continue;
		const amount = parse_number(input.value, get_number_format(row.currency));
		left = flt(left - amount, 9);
		const problem = problem_of(row, credit, input.value, amount, left);
		if (problem) {
			input.focus();
			frappe.show_alert({ message: `${escape(row.voucher_no)}: ${problem}`, indicator: "orange" });
			return null;
		}
		if (amount) amounts[row.name] = amount;
	}
	if (Object.keys(amounts).length) return amounts;
	frappe.show_alert({ message: __("Enter an amount above 0."), indicator: "orange" });
	return null;
}

// Error message, as HTML; empty if the amount is valid.
function problem_of(row, credit, typed, amount, left) {
	if (Number.isNaN(amount)) return not_an_amount(typed);
	if (amount < 0) return __("Enter an amount above 0.");
	if (amount > flt(row.amount))
		return __("At most {0} can be reinstated.", [money(row.amount, row.currency)]);
	if (left < 0) return __("Only {0} can be allocated.", [money(credit.amount, credit.currency)]);
	return "";
}

// Strings inside nested templates are not extracted for translation, so it is defined here.
const amount_to_reinstate = (row) => __("Amount to reinstate of {0}", [row.voucher_no]);
