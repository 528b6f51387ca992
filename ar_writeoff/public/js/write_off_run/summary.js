import { escape, money, number } from "./text";

const TOP_CUSTOMERS = 5;

// The numbers above the grid and two charts: how old the balances are, and whose they are.
export class Summary {
	constructor(wrapper) {
		this.wrapper = wrapper;
		wrapper.innerHTML = `
			<div class="wo-cards"></div>
			<div class="wo-charts">
				<figure class="wo-chart"><figcaption>${escape(__("By age"))}</figcaption>
					<div data-chart="ageing"></div></figure>
				<figure class="wo-chart"><figcaption>${escape(__("By customer"))}</figcaption>
					<div data-chart="customers"></div></figure>
			</div>`;
		this.drawn = {};
	}

	show(summary, { submitted }) {
		this.currency = summary.company_currency;
		this.wrapper.querySelector(".wo-cards").innerHTML = (submitted ? result_cards : draft_cards)(summary)
			.filter(Boolean)
			.join("");
		this.show_charts(summary);
	}

	show_charts(summary) {
		const ageing = (summary.ageing || []).filter((bucket) => bucket.count);
		const customers = top_customers(summary);
		const worth_showing = !this.hidden && summary.found.count > 1;
		this.wrapper.querySelector(".wo-charts").hidden = !worth_showing;
		if (!worth_showing) return;
		this.draw(
			"ageing",
			ageing.map((bucket) => [bucket.bucket, bucket]),
			{
				type: "bar",
				colors: ["blue"],
				barOptions: { spaceRatio: 0.5 },
				axisOptions: { xAxisMode: "tick", xIsSeries: 0, shortenYAxisNumbers: 1 },
			}
		);
		this.draw(
			"customers",
			customers.map((row) => [row.customer_name || row.customer, row]),
			{
				type: "percentage",
				truncateLegends: true,
				maxSlices: TOP_CUSTOMERS + 1,
				colors: ["blue", "green", "orange", "purple", "cyan", "grey"],
				barOptions: { height: 14, depth: 0 },
			}
		);
	}

	// frappe.Chart writes labels as HTML.
	draw(key, pairs, options) {
		const signature = JSON.stringify(pairs);
		const parent = this.wrapper.querySelector(`[data-chart="${key}"]`);
		if (this.drawn[key] === signature || !parent.clientWidth) return;
		this.drawn[key] = signature;
		new frappe.Chart(parent, {
			height: 170,
			animate: 0,
			truncateLegends: true,
			tooltipOptions: { formatTooltipY: (value) => money(value, this.currency) },
			data: {
				labels: pairs.map(([label]) => escape(frappe.ellipsis(label, 22))),
				datasets: [{ values: pairs.map(([, row]) => Math.abs(flt(row.base_amount, 2))) }],
			},
			...options,
		});
	}
}

function draft_cards(summary) {
	const excluded = summary.counts.Excluded || 0;
	return [
		card(__("Found"), summary.found.count, summary.found.base_amount, summary),
		card(__("Selected"), summary.selected.count, summary.selected.base_amount, summary, "blue"),
		card(
			__("Left Open"),
			summary.found.count - summary.selected.count,
			flt(summary.found.base_amount) - flt(summary.selected.base_amount),
			summary
		),
		excluded && card(__("Excluded"), excluded, excluded_amount(summary), summary, "orange"),
	];
}

function result_cards(summary) {
	const { counts } = summary;
	const troubled = (counts.Skipped || 0) + (counts.Failed || 0) + (counts.Conflict || 0);
	return [
		card(__("Approved"), summary.selected.count, summary.selected.base_amount, summary),
		card(__("Written Off"), counts.Posted || 0, summary.posted?.base_amount, summary, "green"),
		troubled && card(__("Not Written Off"), troubled, undefined, summary, "red"),
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

function top_customers(summary) {
	const rows = (summary.customers || []).slice(0, TOP_CUSTOMERS);
	const rest =
		Math.abs(flt(summary.found.base_amount)) -
		rows.reduce((sum, row) => sum + Math.abs(flt(row.base_amount)), 0);
	if (rows.length === TOP_CUSTOMERS && flt(rest, 2) > 0) {
		rows.push({ customer_name: __("All others"), base_amount: rest });
	}
	return rows;
}
