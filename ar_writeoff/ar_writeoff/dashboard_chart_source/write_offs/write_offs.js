// Copyright (c) 2026, AR Write-Off contributors
// For license information, please see license.txt

frappe.provide("frappe.dashboards.chart_sources");

frappe.dashboards.chart_sources["Write-Offs"] = {
	method: "ar_writeoff.ar_writeoff.dashboard_chart_source.write_offs.write_offs.get",
	filters: [
		{
			fieldname: "company",
			label: __("Company"),
			fieldtype: "Link",
			options: "Company",
			default: frappe.defaults.get_user_default("Company"),
			reqd: 1,
		},
		{
			fieldname: "by",
			label: __("By"),
			fieldtype: "Select",
			options: [
				{ value: "month", label: __("Month") },
				{ value: "reason", label: __("Reason") },
			],
			default: "month",
			reqd: 1,
		},
	],
};
