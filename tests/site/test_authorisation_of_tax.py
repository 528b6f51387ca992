"""User Permissions on tax claims and tax runs: the outputs of test_authorisation_of_amounts.py, over books with claims.

Visible amounts are whole numbers, hidden amounts are not, so any total with a hidden amount is not a whole number either.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import combinations
from typing import Any

import frappe
import pytest
from frappe.desk.query_report import run as run_report

from tests.site import run_helpers
from tests.site.factories import HL, MANAGER, as_user, cost_center, customer, permit
from tests.site.test_authorisation import MANAGES, RUN, TABLE, TAX_RUN, filled, methods
from tests.site.test_authorisation_of_amounts import (
	LIMITED_BY,
	MOMENT,
	Way,
	method_way,
	text_of,
	ways_of_doctypes,
)
from tests.site.test_tax_claims import taxed
from tests.site.test_tax_rules import use_rule
from tests.site.test_tax_runs import tax_run

REPORT = "Bad Debt Tax Relief"
AMOUNT = re.compile(r"\d[\d,]*\.\d\d\b")
DOCTYPES = ("Write-Off Tax Claim", "Write-Off Tax Run", "Write-Off Run Item", "Write-Off Run Batch")
# Net and tax of two invoices that must not be seen.
HIDDEN = ((306.85, 61.37), (115.35, 23.07))
CENTS = {
	round(sum(amounts) % 1, 2)
	for count in range(1, 5)
	for amounts in combinations([amount for pair in HIDDEN for amount in pair], count)
}


class Books:
	"""A posted tax run and a draft, each with a claim that a limited user may see and one that is hidden."""

	def __init__(self) -> None:
		use_rule()
		north, south = cost_center("North Pier"), cost_center("South Pier")
		hidden_customer = customer("Elmshorn Hidden", "Schools", "US West")
		self.secrets = {hidden_customer}
		runs = []
		for (seen_net, seen_tax), (net, tax) in zip(((100, 20), (200, 40)), HIDDEN, strict=True):
			taxed(seen_net, seen_tax, cost_center=north)
			self.secrets.add(taxed(net, tax, who=hidden_customer, cost_center=south).name)
			run_helpers.post(run_helpers.run())
			run = tax_run()
			if not runs:
				run_helpers.post(run)
			runs.append(run)
		self.posted, self.draft = runs
		frappe.db.commit()

	def ways(self) -> Iterator[tuple[str, Way]]:
		for show in ("Claims", "By Box of the Return", "Refunds for Bad Debts Account"):
			filters = {"company": HL, "show": show, "from_date": "2024-01-01", "to_date": "2027-12-31"}
			yield f"report {show}", lambda f=filters: run_report(REPORT, filters=dict(f))
		for name, way in ways_of_doctypes(self):  # type: ignore[arg-type]
			if name.startswith(DOCTYPES):
				yield name, way
		found = methods()
		for name, (_who, arguments) in sorted(TABLE.items(), key=lambda row: row[1][0] == MANAGES):
			for doc in (self.draft, self.posted) if name.startswith((RUN, TAX_RUN)) else ():
				hidden = [row for row in run_helpers.items(doc).values() if row.customer in self.secrets]
				values = filled(arguments, {"item": hidden[0].name, "run": doc.name})
				yield f"{name} {doc.docstatus}", method_way(found[name], doc, values)

	def told(self, answer: Any) -> set[str]:
		"""The secrets in an answer."""
		text = MOMENT.sub("", text_of(answer))
		numbers = {
			number for number in AMOUNT.findall(text) if round(float(number.replace(",", "")) % 1, 2) in CENTS
		}
		return {name for name in self.secrets if name in text} | numbers

	def all_told(self, user: str) -> dict[str, set[str]]:
		"""The secrets that each way tells this user. A refusal is an answer, too."""
		found = {}
		for name, way in self.ways():
			with as_user(user):
				frappe.local.message_log = []
				try:
					answer = way()
				except (frappe.ValidationError, frappe.PermissionError, frappe.DoesNotExistError) as error:
					# That a refusal repeats the name of the document tells nothing.
					answer = str(error).replace(name.partition(":")[0].rpartition(" ")[2], "")
					frappe.local.message_log = []
				found[name] = self.told(answer) | self.told(str(frappe.local.message_log))
			frappe.db.rollback()
		return found


@pytest.fixture
def books(site: str) -> Books:
	return Books()


def test_an_unrestricted_user_is_told_all(books: Books) -> None:
	"""Without this, a way that does not work would pass for one that keeps a secret."""
	told = {name for name, secrets in books.all_told(MANAGER).items() if secrets}
	assert told >= {
		"report Claims",
		"report By Box of the Return",
		"report Refunds for Bad Debts Account",
		"Write-Off Tax Claim: get_list",
		"Write-Off Tax Claim: export CSV",
		"Write-Off Tax Claim: sum of tax_amount",
		"Write-Off Tax Run: get_list",
		f"Write-Off Tax Run {books.posted.name}: form",
		f"Write-Off Tax Run {books.posted.name}: print Standard",
		*(f"{RUN}{name} 0" for name in ("get_items", "get_summary", "preview_entries")),
		*(f"{RUN}{name} 1" for name in ("get_items", "get_summary")),
	}


@pytest.mark.parametrize(("doctype", "value"), LIMITED_BY)
def test_hidden_claims_are_in_no_output(books: Books, doctype: str, value: str) -> None:
	permit(MANAGER, doctype, value)
	frappe.db.commit()
	assert {name: secrets for name, secrets in books.all_told(MANAGER).items() if secrets} == {}
