"""The command `ar-writeoff`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, NoReturn

from ar_writeoff import __version__
from ar_writeoff.core.criteria import CREDIT, DEBIT, DEDUCT, IGNORE, LEAVE_OUT
from ar_writeoff.offline import data_import, decide, export, policy, report, workbook
from ar_writeoff.offline.decide import Decision
from ar_writeoff.offline.problems import BadFile
from ar_writeoff.offline.table import NO_OPENPYXL
from ar_writeoff.offline.values import Format
from ar_writeoff.posting.rules import BATCH, CUSTOMER, INVOICE

DESCRIPTION = """\
Shows what a write-off run would do, from an Accounts Receivable report exported from ERPNext. Nothing is posted, no
site is needed, and the file stays where it is.
"""
EXAMPLE = """\
In ERPNext: Accounts Receivable, then Menu > Export, CSV or Excel. Then:

  ar-writeoff preview "Accounts Receivable.csv" --maximum 25 --age 60
"""


def main(arguments: Sequence[str] | None = None) -> int:
	"""Run the command; returns its exit code: 0 done, 1 nothing would be written off, 2 something is wrong."""
	options = parser().parse_args(arguments)
	try:
		return int(options.run(options))
	except (BadFile, policy.BadPolicy) as error:
		print(error, file=sys.stderr)
		return 2
	except BrokenPipeError:
		# The reader, such as `head`, has seen enough.
		sys.stderr.close()
		return 0


def parser() -> argparse.ArgumentParser:
	top = argparse.ArgumentParser(
		prog="ar-writeoff", description="Write-offs of receivables, without a site."
	)
	top.add_argument("--version", action="version", version=f"ar-writeoff {__version__}")
	commands = top.add_subparsers(required=True, metavar="COMMAND")
	preview = commands.add_parser(
		"preview",
		allow_abbrev=False,
		help="what would be written off, from an exported Accounts Receivable report",
		description=DESCRIPTION,
		epilog=EXAMPLE,
		formatter_class=argparse.RawDescriptionHelpFormatter,
	)
	preview.set_defaults(run=run_preview)
	add = preview.add_argument
	add("file", type=Path, metavar="FILE", help="the export, .csv or .xlsx")
	add("--party-currency", type=Path, metavar="FILE", help="the same report exported with In Party Currency")
	add(
		"--policy",
		type=Path,
		metavar="FILE",
		help="criteria and accounts in a TOML file; options win over it",
	)

	look = preview.add_argument_group("what to look for")
	add = look.add_argument
	add("--maximum", type=_amount, metavar="AMOUNT", help="largest balance, in company currency (required)")
	add("--customer-maximum", type=_amount, metavar="AMOUNT", help="largest sum of one customer's balances")
	add("--age", type=_count, metavar="DAYS", help="older than so many days (default: any age)")
	add(
		"--ageing-based-on",
		type=_choice("ageing_based_on"),
		metavar="DATE",
		help="Due Date (default) or Posting Date",
	)
	add(
		"--cutoff",
		type=_date,
		metavar="DATE",
		help="dated on or before this day (default: the export's, or today)",
	)
	add(
		"--customer-credits",
		type=_choice("customer_credits"),
		metavar="HOW",
		help=f"invoices of customers with credits: {LEAVE_OUT} (default), {DEDUCT} from the customer's sum, {IGNORE}",
	)
	add("--balance-type", type=_choice("balance_type"), metavar="TYPE", help=f"{DEBIT} (default) or {CREDIT}")

	book = preview.add_argument_group("how to write it off")
	add = book.add_argument
	add("--company", metavar="NAME", help="the company, as ERPNext has it")
	add("--company-currency", metavar="CODE", help="its currency, where the export has several")
	add(
		"--rate",
		type=_rate,
		action="append",
		default=[],
		metavar="CODE=RATE",
		help="company currency for one unit",
	)
	add("--account", metavar="NAME", help="account to write off to, such as Bad Debt Expense")
	add("--cost-center", metavar="NAME", help="cost center for vouchers that name none")
	add("--posting-date", type=_date, metavar="DATE", help="date of the entries (default: today)")
	add(
		"--entries-per",
		type=_choice("entries_per"),
		metavar="WHAT",
		help=f"{BATCH} (default), {CUSTOMER} or {INVOICE}",
	)

	form = preview.add_argument_group("how the file is written")
	add = form.add_argument
	add("--date-format", metavar="FORM", help="for example %%d/%%m/%%Y (default: 2026-01-31)")
	add("--decimal-comma", action="store_true", help="1.234,50 instead of 1234.50")
	add("--encoding", default="utf-8-sig", metavar="NAME", help="of a CSV file (default: UTF-8)")

	out = preview.add_argument_group("what comes out")
	add = out.add_argument
	add(
		"--rows", type=_count, default=10, metavar="N", help="rows of each list on the terminal (default: 10)"
	)
	add("--xlsx", type=Path, metavar="FILE", help="write everything to this spreadsheet")
	add(
		"--data-import",
		type=Path,
		metavar="FILE",
		help="write Journal Entries for ERPNext's Data Import to this CSV",
	)
	return top


# option -> where a policy file has the same
SETTINGS = {
	"maximum": "criteria.max_invoice_amount",
	"customer_maximum": "criteria.max_customer_amount",
	"age": "criteria.minimum_age_days",
	"ageing_based_on": "criteria.ageing_based_on",
	"cutoff": "criteria.cutoff_date",
	"balance_type": "criteria.balance_type",
	"customer_credits": "criteria.customer_credits",
	"company": "company",
	"company_currency": "company_currency",
	"account": "accounts.offset",
	"cost_center": "accounts.cost_center",
	"posting_date": "criteria.posting_date",
	"entries_per": "entries.entries_per",
}


def run_preview(options: argparse.Namespace) -> int:
	settings = policy.read_file(options.policy) if options.policy else {}
	settings |= {f"rates.{currency}": rate for currency, rate in options.rate}
	for option, name in SETTINGS.items():
		if (value := getattr(options, option)) is not None:
			settings[name] = value
	policy.make(settings, today=date.today())  # what is wrong with it is said before a long file is read

	form = Format(options.date_format, options.decimal_comma)
	headings = policy.section(settings, "columns")

	def read(path: Path) -> export.Export:
		return export.read(path, form, encoding=options.encoding, headings=headings)

	main_export = read(options.file)
	settings.setdefault("company", main_export.filters.get("Company", ""))
	asked = policy.make(settings, today=date.today(), report_date=_report_date(main_export))
	other = read(options.party_currency) if options.party_currency else None
	decision = decide.decide(asked, main_export, other)
	decision.notes = [*main_export.notes, *(other.notes if other else ()), *decision.notes]

	written = write_files(decision, options)
	for line in report.lines(decision, options.rows):
		print(line)
	if written:
		print()
	for path in written:
		print(f"Written: {path}")
	return 0 if decision.write_off else 1


def _report_date(read: export.Export) -> date | None:
	"""The day of the report, where it was exported with its filters."""
	try:
		return date.fromisoformat(read.filters.get("Posting Date", ""))
	except ValueError:
		return None


def write_files(decision: Decision, options: argparse.Namespace) -> list[Path]:
	"""Write what was asked for.

	Raises:
	    BadPolicy: a Journal Entry needs something that nobody named, or a file cannot be written.
	"""
	writers: list[tuple[Path, Callable[[Path, Decision], None]]] = []
	if options.data_import:
		missing = [
			name
			for name, value in (
				("--company", decision.policy.company),
				("--account", decision.policy.offset_account),
			)
			if not value
		]
		if missing:
			raise policy.BadPolicy(f"Journal Entries for an import need {' and '.join(missing)}.")
		writers.append((options.data_import, data_import.write))
	if options.xlsx:
		writers.append((options.xlsx, workbook.write))
	for path, write in writers:
		try:
			write(path, decision)
		except ImportError as error:
			raise policy.BadPolicy(NO_OPENPYXL) from error
		except OSError as error:
			raise policy.BadPolicy(f"{path} cannot be written: {error.strerror}.") from error
	return [path for path, _write in writers]


# What an option may be. argparse names the option and says the text of the error.


def _fail(error: ValueError) -> NoReturn:
	raise argparse.ArgumentTypeError(str(error)) from error


def _amount(value: str) -> Decimal:
	try:
		return policy.amount(value) or Decimal(0)
	except ValueError as error:
		_fail(error)


def _date(value: str) -> date:
	try:
		return datetime.strptime(value, "%Y-%m-%d").date()
	except ValueError:
		raise argparse.ArgumentTypeError(f"{value!r} is not a date such as 2026-06-30.") from None


def _count(value: str) -> int:
	try:
		number = int(value)
	except ValueError:
		number = -1
	if number < 0:
		raise argparse.ArgumentTypeError(f"{value!r} is not a number such as 30.")
	return number


def _rate(value: str) -> tuple[str, Decimal]:
	currency, equals, rate = value.partition("=")
	if not equals:
		raise argparse.ArgumentTypeError(f"{value!r} is not a rate such as EUR=1.10.")
	return currency.strip().upper(), _amount(rate)


def _choice(key: str) -> Callable[[str], Any]:
	def check(value: str) -> str:
		try:
			return policy.choice(key, value)
		except ValueError as error:
			_fail(error)

	return check
