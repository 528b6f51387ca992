"""Roll-forward of the offset accounts: movements from Journal Entries of runs, and totals of the General Ledger.

The report is built from the Journal Entry rows and reconciled with the General Ledger.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import frappe
from frappe.query_builder.functions import Coalesce, Max, Sum
from frappe.utils import create_batch, getdate
from pypika import Criterion

from ar_writeoff.core.money import ZERO, money
from ar_writeoff.core.run_types import TAX_CLAIM
from ar_writeoff.ledger.money import company_currency, precision

WRITTEN_OFF = "written_off"
REVERSED = "reversed"
RECOVERED = "recovered"


@dataclass(frozen=True, slots=True)
class Movement:
	"""A row of a run's Journal Entry on an offset account, with the run, its reason and its method.

	`amount`: debit less credit in company currency. A loss is positive, its reversal or recovery negative.
	"""

	kind: str
	on: date
	run: str
	reason: str
	method: str
	account: str
	dimension: str
	amount: Decimal


def movements(company: str, until: date, dimension: str = "cost_center") -> list[Movement]:
	"""Return all movements of runs up to this date, by date. `dimension`: a field of Journal Entry Account."""
	entry, row = frappe.qb.DocType("Journal Entry"), frappe.qb.DocType("Journal Entry Account")
	run = frappe.qb.DocType("Write-Off Run")
	decimals = precision(company_currency(company))
	lines = (
		frappe.qb.from_(entry)
		.inner_join(row)
		.on((row.parent == entry.name) & (row.parenttype == "Journal Entry"))
		.left_join(run)
		.on(run.name == entry.write_off_run)
		.select(
			entry.name,
			entry.docstatus,
			entry.posting_date,
			entry.write_off_run,
			Coalesce(run.reason, "").as_("reason"),
			Coalesce(run.method, "").as_("method"),
			entry.reversal_of,
			row.account,
			Coalesce(row[dimension], "").as_("dimension"),
			(row.debit - row.credit).as_("amount"),
		)
		.where(
			(entry.company == company)
			& (entry.docstatus != 0)
			& (Coalesce(entry.write_off_run, "") != "")
			& (entry.posting_date <= until)
			& (Coalesce(row.party, "") == "")
		)
		.orderby(entry.posting_date)
		.orderby(entry.name)
		.orderby(row.idx)
		.run(as_dict=True)
	)
	taxes = _tax_accounts({line.write_off_run for line in lines})
	lines = [line for line in lines if (line.write_off_run, line.account) not in taxes]
	names = {line.name for line in lines}
	recoveries = _names_in("Write-Off Recovery", "journal_entry", names)
	reversals = _names_in("Write-Off Run Item", "reversal_entry", names)
	cancelled_on = _last_dates(line.name for line in lines if line.docstatus == 2)

	found = []
	for line in lines:
		amount = money(line.amount, decimals)
		kind = WRITTEN_OFF
		if line.name in recoveries:
			kind = RECOVERED
		elif line.name in reversals or line.reversal_of:
			kind = REVERSED
		on = getdate(line.posting_date)
		of_run = (line.write_off_run, line.reason, line.method, line.account, line.dimension)
		found.append(Movement(kind, on, *of_run, amount))
		back = cancelled_on.get(line.name, on)
		if line.docstatus == 2 and back <= until:
			# A cancelled write-off counts as reversed; a cancelled reversal or recovery is subtracted from its own kind.
			undone = REVERSED if kind == WRITTEN_OFF else kind
			found.append(Movement(undone, back, *of_run, -amount))
	return found


def opened_twice(movements: Iterable[Movement]) -> dict[str, Decimal]:
	"""Return the runs of which more was reversed and recovered than written off, with the excess.

	The ledger has the same entries, so the comparison with the General Ledger does not show it.
	"""
	written_off: dict[str, Decimal] = defaultdict(lambda: ZERO)
	left: dict[str, Decimal] = defaultdict(lambda: ZERO)
	for movement in movements:
		left[movement.run] += movement.amount
		if movement.kind == WRITTEN_OFF:
			written_off[movement.run] += movement.amount
	return {
		run: abs(amount)
		for run, amount in sorted(left.items())
		if amount and (written_off[run] == 0 or (amount < 0) != (written_off[run] < 0))
	}


def _tax_accounts(runs: set[str]) -> set[tuple[str, str]]:
	"""Return run and account of the tax that entries of these runs took: it is no loss."""
	found: set[tuple[str, str]] = set()
	for batch in create_batch(sorted(runs), 1000):
		found.update(
			frappe.get_all(
				TAX_CLAIM,
				filters={"run": ("in", batch), "booked_account": ("is", "set")},
				fields=["run", "booked_account"],
				as_list=True,
				distinct=True,
				order_by=None,
			)
		)
	return found


def _names_in(doctype: str, fieldname: str, names: set[str]) -> set[str]:
	found: set[str] = set()
	for batch in create_batch(sorted(names), 1000):
		found.update(
			frappe.get_all(
				doctype, filters={fieldname: ("in", batch)}, pluck=fieldname, distinct=True, order_by=None
			)
		)
	return found


def _last_dates(entries: Iterable[str]) -> dict[str, date]:
	"""Return the date of the cancellation in the ledger: with an immutable ledger the cancellation date, otherwise the
	posting date."""
	gle = frappe.qb.DocType("GL Entry")
	dates = {}
	for batch in create_batch(sorted(set(entries)), 1000):
		for name, last in (
			frappe.qb.from_(gle)
			.select(gle.voucher_no, Max(gle.posting_date))
			.where((gle.voucher_type == "Journal Entry") & gle.voucher_no.isin(batch))
			.groupby(gle.voucher_no)
			.run()
		):
			dates[name] = getdate(last)
	return dates


@dataclass(frozen=True, slots=True)
class LedgerTotals:
	"""Debit less credit of one account in the General Ledger, in company currency.

	`of_runs`: from Journal Entries of runs; `others`: from other vouchers.
	"""

	of_runs: Decimal
	others: Decimal


def ledger_totals(
	company: str, accounts: Iterable[str], until: date, run_fields: Collection[str] = ("write_off_run",)
) -> dict[str, LedgerTotals]:
	"""Return the totals of these accounts up to this date. `run_fields`: the fields of Journal Entry that may have the run."""
	gle, entry = frappe.qb.DocType("GL Entry"), frappe.qb.DocType("Journal Entry")
	decimals = precision(company_currency(company))
	names = sorted(set(accounts))
	sums: dict[str, dict[bool, Decimal]] = defaultdict(lambda: {True: ZERO, False: ZERO})
	if names:
		of_run = Criterion.any(Coalesce(entry[field], "") != "" for field in run_fields)
		for account, of_runs, amount in (
			frappe.qb.from_(gle)
			.left_join(entry)
			.on((entry.name == gle.voucher_no) & (gle.voucher_type == "Journal Entry"))
			.select(gle.account, of_run.as_("of_run"), Sum(gle.debit - gle.credit))
			.where(
				(gle.company == company)
				& (gle.is_cancelled == 0)
				& gle.account.isin(names)
				& (gle.posting_date <= until)
			)
			.groupby(gle.account, of_run)
			.run()
		):
			sums[account][bool(of_runs)] += money(amount, decimals)
	return {name: LedgerTotals(sums[name][True], sums[name][False]) for name in names}
