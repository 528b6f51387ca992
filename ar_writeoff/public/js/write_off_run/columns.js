import { posts_claims } from "./run_types";
import { ITEM_COLORS, date, escape, link, money, number, pill } from "./text";

// Pixels of a column that can be cut.
const NARROWEST = 80;

// Columns of the item grid for a view, as far as they fit.
//
// layout: {ticks: "none" | "show" | "edit", shows: fields besides the usual ones, chosen: fields chosen by the user,
//          has_notes, amounts_editable, amounts_if_ticked, multi_currency, company_currency, sort_by, sort_order}
export function columns_for(layout, available) {
	const shows = new Set(layout.shows);
	const chosen = new Set(layout.chosen);
	const wanted = [
		layout.ticks !== "none" && tick_column(layout),
		column("customer_name", __("Customer"), 150, customer, { grow: 2 }),
		chosen.has("customer_group") && unsorted(column("customer_group", __("Customer Group"), 130, escape)),
		...(layout.posts_claims ? claim_columns() : voucher_columns()),
		layout.multi_currency && column("currency", __("Currency"), 95, escape, { dispensable: 1 }),
		!layout.posts_claims &&
			column("outstanding_amount", __("Balance"), 110, amount, {
				end: true,
				dispensable: shows.has("journal_entry") ? 5 : 0,
			}),
		(layout.multi_currency || chosen.has("base_outstanding_amount")) &&
			!layout.posts_claims &&
			base_balance(layout),
		chosen.has("invoice_total") &&
			!layout.posts_claims &&
			unsorted(column("invoice_total", __("Invoice Total"), 110, amount, { end: true })),
		shows.has("set_off_amount") &&
			column("set_off_amount", __("Set Off"), 110, amount_or_blank, { end: true }),
		(shows.has("write_off_amount") || layout.posts_claims) && write_off_amount(layout),
		shows.has("reinstated_amount") &&
			column("reinstated_amount", __("Reinstated"), 110, amount_or_blank, { end: true }),
		shows.has("status") && column("status", __("Status"), 95, status),
		shows.has("message") && column("message", __("Reason"), 320, reason, { grow: 3 }),
		layout.has_notes && column("note", __("Note"), 120, escape, { grow: 1 }),
		shows.has("journal_entry") &&
			column("journal_entry", __("Journal Entry"), 240, journal_entry, { grow: 1 }),
	].filter(Boolean);
	const columns = fit_columns(wanted, available);
	columns.forEach((shown) => add_sort_header(shown, layout));
	distribute_width(columns, available);
	return columns;
}

const voucher_columns = () => [
	column("voucher_no", __("Invoice"), 216, voucher, { grow: 1 }),
	column("posting_date", __("Date"), 118, date, { dispensable: 3 }),
	column("due_date", __("Due Date"), 118, date, { dispensable: 2 }),
	column("age_days", __("Age"), 75, number, { end: true, dispensable: 1 }),
];

// A claim has the days of the claim. It has the number of its invoice.
const claim_columns = () => [
	column("voucher_no", __("Tax Claim"), 216, voucher, { grow: 1 }),
	column("receivable_account", __("Relief Account"), 160, escape, { grow: 1, dispensable: 3 }),
	column("posting_date", __("Claimable From"), 128, date, { dispensable: 2 }),
	column("due_date", __("Until"), 118, date, { dispensable: 1 }),
];

// Leaves out the most dispensable columns until the rest fits.
function fit_columns(columns, available) {
	const spare = columns.reduce((most, shown) => (shown.dispensable > most.dispensable ? shown : most));
	if (total_width(columns) <= available || !spare.dispensable) return columns;
	return fit_columns(
		columns.filter((shown) => shown !== spare),
		available
	);
}

// A cell has a border at its start, the row one more at its end.
const total_width = (columns) => columns.reduce((sum, shown) => sum + shown.width + 1, 2);

function column(id, label, width, format, { grow = 0, end = false, dispensable = 0 } = {}) {
	const start_is_left = !frappe.utils.is_rtl();
	return {
		id,
		label,
		width,
		grow,
		dispensable,
		align: end === start_is_left ? "right" : "left",
		editable: false,
		sortable: false,
		dropdown: false,
		format: (value, row, shown, item) => (item ? format(value, item) : ""),
	};
}

// The server reads these for a page only, and cannot sort by them.
const unsorted = (shown) => ({ ...shown, no_sort: true, name: shown.label, content: escape(shown.label) });

// Columns that a user may add.
export const optional_columns = (doc, company_currency) =>
	[
		["customer_group", __("Customer Group")],
		!posts_claims(doc) && ["invoice_total", __("Invoice Total")],
		!posts_claims(doc) && ["base_outstanding_amount", __("Balance ({0})", [company_currency])],
	].filter(Boolean);

function tick_column(layout) {
	const disabled = layout.ticks === "edit" ? "" : "disabled";
	const label = escape(__("Select all on this page"));
	return {
		...column("ticked", "", 34, (value, item) => tick_box(item, disabled)),
		align: "center",
		resizable: false,
		no_sort: true,
		name: "ticked",
		content: `<input type="checkbox" class="wo-tick" data-all="1" ${disabled}
			aria-label="${label}" title="${label}">`,
	};
}

