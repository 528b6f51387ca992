// Copyright (c) 2026, AR Write-Off contributors
// For license information, please see license.txt

frappe.listview_settings["Write-Off Run Item"] = {
	add_fields: ["reason_code", "reason_facts", "message", "selected"],

	// A balance that is not selected has no amount to write off. One over a limit has a reason.
	formatters: {
		write_off_amount: (value, df, doc) =>
			doc.selected || doc.reason_code ? frappe.format(value, df, {}, doc) : "",
	},

	// Messages in the language of the reader.
	onload(listview) {
		listview.method = "ar_writeoff.review.lists.get";
	},
};
