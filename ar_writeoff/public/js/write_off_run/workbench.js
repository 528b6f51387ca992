import { pending_note } from "./approval";
import { optional_columns } from "./columns";
import { CustomerGroups } from "./customer_groups";
import { ExcludedReasons } from "./excluded";
import { Filters } from "./filters";
import { Grid } from "./grid";
import { hold_balances, may_hold } from "./hold";
import { posts_claims } from "./run_types";
import { Selection } from "./selection";
import { RequestFailed, read, write } from "./server";
import { Summary } from "./summary";
import { escape, items_of, money, number, written_off } from "./text";
import { show_voucher_details } from "./voucher_details";
import { views_for } from "./views";

const PAGE_LENGTHS = [50, 100, 500];

// Key of the user's settings for the list.
const SETTINGS = "Balances";

// Summary, tabs, filters, grid and totals of a run. There is one workbench per document; it keeps view, page and sort
// order while the form is saved and reloaded.
export class Workbench {
	// options: frm, wrapper, on_summary(summary), on_reinstate(items)
	constructor(options) {
		Object.assign(this, options);
		this.name = this.frm.doc.name;
		this.state = { view: null, start: 0, page_length: 100, sort_by: "customer_name", sort_order: "asc" };
		this.picked = new Map();
		// Items that the user has deselected and may put on hold.
		this.deselected = new Set();
		this.multi_currency = false;
		this.columns = new Set(frappe.get_user_settings(this.frm.doctype)[SETTINGS]?.columns || []);
		this.build();
	}

	build() {
		this.wrapper.innerHTML = `
			<div class="wo-bench">
				<div class="wo-summary"></div>
				<div class="wo-pending" hidden></div>
				<div class="wo-tabs" role="tablist"></div>
				<div class="wo-excluded" hidden></div>
				<div class="wo-toolbar">
					<div class="wo-filters"></div>
					<div class="wo-select" role="group"></div>
					<div class="wo-layout"></div>
				</div>
				<div class="wo-list">
					<div class="wo-grid"></div>
					<div class="wo-groups" hidden></div>
					<div class="wo-foot">
						<div class="wo-totals" aria-live="polite"></div>
						<div class="wo-pages"></div>
					</div>
				</div>
			</div>`;
		const part = (name) => this.wrapper.querySelector(`.wo-${name}`);
		this.parts = Object.fromEntries(
			[
				"pending",
				"tabs",
				"excluded",
				"filters",
				"select",
				"layout",
				"list",
				"grid",
				"groups",
				"totals",
				"pages",
			].map((name) => [name, part(name)])
		);
		this.summary_view = new Summary(part("summary"), {
			on_customer: (customer) => {
				this.filters.set("customer", customer);
				this.load_from_start();
			},
		});
		this.excluded = new ExcludedReasons({
			wrapper: this.parts.excluded,
			on_choose: () => this.load_from_start(),
		});
		this.filters = new Filters({
			wrapper: this.parts.filters,
			on_change: () => this.load_from_start(),
			on_leave: () => this.grid.focus_cell(),
		});
		this.grid = new Grid({
			wrapper: this.parts.grid,
			on_tick: (names, ticked) => this.ticked(names, ticked),
			on_tick_all: () => this.select_all(true),
			on_sort: (field) => this.sort(field),
			on_info: (item) =>
				show_voucher_details(this.frm, item, {
					may_note: this.may_select(),
					on_note: () => this.load(),
					on_hold: () => this.refresh(),
				}).catch(() => {}),
			on_amount: (item, amount) => this.set_amount(item, amount),
			on_filter: () => this.filters.focus(),
		});
		this.groups = new CustomerGroups({
			wrapper: this.parts.groups,
			on_tick: (customer, ticked) => this.select_customer(customer, ticked),
			on_open: (customer) => {
				this.state.by_customer = false;
				this.filters.set("customer", customer);
				this.load_from_start();
			},
		});
		this.parts.layout.addEventListener("click", (event) => {
			if (event.target.closest("[data-group]")) {
				this.state.by_customer = !this.state.by_customer;
				this.load_from_start();
			}
		});
		this.parts.layout.addEventListener("change", (event) => this.choose_column(event.target));
		this.selection = new Selection(this.name, {
			on_summary: (summary, change) => this.selection_saved(summary, change),
			on_failure: () => this.refresh().catch(() => {}),
		});
		this.parts.tabs.addEventListener("click", (event) => {
			const tab = event.target.closest("[data-view]");
			if (tab) this.open_view(tab.dataset.view);
		});
		this.parts.tabs.addEventListener("keydown", (event) => this.tab_key(event));
		this.parts.pages.addEventListener("click", (event) => {
			const button = event.target.closest("[data-start]");
			if (button) this.go_to(cint(button.dataset.start));
		});
		this.parts.pages.addEventListener("change", (event) => {
			this.state.page_length = cint(event.target.value);
			this.load_from_start();
		});
		this.parts.select.addEventListener("click", (event) => {
			const action = event.target.closest("[data-select]")?.dataset.select;
			if (action === "page") this.grid.tick_page(true);
			if (action === "all") this.select_all(true);
			if (action === "none") this.select_all(false);
			if (action === "invert") this.select_all("invert");
			if (action === "hold") this.hold();
			if (action === "reinstate") this.on_reinstate([...this.picked.values()]);
		});
	}

