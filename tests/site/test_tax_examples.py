"""Worked examples of tax offices and laws: written off, claimed, and repaid in part, with the rules as they come with the
app.

Each example has the entry of the claim and that of the repayment.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import frappe
import pytest

from tests.site import run_helpers
from tests.site.factories import MANAGER, account, as_user, pay
from tests.site.ledger_checks import gl_table
from tests.site.test_tax_claims import claims, taxed
from tests.site.test_tax_rules import UK, tax_account, use_rule
from tests.site.test_tax_runs import entries, tax_run

JULY = {"from_date": "2026-07-01", "to_date": "2026-07-31", "posting_date": "2026-07-31"}
FIRST, SECOND = "VAT on Bad Debts", "Sales Tax on Bad Debts"


@dataclass(frozen=True)
class Sale:
	"""An invoice of which a part is paid, and another part after the claim."""

	net: float
	taxes: tuple[float, ...] = ()
	paid: float = 0
	recovered: float = 0
	posting_date: str = "2025-01-01"


@dataclass(frozen=True)
class Example:
	rule: str
	sales: tuple[Sale, ...]
	claimed: str
	repaid: str
	write_off_date: str = "2026-06-30"
	event: str | None = None
	period: dict[str, str] = field(default_factory=dict)


EXAMPLES = {
	# Notice 700/18: 200.00 x 700 / 1,400, and 100.00 x 280 / 700.
	"United Kingdom": Example(
		UK,
		(Sale(1200, (200,), 700, 280),),
		"""
account               | party | cost center |  debit | credit | against
VAT on Bad Debts - HL |       |             | 100.00 |        |
Write Off - HL        |       | Main - HL   |        | 100.00 |""",
		"""
account               | party | cost center | debit | credit | against
Write Off - HL        |       | Main - HL   | 40.00 |        |
VAT on Bad Debts - HL |       |             |       |  40.00 |""",
	),
	# At 17.5 %. Of 1,412.50 paid on one day 990.86 is for the first supply, the rest for one without tax. Of 500.00 received
	# later 78.36 is for that one, and the other 421.64 for the earlier supply first: 114.93 x 421.64 / 771.64.
	"HMRC: three supplies": Example(
		UK,
		(
			Sale(1000, (175,), 990.86, 184.14),
			Sale(500, (), 421.64, 78.36),
			Sale(500, (87.50,), 0, 237.50, posting_date="2025-02-01"),
		),
		"""
account               | party | cost center |  debit | credit | against
VAT on Bad Debts - HL |       |             | 114.93 |        |
Write Off - HL        |       | Main - HL   |        | 114.93 |""",
		"""
account               | party | cost center | debit | credit | against
Write Off - HL        |       | Main - HL   | 62.80 |        |
VAT on Bad Debts - HL |       |             |       |  62.80 |""",
	),
	# Insolvency proceedings of 15 March 2025: in the return of that month. Later a dividend of 952.00.
	"Germany": Example(
		"Germany: uncollectible consideration",
		(Sale(10_000, (1_900,), 2_380, 952),),
		"""
account               | party | cost center |   debit |  credit | against
VAT on Bad Debts - HL |       |             | 1520.00 |         |
Write Off - HL        |       | Main - HL   |         | 1520.00 |""",
		"""
account               | party | cost center |  debit | credit | against
Write Off - HL        |       | Main - HL   | 152.00 |        |
VAT on Bad Debts - HL |       |             |        | 152.00 |""",
		write_off_date="2025-03-20",
		event="2025-03-15",
		period={"from_date": "2025-03-01", "to_date": "2025-03-31", "posting_date": "2025-03-31"},
	),
	"Australia": Example(
		"Australia: written off as bad",
		(Sale(1000, (100,), 330, 220),),
		"""
account               | party | cost center | debit | credit | against
VAT on Bad Debts - HL |       |             | 70.00 |        |
Write Off - HL        |       | Main - HL   |       |  70.00 |""",
		"""
