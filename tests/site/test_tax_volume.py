"""Many claims at once. With AR_WRITEOFF_TIMED=1 there are 10,000, and `-s` shows the times:

AR_WRITEOFF_TIMED=1 make site ARGS="tests/site/test_tax_volume.py -s"
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import frappe
from frappe.utils import getdate

from ar_writeoff.tax_relief import age, service
from tests.site import run_helpers
from tests.site.factories import MANAGER, as_user, cost_center, many_invoices
from tests.site.test_tax_by_age import DEFERRED, use_age_rule
from tests.site.test_tax_report import report
from tests.site.test_tax_rules import tax_account, use_rule
from tests.site.test_tax_runs import RELIEF, balance_of, tax_run

COUNT = 10_000 if os.environ.get("AR_WRITEOFF_TIMED") else 250


@contextmanager
def timed(what: str) -> Iterator[None]:
	started = time.monotonic()
	yield
	print(f"{COUNT} claims, {what}: {time.monotonic() - started:.1f} s")


def test_many_claims(site: str) -> None:
	rule = use_rule()
	vat: dict[str, Any] = {"charge_type": "On Net Total", "account_head": tax_account(), "description": "VAT"}
	many_invoices(
		COUNT,
		amount=12.0,
		posting_date="2025-01-15",
		taxes=[{**vat, "rate": 20, "cost_center": cost_center()}],
	)
	run = run_helpers.run()
	with timed("write-off with its claims"):
		run_helpers.post(run)
	assert frappe.db.count("Write-Off Tax Claim", {"status": "Claimable", "tax_amount": 2}) == COUNT
	rule.wait_months = 12
	with timed("correction of the rule"):
		rule.save()
	frappe.db.sql("UPDATE `tabWrite-Off Tax Claim` SET status = 'Waiting'")
	with timed("daily job"):
		assert service.move_claims() == COUNT
	with timed("find"):
		claims = tax_run()
	assert claims.found_count == COUNT
	with timed("preview"), as_user(MANAGER):
		assert claims.preview_entries()["item_count"] == COUNT
	with timed("post"):
		run_helpers.post(claims)
	assert (claims.status, claims.claimed_amount, balance_of(RELIEF)) == ("Posted", 2 * COUNT, 2 * COUNT)
	with timed("report"):
		assert len(report()[0]) == COUNT
	with timed("report by box"):
		assert report(show="By Box of the Return")[0][0].claims == COUNT
	with timed("account"):
		assert len(report(show="Refunds for Bad Debts Account")[0]) == COUNT
	with timed("undo"), as_user(MANAGER):
		claims.reverse("2026-06-30", dated=True)
	assert balance_of(RELIEF) == 0


def test_many_claims_by_age(site: str) -> None:
	use_age_rule()
	vat: dict[str, Any] = {"charge_type": "On Net Total", "account_head": tax_account(), "description": "GST"}
	many_invoices(
		COUNT,
		amount=11.0,
		posting_date="2025-01-15",
		taxes=[{**vat, "rate": 10, "cost_center": cost_center()}],
	)
	with timed("find"):
		claims = tax_run()
	assert (claims.found_count, claims.selected_amount) == (COUNT, COUNT)
	with timed("preview"), as_user(MANAGER):
		assert claims.preview_entries()["item_count"] == COUNT
	with timed("post"):
		run_helpers.post(claims)
	assert (claims.status, balance_of(RELIEF), balance_of(DEFERRED)) == ("Posted", COUNT, -COUNT)
	with timed("find again"):
		assert tax_run().found_count == 0
	with timed("daily job"):
		age.update_companies(getdate("2026-07-01"))
	with timed("report"):
		assert len(report()[0]) == COUNT