	destroy() {
		this.selection.flush();
		this.grid.destroy();
		this.wrapper.replaceChildren();
		this.name = null;
	}

	items(count) {
		return items_of(this.frm.doc)(count);
	}

	get is_current() {
		return this.frm.doc.name === this.name;
	}

	// LOADING

	async refresh() {
		const summary = await read(this.name, "get_summary");
		if (!this.is_current) return;
		this.show_summary(summary);
		await this.load();
	}

	show_summary(summary) {
		if (!this.is_current) return;
		// The answer to a change of the selection is without the other drafts.
		this.summary = { other_drafts: this.summary?.other_drafts, ...summary };
		summary = this.summary;
		this.views = views_for(this.frm.doc, summary, { can_reinstate: this.can_reinstate() });
		if (!this.view) this.state.view = this.views[0].key;
		this.multi_currency ||= summary.selected.by_currency.some(
			({ currency }) => currency !== summary.company_currency
		);
		this.summary_view.show(summary, this.frm.doc);
		this.show_pending();
		this.show_tabs();
		this.show_totals();
		this.on_summary(summary);
	}

	get view() {
		return this.views?.find((view) => view.key === this.state.view);
	}

	get ticks() {
		return this.view.ticks === "select" && !this.may_select() ? "show" : this.view.ticks;
	}

	may_select() {
		return this.frm.doc.docstatus === 0 && Boolean(this.frm.perm[0]?.write);
	}

	can_reinstate() {
		const { doc } = this.frm;
		return (
			doc.docstatus === 1 &&
			!posts_claims(doc) &&
			["Posted", "Partly Posted"].includes(doc.status) &&
			Boolean(this.frm.perm[0]?.submit)
		);
	}

	active_filters() {
		return {
			...this.filters.values({ credit: this.frm.doc.balance_type === "Credit" }),
			...this.view.filters,
			...(this.view.excluded ? this.excluded.filters() : {}),
		};
	}

	is_filtered() {
		return Object.keys(this.active_filters()).length > Object.keys(this.view.filters).length;
	}

	async load() {
		const request = (this.request = {});
		this.parts.list.setAttribute("aria-busy", "true");
		try {
			await this.selection.flush();
			const { start, page_length, sort_by, sort_order } = this.state;
			const args = {
				start,
				page_length,
				filters: JSON.stringify(this.active_filters()),
				with_sums: this.is_filtered() ? 1 : 0,
			};
			const page = this.state.by_customer
				? await read(this.name, "get_customers", args)
				: await read(this.name, "get_items", {
						...args,
						sort_by,
						sort_order,
						more_columns: JSON.stringify([...this.columns]),
				  });
			if (request !== this.request || !this.is_current) return;
			if (start && start >= page.total) {
				this.state.start = Math.max(0, Math.ceil(page.total / page_length) - 1) * page_length;
				return this.load();
			}
			this.show_layout();
			if (this.state.by_customer) this.show_groups(page);
			else this.show_page(page);
		} catch (error) {
			// The desk has shown the error.
			if (!(error instanceof RequestFailed)) throw error;
		} finally {
			if (request === this.request) this.parts.list.removeAttribute("aria-busy");
		}
	}

