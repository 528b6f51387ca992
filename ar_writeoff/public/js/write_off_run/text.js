// All values shown in HTML are escaped here. Names come from customers: they are text, never markup.

export const escape = (value) =>
	value === undefined || value === null ? "" : frappe.utils.escape_html(String(value));

export const money = (value, currency) => escape(format_currency(flt(value), currency));

export const number = (value) => escape(format_number(cint(value), null, 0));

export const date = (value) => (value ? escape(frappe.datetime.str_to_user(value)) : "");

export function link(doctype, name, text) {
	if (!name) return "";
	const href = escape(frappe.utils.get_form_link(doctype, name));
	return `<a href="${href}">${escape(text || name)}</a>`;
}

// "1 balance" or "12 balances"; for languages with one singular and one plural form.
export const balances = (count) =>
	cint(count) === 1 ? __("1 balance") : __("{0} balances", [number(count)]);

export const entries = (count) =>
	cint(count) === 1 ? __("1 Journal Entry") : __("{0} Journal Entries", [number(count)]);

export function pill(label, color) {
	return `<span class="indicator-pill no-indicator-dot ${color}">${escape(label)}</span>`;
}

// Number of approved items that were not written off.
export const not_posted_count = ({ Skipped, Failed, Conflict }) =>
	(Skipped || 0) + (Failed || 0) + (Conflict || 0);

export const ITEM_COLORS = {
	Open: "gray",
	Excluded: "gray",
	Posted: "green",
	Skipped: "orange",
	Failed: "red",
	Conflict: "red",
	Reversed: "gray",
};
