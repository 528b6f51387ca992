"""Posted entries: balanced, at most 100 rows, invoices closed, ledgers consistent, nothing else changed."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal
from textwrap import dedent
from typing import Any

import frappe

from tests.site import ledger_checks, run_helpers
from tests.site.factories import (
	HL,
	TODAY,
	account,
	cost_center,
	credit_note,
	exclude_balances,
	invoice,
	many_invoices,
	outstanding,
	pay,
	project,
)
from tests.site.posting_checks import assert_posting_again_posts_nothing

ANCHOR, BREAKWATER, COMPASS, ELM, HELIOS = (
	"Anchor Cafe",
	"Breakwater Bar",
	"Compass Stores",
	"Elm School",
	"Helios SARL",
)


def settings(**values: Any) -> None:
	run_helpers.settings(
		bad_debt_account=account("Bad Debt Expense"),
		credit_write_off_account=account("Credit Balances Written Off"),
		**values,
	)


def ledger(entry: str) -> str:
	return "\n" + ledger_checks.gl_table(entry)


def table(text: str) -> str:
	return dedent(text).rstrip()


def receivables(company: str = HL) -> Decimal:
	"""What customers owe, by the Payment Ledger, in company currency."""
	[[total]] = frappe.db.sql(
		"SELECT SUM(amount) FROM `tabPayment Ledger Entry` WHERE company = %s AND delinked = 0", company
	)
	return Decimal(total or 0).quantize(Decimal("0.01"))


def listed_as_open(company: str = HL) -> set[str]:
	"""The vouchers on ERPNext's own Accounts Receivable report."""
	from erpnext.accounts.report.accounts_receivable.accounts_receivable import execute

	filters = frappe._dict(
		company=company,
		report_date=TODAY,
		ageing_based_on="Due Date",
		range="30, 60, 90, 120",
		range1=30,
		range2=60,
		range3=90,
		range4=120,
		party_type="Customer",
	)
	return {row["voucher_no"] for row in execute(filters)[1] if row.get("voucher_no")}


def trial_balance(company: str = HL) -> tuple[float, float]:
	"""Debit and credit in the last line of ERPNext's own Trial Balance of 2026."""
	from erpnext.accounts.report.trial_balance.trial_balance import execute

	filters = frappe._dict(
		company=company,
		fiscal_year="2026",
		from_date="2026-01-01",
		to_date="2026-12-31",
		with_period_closing_entry_for_opening=1,
		with_period_closing_entry_for_current_period=1,
		show_unclosed_fy_pl_balances=0,
	)
	total = execute(filters)[1][-1]
	return total["closing_debit"], total["closing_credit"]


def posted_by_account(run: Any) -> dict[tuple[str, str, str], tuple[float, float]]:
	"""(account, cost center, project) -> (debit, credit) of the run's entries in the General Ledger."""
	sums: dict[tuple[str, str, str], list[Decimal]] = defaultdict(lambda: [Decimal(0), Decimal(0)])
	for row in frappe.get_all(
		"GL Entry",
		filters={"voucher_no": ("in", run_helpers.entries(run)), "is_cancelled": 0},
		fields=["account", "cost_center", "project", "debit", "credit"],
	):
		key = (row.account, row.cost_center or "", row.project or "")
		sums[key][0] += Decimal(str(row.debit))
		sums[key][1] += Decimal(str(row.credit))
	return {key: (float(debit), float(credit)) for key, (debit, credit) in sums.items()}


def previewed_by_account(preview: dict[str, Any]) -> dict[tuple[str, str, str], tuple[float, float]]:
	return {
		(row["account"], row["cost_center"], row["project"]): (row["debit"], row["credit"])
		for row in preview["accounts"]
	}


def written_off(run: Any) -> Decimal:
	return sum(
		(
			Decimal(str(item.base_write_off_amount))
			for item in run_helpers.items(run, status="Posted").values()
		),
		Decimal(0),
	)


