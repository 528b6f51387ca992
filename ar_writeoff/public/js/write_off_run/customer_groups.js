import { escape, money, number } from "./text";

// The balances of a view by customer: one row each, to open, and to select all of it.
export class CustomerGroups {
	// options: wrapper, on_tick(customer, ticked), on_open(customer)
	constructor(options) {
		Object.assign(this, options);
		this.wrapper.addEventListener("click", (event) => {
			const name = event.target.closest("[data-customer]")?.dataset.customer;
			if (!name) return;
			if (event.target.matches("input")) this.on_tick(name, event.target.checked);
			else this.on_open(name);
		});
	}

	// ticks: "edit" | "show" | "none"
	show(customers, { ticks, company_currency, empty_message }) {
		if (!customers.length) {
			this.wrapper.innerHTML = `<p class="wo-empty text-muted">${empty_message}</p>`;
			return;
		}
		const has_ticks = ticks !== "none";
		const row = (group) => `
			<tr>${has_ticks ? `<td>${tick_box(group, ticks === "edit" ? "" : "disabled")}</td>` : ""}
				<td><button type="button" class="wo-open" data-customer="${escape(group.customer)}" title="${escape(
			show_balances()
		)}">${escape(group.customer_name || group.customer)}</button></td>
				<td class="wo-amount">${number(group.count)}</td>
				<td class="wo-amount">${money(group.base_amount, company_currency)}</td>
				${
					has_ticks
						? `<td class="wo-amount">${number(group.selected_count)}</td>
							<td class="wo-amount">${money(group.selected_amount, company_currency)}</td>`
						: ""
				}</tr>`;
		const end = (label) => `<th class="wo-amount">${escape(label)}</th>`;
		this.wrapper.innerHTML = `<div class="wo-scroll"><table class="table wo-table">
			<thead><tr>${has_ticks ? "<th></th>" : ""}<th>${escape(__("Customer"))}</th>
				${end(__("Balances"))}${end(__("Total ({0})", [company_currency]))}
				${has_ticks ? end(__("Selected")) + end(__("Write-Off")) : ""}</tr></thead>
			<tbody>${customers.map(row).join("")}</tbody></table></div>`;
		this.wrapper.querySelectorAll("input[data-some]").forEach((box) => (box.indeterminate = true));
	}
}

const tick_box = ({ customer, customer_name, count, selected_count }, disabled) => {
	const some = selected_count > 0 && selected_count < count ? "data-some" : "";
	return `<input type="checkbox" data-customer="${escape(customer)}" aria-label="${escape(
		select_customer(customer_name || customer)
	)}" ${cint(selected_count) === cint(count) ? "checked" : ""} ${some} ${disabled}>`;
};

// Strings inside nested templates are not extracted for translation, so they are defined here.
const select_customer = (name) => __("Select all balances of {0}", [name]);

const show_balances = () => __("Show the balances of this customer");
