// Copyright (c) 2026, AR Write-Off contributors
// For license information, please see license.txt

frappe.query_reports["Bad Debt Tax Relief"] = {
	filters: [
		{
			fieldname: "company",
			label: __("Company"),
			fieldtype: "Link",
			options: "Company",
			reqd: 1,
			default: frappe.defaults.get_user_default("Company"),
		},
		{
			fieldname: "show",
			label: __("Show"),
			fieldtype: "Select",
			options: ["Claims", "By Box of the Return", "Refunds for Bad Debts Account"],
			default: "Claims",
		},
		{
			fieldname: "status",
			label: __("Status"),
			fieldtype: "Select",
			options: [
				"",
				"Waiting",
				"Needs Notice",
				"Claimable",
				"Claimed",
				"Filed",
				"Partly Repaid",
				"Repaid",
				"Lapsed",
				"Excluded",
				"Withdrawn",
			],
			depends_on: "eval:doc.show == 'Claims'",
		},
		{
			fieldname: "customer",
			label: __("Customer"),
			fieldtype: "Link",
			options: "Customer",
			depends_on: "eval:doc.show == 'Claims'",
		},
		{
			fieldname: "from_date",
			label: __("From Date"),
			fieldtype: "Date",
			depends_on: "eval:doc.show != 'Claims'",
		},
		{
			fieldname: "to_date",
			label: __("To Date"),
			fieldtype: "Date",
			depends_on: "eval:doc.show != 'Claims'",
		},
	],
	// The claims of a box are shown when its row is opened.
	initial_depth: 0,

	// A button for the notices, if claims lack them.
	after_datatable_render() {
		const report = frappe.query_report;
		const label = __("Send Notices");
		report.page.remove_inner_button(label);
		const claims = report.data.filter((row) => row.lacks_notice).map((row) => row.name);
		if (!claims.length || !frappe.model.can_submit("Write-Off Tax Run")) return;
		report.page.add_inner_button(label, async () => {
			await frappe.require("ar_writeoff_entry.bundle.js");
			frappe.ar_writeoff.send_notices(report.get_filter_value("company"), { claims });
		});
	},
};
