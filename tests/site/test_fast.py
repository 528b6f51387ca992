"""Fast posting writes the same rows as ERPNext, in every column."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import frappe
import pytest
from frappe.model.dynamic_links import fetch_distinct_link_doctypes
from frappe.utils import add_days, flt, getdate, today

from ar_writeoff.posting import entries, fast, proof
from ar_writeoff.undo import service as undo
from tests.site import run_helpers
from tests.site.balance_kinds import dunning, opening_journal, subscription
from tests.site.db_snapshot import clear_data_caches
from tests.site.differential import (
	assert_posted_identically,
	assert_undone_identically,
	post_and_cancel,
	posted,
)
from tests.site.factories import (
	HL,
	NW,
	account,
	cost_center,
	credit_note,
	debit_note,
	invoice,
	journal,
	line,
	many_invoices,
	outstanding,
	pay,
	payment,
	project,
	setting,
)
from tests.site.test_case_kinds import charge, large_balance
from tests.site.test_tax_at_once import two_lines, use_method
from tests.site.test_tax_claims import taxed

UNCLAIMED = {"reason": "Unclaimed Credit", "balance_type": "Credit"}


# -------------------------------------------------------------------------------------------- books of every kind


def plain() -> dict[str, Any]:
	for number in range(3):
		invoice("Anchor Cafe", 10 + number, "2026-01-15")
	invoice("Breakwater Bar", 14.1, "2026-02-15")
	invoice("Compass Stores", 0.3, today())  # not due yet
	return {}


def partly_settled() -> dict[str, Any]:
	"""Paid in part, credited in part, charged again; and a balance below, at and above what terms ask for."""
	pay(invoice("Anchor Cafe", 100, "2026-01-15"), 40, "2026-02-01")
	credit_note(invoice("Anchor Cafe", 80, "2026-01-16"), 30)
	credit_note(invoice("Breakwater Bar", 70, "2026-01-17"), 20, update_outstanding_for_self=True)
	debit_note(invoice("Breakwater Bar", 60, "2026-01-18"), 5)
	for part in (30, 60):
		terms = [
			{"due_date": "2026-02-20", "invoice_portion": 50, "payment_amount": 50},
			{"due_date": add_days(today(), 300), "invoice_portion": 50, "payment_amount": 50},
		]
		pay(invoice("Compass Stores", 100, "2026-01-20", payment_schedule=terms), part, "2026-03-01")
	return {}


def currencies() -> dict[str, Any]:
	invoice("Helios SARL", 100, "2026-01-15", currency="EUR", rate=1.2)
	pay(
		invoice("Helios SARL", 33.33, "2026-01-16", currency="EUR", rate=1.0931),
		11.11,
		"2026-02-01",
		rate=1.1,
	)
	invoice("Anchor Cafe", 100, "2026-01-17", currency="EUR", rate=1.1)
	invoice("Breakwater Bar", 1234, "2026-01-18", currency="JPY", rate=0.007)
	invoice("Compass Stores", 41, "2026-01-19")
	return {}


def second_company() -> dict[str, Any]:
	invoice("Pacific Traders", 100, "2026-01-15", company=NW, currency="USD")
	invoice("Fischhaus Kiel", 19.99, "2026-01-16", company=NW)
	return {"company": NW}


def dimensions() -> dict[str, Any]:
	for number, pier in enumerate(("North Pier", "South Pier", "Main", "North Pier")):
		invoice("Anchor Cafe", 20 + number, "2026-01-15", cost_center=cost_center(pier))
	invoice("Breakwater Bar", 31, "2026-01-15", project=project())
	return {}


def merged_heads() -> dict[str, Any]:
	setting("Accounts Settings", merge_similar_account_heads=1)
	return dimensions()


def allocated_cost_center() -> dict[str, Any]:
	allocation = frappe.new_doc("Cost Center Allocation")
	allocation.update(
		{
			"company": HL,
			"main_cost_center": cost_center("Main"),
			"valid_from": "2026-06-01",
			"allocation_percentages": [
				{"cost_center": cost_center("North Pier"), "percentage": 30},
				{"cost_center": cost_center("South Pier"), "percentage": 70},
			],
		}
	)
	allocation.insert(ignore_permissions=True).submit()
	return plain()


def credit_balances() -> dict[str, Any]:
	of = invoice("Anchor Cafe", 100, "2026-01-15")
	credit_note(of, 15, update_outstanding_for_self=True)
	invoice("Breakwater Bar", 25, "2026-01-16", is_return=True)
	invoice("Helios SARL", 25, "2026-01-16", is_return=True, currency="EUR", rate=1.2)
	return UNCLAIMED


def journals() -> dict[str, Any]:
	"""Opened and charged by Journal Entry: several customers in one, one customer on two accounts."""
	opening_journal(("Fischhaus Kiel", 18), ("Galeere Rostock", 27))
	journal(
		line("Debtors", 9, party="Compass Stores"),
		line("Other Debtors", 11, party="Compass Stores"),
		line("Sales", credit=20),
		posting_date="2026-03-04",
	)
	return {}


def invoices_with_dunning() -> dict[str, Any]:
	"""Invoices with a Dunning: one with two terms, two in one Dunning, one of a Subscription."""
	dunning(invoice("Dover Council", 35, "2026-01-15"))
	terms = [
		{"due_date": "2026-02-14", "invoice_portion": 50, "payment_amount": 20},
		{"due_date": "2026-02-21", "invoice_portion": 50, "payment_amount": 20},
	]
	of_terms, other = (
		invoice("Dover Council", 40, "2026-01-15", payment_schedule=terms),
		invoice("Dover Council", 45, "2026-01-15"),
	)
	dunning(of_terms)
	dunning(of_terms, and_of=other)
	subscription("Elm School", 12)
	return {}


def money_on_account() -> dict[str, Any]:
	"""Payments that are unallocated, allocated in part, and in euros; an advance by Journal Entry."""
	payment("Dover Council", 25, "2026-03-01")
	bill = invoice("Anchor Cafe", 100, "2026-01-15")
	pay(bill, 60, "2026-03-02", paid_amount=72.5, received_amount=72.5)
	payment("Helios SARL", 5, "2026-03-06", rate=1.3)
	journal(
		line("House Bank", 35),
		line("Debtors", credit=35, party="Elm School", is_advance="Yes"),
		posting_date="2026-03-07",
	)
	return UNCLAIMED


def every_debit() -> dict[str, Any]:
	for world in (partly_settled, currencies, dimensions, journals, invoices_with_dunning):
		world()
	return {}


def every_credit() -> dict[str, Any]:
	money_on_account()
	return credit_balances()


def internal_customer() -> dict[str, Any]:
	name = invoice("Anchor Cafe", 12, "2026-01-15").name
	frappe.db.set_value("Sales Invoice", name, {"is_internal_customer": 1, "represents_company": HL})
	return plain()


def two_entries() -> dict[str, Any]:
	many_invoices(120, amount=lambda number: 3 + number % 7 + 0.07)
	return {}


def large_units() -> dict[str, Any]:
	"""A balance that needs two rows."""
	large_balance()
	return plain()


def with_tax() -> dict[str, Any]:
	"""Entries that take the tax of some of their balances."""
	use_method()
	two_lines()
	taxed(100, 20)
	taxed(40, 7.6, who="Helios SARL", currency="EUR", rate=1.2)
	return plain()


def charges() -> dict[str, Any]:
	"""A charge that a Dunning has booked."""
	charge(dunning(invoice("Anchor Cafe", 9, "2026-01-15")))
	return plain()


WORLDS = (
	plain,
	partly_settled,
	currencies,
	second_company,
	dimensions,
	merged_heads,
	allocated_cost_center,
	credit_balances,
	money_on_account,
	journals,
	invoices_with_dunning,
	internal_customer,
	two_entries,
	large_units,
	charges,
	with_tax,
)


def found(world: Callable[[], dict[str, Any]]) -> Any:
	"""A draft run over these books."""
	values = world()
	company = values.get("company", HL)
	run_helpers.settings(
		company, credit_write_off_account=account("Write Off", company), customer_credits="Ignore"
	)
	return run_helpers.run(**values)


@pytest.mark.parametrize("world", WORLDS, ids=lambda world: world.__name__)
def test_same_rows(world: Callable[[], dict[str, Any]]):
	outcomes = assert_posted_identically(found(world))
	assert [outcome.message for outcome in outcomes if outcome.status != "Posted"] == []


@pytest.mark.parametrize("entries_per", ("Customer", "Invoice"))
def test_same_rows_in_several_entries(entries_per: str):
	run = found(every_debit)
	run_helpers.settings(entries_per=entries_per)
	outcomes = assert_posted_identically(run)
	assert len({outcome.journal_entry for outcome in outcomes}) > 4
	assert [outcome.message for outcome in outcomes if outcome.status != "Posted"] == []


def test_a_valid_entry_does_not_skip_the_validation_of_the_next():
	"""The second entry of a batch has a cost center of its own, which is now a group; the third is like the first."""
	one = invoice("Anchor Cafe", 11, "2026-01-15")
	invoice("Breakwater Bar", 12, "2026-01-15", cost_center=cost_center("North Pier"))
	invoice("Compass Stores", 13, "2026-01-15", cost_center=cost_center("Main"))
	run = found(lambda: {})
	run_helpers.settings(entries_per="Customer")
	frappe.db.set_value("Cost Center", cost_center("North Pier"), "is_group", 1)
	clear_data_caches()
	outcomes = assert_posted_identically(run)
	assert one and [outcome.status for outcome in outcomes] == ["Posted", "Failed", "Posted"]
	assert "North Pier - HL is a group" in outcomes[1].message


@pytest.mark.parametrize(
	"world, how",
	[
		pytest.param(world, how, id=f"{world.__name__}-{how}")
		for world in WORLDS
		for how in (undo.CANCEL, undo.REVERSE)
		# ERPNext refuses a credit row of a credit note.
		if (world, how) != (credit_balances, undo.REVERSE)
	],
)
def test_same_rows_after_undo(world: Callable[[], dict[str, Any]], how: str):
	statuses = assert_undone_identically(found(world), how)
	assert set(statuses.values()) <= {"Reversed", "Excluded"}


@pytest.mark.parametrize("world", (every_debit, every_credit), ids=lambda world: world.__name__)
@pytest.mark.parametrize("immutable", (False, True))
def test_same_rows_after_cancelling(world: Callable[[], dict[str, Any]], immutable: bool):
	setting("Accounts Settings", enable_immutable_ledger=int(immutable))
	assert_posted_identically(found(world), post_and_cancel)


@pytest.mark.parametrize("world", (every_debit, every_credit), ids=lambda world: world.__name__)
def test_same_rows_for_a_part(world: Callable[[], dict[str, Any]]):
	run = found(world)
	for row in run_helpers.items(run, status="Open").values():
		if row.voucher_type != "Sales Invoice" or row.outstanding_amount > 0:  # a credit note has no part
			part = flt(row.write_off_amount / 3, 2)
			frappe.db.set_value(
				"Write-Off Run Item", row.name, "write_off_amount", part, update_modified=False
			)
	outcomes = assert_posted_identically(run)
	assert [outcome.message for outcome in outcomes if outcome.status != "Posted"] == []


def test_same_rows_with_an_accounting_dimension():
	dimension = frappe.new_doc("Accounting Dimension")
	dimension.document_type = "Territory"
	dimension.append("dimension_defaults", {"company": HL, "reference_document": "Territory"})
	dimension.insert(ignore_permissions=True)
	frappe.clear_cache()
	frappe.flags.accounting_dimensions = frappe.flags.accounting_dimensions_details = None
	for number, territory in enumerate(("US East", "US West", "US East")):
		one = invoice("Anchor Cafe", 20 + number, "2026-01-15", territory=territory)
		frappe.db.set_value("GL Entry", {"voucher_no": one.name}, "territory", territory)
		frappe.db.set_value("Payment Ledger Entry", {"voucher_no": one.name}, "territory", territory)
	frappe.db.commit()
	outcomes = assert_posted_identically(run_helpers.run())
	assert [outcome.message for outcome in outcomes if outcome.status != "Posted"] == []
	assert frappe.db.count("GL Entry", {"voucher_type": "Journal Entry", "territory": "US East"}) == 3


# ------------------------------------------------------------------------------- several entries of one transaction


def write_off(invoice: Any, amount: float, key: str) -> Any:
	"""An entry that writes off this much of an invoice, not saved yet."""
	customer = {"party_type": "Customer", "party": invoice.customer}
	reference = {"reference_type": "Sales Invoice", "reference_name": invoice.name}
	return entries.build_entry(
		entries.EntryHeader(HL, getdate("2026-03-31"), "", key, "One of several"),
		[
			{"account": invoice.debit_to, "credit_in_account_currency": amount, **customer, **reference},
			{
				"account": account("Bad Debt Expense"),
				"debit_in_account_currency": amount,
				"cost_center": cost_center(),
			},
		],
	)


@pytest.mark.parametrize("discounted", (False, True))
def test_an_entry_sees_what_those_before_it_have_settled(discounted: bool):
	"""Also where one in between was refused, and where ERPNext has to bring the invoice up to date."""
	sold = invoice("Anchor Cafe", 30, "2026-01-15")
	frappe.db.set_value("Sales Invoice", sold.name, "is_discounted", int(discounted))

	def left() -> tuple[float, str]:
		return frappe.db.get_value("Sales Invoice", sold.name, ["outstanding_amount", "status"])

	with fast.cached_validation(HL, fast.IN_SETS) as cache:
		entries.submit(write_off(sold, 20, "ACC-JV-1"), cache)
		before = cache.savepoint()
		frappe.db.savepoint("second")
		with pytest.raises(frappe.ValidationError, match="greater than Outstanding Amount"):
			entries.submit(write_off(sold, 20, "ACC-JV-2"), cache)
		frappe.db.rollback(save_point="second")
		cache.rollback_to(before)
		entries.submit(write_off(sold, 4, "ACC-JV-3"), cache)
		# The last one alone may still be open: the next entry would look first.
		assert left() == ((6, "Overdue") if discounted else (10, "Overdue"))
	assert left() == (6, "Overdue")


def test_a_rolled_back_entry_settles_nothing():
	"""The invoice of an entry that was undone is left as it was, to the second."""
	sold, other = invoice("Anchor Cafe", 30, "2026-01-15"), invoice("Breakwater Bar", 20, "2026-01-15")
	columns = ["outstanding_amount", "status", "modified"]
	was = frappe.db.get_value("Sales Invoice", sold.name, columns)
	with fast.cached_validation(HL, fast.IN_SETS) as cache:
		before = cache.savepoint()
		frappe.db.savepoint("first")
		entries.submit(write_off(sold, 30, "ACC-JV-1"), cache)
		frappe.db.rollback(save_point="first")
		cache.rollback_to(before)
		entries.submit(write_off(other, 20, "ACC-JV-2"), cache)
	assert frappe.db.get_value("Sales Invoice", sold.name, columns) == was
	assert frappe.db.get_value("Sales Invoice", other.name, "status") == "Paid"


def test_c30_a_customer_is_renamed_after_the_first_run():
	"""Which DocTypes a Dynamic Link points to is cached for hours. It decides what Frappe renames and lets people delete."""
	links = {
		("GL Entry", "voucher_type"): "Journal Entry",
		("Payment Ledger Entry", "voucher_type"): "Journal Entry",
		("Journal Entry Account", "party_type"): "Customer",
	}
	bill = invoice("Anchor Cafe", 30, "2026-01-15")
	for link, doctype in links.items():
		assert doctype not in fetch_distinct_link_doctypes(*link)
	# Not proven first, because that posts as ERPNext does.
	with posted(proof.IN_SETS):
		run = run_helpers.post(run_helpers.run())
	for link, doctype in links.items():
		assert doctype in fetch_distinct_link_doctypes(*link)
	new = frappe.rename_doc("Customer", "Anchor Cafe", "Anchor Coffee", force=True, show_alert=False)
	[entry] = run_helpers.entries(run)
	assert frappe.get_all(
		"Journal Entry Account", {"parent": entry, "party": ("is", "set")}, pluck="party"
	) == [new]
	run.reload().reinstate([run_helpers.items(run)[bill.name].name])
	assert outstanding(bill) == 30


def test_c30_an_entry_without_the_row_of_a_balance_is_reported():
	bill = invoice("Anchor Cafe", 30, "2026-01-15")
	run = run_helpers.post(run_helpers.run())
	[entry] = run_helpers.entries(run)
	frappe.db.set_value(
		"Journal Entry Account", {"parent": entry, "party": ("is", "set")}, "party", "Breakwater Bar"
	)
	with pytest.raises(frappe.ValidationError, match=f"{entry} has no row of Anchor Cafe"):
		run.reinstate([run_helpers.items(run)[bill.name].name])
