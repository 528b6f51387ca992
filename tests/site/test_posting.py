"""A run posts what was approved, once, whatever happens meanwhile."""

import frappe

from tests.site import runs
from tests.site.story import invoice, outstanding


def test_a_run_posts_and_is_cancelled():
	one, two = invoice("Anchor Cafe", 100, "2026-01-15"), invoice("Breakwater Bar", 40.5, "2026-02-15")
	run = runs.post(runs.run())
	assert run.status == "Posted"
	assert [outstanding(one), outstanding(two)] == [0, 0]
	assert {row.status for row in runs.items(run).values()} == {"Posted"}
	run.cancel()
	assert [outstanding(one), outstanding(two)] == [100, 40.5]
	assert frappe.db.get_value("Write-Off Run", run.name, "status") == "Reversed"
