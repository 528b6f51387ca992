import { read } from "./server";
import { posts_claims } from "./run_types";
import { date, entries, escape, items_of, link, money, number } from "./text";

const FIRST_ENTRIES = 20;
const MORE_ENTRIES = 100;
const MAX_PROBLEMS = 20;

// Shows the Journal Entries that submitting would create, and lets a permitted user post them. It is also the
// confirmation: balances, amount, date, accounts, and the limits of a write-off.
export async function preview(frm, { may_post, on_post }) {
	const plan_entries = (limit) =>
		read(frm.doc.name, "preview_entries", { limit }, { freeze_message: __("Planning the entries…") });
	const plan = await plan_entries(FIRST_ENTRIES);
	const is_empty = !plan.item_count;
	const dialog = new frappe.ui.Dialog({
		title: may_post ? __("Preview and Post") : __("Preview of Journal Entries"),
		size: "extra-large",
		fields: [{ fieldtype: "HTML", fieldname: "preview" }],
	});
	dialog.fields_dict.preview.$wrapper.html(
		`<div class="wo-preview">${is_empty ? "" : sentence(plan, frm.doc)}${skipped(
			plan,
			frm.doc
		)}${problems(plan)}${
			is_empty
				? ""
				: accounts(plan) +
				  set_offs(plan) +
				  tax_relief(plan) +
				  (posts_claims(frm.doc) ? "" : write_off_notice(plan)) +
				  notes(plan) +
				  `<p class="text-muted">${escape(plan.way)}</p>` +
				  `<div class="wo-entries">${entry_list(plan)}</div>`
		}${may_post || is_empty ? "" : approval_notice(frm.doc)}</div>`
	);
	const list = dialog.$wrapper.find(".wo-entries");
	list.on("click", ".wo-more", async () => {
		const limit = list.find(".wo-entry").length + MORE_ENTRIES;
		list.html(entry_list({ ...plan, entries: (await plan_entries(limit)).entries }));
	});
	if (may_post && !is_empty) {
		dialog.set_primary_action(post_label(frm.doc, plan), () => {
			dialog.hide();
			on_post(plan);
		});
		dialog.set_secondary_action_label(__("Back"));
		dialog.set_secondary_action(() => dialog.hide());
	}
	dialog.show();
	return dialog;
}

// Credit balances are negative, as in the list.
function sentence(plan, doc) {
	const facts = [
		bold(items_of(doc)(plan.item_count)),
		bold(money(doc.balance_type === "Credit" ? -plan.total : plan.total, plan.currency)),
		bold(date(plan.posting_date)),
		bold(entries(plan.entry_count)),
		escape(__(plan.voucher_type)),
	];
	const text = posts_claims(doc)
		? __("{0}, total {1}, will be posted on {2} with {3} of type {4}.", facts)
		: __("{0}, total {1}, will be written off on {2} with {3} of type {4}.", facts);
	return `<p class="wo-sentence">${text}</p>`;
}

const post_label = (doc, plan) =>
	posts_claims(doc)
		? __("Post {0}", [strip_html(items_of(doc)(plan.item_count))])
		: __("Write Off {0}", [strip_html(items_of(doc)(plan.item_count))]);

const bold = (html) => `<b>${html}</b>`;

function problems(plan) {
	const all = plan.problems || [];
	if (!all.length) return "";
	const shown = all
		.slice(0, MAX_PROBLEMS)
		.map(
			({ voucher_no, message }) =>
				`<li>${voucher_no ? `<b>${escape(voucher_no)}</b>: ` : ""}${escape(message)}</li>`
		);
	const more = all.length - shown.length;
	if (more > 0) shown.push(`<li>${__("and {0} more", [number(more)])}</li>`);
	return `<div class="wo-note red"><p>${escape(__("These entries cannot be created:"))}</p><ul>${shown.join(
		""
	)}</ul></div>`;
}

function skipped(plan, doc) {
	if (!plan.skipped_count) return "";
	const shown = plan.skipped
		.slice(0, MAX_PROBLEMS)
		.map(({ message, count }) => `<li>${escape(message)}${count > 1 ? ` (${number(count)})` : ""}</li>`);
	const more = plan.skipped.length - shown.length;
	if (more > 0) shown.push(`<li>${__("and {0} more", [number(more)])}</li>`);
	const count = [items_of(doc)(plan.skipped_count)];
	const text = posts_claims(doc)
		? __(
				"Changed since the search: {0}. They will not be posted. Press Find Claims to update the list.",
				count
		  )
		: __(
				"Changed since the search: {0}. They will not be written off. Press Find Invoices to update the list.",
				count
		  );
	return `<div class="wo-note yellow"><p>${text}</p><ul>${shown.join("")}</ul></div>`;
}

