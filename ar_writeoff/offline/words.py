"""The language that the preview and the page speak: English, or German.

What a person reads is made with `t`, which remembers the English sentence and the facts in it, and says it in the
language that is in use when it is read. So a page that changes its language says everything anew. The sentences of
`ar_writeoff.core` are in the catalogue of the app, those of this package in `locale` beside this file.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from functools import cache
from pathlib import Path

from ar_writeoff.core import texts
from ar_writeoff.core.reasons import Reason

ENGLISH, GERMAN = "en", "de"
LANGUAGES: Mapping[str, str] = {ENGLISH: "English", GERMAN: "Deutsch"}

HERE = Path(__file__).parent
CATALOGUES = (HERE / "locale", HERE.parent / "locale")

_in_use = ENGLISH


class Text:
	"""A sentence with its facts. `str()` says it in the language in use."""

	__slots__ = ("facts", "template")

	def __init__(self, template: str, facts: Mapping[str, object]):
		self.template = template
		self.facts = facts

	def __str__(self) -> str:
		said = translate(self.template)
		return said.format(**{name: shown(fact) for name, fact in self.facts.items()}) if self.facts else said

	def __eq__(self, other: object) -> bool:
		return str(self) == str(other)

	def __hash__(self) -> int:
		return hash(self.template)

	def __repr__(self) -> str:
		return f"t({self.template!r})"


def t(template: str, **facts: object) -> Text:
	"""The sentence with these facts. The template is a literal: a test looks for its German."""
	return Text(template, facts)


def use(language: str) -> None:
	"""Speak this language from now on; English where it is none of those there are."""
	global _in_use
	_in_use = language if language in LANGUAGES else ENGLISH


def in_use() -> str:
	return _in_use


def translate(text: str) -> str:
	"""The text in the language in use; as it is where there is no translation."""
	return text if _in_use == ENGLISH else catalogue(_in_use).get(text) or text


def message(reason: Reason) -> str:
	"""The sentence that a person reads for this reason."""
	facts = {
		name: day(date.fromisoformat(fact)) if name in texts.DATE_FACTS else fact
		for name, fact in reason.facts
	}
	return translate(texts.MESSAGES[reason.code]).format(**facts)


def label(code: str) -> str:
	"""A few words for a group of balances left out for the same reason."""
	return translate(texts.label(code))


def shown(fact: object) -> object:
	"""A fact of a sentence as people write it in the language in use."""
	if isinstance(fact, bool):
		return fact
	if isinstance(fact, Decimal | int):
		return number(fact)
	if isinstance(fact, date):
		return day(fact)
	return fact


def number(value: Decimal | int) -> str:
	"""1,234.50 in English, 1.234,50 in German."""
	written = f"{value:,}"
	if _in_use == GERMAN:
		return written.translate(str.maketrans(",.", ".,"))
	return written


def day(value: date) -> str:
	"""2026-06-30 in English, 30.06.2026 in German."""
	return value.strftime("%d.%m.%Y") if _in_use == GERMAN else value.isoformat()


@cache
def catalogue(language: str) -> Mapping[str, str]:
	"""{English: translation} of the catalogues that there are for a language."""
	found: dict[str, str] = {}
	for folder in reversed(CATALOGUES):
		path = folder / f"{language}.po"
		if path.is_file():
			found |= read_catalogue(path)
	return found


def read_catalogue(path: Path) -> dict[str, str]:
	"""{msgid: msgstr} of a PO file, without its header and without what is not translated."""
	found: dict[str, str] = {}
	for entry in path.read_text(encoding="utf-8").split("\n\n"):
		parts = {"msgid": "", "msgstr": ""}
		part = ""
		for line in entry.splitlines():
			keyword, _space, rest = line.partition(" ")
			if keyword in parts:
				part, line = keyword, rest
			if part and line.startswith('"'):
				parts[part] += ast.literal_eval(line)
		if parts["msgid"] and parts["msgstr"]:
			found[parts["msgid"]] = parts["msgstr"]
	return found
