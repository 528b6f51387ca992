"""Posts every entry of docs/accounting.md and compares it row by row."""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import frappe
import pytest

from tests.documents import CHECKOUT
from tests.site import run_helpers
from tests.site.factories import (
	HL,
	TODAY,
	account,
	cost_center,
	credit_note,
	invoice,
	new_account,
	pay,
	payment,
)
from tests.site.test_tax_at_once import use_method
from tests.site.test_tax_claims import taxed
from tests.site.test_tax_rules import use_rule

PAGE = (CHECKOUT / "docs" / "accounting.md").read_text()

Row = tuple[str, str, str, Decimal, Decimal, str]


def table(heading: str) -> set[Row]:
	"""The table below a heading: account, party, cost center, debit, credit, amount in account currency."""
	section = PAGE.split(f"## {heading}\n", 1)[1].split("\n## ", 1)[0]
	lines = [
		[cell.strip() for cell in line.strip().strip("|").split("|")]
		for line in section.splitlines()
		if line.startswith("|")
	]
	titles, _rule, *rows = lines

	def cell(row: list[str], title: str) -> str:
		return row[titles.index(title)] if title in titles else ""

	return {
		(
			cell(row, "Account"),
			cell(row, "Party"),
			cell(row, "Cost Center"),
			Decimal(cell(row, "Debit") or 0),
			Decimal(cell(row, "Credit") or 0),
			cell(row, "In account currency"),
		)
		for row in rows
	}


def ledger(run: Any, heading: str, is_cancelled: int = 0, of: list[str] | None = None) -> set[Row]:
	"""What the run, or these entries of it, have in the General Ledger, with the columns of the page's table."""
	columns = PAGE.split(f"## {heading}\n", 1)[1].split("\n|---", 1)[0].splitlines()[-1]
	names = of or frappe.get_all(
		"Journal Entry", filters={"write_off_run": run.name}, pluck="name", order_by="name asc"
	)
	rows = frappe.get_all(
		"GL Entry",
		filters={"voucher_no": ("in", names), "is_cancelled": is_cancelled},
		fields=["*"],
		order_by="creation asc, name asc",
	)

	def money(value: float) -> Decimal:
		return Decimal(str(value)).quantize(Decimal("0.01"))

	def bare(name: str) -> str:
		return re.sub(r" - HL$", "", name or "")

	return {
		(
			bare(row.account),
			row.party or "",
			bare(row.cost_center) if "Cost Center" in columns else "",
			money(row.debit),
			money(row.credit),
			f"{money(row.debit_in_account_currency or row.credit_in_account_currency)} {row.account_currency}"
			if "In account currency" in columns
			else "",
		)
		for row in rows
	}


def debit() -> dict[str, Any]:
	pay(invoice("Anchor Cafe", 100, "2026-01-15"), 90, "2026-02-01")
	return {}


def several() -> dict[str, Any]:
	invoice("Anchor Cafe", 10, "2026-01-15")
	invoice("Breakwater Bar", 20, "2026-01-15")
	return {}


def credit() -> dict[str, Any]:
	bill = invoice("Elm School", 50, "2026-02-20")
	credit_note(bill, 7, update_outstanding_for_self=True)
	run_helpers.settings(HL, credit_write_off_account=account("Sales"), customer_credits="Ignore")
	return {"balance_type": "Credit"}


def part() -> dict[str, Any]:
	invoice("Anchor Cafe", 100, "2026-01-15")
	return {}


def foreign() -> dict[str, Any]:
	invoice("Helios SARL", 40, "2026-03-15", currency="EUR", rate=1.15)
	return {}


def net_first() -> dict[str, Any]:
	run_helpers.settings(HL, customer_credits="Net First")
	invoice("Anchor Cafe", 100, "2026-01-15")
	payment("Anchor Cafe", 60, "2026-02-01")
	invoice("Anchor Cafe", 35, "2026-02-02", is_return=True)
	return {}


def dimensions() -> dict[str, Any]:
	for customer, amount, place in (("Anchor Cafe", 10, "North Pier"), ("Breakwater Bar", 20, "South Pier")):
		invoice(customer, amount, "2026-01-15", cost_center=cost_center(place))
	return {}


def dimensions_on_lines() -> dict[str, Any]:
	doc = invoice("Anchor Cafe", 10, "2026-01-15", submit=False)
	doc.items[0].cost_center = cost_center("North Pier")
	line = {key: doc.items[0].get(key) for key in ("item_code", "income_account", "uom")}
	doc.append(
		"items",
		{**line, "qty": 1, "rate": 20, "price_list_rate": 20, "cost_center": cost_center("South Pier")},
	)
	doc.payment_schedule = []
	doc.save()
	doc.submit()
	return {}


