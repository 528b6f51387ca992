"""Limits of a run: items over the limit of the user are pending, the others stay selected.

A pending item stays Open with a reason that names the roles with a sufficient limit. When a user with such a role submits
the run, it is posted with the others. Items over the limit of the submitter are moved to a new draft, see
`move_pending_to_draft`.
"""

from collections import defaultdict
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
from ar_writeoff.core.money import ZERO, money
from ar_writeoff.core.reasons import Reason
from ar_writeoff.core.run_types import doctype_of, posts_claims
from ar_writeoff.ledger import messages
from ar_writeoff.ledger.foreign_invoices import NOT_FOREIGN, foreign_invoices
from ar_writeoff.ledger.history import original_amounts
from ar_writeoff.ledger.money import company_currency, precision
from ar_writeoff.ledger.open_items import balance_key
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


# Authority of a user


def company_limits(company: str) -> list[Limit]:
	"""Return the limits in the company's Write-Off Settings."""
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


def limits_of(run: Any) -> list[Limit]:
	"""Return the limits that apply to a run. Those by share do not apply to tax claims: a claim is no part of an invoice that
	remains unpaid, and the share of its write-off was limited before."""
	limits = company_limits(run.company)
	return [replace(limit, share=None) for limit in limits] if posts_claims(run.name) else limits


def limit_from(row: Any, holder: str, currency: str, company: str) -> Limit:
	"""Convert a row of the limits table, or the caps of a schedule. 0 or empty means no limit."""
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
	"""Return the roles with submit permission on Write-Off Run."""
	return [row.role for row in frappe.get_meta("Write-Off Run").permissions if row.submit]


def authority_of(user: str, company: str) -> Authority:
	"""Return the limits of this user in the company. They apply to Administrator too."""
	return core.authority_of_roles(company_limits(company), frappe.get_roles(user), submitting_roles())


def authority_for(run: Any, user: str) -> Authority:
	"""Return the limits of this user for this run, with the caps of the schedule if it submits the run."""
	authority = core.authority_of_roles(limits_of(run), frappe.get_roles(user), submitting_roles())
	if cint(run.get("by_schedule")) and run.schedule:
		schedule = frappe.get_doc("Write-Off Schedule", run.schedule)
		authority = replace(
			authority, caps=(limit_from(schedule, texts.SCHEDULE_PREFIX + run.schedule, "", run.company),)
		)
	return authority


# Claims


def claims_from_rows(rows: Iterable[Any], company: str, authority: Authority) -> list[Claim]:
	"""Convert Write-Off Run Items to claims, with original amounts if a limit needs them."""
	found = list(rows)
	decimals = precision(company_currency(company))
	originals = (
		original_amounts(company, [balance_key(row) for row in found])
		if authority.needs_original_amounts
		else {}
	)
	invoiced = (
		foreign_invoices(company, [balance_key(row) for row in found]) if authority.has_currency_limit else {}
	)
	claims = []
	for row in found:
		amount = abs(money(row.write_off_amount, precision(row.currency)))
		invoice = invoiced.get(balance_key(row), NOT_FOREIGN)
		claims.append(
			Claim(
				name=row.name,
				customer=row.customer,
				currency=row.currency,
				amount=amount,
				base_amount=abs(money(row.base_write_off_amount, decimals)),
				original_amount=originals.get(balance_key(row)),
				invoice_currency=invoice.currency,
				invoice_amount=invoice.in_currency(amount),
			)
		)
	return claims


