"""Writes the sample files in `examples/` from the demo site: `make example`."""

from __future__ import annotations

from pathlib import Path

import frappe
from frappe.utils import getdate, nowdate

from demo import kinds
from demo.books import ABBR, COMPANY, CURRENCY
from demo.exports import accounts_receivable

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"

POLICY = """\
# What to write off, for `ar-writeoff preview`. Every name that a policy may have is in docs/preview.md.
company = "{company}"
company_currency = "{currency}"

[criteria]
balance_type = "Debit"
cutoff_date = {today}
posting_date = {today}
max_invoice_amount = 10
minimum_age_days = 90
ageing_based_on = "Due Date"

[accounts]
offset = "Bad Debt Expense - {abbr}"
cost_center = "Main - {abbr}"

# The report has no data on customers: on a site the app reads it from ERPNext.
[leave_out]
opted_out = {opted_out}
frozen = {frozen}
disabled = {disabled}
"""


def write(folder: Path = EXAMPLES) -> None:
	"""Write the receivables of the demo company as of today, in company currency and party currency, and a policy."""
	frappe.set_user("Administrator")
	folder.mkdir(exist_ok=True)
	today = nowdate()
	(folder / "accounts-receivable.csv").write_bytes(accounts_receivable(COMPANY, today))
	(folder / "accounts-receivable-party-currency.xlsx").write_bytes(
		accounts_receivable(COMPANY, today, file_format="Excel", in_party_currency=1)
	)
	(folder / "policy.toml").write_text(policy(today))


def sample(folder: Path = EXAMPLES) -> None:
	"""The same with additional lines of kinds the demo does not have."""
	write(folder)
	kinds.add(folder, getdate(nowdate()))


def policy(today: str) -> str:
	"""A policy with the criteria of the demo's settings."""

	def customers(field: str) -> str:
		names = frappe.get_all("Customer", filters={field: 1}, pluck="name", order_by="name asc")
		return "[\n" + "".join(f'\t"{name}",\n' for name in names) + "]"

	return POLICY.format(
		company=COMPANY,
		currency=CURRENCY,
		abbr=ABBR,
		today=today,
		opted_out=customers("exclude_from_write_off"),
		frozen=customers("is_frozen"),
		disabled=customers("disabled"),
	)
