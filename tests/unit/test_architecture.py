"""The arrows of the design run one way: doctypes -> jobs -> ledger -> core.

`core` is plain Python, and so is `offline`, which uses nothing else of the app. `ledger` alone knows ERPNext. Nothing below knows anything above it. What is found is read from
the source with `ast`, so nothing has to be importable, and a string that names a function of ERPNext counts as well.
"""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path

import pytest

APP = "ar_writeoff"
ROOT = Path(__file__).resolve().parents[2] / APP

# layer -> the layers of the app it may import
MAY_IMPORT = {
	"core": {"core"},
	"ledger": {"core", "ledger"},
	"jobs": {"core", "ledger", "jobs"},
	"offline": {"core", "offline", "__version__"},
}
# layer that is plain Python -> the packages it may use beside the standard library (the extra `preview`)
MAY_USE: dict[str, set[str]] = {"core": set(), "offline": {"openpyxl", "tomli", "tomllib"}}
DOTTED_PATH = re.compile(r"erpnext(\.\w+)+")


def layer_of(module: str) -> str:
	"""`ar_writeoff.ledger.posting` is in `ledger`; the app's own package, `ar_writeoff`, in ``."""
	parts = module.split(".")
	return parts[1] if len(parts) > 1 else ""


def module_name(path: Path, root: Path) -> str:
	parts = [root.name, *path.relative_to(root).with_suffix("").parts]
	return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(tree: ast.AST, module: str, is_package: bool) -> list[tuple[int, str]]:
	"""(line, full name) of everything imported, wherever in the file; relative imports resolved."""
	found = []
	for node in ast.walk(tree):
		if isinstance(node, ast.Import):
			found += [(node.lineno, alias.name) for alias in node.names]
		elif isinstance(node, ast.ImportFrom):
			base = module.split(".")
			if node.level:
				base = base[: len(base) - node.level + int(is_package)]
			prefix = base if node.level else []
			names = [*prefix, *((node.module or "").split(".") if node.module else [])]
			found += [(node.lineno, ".".join([*names, alias.name])) for alias in node.names]
	return found


def violations(root: Path) -> list[str]:
	"""Every import (or dotted path in a string) that goes against the arrows, a line for each."""
	found = []
	for path in sorted(root.rglob("*.py")):
		tree = ast.parse(path.read_text(), str(path))
		module = module_name(path, root)
		layer = layer_of(module)
		for line, name in imports(tree, module, path.name == "__init__.py"):
			package = name.split(".")[0]
			complaint = None
			ours = package == root.name
			if layer in MAY_USE and not ours and package not in {*sys.stdlib_module_names, *MAY_USE[layer]}:
				complaint = f"{layer} imports {name}"
			elif package == "erpnext" and layer != "ledger":
				complaint = f"only ledger may import {name}"
			elif ours and layer in MAY_IMPORT and layer_of(name) not in MAY_IMPORT[layer]:
				complaint = f"{layer} imports {name}"
			if complaint:
				found.append(f"{path.relative_to(root)}:{line}: {complaint}")
		if layer == "ledger":
			continue
		for node in ast.walk(tree):
			if isinstance(node, ast.Constant) and isinstance(node.value, str):
				if DOTTED_PATH.fullmatch(node.value):
					found.append(f"{path.relative_to(root)}:{node.lineno}: only ledger may name {node.value}")
	return found


def test_the_arrows_run_one_way() -> None:
	assert list(ROOT.rglob("*.py"))
	assert not violations(ROOT)


@pytest.mark.parametrize("layer", MAY_IMPORT)
def test_every_layer_is_there(layer: str) -> None:
	assert (ROOT / layer).is_dir() or (ROOT / f"{layer}.py").is_file()


# What would have to be noticed, each in a small app of its own.
BROKEN = {
	"core knows Frappe": ("core/rules.py", "import frappe", "core imports frappe"),
	"core knows ERPNext": ("core/rules.py", "from erpnext.accounts import utils", "core imports erpnext.accounts"),
	"core knows the ledger": ("core/rules.py", "from ar_writeoff.ledger import post", "core imports ar_writeoff.ledger"),
	"core reaches up": ("core/rules.py", "from ..ledger import post", "core imports ar_writeoff.ledger.post"),
	"core hides it": ("core/rules.py", "def rule():\n\timport frappe.utils", "core imports frappe.utils"),
	"core uses a package": ("core/rules.py", "import requests", "core imports requests"),
	"ledger knows the jobs": ("ledger/post.py", "import ar_writeoff.jobs", "ledger imports ar_writeoff.jobs"),
	"ledger knows a doctype": (
		"ledger/post.py",
		"from ar_writeoff.ar_writeoff.doctype.write_off_run import write_off_run",
		"ledger imports ar_writeoff.ar_writeoff",
	),
	"the preview knows Frappe": ("offline/report.py", "import frappe", "offline imports frappe"),
	"the preview knows the jobs": (
		"offline/report.py",
		"from ar_writeoff.jobs import search",
		"offline imports ar_writeoff.jobs",
	),
	"jobs know a doctype": (
		"jobs.py",
		"from ar_writeoff.ar_writeoff.doctype.write_off_run.write_off_run import WriteOffRun",
		"jobs imports ar_writeoff.ar_writeoff",
	),
	"jobs know ERPNext": ("jobs/run.py", "import erpnext", "only ledger may import erpnext"),
	"a doctype knows ERPNext": (
		"ar_writeoff/doctype/write_off_run/write_off_run.py",
		"from erpnext.accounts.utils import get_balance_on",
		"only ledger may import erpnext",
	),
	"hooks know ERPNext": ("hooks.py", "before = 'erpnext.accounts.utils.get_balance_on'", "only ledger may name erpnext"),
	"install knows ERPNext": ("install.py", "import erpnext", "only ledger may import erpnext"),
}  # fmt: skip


@pytest.mark.parametrize(("where", "code", "complaint"), BROKEN.values(), ids=BROKEN)
def test_a_broken_arrow_is_noticed(tmp_path: Path, where: str, code: str, complaint: str) -> None:
	path = tmp_path / APP / where
	path.parent.mkdir(parents=True)
	path.write_text(code + "\n")
	[found] = violations(tmp_path / APP)
	assert complaint in found


def test_what_is_allowed_is_not_complained_of(tmp_path: Path) -> None:
	files = {
		"core/rules.py": "from decimal import Decimal\nfrom ar_writeoff.core import money\nfrom . import money\n",
		"ledger/post.py": "import frappe, erpnext\nfrom ar_writeoff.core import rules\nfrom ..core import rules\n",
		"jobs/run.py": "import frappe\nfrom ar_writeoff.ledger import post\nfrom . import other\n",
		"ar_writeoff/doctype/write_off_run/write_off_run.py": "import frappe\nfrom ar_writeoff import jobs\n",
		"offline/report.py": "import openpyxl\nfrom ar_writeoff import __version__\nfrom ar_writeoff.core import rules\n",
		"hooks.py": "required_apps = ['frappe/erpnext', 'erpnext']\n",
	}
	for where, code in files.items():
		path = tmp_path / APP / where
		path.parent.mkdir(parents=True, exist_ok=True)
		path.write_text(code)
	assert violations(tmp_path / APP) == []
