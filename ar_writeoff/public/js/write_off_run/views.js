// The tabs above the grid, by the state of the run. Each is a standing filter and what ticks mean in it:
// "select" - part of the write-off, kept on the server; "pick" - picked here to reinstate; "none".

export const PROCESSING = ["Queued", "Posting", "Paused"];

export function views_for(doc, summary, { can_reinstate }) {
	const counts = summary.counts || {};
	const excluded = view("excluded", __("Excluded"), counts.Excluded, { status: ["Excluded"] }, "none", {
		excluded: true,
	});
	if (doc.docstatus === 0) {
		return [
			view("open", __("To Review"), counts.Open, { status: ["Open"] }, "select", { always: true }),
			excluded,
		].filter(is_shown);
	}
	const troubled = (counts.Skipped || 0) + (counts.Failed || 0) + (counts.Conflict || 0);
	const waiting = PROCESSING.includes(doc.status) ? cint(summary.selected.count) : 0;
	const posted = { posted: true };
	return [
		view(
			"troubled",
			__("Not Written Off"),
			troubled,
			{ status: ["Skipped", "Failed", "Conflict"] },
			"none",
			posted
		),
		view("waiting", __("Waiting"), waiting, { status: ["Open"], selected: 1 }, "none"),
		view(
			"posted",
			__("Written Off"),
			counts.Posted,
			{ status: ["Posted"] },
			can_reinstate ? "pick" : "none",
			{ ...posted, always: true }
		),
		view("reversed", __("Undone"), counts.Reversed, { status: ["Reversed"] }, "none", posted),
		view(
			"unselected",
			__("Not Selected"),
			(counts.Open || 0) - waiting,
			{ status: ["Open"], selected: 0 },
			"none"
		),
		excluded,
	].filter(is_shown);
}

const view = (key, label, count, filters, ticks, more = {}) => ({
	key,
	label,
	count: count || 0,
	filters,
	ticks,
	...more,
});

const is_shown = (candidate) => candidate.always || candidate.count > 0;
