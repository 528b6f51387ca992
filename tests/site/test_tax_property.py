"""Property test: over any sequence of payments, credit notes, losses, claims, recoveries and undos no tax is claimed twice."""

from __future__ import annotations

import os
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import frappe
from frappe.utils import flt
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from ar_writeoff.tax_relief import age, invoices, rules
from tests.site import ledger_checks, run_helpers
from tests.site.conftest import Session, connect
from tests.site.factories import (
	HL,
	MANAGER,
	account,
	as_user,
	cost_center,
	credit_note,
	invoice,
	outstanding,
	pay,
)
from tests.site.test_property import pick
from tests.site.test_tax_by_age import DEFERRED, NETHERLANDS, use_age_rule
from tests.site.test_tax_rules import tax_account, use_rule
from tests.site.test_tax_runs import balance_of, tax_run

CUSTOMERS = ("Anchor Cafe", "Breakwater Bar")
DAYS = ("2026-06-30", "2026-07-15", "2026-07-31")
JUNE = {"from_date": "2026-06-01", "to_date": "2026-06-30", "posting_date": "2026-06-30"}
LATER = {"from_date": "2026-07-01", "to_date": "2026-12-31", "posting_date": "2026-12-31"}
RELIEF, INTERIM = "VAT on Bad Debts - HL", "VAT to be Reclaimed - HL"

number = st.integers(0, 20)
share = st.sampled_from((1, 0.5, 0.333))
ACTIONS = (
	"pay",
	"credit note",
	"write off",
	"write off",
	"claim",
	"claim",
	"recover",
	"recover",
	"undo the write-off",
	"undo the claim",
	"file",
	"lapse",
)
step = st.tuples(st.sampled_from(ACTIONS), number, share)


@settings(
	max_examples=int(os.environ.get("AR_WRITEOFF_EXAMPLES") or 5),
	deadline=None,
	derandomize="AR_WRITEOFF_EXAMPLES" not in os.environ,
	suppress_health_check=list(HealthCheck),
)
@given(
	method=st.sampled_from((rules.RELIEF_LATER, rules.NET_AT_ONCE, rules.INTERIM_ACCOUNT)),
	sales=st.lists(st.tuples(st.integers(100, 99_999), st.integers(1, 30)), min_size=1, max_size=3),
	steps=st.lists(step, min_size=4, max_size=10),
)
def test_no_tax_is_claimed_twice(
	method: str, sales: list[tuple[int, int]], steps: list[tuple[str, int, float]]
) -> None:
	def by_method(**accounts: str) -> None:
		rule = use_rule(**accounts)
		rule.method = method
		if method == rules.INTERIM_ACCOUNT:
			for row in rule.accounts:
				row.interim_account = tax_account("VAT to be Reclaimed")
		rule.save()

	take_steps(by_method, sales, steps)
	recover_everything()
	assert_invariants()
	assert all(row.claimed_amount == row.repaid_amount for row in claims()), "a full recovery repays all"
	assert (balance_of(RELIEF), balance_of(INTERIM)) == (0, 0)


@settings(
	max_examples=int(os.environ.get("AR_WRITEOFF_EXAMPLES") or 5),
	deadline=None,
	derandomize="AR_WRITEOFF_EXAMPLES" not in os.environ,
	suppress_health_check=list(HealthCheck),
)
@given(
	sales=st.lists(st.tuples(st.integers(100, 99_999), st.integers(1, 30)), min_size=1, max_size=3),
	steps=st.lists(step, min_size=4, max_size=10),
)
# One of two taxes is claimed before the loss.
@example(
	sales=[(100_000, 20)],
	steps=[
		("undo the claim", 0, 1),
		("claim", 0, 0.5),
		("write off", 0, 1),
		("claim", 0, 1),
		("claim", 1, 1),
	],
)
# A loss before the claim, with half a cent in each.
@example(
	sales=[(33_301, 20)],
	steps=[
		("undo the claim", 0, 1),
		("write off", 0, 0.5),
		("claim", 0, 1),
		("write off", 0, 1),
		("claim", 1, 1),
	],
)
def test_no_tax_is_claimed_twice_by_age(
	sales: list[tuple[int, int]], steps: list[tuple[str, int, float]]
) -> None:
	"""Claimed without a write-off, released to losses, and repaid when all is paid."""

	def by_age(**accounts: str) -> None:
		use_age_rule(NETHERLANDS, **accounts).update({"forced_period": 0}).save()

	take_steps(by_age, sales, [("claim", 0, 1), *steps])
	recover_everything()
	for name in frappe.get_all(
		"Sales Invoice", {"outstanding_amount": (">", 0)}, pluck="name", order_by="name asc"
	):
		pay(name, None, DAYS[-1])
	run = tax_run(**LATER)
	if run_helpers.items(run, status="Open"):
		run_helpers.post(run)
	frappe.db.commit()
	assert_invariants()
	assert all(row.claimed_amount == row.repaid_amount for row in claims()), "a full payment repays all"
	assert (balance_of(RELIEF), balance_of(DEFERRED)) == (0, 0)


