"""The summary above the list and the preview, with figures calculated by hand."""

from __future__ import annotations

import frappe
import pytest

from ar_writeoff.posting import preview
from ar_writeoff.review.evidence import write_off_run_evidence
from tests.site.factories import MANAGER, as_user, customer, exclude_balances, invoice, pay, payment
from tests.site.run_helpers import items, post, run


def test_counts_sums_ages_and_customers_of_a_list(site: str):
	small = invoice("Anchor Cafe", 4, "2026-06-20")
	invoice("Anchor Cafe", 6, "2026-01-15")
	invoice("Breakwater Bar", 15, "2026-01-15")
	invoice("Compass Stores", 5.55, "2026-02-01")
	exclude_balances("Compass Stores")
	draft = run()
	with as_user(MANAGER):
		draft.set_selection(selected=0, items=[items(draft)[small.name].name])
		summary = draft.get_summary()
	assert summary["counts"] == {"Open": 3, "Excluded": 1}
	assert summary["found"] == {"count": 3, "base_amount": 25}
	assert summary["selected"] == {
		"count": 2,
		"base_amount": 21,
		"by_currency": [{"currency": "USD", "count": 2, "amount": 21, "base_amount": 21}],
	}
	assert [(row["label"], row["count"], row["base_amount"]) for row in summary["excluded"]] == [
		("Customer excluded from write-offs", 1, 5.55)
	]
	assert sum(row["base_amount"] for row in summary["ageing"]) == 25
	assert [row["bucket"] for row in summary["ageing"]] == ["0-30", "31-60", "61-90", "91-120", "over 120"]
	assert [(row.customer, row.count, row.base_amount) for row in summary["customers"]] == [
		("Breakwater Bar", 1, 15),
		("Anchor Cafe", 2, 10),
	]
	assert summary["amounts_editable"] == 1
	post(draft)
	with as_user(MANAGER):
		summary = draft.get_summary()
	assert summary["amounts_editable"] == 0
	assert summary["posted"] == {"count": 2, "base_amount": 21}


def test_the_largest_credits_come_first(site: str):
	for number in range(12):
		customer(f"Creditor {number:02}")
		payment(f"Creditor {number:02}", 1 + number, "2026-01-15")
	draft = run(balance_type="Credit")
	with as_user(MANAGER):
		shown = draft.get_summary()["customers"]
	assert [(row.customer, row.base_amount) for row in shown[:2]] == [
		("Creditor 11", -12),
		("Creditor 10", -11),
	]
	assert len(shown) == 10


def test_the_preview_names_what_no_entry_can_write_off(site: str, monkeypatch: pytest.MonkeyPatch):
	"""As in posting: 20.00 for 300,000,000,000 is less than the smallest rate, of one in 1,000,000,000."""
	monkeypatch.setattr(preview, "skipped_items", lambda *_args: {})
	good = invoice("Anchor Cafe", 4, "2026-01-15")
	odd = invoice("Anchor Cafe", 20, "2026-01-15")
	draft = run()
	frappe.db.set_value(
		"Write-Off Run Item",
		items(draft)[odd.name].name,
		{"currency": "IDR", "outstanding_amount": 300_000_000_000, "write_off_amount": 300_000_000_000},
	)
	with as_user(MANAGER):
		plan = draft.preview_entries()
	assert (plan["item_count"], plan["total"]) == (1, 4)
	assert [row["reference_name"] for row in plan["entries"][0]["rows"] if row["party"]] == [good.name]
	assert [problem["voucher_no"] for problem in plan["problems"]] == [odd.name]
	assert "No exchange rate" in plan["problems"][0]["message"]


def test_every_result_has_count_and_amount(site: str):
	changed, given_back, kept = (
		invoice(name, amount, "2026-01-15")
		for name, amount in (("Anchor Cafe", 10), ("Breakwater Bar", 4), ("Compass Stores", 7))
	)
	done = run()
	pay(changed, 3)
	post(done)

	def amounts(*kinds: str) -> list[tuple[int, float]]:
		with as_user(MANAGER):
			summary = done.reload().get_summary()
		return [(summary[kind]["count"], summary[kind]["base_amount"]) for kind in kinds]

	assert amounts("posted", "not_posted", "reversed", "conflict") == [(2, 11), (1, 10), (0, 0), (0, 0)]
	with as_user(MANAGER):
		done.reinstate([items(done)[given_back.name].name], [4], "2026-06-30")
	# A balance reinstated in full is recovered, not undone.
	assert amounts("posted", "recovered", "reversed") == [(1, 7), (1, 4), (0, 0)]
	with as_user(MANAGER):
		done.reverse("2026-06-30", dated=True)
	assert amounts("posted", "not_posted", "recovered", "reversed") == [(0, 0), (1, 10), (1, 4), (1, 7)]
	assert kept


def test_the_evidence_has_one_line_for_balances_that_differ_by_an_amount(site: str):
	bills = [
		invoice(name, amount, "2026-01-15")
		for name, amount in (("Anchor Cafe", 10), ("Breakwater Bar", 4), ("Compass Stores", 7))
	]
	done = run()
	for bill in bills[:2]:
		pay(bill, 1)
	post(done)
	messages = {items(done)[bill.name].message for bill in bills[:2]}
	assert len(messages) == 2, "each with its amounts in the list"
	with as_user(MANAGER):
		evidence = write_off_run_evidence(frappe.get_doc("Write-Off Run", done.name))
	assert evidence["not_posted"] == [{"message": "Balance changed", "count": 2}]
