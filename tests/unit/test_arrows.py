"""Arrows run one way: doctype → jobs → ledger → core. `core` knows nothing of Frappe."""

from __future__ import annotations

import ast

import pytest

from tests.unit.shipped import modules

# layer -> what its modules must not import
FORBIDDEN = {
	"core": (
		"frappe",
		"erpnext",
		"ar_writeoff.ledger",
		"ar_writeoff.jobs",
		"ar_writeoff.ar_writeoff",
		"ar_writeoff.validation",
	),
	"ledger": ("ar_writeoff.jobs", "ar_writeoff.ar_writeoff", "ar_writeoff.validation"),
	"offline": ("frappe", "erpnext", "ar_writeoff.ledger", "ar_writeoff.jobs", "ar_writeoff.ar_writeoff"),
	"jobs": ("erpnext", "ar_writeoff.ar_writeoff"),
	"ar_writeoff": ("erpnext",),
}


def imported(tree: ast.Module) -> set[str]:
	names = set()
	for node in ast.walk(tree):
		if isinstance(node, ast.Import):
			names |= {alias.name for alias in node.names}
		elif isinstance(node, ast.ImportFrom):
			assert not node.level, "imports name the whole path"
			names |= {node.module or ""} | {f"{node.module}.{alias.name}" for alias in node.names}
	return names


def layer_of(path: str) -> str:
	return path.split("/")[0].removesuffix(".py")


@pytest.mark.parametrize("layer", FORBIDDEN)
def test_no_arrow_runs_back(layer: str) -> None:
	seen = 0
	for path, tree in modules():
		if layer_of(path) != layer:
			continue
		seen += 1
		for name in imported(tree):
			for root in FORBIDDEN[layer]:
				assert name != root and not name.startswith(f"{root}."), f"{path} imports {name}"
	assert seen, f"no module in {layer}"


def test_core_uses_the_standard_library_only() -> None:
	import sys

	for path, tree in modules("core"):
		for name in imported(tree):
			root = name.split(".")[0]
			assert root in sys.stdlib_module_names or name.startswith("ar_writeoff.core"), f"{path}: {name}"


def test_the_offline_preview_needs_core_and_the_standard_library() -> None:
	"""And openpyxl for spreadsheets, tomli before Python 3.11: the extra `preview` in pyproject.toml."""
	import sys

	for path, tree in modules("offline"):
		for name in imported(tree):
			root = name.split(".")[0]
			own = name == "ar_writeoff" or name.startswith(
				("ar_writeoff.__version__", "ar_writeoff.core", "ar_writeoff.offline")
			)
			assert own or root in sys.stdlib_module_names or root in ("openpyxl", "tomli", "tomllib"), (
				f"{path}: {name}"
			)
