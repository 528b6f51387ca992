"""Claims in the database: what is left of them, what is open, and what was posted."""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any

import frappe
from frappe import _
from frappe.query_builder import Case
from frappe.query_builder.functions import Coalesce, Count, Max, Sum
from frappe.utils import create_batch, getdate, now

from ar_writeoff.core import reasons
from ar_writeoff.core.money import ZERO, money
from ar_writeoff.core.reasons import Reason
from ar_writeoff.core.run_types import TAX_CLAIM
from ar_writeoff.core.status import ITEM_POSTED
from ar_writeoff.ledger import history
from ar_writeoff.ledger.accounts import account_blocker, account_problem
from ar_writeoff.ledger.bulk_update import case_by_name
from ar_writeoff.ledger.money import company_currency, precision
from ar_writeoff.tax_relief import rules
from ar_writeoff.tax_relief.invoices import (
	InvoiceTax,
	credit_notes,
	invoice_taxes,
	taxes_in_payments,
)

RULE = "Write-Off Tax Rule"
CLAIMS_PER_QUERY = 2000
# Fields of a claim for `taxes_left`.
LEFT_FIELDS = [
	"name",
	"item",
	"sales_invoice",
	"tax_account",
	"relief_account",
	"releases",
	"tax_rule",
	"tax_amount",
	"is_manual",
	"booked_account",
	"write_off_date",
]


def rule_of_company(company: str, chosen: str | None, day: Any) -> str | None:
	"""Return the rule for write-offs of this day: the chosen one, or a rule of its country and method that is valid on the
	day. None if the company has chosen none, or none is valid.
	"""
	if not chosen:
		return None
	day = getdate(day)
	rule = frappe.qb.DocType(RULE)
	rows = (
		frappe.qb.from_(rule)
		.select(rule.name, rule.company, rule.country, rule.method, rule.valid_from, rule.valid_to)
		.where((rule.disabled == 0) & (rule.no_relief == 0))
		.orderby(rule.name)
		.run(as_dict=True)
	)
	kind = next(((row.country, row.method) for row in rows if row.name == chosen), None)
	valid = [
		row
		for row in rows
		if (row.country, row.method) == kind
		and row.company in (None, "", company)
		and (not row.valid_from or row.valid_from <= day)
		and (not row.valid_to or day <= row.valid_to)
	]
	valid.sort(
		key=lambda row: (row.name == chosen, bool(row.company), row.valid_from or date.min), reverse=True
	)
	return valid[0].name if valid else None


def other_losses(names: Iterable[str], without: Iterable[str]) -> dict[str, Decimal]:
	"""Return the amounts of these invoices that other items have written off, in the currency of the account."""
	item = frappe.qb.DocType("Write-Off Run Item")
	rows = (
		frappe.qb.from_(item)
		.select(item.voucher_no, Sum(item.write_off_amount - item.reinstated_amount))
		.where(
			item.voucher_no.isin(sorted(set(names)) or [""])
			& (item.voucher_type == "Sales Invoice")
			& item.status.isin(["Posted", "Conflict"])
			& item.name.notin(sorted(without) or [""])
		)
		.groupby(item.voucher_no)
		.run()
	)
	return {name: money(amount, 9) for name, amount in rows}


def claimed_taxes(
	names: Iterable[str], statuses: Iterable[str], decimals: int
) -> dict[str, dict[str, Decimal]]:
	"""Return the tax of what earlier claims have written off and not recovered, in company currency:
	{invoice: {tax account: amount}}."""
	claim = frappe.qb.DocType(TAX_CLAIM)
	found: dict[str, dict[str, Decimal]] = defaultdict(dict)
	for invoice, account, total in (
		frappe.qb.from_(claim)
		.select(claim.sales_invoice, claim.tax_account, Sum(claim.claimable_amount))
		.where(
			claim.sales_invoice.isin(sorted(set(names)) or [""])
			& claim.status.isin(list(statuses))
			& claim.item.isnotnull()
		)
		.groupby(claim.sales_invoice, claim.tax_account)
		.run()
	):
		found[invoice][account] = money(total, decimals)
	return found


