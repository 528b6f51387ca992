"""Whether a date is open for posting. The same questions are asked when a run is saved, submitted and posted."""

from datetime import date
from inspect import signature

import frappe
from erpnext.accounts.general_ledger import check_freezing_date, validate_against_pcv
from erpnext.accounts.utils import get_fiscal_year
from frappe import _

from ar_writeoff.ledger.messages import refusal


def why_closed(company: str, posting_date: date, voucher_type: str = "Journal Entry") -> str | None:
	"""Why nothing can be posted in the company on this date, as the current user; None when it can."""
	return (
		refusal(_check_fiscal_year, posting_date, company)
		or refusal(_check_freezing_date, posting_date, company)
		or refusal(validate_against_pcv, False, posting_date, company)
		or _closed_accounting_period(company, posting_date, voucher_type)
	)


def _check_fiscal_year(posting_date: date, company: str) -> None:
	get_fiscal_year(posting_date, company=company, verbose=0)


def _check_freezing_date(posting_date: date, company: str) -> None:
	# The freezing date is in Accounts Settings, or for each company.
	if "company" in signature(check_freezing_date).parameters:
		check_freezing_date(posting_date, company=company)
	else:
		check_freezing_date(posting_date)


def _closed_accounting_period(company: str, posting_date: date, voucher_type: str) -> str | None:
	period = frappe.qb.DocType("Accounting Period")
	closed = frappe.qb.DocType("Closed Document")
	names = (
		frappe.qb.from_(period)
		.inner_join(closed)
		.on(closed.parent == period.name)
		.select(period.name)
		.where(
			(period.company == company)
			& (closed.closed == 1)
			& (closed.document_type == voucher_type)
			& (period.start_date <= posting_date)
			& (period.end_date >= posting_date)
		)
		.run(pluck=True)
	)
	if names:
		return _("The Accounting Period {0} is closed for {1}.").format(names[0], _(voucher_type))
	return None