def assert_sound(run: Any, before: Decimal, entry_rows: list[int]) -> None:
	"""What holds after every posting: the entries, the ledgers, and that posting again posts nothing."""
	names = run_helpers.entries(run)
	made = [frappe.get_doc("Journal Entry", name) for name in names]
	assert [len(entry.accounts) for entry in made] == entry_rows
	for entry in made:
		assert (entry.voucher_type, entry.docstatus) == ("Write Off Entry", 1)
		assert entry.total_debit == entry.total_credit > 0
		assert len(entry.accounts) <= 100
		assert str(entry.posting_date) == TODAY
	assert {item.journal_entry for item in run_helpers.items(run, status="Posted").values()} == set(names)

	assert before - receivables() == written_off(run)
	ledger_checks.assert_debits_equal_credits(HL)
	ledger_checks.assert_ple_equals_gl(HL)

	assert_posting_again_posts_nothing(run)


# -------------------------------------------------------------------------------------------- 250 invoices


def test_two_hundred_and_fifty_invoices():
	settings()
	names = many_invoices(255, amount=lambda number: 1 + number * 0.37, posting_date="2026-01-15")
	paid_in_part = invoice(ANCHOR, 100, "2026-01-15")
	pay(paid_in_part, 90.01, "2026-02-01")
	opted_out = [invoice(ELM, amount, "2026-01-15").name for amount in (5, 6, 7)]
	exclude_balances(ELM)
	too_large = invoice(BREAKWATER, 1000, "2026-01-15").name
	frappe.db.commit()

	run = run_helpers.run(max_invoice_amount=100)
	items = run_helpers.items(run)
	assert set(items) == {*names, paid_in_part.name, *opted_out}
	unticked = [*names[10:16]]
	run.set_selection(selected=False, items=[items[name].name for name in unticked])
	selected = {*names, paid_in_part.name} - set(unticked)
	assert len(selected) == 250

	untouched = {*unticked, *opted_out, too_large}
	before, owed, open_before = ledger_checks.snapshot(HL), receivables(), listed_as_open()
	assert open_before == selected | untouched
	preview = run.preview_entries(limit=100)

	run_helpers.post(run)

	assert run.status == "Posted"
	assert_sound(run, owed, entry_rows=[100, 100, 53])
	assert {outstanding(name) for name in selected} == {0}
	assert set(frappe.get_all("Sales Invoice", {"name": ("in", list(selected))}, pluck="status")) == {"Paid"}
	assert listed_as_open() == untouched
	debit, credit = trial_balance()
	assert debit == credit > 0

	items = run_helpers.items(run)
	assert {items[name].status for name in selected} == {"Posted"}
	assert {(items[name].status, items[name].journal_entry) for name in unticked + opted_out} == {
		("Excluded", None)
	}
	assert items[unticked[0]].message == "Not selected by the user who prepared the run."
	assert items[opted_out[0]].message == "The customer is excluded from write-offs."
	assert (run.posted_count, run.posted_amount) == (250, float(written_off(run)))
	for name in [*names[:3], paid_in_part.name]:
		amount = frappe.db.get_value("Sales Invoice", name, "written_off_amount")
		assert amount == items[name].write_off_amount

	# Nothing else moved: not the unticked, not the excluded, not the payments.
	after = ledger_checks.snapshot(HL)
	for key, values in before.rows.items():
		if key[0] != "Sales Invoice" or key[1] not in selected:
			assert after.rows[key] == values, key
	new = {key[2] for key in after.rows.keys() - before.rows.keys()}
	assert new == set(run_helpers.entries(run))

	# The preview is what was posted.
	assert previewed_by_account(preview) == posted_by_account(run)
	assert (preview["entry_count"], preview["item_count"]) == (3, 250)
	assert preview["total"] == float(written_off(run))
	assert [len(entry["rows"]) for entry in preview["entries"]] == [100, 100, 53]
	for shown, name in zip(preview["entries"], run_helpers.entries(run), strict=True):
		posted = frappe.get_doc("Journal Entry", name)
		assert [
			(row["account"], row["party"], row["reference_name"], row["debit"], row["credit"])
			for row in shown["rows"]
		] == [
			(row.account, row.party or "", row.reference_name or "", row.debit, row.credit)
			for row in posted.accounts
		]

	# And a new run finds only what is left.
	again = run_helpers.run(max_invoice_amount=100)
	assert set(run_helpers.items(again)) == {*unticked, *opted_out}


