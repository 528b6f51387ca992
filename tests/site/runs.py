"""Write-Off Runs for tests: made, found, submitted, and looked at."""

from __future__ import annotations

from typing import Any

import frappe

from tests.site.story import HL, MANAGER, TODAY, account, as_user


def settings(company: str = HL, **values: Any) -> Any:
	"""The company's Write-Off Settings, with accounts."""
	if frappe.db.exists("Write-Off Settings", company):
		doc = frappe.get_doc("Write-Off Settings", company)
	else:
		doc = frappe.new_doc("Write-Off Settings")
		doc.company = company
		doc.bad_debt_account = account("Write Off", company)
	doc.update(values)
	return doc.save(ignore_permissions=True)


def run(company: str = HL, *, find: bool = True, user: str = MANAGER, **values: Any) -> Any:
	"""A draft run over all balances of up to 1,000,000 as of TODAY, its items found."""
	if not frappe.db.exists("Write-Off Settings", company):
		settings(company)
	with as_user(user):
		doc = frappe.new_doc("Write-Off Run")
		doc.update(
			{
				"company": company,
				"balance_type": "Debit",
				"reason": "Small Balance",
				"cutoff_date": TODAY,
				"posting_date": TODAY,
				"max_invoice_amount": 1_000_000,
				**values,
			}
		)
		doc.insert()
		if find:
			doc.find_invoices()
	return doc


def post(doc: Any, user: str = MANAGER) -> Any:
	"""Submit the run, which posts it in this process, and read it back."""
	with as_user(user):
		doc.submit()
	return doc.reload()


def items(run: Any, **filters: Any) -> dict[str, Any]:
	"""The run's items by voucher."""
	return {
		row.voucher_no: row
		for row in frappe.get_all(
			"Write-Off Run Item",
			filters={"run": getattr(run, "name", run), **filters},
			fields=["*"],
			order_by="name asc",
		)
	}


def entries(run: Any, docstatus: int = 1) -> list[str]:
	"""The run's Journal Entries, in order of their names."""
	return frappe.get_all(
		"Journal Entry",
		filters={"write_off_run": getattr(run, "name", run), "docstatus": docstatus},
		pluck="name",
		order_by="name asc",
	)
