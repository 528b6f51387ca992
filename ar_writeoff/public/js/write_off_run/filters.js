import { escape, not_an_amount, parse_number } from "./text";

// The filter row above the grid; returns filters for get_items.
export class Filters {
	// options: wrapper, on_change(), on_leave() when focus moves on to the grid
	constructor(options) {
		Object.assign(this, options);
		this.wrapper.innerHTML = this.html();
		const changed = frappe.utils.debounce(() => this.on_change(), 300);
		this.wrapper.addEventListener("input", changed);
		this.wrapper.addEventListener("keydown", (event) => {
			if (event.key === "ArrowDown" && event.target.matches("input")) {
				event.preventDefault();
				this.on_leave();
			} else if (event.key === "Escape") {
				event.target.blur();
			}
		});
		this.wrapper.querySelector(".wo-clear").addEventListener("click", () => {
			this.clear();
			this.on_change();
		});
	}

	html() {
		const text = (field, label, size, mode = "text") => `
			<input type="text" class="form-control input-xs" data-filter="${field}" inputmode="${mode}"
				style="flex: 1 1 ${size}rem; max-inline-size: ${1.5 * size}rem" placeholder="${escape(
			label
		)}" aria-label="${escape(label)}">`;
		const options = (pairs) =>
			pairs.map(([value, label]) => `<option value="${value}">${escape(label)}</option>`).join("");
		return `
			${text("customer", __("Customer"), 8)}
			${text("voucher_no", __("Invoice"), 8)}
			${text("age_over", __("Age over"), 5, "numeric")}
			${text("balance_up_to", __("Balance up to"), 7, "decimal")}
			${text("currency", __("Currency"), 5)}
			<select class="form-control input-xs" data-filter="selected" aria-label="${escape(__("Selection"))}"
				style="flex: 0 1 12rem">
				${options([
					["", __("Selected or not")],
					["1", __("Selected")],
					["0", __("Not selected")],
				])}
			</select>
			<button type="button" class="btn btn-xs btn-default wo-clear" hidden>${escape(__("Clear Filters"))}</button>
			<span class="wo-problem" role="alert"></span>`;
	}

	get fields() {
		return [...this.wrapper.querySelectorAll("[data-filter]")];
	}

	clear() {
		this.fields.forEach((field) => (field.value = ""));
	}

	set(name, value) {
		this.fields.find((field) => field.dataset.filter === name).value = value;
	}

	focus() {
		this.fields[0].focus();
		this.fields[0].select();
	}

	show_selected_filter(shown) {
		this.show_field("selected", shown);
	}

	// One currency needs no filter.
	show_currency_filter(shown) {
		this.show_field("currency", shown);
	}

	show_field(name, shown) {
		const field = this.fields.find(({ dataset }) => dataset.filter === name);
		field.hidden = !shown;
		if (!shown) field.value = "";
	}

	// The filter values. Credit balances are negative: "up to 5" finds -3 but not -8.
	values({ credit }) {
		const input = Object.fromEntries(
			this.fields.map((field) => [field.dataset.filter, field.value.trim()])
		);
		const filters = {};
		if (input.customer) filters.customer = input.customer;
		if (input.voucher_no) filters.voucher_no = input.voucher_no;
		if (input.currency) filters.currency = input.currency.toUpperCase();
		const age = this.number("age_over", input.age_over);
		if (age !== null) filters.age_days = [">", Math.floor(age)];
		const balance = this.number("balance_up_to", input.balance_up_to);
		if (balance !== null) {
			const maximum = Math.abs(balance);
			filters.base_outstanding_amount = credit ? [">=", -maximum] : ["<=", maximum];
		}
		if (input.selected) filters.selected = cint(input.selected);
		const wrong = this.fields.find((field) => field.classList.contains("wo-wrong"));
		this.wrapper.querySelector(".wo-problem").innerHTML = wrong ? not_an_amount(wrong.value) : "";
		this.wrapper.querySelector(".wo-clear").hidden = !Object.keys(filters).length && !wrong;
		return filters;
	}

	// The number in a field, null if it is empty or not a number. The list is then not filtered by it.
	number(name, text) {
		const number = text ? parse_number(text) : null;
		const is_wrong = Number.isNaN(number);
		const field = this.fields.find(({ dataset }) => dataset.filter === name);
		field.classList.toggle("wo-wrong", is_wrong);
		field.setAttribute("aria-invalid", is_wrong);
		return is_wrong ? null : number;
	}
}
