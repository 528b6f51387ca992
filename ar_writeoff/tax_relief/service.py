"""Claims of the tax in written-off invoices: created when the invoices are written off, kept in step with the items."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

import frappe
from frappe import _
from frappe.utils import create_batch, getdate
from pypika.terms import Criterion

from ar_writeoff.core import reasons
from ar_writeoff.core.money import ZERO, money
from ar_writeoff.core.reasons import Reason
from ar_writeoff.core.run_types import TAX_CLAIM
from ar_writeoff.core.status import ITEM_POSTED
from ar_writeoff.ledger import messages
from ar_writeoff.ledger.bulk_update import standard_values
from ar_writeoff.ledger.money import company_currency, precision
from ar_writeoff.tax_relief import ledger, rules
from ar_writeoff.tax_relief.filed import filed_returns
from ar_writeoff.tax_relief.ledger import RULE, return_months
from ar_writeoff.tax_relief.losses import RULE_FIELDS, Loss, claim_rule, losses, tax_rule

# A claim before its rule is applied to it.
CLAIM_FIELDS = (
	"name",
	"company",
	"item",
	"status",
	"tax_rule",
	"supply_date",
	"due_date",
	"write_off_date",
	"event_date",
	"notice_sent_on",
	"evidence",
	"claimable_on",
	"lapses_on",
	"written_off_amount",
	"tax_amount",
	"claimable_amount",
	"sales_invoice",
	"tax_account",
	"relief_account",
	"releases",
	"is_manual",
	"method",
	"booked_account",
	"lapsed_amount",
)
# Reasons for which the tax of a claim can be entered manually.
MANUAL_REASONS = (reasons.TAX_UNKNOWN, reasons.TAX_NO_INVOICE)
# Characters of the invoice in the name of a claim.
MAX_PREFIX = 120


def preview(
	rule_name: str, booking: rules.Booking, company: str, rows: Iterable[Any], posting_date: date
) -> list[Loss]:
	"""Return the tax in these items if they are written off on this date."""
	return losses(tax_rule(rule_name, company, booking), company, list(rows), posting_date, getdate())


def summary(found: Iterable[Loss], total: Decimal) -> dict[str, Any]:
	"""Return the tax in a loss, the loss without it, and the tax by the days of its claim, for the preview. `claimed`: by the
	entries of the write-off. `interim`: on interim accounts until it is claimed. `released`: claimed by age before; it is no tax
	to claim.
	"""
	by_days: dict[tuple, list[Any]] = {}
	excluded: dict[str, int] = {}
	tax = claimed = interim = released = ZERO
	for loss in found:
		if loss.status == rules.CLAIMED:
			claimed += loss.amount
			tax += loss.amount
			continue
		if loss.releases:
			released += loss.amount
			continue
		if loss.status == rules.EXCLUDED:
			text = messages.message(loss.reason) if loss.reason else ""
			excluded[text] = excluded.get(text, 0) + 1
			continue
		if loss.status != rules.LAPSED:
			tax += loss.amount
		interim += loss.amount if loss.booked_account else ZERO
		key = (loss.claimable_on or date.max, loss.lapses_on or date.max, loss.status == rules.LAPSED)
		part = by_days.setdefault(key, [loss.claimable_on, loss.lapses_on, key[2], ZERO, 0])
		part[3] += loss.amount
		part[4] += 1
	return {
		"tax": float(tax),
		"claimed": float(claimed),
		"interim": float(interim),
		"released": float(released),
		"loss": float(total - tax - released),
		"claims": [
			{
				"claimable_on": first,
				"lapses_on": last,
				"lapsed": int(lapsed),
				"tax": float(amount),
				"count": count,
			}
			for first, last, lapsed, amount, count in (by_days[key] for key in sorted(by_days))
		],
		"excluded": [{"message": text, "count": count} for text, count in sorted(excluded.items())],
	}


# Claims


def create_claims(
	rule_name: str,
	booking: rules.Booking,
	run: str,
	company: str,
	rows: Sequence[Any],
	posting_date: date,
	entries: Mapping[str, str | None],
) -> None:
	"""Create the claims of items that were just written off, in the current transaction. `entries`: their Journal Entries."""
	rule = tax_rule(rule_name, company, booking)
	found = losses(rule, company, rows, posting_date, getdate())
	if not found:
		return
	by_name = {row.name: row for row in rows}
	numbers = ledger.claim_counts(loss.voucher for loss in found)
	values = []
	for loss in found:
		row = by_name[loss.item]
		is_invoice = row.voucher_type == "Sales Invoice"
		is_claimed = loss.status == rules.CLAIMED
		numbers[loss.voucher] += 1
		values.append(
			{
				"name": f"{loss.voucher[-MAX_PREFIX:]}-T{numbers[loss.voucher]}",
				**standard_values(),
				"company": company,
				"customer": row.customer,
				"sales_invoice": loss.voucher if is_invoice else None,
				"voucher_type": None if is_invoice else row.voucher_type,
				"voucher_no": None if is_invoice else loss.voucher,
				"run": run,
				"item": loss.item,
				"status": loss.status,
				"claimable_on": loss.claimable_on,
				"lapses_on": loss.lapses_on,
				**messages.columns(loss.reason),
				"tax_account": loss.tax_account or None,
				"is_manual": int(loss.reason is not None and loss.reason.code in MANUAL_REASONS),
				"relief_account": loss.relief_account or None,
				"releases": loss.releases or None,
				"method": rule.booking.method if loss.booked_account else rules.RELIEF_LATER,
				"booked_account": loss.booked_account or None,
				"booked_amount": loss.amount if loss.booked_account else ZERO,
				"claimed_amount": loss.amount if is_claimed else ZERO,
				"journal_entry": entries[loss.item] if is_claimed else None,
				"tax_rule": loss.rule or rule.name,
				"written_off_amount": row.base_write_off_amount,
				"tax_amount": loss.amount,
				"claimable_amount": loss.amount,
				"supply_date": loss.dates.supply,
				"due_date": loss.dates.due,
				"write_off_date": loss.dates.written_off,
			}
		)
	frappe.db.bulk_insert(TAX_CLAIM, list(values[0]), [tuple(row.values()) for row in values])
	item = frappe.qb.DocType("Write-Off Run Item")
	frappe.qb.update(item).set(item.has_tax_claim, 1).where(
		item.name.isin(sorted({loss.item for loss in found}))
	).run()


def update_of_items(names: Iterable[str]) -> None:
	"""Update the claims of items that were undone, reinstated or written off again, in the current transaction.

	A claim is reduced to the tax of what is still written off. One that is not posted is withdrawn if nothing is; of a
	posted one the next tax run repays the difference.
	"""
	wanted = sorted(names)
	if wanted:
		update_claims(frappe.qb.DocType(TAX_CLAIM).item.isin(wanted))


def update_of_credit_note(note: Any, method: str | None = None) -> None:
	"""Doc event of Sales Invoice, on submit and cancel: a credit note takes its tax from the claims of the invoice."""
	if note.is_return and note.return_against:
		update_claims(frappe.qb.DocType(TAX_CLAIM).sales_invoice == note.return_against)


def update_claims(condition: Criterion) -> None:
	"""Update the claims of this condition, and those of the same invoices if these have credit notes."""
	claim = frappe.qb.DocType(TAX_CLAIM)

	def locked(condition: Criterion) -> list[Any]:
		return (
			frappe.qb.from_(claim)
			.select(*CLAIM_FIELDS)
			.where(condition)
			.orderby(claim.name)
			.for_update()
			.run(as_dict=True)
		)

	by_company: dict[str, list[Any]] = {}
	for row in locked(condition):
		by_company.setdefault(row.company, []).append(row)
	for company, rows in by_company.items():
		left = ledger.taxes_left(company, rows)
		others = sorted(left.keys() - {row.name for row in rows})
		rows += locked(claim.name.isin(others)) if others else []
		without_tax = [row for row in rows if row.item and not row.tax_amount]
		shares = ledger.shares_left(row.item for row in without_tax) if without_tax else {}
		for row in without_tax:
			# The message is kept: it says why the claim has no tax.
			status = rules.EXCLUDED if shares[row.item] else rules.WITHDRAWN
			frappe.db.set_value(TAX_CLAIM, row.name, "status", status)
		booked = ledger.booked_amounts(company, rows)
		ledger.write_claims({name: {"booked_amount": amount} for name, amount in booked.items()})
		with_tax = [row for row in rows if row.tax_amount]
		at_once = claimed_at_once(
			company,
			[row for row in with_tax if row.method == rules.NET_AT_ONCE and row.name in booked],
			left,
			booked,
		)
		ledger.write_claims(at_once)
		write_amounts_left([row for row in with_tax if row.name not in at_once], left)


def write_amounts_left(claims: Iterable[Any], left: Mapping[str, Decimal]) -> None:
	"""Set the amounts of these claims that are left, and the status of those that are not posted. What is unpaid may also grow."""
	posted: dict[str, dict[str, Any]] = {}
	pending: dict[str, dict[str, Any]] = {}
	for row in claims:
		amount = left[row.name]
		if not row.item and amount > row.tax_amount:
			row.tax_amount = amount
		row.claimable_amount = amount
		values = {"tax_amount": row.tax_amount, "claimable_amount": amount}
		if row.status in rules.POSTED:
			posted[row.name] = values
		else:
			status, reason = current_status(row, getdate())
			pending[row.name] = {**values, "status": status, **messages.columns(reason)}
	ledger.write_claims(posted)
	ledger.write_claims(pending)


def claimed_at_once(
	company: str, claims: Iterable[Any], left: Mapping[str, Decimal], booked: Mapping[str, Decimal]
) -> dict[str, dict[str, Any]]:
	"""Return the fields of claims that the entries of their write-offs make, and the entries that take these back repay. Tax runs
	repay what credit notes have reversed.

	`left`: of the tax, in what is still written off. `booked`: of the tax, in the entries of the write-off.
	"""
	rows = {row.name: row for row in claims}
	if not rows:
		return {}
	decimals = precision(company_currency(company))
	items = ledger.items_of_claims(row.item for row in rows.values())
	by_runs = ledger.posted_amounts(rows)
	filed = filed_returns(company)
	values = {}
	for name, claim in rows.items():
		item = items[claim.item]
		is_recovered = money(item.reinstated_amount, 9) == money(item.write_off_amount, 9)
		is_posted = item.status in ITEM_POSTED or is_recovered or bool(item.reversal_entry)
		tax = money(claim.tax_amount, decimals)
		claimed, repaid = (money(amount, decimals) for amount in by_runs.get(name, (0, 0))[:2])
		if is_posted:
			claimed, repaid = claimed + tax, repaid + tax - booked[name]
		is_filed = is_posted and any(one.has(claim.write_off_date) for one in filed)
		status, reason = rules.posted_status(tax, claimed, repaid, filed=is_filed), None
		if not is_posted or (item.reversal_entry and not is_filed):
			status, reason = rules.WITHDRAWN, Reason.of(reasons.TAX_WITHDRAWN)
		values[name] = {
			"claimable_amount": left[name],
			"claimed_amount": claimed,
			"repaid_amount": repaid,
			"journal_entry": item.journal_entry if is_posted else None,
			"status": status,
			**messages.columns(reason),
		}
	return values


def update_of_period(company: str, first: date, last: date) -> None:
	"""Update the claims that write-offs of this return period have made, because the return was filed or the filing withdrawn."""
	update_of_items(
		frappe.get_all(
			TAX_CLAIM,
			filters={
				"company": company,
				"method": rules.NET_AT_ONCE,
				"write_off_date": ("between", [first, last]),
			},
			pluck="item",
			order_by=None,
		)
	)


def apply_rule(claim: Any, day: date) -> None:
	"""Set the days, status and message of a claim document from its dates and its rule."""
	row = frappe.db.get_value(RULE, claim.tax_rule, RULE_FIELDS, as_dict=True)
	claim.claimable_on, claim.lapses_on = claim_days(claim, claim_rule(row, return_months(claim.company)))
	claim.status, reason = current_status(claim, day)
	claim.update(messages.columns(reason))


def claim_days(claim: Any, rule: rules.ClaimRule) -> tuple[date | None, date | None]:
	"""Return the first and the last day of a claim by a rule. Deferred tax is released by the write-off."""
	if claim.releases:
		return getdate(claim.write_off_date), None
	dates = rules.ClaimDates(
		getdate(claim.supply_date),
		getdate(claim.due_date),
		getdate(claim.write_off_date or claim.due_date),
		getdate(claim.event_date) if claim.event_date else None,
	)
	return rules.claimable_on(rule, dates), rules.lapses_on(rule, dates)


def update_of_rule(name: str) -> None:
	"""Update the days and status of the claims of a rule that are not posted, after a change of the rule."""
	row = frappe.db.get_value(RULE, name, RULE_FIELDS, as_dict=True)
	by_company: dict[str, rules.ClaimRule] = {}
	claim = frappe.qb.DocType(TAX_CLAIM)
	values: dict[str, dict[str, Any]] = {}
	for one in (
		frappe.qb.from_(claim)
		.select(*CLAIM_FIELDS)
		.where((claim.tax_rule == name) & claim.status.isin(rules.PENDING) & (claim.lapsed_amount == 0))
		.orderby(claim.name)
		.for_update()
		.run(as_dict=True)
	):
		if one.company not in by_company:
			by_company[one.company] = claim_rule(row, return_months(one.company))
		one.claimable_on, one.lapses_on = claim_days(one, by_company[one.company])
		status, reason = status_and_reason(one, row, getdate())
		values[one.name] = {
			"claimable_on": one.claimable_on,
			"lapses_on": one.lapses_on,
			"status": status,
			**messages.columns(reason),
		}
	ledger.write_claims(values)


def fraction_problem(text: str | None) -> str | None:
	"""Return why this is no Tax Fraction; None if it is one or empty."""
	try:
		rules.parse_fraction(text or "")
	except ValueError:
		return _("Enter a fraction between 0 and 1, for example 1/11.")
	return None


def manual_tax(claim: Any) -> dict[str, Any]:
	"""Return the tax fields of a claim whose tax is not in the ledger: its fraction of the amount written off, on the tax
	account that was chosen, or on the only one of the rule. An account that is not in the rule has no relief account."""
	relief_accounts = tax_rule(claim.tax_rule, claim.company).relief_accounts
	fraction = rules.parse_fraction(claim.tax_fraction or "")
	if not fraction:
		return {"tax_account": None, "relief_account": None, "tax_amount": ZERO, "claimable_amount": ZERO}
	decimals = precision(company_currency(claim.company))
	account = claim.tax_account or (next(iter(relief_accounts)) if len(relief_accounts) == 1 else None)
	tax = rules.tax_left(money(claim.written_off_amount, decimals), fraction, decimals)
	left = rules.tax_left(tax, ledger.shares_left([claim.item])[claim.item], decimals)
	return {
		"tax_account": account,
		"relief_account": relief_accounts.get(account or ""),
		"tax_amount": tax,
		"claimable_amount": left,
	}


def current_status(claim: Any, day: date) -> tuple[str, Reason | None]:
	"""Return the status of a claim that is not posted, with its message."""
	if not claim.tax_amount:
		code = reasons.TAX_UNKNOWN if claim.sales_invoice else reasons.TAX_NO_INVOICE
		return rules.EXCLUDED, Reason.of(code)
	if not claim.claimable_amount:
		if not claim.item:
			return rules.WITHDRAWN, Reason.of(reasons.TAX_NO_LONGER_UNPAID)
		return rules.WITHDRAWN, Reason.of(reasons.TAX_WITHDRAWN)
	return status_and_reason(claim, frappe.get_cached_doc(RULE, claim.tax_rule), day)


def status_and_reason(claim: Any, rule: Any, day: date) -> tuple[str, Reason | None]:
	"""Return the status of a claim with tax that is not posted, by its days and conditions, with its message."""
	last = claim.lapses_on and getdate(claim.lapses_on)
	missing = [] if claim.releases else rules.missing_conditions(rule, claim.notice_sent_on, claim.evidence)
	status = rules.status_on(
		day, claim.claimable_on and getdate(claim.claimable_on), last, lacks_notice=bool(missing)
	)
	return status, rules.claim_reason(status, rule.trigger, claim.event_date, missing, last)


def move_claims(day: date | None = None) -> int:
	"""Daily job: set the status of the claims that have become claimable or have lapsed. Returns their number."""
	day = day or getdate()
	claim = frappe.qb.DocType("Write-Off Tax Claim")
	due = claim.status.isin([rules.WAITING, rules.NEEDS_NOTICE, rules.CLAIMABLE]) & (
		((claim.status == rules.WAITING) & (claim.claimable_on <= day)) | (claim.lapses_on < day)
	)
	rows = frappe.qb.from_(claim).select(*CLAIM_FIELDS).where(due).orderby(claim.name).run(as_dict=True)
	moved: dict[tuple[str, Reason | None], list[str]] = {}
	for row in rows:
		moved.setdefault(current_status(row, day), []).append(row.name)
	for (status, reason), names in moved.items():
		for part in create_batch(names, ledger.CLAIMS_PER_QUERY):
			query = frappe.qb.update(claim).set(claim.status, status)
			query = messages.set_reason(query, claim, reason)
			# Not those that a user has changed since they were read.
			query.where(claim.name.isin(part) & claim.status.isin(rules.PENDING)).run()
	return len(rows)
