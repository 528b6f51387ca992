"""Whether a date is open for posting. Checked when a run is saved, submitted and posted."""

from datetime import date
from inspect import signature

import frappe
from erpnext.accounts.general_ledger import (
	check_freezing_date,
	validate_accounting_period,
	validate_against_pcv,
)
from erpnext.accounts.utils import get_fiscal_year

from ar_writeoff.ledger.messages import validation_message


def closed_period_message(company: str, posting_date: date) -> str | None:
	"""Return why the current user cannot post a Journal Entry in the company on this date, or None."""
	return (
		validation_message(_check_fiscal_year, posting_date, company)
		or validation_message(_check_freezing_date, posting_date, company)
		or validation_message(validate_against_pcv, False, posting_date, company)
		or validation_message(_check_accounting_period, posting_date, company)
	)


def _check_fiscal_year(posting_date: date, company: str) -> None:
	get_fiscal_year(posting_date, company=company, verbose=0)


def _check_freezing_date(posting_date: date, company: str) -> None:
	# The freezing date is in Accounts Settings or in Company, depending on the release.
	if "company" in signature(check_freezing_date).parameters:
		check_freezing_date(posting_date, company=company)
	else:
		check_freezing_date(posting_date)


def _check_accounting_period(posting_date: date, company: str) -> None:
	# As called for the ledger rows of an entry: releases differ in the exceptions from a closed period.
	row = frappe._dict(posting_date=posting_date, company=company, voucher_type="Journal Entry")
	validate_accounting_period([row])
