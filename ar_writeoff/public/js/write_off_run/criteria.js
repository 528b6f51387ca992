import { date, escape, money, number } from "./text";

// The criteria in one sentence, shown when their section is collapsed.
export function criteria_sentence(doc, currency) {
	const parts = [
		doc.balance_type === "Credit" ? __("Credit balances") : __("Debit balances"),
		__("of invoices up to {0}", [date(doc.cutoff_date)]),
		flt(doc.min_invoice_amount) && __("at least {0} each", [money(doc.min_invoice_amount, currency)]),
		__("at most {0} each", [money(doc.max_invoice_amount, currency)]),
		...(doc.thresholds || []).map((row) =>
			flt(row.min_amount)
				? __("{0} to {1} each", [
						money(row.min_amount, row.currency),
						money(row.max_amount, row.currency),
				  ])
				: __("at most {0} each", [money(row.max_amount, row.currency)])
		),
		flt(doc.max_original_share) &&
			__("at most {0} % of the original amount", [escape(flt(doc.max_original_share))]),
		cint(doc.only_remainders) && __("only what is left after a payment or credit note"),
		flt(doc.max_customer_amount) &&
			__("at most {0} for a customer", [money(doc.max_customer_amount, currency)]),
		cint(doc.minimum_age_days) &&
			(doc.ageing_based_on === "Posting Date"
				? __("days after the posting date: over {0}", [number(doc.minimum_age_days)])
				: __("days after the due date: over {0}", [number(doc.minimum_age_days)])),
		...criteria_links()
			.filter((df) => doc[df.fieldname])
			.map((df) => `${escape(__(df.label))} ${escape(doc[df.fieldname])}`),
		doc.voucher_kind && `${__("Voucher Kind")} ${escape(__(doc.voucher_kind))}`,
		doc.customers?.length === 1 && escape(doc.customers[0].customer),
		doc.customers?.length > 1 && __("{0} customers", [number(doc.customers.length)]),
	];
	return parts.filter(Boolean).join(", ");
}

// Link fields that narrow the search: those in the form's two criteria sections.
function criteria_links() {
	const { fields } = frappe.get_meta("Write-Off Run");
	const place = (name) => fields.findIndex((df) => df.fieldname === name);
	return fields
		.slice(place("criteria_section"), place("items_section"))
		.filter((df) => df.fieldtype === "Link" && !df.is_custom_field);
}
