"""The command `ar-writeoff`."""

from __future__ import annotations

import argparse
import importlib.util
import os
import sys
from collections.abc import Callable, Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any, NoReturn

from ar_writeoff import __version__
from ar_writeoff.core.criteria import CREDIT, DEBIT, DEDUCT, IGNORE, LEAVE_OUT
from ar_writeoff.core.money import COMMA, POINT
from ar_writeoff.offline import data_import, decide, export, policy, report, words, workbook
from ar_writeoff.offline.decide import Decision
from ar_writeoff.offline.problems import InvalidFile
from ar_writeoff.offline.review import DEFAULT_MAXIMUM, Review
from ar_writeoff.offline.table import missing_package_message
from ar_writeoff.offline.values import Format
from ar_writeoff.offline.words import t
from ar_writeoff.posting.rules import BATCH, CUSTOMER, INVOICE

DESCRIPTION = """\
Shows the result of a write-off run for an Accounts Receivable report exported from ERPNext. Nothing is posted, no site
is needed, and the file is not changed.
"""
EXAMPLE_OF_PREVIEW = """\
In ERPNext: Accounts Receivable, then Menu > Export, CSV or Excel. Then:

  ar-writeoff preview "Accounts Receivable.csv" --maximum 25 --age 60
"""
EXAMPLE_OF_REVIEW = """\
In ERPNext: Accounts Receivable, then Menu > Export, CSV or Excel. Then:

  ar-writeoff review "Accounts Receivable.csv"

The page is available on this machine only: it listens on 127.0.0.1, and its address has a secret that changes with
each start.
"""


def main(arguments: Sequence[str] | None = None) -> int:
	"""Run the command; returns its exit code: 0 done, 1 nothing to write off, 2 error."""
	options = parser().parse_args(arguments)
	words.set_language(options.language)
	try:
		return int(options.run(options))
	except (InvalidFile, policy.InvalidPolicy) as error:
		print(error, file=sys.stderr)
		return 2
	except BrokenPipeError:
		# The reader of the pipe, such as `head`, has ended.
		sys.stderr.close()
		return 0


def parser() -> argparse.ArgumentParser:
	top = argparse.ArgumentParser(
		prog="ar-writeoff", description="Write-offs of receivables, without a site."
	)
	top.add_argument("--version", action="version", version=f"ar-writeoff {__version__}")
	commands = top.add_subparsers(required=True, metavar="COMMAND")

	def command(name: str, run: Callable[[argparse.Namespace], int], words: str, epilog: str) -> Any:
		made = commands.add_parser(
			name,
			allow_abbrev=False,
			help=words,
			description=DESCRIPTION,
			epilog=epilog,
			formatter_class=argparse.RawDescriptionHelpFormatter,
		)
		made.set_defaults(run=run, parser=made)
		return made

	preview = command(
		"preview", run_preview, "print the balances to write off on the terminal", EXAMPLE_OF_PREVIEW
	)
	preview.add_argument("file", type=Path, metavar="FILE", help="the export, .csv or .xlsx")
	_add_options(preview)
	out = preview.add_argument_group("output")
	add = out.add_argument
	add(
		"--rows", type=_count, default=10, metavar="N", help="rows of each list on the terminal (default: 10)"
	)
	add("--short", action="store_true", help="totals and reasons only")
	add("--xlsx", type=Path, metavar="FILE", help="write everything to this spreadsheet")
	add(
		"--data-import",
		type=Path,
		metavar="FILE",
		help="write Journal Entries for ERPNext's Data Import to this CSV",
	)

	review = command(
		"review", run_review, "review the balances in the browser and write the files", EXAMPLE_OF_REVIEW
	)
	review.add_argument(
		"file",
		type=Path,
		nargs="?",
		metavar="FILE",
		help="the export; without it, drop the export onto the page",
	)
	_add_options(review)
	page = review.add_argument_group("the page")
	add = page.add_argument
	add("--port", type=_port, default=0, metavar="N", help="port on this machine (default: any free one)")
	add(
		"--out",
		type=Path,
		default=Path(),
		metavar="FOLDER",
		help="folder in which Confirm creates its folder (default: current folder)",
	)
	add("--no-browser", action="store_true", help="do not open the browser")
	add(
		"--address-file",
		type=Path,
		metavar="FILE",
		help="write the address of the page to this file when the page is ready",
	)
	return top


