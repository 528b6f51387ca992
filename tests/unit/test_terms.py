"""Posting terms read from an approval record, and names after renames and merges."""

from __future__ import annotations

import json
from dataclasses import fields
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from ar_writeoff.approval.seal_rules import canonical
from ar_writeoff.core import criteria, terms
from ar_writeoff.core.criteria import Threshold
from ar_writeoff.core.renames import Rename, current_name, previous_names
from ar_writeoff.core.terms import Terms
from ar_writeoff.offline import policy

TERMS = Terms(
	name="WOR-1",
	company="HL",
	balance_type="Debit",
	reason="Small Balance",
	posting_date=date(2026, 6, 30),
	cutoff_date=date(2026, 6, 29),
	max_invoice_amount=Decimal("25.5"),
	min_invoice_amount=Decimal("0.5"),
	max_original_share=Decimal("12.5"),
	only_remainders=True,
	voucher_kind="Sales Invoice",
	thresholds=(Threshold("EUR", Decimal(5), Decimal("22.5")), Threshold("IDR", Decimal(0), Decimal(300000))),
	ageing_based_on="Posting Date",
	max_customer_amount=Decimal(100),
	minimum_age_days=30,
	customers=("A", "B"),
	customer_group="Trade",
	territory="US",
	item_group="Mooring",
	currency="USD",
	receivable_account="Debtors - HL",
	cost_center="Main - HL",
	project="Refit",
	sales_person="Ada",
	payment_terms_template="30 Days",
	customer_credits="Deduct",
	credit_threshold=Decimal("0.50"),
	include_disabled_customers=True,
	include_internal_customers=True,
	cancel_payment_requests=True,
	offset_account="Write Off - HL",
	offset_cost_center="South - HL",
	force_cost_center=True,
	dimension_defaults=(("department", "Pilots"),),
	entry_values=(("Journal Entry", "approval_note", "by the board"),),
	entries_per="Customer",
	rows_per_entry=50,
	remark="Write-Off Run WOR-1: Small Balance",
	tax_rule="United Kingdom",
)


def test_terms_come_back_from_their_record_as_they_were() -> None:
	assert terms.from_record(json.loads(canonical(TERMS.values()))) == TERMS
	assert terms.is_complete(json.loads(canonical(TERMS.values())))


def test_a_record_that_leaves_out_what_is_empty_is_read_with_the_defaults() -> None:
	record = {
		"name": "WOR-1",
		"company": "HL",
		"balance_type": "Credit",
		"reason": "Other",
		"posting_date": "2026-06-30",
		"cutoff_date": "2026-06-30",
		"max_invoice_amount": "25",
		"max_customer_amount": "0",
		"min_invoice_amount": "0",
		"max_original_share": "0",
		"only_remainders": "0",
		"thresholds": [],
		"by_schedule": "0",
	}
	read = terms.from_record(record)
	assert read == Terms(
		name="WOR-1",
		company="HL",
		balance_type="Credit",
		reason="Other",
		posting_date=date(2026, 6, 30),
		cutoff_date=date(2026, 6, 30),
		max_invoice_amount=Decimal(25),
	)
	assert (read.min_invoice_amount, read.max_original_share, read.only_remainders, read.thresholds) == (
		0,
		None,
		False,
		(),
	)
	assert (read.max_customer_amount, read.customers, read.force_cost_center) == (None, (), False)
	assert (read.ageing_based_on, read.customer_credits) == ("Due Date", "Leave Out")
	assert (read.entries_per, read.rows_per_entry) == ("Batch", 100)
	assert (read.minimum_age_days, read.dimension_defaults, read.entry_values, read.remark) == (
		0,
		(),
		None,
		"",
	)
	assert {name for name, value in read.values().items() if value is None} == {
		*criteria.FILTER_FIELDS,
		"max_customer_amount",
		"max_original_share",
		"voucher_kind",
		"offset_account",
		"offset_cost_center",
		"entry_values",
		"tax_rule",
	}
	assert not terms.is_complete(record)


A_TO_B = Rename("Customer", "A", "B")
B_TO_C = Rename("Customer", "B", "C")
A_INTO_C = Rename("Customer", "A", "C", merged=True)
OTHER = Rename("Account", "A", "Z")


