"""Balances on which Payment Ledger, General Ledger and voucher differ.

A stale outstanding amount of an invoice with a balance is updated before posting (see `posting.ledger`). Balances whose
ledgers differ are excluded, because a write-off would book a loss that does not exist. Invoices with an outstanding amount and
no balance are listed, so that they are not overlooked.
"""

from collections.abc import Collection, Iterable, Mapping
from decimal import Decimal
from itertools import groupby
from operator import itemgetter

import frappe
from frappe.utils import create_batch, getdate

from ar_writeoff.core import reasons
from ar_writeoff.core.money import ZERO, money, unit
from ar_writeoff.core.reasons import Reason
from ar_writeoff.ledger import covering_index
from ar_writeoff.ledger.money import company_currency, precision
from ar_writeoff.ledger.open_items import Key, LedgerBalance, vouchers_by_type
from ar_writeoff.search.eligibility_data import VoucherDetails

INVOICE = "Sales Invoice"
BATCH = 1000

# Voucher types that ERPNext can post to the Payment Ledger again.
REPOSTED = (INVOICE, "Payment Entry", "Journal Entry")

Voucher = tuple[str, str]
# Voucher type, voucher, account and customer.
Own = tuple[str, str, str, str]


def damaged_balances(
	company: str, balances: Mapping[Key, LedgerBalance], details: Mapping[Key, VoucherDetails]
) -> dict[Key, Reason]:
	"""Balances whose ledgers or voucher differ, with the reason."""
	found = {
		key: Reason.of(
			reasons.PAYMENT_DIFFERS,
			doctype=key.voucher_type,
			voucher=key.voucher_no,
			unallocated=f"{unallocated} {balances[key].currency}",
			balance=f"{abs(balances[key].now)} {balances[key].currency}",
		).with_link(key.voucher_type, key.voucher_no)
		for key, unallocated in _unallocated_amounts(balances, details).items()
		if unallocated < abs(balances[key].now)
	}
	found.update(_over_total(balances, details))
	found.update(_differing_ledgers(company, balances, details))
	found.update(
		{
			key: _cancelled(
				key.voucher_type, key.voucher_no, f"{abs(balances[key].now)} {balances[key].currency}"
			)
			for key in balances
			if details[key].docstatus != 1
		}
	)
	return found


def _cancelled(doctype: str, voucher: str, balance: str) -> Reason:
	"""The reason for what is left in the Payment Ledger of a voucher that is not submitted any more."""
	return Reason.of(
		reasons.CANCELLED_IN_LEDGER, doctype=doctype, voucher=voucher, balance=balance
	).with_link(doctype, voucher)


def _differing_ledgers(
	company: str, balances: Mapping[Key, LedgerBalance], details: Mapping[Key, VoucherDetails]
) -> dict[Key, Reason]:
	"""Balances of vouchers, or settled by vouchers, with other amounts in the Payment Ledger than in the General Ledger.

	A payment without rows in the Payment Ledger is looked for in the General Ledger if the invoice is lower by it.
	"""
	currency = company_currency(company)
	decimals = precision(currency)
	stale = {
		key.voucher_no
		for key, balance in balances.items()
		if key in details
		and (outstanding := details[key].outstanding_amount) is not None
		and outstanding < float(balance.now)
	}
	in_general_ledger = _settling_in_general_ledger(stale)
	found: dict[Key, Reason] = {}
	for voucher_type, vouchers in vouchers_by_type(key for key in balances if key.voucher_type in REPOSTED):
		for batch in create_batch(vouchers, BATCH):
			others = in_general_ledger if voucher_type == INVOICE else {}
			settling = {name for voucher in batch for _doctype, name in others.get(voucher, ())}
			different = _differences(
				{*batch, *_settling(voucher_type, batch), *settling}, unit(decimals), currency
			)
			if not different:
				continue
			cancelled = _cancelled_among(
				{(doctype, name) for doctype, name, _account, _customer in different}
			)
			links = _vouchers_behind(voucher_type, batch)
			for name in links:
				links[name] |= others.get(name, set())
			for key in (key for key in balances if key.voucher_type == voucher_type):
				for doctype, name in sorted(links.get(key.voucher_no, ())):
					amounts = different.get((doctype, name, key.account, key.customer))
					if amounts:
						payment, general = (f"{money(amount, decimals)} {currency}" for amount in amounts)
						if (doctype, name) in cancelled:
							found[key] = _cancelled(doctype, name, payment)
							continue
						found[key] = Reason.of(
							reasons.LEDGERS_DIFFER,
							doctype=doctype,
							voucher=name,
							balance=payment,
							booked=general,
						).with_link(doctype, name)
	return found


