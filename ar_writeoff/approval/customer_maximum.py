"""Maximum Customer Total, checked again on submit and before posting for all approved items of a customer.

Since the search, invoices may have been added, deducted credits allocated, and customers merged.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

import frappe
from frappe import _
from frappe.query_builder.functions import Abs, Sum

from ar_writeoff.core import reasons
from ar_writeoff.core.money import ZERO, money
from ar_writeoff.core.reasons import Reason
from ar_writeoff.core.terms import Terms
from ar_writeoff.ledger import messages
from ar_writeoff.ledger.money import company_currency, precision
from ar_writeoff.run.terms import criteria_of, scope_of
from ar_writeoff.search.ledger import credits_in_scope

MAX_SHOWN = 5


def check_items(rows: Iterable[Any], terms: Terms) -> None:
	"""
	Raises:
	    frappe.ValidationError: the items of the run exceed the maximum of a customer.
	"""
	totals: dict[str, Decimal] = defaultdict(lambda: ZERO)
	decimals = precision(company_currency(terms.company))
	for row in rows if terms.max_customer_amount else ():
		totals[row.customer] += abs(money(row.base_write_off_amount, decimals))
	over = over_maximum(totals, terms)
	if over:
		found = [
			frappe.utils.escape_html(f"{customer}: {messages.message(reason)}")
			for customer, reason in sorted(over.items())[:MAX_SHOWN]
		]
		frappe.throw(
			"<br>".join([*found, _("Press Find Invoices to exclude these balances.")]),
			title=_("Over the Maximum Customer Total"),
		)


def refused_items(rows: Iterable[Any], terms: Terms) -> dict[str, Reason]:
	"""Return the items of a locked batch whose customer is over the maximum with all approved items, also of other
	batches."""
	customers = {row.customer for row in rows}
	if not customers or not terms.max_customer_amount:
		return {}
	item = frappe.qb.DocType("Write-Off Run Item")
	approved = (
		frappe.qb.from_(item)
		.select(item.customer, Sum(Abs(item.base_write_off_amount)))
		.where((item.run == terms.name) & item.customer.isin(sorted(customers)) & (item.seal != ""))
		.groupby(item.customer)
		.run()
	)
	decimals = precision(company_currency(terms.company))
	over = over_maximum({customer: money(total, decimals) for customer, total in approved}, terms)
	return {row.name: over[row.customer] for row in rows if row.customer in over}


def over_maximum(totals: Mapping[str, Decimal], terms: Terms) -> dict[str, Reason]:
	"""Return the customers whose total less deducted credits is over the maximum, with the reason."""
	maximum = criteria_of(terms).max_customer_amount
	if not maximum:
		return {}
	over = {customer: total for customer, total in totals.items() if total > maximum}
	credits = credits_in_scope(scope_of(terms), criteria_of(terms), over) if over else {}
	return {
		customer: Reason.of(
			reasons.CUSTOMER_OVER_MAXIMUM, total=total - credits.get(customer, ZERO), maximum=maximum
		)
		for customer, total in over.items()
		if total - credits.get(customer, ZERO) > maximum
	}
