"""What runs in a worker: search, post, undo. Each step commits, so that a worker may die at any moment.

rules     what a run asks for and posts with       search     fills a draft run
batches   what is posted in one transaction        posting    the loop of a worker that posts
worker    how jobs start, live and hand over       watchdog   resumes what died
undo      cancel, reverse                          aftermath  conflicts, found after posting
control   pause, resume, retry                     log        what happened, for people
run       status, totals, progress, user
approval  who submits, and what was approved      limits     who may write off how much
guard     what a worker asks before it posts      selection  what follows when it changes
schedules runs by the calendar                    notify     tell people
reinstating  single balances, opened again for a late payment
"""

from ar_writeoff.jobs import approval, limits, notify, schedules
from ar_writeoff.jobs.batches import batches_of, make_batches
from ar_writeoff.jobs.control import pause, resume, retry_failed
from ar_writeoff.jobs.invoices import add_invoices, largest_balance
from ar_writeoff.jobs.log import record
from ar_writeoff.jobs.posting import post_run, start_posting
from ar_writeoff.jobs.reinstating import reinstate
from ar_writeoff.jobs.rules import criteria_of, offset_of, rules_of, scope_of, settings_of
from ar_writeoff.jobs.run import add_up, progress, refresh_totals, set_status
from ar_writeoff.jobs.search import end_search, is_large, search_progress, search_run, start_search
from ar_writeoff.jobs.selection import selection_changed
from ar_writeoff.jobs.undo import (
	MOST_CANCELLED_AT_ONCE,
	cancel_entries,
	live_entries,
	start_undoing,
	undo_run,
	why_not_cancel,
	why_only_reversing,
)
from ar_writeoff.ledger.undo import why_not_cancel as why_not_cancel_entries

__all__ = [
	"MOST_CANCELLED_AT_ONCE",
	"add_invoices",
	"add_up",
	"approval",
	"batches_of",
	"cancel_entries",
	"criteria_of",
	"end_search",
	"is_large",
	"largest_balance",
	"limits",
	"live_entries",
	"make_batches",
	"notify",
	"offset_of",
	"pause",
	"post_run",
	"progress",
	"record",
	"refresh_totals",
	"reinstate",
	"resume",
	"retry_failed",
	"rules_of",
	"schedules",
	"scope_of",
	"search_progress",
	"search_run",
	"selection_changed",
	"set_status",
	"settings_of",
	"start_posting",
	"start_search",
	"start_undoing",
	"undo_run",
	"why_not_cancel",
	"why_not_cancel_entries",
	"why_only_reversing",
]
