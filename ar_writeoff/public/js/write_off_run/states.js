import { posts_claims } from "./run_types";
import { date, escape, items_of, money, not_posted_count, number } from "./text";

// Intro, primary action and buttons of the form in each state of a run.
//
// context: {doc, summary, may: {write, submit, cancel}, workflow}. `summary` is null until the server has answered.
// Returns {intro, color, primary, buttons}; actions are names that the form defines.
export function form_state(context) {
	const { doc } = context;
	if (doc.__islocal) return new_run(context);
	if (doc.docstatus === 2) return cancelled(context);
	if (doc.docstatus === 0) return doc.status === "Searching" ? searching(context) : draft(context);
	return (submitted[doc.status] || submitted.Posted)(context);
}

const new_run = ({ doc }) => ({
	intro: posts_claims(doc)
		? __("Enter the return period. Nothing is posted before you have reviewed the list and the entries.")
		: __(
				"Enter the criteria for the balances to find. Nothing is posted before you have reviewed the list and the entries."
		  ),
	primary: "save_and_find",
	buttons: ["save"],
});

const searching = ({ may }) => ({
	intro: __("Searching in the background. You can leave this page and come back."),
	primary: may.write && "cancel_search",
});

function draft(context) {
	const { doc, summary, may } = context;
	const find = may.write && "find";
	if (!doc.searched_on) {
		return {
			intro: posts_claims(doc)
				? __("The return period is saved. Press Find Claims, then deselect what is not to be posted.")
				: __("The criteria are saved. Press Find Invoices, then deselect the balances to keep open."),
			primary: find,
		};
	}
	// The next step depends on the counts and on who may approve.
	if (!summary && doc.found_count) return {};
	if (!summary?.found.count) {
		return {
			intro: posts_claims(doc)
				? __("No claims can be made and no repayments are due in this return period.")
				: __(
						"No balances found that can be written off. Raise the maximum, lower the age or remove a criterion, then press Find Invoices."
				  ),
			color: "yellow",
			primary: find,
		};
	}
	if (!summary.selected.count && !summary.pending.count) {
		return {
			intro: posts_claims(doc)
				? __("No claims are selected. Select the claims to post.")
				: __("No balances are selected. Select the balances to write off."),
			color: "yellow",
			buttons: [find],
		};
	}
	const selection = __("Selected: {0}, total {1}.", [
		items_of(doc)(summary.selected.count),
		money(summary.selected.base_amount, summary.company_currency),
	]);
	if (!may.write) return { intro: selection, primary: "preview" };
	const { next, primary, buttons } = approval(context);
	return { intro: `${selection} ${escape(next)}`, primary, buttons: [...buttons, "find"] };
}

// The next step for a draft: the current user posts it, or requests approval.
function approval({ doc, summary, may, workflow }) {
	if (workflow) {
		return {
			next: posts_claims(doc)
				? __("Preview the entries. A user who may submit the run then posts it.")
				: __(
						"Deselect the balances to keep open and preview the entries. A user who may submit the run then posts it."
				  ),
			primary: "preview",
			buttons: [],
		};
	}
	const returned = summary.returned_on
		? __("{0} returned this run on {1}: “{2}”", [
				frappe.user_info(summary.returned_by).fullname,
				frappe.datetime.str_to_user(summary.returned_on, false, true),
				summary.return_comment,
		  ])
		: "";
	const may_return = may.submit && doc.prepared_by !== frappe.session.user;
	const buttons = [may_return && "return_to_preparer"];
	const request = summary.approval_requested_on
		? __("{0} requested approval on {1}.", [
				frappe.user_info(summary.approval_requested_by).fullname,
				frappe.datetime.str_to_user(summary.approval_requested_on, false, true),
		  ])
		: "";
	if (may.submit && !summary.approver_blocker && !all_over_own_limit(summary)) {
		return {
			next: [
				request,
				returned,
				posts_claims(doc)
					? __("Deselect what is not to be posted, then preview and post the entries.")
					: __("Deselect the balances to keep open, then preview and post the entries."),
			]
				.filter(Boolean)
				.join(" "),
			primary: "preview_and_post",
			buttons,
		};
	}
	if (request) {
		return {
			next: [request, __("Another user who may submit the run must post it.")].join(" "),
			primary: "preview",
			buttons,
		};
	}
	return {
		next: [
			returned,
			may.submit && summary.approver_blocker
				? __("A second approver must submit this run. Preview the entries, then request approval.")
				: posts_claims(doc)
				? __("Deselect what is not to be posted, preview the entries, then request approval.")
				: __("Deselect the balances to keep open, preview the entries, then request approval."),
		]
			.filter(Boolean)
			.join(" "),
		primary: "request_approval",
		buttons: ["preview"],
	};
}

