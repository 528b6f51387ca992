"""Accounts by kind of reason: losses, price concessions, tax withheld, unclaimed credits; and the account of a recovery,
also if the account of the write-off is disabled or frozen by then."""

from __future__ import annotations

from textwrap import dedent
from typing import Any

import frappe
import pytest

from ar_writeoff.ar_writeoff.report.write_off_register import write_off_register as register
from ar_writeoff.ar_writeoff.report.write_off_roll_forward import write_off_roll_forward as roll_forward
from tests.site import ledger_checks, run_helpers
from tests.site.factories import (
	HL,
	MANAGER,
	TODAY,
	account,
	as_user,
	credit_note,
	invoice,
	new_account,
	pay,
	payment,
)
from tests.site.ledger_checks import gl_table
from tests.site.posting_checks import post_and_check, undo_and_check

ANCHOR, ELM = "Anchor Cafe", "Elm School"


def reason(name: str, applies_to: str, method: str, of_account: str | None) -> str:
	doc = frappe.new_doc("Write-Off Reason")
	doc.update({"reason": name, "applies_to": applies_to, "method": method})
	if of_account:
		doc.append("accounts", {"company": HL, "account": of_account})
	return doc.insert(ignore_permissions=True).name


def tax_withheld(applies_to: str = "Debit") -> str:
	tds = new_account("TDS Receivable", "Current Assets", account_type="Tax")
	return reason("Tax Withheld", applies_to, "Reclassify", tds)


def posted(entry: str) -> str:
	return "\n" + gl_table(entry)


def test_c11_tax_withheld_by_a_customer_is_an_asset() -> None:
	bill = invoice(ANCHOR, 100, "2026-01-15")
	pay(bill, 90, "2026-02-01")
	start = ledger_checks.snapshot(HL)
	run = post_and_check(run_helpers.run(reason=tax_withheld(), only_remainders=1))
	[entry] = run_helpers.entries(run)
	assert posted(entry) == dedent(
		f"""
		account             | party       | cost center | debit | credit | against
		TDS Receivable - HL |             | Main - HL   | 10.00 |        |
		Debtors - HL        | Anchor Cafe |             |       |  10.00 | Sales Invoice {bill.name}"""
	)
	undo_and_check(run, start)


def test_c19_unclaimed_credits_are_a_liability() -> None:
	"""Credit notes and payments alike; the payment is allocated to the entry."""
	run_helpers.settings(customer_credits="Ignore")
	note = credit_note(invoice(ELM, 50, "2026-01-15"), 7, update_outstanding_for_self=True)
	money = payment(ANCHOR, 3, "2026-02-01")
	start = ledger_checks.snapshot(HL)
	unclaimed = reason(
		"Unclaimed", "Credit", "Reclassify", new_account("Unclaimed Property", "Current Liabilities")
	)
	run = post_and_check(run_helpers.run(balance_type="Credit", reason=unclaimed))
	items = run_helpers.items(run)
	assert {name: item.status for name, item in items.items()} == {note.name: "Posted", money.name: "Posted"}
	assert posted(items[note.name].journal_entry) == dedent(
		f"""
		account                 | party      | cost center | debit | credit | against
		Debtors - HL            | Elm School |             |  7.00 |        | Sales Invoice {note.name}
		Unclaimed Property - HL |            | Main - HL   |       |   7.00 |"""
	)
	undo_and_check(run, start)


def test_a_price_concession_reduces_the_income() -> None:
	bill = invoice(ANCHOR, 10, "2026-01-15")
	start = ledger_checks.snapshot(HL)
	concession = reason("Concession", "Debit", "Direct", new_account("Price Concessions", "Direct Income"))
	run = post_and_check(run_helpers.run(reason=concession))
	[entry] = run_helpers.entries(run)
	assert posted(entry) == dedent(
		f"""
		account                | party       | cost center | debit | credit | against
		Price Concessions - HL |             | Main - HL   | 10.00 |        |
		Debtors - HL           | Anchor Cafe |             |       |  10.00 | Sales Invoice {bill.name}"""
	)
	undo_and_check(run, start)


