"""Mandatory and restricted accounting dimensions of an account."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ar_writeoff.core import reasons
from ar_writeoff.core.reasons import Reason


@dataclass(frozen=True, slots=True)
class DimensionRule:
	"""The rule for one dimension on one account: mandatory, only `allowed` values, or no `forbidden` ones.

	`link`: the document that defines the rule, as (doctype, name).
	"""

	field: str
	label: str
	link: tuple[str, str]
	mandatory: bool = False
	allowed: frozenset[str] | None = None
	forbidden: frozenset[str] = frozenset()


def violation(account: str, rules: Iterable[DimensionRule], values: Mapping[str, str]) -> Reason | None:
	"""Return the first rule that these dimensions violate as a reason, or None."""
	for rule in rules:
		value = values.get(rule.field)
		if not value:
			if rule.mandatory:
				return Reason.of(reasons.DIMENSION_MISSING, account=account, dimension=rule.label).with_link(
					*rule.link
				)
		elif value in rule.forbidden or (rule.allowed is not None and value not in rule.allowed):
			return Reason.of(
				reasons.DIMENSION_NOT_ALLOWED, account=account, dimension=rule.label, value=value
			).with_link(*rule.link)
	return None
