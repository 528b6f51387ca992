"""Translation of preview and page: English or German.

User-visible text is created with `t`, which keeps the English template and its values, and translates when the text is
formatted. So a page can change its language. Texts of `ar_writeoff.core` are translated by the app's catalogue, those
of this package by `locale` beside this file.
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

_current = ENGLISH


class Text:
	"""A template with its values. `str()` translates it to the current language."""

	__slots__ = ("facts", "template")

	def __init__(self, template: str, facts: Mapping[str, object]):
		self.template = template
		self.facts = facts

	def __str__(self) -> str:
		text = translate(self.template)
		return (
			text.format(**{name: format_value(fact) for name, fact in self.facts.items()})
			if self.facts
			else text
		)

	def __eq__(self, other: object) -> bool:
		return str(self) == str(other)

	def __hash__(self) -> int:
		return hash(self.template)

	def __repr__(self) -> str:
		return f"t({self.template!r})"


def t(template: str, **facts: object) -> Text:
	"""The text for this template and these values. The template must be a literal: a test checks its German
	translation."""
	return Text(template, facts)


def set_language(language: str) -> None:
	"""Set the language; English if it is not available."""
	global _current
	_current = language if language in LANGUAGES else ENGLISH


def current_language() -> str:
	return _current


def translate(text: str) -> str:
	"""The text in the current language, or unchanged without a translation."""
	return text if _current == ENGLISH else catalogue(_current).get(text) or text


def message(reason: Reason) -> str:
	"""The translated message of a reason."""
	return texts.message(reason, translate, format_fact)


def format_fact(name: str, fact: str) -> str:
	"""A fact of a reason, formatted for the current language."""
	if name in texts.DATE_FACTS:
		return day(date.fromisoformat(fact))
	return texts.on_accounts(fact, translate=translate) if name in texts.ACCOUNT_FACTS else fact


def label(code: str) -> str:
	"""The translated short label of a reason code."""
	return translate(texts.label(code))


def format_value(fact: object) -> object:
	"""A value of a message, formatted for the current language."""
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
	if _current == GERMAN:
		return written.translate(str.maketrans(",.", ".,"))
	return written


def day(value: date) -> str:
	"""2026-06-30 in English, 30.06.2026 in German."""
	return value.strftime("%d.%m.%Y") if _current == GERMAN else value.isoformat()


@cache
def catalogue(language: str) -> Mapping[str, str]:
	"""{English: translation} of the language's catalogues."""
	found: dict[str, str] = {}
	for folder in reversed(CATALOGUES):
		path = folder / f"{language}.po"
		if path.is_file():
			found |= read_catalogue(path)
	return found


def read_catalogue(path: Path) -> dict[str, str]:
	"""{msgid: msgstr} of a PO file, without header and untranslated entries."""
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
