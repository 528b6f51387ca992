"""A small version of the demo data: ledgers balance, all kinds of balances exist, and the preview agrees with the site."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest

from ar_writeoff.offline import cli, export, policy
from ar_writeoff.offline.decide import decide
from tools.bench import CHECKOUT, Site

LAY = """
import json, sys
sys.path.insert(0, sys.argv[1])
import frappe
frappe.init(sys.argv[2], sites_path=".")
frappe.connect()
from pathlib import Path
from demo import books, example
from tests.site.ledger_checks import assert_debits_equal_credits, assert_ple_equals_gl, assert_register_equals_gl, assert_roll_forward_equals_gl
books.create_books(customer_count=80, invoice_count=1600)
frappe.db.commit()
assert_debits_equal_credits(books.COMPANY)
assert_ple_equals_gl(books.COMPANY)
assert_roll_forward_equals_gl(books.COMPANY)
assert_register_equals_gl(books.COMPANY)
example.write(Path(sys.argv[3]))

runs = frappe.get_all("Write-Off Run", fields=["name", "status"], order_by="name asc")
draft = [run.name for run in runs if run.status == "Draft"][0]
print(json.dumps({
	"runs": [run.status for run in runs],
	"messages": frappe.get_all("Write-Off Run Item", filters={"status": "Skipped"}, pluck="message", order_by="name asc"),
	"draft": [
		[item.voucher_no, item.currency, item.reason_code or "", str(item.outstanding_amount), str(item.base_outstanding_amount)]
		for item in frappe.get_all("Write-Off Run Item", filters={"run": draft}, fields=["*"], order_by="name asc")
	],
	"invoices": frappe.db.count("Sales Invoice", {"docstatus": 1}),
	"currencies": sorted(set(frappe.get_all("Sales Invoice", pluck="currency", order_by="name asc"))),
	"returns": frappe.db.count("Sales Invoice", {"is_return": 1, "docstatus": 1}),
	"payments": frappe.db.count("Payment Entry", {"docstatus": 1}),
	"schedules": frappe.db.count("Write-Off Schedule", {"enabled": 1}),
	"settings": frappe.db.count("Write-Off Settings"),
	"dunnings": frappe.db.count("Dunning", {"docstatus": 1}),
	"disputed": frappe.db.count("Tag Link", {"tag": "Disputed"}),
	"opted_out": frappe.db.count("Customer", {"exclude_from_write_off": 1}),
}, default=str))
frappe.destroy()
"""


@pytest.mark.slow
def test_demo(another_site: Callable[[], Site], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
	demo = another_site()
	demo.make_bare()
	demo.install_app()
	printed = demo.bench.run(demo.bench.python, "-c", LAY, str(CHECKOUT), demo.name, str(tmp_path))
	found = json.loads(printed.splitlines()[-1])

	assert found["runs"] == ["Posted", "Partly Posted", "Draft"]
	assert found["messages"] and all("since the search" in message for message in found["messages"])
	assert found["currencies"] == ["EUR", "USD"]
	assert found["invoices"] >= 1600
	for kind in ("settings", "schedules", "returns", "payments", "dunnings", "disputed", "opted_out"):
		assert found[kind], kind

	csv, xlsx = tmp_path / "accounts-receivable.csv", tmp_path / "accounts-receivable-party-currency.xlsx"
	settings = policy.read_file(tmp_path / "policy.toml")
	chosen_policy = policy.make(settings, today=settings["criteria.cutoff_date"])
	decision = decide(chosen_policy, export.read(csv), export.read(xlsx))
	assert {
		one.balance.voucher_no: [
			one.reason.code if one.reason else "",
			one.balance.currency,
			one.amount,
			one.base_amount,
		]
		for one in (*decision.write_off, *decision.left_out)
	} == {
		voucher: [reason, currency, cents(amount), cents(base)]
		for voucher, currency, reason, amount, base in found["draft"]
	}
	assert cli.main(["preview", str(csv), "--policy", str(tmp_path / "policy.toml")]) == 0
	assert f"Write off    Balances: {len(decision.write_off)}," in capsys.readouterr().out


def cents(amount: str) -> Decimal:
	return Decimal(amount).quantize(Decimal("0.01"))
