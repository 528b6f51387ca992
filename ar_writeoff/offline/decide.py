"""Verdicts and Journal Entries for the lines of an export, by the rules of the app."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal

from ar_writeoff.core import reasons
from ar_writeoff.core.criteria import CREDIT_NOTE, SALES_INVOICE, Criteria
from ar_writeoff.core.money import ZERO, ledger_money, money
from ar_writeoff.core.reasons import Reason
from ar_writeoff.offline import labels
from ar_writeoff.offline.currencies import decimals
from ar_writeoff.offline.export import HISTORY, Export, Key, Line
from ar_writeoff.offline.net_first import after_set_off, set_off_amounts, set_off_notes
from ar_writeoff.offline.policy import InvalidPolicy, Policy
from ar_writeoff.offline.problems import InvalidFile, Problem
from ar_writeoff.offline.progress import bar, without_garbage_collection
from ar_writeoff.offline.words import Text, t
from ar_writeoff.posting.rules import Dimensions, EntryPlan, PlanItem, plan_entries
from ar_writeoff.search import rules
from ar_writeoff.search.rules import (
	INVOICE_TYPES,
	NO_CREDITS_OF_CUSTOMER,
	NO_CUSTOMER_FACTS,
	NO_PARTY_FACTS,
	NO_VOUCHER_FACTS,
	AccountTotal,
	Balance,
	Origin,
	PartyFacts,
	Verdict,
)

# Criteria whose column the report has only if it was added.
OPTIONAL_COLUMNS = {
	"cost_centers": "cost_center",
	"sales_persons": "sales_person",
	"payment_terms_templates": "payment_terms_template",
}

NO_ACCOUNT = "Write-off account"


@dataclass(slots=True)
class Decision:
	"""Balances to write off and excluded ones, and the planned entries. `lines`: lines of the export by balance key,
	for fields a verdict does not have."""

	policy: Policy
	company_currency: str
	considered: int = 0
	write_off: list[Verdict] = field(default_factory=list)
	left_out: list[Verdict] = field(default_factory=list)
	entries: list[EntryPlan] = field(default_factory=list)
	customer_names: dict[str, str] = field(default_factory=dict)
	lines: dict[Key, Line] = field(default_factory=dict)
	notes: list[Text] = field(default_factory=list)

	@property
	def not_matching(self) -> int:
		return self.considered - len(self.write_off) - len(self.left_out)

	def line(self, balance: Balance) -> Line:
		"""The export line of a balance."""
		return self.lines[
			balance.voucher_type, balance.voucher_no, balance.receivable_account, balance.customer
		]


def decide(policy: Policy, export: Export, party_currency: Export | None = None) -> Decision:
	"""Check all balances and plan the entries; see `find` and `plan`."""
	decision = find(policy, export, party_currency)
	plan(decision)
	return decision


def find(policy: Policy, export: Export, party_currency: Export | None = None) -> Decision:
	"""Check all balances.

	`export` has amounts in company currency, the report's default; `party_currency` is the same report in party
	currency. With both, foreign balances are known in both currencies. With one file in several currencies, amounts are
	converted with the rates of the policy.

	Raises:
	    InvalidPolicy: neither the files nor the policy explain the currencies.
	    InvalidFile: the two exports do not belong together.
	"""
	with without_garbage_collection():
		return _find(policy, export, party_currency)


def _find(policy: Policy, export: Export, party_currency: Export | None) -> Decision:
	company_currency = _company_currency(policy, export, party_currency)
	decision = Decision(policy, company_currency)
	for file in (export, party_currency):
		if file:
			_check_columns(policy, file)
	everything = not policy.only and not policy.leave_out_accounts
	lines = export.lines if everything else [line for line in export.lines if _in_scope(line, policy)]
	accounts = _in_account_currency(export, party_currency) if party_currency else {}
	verdicts = []
	named, has_facts = policy.named_customers, policy.has_voucher_facts
	set_off: dict[Key, Decimal] = {}

	def judge(line: Line, criteria: Criteria, party: PartyFacts = NO_PARTY_FACTS) -> Verdict | None:
		balance = _balance(line, accounts.get(line.key, line), company_currency, policy)
		return rules.judge(
			after_set_off(balance, set_off[line.key]) if line.key in set_off else balance,
			criteria,
			policy.customer_facts(line.customer) if line.customer in named else NO_CUSTOMER_FACTS,
			policy.voucher_facts(line.voucher_no, line.receivable_account, line.customer)
			if has_facts
			else NO_VOUCHER_FACTS,
			party,
		)

	if policy.criteria.sets_off_credits:
		set_off.update(set_off_amounts(export.lines, lines, policy.criteria, company_currency, judge))
		decision.notes.extend(set_off_notes(set_off, company_currency))
	parties = _party_facts(export, accounts, lines, company_currency, policy, set_off)
	for line in bar(lines, len(lines), str(t("Checking balances"))):
		decision.considered += 1
		decision.lines[line.key] = line
		decision.customer_names[line.customer] = line.customer_name or line.customer
		verdict = judge(line, policy.criteria, parties[line.customer])
		if verdict:
			verdicts.append(verdict)
	base_credits = {customer: facts.base_credit for customer, facts in parties.items()}
	verdicts = _exclude_inexact(verdicts, decision)
	verdicts = rules.apply_customer_maximum(verdicts, policy.criteria, base_credits)
	verdicts.sort(key=lambda one: (one.balance.customer, one.balance.posting_date, one.balance.voucher_no))
	decision.write_off = [one for one in verdicts if one.reason is None]
	decision.left_out = [one for one in verdicts if one.reason is not None]
	decision.notes.extend(_notes(export, lines, policy, party_currency))
	return decision


def _exclude_inexact(verdicts: list[Verdict], decision: Decision) -> list[Verdict]:
	"""The verdicts, with those excluded whose company-currency amount no exchange rate gives exactly."""
	foreign = [
		one for one in verdicts if one.reason is None and one.balance.currency != decision.company_currency
	]
	if not foreign:
		return verdicts
	refused = inexact_verdicts(foreign, decision)
	return [refused.get(id(one), one) for one in verdicts]


def inexact_verdicts(verdicts: Sequence[Verdict], decision: Decision) -> dict[int, Verdict]:
	"""Excluded verdicts, by `id`, of entries that ERPNext would reject for their exchange rate."""
	precision = decimals(decision.company_currency)
	found: dict[int, Verdict] = {}
	for entry in _entries(verdicts, decision):
		for row in entry.rows:
			if row.item and not row.rate_is_exact(precision):
				verdict = verdicts[int(row.item) - 1]
				found[id(verdict)] = replace(
					verdict,
					reason=Reason.of(
						reasons.EXCHANGE_RATE_NOT_EXACT,
						amount=f"{verdict.amount} {verdict.balance.currency}",
						base_amount=f"{verdict.base_amount} {decision.company_currency}",
					),
				)
	return found


def plan(decision: Decision) -> None:
	"""Plan the entries for the balances to write off."""
	with without_garbage_collection():
		decision.entries = _entries(decision.write_off, decision)
	credits = sum(entry.credit is not None for entry in decision.entries)
	if credits:
		decision.notes.append(
			t(
				"Entries that write off payments or journal credits: {count}. Allocate them with Payment"
				" Reconciliation after the import. A run on a site allocates them.",
				count=credits,
			)
		)


def _company_currency(policy: Policy, export: Export, party_currency: Export | None) -> str:
	if policy.company_currency:
		if party_currency and export.currencies != [policy.company_currency]:
			raise InvalidPolicy(
				t(
					"All amounts in {name} must be in {currency}, but the file has {currencies}.",
					name=export.name,
					currency=policy.company_currency,
					currencies=", ".join(export.currencies),
				)
			)
		return policy.company_currency
	if len(export.currencies) == 1:
		return export.currencies[0]
	raise InvalidPolicy(
		t(
			"{name} has amounts in {currencies}. Enter the company currency (--company-currency) and a rate for"
			" each other currency (--rate), or export the report without In Party Currency.",
			name=export.name,
			currencies=", ".join(export.currencies),
		)
	)


def _in_scope(line: Line, policy: Policy) -> bool:
	values = {
		"customers": line.customer,
		"customer_groups": line.customer_group,
		"territories": line.territory,
		"receivable_accounts": line.receivable_account,
		"currencies": line.currency,
		"cost_centers": line.cost_center,
		"payment_terms_templates": line.payment_terms_template,
	}
	return (
		line.receivable_account not in policy.leave_out_accounts
		and all(values[key] in names for key, names in policy.only.items() if key in values)
		# The report lists the sales persons of an invoice in one cell.
		and _has_name(line.sales_person, policy.only.get("sales_persons"))
	)


def _has_name(cell: str, names: frozenset[str] | None) -> bool:
	return names is None or bool(names & {cell, *(name.strip() for name in cell.split(","))})


def _check_columns(policy: Policy, export: Export) -> None:
	"""
	Raises:
	    InvalidPolicy: a criterion needs a column that the export does not have.
	    InvalidFile: it needs an amount that cannot be read.
	"""
	needed = [
		*(HISTORY if policy.criteria.needs_history else ()),
		*(column for key, column in OPTIONAL_COLUMNS.items() if key in policy.only),
	]
	missing = [labels.english(name) for name in needed if name not in export.columns]
	if missing:
		raise InvalidPolicy(
			t(
				"The criteria need these columns, which {name} does not have: {columns}. Add them to the report and"
				" export it again.",
				name=export.name,
				columns=", ".join(missing),
			)
		)
	if policy.criteria.needs_history and export.history_problems:
		raise InvalidFile(export.name, *export.history_problems)


def _party_facts(
	export: Export,
	accounts: dict[Key, Line],
	lines: Sequence[Line],
	company_currency: str,
	policy: Policy,
	set_off: Mapping[Key, Decimal],
) -> dict[str, PartyFacts]:
	"""Unallocated credits, without what is set off, and open invoices in the whole export, by customer in scope."""
	customers = {line.customer for line in lines}
	credits: dict[str, dict[str, AccountTotal]] = {customer: {} for customer in customers}
	debits: dict[str, dict[str, AccountTotal]] = {customer: {} for customer in customers}
	for line in export.lines:
		if line.customer not in customers:
			continue
		if line.amount < 0:
			totals, counts = credits, line.voucher_type not in NO_CREDITS_OF_CUSTOMER
		else:
			totals, counts = debits, line.voucher_type in INVOICE_TYPES
		if counts:
			balance = _balance(line, accounts.get(line.key, line), company_currency, policy)
			if balance.now < 0 and line.key in set_off:
				balance = after_set_off(balance, set_off[line.key])
				if not balance.now:
					continue
			account = line.receivable_account
			before = totals[line.customer].get(account) or AccountTotal(account, balance.currency, ZERO, ZERO)
			totals[line.customer][account] = replace(
				before,
				amount=before.amount + abs(balance.now),
				base_amount=before.base_amount + abs(balance.base_now),
			)
	return {
		customer: PartyFacts(tuple(credits[customer].values()), tuple(debits[customer].values()))
		for customer in customers
	}


def _in_account_currency(export: Export, party_currency: Export) -> dict[Key, Line]:
	other = {line.key: line for line in party_currency.lines}
	missing = [line for line in export.lines if line.key not in other]
	if missing:
		raise InvalidFile(
			party_currency.name,
			*(
				Problem(
					t(
						"{voucher_type} {voucher_no} of {name}, row {row}, is not in this file. Export both reports with"
						" the same filters, one after the other.",
						voucher_type=line.voucher_type,
						voucher_no=line.voucher_no,
						name=export.name,
						row=str(line.row),
					)
				)
				for line in missing
			),
		)
	return other


def _balance(line: Line, in_account_currency: Line, company_currency: str, policy: Policy) -> Balance:
	currency = in_account_currency.currency
	now = ledger_money(in_account_currency.amount, decimals(currency))
	if line is in_account_currency and currency == company_currency:
		base_now = now
	elif line.currency == company_currency:
		base_now = ledger_money(line.amount, decimals(company_currency))
	else:
		base_now = money(line.amount * _rate(line, company_currency, policy), decimals(company_currency))
	return Balance(
		voucher_type=line.voucher_type,
		voucher_no=line.voucher_no,
		customer=line.customer,
		receivable_account=line.receivable_account,
		currency=currency,
		posting_date=line.posting_date,
		due_date=line.due_date,
		# An export has the balances of one date only, used both for the cutoff date and for now.
		at_cutoff=now,
		base_at_cutoff=base_now,
		now=now,
		base_now=base_now,
		origin=_origin(in_account_currency, decimals(currency)),
	)


def _origin(line: Line, precision: int) -> Origin:
	"""What the report shows of a voucher: original amounts only of debit balances, and an invoice with a credit balance
	is a credit note."""
	invoiced, paid, credited = line.history
	is_credit_note = line.voucher_type == SALES_INVOICE and line.amount < 0
	return Origin(
		original=money(invoiced, precision) if invoiced > 0 else None,
		settled=paid > 0 or credited > 0,
		kinds=(CREDIT_NOTE if is_credit_note else line.voucher_type,),
	)


def _rate(line: Line, company_currency: str, policy: Policy) -> Decimal:
	rate = policy.rates.get(line.currency)
	if rate is None or rate <= 0:
		raise InvalidPolicy(
			t(
				"The rate for {currency} is missing. Enter the {company_currency} for 1 {currency}: --rate"
				" {currency}=1.10",
				currency=line.currency,
				company_currency=company_currency,
			)
		)
	return rate


def _entries(verdicts: Sequence[Verdict], decision: Decision) -> list[EntryPlan]:
	policy = decision.policy

	def dimensions(cost_center: str) -> Dimensions:
		return (("cost_center", cost_center),) if cost_center else ()

	items = []
	for number, verdict in enumerate(verdicts, start=1):
		balance = verdict.balance
		own = dimensions(decision.line(balance).cost_center or policy.cost_center)
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
				receivable_dimensions=own,
				offset_shares=((own, Decimal(1)),),
			)
		)
	return plan_entries(
		items,
		company_currency=decision.company_currency,
		entries_per=policy.entries_per,
		rows_per_entry=policy.rows_per_entry,
	)


def _notes(
	export: Export, lines: Sequence[Line], policy: Policy, party_currency: Export | None
) -> Iterable[Text]:
	if policy.cutoff_is_a_guess:
		yield t(
			"The report date is unknown. Balances are taken as of {cutoff}.",
			cutoff=policy.criteria.cutoff_date,
		)
	if not party_currency and len(export.currencies) == 1:
		yield t(
			"All amounts are in {currency}. If a receivable account has another currency, add the report in"
			" party currency (--party-currency FILE). Entries need both amounts.",
			currency=export.currencies[0],
		)
	foreign = {line.currency for line in lines} & set(policy.rates)
	if foreign:
		yield t(
			"Amounts in {currencies} are valued at the rates given. On a site they are written off at their"
			" carrying value.",
			currencies=", ".join(sorted(foreign)),
		)