def claim_counts(vouchers: Iterable[str]) -> dict[str, int]:
	"""Return the number of claims of each of these vouchers, without those by age."""
	claim = frappe.qb.DocType(TAX_CLAIM)
	counts = dict.fromkeys(vouchers, 0)
	for voucher in (claim.sales_invoice, claim.voucher_no):
		for name, count in (
			frappe.qb.from_(claim)
			.select(voucher, Count("*"))
			.where(voucher.isin(sorted(counts) or [""]) & claim.item.isnotnull())
			.groupby(voucher)
			.run()
		):
			counts[name] += count
	return counts


def write_claims(rows: Mapping[str, Mapping[str, Any]], *, set_modified: bool = True) -> None:
	"""Set the fields of these claims, which all have the same ones. `rows`: by name."""
	claim = frappe.qb.DocType("Write-Off Tax Claim")
	for names in create_batch(sorted(rows), CLAIMS_PER_QUERY):
		query = frappe.qb.update(claim).where(claim.name.isin(names))
		if set_modified:
			query = query.set(claim.modified, now()).set(claim.modified_by, frappe.session.user)
		for column in rows[names[0]]:
			values = {name: rows[name][column] for name in names}
			query = query.set(claim[column], case_by_name(claim.name, values))
		query.run()


def shares_left(items: Iterable[str], until: date | None = None) -> dict[str, Fraction]:
	"""Return the share of these items that is still written off. `until`: without recoveries and reversals after this
	day."""
	item, entry = frappe.qb.DocType("Write-Off Run Item"), frappe.qb.DocType("Journal Entry")
	names = sorted(set(items)) or [""]
	rows = (
		frappe.qb.from_(item)
		.left_join(entry)
		.on(entry.name == item.reversal_entry)
		.select(
			item.name,
			item.status,
			item.write_off_amount,
			item.reinstated_amount,
			entry.posting_date.as_("reversed_on"),
		)
		.where(item.name.isin(names))
		.run(as_dict=True)
	)
	later = _recovered_after(names, until) if until else {}
	shares = {}
	for row in rows:
		recovered = money(row.reinstated_amount, 9) - later.get(row.name, ZERO)
		written_off = money(row.write_off_amount, 9)
		is_undone = row.status not in ITEM_POSTED and money(row.reinstated_amount, 9) != written_off
		if is_undone and not (until and row.reversed_on and row.reversed_on > until):
			recovered = written_off
		shares[row.name] = Fraction(written_off - recovered) / Fraction(written_off)
	return shares


def _recovered_after(items: list[str], day: date) -> dict[str, Decimal]:
	recovery = frappe.qb.DocType("Write-Off Recovery")
	return {
		name: money(amount, 9)
		for name, amount in frappe.qb.from_(recovery)
		.select(recovery.item, Sum(recovery.amount))
		.where(recovery.item.isin(items) & (recovery.cancelled == 0) & (recovery.posting_date > day))
		.groupby(recovery.item)
		.run()
	}


def taxes_left(company: str, claims: Iterable[Any], until: date | None = None) -> dict[str, Decimal]:
	"""Return the tax of these claims in what is still written off, or unpaid for claims by age, at most that of the invoice
	less its credit notes.

	`claims`: rows with the LEFT_FIELDS. `until`: without payments, recoveries and credit notes after this day. Where credit
	notes have reversed tax, the last claim of the invoice has less of it first, so all claims of such invoices are returned.
	"""
	rows = {row.name: row for row in claims}
	if not rows:
		return {}
	invoices = {row.sales_invoice for row in rows.values() if row.sales_invoice}
	credited = set(credit_notes(company, invoices, until).values())
	by_age = {row.sales_invoice for row in rows.values() if not row.item}
	known = dict(rows)
	if credited | by_age:
		filters = {"sales_invoice": ("in", sorted(credited | by_age))}
		for row in frappe.get_all(TAX_CLAIM, filters=filters, fields=LEFT_FIELDS, order_by=None):
			known.setdefault(row.name, row)
	of_items = {name: row for name, row in known.items() if row.item}
	left = _taxes_written_off(company, of_items, credited, until) if of_items else {}
	unpaid = [row for row in known.values() if not row.item]
	if unpaid:
		left |= _taxes_unpaid(company, unpaid, of_items.values(), left, until)
	return {
		name: amount for name, amount in left.items() if name in rows or known[name].sales_invoice in credited
	}


