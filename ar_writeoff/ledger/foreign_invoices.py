"""Invoices made out in another currency than their receivable account."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

import frappe
from frappe.utils import create_batch

from ar_writeoff.core.money import ZERO, money
from ar_writeoff.ledger.money import precision
from ar_writeoff.ledger.open_items import Key


@dataclass(frozen=True, slots=True)
class ForeignInvoice:
	"""`rate`: amount in account currency for one unit of `currency`."""

	currency: str
	rate: Decimal

	def in_currency(self, amount: Decimal) -> Decimal:
		"""An amount in account currency in the currency of the invoice; 0 if it is the same."""
		return money(amount / self.rate, precision(self.currency)) if self.currency else ZERO


NOT_FOREIGN = ForeignInvoice("", Decimal(1))


def carrying_rate(base_total: object, total: object, conversion_rate: object) -> Decimal:
	"""The rate that gives the total of an invoice its total in company currency to the cent, else the conversion rate; 0 if
	neither is known.

	With the conversion rate, a total of 1,000,000 that is worth 61.24 after rounding would become 1,000,016.
	"""
	base_amount, amount = money(base_total, 9), money(total, 9)
	return base_amount / amount if base_amount and amount else money(conversion_rate, 9)


def foreign_invoices(company: str, keys: Iterable[Key]) -> dict[Key, ForeignInvoice]:
	"""Return the invoices among these whose currency is not that of their account."""
	wanted = [key for key in keys if key.voucher_type == "Sales Invoice"]
	currencies: dict[str, tuple[str, Decimal]] = {}
	for batch in create_batch(sorted({key.voucher_no for key in wanted}), 1000):
		for row in frappe.get_all(
			"Sales Invoice",
			filters={"name": ("in", batch), "company": company},
			fields=["name", "currency", "conversion_rate", "grand_total", "base_grand_total"],
			order_by=None,
		):
			rate = carrying_rate(row.base_grand_total, row.grand_total, row.conversion_rate)
			if rate:
				currencies[row.name] = (row.currency, rate)
	return {
		key: ForeignInvoice(*currencies[key.voucher_no])
		for key in wanted
		if key.voucher_no in currencies
		and currencies[key.voucher_no][0]
		!= frappe.get_cached_value("Account", key.account, "account_currency")
	}
