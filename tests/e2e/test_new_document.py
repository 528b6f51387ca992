"""The values of a new run and a new schedule at the desk."""

from __future__ import annotations

import frappe
import pytest

from ar_writeoff.core.criteria import FILTER_FIELDS
from ar_writeoff.criteria_document import SETTINGS_CRITERIA
from tests.e2e.conftest import Desk
from tests.site.factories import HL, MANAGER, NW, cost_center, project
from tests.site.run_helpers import settings


@pytest.mark.parametrize("doctype", ["Write-Off Run", "Write-Off Schedule"])
def test_criteria_come_from_the_settings_and_not_from_user_defaults(desk: Desk, doctype: str):
	settings(
		max_invoice_amount=50, minimum_age_days=60, ageing_based_on="Posting Date", default_reason="Small Balance"
	)  # fmt: skip
	settings(NW, max_invoice_amount=0, minimum_age_days=30, default_reason="Rounding Difference")
	for key, value in {
		"company": HL,
		"currency": "USD",
		"customer_group": "Schools",
		"cost_center": cost_center("North Pier"),
		"project": project(),
	}.items():
		frappe.defaults.set_user_default(key, value, MANAGER)
	frappe.db.commit()

	desk.new(doctype)
	assert desk.value("company") == HL
	assert [desk.value(field) or None for field in FILTER_FIELDS] == [None] * len(FILTER_FIELDS)
	assert [desk.value(field) for field in SETTINGS_CRITERIA] == ["Small Balance", 50, 60, "Posting Date"]

	# untouched values follow the company, entered ones stay
	desk.set(minimum_age_days=90)
	desk.set(company=NW)
	assert [desk.value(field) or None for field in SETTINGS_CRITERIA] == [
		"Rounding Difference",
		None,
		90,
		"Due Date",
	]

	# values of a link stay, although they are the defaults
	desk.page.evaluate("doctype => frappe.new_doc(doctype, {currency: 'USD'})", doctype)
	desk.settle()
	assert [desk.value(field) for field in ("company", "currency", "customer_group")] == [HL, "USD", None]
