"""Small differences after payments are added to the draft run of the day, up to the maximum of the company."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import frappe
import pytest
from frappe.database.database import Database
from frappe.utils import add_to_date, now_datetime, today

from ar_writeoff.schedules import service as schedules
from ar_writeoff.search import from_invoices
from ar_writeoff.search.small_differences import add_to_boot, write_off_rest, write_off_rest_of_bank
from tests.site import run_helpers
from tests.site.concurrency import ConcurrentSession
from tests.site.factories import (
	HL,
	MANAGER,
	NW,
	PREPARER,
	as_user,
	bank_account,
	bank_transaction,
	credit_note,
	invoice,
	journal,
	line,
	outstanding,
	pay,
	permit,
	user,
)
from tests.site.posting_checks import post_and_check

FIRST = "2026-01-15"


@pytest.fixture(autouse=True)
def tolerance(site: str) -> None:
	run_helpers.settings(difference_amount=1, difference_reason="Rounding Difference")


def paid(amount: float, left: float, customer: str = "Anchor Cafe", **fields: Any) -> Any:
	"""An invoice of this amount on which this is left after a payment."""
	bill = invoice(customer, amount, FIRST, **fields)
	pay(bill, amount - left, FIRST)
	return bill


def rest(*bills: Any, by: str = PREPARER) -> dict[str, Any]:
	with as_user(by):
		return write_off_rest([bill.name for bill in bills])


def test_w03_what_a_payment_leaves_open_goes_into_the_run_of_the_day_and_is_posted():
	bill, second = paid(100, 0.4), paid(50, 0.3, "Elm School")
	untouched = invoice("Anchor Cafe", 0.5, FIRST)
	result = rest(bill)
	assert (result["added"], result["left_out"]) == (1, [])
	run = frappe.get_doc("Write-Off Run", result["run"])
	assert (run.reason, str(run.posting_date), run.max_invoice_amount, run.owner) == (
		"Rounding Difference",
		today(),
		1,
		PREPARER,
	)
	# The same draft, for another customer and another user.
	assert rest(second, by=MANAGER) == {"run": run.name, "added": 1, "left_out": []}
	assert set(run_helpers.items(run)) == {bill.name, second.name}
	assert rest(bill)["added"] == 0
	run.reload()
	assert (run.selected_count, run.selected_amount) == (2, 0.7)
	# A search of the run finds the same, not every small balance.
	with as_user(MANAGER):
		run.find_invoices()
	assert set(run_helpers.items(run)) == {bill.name, second.name}
	post_and_check(run)
	assert [outstanding(one) for one in (bill, second, untouched)] == [0, 0, 0.5]
	# The next one of the day has a draft of its own.
	third = paid(70, 0.2)
	assert rest(third)["run"] != run.name


def test_a_draft_whose_approval_is_requested_is_left_alone():
	first = rest(paid(100, 0.4))
	frappe.db.set_value("Write-Off Run", first["run"], "approval_requested_on", "2026-06-30 12:00:00")
	assert rest(paid(50, 0.3))["run"] != first["run"]


@pytest.mark.parametrize(
	("amount", "left", "share", "added"),
	[
		(100, 1, 0, 1),
		(100, 1.01, 0, 0),
		(100, 0.5, 0.5, 1),
		(100, 0.51, 0.5, 0),
	],
)
def test_amount_and_share_of_the_tolerance(amount: float, left: float, share: float, added: int):
	run_helpers.settings(difference_share=share)
	bill = paid(amount, left)
	result = rest(bill)
	assert result["added"] == added
	assert [row["voucher_no"] for row in result["left_out"]] == ([] if added else [bill.name])


def test_what_is_left_after_a_credit_note_counts_and_an_invoice_without_a_payment_does_not():
	returned = invoice("Anchor Cafe", 10, FIRST)
	credit_note(returned, 9.5)
	untouched = invoice("Anchor Cafe", 0.5, FIRST)
	result = rest(returned, untouched)
	assert result["added"] == 1
	assert [row["voucher_no"] for row in result["left_out"]] == [untouched.name]


def test_what_is_on_hold_is_left_out():
	bill = paid(100, 0.4)
	frappe.get_doc(
		{
			"doctype": "Write-Off Hold",
			"company": HL,
			"voucher_type": "Sales Invoice",
			"voucher_no": bill.name,
			"kind": "Dispute",
		}
	).insert()
	result = rest(bill)
	assert result["added"] == 0
	assert "on hold" in result["left_out"][0]["message"]


def rest_of_bank(bank: str, from_date: str = "2026-06-01", by: str = PREPARER) -> dict[str, Any]:
	with as_user(by):
		return write_off_rest_of_bank(bank, from_date, "2026-06-30")


def test_what_payments_of_reconciled_bank_transactions_leave_open():
	bank = bank_account()
	small, large, full, earlier = (invoice("Anchor Cafe", 100, FIRST) for _number in range(4))
	for bill, amount, date in (
		(small, 99.6, "2026-06-30"),
		(large, 90, "2026-06-30"),
		(full, 100, "2026-06-30"),
		(earlier, 99.7, "2026-05-31"),
	):
		bank_transaction(bank, pay(bill, amount, date), amount, date)
	not_from_this_bank = paid(100, 0.2)
	result = rest_of_bank(bank)
	assert (result["added"], result["left_out"]) == (1, [])
	assert set(run_helpers.items(result["run"])) == {small.name}
	assert rest_of_bank(bank, "2026-05-01") == {"run": result["run"], "added": 1, "left_out": []}
	assert set(run_helpers.items(result["run"])) == {small.name, earlier.name}
	assert not_from_this_bank.name not in run_helpers.items(result["run"])
	run = frappe.get_doc("Write-Off Run", result["run"])
	post_and_check(run)
	assert [outstanding(bill) for bill in (small, large, full, earlier)] == [0, 10, 0, 0]
	assert rest_of_bank(bank) == {"run": None, "added": 0, "left_out": []}


def test_more_rests_of_the_bank_than_invoices_can_be_chosen_by_hand(monkeypatch: pytest.MonkeyPatch):
	monkeypatch.setattr(from_invoices, "MAX_INVOICES", 1)
	bank, bills = bank_account(), [invoice("Anchor Cafe", 100, FIRST) for _number in range(2)]
	for bill in bills:
		bank_transaction(bank, pay(bill, 99.6, "2026-06-30"), 99.6, "2026-06-30")
	assert rest_of_bank(bank)["added"] == 2


def test_what_a_journal_entry_of_a_reconciled_bank_transaction_leaves_open():
	bank, bill = bank_account(), invoice("Anchor Cafe", 100, FIRST)
	entry = journal(line("Debtors", credit=99.6, party="Anchor Cafe", against=bill), line("House Bank", 99.6))
	bank_transaction(bank, entry, 99.6)
	result = rest_of_bank(bank)
	assert (result["added"], set(run_helpers.items(result["run"]))) == (1, {bill.name})


def test_of_a_bank_account_of_another_company_or_without_a_period_nothing_is_told():
	bank = bank_account()
	clerk = user("bank.clerk@example.com", "Accounts User")
	permit(clerk, "Company", NW)
	with pytest.raises(frappe.PermissionError):
		rest_of_bank(bank, by=clerk)
	with pytest.raises(frappe.PermissionError):
		rest_of_bank(bank, by="auditor@example.com")
	with pytest.raises(frappe.ValidationError, match="Enter the period"):
		rest_of_bank(bank, from_date="")


# A schedule after payments


def after_payments(**values: Any) -> Any:
	with as_user(MANAGER):
		doc = frappe.get_doc(
			{
				"doctype": "Write-Off Schedule",
				"schedule_name": "What payments leave",
				"company": HL,
				"reason": "Rounding Difference",
				"frequency": "After Payments",
				"cutoff_rule": "Day of the Run",
				"posting_rule": "Day of the Run",
				"max_invoice_amount": 1,
				**values,
			}
		).insert()
	frappe.db.commit()
	return doc


def an_hour_passes(schedule: Any) -> list[Any]:
	"""Let the schedule be due, and return its logs."""
	# The period is named by its minute, and a test may take minutes on a busy machine.
	schedule.flags.hours = (schedule.flags.hours or 0) + 1
	past = add_to_date(now_datetime(), minutes=-10 * schedule.flags.hours)
	schedule.reload().db_set({"next_run_on": past, "next_planned_on": past})
	age = add_to_date(now_datetime(), hours=-1)
	frappe.db.set_value("Write-Off Schedule Log", {"schedule": schedule.name}, "started_on", age)
	frappe.db.commit()
	schedules.run_due()
	return frappe.get_all(
		"Write-Off Schedule Log",
		filters={"schedule": schedule.name},
		fields=["result", "run", "message"],
		order_by="creation asc",
	)


def test_a_schedule_takes_up_what_payments_left_since_it_last_ran():
	before = paid(100, 0.2)
	frappe.db.sql("UPDATE `tabPayment Ledger Entry` SET creation = '2026-01-15', modified = '2026-01-15'")
	schedule = after_payments()
	assert schedule.only_remainders
	assert an_hour_passes(schedule) == [], "no payment, no log"
	first, large, open_bill = paid(100, 0.4), paid(100, 1.1), invoice("Anchor Cafe", 0.5, FIRST)
	[log] = an_hour_passes(schedule)
	assert log.result == "Prepared"
	assert set(run_helpers.items(log.run)) == {first.name}
	assert len(an_hour_passes(schedule)) == 1, "what is in the draft already is not taken up again"
	second = paid(50, 0.3, "Elm School")
	logs = an_hour_passes(schedule)
	assert [entry.result for entry in logs] == ["Prepared", "Prepared"]
	assert set(run_helpers.items(logs[1].run)) == {second.name}
	assert [outstanding(bill) for bill in (before, large, open_bill)] == [0.2, 1.1, 0.5]


def test_it_posts_within_its_caps():
	schedule = after_payments(action="Post Within Limits", max_item_amount=1)
	bill = paid(100, 0.4)
	[log] = an_hour_passes(schedule)
	assert log.result == "Submitted"
	assert outstanding(bill) == 0


def test_it_is_for_debit_balances():
	with pytest.raises(frappe.ValidationError, match="After Payments can be used for debit balances only"):
		after_payments(balance_type="Credit", reason="Unclaimed Credit")


def test_a_payment_costs_no_query_more(monkeypatch: pytest.MonkeyPatch):
	"""Nothing of small differences runs with a payment, whether it leaves something or not."""

	def queries(left: float) -> int:
		bill = invoice("Anchor Cafe", 100, FIRST)
		with counted_queries(monkeypatch) as found:
			pay(bill, 100 - left, FIRST)
		return len(found)

	def measured() -> list[int]:
		queries(0), queries(0.4)  # with what ERPNext reads once
		return [queries(0), queries(0.4)]

	run_helpers.settings(difference_amount=0)
	without = measured()
	run_helpers.settings(difference_amount=1)
	after_payments()
	assert measured() == without


@contextmanager
def counted_queries(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
	"""The statements that are sent within the block."""
	found: list[str] = []
	sql = Database.sql

	def recorded(self: Any, query: Any, *args: Any, **kwargs: Any) -> Any:
		found.append(str(query))
		return sql(self, query, *args, **kwargs)

	monkeypatch.setattr(Database, "sql", recorded)
	yield found
	monkeypatch.setattr(Database, "sql", sql)


def test_a_foreign_invoice_is_judged_in_company_currency():
	small = paid(100, 0.6, "Helios SARL", currency="EUR", rate=1.5)
	large = paid(100, 0.7, "Helios SARL", currency="EUR", rate=1.5)
	result = rest(small, large)
	assert result["added"] == 1
	assert [row["voucher_no"] for row in result["left_out"]] == [large.name]


def test_off_by_default_and_refused_then():
	bill = paid(100, 0.4)
	run_helpers.settings(difference_amount=0)
	with pytest.raises(frappe.ValidationError) as error:
		rest(bill)
	assert "Maximum Difference" in str(error.value)
	assert boot(PREPARER) == {}
	with pytest.raises(frappe.ValidationError):
		rest(invoice("Fischhaus Kiel", 10, FIRST, company=NW))


def test_what_is_paid_in_full_is_refused():
	bill = invoice("Anchor Cafe", 10, FIRST)
	pay(bill)
	with pytest.raises(frappe.ValidationError):
		rest(bill)
	assert not frappe.db.count("Write-Off Run")


@pytest.mark.parametrize(
	"values",
	[
		{"difference_amount": -1},
		{"difference_share": 101},
		{"difference_share": -1},
		{"difference_reason": "Unclaimed Credit"},
	],
)
def test_settings_that_do_not_fit_are_refused(values: dict[str, Any]):
	with pytest.raises(frappe.ValidationError):
		run_helpers.settings(**values)


def boot(email: str) -> dict[str, float]:
	info = frappe._dict()
	with as_user(email):
		add_to_boot(info)
	return info.small_differences


def test_the_desk_knows_the_tolerance_without_asking():
	assert boot(PREPARER) == {HL: 1}
	assert boot("outsider@example.com") == boot("auditor@example.com") == {}
	clerk = user("clerk@example.com", "Accounts User")
	permit(clerk, "Company", NW)
	assert boot(clerk) == {}


def test_two_users_at_the_same_time_share_one_draft():
	bills = [paid(100, 0.4), paid(50, 0.3, "Elm School")]
	frappe.db.commit()

	def work(bill: Any) -> Any:
		def add() -> str:
			result = write_off_rest([bill.name])
			frappe.db.commit()
			return result["run"]

		return add

	sessions = [ConcurrentSession(work(bill), PREPARER) for bill in bills]
	runs = {session.result() for session in sessions}
	frappe.db.rollback()
	assert len(runs) == 1
	assert set(run_helpers.items(runs.pop())) == {bill.name for bill in bills}
