// Copyright (c) 2026, AR Write-Off contributors
// For license information, please see license.txt

frappe.listview_settings["Write-Off Tax Claim"] = {
	add_fields: ["company"],

	onload(listview) {
		if (!frappe.model.can_submit("Write-Off Tax Run")) return;
		listview.page.add_action_item(__("Send Notices"), async () => {
			const checked = listview.get_checked_items();
			const companies = new Set(checked.map((claim) => claim.company));
			if (companies.size !== 1) {
				frappe.msgprint({ title: __("Send Notices"), message: __("Choose claims of one company.") });
				return;
			}
			await frappe.require("ar_writeoff_entry.bundle.js");
			frappe.ar_writeoff.send_notices([...companies][0], {
				claims: checked.map((claim) => claim.name),
			});
		});
	},
};
