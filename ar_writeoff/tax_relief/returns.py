"""What the tax runs have posted, by return period and box of the return."""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import date
from decimal import Decimal
from typing import Any

import frappe
from frappe.utils import create_batch, getdate
from pypika.queries import QueryBuilder

from ar_writeoff.core.money import ZERO, money
from ar_writeoff.core.run_types import TAX_CLAIM, TAX_RUN
from ar_writeoff.core.status import ITEM_POSTED
from ar_writeoff.ledger.money import company_currency, precision
from ar_writeoff.tax_relief import ledger, rules

CLAIM, REPAYMENT = "Claim", "Repayment"


@dataclass(frozen=True, slots=True)
class BoxAmount:
	"""`amount` in company currency: above 0 for claims, below 0 for repayments. `claims`: their number."""

	from_date: date
	to_date: date
	kind: str
	box: str
	relief_account: str
	amount: Decimal
	claims: int


def box_amounts(company: str, from_date: Any = None, to_date: Any = None) -> list[dict[str, Any]]:
	"""Return the fields of a BoxAmount for each return period, kind, box and relief account, for other apps.

	The dates limit the posting date of the tax runs. Tax runs that were undone are left out. Permissions are not checked.
	"""
	rows = posted_claims(company, from_date, to_date)
	return [asdict(amount) for amount, _rows in by_box(rows, precision(company_currency(company)))]


def by_box(rows: Iterable[Any], decimals: int) -> Iterator[tuple[BoxAmount, list[Any]]]:
	"""Yield the amount of each return period and box with its rows, which are those of `posted_claims`."""
	groups: dict[tuple[date, date, str, str, str], list[Any]] = defaultdict(list)
	for row in rows:
		kind = CLAIM if row.base_write_off_amount > 0 else REPAYMENT
		groups[row.from_date, row.to_date, kind, row.box, row.relief_account].append(row)
	for key, own in sorted(groups.items()):
		total = sum((money(row.base_write_off_amount, decimals) for row in own), ZERO)
		yield BoxAmount(*key, total, len(own)), own


def posted_claims(company: str, from_date: Any = None, to_date: Any = None) -> list[frappe._dict]:
	"""Return the claims (amounts above 0) and repayments (below 0) of entries with these posting dates, each with the box of the
	return: that of its tax account in the rule, or of the rule. Where the return is filed, the box as it was then. Tax runs that
	were undone are left out, and what the entries of write-offs have claimed is in the return period of the Settings."""
	item, run = frappe.qb.DocType("Write-Off Run Item"), frappe.qb.DocType(TAX_RUN)
	claim = frappe.qb.DocType(TAX_CLAIM)
	query = (
		frappe.qb.from_(item)
		.inner_join(run)
		.on(run.name == item.run)
		.inner_join(claim)
		.on(claim.name == item.voucher_no)
		.select(
			run.from_date,
			run.to_date,
			run.posting_date,
			item.run.as_("tax_run"),
			item.voucher_no.as_("name"),
			claim.sales_invoice,
			item.customer,
			item.receivable_account.as_("relief_account"),
			item.base_write_off_amount,
			item.journal_entry,
			item.name.as_("item"),
			item.tax_box,
		)
		.where(
			(run.company == company)
			& item.status.isin(ITEM_POSTED)
			# Deferred tax that is released is not reported again.
			& claim.releases.isnull()
			& (item.receivable_account == claim.relief_account)
		)
		.orderby(item.name)
	)
	if from_date:
		query = query.where(run.posting_date >= getdate(from_date))
	if to_date:
		query = query.where(run.posting_date <= getdate(to_date))
	rows = _with_boxes(query).run(as_dict=True) + _claimed_at_once(company, from_date, to_date)
	for row in rows:
		kind = "claim_box" if row.base_write_off_amount > 0 else "repayment_box"
		of_rule = row[kind] or row[f"{kind}_of_rule"] or ""
		row.box = of_rule if row.tax_box is None else row.tax_box
	return rows


