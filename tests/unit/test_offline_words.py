"""Texts of preview and page are complete in German, with the same placeholders."""

from __future__ import annotations

import ast
import string
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from ar_writeoff.core import texts
from ar_writeoff.offline import words
from ar_writeoff.offline.problems import Problem
from ar_writeoff.offline.words import t

OFFLINE = Path(words.__file__).parent


@pytest.fixture(autouse=True)
def english_again() -> object:
	yield
	words.set_language(words.ENGLISH)


def said() -> list[tuple[str, str]]:
	"""(place, text) of every literal that is given to `t()`."""
	return [
		(f"{path.relative_to(OFFLINE)}:{node.lineno}", node.args[0].value)
		for path in sorted(OFFLINE.rglob("*.py"))
		for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
		if isinstance(node, ast.Call)
		and isinstance(node.func, ast.Name)
		and node.func.id == "t"
		and isinstance(node.args[0], ast.Constant)
	]


def facts(text: str) -> list[str]:
	return sorted(
		{
			f"{field}!{conversion}"
			for _text, field, _spec, conversion in string.Formatter().parse(text)
			if field
		}
	)


def test_every_text_has_its_german_with_the_same_facts() -> None:
	german = words.read_catalogue(OFFLINE / "locale" / "de.po")
	found = said()
	assert len(found) > 200
	assert [place for place, text in found if not german.get(text, "").strip()] == []
	assert [text for text in german if text not in {text for _place, text in found}] == [], "said no longer"
	assert [text for text, said in german.items() if facts(text) != facts(said)] == []


def test_the_sentences_of_the_rules_are_in_the_catalogue_of_the_app() -> None:
	german = words.catalogue(words.GERMAN)
	assert [text for text in (*texts.MESSAGES.values(), *texts.LABELS.values()) if text not in german] == []


def test_no_text_is_put_together_by_hand() -> None:
	"""What is shown with `ui.label` and the like comes from `t`, or is a fact."""
	layout = ast.parse((OFFLINE / "page" / "layout.py").read_text(encoding="utf-8"))
	wrong = [
		f"layout.py:{node.lineno}"
		for node in ast.walk(layout)
		if isinstance(node, ast.Call)
		and ast.unparse(node.func) in ("ui.label", "ui.button", "ui.notify", "ui.tab", "ui.expansion")
		and any(
			isinstance(part, ast.Constant) and isinstance(part.value, str) and " " in part.value
			for argument in node.args
			for part in ast.walk(argument)
			if not isinstance(argument, ast.Call)
		)
		and "AR Write-Off" not in ast.unparse(node)
	]
	assert wrong == []


def test_a_text_is_translated_when_it_is_read() -> None:
	problem = Problem(t("The file is empty."), 3, "Due Date")
	text = t("Selected: {count} of {all}, customers: {customers}", count=1234, all=5000, customers=7)
	assert (str(problem), str(text)) == (
		"row 3, column Due Date: The file is empty.",
		"Selected: 1,234 of 5,000, customers: 7",
	)
	words.set_language("de")
	assert (str(problem), str(text)) == (
		"Zeile 3, Spalte Due Date: Die Datei ist leer.",
		"Ausgewählt: 1.234 von 5.000, Kunden: 7",
	)
	assert (words.number(Decimal("1234.50")), words.day(date(2026, 1, 31))) == ("1.234,50", "31.01.2026")
	words.set_language("fr")
	assert words.current_language() == "en"
