"""Checks whether linked documents exist and are not cancelled, with one query per linked DocType."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

import frappe

Link = tuple[str, str]


def linked_documents(doctype: str, rows: Iterable[Mapping[str, Any]]) -> set[Link]:
	"""Documents these rows of a DocType link to, as (DocType, name)."""
	meta = frappe.get_meta(doctype)
	fixed = [(field.fieldname, field.options) for field in meta.get_link_fields()]
	dynamic = [(field.fieldname, field.options) for field in meta.get_dynamic_link_fields()]
	links: set[tuple[Any, Any]] = set()
	for row in rows:
		links.update((linked, row.get(fieldname)) for fieldname, linked in fixed)
		links.update((row.get(options), row.get(fieldname)) for fieldname, options in dynamic)
	return {(linked, name) for linked, name in links if name}


def all_valid(links: set[Link], known: set[Link]) -> bool:
	"""Whether all of these can be linked to. `known` are valid already; if all are valid, they are added to it."""
	names: dict[str, set[str]] = defaultdict(set)
	for doctype, name in links - known:
		names[doctype].add(name)
	if any(missing_or_cancelled(doctype, wanted) for doctype, wanted in names.items()):
		return False
	known.update(links)
	return True


def missing_or_cancelled(doctype: str | None, wanted: set[str]) -> bool:
	"""Whether any of the names, compared exactly, is missing or cancelled."""
	if not doctype:
		return True
	meta = frappe.get_meta(doctype)
	if meta.issingle or meta.get("is_virtual"):
		return True
	filters: dict[str, Any] = {"name": ("in", list(wanted))}
	if meta.is_submittable:
		filters["docstatus"] = ("<", 2)
	return set(frappe.get_all(doctype, filters=filters, pluck="name", order_by=None)) != wanted
