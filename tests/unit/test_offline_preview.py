"""The command line of the preview: output, files and errors."""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import openpyxl
import pytest

from ar_writeoff.offline import cli, progress
from tests.unit.exports import ROWS, line, table, total, write_csv

Run = Callable[..., tuple[int, str, str]]

ON = ("--cutoff", "2026-06-30", "--posting-date", "2026-06-30")


@pytest.fixture
def file(tmp_path: Path) -> Path:
	return write_csv(tmp_path / "ar.csv", table([*ROWS, total(71.71)]))


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
	for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
		monkeypatch.delenv(name, raising=False)

	def preview(*arguments: object) -> tuple[int, str, str]:
		try:
			code = cli.main(["preview", *(str(argument) for argument in arguments)])
		except SystemExit as exit:
			code = int(exit.code or 0)
		out, err = capsys.readouterr()
		return code, out, err

	return preview


def test_what_is_written_off(file: Path, run: Run) -> None:
	code, out, _err = run(file, "--maximum", 25, *ON)
	assert code == 0
	assert "Criteria     Debit balances up to 25 USD, dated until 2026-06-30" in out
	assert "Write off    Balances: 4, customers: 3, total: 49.70 USD" in out
	assert "No match     Balances: 2" in out
	assert "SINV-0001" in out and "SINV-0002" not in out
	assert "Excluded     Balances: 1, customers: 1, total: 4 USD" in out.replace("4.00", "4"), (
		"money paid out"
	)


def test_age_is_over_and_not_from(file: Path, run: Run) -> None:
	# due 2026-02-14, 136 days before the cutoff
	assert "Write off    Balances: 3" in run(file, "--maximum", 25, "--age", 135, *ON)[1]
	assert run(file, "--maximum", 25, "--age", 136, *ON)[0] == 1


def test_credit_balances(file: Path, run: Run) -> None:
	_code, out, _err = run(file, "--maximum", 25, "--balance-type", "credit", *ON)
	assert "Write off    Balances: 1, customers: 1, total: -7.00 USD" in out


def test_left_out_and_why(file: Path, run: Run, tmp_path: Path) -> None:
	policy = tmp_path / "policy.toml"
	policy.write_text('[leave_out]\nopted_out = ["Anchor Cafe"]\n[criteria]\nmax_customer_amount = 20\n')
	_code, out, _err = run(file, "--maximum", 25, "--policy", policy, *ON)
	assert "Write off    Balances: 1, customers: 1, total: 3.20 USD" in out
	assert "Excluded     Balances: 4, customers: 3, total: 50.50 USD" in out
	assert "The customer is excluded from write-offs." in out
	assert "The customer's balances add up to 21.50, over the maximum of 20 per customer." in out


def test_credits_are_set_off_first(run: Run, tmp_path: Path) -> None:
	"""The oldest first, on the same account; a credit that is left excludes as with Leave Out."""
	credit = {"Voucher_Type": "Payment Entry"}
	rows = [
		line(1, "Anchor Cafe", 40, "2026-01-10"),
		line(2, "Anchor Cafe", 60),
		line(3, "Anchor Cafe", -95, "2026-03-01", **credit),
		line(4, "Breakwater Bar", 9),
		line(5, "Breakwater Bar", -20, "2026-03-01", **credit),
		line(6, "Breakwater Bar", 7, Receivable_Account="Other Debtors - HL"),
		line(7, "Elm School", 8),
	]
	file = write_csv(tmp_path / "ar.csv", table(rows))
	policy = tmp_path / "policy.toml"
	policy.write_text('[criteria]\ncustomer_credits = "Net First"\n')
	_code, out, _err = run(file, "--maximum", 25, "--policy", policy, *ON)
	assert "Write off    Balances: 2, customers: 2, total: 13.00 USD" in out
	assert "Excluded     Balances: 1, customers: 1, total: 7.00 USD" in out
	assert "Credits set off against older balances first: 104.00 USD." in out
	assert "11.00 USD" in out, "what is left of the credit of Breakwater Bar"


