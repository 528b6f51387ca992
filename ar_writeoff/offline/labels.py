"""What the columns and filters of ERPNext's reports are called, in every language that Frappe speaks.

`labels.csv` has a row for each language and a column for each field, with the labels of the field between bars. A language
that is spoken in several countries has a row for the language and rows for what a country calls otherwise. What
a language does not translate stays English in ERPNext.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

ENGLISH = "en"

# label, in lower case -> the fields that it may stand for
Labels = Mapping[str, tuple[str, ...]]


@cache
def table() -> Mapping[str, Mapping[str, tuple[str, ...]]]:
	"""{language: {field: labels}}, a country's with those of its language."""
	found: dict[str, dict[str, tuple[str, ...]]] = {}
	with (Path(__file__).parent / "labels.csv").open(encoding="utf-8", newline="") as file:
		for row in csv.DictReader(file):
			language = row.pop("language")
			inherited = found.get(language.partition("-")[0], {})
			found[language] = {
				field: tuple(filter(None, (*labels.split("|"), *inherited.get(field, ()))))
				for field, labels in row.items()
			}
	return found


FIELDS: Sequence[str] = tuple(table()[ENGLISH])


def english(field: str) -> str:
	"""The heading of a field in English."""
	return table()[ENGLISH][field][0]


@cache
def of_language(language: str) -> Labels:
	"""The labels of a language, and the English ones where they mean nothing else in it."""
	found: dict[str, tuple[str, ...]] = {}
	for field, labels in table()[language].items():
		for label in labels:
			key = folded(label)
			found[key] = (*found.get(key, ()), field)
	for field, labels in table()[ENGLISH].items():
		for label in labels:
			found.setdefault(folded(label), (field,))
	return found


def folded(label: str) -> str:
	"""A label for comparison: in lower case, with single spaces, without the formatting of right-to-left texts."""
	return " ".join(label.translate(_MARKS).casefold().split())


_MARKS = dict.fromkeys(map(ord, "\u200b\u200c\u200e\u200f\u202a\u202b\u202c\u2066\u2067\u2068\u2069\ufeff"))
