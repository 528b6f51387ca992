"""Late money: a customer pays a balance that was written off. The balance is reinstated and the credit allocated to it
in one transaction.
"""

from collections.abc import Callable, Iterable
from datetime import date
from decimal import Decimal
from typing import Any

import frappe
from frappe import _
from frappe.utils import getdate, today

from ar_writeoff.core.money import money
from ar_writeoff.core.run_types import TAX_CLAIM
from ar_writeoff.core.status import ITEM_POSTED
from ar_writeoff.ledger import permissions as access
from ar_writeoff.ledger.money import precision
from ar_writeoff.ledger.open_items import Key
from ar_writeoff.ledger.periods import closed_period_message
from ar_writeoff.posting import ledger as posting
from ar_writeoff.review import items as run_items
from ar_writeoff.run import gate
from ar_writeoff.run.arguments import json_argument
from ar_writeoff.undo import allocation, reinstate
from ar_writeoff.undo import ledger as undo
from ar_writeoff.undo.allocation import Credit
from ar_writeoff.undo.ledger import WrittenOffItem

# Written-off balances that a form lists.
MAX_BALANCES = 200


@frappe.whitelist()
def get_written_off(company: str, customer: str) -> list[dict[str, Any]]:
	"""The debts of a customer that runs have written off and not reinstated, of those the current user may see. The
	oldest first, as payments are allocated."""
	access.check_company(company)
	rows = frappe.get_list(
		"Write-Off Run Item",
		filters={
			"company": company,
			"customer": customer,
			"voucher_type": ("!=", TAX_CLAIM),
			"status": ("in", ITEM_POSTED),
			"write_off_amount": (">", 0),
		},
		fields=[
			"name",
			"run",
			"voucher_type",
			"voucher_no",
			"receivable_account",
			"posting_date",
			"currency",
			"write_off_amount",
			"reinstated_amount",
		],
		order_by="posting_date asc, name asc",
		limit=MAX_BALANCES,
	)
	runs = dict(
		frappe.get_all(
			"Write-Off Run",
			filters={"name": ("in", sorted({row.run for row in rows}) or [""])},
			fields=["name", "posting_date"],
			as_list=True,
			order_by=None,
		)
	)
	for row in rows:
		row.amount = float(
			money(row.write_off_amount, precision(row.currency))
			- money(row.reinstated_amount, precision(row.currency))
		)
		row.written_off_on = runs.get(row.run)
	return [row for row in rows if row.amount > 0]


@frappe.whitelist()
def get_late_money(credit_type: str, credit_no: str) -> dict[str, Any]:
	"""The unallocated amount of a submitted payment, Journal Entry or credit note, the written-off balances of its
	customer in the same currency, and the first date on which they can be reinstated."""
	frappe.has_permission(credit_type, "read", credit_no, throw=True)
	return late_money(allocation.credits_of(credit_type, credit_no))


@frappe.whitelist()
def get_late_credits(company: str, customer: str) -> dict[str, Any]:
	"""As `get_late_money`, for all credits of a customer that the current user may see."""
	frappe.has_permission("Customer", "read", customer, throw=True)
	frappe.has_permission("Payment Reconciliation", "read", throw=True)
	balances = get_written_off(company, customer)
	credits = allocation.credits_of_customer(company, customer) if balances else []
	return {
		**late_money(
			credit
			for credit in credits
			if frappe.has_permission(credit.key.voucher_type, "read", credit.key.voucher_no)
		),
		"balances": balances,
	}


def late_money(credits: Iterable[Credit]) -> dict[str, Any]:
	found: list[dict[str, Any]] = []
	for credit in credits:
		balances = [
			row
			for row in get_written_off(credit.company, credit.key.customer)
			if row["currency"] == credit.currency
		]
		if balances:
			found.append(
				{
					"credit_type": credit.key.voucher_type,
					"credit_no": credit.key.voucher_no,
					"customer": credit.key.customer,
					"company": credit.company,
					"currency": credit.currency,
					"amount": float(credit.amount),
					"posting_date": first_date(
						credit.company, credit.posting_date, (row["written_off_on"] for row in balances)
					),
					"balances": balances,
				}
			)
	return {"credits": found, "may_reinstate": may_reinstate()}


