"""Handlers of another app for tests: they record what they are called with, or do what a test asks for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import frappe

from ar_writeoff.posting.fast import listeners

# Random names and times.
IGNORED = {"name", "creation", "modified", "parent"}
PATH = "tests.site.heard.handle"

calls: list[tuple] = []
reaction: list[Callable[[Any, str], None]] = []


def handle(doc: Any, event: str) -> None:
	calls.append((doc.doctype, event, state(doc), changes(doc)))
	for react in reaction:
		react(doc, event)


def ignore(doc: Any, event: str) -> None:
	"""A handler that does nothing."""


def state(doc: Any) -> dict[str, Any]:
	"""The values of a document and its rows."""
	values = doc.as_dict(no_nulls=True)
	return {
		key: [state(row) for row in doc.get(key)] if isinstance(value, list) else value
		for key, value in values.items()
		if key not in IGNORED and not key.startswith("_")
	}


def changes(doc: Any) -> dict[str, tuple[Any, Any]]:
	"""Values before and after, as the document knows them."""
	before = doc.get_doc_before_save()
	if not before:
		return {}
	return {
		field: (before.get(field), doc.get(field))
		for field in doc.meta.get_valid_columns()
		if before.get(field) != doc.get(field) and field not in IGNORED
	}


@contextmanager
def listening(
	*targets: tuple[str, str],
	react: Callable[[Any, str], None] | None = None,
	handler: Callable[[Any, str], None] = handle,
) -> Iterator[list[tuple]]:
	"""Within the block a handler listens to these (DocType, event). Yields its calls."""
	hooks = {
		doctype: {event: [*paths] for event, paths in events.items()}
		for doctype, events in frappe.get_doc_hooks().items()
	}
	for doctype, event in targets:
		hooks.setdefault(doctype, {}).setdefault(event, []).append(PATH)
	calls.clear()
	reaction[:] = [react] if react else []
	get_attr = frappe.get_attr
	with (
		patch.object(frappe, "get_doc_hooks", lambda: frappe._dict(hooks)),
		patch.object(frappe, "get_attr", lambda path: handler if path == PATH else get_attr(path)),
	):
		yield calls
	reaction.clear()


def every_event(*doctypes: str, events: listeners.Events = listeners.EVENTS) -> list[tuple[str, str]]:
	"""All events of these DocTypes when an entry is posted, or others."""
	return [
		(doctype, event)
		for doctype in doctypes or events
		for event in sorted(events[doctype])
		if event != "autoname"
	]