def selected_rows(run: str, *, include_pending: bool = False) -> list[Any]:
	"""Return the selected items. `include_pending`: also pending items."""
	item = frappe.qb.DocType("Write-Off Run Item")
	proposed = item.selected == 1
	if include_pending:
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
	include_approved: bool,
	without: Iterable[str] = (),
) -> MonthTotals:
	"""Return the write-offs of these customers in the calendar month over all runs, less reversals and reinstatements.

	`include_approved`: also items that other submitted runs have not posted yet. Items of `run` always count, except
	those in `without`.
	"""
	item, other = frappe.qb.DocType("Write-Off Run Item"), frappe.qb.DocType(doctype_of(run))
	about_to_post = (item.status == states.OPEN) & (item.selected == 1) & (other.docstatus == 1)
	if not include_approved:
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
	invoice = frappe.qb.DocType("Sales Invoice")
	amounts: dict[tuple[str, str], Any] = defaultdict(lambda: ZERO)
	base_decimals = precision(company_currency(company))
	for batch in frappe.utils.create_batch(sorted(set(customers)), 1000):
		for row in (
			frappe.qb.from_(item)
			.inner_join(other)
			.on(other.name == item.run)
			.left_join(invoice)
			.on((item.voucher_type == "Sales Invoice") & (invoice.name == item.voucher_no))
			.select(
				item.customer,
				item.currency,
				invoice.currency.as_("invoice_currency"),
				Sum(Abs(item.write_off_amount - item.reinstated_amount) / invoice.conversion_rate).as_(
					"invoice_amount"
				),
				Sum(Abs(item.write_off_amount - item.reinstated_amount)).as_("amount"),
				Sum(Abs(item.base_write_off_amount - item.base_reinstated_amount)).as_("base_amount"),
			)
			.where(condition & item.customer.isin(batch))
			.groupby(item.customer, item.currency, invoice.currency)
			.run(as_dict=True)
		):
			amounts[row.customer, row.currency] += money(row.amount, precision(row.currency))
			if row.invoice_currency not in (None, row.currency):
				amounts[row.customer, row.invoice_currency] += money(
					row.invoice_amount, precision(row.invoice_currency)
				)
			amounts[row.customer, ""] += money(row.base_amount, base_decimals)
	return MonthTotals(dict(amounts))


# Pending items of a draft


def mark_pending(run: Any, user: str, authority: Authority | None = None) -> int:
	"""Make the items of a draft over this user's limits pending, after releasing those that were for another user.
	`authority`: of this user for the run, if known.

	Returns the number of pending items.
	"""
	release_pending(run.name)
	authority = authority or authority_for(run, user)
	if authority.unlimited or only_prepares(user, authority):
		return 0
	claims = claims_from_rows(selected_rows(run.name), run.company, authority)
	earlier = earlier_totals(run, authority, claims)
	pending = core.over_limit(claims, authority, earlier)
	if pending:
		enough = sufficient_roles(run, claims, pending)
		frappe.db.bulk_update(
			"Write-Off Run Item",
			{
				name: {
					"selected": 0,
					**messages.columns(reason.with_facts(enough="\n".join(enough.get(name, ())))),
				}
				for name, reason in pending.items()
			},
			chunk_size=500,
			update_modified=False,
		)
		# `release_pending` uses the count before the totals are updated.
		frappe.db.set_value(doctype_of(run.name), run.name, "held_count", len(pending), update_modified=False)
	return len(pending)


def selected_if_submitted(run: Any, user: str) -> list[tuple[str, str]] | None:
	"""Return (item, customer) of the items that are selected when this user submits the draft, ordered by name: pending
	items within this user's limits are released. None if it is the current selection. Nothing is written.
	"""
	if run.docstatus or not set(frappe.get_roles(user)) & set(submitting_roles()):
		return None
	authority = authority_for(run, user)
	if not run.held_count and not authority.rows:
		return None
	rows = selected_rows(run.name, include_pending=True)
	pending: Mapping[str, Reason] = {}
	if not authority.unlimited:
		claims = claims_from_rows(rows, run.company, authority)
		pending = core.over_limit(claims, authority, earlier_totals(run, authority, claims))
	return [(row.name, row.customer) for row in rows if row.name not in pending]


def only_prepares(user: str, authority: Authority) -> bool:
	"""Whether this user cannot submit and has no limit; limits of the submitter apply."""
	return not authority.rows and not set(frappe.get_roles(user)) & set(submitting_roles())


def release_pending(run: str) -> None:
	"""Select the pending items again."""
	if not frappe.db.get_value(doctype_of(run), run, "held_count"):
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
		include_approved=True,
	)