const notes = (plan) =>
	(plan.notes || []).map((note) => `<div class="wo-note yellow"><p>${escape(note)}</p></div>`).join("");

function write_off_notice(plan) {
	const takes_tax = plan.tax_relief && (plan.tax_relief.claimed || plan.tax_relief.interim);
	const what = takes_tax
		? __(
				"Income, orders and subscriptions do not change. To reverse the sale, create a credit note instead."
		  )
		: __(
				"Income, tax, orders and subscriptions do not change. To reverse the sale, create a credit note instead."
		  );
	const first = takes_tax
		? __("A write-off closes only the balance and takes its tax.")
		: __("A write-off closes only the balance.");
	return `<div class="wo-note yellow"><p><b>${escape(first)}</b> ${escape(what)}</p></div>`;
}

// The tax in the loss, with the first and last days of its claims.
function tax_relief(plan) {
	const relief = plan.tax_relief;
	const is_shown =
		relief && (relief.claimed || relief.released || relief.claims.length || relief.excluded.length);
	if (!is_shown) return "";
	const { currency } = plan;
	const day = (value, otherwise) => (value ? date(value) : escape(otherwise));
	const row = (claim) => `
		<tr><td>${day(claim.claimable_on, event_unknown())}</td>
			<td>${day(claim.lapses_on, "")}${claim.lapsed ? ` <b>${lapsed()}</b>` : ""}</td>
			<td class="wo-amount">${number(claim.count)}</td>
			<td class="wo-amount">${money(claim.tax, currency)}</td></tr>`;
	const days = relief.claims.length
		? `<div class="wo-scroll"><table class="table wo-table" data-table="tax">
			<thead><tr><th>${escape(__("Claimable From"))}</th><th>${escape(__("Until"))}</th>
				<th class="wo-amount">${escape(__("Claims"))}</th>
				<th class="wo-amount">${escape(__("Tax"))}</th></tr></thead>
			<tbody>${relief.claims.map(row).join("")}</tbody>
		</table></div>`
		: "";
	const amount = (value) => [bold(money(value, currency))];
	const booked = [
		relief.claimed ? __("{0} is claimed with these entries.", amount(relief.claimed)) : "",
		relief.interim
			? __("{0} is on the interim account until it is claimed.", amount(relief.interim))
			: "",
		relief.released ? __("{0} of it was claimed before and is released.", amount(relief.released)) : "",
	].join(" ");
	const left_out = relief.excluded
		.map(({ message, count }) => `<li>${escape(message)} (${number(count)})</li>`)
		.join("");
	return `
		<h6>${escape(__("Tax Relief"))}</h6>
		<p class="wo-tax">${__("{0} of it is tax to claim. The loss is {1}.", [
			bold(money(relief.tax, currency)),
			bold(money(relief.loss, currency)),
		])} ${booked}</p>
		${days}
		${left_out ? `<p>${escape(__("Without a claim:"))}</p><ul>${left_out}</ul>` : ""}`;
}

const event_unknown = () => __("Date of the event");

const lapsed = () => escape(__("Lapsed"));

const approval_notice = (doc) =>
	`<div class="wo-note blue"><p>${escape(
		posts_claims(doc)
			? __("A user who may submit this run, such as an Accounts Manager, approves and posts it.")
			: __(
					"A user who may submit Write-Off Runs, such as an Accounts Manager, approves and posts this run."
			  )
	)}</p></div>`;

function accounts(plan) {
	const { currency } = plan;
	const shown = used_fields(plan.accounts, ["cost_center", "project"]);
	const row = (line) => `
		<tr><td>${escape(line.account)}</td>
			${shown.map((field) => `<td>${escape(line[field])}</td>`).join("")}
			<td class="wo-amount">${money_or_blank(line.debit, currency)}</td>
			<td class="wo-amount">${money_or_blank(line.credit, currency)}</td></tr>`;
	return `
		<h6>${escape(__("By Account"))}</h6>
		<div class="wo-scroll"><table class="table wo-table" data-table="accounts">
			<thead><tr><th>${escape(__("Account"))}</th>${shown.map(heading).join("")}${debit_and_credit()}</tr></thead>
			<tbody>${plan.accounts.map(row).join("")}</tbody>
			<tfoot><tr><td colspan="${1 + shown.length}">${escape(__("Total"))}</td>
				<td class="wo-amount">${money(sum(plan.accounts, "debit"), currency)}</td>
				<td class="wo-amount">${money(sum(plan.accounts, "credit"), currency)}</td></tr></tfoot>
		</table></div>`;
}

