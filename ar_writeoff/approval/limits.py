"""Limits of a run: what the person at work may write off stays selected, the rest is held back as pending.

A balance held back stays open in the run with the reason, and says whose limit is enough. It is not unticked:
when somebody with a sufficient limit submits the run, it is posted with the others. What is over the limit of
the person who submits goes to a draft of its own, see `move_held_to_draft`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import frappe
from frappe.query_builder.functions import Abs, Count, Sum
from frappe.utils import cint, flt, get_first_day, get_last_day, getdate

from ar_writeoff.approval import ledger as approval_ledger
from ar_writeoff.approval import rules as core
from ar_writeoff.approval.rules import Authority, Claim, Limit, MonthTotals
from ar_writeoff.core import reasons, texts
from ar_writeoff.core import status as states
from ar_writeoff.core.money import money
from ar_writeoff.core.reasons import Reason
from ar_writeoff.ledger import messages
from ar_writeoff.ledger.money import company_currency, precision
from ar_writeoff.ledger.open_items import Key
from ar_writeoff.run import items
from ar_writeoff.run.status import refresh_totals

CLAIM_FIELDS = (
	"name",
	"customer",
	"currency",
	"write_off_amount",
	"base_write_off_amount",
	"voucher_type",
	"voucher_no",
	"receivable_account",
)


# Whose limits


def company_limits(company: str) -> list[Limit]:
	"""The rows of the limits table in the company's Write-Off Settings."""
	rows = frappe.get_all(
		"Write-Off Limit",
		filters={"parent": company, "parenttype": "Write-Off Settings", "parentfield": "limits"},
		fields=[
			"role",
			"limit_currency",
			"max_item_amount",
			"max_customer_month_amount",
			"max_run_amount",
			"max_share",
			"instead",
		],
		order_by="idx asc",
	)
	return [limit_from(row, row.role, row.limit_currency or "", company) for row in rows]


def limit_from(row: Any, holder: str, currency: str, company: str) -> Limit:
	"""A row of limits, or the caps of a schedule. 0 or nothing entered: not limited in this respect."""
	decimals = precision(currency or company_currency(company))

	def entered(fieldname: str) -> Decimal | None:
		return money(row.get(fieldname), decimals) if flt(row.get(fieldname)) > 0 else None

	return Limit(
		holder=holder,
		currency=currency,
		per_item=entered("max_item_amount"),
		per_customer_month=entered("max_customer_month_amount"),
		per_run=entered("max_run_amount"),
		share=money(row.max_share, 6) if flt(row.get("max_share")) > 0 else None,
		instead=bool(row.get("instead")),
	)


def submitting_roles() -> list[str]:
	"""Roles that may submit runs, as the site has set them."""
	return [row.role for row in frappe.get_meta("Write-Off Run").permissions if row.submit]


def authority_of(user: str, company: str) -> Authority:
	"""What this person may write off in the company. Administrator is bound as everybody is."""
	return core.authority_of_roles(company_limits(company), frappe.get_roles(user), submitting_roles())


def authority_for(run: Any, user: str) -> Authority:
	"""What this person may write off with this run: a run that its schedule submits has the schedule's caps too."""
	authority = authority_of(user, run.company)
	if cint(run.by_schedule) and run.schedule:
		schedule = frappe.get_doc("Write-Off Schedule", run.schedule)
		authority = replace(
			authority, caps=(limit_from(schedule, texts.SCHEDULE_PREFIX + run.schedule, "", run.company),)
		)
	return authority


# What is proposed


def claims_from_rows(rows: Iterable[Any], company: str, authority: Authority) -> list[Claim]:
	"""Rows of Write-Off Run Item as claims; original amounts only where a limit asks for them."""
	found = list(rows)
	decimals = precision(company_currency(company))
	originals = (
		approval_ledger.original_amounts(company, [item_key(row) for row in found])
		if authority.needs_original_amounts
		else {}
	)
	return [
		Claim(
			name=row.name,
			customer=row.customer,
			currency=row.currency,
			amount=abs(money(row.write_off_amount, precision(row.currency))),
			base_amount=abs(money(row.base_write_off_amount, decimals)),
			original_amount=originals.get(item_key(row)),
		)
		for row in found
	]


