// Copyright (c) 2026, AR Write-Off contributors
// For license information, please see license.txt

frappe.query_reports["Write-Off Register"] = {
	formatter(value, row, column, data, default_formatter) {
		if (column.fieldname !== "write_off_amount" || !data || value === "") {
			return default_formatter(value, row, column, data);
		}
		return `<div class="text-right">${format_currency(value, data.currency)}</div>`;
	},
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
			default: frappe.datetime.year_start(),
		},
		{
			fieldname: "to_date",
			label: __("To Date"),
			fieldtype: "Date",
			default: frappe.datetime.year_end(),
		},
		{ fieldname: "customer", label: __("Customer"), fieldtype: "Link", options: "Customer" },
		{ fieldname: "reason", label: __("Reason"), fieldtype: "Link", options: "Write-Off Reason" },
		{
			fieldname: "method",
			label: __("Method"),
			fieldtype: "Select",
			options: ["", "Direct", "Allowance", "Reclassify"],
		},
		{ fieldname: "run", label: __("Write-Off Run"), fieldtype: "Link", options: "Write-Off Run" },
		{
			fieldname: "status",
			label: __("Status"),
			fieldtype: "Select",
			options: ["", "Posted", "Conflict", "Skipped", "Failed", "Reversed"],
		},
		{
			fieldname: "user",
			label: __("Prepared or Submitted By"),
			fieldtype: "Link",
			options: "User",
		},
	],
};
