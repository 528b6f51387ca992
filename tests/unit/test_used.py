"""The app has no unused parts: definitions are used, stored fields are read, listed events are written."""

from __future__ import annotations

import ast
import json
import re
from collections import Counter

import pytest

from tests.unit.app_files import APP, doctype, modules, select_options

# Frappe and Python find these by their names.
FOUND_BY_NAME = {
	"hooks.py": None,
	"patches": {"execute"},
	"report": {"execute"},
	"doctype": None,
	"tests": None,
}

SOURCES = ("*.py", "*.js", "*.json", "*.html", "*.txt")


def words() -> Counter[str]:
	"""How often each word stands in the sources of the app, without its locale and what is built."""
	found: Counter[str] = Counter()
	for pattern in SOURCES:
		for path in APP.rglob(pattern):
			if not {"locale", "dist"} & set(path.parts):
				found.update(re.findall(r"\w+", path.read_text(encoding="utf-8")))
	return found


def definitions() -> list[tuple[str, str]]:
	"""(file, name) of what is defined at the top of each module."""
	found = []
	for path, tree in modules():
		for node in tree.body:
			if isinstance(node, ast.FunctionDef | ast.ClassDef):
				found.append((path, node.name))
			elif isinstance(node, ast.Assign | ast.AnnAssign):
				targets = node.targets if isinstance(node, ast.Assign) else [node.target]
				found += [(path, one.id) for one in targets if isinstance(one, ast.Name)]
	return found


def found_by_name(path: str, name: str) -> bool:
	for part in path.split("/"):
		if part in FOUND_BY_NAME:
			names = FOUND_BY_NAME[part]
			return names is None or name in names
	return name.startswith("__")


def test_fault_16_what_is_defined_is_used() -> None:
	used = words()
	assert [
		f"{path}: {name}" for path, name in definitions() if used[name] < 2 and not found_by_name(path, name)
	] == []


@pytest.mark.parametrize("name", ["Write-Off Run Batch", "Write-Off Run Worker"])
def test_fault_16_what_is_stored_of_batches_and_workers_is_read(name: str) -> None:
	"""Neither has a form that shows it to a person."""
	code = "\n".join(
		path.read_text()
		for path in APP.rglob("*.py")
		if "doctype" not in path.parts and "locale" not in path.parts
	)
	fields = [df["fieldname"] for df in doctype(name)["fields"] if not df["fieldtype"].endswith("Break")]
	assert fields and [field for field in fields if not re.search(rf"\b{field}\b", code)] == []


def test_fault_16_each_event_of_the_log_happens() -> None:
	code = "\n".join(
		path.read_text() for path in APP.rglob("*.py") if "doctype/write_off_run_event" not in str(path)
	)
	events = select_options("Write-Off Run Event", "event")
	assert [event for event in events if f'"{event}"' not in code] == []


def test_fault_13_one_place_asks_whether_a_test_is_running() -> None:
	asking = [str(path.relative_to(APP)) for path in APP.rglob("*.py") if "in_test" in path.read_text()]
	assert asking == ["run/worker.py"]


def test_fault_13_no_number_card_scans_vouchers() -> None:
	"""They are counted each time the workspace opens; Sales Invoice has no index on what was written off. There are few runs,
	and many claims, of which a card reads those of a status by its index."""
	cards = [json.loads(path.read_text()) for path in APP.glob("*/number_card/*/*.json")]
	assert {card["document_type"] for card in cards} == {"Write-Off Run", "Write-Off Tax Claim"}
	for card in cards:
		fields = {df["fieldname"]: df for df in doctype(card["document_type"])["fields"]}
		filtered = [name for _doctype, name, *_rest in json.loads(card["filters_json"])]
		indexed = [name for name in filtered if fields.get(name, {}).get("search_index")]
		assert card["document_type"] == "Write-Off Run" or indexed, card["name"]


def test_every_rule_has_its_mutation_tests() -> None:
	tree = ast.parse((APP.parent / "tools" / "mutants.py").read_text())
	[tests] = [
		ast.literal_eval(node.value)
		for node in tree.body
		if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "TESTS"
	]
	paths = [*APP.glob("core/*.py"), *APP.glob("*/*rules.py")]
	assert set(tests) == {str(path.relative_to(APP)) for path in paths if path.name != "__init__.py"}