def item_key(row: Any) -> Key:
	return Key(row.voucher_type, row.voucher_no, row.receivable_account, row.customer)


def selected_rows(run: str, *, held_too: bool = False) -> list[Any]:
	"""What is proposed to be written off. `held_too`: with what is held back for want of a limit."""
	item = frappe.qb.DocType("Write-Off Run Item")
	proposed = item.selected == 1
	if held_too:
		proposed |= item.reason_code.isin(reasons.OVER_LIMIT)
	return (
		frappe.qb.from_(item)
		.select(*[item[fieldname] for fieldname in CLAIM_FIELDS])
		.where((item.run == run) & (item.status == states.OPEN) & proposed)
		.orderby(item.name)
		.run(as_dict=True)
	)


def month_totals(
	company: str,
	posting_date: date,
	customers: Iterable[str],
	*,
	run: str,
	approved_too: bool,
	without: Iterable[str] = (),
) -> MonthTotals:
	"""What is written off of these customers in the calendar month, by all runs: posted and not reversed
	or reinstated.

	`approved_too` counts what other submitted runs are about to post as well. `run` counts with what it has
	posted and is about to post, without the items in `without`.
	"""
	item, other = frappe.qb.DocType("Write-Off Run Item"), frappe.qb.DocType("Write-Off Run")
	about_to_post = (item.status == states.OPEN) & (item.selected == 1) & (other.docstatus == 1)
	if not approved_too:
		about_to_post &= other.name == run
	condition = (
		(other.company == company)
		& (other.posting_date >= get_first_day(posting_date))
		& (other.posting_date <= get_last_day(posting_date))
		& (item.status.isin([states.POSTED, states.CONFLICT]) | about_to_post)
	)
	left_out = list(without)
	if left_out:
		condition &= item.name.notin(left_out)
	amounts: dict[tuple[str, str], Any] = {}
	base_decimals = precision(company_currency(company))
	for batch in frappe.utils.create_batch(sorted(set(customers)), 1000):
		for row in (
			frappe.qb.from_(item)
			.inner_join(other)
			.on(other.name == item.run)
			.select(
				item.customer,
				item.currency,
				Sum(Abs(item.write_off_amount - item.reinstated_amount)).as_("amount"),
				Sum(Abs(item.base_write_off_amount - item.base_reinstated_amount)).as_("base_amount"),
			)
			.where(condition & item.customer.isin(batch))
			.groupby(item.customer, item.currency)
			.run(as_dict=True)
		):
			amounts[row.customer, row.currency] = money(row.amount, precision(row.currency))
			base = money(row.base_amount, base_decimals)
			amounts[row.customer, ""] = amounts.get((row.customer, ""), 0) + base
	return MonthTotals(amounts)


# Holding back in a draft


def hold_back(run: Any, user: str, authority: Authority | None = None) -> int:
	"""Hold back in a draft what is over this person's limits; what was held back for another person's is released.
	`authority`: of this person for the run, where the caller knows it.

	Returns the number of items held back.
	"""
	release_held(run.name)
	authority = authority or authority_for(run, user)
	if authority.unlimited or prepares_only(user, authority):
		return 0
	claims = claims_from_rows(selected_rows(run.name), run.company, authority)
	earlier = earlier_totals(run, authority, claims)
	held = core.held_back(claims, authority, earlier)
	if held:
		enough = sufficient_roles(run, claims, held)
		frappe.db.bulk_update(
			"Write-Off Run Item",
			{
				name: {
					"selected": 0,
					**messages.columns(reason.with_facts(enough="\n".join(enough.get(name, ())))),
				}
				for name, reason in held.items()
			},
			chunk_size=500,
			update_modified=False,
		)
		# What `release_held` goes by, also before the totals are summed up again.
		frappe.db.set_value("Write-Off Run", run.name, "held_count", len(held), update_modified=False)
	return len(held)


