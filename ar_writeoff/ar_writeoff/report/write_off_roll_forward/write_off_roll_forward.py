# Copyright (c) 2026, AR Write-Off contributors
# For license information, please see license.txt

"""Write-Off Roll-Forward: opening, written off, reversed, recovered and closing by period, reason and dimension,
reconciled with the General Ledger of the offset accounts."""

from collections import defaultdict
from datetime import date
from decimal import Decimal
from typing import Any

import frappe
from frappe import _
from frappe.utils import add_days, fmt_money, formatdate, get_first_day, getdate

from ar_writeoff.ar_writeoff.report.write_off_register.write_off_register import check_permission, column
from ar_writeoff.core.money import ZERO
from ar_writeoff.ledger import roll_forward
from ar_writeoff.ledger.accounts import RECLASSIFY
from ar_writeoff.ledger.dimensions import dimension_fields
from ar_writeoff.ledger.money import company_currency
from ar_writeoff.ledger.roll_forward import Movement

KINDS = (roll_forward.WRITTEN_OFF, roll_forward.REVERSED, roll_forward.RECOVERED)
MONTHS_PER_PERIOD = {"Monthly": 1, "Quarterly": 3, "Half-Yearly": 6, "Yearly": 12}


def execute(filters: dict | None = None) -> tuple:
	filters = frappe._dict(filters or {})
	if not check_permission(filters).is_unrestricted:
		frappe.throw(
			_(
				"This report shows totals of the whole company, but you have permission for only a part of it."
			),
			frappe.PermissionError,
			title=_("Not permitted"),
		)
	from_date, to_date = getdate(filters.from_date), getdate(filters.to_date)
	if to_date < from_date:
		frappe.throw(_("To Date must not be before From Date."), title=_("Period"))
	dimension = filters.dimension or "cost_center"
	if dimension not in dimension_fields():
		frappe.throw(_("{0} is not a dimension.").format(dimension), title=_("Dimension"))

	movements = roll_forward.movements(filters.company, to_date, dimension)
	shown = [
		movement
		for movement in movements
		if not (filters.reason and movement.reason != filters.reason)
		and not (filters.account and movement.account != filters.account)
		and not (filters.method and movement.method != filters.method)
	]
	currency = company_currency(filters.company)
	rows = period_rows(shown, from_date, to_date, MONTHS_PER_PERIOD[filters.period or "Monthly"])
	proofs = proof_rows(filters.company, movements, to_date)
	for row in [*rows, *proofs]:
		row["currency"] = currency
	return (
		columns(dimension),
		[*rows, *proofs],
		" ".join([message(proofs, currency), *excess_messages(movements, currency)]),
		None,
		summary(rows, proofs, currency),
	)


