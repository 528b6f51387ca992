"""Details of a row and the reason for its verdict."""

from __future__ import annotations

from decimal import Decimal

from nicegui import ui

from ar_writeoff.offline import words
from ar_writeoff.offline.decide import Decision
from ar_writeoff.offline.words import Text, t
from ar_writeoff.search.rules import Verdict


def show(container: ui.element, decision: Decision, verdict: Verdict, amount: Decimal) -> None:
	"""Show the details of a row and the reason for its verdict."""
	of = verdict.balance
	line = decision.line(of)
	criteria = decision.policy.criteria
	container.clear()
	with container, ui.element("div").classes("stack"):
		ui.label(of.voucher_no).classes("text-weight-bold")
		if verdict.reason:
			with ui.element("div").classes("why"):
				ui.label(words.label(verdict.reason.code)).classes("text-weight-bold")
				ui.label(words.message(verdict.reason))
			if verdict.reason.link:
				ui.label(
					str(
						t(
							"To correct in ERPNext: {doctype} {name}.",
							doctype=verdict.reason.link[0],
							name=verdict.reason.link[1],
						)
					)
				).classes("soft small")
		else:
			ui.label(str(matched_criteria(decision, verdict))).classes("fine")
		facts: list[tuple[Text, str]] = [
			(t("Customer"), decision.customer_names[of.customer]),
			(
				t("Customer No"),
				of.customer if of.customer != decision.customer_names[of.customer] else "",
			),
			(t("Customer group"), line.customer_group),
			(t("Territory"), line.territory),
			(t("Voucher type"), of.voucher_type),
			(t("Posting date"), words.day(of.posting_date)),
			(t("Due date"), words.day(of.due_date) if of.due_date else ""),
			(
				t("Age"),
				str(
					t(
						"Age in days on {day}: {age}",
						age=verdict.age_days,
						day=criteria.cutoff_date,
					)
				),
			),
			(t("Account"), of.receivable_account),
			(t("Cost center"), line.cost_center or decision.policy.cost_center),
			(t("Balance"), f"{words.number(of.now)} {of.currency}"),
			(t("Carrying value"), f"{words.number(of.base_now)} {decision.company_currency}"),
			(t("Write off"), f"{words.number(amount)} {of.currency}" if not verdict.reason else ""),
			(t("In the file"), str(t("row {row}", row=str(line.row)))),
		]
		for label, value in facts:
			if value:
				with ui.element("div").classes("fact"):
					ui.label(str(label)).classes("soft")
					ui.label(value)


def matched_criteria(decision: Decision, verdict: Verdict) -> Text:
	"""The criteria that the balance matches."""
	criteria = decision.policy.criteria
	facts = {
		"amount": verdict.base_amount,
		"maximum": criteria.max_invoice_amount,
		"currency": decision.company_currency,
	}
	if criteria.minimum_age_days:
		return t(
			"Found: {amount} {currency} is within the maximum of {maximum}, and the age in days, {age}, is over"
			" {days}.",
			**facts,
			age=verdict.age_days,
			days=criteria.minimum_age_days,
		)
	return t("Found: {amount} {currency} is within the maximum of {maximum}.", **facts)
