"""Preview on the terminal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal

from ar_writeoff.core.criteria import (
	CREDIT_NOTE,
	DEBIT,
	DUE_DATE,
	DUNNING,
	FEES,
	JOURNAL_ENTRY,
	PAYMENT_ENTRY,
	SALES_INVOICE,
	Criteria,
)
from ar_writeoff.offline import summary, words
from ar_writeoff.offline.decide import Decision
from ar_writeoff.offline.summary import Total
from ar_writeoff.offline.words import Text, t
from ar_writeoff.posting.rules import EntryPlan
from ar_writeoff.search.rules import Verdict

KINDS = {
	SALES_INVOICE: t("Sales Invoice"),
	CREDIT_NOTE: t("Credit Note"),
	PAYMENT_ENTRY: t("Payment Entry"),
	JOURNAL_ENTRY: t("Journal Entry"),
	DUNNING: t("Dunning"),
	FEES: t("Fees"),
}

Cell = str | int | Decimal


def lines(decision: Decision, rows: int) -> Iterator[str]:
	"""The preview line by line; long lists are cut to `rows` rows."""
	currency = decision.company_currency
	in_currency = t("Amount {currency}", currency=currency)
	yield from head(decision)
	if decision.left_out:
		yield from reasons(decision)
		yield ""
		yield from columns(
			(t("Voucher"), t("Customer"), in_currency, t("Reason")),
			[
				(
					verdict.balance.voucher_no,
					decision.customer_names[verdict.balance.customer],
					verdict.base_amount,
					words.message(verdict.reason) if verdict.reason else "",
				)
				for verdict in decision.left_out[:rows]
			],
		)
		yield from more(decision.left_out, rows)

	if decision.write_off:
		yield from heading(t("Would be written off, by age in days"))
		ages = [
			Total(summary.age_label(total.name), total.count, total.amount)
			for total in summary.by_age(decision)
		]
		yield from total_table(t("Age"), ages, currency)
		currencies = summary.by_currency(decision)
		if [name for name, _amount in currencies] != [currency]:
			yield from heading(t("By currency of the account"))
			yield from columns((t("Currency"), t("Amount")), currencies)
		yield from heading(t("By customer"))
		owing = summary.by_customer(decision)
		yield from total_table(t("Customer"), [named(decision, total) for total in owing[:rows]], currency)
		yield from more(owing, rows)
		yield from heading(t("Balances"))
		yield from balances(decision, decision.write_off[:rows], currency)
		yield from more(decision.write_off, rows)
		yield from heading(
			t(
				"Journal entries: {count}, {day}",
				count=len(decision.entries),
				day=decision.policy.posting_date,
			)
		)
		yield from columns(
			(
				t("Account"),
				t("Debit {currency}", currency=currency),
				t("Credit {currency}", currency=currency),
			),
			[
				(account, debit or "", credit or "")
				for account, debit, credit in summary.by_account(decision.entries)
			],
		)
		yield from entry(decision.entries[0], rows, currency)

	if decision.notes:
		yield from heading(t("Please note"))
		yield from (f"* {note}" for note in decision.notes)


def short(decision: Decision) -> Iterator[str]:
	"""Totals, and excluded balances by reason."""
	yield from head(decision)
	if decision.left_out:
		yield from reasons(decision)


def head(decision: Decision) -> Iterator[str]:
	currency = decision.company_currency
	yield from heading(t("Preview of a write-off run"))
	looked = [
		(t("Criteria"), criteria(decision.policy.criteria, currency)),
		(t("Checked"), str(t("Balances: {count}", count=decision.considered))),
		(t("Write off"), totals_of(decision.write_off, currency)),
		(t("Excluded"), totals_of(decision.left_out, currency)),
		(t("No match"), str(t("Balances: {count}", count=decision.not_matching))),
	]
	width = max(13, *(len(str(label)) + 2 for label, _text in looked))
	yield from (f"{label!s:<{width}}{text}" for label, text in looked)


def reasons(decision: Decision) -> Iterator[str]:
	yield from heading(t("Excluded, with reasons"))
	yield from total_table(t("Reason"), summary.by_reason(decision), decision.company_currency)


def totals_of(verdicts: Sequence[Verdict], currency: str) -> str:
	"""Number of balances and customers, and total."""
	total = sum((verdict.base_amount for verdict in verdicts), Decimal("0.00"))
	customers = len({verdict.balance.customer for verdict in verdicts})
	return str(
		t(
			"Balances: {count}, customers: {customers}, total: {total} {currency}",
			count=len(verdicts),
			customers=customers,
			total=total,
			currency=currency,
		)
	)


def criteria(chosen: Criteria, currency: str) -> str:
	"""The criteria in one line."""
	debit = chosen.balance_type == DEBIT
	maximum = {"amount": chosen.max_invoice_amount, "currency": currency}
	parts = [
		t("Debit balances up to {amount} {currency}", **maximum)
		if debit
		else t("Credit balances up to {amount} {currency}", **maximum),
		t("dated until {day}", day=chosen.cutoff_date),
	]
	if chosen.min_invoice_amount:
		parts.append(t("from {amount} {currency}", amount=chosen.min_invoice_amount, currency=currency))
	parts += [
		t(
			"from {minimum} to {maximum} {currency} on accounts in {currency}",
			minimum=one.min_amount,
			maximum=one.max_amount,
			currency=one.currency,
		)
		for one in chosen.thresholds
	]
	if chosen.max_original_share:
		parts.append(t("up to {share} % of the invoiced amount", share=chosen.max_original_share))
	if chosen.only_remainders:
		parts.append(t("only what is left after a payment or credit note"))
	if chosen.voucher_kind:
		parts.append(t("only {kind}", kind=KINDS[chosen.voucher_kind]))
	if chosen.minimum_age_days:
		parts.append(
			t("days after the due date: over {days}", days=chosen.minimum_age_days)
			if chosen.ageing_based_on == DUE_DATE
			else t("days after the posting date: over {days}", days=chosen.minimum_age_days)
		)
	if chosen.max_customer_amount:
		parts.append(
			t(
				"up to {amount} {currency} for each customer",
				amount=chosen.max_customer_amount,
				currency=currency,
			)
		)
	return ", ".join(str(part) for part in parts)


def named(decision: Decision, total: Total) -> Total:
	return Total(decision.customer_names[total.name], total.count, total.amount)


def total_table(title: Text, totals: Iterable[Total], currency: str) -> Iterator[str]:
	return columns(
		(title, t("Balances"), t("Amount {currency}", currency=currency)),
		[(total.name, total.count, total.amount) for total in totals],
	)


def balances(decision: Decision, verdicts: Iterable[Verdict], currency: str) -> Iterator[str]:
	return columns(
		(
			t("Voucher"),
			t("Customer"),
			t("Date"),
			t("Due"),
			t("Age"),
			t("Amount"),
			"",
			t("Amount {currency}", currency=currency),
		),
		[
			(
				verdict.balance.voucher_no,
				decision.customer_names[verdict.balance.customer],
				words.day(verdict.balance.posting_date),
				words.day(verdict.balance.due_date) if verdict.balance.due_date else "",
				verdict.age_days,
				verdict.amount,
				verdict.balance.currency,
				verdict.base_amount,
			)
			for verdict in verdicts
		],
	)


def entry(plan: EntryPlan, rows: int, currency: str) -> Iterator[str]:
	"""The first entry as an example: its first rows, and its offset rows."""
	receivable = [row for row in plan.rows if row.item]
	offset = [row for row in plan.rows if not row.item]
	yield ""
	yield str(
		t(
			"The first of them: {rows} rows, debit = credit = {total} {currency}",
			rows=len(plan.rows),
			total=plan.total,
			currency=currency,
		)
	)
	yield from columns(
		(
			t("Account"),
			t("Customer"),
			t("Voucher"),
			t("Debit {currency}", currency=currency),
			t("Credit {currency}", currency=currency),
		),
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


def heading(text: Text) -> Iterator[str]:
	yield ""
	yield str(text)
	yield "-" * len(str(text))


def more(things: Sequence[object], rows: int) -> Iterator[str]:
	if len(things) > rows:
		yield str(t("... and {count} more", count=len(things) - rows))


def columns(titles: Sequence[Text | str], rows: Sequence[Sequence[Cell]]) -> Iterator[str]:
	"""Format a table: text left-aligned, numbers right-aligned."""
	heads = [str(title) for title in titles]
	texts_of = [
		[words.number(cell) if isinstance(cell, int | Decimal) else cell for cell in row] for row in rows
	]
	numeric = [any(isinstance(row[index], int | Decimal) for row in rows) for index in range(len(titles))]
	widths = [max(len(row[index]) for row in [heads, *texts_of]) for index in range(len(titles))]
	for row in [heads, *texts_of]:
		yield "  ".join(
			cell.rjust(width) if right else cell.ljust(width)
			for cell, width, right in zip(row, widths, numeric, strict=True)
		).rstrip()