def test_invoices_and_customers_on_hold(file: Path, run: Run, tmp_path: Path) -> None:
	policy = tmp_path / "policy.toml"
	policy.write_text('[leave_out]\non_hold = ["SINV-0001", "Breakwater Bar"]\n')
	before = run(file, "--maximum", 25, *ON)[1]
	_code, out, _err = run(file, "--maximum", 25, "--policy", policy, *ON)
	for name in ("SINV-0001", "Breakwater Bar"):
		assert f"{name} is on hold according to the policy." in out
		assert f"{name} is on hold" not in before


def test_options_win_over_the_policy(file: Path, run: Run, tmp_path: Path) -> None:
	policy = tmp_path / "policy.toml"
	policy.write_text(
		"[criteria]\nmax_invoice_amount = 5\ncutoff_date = 2026-06-30\nposting_date = 2026-06-30\n"
	)
	assert "Write off    Balances: 1" in run(file, "--policy", policy)[1]
	assert "Write off    Balances: 4" in run(file, "--policy", policy, "--maximum", 25)[1]


@pytest.mark.parametrize(
	("text", "words"),
	[
		("[criteria]\nmaximum = 5\n", "criteria.maximum: unknown setting."),
		("[criterion]\n", "The policy has an unknown section [criterion]."),
		(
			'[criteria]\nmax_invoice_amount = "5"\n',
			"criteria.max_invoice_amount: enter a value like 25.00.",
		),
		('[criteria]\nbalance_type = "Both"\n', "criteria.balance_type: 'Both' is not one of Debit, Credit."),
		("[criteria\n", "The file is not valid TOML"),
	],
)
def test_a_policy_with_a_mistake(file: Path, run: Run, tmp_path: Path, text: str, words: str) -> None:
	policy = tmp_path / "policy.toml"
	policy.write_text(text)
	code, _out, err = run(file, "--policy", policy, "--maximum", 25)
	assert code == 2 and f"policy.toml: {words}" in err


@pytest.mark.parametrize(
	("options", "words"),
	[
		((), "Enter the maximum balance to write off."),
		(("--max", "25"), "unrecognized arguments: --max 25"),
		(("--maximum", "0"), "The maximum must be above 0"),
		(("--maximum", "abc"), "abc is not a number."),
		(("--maximum", "inf"), "inf is not an amount."),
		(("--maximum", "25", "--age", "-1"), "'-1' is not a number such as 30."),
		(
			("--maximum", "25", "--cutoff", "2026-07-01", "--posting-date", "2026-06-30"),
			"must not be before the cutoff",
		),
		(("--maximum", "25", "--cutoff", "yesterday"), "'yesterday' is not a date"),
		(("--maximum", "25", "--data-import", "x.csv"), "need --company and --account"),
	],
)
def test_options_that_a_run_would_refuse_too(
	file: Path, run: Run, options: tuple[str, ...], words: str
) -> None:
	code, _out, err = run(file, *options)
	assert code == 2 and words in err


def test_entries_for_data_import(file: Path, run: Run, tmp_path: Path) -> None:
	target = tmp_path / "entries.csv"
	code, _out, _err = run(
		file, "--maximum", 25, *ON, "--company", "Harbour Lights Ltd", "--account", "Bad Debt - HL",
		"--cost-center", "Main - HL", "--entries-per", "customer", "--data-import", target,
	)  # fmt: skip
	assert code == 0
	with target.open(newline="") as opened:
		rows = list(csv.DictReader(opened))
	heads = [row for row in rows if row["voucher_type"]]
	assert [row["accounts.party"] for row in heads] == ["Anchor Cafe", "Breakwater Bar", "Compass Stores"]
	assert {row["posting_date"] for row in heads} == {"2026-06-30"}
	debit = sum(Decimal(row["accounts.debit_in_account_currency"] or 0) for row in rows)
	credit = sum(Decimal(row["accounts.credit_in_account_currency"] or 0) for row in rows)
	assert debit == credit == Decimal("49.70")
	assert [
		(row["accounts.reference_name"], row["accounts.credit_in_account_currency"])
		for row in rows
		if row["accounts.party"] == "Compass Stores"
	] == [("SINV-0004", "12.00"), ("SINV-0005", "9.50")]