// Limits apply to the user who changed the list last.
const all_over_own_limit = ({ selected, pending, changed_by }) =>
	!selected.count && pending.count > 0 && changed_by === frappe.session.user;

const cancelled = (context) => ({
	intro: posts_claims(context.doc)
		? __("This run was undone. Its Journal Entries are cancelled and the claims may be made again.")
		: __("This run was undone. Its Journal Entries are cancelled and the balances are open again."),
	buttons: [can_verify(context)],
});

const attention = (summary) => (summary ? not_posted_count(summary.counts) : 0);

function written_off({ doc, summary }) {
	if (!summary) return "";
	const facts = [items_of(doc)(summary.counts.Posted || 0), date(doc.posting_date)];
	return posts_claims(doc) ? __("{0} posted on {1}.", facts) : __("{0} written off on {1}.", facts);
}

const late_payment = ({ doc }) =>
	posts_claims(doc)
		? __("When a balance is recovered, the next tax run repays its tax.")
		: __("If a customer pays later, select the balance below and reinstate it.");

function not_written_off({ doc, summary }) {
	const count = [number(attention(summary))];
	return posts_claims(doc)
		? __("Not posted: {0}. See the reason of each claim.", count)
		: __("Not written off: {0}. See the reason of each balance.", count);
}

// Balances that changed since the approval are for a new run.
const can_retry = ({ doc, may, summary }) =>
	!doc.filed_on && may.submit && summary?.counts.Failed > 0 && "retry";

const can_verify = ({ doc }) => Boolean(doc.approval_hash) && "verify";

const can_undo = ({ doc, may, summary }) =>
	!doc.filed_on && (may.cancel || may.submit) && summary?.counts.Posted > 0 && "undo";

const can_file = ({ doc, may }) =>
	posts_claims(doc) && may.submit && (doc.filed_on ? "withdraw_filing" : "mark_as_filed");

const filed = ({ doc }) =>
	doc.filed_on
		? __("The return was filed on {0}.", [frappe.datetime.str_to_user(doc.filed_on, false, true)])
		: "";

const submitted = {
	Queued: ({ may, summary }) => ({
		intro: [
			__("Approved. Posting starts as soon as a background worker is free. You can leave this page."),
			...(summary?.posting_notes || []).map(escape),
		].join(" "),
		primary: may.submit && "pause",
	}),
	Posting: ({ may, summary }) => ({
		intro: [
			__(
				"Posting the Journal Entries. You can leave this page. Pause stops posting after the current entry."
			),
			...(summary?.posting_notes || []).map(escape),
		].join(" "),
		primary: may.submit && "pause",
	}),
	Paused: (context) => ({
		intro: context.summary?.pause_message
			? escape(context.summary.pause_message)
			: posts_claims(context.doc)
			? __("Paused. Posted claims stay posted. Resume to post the remaining claims.")
			: __("Paused. Posted balances stay written off. Resume to post the remaining balances."),
		color: context.summary?.pause_message ? "red" : "yellow",
		primary: context.may.submit && "resume",
		buttons: [can_undo(context), can_verify(context)],
	}),
	Posted: (context) => ({
		intro: [written_off(context), escape(filed(context)), escape(late_payment(context))].join(" "),
		color: "green",
		buttons: [can_undo(context), can_file(context), can_verify(context)],
	}),
	"Partly Posted": (context) => ({
		intro: `${written_off(context)} ${not_written_off(context)}`,
		color: "orange",
		primary: can_retry(context),
		buttons: [can_undo(context), can_file(context), can_verify(context)],
	}),
	Failed: (context) => ({
		intro: posts_claims(context.doc)
			? __("No claims were posted. Correct the reason of each claim, then retry.")
			: __("No balances were written off. Correct the reason of each balance, then retry."),
		color: "red",
		primary: can_retry(context),
		buttons: [can_undo(context), can_verify(context)],
	}),
	Reversing: ({ doc }) => ({
		intro: posts_claims(doc)
			? __("Undoing the tax run in the background. You can leave this page.")
			: __("Undoing the write-off in the background. You can leave this page."),
	}),
	Reversed: (context) => ({
		intro: posts_claims(context.doc)
			? __("This run was undone. The claims may be made again.")
			: __("This run was undone. The balances are open again."),
		buttons: [can_verify(context)],
	}),
};
