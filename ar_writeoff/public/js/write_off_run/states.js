import { balances, date, escape, money, not_posted_count, number } from "./text";

// Intro, primary action and buttons of the form in each state of a run.
//
// context: {doc, summary, may: {write, submit, cancel}, workflow}. `summary` is null until the server has answered.
// Returns {intro, color, primary, buttons}; actions are names that the form defines.
export function form_state(context) {
	const { doc } = context;
	if (doc.__islocal) return new_run();
	if (doc.docstatus === 2) return cancelled(context);
	if (doc.docstatus === 0) return doc.status === "Searching" ? searching(context) : draft(context);
	return (submitted[doc.status] || submitted.Posted)(context);
}

const new_run = () => ({
	intro: __(
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
			intro: __(
				"The criteria are saved. Press Find Invoices, then deselect the balances to keep open."
			),
			primary: find,
		};
	}
	// The next step depends on the counts and on who may approve.
	if (!summary && doc.found_count) return {};
	if (!summary?.found.count) {
		return {
			intro: __(
				"No balances found that can be written off. Raise the maximum, lower the age or remove a criterion, then press Find Invoices."
			),
			color: "yellow",
			primary: find,
		};
	}
	if (!summary.selected.count && !summary.pending.count) {
		return {
			intro: __("No balances are selected. Select the balances to write off."),
			color: "yellow",
			buttons: [find],
		};
	}
	const selection = __("Selected: {0}, total {1}.", [
		balances(summary.selected.count),
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
			next: __(
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
				__("Deselect the balances to keep open, then preview and post the entries."),
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
	intro: __("This run was undone. Its Journal Entries are cancelled and the balances are open again."),
	buttons: [can_verify(context)],
});

const attention = (summary) => (summary ? not_posted_count(summary.counts) : 0);

const written_off = ({ doc, summary }) =>
	summary
		? __("{0} written off on {1}.", [balances(summary.counts.Posted || 0), date(doc.posting_date)])
		: "";

const late_payment = () => __("If a customer pays later, select the balance below and reinstate it.");

// Balances that changed since the approval are for a new run.
const can_retry = ({ may, summary }) => may.submit && summary?.counts.Failed > 0 && "retry";

const can_verify = ({ doc }) => Boolean(doc.approval_hash) && "verify";

const can_undo = ({ may, summary }) => (may.cancel || may.submit) && summary?.counts.Posted > 0 && "undo";

const submitted = {
	Queued: ({ may }) => ({
		intro: __(
			"Approved. Posting starts as soon as a background worker is free. You can leave this page."
		),
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
			: __("Paused. Posted balances stay written off. Resume to post the remaining balances."),
		color: context.summary?.pause_message ? "red" : "yellow",
		primary: context.may.submit && "resume",
		buttons: [can_undo(context), can_verify(context)],
	}),
	Posted: (context) => ({
		intro: `${written_off(context)} ${escape(late_payment())}`,
		color: "green",
		buttons: [can_undo(context), can_verify(context)],
	}),
	"Partly Posted": (context) => ({
		intro: `${written_off(context)} ${__("Not written off: {0}. See the reason of each balance.", [
			number(attention(context.summary)),
		])}`,
		color: "orange",
		primary: can_retry(context),
		buttons: [can_undo(context), can_verify(context)],
	}),
	Failed: (context) => ({
		intro: __("No balances were written off. Correct the reason of each balance, then retry."),
		color: "red",
		primary: can_retry(context),
		buttons: [can_undo(context), can_verify(context)],
	}),
	Reversing: () => ({
		intro: __("Undoing the write-off in the background. You can leave this page."),
	}),
	Reversed: (context) => ({
		intro: __("This run was undone. The balances are open again."),
		buttons: [can_verify(context)],
	}),
};