def periods(from_date: date, to_date: date, months: int) -> list[tuple[date, date]]:
	"""Calendar periods, cut to the date range."""
	result = []
	start = from_date
	while start <= to_date:
		first = start.replace(month=(start.month - 1) // months * months + 1, day=1)
		following = getdate(get_first_day(first, d_months=months))
		end = min(getdate(add_days(following, -1)), to_date)
		result.append((start, end))
		start = following
	return result


def period_rows(
	movements: list[Movement], from_date: date, to_date: date, months: int
) -> list[dict[str, Any]]:
	"""A row per period, account, reason and dimension with movements, and a total row of losses and one of what was
	reclassified. Periods that have not begun are left out, unless something is posted in them."""
	groups: dict[tuple, list[Movement]] = defaultdict(list)
	for movement in movements:
		group = (
			movement.method == RECLASSIFY,
			movement.account,
			movement.reason,
			movement.method,
			movement.dimension,
		)
		groups[group].append(movement)
	rows = []
	for start, end in periods(from_date, to_date, months):
		if start > getdate() and not any(start <= movement.on <= end for movement in movements):
			continue
		period = f"{formatdate(start)} – {formatdate(end)}"
		totals = {
			reclassified: dict.fromkeys(("opening", "written_off", "reversed", "recovered", "closing"), ZERO)
			for reclassified in (False, True)
		}
		for (reclassified, account, reason, method, dimension), own in sorted(groups.items()):
			amounts = {
				"opening": sum((m.amount for m in own if m.on < start), ZERO),
				**{
					kind: sum((m.amount for m in own if m.kind == kind and start <= m.on <= end), ZERO)
					for kind in KINDS
				},
			}
			amounts["closing"] = sum(amounts.values(), ZERO)
			if any(amounts.values()):
				for key, amount in amounts.items():
					totals[reclassified][key] += amount
				rows.append(
					{
						"period": period,
						"account": account,
						"reason": reason,
						"method": method,
						"dimension": dimension,
						**{key: float(amount) for key, amount in amounts.items()},
					}
				)
		for reclassified, total in totals.items():
			if any(total.values()):
				label = _("Reclassified {0}") if reclassified else _("Total {0}")
				rows.append(
					{
						"period": label.format(period),
						"bold": 1,
						**{key: float(amount) for key, amount in total.items()},
					}
				)
	return rows


def proof_rows(company: str, movements: list[Movement], to_date: date) -> list[dict[str, Any]]:
	"""Per account: total of the runs' entries, General Ledger balance, and difference."""
	per_report: dict[str, Decimal] = defaultdict(lambda: ZERO)
	for movement in movements:
		per_report[movement.account] += movement.amount
	rows = []
	for account, totals in roll_forward.ledger_totals(company, per_report, to_date).items():
		rows.append(
			{
				"period": _("General Ledger"),
				"account": account,
				"bold": 1,
				"closing": float(per_report[account]),
				"ledger": float(totals.of_runs),
				"difference": float(per_report[account] - totals.of_runs),
				"others": float(totals.others),
				"balance": float(totals.of_runs + totals.others),
			}
		)
	return rows


def message(proofs: list[dict[str, Any]], currency: str) -> str:
	wrong = [row for row in proofs if row["difference"]]
	if not proofs:
		return _("No write-offs were posted up to this date.")
	if not wrong:
		return _("The totals match the General Ledger of {0}.").format(
			", ".join(frappe.utils.escape_html(row["account"]) for row in proofs)
		)
	return _("The totals differ from the General Ledger: {0}").format(
		", ".join(
			f"{frappe.utils.escape_html(row['account'])}: {fmt_money(row['difference'], currency=currency)}"
			for row in wrong
		)
	)


def excess_messages(movements: list[Movement], currency: str) -> list[str]:
	"""A message on runs of which more was reversed and recovered than written off, if there are any."""
	excess = roll_forward.opened_twice(movements)
	if not excess:
		return []
	runs = ", ".join(f"{run}: {fmt_money(amount, currency=currency)}" for run, amount in excess.items())
	return [_("More was reversed and recovered than written off: {0}").format(runs)]


def summary(rows: list[dict[str, Any]], proofs: list[dict[str, Any]], currency: str) -> list[dict[str, Any]]:
	details = [row for row in rows if not row.get("bold")]
	losses = [row for row in details if row["method"] != RECLASSIFY]
	reclassified = [row for row in details if row["method"] == RECLASSIFY]

	def of(key: str, label: str) -> dict[str, Any]:
		return currency_value(label, sum(row[key] for row in losses))

	def currency_value(label: str, value: float) -> dict[str, Any]:
		return {"label": label, "value": value, "datatype": "Currency", "currency": currency}

	difference = sum(abs(row["difference"]) for row in proofs)
	return [
		of("written_off", _("Written Off")),
		of("reversed", _("Reversed")),
		of("recovered", _("Recovered")),
		*(
			[currency_value(_("Reclassified"), sum(row[kind] for row in reclassified for kind in KINDS))]
			if reclassified
			else []
		),
		{
			"label": _("Difference to General Ledger"),
			"value": difference,
			"datatype": "Currency",
			"currency": currency,
			"indicator": "Red" if difference else "Green",
		},
	]


def columns(dimension: str) -> list[dict[str, Any]]:
	field = frappe.get_meta("Journal Entry Account").get_field(dimension)
	amounts = (
		("opening", _("Opening Balance")),
		("written_off", _("Written Off")),
		("reversed", _("Reversed")),
		("recovered", _("Recovered")),
		("closing", _("Closing Balance")),
		("ledger", _("General Ledger, Runs")),
		("difference", _("Difference")),
		("others", _("General Ledger, Other Entries")),
		("balance", _("Balance of the Account")),
	)
	return [
		column("period", _("Period"), "Data", 260),
		column("account", _("Account"), "Link", 190, options="Account"),
		column("reason", _("Reason"), "Link", 150, options="Write-Off Reason"),
		column("method", _("Method"), "Data", 100),
		column("dimension", _(field.label), "Link", 150, options=field.options),
		*(column(fieldname, label, "Currency", 150, options="currency") for fieldname, label in amounts),
	]
