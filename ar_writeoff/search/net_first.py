"""Set-offs of customers' credits against their debit balances, before the remaining balances are judged.

Debit balances that meet the criteria apart from those on amounts are settled in the order of their dates, by credits on
the same account in the order of theirs. Left out are credits and balances that a run would exclude for another reason,
such as a hold or an advance on an order, and accounts in another currency, where ERPNext would book an exchange
difference. Credits that are left over exclude the balances of the customer.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from decimal import Decimal
from typing import Any

from ar_writeoff.core.criteria import Criteria, Filters
from ar_writeoff.core.money import ZERO
from ar_writeoff.core.set_off import SetOff, Voucher, amounts_after, set_off
from ar_writeoff.ledger.money import company_currency
from ar_writeoff.ledger.open_items import Key, LedgerBalance, balance_key
from ar_writeoff.search.eligibility_data import is_credit, is_open_invoice
from ar_writeoff.search.rules import CHARGE_TYPES, Verdict, any_amount, any_credit

# Set-offs of credit notes are rows of the Journal Entry that writes off the rest, which has at most 100.
MAX_CREDIT_NOTES = 40

Judge = Callable[[list[LedgerBalance], Filters, Criteria], list[Verdict]]


@dataclass(frozen=True, slots=True)
class Plan:
	"""Amounts set off by balance, of credits too, above 0; and the set-offs by customer."""

	amounts: Mapping[Key, Decimal] = field(default_factory=dict)
	set_offs: Mapping[str, list[SetOff]] = field(default_factory=dict)

	def left(self, balance: LedgerBalance) -> LedgerBalance:
		"""Return the remaining amount of a balance."""
		amount = self.amounts.get(balance.key)
		return after_set_off(balance, amount) if amount else balance


NOTHING = Plan()


def after_set_off(balance: LedgerBalance, amount: Decimal) -> LedgerBalance:
	"""Return the balance, in company currency, after this amount, above 0, was set off."""
	remaining: dict[str, Any] = amounts_after(balance, amount)
	return replace(balance, **remaining)


def plan(
	balances: Iterable[LedgerBalance],
	in_scope: Iterable[LedgerBalance],
	scope: Filters,
	company: str,
	criteria: Criteria,
	judge: Judge,
) -> Plan:
	"""Return the set-offs of all balances of some customers. `in_scope`: those of the accounts of the run; `judge`: see
	`judge_all` in `search/ledger.py`."""
	currency = company_currency(company)
	credits = [balance for balance in balances if is_credit(balance) and is_plain(balance, currency)]
	with_credits = {(balance.key.customer, balance.key.account) for balance in credits}
	debits = [
		balance
		for balance in in_scope
		if (balance.key.customer, balance.key.account) in with_credits
		and is_open_invoice(balance)
		and balance.key.voucher_type not in CHARGE_TYPES
		and is_plain(balance, currency)
	]
	if not debits:
		return NOTHING
	open_debits = by_account(judge(debits, scope, any_amount(criteria)))
	on_accounts = [credit for credit in credits if (credit.key.customer, credit.key.account) in open_debits]
	usable = by_account(judge_credits(on_accounts, scope, criteria, judge))
	amounts: dict[Key, Decimal] = defaultdict(lambda: ZERO)
	found: dict[str, list[SetOff]] = defaultdict(list)
	for (customer, account), owed in open_debits.items():
		credit_notes = 0
		for one in set_off(account, usable.get((customer, account), ()), owed):
			credit_notes += one.credit.voucher_type == "Sales Invoice"
			if one.credit.voucher_type == "Sales Invoice" and credit_notes > MAX_CREDIT_NOTES:
				continue
			found[customer].append(one)
			for key in keys_of(one, customer):
				amounts[key] += one.amount
	return Plan(dict(amounts), dict(found))


def judge_credits(
	credits: Iterable[LedgerBalance], scope: Filters, criteria: Criteria, judge: Judge
) -> list[Verdict]:
	"""Return verdicts on credits to set off, whatever the criteria on debit balances. Those with a reason cannot be."""
	none: dict[str, Any] = {one.name: one.default for one in fields(Filters)}
	without_filters = replace(scope, **none)
	# A credit counts as it is now, also if it is later than the cutoff date.
	now = [replace(credit, at_cutoff=credit.now, base_at_cutoff=credit.base_now) for credit in credits]
	return judge(now, without_filters, any_credit(criteria))


def is_plain(balance: LedgerBalance, currency: str) -> bool:
	"""Whether a set-off of the balance leaves no exchange difference."""
	return balance.currency == currency and balance.now == balance.base_now


def by_account(verdicts: Iterable[Verdict]) -> dict[tuple[str, str], list[tuple[Voucher, Decimal]]]:
	"""Return the vouchers that are not excluded by customer and account, with their absolute amounts, in their order."""
	found: dict[tuple[str, str], list[tuple[Voucher, Decimal]]] = defaultdict(list)
	for verdict in verdicts:
		if verdict.reason is None:
			balance = verdict.balance
			voucher = Voucher(balance.voucher_type, balance.voucher_no)
			found[balance.customer, balance.receivable_account].append((voucher, abs(verdict.amount)))
	return found


def keys_of(one: SetOff, customer: str) -> tuple[Key, Key]:
	"""Return the keys of the credit and of the balance that it settles."""
	return Key(*one.credit, one.account, customer), Key(*one.debit, one.account, customer)


def attach(verdicts: list[Verdict], plan: Plan) -> list[Verdict]:
	"""Return the verdicts with the set-offs to post with each balance that is written off.

	Those of balances that are not in the list, because nothing or too much is left, go with the first balance of the
	customer. If nothing of a customer is written off, nothing is set off.
	"""
	if not plan.set_offs:
		return verdicts
	first: dict[str, Key] = {}
	written_off = set()
	for verdict in verdicts:
		if verdict.reason is None:
			key = balance_key(verdict.balance)
			written_off.add(key)
			first.setdefault(key.customer, key)
	found: dict[Key, list[SetOff]] = defaultdict(list)
	for customer, set_offs in plan.set_offs.items():
		for one in set_offs if customer in first else ():
			_credit, debit = keys_of(one, customer)
			found[debit if debit in written_off else first[customer]].append(one)
	return [
		replace(verdict, set_offs=tuple(found.get(balance_key(verdict.balance), ()))) for verdict in verdicts
	]
