// Copyright (c) 2026, AR Write-Off contributors
// For license information, please see license.txt

frappe.ui.form.on("Write-Off Schedule", {
	setup(frm) {
		const of_company = (more) => () => ({ filters: { company: frm.doc.company, ...more } });
		frm.set_query("reason", () => ({
			filters: {
				use_in_schedules: 1,
				disabled: 0,
				applies_to: ["in", [frm.doc.balance_type, "Both"]],
			},
		}));
		frm.set_query("receivable_account", of_company({ account_type: "Receivable", is_group: 0 }));
		frm.set_query("cost_center", of_company());
		frm.set_query("project", of_company());
		frm.set_query("last_run", of_company());
	},

	onload(frm) {
		if (frm.is_new() && frm.doc.company) frappe.ar_writeoff.load_defaults(frm);
	},

	show_settings_hint(frm) {
		frm.set_intro("");
		frm.set_intro(frappe.ar_writeoff.settings_hint(frm), "yellow");
	},

	refresh(frm) {
		if (frm.is_new()) return;
		frm.trigger("show_state");
		if (frm.perm[0]?.write) {
			frm.add_custom_button(__("Run Now as Draft"), () => frm.trigger("run_now"));
			if (frm.doc.action === "Post Within Limits" && !frm.doc.approved_by) {
				frm.add_custom_button(__("Approve"), () => frm.trigger("confirm_approval"));
			}
		}
	},

	show_state(frm) {
		const { doc } = frm;
		if (!doc.enabled) {
			const why =
				doc.failures >= 3 ? __("Turned off after three failures: {0}", [doc.last_message]) : "";
			frm.set_intro(why ? frappe.utils.escape_html(why) : __("This schedule is turned off."), "red");
		} else if (doc.action === "Post Within Limits" && !doc.approved_by) {
			frm.set_intro(
				__(
					"The terms of this schedule are not approved. Its runs stay drafts until the terms are approved."
				),
				"orange"
			);
		}
	},

	run_now(frm) {
		frm.call({ method: "run_now_as_draft", doc: frm.doc, freeze: true }).then(({ message }) => {
			if (message) frappe.set_route("Form", "Write-Off Run", message);
		});
	},

	confirm_approval(frm) {
		frappe.confirm(
			__(
				"The schedule will post write-offs in your name, within your limits and its caps, without further approval. Approve?"
			),
			() => frm.call({ method: "approve", doc: frm.doc, freeze: true }).then(() => frm.reload_doc())
		);
	},

	company(frm) {
		return frappe.ar_writeoff.change_company(frm);
	},
});
