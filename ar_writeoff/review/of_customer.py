"""Written-off balances of one customer."""

from typing import Any

import frappe
from frappe.query_builder.functions import Count, Max, Min, Sum

from ar_writeoff.core.status import ITEM_POSTED
from ar_writeoff.ledger.money import company_currency
from ar_writeoff.run import items


@frappe.whitelist()
def written_off_of_customer(customer: str) -> list[dict[str, Any]]:
	"""The written-off balances of a customer in each company, as far as the current user may see them: number, amount
	in company currency, first and last posting date."""
	frappe.has_permission("Customer", "read", customer, throw=True)
	frappe.has_permission("Write-Off Run Item", "read", throw=True)
	item, run = items.table(), frappe.qb.DocType("Write-Off Run")
	rows = (
		frappe.qb.from_(item)
		.inner_join(run)
		.on(run.name == item.run)
		.select(
			item.company,
			Count("*").as_("count"),
			Sum(item.base_write_off_amount - item.base_reinstated_amount).as_("amount"),
			Min(run.posting_date).as_("first"),
			Max(run.posting_date).as_("last"),
		)
		.where(items.visible(item) & (item.customer == customer) & item.status.isin(ITEM_POSTED))
		.groupby(item.company)
		.orderby(item.company)
		.run(as_dict=True)
	)
	return [{**row, "currency": company_currency(row.company)} for row in rows]
