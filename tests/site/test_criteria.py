"""Each criterion in each place: search, preview, seal, posting, schedule, evidence, export and REST; kinds of vouchers,
remainders and currencies."""

from __future__ import annotations

import csv
import io
import json
from textwrap import dedent
from typing import Any

import frappe
import pytest

from ar_writeoff.approval import service as approval
from ar_writeoff.core import criteria
from ar_writeoff.core.criteria import Threshold
from ar_writeoff.review import export
from ar_writeoff.review.evidence import write_off_run_evidence
from ar_writeoff.schedules import service as schedules
from tests.site import run_helpers
from tests.site.factories import (
	HL,
	MANAGER,
	account,
	as_user,
	credit_note,
	debit_note,
	invoice,
	journal,
	line,
	pay,
	payment,
	project,
)
from tests.site.ledger_checks import gl_table

ANCHOR, ELM, HELIOS = "Anchor Cafe", "Elm School", "Helios SARL"


def found(**values: Any) -> set[str]:
	"""Vouchers that a run with these criteria finds and does not exclude."""
	run = run_helpers.run(**values)
	return {name for name, item in run_helpers.items(run).items() if item.status == "Open"}


def sales_person(name: str, parent: str = "Sales Team", is_group: int = 0) -> str:
	doc = frappe.new_doc("Sales Person")
	doc.update({"sales_person_name": name, "parent_sales_person": parent, "is_group": is_group})
	return doc.insert(ignore_permissions=True).name


def payment_terms(name: str) -> str:
	doc = frappe.new_doc("Payment Terms Template")
	doc.template_name = name
	doc.append(
		"terms", {"invoice_portion": 100, "credit_days": 30, "due_date_based_on": "Day(s) after invoice date"}
	)
	return doc.insert(ignore_permissions=True).name


def opening_invoice(customer: str, amount: float) -> Any:
	doc = invoice(customer, amount, "2026-01-15", submit=False)
	doc.is_opening = "Yes"
	doc.items[0].income_account = account("Temporary Opening")
	doc.save(ignore_permissions=True)
	doc.submit()
	return doc


@pytest.fixture
def ignored_credits() -> None:
	run_helpers.settings(customer_credits="Ignore")


# ------------------------------------------------------------------------------------------------- the vouchers


def test_kinds_of_vouchers(ignored_credits: None) -> None:
	ordinary = invoice(ANCHOR, 10, "2026-01-15")
	made = {
		"Sales Invoice": ordinary,
		"Debit Note": debit_note(ordinary, 4),
		"Opening Invoice": opening_invoice(ANCHOR, 6),
		"Journal Entry": journal(line("Debtors", 5, party=ANCHOR), line("Sales", credit=5)),
	}
	credits = {
		"Credit Note": credit_note(invoice(ELM, 50, "2026-01-15"), 3, update_outstanding_for_self=True),
		"Payment Entry": payment(ELM, 7, "2026-02-01"),
		"Journal Entry": journal(line("Debtors", credit=2, party=ELM), line("Sales", 2)),
	}
	for balance_type, vouchers, customer in (("Debit", made, ANCHOR), ("Credit", credits, ELM)):
		for kind in set(criteria.VOUCHER_KINDS) - {criteria.FEES}:  # see test_case_kinds.py
			expected = {vouchers[kind].name} if kind in vouchers else set()
			if kind == "Sales Invoice" and balance_type == "Debit":
				expected |= {vouchers["Debit Note"].name, vouchers["Opening Invoice"].name}
			result = found(balance_type=balance_type, voucher_kind=kind, customers=[{"customer": customer}])
			assert result == expected, (balance_type, kind)


