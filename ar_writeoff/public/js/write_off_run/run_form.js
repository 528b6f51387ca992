import { send_notices } from "../letters_dialog";
import * as after_posting from "./after_posting";
import { related_runs, request_approval, return_to_preparer, verify } from "./approval";
import { export_list } from "./export";
import { preview } from "./preview";
import { BUSY, Progress } from "./progress";
import { posts_claims } from "./run_types";
import { change, freeze, ignore_error } from "./server";
import { form_state } from "./states";
import { items_of, number } from "./text";
import { Workbench } from "./workbench";

// Milliseconds between refreshes of the list while a run is posted.
const REFRESH_INTERVAL = 5000;

// Controller of the Write-Off Run form: shows the state of its document.
export class RunForm {
	constructor(frm) {
		this.frm = frm;
		this.progress_area = document.createElement("div");
		this.progress = new Progress({
			wrapper: this.progress_area,
			currency: () => this.summary?.company_currency,
			on_progress: frappe.utils.throttle(
				() => this.workbench && ignore_error(this.workbench.refresh()),
				REFRESH_INTERVAL
			),
			on_change: () => frm.reload_doc(),
		});
		this.actions = this.define_actions();
		$(frm.wrapper).on("hide", () => this.progress.stop());
		// The desk replaces the primary button by Save.
		$(frm.wrapper).on("dirty", () => frm.is_new() && this.show_state());
		this.bind_keys();
	}

	refresh() {
		const { frm } = this;
		if (this.workbench && this.workbench.name !== frm.doc.name) this.destroy_workbench();
		this.show_state();
		this.watch_progress();
		if (this.has_items()) return this.show_items();
		this.hide_items();
	}

	destroy_workbench() {
		this.workbench.destroy();
		this.workbench = null;
	}

	has_items() {
		const { doc } = this.frm;
		const listed = cint(doc.found_count) + cint(doc.excluded_count);
		return !doc.__islocal && Boolean(doc.searched_on) && listed > 0 && doc.status !== "Searching";
	}

	get summary() {
		return this.workbench?.summary || null;
	}

	// ITEMS

	// The list has the entries, so the connections need not take its place. Frappe stores the state for the forms of
	// all doctypes, therefore the stored state is restored.
	collapse_connections() {
		const section = this.frm.dashboard.links_area;
		if (!section?.collapse) return;
		const key = `${section.df.css_class}-closed`;
		const stored = localStorage.getItem(key);
		section.collapse(true);
		localStorage.setItem(key, stored || "");
	}

	show_items() {
		const { frm } = this;
		this.show_items_section(true);
		if (!this.workbench) {
			this.collapse_connections();
			const wrapper = frm.fields_dict.items_html.$wrapper.empty()[0];
			this.workbench = new Workbench({
				frm,
				wrapper,
				on_summary: (summary) => this.update_totals(summary),
				on_reinstate: (items) => this.reinstate(items),
			});
		}
		return ignore_error(this.workbench.refresh());
	}

	hide_items() {
		if (this.workbench) this.destroy_workbench();
		this.show_items_section(false);
	}

	show_items_section(shown) {
		this.frm.fields_dict.items_html.section?.wrapper.toggle(shown);
	}

	// Updates the totals of the document with the selection, without reloading the form.
	update_totals(summary) {
		const { doc } = this.frm;
		doc.found_count = summary.found.count;
		doc.selected_count = summary.selected.count;
		doc.selected_amount = summary.selected.base_amount;
		// After the user's own change `modified` may follow. After another user's, the form must be reloaded before
		// it can submit, so that no outdated list is approved.
		if (summary.changed_by === frappe.session.user) doc.modified = summary.modified;
		this.show_state();
		// Posted or undone by another user since the form was loaded.
		if (summary.status !== doc.status && !this.frm.is_dirty()) this.frm.debounced_reload_doc();
	}

	// STATE

	show_state() {
		const { frm } = this;
		// While the summary is from before the present status, its counts are too.
		const summary = this.summary?.status === frm.doc.status ? this.summary : null;
		const state = form_state({
			doc: frm.doc,
			summary,
			may: {
				write: frm.perm[0]?.write,
				submit: frm.perm[0]?.submit,
				cancel: frm.perm[0]?.cancel,
			},
			workflow: frappe.model.has_workflow(frm.doctype),
		});
		this.show_intro(state, [
			frappe.ar_writeoff.settings_hint?.(frm),
			...related_runs(frm.doc, this.summary),
		]);
		// Before posting there are no connections.
		$(frm.layout.wrapper)
			.toggleClass("wo-unposted", frm.doc.docstatus === 0)
			.toggleClass("wo-listed", this.has_items());
		if (frm.is_new() || !frm.is_dirty()) this.show_primary(state.primary);
		this.show_buttons((state.buttons || []).filter(Boolean));
	}