def selected_if_submitted(run: Any, user: str) -> list[tuple[str, str]] | None:
	"""(item, customer) of what is selected once this person submits the draft, in the order of their names: what was
	held back for want of a limit is released as far as this person's goes. None where that is what is selected now.
	Nothing is written.
	"""
	if run.docstatus or not set(frappe.get_roles(user)) & set(submitting_roles()):
		return None
	authority = authority_for(run, user)
	if not run.held_count and not authority.rows:
		return None
	rows = selected_rows(run.name, held_too=True)
	held: Mapping[str, Reason] = {}
	if not authority.unlimited:
		claims = claims_from_rows(rows, run.company, authority)
		held = core.held_back(claims, authority, earlier_totals(run, authority, claims))
	return [(row.name, row.customer) for row in rows if row.name not in held]


def prepares_only(user: str, authority: Authority) -> bool:
	"""Whether this person only proposes, and has no limit for that: who submits is asked for one."""
	return not authority.rows and not set(frappe.get_roles(user)) & set(submitting_roles())


def release_held(run: str) -> None:
	"""Select again what was held back for want of a limit."""
	if not frappe.db.get_value("Write-Off Run", run, "held_count"):
		return
	item = frappe.qb.DocType("Write-Off Run Item")
	query = (
		frappe.qb.update(item)
		.set(item.selected, 1)
		.where((item.run == run) & (item.status == states.OPEN) & item.reason_code.isin(reasons.OVER_LIMIT))
	)
	messages.set_reason(query, item, None).run()


def earlier_totals(run: Any, authority: Authority, claims: list[Claim]) -> MonthTotals | None:
	if not authority.has_month_limit:
		return None
	return month_totals(
		run.company,
		getdate(run.posting_date),
		{claim.customer for claim in claims},
		run=run.name,
		approved_too=True,
	)


def sufficient_roles(run: Any, claims: list[Claim], held: Iterable[str]) -> dict[str, tuple[str, ...]]:
	"""For each claim held back, the roles whose holders may approve it."""
	table, submitting = company_limits(run.company), submitting_roles()
	enough: dict[str, tuple[str, ...]] = {name: () for name in held}
	for role in dict.fromkeys(row.holder for row in table if row.instead or row.holder in submitting):
		authority = core.authority_of_roles(table, [role], submitting)
		if authority.needs_original_amounts and any(claim.original_amount is None for claim in claims):
			claims = claims_from_rows(selected_rows(run.name), run.company, authority)
		over = core.held_back(claims, authority, earlier_totals(run, authority, claims))
		for name in enough:
			if name not in over:
				enough[name] += (role,)
	return enough


def held_summary(run: str) -> dict[str, Any]:
	"""What is held back in a run, as far as the reader may see it: number, company-currency amount, and the words on
	whose limit is enough."""
	item = items.table()
	groups = (
		frappe.qb.from_(item)
		.select(
			item.reason_code,
			item.reason_facts,
			Count("*").as_("count"),
			Sum(item.base_write_off_amount).as_("amount"),
		)
		.where(
			items.visible(item, run)
			& (item.status == states.OPEN)
			& item.reason_code.isin(reasons.OVER_LIMIT)
		)
		.groupby(item.reason_code, item.reason_facts)
		.orderby(item.reason_code)
		.orderby(item.reason_facts)
		.run(as_dict=True)
	)
	first = groups[:20]
	messages.localize_messages(first)
	return {
		"count": sum(row["count"] for row in groups),
		"base_amount": flt(sum(row.amount for row in groups)),
		"reasons": [
			{
				"reason_code": row.reason_code,
				"label": messages.label(row.reason_code),
				"message": row.message,
				"count": row["count"],
			}
			for row in first
		],
	}


# On submit