def _cancelled_among(vouchers: Iterable[Voucher]) -> set[Voucher]:
	"""The vouchers that are cancelled or do not exist. ERPNext can repost only the others."""
	found: set[Voucher] = set()
	for doctype, pairs in groupby(sorted(vouchers), key=itemgetter(0)):
		names = {name for _doctype, name in pairs}
		submitted = frappe.get_all(
			doctype, filters={"name": ("in", sorted(names)), "docstatus": 1}, pluck="name", order_by=None
		)
		found |= {(doctype, name) for name in names.difference(submitted)}
	return found


def _settling(voucher_type: str, names: Collection[str]) -> list[str]:
	"""Other vouchers with Payment Ledger rows against these."""
	# nosemgrep: frappe-using-db-sql - the query builder takes longer over a thousand names than the query itself
	return frappe.db.sql_list(
		"""select distinct voucher_no from `tabPayment Ledger Entry`
		where against_voucher_type = %s and against_voucher_no in %s and voucher_no != against_voucher_no
			and delinked = 0""",
		(voucher_type, tuple(names)),
	)


def _settling_in_general_ledger(invoices: Collection[str]) -> dict[str, set[Voucher]]:
	"""Other vouchers with General Ledger rows against each of these invoices."""
	found: dict[str, set[Voucher]] = {}
	for batch in create_batch(sorted(invoices), BATCH):
		# nosemgrep: frappe-using-db-sql - as above
		for against, doctype, name in frappe.db.sql(
			"""select distinct against_voucher, voucher_type, voucher_no from `tabGL Entry`
			where against_voucher_type = 'Sales Invoice' and against_voucher in %s and party_type = 'Customer'
				and voucher_no != against_voucher and is_cancelled = 0""",
			(tuple(batch),),
		):
			found.setdefault(against, set()).add((doctype, name))
	return found


def _vouchers_behind(voucher_type: str, names: Collection[str]) -> dict[str, set[Voucher]]:
	"""The vouchers with Payment Ledger rows against each of these, and each itself."""
	links: dict[str, set[Voucher]] = {name: {(voucher_type, name)} for name in names}
	# nosemgrep: frappe-using-db-sql - as above
	for against, doctype, name in frappe.db.sql(
		"""select distinct against_voucher_no, voucher_type, voucher_no from `tabPayment Ledger Entry`
		where against_voucher_type = %s and against_voucher_no in %s and delinked = 0""",
		(voucher_type, tuple(names)),
	):
		links[against].add((doctype, name))
	return links


def _differences(
	names: Iterable[str], smallest: Decimal, currency: str
) -> dict[Own, tuple[Decimal, Decimal]]:
	"""Amounts of these vouchers in the Payment Ledger and in the General Ledger, in company currency, where they differ.

	ERPNext divides the Payment Ledger row of a credit for each allocation, and rounds each row at the exchange rate. So on an
	account in a foreign currency, less than the smallest amount for each row is no damage.
	"""
	found: dict[Own, tuple[Decimal, Decimal]] = {}
	for batch in create_batch(sorted(names), BATCH):
		# nosemgrep: frappe-using-db-sql - as above
		for *own, payment, general in frappe.db.sql(
			"""select voucher_type, voucher_no, account, party, sum(payment), sum(general) from (
				select voucher_type, voucher_no, account, party, amount as payment, 0 as general,
					account_currency != %(currency)s as rounded
				from `tabPayment Ledger Entry`
				where voucher_no in %(names)s and party_type = 'Customer' and delinked = 0
				union all
				select voucher_type, voucher_no, account, party, 0, debit - credit, 0 from `tabGL Entry`
				where voucher_no in %(names)s and party_type = 'Customer' and is_cancelled = 0
			) ledgers group by voucher_type, voucher_no, account, party
			having abs(sum(payment) - sum(general)) >= %(smallest)s * greatest(sum(rounded), 1)""",
			{"names": tuple(batch), "smallest": smallest, "currency": currency},
		):
			found[tuple(own)] = (Decimal(str(payment)), Decimal(str(general)))
	return found


def _over_total(
	balances: Mapping[Key, LedgerBalance], details: Mapping[Key, VoucherDetails]
) -> dict[Key, Reason]:
	"""Invoices with more in the ledgers than their total, in account currency. Other vouchers may add to a balance."""
	suspects = {
		key: total
		for key, balance in balances.items()
		if key in details
		and (total := details[key].invoice_total) is not None
		and abs(balance.now) > money(total, 9)
	}
	if not suspects:
		return {}
	# nosemgrep: frappe-using-db-sql - as above
	rows = frappe.db.sql(
		"""select voucher_no, account, party, abs(sum(amount_in_account_currency)) from `tabPayment Ledger Entry`
		where voucher_type = 'Sales Invoice' and voucher_no in %s and delinked = 0
		group by voucher_no, account, party""",
		(tuple({key.voucher_no for key in suspects}),),
	)
	own = {Key(INVOICE, *names): Decimal(str(amount)) for *names, amount in rows}
	found = {}
	for key, total in suspects.items():
		currency = balances[key].currency
		smallest = unit(precision(currency))
		if own.get(key, ZERO) - money(total, 9) >= smallest:
			found[key] = Reason.of(
				reasons.MORE_THAN_INVOICED,
				balance=f"{money(own[key], precision(currency))} {currency}",
				total=f"{money(total, precision(currency))} {currency}",
			).with_link(INVOICE, key.voucher_no)
	return found


