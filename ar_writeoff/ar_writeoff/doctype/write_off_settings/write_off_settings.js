// Copyright (c) 2026, AR Write-Off contributors
// For license information, please see license.txt

frappe.ui.form.on("Write-Off Settings", {
	setup(frm) {
		// See ledger/accounts.py: a loss is an expense or reduces the income.
		const offset_account =
			(...root_types) =>
			() => ({
				filters: {
					company: frm.doc.company,
					root_type: ["in", root_types],
					account_currency: frappe.model.get_value(":Company", frm.doc.company, "default_currency"),
					is_group: 0,
					disabled: 0,
				},
			});
		frm.set_query("bad_debt_account", offset_account("Expense", "Income"));
		frm.set_query("credit_write_off_account", offset_account("Income", "Expense"));
		frm.set_query("recovery_account", offset_account("Income", "Expense"));
		frm.set_query("allowance_account", offset_account("Asset", "Liability"));
		frm.set_query("cost_center", () => ({
			filters: { company: frm.doc.company, is_group: 0, disabled: 0 },
		}));
		frm.set_query("tax_rule", () => ({
			filters: { disabled: 0, company: ["in", ["", frm.doc.company]] },
		}));
		frm.set_query("default_reason", () => ({ filters: { disabled: 0 } }));
		frm.fields_dict.entries_per.df.formatter = entries_per;
	},

	refresh(frm) {
		if (!frm.is_new() && frappe.model.can_create("Write-Off Run")) {
			frm.add_custom_button(__("New Write-Off Run"), () =>
				frappe.new_doc("Write-Off Run", { company: frm.doc.company })
			);
		}
		if (!frm.is_new() && frm.doc.fast_posting && frm.perm[0]?.write) {
			frm.add_custom_button(__("Test Fast Posting"), () =>
				frm
					.call("prove_fast_posting")
					.then(() =>
						frappe.show_alert(
							__(
								"Open balances are posted in both ways and undone in the background. The result is in {0}.",
								[
									`<a href="${frappe.utils.get_form_link(
										"Write-Off Posting Proof",
										""
									)}">${__("Write-Off Posting Proof")}</a>`,
								]
							)
						)
					)
			);
		}
		// Only companies with a rule see claims, so these pages are not in the navigation.
		const pages = [
			["List", "Write-Off Tax Claim"],
			["List", "Write-Off Tax Run"],
			["query-report", "Bad Debt Tax Relief"],
		];
		for (const [view, name] of frm.doc.tax_rule ? pages : []) {
			frm.add_custom_button(
				__(name),
				() => frappe.set_route(view, name, { company: frm.doc.company }),
				__("Tax Relief")
			);
		}
		if (frm.doc.proposed_by && frm.perm[0]?.write) proposal_buttons(frm);
	},

	company(frm) {
		[
			"bad_debt_account",
			"credit_write_off_account",
			"allowance_account",
			"recovery_account",
			"cost_center",
		].forEach((field) => frm.set_value(field, null));
	},
});

// ERPNext's Batch is one of stock, for which German has another word. The desk translates the options of a form in the
// context of the DocType, but not a value that is read only.
const entries_per = (value) =>
	value === "Batch" ? __("Batch", null, "Write-Off Settings") : frappe.utils.escape_html(__(value));

// A change of controls that awaits the second approver.
function proposal_buttons(frm) {
	const { proposed_by, proposed_on } = frm.doc;
	frm.set_intro(
		__("{0} proposed a change that is not yet confirmed.", [frappe.user.full_name(proposed_by)])
	);
	if (proposed_by !== frappe.session.user) {
		frm.add_custom_button(__("Confirm Change"), () =>
			frm.call("confirm_changes", { proposed_on }).then(() => frm.reload_doc())
		);
	}
	frm.add_custom_button(__("Withdraw Change"), () =>
		frm.call("withdraw_changes").then(() => frm.reload_doc())
	);
}
