"""India Compliance on the site: it refuses entries on GST accounts without the GSTIN of the company.

The company of these tests is moved to India, with GSTIN, and its tax accounts are GST accounts.
"""

from __future__ import annotations

from typing import Any

import frappe
import pytest

from tests.site import run_helpers
from tests.site.factories import HL, MANAGER, as_user, outstanding
from tests.site.ledger_checks import gl_table
from tests.site.test_tax_at_once import use_method
from tests.site.test_tax_claims import claims, taxed
from tests.site.test_tax_rules import tax_account, use_rule
from tests.site.test_tax_runs import RELIEF, entries, tax_run, written_off

GSTIN = "24AAQCA8719H1ZC"
MESSAGE = (
	"Company GSTIN is mandatory if any GST account is present. Set a default for the field, or enter a value in the"
	f" Write-Off Settings of {HL}."
)


def gst_account(account_type: str, account: str) -> None:
	frappe.get_doc(
		{
			"doctype": "GST Account",
			"parent": "GST Settings",
			"parenttype": "GST Settings",
			"parentfield": "gst_accounts",
			"account_type": account_type,
			"company": HL,
			"cgst_account": account,
			"sgst_account": tax_account(f"SGST {account_type}"),
			"igst_account": tax_account(f"IGST {account_type}"),
		}
	).insert()


def move_to_india() -> None:
	"""After the invoices: India Compliance checks addresses and tax rates of an Indian invoice, which is not meant here."""
	values = {"country": "India", "gstin": GSTIN, "gst_category": "Registered Regular"}
	frappe.db.set_value("Company", HL, values)
	gst_account("Output", tax_account())
	gst_account("Input", tax_account("VAT on Bad Debts"))
	frappe.db.commit()
	frappe.clear_cache()


def enter_gstin() -> None:
	value = {"applies_to": "Journal Entry", "entry_field": "Company GSTIN", "value": GSTIN}
	run_helpers.settings(entry_values=[value])


def refused(run: Any) -> None:
	"""Named by the preview and on submit; nothing is posted."""
	frappe.db.commit()
	before = frappe.db.count("GL Entry")
	with as_user(MANAGER):
		[problem] = run.preview_entries()["problems"]
	assert problem["message"] == MESSAGE
	with pytest.raises(frappe.ValidationError, match="Company GSTIN is mandatory"):
		run_helpers.post(run)
	frappe.db.rollback()
	assert run.reload().status == "Draft"
	assert frappe.db.count("GL Entry") == before


def gstin_of_rows(entry: str) -> set[tuple[str, str]]:
	rows = frappe.get_all("GL Entry", {"voucher_no": entry}, ["account", "company_gstin"])
	assert frappe.db.get_value("Journal Entry", entry, "company_gstin") == GSTIN
	return {(row.account, row.company_gstin) for row in rows}


def test_net_at_once() -> None:
	use_method()
	sale = taxed(1200, 200, due_date="2025-01-31")
	move_to_india()
	run = run_helpers.run()
	refused(run)
	assert (run_helpers.entries(run), outstanding(sale), claims(sale)) == ([], 1400, [])
	enter_gstin()
	with as_user(MANAGER):
		assert run.reload().preview_entries()["problems"] == []
	[entry] = run_helpers.entries(run_helpers.post(run))
	assert (
		gl_table(entry)
		== f"""
account               | party       | cost center |   debit |  credit | against
VAT on Bad Debts - HL |             | Main - HL   |  200.00 |         |
Write Off - HL        |             | Main - HL   | 1200.00 |         |
Debtors - HL          | Anchor Cafe |             |         | 1400.00 | Sales Invoice {sale.name}
""".strip()
	)
	assert (RELIEF, GSTIN) in gstin_of_rows(entry)
	assert outstanding(sale) == 0
	with as_user(MANAGER):
		run.reload().cancel()
	assert outstanding(sale) == 1400


def test_a_tax_run() -> None:
	use_rule()
	sale = written_off()
	move_to_india()
	run = tax_run()
	refused(run)
	assert entries(run) == []
	enter_gstin()
	with as_user(MANAGER):
		assert run.reload().preview_entries()["problems"] == []
	[entry] = entries(run_helpers.post(run))
	assert gstin_of_rows(entry) == {(RELIEF, GSTIN), ("Write Off - HL", GSTIN)}
	assert [claim.status for claim in claims(sale)] == ["Claimed"]


def test_a_write_off_without_tax_needs_no_gstin() -> None:
	sale = taxed(1200, 200, due_date="2025-01-31")
	move_to_india()
	run = run_helpers.run()
	with as_user(MANAGER):
		assert run.preview_entries()["problems"] == []
	run_helpers.post(run)
	assert outstanding(sale) == 0
	with as_user(MANAGER):
		run.reload().cancel()
	assert outstanding(sale) == 1400


def test_india_grants_no_relief() -> None:
	move_to_india()
	with pytest.raises(frappe.ValidationError, match="India grants no relief"):
		run_helpers.settings(tax_rule="India: no relief")
