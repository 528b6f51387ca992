# Copyright (c) 2026, AR Write-Off contributors
# For license information, please see license.txt

"""Bad Debt Tax Relief: every claim with its days and status, what each return period claims and repays by box, or the
account that some countries require, with the invoice and the payments of each refund.

The totals of the claims are compared with the General Ledger of the relief accounts.
"""

from collections import defaultdict
from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from typing import Any

import frappe
from frappe import _
from frappe.utils import add_days, escape_html, fmt_money, formatdate, getdate

from ar_writeoff.ar_writeoff.report.write_off_register.write_off_register import check_permission, column
from ar_writeoff.core.money import ZERO, money
from ar_writeoff.core.run_types import TAX_CLAIM, TAX_CLAIMS, TAX_RUN, WRITE_OFFS
from ar_writeoff.ledger import messages, roll_forward
from ar_writeoff.ledger.money import company_currency, precision
from ar_writeoff.tax_relief import ledger, notices, returns, rules
from ar_writeoff.tax_relief.invoices import invoice_taxes

BY_BOX = "By Box of the Return"
ACCOUNT = "Refunds for Bad Debts Account"
# Days before the last day of a claim in which it is pointed out.
LAPSING_DAYS = 90
# Statuses of claims that a tax run may still find.
OPEN = (rules.WAITING, rules.NEEDS_NOTICE, rules.CLAIMABLE, *rules.POSTED)


def execute(filters: dict | None = None) -> tuple:
	filters = frappe._dict(filters or {})
	access = check_permission(filters)
	currency = company_currency(filters.company)
	message = ledger_message(filters.company, currency) if access.is_unrestricted else None
	if filters.show == BY_BOX:
		rows, columns, totals = box_rows(filters, precision(currency)), box_columns(), None
	elif filters.show == ACCOUNT:
		rows, columns, totals = account_rows(filters, precision(currency)), account_columns(), None
	else:
		rows = claim_rows(filters, precision(currency))
		columns, totals = claim_columns(), summary(rows, currency)
	for row in rows:
		row.company_currency = currency
	return columns, rows, message, None, totals


def claims(filters: dict[str, Any], fields: list[str]) -> list[frappe._dict]:
	"""The claims that the user may see."""
	return frappe.get_list(TAX_CLAIM, filters=filters, fields=fields, order_by="name asc", limit=0)


def claim_rows(filters: frappe._dict, decimals: int) -> list[frappe._dict]:
	"""Claims that are open come first, by their last day."""
	rows = claims(
		{name: filters[name] for name in ("company", "customer", "status") if filters.get(name)},
		[
			"name",
			"sales_invoice",
			"customer",
			"status",
			"claimable_on",
			"lapses_on",
			"tax_account",
			"relief_account",
			"tax_amount",
			"claimable_amount",
			"claimed_amount",
			"repaid_amount",
			"lapsed_amount",
			"tax_run",
			"journal_entry",
			"reason_code",
			"reason_facts",
			"notice_sent_on",
			"tax_rule",
			"releases",
		],
	)
	messages.localize_messages(rows)
	today, needing = getdate(), notices.rules_with_notice()
	for row in rows:
		row.lacks_notice = (
			row.status in notices.UNNOTIFIED and not row.notice_sent_on and row.tax_rule in needing
		)
		row.state, row.status = row.status, _(row.status)
		left = money(row.claimable_amount, decimals)
		claimed = money(row.claimed_amount - row.repaid_amount, decimals)
		amount = left - claimed
		is_open = row.state in OPEN and not (row.lapses_on and row.lapses_on < today)
		row.to_claim = float(max(amount, ZERO)) if is_open else 0.0
		row.to_repay = float(max(claimed - left, ZERO))
	return sorted(
		rows, key=lambda row: (not row.to_claim, row.lapses_on or date.max, row.claimable_on or date.max)
	)


def summary(rows: Iterable[frappe._dict], currency: str) -> list[dict[str, Any]]:
	waiting = {rules.WAITING: _("Waiting"), rules.NEEDS_NOTICE: _("Needs Notice")}
	now, claimed, to_repay, repaid = _("Claimable Now"), _("Claimed"), _("To Repay"), _("Repaid")
	lapsing = _("Lapsing Within {0} Days").format(LAPSING_DAYS)
	amounts = dict.fromkeys((*waiting.values(), now, lapsing, claimed, to_repay, repaid), 0.0)
	soon = getdate(add_days(getdate(), LAPSING_DAYS))
	for row in rows:
		# Deferred tax that is released was claimed before.
		if row.releases:
			continue
		amounts[waiting.get(row.state, now)] += row.to_claim
		if row.lapses_on and row.lapses_on <= soon:
			amounts[lapsing] += row.to_claim
		amounts[claimed] += row.claimed_amount
		amounts[to_repay] += row.to_repay
		amounts[repaid] += row.repaid_amount
	return [
		{
			"label": label,
			"value": amount,
			"datatype": "Currency",
			"currency": currency,
			**({"indicator": "Orange"} if label == lapsing and amount else {}),
		}
		for label, amount in amounts.items()
	]