def _taxes_written_off(
	company: str, rows: Mapping[str, Any], credited: set[str], until: date | None
) -> dict[str, Decimal]:
	decimals = precision(company_currency(company))
	shares = shares_left((row.item for row in rows.values()), until)
	left = {
		name: rules.tax_left(money(rows[name].tax_amount, decimals), shares[rows[name].item], decimals)
		for name in sorted(rows)
	}
	left |= _booked_left(rows, shares, decimals, until)
	groups: dict[tuple[str, str], list[Any]] = defaultdict(list)
	for name in left:
		row = rows[name]
		if row.sales_invoice in credited and not row.is_manual and left[name]:
			groups[row.sales_invoice, row.tax_account].append(row)
	if not groups:
		return left
	taxes = invoice_taxes(company, credited, {account for _invoice, account in groups}, until)
	amounts = _amounts_written_off(row.item for of_account in groups.values() for row in of_account)
	fractions = _statutory_fractions(row.tax_rule for of_account in groups.values() for row in of_account)
	for (invoice, account), of_account in groups.items():
		tax = taxes[invoice]
		# A loss may have two claims on an account: one releases what was claimed by age, the other has the rest.
		written_off = sum(Fraction(amounts[item]) * shares[item] for item in {row.item for row in of_account})
		share = written_off / Fraction(tax.gross_own) if tax.gross_own > 0 else Fraction(0)
		most = rules.taxes_in_share(tax.taxes, tax.gross, share, fractions[of_account[0].tax_rule])
		left |= rules.limit_taxes(
			{row.name: left[row.name] for row in of_account}, most.get(account, Fraction(0)), decimals
		)
	return left


def booked_amounts(company: str, claims: Iterable[Any]) -> dict[str, Decimal]:
	"""Return what the entries of write-offs have of the tax of those of these claims whose tax they take."""
	rows = {row.name: row for row in claims if row.item and row.booked_account}
	if not rows:
		return {}
	shares = shares_left(row.item for row in rows.values())
	return _booked_left(rows, shares, precision(company_currency(company)), None)


def _booked_left(
	rows: Mapping[str, Any], shares: Mapping[str, Fraction], decimals: int, until: date | None
) -> dict[str, Decimal]:
	"""Return the tax that the entry of the write-off took and that no other entry has returned."""
	booked = {name: row for name, row in rows.items() if row.booked_account}
	if not booked:
		return {}
	left = {
		name: money(row.tax_amount, decimals) if shares[row.item] else ZERO for name, row in booked.items()
	}
	for recovery in recoveries(row.item for row in booked.values()):
		if until and recovery.posting_date > until:
			continue
		for name, amount in recovery.taxes.items():
			if name in left and shares[booked[name].item]:
				left[name] -= amount
	return left


def _taxes_unpaid(
	company: str,
	claims: Iterable[Any],
	of_items: Iterable[Any],
	left: Mapping[str, Decimal],
	until: date | None,
) -> dict[str, Decimal]:
	"""Return the tax of these claims by age in the open balances of their invoices, and in what write-offs have released.
	`of_items`: the other claims of the invoices, with what is `left` of them."""
	of_invoices: dict[str, list[Any]] = defaultdict(list)
	for row in claims:
		of_invoices[row.sales_invoice].append(row)
	losses: dict[str, rules.LossTaxes] = defaultdict(rules.LossTaxes)
	for row in of_items:
		if not (until and row.write_off_date > until):
			losses[row.sales_invoice].add(row.tax_account, left[row.name], is_released=bool(row.releases))
	accounts = {row.tax_account for own in of_invoices.values() for row in own if row.tax_account}
	fractions = _statutory_fractions(row.tax_rule for own in of_invoices.values() for row in own)
	amounts = unpaid_taxes(
		company,
		invoice_taxes(company, of_invoices, accounts, until),
		{
			name: {row.tax_account: row.relief_account for row in own if row.tax_account}
			for name, own in of_invoices.items()
		},
		{name: fractions[own[0].tax_rule] for name, own in of_invoices.items()},
		losses,
		until,
	)
	return {
		row.name: amounts[name].get(row.tax_account, ZERO) for name, own in of_invoices.items() for row in own
	}


