import { escape } from "./text";

// The row of filters above the grid. Gives filters in the shape of get_items, knows nothing of how they are used.
export class Filters {
	// options: wrapper, on_change(), on_leave() when the person goes on to the grid with the keyboard
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
				style="flex: 0 1 9rem">
				${options([
					["", __("Selected or not")],
					["1", __("Selected")],
					["0", __("Not selected")],
				])}
			</select>
			<button type="button" class="btn btn-xs btn-default wo-clear" hidden>${escape(__("Clear Filters"))}</button>`;
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
		const field = this.wrapper.querySelector('[data-filter="selected"]');
		field.hidden = !shown;
		if (!shown) field.value = "";
	}

	// What is typed, as filters. Credit balances are negative: "up to 5" finds -3 and not -8.
	values({ credit }) {
		const typed = Object.fromEntries(
			this.fields.map((field) => [field.dataset.filter, field.value.trim()])
		);
		const filters = {};
		if (typed.customer) filters.customer = typed.customer;
		if (typed.voucher_no) filters.voucher_no = typed.voucher_no;
		if (typed.currency) filters.currency = typed.currency.toUpperCase();
		if (typed.age_over) filters.age_days = [">", cint(typed.age_over)];
		if (typed.balance_up_to) {
			const most = Math.abs(flt(typed.balance_up_to));
			filters.base_outstanding_amount = credit ? [">=", -most] : ["<=", most];
		}
		if (typed.selected) filters.selected = cint(typed.selected);
		this.wrapper.querySelector(".wo-clear").hidden = !Object.keys(filters).length;
		return filters;
	}
}
