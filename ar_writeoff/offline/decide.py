"""From the lines of an export to verdicts and journal entries, by the rules of `ar_writeoff.core`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from ar_writeoff.core.money import ZERO, money
from ar_writeoff.offline.export import Export, Line
from ar_writeoff.offline.policy import BadPolicy, Policy
from ar_writeoff.offline.problems import BadFile, Problem
from ar_writeoff.offline.progress import bar
from ar_writeoff.posting.rules import Dimensions, EntryPlan, PlanItem, plan_entries
from ar_writeoff.search import rules as eligibility
from ar_writeoff.search.rules import NO_PARTY_FACTS, VOUCHER_TYPES, Balance, PartyFacts, Verdict

# ERPNext's precision is that of the currency: these have other than two decimals.
NO_DECIMALS = frozenset("BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF".split())
THREE_DECIMALS = frozenset("BHD IQD JOD KWD LYD OMR TND".split())

NO_ACCOUNT = "Write-off account"


@dataclass(slots=True)
class Decision:
	"""What a run would find. `lines` by the key of a balance, for what a verdict does not know."""

	policy: Policy
	company_currency: str
	considered: int = 0
	write_off: list[Verdict] = field(default_factory=list)
	left_out: list[Verdict] = field(default_factory=list)
	entries: list[EntryPlan] = field(default_factory=list)
	customer_names: dict[str, str] = field(default_factory=dict)
	notes: list[str] = field(default_factory=list)

	@property
	def not_matching(self) -> int:
		return self.considered - len(self.write_off) - len(self.left_out)


def decide(policy: Policy, export: Export, party_currency: Export | None = None) -> Decision:
	"""Judge every balance and plan the entries.

	`export` has every amount in company currency, as the report has unless it is asked for party currency, and
	`party_currency` is the same report in party currency. With both, foreign balances are known in both currencies.
	With one in several currencies, the rates of the policy make company currency of it.

	Raises:
	    BadPolicy: currencies that neither the files nor the policy explain.
	    BadFile: two exports that do not belong together.
	"""
	company_currency = _company_currency(policy, export, party_currency)
	decision = Decision(policy, company_currency)
	lines = [line for line in export.lines if _in_scope(line, policy)]
	accounts = _in_account_currency(export, party_currency) if party_currency else {}
	parties = _party_facts(export, accounts, lines, company_currency, policy)
	verdicts = []
	for line in bar(lines, len(lines), "Deciding"):
		decision.considered += 1
		decision.customer_names[line.customer] = line.customer_name or line.customer
		verdict = eligibility.judge(
			_balance(line, accounts.get(line.key, line), company_currency, policy),
			policy.criteria,
			policy.customer_facts(line.customer, line.customer_name),
			policy.voucher_facts(line.voucher_no),
			parties[line.customer, line.receivable_account],
		)
		if verdict:
			verdicts.append(verdict)
	base_credits: dict[str, Decimal] = {}
	for (customer, _account), facts in parties.items():
		base_credits[customer] = base_credits.get(customer, ZERO) + facts.base_credit
	verdicts = eligibility.apply_customer_maximum(verdicts, policy.criteria, base_credits)
	verdicts.sort(key=lambda one: (one.balance.customer, one.balance.posting_date, one.balance.voucher_no))
	decision.write_off = [one for one in verdicts if one.reason is None]
	decision.left_out = [one for one in verdicts if one.reason is not None]
	cost_centers = {line.key: line.cost_center for line in lines}
	decision.entries = _plan(decision, cost_centers)
	decision.notes.extend(_notes(export, lines, policy, party_currency, decision.entries))
	return decision


def _company_currency(policy: Policy, export: Export, party_currency: Export | None) -> str:
	if policy.company_currency:
		if party_currency and export.currencies != [policy.company_currency]:
			raise BadPolicy(
				f"{export.name} is to have every amount in {policy.company_currency}, and has"
				f" {', '.join(export.currencies)}."
			)
		return policy.company_currency
	if len(export.currencies) == 1:
		return export.currencies[0]
	raise BadPolicy(
		f"{export.name} has amounts in {', '.join(export.currencies)}. Name the company's currency with"
		" --company-currency and give a --rate for each other, or export the report without In Party Currency."
	)


def _in_scope(line: Line, policy: Policy) -> bool:
	values = {
		"customers": line.customer,
		"customer_groups": line.customer_group,
		"territories": line.territory,
		"receivable_accounts": line.receivable_account,
		"currencies": line.currency,
	}
	return line.receivable_account not in policy.leave_out_accounts and all(
		values[key] in names for key, names in policy.only.items()
	)


def _party_facts(
	export: Export,
	accounts: dict[tuple[str, str, str, str], Line],
	lines: Sequence[Line],
	company_currency: str,
	policy: Policy,
) -> dict[tuple[str, str], PartyFacts]:
	"""The unallocated credits of the customers in scope, on each account: all the credits that the export has."""
	parties = {(line.customer, line.receivable_account): NO_PARTY_FACTS for line in lines}
	for line in export.lines:
		pair = (line.customer, line.receivable_account)
		if pair in parties and line.amount < 0 and line.voucher_type in VOUCHER_TYPES:
			balance = _balance(line, accounts.get(line.key, line), company_currency, policy)
			before = parties[pair]
			parties[pair] = PartyFacts(before.credit - balance.now, before.base_credit - balance.base_now)
	return parties


def _in_account_currency(export: Export, party_currency: Export) -> dict[tuple[str, str, str, str], Line]:
	other = {line.key: line for line in party_currency.lines}
	missing = [line for line in export.lines if line.key not in other]
	if missing:
		raise BadFile(
			party_currency.name,
			*(
				Problem(
					f"{line.voucher_type} {line.voucher_no} of {export.name}, row {line.row}, is not in this file."
					" Export both with the same filters, one after the other."
				)
				for line in missing
			),
		)
	return other


def decimals(currency: str) -> int:
	"""Decimals of a currency."""
	return 0 if currency in NO_DECIMALS else 3 if currency in THREE_DECIMALS else 2


def _balance(line: Line, in_account_currency: Line, company_currency: str, policy: Policy) -> Balance:
	currency = in_account_currency.currency
	now = money(in_account_currency.amount, decimals(currency))
	base = (
		line.amount
		if line.currency == company_currency
		else line.amount * _rate(line, company_currency, policy)
	)
	base_now = money(base, decimals(company_currency))
	return Balance(
		voucher_type=line.voucher_type,
		voucher_no=line.voucher_no,
		customer=line.customer,
		receivable_account=line.receivable_account,
		currency=currency,
		posting_date=line.posting_date,
		due_date=line.due_date,
		# An export knows one day. Take it on the cutoff date, or after everything up to it was booked.
		at_cutoff=now,
		base_at_cutoff=base_now,
		now=now,
		base_now=base_now,
	)


def _rate(line: Line, company_currency: str, policy: Policy) -> Decimal:
	rate = policy.rates.get(line.currency)
	if rate is None or rate <= 0:
		raise BadPolicy(
			f"There is no rate for {line.currency}. Give one, {company_currency} for 1 {line.currency}:"
			f" --rate {line.currency}=1.10"
		)
	return rate


def _plan(decision: Decision, cost_centers: dict[tuple[str, str, str, str], str]) -> list[EntryPlan]:
	policy = decision.policy

	def dimensions(cost_center: str) -> Dimensions:
		return (("cost_center", cost_center),) if cost_center else ()

	items = []
	for number, verdict in enumerate(decision.write_off, start=1):
		balance = verdict.balance
		own = cost_centers[
			balance.voucher_type, balance.voucher_no, balance.receivable_account, balance.customer
		]
		items.append(
			PlanItem(
				name=str(number),
				voucher_type=balance.voucher_type,
				voucher_no=balance.voucher_no,
				customer=balance.customer,
				receivable_account=balance.receivable_account,
				currency=balance.currency,
				amount=verdict.amount,
				base_amount=verdict.base_amount,
				offset_account=policy.offset_account or NO_ACCOUNT,
				receivable_dimensions=dimensions(own or policy.cost_center),
				offset_dimensions=dimensions(own or policy.cost_center),
			)
		)
	return plan_entries(
		items,
		company_currency=decision.company_currency,
		entries_per=policy.entries_per,
		rows_per_entry=policy.rows_per_entry,
	)


def _notes(
	export: Export,
	lines: Sequence[Line],
	policy: Policy,
	party_currency: Export | None,
	entries: Sequence[EntryPlan],
) -> Iterable[str]:
	credits = sum(plan.credit is not None for plan in entries)
	if credits:
		yield (
			f"{credits} entries write off payments or journal credits. Allocate those to them with Payment"
			" Reconciliation once they are in; a run on a site does so itself."
		)
	if not party_currency and len(export.currencies) == 1:
		yield (
			f"Every amount is in {export.currencies[0]}. Where a receivable account is kept in another currency, give"
			" the report in party currency too (--party-currency FILE): entries need both amounts."
		)
	foreign = {line.currency for line in lines} & set(policy.rates)
	if foreign:
		yield (
			f"Amounts in {', '.join(sorted(foreign))} are valued at the rates given. On a site they leave at their"
			" carrying value."
		)
