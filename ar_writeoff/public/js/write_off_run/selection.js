import { write } from "./server";

// Sends ticks to the server in order, several in one request. on_summary gets the server's answer and the expected
// change of the selected count (NaN if unknown); on_failure must reload the page of items.
export class Selection {
	constructor(name, { on_summary, on_failure }) {
		Object.assign(this, { name, on_summary, on_failure });
		this.waiting = new Map();
		this.sending = Promise.resolve();
	}

	set(names, selected) {
		for (const name of names) {
			const reverted = this.waiting.has(name) && this.waiting.get(name) !== selected;
			if (reverted) this.waiting.delete(name);
			else this.waiting.set(name, selected);
		}
		clearTimeout(this.timer);
		this.timer = setTimeout(() => this.flush(), 150);
	}

	// `filters` as in get_items; without them all open items.
	set_all(filters, selected) {
		return this.send({ selected: selected ? 1 : 0, filters });
	}

	invert(filters) {
		return this.send({ selected: 1, invert: 1, filters });
	}

	// Resolves when the server has all ticks.
	flush() {
		clearTimeout(this.timer);
		const waiting = this.waiting;
		this.waiting = new Map();
		for (const selected of [true, false]) {
			const items = [...waiting].filter(([, value]) => value === selected).map(([name]) => name);
			if (items.length) {
				this.queue({ selected: selected ? 1 : 0, items }, selected ? items.length : -items.length);
			}
		}
		return this.sending;
	}

	send(args) {
		this.flush();
		return this.queue(args);
	}

	queue(args, change = NaN) {
		this.sending = this.sending
			.then(() => write(this.name, "set_selection", as_json(args)))
			.then((summary) => this.on_summary(summary, change), this.on_failure);
		return this.sending;
	}
}

const as_json = ({ items, filters, ...args }) => ({
	...args,
	items: items && JSON.stringify(items),
	filters: filters && JSON.stringify(filters),
});