	load_from_start() {
		this.state.start = 0;
		return this.load();
	}

	show_page({ items, total, sums }) {
		this.total = total;
		this.sums = sums;
		this.multi_currency ||= items.some(
			(item) => item.currency && item.currency !== this.summary.company_currency
		);
		this.filters.show_currency_filter(this.multi_currency);
		const picking = this.ticks === "pick";
		this.grid.show(
			items.map((item) => ({
				...item,
				ticked: picking ? this.picked.has(item.name) : is_ticked(item),
			})),
			{
				ticks: { select: "edit", pick: "edit", show: "show", none: "none" }[this.ticks],
				shows: [
					...this.view.shows,
					...(items.some((item) => flt(item.set_off_amount)) ? ["set_off_amount"] : []),
					...(this.summary.recovered.count ? this.view.shows_recovered : []),
				],
				chosen: [...this.columns],
				has_notes: items.some((item) => item.note),
				amounts_editable: this.ticks === "select" && Boolean(this.summary.amounts_editable),
				amounts_if_ticked: this.view.ticks === "select",
				multi_currency: this.multi_currency,
				company_currency: this.summary.company_currency,
				posts_claims: posts_claims(this.frm.doc),
				sort_by: this.state.sort_by,
				sort_order: this.state.sort_order,
				empty_message: this.empty_message(),
			}
		);
		this.show_select_buttons();
		this.show_totals();
		this.show_pages();
	}

	empty_message() {
		if (this.is_filtered()) return escape(__("No balances match the filter."));
		return escape(__("No balances."));
	}

	show_pending() {
		const shown = this.frm.doc.docstatus === 0 ? pending_note(this.frm.doc, this.summary) : "";
		this.parts.pending.innerHTML = shown;
		this.parts.pending.hidden = !shown;
	}

	// NAVIGATION

	show_tabs() {
		this.parts.tabs.innerHTML = this.views
			.map(
				({ key, label, count }) => `
				<button type="button" role="tab" class="wo-tab" data-view="${key}"
					aria-selected="${key === this.state.view}" tabindex="${key === this.state.view ? 0 : -1}"
					>${escape(label)} <span class="wo-tab-count">${number(count)}</span></button>`
			)
			.join("");
		const { view } = this;
		this.parts.excluded.hidden = !view.excluded;
		if (view.excluded) this.excluded.show(this.summary);
		this.filters.show_selected_filter(view.ticks === "select");
	}

	open_view(key) {
		this.state.view = key;
		this.show_tabs();
		return this.load_from_start();
	}

	tab_key(event) {
		const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
		if (!step) return;
		const keys = this.views.map((view) => view.key);
		const forward = frappe.utils.is_rtl() ? -step : step;
		const next = (keys.indexOf(this.state.view) + forward + keys.length) % keys.length;
		this.open_view(keys[next]);
		this.parts.tabs.querySelector("[aria-selected=true]").focus();
	}

	go_to(start) {
		this.state.start = start;
		return this.load();
	}

	sort(field) {
		const { sort_by, sort_order } = this.state;
		this.state.sort_order = sort_by === field && sort_order === "asc" ? "desc" : "asc";
		this.state.sort_by = field;
		return this.load_from_start();
	}

