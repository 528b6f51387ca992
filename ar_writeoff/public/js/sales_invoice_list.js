// Copyright (c) 2026, AR Write-Off contributors
// For license information, please see license.txt

// Extends ERPNext's list settings with the Written Off indicator and an action for selected invoices.
(() => {
	const settings = (frappe.listview_settings["Sales Invoice"] ??= {});
	const { get_indicator, onload } = settings;

	settings.add_fields = [...(settings.add_fields || []), "write_off_status", "outstanding_amount"];

	settings.get_indicator = function (doc) {
		// While a part is open, ERPNext's status says more.
		if (doc.docstatus === 1 && doc.write_off_status && !flt(doc.outstanding_amount)) {
			return [__(doc.write_off_status), "orange", `write_off_status,=,${doc.write_off_status}`];
		}
		return get_indicator?.call(this, doc);
	};

	settings.onload = function (listview) {
		onload?.call(this, listview);
		if (!frappe.model.can_create("Write-Off Run")) return;
		listview.page.add_action_item(__("Write Off Invoices"), async () => {
			const ticked = listview.get_checked_items();
			const companies = [...new Set(ticked.map((doc) => doc.company))];
			if (companies.length > 1) {
				frappe.msgprint({
					title: __("Write Off Invoices"),
					message: __("A run is for one company. Select invoices of one company only."),
				});
				return;
			}
			await frappe.require("ar_writeoff_entry.bundle.js");
			frappe.ar_writeoff.write_off_invoices(ticked.map((doc) => doc.name));
		});
	};
})();
