"""The default ageing buckets of ERPNext's Accounts Receivable report."""

from __future__ import annotations

# (maximum age in days, name of the bucket)
BUCKETS = ((30, "0-30"), (60, "31-60"), (90, "61-90"), (120, "91-120"))
OLDEST = BUCKETS[-1][0]
OLDER = f"over {OLDEST}"
NAMES = (*(name for _days, name in BUCKETS), OLDER)


def bucket(age_days: int) -> str:
	"""Return the bucket for this age. Balances that are not due are in the first one."""
	return next((name for days, name in BUCKETS if age_days <= days), OLDER)
