"""Patches of the app that no other file tests, on data as an earlier version left it."""

from __future__ import annotations

import frappe
import pytest
from frappe.custom.doctype.custom_field.custom_field import create_custom_field

from ar_writeoff import onboarding
from ar_writeoff.ledger import covering_index
from ar_writeoff.patches import (
	complete_onboarding,
	index_outstanding_amounts,
	method_of_runs,
	remove_write_off_key,
)
from tests.site import run_helpers
from tests.site.factories import invoice


def test_runs_get_the_method_of_their_reason():
	invoice("Anchor Cafe", 10, "2026-01-15")
	run = run_helpers.run()
	other = frappe.get_doc(
		{"doctype": "Write-Off Reason", "reason": "Tax Withheld (old)", "method": "Reclassify"}
	).insert()
	reclassified = run_helpers.run(find=False)
	frappe.db.set_value("Write-Off Run", reclassified.name, "reason", other.name)
	for name in (run.name, reclassified.name):
		frappe.db.set_value("Write-Off Run", name, "method", "")
	for _time in range(2):
		method_of_runs.execute()
		assert frappe.db.get_value("Write-Off Run", run.name, "method") == "Direct"
		assert frappe.db.get_value("Write-Off Run", reclassified.name, "method") == "Reclassify"


def has_key_column() -> bool:
	"""Read from the database, because Frappe caches the columns until a migrate ends."""
	return bool(frappe.db.sql("show columns from `tabJournal Entry` like 'ar_writeoff_key'"))


def test_the_key_of_journal_entries_is_removed():
	create_custom_field(
		"Journal Entry", {"fieldname": "ar_writeoff_key", "label": "Key", "fieldtype": "Data"}
	)
	assert has_key_column()
	for _time in range(2):
		remove_write_off_key.execute()
		assert not frappe.db.exists("Custom Field", "Journal Entry-ar_writeoff_key")
		assert not has_key_column()


def test_steps_done_before_are_complete():
	frappe.db.set_value("Onboarding Step", {"name": ("in", list(onboarding.STEPS))}, "is_complete", 0)
	run_helpers.settings()
	for _time in range(2):
		complete_onboarding.execute()
		assert frappe.db.get_value("Onboarding Step", onboarding.SETTINGS, "is_complete") == 1
	assert frappe.db.get_value("Onboarding Step", onboarding.FIRST_RUN, "is_complete") == bool(
		frappe.db.count("Write-Off Run", {"docstatus": (">", 0)})
	)


@pytest.mark.parametrize(
	"small, had_one, expected", ((True, False, True), (False, True, True), (False, False, False))
)
def test_indexes_on_a_small_ledger_and_where_there_was_one(monkeypatch, small, had_one, expected):
	invoice("Anchor Cafe", 10, "2026-01-15")
	monkeypatch.setattr(covering_index, "SMALL", 10**6 if small else -1)
	try:
		covering_index.drop()
		if had_one:
			table, name, columns = covering_index.BALANCES
			frappe.db.sql_ddl(f"ALTER TABLE `{table}` ADD INDEX `{name}` ({', '.join(columns)})")
		for _time in range(2):
			index_outstanding_amounts.execute()
			assert [covering_index.exists(index) for index in covering_index.INDEXES] == [
				expected for _index in covering_index.INDEXES
			]
	finally:
		covering_index.create()
