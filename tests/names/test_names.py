"""All names that the app takes from ERPNext and Frappe exist, and functions accept the arguments of the app.

The first thing to run on a new release: `make names` needs no site, and shows in seconds which names and parameters are missing or different.

`signatures.txt` lists the functions that the app calls, each with the parameters that its arguments go to, in their
order. Where releases name a parameter differently, both names are there: `args|params`. When the app calls another
function, or passes more, `make names ARGS=--rewrite` brings the list up to date; read what changes in it.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.names.collect import ROOT, Use, fields, names_of, uses
from tests.names.installed import Missing, doctypes, find, package, parameters, signature

LIST = Path(__file__).with_name("signatures.txt")
LISTED = dict(re.findall(r"^(\S+)\((.*)\)$", LIST.read_text(), re.M))

# Names and parameters that the app looks for before it uses them.
LOOKED_FOR = {
	"erpnext.accounts.doctype.dunning.dunning.update_linked_dunnings",
	# Set when the database is connected.
	"frappe.db._cursor",
	"frappe.db._conn",
	"erpnext.accounts.doctype.gl_entry.gl_entry.GLEntry.set_amount_in_reporting_currency",
	"erpnext.accounts.doctype.gl_entry.gl_entry.get_exchange_rate",
	"erpnext.accounts.general_ledger.BudgetValidation",
	"erpnext.accounts.general_ledger.check_freezing_date",
	"erpnext.accounts.party.validate_party_frozen_disabled",
}

TAKEN = uses()


@pytest.fixture
def taken() -> dict[str, Use]:
	return TAKEN


def test_every_name_is_there(taken: dict[str, Use]) -> None:
	gone = []
	for use in taken.values():
		try:
			find(use.name)
		except Missing as missing:
			if use.name not in LOOKED_FOR:
				gone.append(f"{use.name}: no {missing}; for {use.where}")
	assert not gone, "\n".join(gone)


def test_every_call_is_taken(taken: dict[str, Use]) -> None:
	refused = [
		f"{use.name}: {error}; for {use.where}"
		for use in taken.values()
		for _names, error in bound(use)
		if error and use.name not in LOOKED_FOR
	]
	assert not refused, "\n".join(refused)


def test_every_argument_goes_where_it_is_meant_to(taken: dict[str, Use], pytestconfig: pytest.Config) -> None:
	different = {
		use.name: line(use)
		for use in taken.values()
		for names, error in bound(use)
		if not error and not agrees(names, LISTED.get(use.name))
	}
	if different and pytestconfig.getoption("rewrite"):
		LISTED.update(different)
		write()
		return
	assert not different, f"not so in {LIST.name}:\n" + "\n".join(
		f"{name}({parameters})" for name, parameters in sorted(different.items())
	)


def test_the_list_has_nothing_else(pytestconfig: pytest.Config) -> None:
	called = {use.name for use in TAKEN.values() if use.calls}
	if pytestconfig.getoption("rewrite"):
		for name in LISTED.keys() - called:
			del LISTED[name]
		write()
	assert sorted(LISTED.keys() - called) == []


def line(use: Use) -> str:
	"""The parameters that the app's calls pass, in the order of the signature here."""
	passed = {name for names, _error in bound(use) for name in names}
	found = signature(use.name)
	return ", ".join(name for name in (found.parameters if found else ()) if name in passed)


def write() -> None:
	LIST.write_text("".join(f"{name}({parameters})\n" for name, parameters in sorted(LISTED.items())))


def test_a_path_in_a_string_is_a_name() -> None:
	"""What the collecting sees, at one example of each kind."""
	assert "erpnext.accounts.utils.update_voucher_outstanding" in TAKEN  # in a string, and imported
	assert "erpnext.accounts.doctype.journal_entry.journal_entry.JournalEntry.set_against_account" in TAKEN
	assert "frappe.social.doctype.energy_point_rule.energy_point_rule.process_energy_points" not in TAKEN
	assert TAKEN[
		"erpnext.selling.doctype.customer.customer.check_credit_limit"
	].calls  # by `validation_message`
	assert "frappe.model.document.Document._set_defaults" in TAKEN  # by `super()`
	assert "frappe.db.get_value" in TAKEN


# Of the desk since v16; the app looks whether they are there.
LOOKED_FOR_DOCTYPES = {"Desktop Icon", "Workspace Sidebar"}


def test_every_doctype_and_field_is_there() -> None:
	own = doctypes(ROOT)
	theirs = {**doctypes(package("frappe")), **doctypes(package("erpnext"))}
	for field in json.loads((ROOT / "fixtures" / "custom_field.json").read_text()):
		theirs[field["dt"]].add(field["fieldname"])
	gone = []
	for (doctype, field), files in fields().items():
		if doctype in own or doctype in LOOKED_FOR_DOCTYPES:
			continue
		if doctype not in theirs or (field and field not in theirs[doctype]):
			gone.append(f"{doctype} {field}, used in {', '.join(sorted(files))}")
	assert not gone, "\n".join(gone)


GONE = """
import frappe
from erpnext.accounts.utils import get_fiscal_year, no_such_function
frappe.db.no_such_method()
get_fiscal_year("2026-01-31", no_such_parameter=1)
"""


def test_what_is_gone_is_seen() -> None:
	taken = uses_of(GONE)
	for name in ("erpnext.accounts.utils.no_such_function", "frappe.db.no_such_method"):
		assert name in taken
		with pytest.raises(Missing, match="no_such"):
			find(name)
	[(_names, error)] = bound(taken["erpnext.accounts.utils.get_fiscal_year"])
	assert "no_such_parameter" in error
	assert agrees(("date", "company"), "date, verbose, company") and agrees(("args",), "params|args")
	assert not agrees(("company", "date"), "date, verbose, company") and not agrees(("date",), None)


def uses_of(source: str) -> dict[str, Use]:
	taken: dict[str, Use] = {}
	for name, call in names_of(ast.parse(source)):
		taken.setdefault(name, Use(name)).calls.update({call} if call else ())
	return taken


def bound(use: Use) -> Iterator[tuple[tuple[str, ...], str]]:
	"""For each call: the parameters that its arguments go to, or why it is refused. None where the name is gone."""
	for call in sorted(use.calls, key=str):
		try:
			yield parameters(use.name, call), ""
		except Missing:
			return
		except TypeError as error:
			yield (), f"{error} ({call.by_place} by place, {', '.join(call.by_name) or 'none'} by name)"


def agrees(names: tuple[str, ...], listed: str | None) -> bool:
	"""Whether these parameters are among those listed, in their order."""
	if listed is None:
		return False
	left = iter(listed.split(", "))
	return all(any(name in place.split("|") for place in left) for name in names)