def unpaid_taxes(
	company: str,
	taxes: Mapping[str, InvoiceTax],
	relief_accounts: Mapping[str, Mapping[str, str]],
	fractions: Mapping[str, Fraction | None],
	losses: Mapping[str, rules.LossTaxes],
	until: date | None = None,
) -> dict[str, dict[str, Decimal]]:
	"""Return the tax in the open balances of these invoices, and in what write-offs have released: {invoice: {tax account:
	amount}}. All by invoice: `relief_accounts`, by tax account; `fractions`, the statutory ones; `losses`, the tax of its claims
	with a write-off."""
	decimals = precision(company_currency(company))
	unpaid, written_off = open_amounts(company, taxes, until), _written_off_amounts(taxes, until)
	in_payments = taxes_in_payments(
		company, taxes, {account for own in relief_accounts.values() for account in own}, until
	)
	found: dict[str, dict[str, Decimal]] = {}
	for name, tax in taxes.items():
		if tax.gross_own <= 0:
			found[name] = {}
			continue
		accounts, gross = relief_accounts[name], Fraction(tax.gross_own)
		found[name] = rules.unpaid_tax(
			{account: amount for account, amount in tax.taxes.items() if account in accounts},
			tax.gross,
			unpaid.get(name, Fraction(0)) / gross,
			written_off.get(name, Fraction(0)) / gross,
			losses.get(name, rules.LossTaxes()),
			decimals,
			fractions[name],
			accounts,
			in_payments.get(name),
		)
	return found


def open_amounts(company: str, invoices: Iterable[str], until: date | None = None) -> dict[str, Fraction]:
	"""Return the balances of these invoices that are above 0, in the currency of their receivable account. `until`: without
	entries after this day."""
	ple = frappe.qb.DocType("Payment Ledger Entry")
	found: dict[str, Fraction] = {}
	for part in create_batch(sorted(set(invoices)), CLAIMS_PER_QUERY):
		query = (
			frappe.qb.from_(ple)
			.select(ple.against_voucher_no, Sum(ple.amount_in_account_currency))
			.where(
				ple.against_voucher_no.isin(part)
				& (ple.against_voucher_type == "Sales Invoice")
				& (ple.party_type == "Customer")
				& (ple.company == company)
				& (ple.delinked == 0)
			)
			.groupby(ple.against_voucher_no)
		)
		if until:
			query = query.where(ple.posting_date <= until)
		found |= {name: Fraction(money(amount, 9)) for name, amount in query.run() if amount > 0}
	return found


def _written_off_amounts(invoices: Iterable[str], until: date | None) -> dict[str, Fraction]:
	"""Return what is written off of these invoices, in the currency of their receivable account. `until`: without
	write-offs, recoveries and reversals after this day."""
	item, run = frappe.qb.DocType("Write-Off Run Item"), frappe.qb.DocType("Write-Off Run")
	found: dict[str, Fraction] = defaultdict(Fraction)
	for part in create_batch(sorted(set(invoices)), CLAIMS_PER_QUERY):
		query = (
			frappe.qb.from_(item)
			.inner_join(run)
			.on(run.name == item.run)
			.select(item.name, item.voucher_no, item.write_off_amount)
			.where(
				item.voucher_no.isin(part)
				& (item.voucher_type == "Sales Invoice")
				& (item.write_off_amount > 0)
				& (Coalesce(item.journal_entry, "") != "")
			)
		)
		if until:
			query = query.where(run.posting_date <= until)
		rows = query.run()
		shares = shares_left((name for name, *_rest in rows), until) if rows else {}
		for name, invoice, amount in rows:
			found[invoice] += Fraction(money(amount, 9)) * shares[name]
	return found


@dataclass(frozen=True, slots=True)
class DeferredTax:
	"""The tax of a claim by age that is neither repaid nor released. `account`: the one it is deferred on."""

	claim: str
	tax_rule: str
	relief_account: str
	account: str
	amount: Decimal