	show_pages() {
		const { start, page_length } = this.state;
		const { total } = this;
		const last = Math.max(0, Math.ceil(total / page_length) - 1) * page_length;
		const button = (label, title, to, disabled) => `
			<button type="button" class="btn btn-xs btn-default" data-start="${to}" aria-label="${escape(title)}"
				title="${escape(title)}" ${disabled ? "disabled" : ""}>${label}</button>`;
		// These characters are mirrored in right-to-left text.
		const [back, on] = ["‹", "›"];
		this.parts.pages.innerHTML = `
			<span dir="auto">${
				total
					? __("{0} to {1} of {2}", [
							number(start + 1),
							number(Math.min(start + page_length, total)),
							number(total),
					  ])
					: ""
			}</span>
			${button(back + back, __("First page"), 0, start <= 0)}
			${button(back, __("Previous page"), Math.max(0, start - page_length), start <= 0)}
			${button(on, __("Next page"), start + page_length, start >= last)}
			${button(on + on, __("Last page"), last, start >= last)}
			<select class="form-control input-xs" aria-label="${escape(rows_per_page())}">
				${PAGE_LENGTHS.map((length) => `<option ${length === page_length ? "selected" : ""}>${length}</option>`).join(
					""
				)}
			</select>`;
	}

	// LAYOUT

	show_layout() {
		const { by_customer } = this.state;
		this.parts.grid.hidden = by_customer;
		this.parts.groups.hidden = !by_customer;
		const options = optional_columns(this.frm.doc, this.summary.company_currency).map(
			([field, label]) =>
				`<label><input type="checkbox" data-column="${field}" ${
					this.columns.has(field) ? "checked" : ""
				}> ${escape(label)}</label>`
		);
		if (this.parts.layout.querySelector("details[open]")) return;
		this.parts.layout.innerHTML = `
			<button type="button" class="btn btn-xs btn-default" data-group="1" aria-pressed="${Boolean(
				by_customer
			)}">${escape(group_label())}</button>
			<details class="wo-columns" ${by_customer ? "hidden" : ""}><summary class="btn btn-xs btn-default">${escape(
			columns_label()
		)}</summary>
				<div>${options.join("")}</div></details>`;
	}

	choose_column({ dataset, checked }) {
		if (checked) this.columns.add(dataset.column);
		else this.columns.delete(dataset.column);
		frappe.model.user_settings.save(this.frm.doctype, SETTINGS, { columns: [...this.columns] });
		return this.load();
	}

	show_groups({ customers, total, sums }) {
		this.total = total;
		this.sums = sums;
		this.groups.show(customers, {
			ticks: { select: "edit", show: "show" }[this.ticks] || "none",
			company_currency: this.summary.company_currency,
			empty_message: this.empty_message(),
		});
		this.parts.select.innerHTML = "";
		this.show_totals();
		this.show_pages();
	}

	async select_customer(customer, ticked) {
		this.parts.list.setAttribute("aria-busy", "true");
		const filters = { ...this.active_filters(), customer: ["=", customer] };
		this.deselected.clear();
		await this.selection.set_all(filters, ticked);
		await this.load();
	}

	// SELECTION

	// If the server's count differs from the expected one, another user is changing the same list.
	selection_saved(summary, change) {
		if (!this.is_current) return;
		const expected = count_ticked(this.summary) + change;
		const pending_before = this.summary.pending.count;
		this.show_summary(summary);
		if (Number.isNaN(expected)) return;
		if (count_ticked(summary) === expected) {
			// A change of the selection can take other items over the limit or back.
			if (summary.pending.count !== pending_before) this.load();
			return;
		}
		frappe.show_alert({
			message: __("Another user changed this list. The current list is shown."),
			indicator: "orange",
		});
		this.load();
	}

	ticked(names, ticked) {
		if (this.ticks === "select") {
			this.selection.set(names, ticked);
			names.forEach((name) => this.deselected[ticked ? "delete" : "add"](name));
			this.show_select_buttons();
			return;
		}
		for (const name of names) {
			if (ticked) this.picked.set(name, this.grid.items[this.grid.row_of(name)]);
			else this.picked.delete(name);
		}
		this.show_select_buttons();
		this.show_totals();
	}

	async hold() {
		await this.selection.flush();
		await hold_balances(this.name, [...this.deselected], () => {
			this.deselected.clear();
			return this.refresh();
		});
	}

	async select_all(how) {
		if (this.ticks !== "select") {
			this.grid.tick_page(how === true);
			return;
		}
		this.parts.list.setAttribute("aria-busy", "true");
		const filters = this.active_filters();
		this.deselected.clear();
		await (how === "invert" ? this.selection.invert(filters) : this.selection.set_all(filters, how));
		await this.load();
	}

