"""Balances of customers from the Payment Ledger, of which `Sales Invoice.outstanding_amount` is a copy."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import groupby
from typing import Any, NamedTuple

import frappe
from frappe.query_builder import Case
from frappe.query_builder.functions import Abs, Min, Sum
from frappe.utils import create_batch
from pypika.functions import NullIf
from pypika.terms import Criterion, Field

from ar_writeoff.core.money import ZERO, ledger_money
from ar_writeoff.ledger.money import company_currency, precision


class Key(NamedTuple):
	"""The key of a balance: one voucher may have balances on several accounts or of several parties."""

	voucher_type: str
	voucher_no: str
	account: str
	customer: str


@dataclass(frozen=True, slots=True)
class LedgerBalance:
	"""Sums of Payment Ledger Entries for one key, at the cutoff and now, in both currencies.

	`since`: the date of the first entry, used for vouchers without a date.
	"""

	key: Key
	currency: str
	since: date
	at_cutoff: Decimal
	base_at_cutoff: Decimal
	now: Decimal
	base_now: Decimal


def balances_of_customers(
	company: str, accounts: list[str], customers: list[str], cutoff_date: date, *, without_gaps: bool = False
) -> list[LedgerBalance]:
	"""Return current balances of these customers that are not zero in account or company currency.

	`without_gaps`: the list has all customers between its first and last name, so the ledger is read as one range.

	`accounts`: receivable accounts of the company. Company and currency are those of the accounts, so that the covering
	index (see `ledger/covering_index.py`) has all columns of the query.
	"""
	ple = frappe.qb.DocType("Payment Ledger Entry")
	theirs = ple.party[customers[0] : customers[-1]] if without_gaps else ple.party.isin(customers)
	return _balances(
		company,
		cutoff_date,
		(ple.party_type == "Customer") & theirs & ple.account.isin(accounts),
		only_open=True,
	)


def balances_of_vouchers(
	company: str, keys: Iterable[Key], cutoff_date: date, *, for_update: bool = False
) -> dict[Key, LedgerBalance]:
	"""Return the balances of these vouchers, including zero balances.

	`for_update`: lock the ledger rows, which waits for payments that are being submitted.
	"""
	wanted = set(keys)
	ple = frappe.qb.DocType("Payment Ledger Entry")
	found: dict[Key, LedgerBalance] = {}
	for voucher_type, vouchers in vouchers_by_type(wanted):
		for batch in create_batch(vouchers, 1000):
			condition = ple.against_voucher_no.isin(batch) & (ple.against_voucher_type == voucher_type)
			condition &= (ple.company == company) & (ple.party_type == "Customer")
			if for_update:
				# MariaDB does not lock rows in a query with GROUP BY: lock first, then sum.
				frappe.qb.from_(ple).select(ple.name).where(condition).for_update().run()
			for balance in _balances(company, cutoff_date, condition, only_open=False):
				if balance.key in wanted:
					found[balance.key] = balance
	for key in wanted - found.keys():
		# A completely allocated payment has no entry against itself.
		currency = frappe.get_cached_value("Account", key.account, "account_currency")
		found[key] = LedgerBalance(key, currency, cutoff_date, ZERO, ZERO, ZERO, ZERO)
	return found


def voucher_keys(voucher_type: str, vouchers: Iterable[str]) -> list[Key]:
	"""Return the keys of these vouchers' balances, one per account and party."""
	ple = frappe.qb.DocType("Payment Ledger Entry")
	keys = []
	for batch in create_batch(sorted(set(vouchers)), 1000):
		keys += [
			Key(voucher_type, *row)
			for row in frappe.qb.from_(ple)
			.select(ple.against_voucher_no, ple.account, ple.party)
			.distinct()
			.where(
				(ple.against_voucher_type == voucher_type)
				& ple.against_voucher_no.isin(batch)
				& (ple.party_type == "Customer")
				& (ple.delinked == 0)
			)
			.run()
		]
	return keys


def balance_key(balance: Any) -> Key:
	"""The key of a balance, a plan item, or a row of Write-Off Run Item."""
	return Key(balance.voucher_type, balance.voucher_no, balance.receivable_account, balance.customer)


def vouchers_by_type(keys: Iterable[Key]) -> Iterator[tuple[str, list[str]]]:
	"""Yield the voucher names by voucher type, both sorted."""
	ordered = sorted({(key.voucher_type, key.voucher_no) for key in keys})
	for voucher_type, pairs in groupby(ordered, key=lambda pair: pair[0]):
		yield voucher_type, [voucher_no for _type, voucher_no in pairs]


def _balances(
	company: str, cutoff_date: date, condition: Criterion, *, only_open: bool
) -> list[LedgerBalance]:
	ple = frappe.qb.DocType("Payment Ledger Entry")
	now = Sum(ple.amount_in_account_currency)
	base_now = Sum(ple.amount)

	def until_cutoff(field: Field) -> Sum:
		return Sum(Case().when(ple.posting_date <= cutoff_date, field).else_(0))

	past = until_cutoff(ple.amount_in_account_currency)
	query = (
		frappe.qb.from_(ple)
		.select(
			ple.against_voucher_type,
			ple.against_voucher_no,
			ple.account,
			ple.party,
			Min(ple.posting_date),
			now,
			# NULL for the same amount, which most are: to read a number takes longer than to compare it.
			NullIf(base_now, now),
			NullIf(past, now),
			NullIf(until_cutoff(ple.amount), past),
		)
		.where((ple.delinked == 0) & condition)
		.groupby(ple.party, ple.account, ple.against_voucher_type, ple.against_voucher_no)
	)
	base_precision = precision(company_currency(company))
	if only_open:
		# Half of the smallest unit, which rounds to zero.
		smallest = 0.5 * 10**-base_precision
		query = query.having((Abs(now) > smallest) | (Abs(base_now) > smallest))
	currencies: dict[str, tuple[str, int]] = {}
	result = []
	for voucher_type, voucher_no, account, party, since, amount, base, past_amount, past_base in query.run():
		if account not in currencies:
			currency = frappe.get_cached_value("Account", account, "account_currency")
			currencies[account] = (currency, precision(currency))
		currency, decimals = currencies[account]
		same_decimals = decimals == base_precision
		open_now = ledger_money(amount, decimals)
		at_cutoff = open_now if past_amount is None else ledger_money(past_amount, decimals)
		result.append(
			LedgerBalance(
				key=Key(voucher_type, voucher_no, account, party),
				currency=currency,
				since=since,
				at_cutoff=at_cutoff,
				base_at_cutoff=at_cutoff
				if past_base is None and same_decimals
				else ledger_money(first(past_base, past_amount, amount), base_precision),
				now=open_now,
				base_now=open_now
				if base is None and same_decimals
				else ledger_money(first(base, amount), base_precision),
			)
		)
	return result


def first(*values: float | None) -> float | None:
	"""The first of these values that is not None."""
	return next((value for value in values if value is not None), None)
