import { escape, money, number } from "./text";

// Reasons for exclusion, one line each; a click filters the items.
export class ExcludedReasons {
	constructor({ wrapper, on_choose }) {
		Object.assign(this, { wrapper, on_choose, chosen: null });
		wrapper.addEventListener("click", (event) => {
			const button = event.target.closest("[data-reason]");
			if (!button) return;
			this.chosen = button.getAttribute("aria-pressed") === "true" ? null : button.dataset.reason;
			this.show(this.summary);
			this.on_choose();
		});
	}

	show(summary) {
		this.summary = summary;
		this.wrapper.innerHTML = `
			<p class="text-muted">${escape(
				__("These balances match the criteria but cannot be written off by this run. They stay open.")
			)}</p>
			<div class="wo-reasons">${(summary.excluded || [])
				.map((group) => this.reason(group, summary.company_currency))
				.join("")}</div>`;
	}

	reason({ reason_code, label, count, base_amount }, currency) {
		return `
			<button type="button" class="wo-reason" data-reason="${escape(reason_code)}"
				aria-pressed="${this.chosen === reason_code}">
				<span>${escape(label || reason_code)}</span>
				<span class="wo-reason-count">${number(count)}</span>
				<span class="wo-reason-amount">${money(base_amount, currency)}</span>
			</button>`;
	}

	filters() {
		return this.chosen ? { reason_code: this.chosen } : {};
	}
}