def deferred_taxes(invoices: Iterable[str], decimals: int) -> dict[tuple[str, str], DeferredTax]:
	"""Return the tax of these invoices that was claimed by age and neither repaid nor released, by invoice and tax account."""
	claim, release = frappe.qb.DocType(TAX_CLAIM), frappe.qb.DocType(TAX_CLAIM).as_("release")
	rows = (
		frappe.qb.from_(claim)
		.left_join(release)
		.on(release.releases == claim.name)
		.select(
			claim.sales_invoice,
			claim.tax_account,
			claim.name,
			claim.tax_rule,
			claim.relief_account,
			claim.booked_account,
			claim.claimed_amount - claim.repaid_amount - Coalesce(Sum(release.claimable_amount), 0),
		)
		.where(
			claim.sales_invoice.isin(sorted(set(invoices)) or [""])
			& claim.item.isnull()
			& (claim.claimed_amount != claim.repaid_amount)
		)
		.groupby(claim.name)
		.run()
	)
	return {
		(invoice, account): DeferredTax(name, rule, relief_account, deferred_on, money(amount, decimals))
		for invoice, account, name, rule, relief_account, deferred_on, amount in rows
		if amount > 0
	}


def deferred_tax(company: str) -> Decimal:
	"""Return the tax of all invoices of a company that was claimed by age and neither repaid nor released."""
	claim = frappe.qb.DocType(TAX_CLAIM)
	of_age = Case().when(claim.item.isnull(), claim.claimed_amount - claim.repaid_amount).else_(0)
	released = Case().when(claim.releases.isnotnull(), claim.claimable_amount).else_(0)
	[[total]] = frappe.qb.from_(claim).select(Sum(of_age - released)).where(claim.company == company).run()
	return money(total or 0, precision(company_currency(company)))


def interim_tax(company: str) -> Decimal:
	"""Return the tax of all write-offs of a company that is on interim accounts, until it is claimed or has lapsed."""
	claim = frappe.qb.DocType(TAX_CLAIM)
	claimed = claim.claimed_amount - claim.repaid_amount
	[[total]] = (
		frappe.qb.from_(claim)
		.select(Sum(claim.booked_amount - claimed - claim.lapsed_amount))
		.where((claim.company == company) & (claim.method == rules.INTERIM_ACCOUNT))
		.run()
	)
	return money(total or 0, precision(company_currency(company)))


def rule_to_release(company: str) -> str | None:
	"""Return the rule of the last claim by age of a company; None if it has none. Losses release what was claimed by it."""
	return frappe.db.get_value(
		TAX_CLAIM,
		{"company": company, "item": ("is", "not set"), "tax_amount": (">", 0)},
		"tax_rule",
		order_by="creation desc",
	)


def _amounts_written_off(items: Iterable[str]) -> dict[str, Decimal]:
	"""Return the amounts of these items in the currency of the account."""
	return {
		name: money(amount, 9)
		for name, amount in frappe.get_all(
			"Write-Off Run Item",
			filters={"name": ("in", sorted(set(items)))},
			fields=["name", "write_off_amount"],
			order_by=None,
			as_list=True,
		)
	}


def items_of_claims(names: Iterable[str]) -> dict[str, Any]:
	"""Return the state of these items, by name."""
	found = {}
	for part in create_batch(sorted(set(names)), CLAIMS_PER_QUERY):
		for row in frappe.get_all(
			"Write-Off Run Item",
			filters={"name": ("in", part)},
			fields=[
				"name",
				"status",
				"journal_entry",
				"reversal_entry",
				"write_off_amount",
				"reinstated_amount",
			],
			order_by=None,
		):
			found[row.name] = row
	return found


def _statutory_fractions(names: Iterable[str]) -> dict[str, Fraction | None]:
	return {
		name: rules.parse_fraction(text or "")
		for name, text in frappe.get_all(
			RULE,
			filters={"name": ("in", sorted(set(names)))},
			fields=["name", "statutory_fraction"],
			order_by=None,
			as_list=True,
		)
	}


