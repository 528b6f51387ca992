"""A customer that is renamed after the first run posted in sets (case C30)."""

from __future__ import annotations

from typing import Any

import frappe
import pytest
from frappe.model import dynamic_links

from ar_writeoff.posting import proof
from tests.site import ledger_checks, run_helpers
from tests.site.factories import HL, MANAGER, TODAY, as_user, customer, invoice, outstanding

FIELDS = ("party_type", "reference_type")


@pytest.fixture(autouse=True)
def quoted_once(monkeypatch: pytest.MonkeyPatch) -> None:
	"""Frappe's own list of Dynamic Links, with its cache; some releases quote the table name twice, so the query is run here."""
	original = dynamic_links.fetch_distinct_link_doctypes
	sql = frappe.db.sql

	def fetch(doctype: str, fieldname: str) -> list[str]:
		def quoted(query: str, *args: Any, **kwargs: Any) -> Any:
			return sql(query.replace("``", "`"), *args, **kwargs)

		with pytest.MonkeyPatch.context() as patch:
			patch.setattr(frappe.db, "sql", quoted)
			return original(doctype, fieldname)

	monkeypatch.setattr(dynamic_links, "fetch_distinct_link_doctypes", fetch)


def linked(field: str) -> list[str]:
	return dynamic_links.fetch_distinct_link_doctypes("Journal Entry Account", field)


@pytest.mark.corrupts_ledgers
@pytest.mark.parametrize("fast", [1, 0])
def test_c30_a_customer_is_renamed_after_the_first_run(fast, monkeypatch):
	run_helpers.settings(fast_posting=fast)
	monkeypatch.setattr(proof, "MIN_SIZE", 1)
	# Compared with ERPNext's entries before, which are inserted the ordinary way.
	invoice("Elm School", 5, "2026-01-15")
	entries = run_helpers.entries(run_helpers.post(run_helpers.run()))
	frappe.db.delete("Journal Entry Account", {"parent": ("in", entries)})
	name = customer("Old Name")
	bill = invoice(name, 100, "2026-01-15")
	frappe.db.commit()
	for field in FIELDS:
		frappe.cache.delete_value(dynamic_links._dynamic_link_map_key("Journal Entry Account", field))
	assert not {"Customer", "Sales Invoice"} & {*linked("party_type"), *linked("reference_type")}

	run = run_helpers.post(run_helpers.run())
	[entry] = run_helpers.entries(run)
	frappe.db.commit()
	assert "Customer" in linked("party_type") and "Sales Invoice" in linked("reference_type")

	frappe.rename_doc("Customer", name, "New Name", force=True, show_alert=False)
	frappe.db.commit()
	for doctype, filters in (
		("Journal Entry Account", {"parent": entry, "party_type": "Customer"}),
		("GL Entry", {"voucher_no": entry, "party_type": "Customer"}),
		("Payment Ledger Entry", {"voucher_no": entry}),
		("Write-Off Run Item", {"run": run.name}),
	):
		field = "customer" if doctype == "Write-Off Run Item" else "party"
		assert frappe.get_all(doctype, filters, pluck=field) == ["New Name"], doctype

	with as_user(MANAGER):
		frappe.get_doc("Journal Entry", entry)
		run.reload().reinstate([run_helpers.items(run)[bill.name].name], [40], TODAY)
	assert outstanding(bill) == 40
	ledger_checks.assert_ple_equals_gl(HL)