def take_steps(
	choose_rule: Callable[..., Any], sales: list[tuple[int, int]], steps: list[tuple[str, int, float]]
) -> None:
	"""Take the steps on new invoices, and check the invariants after each."""
	session = Session.get()
	session.snapshot.restore()
	connect(session.site.name, session.bench)
	choose_rule(
		**{
			tax_account("VAT"): tax_account("VAT on Bad Debts"),
			tax_account("Sales Tax 2"): account("VAT on Bad Debts"),
		}
	)
	run_helpers.settings(customer_credits="Ignore")
	vouchers = []
	for place, (cents, percent) in enumerate(sales):
		rates = {"VAT": percent, "Sales Tax 2": 5}
		taxes = [
			{
				"charge_type": "On Net Total",
				"account_head": account(name),
				"description": name,
				"rate": rate,
				"cost_center": cost_center(),
			}
			for name, rate in rates.items()
		]
		vouchers.append(invoice(CUSTOMERS[place % 2], cents / 100, "2025-01-01", taxes=taxes).name)
	frappe.db.commit()
	for action, which, part in steps:
		try:
			STEPS[action](vouchers, which, part)
			frappe.db.commit()
		except frappe.ValidationError:
			frappe.db.rollback()
		assert_invariants()


# ---------------------------------------------------------------------------------------------- what is done


def write_off(vouchers: list[str], which: int, part: float) -> None:
	run = run_helpers.run()
	item = pick(list(run_helpers.items(run, status="Open").values()), which)
	with as_user(MANAGER):
		run.set_write_off_amount(item.name, flt(item.outstanding_amount * part, 2) or item.outstanding_amount)
	run_helpers.post(run)


def claim(vouchers: list[str], which: int, part: float) -> None:
	run = tax_run(**(JUNE, LATER)[which % 2])
	found = list(run_helpers.items(run, status="Open").values())
	one = pick(found, which)
	if part < 1 and len(found) > 1:
		with as_user(MANAGER):
			run.set_selection(False, items=[one.name])
	run_helpers.post(run)


def pay_one(vouchers: list[str], which: int, part: float) -> None:
	voucher = pick([name for name in vouchers if outstanding(name) > 0], which)
	pay(voucher, flt(outstanding(voucher) * part, 2) or 0.01, DAYS[which % 3])


def credit_one(vouchers: list[str], which: int, part: float) -> None:
	of = frappe.get_doc("Sales Invoice", pick([name for name in vouchers if outstanding(name) > 0], which))
	credit_note(of, flt(outstanding(of) * part, 2), DAYS[which % 3])


def recover(vouchers: list[str], which: int, part: float) -> None:
	item = pick(posted_items(), which)
	amount = flt((item.write_off_amount - item.reinstated_amount) * part, 2)
	frappe.get_doc("Write-Off Run", item.run).reinstate([item.name], {item.name: amount}, DAYS[which % 3])


def undo_write_off(vouchers: list[str], which: int, part: float) -> None:
	undo("Write-Off Run", which, part)


def undo_claim(vouchers: list[str], which: int, part: float) -> None:
	undo("Write-Off Tax Run", which, part)


def undo(doctype: str, which: int, part: float) -> None:
	run = frappe.get_doc(doctype, pick(submitted(doctype), which))
	if part == 1:
		run.cancel()
	else:
		run.reverse("2026-12-31" if doctype == "Write-Off Tax Run" else DAYS[which % 3], dated=True)