def _add_options(command: argparse.ArgumentParser) -> None:
	"""Options of both commands."""
	add = command.add_argument
	add("--party-currency", type=Path, metavar="FILE", help="the same report exported with In Party Currency")
	add(
		"--policy",
		type=Path,
		metavar="FILE",
		help="criteria and accounts in a TOML file; options take precedence",
	)
	add(
		"--language",
		choices=list(words.LANGUAGES),
		default=_system_language(),
		help="language of the output (default: language of this machine)",
	)

	look = command.add_argument_group("criteria")
	add = look.add_argument
	add("--maximum", metavar="AMOUNT", help="maximum balance, in company currency (preview: required)")
	add("--minimum", metavar="AMOUNT", help="minimum balance, in company currency")
	add(
		"--threshold",
		action="append",
		default=[],
		metavar="CODE=AMOUNT",
		help="maximum balance on accounts in another currency, in this currency; with a minimum: EUR=5..25",
	)
	add("--customer-maximum", metavar="AMOUNT", help="maximum total of the balances of a customer")
	add(
		"--age",
		type=_count,
		metavar="DAYS",
		help="balances older than this number of days (default: any age)",
	)
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
		help="dated on or before this day (default: date of the export, or today)",
	)
	add(
		"--customer-credits",
		type=_choice("customer_credits"),
		metavar="HOW",
		help=f"invoices of customers with credits: {LEAVE_OUT} (default), {DEDUCT} from the total of the customer, {IGNORE}",
	)
	add("--balance-type", type=_choice("balance_type"), metavar="TYPE", help=f"{DEBIT} (default) or {CREDIT}")

	add("--share", metavar="PERCENT", help="maximum balance in percent of the invoiced amount")
	add(
		"--only-remainders",
		action="store_true",
		default=None,
		help="only what is left after a payment or credit note",
	)
	add(
		"--voucher-kind",
		type=_choice("voucher_kind"),
		metavar="KIND",
		help=", ".join(policy.CHOICES["voucher_kind"]),
	)
	for option, what in (
		("--only-cost-center", "cost center"),
		("--sales-person", "sales person"),
		("--payment-terms", "payment terms template"),
	):
		add(
			option,
			action="append",
			metavar="NAME",
			help=f"invoices with this {what}, if the report has the column",
		)

	book = command.add_argument_group("posting")
	add = book.add_argument
	add("--company", metavar="NAME", help="name of the company in ERPNext")
	add("--company-currency", metavar="CODE", help="company currency, if the export has several currencies")
	add(
		"--rate",
		action="append",
		default=[],
		metavar="CODE=RATE",
		help="company currency for one unit",
	)
	add("--account", metavar="NAME", help="offset account, such as Bad Debt Expense")
	add("--cost-center", metavar="NAME", help="cost center of vouchers without one")
	add("--posting-date", type=_date, metavar="DATE", help="date of the entries (default: today)")
	add(
		"--entries-per",
		type=_choice("entries_per"),
		metavar="WHAT",
		help=f"{BATCH} (default), {CUSTOMER} or {INVOICE}",
	)

	form = command.add_argument_group("formats of amounts and dates, if the file is ambiguous")
	add = form.add_argument
	add(
		"--date-format",
		metavar="FORM",
		help="of the file, for example %%d/%%m/%%Y (default: as in the file)",
	)
	sign = form.add_mutually_exclusive_group()
	sign.add_argument(
		"--decimal-comma", action="store_true", help="1.234,50, in the file and in these options"
	)
	sign.add_argument(
		"--decimal-point", action="store_true", help="1,234.50, in the file and in these options"
	)
	add("--encoding", default="utf-8-sig", metavar="NAME", help="of a CSV file (default: UTF-8)")


def _system_language() -> str:
	for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
		if value := os.environ.get(name):
			return words.GERMAN if value.startswith("de") else words.ENGLISH
	return words.ENGLISH