def move_held_to_draft(run: Any) -> str:
	"""Move what is held back to a draft of its own, where somebody with a sufficient limit finds it. Returns its name."""
	rest = frappe.copy_doc(run)
	rest.update({"cutoff_date": run.cutoff_date, "posting_date": run.posting_date})
	rest.docstatus = 0
	rest.flags.ignore_permissions = True
	rest.insert()
	frappe.db.set_value(
		"Write-Off Run",
		rest.name,
		{
			"remainder_of": run.name,
			**{
				fieldname: run.get(fieldname)
				for fieldname in (
					"prepared_by",
					"prepared_on",
					"changed_by",
					"changed_on",
					"searched_by",
					"searched_on",
					"schedule",
					"schedule_period",
				)
			},
		},
		update_modified=False,
	)
	item = frappe.qb.DocType("Write-Off Run Item")
	(
		frappe.qb.update(item)
		.set(item.run, rest.name)
		.where(
			(item.run == run.name) & (item.status == states.OPEN) & item.reason_code.isin(reasons.OVER_LIMIT)
		)
		.run()
	)
	refresh_totals(rest.name)
	return rest.name


def evidence(authority: Authority, user: str) -> dict[str, Any]:
	"""The limits that bind this person, as evidence."""
	return {
		"user": user,
		"limit_required": authority.limit_required,
		"limits": [limit_evidence(limit) for limit in authority.limits],
		"caps_of_schedule": [limit_evidence(limit) for limit in authority.caps],
	}


def limit_evidence(limit: Limit) -> dict[str, str]:
	values = {
		"holder": limit.holder,
		"currency": limit.currency,
		"per_balance": limit.per_item,
		"per_customer_and_month": limit.per_customer_month,
		"per_run": limit.per_run,
		"share_of_original_percent": limit.share,
	}
	return {key: str(value) for key, value in values.items() if value not in (None, "")}


# Under the lock


def refused_items(rows: list[Any], run: Any, user: str) -> dict[str, Reason]:
	"""The items of a locked batch that are over this person's limits as they are now.

	The rows of the customers are locked, so that two runs cannot each think the month's limit is still free.
	What other runs have posted counts, what they are about to post does not: who comes first has it.
	"""
	authority = authority_for(run, user)
	if authority.unlimited:
		return {}
	# The total of the run was approved and cannot grow: what was approved is sealed.
	authority = replace(
		authority,
		limits=tuple(replace(limit, per_run=None) for limit in authority.limits),
		caps=tuple(replace(limit, per_run=None) for limit in authority.caps),
	)
	claims = claims_from_rows(rows, run.company, authority)
	earlier = None
	if authority.has_month_limit:
		customers = sorted({claim.customer for claim in claims})
		approval_ledger.lock_customers(customers)
		earlier = month_totals(
			run.company,
			getdate(run.posting_date),
			customers,
			run=run.name,
			approved_too=False,
			without=[claim.name for claim in claims],
		)
	return core.held_back(claims, authority, earlier)


def run_refusal(run: Any, user: str) -> Reason | None:
	"""Why the run as a whole is over this person's limits as they are now; None when it is not."""
	authority = authority_for(run, user)
	per_run = [limit for limit in authority.rows if limit.per_run is not None]
	if not per_run:
		return None
	item = frappe.qb.DocType("Write-Off Run Item")
	totals = (
		frappe.qb.from_(item)
		.select(
			item.currency,
			Sum(Abs(item.write_off_amount)).as_("amount"),
			Sum(Abs(item.base_write_off_amount)).as_("base_amount"),
		)
		.where((item.run == run.name) & (item.selected == 1) & (item.status != states.EXCLUDED))
		.groupby(item.currency)
		.run(as_dict=True)
	)
	decimals = precision(company_currency(run.company))
	claims = [
		Claim(
			name=row.currency,
			customer="",
			currency=row.currency,
			amount=money(row.amount, precision(row.currency)),
			base_amount=money(row.base_amount, decimals),
		)
		for row in totals
	]
	only_runs = tuple(replace(limit, per_item=None, per_customer_month=None, share=None) for limit in per_run)
	held = core.held_back(claims, Authority(caps=only_runs))
	return next(iter(held.values()), None)
