import { hold_dialog } from "../hold_dialog";
import { posts_claims } from "./run_types";
import { freeze, write } from "./server";
import { balances } from "./text";

export const may_hold = (doc) => !posts_claims(doc) && frappe.model.can_create("Write-Off Hold");

// Puts balances of a draft on hold, or leaves them open in this run only.
export function hold_balances(run, items, on_done) {
	return hold_dialog({
		title: __("Keep {0} Open", [balances(items.length)]),
		once: true,
		fields: [
			{
				fieldtype: "Select",
				fieldname: "whole_customer",
				label: __("Applies To"),
				options: [
					{ value: "0", label: __("These balances") },
					{ value: "1", label: __("All balances of the customer") },
				],
				default: "0",
			},
		],
		async on_hold(values) {
			await write(
				run,
				"hold_balances",
				{ items: JSON.stringify(items), ...values },
				freeze(__("Saving…"))
			);
			await on_done();
		},
	});
}