account               | party | cost center | debit | credit | against
Write Off - HL        |       | Main - HL   | 20.00 |        |
VAT on Bad Debts - HL |       |             |       |  20.00 |""",
	),
	"Australia: 80 % of the supply is taxable": Example(
		"Australia: written off as bad",
		(Sale(1020, (80,), 330, 220),),
		"""
account               | party | cost center | debit | credit | against
VAT on Bad Debts - HL |       |             | 56.00 |        |
Write Off - HL        |       | Main - HL   |       |  56.00 |""",
		"""
account               | party | cost center | debit | credit | against
Write Off - HL        |       | Main - HL   | 16.00 |        |
VAT on Bad Debts - HL |       |             |       |  16.00 |""",
	),
	# Revenu Québec: invoice of 149.46 with GST 6.50 and QST 12.97.
	"Canada": Example(
		"Canada: bad debt written off",
		(Sale(129.99, (6.50, 12.97), 30, 60),),
		"""
account                     | party | cost center | debit | credit | against
Sales Tax on Bad Debts - HL |       |             | 10.37 |        |
VAT on Bad Debts - HL       |       |             |  5.20 |        |
Write Off - HL              |       | Main - HL   |       |  15.57 |""",
		"""
account                     | party | cost center | debit | credit | against
Write Off - HL              |       | Main - HL   |  7.82 |        |
Sales Tax on Bad Debts - HL |       |             |       |   5.21 |
VAT on Bad Debts - HL       |       |             |       |   2.61 |""",
	),
	# 8.25 % on a price of 1,000.00. Interest of 50.00 has no tax, and is written off as well.
	"United States": Example(
		"United States: states of the Streamlined agreement",
		(Sale(1000, (82.50,), 433, 216.50), Sale(50)),
		"""
account               | party | cost center | debit | credit | against
VAT on Bad Debts - HL |       |             | 49.50 |        |
Write Off - HL        |       | Main - HL   |       |  49.50 |""",
		"""
account               | party | cost center | debit | credit | against
Write Off - HL        |       | Main - HL   | 16.50 |        |
VAT on Bad Debts - HL |       |             |       |  16.50 |""",
	),
}


@pytest.mark.parametrize("example", EXAMPLES.values(), ids=EXAMPLES)
def test_worked_example(example: Example, site: str) -> None:
	use_rule(
		example.rule,
		**{tax_account("VAT"): tax_account(FIRST), tax_account("Sales Tax 2"): tax_account(SECOND)},
	)
	invoices = {sale: taxed(sale.net, *sale.taxes, posting_date=sale.posting_date) for sale in example.sales}
	for sale, invoice in invoices.items():
		if sale.paid:
			pay(invoice, sale.paid, "2025-02-10")
	day = {"posting_date": example.write_off_date, "cutoff_date": example.write_off_date}
	write_off = run_helpers.post(run_helpers.run(**day))
	if example.event:
		enter_conditions(example.event)
	assert post_tax_run(**example.period) == example.claimed.lstrip("\n")

	items = run_helpers.items(write_off)
	recovered = {items[invoice.name].name: sale.recovered for sale, invoice in invoices.items()}
	recovered = {item: amount for item, amount in recovered.items() if amount}
	with as_user(MANAGER):
		write_off.reinstate(list(recovered), recovered, "2026-07-10")
	assert post_tax_run(**JULY) == example.repaid.lstrip("\n")


def post_tax_run(**period: str) -> str:
	"""The ledger rows of a tax run of the period."""
	[entry] = entries(run_helpers.post(tax_run(**period)))
	return gl_table(entry)


def enter_conditions(event: str) -> None:
	for name in [claim.name for claim in claims()]:
		doc: Any = frappe.get_doc("Write-Off Tax Claim", name)
		doc.update({"event_date": event, "evidence": "/private/files/opening.pdf"})
		doc.save()
	assert account("VAT on Bad Debts") == claims()[0].relief_account
