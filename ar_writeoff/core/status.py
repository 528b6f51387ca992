"""Statuses of a run and of its items, and which may follow which."""

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
# Posted, Failed and Reversed are the run's words too.

# Has a Journal Entry that took its balance.
ITEM_POSTED = (POSTED, CONFLICT)

_FINISHED = frozenset({POSTED, PARTLY_POSTED, FAILED, REVERSED})

_NEXT: Mapping[str, frozenset[str]] = {
	DRAFT: frozenset({SEARCHING, QUEUED}),
	SEARCHING: frozenset({DRAFT}),
	QUEUED: frozenset({POSTING, PAUSED}) | _FINISHED,
	POSTING: frozenset({PAUSED, QUEUED}) | _FINISHED,
	# A pause may come when the last batch is already in hand.
	PAUSED: frozenset({QUEUED, POSTING, REVERSING}) | _FINISHED,
	REVERSING: _FINISHED,
	POSTED: frozenset({REVERSING, REVERSED, PARTLY_POSTED}),
	PARTLY_POSTED: frozenset({QUEUED, REVERSING, REVERSED, POSTED}),
	FAILED: frozenset({QUEUED}),
	# Where somebody cancels a reversing entry, its balances are written off again.
	REVERSED: frozenset({POSTED, PARTLY_POSTED}),
}

# Approved, and not all of it is posted yet.
TO_BE_POSTED = (QUEUED, POSTING, PAUSED)
IN_PROGRESS = (QUEUED, POSTING, REVERSING)
SETTLED = (POSTED, PARTLY_POSTED, FAILED, REVERSED)


def is_allowed_transition(current: str, following: str) -> bool:
	"""Whether a run in status `current` may go to status `following`."""
	return following == current or following in _NEXT[current]


def finished_status(counts: Mapping[str, int]) -> str:
	"""Status of a run that has nothing left to do, from the number of its items in each status.

	A conflict is written off and needs somebody's eye all the same, so a run with one is never simply Posted.
	"""
	posted = counts.get(POSTED, 0)
	conflicts = counts.get(CONFLICT, 0)
	reversed_ = counts.get(REVERSED, 0)
	if not posted and not conflicts:
		return REVERSED if reversed_ else FAILED
	others = conflicts + reversed_ + counts.get(SKIPPED, 0) + counts.get(FAILED, 0)
	return PARTLY_POSTED if others else POSTED