def _with_boxes(query: QueryBuilder) -> QueryBuilder:
	"""Add the boxes that the rules have today for the claims of the query."""
	claim, rule = frappe.qb.DocType(TAX_CLAIM), frappe.qb.DocType(ledger.RULE)
	account = frappe.qb.DocType("Write-Off Tax Rule Account")
	return (
		query.left_join(rule)
		.on(rule.name == claim.tax_rule)
		.left_join(account)
		.on((account.parent == claim.tax_rule) & (account.tax_account == claim.tax_account))
		.select(
			account.claim_box,
			account.repayment_box,
			rule.claim_box.as_("claim_box_of_rule"),
			rule.repayment_box.as_("repayment_box_of_rule"),
		)
	)


def _claimed_at_once(company: str, from_date: Any, to_date: Any) -> list[frappe._dict]:
	"""Return what entries of write-offs have claimed, and what entries that take them back have repaid."""
	item, entry = frappe.qb.DocType("Write-Off Run Item"), frappe.qb.DocType("Journal Entry")
	claim = frappe.qb.DocType(TAX_CLAIM)
	query = (
		frappe.qb.from_(claim)
		.inner_join(item)
		.on(item.name == claim.item)
		.left_join(entry)
		.on(entry.name == item.reversal_entry)
		.select(
			claim.name,
			claim.item,
			claim.sales_invoice,
			claim.customer,
			claim.relief_account,
			claim.write_off_date.as_("posting_date"),
			claim.tax_amount.as_("base_write_off_amount"),
			claim.journal_entry,
			claim.filed_boxes,
			item.reversal_entry,
			entry.posting_date.as_("reversed_on"),
		)
		.where((claim.company == company) & (claim.method == rules.NET_AT_ONCE) & (claim.journal_entry != ""))
		.orderby(claim.name)
	)
	if from_date:
		# Or taken back since.
		query = query.where(
			(claim.write_off_date >= getdate(from_date))
			| (entry.posting_date >= getdate(from_date))
			| (item.reinstated_amount != 0)
		)
	if to_date:
		query = query.where(claim.write_off_date <= getdate(to_date))
	rows = _with_boxes(query).run(as_dict=True)
	if not rows:
		return []
	decimals = precision(company_currency(company))
	recovered: dict[str, list[tuple[Any, str, Decimal]]] = defaultdict(list)
	for recovery in ledger.recoveries(row.item for row in rows):
		for name, amount in recovery.taxes.items():
			recovered[name].append((recovery.posting_date, recovery.journal_entry, amount))
	found = []
	for row in rows:
		found.append(row)
		left = money(row.base_write_off_amount, decimals)
		for day, name, amount in recovered[row.name]:
			left -= amount
			found.append(
				frappe._dict(row, posting_date=day, journal_entry=name, base_write_off_amount=-amount)
			)
		if row.reversal_entry and left:
			back = {"posting_date": row.reversed_on, "journal_entry": row.reversal_entry}
			found.append(frappe._dict(row, **back, base_write_off_amount=-left))
	months = ledger.return_months(company)
	for row in found:
		row.tax_run = None
		row.tax_box = boxes_from_text(row.filed_boxes).get(row.journal_entry)
		row.from_date, row.to_date = rules.period_of(getdate(row.posting_date), months)
	return [
		row
		for row in found
		if (not from_date or row.posting_date >= getdate(from_date))
		and (not to_date or row.posting_date <= getdate(to_date))
	]


# Boxes of what entries of write-offs have claimed and repaid are stored in the claim, by entry.


def boxes_from_text(text: str | None) -> dict[str, str]:
	return json.loads(text or "{}")


def store_boxes_of_entries(boxes: Mapping[str, Mapping[str, str | None]]) -> None:
	"""Store these boxes of filed returns, or remove them where there is none: {claim: {Journal Entry: box}}."""
	stored: dict[str, str | None] = {}
	for names in create_batch(sorted(boxes), ledger.CLAIMS_PER_QUERY):
		stored |= dict(
			frappe.get_all(
				TAX_CLAIM,
				filters={"name": ("in", names)},
				fields=["name", "filed_boxes"],
				order_by=None,
				as_list=True,
			)
		)
	values = {}
	for name, own in boxes.items():
		merged = {**boxes_from_text(stored[name]), **own}
		kept = {entry: box for entry, box in sorted(merged.items()) if box is not None}
		values[name] = {"filed_boxes": json.dumps(kept) if kept else None}
	ledger.write_claims(values, set_modified=False)
