"""What the installed ERPNext and Frappe have under a name, and to which parameters a call's arguments go.

No site is needed. What Frappe has only while it is connected to one is looked up in the class it will be of.
"""

from __future__ import annotations

import inspect
import json
import re
from functools import cache
from importlib import import_module
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

from tests.names.collect import Call

OF_A_SITE = {
	"frappe.db": ("frappe.database.mariadb.mysqlclient.MariaDBDatabase", "frappe.database.mariadb.database.MariaDBDatabase"),
	"frappe.qb": ("frappe.query_builder.builder.MariaDB",),
	"frappe.cache": ("frappe.utils.redis_wrapper.RedisWrapper",),
	"frappe.db.after_commit": ("frappe.utils.CallbackManager",),
	"frappe.db.after_rollback": ("frappe.utils.CallbackManager",),
	"frappe.db.before_commit": ("frappe.utils.CallbackManager",),
	"frappe.db.before_rollback": ("frappe.utils.CallbackManager",),
	"frappe.db.value_cache": ("builtins.dict",),
}  # fmt: skip
# These have whatever is put into them.
OPEN = ("frappe.conf", "frappe.flags", "frappe.form_dict", "frappe.local", "frappe.session")


class Missing(Exception):
	"""The name does not exist."""


def find(name: str) -> Any:
	"""What the name leads to; None for a value that somebody puts into `OPEN`.

	Raises:
	    Missing: nothing does.
	"""
	if name.startswith(tuple(f"{prefix}." for prefix in OPEN)):
		return None
	for prefix in sorted(OF_A_SITE, key=len, reverse=True):
		if name == prefix or name.startswith(f"{prefix}."):
			for target in OF_A_SITE[prefix]:
				try:
					return walk(target + name.removeprefix(prefix))
				except Missing:
					continue
			raise Missing(name)
	return walk(name)


def sets_itself(cls: type, attribute: str) -> bool:
	"""Whether an object of this class sets the attribute when it is made."""
	return any(
		re.search(rf"\bself\.{attribute}\b[^=\n]*=[^=]", inspect.getsource(base.__init__))
		for base in cls.__mro__
		if "__init__" in vars(base) and inspect.isfunction(base.__init__)
	)


def walk(name: str) -> Any:
	first, *parts = name.split(".")
	path, found = first, import_module(first)
	for part in parts:
		path += f".{part}"
		try:
			found = getattr(found, part)
		except AttributeError:
			if isinstance(found, type) and sets_itself(found, part):
				return None
			if not isinstance(found, ModuleType):
				raise Missing(path) from None
			try:
				found = import_module(path)
			except ModuleNotFoundError as error:
				if error.name != path:
					raise
				raise Missing(path) from None
	return found


def signature(name: str) -> inspect.Signature | None:
	"""The signature of a function; None for what has none, such as functions written in C."""
	function = find(name)
	try:
		return inspect.signature(without_annotations(function)) if function is not None else None
	except ValueError:
		return None


def parameters(name: str, call: Call) -> tuple[str, ...]:
	"""The named parameters that the arguments of the call go to, in the order of the signature.

	Raises:
	    Missing: there is no such function.
	    TypeError: it does not take them.
	"""
	found = signature(name)
	if not found:
		return ()
	bound_to = 1 if is_method(name) else 0
	arguments = found.bind(*[None] * (call.by_place + bound_to), **dict.fromkeys(call.by_name))
	catch_all = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
	return tuple(
		parameter
		for parameter in list(arguments.arguments)[bound_to:]
		if found.parameters[parameter].kind not in catch_all
	)


def without_annotations(function: Any) -> Any:
	"""The function with its parameters and nothing else: since Python 3.14 annotations are evaluated when somebody asks
	for a signature, and those of Frappe cannot always be."""
	if inspect.ismethod(function) or not inspect.isfunction(inspect.unwrap(function)):
		return function
	function = inspect.unwrap(function)
	copy = FunctionType(
		function.__code__,
		function.__globals__,
		function.__name__,
		function.__defaults__,
		function.__closure__,
	)
	copy.__kwdefaults__ = function.__kwdefaults__
	return copy


def is_method(name: str) -> bool:
	"""Whether it is a method of a class, looked up in the class, and so takes the object first."""
	owner, _dot, own_name = name.rpartition(".")
	found = find(owner)
	method = inspect.getattr_static(found, own_name, None)
	return (
		inspect.isclass(found)
		and not isinstance(method, (staticmethod, classmethod))
		and (inspect.isfunction(method) or inspect.ismethoddescriptor(method))
	)


# What each table has that is not in the list of fields.
COLUMNS = {
	"name",
	"owner",
	"creation",
	"modified",
	"modified_by",
	"docstatus",
	"idx",
	"parent",
	"parenttype",
	"parentfield",
}


@cache
def doctypes(root: Path) -> dict[str, set[str]]:
	"""The DocTypes of an app, each with its fields."""
	found = {}
	for path in root.rglob("doctype/*/*.json"):
		if path.stem == path.parent.name:
			doctype = json.loads(path.read_text())
			found[doctype["name"]] = {field["fieldname"] for field in doctype.get("fields", ())} | COLUMNS
	return found


def package(name: str) -> Path:
	return Path(str(import_module(name).__file__)).parent
