"""Mutation tests of the rules: change one thing in a rule, run its unit tests, and see whether one fails.

Run by `make mutants` with the Python of .venv-mutants. The mutations are those of mutmut and three more
(`whole_condition`, `one_operand`, `no_result`). mutmut's own runner is not used, because it leaves out properties,
class bodies and constants, and some rules are just that. Here a mutant is a whole module, executed in its own process
in place of the real one; no file is written.

A survivor that is not in `tests/unit/survivors.toml` fails the run, and so does an entry there that no longer survives.
A new survivor is printed as an entry of that file, without its reason.

python -m tools.mutants [MODULE ...] [--all]

MODULE is one or more of `TESTS`, such as `approval/rules.py`; `--all` prints every mutant with its result.
"""

from __future__ import annotations

import argparse
import difflib
import gc
import importlib
import importlib.util
import json
import os
import resource
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import libcst as cst
import pytest
from mutmut.mutation.mutators import mutation_operators

from tests.unit import app_files

if sys.version_info >= (3, 11):
	import tomllib
else:
	import tomli as tomllib

CHECKOUT = Path(__file__).resolve().parents[1]
APP = "ar_writeoff"
UNIT = CHECKOUT / "tests" / "unit"
SURVIVORS = UNIT / "survivors.toml"

# Rule modules, and the unit tests that must kill their mutants.
TESTS = {
	"core/ageing.py": ["test_ageing.py"],
	"core/criteria.py": [
		"test_criteria.py",
		"test_range_and_origin.py",
		"test_exclusion.py",
		"test_terms.py",
	],
	"core/dimensions.py": ["test_dimension_rules.py"],
	"core/money.py": ["test_money.py"],
	"core/payment_terms.py": ["test_payment_terms.py"],
	"core/reasons.py": ["test_reasons.py"],
	"core/renames.py": ["test_terms.py"],
	"core/run_types.py": ["test_run_types.py"],
	"core/set_off.py": ["test_set_off.py"],
	"core/status.py": ["test_status.py"],
	"core/terms.py": ["test_terms.py"],
	"core/texts.py": ["test_reasons.py", "test_exclusion.py", "test_holds.py"],
	"holds/rules.py": ["test_holds.py"],
	"tax_relief/rules.py": ["test_tax_relief.py"],
	"search/rules.py": ["test_eligibility.py", "test_exclusion.py", "test_range_and_origin.py"],
	"posting/rules.py": ["test_plan.py"],
	"approval/rules.py": ["test_limits.py"],
	"approval/seal_rules.py": ["test_approval.py"],
	"schedules/rules.py": ["test_schedule.py"],
}

KILLED, SURVIVED, STILLBORN = "killed", "survived", "stillborn"
CANNOT_LOAD = 70  # exit code of a child whose mutant raises when it is imported
CPU_SECONDS = 60  # a mutant that takes longer loops without end
WANTED = 90  # percent killed

# Calls whose arguments are not mutated: texts for users, and calls that raise with any other argument.
LEFT_ALONE = ("_", "len", "isinstance")


@dataclass(frozen=True)
class Mutant:
	"""A module with one change. `old` and `new` are the changed lines, without indentation."""

	module: str
	scope: str
	old: str
	new: str
	source: str

	@property
	def key(self) -> tuple[str, str, str, str]:
		return self.module, self.scope, self.old, self.new

	def __str__(self) -> str:
		names = ("module", "scope", "old", "new")
		lines = [f"{name} = {toml(value)}" for name, value in zip(names, self.key, strict=True)]
		return "\n".join(["[[survivor]]", *lines, ""])


def toml(text: str) -> str:
	"""The text as a TOML string; escaped ones are valid JSON too."""
	return json.dumps(text) if "'" in text or "\n" in text else f"'{text}'"


# ------------------------------------------------------------------------------------------------- changes


def whole_condition(node: cst.If) -> Iterator[cst.If]:
	"""Negate the condition of an `if`."""
	test = node.test.with_changes(lpar=[cst.LeftParen()], rpar=[cst.RightParen()])
	yield node.with_changes(test=cst.UnaryOperation(cst.Not(), test))


def one_operand(node: cst.BooleanOperation) -> Iterator[cst.BaseExpression]:
	"""Replace `a and b` by each of its operands."""
	yield from (node.left, node.right)