// Credits of the customers that are set off before the rest is written off.
function set_offs(plan) {
	if (!plan.set_off_count) return "";
	const row = (one) => `
		<tr><td>${escape(one.customer)}</td><td>${link(one.credit_type, one.credit_no)}</td>
			<td>${link(one.debit_type, one.debit_no)}</td>
			<td class="wo-amount">${money(one.amount, plan.currency)}</td></tr>`;
	const more = plan.set_off_count - plan.set_offs.length;
	return `
		<h6>${escape(__("Credits Set Off First"))}</h6>
		<div class="wo-scroll"><table class="table wo-table" data-table="set-offs">
			<thead><tr><th>${escape(__("Customer"))}</th><th>${escape(__("Credit"))}</th>
				<th>${escape(__("Set Off Against"))}</th><th class="wo-amount">${escape(__("Amount"))}</th></tr></thead>
			<tbody>${plan.set_offs.map(row).join("")}</tbody>
			<tfoot><tr><td colspan="3">${escape(__("Total"))}${
		more > 0 ? ` (${escape(__("and {0} more", [number(more)]))})` : ""
	}</td>
				<td class="wo-amount">${money(plan.set_off_total, plan.currency)}</td></tr></tfoot>
		</table></div>`;
}

function entry_list(plan) {
	const hidden = plan.entry_count - plan.entries.length;
	return `
		<h6>${escape(__("Journal Entries"))}</h6>
		${plan.entries
			.map((entry, index) => entry_details(entry, plan, index === 0 && plan.entry_count === 1))
			.join("")}
		${
			hidden > 0
				? `<p class="text-muted">${__("The first {0} of {1} are shown.", [
						number(plan.entries.length),
						entries(plan.entry_count),
				  ])} <button type="button" class="btn btn-xs btn-default wo-more">${show_more()}</button></p>`
				: ""
		}`;
}

function entry_details(entry, plan, open) {
	const { currency } = plan;
	const shown = used_fields(entry.rows, ["cost_center", "project"]);
	const foreign = (row) =>
		row.account_currency && row.account_currency !== currency
			? `<br><span class="text-muted">${money(
					flt(row.debit_in_account_currency) || flt(row.credit_in_account_currency),
					row.account_currency
			  )}</span>`
			: "";
	const row = (line) => `
		<tr><td>${escape(line.account)}</td><td>${escape(line.party)}</td>
			<td>${line.reference_name ? link(line.reference_type, line.reference_name) : ""}</td>
			${shown.map((field) => `<td>${escape(line[field])}</td>`).join("")}
			<td class="wo-amount">${money_or_blank(line.debit, currency)}${flt(line.debit) ? foreign(line) : ""}</td>
			<td class="wo-amount">${money_or_blank(line.credit, currency)}${
		flt(line.credit) ? foreign(line) : ""
	}</td></tr>`;
	return `
		<details class="wo-entry" ${open ? "open" : ""}>
			<summary><span>${escape(entry.title)}</span>
				<span class="text-muted">${__("{0} rows", [number(entry.rows.length)])}</span>
				<span class="wo-amount">${money(entry.total_debit, currency)}</span></summary>
			<div class="wo-scroll"><table class="table wo-table">
				<thead><tr><th>${escape(__("Account"))}</th><th>${escape(__("Party"))}</th>
					<th>${escape(__("Reference"))}</th>${shown.map(heading).join("")}${debit_and_credit()}</tr></thead>
				<tbody>${entry.rows.map(row).join("")}</tbody>
				<tfoot><tr><td colspan="${3 + shown.length}">${escape(__("Total"))}</td>
					<td class="wo-amount">${money(entry.total_debit, currency)}</td>
					<td class="wo-amount">${money(entry.total_credit, currency)}</td></tr></tfoot>
			</table></div>
		</details>`;
}

// Strings inside nested templates are not extracted for translation, so they are defined here.
const show_more = () => escape(__("Show More"));

const debit_and_credit = () =>
	`<th class="wo-amount">${escape(__("Debit"))}</th><th class="wo-amount">${escape(__("Credit"))}</th>`;

const heading = (field) =>
	`<th>${escape({ cost_center: __("Cost Center"), project: __("Project") }[field])}</th>`;

// Columns with a value in any row.
const used_fields = (rows, fields) => fields.filter((field) => rows.some((row) => row[field]));

const money_or_blank = (value, currency) => (flt(value) ? money(value, currency) : "");

const sum = (rows, field) => rows.reduce((total, row) => total + flt(row[field]), 0);