@frappe.whitelist()
def get_late_bank_lines(bank_account: str, from_date: str, to_date: str) -> dict[str, Any]:
	"""Open deposits on a bank account from customers with written-off balances, with these balances."""
	frappe.has_permission("Bank Transaction", "read", throw=True)
	frappe.has_permission("Bank Account", "read", bank_account, throw=True)
	found = []
	for line in allocation.bank_lines(bank_account, getdate(from_date), getdate(to_date)):
		balances = get_written_off(line.company, line.party)
		if balances:
			found.append(
				{
					"name": line.name,
					"customer": line.party,
					"company": line.company,
					"currency": line.currency,
					"amount": line.unallocated_amount,
					"posting_date": first_date(
						line.company, line.date, (row["written_off_on"] for row in balances)
					),
					"balances": balances,
				}
			)
	return {
		"lines": found,
		"may_reinstate": may_reinstate() and frappe.has_permission("Payment Entry", "submit"),
	}


def may_reinstate() -> bool:
	"""Whether the roles of the current user allow it; the gate checks each run."""
	return bool(
		frappe.has_permission("Write-Off Run", "submit")
		and frappe.has_permission("Journal Entry", "submit")
		and frappe.has_permission("Payment Reconciliation", "write")
	)


def first_date(company: str, paid_on: date, written_off_on: Iterable[Any]) -> date:
	"""The date of the payment, or of the last write-off if that is later; today in a closed period."""
	first = max([getdate(paid_on), *(getdate(day) for day in written_off_on)])
	return getdate(today()) if closed_period_message(company, first) else first


@frappe.whitelist(methods=["POST"])
def reinstate_and_allocate(
	credit_type: str,
	credit_no: str,
	items: str | list,
	amounts: str | dict | list | None = None,
	posting_date: str | None = None,
) -> dict[str, Any]:
	"""Reinstate written-off balances and allocate a customer's credit to them, in one transaction.

	`items`: Write-Off Run Items of one customer, of any runs. `amounts`: item -> amount, or amounts in the order of
	`items`; without one, the balances in this order, as far as the credit covers them. Returns the Journal Entry of
	each item, and the remaining credit.

	Raises:
	    frappe.ValidationError: an amount does not fit, a run cannot be changed, or ERPNext rejects an entry.
	"""
	frappe.has_permission(credit_type, "read", credit_no, throw=True)
	return pay_written_off(lambda: (credit_type, credit_no), items, amounts, posting_date)


@frappe.whitelist(methods=["POST"])
def receive_and_allocate(
	bank_transaction: str,
	items: str | list,
	amounts: str | dict | list | None = None,
	posting_date: str | None = None,
) -> dict[str, Any]:
	"""Create the Payment Entry of a bank line, reinstate written-off balances of its customer and allocate the payment to
	them, in one transaction. Arguments and result as `reinstate_and_allocate`.

	Raises:
	    frappe.ValidationError: as there, or the line has no customer or nothing is left of it.
	"""
	frappe.has_permission("Bank Transaction", "write", bank_transaction, throw=True)
	frappe.has_permission("Payment Entry", "submit", throw=True)

	def receive() -> tuple[str, str]:
		line = allocation.bank_line(bank_transaction)
		if not line:
			frappe.throw(
				_("{0} is not an open deposit of a customer.").format(bank_transaction),
				title=_("Reinstate and Allocate"),
			)
		return "Payment Entry", allocation.receive_bank_line(line)

	return pay_written_off(receive, items, amounts, posting_date)