def _unallocated_amounts(
	balances: Mapping[Key, LedgerBalance], details: Mapping[Key, VoucherDetails]
) -> dict[Key, Decimal]:
	"""Unallocated amounts of payments with a credit balance and of Journal Entries, from their documents, in account
	currency, on the side of the balance and not below 0."""
	found = {
		key: money(details[key].unallocated_amount, precision(balance.currency))
		for key, balance in balances.items()
		if key in details and key.voucher_type == "Payment Entry" and balance.now < 0
	}
	entries = [key for key in balances if key in details and key.voucher_type == "Journal Entry"]
	for batch in create_batch(sorted({key.voucher_no for key in entries}), BATCH):
		# nosemgrep: frappe-using-db-sql - as above
		rows = frappe.db.sql(
			"""select parent, account, party, debit_in_account_currency > credit_in_account_currency as is_debit,
				sum(abs(debit_in_account_currency - credit_in_account_currency))
			from `tabJournal Entry Account`
			where parent in %s and party_type = 'Customer' and ifnull(reference_type, '') = ''
			group by parent, account, party, is_debit""",
			(tuple(batch),),
		)
		amounts = {
			(Key("Journal Entry", *names), bool(is_debit)): amount for *names, is_debit, amount in rows
		}
		for key in entries:
			if key.voucher_no in batch:
				amount = amounts.get((key, balances[key].now > 0), ZERO)
				found[key] = money(amount, precision(balances[key].currency))
	return found


# Invoices with an outstanding amount and no balance


def invoices_without_balance(
	company: str, customers: Collection[str], balances: Iterable[LedgerBalance]
) -> dict[LedgerBalance, Reason]:
	"""Invoices of these customers that have an outstanding amount while the Payment Ledger has no balance of them.

	Returned as balances of the outstanding amount, with the reason.
	"""
	known = {
		# A damaged row may have no voucher.
		balance.key.voucher_no
		for balance in balances
		if balance.key.voucher_type == INVOICE and balance.key.voucher_no
	}
	# nosemgrep: frappe-using-db-sql - as above
	missing = frappe.db.sql_list(
		"""select name from `tabSales Invoice`
		where customer in %s and company = %s and docstatus = 1 and outstanding_amount != 0 and name not in %s""",
		(tuple(customers), company, tuple(known) or ("",)),
	)
	return without_balance(company, missing)


def without_balance(company: str, invoices: Collection[str]) -> dict[LedgerBalance, Reason]:
	"""These invoices, as balances of their outstanding amount, with the reason why nothing can be written off."""
	if not invoices:
		return {}
	rows = frappe.get_all(
		INVOICE,
		filters={"name": ("in", sorted(invoices))},
		fields=["name", "debit_to", "customer", "outstanding_amount", "posting_date", "conversion_rate"],
		order_by=None,
	)
	# nosemgrep: frappe-using-db-sql - as above
	rows_of_ledger = frappe.db.sql(
		"""select against_voucher_no, sum(amount_in_account_currency) from `tabPayment Ledger Entry`
		where against_voucher_type = 'Sales Invoice' and against_voucher_no in %s and delinked = 0
		group by against_voucher_no""",
		(tuple(invoices),),
	)
	amounts = dict(rows_of_ledger)
	own_currency = company_currency(company)
	found = {}
	for row in rows:
		currency = frappe.get_cached_value("Account", row.debit_to, "account_currency")
		decimals = precision(currency)
		# With all decimals, because less than the smallest unit may be left.
		amount = Decimal(str(row.outstanding_amount))
		rate = Decimal(1) if currency == own_currency else Decimal(str(row.conversion_rate))
		base = money(amount * rate, precision(own_currency)) or amount
		key = Key(INVOICE, row.name, row.debit_to, row.customer)
		if row.name in amounts:
			reason = Reason.of(
				reasons.STALE_OUTSTANDING,
				outstanding=f"{amount.normalize():f} {currency}",
				balance=f"{money(amounts[row.name], decimals)} {currency}",
			)
		else:
			reason = Reason.of(reasons.NO_LEDGER_ROWS, outstanding=f"{money(amount, decimals)} {currency}")
		balance = LedgerBalance(key, currency, getdate(row.posting_date), amount, base, amount, base)
		found[balance] = reason.with_link(INVOICE, row.name)
	return found


def can_look_for_invoices(ledger_rows: int) -> bool:
	"""Whether a search over so many ledger rows can look for invoices without a balance in a short time."""
	return ledger_rows <= covering_index.SMALL or covering_index.exists(covering_index.OUTSTANDING)