def box_rows(filters: frappe._dict, decimals: int) -> list[frappe._dict]:
	"""What the tax runs have posted by return period and box, with the claims of each below it."""
	kinds = {returns.CLAIM: _("Claim"), returns.REPAYMENT: _("Repayment")}
	rows = []
	for amount, own in returns.by_box(posted(filters), decimals):
		group = frappe._dict(
			period=period(amount.from_date, amount.to_date),
			kind=kinds[amount.kind],
			box=amount.box,
			relief_account=amount.relief_account,
		)
		rows.append(frappe._dict(group, indent=0, claims=amount.claims, amount=float(amount.amount)))
		rows += [frappe._dict(row, **group, indent=1, amount=row.base_write_off_amount) for row in own]
	return rows


def period(first: date, last: date) -> str:
	"""Return the first and last day of a period as text."""
	return f"{formatdate(first)} – {formatdate(last)}"


def account_rows(filters: frappe._dict, decimals: int) -> list[frappe._dict]:
	"""Each claim that was made, with its invoice, the tax charged and when, what was paid, and its amounts and periods."""
	periods: dict[tuple[str, bool], list[str]] = defaultdict(list)
	totals: dict[tuple[str, bool], Decimal] = defaultdict(lambda: ZERO)
	for row in posted(filters):
		key = row.name, row.base_write_off_amount > 0
		totals[key] += money(abs(row.base_write_off_amount), decimals)
		if (text := period(row.from_date, row.to_date)) not in periods[key]:
			periods[key].append(text)
	rows = claims(
		{"company": filters.company, "name": ("in", sorted({name for name, _claimed in periods}) or [""])},
		[
			"name",
			"sales_invoice",
			"customer",
			"supply_date",
			"due_date",
			"tax_account",
			"written_off_amount",
			"journal_entry",
			"is_manual",
		],
	)
	invoices = {row.sales_invoice for row in rows if row.sales_invoice}
	taxes = invoice_taxes(filters.company, invoices, {row.tax_account for row in rows})
	paid = ledger.payments_of(filters.company, invoices)
	months = ledger.return_months(filters.company)
	for row in rows:
		row.claimed_amount = float(totals[row.name, True])
		row.repaid_amount = float(totals[row.name, False])
		row.claim_period = ", ".join(periods[row.name, True])
		row.repayment_period = ", ".join(periods[row.name, False])
		tax = taxes.get(row.sales_invoice)
		# The ledger does not have the tax that was entered manually.
		if tax and not row.is_manual:
			row.charged_period = period(*rules.period_of(row.supply_date, months))
			row.tax_charged = float(tax.taxes.get(row.tax_account, ZERO))
		if tax and tax.gross_own:
			row.invoiced = float(tax.gross)
			own = paid.get(row.sales_invoice, ZERO)
			row.paid = float(money(own * tax.gross / tax.gross_own, decimals))
	return sorted(rows, key=lambda row: (row.supply_date, row.name))


def posted(filters: frappe._dict) -> list[frappe._dict]:
	"""What tax runs, and the entries of write-offs, have claimed and repaid, as far as the user may see it."""
	visible = {row.name for row in claims({"company": filters.company}, ["name"])}
	rows = returns.posted_claims(filters.company, filters.from_date, filters.to_date)
	return [row for row in rows if row.name in visible]


def ledger_message(company: str, currency: str) -> str | None:
	"""Whether the claims equal what the runs have posted on the relief accounts and the interim accounts, and what else is on
	them."""
	decimals = precision(currency)
	claimed: dict[str, Decimal] = defaultdict(lambda: ZERO)
	run_fields = {TAX_CLAIMS.entry_field}
	for row in frappe.get_all(
		TAX_CLAIM,
		filters={"company": company, "relief_account": ("is", "set")},
		fields=[
			"item",
			"relief_account",
			"booked_account",
			"booked_amount",
			"method",
			"claimed_amount",
			"repaid_amount",
			"lapsed_amount",
		],
		order_by=None,
	):
		net = money(row.claimed_amount - row.repaid_amount, decimals)
		claimed[row.relief_account] += net
		if row.item and row.booked_account:
			run_fields.add(WRITE_OFFS.entry_field)
		if not row.item:
			claimed[row.booked_account] -= net
		elif row.method == rules.INTERIM_ACCOUNT:
			claimed[row.booked_account] += money(row.booked_amount - row.lapsed_amount, decimals) - net
	if not claimed:
		return None
	totals = roll_forward.ledger_totals(company, claimed, date.max, run_fields)
	differences = {name: claimed[name] - total.of_runs for name, total in totals.items()}
	if any(differences.values()):
		said = [_("The totals differ from the General Ledger: {0}").format(amounts(differences, currency))]
	else:
		names = ", ".join(escape_html(name) for name in totals)
		said = [_("The totals match the General Ledger of {0}.").format(names)]
	others = {name: total.others for name, total in totals.items()}
	if any(others.values()):
		text = _("Entries that are not of runs: {0}")
		if WRITE_OFFS.entry_field not in run_fields:
			text = _("Entries that are not of tax runs: {0}")
		said.append(text.format(amounts(others, currency)))
	return "<br>".join(said)