def test_remainders(ignored_credits: None) -> None:
	"""Payments by Payment Entry or journal and credit notes leave a remainder; a write-off does not."""
	untouched = invoice(ANCHOR, 10, "2026-01-15")
	paid, credited, by_journal, written_off = (invoice(ANCHOR, 100, "2026-01-15") for _number in range(4))
	pay(paid, 95, "2026-02-01")
	credit_note(credited, 96)
	journal(line("Debtors", credit=97, party=ANCHOR, against=by_journal), line("House Bank", 97))
	journal(
		line("Debtors", credit=98, party=ANCHOR, against=written_off),
		line("Write Off", 98),
		voucher_type="Write Off Entry",
	)
	run = run_helpers.run(only_remainders=1)
	assert set(run_helpers.items(run)) == {paid.name, credited.name, by_journal.name}
	assert found(max_original_share=4) == {credited.name, by_journal.name, written_off.name}
	assert untouched.name in found(max_original_share=100)
	cancelled = frappe.get_doc("Payment Entry", {"party": ANCHOR, "docstatus": 1})
	cancelled.cancel()
	assert paid.name not in found(only_remainders=1)


def test_remainders_of_credits(ignored_credits: None) -> None:
	"""What was not allocated of a payment, and of a credit note that was refunded in part."""
	rest = pay(invoice(ANCHOR, 100, "2026-01-15"), 100, "2026-02-01", paid_amount=104, received_amount=104)
	whole = payment(ANCHOR, 4, "2026-02-01")
	note = credit_note(invoice(ELM, 50, "2026-01-15"), 20, update_outstanding_for_self=True)
	journal(line("Debtors", 18, party=ELM, against=note), line("House Bank", credit=18))
	run = {"balance_type": "Credit"}
	assert found(**run) == {rest.name, whole.name, note.name}
	assert found(**run, only_remainders=1) == {rest.name, note.name}
	assert found(**run, max_original_share=10) == {rest.name, note.name}
	assert found(**run, max_original_share=3.9) == {rest.name}


def test_the_original_amount_of_an_invoice_paid_at_the_till() -> None:
	"""The payment is among the invoice's own ledger rows and does not lower the original amount."""
	from ar_writeoff.ledger.history import histories
	from ar_writeoff.ledger.open_items import voucher_keys

	till = invoice(ANCHOR, 100, "2026-01-15", submit=False)
	till.update({"is_pos": 1, "paid_amount": 98, "write_off_amount": 0})
	till.append("payments", {"mode_of_payment": "Cash", "amount": 98, "account": account("House Bank")})
	till.save(ignore_permissions=True)
	till.submit()
	[history] = histories(HL, voucher_keys("Sales Invoice", [till.name])).values()
	assert (float(history.original), history.settled) == (100, True)


def test_sales_person_and_payment_terms(ignored_credits: None) -> None:
	team = sales_person("Harbour Team", is_group=1)
	ada, bob = sales_person("Ada", team), sales_person("Bob")
	terms = payment_terms("Thirty Days")
	both = invoice(ANCHOR, 10, "2026-01-15", sales_team=[
		{"sales_person": ada, "allocated_percentage": 60},
		{"sales_person": bob, "allocated_percentage": 40},
	])  # fmt: skip
	bobs = invoice(ANCHOR, 11, "2026-01-15", sales_team=[{"sales_person": bob, "allocated_percentage": 100}])
	with_terms = invoice(ANCHOR, 12, "2026-01-15", payment_terms_template=terms)
	invoice(ANCHOR, 13, "2026-01-15")
	journal(line("Debtors", 5, party=ANCHOR), line("Sales", credit=5))
	assert found(sales_person=ada) == found(sales_person=team) == {both.name}
	assert found(sales_person=bob) == {both.name, bobs.name}
	assert found(payment_terms_template=terms) == {with_terms.name}
	assert found(payment_terms_template=terms, sales_person=bob) == set()