const tick_box = (item, disabled) =>
	`<input type="checkbox" class="wo-tick" tabindex="-1" data-name="${escape(item.name)}"
		aria-label="${escape(select_item(item))}"
		${item.ticked ? "checked" : ""} ${disabled}>`;

const write_off_amount = (layout) => ({
	...column(
		"write_off_amount",
		layout.posts_claims ? __("Tax") : __("Write-Off"),
		110,
		layout.amounts_if_ticked && !layout.posts_claims ? amount_if_ticked : amount,
		{
			end: true,
			// Hidden while it cannot differ from the balance. Claims have no balance beside it.
			dispensable:
				layout.posts_claims || layout.amounts_editable || layout.shows.includes("journal_entry")
					? 0
					: 5,
		}
	),
	editable: Boolean(layout.amounts_editable),
});

const base_balance = ({ company_currency }) =>
	column(
		"base_outstanding_amount",
		__("Balance ({0})", [company_currency]),
		115,
		(value) => money(value, company_currency),
		{ end: true }
	);

function customer(value, item) {
	const name = item.customer_name || item.customer;
	const id = name === item.customer ? "" : ` <span class="text-muted">${escape(item.customer)}</span>`;
	return link("Customer", item.customer, name) + id;
}

const voucher = (value, item) => `
	<button type="button" class="wo-info" tabindex="-1" data-name="${escape(item.name)}"
		title="${escape(info_title())}" aria-label="${escape(info_label(item))}"
		><span aria-hidden="true">i</span></button>${tail(link(item.voucher_type, item.voucher_no))}`;

const amount = (value, item) => money(value, item.currency);

const amount_or_blank = (value, item) => (flt(value) ? amount(value, item) : "");

const amount_if_ticked = (value, item) => (item.ticked ? amount(value, item) : "");

// With a link to the document to correct, in front because a long text is cut.
const reason = (value, item) =>
	(item.reason_doctype ? `${link(item.reason_doctype, item.reason_name)} · ` : "") + escape(value);

const status = (value) => pill(__(value), ITEM_COLORS[value] || "gray");

const journal_entry = (value) => tail(link("Journal Entry", value));

// Numbered names differ at their end, so if there is too little room their beginning is cut.
const tail = (html) => (html ? `<span class="wo-tail" dir="rtl"><bdi>${html}</bdi></span>` : "");

// The server sorts, so headers have buttons of their own, which work by keyboard and announce the order.
function add_sort_header(shown, layout) {
	if (shown.no_sort) return;
	const field = layout.multi_currency ? shown.id : sort_field(shown.id);
	const order = layout.sort_by === field ? layout.sort_order : null;
	const order_label = order ? (order === "desc" ? __("descending") : __("ascending")) : __("not sorted");
	const arrow = order ? (order === "desc" ? "↓" : "↑") : "";
	shown.name = shown.label;
	shown.content = `<button type="button" class="wo-sort" data-field="${field}"
		aria-label="${escape(shown.label)}: ${escape(order_label)}" title="${escape(shown.label)}: ${escape(
		sort_title()
	)}"
		>${escape(shown.label)}<span aria-hidden="true">${arrow}</span></button>`;
}

// The list of one currency is sorted in company currency. With several, each column is sorted by what it shows.
const sort_field = (id) =>
	({
		outstanding_amount: "base_outstanding_amount",
		write_off_amount: "base_write_off_amount",
	}[id] || id);

// Headings that would be cut get extra width first, as in languages with long words; columns of names and text share
// the rest. If there is too little, the grid scrolls.
function distribute_width(columns, available) {
	shrink(columns, total_width(columns) - available);
	let left = available - total_width(columns);
	const missing_width = (shown) => Math.max(0, heading_width(shown.label) - shown.width);
	for (const shown of columns
		.filter(missing_width)
		.sort((one, other) => missing_width(one) - missing_width(other))) {
		const more = Math.min(missing_width(shown), Math.max(left, 0));
		shown.width += more;
		left -= more;
	}
	let shares = columns.reduce((sum, shown) => sum + shown.grow, 0);
	if (left <= 0 || !shares) return;
	for (const shown of columns) {
		const more = shown.grow && Math.round((left * shown.grow) / shares);
		shown.width += more;
		left -= more;
		shares -= shown.grow;
	}
}

// In a narrow window names are cut, the longest first, so that amounts are in sight.
function shrink(columns, excess) {
	const names = columns.filter(({ grow }) => grow);
	for (; excess > 0; excess--) {
		const widest = names.reduce((most, shown) => (shown.width > most.width ? shown : most));
		if (widest.width <= NARROWEST) return;
		widest.width--;
	}
}

// Pixels: average letters plus the cell's padding.
const heading_width = (label) => Math.ceil(7.6 * label.length) + 38;

// Strings inside nested templates are not extracted for translation, so they are defined here.
const select_item = (item) => __("Select {0}", [item.voucher_no]);

const info_title = () => __("About this invoice");

const info_label = (item) => __("About {0}", [item.voucher_no]);

const sort_title = () => __("Sort");
