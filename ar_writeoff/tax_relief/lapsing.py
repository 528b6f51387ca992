"""Warns before tax claims lapse."""

from collections import defaultdict
from datetime import date
from typing import Any

import frappe
from frappe import _
from frappe.utils import add_days, fmt_money, formatdate, getdate

from ar_writeoff.approval import notifications
from ar_writeoff.core.run_types import TAX_CLAIM
from ar_writeoff.ledger.money import company_currency
from ar_writeoff.tax_relief import ledger, rules


def warn_before_lapse(day: date | None = None) -> int:
	"""Daily job: notify the users of the Notify Role of open claims whose last day is near. Returns the number of claims."""
	day = day or getdate()
	due = [
		row
		for row in frappe.get_all(
			TAX_CLAIM,
			filters={
				"status": ("in", [rules.WAITING, rules.NEEDS_NOTICE, rules.CLAIMABLE]),
				"lapses_on": ("between", [day, add_days(day, max(rules.WARNING_DAYS))]),
			},
			fields=["name", "company", "lapses_on", "warned_on"],
			order_by="lapses_on asc, name asc",
		)
		if rules.is_warning_due(row.lapses_on, row.warned_on, day)
	]
	by_company: dict[str, list[str]] = defaultdict(list)
	for row in due:
		by_company[row.company].append(row.name)
	for company, names in by_company.items():
		notify(company, names)
	ledger.write_claims({row.name: {"warned_on": day} for row in due}, set_modified=False)
	return len(due)


def notify(company: str, names: list[str]) -> None:
	"""Notify each user of the claims that the user may see."""
	visible = {user: visible_claims(user, names) for user in notifications.notify_role_users(company)}

	def subject(user: str) -> str:
		rows = visible[user]
		total = sum(row.claimable_amount for row in rows)
		return _("{0}: {1} to be made until {2}, total {3}").format(
			company,
			_("1 claim") if len(rows) == 1 else _("{0} claims").format(len(rows)),
			formatdate(rows[0].lapses_on),
			fmt_money(total, currency=company_currency(company)),
		)

	for user, rows in visible.items():
		if rows:
			notifications.notify_users(
				[user],
				subject,
				TAX_CLAIM,
				rows[0].name,
				lambda _user: _(
					"Tax that is not claimed until its last day is lost. See the report Bad Debt Tax Relief."
				),
			)


def visible_claims(user: str, names: list[str]) -> list[Any]:
	"""Return those of these claims that the user may see, by their last day."""
	return frappe.get_list(
		TAX_CLAIM,
		filters={"name": ("in", names)},
		fields=["name", "lapses_on", "claimable_amount"],
		order_by="lapses_on asc, name asc",
		limit=0,
		user=user,
	)