def test_c29_eur_invoice_on_the_debtors_account_in_usd(ignored_credits: None) -> None:
	"""The currency is that of the invoice. Payments and journals have the currency of the account."""
	on_usd = invoice(ELM, 40, "2026-01-15", currency="EUR", rate=1.15)
	on_eur = invoice(HELIOS, 40, "2026-01-15", currency="EUR", rate=1.15)
	in_usd = invoice(ANCHOR, 40, "2026-01-15")
	opening = journal(line("Debtors", 5, party=ANCHOR), line("Sales", credit=5))
	assert found(currency="EUR") == {on_usd.name, on_eur.name}
	assert found(currency="EUR", receivable_account=account("Debtors")) == {on_usd.name}
	assert found(currency="USD") == {in_usd.name, opening.name}
	# 46.00 USD, at a rate that does not divide it evenly.
	odd = invoice(ELM, 30, "2026-01-15", currency="EUR", rate=1.1537)
	thresholds = [{"currency": "EUR", "max_amount": 30}]
	assert found(currency="EUR", thresholds=thresholds) == {odd.name}

	run = run_helpers.post(run_helpers.run(currency="EUR", receivable_account=account("Debtors")))
	[entry] = run_helpers.entries(run)
	assert "\n" + gl_table(entry) == dedent(
		"""
		account        | party      | cost center | debit | credit | against
		Write Off - HL |            | Main - HL   | 80.61 |        |
		Debtors - HL   | Elm School |             |       |  46.00 | Sales Invoice {}
		Debtors - HL   | Elm School |             |       |  34.61 | Sales Invoice {}"""
	).format(on_usd.name, odd.name)
	assert run_helpers.status(run) == "Posted"


def test_c29_an_amount_in_the_currency_of_the_invoice_is_that_of_the_invoice(ignored_credits: None) -> None:
	"""61.24 USD by the exchange rate would be 1,000,016 IDR. Without a rate the currency of the account counts."""
	frappe.db.set_value("Currency", "IDR", "enabled", 1)
	idr = {"currency": "IDR", "rate": 0.000061239}
	small, large = (invoice(ELM, amount, "2026-01-15", **idr) for amount in (1_000_000, 1_010_000))
	thresholds = [{"currency": "IDR", "max_amount": 1_000_000}]
	assert found(currency="IDR", thresholds=thresholds) == {small.name}
	row = {"role": "Accounts Manager", "limit_currency": "IDR", "max_item_amount": 1_000_000}
	run_helpers.settings(limits=[row])
	run = run_helpers.run()
	assert {name for name, item in run_helpers.items(run).items() if not item.selected} == {large.name}
	damaged = {"conversion_rate": 0, "grand_total": 0}
	frappe.db.set_value("Sales Invoice", large.name, damaged)
	assert found(thresholds=thresholds, max_invoice_amount=70) == {small.name, large.name}


def test_limits_in_eur_cover_eur_invoices_on_an_account_in_usd(ignored_credits: None) -> None:
	"""Per balance, per month and per run, in the currency of the invoice."""
	eur = {"currency": "EUR", "rate": 1.15}
	small, large = invoice(ANCHOR, 20, "2026-01-15", **eur), invoice(ANCHOR, 40, "2026-01-15", **eur)
	invoice(ANCHOR, 20, "2026-01-15")

	def held(**limit: float) -> set[str]:
		row = {"role": "Accounts Manager", "limit_currency": "EUR", **limit}
		run_helpers.settings(limits=[row, {"role": "Accounts Manager", "limit_currency": "USD"}])
		run = run_helpers.run()
		return {name for name, item in run_helpers.items(run).items() if not item.selected}

	assert held(max_item_amount=40) == set()
	assert held(max_item_amount=39.99) == {large.name}
	assert held(max_run_amount=60) == set()
	assert held(max_run_amount=59.99) == {small.name, large.name}
	assert held(max_customer_month_amount=60) == set()
	run_helpers.post(run_helpers.run(max_invoice_amount=25))
	assert not frappe.db.get_value("Sales Invoice", small.name, "outstanding_amount")
	assert held(max_customer_month_amount=60) == set()
	assert held(max_customer_month_amount=59.99) == {large.name}


# ------------------------------------------------------------------------------------------------- each place