def no_result(node: cst.Return) -> Iterator[cst.Return]:
	"""Remove the value of a `return`."""
	if node.value is not None and not node.value.deep_equals(cst.Name("None")):
		yield node.with_changes(value=cst.Name("None"))


OPERATORS = [
	*mutation_operators,
	(cst.If, whole_condition),
	(cst.BooleanOperation, one_operand),
	(cst.Return, no_result),
]


class Changes(cst.CSTVisitor):
	"""Collects (scope, node, changed node) for all code that is executed: no types, no decorators."""

	def __init__(self) -> None:
		self.scope: list[str] = []
		self.found: list[tuple[str, cst.CSTNode, cst.CSTNode]] = []

	def on_visit(self, node: cst.CSTNode) -> bool:
		if isinstance(node, cst.Annotation | cst.Decorator | cst.Import | cst.ImportFrom):
			return False
		if isinstance(node, cst.Call) and isinstance(node.func, cst.Name) and node.func.value in LEFT_ALONE:
			return False
		if isinstance(node, cst.FunctionDef | cst.ClassDef):
			self.scope.append(node.name.value)
		for kind, operator in OPERATORS:
			if isinstance(node, kind):
				self.found += [(".".join(self.scope), node, changed) for changed in operator(node)]
		return True

	def on_leave(self, original_node: cst.CSTNode) -> None:
		if isinstance(original_node, cst.FunctionDef | cst.ClassDef):
			self.scope.pop()


def mutants(module: str) -> list[Mutant]:
	tree = cst.parse_module((CHECKOUT / APP / module).read_text())
	parts = [tree.code_for_node(statement) for statement in tree.body]
	header, footer = tree.code.split("".join(parts))
	found: dict[str, Mutant] = {}
	for place, statement in enumerate(tree.body):
		before, after = header + "".join(parts[:place]), "".join(parts[place + 1 :]) + footer
		changes = Changes()
		statement.visit(changes)
		for scope, node, changed in changes.found:
			code = tree.code_for_node(statement.deep_replace(node, changed))  # type: ignore[arg-type]
			if code != parts[place]:
				old, new = changed_lines(parts[place], code)
				source = before + code + after
				found.setdefault(source, Mutant(module, scope, old, new, source))
	return list(found.values())


def changed_lines(before: str, after: str) -> tuple[str, str]:
	"""The lines that are only in one of the two codes, without indentation."""
	lines = list(difflib.unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=0))[2:]
	old, new = ("\n".join(line[1:].strip() for line in lines if line.startswith(sign)) for sign in "-+")
	return old, new


# -------------------------------------------------------------------------------------------------- running


def start(mutant: Mutant) -> int:
	"""Start a child that runs the module's tests against the mutant. Its exit code is the result."""
	child = os.fork()
	if child:
		return child
	resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
	silence = os.open(os.devnull, os.O_RDWR)
	for stream in (0, 1, 2):
		os.dup2(silence, stream)
	try:
		load(mutant)
	except BaseException:  # any error means that no test can run
		os._exit(CANNOT_LOAD)
	os._exit(run_tests(*(str(UNIT / name) for name in TESTS[mutant.module])))


def load(mutant: Mutant) -> None:
	"""Load the mutant in `sys.modules` under the real module's name."""
	name = f"{APP}.{mutant.module.removesuffix('.py').replace('/', '.')}"
	path = CHECKOUT / APP / mutant.module
	package, _dot, last = name.rpartition(".")
	spec = importlib.util.spec_from_file_location(name, path)
	assert spec
	module = importlib.util.module_from_spec(spec)
	sys.modules[name] = module
	exec(compile(mutant.source, str(path), "exec"), module.__dict__)
	setattr(importlib.import_module(package), last, module)


def run_tests(*tests: str) -> int:
	"""Run pytest in this process with the minimum of plugins. That for unraisable exceptions takes longer than the tests."""
	os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
	without = ("-p", "no:cacheprovider", "-p", "no:unraisableexception")
	return int(pytest.main(["-x", "-q", "--assert=plain", *without, *tests]))


def outcome(status: int) -> str:
	if os.WIFSIGNALED(status):
		return KILLED  # endless loop or out of memory
	results = {0: SURVIVED, 1: KILLED, 2: KILLED, CANNOT_LOAD: STILLBORN}  # 2: a test file cannot be imported
	return results[os.WEXITSTATUS(status)]


