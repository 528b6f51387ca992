import { posts_claims } from "./run_types";
import { not_posted_count } from "./text";

// Tabs above the grid by state of the run: each is a filter and a meaning of ticks, "select" (in the write-off,
// stored on the server), "pick" (chosen here to reinstate) or "none".

export const PROCESSING = ["Queued", "Posting", "Paused"];

// The reason of balances that the user left open, once the run is submitted.
const NOT_SELECTED = "not_selected";

export function views_for(doc, summary, { can_reinstate }) {
	const counts = summary.counts || {};
	const excluded = view("excluded", __("Excluded"), counts.Excluded, {
		filters: { status: ["Excluded"], reason_code: ["!=", NOT_SELECTED] },
		shows: ["message"],
		excluded: true,
	});
	if (doc.docstatus === 0) {
		const open = view("open", __("To Review"), counts.Open, {
			filters: { status: ["Open"] },
			shows: ["write_off_amount"],
			ticks: "select",
			always: true,
		});
		const over_limit = view("over_limit", __("Over Limit"), summary.pending.count, {
			filters: { status: ["Open"], reason_code: ["!=", ""] },
			shows: ["write_off_amount", "message"],
			ticks: "select",
		});
		return [open, over_limit, excluded].filter(is_shown);
	}
	const not_posted = not_posted_count(counts);
	const is_tax = posts_claims(doc);
	const posted = view("posted", is_tax ? __("Posted") : __("Written Off"), counts.Posted, {
		filters: { status: ["Posted"] },
		shows: ["write_off_amount", "journal_entry"],
		shows_recovered: ["reinstated_amount"],
		ticks: can_reinstate ? "pick" : "none",
	});
	const views = [
		view("not_posted", is_tax ? __("Not Posted") : __("Not Written Off"), not_posted, {
			filters: { status: ["Skipped", "Failed", "Conflict"] },
			shows: ["status", "message"],
		}),
		view("waiting", __("Waiting"), PROCESSING.includes(doc.status) && counts.Open, {
			filters: { status: ["Open"], selected: 1 },
			shows: ["write_off_amount"],
		}),
		posted,
		view("reversed", __("Undone"), counts.Reversed, {
			filters: { status: ["Reversed"] },
			shows: ["write_off_amount", "message", "journal_entry"],
			shows_recovered: ["reinstated_amount"],
		}),
		view("unselected", __("Not Selected"), counts["Not Selected"], {
			filters: { reason_code: NOT_SELECTED },
		}),
		excluded,
	].filter(is_shown);
	return views.length ? views : [posted];
}

const view = (key, label, count, more) => ({
	key,
	label,
	count: count || 0,
	ticks: "none",
	shows: [],
	shows_recovered: [],
	...more,
});

const is_shown = (candidate) => candidate.always || candidate.count > 0;