# ------------------------------------------------------------------------------------------ entries as tables


def test_debit_balances_with_cost_centers_and_a_project():
	settings()
	one = invoice(ANCHOR, 10, "2026-01-15", cost_center=cost_center("North Pier"))
	two = invoice(BREAKWATER, 4.5, "2026-01-16", cost_center=cost_center("South Pier"))
	three = invoice(BREAKWATER, 3, "2026-01-17", cost_center=cost_center("North Pier"))
	four = invoice(ELM, 2, "2026-01-18", cost_center=cost_center("North Pier"), project=project())
	owed, run = receivables(), run_helpers.run()
	preview = run.preview_entries()
	run_helpers.post(run)
	[entry] = run_helpers.entries(run)
	assert ledger(entry) == table(f"""
		account               | party          | cost center     | debit | credit | against
		Bad Debt Expense - HL |                | North Pier - HL | 15.00 |        |
		Bad Debt Expense - HL |                | South Pier - HL |  4.50 |        |
		Debtors - HL          | Anchor Cafe    | North Pier - HL |       |  10.00 | Sales Invoice {one.name}
		Debtors - HL          | Breakwater Bar | South Pier - HL |       |   4.50 | Sales Invoice {two.name}
		Debtors - HL          | Breakwater Bar | North Pier - HL |       |   3.00 | Sales Invoice {three.name}
		Debtors - HL          | Elm School     | North Pier - HL |       |   2.00 | Sales Invoice {four.name}
	""")
	assert posted_by_account(run) == {
		("Bad Debt Expense - HL", "North Pier - HL", ""): (13, 0),
		("Bad Debt Expense - HL", "North Pier - HL", project()): (2, 0),
		("Bad Debt Expense - HL", "South Pier - HL", ""): (4.5, 0),
		("Debtors - HL", "North Pier - HL", ""): (0, 13),
		("Debtors - HL", "North Pier - HL", project()): (0, 2),
		("Debtors - HL", "South Pier - HL", ""): (0, 4.5),
	}
	assert previewed_by_account(preview) == posted_by_account(run)
	assert_sound(run, owed, entry_rows=[7])


def test_credit_balances():
	settings(customer_credits="Ignore")
	one = invoice(ANCHOR, 10, "2026-01-15", is_return=True)
	of = invoice(ELM, 100, "2026-01-15")
	two = credit_note(of, 2.5, "2026-01-20", update_outstanding_for_self=True)
	owed, run = receivables(), run_helpers.run(balance_type="Credit", reason="Unclaimed Credit")
	preview = run.preview_entries()
	run_helpers.post(run)
	[entry] = run_helpers.entries(run)
	assert ledger(entry) == table(f"""
		account                          | party       | cost center | debit | credit | against
		Debtors - HL                     | Anchor Cafe |             | 10.00 |        | Sales Invoice {one.name}
		Debtors - HL                     | Elm School  |             |  2.50 |        | Sales Invoice {two.name}
		Credit Balances Written Off - HL |             | Main - HL   |       |  12.50 |
	""")
	assert [outstanding(one), outstanding(two), outstanding(of)] == [0, 0, 100]
	assert written_off(run) == Decimal("-12.50")
	assert previewed_by_account(preview) == posted_by_account(run)
	assert_sound(run, owed, entry_rows=[3])


