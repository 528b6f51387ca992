"""The offline preview of an export agrees with its site, and ERPNext accepts its entries."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import frappe
import pytest

from ar_writeoff.offline import cli, decide, export, files, policy
from ar_writeoff.offline.review import Review
from demo.exports import accounts_receivable
from tests.site.factories import (
	HL,
	account,
	cost_center,
	credit_note,
	data_import,
	exclude_balances,
	invoice,
	journal,
	line,
	pay,
	payment,
)

DAY = "2026-06-30"


@pytest.fixture
def books(site: str) -> None:
	"""Balances of every kind: full, partly paid, credited, young, foreign, on account, opted out."""
	pay(invoice("Anchor Cafe", 100, "2026-01-15"), 90, "2026-02-01")
	invoice("Anchor Cafe", 25, "2026-05-20")
	invoice("Anchor Cafe", 25.01, "2026-02-01")
	credit_note(invoice("Breakwater Bar", 30, "2026-02-15"), 12)
	payment("Breakwater Bar", 5, "2026-03-01")
	credit_note(invoice("Elm School", 50, "2026-02-20"), 7, update_outstanding_for_self=True)
	invoice("Compass Stores", 9.99, "2026-02-20")
	invoice("Dover Council", 3, "2026-02-20")
	invoice("Helios SARL", 10, "2026-01-15", currency="EUR", rate=1.2)
	pay(invoice("Helios SARL", 40, "2026-03-15", currency="EUR", rate=1.15), 25, "2026-04-01", rate=1.05)
	journal(line("Debtors", 20, party="Elm School"), line("Sales", credit=20), posting_date="2026-03-01")
	exclude_balances("Compass Stores")


def run_of(**criteria: Any) -> Any:
	doc = frappe.get_doc(
		{
			"doctype": "Write-Off Run",
			"company": HL,
			"balance_type": "Debit",
			"reason": "Small Balance",
			"cutoff_date": DAY,
			"posting_date": DAY,
			"max_invoice_amount": 25,
			"minimum_age_days": 0,
			**criteria,
		}
	)
	doc.insert()
	doc.find_invoices()
	return doc


def found_on_site(run: Any) -> dict[tuple[str, str, str], tuple[str, Decimal, Decimal]]:
	"""(voucher, account, currency) -> (reason code, amount, base amount)."""
	return {
		(row.voucher_no, row.receivable_account, row.currency): (
			row.reason_code or "",
			Decimal(str(row.outstanding_amount)),
			Decimal(str(row.base_outstanding_amount)),
		)
		for row in frappe.get_all(
			"Write-Off Run Item", filters={"run": run.name}, fields=["*"], order_by="name asc"
		)
	}


def exported(folder: Path, file_format: str = "CSV", **filters: Any) -> export.Export:
	path = folder / f"ar.{'csv' if file_format == 'CSV' else 'xlsx'}"
	path.write_bytes(accounts_receivable(HL, DAY, file_format=file_format, **filters))
	return export.read(path)


def found_offline(
	settings: policy.Settings, of: export.Export, in_party_currency: export.Export
) -> dict[tuple[str, str, str], tuple[str, Decimal, Decimal]]:
	chosen_policy = policy.make(settings, today=frappe.utils.getdate(DAY))
	decision = decide.decide(chosen_policy, of, in_party_currency)
	return {
		(verdict.balance.voucher_no, verdict.balance.receivable_account, verdict.balance.currency): (
			verdict.reason.code if verdict.reason else "",
			verdict.amount,
			verdict.base_amount,
		)
		for verdict in (*decision.write_off, *decision.left_out)
	}


@pytest.mark.parametrize("file_format", ["CSV", "Excel"])
@pytest.mark.parametrize("layout", [{}, {"group_by_party": 1}, {"with_filters": True}], ids=str)
@pytest.mark.parametrize(
	("criteria", "settings"),
	[
		({}, {}),
		({"max_invoice_amount": 20}, {"criteria.max_invoice_amount": Decimal(20)}),
		({"minimum_age_days": 60}, {"criteria.minimum_age_days": 60}),
		({"ageing_based_on": "Posting Date", "minimum_age_days": 60}, {"criteria.minimum_age_days": 60, "criteria.ageing_based_on": "Posting Date"}),
		({"max_customer_amount": 30}, {"criteria.max_customer_amount": Decimal(30)}),
		({"balance_type": "Credit"}, {"criteria.balance_type": "Credit"}),
	],
	ids=str,
)  # fmt: skip
def test_preview_and_site_find_the_same(
	books: None, tmp_path: Path, criteria: dict, settings: dict, layout: dict, file_format: str
) -> None:
	settings = {
		"criteria.max_invoice_amount": Decimal(25),
		"criteria.cutoff_date": frappe.utils.getdate(DAY),
		"leave_out.opted_out": frozenset(["Compass Stores"]),
		**settings,
	}
	of = exported(tmp_path, file_format, **layout)
	assert of.notes == []
	in_party_currency = exported(tmp_path, file_format, in_party_currency=1)
	on_site = found_on_site(run_of(**criteria))
	assert on_site
	assert found_offline(settings, of, in_party_currency) == on_site


def test_german_export(books: None, tmp_path: Path) -> None:
	english = exported(tmp_path)
	frappe.local.lang = "de"
	german = tmp_path / "de.csv"
	german.write_bytes(accounts_receivable(HL, DAY))
	assert german.read_text().startswith('"Buchungsdatum"')
	assert export.read(german).lines == english.lines


@pytest.mark.parametrize(
	"date_format", ["yyyy-mm-dd", "dd-mm-yyyy", "dd/mm/yyyy", "dd.mm.yyyy", "mm/dd/yyyy", "mm-dd-yyyy"]
)
def test_dates_as_the_site_writes_them(books: None, tmp_path: Path, date_format: str) -> None:
	"""v16 writes dates in the format of System Settings, v15 as 2026-01-31; the format is detected from the file."""
	iso = exported(tmp_path)
	path = tmp_path / "other.csv"
	path.write_bytes(accounts_receivable(HL, DAY, date_format=date_format, with_filters=True))
	assert export.read(path).lines == [line._replace(row=line.row + 4) for line in iso.lines]


@pytest.mark.parametrize("language", ["de", "fr", "es", "pt-BR", "ar", "zh", "ja", "ru", "tr"])
def test_export_in_the_language_of_the_user(books: None, tmp_path: Path, language: str) -> None:
	english = exported(tmp_path)
	frappe.local.lang = language
	path = tmp_path / "other.csv"
	path.write_bytes(accounts_receivable(HL, DAY))
	assert export.read(path).lines == english.lines


def import_and_submit(entries: Path) -> None:
	status, log = data_import("Journal Entry", entries.read_bytes())
	assert status == "Success", log


def test_what_the_page_confirms_is_imported_and_submitted(books: None, tmp_path: Path) -> None:
	"""Two items unticked, one amount lowered, confirmed and imported; the balances are as decided."""
	(tmp_path / "ar.csv").write_bytes(accounts_receivable(HL, DAY, with_filters=True))
	(tmp_path / "party.csv").write_bytes(accounts_receivable(HL, DAY, in_party_currency=1))
	review = Review(
		{
			"criteria.max_invoice_amount": Decimal(25),
			"criteria.customer_credits": "Ignore",
			"criteria.posting_date": frappe.utils.getdate(DAY),
			"accounts.offset": account("Write Off"),
			"accounts.cost_center": cost_center(),
			"leave_out.opted_out": frozenset(["Compass Stores"]),
		}
	)
	review.read(tmp_path / "ar.csv")
	review.read_party_currency(tmp_path / "party.csv")
	review.find(frappe.utils.getdate(DAY))
	assert review.settings["company"] == HL and review.decision
	assert review.decision.policy.criteria.cutoff_date == frappe.utils.getdate(DAY)

	home = [index for index, row in enumerate(review.rows) if row.balance.currency == "USD"]
	abroad = [index for index, row in enumerate(review.rows) if row.balance.currency != "USD"]
	kept, lowered = home[0], home[1]
	flags = bytearray(review.flags)
	for index in (kept, *abroad):  # an import takes foreign balances at the invoice's rate only
		flags[index] = 0
	review.tick(bytes(flags))
	review.set_amount(lowered, "1.50")
	written = files.write(
		review.decision_of_ticks(), [tmp_path / "ar.csv"], tmp_path, frappe.utils.now_datetime(), "Petra"
	)
	import_and_submit(written[0])

	def left(index: int) -> Decimal:
		voucher = review.rows[index].balance
		paid = frappe.get_all(
			"Payment Ledger Entry",
			filters={"against_voucher_no": voucher.voucher_no, "party": voucher.customer, "delinked": 0},
			pluck="amount_in_account_currency",
			order_by="name asc",
		)
		return sum((Decimal(str(amount)) for amount in paid), Decimal(0))

	for index, row in enumerate(review.rows):
		if index in (kept, *abroad):
			expected = row.balance.now
		else:
			expected = row.balance.now - review.amounts[index]
		assert left(index) == expected, row.balance.voucher_no


def test_data_import_takes_the_entries_and_submits_them(books: None, tmp_path: Path) -> None:
	(tmp_path / "ar.csv").write_bytes(accounts_receivable(HL, DAY))
	(tmp_path / "party.csv").write_bytes(accounts_receivable(HL, DAY, in_party_currency=1))
	entries = tmp_path / "entries.csv"
	code = cli.main(
		[
			"preview", str(tmp_path / "ar.csv"), "--party-currency", str(tmp_path / "party.csv"),
			"--maximum", "25", "--customer-credits", "Ignore", "--cutoff", DAY, "--posting-date", DAY, "--entries-per", "Customer",
			"--company", HL, "--account", account("Write Off"), "--cost-center", cost_center(),
			"--data-import", str(entries),
		]
	)  # fmt: skip
	assert code == 0

	import_and_submit(entries)

	made = frappe.get_all(
		"Journal Entry",
		filters={"voucher_type": "Write Off Entry"},
		fields=["name", "docstatus", "total_debit", "total_credit"],
		order_by="name asc",
	)
	assert made and {entry.docstatus for entry in made} == {1}
	assert all(entry.total_debit == entry.total_credit for entry in made)
	left = {
		row.name
		for row in frappe.get_all(
			"Sales Invoice", filters={"outstanding_amount": (">", 0)}, order_by="name asc"
		)
	}
	assert {frappe.db.get_value("Sales Invoice", name, "customer") for name in left} == {
		"Anchor Cafe",
		"Elm School",
	}
