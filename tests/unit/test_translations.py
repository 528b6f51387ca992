"""The template has all strings, and German is complete with the same placeholders."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

APP = Path(__file__).parents[2] / "ar_writeoff"
PLACEHOLDER = re.compile(r"\{\w*\}")


def messages(name: str) -> dict[str, str]:
	"""{msgid: msgstr} of a PO file; `msgid:context` if it has a context, as in Frappe."""
	found: dict[str, str] = {}
	for entry in (APP / "locale" / name).read_text(encoding="utf-8").split("\n\n"):
		parts = {"msgctxt": "", "msgid": "", "msgstr": ""}
		part = ""
		for line in entry.splitlines():
			if line.startswith("#"):
				continue
			keyword, _space, rest = line.partition(" ")
			if keyword in parts:
				part, line = keyword, rest
			if part and line:
				parts[part] += ast.literal_eval(line)
		if parts["msgid"]:
			found[":".join(filter(None, (parts["msgid"], parts["msgctxt"])))] = parts["msgstr"]
	return found


IN_SCRIPT = re.compile(r'\b__\(\s*("(?:[^"\\]|\\.)*")')


def strings_in_scripts() -> list[tuple[str, str]]:
	"""(file, text) of every literal that is given to `__()`, wherever in a template it stands."""
	return [
		(str(path.relative_to(APP)), ast.literal_eval(text))
		for path in sorted(APP.rglob("*.js"))
		if "dist" not in path.parts
		for text in IN_SCRIPT.findall(path.read_text(encoding="utf-8"))
	]


def strings_in_code() -> list[tuple[str, str]]:
	"""(place, text) of every literal that is given to `_()`."""
	return [
		(f"{path.relative_to(APP)}:{node.lineno}", node.args[0].value)
		for path in sorted(APP.rglob("*.py"))
		for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
		if isinstance(node, ast.Call)
		and isinstance(node.func, ast.Name)
		and node.func.id == "_"
		and node.args
		and isinstance(node.args[0], ast.Constant)
		and isinstance(node.args[0].value, str)
	]


def test_every_string_in_code_is_in_the_template():
	template = messages("main.pot")
	missing = [
		f"{place}: {text!r}"
		for place, text in [*strings_in_code(), *strings_in_scripts()]
		if text not in template
	]
	assert not missing, "run `make translations`:\n" + "\n".join(missing)
	assert len(template) > 500


def test_german_is_complete():
	template, german = messages("main.pot"), messages("de.po")
	assert not [text for text in template if not german.get(text, "").strip()]
	assert set(german) == set(template)


@pytest.mark.parametrize("language", ["de.po"])
def test_translations_keep_the_placeholders(language: str):
	wrong = {
		text: said
		for text, said in messages(language).items()
		if sorted(PLACEHOLDER.findall(text)) != sorted(PLACEHOLDER.findall(said))
	}
	assert not wrong


@pytest.mark.parametrize("name", ["main.pot", "de.po"])
def test_every_entry_has_a_translation_line(name: str):
	entries = (APP / "locale" / name).read_text(encoding="utf-8").rstrip("\n").split("\n\n")
	assert [entry for entry in entries if not re.search(r"^msgid .*^msgstr ", entry, re.M | re.S)] == []
