"""Statuses of a run and of its items, and which may follow which."""

from __future__ import annotations

from collections.abc import Mapping

# Run
DRAFT = "Draft"
SEARCHING = "Searching"
QUEUED = "Queued"
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

LIVE_ITEM = (OPEN, POSTED, CONFLICT)

_NEXT: Mapping[str, frozenset[str]] = {
	DRAFT: frozenset({SEARCHING, QUEUED}),
	SEARCHING: frozenset({DRAFT}),
	QUEUED: frozenset({POSTING, PAUSED, POSTED, PARTLY_POSTED, FAILED, REVERSED}),
	POSTING: frozenset({PAUSED, POSTED, PARTLY_POSTED, FAILED, QUEUED}),
	PAUSED: frozenset({QUEUED, POSTING, REVERSING, REVERSED}),
	POSTED: frozenset({REVERSING, REVERSED, PARTLY_POSTED}),
	PARTLY_POSTED: frozenset({QUEUED, REVERSING, REVERSED, POSTED}),
	FAILED: frozenset({QUEUED, REVERSING, REVERSED}),
	REVERSING: frozenset({REVERSED, PARTLY_POSTED, POSTED}),
	REVERSED: frozenset(),
}

IN_PROGRESS = (QUEUED, POSTING, REVERSING)


def may_follow(current: str, following: str) -> bool:
	"""Whether a run in status `current` may go to status `following`."""
	return following == current or following in _NEXT[current]


def finished_status(counts: Mapping[str, int]) -> str:
	"""Status of a run that has nothing left to post, from the number of its items in each status."""
	posted = counts.get(POSTED, 0) + counts.get(CONFLICT, 0)
	not_posted = counts.get(SKIPPED, 0) + counts.get(FAILED, 0)
	if not posted and counts.get(REVERSED, 0):
		return REVERSED
	if not posted:
		return FAILED
	return PARTLY_POSTED if not_posted or counts.get(REVERSED, 0) else POSTED
