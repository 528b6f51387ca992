// Copyright (c) 2026, AR Write-Off contributors
// For license information, please see license.txt

frappe.listview_settings["Write-Off Run"] = {
	add_fields: [
		"status",
		"company",
		"searched_on",
		"selected_count",
		"posted_count",
		"skipped_count",
		"failed_count",
	],
	has_indicator_for_draft: true,
	has_indicator_for_cancelled: true,

	get_indicator(doc) {
		const colors = {
			Draft: "gray",
			Searching: "light-blue",
			Queued: "light-blue",
			Posting: "blue",
			Paused: "yellow",
			Posted: "green",
			"Partly Posted": "orange",
			Failed: "red",
			Reversing: "purple",
			Reversed: "darkgrey",
		};
		const status = doc.docstatus === 2 ? "Reversed" : doc.status || "Draft";
		const done = (doc.posted_count || 0) + (doc.skipped_count || 0) + (doc.failed_count || 0);
		const share =
			["Posting", "Paused"].includes(status) && doc.selected_count
				? ` ${Math.floor((100 * done) / doc.selected_count)}%`
				: "";
		return [__(status) + share, colors[status] || "gray", `status,=,${status}`];
	},
};
