"""Allowed imports between kinds of files and between folders.

By kind: desk -> service -> ledger -> rules. Rules are plain Python; only ledger files import ERPNext.
By folder: a file imports files of its own kind from its own folder or from an earlier one in `FOLDERS`.
Imports are read from the source with `ast`, and a string that names a function of ERPNext counts as an import.
"""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path

import pytest

APP = "ar_writeoff"
ROOT = Path(__file__).resolve().parents[2] / APP

# From the bottom to the top: what a folder may use of its own kind comes before it.
FOLDERS = (
	"core",
	"ledger",
	"run",
	"approval",
	"review",
	"holds",
	"search",
	"schedules",
	"tax_relief",
	"posting",
	"undo",
)
RULES, LEDGER, SERVICE, DESK, OFFLINE = "rules", "ledger", "service", "desk", "offline"
# kind -> the kinds it may import
MAY_IMPORT = {
	RULES: {RULES},
	LEDGER: {RULES, LEDGER},
	SERVICE: {RULES, LEDGER, SERVICE},
	DESK: {RULES, LEDGER, SERVICE, DESK},
	OFFLINE: {RULES, OFFLINE},
}
# kind that is plain Python -> the packages it may use beside the standard library (the extras `preview` and `review`)
MAY_USE: dict[str, set[str]] = {
	RULES: set(),
	OFFLINE: {"openpyxl", "python_calamine", "tomli", "tomllib", "nicegui", "fastapi"},
}
# Files of a kind that their name does not tell.
KINDS = {
	"approval.seal_rules": RULES,
	"search.eligibility_data": LEDGER,
	"search.ledger_differences": LEDGER,
	"search.net_first": LEDGER,
	"search.open_documents": LEDGER,
	"search.unrecorded": LEDGER,
	"tax_relief.booked": LEDGER,
	"tax_relief.filed": LEDGER,
	"tax_relief.invoices": LEDGER,
	"tax_relief.losses": LEDGER,
	"posting.entries": LEDGER,
	"posting.credits": LEDGER,
	"posting.set_offs": LEDGER,
	"posting.tax_claims": LEDGER,
	"posting.entry_values": LEDGER,
	"posting.blockers": LEDGER,
	"posting.trial_ledger": LEDGER,
	"posting.fast": LEDGER,
	"posting.proof": LEDGER,
	"undo.allocation": LEDGER,
	"undo.credit_notes": LEDGER,
	"undo.guards": LEDGER,
}
DOTTED_PATH = re.compile(r"erpnext(\.\w+)+")


def folder_of(module: str) -> str:
	"""`ar_writeoff.ledger.periods` is in `ledger`; the app's own package, `ar_writeoff`, in ``."""
	parts = module.split(".")
	return parts[1] if len(parts) > 1 else ""


def kind_of(module: str) -> str:
	"""Return the kind of a module by its folder or name."""
	folder = folder_of(module)
	if folder in ("core", "ledger", "offline"):
		return {"core": RULES}.get(folder, folder)
	if folder not in FOLDERS:
		return DESK
	path = module.split(".")[2:]
	if not path or ".".join([folder, *path[:1]]) in KINDS:
		return KINDS.get(".".join([folder, *path[:1]]), RULES)
	return {"rules": RULES, "ledger": LEDGER}.get(path[0], SERVICE)


def may_import(module: str, name: str) -> bool:
	"""Whether one module of the app may import another."""
	kind, other = kind_of(module), kind_of(name)
	if name.split(".")[1:2] == ["__version__"]:
		return True
	if other not in MAY_IMPORT[kind]:
		return False
	folders = folder_of(module), folder_of(name)
	if kind != other or not set(folders) <= set(FOLDERS):
		return True
	return FOLDERS.index(folders[1]) <= FOLDERS.index(folders[0])


def module_name(path: Path, root: Path) -> str:
	parts = [root.name, *path.relative_to(root).with_suffix("").parts]
	return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(tree: ast.AST, module: str, is_package: bool) -> list[tuple[int, str]]:
	"""Yield (line, full name) of all imports in the file, relative ones resolved."""
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
	"""Return the forbidden imports (or dotted paths in strings), one line each."""
	found = []
	modules = {module_name(path, root) for path in root.rglob("*.py")}
	for path in sorted(root.rglob("*.py")):
		tree = ast.parse(path.read_text(), str(path))
		module = module_name(path, root)
		kind = kind_of(module)
		for line, name in imports(tree, module, path.name == "__init__.py"):
			package = name.split(".")[0]
			complaint = None
			ours = package == root.name
			if ours and name not in modules and name.rpartition(".")[0] in modules:
				target = name.rpartition(".")[0] if name != f"{APP}.__version__" else name
			else:
				target = name
			if kind in MAY_USE and not ours and package not in {*sys.stdlib_module_names, *MAY_USE[kind]}:
				complaint = f"{kind} imports {name}"
			elif package == "erpnext" and kind != LEDGER:
				complaint = f"only ledger may import {name}"
			elif ours and not may_import(module, target):
				complaint = f"{folder_of(module)} ({kind}) imports {name}"
			if complaint:
				found.append(f"{path.relative_to(root)}:{line}: {complaint}")
		if kind == LEDGER:
			continue
		for node in ast.walk(tree):
			if isinstance(node, ast.Constant) and isinstance(node.value, str):
				if DOTTED_PATH.fullmatch(node.value):
					found.append(f"{path.relative_to(root)}:{node.lineno}: only ledger may name {node.value}")
	return found


