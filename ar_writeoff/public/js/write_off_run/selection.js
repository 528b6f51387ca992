import { write } from "./server";

// Ticks travel in the order they were made, a burst of them in one request. The server's answer is the truth:
// on_summary gets it, with by how many the selection was to grow (not a number where that cannot be known);
// when a request fails, on_failure asks for the page to be shown as the server has it.
export class Selection {
	constructor(name, { on_summary, on_failure }) {
		Object.assign(this, { name, on_summary, on_failure });
		this.waiting = new Map();
		this.sending = Promise.resolve();
	}

	set(names, selected) {
		for (const name of names) {
			const taken_back = this.waiting.has(name) && this.waiting.get(name) !== selected;
			if (taken_back) this.waiting.delete(name);
			else this.waiting.set(name, selected);
		}
		clearTimeout(this.timer);
		this.timer = setTimeout(() => this.flush(), 150);
	}

	// `filters` as in get_items; without them, all open items.
	set_all(filters, selected) {
		return this.send({ selected: selected ? 1 : 0, filters });
	}

	invert(filters) {
		return this.send({ selected: 1, invert: 1, filters });
	}

	// Resolves when the server knows everything that was ticked.
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
