import { TAX_RUN, doctype_of } from "./run_types";
import { read } from "./server";
import { escape, number } from "./text";

export const BUSY = ["Searching", "Queued", "Posting", "Reversing"];

const EVENT = "write_off_run_progress";
const POLL_INTERVAL = 3000;

// Shows the progress of a run. It is read from the database, so it survives a reload; realtime events only trigger an
// earlier read.
export class Progress {
	// options: wrapper, currency() of the company, on_progress(progress), on_change(progress) when the status has changed
	constructor(options) {
		Object.assign(this, options);
		this.hint = frappe.utils.throttle((data) => {
			if (!data?.run || data.run === this.name) this.load();
		}, 700);
	}

	watch(name, status) {
		if (this.name === name && this.status === status) return;
		this.stop();
		Object.assign(this, { name, status, first: null });
		frappe.realtime.on(EVENT, this.hint);
		this.timer = setInterval(() => document.hidden || this.load(), POLL_INTERVAL);
		this.load();
	}

	stop() {
		clearInterval(this.timer);
		frappe.realtime.off(EVENT, this.hint);
		this.name = this.status = null;
		this.wrapper.hidden = true;
	}

	async load() {
		if (this.loading || !this.name) return;
		const { name, status } = this;
		this.loading = true;
		try {
			const progress = await read(name, "get_progress", {}, { silent: true });
			if (this.name !== name || this.status !== status) return;
			this.show(progress);
			this.on_progress(progress);
			if (progress.status !== status) this.on_change(progress);
		} catch {
			// The next poll tries again.
		} finally {
			this.loading = false;
		}
	}

	show(progress) {
		const { total, succeeded, not_posted, texts } = (
			{ Searching: searched, Reversing: undone }[this.status] || posted_of(this.name)
		)(progress, this.currency());
		const share = (count) => (total ? (100 * count) / total : 0);
		const done = succeeded + not_posted;
		const known = total > 0;
		const bar = (count, color) =>
			`<div class="wo-bar ${color}" style="inline-size: ${share(count)}%"></div>`;
		this.wrapper.hidden = false;
		this.wrapper.innerHTML = `
			<div class="wo-progress" role="progressbar" aria-label="${escape(__(this.status))}" aria-valuemin="0"
				${known ? `aria-valuemax="${total}" aria-valuenow="${done}"` : ""}>
				<div class="wo-bars ${known ? "" : "wo-unknown"}">${
			known ? bar(succeeded, "green") + bar(not_posted, "red") : ""
		}</div>
				<div class="wo-progress-text">${
					known
						? [...texts, this.time_left(done, total)]
								.filter(Boolean)
								.map((text) => escape(text))
								.join(" · ")
						: ""
				}</div>
			</div>`;
	}

	// An estimate from the speed since the first answer; none in the first seconds.
	time_left(done, total) {
		this.first ||= { at: Date.now(), done };
		const seconds = (Date.now() - this.first.at) / 1000;
		const speed = (done - this.first.done) / seconds;
		if (seconds < 5 || speed <= 0 || done >= total) return "";
		const left = Math.ceil((total - done) / speed);
		return left > 90
			? __("about {0} minutes left", [number(Math.ceil(left / 60))])
			: __("about {0} seconds left", [number(left)]);
	}
}

// For each kind of work: total, number done and not done of it, and texts.

function searched({ search }) {
	const total = cint(search?.ledger_rows);
	const succeeded = Math.min(cint(search?.processed_rows), total);
	const percent = total ? Math.floor((100 * succeeded) / total) : 0;
	return {
		total,
		succeeded,
		not_posted: 0,
		texts: [__("{0} % of the ledger searched", [number(percent)])],
	};
}

function posted_of(name) {
	return doctype_of(name) === TAX_RUN ? claims_posted : written_off;
}

function written_off(progress) {
	const { posted, total } = progress;
	return in_batches(progress, __("{0} of {1} written off", [number(posted), number(total)]), (count) =>
		__("{0} not written off", [number(count)])
	);
}

function claims_posted(progress) {
	const { posted, total } = progress;
	return in_batches(progress, __("{0} of {1} posted", [number(posted), number(total)]), (count) =>
		__("{0} not posted", [number(count)])
	);
}

function in_batches({ total, posted, skipped, failed, conflict, batches_done, batches_total }, text, left) {
	const not_posted = cint(skipped) + cint(failed) + cint(conflict);
	const texts = [text];
	if (not_posted) texts.push(left(not_posted));
	if (cint(batches_total) > 1) {
		texts.push(__("batch {0} of {1}", [number(batches_done), number(batches_total)]));
	}
	return { total: cint(total), succeeded: cint(posted), not_posted, texts };
}

// Only posted balances are undone.
function undone({ posted, reversed, conflict, reversed_amount }, currency) {
	const total = cint(posted) + cint(reversed) + cint(conflict);
	const amount = format_currency(reversed_amount, currency);
	const text = __("{0} of {1} opened again, total {2}", [number(reversed), number(total), amount]);
	return { total, succeeded: cint(reversed), not_posted: 0, texts: [text] };
}
