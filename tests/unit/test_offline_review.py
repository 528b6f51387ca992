"""The state of a review: selection and amounts are kept, and written on confirmation."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from ar_writeoff.core import reasons
from ar_writeoff.offline import cli, decide, export, files, policy
from ar_writeoff.offline.page import lists
from ar_writeoff.offline.policy import InvalidPolicy, InvalidSetting
from ar_writeoff.offline.review import Review, parse_settings
from tests.unit.exports import Row, line, table, write_csv

TODAY = date(2026, 6, 30)
ROWS: list[Row] = [line(number, f"Customer {number % 3}", number) for number in range(1, 13)]


@pytest.fixture
def review(tmp_path: Path) -> Review:
	made = Review({"criteria.max_invoice_amount": Decimal(10), "accounts.offset": "Bad Debt - HL"})
	made.read(write_csv(tmp_path / "ar.csv", table(ROWS)))
	made.find(TODAY)
	return made


def untick(review: Review, *vouchers: str) -> None:
	flags = bytearray(review.flags)
	for index, row in enumerate(review.rows):
		if row.balance.voucher_no in vouchers:
			flags[index] = 0
	review.tick(bytes(flags))


def index_of(review: Review, voucher: str) -> int:
	return next(index for index, row in enumerate(review.rows) if row.balance.voucher_no == voucher)


def test_what_was_unticked_and_lowered_is_found_so_again(review: Review) -> None:
	untick(review, "SINV-0003", "SINV-0004")
	review.set_amount(index_of(review, "SINV-0005"), "1.50")
	assert review.ticked() == (8, 3, Decimal("44.50"))  # 55 - 3 - 4 - 3.50
	review.settings["criteria.max_invoice_amount"] = Decimal(4)
	review.find(TODAY)
	assert review.ticked() == (2, 2, Decimal("3.00"))
	review.settings["criteria.max_invoice_amount"] = Decimal(20)
	review.find(TODAY)
	assert review.ticked() == (10, 3, Decimal("67.50"))
	review.tick(b"\1" * len(review.flags))
	review.find(TODAY)
	assert review.flags.count(0) == 0


def test_another_file_begins_anew(review: Review, tmp_path: Path) -> None:
	untick(review, "SINV-0003")
	review.read(write_csv(tmp_path / "other.csv", table(ROWS[:5])))
	review.find(TODAY)
	assert review.ticked()[0] == 5


def test_totals_are_of_what_is_ticked(review: Review) -> None:
	untick(review, *(f"SINV-{number:04d}" for number in (3, 6, 9)))
	assert [(total.name, total.count, total.amount) for total in review.by_customer(5)] == [
		("Customer 1", 4, Decimal("22.00")),
		("Customer 2", 3, Decimal("15.00")),
	]
	ages = {total.name: total.count for total in review.by_age()}
	assert ages == {"not due": 0, "0-30": 0, "31-60": 0, "61-90": 0, "91-120": 0, "over 120": 7}


@pytest.mark.parametrize("typed", ["0", "-1", "5.01", "1.005", "1,50", "ten"])
def test_what_is_no_part_is_refused(review: Review, typed: str) -> None:
	with pytest.raises(InvalidSetting):
		review.set_amount(index_of(review, "SINV-0005"), typed)
	assert review.lowered == {}


def test_flags_of_another_list_are_refused(review: Review) -> None:
	with pytest.raises(ValueError):
		review.tick(b"\1")
	with pytest.raises(ValueError):
		lists.unpack_bits(lists.pack_bits([1] * 20), 9)
	for count in (0, 1, 7, 8, 9, 100):
		flags = [number % 3 != 0 for number in range(count)]
		assert lists.unpack_bits(lists.pack_bits(flags), count) == bytes(flags)


def test_what_is_decided_is_what_is_written(review: Review, tmp_path: Path) -> None:
	untick(review, "SINV-0003")
	review.set_amount(index_of(review, "SINV-0005"), "1.50")
	chosen = review.decision_of_ticks()
	assert sum(one.base_amount for one in chosen.write_off) == review.ticked()[2] == chosen.entries[0].total
	[left_out] = [one for one in chosen.left_out if one.balance.voucher_no == "SINV-0003"]
	assert left_out.reason and left_out.reason.code == reasons.NOT_SELECTED
	assert review.path
	written = files.write(chosen, [review.path], tmp_path / "out", datetime(2026, 6, 30, 9, 5), "Petra")
	again = files.write(chosen, [review.path], tmp_path / "out", datetime(2026, 6, 30, 9, 5), "Petra")
	assert written[0].parent.name == "write-off 2026-06-30 0905"
	assert again[0].parent.name == "write-off 2026-06-30 0905 (2)", "nothing is written over"
	page = written[2].read_text()
	for path in (review.path, *written[:2]):
		assert files.sha256(path) in page
	assert "Petra" in page and "Not selected by the user who prepared the run." in page


def test_nothing_ticked_is_nothing_to_write(review: Review) -> None:
	review.tick(bytes(len(review.flags)))
	with pytest.raises(InvalidPolicy, match="No balances are selected"):
		review.decision_of_ticks()


def test_fields_of_the_page_are_settings(review: Review) -> None:
	settings, problems = parse_settings(
		{
			"criteria.max_invoice_amount": "1,250.50",
			"criteria.max_customer_amount": "",
			"criteria.minimum_age_days": "x",
			"criteria.cutoff_date": "2026-06-31",
			"company": " Harbour Lights Ltd ",
			"rates.EUR": "1,10",
		}
	)
	assert settings == {"criteria.max_invoice_amount": Decimal("1250.50"), "company": "Harbour Lights Ltd"}
	assert {name: str(text) for name, text in problems.items()} == {
		"criteria.minimum_age_days": "'x' is not a number such as 30.",
		"criteria.cutoff_date": "'2026-06-31' is not a date such as 2026-06-30.",
		"rates.EUR": "1,10 can be read as 1.10 or 110. Enter one of these amounts.",
	}


# ------------------------------------------------------------------------------ decimal commas on every way in


@pytest.mark.parametrize(
	("options", "words"),
	[
		(("--maximum", "12,50"), "--maximum: 12,50 can be read as 12.50 or 1250."),
		(
			("--maximum", "25", "--customer-maximum", "12,5"),
			"--customer-maximum: 12,5 can be read as 12.5 or 125.",
		),
		(("--maximum", "25", "--rate", "EUR=1,10"), "--rate: 1,10 can be read as 1.10 or 110."),
		(("--maximum", "25", "--rate", "EUR=1,105"), "--rate: 1,105 can be read as 1.105 or 1105."),
		(("--maximum", "12.50", "--decimal-comma"), "--maximum: 12.50 can be read as 12,50 or 1250."),
	],
)
def test_an_option_that_can_be_read_in_two_ways(
	tmp_path: Path, capsys: pytest.CaptureFixture[str], options: tuple[str, ...], words: str
) -> None:
	file = write_csv(tmp_path / "ar.csv", table(ROWS))
	with pytest.raises(SystemExit) as error:
		cli.main(["preview", str(file), "--language", "en", *options])
	assert error.value.code == 2 and words in capsys.readouterr().err


def test_options_with_a_decimal_comma(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
	file = write_csv(tmp_path / "ar.csv", table(ROWS))
	given = ["--maximum", "4,50", "--decimal-comma", "--cutoff", "2026-06-30", "--language", "en"]
	assert cli.main(["preview", str(file), *given]) == 0
	assert "Write off    Balances: 4" in capsys.readouterr().out


@pytest.mark.parametrize("written", ["12,50", '"12,50"', "12,50  # a comment"])
def test_a_policy_file_with_a_decimal_comma(tmp_path: Path, written: str) -> None:
	path = tmp_path / "policy.toml"
	path.write_text(f"[criteria]\nmax_invoice_amount = {written}\n")
	with pytest.raises(policy.InvalidFile, match=r"12,50 can be read as 12\.50 or 1250\."):
		policy.read_file(path)


def test_a_day_that_nobody_named_is_said(review: Review) -> None:
	assert review.decision
	assert any(str(note).startswith("The report date is unknown.") for note in review.decision.notes)


# ---------------------------------------------------------------------------------- currencies of small units


def foreign(folder: Path, account: str, base: str, **settings: object) -> decide.Decision:
	"""The verdict for one balance in account and company currency."""
	one = line(1, "Bali Cafe", base, Receivable_Account="Debtors IDR - HL")
	other = {**one, "Outstanding Amount": account, "Currency": "IDR"}
	chosen_policy = policy.make(
		{"criteria.max_invoice_amount": Decimal(10_000), "criteria.cutoff_date": TODAY, **settings},
		today=TODAY,
	)
	return decide.decide(
		chosen_policy,
		export.read(write_csv(folder / "base.csv", table([one, line(2, "Other", 1)]))),
		export.read(write_csv(folder / "party.csv", table([other, line(2, "Other", 1)]))),
	)


def test_what_erpnext_would_refuse_for_its_rate_is_left_out(tmp_path: Path) -> None:
	"""51,234,567 x 0.000061239 is not 3,137.53: no rate with nine decimals is exact, and ERPNext would refuse the row."""
	decision = foreign(tmp_path, "51234567", "3137.53")
	for entry in decision.entries:
		assert all(row.rate_is_exact(2) for row in entry.rows)
	found = {one.balance.voucher_no: one.reason for one in (*decision.write_off, *decision.left_out)}
	reason = found["SINV-0001"]
	assert reason is None or reason.code == reasons.EXCHANGE_RATE_NOT_EXACT


def test_a_residue_that_is_worth_nothing_says_so(tmp_path: Path) -> None:
	[left_out] = foreign(tmp_path, "50", "0").left_out
	assert left_out.reason and left_out.reason.code == reasons.WORTH_NOTHING
