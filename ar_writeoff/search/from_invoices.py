"""Creates or extends a draft run from selected invoices."""

from typing import Any

import frappe
from frappe import _
from frappe.utils import today

from ar_writeoff.core import status as states
from ar_writeoff.core.criteria import CREDIT, DEBIT
from ar_writeoff.ledger.money import company_currency
from ar_writeoff.run import gate
from ar_writeoff.run.arguments import json_argument
from ar_writeoff.search import add_invoices

# For more invoices a run with criteria is the better way.
MAX_INVOICES = 500


@frappe.whitelist()
def get_my_drafts(invoices: str | list) -> list[dict[str, Any]]:
	"""Drafts of the current user that these invoices can be added to."""
	company, balance_type = company_and_balance_type(readable(invoices))
	drafts = frappe.get_list(
		"Write-Off Run",
		filters={
			"owner": frappe.session.user,
			"docstatus": 0,
			"status": states.DRAFT,
			"company": company,
			"balance_type": balance_type,
		},
		fields=["name", "reason", "max_invoice_amount"],
		order_by="creation desc",
		limit=20,
	)
	currency = company_currency(company)
	return [{**draft, "company_currency": currency} for draft in drafts]


@frappe.whitelist(methods=["POST"])
def write_off_invoices(invoices: str | list, run: str | None = None) -> dict[str, Any]:
	"""Add invoices to a draft run or to a new one. Nothing is posted.

	Returns the run, the number added, and the invoices left out with the reason. A new run has the largest balance as
	its maximum.
	"""
	rows = readable(invoices)
	company, balance_type = company_and_balance_type(rows)
	if run:
		doc = gate.enter(run, gate.FIND)
		if (doc.company, doc.balance_type) != (company, balance_type):
			frappe.throw(
				_("Run {0} is for {1} balances of {2}.").format(run, _(doc.balance_type), doc.company),
				title=_("Write Off Invoices"),
			)
	else:
		doc = gate.enter(_new_run(rows, company, balance_type).name, gate.FIND)
	result = add_invoices.add_invoices(doc, [row.name for row in rows])
	return {"run": doc.name, **result}


def company_and_balance_type(rows: list[frappe._dict]) -> tuple[str, str]:
	"""The common company and balance type of these invoices.

	Raises:
	    frappe.ValidationError: they differ, or an invoice is not open.
	"""
	companies = {row.company for row in rows}
	if len(companies) != 1:
		frappe.throw(
			_("A run is for one company. Select invoices of one company only."), title=_("Write Off Invoices")
		)
	# The outstanding amount of the invoice may not be up to date.
	balances = add_invoices.ledger_balances(rows[0].company, [row.name for row in rows if row.docstatus == 1])
	closed = [row.name for row in rows if not balances.get(row.name)]
	if closed:
		frappe.throw(
			_("These invoices have no open balance: {0}").format(", ".join(closed)),
			title=_("Write Off Invoices"),
		)
	balance_types = {DEBIT if amount > 0 else CREDIT for amount in balances.values()}
	if len(balance_types) != 1:
		frappe.throw(
			_("A run has either debit or credit balances. Select invoices of one balance type only."),
			title=_("Write Off Invoices"),
		)
	return companies.pop(), balance_types.pop()


def readable(invoices: str | list) -> list[frappe._dict]:
	"""The invoices; throws unless the current user may read all of them."""
	names = list(dict.fromkeys(json_argument("invoices", invoices, list) or ()))
	if not names or len(names) > MAX_INVOICES:
		frappe.throw(
			_("Select between 1 and {0} invoices. For more invoices, create a run with criteria.").format(
				MAX_INVOICES
			),
			title=_("Write Off Invoices"),
		)
	rows = frappe.get_list(
		"Sales Invoice",
		filters={"name": ("in", names)},
		fields=["name", "docstatus", "company", "customer"],
		order_by="name asc",
		limit=0,
	)
	missing = set(names) - {row.name for row in rows}
	if missing:
		frappe.throw(
			_("You have no permission for these invoices, or they do not exist: {0}").format(
				", ".join(sorted(missing))
			),
			frappe.PermissionError,
			title=_("Not permitted"),
		)
	return rows


def _new_run(rows: list[frappe._dict], company: str, balance_type: str) -> Any:
	reason = frappe.db.get_value("Write-Off Settings", company, "default_reason") or frappe.db.get_value(
		"Write-Off Reason",
		{"disabled": 0, "applies_to": ("in", (balance_type, "Both"))},
		order_by="name asc",
	)
	run = frappe.get_doc(
		{
			"doctype": "Write-Off Run",
			"company": company,
			"balance_type": balance_type,
			"reason": reason,
			"cutoff_date": today(),
			"posting_date": today(),
			"max_invoice_amount": float(
				max(
					abs(amount)
					for amount in add_invoices.ledger_balances(company, [row.name for row in rows]).values()
				)
			),
			"minimum_age_days": 0,
			"customers": [{"customer": name} for name in sorted({row.customer for row in rows})],
		}
	)
	return run.insert()