	// The desk has shown why an amount is refused; the grid then shows the stored one again.
	async set_amount(item, amount) {
		this.parts.list.setAttribute("aria-busy", "true");
		try {
			await write(this.name, "set_write_off_amount", { item: item.name, amount });
		} catch (error) {
			if (!(error instanceof RequestFailed)) throw error;
			return this.load();
		}
		await this.refresh();
	}

	clear_picked() {
		this.picked.clear();
	}

	show_select_buttons() {
		const button = (action, label, more = "") =>
			`<button type="button" class="btn btn-xs btn-default" data-select="${action}" ${more}>${escape(
				label
			)}</button>`;
		const { ticks } = this;
		if (ticks === "select") {
			this.parts.select.innerHTML = [
				button("page", __("Select Page")),
				button("all", __("Select All {0}", [number(this.total)])),
				button("none", __("Select None")),
				button("invert", __("Invert")),
				this.deselected.size && may_hold(this.frm.doc)
					? button("hold", hold_label(this.deselected.size), `title="${escape(hold_hint())}"`)
					: "",
			].join("");
		} else if (ticks === "pick") {
			const count = this.picked.size;
			this.parts.select.innerHTML = button(
				"reinstate",
				count ? __("Reinstate {0}", [number(count)]) : __("Reinstate"),
				count ? "" : `disabled title="${escape(reinstate_hint())}"`
			);
		} else {
			this.parts.select.innerHTML = "";
		}
		this.parts.select.setAttribute("aria-label", __("Selection"));
	}

	show_totals() {
		this.parts.totals.innerHTML = [
			this.view.ticks === "pick" ? this.picked_total() : this.selected_total(),
			this.filtered_total(),
		]
			.filter(Boolean)
			.join(" · ");
	}

	// Sums of the items under the filter, on all pages.
	filtered_total() {
		const { sums } = this;
		if (!sums) return "";
		const amounts = sums.by_currency.map(({ currency, amount }) => `<b>${money(amount, currency)}</b>`);
		return `<span class="wo-filtered">${__("Filtered: {0}", [this.items(sums.count)])} ${amounts.join(
			" + "
		)} ${this.in_company_currency(sums)}</span>`;
	}

	// Left out where it would repeat the only amount.
	in_company_currency({ by_currency, base_amount }) {
		const { company_currency } = this.summary;
		return by_currency.some(({ currency }) => currency !== company_currency)
			? `<span class="text-muted">= ${money(base_amount, company_currency)}</span>`
			: "";
	}

	selected_total() {
		const { selected, found } = this.summary;
		if (this.frm.doc.docstatus > 0) return "";
		const sums = selected.by_currency.map(({ currency, amount }) => `<b>${money(amount, currency)}</b>`);
		return `<span>${__("Selected: {0} of {1}", [
			number(selected.count),
			this.items(found.count),
		])}</span> ${sums.join(" + ")} ${this.in_company_currency(selected)}`;
	}

	picked_total() {
		if (!this.picked.size) return "";
		const sums = {};
		for (const item of this.picked.values()) {
			sums[item.currency] = (sums[item.currency] || 0) + written_off(item);
		}
		const shown = Object.entries(sums).map(([currency, sum]) => `<b>${money(sum, currency)}</b>`);
		return `<span>${__("Selected: {0}", [this.items(this.picked.size)])}</span> ${shown.join(" + ")}`;
	}
}

// Items over a limit count as ticked. Open items have a reason only then.
const is_ticked = (item) =>
	Boolean(cint(item.selected)) || (item.status === "Open" && Boolean(item.reason_code));

const count_ticked = ({ selected, pending }) => selected.count + pending.count;

// Strings inside nested templates are not extracted for translation, so they are defined here.
const group_label = () => __("By Customer");

const columns_label = () => __("Columns");

const rows_per_page = () => __("Rows per page");

const hold_label = (count) => __("Hold {0}…", [number(count)]);

const hold_hint = () => __("Keep the deselected balances out of later runs as well, until a date.");

const reinstate_hint = () => __("Select the balances to reinstate.");
