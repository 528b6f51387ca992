import { criteria_sentence } from "./criteria";
import { escape, money, not_posted_count, number } from "./text";

const TOP_CUSTOMERS = 5;

// Number cards above the grid, and two charts: by age and by customer.
export class Summary {
	constructor(wrapper, { on_customer }) {
		this.wrapper = wrapper;
		wrapper.innerHTML = `
			<div class="wo-criteria"></div>
			<div class="wo-overview">
				<div class="wo-cards"></div>
				<figure class="wo-chart"><figcaption>${escape(__("By age in days"))}</figcaption>
					<div class="wo-ageing"></div></figure>
				<figure class="wo-chart"><figcaption>${escape(__("By customer"))}</figcaption>
					<div class="wo-customers"></div></figure>
			</div>`;
		this.part = (name) => wrapper.querySelector(`.wo-${name}`);
		this.part("customers").addEventListener("click", (event) => {
			const button = event.target.closest("[data-customer]");
			if (button) on_customer(button.dataset.customer);
		});
	}

	destroy() {
		this.chart?.destroy();
	}

	show(summary, doc) {
		this.currency = summary.company_currency;
		const submitted = doc.docstatus > 0;
		this.part("criteria").innerHTML = criteria_sentence(doc, this.currency);
		this.part("cards").innerHTML = (submitted ? result_cards : draft_cards)(summary)
			.filter(Boolean)
			.join("");
		this.show_charts(summary);
	}

	show_charts(summary) {
		const has_several = summary.ageing.reduce((sum, { count }) => sum + count, 0) > 1;
		this.part("overview").classList.toggle("wo-uncharted", !has_several);
		if (!has_several) return;
		this.show_ageing(summary.ageing);
		this.part("customers").innerHTML = customer_bars(summary);
	}

	show_ageing(buckets) {
		const parent = this.part("ageing");
		const labels = buckets.map((row) => without_markup(row.bucket));
		const values = buckets.map((row) => Math.abs(flt(row.base_amount, 2)));
		const chart_data = JSON.stringify([labels, values]);
		if (this.chart_data === chart_data || !parent.clientWidth) return;
		this.chart_data = chart_data;
		// A chart redraws once with a delay, so each gets its own element.
		this.chart?.destroy();
		const canvas = document.createElement("div");
		parent.replaceChildren(canvas);
		this.chart = new frappe.Chart(canvas, {
			type: "bar",
			height: 150,
			animate: 0,
			// During the entry animation a chart is replaced by a copy, and fails to redraw at another width.
			disableEntryAnimation: 1,
			colors: ["blue"],
			barOptions: { spaceRatio: 0.5 },
			axisOptions: {
				xAxisMode: "tick",
				xIsSeries: 0,
				shortenYAxisNumbers: 1,
				seriesLabelSpaceRatio: 1.4,
			},
			tooltipOptions: { formatTooltipY: (value) => money(value, this.currency) },
			data: { labels, datasets: [{ values }] },
		});
	}
}

// frappe.Chart writes labels as HTML and cuts them, so remove all markup characters.
const without_markup = (text) => String(text).replace(/[<>&"'`]/g, " ");

// Horizontal bars, because names need the width. A click filters the list.
function customer_bars(summary) {
	const rows = (summary.customers || []).slice(0, TOP_CUSTOMERS);
	const maximum = Math.max(...rows.map((row) => Math.abs(flt(row.base_amount))), 0.01);
	const bars = rows
		.map(({ customer, customer_name, base_amount }) => {
			const share = Math.round((100 * Math.abs(flt(base_amount))) / maximum);
			const content = `
				<span class="wo-top-name" dir="auto">${escape(customer_name || customer)}</span>
				<span class="wo-top-bar"><span style="inline-size: ${share}%"></span></span>
				<span class="wo-top-amount">${money(base_amount, summary.company_currency)}</span>`;
			return `<button type="button" class="wo-top" data-customer="${escape(customer)}"
				title="${escape(show_only(customer_name || customer))}">${content}</button>`;
		})
		.join("");
	return bars + other_customers(summary, rows);
}

// Without a bar: it would be longer than all the others.
function other_customers({ ageing, company_currency, customer_count }, rows) {
	const count = customer_count - rows.length;
	if (count <= 0) return "";
	const amount = (list) => list.reduce((sum, row) => sum + flt(row.base_amount), 0);
	return `<div class="wo-top"><span class="wo-top-name">${__("Other customers: {0}", [
		number(count),
	])}</span><span></span>
		<span class="wo-top-amount">${money(amount(ageing) - amount(rows), company_currency)}</span></div>`;
}

function draft_cards(summary) {
	const { pending } = summary;
	const excluded = summary.counts.Excluded || 0;
	return [
		card(__("Found"), summary.found.count, summary.found.base_amount, summary),
		card(__("Selected"), summary.selected.count, summary.selected.base_amount, summary, "blue"),
		card(
			__("Left Open"),
			summary.found.count - summary.selected.count - pending.count,
			flt(summary.found.base_amount) - flt(summary.selected.base_amount) - pending.base_amount,
			summary
		),
		pending.count && card(__("Over Limit"), pending.count, pending.base_amount, summary, "yellow"),
		excluded && card(__("Excluded"), excluded, excluded_amount(summary), summary, "orange"),
	];
}

function result_cards(summary) {
	const { counts } = summary;
	const not_posted = not_posted_count(counts);
	return [
		card(__("Approved"), summary.selected.count, summary.selected.base_amount, summary),
		counts["Not Selected"] &&
			card(__("Not Selected"), counts["Not Selected"], summary.not_selected.base_amount, summary),
		card(__("Written Off"), counts.Posted || 0, summary.posted?.base_amount, summary, "green"),
		not_posted && card(__("Not Written Off"), not_posted, undefined, summary, "red"),
		summary.recovered.count &&
			card(__("Recovered"), summary.recovered.count, summary.recovered.base_amount, summary),
		counts.Reversed && card(__("Undone"), counts.Reversed, undefined, summary),
		counts.Excluded && card(__("Excluded"), counts.Excluded, excluded_amount(summary), summary, "orange"),
	];
}

const excluded_amount = (summary) =>
	(summary.excluded || []).reduce((sum, group) => sum + flt(group.base_amount), 0);

const card = (label, count, amount, summary, color = "gray") => `
	<div class="wo-card" data-card="${escape(label)}">
		<div class="wo-card-label"><span class="indicator ${color}"></span>${escape(label)}</div>
		<div class="wo-card-count">${number(count)}</div>
		<div class="wo-card-amount">${amount === undefined ? "" : money(amount, summary.company_currency)}</div>
	</div>`;

// Strings inside nested templates are not extracted for translation, so they are defined here.
const show_only = (name) => __("Show only {0}", [name]);