@pytest.mark.parametrize(
	("renames", "name", "now"),
	[
		([], "A", "A"),
		([OTHER], "A", "A"),
		([A_TO_B], "A", "B"),
		([A_TO_B, B_TO_C], "A", "C"),
		([B_TO_C, A_TO_B], "A", "B"),
		([B_TO_C, A_TO_B], "B", "C"),
		([A_TO_B, Rename("Customer", "B", "A")], "A", "A"),
		([A_INTO_C], "C", "C"),
	],
)
def test_a_name_is_followed_in_order_of_time(renames: list[Rename], name: str, now: str) -> None:
	assert current_name(renames, "Customer", name) == now


@pytest.mark.parametrize(
	("renames", "name", "before"),
	[
		([], "A", {"A"}),
		([OTHER], "A", {"A"}),
		([A_TO_B], "B", {"A"}),
		([A_TO_B], "A", set()),  # created since under the old name
		([A_TO_B, B_TO_C], "C", {"A"}),
		([A_TO_B, B_TO_C], "B", set()),
		([A_INTO_C], "C", {"A", "C"}),
		([A_INTO_C, Rename("Customer", "C", "D")], "D", {"A", "C"}),
		([B_TO_C, A_TO_B], "B", {"A"}),
		([B_TO_C, A_TO_B], "C", {"B"}),
		([A_TO_B, Rename("Customer", "B", "A")], "A", {"A"}),
	],
)
def test_previous_names_lead_to_the_current_name(renames: list[Rename], name: str, before: set[str]) -> None:
	assert previous_names(renames, "Customer", name) == before
	assert {old for old in "ABCD" if current_name(renames, "Customer", old) == name} & before == before


@pytest.mark.parametrize("doctype", ["write_off_run", "write_off_schedule"])
def test_the_criteria_are_fields_of_both_documents(doctype: str) -> None:
	root = Path(__file__).resolve().parents[2] / "ar_writeoff" / "ar_writeoff" / "doctype"
	found = json.loads((root / doctype / f"{doctype}.json").read_text())
	fields = {df["fieldname"]: df for df in found["fields"]}
	assert {*criteria.CRITERIA, *criteria.TABLES} <= fields.keys()
	assert fields["voucher_kind"]["options"].split("\n") == ["", *criteria.VOUCHER_KINDS]
	order = found["field_order"]
	start = order.index("criteria_section")
	end = order.index("items_section" if "items_section" in order else "caps_section")
	# What the form's sentence of criteria reads from the fields.
	links = [name for name in order[start:end] if fields[name]["fieldtype"] == "Link"]
	assert set(links) == set(criteria.FILTER_FIELDS)


def test_the_terms_are_the_run_its_criteria_and_what_the_settings_say() -> None:
	"""Each field of the terms is in one of them: what is in none would be sealed from nowhere."""
	run = {"name", "company", "balance_type", "reason", "posting_date", "cutoff_date", *criteria.TABLES}
	parts = [run, set(criteria.CRITERIA), set(terms.SETTINGS_FIELDS)]
	assert set().union(*parts) == set(TERMS.values())
	assert sum(len(part) for part in parts) == len(TERMS.values())


def test_another_of_these_fields_is_another_list() -> None:
	assert set(criteria.SEARCH_FIELDS) - set(criteria.CRITERIA) == {"company", "balance_type", "cutoff_date"}
	assert set(criteria.SEARCH_FIELDS) < set(TERMS.values())


def test_a_rename_is_no_merge_unless_it_says_so() -> None:
	assert A_TO_B.merged is False
	merged_before = [OTHER, A_INTO_C]
	assert previous_names([*merged_before, OTHER], "Customer", "C") == {"A", "C"}


def test_the_policy_of_the_offline_preview_has_the_same_criteria() -> None:
	# An export has no Payment Requests.
	apart = {*criteria.TABLES, "cancel_payment_requests"}
	names = {field.name for field in fields(criteria.Criteria)} - apart
	assert set(policy.SECTIONS["criteria"]) == names | {"posting_date"}
	assert "thresholds" in policy.SECTIONS
	only = {
		"customers": "customers",
		"customer_groups": "customer_group",
		"territories": "territory",
		"receivable_accounts": "receivable_account",
		"currencies": "currency",
		"cost_centers": "cost_center",
		"sales_persons": "sales_person",
		"payment_terms_templates": "payment_terms_template",
	}
	assert set(policy.SECTIONS["only"]) == set(only)
	not_in_the_report = {"item_group", "project"}
	assert {*only.values(), *not_in_the_report} == {field.name for field in fields(criteria.Filters)}


def test_a_run_without_a_reason_has_an_empty_one():
	"""As a tax run."""
	assert {field.name: field.default for field in fields(Terms)}["reason"] == ""
