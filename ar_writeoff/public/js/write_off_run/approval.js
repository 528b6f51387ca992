import { change, freeze, ignore_error, read } from "./server";
import { doctype_of } from "./run_types";
import { escape, items_of, link, money, number } from "./text";

// Approval: balances over a limit, approval requests, and verification of what was approved.

const MAX_REASONS = 5;

// Note above the list on the balances over a limit: number, reasons, and who may approve them.
export function pending_note(doc, { pending, company_currency }) {
	if (!pending.count) return "";
	const shown = pending.reasons
		.slice(0, MAX_REASONS)
		.map(({ message, count }) => `<li>${escape(message)}${count > 1 ? ` (${number(count)})` : ""}</li>`);
	const remaining =
		pending.count - pending.reasons.slice(0, MAX_REASONS).reduce((sum, row) => sum + row.count, 0);
	if (remaining > 0) shown.push(`<li>${__("and {0} more", [number(remaining)])}</li>`);
	return `<div class="wo-note yellow"><p>${__(
		"Over the limit: {0}, total {1}. Posting requires a user with a sufficient limit.",
		[items_of(doc)(pending.count), money(pending.base_amount, company_currency)]
	)}</p><ul>${shown.join("")}</ul></div>`;
}

// Links to the runs that this run was split from or into.
export function related_runs(doc, summary) {
	const drafts = (summary?.other_drafts || []).map(
		({ run, count }) => `${link(doctype_of(run), run)} (${items_of(doc)(count)})`
	);
	const remainders = (summary?.remainders || []).map((name) => link(doctype_of(name), name));
	return [
		doc.remainder_of &&
			__("This run has the balances of {0} that were over the limit of its submitter.", [
				link(doctype_of(doc.remainder_of), doc.remainder_of),
			]),
		doc.schedule && __("Prepared by the schedule {0}.", [link("Write-Off Schedule", doc.schedule)]),
		drafts.length &&
			__("Also selected in other drafts: {0}. The run that is posted first writes them off.", [
				drafts.join(", "),
			]),
		remainders.length && __("Balances above the limit are in {0}.", [remainders.join(", ")]),
	].filter(Boolean);
}

export async function request_approval(frm) {
	const recipients = await change(
		frm,
		"request_approval",
		{},
		{ freeze_message: __("Requesting approval…") }
	);
	frappe.show_alert(
		{ message: __("Approval requested from: {0}", [escape(recipients.join(", "))]), indicator: "green" },
		7
	);
}

export function return_to_preparer(frm) {
	frappe.prompt(
		{
			fieldname: "comment",
			fieldtype: "Small Text",
			label: __("Comment"),
			description: __("The required changes. The preparer is notified."),
			reqd: 1,
		},
		({ comment }) =>
			ignore_error(
				change(frm, "return_to_preparer", { comment }, freeze(__("Returning to the preparer…")))
			),
		__("Return to Preparer"),
		__("Return to Preparer")
	);
}

// For auditors: seals and hash are recalculated and compared with those stored on submit.
export async function verify(frm) {
	const { name } = frm.doc;
	const found = await read(name, "verify_approval", {}, { freeze_message: __("Verifying the approval…") });
	frappe.msgprint({
		title: found.intact ? __("Approval Verified") : __("Differs from the Approval"),
		indicator: found.intact ? "green" : "red",
		message: found.intact
			? `<p>${escape(__("The criteria and all balances match the approval."))}</p>
				${found.renamed.map((text) => `<p>${escape(__("Renamed since: {0}", [text]))}</p>`).join("")}
				<p class="text-muted small wo-hash">SHA-256 ${escape(found.approval_hash)}</p>`
			: `<ul>${(await differences(name, found))
					.map((text) => `<li>${escape(text)}</li>`)
					.join("")}</ul>`,
	});
}

async function differences(name, { criteria, changed_items, unapproved_items, posted_otherwise, renamed }) {
	const messages = [];
	if (criteria) messages.push(criteria);
	if (changed_items.length) {
		messages.push(__("Changed since the approval: {0}", [await vouchers(name, changed_items)]));
	}
	if (unapproved_items.length) {
		messages.push(__("Written off without approval: {0}", [await vouchers(name, unapproved_items)]));
	}
	messages.push(
		...posted_otherwise.map((text) => __("Posted entries differ from the approval: {0}", [text]))
	);
	if (!messages.length) messages.push(__("Balances were added or removed after the approval."));
	return [...messages, ...renamed.map((text) => __("Renamed since: {0}", [text]))];
}

async function vouchers(name, items) {
	const page = await read(name, "get_items", {
		page_length: 20,
		sort_by: "voucher_no",
		filters: JSON.stringify({ name: items }),
	});
	const more = items.length - page.items.length;
	const shown = page.items.map((item) => item.voucher_no).join(", ");
	return more > 0 ? `${shown} ${__("and {0} more", [number(more)])}` : shown;
}
