"""Names of documents through renames and merges, forwards from an approval and backwards to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rename:
	"""A document that got another name, or was merged into one that has it."""

	doctype: str
	old: str
	new: str
	merged: bool = False


def current_name(renames: Sequence[Rename], doctype: str, name: str) -> str:
	"""The name today of a document that had this name before these renames, which are in order of time."""
	for rename in renames:
		if (rename.doctype, rename.old) == (doctype, name):
			name = rename.new
	return name


def previous_names(renames: Sequence[Rename], doctype: str, name: str) -> set[str]:
	"""The names that documents called this today may have had before these renames: more than one after a merge, none
	where the name was free then."""
	names = {name}
	for rename in reversed(renames):
		if rename.doctype != doctype:
			continue
		# What has the old name now was created after this rename.
		names.discard(rename.old)
		if rename.new in names:
			if not rename.merged:
				names.discard(rename.new)
			names.add(rename.old)
	return names
