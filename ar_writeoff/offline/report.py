"""The preview on a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal

from ar_writeoff.core import texts
from ar_writeoff.core.criteria import Criteria
from ar_writeoff.offline import summary
from ar_writeoff.offline.decide import Decision
from ar_writeoff.offline.summary import Total
from ar_writeoff.posting.rules import EntryPlan
from ar_writeoff.search.rules import Verdict

Cell = str | int | Decimal


def lines(decision: Decision, rows: int) -> Iterator[str]:
	"""The preview, line by line; of long lists the first `rows`."""
	currency = decision.company_currency
	yield from heading("What a write-off run would do")
	yield f"Looked for   {criteria(decision.policy.criteria, currency)}"
	yield f"Looked at    {decision.considered:,} balances"
	for label, verdicts in (("Write off", decision.write_off), ("Leave out", decision.left_out)):
		total = sum((verdict.base_amount for verdict in verdicts), Decimal("0.00"))
		customers = len({verdict.balance.customer for verdict in verdicts})
		yield f"{label:<13}{len(verdicts):,} balances of {customers:,} customers, {total:,} {currency}"
	yield f"No match     {decision.not_matching:,} balances"

	if decision.left_out:
		yield from heading("Left out, and why")
		yield from total_table("Reason", summary.by_reason(decision), currency)
		yield ""
		yield from columns(
			("Voucher", "Customer", f"Amount {currency}", "Why"),
			[
				(
					verdict.balance.voucher_no,
					decision.customer_names[verdict.balance.customer],
					verdict.base_amount,
					texts.message(verdict.reason) if verdict.reason else "",
				)
				for verdict in decision.left_out[:rows]
			],
		)
		yield from more(decision.left_out, rows)

	if decision.write_off:
		yield from heading("Would be written off, by age in days")
		yield from total_table("Age", summary.by_age(decision), currency)
		currencies = summary.by_currency(decision)
		if [name for name, _amount in currencies] != [currency]:
			yield from heading("By currency of the account")
			yield from columns(("Currency", "Amount"), currencies)
		yield from heading("By customer")
		owing = summary.by_customer(decision)
		yield from total_table("Customer", [named(decision, total) for total in owing[:rows]], currency)
		yield from more(owing, rows)
		yield from heading("Balances")
		yield from balances(decision, decision.write_off[:rows], currency)
		yield from more(decision.write_off, rows)
		yield from heading(f"Journal entries: {len(decision.entries):,}, {decision.policy.posting_date}")
		yield from columns(
			("Account", f"Debit {currency}", f"Credit {currency}"),
			[
				(account, debit or "", credit or "")
				for account, debit, credit in summary.by_account(decision.entries)
			],
		)
		yield from entry(decision.entries[0], rows, currency)

	if decision.notes:
		yield from heading("Please note")
		yield from (f"* {note}" for note in decision.notes)


def criteria(asked: Criteria, currency: str) -> str:
	"""The criteria in one line."""
	parts = [
		f"{asked.balance_type} balances up to {asked.max_invoice_amount:,} {currency}",
		f"dated until {asked.cutoff_date}",
	]
	if asked.minimum_age_days:
		parts.append(f"more than {asked.minimum_age_days} days after their {asked.ageing_based_on.lower()}")
	if asked.max_customer_amount:
		parts.append(f"up to {asked.max_customer_amount:,} {currency} for each customer")
	return ", ".join(parts)


def named(decision: Decision, total: Total) -> Total:
	return Total(decision.customer_names[total.name], total.count, total.amount)


def total_table(title: str, totals: Iterable[Total], currency: str) -> Iterator[str]:
	return columns(
		(title, "Balances", f"Amount {currency}"),
		[(total.name, total.count, total.amount) for total in totals],
	)


def balances(decision: Decision, verdicts: Iterable[Verdict], currency: str) -> Iterator[str]:
	return columns(
		("Voucher", "Customer", "Date", "Due", "Age", "Amount", "", f"Amount {currency}"),
		[
			(
				verdict.balance.voucher_no,
				decision.customer_names[verdict.balance.customer],
				str(verdict.balance.posting_date),
				str(verdict.balance.due_date or ""),
				verdict.age_days,
				verdict.amount,
				verdict.balance.currency,
				verdict.base_amount,
			)
			for verdict in verdicts
		],
	)


def entry(plan: EntryPlan, rows: int, currency: str) -> Iterator[str]:
	"""The first entry, so that one sees what an entry looks like: its first rows, and its offset rows."""
	receivable = [row for row in plan.rows if row.item]
	offset = [row for row in plan.rows if not row.item]
	yield ""
	yield f"The first of them: {len(plan.rows)} rows, debit = credit = {plan.total:,} {currency}"
	yield from columns(
		("Account", "Customer", "Voucher", f"Debit {currency}", f"Credit {currency}"),
		[
			(
				row.account,
				row.customer,
				row.reference_name,
				summary.debit(row) or "",
				summary.credit(row) or "",
			)
			for row in (*receivable[:rows], *offset)
		],
	)
	yield from more(receivable, rows)


def heading(text: str) -> Iterator[str]:
	yield ""
	yield text
	yield "-" * len(text)


def more(things: Sequence[object], rows: int) -> Iterator[str]:
	if len(things) > rows:
		yield f"... and {len(things) - rows:,} more"


def columns(titles: Sequence[str], rows: Sequence[Sequence[Cell]]) -> Iterator[str]:
	"""A table in columns: words to the left, numbers to the right."""
	texts_of = [[f"{cell:,}" if isinstance(cell, int | Decimal) else cell for cell in row] for row in rows]
	numeric = [any(isinstance(row[index], int | Decimal) for row in rows) for index in range(len(titles))]
	widths = [max(len(row[index]) for row in [list(titles), *texts_of]) for index in range(len(titles))]
	for row in [list(titles), *texts_of]:
		yield "  ".join(
			cell.rjust(width) if right else cell.ljust(width)
			for cell, width, right in zip(row, widths, numeric, strict=True)
		).rstrip()