def test_imports_follow_the_layers() -> None:
	assert list(ROOT.rglob("*.py"))
	assert not violations(ROOT)


@pytest.mark.parametrize("folder", [*FOLDERS, "offline"])
def test_every_folder_is_there(folder: str) -> None:
	assert (ROOT / folder).is_dir()


def test_every_kind_by_name_is_there() -> None:
	for name in KINDS:
		path = ROOT / name.replace(".", "/")
		assert path.is_dir() or path.with_suffix(".py").is_file()


# What would have to be noticed, each in a small app of its own.
BROKEN = {
	"rules know Frappe": ("search/rules.py", "import frappe", "rules imports frappe"),
	"core knows ERPNext": ("core/money.py", "from erpnext.accounts import utils", "rules imports erpnext.accounts"),
	"core knows the ledger": ("core/money.py", "from ar_writeoff.ledger import post", "core (rules) imports"),
	"core reaches up": ("core/money.py", "from ..ledger import post", "core (rules) imports"),
	"core hides it": ("core/money.py", "def rule():\n\timport frappe.utils", "rules imports frappe.utils"),
	"core uses a package": ("core/money.py", "import requests", "rules imports requests"),
	"core knows a feature": ("core/money.py", "from ar_writeoff.search.rules import judge", "core (rules) imports"),
	"ledger knows a service": ("posting/ledger.py", "from ar_writeoff.run import log", "posting (ledger) imports"),
	"ledger knows a doctype": (
		"ledger/post.py",
		"from ar_writeoff.ar_writeoff.doctype.write_off_run import write_off_run",
		"ledger (ledger) imports ar_writeoff.ar_writeoff",
	),
	"the preview knows Frappe": ("offline/report.py", "import frappe", "offline imports frappe"),
	"the preview knows a service": (
		"offline/report.py",
		"from ar_writeoff.search import service",
		"offline (offline) imports ar_writeoff.search.service",
	),
	"a service knows a later one": (
		"search/service.py",
		"from ar_writeoff.posting import batches",
		"search (service) imports ar_writeoff.posting.batches",
	),
	"a service knows a doctype": (
		"posting/service.py",
		"from ar_writeoff.ar_writeoff.doctype.write_off_run.write_off_run import WriteOffRun",
		"posting (service) imports ar_writeoff.ar_writeoff",
	),
	"a service knows ERPNext": ("run/status.py", "import erpnext", "only ledger may import erpnext"),
	"a doctype knows ERPNext": (
		"ar_writeoff/doctype/write_off_run/write_off_run.py",
		"from erpnext.accounts.utils import get_balance_on",
		"only ledger may import erpnext",
	),
	"hooks know ERPNext": ("hooks.py", "before = 'erpnext.accounts.utils.get_balance_on'", "only ledger may name erpnext"),
	"install knows ERPNext": ("install.py", "import erpnext", "only ledger may import erpnext"),
}  # fmt: skip


@pytest.mark.parametrize(("where", "code", "complaint"), BROKEN.values(), ids=BROKEN)
def test_a_forbidden_import_is_reported(tmp_path: Path, where: str, code: str, complaint: str) -> None:
	path = tmp_path / APP / where
	path.parent.mkdir(parents=True)
	path.write_text(code + "\n")
	[found] = violations(tmp_path / APP)
	assert complaint in found


def test_allowed_imports_are_accepted(tmp_path: Path) -> None:
	files = {
		"core/criteria.py": "from decimal import Decimal\nfrom ar_writeoff.core import money\nfrom . import money\n",
		"search/rules.py": "from ar_writeoff.core import money\n",
		"ledger/post.py": "import frappe, erpnext\nfrom ar_writeoff.core import criteria\nfrom ..search import rules\n",
		"posting/ledger.py": "import erpnext\nfrom ar_writeoff.search import ledger\nfrom ar_writeoff.posting import fast\n",
		"run/terms.py": "import frappe\nfrom ar_writeoff.posting import ledger\nfrom . import log\n",
		"posting/service.py": "from ar_writeoff.run import terms\nfrom ar_writeoff.approval import limits\n",
		"ar_writeoff/doctype/write_off_run/write_off_run.py": "import frappe\nfrom ar_writeoff.undo import service\n",
		"offline/report.py": "import openpyxl\nfrom ar_writeoff import __version__\nfrom ar_writeoff.posting import rules\n",
		"hooks.py": "required_apps = ['frappe/erpnext', 'erpnext']\n",
	}
	for where, code in files.items():
		path = tmp_path / APP / where
		path.parent.mkdir(parents=True, exist_ok=True)
		path.write_text(code)
	assert violations(tmp_path / APP) == []


def test_doctypes_name_the_tests_that_exist() -> None:
	site = ROOT.parent / "tests" / "site"
	named = [
		name
		for path in sorted((ROOT / "ar_writeoff" / "doctype").glob("*/*.py"))
		for line in (ast.get_docstring(ast.parse(path.read_text())) or "").splitlines()
		if line.startswith("Tests in tests/site: ")
		for name in line.partition(": ")[2].split(", ")
	]
	assert len(named) > 20
	assert [name for name in named if not (site / name).exists()] == []
