"""Original amounts of vouchers, and whether payments or credit notes were allocated to them, from the Payment Ledger."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

import frappe
from frappe.query_builder import Case
from frappe.query_builder.functions import Sum
from frappe.utils import create_batch

from ar_writeoff.core.money import ZERO, money
from ar_writeoff.ledger.money import precision
from ar_writeoff.ledger.open_items import Key, vouchers_by_type

# Journal Entries of these types settle a balance without a payment.
NOT_A_PAYMENT = ("Write Off Entry", "Exchange Gain Or Loss", "Exchange Rate Revaluation")


@dataclass(frozen=True, slots=True)
class History:
	"""`original`: absolute amount of the voucher in account currency. `settled`: whether a payment or credit note was
	allocated to it, or it to an invoice."""

	original: Decimal
	settled: bool


def histories(company: str, keys: Iterable[Key]) -> dict[Key, History]:
	"""Return the histories of these vouchers; none for a voucher without ledger rows of its own."""
	wanted = set(keys)
	own: dict[Key, list[Decimal]] = defaultdict(lambda: [ZERO, ZERO])
	others: dict[Key, list[tuple[str, str, Decimal]]] = defaultdict(list)
	for voucher_type, vouchers in vouchers_by_type(wanted):
		for batch in create_batch(vouchers, 1000):
			for key, other, amount in _allocations(company, voucher_type, batch):
				if key not in wanted:
					continue
				# A payment is allocated from its own rows, all others from those of the other voucher.
				if other == (key.voucher_type, key.voucher_no) or voucher_type == "Payment Entry":
					own[key][amount < 0] += abs(amount)
				if other != (key.voucher_type, key.voucher_no):
					others[key].append((*other, amount))
	not_payments = _entries_without_payment(
		{name for rows in others.values() for doctype, name, _amount in rows if doctype == "Journal Entry"}
	)
	return {
		key: History(
			original=max(sides),
			# An invoice paid at the point of sale has the payment among its own rows.
			settled=min(sides) > 0
			or any(
				name not in not_payments and _settles(key, amount, is_debit=sides[0] > sides[1])
				for _doctype, name, amount in others[key]
			),
		)
		for key, sides in own.items()
	}


def original_amounts(company: str, keys: Iterable[Key]) -> dict[Key, Decimal]:
	"""Return the absolute original amounts of these vouchers in account currency."""
	return {key: history.original for key, history in histories(company, keys).items()}


def _settles(key: Key, amount: Decimal, *, is_debit: bool) -> bool:
	"""Whether an allocation reduces the balance. Those of a payment are its own rows and have its sign."""
	return bool(amount) if key.voucher_type == "Payment Entry" else amount * (1 if is_debit else -1) < 0


def _allocations(
	company: str, voucher_type: str, vouchers: list[str]
) -> list[tuple[Key, tuple[str, str], Decimal]]:
	"""Ledger amounts of these vouchers with the other voucher, or with the voucher itself for its own rows."""
	ple = frappe.qb.DocType("Payment Ledger Entry")
	mine, other = (ple.against_voucher_type, ple.against_voucher_no), (ple.voucher_type, ple.voucher_no)
	if voucher_type == "Payment Entry":
		mine, other = other, mine
	sign = Case().when(ple.amount_in_account_currency < 0, -1).else_(1)
	rows = (
		frappe.qb.from_(ple)
		.select(
			mine[1],
			ple.account,
			ple.party,
			*other,
			ple.account_currency,
			Sum(ple.amount_in_account_currency),
		)
		.where(
			(ple.company == company)
			& (ple.delinked == 0)
			& (ple.party_type == "Customer")
			& (mine[0] == voucher_type)
			& mine[1].isin(vouchers)
		)
		.groupby(mine[1], ple.account, ple.party, *other, ple.account_currency, sign)
		.run()
	)
	return [
		(
			Key(voucher_type, name, account, party),
			(other_type, other_no),
			money(amount, precision(currency)),
		)
		for name, account, party, other_type, other_no, currency, amount in rows
	]


def _entries_without_payment(names: set[str]) -> set[str]:
	"""The Journal Entries among these that are not payments."""
	found: set[str] = set()
	for batch in create_batch(sorted(names), 1000):
		found.update(
			frappe.get_all(
				"Journal Entry",
				filters={"name": ("in", batch), "voucher_type": ("in", NOT_A_PAYMENT)},
				pluck="name",
				order_by=None,
			)
		)
	return found