@dataclass(frozen=True, slots=True)
class OpenClaim:
	"""A claim with the amount that a tax run has to post on an account, above 0 to debit it: on the relief account to claim
	or, below 0, to repay; on the interim account, below 0, if the claim has lapsed. `reason`: why it cannot."""

	row: Any
	account: str
	amount: Decimal
	reason: Reason | None


def open_claims(
	company: str, day: date, until: date, names: Iterable[str] | None = None
) -> dict[str, OpenClaim]:
	"""Return the claims of a company, or those of these `names`, that a tax run of this day has to post. `until`: the end
	of its return period; recoveries after it are repaid later. Without `names` the claims by age are as they were updated."""
	claim, rule = frappe.qb.DocType(TAX_CLAIM), frappe.qb.DocType(RULE)
	net = claim.claimed_amount - claim.repaid_amount
	query = (
		frappe.qb.from_(claim)
		.left_join(rule)
		.on(rule.name == claim.tax_rule)
		.select(claim.star, rule.trigger, rule.needs_notice, rule.needs_evidence)
		.where(
			(claim.company == company)
			& ((claim.claimed_amount != 0) | (claim.lapsed_amount != 0) | (claim.claimable_on <= day))
		)
		.orderby(claim.claimable_on)
		.orderby(claim.name)
	)
	if names is None:
		on_interim = (claim.method == rules.INTERIM_ACCOUNT) & (
			claim.booked_amount != net + claim.lapsed_amount
		)
		query = query.where((claim.claimable_amount != net) | on_interim)
	else:
		query = query.where(claim.name.isin(sorted(set(names)) or [""]))
	rows = query.run(as_dict=True)
	decimals = precision(company_currency(company))
	# The search has just updated the claims by age. What is unpaid changes with each payment since.
	now_left = taxes_left(company, (row for row in rows if not row.item)) if names is not None else {}
	then = taxes_left(
		company,
		(
			row
			for row in rows
			if now_left.get(row.name, money(row.claimable_amount, decimals))
			< money(row.claimed_amount - row.repaid_amount, decimals)
		),
		until,
	)
	# Without a rule, losses do not release what is claimed by age.
	has_rule = bool(frappe.db.get_value("Write-Off Settings", company, "tax_rule"))
	found = {}
	blockers: dict[str, Reason | None] = {}
	for row in rows:
		claimed = money(row.claimed_amount - row.repaid_amount, decimals)
		left = now_left.get(row.name, money(row.claimable_amount, decimals))
		account, reason = row.relief_account, None
		amount = rules.open_amount(left, then.get(row.name, left), claimed)
		if row.method == rules.INTERIM_ACCOUNT:
			on_relief, on_interim = rules.interim_amounts(
				left,
				money(row.booked_amount, decimals),
				claimed,
				money(row.lapsed_amount, decimals),
				is_lapsed=bool(row.lapses_on and day > row.lapses_on),
			)
			amount = max(on_relief, min(amount, ZERO))
			if on_interim:
				account, amount = row.booked_account, on_interim
		if amount > 0 and account == row.relief_account:
			missing = [] if row.releases else rules.missing_conditions(row, row.notice_sent_on, row.evidence)
			status = rules.status_on(day, row.claimable_on, row.lapses_on, lacks_notice=bool(missing))
			if status != rules.CLAIMABLE and claimed < 0:
				# What was repaid too much is taken back whatever the days of the claim are.
				amount = min(amount, -claimed)
			elif status == rules.WAITING:
				continue
			else:
				reason = rules.claim_reason(status, row.trigger, row.event_date, missing, row.lapses_on)
			if not row.item and not has_rule:
				reason = reason or Reason.of(reasons.TAX_NO_RULE)
		if amount:
			for one in {row.relief_account, row.booked_account} - {None, *blockers}:
				blockers[one] = account_blocker(one, company)
			blocker = blockers[row.relief_account] or blockers.get(row.booked_account)
			found[row.name] = OpenClaim(row, account, amount, reason or blocker)
	return found


