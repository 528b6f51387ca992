"""What the app takes from ERPNext and Frappe, read from its source: names, how they are called, DocTypes, their fields.

Read with `ast`: imports, attributes of imported modules, methods of base classes, dotted paths in strings. Values of
variables are not followed, so methods of documents are listed by hand in `METHODS`. Only tables
are: `ple = frappe.qb.DocType("Payment Ledger Entry")`, and `ple.party` is a field.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

APP = "ar_writeoff"
ROOT = Path(__file__).resolve().parents[2] / APP
PACKAGES = ("erpnext", "frappe")

# A path in a string: `erpnext.accounts.utils.f`, or as posting/fast writes it, `erpnext.accounts.utils:Class.f`.
PATH = re.compile(rf"(?:{'|'.join(PACKAGES)})(?:\.\w+)+(?::\w+(?:\.\w+)*)?")

# Functions that take a DocType, and filters or fields.
QUERIES = (
	"DocType",
	"get_all",
	"get_list",
	"get_value",
	"get_cached_value",
	"get_single_value",
	"exists",
	"count",
)

# Functions that call their first argument with the others.
CALLERS = ("validation_message", "partial")
# Constants with names that a release need not have.
MAY_BE_GONE = ("HARMLESS_HANDLERS", "RULE_HANDLERS", "SEARCH_INDEX", "REPLACED")

# Methods of documents, which are reached through variables. `check_credit_limit` is replaced on each entry.
_ACCOUNTS = "erpnext.accounts.doctype"
_ENTRY = f"{_ACCOUNTS}.journal_entry.journal_entry.JournalEntry"
_GL_ENTRY = f"{_ACCOUNTS}.gl_entry.gl_entry.GLEntry"
_PAYMENT_LEDGER_ENTRY = f"{_ACCOUNTS}.payment_ledger_entry.payment_ledger_entry.PaymentLedgerEntry"
METHODS = (
	*(f"{_ENTRY}.{name}" for name in ("insert", "submit", "cancel", "check_credit_limit", "build_gl_map")),
	*(f"{_ENTRY}.{name}" for name in ("set_against_account", "make_gl_entries")),
	f"{_GL_ENTRY}.on_update",
	f"{_PAYMENT_LEDGER_ENTRY}.on_update",
	"erpnext.accounts.utils.QueryPaymentLedger.get_voucher_outstandings",
)


@dataclass(frozen=True)
class Call:
	"""How a function is called: how many arguments by place, which by name. With `*` or `**` nothing can be said."""

	by_place: int
	by_name: tuple[str, ...]


@dataclass
class Use:
	"""A name of ERPNext or Frappe, the files that use it, and how they call it."""

	name: str
	files: set[str] = field(default_factory=set)
	calls: set[Call] = field(default_factory=set)

	@property
	def where(self) -> str:
		return ", ".join(sorted(self.files))


def uses(root: Path = ROOT) -> dict[str, Use]:
	"""All that the app takes from ERPNext and Frappe, by its full name."""
	found: dict[str, Use] = {}
	for path in sorted(root.rglob("*.py")):
		for name, call in names_of(ast.parse(path.read_text())):
			use = found.setdefault(name, Use(name))
			use.files.add(str(path.relative_to(root)))
			if call:
				use.calls.add(call)
	for name in METHODS:
		found.setdefault(name, Use(name)).files.add("documents")
	return found


def names_of(tree: ast.Module) -> list[tuple[str, Call | None]]:
	"""What one file takes, and how it calls what it calls."""
	file = File(tree)
	file.visit(tree)
	return file.found


def fields(root: Path = ROOT) -> dict[tuple[str, str], set[str]]:
	"""The fields that queries name, as (DocType, field), each with the files; an empty field for the DocType itself."""
	found: dict[tuple[str, str], set[str]] = {}
	for path in sorted(root.rglob("*.py")):
		for function in ast.walk(ast.parse(path.read_text())):
			if isinstance(function, ast.FunctionDef):
				for doctype, name in fields_of(function):
					found.setdefault((doctype, name), set()).add(str(path.relative_to(root)))
	return dict(sorted(found.items()))


def fields_of(function: ast.FunctionDef) -> Iterator[tuple[str, str]]:
	nodes = list(ast.walk(function))
	tables = {
		node.targets[0].id: doctype
		for node in nodes
		if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
		if (doctype := queried(node.value)) and ast.unparse(node.value).endswith(f"DocType({doctype!r})")
	}
	for node in nodes:
		if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
			if node.value.id in tables:
				yield tables[node.value.id], node.attr
		elif doctype := queried(node):
			yield doctype, ""
			for part in (*node.args[1:], *(keyword.value for keyword in node.keywords)):
				yield from ((doctype, name) for name in named(part))


def queried(node: ast.AST) -> str:
	"""The DocType that a call asks for, where it is written there."""
	if not (isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant)):
		return ""
	function = ast.unparse(node.func)
	known = function == "DocType" or (function.startswith("frappe.") and function.split(".")[-1] in QUERIES)
	return str(node.args[0].value) if known else ""


def named(node: ast.AST) -> Iterator[str]:
	"""Names of fields in an argument: keys of a filter, elements of a list of fields."""
	if isinstance(node, ast.Dict):
		yield from (str(key.value) for key in node.keys if isinstance(key, ast.Constant))
	elif isinstance(node, ast.List):
		for value in node.elts:
			if isinstance(value, ast.Constant) and re.fullmatch(r"\w+( as \w+)?", str(value.value)):
				yield str(value.value).partition(" ")[0]


class File(ast.NodeVisitor):
	"""One file: `found` has each name of another package, and the call where it is called."""

	def __init__(self, tree: ast.Module):
		self.tree = tree
		self.found: list[tuple[str, Call | None]] = []
		# What names of this file stand for: imported things by full name, constants of the file by their text.
		self.imported: dict[str, str] = {}
		self.constants: dict[str, str] = {}
		self.bases: list[str] = []
		for node in ast.walk(tree):
			if isinstance(node, ast.Import):
				for alias in node.names:
					full = alias.name if alias.asname else alias.name.partition(".")[0]
					self.imported[alias.asname or full] = full
			elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
				for alias in node.names:
					self.imported[alias.asname or alias.name] = f"{node.module}.{alias.name}"
		for node in tree.body:
			if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
				text = self.text(node.value)
				if text:
					self.constants[node.targets[0].id] = text

	def visit_Import(self, node: ast.Import) -> None:
		for alias in node.names:
			self.add(alias.name)

	def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
		if node.module and not node.level:
			for alias in node.names:
				self.add(f"{node.module}.{alias.name}")

	def visit_ClassDef(self, node: ast.ClassDef) -> None:
		outer, self.bases = self.bases, [full for base in node.bases if (full := self.full_name(base))]
		for base in self.bases:
			for method in node.body:
				# A method that replaces one of ERPNext's is called by ERPNext: it has to be there.
				if isinstance(method, ast.FunctionDef) and calls_super(method, method.name):
					self.add(f"{base}.{method.name}")
		self.generic_visit(node)
		self.bases = outer

	def visit_Call(self, node: ast.Call) -> None:
		if getattr(node.func, "id", "") in CALLERS:
			self.add(self.full_name(node.args[0]), call_of(ast.Call(node.func, node.args[1:], node.keywords)))
		else:
			self.add(self.full_name(node.func), call_of(node))
		self.generic_visit(node)

	def visit_Assign(self, node: ast.Assign) -> None:
		if getattr(node.targets[0], "id", "") not in MAY_BE_GONE:
			self.generic_visit(node)

	def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
		if getattr(node.target, "id", "") not in MAY_BE_GONE:
			self.generic_visit(node)

	def visit_Attribute(self, node: ast.Attribute) -> None:
		if name := self.full_name(node):
			self.add(name)
		else:
			self.generic_visit(node)

	def visit_Constant(self, node: ast.Constant) -> None:
		self.add_path(node)

	def visit_JoinedStr(self, node: ast.JoinedStr) -> None:
		self.add_path(node)
		self.generic_visit(node)

	def add_path(self, node: ast.AST) -> None:
		text = self.text(node)
		if text and PATH.fullmatch(text):
			self.add(text.replace(":", "."))

	def add(self, name: str, call: Call | None = None) -> None:
		if name.partition(".")[0] in PACKAGES:
			self.found.append((name, call))

	def full_name(self, node: ast.AST) -> str:
		"""`frappe.utils.flt` for an expression that leads there from an import; empty for any other."""
		if isinstance(node, ast.Name):
			return self.imported.get(node.id, "")
		if isinstance(node, ast.Attribute):
			if is_super(node.value):
				return f"{self.bases[0]}.{node.attr}" if self.bases else ""
			if owner := self.full_name(node.value):
				return f"{owner}.{node.attr}"
		return ""

	def text(self, node: ast.AST) -> str:
		"""A string, put together from the file's constants where it is formatted with them; empty if it cannot be."""
		if isinstance(node, ast.Constant) and isinstance(node.value, str):
			return node.value
		if isinstance(node, ast.JoinedStr):
			parts = [
				self.constants.get(getattr(part.value, "id", ""), "\0")
				if isinstance(part, ast.FormattedValue)
				else self.text(part)
				for part in node.values
			]
			return "".join(parts) if "\0" not in parts else ""
		return ""


def call_of(node: ast.Call) -> Call | None:
	if any(isinstance(value, ast.Starred) for value in node.args) or any(
		keyword.arg is None for keyword in node.keywords
	):
		return None
	return Call(len(node.args), tuple(sorted(str(keyword.arg) for keyword in node.keywords)))


def is_super(node: ast.AST) -> bool:
	return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "super"


def calls_super(function: ast.FunctionDef, name: str) -> bool:
	return any(
		isinstance(node, ast.Attribute) and node.attr == name and is_super(node.value)
		for node in ast.walk(function)
	)
