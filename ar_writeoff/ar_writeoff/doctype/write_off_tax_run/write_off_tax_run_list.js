// Copyright (c) 2026, AR Write-Off contributors
// For license information, please see license.txt

const TAX_RUN_COLORS = {
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

frappe.listview_settings["Write-Off Tax Run"] = {
	add_fields: ["status", "company", "approval_requested_on", "returned_on"],
	has_indicator_for_draft: true,
	has_indicator_for_cancelled: true,

	get_indicator(doc) {
		if (doc.docstatus === 0 && doc.status === "Draft") {
			const filter = "docstatus,=,0|status,=,Draft";
			if (doc.approval_requested_on) {
				return [__("Pending Approval"), "orange", `${filter}|approval_requested_on,is,set`];
			}
			if (doc.returned_on) return [__("Returned"), "yellow", `${filter}|returned_on,is,set`];
		}
		const status = doc.docstatus === 2 ? "Reversed" : doc.status || "Draft";
		return [__(status), TAX_RUN_COLORS[status] || "gray", `status,=,${status}`];
	},
};