def sufficient_roles(run: Any, claims: list[Claim], pending: Iterable[str]) -> dict[str, tuple[str, ...]]:
	"""Return the roles with a sufficient limit for each pending claim."""
	table, submitting = limits_of(run), submitting_roles()
	enough: dict[str, tuple[str, ...]] = {name: () for name in pending}
	for role in dict.fromkeys(row.holder for row in table if row.instead or row.holder in submitting):
		authority = core.authority_of_roles(table, [role], submitting)
		if authority.needs_original_amounts and any(claim.original_amount is None for claim in claims):
			claims = claims_from_rows(selected_rows(run.name), run.company, authority)
		over = core.over_limit(claims, authority, earlier_totals(run, authority, claims))
		for name in enough:
			if name not in over:
				enough[name] += (role,)
	return enough


def pending_summary(run: str) -> dict[str, Any]:
	"""Return count, amount in company currency and reasons of the pending items that the current user may see."""
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


def move_pending_to_draft(run: Any) -> str:
	"""Move the pending items to a new draft, for a user with a sufficient limit. Returns its name."""
	rest = frappe.copy_doc(run)
	dates = ("cutoff_date", "posting_date", "from_date", "to_date")
	rest.update({fieldname: run.get(fieldname) for fieldname in dates if run.get(fieldname)})
	rest.docstatus = 0
	rest.flags.ignore_permissions = True
	rest.insert()
	people = ("prepared_by", "prepared_on", "changed_by", "changed_on", "searched_by", "searched_on")
	of_schedule = () if posts_claims(run.name) else ("schedule", "schedule_period")
	frappe.db.set_value(
		run.doctype,
		rest.name,
		{
			"remainder_of": run.name,
			**{fieldname: run.get(fieldname) for fieldname in (*people, *of_schedule)},
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
	"""Return the limits of this user for the evidence of the run."""
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


# Checks before posting


def refused_items(rows: list[Any], run: Any, user: str) -> dict[str, Reason]:
	"""Return the items of a locked batch that are over this user's current limits.

	The customers are locked, so that two runs cannot both use the same monthly limit. Only posted items of other runs
	count.
	"""
	authority = authority_for(run, user)
	if authority.unlimited:
		return {}
	# The sealed total of the run was checked on submit and cannot increase.
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
			include_approved=False,
			without=[claim.name for claim in claims],
		)
	return core.over_limit(claims, authority, earlier)


def run_blocker(run: Any, user: str) -> Reason | None:
	"""Return why the total of the run is over this user's current limits, or None."""
	authority = authority_for(run, user)
	per_run = [limit for limit in authority.rows if limit.per_run is not None]
	if not per_run:
		return None
	item, invoice = frappe.qb.DocType("Write-Off Run Item"), frappe.qb.DocType("Sales Invoice")
	totals = (
		frappe.qb.from_(item)
		.left_join(invoice)
		.on((item.voucher_type == "Sales Invoice") & (invoice.name == item.voucher_no))
		.select(
			item.currency,
			invoice.currency.as_("invoice_currency"),
			Sum(Abs(item.write_off_amount) / invoice.conversion_rate).as_("invoice_amount"),
			Sum(Abs(item.write_off_amount)).as_("amount"),
			Sum(Abs(item.base_write_off_amount)).as_("base_amount"),
		)
		.where((item.run == run.name) & (item.selected == 1) & (item.status != states.EXCLUDED))
		.groupby(item.currency, invoice.currency)
		.run(as_dict=True)
	)
	decimals = precision(company_currency(run.company))
	claims = [
		Claim(
			name=f"{row.currency} {row.invoice_currency}",
			customer="",
			currency=row.currency,
			amount=money(row.amount, precision(row.currency)),
			base_amount=money(row.base_amount, decimals),
			invoice_currency=row.invoice_currency or "",
			invoice_amount=money(row.invoice_amount, precision(row.invoice_currency or row.currency)),
		)
		for row in totals
	]
	only_runs = tuple(replace(limit, per_item=None, per_customer_month=None, share=None) for limit in per_run)
	over = core.over_limit(claims, Authority(caps=only_runs))
	return next(iter(over.values()), None)