def allowance() -> dict[str, Any]:
	invoice("Anchor Cafe", 60, "2026-01-15")
	reason = frappe.get_doc(
		{
			"doctype": "Write-Off Reason",
			"reason": "Provided For",
			"applies_to": "Debit",
			"method": "Allowance",
			"accounts": [{"company": HL, "account": account("Allowance for Doubtful Accounts")}],
		}
	).insert()
	return {"reason": reason.name}


def reason_with(name: str, applies_to: str, method: str, of_account: str) -> str:
	return (
		frappe.get_doc(
			{
				"doctype": "Write-Off Reason",
				"reason": name,
				"applies_to": applies_to,
				"method": method,
				"accounts": [{"company": HL, "account": of_account}],
			}
		)
		.insert()
		.name
	)


def price_concession() -> dict[str, Any]:
	invoice("Anchor Cafe", 10, "2026-01-15")
	concessions = new_account("Price Concessions", "Direct Income")
	return {"reason": reason_with("Price Concession", "Debit", "Direct", concessions)}


def tax_withheld() -> dict[str, Any]:
	pay(invoice("Anchor Cafe", 100, "2026-01-15"), 90, "2026-02-01")
	receivable = new_account("TDS Receivable", "Current Assets", account_type="Tax")
	return {"reason": reason_with("Tax Withheld", "Debit", "Reclassify", receivable)}


def unclaimed_credit() -> dict[str, Any]:
	credit_note(invoice("Elm School", 50, "2026-02-20"), 7, update_outstanding_for_self=True)
	run_helpers.settings(HL, customer_credits="Ignore")
	unclaimed = new_account("Unclaimed Property", "Current Liabilities")
	return {"balance_type": "Credit", "reason": reason_with("Unclaimed", "Credit", "Reclassify", unclaimed)}


CASES: dict[str, Callable[[], dict[str, Any]]] = {
	"A debit balance": debit,
	"Several balances in one entry": several,
	"A credit balance": credit,
	"Credits set off first": net_first,
	"A part of a balance": part,
	"Foreign currency": foreign,
	"Dimensions": dimensions,
	"Dimensions on the lines": dimensions_on_lines,
	"Allowance method": allowance,
	"Price concession": price_concession,
	"Tax withheld by the customer": tax_withheld,
	"Unclaimed credits": unclaimed_credit,
}


@pytest.mark.parametrize("heading", CASES)
def test_entry(site: str, heading: str) -> None:
	run = run_helpers.run(**CASES[heading]())
	if heading == "A part of a balance":
		[item] = run_helpers.items(run).values()
		run.set_write_off_amount(item.name, 40)
	run_helpers.post(run)
	assert run.status == "Posted"
	assert ledger(run, heading) == table(heading)


def test_undo(site: str) -> None:
	"""The rows that reverse the entry of the first case."""
	run = run_helpers.post(run_helpers.run(**debit()))
	run.cancel()
	both = ledger(run, "Undo", is_cancelled=1)
	assert both - table("A debit balance") == table("Undo")


def test_undo_in_a_closed_period(site: str) -> None:
	run = run_helpers.post(run_helpers.run(**debit()))
	before = set(run_helpers.entries(run))
	run.reverse(TODAY, dated=1)
	[entry] = set(run_helpers.entries(run)) - before
	assert ledger(run, "Undo in a closed period", of=[entry]) == table("Undo in a closed period")


def test_recovery(site: str) -> None:
	invoice("Anchor Cafe", 100, "2026-01-15")
	assert reinstated(run_helpers.run(), 30, "Recovery") == table("Recovery")


def test_recovery_under_the_allowance_method(site: str) -> None:
	heading = "Recovery under the allowance method"
	assert reinstated(run_helpers.run(**allowance()), 20, heading) == table(heading)


def test_recovery_on_an_account_of_its_own(site: str) -> None:
	heading = "Recovery on an account of its own"
	invoice("Anchor Cafe", 100, "2026-01-15")
	run_helpers.settings(HL, recovery_account=new_account("Bad Debts Recovered", "Indirect Income"))
	assert reinstated(run_helpers.run(), 30, heading) == table(heading)


