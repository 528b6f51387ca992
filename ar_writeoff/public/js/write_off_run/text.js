import { posts_claims } from "./run_types";

// All values shown in HTML are escaped here. Names come from customers: they are text, never markup.

export const escape = (value) =>
	value === undefined || value === null ? "" : frappe.utils.escape_html(String(value));

export const money = (value, currency) => escape(format_currency(flt(value), currency));

export const number = (value) => escape(format_number(cint(value), null, 0));

// The number that a text shows in a number format; NaN for any other text. Frappe reads 1,50 as 150 where the comma groups
// thousands.
export function parse_number(text, format = get_number_format()) {
	const { decimal_str, group_sep } = get_number_format_info(format);
	const plain = text.replace(/[\s'’]/g, "");
	const [whole, part = "", ...more] = decimal_str ? plain.split(decimal_str) : [plain];
	const group = [",", "."].find((mark) => group_sep.includes(mark));
	const is_whole =
		/^-?\d*$/.test(whole) ||
		(group && new RegExp(`^-?\\d{1,3}(\\${group}\\d{2,3})*\\${group}\\d{3}$`).test(whole));
	if (!/\d/.test(plain) || !is_whole || !/^\d*$/.test(part) || more.length) return NaN;
	return Number(`${whole.replaceAll(group || ",", "")}.${part || 0}`);
}

export const not_an_amount = (text) =>
	__("{0} is not an amount. Enter an amount such as {1}.", [escape(text), number_example()]);

const number_example = () => escape(format_number(1234.5, get_number_format(), 2));

export const date = (value) => (value ? escape(frappe.datetime.str_to_user(value)) : "");

export function link(doctype, name, text) {
	if (!name) return "";
	const href = escape(frappe.utils.get_form_link(doctype, name));
	return `<a href="${href}">${escape(text || name)}</a>`;
}

// "1 balance" or "12 balances"; for languages with one singular and one plural form.
export const balances = (count) =>
	cint(count) === 1 ? __("1 balance") : __("{0} balances", [number(count)]);

export const claims = (count) => (cint(count) === 1 ? __("1 claim") : __("{0} claims", [number(count)]));

// What the items of a run are called.
export const items_of = (doc) => (posts_claims(doc) ? claims : balances);

export const entries = (count) =>
	cint(count) === 1 ? __("1 Journal Entry") : __("{0} Journal Entries", [number(count)]);

export function pill(label, color) {
	return `<span class="indicator-pill no-indicator-dot ${color}">${escape(label)}</span>`;
}

// The amount of an item that is still written off after reinstatements.
export const written_off = (item) => flt(flt(item.write_off_amount) - flt(item.reinstated_amount), 9);

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
