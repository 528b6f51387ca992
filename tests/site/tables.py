"""Small text tables in tests; see tests/unit/tables.py."""

from __future__ import annotations

import re

from tests.unit.tables import rows

__all__ = ["labels", "rows"]


def labels(text: str) -> set[str]:
	"""`labels("A1-A3 A7")` is {"A1", "A2", "A3", "A7"}."""
	found: set[str] = set()
	for word in text.split():
		if match := re.fullmatch(r"([A-Z]+)(\d+)-\1(\d+)", word):
			letter, first, last = match.groups()
			found |= {f"{letter}{number}" for number in range(int(first), int(last) + 1)}
		else:
			found.add(word)
	return found
