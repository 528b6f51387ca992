// Copyright (c) 2026, AR Write-Off contributors
// For license information, please see license.txt

frappe.query_reports["Write-Off Roll-forward"] = {
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
			fieldname: "from_date",
			label: __("From Date"),
			fieldtype: "Date",
			reqd: 1,
			default: frappe.datetime.year_start(),
		},
		{
			fieldname: "to_date",
			label: __("To Date"),
			fieldtype: "Date",
			reqd: 1,
			default: frappe.datetime.year_end(),
		},
		{
			fieldname: "period",
			label: __("Period"),
			fieldtype: "Select",
			options: ["Monthly", "Quarterly", "Half-Yearly", "Yearly"],
			default: "Monthly",
		},
		{
			fieldname: "dimension",
			label: __("Dimension"),
			fieldtype: "Select",
			options: [
				{ value: "cost_center", label: __("Cost Center") },
				{ value: "project", label: __("Project") },
			],
			default: "cost_center",
		},
		{
			fieldname: "method",
			label: __("Method"),
			fieldtype: "Select",
			options: ["", "Direct", "Allowance", "Reclassify"],
		},
		{ fieldname: "reason", label: __("Reason"), fieldtype: "Link", options: "Write-Off Reason" },
		{
			fieldname: "account",
			label: __("Account"),
			fieldtype: "Link",
			options: "Account",
			get_query: () => ({
				filters: { company: frappe.query_report.get_filter_value("company"), is_group: 0 },
			}),
		},
	],

	// The site's accounting dimensions, read as in ERPNext's own reports: an Auditor may not list them.
	onload(report) {
		const filter = report.get_filter("dimension");
		frappe
			.call("erpnext.accounts.doctype.accounting_dimension.accounting_dimension.get_dimensions")
			.then(({ message: [dimensions] }) => {
				filter.df.options = filter.df.options.concat(
					dimensions.map(({ fieldname, label }) => ({ value: fieldname, label: __(label) }))
				);
				filter.refresh();
			});
	},

	// Show a missing value as empty, not as zero.
	formatter(value, row, column, data, default_formatter) {
		if (column.fieldtype === "Currency" && data && !(column.fieldname in data)) return "";
		const text = default_formatter(value, row, column, data);
		return data && data.bold ? `<b>${text}</b>` : text;
	},
};