def posted_amounts(claims: Iterable[str]) -> dict[str, tuple[Any, Any, Any, str]]:
	"""Return the amounts claimed, repaid and lapsed of these claims, with the last item."""
	item, claim = frappe.qb.DocType("Write-Off Run Item"), frappe.qb.DocType(TAX_CLAIM)
	amount = item.base_write_off_amount
	on_relief_account = item.receivable_account == claim.relief_account
	return {
		name: (claimed, repaid, lapsed, last)
		for name, claimed, repaid, lapsed, last in frappe.qb.from_(item)
		.inner_join(claim)
		.on(claim.name == item.voucher_no)
		.select(
			item.voucher_no,
			Sum(Case().when(on_relief_account & (amount > 0), amount).else_(0)),
			Sum(Case().when(on_relief_account & (amount < 0), -amount).else_(0)),
			Sum(Case().when(on_relief_account, 0).else_(-amount)),
			Max(item.name),
		)
		.where(
			item.voucher_no.isin(list(claims))
			& (item.voucher_type == TAX_CLAIM)
			& item.status.isin(ITEM_POSTED)
		)
		.groupby(item.voucher_no)
		.run()
	}


def payments_of(company: str, invoices: Iterable[str]) -> dict[str, Decimal]:
	"""Return what was paid on these invoices, in the currency of the receivable account. Credit notes, reinstatements,
	exchange gains and losses and write-offs are no payments; what an invoice with a payment of its own writes off itself is in its
	payment."""
	row, entry = frappe.qb.DocType("Payment Ledger Entry"), frappe.qb.DocType("Journal Entry")
	at_sale = (row.voucher_no == row.against_voucher_no) & (row.amount < 0)
	rows = (
		frappe.qb.from_(row)
		.left_join(entry)
		.on((entry.name == row.voucher_no) & (row.voucher_type == "Journal Entry"))
		.select(row.against_voucher_no, -Sum(row.amount_in_account_currency))
		.where(
			row.against_voucher_no.isin(sorted(set(invoices)) or [""])
			& (row.against_voucher_type == "Sales Invoice")
			& (row.company == company)
			& (row.delinked == 0)
			& ((row.voucher_type != "Sales Invoice") | at_sale)
			& (Coalesce(entry.write_off_run, "") == "")
			& Coalesce(entry.voucher_type, "").notin((*history.NOT_A_PAYMENT, "Credit Note"))
		)
		.groupby(row.against_voucher_no)
		.run()
	)
	return {name: money(amount, 9) for name, amount in rows}


# What recoveries return is stored with them: cents are rounded by all recoveries so far, of which one may be cancelled.


def taxes_as_text(taxes: Mapping[str, Decimal]) -> str:
	"""Return the tax that a recovery returns, by claim, as it is stored."""
	return json.dumps({claim: str(amount) for claim, amount in sorted(taxes.items())}) if taxes else ""


def taxes_from_text(text: str | None) -> dict[str, Decimal]:
	return {claim: Decimal(amount) for claim, amount in json.loads(text or "{}").items()}


def recoveries(items: Iterable[str]) -> list[Any]:
	"""Return the live recoveries of these items that have returned tax, with it in `taxes`, by claim."""
	rows = frappe.get_all(
		"Write-Off Recovery",
		filters={"item": ("in", sorted(set(items)) or [""]), "cancelled": 0, "taxes": ("is", "set")},
		fields=["name", "item", "posting_date", "journal_entry", "taxes"],
		order_by="name asc",
	)
	for row in rows:
		row.taxes = taxes_from_text(row.taxes)
	return rows


def return_months(company: str) -> int:
	period = frappe.db.get_value("Write-Off Settings", company, "tax_return_period")
	return rules.RETURN_MONTHS.get(period, 1)


def relief_account_problem(account: str, company: str) -> str | None:
	"""Return why tax cannot be relieved on this account, or None."""
	problem = account_problem(account, company)
	if problem:
		return problem
	details = frappe.get_cached_value(
		"Account", account, ["root_type", "account_type", "account_currency"], as_dict=True
	)
	if details.root_type not in ("Asset", "Liability") or details.account_type in ("Receivable", "Payable"):
		return _("Account {0} is not a tax account. Choose an asset or liability account.").format(account)
	currency = company_currency(company)
	if (details.account_currency or currency) != currency:
		return _("Account {0} is in {1}. Choose an account in the company's currency, {2}.").format(
			account, details.account_currency, currency
		)
	return None