# option: key in a policy file
SETTINGS = {
	"maximum": "criteria.max_invoice_amount",
	"minimum": "criteria.min_invoice_amount",
	"share": "criteria.max_original_share",
	"only_remainders": "criteria.only_remainders",
	"voucher_kind": "criteria.voucher_kind",
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


AMOUNTS = ("maximum", "minimum", "customer_maximum", "share")
NAMES = {
	"only_cost_center": "only.cost_centers",
	"sales_person": "only.sales_persons",
	"payment_terms": "only.payment_terms_templates",
}


def run_preview(options: argparse.Namespace) -> int:
	settings = settings_of(options)
	policy.make(settings, today=date.today())  # report its errors before a long file is read
	form = form_of(options)
	headings = policy.section(settings, "columns")

	def read(path: Path) -> export.Export:
		return export.read(path, form, encoding=options.encoding, headings=headings)

	main_export = read(options.file)
	settings.setdefault("company", main_export.company)
	chosen_policy = policy.make(settings, today=date.today(), report_date=main_export.report_date)
	other = read(options.party_currency) if options.party_currency else None
	decision = decide.decide(chosen_policy, main_export, other)
	decision.notes = [*main_export.notes, *(other.notes if other else ()), *decision.notes]

	written = write_files(decision, options)
	shown = report.short(decision) if options.short else report.lines(decision, options.rows)
	for line in shown:
		print(line)
	if written:
		print()
	for path in written:
		print(t("Written: {path}", path=path))
	return 0 if decision.write_off else 1


def run_review(options: argparse.Namespace) -> int:
	if importlib.util.find_spec("nicegui") is None:
		raise policy.InvalidPolicy(t('Packages for the page are missing: pip install "ar_writeoff[review]".'))
	from ar_writeoff.offline.page import server

	settings = settings_of(options)
	settings.setdefault("criteria.max_invoice_amount", DEFAULT_MAXIMUM)
	policy.make(settings, today=date.today())
	review = Review(settings, form_of(options), options.encoding)
	if options.file:
		review.read(options.file)
		if options.party_currency:
			review.read_party_currency(options.party_currency)
		review.find(date.today())
	return server.run(
		review,
		out=options.out,
		port=options.port,
		browser=not options.no_browser,
		address_file=options.address_file,
	)


def form_of(options: argparse.Namespace) -> Format:
	comma = True if options.decimal_comma else False if options.decimal_point else None
	return Format(options.date_format, comma)


def settings_of(options: argparse.Namespace) -> policy.Settings:
	"""Settings from the policy file and the options; options take precedence."""
	settings = policy.read_file(options.policy) if options.policy else {}
	sign = COMMA if options.decimal_comma else POINT if options.decimal_point else ""

	command: argparse.ArgumentParser = options.parser

	def amount(option: str, text: str) -> Decimal:
		try:
			return policy.amount(text, sign) or Decimal(0)
		except policy.InvalidSetting as error:
			command.error(f"argument {option}: {error}")

	for option in AMOUNTS:
		if (text := getattr(options, option)) is not None:
			settings[SETTINGS[option]] = amount(f"--{option.replace('_', '-')}", text)
	for text in options.threshold:
		currency, _equals, amounts = text.partition("=")
		try:
			settings[f"thresholds.{currency.strip().upper()}"] = policy.amount_range(amounts, sign)
		except policy.InvalidSetting as error:
			command.error(f"argument --threshold: {error}")
	for option, name in NAMES.items():
		if names := getattr(options, option):
			settings[name] = frozenset(names)
	for text in options.rate:
		currency, equals, rate = text.partition("=")
		if not equals:
			command.error(f"argument --rate: {t('{text!r} is not a rate such as EUR=1.10.', text=text)}")
		settings[f"rates.{currency.strip().upper()}"] = amount("--rate", rate)
	for option, name in SETTINGS.items():
		if option not in AMOUNTS and (value := getattr(options, option)) is not None:
			settings[name] = value
	return settings


def write_files(decision: Decision, options: argparse.Namespace) -> list[Path]:
	"""Write the requested files.

	Raises:
	    InvalidPolicy: a required setting for Journal Entries is missing, or a file cannot be written.
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
			raise policy.InvalidPolicy(
				t("Journal Entries for an import need {what}.", what=" and ".join(missing))
			)
		writers.append((options.data_import, data_import.write))
	if options.xlsx:
		writers.append((options.xlsx, workbook.write))
	for path, write in writers:
		try:
			write(path, decision)
		except ImportError as error:
			raise policy.InvalidPolicy(missing_package_message()) from error
		except OSError as error:
			raise policy.InvalidPolicy(
				t("{path} cannot be written: {error}.", path=path, error=error.strerror)
			) from error
	return [path for path, _write in writers]


# Types of options. argparse prefixes the error message with the option.


def _fail(error: policy.InvalidSetting) -> NoReturn:
	raise argparse.ArgumentTypeError(str(error)) from error


def _date(value: str) -> date:
	try:
		return policy.day(value)
	except ValueError:
		raise argparse.ArgumentTypeError(
			str(t("{text!r} is not a date such as {example}.", text=value, example="2026-06-30"))
		) from None


def _count(value: str) -> int:
	if not value.isdecimal():
		raise argparse.ArgumentTypeError(str(t("{text!r} is not a number such as 30.", text=value)))
	return int(value)


def _port(value: str) -> int:
	if not value.isdecimal() or not 1 <= int(value) <= 65535:
		raise argparse.ArgumentTypeError(
			str(t("{text!r} is not a port. Enter a number from 1 to 65535.", text=value))
		)
	return int(value)


def _choice(key: str) -> Callable[[str], Any]:
	def check(value: str) -> str:
		try:
			return policy.choice(key, value)
		except policy.InvalidSetting as error:
			_fail(error)

	return check
