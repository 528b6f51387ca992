"""What ERPNext rejects at posting because of earlier entries is named by the preview, balance by balance."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import frappe
import pytest

from ar_writeoff.posting import blockers, preview, trial_ledger
from ar_writeoff.posting import ledger as posting
from tests.site import ledger_checks, run_helpers
from tests.site.bulk_copy import Copy, copy_invoices
from tests.site.db_snapshot import clear_data_caches
from tests.site.factories import (
	HL,
	account,
	cost_center,
	customer,
	invoice,
	new_account,
	pay,
	payment,
	project,
	stopping_budget,
)
from tests.site.test_integrity import recorded_queries

FIRST = "2026-01-15"

in_both_ways = pytest.mark.parametrize("fast", [1, 0])


def named(run: Any) -> dict[str, str]:
	"""The problems in the preview by voucher, which leaves nothing in the database."""
	before = ledger_checks.snapshot(HL)
	plan = frappe.get_doc("Write-Off Run", run.name).preview_entries()
	assert before.diff(ledger_checks.snapshot(HL)) == []
	assert not frappe.db.count("Journal Entry", {"write_off_run": run.name})
	assert not frappe.message_log
	return {problem["voucher_no"]: problem["message"] for problem in plan["problems"]}


def assert_fails_as_named(run: Any, vouchers: list[Any]) -> None:
	"""Exactly these vouchers are named, and fail with the same message; the others are posted."""
	problems = named(run)
	assert problems.keys() == {one.name for one in vouchers}, problems
	run_helpers.post(run)
	failed = {name: row.message for name, row in run_helpers.items(run, status="Failed").items()}
	assert failed == problems
	assert {row.status for row in run_helpers.items(run).values()} <= {"Failed", "Posted"}


def account_rule(name: str, side: str) -> None:
	frappe.db.set_value("Account", account(name), "balance_must_be", side)
	frappe.db.commit()
	clear_data_caches()


@pytest.mark.corrupts_ledgers
@in_both_ways
def test_a_customer_with_ledger_rows_in_two_currencies(fast):
	run_helpers.settings(fast_posting=fast)
	refused = [invoice("Anchor Cafe", amount, FIRST) for amount in (100, 90)]
	invoice("Elm School", 80, FIRST)
	# ERPNext compares with the first row that it finds.
	first = frappe.get_all(
		"GL Entry", {"party": "Anchor Cafe", "company": HL}, pluck="name", order_by="name asc", limit=1
	)
	frappe.db.set_value("GL Entry", first[0], "account_currency", "EUR")
	frappe.db.commit()
	run = run_helpers.run()
	assert all("EUR" in message and "Anchor Cafe" in message for message in named(run).values())
	assert_fails_as_named(run, refused)


@in_both_ways
def test_a_receivable_account_whose_balance_must_be_a_debit(fast):
	run_helpers.settings(fast_posting=fast)
	over = invoice("Anchor Cafe", 100, FIRST, debit_to=account("Other Debtors"))
	invoice("Breakwater Bar", 30, FIRST, debit_to=account("Other Debtors"))
	invoice("Elm School", 60, FIRST)
	payment("Compass Stores", 100, FIRST, paid_from=account("Other Debtors"))
	account_rule("Other Debtors", "Debit")
	run = run_helpers.run()
	[message] = named(run).values()
	assert account("Other Debtors") in message and "Debit" in message
	assert_fails_as_named(run, [over])


@in_both_ways
def test_a_receivable_account_on_the_wrong_side_that_the_entry_would_clear(fast):
	"""ERPNext checks the account with the Payment Ledger rows, before the entry is in the General Ledger."""
	run_helpers.settings(fast_posting=fast)
	bill = invoice("Anchor Cafe", 0.02, FIRST, debit_to=account("Other Debtors"))
	invoice("Elm School", 60, FIRST)
	account_rule("Other Debtors", "Credit")
	run = run_helpers.run()
	[message] = named(run).values()
	assert account("Other Debtors") in message and "Credit" in message
	assert_fails_as_named(run, [bill])


@in_both_ways
def test_an_offset_account_whose_balance_must_be_a_credit(fast):
	run_helpers.settings(fast_posting=fast)
	for amount in (100, 30, 60):
		invoice("Anchor Cafe", amount, FIRST)
	run = run_helpers.run()
	account_rule("Write Off", "Debit")
	assert named(run) == {}
	account_rule("Write Off", "Credit")
	message = named(run)[""]
	assert message.startswith(f"The balance of account {account('Write Off')} must always be Credit.")
	assert "Write-Off Settings" in message
	with pytest.raises(frappe.ValidationError, match="must always be Credit"):
		run_helpers.post(run)
	frappe.db.rollback()
	assert run_helpers.status(run) == "Draft"


@pytest.mark.parametrize("rows_per_entry", [2, 100])
@in_both_ways
def test_a_budget_that_the_run_exceeds(fast, rows_per_entry):
	"""Cumulative over the run: what is posted first uses the budget up."""
	run_helpers.settings(fast_posting=fast, rows_per_entry=rows_per_entry)
	stopping_budget(account("Write Off"), cost_center("North Pier"), 25)
	for name, amount in (
		("Anchor Cafe", 10),
		("Breakwater Bar", 20),
		("Compass Stores", 14),
		("Elm School", 9),
	):
		invoice(name, amount, FIRST, cost_center=cost_center("North Pier"))
	invoice("Dover Council", 99, FIRST, cost_center=cost_center("South Pier"))
	frappe.db.commit()
	run = run_helpers.run()
	left, over = 25, []
	for row in frappe.get_all(
		"Write-Off Run Item", {"run": run.name}, ["voucher_no", "outstanding_amount"], order_by="name asc"
	):
		if row.outstanding_amount > 90:
			continue
		if row.outstanding_amount > left:
			over.append(frappe._dict(name=row.voucher_no))
		else:
			left -= row.outstanding_amount
	assert over
	assert all("Budget" in message for message in named(run).values())
	assert_fails_as_named(run, over)


def test_a_monthly_budget_that_stops():
	stopping_budget(
		account("Write Off"),
		cost_center("North Pier"),
		24,
		action_if_annual_budget_exceeded="Ignore",
		action_if_accumulated_monthly_budget_exceeded="Stop",
	)
	over = invoice("Anchor Cafe", 13, FIRST, cost_center=cost_center("North Pier"))
	invoice("Elm School", 80, FIRST)
	frappe.db.commit()
	assert_fails_as_named(run_helpers.run(), [over])


def test_a_budget_that_warns_is_no_problem():
	stopping_budget(
		account("Write Off"), cost_center("North Pier"), 5, action_if_annual_budget_exceeded="Warn"
	)
	invoice("Anchor Cafe", 13, FIRST, cost_center=cost_center("North Pier"))
	frappe.db.commit()
	assert_fails_as_named(run_helpers.run(), [])


def copies(name: str, count: int, of: str = "Anchor Cafe", **fields: Any) -> list[str]:
	"""Invoices of 10.00 each, with the names."""
	template = invoice(of, 10, FIRST, **fields)
	made = [f"{name}-{number:03d}" for number in range(1, count)]
	copy_invoices(template, [Copy(one, FIRST, "2026-02-14", Decimal(10)) for one in made])
	return [template.name, *made]


@pytest.mark.corrupts_ledgers
def test_every_problem_of_1000_balances_is_named():
	"""Several kinds of problems at once, spread over the batches: each balance that fails is named with its message."""
	closed = new_account("Closed Debtors", "Accounts Receivable", account_type="Receivable")
	names = {
		"fine": copies("FINE", 860),
		"budget": copies("BUDGET", 20, cost_center=cost_center("North Pier")),
		"project": copies("PROJECT", 20, project=project()),
		"cost center": copies("GROUP", 20, cost_center=cost_center("South Pier")),
		"currency": copies("CURRENCY", 20, "Elm School"),
		"side": copies("SIDE", 20, "Compass Stores", debit_to=account("Other Debtors")),
		"paid": copies("PAID", 10),
		"frozen": copies("FROZEN", 10, customer("Frozen Ltd")),
		"closed": copies("CLOSED", 20, "Breakwater Bar", debit_to=closed),
	}
	payment("Dover Council", 150, FIRST, paid_from=account("Other Debtors"))
	run = run_helpers.run()
	assert run.selected_count == 1000

	stopping_budget(account("Write Off"), cost_center("North Pier"), 105)
	entry = frappe.qb.DocType("GL Entry")
	frappe.qb.update(entry).set(entry.project, "PROJ-GONE").where(
		entry.voucher_no.isin(names["project"]) & (entry.party_type == "Customer")
	).run()
	frappe.db.set_value("Cost Center", cost_center("South Pier"), "is_group", 1)
	[first] = frappe.get_all("GL Entry", {"party": "Elm School"}, pluck="name", order_by="name asc", limit=1)
	frappe.db.set_value("GL Entry", first, "account_currency", "EUR")
	for name in names["paid"]:
		pay(frappe.get_doc("Sales Invoice", name))
	frappe.db.set_value("Customer", "Frozen Ltd", "is_frozen", 1)
	frappe.db.set_value("Account", closed, "disabled", 1)
	account_rule("Other Debtors", "Debit")

	plan = run.preview_entries()
	assert plan["skipped_count"] == 40
	assert sorted(row["count"] for row in plan["skipped"]) == [10, 10, 20]
	problems = named(run)
	counts = {kind: sum(name in problems for name in vouchers) for kind, vouchers in names.items()}
	assert counts == {
		"fine": 0,
		"budget": 10,
		"project": 20,
		"cost center": 20,
		"currency": 20,
		"side": 15,
		"paid": 0,
		"frozen": 0,
		"closed": 0,
	}
	assert plan["item_count"] == 1000 - 40 - 85
	words = {
		"budget": "Budget",
		"project": "PROJ-GONE",
		"cost center": "South Pier",
		"currency": "EUR",
		"side": "Debit",
	}
	for kind, word in words.items():
		assert all(word in problems[name] for name in names[kind] if name in problems), kind

	run_helpers.post(run)
	after = run_helpers.items(run)
	assert {name: row.message for name, row in after.items() if row.status == "Failed"} == problems
	assert sum(row.status == "Skipped" for row in after.values()) == 40
	assert run.posted_count == plan["item_count"]


# Bounds


@pytest.fixture
def tried(monkeypatch: pytest.MonkeyPatch) -> list[int]:
	"""The number of balances in each entry that is tried."""
	sizes: list[int] = []
	original = trial_ledger.TrialLedger.add

	def add(self: Any, plan: Any) -> Any:
		sizes.append(len(plan.items))
		return original(self, plan)

	monkeypatch.setattr(trial_ledger.TrialLedger, "add", add)
	return sizes


def test_an_account_on_the_wrong_side_is_asked_once(tried):
	"""Every balance is named, with as many queries for 45 as for 15."""
	payment("Dover Council", 5000, FIRST, paid_from=account("Other Debtors"))
	counts = []
	for number in (15, 30):
		account_rule("Other Debtors", "")
		copies(f"SIDE{number}", number, "Compass Stores", debit_to=account("Other Debtors"))
		run = run_helpers.run()
		account_rule("Other Debtors", "Debit")
		run.preview_entries()
		tried.clear()
		with recorded_queries() as queries:
			problems = run.preview_entries()["problems"]
		assert len(problems) == run.selected_count > 0 and len(tried) > len(problems)
		assert all("Debit" in problem["message"] for problem in problems)
		counts.append(len(queries))
		asked = [query for query in queries if "sum(debit) - sum(credit)" in query.lower()]
		assert len(asked) <= 1, asked
	assert counts[1] <= counts[0], counts


def test_a_used_up_budget_is_not_asked_for_each_balance(tried, monkeypatch):
	monkeypatch.setattr(preview, "MAX_REJECTED", 5)
	stopping_budget(account("Write Off"), cost_center("North Pier"), 5)
	copies("OVER", 60, cost_center=cost_center("North Pier"))
	invoice("Elm School", 80, FIRST, cost_center=cost_center("South Pier"))
	frappe.db.commit()
	run = run_helpers.run()
	plan = run.preview_entries()
	*rejected, rest = plan["problems"]
	assert len(rejected) == 5 and all("Budget" in one["message"] for one in rejected)
	unchecked = 61 - 5 - plan["item_count"]
	assert rest["voucher_no"] == "" and f" {unchecked} more balances" in rest["message"]
	assert len(tried) <= 5 * 2 + 2 * 7, tried


def test_a_deadlock_while_entries_are_tried_is_raised_as_it_is(monkeypatch):
	"""There is no savepoint left to go back to. The caller begins again."""

	def deadlock(_account: str) -> None:
		frappe.db.rollback()
		raise frappe.QueryDeadlockError(1213, "Deadlock found")

	monkeypatch.setattr(trial_ledger, "validate_balance_type", deadlock)
	invoice("Anchor Cafe", 10, FIRST)
	run = run_helpers.run()
	frappe.db.commit()
	account_rule("Write Off", "Credit")
	with pytest.raises(frappe.QueryDeadlockError):
		run.preview_entries()


def test_one_trial_ledger_for_all_balances_of_the_sample():
	for _number in range(3):
		invoice("Anchor Cafe", 10, FIRST)
	run = run_helpers.run()
	account_rule("Write Off", "Credit")
	rules = preview.run_terms.rules_of(preview.approval.terms_of(run))
	rows = frappe.get_all("Write-Off Run Item", {"run": run.name}, ["*"])
	items = posting.to_plan_items(posting.items_from_rows(rows, HL), rules)
	with recorded_queries() as queries:
		assert len(blockers.balance_blockers(rules, items)) == 1
	assert len([query for query in queries if "savepoint write_off_trial_ledger" in query.lower()]) == 2
	assert len([query for query in queries if "sum(debit) - sum(credit)" in query.lower()]) <= 1


@pytest.mark.parametrize("entries_per", ["Batch", "Customer", "Invoice"])
def test_currencies_of_customers_are_read_once_for_a_batch(entries_per, monkeypatch):
	run_helpers.settings(fast_posting=1, entries_per=entries_per)
	for number in range(12):
		invoice(customer(f"Debtor {number:02d}"), 10, FIRST)
	run = run_helpers.run()
	stopping_budget(account("Write Off"), cost_center("Main"), 35)

	def booked(queries: list[str]) -> int:
		return sum("tabCustomer" in query and "account_currency" in query for query in queries)

	with recorded_queries() as queries:
		run.preview_entries()
	assert booked(queries) == 1

	counts = {}
	original = posting.Batch.post

	def post(self: Any, method: str) -> Any:
		before = len(divided)
		with recorded_queries() as queries:
			outcomes = original(self, method)
		counts[method, len(divided) - before] = booked(queries)
		return outcomes

	# What a rejected entry has read is read again, together.
	divided: list[Any] = []
	roll_back = posting.Poster.roll_back
	monkeypatch.setattr(
		posting.Poster, "roll_back", lambda self, before: (divided.append(before), roll_back(self, before))
	)
	monkeypatch.setattr(posting.Batch, "post", post)
	run_helpers.post(run)
	assert counts
	for (method, rollbacks), number in counts.items():
		assert number <= 1 + (rollbacks if method == "In Sets" else 0), counts
	assert {row.status for row in run_helpers.items(run).values()} == {"Posted", "Failed"}