def lapse(vouchers: list[str], which: int, part: float) -> None:
	"""The last day of a claim is before the return of July, or of June."""
	claim = pick([row for row in claims() if row.status in rules.PENDING], which)
	frappe.db.set_value(
		"Write-Off Tax Claim", claim.name, "lapses_on", "2026-06-29" if part < 1 else "2026-12-30"
	)


def file_return(vouchers: list[str], which: int, part: float) -> None:
	"""Of June only, so that what is recovered later can be repaid."""
	runs = [name for name in submitted("Write-Off Tax Run") if of_june(name)]
	frappe.get_doc("Write-Off Tax Run", pick(runs, which)).mark_as_filed(filed=part == 1)


def of_june(name: str) -> bool:
	return str(frappe.db.get_value("Write-Off Tax Run", name, "to_date")) == JUNE["to_date"]


def recover_everything() -> None:
	"""On the last day, and repay the tax."""
	for item in posted_items():
		frappe.get_doc("Write-Off Run", item.run).reinstate([item.name], {}, DAYS[-1])
	# What had lapsed is taken back after the repayment.
	for _again in range(2):
		run = tax_run(**LATER)
		if run_helpers.items(run, status="Open"):
			run_helpers.post(run)
	frappe.db.commit()


STEPS = {
	"pay": pay_one,
	"credit note": credit_one,
	"write off": write_off,
	"claim": claim,
	"recover": recover,
	"undo the write-off": undo_write_off,
	"undo the claim": undo_claim,
	"lapse": lapse,
	"file": file_return,
}


def submitted(doctype: str) -> list[str]:
	return frappe.get_all(doctype, {"docstatus": 1, "company": HL}, pluck="name", order_by="name asc")


def posted_items() -> list[Any]:
	return frappe.get_all(
		"Write-Off Run Item",
		{"status": "Posted", "voucher_type": "Sales Invoice"},
		["*"],
		order_by="name asc",
	)


def claims() -> list[Any]:
	return frappe.get_all("Write-Off Tax Claim", {"company": HL}, ["*"], order_by="name asc")


# ---------------------------------------------------------------------------------------------- what must hold


def assert_invariants() -> None:
	ledger_checks.assert_debits_equal_credits(HL)
	ledger_checks.assert_ple_equals_gl(HL)
	# What is unpaid is read when it is needed.
	age.update_claims(HL)
	rows = claims()
	left: dict[tuple[str, str], Decimal] = {}
	for row in rows:
		assert 0 <= row.repaid_amount <= row.claimed_amount, row
		assert flt(row.claimed_amount - row.repaid_amount, 2) <= row.tax_amount, row
		assert 0 <= row.claimable_amount <= row.tax_amount, row
		if row.status in rules.COUNTED and not row.releases:
			key = (row.sales_invoice, row.tax_account)
			left[key] = left.get(key, Decimal(0)) + Decimal(str(row.claimable_amount))
	taxes = invoices.invoice_taxes(
		HL, {row.sales_invoice for row in rows}, {account("VAT"), account("Sales Tax 2")}
	)
	for (name, tax), amount in left.items():
		assert amount <= taxes[name].taxes.get(tax, Decimal(0)), f"{name}: {amount} of {taxes[name]}"
	net = flt(sum(row.claimed_amount - row.repaid_amount for row in rows if not row.releases), 2)
	assert abs(balance_of(RELIEF) - net) < 0.005, f"{balance_of(RELIEF)} on {RELIEF}, {net} claimed"
	released = sum(row.claimed_amount - row.repaid_amount for row in rows if row.releases)
	deferred = flt(sum(row.claimed_amount - row.repaid_amount for row in rows if not row.item) - released, 2)
	assert abs(balance_of(DEFERRED) + deferred) < 0.005, f"{balance_of(DEFERRED)} on {DEFERRED}, {deferred}"
	waiting = flt(
		sum(
			row.booked_amount - row.claimed_amount + row.repaid_amount - row.lapsed_amount
			for row in rows
			if row.method == rules.INTERIM_ACCOUNT
		),
		2,
	)
	assert abs(balance_of(INTERIM) - waiting) < 0.005, f"{balance_of(INTERIM)} on {INTERIM}, {waiting} waits"
	ledger_checks.assert_roll_forward_equals_gl(HL)
