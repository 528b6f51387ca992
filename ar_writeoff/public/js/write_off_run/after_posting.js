import { letters_dialog } from "../letters_dialog";
import { posts_claims } from "./run_types";
import { change, freeze, ignore_error } from "./server";
import {
	date,
	escape,
	items_of,
	money,
	not_an_amount,
	not_posted_count,
	parse_number,
	written_off,
} from "./text";

// Actions on a submitted run. Each asks for confirmation first.

export function retry(frm, summary) {
	const { counts } = summary;
	const retry_count = not_posted_count(counts);
	const count = [items_of(frm.doc)(retry_count)];
	const message = posts_claims(frm.doc)
		? __(
				"Not posted: {0}. Failed claims are posted again. Claims that changed since the approval are not.",
				count
		  )
		: __(
				"Not written off: {0}. Failed balances are posted again. Balances that changed since the approval are not.",
				count
		  );
	frappe.confirm(message, () => ignore_error(change(frm, "retry_failed", {}, freeze(__("Retrying…")))));
}

// Cancelling leaves the books as if nothing had been posted and needs an open period; reversing posts opposite
// entries on a chosen date.
export function undo(frm, summary) {
	const may_cancel = Boolean(frm.perm[0]?.cancel) && !summary.entry_cancel_blocker;
	const cancel = __("Cancel the Journal Entries");
	const reverse = __("Post reversing Journal Entries");
	const dialog = new frappe.ui.Dialog({
		title: posts_claims(frm.doc) ? __("Undo This Tax Run") : __("Undo This Write-Off Run"),
		fields: [
			{
				fieldtype: "HTML",
				options: `<p>${__("To be opened again: {0}, total {1}.", [
					items_of(frm.doc)(summary.counts.Posted || 0),
					money(summary.posted.base_amount, summary.company_currency),
				])}</p>`,
			},
			{
				fieldtype: "Select",
				fieldname: "how",
				label: __("How"),
				options: [
					may_cancel && { value: "cancel", label: cancel },
					{ value: "reverse", label: reverse },
				].filter(Boolean),
				default: may_cancel ? "cancel" : "reverse",
				reqd: 1,
			},
			{
				fieldtype: "HTML",
				depends_on: "eval:doc.how == 'cancel'",
				options: `<p class="text-muted small">${escape(
					__("For an open period: the entries of {0} are cancelled on their own date.", [
						frappe.datetime.str_to_user(frm.doc.posting_date),
					])
				)}</p>`,
			},
			{
				fieldtype: "Date",
				fieldname: "posting_date",
				label: __("Posting Date of the Reversal"),
				default: frappe.datetime.get_today(),
				depends_on: "eval:doc.how == 'reverse'",
				mandatory_depends_on: "eval:doc.how == 'reverse'",
				description: [
					escape(summary.entry_cancel_blocker || ""),
					posts_claims(frm.doc)
						? __("The claim stays in its period and is reversed on this date.")
						: __("The write-off stays in its period and is reversed on this date."),
				].join(" "),
			},
		],
		primary_action_label: __("Undo"),
		primary_action: ({ how, posting_date }) => {
			dialog.hide();
			if (how === "cancel") cancel_run(frm);
			else ignore_error(change(frm, "reverse", { posting_date, dated: 1 }, freeze(__("Reversing…"))));
		},
	});
	point_out_future(dialog);
	dialog.show();
}

export function mark_as_filed(frm) {
	const message = __(
		"The claims of this run are frozen: they cannot be undone, and the return period takes no more claims. Continue?"
	);
	frappe.confirm(message, () =>
		ignore_error(change(frm, "mark_as_filed", { filed: 1 }, freeze(__("Saving…"))))
	);
}

// The run cancels its entries itself, so Frappe's dialog for linked documents is skipped.
function cancel_run(frm) {
	frappe.ui.form.save(frm, "cancel", () => frm.reload_doc());
}