	show_intro({ intro, color }, more) {
		const { frm } = this;
		frm.dashboard.clear_headline();
		const text = [intro, ...more].filter(Boolean).join(" ");
		// Without a cross to close it, which would lie over the text.
		if (text) frm.layout.show_message(`<div class="wo-intro">${text}</div>`, color || "blue", true);
		this.progress_area.remove();
		frm.layout.message.after(this.progress_area);
	}

	show_primary(name) {
		const { frm } = this;
		const { page } = frm;
		// Keep the desk's Amend on a cancelled run.
		if (frm.doc.docstatus === 2) return;
		if (frappe.model.has_workflow(frm.doctype) && !name) return;
		page.clear_primary_action();
		page.clear_secondary_action();
		frm.toolbar.current_status = null;
		if (name) {
			const { label, run } = this.actions[name];
			page.set_primary_action(label, () => void run());
		}
	}

	show_buttons(names) {
		this.frm.clear_custom_buttons();
		for (const name of names) {
			const { label, menu_label, run } = this.actions[name];
			this.frm.add_custom_button(label, () => void run());
			if (menu_label)
				this.frm.page
					.add_menu_item(menu_label, () => void run())
					.parent()
					.addClass("hidden-xl");
		}
		if (this.may_send_letters())
			this.frm.page.add_menu_item(__("Send Letters"), () => after_posting.send_letters(this.frm));
		if (this.may_send_notices())
			this.frm.page.add_menu_item(__("Send Notices"), () =>
				send_notices(this.frm.doc.company, { letters: this.summary.notices })
			);
		if (this.has_items() && this.frm.perm[0]?.export) {
			for (const [file_format, label] of [
				["XLSX", __("Excel")],
				["CSV", __("CSV")],
			]) {
				this.frm.add_custom_button(
					label,
					() => void ignore_error(export_list(this.frm, file_format)),
					__("Export")
				);
			}
		}
	}

	may_send_letters() {
		const { doc, perm } = this.frm;
		const is_posted = ["Posted", "Partly Posted"].includes(doc.status);
		return is_posted && doc.balance_type === "Debit" && Boolean(perm[0]?.submit);
	}

	// A draft tax run of a company with claims that lack their notice.
	may_send_notices() {
		const { doc, perm } = this.frm;
		return doc.docstatus === 0 && Boolean(this.summary?.notices && perm[0]?.submit);
	}

	define_actions() {
		const { frm } = this;
		const is_tax = posts_claims(frm.doc);
		return {
			save: { label: __("Save"), run: () => frm.save() },
			save_and_find: {
				label: is_tax ? __("Save and Find Claims") : __("Save and Find Invoices"),
				run: () => this.find(),
			},
			find: { label: is_tax ? __("Find Claims") : __("Find Invoices"), run: () => this.find() },
			cancel_search: {
				label: __("Cancel Search"),
				run: () => ignore_error(change(frm, "cancel_search", {}, freeze(__("Cancelling…")))),
			},
			preview: { label: __("Preview Entries"), run: () => this.preview(false) },
			preview_and_post: { label: __("Preview and Post"), run: () => this.preview(true) },
			request_approval: { label: __("Request Approval"), run: () => this.request_approval() },
			return_to_preparer: {
				label: __("Return to Preparer"),
				run: () => return_to_preparer(frm),
			},
			verify: { label: __("Verify Approval"), run: () => ignore_error(verify(frm)) },
			pause: {
				label: __("Pause"),
				run: () => ignore_error(change(frm, "pause", {}, freeze(__("Pausing…")))),
			},
			resume: {
				label: __("Resume"),
				run: () => ignore_error(change(frm, "resume", {}, freeze(__("Resuming…")))),
			},
			retry: { label: __("Retry"), run: () => after_posting.retry(frm, this.summary) },
			mark_as_filed: {
				label: __("Mark as Filed"),
				run: () => after_posting.mark_as_filed(frm),
			},
			withdraw_filing: {
				label: __("Withdraw Filing"),
				run: () => ignore_error(change(frm, "mark_as_filed", { filed: 0 }, freeze(__("Saving…")))),
			},
			// In narrow windows buttons are in the menu, which has an Undo of Frappe for the fields.
			undo: {
				label: __("Undo"),
				menu_label: is_tax ? __("Undo Tax Run") : __("Undo Write-Off"),
				run: () => after_posting.undo(frm, this.summary),
			},
		};
	}

	// SEARCH

	find() {
		const { frm } = this;
		if (frm.is_new() || frm.is_dirty()) {
			frm.save("Save", (r) => r.exc || this.search());
			return;
		}
		return this.search();
	}