def test_foreign_currency_leaves_at_its_carrying_value():
	"""Invoices at different rates, one paid in part at its own and at another: both currencies clear to exactly zero.

	The 17.00 EUR left of the second are 21.00 USD in the books: 24.69 less three times 1.23. At the invoice's rate they
	would be 20.99, and a cent would stay behind for ever.
	"""
	settings()
	one = invoice(HELIOS, 10, "2026-01-15", currency="EUR", rate=1.10)
	two = invoice(HELIOS, 20, "2026-01-16", currency="EUR", rate=1.2345)
	for rate in (1.2345, 1.2345, 1.30):
		pay(two, 1, "2026-02-01", rate=rate)
	three = invoice(ANCHOR, 7, "2026-01-17", currency="EUR", rate=1.10)  # on an account in dollars
	owed, run = receivables(), run_helpers.run()
	preview = run.preview_entries()
	run_helpers.post(run)
	[entry] = run_helpers.entries(run)
	assert ledger(entry) == table(f"""
		account               | party       | cost center | debit |            credit | against
		Bad Debt Expense - HL |             | Main - HL   | 39.70 |                   |
		Debtors - HL          | Anchor Cafe |             |       |              7.70 | Sales Invoice {three.name}
		Debtors EUR - HL      | Helios SARL |             |       | 11.00 (EUR 10.00) | Sales Invoice {one.name}
		Debtors EUR - HL      | Helios SARL |             |       | 21.00 (EUR 17.00) | Sales Invoice {two.name}
	""")
	assert previewed_by_account(preview) == posted_by_account(run)
	assert_sound(run, owed, entry_rows=[4])
	[[base, own]] = frappe.db.sql(
		"SELECT SUM(amount), SUM(amount_in_account_currency) FROM `tabPayment Ledger Entry` WHERE delinked = 0"
	)
	assert (base, own) == (0, 0)


def test_the_reasons_account_comes_before_the_settings_and_those_before_the_companys():
	one = invoice(ANCHOR, 10, "2026-01-15")

	def account_for(reason: str) -> str:
		run = run_helpers.post(run_helpers.run(reason=reason))
		[entry] = run_helpers.entries(run)
		[row] = [row for row in frappe.get_doc("Journal Entry", entry).accounts if row.debit]
		run.cancel()
		assert outstanding(one) == 10
		return row.account

	reason = frappe.get_doc("Write-Off Reason", "Small Balance")
	reason.append("accounts", {"company": HL, "account": account("Small Balances Written Off")})
	reason.save()
	settings()
	assert account_for("Small Balance") == "Small Balances Written Off - HL"
	assert account_for("Uncollectible") == "Bad Debt Expense - HL"
	run_helpers.settings(bad_debt_account=None)
	assert account_for("Uncollectible") == "Write Off - HL"


# ----------------------------------------------------------------------------------------- entries per, rows per


def entries_made(**values: Any) -> list[tuple[int, ...]]:
	"""The amounts that each entry clears, for five invoices: Anchor 1 and 3, Breakwater 2 and 4, Compass 5."""
	settings(**values)
	for amount, customer in enumerate([ANCHOR, BREAKWATER, ANCHOR, BREAKWATER, COMPASS], start=1):
		invoice(customer, amount, f"2026-01-{amount:02d}")
	owed, run = receivables(), run_helpers.run()
	preview = run.preview_entries()
	run_helpers.post(run)
	entries = [frappe.get_doc("Journal Entry", name) for name in run_helpers.entries(run)]
	assert_sound(run, owed, entry_rows=[len(entry.accounts) for entry in entries])
	assert previewed_by_account(preview) == posted_by_account(run)
	made = [tuple(int(row.credit) for row in entry.accounts if row.party) for entry in entries]
	shown = [
		tuple(int(row["credit"]) for row in entry["rows"] if row["party"]) for entry in preview["entries"]
	]
	assert shown == made
	return made


def test_one_entry_for_a_batch():
	assert entries_made(entries_per="Batch") == [(1, 3, 2, 4, 5)]


def test_one_entry_for_each_customer():
	assert entries_made(entries_per="Customer") == [(1, 3), (2, 4), (5,)]


def test_one_entry_for_each_invoice():
	assert entries_made(entries_per="Invoice") == [(1,), (3,), (2,), (4,), (5,)]


def test_at_most_three_rows_in_an_entry():
	"""Two invoices and the expense."""
	assert entries_made(rows_per_entry=3) == [(1, 3), (2, 4), (5,)]


def test_at_most_three_rows_for_each_customer():
	assert entries_made(rows_per_entry=3, entries_per="Customer") == [(1, 3), (2, 4), (5,)]


def test_at_most_two_rows_in_an_entry():
	assert entries_made(rows_per_entry=2) == [(1,), (3,), (2,), (4,), (5,)]