FULL: dict[str, Any] = {
	"max_invoice_amount": 25.5,
	"min_invoice_amount": 0.5,
	"max_customer_amount": 1000,
	"ageing_based_on": "Posting Date",
	"minimum_age_days": 30,
	"max_original_share": 12.5,
	"only_remainders": 1,
	"voucher_kind": "Sales Invoice",
	"customer_group": "Trade",
	"territory": "Americas",
	"item_group": "Harbour Services",
	"currency": "USD",
	"receivable_account": "Debtors - HL",
	"cost_center": "North Pier - HL",
}
TABLES = {
	"customers": [{"customer": ANCHOR}],
	"thresholds": [
		{"currency": "EUR", "min_amount": 5, "max_amount": 20},
		{"currency": "USD", "min_amount": 0.5, "max_amount": 8},
	],
}


@pytest.fixture
def every_criterion() -> dict[str, Any]:
	"""A value for each criterion, which one invoice of 8.00 meets."""
	terms, ada = payment_terms("Thirty Days"), sales_person("Ada")
	values = {**FULL, "project": project(HL), "sales_person": ada, "payment_terms_template": terms}
	assert set(values) == set(criteria.CRITERIA)
	one = invoice(
		ANCHOR,
		100,
		"2026-01-15",
		cost_center="North Pier - HL",
		project=project(HL),
		sales_team=[{"sales_person": ada, "allocated_percentage": 100}],
		payment_terms_template=terms,
	)
	pay(one, 92, "2026-02-01")
	other = invoice(ANCHOR, 8, "2026-01-15")
	return {"values": values, "one": one.name, "other": other.name}


def test_each_criterion_is_searched_sealed_and_posted(every_criterion: dict[str, Any]) -> None:
	run = run_helpers.run(**every_criterion["values"], **TABLES)
	assert set(run_helpers.items(run)) == {every_criterion["one"]}
	terms = approval.terms_of(run)
	run_helpers.post(run)
	assert run_helpers.items(run)[every_criterion["one"]].status == "Posted"
	record = json.loads(run.approval_snapshot)
	assert set(criteria.CRITERIA) | set(criteria.TABLES) <= set(record)
	assert approval.terms_of(run) == terms
	assert terms.thresholds[0] == Threshold("EUR", 5, 20)
	assert approval.verify(run)["intact"]


@pytest.mark.parametrize(
	("fieldname", "value"),
	[
		("min_invoice_amount", 0.51),
		("max_original_share", 13),
		("only_remainders", 0),
		("voucher_kind", ""),
		("sales_person", None),
		("payment_terms_template", None),
		("thresholds", 9),
	],
)
def test_a_criterion_changed_in_the_database_voids_the_approval(
	every_criterion: dict[str, Any], fieldname: str, value: Any
) -> None:
	run = run_helpers.run(**every_criterion["values"], **TABLES)
	run_helpers.post(run)
	if fieldname == "thresholds":
		frappe.db.set_value(
			"Write-Off Threshold", {"parent": run.name, "currency": "EUR"}, "max_amount", value
		)
	else:
		frappe.db.set_value("Write-Off Run", run.name, fieldname, value)
	result = approval.verify(run.reload())
	assert not result["intact"]
	assert run.meta.get_label(fieldname) in result["criteria"]


def test_an_approval_older_than_the_criteria_stays_valid() -> None:
	invoice(ANCHOR, 8, "2026-01-15")
	run = run_helpers.post(run_helpers.run(max_invoice_amount=10))
	record = json.loads(run.approval_snapshot)
	for name in ("min_invoice_amount", "max_original_share", "only_remainders", "thresholds"):
		record.pop(name, None)
	run.approval_snapshot = approval.core.canonical(record)
	run.approval_seal = approval.seals.seal(run.approval_snapshot)
	assert approval.void_reason(run) is None
	run.only_remainders = 1
	assert approval.void_reason(run) is not None


@pytest.mark.parametrize("change", [{"min_invoice_amount": 1}, {"only_remainders": 0}, {"thresholds": []}])
def test_another_criterion_empties_the_list(every_criterion: dict[str, Any], change: dict[str, Any]) -> None:
	run = run_helpers.run(**every_criterion["values"], **TABLES)
	with as_user(MANAGER):
		run.update(change)
		run.save()
	assert run_helpers.items(run) == {} and not run.searched_on


