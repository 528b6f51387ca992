// Copyright (c) 2026, AR Write-Off contributors
// For license information, please see license.txt

frappe.listview_settings["Write-Off Run Item"] = {
	add_fields: ["reason_code", "reason_facts", "message"],

	// Messages in the language of the reader.
	onload(listview) {
		listview.method = "ar_writeoff.review.lists.get";
	},
};
