// Copyright (c) 2026, AR Write-Off contributors
// For license information, please see license.txt

// Extends ERPNext's list settings with the Written Off indicator and an action for selected invoices.
(() => {
	const settings = (frappe.listview_settings["Sales Invoice"] ??= {});
	const { get_indicator, onload } = settings;

	settings.add_fields = [...(settings.add_fields || []), "written_off_amount", "outstanding_amount"];

	settings.get_indicator = function (doc) {
		if (doc.docstatus === 1 && flt(doc.written_off_amount) && !flt(doc.outstanding_amount)) {
			return [__("Written Off"), "orange", "written_off_amount,!=,0"];
		}
		return get_indicator?.call(this, doc);
	};

	// Whether, not how much: a filter on the amount finds one amount only.
	function add_filter({ page, filter_area }) {
		page.add_field(
			{
				fieldname: "written_off_amount",
				fieldtype: "Select",
				label: __("Written Off"),
				options: [
					{ value: "", label: "" },
					{ value: "0", label: __("Written Off") },
				],
				condition: "!=",
				onchange: () => filter_area.refresh_list_view(),
			},
			page.page_form.find(".standard-filter-section")
		);
	}

	settings.onload = function (listview) {
		onload?.call(this, listview);
		add_filter(listview);
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
