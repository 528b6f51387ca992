import { criteria_sentence } from "./criteria";
import { posts_claims } from "./run_types";
import { date, escape, money, number } from "./text";

const TOP_CUSTOMERS = 5;

// Number cards above the grid, and two charts: by age and by customer.
export class Summary {
	constructor(wrapper, { on_customer }) {
		this.wrapper = wrapper;
		wrapper.innerHTML = `
			<div class="wo-criteria"></div>
			<div class="wo-overview">
				<div class="wo-cards"></div>
				<figure class="wo-chart"><figcaption>${escape(__("By Age in Days"))}</figcaption>
					<div class="wo-ageing"></div></figure>
				<figure class="wo-chart"><figcaption>${escape(__("By Customer"))}</figcaption>
					<div class="wo-customers"></div></figure>
			</div>`;
		this.part = (name) => wrapper.querySelector(`.wo-${name}`);
		this.part("customers").addEventListener("click", (event) => {
			const button = event.target.closest("[data-customer]");
			if (button) on_customer(button.dataset.customer);
		});
	}

	show(summary, doc) {
		this.currency = summary.company_currency;
		const submitted = doc.docstatus > 0;
		this.part("criteria").innerHTML = posts_claims(doc)
			? period_sentence(doc)
			: criteria_sentence(doc, this.currency) + not_due_sentence(summary);
		this.part("cards").innerHTML = (submitted ? result_cards : draft_cards)(summary, doc)
			.filter(Boolean)
			.join("");
		this.show_charts(summary, doc);
	}

	show_charts(summary, doc) {
		const has_several =
			!posts_claims(doc) && summary.ageing.reduce((sum, { count }) => sum + count, 0) > 1;
		this.part("overview").classList.toggle("wo-uncharted", !has_several);
		if (!has_several) return;
		this.part("ageing").innerHTML = ageing_bars(summary);
		this.part("customers").innerHTML = customer_bars(summary);
	}
}

// Horizontal bars, because labels and amounts need the width at any size of window. A click on a customer filters.
function bars(rows, currency) {
	const maximum = Math.max(...rows.map((row) => Math.abs(flt(row.base_amount))), 0.01);
	return rows
		.map(({ label, customer, base_amount }) => {
			const share = Math.round((100 * Math.abs(flt(base_amount))) / maximum);
			const content = `
				<span class="wo-top-name" dir="auto">${escape(label)}</span>
				<span class="wo-top-bar"><span style="inline-size: ${share}%"></span></span>
				<span class="wo-top-amount">${money(base_amount, currency)}</span>`;
			return customer
				? `<button type="button" class="wo-top" data-customer="${escape(customer)}"
					title="${escape(show_only(label))}">${content}</button>`
				: `<div class="wo-top">${content}</div>`;
		})
		.join("");
}

const ageing_bars = (summary) =>
	bars(
		summary.ageing.map(({ bucket, base_amount }) => ({ label: bucket, base_amount })),
		summary.company_currency
	);

function customer_bars(summary) {
	const rows = (summary.customers || []).slice(0, TOP_CUSTOMERS);
	const labelled = rows.map((row) => ({ ...row, label: row.customer_name || row.customer }));
	return bars(labelled, summary.company_currency) + other_customers(summary, rows);
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

function result_cards(summary, doc) {
	const { counts } = summary;
	const group = (label, { count, base_amount }, color) =>
		count > 0 && card(label, count, base_amount, summary, color);
	return [
		card(__("Approved"), summary.selected.count, summary.selected.base_amount, summary),
		group(__("Not Selected"), summary.not_selected),
		card(
			posts_claims(doc) ? __("Posted") : __("Written Off"),
			summary.posted.count,
			summary.posted.base_amount,
			summary,
			"green"
		),
		group(posts_claims(doc) ? __("Not Posted") : __("Not Written Off"), summary.not_posted, "red"),
		group(__("Conflict"), summary.conflict, "red"),
		group(__("Recovered"), summary.recovered),
		group(__("Undone"), summary.reversed),
		counts.Excluded && card(__("Excluded"), counts.Excluded, excluded_amount(summary), summary, "orange"),
	];
}

const excluded_amount = (summary) =>
	(summary.excluded || []).reduce((sum, group) => sum + flt(group.base_amount), 0);

const card = (label, count, amount, summary, color = "gray") => `
	<div class="wo-card" data-card="${escape(label)}">
		<div class="wo-card-label"><span class="indicator ${color}"></span>${escape(label)}</div>
		<div class="wo-card-count">${number(count)}</div>
		<div class="wo-card-amount">${money(amount, summary.company_currency)}</div>
	</div>`;

const period_sentence = (doc) => __("Return period {0} to {1}", [date(doc.from_date), date(doc.to_date)]);

// Balances that a search without a minimum age finds before they are due.
function not_due_sentence({ not_due, company_currency }) {
	if (!not_due?.count) return "";
	const amount = money(not_due.base_amount, company_currency);
	const text = __("Selected balances that are not due on the cutoff date: {0}, {1} in total.", [
		number(not_due.count),
		amount,
	]);
	return `<div class="wo-not-due"><span class="indicator orange"></span>${text}</div>`;
}

// Strings inside nested templates are not extracted for translation, so they are defined here.
const show_only = (name) => __("Show only {0}", [name]);