def amounts(by_account: dict[str, Decimal], currency: str) -> str:
	return ", ".join(
		f"{escape_html(name)}: {fmt_money(float(amount), currency=currency)}"
		for name, amount in by_account.items()
		if amount
	)


def claim_columns() -> list[dict[str, Any]]:
	return [
		column("name", _("Write-Off Tax Claim"), "Link", 220, options=TAX_CLAIM),
		column("sales_invoice", _("Sales Invoice"), "Link", 190, options="Sales Invoice"),
		column("customer", _("Customer"), "Link", 140, options="Customer"),
		column("status", _("Status"), "Data", 110),
		column("claimable_on", _("Claimable From"), "Date", 140),
		column("lapses_on", _("Until"), "Date", 110),
		column("tax_amount", _("Tax"), "Currency", 110, options="company_currency"),
		column("to_claim", _("Still to Claim"), "Currency", 120, options="company_currency"),
		column("claimed_amount", _("Claimed"), "Currency", 110, options="company_currency"),
		column("to_repay", _("To Repay"), "Currency", 110, options="company_currency"),
		column("repaid_amount", _("Repaid"), "Currency", 110, options="company_currency"),
		column("tax_account", _("Tax Account"), "Link", 150, options="Account"),
		column("relief_account", _("Relief Account"), "Link", 150, options="Account"),
		column("tax_run", _("Write-Off Tax Run"), "Link", 150, options=TAX_RUN),
		column("journal_entry", _("Journal Entry"), "Link", 150, options="Journal Entry"),
		column("releases", _("Releases"), "Link", 150, options=TAX_CLAIM),
		column("message", _("Message"), "Data", 260),
	]


def account_columns() -> list[dict[str, Any]]:
	return [
		column("name", _("Write-Off Tax Claim"), "Link", 220, options=TAX_CLAIM),
		column("customer", _("Customer"), "Link", 140, options="Customer"),
		column("sales_invoice", _("Sales Invoice"), "Link", 190, options="Sales Invoice"),
		column("supply_date", _("Invoice Date"), "Date", 110),
		column("due_date", _("Due Date"), "Date", 110),
		column("invoiced", _("Invoiced"), "Currency", 110, options="company_currency"),
		column("tax_charged", _("Tax Charged"), "Currency", 110, options="company_currency"),
		column("charged_period", _("Return of the Charge"), "Data", 230),
		column("paid", _("Paid"), "Currency", 110, options="company_currency"),
		column("written_off_amount", _("Written Off"), "Currency", 110, options="company_currency"),
		column("claimed_amount", _("Claimed"), "Currency", 110, options="company_currency"),
		column("claim_period", _("Return of the Claim"), "Data", 230),
		column("repaid_amount", _("Repaid"), "Currency", 110, options="company_currency"),
		column("repayment_period", _("Return of the Repayment"), "Data", 230),
		column("tax_account", _("Tax Account"), "Link", 150, options="Account"),
		column("journal_entry", _("Journal Entry"), "Link", 150, options="Journal Entry"),
	]


def box_columns() -> list[dict[str, Any]]:
	return [
		column("period", _("Return Period"), "Data", 240),
		column("kind", _("Kind"), "Data", 110),
		column("box", _("Box"), "Data", 80),
		column("claims", _("Claims"), "Int", 80),
		column("amount", _("Amount"), "Currency", 120, options="company_currency"),
		column("relief_account", _("Relief Account"), "Link", 190, options="Account"),
		column("name", _("Write-Off Tax Claim"), "Link", 220, options=TAX_CLAIM),
		column("sales_invoice", _("Sales Invoice"), "Link", 190, options="Sales Invoice"),
		column("customer", _("Customer"), "Link", 140, options="Customer"),
		column("tax_run", _("Write-Off Tax Run"), "Link", 150, options=TAX_RUN),
		column("journal_entry", _("Journal Entry"), "Link", 150, options="Journal Entry"),
	]
