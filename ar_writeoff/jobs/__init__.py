"""What runs in a worker: search, post, undo. Each step commits, so that a worker may die at any moment.

rules     what a run asks for and posts with       search    fills a draft run
invoices  chosen one by one into a draft run
batches   what is posted in one transaction        posting   the loop of a worker
undo      cancel, reverse, reinstate               run       status, totals, progress, user
"""

from ar_writeoff.jobs.batches import batches_of, make_batches
from ar_writeoff.jobs.invoices import add_invoices, largest_balance
from ar_writeoff.jobs.posting import post_run, start_posting
from ar_writeoff.jobs.rules import criteria_of, offset_of, rules_of, scope_of
from ar_writeoff.jobs.run import progress, refresh_totals, set_status
from ar_writeoff.jobs.search import end_search, is_large, search_progress, search_run, start_search
from ar_writeoff.jobs.undo import cancel_entries

__all__ = [
	"add_invoices",
	"batches_of",
	"cancel_entries",
	"criteria_of",
	"end_search",
	"is_large",
	"largest_balance",
	"make_batches",
	"offset_of",
	"post_run",
	"progress",
	"refresh_totals",
	"rules_of",
	"scope_of",
	"search_progress",
	"search_run",
	"set_status",
	"start_posting",
	"start_search",
]
