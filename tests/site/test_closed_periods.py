"""Accounting Periods that are disabled or have an exempted role, on releases of ERPNext with these fields."""

from __future__ import annotations

from typing import Any

import frappe
import pytest

from ar_writeoff.ledger.periods import closed_period_message
from tests.site import ledger_checks, run_helpers
from tests.site.factories import (
	HL,
	MANAGER,
	PREPARER,
	TODAY,
	accounting_period,
	as_user,
	invoice,
	outstanding,
)
from tests.site.posting_checks import post_and_check, undo_and_check

pytestmark = pytest.mark.usefixtures("site")


def closed_period(**values: Any) -> Any:
	"""June 2026, closed for Journal Entries, with these fields; skips where ERPNext has no such fields."""
	for fieldname in values:
		if not frappe.get_meta("Accounting Period").has_field(fieldname):
			pytest.skip(f"Accounting Period of this release of ERPNext has no field {fieldname}")
	period = accounting_period("2026-06-01", "2026-06-30")
	period.update(values)
	return period.save(ignore_permissions=True)


def test_a_disabled_period_is_open():
	one = invoice("Anchor Cafe", 10, "2026-01-15")
	start = ledger_checks.snapshot(HL)
	period = closed_period(disabled=1)
	run = post_and_check(run_helpers.run())
	assert outstanding(one) == 0
	undo_and_check(run, start)
	period.db_set("disabled", 0)
	assert period.name in closed_period_message(HL, TODAY)


def test_a_period_is_open_for_the_exempted_role():
	one = invoice("Anchor Cafe", 10, "2026-01-15")
	start = ledger_checks.snapshot(HL)
	period = closed_period(exempted_role="Accounts Manager")
	with as_user(PREPARER):
		assert period.name in closed_period_message(HL, TODAY)
	run = post_and_check(run_helpers.run(user=MANAGER))
	assert outstanding(one) == 0
	undo_and_check(run, start)


def test_a_period_that_the_role_lost_after_approval():
	"""Asked again when the run posts, as the user who submitted it."""
	invoice("Anchor Cafe", 10, "2026-01-15")
	period = closed_period(exempted_role="Accounts Manager")
	run = run_helpers.run(user=MANAGER)
	period.db_set("exempted_role", "Auditor")
	with as_user(MANAGER), pytest.raises(frappe.ValidationError, match=period.name):
		run.submit()