def pay_written_off(
	receive: Callable[[], tuple[str, str]],
	chosen: str | list,
	amounts: str | dict | list | None,
	posting_date: str | None,
) -> dict[str, Any]:
	"""Reinstate the chosen items and allocate a credit to them. `receive` returns the type and name of its voucher, when
	the runs are locked."""
	frappe.has_permission("Payment Reconciliation", "write", throw=True)
	names = list(dict.fromkeys(json_argument("items", chosen, list) or ()))
	first, *others = runs_of(names)
	runs = {first: gate.enter(first, gate.REINSTATE)}
	for name in others:
		# A new transaction would release the locks of the runs before.
		runs[name] = gate.enter(name, gate.REINSTATE, restart=False)
	voucher = receive()
	rows = [row for name in runs for row in items_of_run(name, names)]
	items = {item.item: item for item in undo.written_off_items(rows, rows[0].company)}
	posting.lock_vouchers([*(item.key for item in items.values()), Key(*voucher, "", "")])
	credit = credit_for(voucher, list(items.values()))
	wanted = amounts_to_pay([items[name] for name in names], rows, credit, amounts)
	days = [run.posting_date for run in runs.values()]
	on = getdate(posting_date or first_date(credit.company, credit.posting_date, days))
	entries: dict[str, str] = {}
	for name, run in runs.items():
		part = {row.name: wanted[row.name] for row in rows if row.run == name and row.name in wanted}
		if part:
			reinstate.check_date(run, on)
			entries |= reinstate.reinstate(name, part, on, paid_by=voucher)
	allocation.allocate(credit, {items[name].key: amount for name, amount in wanted.items()})
	return {"entries": entries, "left": float(credit.amount - sum(wanted.values())), "credit": voucher[1]}


def runs_of(names: list[str]) -> list[str]:
	"""The runs of these items, in order of name.

	Raises:
	    frappe.ValidationError: there are none, or one of the items does not exist.
	"""
	run_of = dict(
		frappe.get_all(
			"Write-Off Run Item",
			filters={"name": ("in", names or [""]), "voucher_type": ("!=", TAX_CLAIM)},
			fields=["name", "run"],
			as_list=True,
			order_by=None,
		)
	)
	if not names or len(run_of) != len(names):
		frappe.throw(_("Select the balances to reinstate."), title=_("Reinstate and Allocate"))
	return sorted(set(run_of.values()))


def items_of_run(run: str, names: list[str]) -> list[Any]:
	"""Those of these items that belong to the run and that the current user may see, locked."""
	own = frappe.get_all(
		"Write-Off Run Item", filters={"run": run, "name": ("in", names)}, pluck="name", order_by="name asc"
	)
	for name in own:
		run_items.get_item(run, name)
	return reinstate.lock_items_of_run(run, own)


def credit_for(voucher: tuple[str, str], items: Iterable[WrittenOffItem]) -> Credit:
	"""The credit of this voucher that can pay these items. The vouchers must be locked.

	Raises:
	    frappe.ValidationError: there is none, or the items are not debts of one customer in one currency.
	"""
	wanted = {(item.key.customer, item.currency) for item in items}
	if len(wanted) != 1 or any(item.amount <= 0 for item in items):
		frappe.throw(
			_("Select written-off balances of one customer in one currency."),
			title=_("Reinstate and Allocate"),
		)
	[(customer, currency)] = wanted
	for credit in allocation.credits_of(*voucher, for_update=True):
		if (credit.key.customer, credit.currency) == (customer, currency):
			return credit
	frappe.throw(
		_("{0} {1} has no unallocated amount for {2} in {3}.").format(
			_(voucher[0]), voucher[1], customer, currency
		),
		title=_("Reinstate and Allocate"),
	)


def amounts_to_pay(
	items: list[WrittenOffItem], rows: Iterable[Any], credit: Credit, amounts: str | dict | list | None
) -> dict[str, Decimal]:
	"""The amount to reinstate and pay of each item.

	Raises:
	    frappe.ValidationError: an amount does not fit its item, or they add up to more than the credit.
	"""
	given = json_argument("amounts", amounts, list, dict)
	if isinstance(given, list):
		if len(given) != len(items):
			frappe.throw(_("Enter one amount for each balance, or none."), title=_("Reinstate and Allocate"))
		given = {item.item: amount for item, amount in zip(items, given, strict=True)}
	row_of = {row.name: row for row in rows}
	left = credit.amount
	found: dict[str, Decimal] = {}
	for item in items:
		entered = (given or {}).get(item.item)
		amount = (
			reinstate.amount_to_reinstate(item, row_of[item.item], entered)
			if given
			else min(left, reinstate.amount_to_reinstate(item, row_of[item.item], None))
		)
		if amount > left:
			frappe.throw(
				_("The amounts add up to more than the unallocated amount of {0}, {1}.").format(
					credit.key.voucher_no,
					frappe.format(credit.amount, {"fieldtype": "Currency", "options": credit.currency}),
				),
				title=_("Reinstate and Allocate"),
			)
		if amount:
			found[item.item] = amount
			left -= amount
	return found
