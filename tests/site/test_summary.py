"""The summary above the list and the preview, with figures calculated by hand."""

from __future__ import annotations

import frappe
import pytest

from ar_writeoff.posting import preview
from tests.site.factories import MANAGER, as_user, customer, exclude_balances, invoice, payment
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
	"""As in posting: 20.00 for 300,000,000 is a rate of 0.000000067, which gives 20.10."""
	monkeypatch.setattr(preview, "skipped_items", lambda *_args: {})
	good = invoice("Anchor Cafe", 4, "2026-01-15")
	odd = invoice("Anchor Cafe", 20, "2026-01-15")
	draft = run()
	frappe.db.set_value(
		"Write-Off Run Item",
		items(draft)[odd.name].name,
		{"currency": "IDR", "outstanding_amount": 300_000_000, "write_off_amount": 300_000_000},
	)
	with as_user(MANAGER):
		plan = draft.preview_entries()
	assert (plan["item_count"], plan["total"]) == (1, 4)
	assert [row["reference_name"] for row in plan["entries"][0]["rows"] if row["party"]] == [good.name]
	assert [problem["voucher_no"] for problem in plan["problems"]] == [odd.name]
	assert "No exchange rate" in plan["problems"][0]["message"]
