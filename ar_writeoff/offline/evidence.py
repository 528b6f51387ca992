"""Evidence page of a review: criteria, decision and files, to print or archive."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from html import escape
from pathlib import Path

from ar_writeoff import __version__
from ar_writeoff.offline import summary, words
from ar_writeoff.offline.decide import Decision
from ar_writeoff.offline.report import criteria, totals_of
from ar_writeoff.offline.words import Text, t
from ar_writeoff.search.rules import Verdict

# Rows per table: a browser is slow with more, and the spreadsheet has all of them.
MAX_ROWS = 5000

Cell = str | int | Decimal | date | Text | None

STYLE = """
body { font: 13px/1.45 system-ui, sans-serif; color: #1f272e; margin: 2rem auto; max-width: 72rem; padding: 0 1rem }
h1 { font-size: 1.5rem; margin: 0 0 .25rem } h2 { font-size: 1.05rem; margin: 1.75rem 0 .5rem }
table { border-collapse: collapse; width: 100% } caption { text-align: left; color: #525c66; padding: 0 0 .35rem }
th, td { text-align: left; padding: .25rem .6rem .25rem 0; border-bottom: 1px solid #e2e6e9; vertical-align: top }
th { font-weight: 600; border-bottom-color: #98a1a9 } .n { text-align: right; font-variant-numeric: tabular-nums }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .2rem 1.25rem; margin: 1rem 0 }
dt { color: #525c66 } dd { margin: 0 } code { font-size: .8rem; overflow-wrap: anywhere } .sign { height: 4rem }
@media print { body { margin: 0; max-width: none } thead { display: table-header-group } tr { break-inside: avoid } }
"""


@dataclass(frozen=True, slots=True)
class Confirmation:
	"""User and time of the confirmation, and the files read and written with their hashes."""

	by: str
	at: datetime
	sources: Sequence[tuple[str, str]]
	written: Sequence[tuple[str, str]]


def write(path: Path, decision: Decision, facts: Confirmation) -> None:
	"""Write the page as a single HTML file without scripts, images or external links."""
	with path.open("w", encoding="utf-8") as file:
		for piece in html_parts(decision, facts):
			file.write(piece)


def html_parts(decision: Decision, facts: Confirmation) -> Iterator[str]:
	policy, currency = decision.policy, decision.company_currency
	title = t("Write-off of {company}", company=policy.company)
	amount = t("Amount {currency}", currency=currency)
	yield f'<!doctype html><html lang="{words.current_language()}"><head><meta charset="utf-8">'
	yield f"<title>{escape(str(title))}</title><style>{STYLE}</style></head><body>"
	yield f"<h1>{escape(str(title))}</h1>"
	yield "<dl>"
	for label, value in (
		(t("Criteria"), criteria(policy.criteria, currency)),
		(t("Posting date"), words.day(policy.posting_date)),
		(t("Offset account"), policy.offset_account),
		(t("Checked"), t("Balances: {count}", count=decision.considered)),
		(t("Written off"), totals_of(decision.write_off, currency)),
		(t("Excluded"), totals_of(decision.left_out, currency)),
		(t("No match"), t("Balances: {count}", count=decision.not_matching)),
		(t("Journal Entries"), words.number(len(decision.entries))),
		(t("Confirmed by"), facts.by),
		(t("Confirmed at"), f"{words.day(facts.at.date())} {facts.at:%H:%M}"),
		(t("Created with"), f"AR Write-Off {__version__}"),
	):
		yield f"<dt>{escape(str(label))}</dt><dd>{escape(str(value))}</dd>"
	yield "</dl>"
	yield f"<p>{escape(str(write_off_notice()))}</p>"
	if decision.notes:
		yield f"<h2>{t('Please note')}</h2><ul>"
		yield from (f"<li>{escape(str(note))}</li>" for note in decision.notes)
		yield "</ul>"
	yield from table(
		t("Entries by account"),
		(
			t("Account"),
			t("Debit {currency}", currency=currency),
			t("Credit {currency}", currency=currency),
		),
		[
			(account, debit or None, credit or None)
			for account, debit, credit in summary.by_account(decision.entries)
		],
	)
	ages = [(summary.age_label(one.name), one.count, one.amount) for one in summary.by_age(decision)]
	yield from table(t("Written off, by age in days"), (t("Age"), t("Balances"), amount), ages)
	reasons = [(one.name, one.count, one.amount) for one in summary.by_reason(decision)]
	yield from table(t("Excluded, by reason"), (t("Reason"), t("Balances"), amount), reasons)
	titles = (
		t("Voucher"),
		t("Customer"),
		t("Posting date"),
		t("Due date"),
		t("Age"),
		t("Account"),
		t("Amount"),
		t("Currency"),
		amount,
	)
	yield from table(t("Written off"), titles, (balance(decision, one) for one in decision.write_off))
	yield from table(
		t("Excluded, with reasons"),
		(*titles, t("Reason")),
		(
			(*balance(decision, one), words.message(one.reason) if one.reason else "")
			for one in decision.left_out
		),
	)
	yield from table(t("Files"), (t("File"), "SHA-256"), [*facts.sources, *facts.written], code=1)
	yield f'<h2>{t("Approved")}</h2><p class="sign">{t("Name, date, signature")}</p></body></html>\n'


def write_off_notice() -> Text:
	"""The notice of what a write-off does not do."""
	return t(
		"A write-off closes only the balance. Income, tax, orders and subscriptions do not change. To"
		" reverse them, create a credit note."
	)


def balance(decision: Decision, verdict: Verdict) -> Sequence[Cell]:
	of = verdict.balance
	return (
		of.voucher_no,
		decision.customer_names[of.customer],
		of.posting_date,
		of.due_date,
		verdict.age_days,
		of.receivable_account,
		verdict.amount,
		of.currency,
		verdict.base_amount,
	)


def table(
	title: Text, heads: Sequence[Text | str], rows: Iterable[Sequence[Cell]], *, code: int | None = None
) -> Iterator[str]:
	yield f"<h2>{escape(str(title))}</h2>"
	yield "<table><thead><tr>"
	yield "".join(f"<th>{escape(str(head))}</th>" for head in heads)
	yield "</tr></thead><tbody>"
	left = 0
	for number, row in enumerate(rows):
		if number >= MAX_ROWS:
			left += 1
			continue
		yield "<tr>" + "".join(cell(value, index == code) for index, value in enumerate(row)) + "</tr>"
	yield "</tbody></table>"
	if left:
		more = t("More rows in the spreadsheet: {count}.", count=left)
		yield f"<p>{escape(str(more))}</p>"


def cell(value: Cell, code: bool) -> str:
	if isinstance(value, int | Decimal):
		return f'<td class="n">{words.number(value)}</td>'
	text = words.day(value) if isinstance(value, date) else "" if value is None else str(value)
	return f"<td><code>{escape(text)}</code></td>" if code else f"<td>{escape(text)}</td>"
