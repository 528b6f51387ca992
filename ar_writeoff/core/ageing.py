"""Ageing buckets, as ERPNext's Accounts Receivable report has them unless it is asked for others."""

from __future__ import annotations

# Days of age up to which a balance is in the bucket of this name.
BUCKETS = ((30, "0-30"), (60, "31-60"), (90, "61-90"), (120, "91-120"))
OLDEST = BUCKETS[-1][0]
OLDER = f"over {OLDEST}"
NAMES = (*(name for _days, name in BUCKETS), OLDER)


def bucket(age_days: int) -> str:
	"""The name of the bucket for a balance of this age. What is not due yet is in the first one."""
	return next((name for days, name in BUCKETS if age_days <= days), OLDER)