def run(everything: Iterable[Mutant], children: int) -> Iterator[tuple[Mutant, str]]:
	"""Yield each mutant with its result."""
	running: dict[int, Mutant] = {}
	for mutant in everything:
		if len(running) >= children:
			yield finished(running)
		running[start(mutant)] = mutant
	while running:
		yield finished(running)


def finished(running: dict[int, Mutant]) -> tuple[Mutant, str]:
	child, status = os.wait()
	return running.pop(child), outcome(status)


def check_the_modules() -> None:
	"""Each file with rules has its tests in `TESTS`: all of `core`, `rules.py` and `…_rules.py` of the features."""
	app = CHECKOUT / APP
	paths = {*app.glob("core/*.py"), *app.glob("*/*rules.py")} - {app / "core" / "__init__.py"}
	different = {str(path.relative_to(app)) for path in paths} ^ set(TESTS)
	if different:
		raise SystemExit(f"Not in TESTS, or no longer there: {', '.join(sorted(different))}")


def check_the_tests(modules: Iterable[str]) -> None:
	"""Run the tests without a mutant: if they failed, every mutant would seem killed."""
	for module in modules:
		source = (CHECKOUT / APP / module).read_text()
		_child, status = os.waitpid(start(Mutant(module, "", "", "", source)), 0)
		if outcome(status) != SURVIVED:
			raise SystemExit(f"The tests of {module} fail without a mutant: {', '.join(TESTS[module])}")


# ------------------------------------------------------------------------------------------------ reporting


def listed() -> dict[tuple[str, str, str, str], str]:
	"""Reasons of the survivors in `survivors.toml`."""
	table = tomllib.loads(SURVIVORS.read_text())
	return {
		(entry["module"], entry["scope"], entry["old"].strip(), entry["new"].strip()): entry["reason"]
		for entry in table.get("survivor", ())
	}


HEADING = f"{'module':24} {'mutants':>8} {'killed':>8} {'survived':>9} {'killed':>8}"


def line(name: str, counts: Counter[str]) -> str:
	tried = counts[KILLED] + counts[SURVIVED]
	share = 100 * counts[KILLED] / tried if tried else 100
	return f"{name:24} {tried:8} {counts[KILLED]:8} {counts[SURVIVED]:9} {share:7.1f}%"


def main() -> int:
	options = argparse.ArgumentParser(prog="make mutants", description="Mutation tests of the rules.")
	options.add_argument("modules", nargs="*", choices=[*TESTS, []], metavar="MODULE", default=[])
	options.add_argument("--all", action="store_true", help="print every mutant with its result")
	chosen = options.parse_args()
	check_the_modules()
	modules = chosen.modules or list(TESTS)
	started = time.monotonic()
	run_tests("--collect-only", str(UNIT / "tables.py"))  # import pytest's modules once for all children
	app_files.modules()  # parse the app once for all children
	gc.collect()
	gc.freeze()  # what is there by now is not collected in each child
	reasons = {key: reason for key, reason in listed().items() if key[0] in modules}
	check_the_tests(modules)

	total: Counter[str] = Counter()
	alive: set[tuple[str, str, str, str]] = set()
	print(HEADING)
	for module in modules:
		counts: Counter[str] = Counter()
		for mutant, result in run(mutants(module), os.cpu_count() or 1):
			counts[result] += 1
			if result == SURVIVED:
				alive.add(mutant.key)
			if chosen.all or (result == SURVIVED and mutant.key not in reasons):
				print(f"\n# {result}\n{mutant}")
		print(line(module, counts), flush=True)
		total += counts
	print(line("all", total))
	print(f"{total[STILLBORN]} more cannot be imported. {time.monotonic() - started:.0f} seconds.")

	unlisted = len(alive - set(reasons))
	gone = set(reasons) - alive
	for key in sorted(gone):
		print(f"listed in {SURVIVORS.name}, but it does not survive: {Mutant(*key, '')}")
	enough = 100 * total[KILLED] >= WANTED * (total[KILLED] + total[SURVIVED])
	if unlisted:
		print(f"{unlisted} survivors are not listed in {SURVIVORS.relative_to(CHECKOUT)}.")
	if not enough:
		print(f"Less than {WANTED} % are killed.")
	return 1 if unlisted or gone or not enough else 0


if __name__ == "__main__":
	sys.exit(main())