def test_a_balance_that_no_longer_meets_a_criterion_is_not_posted(every_criterion: dict[str, Any]) -> None:
	run = run_helpers.run(**every_criterion["values"], **TABLES)
	with run_helpers.approved(run):
		frappe.db.delete("Sales Team", {"parent": every_criterion["one"]})
	item = run_helpers.items(run)[every_criterion["one"]]
	assert (item.status, item.message) == (
		"Skipped",
		"The balance no longer matches the criteria of the run.",
	)


def test_a_schedule_hands_each_criterion_to_its_run(every_criterion: dict[str, Any]) -> None:
	run_helpers.settings()
	with as_user(MANAGER):
		schedule = frappe.new_doc("Write-Off Schedule")
		schedule.update(
			{
				"schedule_name": "Small Differences",
				"company": HL,
				"balance_type": "Debit",
				"reason": "Small Balance",
				"frequency": "Monthly",
				"day_of_month": 1,
				"action": "Prepare Draft",
				**every_criterion["values"],
				**TABLES,
			}
		)
		schedule.insert()
		approved_by = schedule.approved_by
		name = schedules.create_trial_draft(schedule)
		run = frappe.get_doc("Write-Off Run", name)
		for fieldname, value in every_criterion["values"].items():
			assert run.get(fieldname) == value, fieldname
		assert [(row.currency, row.min_amount, row.max_amount) for row in run.thresholds] == [
			("EUR", 5, 20),
			("USD", 0.5, 8),
		]
		assert set(run_helpers.items(run)) == {every_criterion["one"]}
		assert approved_by
		schedule.thresholds[0].max_amount = 30
		assert schedule.terms_changed()
		with pytest.raises(frappe.ValidationError, match="Minimum Invoice Balance"):
			schedule.update({"min_invoice_amount": 26}).save()


def test_evidence_and_export_show_each_criterion(every_criterion: dict[str, Any]) -> None:
	run = run_helpers.run(**every_criterion["values"], **TABLES)
	shown = dict(write_off_run_evidence(run)["criteria"])
	rows = {
		row[0]: row[1] for row in csv.reader(io.StringIO(export.as_csv(run, None).decode("utf-8-sig"))) if row
	}
	for fieldname in (*criteria.CRITERIA, *criteria.TABLES):
		label = frappe._(run.meta.get_label(fieldname))
		assert shown[label] not in (None, ""), fieldname
		assert rows[label] not in (None, ""), fieldname
	label = run.meta.get_label("thresholds")
	assert shown[label] == rows[label] == "€ 5.00 to € 20.00, $ 0.50 to $ 8.00"
	assert shown[run.meta.get_label("only_remainders")] == "Yes"


@pytest.mark.parametrize(
	("values", "message"),
	[
		(
			{"min_invoice_amount": 26},
			"Minimum Invoice Balance: The minimum must be between 0 and the maximum of 25",
		),
		({"min_invoice_amount": "12abc"}, "Minimum Invoice Balance: 12abc is not a number"),
		(
			{"max_original_share": 101},
			"Maximum Share of Original Amount: The share must be between 0 and 100 %",
		),
		(
			{"thresholds": [{"currency": "EUR", "max_amount": 0}]},
			"Amounts in Other Currencies: EUR: enter a maximum above 0.",
		),
		(
			{"thresholds": [{"currency": "EUR", "max_amount": 5}, {"currency": "EUR", "max_amount": 6}]},
			"Amounts in Other Currencies: EUR has more than one row.",
		),
		({"thresholds": [{"currency": "EUR", "max_amount": "12,50"}]}, "can be read as"),
	],
)
def test_an_invalid_criterion_is_refused_over_rest_at_its_field(values: dict[str, Any], message: str) -> None:
	run_helpers.settings()
	doc = {
		"doctype": "Write-Off Run",
		"company": HL,
		"balance_type": "Debit",
		"reason": "Small Balance",
		"max_invoice_amount": 25,
		**values,
	}
	with as_user(MANAGER), pytest.raises(frappe.ValidationError) as error:
		frappe.client.insert(doc)
	assert message in frappe.utils.strip_html(str(error.value))