def reinstated(run: Any, amount: float, heading: str) -> set[Row]:
	"""The entry that takes so much of the run's only balance back, after the run was posted."""
	run_helpers.post(run)
	[item] = run_helpers.items(run).values()
	entries = run.reinstate([item.name], [amount], TODAY)
	return ledger(run, heading, of=list(entries.values()))


def test_tax_of_a_bad_debt(site: str) -> None:
	from tests.site import test_tax_runs as tax

	def posted() -> list[str]:
		return tax.entries(run_helpers.post(tax.tax_run()))

	use_rule()
	sale = taxed(1200, 200, due_date="2025-01-31")
	pay(sale, 700, "2025-02-10")
	run = run_helpers.post(run_helpers.run())
	for heading in ("Tax claimed by a tax run", "Tax repaid after a recovery"):
		assert ledger(run, heading, of=posted()) == table(heading)
		if "claimed" in heading:
			[item] = run_helpers.items(run).values()
			run.reinstate([item.name], [280], TODAY)


def test_tax_claimed_by_age(site: str) -> None:
	from tests.site import test_tax_by_age as tax

	tax.use_age_rule()
	sale = tax.unpaid()
	periods: tuple[tuple[str, dict[str, str]], ...] = (
		("Tax claimed by age", {}),
		("Tax repaid after a payment", tax.JULY),
		("Deferred tax released to the loss", tax.AUGUST),
	)
	for heading, period in periods:
		run = run_helpers.post(tax.tax_run(**period))
		assert ledger(run, heading, of=tax.entries(run)) == table(heading)
		if not period:
			pay(sale, 220, "2026-07-10")
		if period == tax.JULY:
			run_helpers.post(run_helpers.run(posting_date="2026-08-15", cutoff_date="2026-08-15"))


def test_tax_claimed_with_the_write_off(site: str) -> None:
	run = written_off_with_tax("Net at Once")
	assert ledger(run, "Tax claimed with the write-off") == table("Tax claimed with the write-off")
	[item] = run_helpers.items(run).values()
	entries = run.reinstate([item.name], [280], TODAY)
	heading = "Tax repaid with the recovery"
	assert ledger(run, heading, of=list(entries.values())) == table(heading)


def test_tax_on_an_interim_account(site: str) -> None:
	from tests.site import test_tax_runs as tax

	def posted() -> list[str]:
		return tax.entries(run_helpers.post(tax.tax_run()))

	run = written_off_with_tax("Interim Account")
	assert ledger(run, "Tax on an interim account") == table("Tax on an interim account")
	heading = "Tax claimed from the interim account"
	assert ledger(run, heading, of=posted()) == table(heading)
	[item] = run_helpers.items(run).values()
	entries = run.reinstate([item.name], [280], TODAY)
	heading = "Recovery with an interim account"
	assert ledger(run, heading, of=list(entries.values())) == table(heading)
	heading = "Tax repaid through the interim account"
	assert ledger(run, heading, of=posted()) == table(heading)


def test_tax_of_a_lapsed_claim(site: str) -> None:
	from tests.site import test_tax_runs as tax

	run = written_off_with_tax("Interim Account")
	frappe.db.set_value("Write-Off Tax Claim", {"run": run.name}, "lapses_on", "2026-06-15")
	posted = tax.entries(run_helpers.post(tax.tax_run()))
	assert ledger(run, "Tax of a lapsed claim", of=posted) == table("Tax of a lapsed claim")


def written_off_with_tax(method: str) -> Any:
	"""The run that writes off 700.00 of 1,400.00 with 200.00 VAT by this method."""
	use_method(method)
	pay(taxed(1200, 200, due_date="2025-01-31"), 700, "2025-02-10")
	return run_helpers.post(run_helpers.run())


def test_every_table_is_posted() -> None:
	headings = {part.split("\n", 1)[0] for part in PAGE.split("\n## ")[1:] if "| Debit |" in part}
	assert headings == {
		*CASES,
		"Undo",
		"Undo in a closed period",
		"Recovery",
		"Recovery under the allowance method",
		"Recovery on an account of its own",
		"Tax claimed by a tax run",
		"Tax repaid after a recovery",
		"Tax claimed by age",
		"Tax repaid after a payment",
		"Deferred tax released to the loss",
		"Tax claimed with the write-off",
		"Tax repaid with the recovery",
		"Tax on an interim account",
		"Tax claimed from the interim account",
		"Recovery with an interim account",
		"Tax repaid through the interim account",
		"Tax of a lapsed claim",
	}
