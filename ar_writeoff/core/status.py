"""Statuses of runs and items, and the allowed transitions of a run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

# Run
DRAFT: Final = "Draft"
SEARCHING = "Searching"
QUEUED: Final = "Queued"
POSTING = "Posting"
PAUSED = "Paused"
POSTED = "Posted"
PARTLY_POSTED = "Partly Posted"
FAILED = "Failed"
REVERSING = "Reversing"
REVERSED = "Reversed"

# Item
OPEN = "Open"
EXCLUDED = "Excluded"
SKIPPED = "Skipped"
CONFLICT = "Conflict"
# Posted, Failed and Reversed are also statuses of a run.

# Of a submitted run, in counts: Excluded because no user selected it.
NOT_SELECTED = "Not Selected"

# The item's Journal Entry is posted.
ITEM_POSTED = (POSTED, CONFLICT)

# Write-off status of a Sales Invoice: whether its write-off left nothing open, or a part.
WRITTEN_OFF = "Written Off"
PARTLY_WRITTEN_OFF = "Partly Written Off"

_FINISHED = frozenset({POSTED, PARTLY_POSTED, FAILED, REVERSED})

_NEXT: Mapping[str, frozenset[str]] = {
	DRAFT: frozenset({SEARCHING, QUEUED}),
	SEARCHING: frozenset({DRAFT}),
	QUEUED: frozenset({POSTING, PAUSED}) | _FINISHED,
	POSTING: frozenset({PAUSED, QUEUED}) | _FINISHED,
	# The last batch may already be in progress when the run is paused.
	PAUSED: frozenset({QUEUED, POSTING, REVERSING}) | _FINISHED,
	REVERSING: _FINISHED,
	POSTED: frozenset({REVERSING, REVERSED, PARTLY_POSTED}),
	PARTLY_POSTED: frozenset({QUEUED, REVERSING, REVERSED, POSTED}),
	FAILED: frozenset({QUEUED}),
	# Cancelling a reversing entry writes its balances off again.
	REVERSED: frozenset({POSTED, PARTLY_POSTED}),
}

# Submitted, and not completely posted.
TO_BE_POSTED = (QUEUED, POSTING, PAUSED)
IN_PROGRESS = (QUEUED, POSTING, REVERSING)
SETTLED = (POSTED, PARTLY_POSTED, FAILED, REVERSED)


def is_allowed_transition(current: str, following: str) -> bool:
	"""Whether a run may change from `current` to `following`."""
	return following == current or following in _NEXT[current]


def finished_status(counts: Mapping[str, int]) -> str:
	"""Return the status of a finished run from the number of its items in each status.

	A run with conflicts is Partly Posted, since they have to be reviewed.
	"""
	posted = counts.get(POSTED, 0)
	conflicts = counts.get(CONFLICT, 0)
	reversed_ = counts.get(REVERSED, 0)
	if not posted and not conflicts:
		return REVERSED if reversed_ else FAILED
	others = conflicts + reversed_ + counts.get(SKIPPED, 0) + counts.get(FAILED, 0)
	return PARTLY_POSTED if others else POSTED