@pytest.mark.parametrize(
	("method", "applies_to", "name", "fits"),
	[
		("Direct", "Debit", "Sales - HL", True),
		("Direct", "Debit", "TDS Receivable - HL", False),
		("Direct", "Credit", "Unclaimed Property - HL", False),
		("Allowance", "Debit", "TDS Receivable - HL", False),
		("Reclassify", "Debit", "TDS Receivable - HL", True),
		("Reclassify", "Debit", "Unclaimed Property - HL", True),
		("Reclassify", "Credit", "Unclaimed Property - HL", True),
		("Reclassify", "Credit", "TDS Receivable - HL", True),
		("Reclassify", "Both", "TDS Receivable - HL", True),
		("Reclassify", "Debit", "Sales - HL", False),
		("Reclassify", "Debit", "Write Off - HL", False),
		("Reclassify", "Debit", "House Bank - HL", False),
		("Reclassify", "Debit", "Debtors - HL", False),
		("Reclassify", "Credit", "Creditors - HL", False),
	],
)
def test_accounts_that_fit_a_method(method: str, applies_to: str, name: str, fits: bool) -> None:
	new_account("TDS Receivable", "Current Assets", account_type="Tax")
	new_account("Unclaimed Property", "Current Liabilities")
	if fits:
		reason("Other Reason", applies_to, method, name)
		return
	with pytest.raises(frappe.ValidationError) as error:
		reason("Other Reason", applies_to, method, name)
	assert name in str(error.value)


def test_a_reclassification_never_falls_back_on_an_expense() -> None:
	invoice(ANCHOR, 10, "2026-01-15")
	run = run_helpers.run(reason=reason("Tax Withheld", "Debit", "Reclassify", None))
	[item] = run_helpers.items(run).values()
	message = (
		"The Write-Off Reason Tax Withheld has no account for Harbour Lights Ltd. A reason with the method Reclassify"
		" needs an account for each company."
	)
	assert (item.status, item.message) == ("Excluded", message)
	with (
		as_user(MANAGER),
		pytest.raises(frappe.ValidationError, match="has no account for Harbour Lights Ltd"),
	):
		run.submit()


def test_reclassified_balances_are_kept_apart_from_losses() -> None:
	first, second = invoice(ANCHOR, 10, "2026-01-15"), invoice(ELM, 20, "2026-01-15")
	customers = {"customers": [{"customer": ANCHOR}]}
	moved = run_helpers.post(run_helpers.run(reason=tax_withheld(), **customers))
	lost = run_helpers.post(run_helpers.run())
	assert (moved.method, lost.method) == ("Reclassify", "Direct")
	assert run_helpers.items(moved).keys() == {first.name} and run_helpers.items(lost).keys() == {second.name}

	_columns, rows, _message, chart, summary = register.execute({"company": HL})
	totals = {row["label"]: row["value"] for row in summary}
	assert (totals["Still Written Off"], totals["Written Off"], totals["Reclassified"]) == (20, 20, 10)
	assert [data["name"] for data in chart["data"]["datasets"]] == ["Small Balance"]
	assert {row.voucher_no: row.method for row in rows} == {first.name: "Reclassify", second.name: "Direct"}
	_columns, rows, *_rest = register.execute({"company": HL, "method": "Reclassify"})
	assert [row.voucher_no for row in rows] == [first.name]

	filters = {"company": HL, "from_date": "2026-06-01", "to_date": TODAY}
	_columns, rows, _message, _chart, summary = roll_forward.execute(filters)
	periods = {row["period"]: row["closing"] for row in rows if row.get("bold") and "ledger" not in row}
	assert sorted(periods.values()) == [10, 20]
	assert [periods[period] for period in periods if period.startswith("Reclassified ")] == [10]
	totals = {row["label"]: row["value"] for row in summary}
	assert (totals["Written Off"], totals["Reclassified"], totals["Difference to General Ledger"]) == (
		20,
		10,
		0,
	)
	ledger_checks.assert_roll_forward_equals_gl(HL)
	ledger_checks.assert_register_equals_gl(HL)

	# The reason may get another method later; what was posted stays what it was.
	frappe.db.set_value("Write-Off Reason", "Tax Withheld", "method", "Direct")
	assert register.execute({"company": HL, "method": "Reclassify"})[1]


# ------------------------------------------------------------------------------------------------- recoveries


def recover(run: Any, amount: float | None = None) -> str:
	[item] = run_helpers.items(run).values()
	with as_user(MANAGER):
		[entry] = run.reinstate([item.name], [amount] if amount else None, TODAY).values()
	ledger_checks.assert_debits_equal_credits(HL)
	ledger_checks.assert_ple_equals_gl(HL)
	ledger_checks.assert_roll_forward_equals_gl(HL)
	ledger_checks.assert_register_equals_gl(HL)
	return entry


def offset_of(entry: str) -> str:
	[row] = [row for row in frappe.get_doc("Journal Entry", entry).accounts if not row.party]
	return row.account


@pytest.fixture
def recovered() -> str:
	name = new_account("Bad Debts Recovered", "Indirect Income")
	run_helpers.settings(recovery_account=name)
	return name


