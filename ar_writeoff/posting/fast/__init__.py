"""Posts or cancels a Journal Entry with the rows that ERPNext would leave, in a fraction of the time.

ERPNext runs some fifty queries for each row of an entry: it checks each link, party and budget, and loads each
invoice twice to set its status. Usually all checks pass. Here each check runs once for the whole entry. If it finds
anything, ERPNext's own code is called, with its own result and message.

There are three ways. In sets: ERPNext's functions make the rows, which are validated by kind and inserted together. By
entry: ERPNext saves each row, and the invoices are updated once for the entry. By row: all as ERPNext does it. Which
one is taken is decided by `ar_writeoff.posting.proof`.

guard             whether posting in sets is possible at all
listeners         which documents are saved one by one, because an app or a rule of the site has a handler for them
validation_cache  validations and writes that run once per transaction
entry             in sets: the Journal Entry
ledger_rows       in sets: General and Payment Ledger rows
document          by entry
invoices          outstanding amount and status of the settled invoices
links             checks of linked documents
rows              bulk insert
rebind            ERPNext's functions with some of the functions they call replaced
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from ar_writeoff.posting.fast import document, invoices
from ar_writeoff.posting.fast.entry import in_sets
from ar_writeoff.posting.fast.guard import blocker
from ar_writeoff.posting.fast.links import Link
from ar_writeoff.posting.fast.listeners import JOURNAL_ENTRY
from ar_writeoff.posting.fast.validation_cache import BY_ENTRY, BY_ROW, IN_SETS, ValidationCache

__all__ = [
	"BY_ENTRY",
	"BY_ROW",
	"IN_SETS",
	"ValidationCache",
	"blocker",
	"cached_validation",
	"cancel",
	"submit",
]

WAYS = {IN_SETS: in_sets, BY_ENTRY: document.by_entry, BY_ROW: document.by_row}


@contextmanager
def cached_validation(company: str, method: str, prefetch: Iterable[Link] = ()) -> Iterator[ValidationCache]:
	"""Share a validation cache among the entries a transaction posts in one company in one way, and update the settled
	invoices at the end.

	`prefetch`: vouchers and customers the entries will refer to, known to exist and locked.
	"""
	cache = ValidationCache.create(company, method, prefetch)
	yield cache
	invoices.refresh(cache)


def submit(entry: Any, name: str, cache: ValidationCache) -> None:
	"""Insert and submit a new Journal Entry under this name, in the way of the cache.

	Validations in `cache` are not repeated, and new results are added to it.

	Raises:
	    frappe.ValidationError: ERPNext rejects the entry.
	"""
	with WAYS[cache.method](entry, cache):
		# In sets, an entry that nobody listens to is inserted in one step.
		if cache.method != IN_SETS or cache.has_listener(JOURNAL_ENTRY):
			entry.insert(set_name=name)
		else:
			entry.flags.set_name = name
		entry.submit()


def cancel(entry: Any, cache: ValidationCache) -> None:
	"""Cancel a submitted Journal Entry, in the way of the cache.

	Raises:
	    frappe.ValidationError: ERPNext rejects the entry.
	"""
	with WAYS[cache.method](entry, cache):
		entry.cancel()
