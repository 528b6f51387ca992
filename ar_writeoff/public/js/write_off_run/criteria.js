import { date, escape, money, number } from "./text";

// The criteria of a search in one sentence, for when their fields are folded away.
export function criteria_sentence(doc, currency) {
	const parts = [
		doc.balance_type === "Credit" ? __("Credit balances") : __("Debit balances"),
		__("of invoices up to {0}", [date(doc.cutoff_date)]),
		__("at most {0} each", [money(doc.max_invoice_amount, currency)]),
		flt(doc.max_customer_amount) &&
			__("at most {0} for a customer", [money(doc.max_customer_amount, currency)]),
		cint(doc.minimum_age_days) &&
			(doc.ageing_based_on === "Posting Date"
				? __("over {0} days after the posting date", [number(doc.minimum_age_days)])
				: __("over {0} days overdue", [number(doc.minimum_age_days)])),
		...[
			"currency",
			"receivable_account",
			"customer_group",
			"territory",
			"item_group",
			"cost_center",
			"project",
		]
			.filter((field) => doc[field])
			.map((field) => `${label(field)} ${escape(doc[field])}`),
		doc.customers?.length === 1 && escape(doc.customers[0].customer),
		doc.customers?.length > 1 && __("{0} customers", [number(doc.customers.length)]),
	];
	return parts.filter(Boolean).join(", ");
}

const label = (field) => escape(__(frappe.meta.get_label("Write-Off Run", field)));
