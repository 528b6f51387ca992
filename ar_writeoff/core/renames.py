"""Current and previous names of documents that were renamed or merged since an approval."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rename:
	"""A document that was renamed, or merged into another."""

	doctype: str
	old: str
	new: str
	merged: bool = False


def current_name(renames: Sequence[Rename], doctype: str, name: str) -> str:
	"""Return the current name of a document that had this name before these renames (in chronological order)."""
	for rename in renames:
		if (rename.doctype, rename.old) == (doctype, name):
			name = rename.new
	return name


def previous_names(renames: Sequence[Rename], doctype: str, name: str) -> set[str]:
	"""Return the possible names before these renames of a document with this current name: several after a merge, none if
	the name was not in use."""
	names = {name}
	for rename in reversed(renames):
		if rename.doctype != doctype:
			continue
		# A document that has the old name now was created after this rename.
		names.discard(rename.old)
		if rename.new in names:
			if not rename.merged:
				names.discard(rename.new)
			names.add(rename.old)
	return names