export function reinstate(frm, items, on_done) {
	const dialog = new frappe.ui.Dialog({
		title: __("Reinstate Balances"),
		size: "large",
		fields: [
			{
				fieldtype: "HTML",
				options: `<p>${escape(
					__(
						"Reinstating opens a balance again in full or in part, so that a payment can be allocated to the invoice."
					)
				)}</p>`,
			},
			{
				fieldtype: "Date",
				fieldname: "posting_date",
				label: __("Posting Date"),
				default: frappe.datetime.get_today(),
				reqd: 1,
			},
			{ fieldtype: "HTML", fieldname: "amounts" },
		],
		primary_action_label: __("Reinstate"),
		primary_action: async ({ posting_date }) => {
			const amounts = read_amounts(dialog, items);
			if (!amounts) return;
			dialog.hide();
			const args = {
				items: JSON.stringify(items.map((item) => item.name)),
				amounts: JSON.stringify(amounts),
				posting_date,
			};
			await ignore_error(change(frm, "reinstate", args, freeze(__("Reinstating…"))));
			on_done();
		},
	});
	dialog.fields_dict.amounts.$wrapper.html(amount_table(items));
	point_out_future(dialog);
	dialog.show();
}

// Letters to the customers of a posted run, sent in the background.
export function send_letters(frm) {
	letters_dialog({
		title: __("Send Letters"),
		fields: [
			{
				fieldtype: "Select",
				fieldname: "kind",
				label: __("Kind"),
				options: [
					{ value: "Balance Written Off", label: __("Balance Written Off") },
					{ value: "Claim Upheld", label: __("Claim Upheld") },
				],
				default: "Balance Written Off",
				reqd: 1,
			},
		],
		note: __("Each customer gets one letter, in the language of the customer."),
		send: (values) =>
			frappe.xcall("ar_writeoff.review.letters.send_letters", { run: frm.doc.name, ...values }),
	});
}

function point_out_future(dialog) {
	const { posting_date } = dialog.fields_dict;
	posting_date.df.onchange = () => {
		if (posting_date.get_value() > frappe.datetime.get_today()) {
			frappe.show_alert({ message: __("This date is in the future."), indicator: "orange" });
		}
	};
}

function amount_table(items) {
	const row = (item) => `
		<tr><td>${escape(item.customer_name || item.customer)}</td><td>${escape(item.voucher_no)}</td>
			<td>${date(item.posting_date)}</td>
			<td class="wo-amount">${money(written_off(item), item.currency)}</td>
			<td><input class="form-control input-xs text-right" inputmode="decimal" data-item="${escape(item.name)}"
				aria-label="${escape(amount_to_reinstate(item))}"
				value="${escape(format_number(written_off(item), get_number_format(item.currency)))}"></td></tr>`;
	return `
		<div class="wo-scroll wo-reinstate"><table class="table wo-table">
			<thead><tr><th>${escape(__("Customer"))}</th><th>${escape(__("Invoice"))}</th>
				<th>${escape(__("Date"))}</th><th class="wo-amount">${escape(__("Written Off"))}</th>
				<th class="wo-amount">${escape(__("Reinstate"))}</th></tr></thead>
			<tbody>${items.map(row).join("")}</tbody>
		</table></div>`;
}

// {item name: amount}, or null if an amount exceeds what was written off.
function read_amounts(dialog, items) {
	const amounts = {};
	for (const item of items) {
		const input = dialog.$wrapper.find(`[data-item="${CSS.escape(item.name)}"]`)[0];
		const amount = parse_number(input.value, get_number_format(item.currency));
		const problem = amount_problem(item, input.value, amount);
		input.classList.toggle("wo-wrong", Boolean(problem));
		if (problem) {
			input.focus();
			frappe.show_alert({ message: `${escape(item.voucher_no)}: ${problem}`, indicator: "orange" });
			return null;
		}
		amounts[item.name] = amount;
	}
	return amounts;
}

// Error message, as HTML, for an amount to reinstate; empty if it is valid.
function amount_problem(item, typed, amount) {
	const limit = written_off(item);
	if (Number.isNaN(amount)) return not_an_amount(typed);
	if (amount === 0 || amount > 0 !== limit > 0) {
		return limit > 0 ? __("Enter an amount above 0.") : __("Enter an amount below 0.");
	}
	if (Math.abs(amount) > Math.abs(limit)) {
		return __("At most {0} can be reinstated.", [money(limit, item.currency)]);
	}
	return "";
}

// Strings inside nested templates are not extracted for translation, so they are defined here.
const amount_to_reinstate = (item) => __("Amount to reinstate of {0}", [item.voucher_no]);
