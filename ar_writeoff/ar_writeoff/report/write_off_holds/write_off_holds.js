// Copyright (c) 2026, AR Write-Off contributors
// For license information, please see license.txt

frappe.query_reports["Write-Off Holds"] = {
	filters: [
		{
			fieldname: "company",
			label: __("Company"),
			fieldtype: "Link",
			options: "Company",
			reqd: 1,
			default: frappe.defaults.get_user_default("Company"),
		},
		{ fieldname: "customer", label: __("Customer"), fieldtype: "Link", options: "Customer" },
		{
			fieldname: "kind",
			label: __("Kind"),
			fieldtype: "Select",
			options: ["", "Dispute", "Promise to Pay", "Under Review", "Legal", "Other"],
		},
		{ fieldname: "ends_by", label: __("Ends By"), fieldtype: "Date" },
		{
			fieldname: "status",
			label: __("Status"),
			fieldtype: "Select",
			options: ["Active", "Ended"],
			default: "Active",
		},
	],
};
