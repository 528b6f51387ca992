"""Claims in tax runs: found as items, and updated when the items are posted or undone."""

from collections.abc import Iterable, Iterator
from datetime import date
from typing import Any

import frappe
from frappe.utils import create_batch, getdate, now

from ar_writeoff.core.money import money
from ar_writeoff.core.run_types import TAX_CLAIM, TAX_RUN
from ar_writeoff.core.status import ITEM_POSTED
from ar_writeoff.ledger import messages
from ar_writeoff.ledger import permissions as access
from ar_writeoff.ledger.money import company_currency, precision
from ar_writeoff.run import log
from ar_writeoff.search.processes import FoundItems
from ar_writeoff.search.rules import Balance, Verdict
from ar_writeoff.search.service import replace_items
from ar_writeoff.tax_relief import age, ledger, returns, rules, service
from ar_writeoff.tax_relief.filed import FiledReturn, filed_returns


def find_claims(run: Any) -> dict[str, int]:
	"""Replace the items of a draft tax run, which the caller has locked; returns the counts of changes."""
	day, until = getdate(run.posting_date), getdate(run.to_date)
	age.update(run.company, day)
	found = ledger.open_claims(run.company, day, until)
	visible = visible_claims(run.company)
	currency = company_currency(run.company)
	names = customer_names(one.row.customer for one in found.values())
	items = FoundItems()
	items.add(
		[
			(
				Verdict(
					balance_of(one.row, one.account, one.amount, currency),
					one.amount,
					one.amount,
					(day - one.row.claimable_on).days,
					one.reason,
				),
				names.get(one.row.customer, ""),
			)
			for name, one in found.items()
			if visible is None or name in visible
		]
	)
	return replace_items(run, items)


def balance_of(claim: Any, account: str, amount: Any, currency: str) -> Balance:
	"""Return a claim as the balance of an item. Its days are those of the claim, its account is the one to post to."""
	return Balance(
		voucher_type=TAX_CLAIM,
		voucher_no=claim.name,
		customer=claim.customer,
		receivable_account=account,
		currency=currency,
		posting_date=claim.claimable_on,
		due_date=claim.lapses_on,
		at_cutoff=amount,
		base_at_cutoff=amount,
		now=amount,
		base_now=amount,
	)


def visible_claims(company: str) -> set[str] | None:
	"""Return the claims that the current user may see; None for all."""
	if access.of_user().is_unrestricted:
		return None
	return set(
		frappe.get_list(TAX_CLAIM, filters={"company": company}, pluck="name", order_by="name asc", limit=0)
	)


def customer_names(customers: Iterable[str]) -> dict[str, str]:
	return dict(
		frappe.get_all(
			"Customer",
			filters={"name": ("in", sorted(set(customers)) or [""])},
			fields=["name", "customer_name"],
			as_list=True,
		)
	)


def claims_of(items: Iterable[Any]) -> Iterator[str]:
	"""Yield the claims of these items of a tax run; none for items of other runs."""
	for item in items:
		if item.voucher_type == TAX_CLAIM:
			yield item.voucher_no


def update_claims(names: Iterable[str]) -> None:
	"""Update claims, which are locked, from the posted items of tax runs, in the current transaction."""
	wanted = sorted(set(names))
	if not wanted:
		return
	posted = ledger.posted_amounts(wanted)
	entries = entries_of(last for *_sums, last in posted.values())
	claim = frappe.qb.DocType(TAX_CLAIM)
	values: dict[str, dict[str, Any]] = {}
	at_once = []
	filed: dict[str, list[FiledReturn]] = {}
	for row in (
		frappe.qb.from_(claim)
		.select(*service.CLAIM_FIELDS)
		.where(claim.name.isin(wanted))
		.orderby(claim.name)
		.for_update()
		.run(as_dict=True)
	):
		if row.method == rules.NET_AT_ONCE:
			at_once.append(row.name)
			continue
		decimals = precision(company_currency(row.company))
		*sums, last = posted.get(row.name, (0, 0, 0, None))
		claimed, repaid, lapsed = (money(amount, decimals) for amount in sums)
		run, entry, posted_on = entries[last] if last else (None, None, None)
		reason = None
		if claimed:
			if row.company not in filed:
				filed[row.company] = filed_returns(row.company)
			is_filed = any(one.has(posted_on) for one in filed[row.company])
			status = rules.posted_status(money(row.tax_amount, decimals), claimed, repaid, filed=is_filed)
		else:
			status, reason = service.current_status(row, getdate())
		values[row.name] = {
			"claimed_amount": claimed,
			"repaid_amount": repaid,
			"lapsed_amount": lapsed,
			"tax_run": run,
			"journal_entry": entry,
			"status": status,
			**messages.columns(reason),
		}
	ledger.write_claims(values)
	if at_once:
		service.update_claims(claim.name.isin(at_once))


def entries_of(items: Iterable[str]) -> dict[str, tuple[str, str, Any]]:
	"""Return tax run, Journal Entry and posting date of these items."""
	item, run = frappe.qb.DocType("Write-Off Run Item"), frappe.qb.DocType(TAX_RUN)
	return {
		name: (of_run, entry, posting_date)
		for name, of_run, entry, posting_date in frappe.qb.from_(item)
		.inner_join(run)
		.on(run.name == item.run)
		.select(item.name, item.run, item.journal_entry, run.posting_date)
		.where(item.name.isin(list(items) or [""]))
		.run()
	}


def mark_as_filed(run: Any, filed: bool) -> None:
	"""Mark the return with the claims of a run, which the caller has locked, as filed, or not any more. That is the return of all
	entries of the period. Their boxes are kept as they are reported, whatever is changed in the rule later."""
	if filed == bool(run.filed_on):
		return
	frappe.db.set_value(
		TAX_RUN,
		run.name,
		{"filed_by": frappe.session.user if filed else None, "filed_on": now() if filed else None},
	)
	log.record(run.name, "Filed" if filed else "Filing Withdrawn", run.company)
	store_boxes(run.company, run.from_date, run.to_date)
	update_claims(claims_of_period(run.company, run.from_date, run.to_date))
	service.update_of_period(run.company, run.from_date, run.to_date)


def claims_of_period(company: str, first: date, last: date) -> list[str]:
	"""Return the claims that the tax runs of a return period have posted."""
	item, run = frappe.qb.DocType("Write-Off Run Item"), frappe.qb.DocType(TAX_RUN)
	return (
		frappe.qb.from_(item)
		.inner_join(run)
		.on(run.name == item.run)
		.select(item.voucher_no)
		.where(
			(run.company == company)
			& run.posting_date.between(first, last)
			& item.status.isin(ITEM_POSTED)
			& (item.voucher_type == TAX_CLAIM)
		)
		.run(pluck=True)
	)


def store_boxes(company: str, first: date, last: date) -> None:
	"""Store the box of each amount of a return period where its return is filed, and remove it where it is not."""
	filed = filed_returns(company)
	item = frappe.qb.DocType("Write-Off Run Item")
	boxes: dict[str | None, list[str]] = {}
	of_entries: dict[str, dict[str, str | None]] = {}
	for row in returns.posted_claims(company, first, last):
		box = row.box if any(one.has(row.posting_date) for one in filed) else None
		if row.tax_run:
			boxes.setdefault(box, []).append(row.item)
		else:
			of_entries.setdefault(row.name, {})[row.journal_entry] = box
	for box, names in boxes.items():
		for part in create_batch(names, ledger.CLAIMS_PER_QUERY):
			frappe.qb.update(item).set(item.tax_box, box).where(item.name.isin(part)).run()
	returns.store_boxes_of_entries(of_entries)
