"""Ledger queries for limits."""

from collections.abc import Iterable
from decimal import Decimal

import frappe
from frappe.query_builder.functions import Sum
from frappe.utils import create_batch

from ar_writeoff.core.money import money
from ar_writeoff.ledger.money import precision
from ar_writeoff.ledger.open_items import Key, vouchers_by_type


def original_amounts(company: str, keys: Iterable[Key]) -> dict[Key, Decimal]:
	"""Return the absolute original amounts of these vouchers in account currency, from their Payment Ledger rows."""
	wanted = set(keys)
	ple = frappe.qb.DocType("Payment Ledger Entry")
	amounts: dict[Key, Decimal] = {}
	for voucher_type, vouchers in vouchers_by_type(wanted):
		for batch in create_batch(vouchers, 1000):
			for row in (
				frappe.qb.from_(ple)
				.select(
					ple.voucher_no,
					ple.account,
					ple.party,
					ple.account_currency,
					Sum(ple.amount_in_account_currency).as_("amount"),
				)
				.where(
					(ple.company == company)
					& (ple.delinked == 0)
					& (ple.voucher_type == voucher_type)
					& ple.voucher_no.isin(batch)
					& (ple.against_voucher_type == ple.voucher_type)
					& (ple.against_voucher_no == ple.voucher_no)
				)
				.groupby(ple.voucher_no, ple.account, ple.party, ple.account_currency)
				.run(as_dict=True)
			):
				key = Key(voucher_type, row.voucher_no, row.account, row.party)
				if key in wanted:
					amounts[key] = abs(money(row.amount, precision(row.account_currency)))
	return amounts


def lock_customers(names: Iterable[str]) -> None:
	"""Lock these customers, ordered by name, until the transaction ends."""
	customer = frappe.qb.DocType("Customer")
	for batch in create_batch(sorted(names), 1000):
		frappe.qb.from_(customer).select(customer.name).where(customer.name.isin(batch)).orderby(
			customer.name
		).for_update().run()