	async search() {
		const { frm } = this;
		const again = Boolean(frm.doc.searched_on);
		const is_tax = posts_claims(frm.doc);
		try {
			const result = await change(
				frm,
				is_tax ? "find_claims" : "find_invoices",
				{},
				freeze(is_tax ? __("Finding claims…") : __("Finding invoices…"))
			);
			if (result.background) return;
			this.show_search_result(result, again);
			if (result.found) frappe.utils.scroll_to(frm.fields_dict.items_html.section.wrapper, true, 15);
		} catch {
			// The desk has shown why.
		}
	}

	// Items that were deselected before stay deselected.
	show_search_result({ found, selected, excluded, added, dropped, changed }, again) {
		const parts = [__("{0} found", [items_of(this.frm.doc)(found)])];
		if (excluded) parts.push(__("{0} excluded", [number(excluded)]));
		if (again && (added || dropped || changed)) {
			parts.push(
				__("{0} new, {1} removed, {2} changed since the last search", [
					number(added),
					number(dropped),
					number(changed),
				])
			);
		}
		if (found > selected) parts.push(__("{0} still not selected", [number(found - selected)]));
		frappe.show_alert({ message: parts.join(" · "), indicator: found ? "green" : "orange" }, 7);
	}

	// POSTING

	async request_approval() {
		if (!(await this.saved())) return;
		await ignore_error(request_approval(this.frm));
	}

	// Returns whether the form is saved, with its list. Saves it after a confirmation.
	async saved() {
		const { frm } = this;
		await this.workbench.selection.flush();
		if (!frm.is_dirty()) return true;
		const confirmed = await new Promise((resolve) =>
			frappe.confirm(
				__(
					"The changes on this form are not saved. Save them first? A changed criterion empties the list."
				),
				() => resolve(true),
				() => resolve(false)
			)
		);
		if (!confirmed) return false;
		// The desk shows why a form cannot be saved.
		await ignore_error(frm.save());
		return !frm.is_dirty() && Boolean(frm.doc.searched_on);
	}

	async preview(may_post) {
		const { frm } = this;
		if (!(await this.saved())) return;
		try {
			await preview(frm, { may_post, on_post: (plan) => this.post(plan) });
		} catch {
			// The desk has shown why.
		}
	}

	post(plan) {
		const { frm } = this;
		// The server refuses to submit terms other than the previewed ones.
		frm.doc.previewed_terms = plan.terms;
		frappe.validated = true;
		return frm.script_manager
			.trigger("before_submit")
			.then(() => frappe.validated && frm.save("Submit", (r) => r.exc || frm.trigger("on_submit")));
	}

	reinstate(items) {
		const { workbench } = this;
		after_posting.reinstate(this.frm, items, () => workbench.clear_picked());
	}

	// PROGRESS

	watch_progress() {
		const { doc } = this.frm;
		if (!doc.__islocal && BUSY.includes(doc.status)) this.progress.watch(doc.name, doc.status);
		else this.progress.stop();
	}

	// KEYBOARD

	bind_keys() {
		// The desk's Ctrl+S presses the primary button, which would request approval or resume posting.
		document.addEventListener("keydown", (event) => this.save_key(event), true);
		frappe.ui.keys.add_shortcut({
			shortcut: "/",
			action: () => this.workbench.filters.focus(),
			page: this.frm.page,
			description: __("Filter balances"),
			condition: () => Boolean(this.workbench),
		});
		this.describe_keys();
	}

	// For the desk's dialog of keyboard shortcuts. The list handles these keys; in capitals, because the desk has other
	// descriptions of the same keys for its lists.
	describe_keys() {
		const condition = () => Boolean(this.workbench);
		frappe.ui.keys.standard_shortcuts.push(
			...[
				["Ctrl+S", __("Save"), () => true],
				["Space", __("Select or deselect the balance"), condition],
				["Ctrl+A", __("Select all balances of the list"), condition],
				["I", __("About this invoice"), condition],
				["Enter", __("Open the link of the cell, or enter an amount"), condition],
			].map(([shortcut, description, shown_if]) => ({
				shortcut,
				description,
				page: this.frm.page,
				condition: shown_if,
			}))
		);
	}

	save_key(event) {
		const { frm } = this;
		const is_save = (event.ctrlKey || event.metaKey) && !event.altKey && event.key.toLowerCase() === "s";
		if (
			!is_save ||
			window.cur_frm !== frm ||
			!$(frm.wrapper).is(":visible") ||
			window.cur_dialog?.display
		)
			return;
		event.preventDefault();
		event.stopPropagation();
		// As in the desk: a field takes its value when it loses the focus.
		document.activeElement?.blur();
		setTimeout(() => {
			if (frm.is_dirty() || frm.is_new()) frm.save();
			else frm.toolbar.show_unchanged_document_alert();
		}, 100);
	}
}
