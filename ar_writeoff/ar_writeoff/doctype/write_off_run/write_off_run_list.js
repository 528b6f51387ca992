// Copyright (c) 2026, AR Write-Off contributors
// For license information, please see license.txt

frappe.listview_settings["Write-Off Run"] = {
	add_fields: [
		"status",
		"company",
		"searched_on",
		"approval_requested_on",
		"returned_on",
		"selected_count",
		"balance_type",
		"posted_amount",
		"posted_count",
		"skipped_count",
		"failed_count",
	],
	has_indicator_for_draft: true,
	has_indicator_for_cancelled: true,

	formatters: {
		reason: (reason, df, doc) => as_html([__(doc.balance_type), reason].join(" · ")),
		// The amount written off, or in a draft the selected amount.
		selected_amount: (amount, df, doc) =>
			frappe.format(doc.docstatus ? doc.posted_amount : amount, df, null, doc),
		prepared_by: (user) => as_html(frappe.user.full_name(user)),
	},

	// Frappe shows four columns on a laptop, which are not enough to distinguish runs.
	onload(listview) {
		const chosen = listview.list_view_settings;
		if (chosen.fields || chosen.total_fields) return;
		const wanted = ["company", "reason", "selected_amount", "prepared_by", "posting_date"];
		if (Object.keys(locals[":Company"] || {}).length === 1) wanted.shift();
		chosen.total_fields = 10;
		listview.setup_columns();
		delete chosen.total_fields;
		const of_field = (name) => listview.columns.find(({ df }) => df?.fieldname === name);
		listview.columns = [
			...listview.columns.filter(({ type }) => type !== "Field"),
			...wanted.map(of_field),
		];
		const amount = of_field("selected_amount");
		amount.df = { ...amount.df, label: __("Amount") };
		listview.$result.addClass("wo-runs");
		frappe.dom.set_style(column_style(listview.columns), "write-off-runs");
		listview.render_header(true);
	},

	get_indicator(doc) {
		if (doc.docstatus === 0 && doc.status === "Draft") {
			const filter = "docstatus,=,0|status,=,Draft";
			if (doc.approval_requested_on) {
				return [__("Pending Approval"), "orange", `${filter}|approval_requested_on,is,set`];
			}
			if (doc.returned_on) return [__("Returned"), "yellow", `${filter}|returned_on,is,set`];
		}
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

// Pixels of a column with the space beside it. The last columns of this list are left out first.
const WIDTHS = {
	name: 185,
	status: 145,
	company: 125,
	reason: 165,
	selected_amount: 115,
	prepared_by: 125,
	posting_date: 105,
};
const DISPENSABLE = ["posting_date", "prepared_by", "company", "reason"];
const RIGHT = 150;

// Widths for the columns of head and rows, which v15 does not name, by their position. On a phone there are no columns, and
// the status needs its room.
function column_style(columns) {
	const fields = columns.map(({ type, df }) =>
		type === "Status" ? "status" : type === "Tag" ? "" : df.fieldname
	);
	const cell = (field) =>
		`.wo-runs .level-left:not(.checkbox-actions) > .list-row-col:nth-child(${fields.indexOf(field) + 1})`;
	let needed = fields.reduce((sum, field) => sum + (WIDTHS[field] || 0), RIGHT);
	const widths = fields.filter(Boolean).map((field) => {
		const grows = ["company", "reason", "prepared_by"].includes(field) ? 1 : 0;
		return `${cell(field)} { flex: ${grows} 0 ${
			WIDTHS[field] - 15
		}px !important; min-width: 0 !important; width: auto !important }`;
	});
	const left_out = DISPENSABLE.filter((field) => fields.includes(field)).map((field) => {
		const rule = `@container (max-width: ${needed - 1}px) { ${cell(field)} { display: none } }`;
		needed -= WIDTHS[field];
		return rule;
	});
	return `
		.wo-runs { container-type: inline-size }
		.wo-runs .list-row .level-left, .wo-runs .list-row-head .level-left { flex: 1; min-width: 0 }
		.wo-runs .list-row .level-right { flex: 0 0 auto }
		@media (min-width: 768px) {
			.wo-runs .list-row .level-right, .wo-runs .list-row-head .level-right { flex: 0 0 ${
				RIGHT - 20
			}px !important; width: auto !important }
			${[...widths, ...left_out].join("\n")}
			@container (max-width: ${needed - 1}px) { .wo-runs .level-right { display: none } }
		}`;
}

// v16 looks for the text of a formatter in elements; text alone would be a selector.
function as_html(text) {
	return `<span>${frappe.utils.escape_html(text)}</span>`;
}
