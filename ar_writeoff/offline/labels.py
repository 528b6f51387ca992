"""Labels of the report's columns and filters in all languages of Frappe.

`labels.csv` has a row per language and a column per field, with the labels of the field separated by bars. A language
spoken in several countries has one row, and a row per country for labels that differ. Untranslated labels are English
in ERPNext.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

ENGLISH = "en"

# label in lower case: fields it can mean
Labels = Mapping[str, tuple[str, ...]]


@cache
def table() -> Mapping[str, Mapping[str, tuple[str, ...]]]:
	"""{language: {field: labels}}; countries include the labels of their language."""
	found: dict[str, dict[str, tuple[str, ...]]] = {}
	with (Path(__file__).parent / "labels.csv").open(encoding="utf-8", newline="") as file:
		for row in csv.DictReader(file):
			language = row.pop("language")
			inherited = found.get(language.partition("-")[0], {})
			found[language] = {
				field: tuple(label for label in (*labels.split("|"), *inherited.get(field, ())) if label)
				for field, labels in row.items()
			}
	return found


FIELDS: Sequence[str] = tuple(table()[ENGLISH])


def english(field: str) -> str:
	"""The English heading of a field."""
	return table()[ENGLISH][field][0]


@cache
def language_labels(language: str) -> Labels:
	"""Labels of a language, plus the English ones that have no other meaning in it."""
	found: dict[str, tuple[str, ...]] = {}
	for field, labels in table()[language].items():
		for label in labels:
			key = normalize(label)
			found[key] = (*found.get(key, ()), field)
	for field, labels in table()[ENGLISH].items():
		for label in labels:
			found.setdefault(normalize(label), (field,))
	return found


def normalize(label: str) -> str:
	"""The label for comparison: lower case, single spaces, no right-to-left marks."""
	return " ".join(label.translate(_MARKS).casefold().split())


_MARKS = dict.fromkeys(
	ord(mark) for mark in "\u200b\u200c\u200e\u200f\u202a\u202b\u202c\u2066\u2067\u2068\u2069\ufeff"
)
