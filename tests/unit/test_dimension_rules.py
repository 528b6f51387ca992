"""Mandatory, allowed and forbidden dimensions of an account."""

from __future__ import annotations

import pytest

from ar_writeoff.core.dimensions import DimensionRule, violation
from ar_writeoff.core.reasons import Reason

FILTER = ("Accounting Dimension Filter", "ADF-1")
MANDATORY = DimensionRule("project", "Project", FILTER, mandatory=True)
ALLOWED = DimensionRule("project", "Project", FILTER, allowed=frozenset({"Refit", "Pier"}))
FORBIDDEN = DimensionRule("project", "Project", FILTER, forbidden=frozenset({"Closed"}))
NOTHING_ALLOWED = DimensionRule("project", "Project", FILTER, allowed=frozenset())

MISSING = Reason("dimension_missing", (("account", "Bad Debt"), ("dimension", "Project")), FILTER)


def not_allowed(value: str) -> Reason:
	facts = (("account", "Bad Debt"), ("dimension", "Project"), ("value", value))
	return Reason("dimension_not_allowed", facts, FILTER)


@pytest.mark.parametrize(
	("rule", "value", "expected"),
	[
		(MANDATORY, "Refit", None),
		(MANDATORY, "", MISSING),
		(MANDATORY, None, MISSING),
		(ALLOWED, "Refit", None),
		(ALLOWED, "Closed", not_allowed("Closed")),
		(ALLOWED, "", None),  # a restriction of values does not ask for one
		(NOTHING_ALLOWED, "Refit", not_allowed("Refit")),
		(FORBIDDEN, "Refit", None),
		(FORBIDDEN, "Closed", not_allowed("Closed")),
		(FORBIDDEN, "", None),
	],
)
def test_one_rule(rule: DimensionRule, value: str | None, expected: Reason | None) -> None:
	values = {"cost_center": "Main"} if value is None else {"cost_center": "Main", "project": value}
	assert violation("Bad Debt", [rule], values) == expected


def test_a_rule_forbids_nothing_and_asks_for_nothing_unless_it_says_so() -> None:
	rule = DimensionRule("project", "Project", FILTER)
	assert rule == DimensionRule("project", "Project", FILTER, False, None, frozenset())
	assert violation("Bad Debt", [rule], {"project": "Refit"}) is None
	assert violation("Bad Debt", [rule], {}) is None


def test_the_first_violated_rule_is_returned() -> None:
	center = DimensionRule("cost_center", "Cost Center", ("Account", "Bad Debt"), mandatory=True)
	found = violation("Bad Debt", [MANDATORY, center, FORBIDDEN], {"project": "Closed"})
	assert found and dict(found.facts) == {"account": "Bad Debt", "dimension": "Cost Center"}
	assert violation("Bad Debt", [FORBIDDEN, center], {"project": "Closed"}) == not_allowed("Closed")
	assert violation("Bad Debt", [], {}) is None
