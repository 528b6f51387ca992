"""All changes of runs and items pass the gate, checked in the source with `ast`.

From every entry point (whitelisted functions, hooks, jobs, the document's own methods) calls are followed in order until
one calls the gate. A write to a run, its items or its batches before that is an error.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from ar_writeoff import hooks

ROOT = Path(__file__).resolve().parents[2] / "ar_writeoff"

GUARDED = {"Write-Off Run", "Write-Off Tax Run", "Write-Off Run Item", "Write-Off Run Batch"}
RUN = "ar_writeoff.doctype.write_off_run.write_off_run.WriteOffRun"
TAX_RUN = "ar_writeoff.doctype.write_off_tax_run.write_off_tax_run.WriteOffTaxRun"
# How code asks the gate.
GATES = {"gate.enter", "gate.lock", "gate.lock_shared", "gate.lock_document", "self.enter"}
# Called by Frappe within `save`, which has passed the gate by then; and for a new run, that nobody else can know of.
WITHIN_SAVE = {
	"validate",
	"on_update",
	"before_submit",
	"on_submit",
	"before_cancel",
	"on_cancel",
	"before_insert",
}
# Called by Frappe after another hook of ours, which has asked the gate, in the same transaction.
AFTER = {"undo.service.on_cancel_journal_entry": "undo.service.lock_run_before_cancel"}
# Writes that change nothing that anybody decides by.
NO_CHANGE = {
	# How often a batch was begun: noted on its row, which is locked, before the work of the batch asks the gate.
	"posting.service.claim_batch",
}
WRITES = {"set_value", "delete", "bulk_update", "bulk_insert"}
# Names of variables that hold other documents.
OTHERS = {"doc", "entry"}
SQL = re.compile(
	r"\b(insert into|update|delete from|replace into)\s+`tab(Write-Off (?:Tax )?Run(?: Item| Batch)?)`",
	re.IGNORECASE,
)
DOTTED = re.compile(r"ar_writeoff(\.\w+)+")


@dataclass
class Function:
	"""The steps of a function by line: (line, "gate" | "write" | "call", name)."""

	name: str
	is_open: bool
	steps: list[tuple[int, str, str]] = field(default_factory=list)


class App:
	def __init__(self, root: Path):
		self.functions: dict[str, Function] = {}
		self.named: set[str] = set()  # dotted paths in strings: hooks and jobs
		for path in sorted(root.rglob("*.py")):
			parts = path.relative_to(root).with_suffix("").parts
			if parts[0] not in ("offline", "patches", "install", "uninstall"):
				self.read(".".join(parts), ast.parse(path.read_text(), str(path)))

	def read(self, module: str, tree: ast.Module) -> None:
		names = dict(imported(tree))
		for node in ast.walk(tree):
			if (
				isinstance(node, ast.Constant)
				and isinstance(node.value, str)
				and DOTTED.fullmatch(node.value)
			):
				self.named.add(node.value.removeprefix("ar_writeoff."))
		for node in tree.body:
			if isinstance(node, ast.FunctionDef):
				names[node.name] = f"{module}.{node.name}"
		for node in tree.body:
			if isinstance(node, ast.FunctionDef):
				self.add(module, "", node, names)
			elif isinstance(node, ast.ClassDef):
				for part in node.body:
					if isinstance(part, ast.FunctionDef):
						self.add(module, node.name, part, names)
		if module == "jobs.__init__":
			self.named |= set(names.values())

	def add(self, module: str, owner: str, node: ast.FunctionDef, names: dict[str, str]) -> None:
		full = ".".join(filter(None, (module, owner, node.name)))
		function = Function(full, any("whitelist" in ast.unparse(each) for each in node.decorator_list))
		tables = dict(assigned_tables(node))
		text = ast.unparse(node)
		local = {
			part.id
			for part in ast.walk(node)
			if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store)
		} | {part.arg for part in ast.walk(node.args) if isinstance(part, ast.arg)}
		for part in ast.walk(node):
			if isinstance(part, ast.Call):
				called = ast.unparse(part.func)
				if called in GATES:
					function.steps.append((part.lineno, "gate", called))
				elif writes(part, tables, any(f"'{doctype}'" in text for doctype in GUARDED)):
					function.steps.append((part.lineno, "write", called))
			elif isinstance(part, ast.Constant) and isinstance(part.value, str) and SQL.search(part.value):
				function.steps.append((part.lineno, "write", part.value))
			if isinstance(part, ast.Name | ast.Attribute) and isinstance(part.ctx, ast.Load):
				said = ast.unparse(part)
				first, _dot, rest = said.partition(".")
				if first == "self" and owner and rest:
					function.steps.append((part.lineno, "call", f"{module}.{owner}.{rest}"))
				elif first in names and first not in local:
					function.steps.append((part.lineno, "call", ".".join(filter(None, (names[first], rest)))))
		# In a line, the gate comes first: its answer is what the rest is called with.
		function.steps.sort(key=lambda step: (step[0], step[1] != "gate"))
		self.functions[full] = function

	def roots(self) -> Iterator[str]:
		for name, function in self.functions.items():
			owner, _dot, method = name.rpartition(".")
			if (function.is_open or name in self.named) and name not in AFTER:
				yield name
			elif (
				owner in (RUN, TAX_RUN)
				and method not in WITHIN_SAVE
				and method in ("save", "on_trash", "before_discard", "before_validate")
			):
				yield name

	def ways_in(self) -> list[str]:
		"""The call paths from an entry point to a write without the gate, one line each."""
		found = []
		for root in self.roots():
			found += [" -> ".join(way) for way in self.follow(root, (root,))]
		return sorted(set(found))

	def follow(self, name: str, way: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
		for line, kind, what in self.functions[name].steps:
			if kind == "gate":
				return
			if kind == "write" and name not in NO_CHANGE:
				yield (*way, f"{what} in line {line}")
			elif kind == "call" and what in self.functions and what not in way:
				yield from self.follow(what, (*way, what))


def imported(tree: ast.Module) -> Iterator[tuple[str, str]]:
	"""(name in this file, what it is, without `ar_writeoff.`) of what is imported from the app."""
	for node in ast.walk(tree):
		if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "ar_writeoff":
			for alias in node.names:
				base = (node.module or "").removeprefix("ar_writeoff").lstrip(".")
				yield alias.asname or alias.name, ".".join(filter(None, (base, alias.name)))


def assigned_tables(node: ast.FunctionDef) -> Iterator[tuple[str, str]]:
	"""(variable, doctype) of every `item = frappe.qb.DocType("...")`."""
	for part in ast.walk(node):
		if isinstance(part, ast.Assign):
			target = part.targets[0]
			pairs = (
				zip(target.elts, part.value.elts, strict=True)
				if isinstance(target, ast.Tuple) and isinstance(part.value, ast.Tuple)
				else [(target, part.value)]
			)
			for variable, value in pairs:
				if isinstance(value, ast.Call) and ast.unparse(value.func).endswith("DocType"):
					if isinstance(value.args[0], ast.Constant):
						yield ast.unparse(variable), value.args[0].value


def writes(call: ast.Call, tables: dict[str, str], names_a_guarded_one: bool) -> bool:
	"""Whether a call writes to one of the guarded tables."""
	if not isinstance(call.func, ast.Attribute):
		return False
	owner, method = ast.unparse(call.func.value), call.func.attr
	first = call.args[0] if call.args else None
	if method == "db_set":
		return owner not in OTHERS
	if owner == "frappe.qb" and method in ("update", "into") and first is not None:
		return tables.get(ast.unparse(first), "") in GUARDED or ast.unparse(first) not in tables
	if owner == "frappe.db" and method in WRITES and first is not None:
		if isinstance(first, ast.Constant):
			return first.value in GUARDED
		if ast.unparse(first).startswith("doctype_of("):
			return True
		return names_a_guarded_one
	return False


def test_every_write_is_behind_the_gate():
	app = App(ROOT)
	roots = list(app.roots())
	assert len(roots) > 30, roots
	assert app.ways_in() == []


def test_every_job_and_hook_is_looked_at():
	roots = set(App(ROOT).roots())
	assert {
		"posting.service.post_run",
		"undo.service.undo_run",
		"search.service.search_in_background",
		"schedules.service.run_schedule",
		"watchdog.resume_stalled_runs",
		*AFTER.values(),
		f"{RUN}.save",
		f"{RUN}.on_trash",
		f"{RUN}.set_selection",
		f"{RUN}.reverse",
	} <= roots


def test_the_hook_that_asks_the_gate_comes_first():
	[hook, *_rest] = hooks.doc_events["Journal Entry"]["before_cancel"]
	assert hook == "ar_writeoff.undo.service.lock_run_before_cancel"


# A way in beside the gate, each in a small app of its own, and what is noticed of it.
OPEN = {
	"writes at once": 'frappe.db.set_value("Write-Off Run", run, "status", "Draft")',
	"writes first, asks then": 'frappe.db.delete("Write-Off Run Item", {"run": run})\n\tgate.enter(run, gate.FIND)',
	"in a lambda": 'work(lambda: frappe.db.set_value("Write-Off Run Item", run, "selected", 1))',
	"by a query": 'item = frappe.qb.DocType("Write-Off Run Item")\n\tfrappe.qb.update(item).set(item.selected, 1).run()',
	"by a table of somebody else's": "frappe.qb.update(company_limits(run)).run()",
	"by the type of the run": 'frappe.db.set_value(doctype_of(run), run, "status", "Draft")',
	"in SQL": 'frappe.db.sql("UPDATE `tabWrite-Off Run Batch` SET status = 1")',
	"in a loop": 'for doctype in ("Write-Off Run Item", "ToDo"):\n\t\tfrappe.db.delete(doctype, {})',
	"in a document": 'run.db_set("status", "Draft")',
	"in another function": "helper(run)",
}  # fmt: skip
HELPER = '\n\ndef helper(run):\n\tfrappe.db.bulk_update("Write-Off Run", {})\n'


def small_app(tmp_path: Path, body: str) -> App:
	head = "import frappe\nfrom ar_writeoff.run import gate\n\n@frappe.whitelist()\ndef change(run):\n\t"
	(tmp_path / "service.py").write_text(head + body + HELPER)
	return App(tmp_path)


@pytest.mark.parametrize("body", OPEN.values(), ids=OPEN)
def test_a_write_before_the_gate_is_reported(tmp_path: Path, body: str):
	[found] = small_app(tmp_path, body).ways_in()
	assert found.startswith("service.change -> ")


@pytest.mark.parametrize("body", [body for name, body in OPEN.items() if name != "writes first, asks then"])
def test_a_write_after_the_gate_is_accepted(tmp_path: Path, body: str):
	assert small_app(tmp_path, f"gate.enter(run, gate.FIND)\n\t{body}").ways_in() == []


def test_in_test_is_used_in_one_file():
	"""`frappe.flags.in_test` only decides whether jobs run in this process."""
	asking = [path.relative_to(ROOT) for path in ROOT.rglob("*.py") if "in_test" in path.read_text()]
	assert asking == [Path("run/worker.py")]


# Whitelisted functions that change nothing, and may be asked by GET.
READERS = {
	"get",
	"get_customers",
	"get_defaults",
	"get_items",
	"get_late_bank_lines",
	"get_late_credits",
	"get_late_money",
	"get_my_drafts",
	"get_period",
	"get_progress",
	"get_summary",
	"get_voucher_details",
	"get_written_off",
	"preview_entries",
	"runs_of_invoice",
	"verify_approval",
	"written_off_of_customer",
}


def whitelisted() -> Iterator[tuple[Path, ast.FunctionDef, ast.expr]]:
	for path in sorted(ROOT.rglob("*.py")):
		for node in ast.walk(ast.parse(path.read_text())):
			if isinstance(node, ast.FunctionDef):
				for decorator in node.decorator_list:
					if ast.unparse(decorator).startswith("frappe.whitelist"):
						yield path, node, decorator


def test_what_changes_anything_is_asked_by_post_only() -> None:
	found = list(whitelisted())
	by_get = {
		node.name for _path, node, decorator in found if "methods=['POST']" not in ast.unparse(decorator)
	}
	assert len(found) > 15
	assert by_get == READERS
