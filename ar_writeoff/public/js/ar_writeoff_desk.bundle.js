// Copyright (c) 2026, AR Write-Off contributors
// For license information, please see license.txt

// A button on ERPNext's receivables reports that opens the Write-Off Register. Reports have no hook for other apps, so their settings
// are extended when they are defined.
frappe.provide("frappe.query_reports");

const REPORTS = ["Accounts Receivable", "Accounts Receivable Summary", "General Ledger"];

for (const name of REPORTS) {
	let settings = extended(frappe.query_reports[name]);
	Object.defineProperty(frappe.query_reports, name, {
		configurable: true,
		enumerable: true,
		get: () => settings,
		set(value) {
			settings = extended(value);
		},
	});
}

function extended(settings) {
	if (!settings) return settings;
	const { onload } = settings;
	return Object.assign(settings, {
		onload(report) {
			onload?.call(this, report);
			if (!frappe.model.can_read("Write-Off Run")) return;
			report.page.add_inner_button(__("Written Off"), () =>
				frappe.set_route("query-report", "Write-Off Register", filters_of(report))
			);
		},
	});
}

// Company, one customer and the dates, as far as the report has them.
function filters_of(report) {
	const values = report.get_filter_values();
	const parties = [values.party, values.customer].flat().filter(Boolean);
	const is_customer = !values.party_type || values.party_type === "Customer";
	return {
		company: values.company,
		customer: is_customer && parties.length === 1 ? parties[0] : "",
		from_date: values.from_date || "",
		to_date: values.to_date || values.report_date || "",
	};
}