def test_spreadsheet(run: Run, tmp_path: Path) -> None:
	nasty = '=HYPERLINK("http://example.com")'
	file = write_csv(tmp_path / "ar.csv", table([line(1, nasty, 25.0), line(2, "Elm School", 30.0)]))
	target = tmp_path / "out.xlsx"
	assert run(file, "--maximum", 25, *ON, "--xlsx", target)[0] == 0
	book = openpyxl.load_workbook(target)
	assert book.sheetnames == ["Summary", "Write Off", "Excluded", "Journal Entries"]
	rows = list(book["Write Off"].iter_rows(values_only=True))
	assert len(rows) == 2 and rows[1][1] == "SINV-0001" and rows[1][9] == 25
	cell = book["Write Off"]["C2"]
	assert (cell.value, cell.data_type) == (nasty, "s")


def test_both_currencies(run: Run, tmp_path: Path) -> None:
	"""Limits use company currency, the entry account currency at the carrying rate."""
	base = write_csv(
		tmp_path / "usd.csv",
		table(
			[line(1, "Helios SARL", 12.0, Receivable_Account="Debtors EUR - HL"), line(2, "Anchor Cafe", 5.0)]
		),
	)
	party = write_csv(
		tmp_path / "party.csv",
		table(
			[
				line(1, "Helios SARL", 10.0, Receivable_Account="Debtors EUR - HL", Currency="EUR"),
				line(2, "Anchor Cafe", 5.0),
			]
		),
	)
	target = tmp_path / "entries.csv"
	given = (*ON, "--company", "Harbour Lights Ltd", "--account", "Bad Debt - HL", "--data-import", target)
	assert "Write off    Balances: 1" in run(base, "--party-currency", party, "--maximum", 11, *given)[1]
	assert "Write off    Balances: 2" in run(base, "--party-currency", party, "--maximum", 12, *given)[1]
	with target.open(newline="") as opened:
		helios = next(row for row in csv.DictReader(opened) if row["accounts.party"] == "Helios SARL")
	assert helios["accounts.credit_in_account_currency"] == "10.00"
	assert Decimal(helios["accounts.exchange_rate"]) == Decimal("1.2")


def test_several_currencies_in_one_file_need_rates(run: Run, tmp_path: Path) -> None:
	file = write_csv(
		tmp_path / "p.csv", table([line(1, "Helios SARL", 10.0, Currency="EUR"), line(2, "Anchor Cafe", 5.0)])
	)
	code, _out, err = run(file, "--maximum", 25, *ON)
	assert code == 2 and "amounts in EUR, USD" in err
	code, _out, err = run(file, "--maximum", 25, *ON, "--company-currency", "USD")
	assert code == 2 and "The rate for EUR is missing." in err
	code, out, _err = run(file, "--maximum", 25, *ON, "--company-currency", "USD", "--rate", "EUR=1.1")
	assert code == 0 and "16.00 USD" in out and "valued at the rates given" in out


def test_two_files_that_do_not_belong_together(file: Path, run: Run, tmp_path: Path) -> None:
	other = write_csv(tmp_path / "other.csv", table(ROWS[:3]))
	code, _out, err = run(file, "--party-currency", other, "--maximum", 25, *ON)
	assert code == 2 and "SINV-0004 of ar.csv, row 5, is not in this file" in err


def test_a_progress_bar_is_shown_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
	class Terminal(io.StringIO):
		def isatty(self) -> bool:
			return True

	screen = Terminal()
	monkeypatch.setattr(sys, "stderr", screen)
	assert list(progress.bar(range(1000), 1000, "Reading", delay=0)) == list(range(1000))
	assert "Reading  [" in screen.getvalue() and "%" in screen.getvalue()
	assert screen.getvalue().endswith("\r\033[K"), "the bar leaves nothing behind"


def test_no_bar_in_a_pipe(capsys: pytest.CaptureFixture[str]) -> None:
	assert len(list(progress.bar(range(1000), 1000, "Reading", delay=0))) == 1000
	assert capsys.readouterr().err == ""


def test_review_says_what_to_install(
	monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
	monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
	assert cli.main(["review", "--language", "en"]) == 2
	assert 'pip install "ar_writeoff[review]"' in capsys.readouterr().err
