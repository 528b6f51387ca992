"""Wrong arguments of whitelisted methods are refused with a message, not with an error of the server."""

from __future__ import annotations

from typing import Any

import frappe
import pytest

from ar_writeoff.ar_writeoff.dashboard_chart_source.write_offs import write_offs
from ar_writeoff.search import from_invoices
from tests.site import run_helpers
from tests.site.factories import HL, invoice


@pytest.mark.parametrize(
	("method", "arguments"),
	[
		("get_items", {"filters": "x"}),
		("get_items", {"filters": "[]"}),
		("get_items", {"filters": {"customer": {"a": 1}}}),
		("get_items", {"filters": {"outstanding_amount": ["<", ["5"]]}}),
		("get_items", {"more_columns": "customer_group"}),
		("get_items", {"more_columns": '[["customer_group"]]'}),
		("get_items", {"sort_by": "x"}),
		("get_customers", {"filters": "x"}),
		("set_selection", {"items": "abc"}),
		("set_selection", {"items": '{"a": 1}'}),
		("set_selection", {"items": '[{"a": 1}]'}),
		("set_selection", {"filters": "abc"}),
		("export_items", {"filters": "3"}),
		("set_write_off_amount", {"item": "x", "amount": "1,50"}),
	],
)
def test_a_wrong_argument_of_a_draft_is_refused(method: str, arguments: dict[str, Any]):
	invoice("Anchor Cafe", 4, "2026-01-15")
	run = run_helpers.run()
	with pytest.raises(frappe.ValidationError):
		getattr(run, method)(**arguments)


@pytest.mark.parametrize(
	"arguments", [{"items": "abc"}, {"items": [["a"]]}, {"items": "[]", "amounts": "abc"}]
)
def test_a_wrong_argument_of_a_reinstatement_is_refused(arguments: dict[str, Any]):
	invoice("Anchor Cafe", 4, "2026-01-15")
	run = run_helpers.post(run_helpers.run())
	with pytest.raises(frappe.ValidationError):
		run.reinstate(**arguments)


def test_wrong_arguments_outside_a_run_are_refused():
	for method in (from_invoices.get_my_drafts, from_invoices.write_off_invoices):
		for invoices in ("abc", '{"a": 1}', "[[1]]", "[]"):
			with pytest.raises(frappe.ValidationError):
				method(invoices)
	with pytest.raises(frappe.ValidationError):
		write_offs.get(filters="x")


@pytest.mark.parametrize(("start", "page_length"), [(0, -3), (-1, 0), (0, 10**20)])
def test_a_page_has_a_length(start: Any, page_length: Any):
	invoice("Anchor Cafe", 4, "2026-01-15")
	run = run_helpers.run()
	assert len(run.get_items(start=start, page_length=page_length)["items"]) == 1
	assert len(run.get_customers(start=start, page_length=page_length)["customers"]) == 1
	assert run.get_items(start=10**20)["items"] == []


def test_arguments_may_be_json_or_not():
	bill = invoice("Anchor Cafe", 4, "2026-01-15")
	run = run_helpers.run(company=HL)
	[row] = run.get_items(filters='{"voucher_no": "' + bill.name + '"}', more_columns='["invoice_total"]')[
		"items"
	]
	assert row.invoice_total == 4
	assert run.get_items(filters="", more_columns="")["total"] == 1
	assert run.set_selection(selected=0, items=f'["{row.name}"]')["selected"]["count"] == 0
	assert run.set_selection(selected=1, items="[]")["selected"]["count"] == 0, "no item is not all items"