def test_a_recovery_has_an_account_of_its_own(recovered: str) -> None:
	bill = invoice(ANCHOR, 100, "2026-01-15")
	run = run_helpers.post(run_helpers.run())
	entry = recover(run, 30)
	assert posted(entry) == dedent(
		f"""
		account                  | party       | cost center | debit | credit | against
		Debtors - HL             | Anchor Cafe |             | 30.00 |        | Sales Invoice {bill.name}
		Bad Debts Recovered - HL |             | Main - HL   |       |  30.00 |"""
	)
	assert offset_of(recover(run.reload())) == recovered


def test_an_undo_is_no_recovery(recovered: str) -> None:
	invoice(ANCHOR, 100, "2026-01-15")
	run = run_helpers.post(run_helpers.run())
	before = set(run_helpers.entries(run))
	with as_user(MANAGER):
		run.reverse(TODAY, dated=1)
	[entry] = set(run_helpers.entries(run)) - before
	assert offset_of(entry) == account("Write Off")


def test_the_allowance_and_a_reclassified_claim_are_restored(recovered: str) -> None:
	invoice(ANCHOR, 100, "2026-01-15")
	run = run_helpers.post(run_helpers.run(reason=tax_withheld()))
	assert offset_of(recover(run)) == account("TDS Receivable")
	allowance = account("Allowance for Doubtful Accounts")
	run = run_helpers.post(run_helpers.run(reason=reason("Provided For", "Debit", "Allowance", allowance)))
	assert offset_of(recover(run)) == allowance


def test_credits_are_no_recovery(recovered: str) -> None:
	run_helpers.settings(credit_write_off_account=account("Sales"))
	payment(ANCHOR, 5, "2026-02-01")
	run = run_helpers.post(run_helpers.run(balance_type="Credit"))
	assert offset_of(recover(run)) == account("Sales")


@pytest.mark.parametrize("closed", [{"disabled": 1}, {"freeze_account": "Yes"}])
@pytest.mark.parametrize("balance_type", ["Debit", "Credit"])
def test_c37_the_account_was_closed_since(closed: dict[str, Any], balance_type: str) -> None:
	"""Reinstated on the account of today's write-offs; credits, too, which are reversed as a whole."""
	if balance_type == "Debit":
		invoice(ANCHOR, 100, "2026-01-15")
	else:
		run_helpers.settings(credit_write_off_account=account("Write Off"))
		payment(ANCHOR, 100, "2026-02-01")
	run = run_helpers.post(run_helpers.run(balance_type=balance_type))
	run_helpers.settings(
		bad_debt_account=account("Bad Debt Expense"), credit_write_off_account=account("Sales")
	)
	frappe.db.set_value("Account", account("Write Off"), closed)
	frappe.clear_document_cache("Account", account("Write Off"))
	assert offset_of(recover(run)) == account("Bad Debt Expense" if balance_type == "Debit" else "Sales")


def test_a_dated_reversal_when_the_account_was_closed_since() -> None:
	invoice(ANCHOR, 100, "2026-01-15")
	run = run_helpers.post(run_helpers.run())
	before = set(run_helpers.entries(run))
	run_helpers.settings(bad_debt_account=account("Bad Debt Expense"))
	frappe.db.set_value("Account", account("Write Off"), "disabled", 1)
	frappe.clear_document_cache("Account", account("Write Off"))
	with as_user(MANAGER):
		run.reverse(TODAY, dated=1)
	[entry] = set(run_helpers.entries(run)) - before
	assert offset_of(entry) == account("Bad Debt Expense")


def test_no_account_is_left() -> None:
	"""The message names the account and where to enter another one."""
	invoice(ANCHOR, 100, "2026-01-15")
	run = run_helpers.post(run_helpers.run())
	frappe.db.set_value("Account", account("Write Off"), "disabled", 1)
	frappe.clear_document_cache("Account", account("Write Off"))
	with pytest.raises(frappe.ValidationError) as error:
		recover(run)
	assert str(error.value) == (
		"The balance was written off to Write Off - HL, which cannot be used (Account Write Off - HL is disabled.). Enter"
		" another account in the Write-Off Reason Small Balance, or in the Write-Off Settings of Harbour Lights Ltd."
	)
	run_helpers.settings(bad_debt_account=None, recovery_account=account("Sales"))
	assert offset_of(recover(run)) == account("Sales")


def test_the_recovery_account_is_a_control() -> None:
	"""It is of profit and loss, in the company's currency."""
	with pytest.raises(frappe.ValidationError, match="Recovery Account"):
		run_helpers.settings(recovery_account=account("House Bank"))
