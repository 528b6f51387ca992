"""Fast posting: submits a Journal Entry with the same rows as ERPNext, in an eighth of the time.

ERPNext runs some fifty queries for each row of an entry: it checks each link, party and budget, and loads each
invoice twice to set its status. Nearly always nothing is wrong. Here each check runs once for the whole entry. If it
finds anything, ERPNext's own code is called, and accepts or refuses in its own words.

guard             whether fast posting can be used, and if not, why
validation_cache  validations and writes that run once per transaction
entry             the Journal Entry subclass with set-based validation
ledger_rows       General and Payment Ledger rows: made by ERPNext's functions, validated by kind, inserted together
invoices          outstanding amount and status of the settled invoices
links             checks of linked documents
rows              bulk insert

Doc events do not fire for rows that are inserted together. So the guard allows fast posting only where no app or rule
listens to them, and only where the replaced ERPNext code is exactly the code it was tested against. The test is
tests/site/test_fast.py: every column of every row, posted both ways.
"""

from collections.abc import Hashable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from ar_writeoff.posting.fast.guard import blocker, entry_blocker
from ar_writeoff.posting.fast.links import Link
from ar_writeoff.posting.fast.validation_cache import BLOCKER, ValidationCache

__all__ = [
	"BLOCKER",
	"ValidationCache",
	"blocker",
	"cached_validation",
	"entry_blocker",
	"refresh_invoices",
	"submit",
]


@contextmanager
def cached_validation(
	company: str, prefetch: Iterable[Link] = (), results: Mapping[Hashable, Any] | None = None
) -> Iterator[ValidationCache]:
	"""Share a validation cache among the entries a transaction posts in one company, and update the settled invoices
	at the end.

	`prefetch`: vouchers and customers the entries will refer to, known to exist and locked. `results`: a result for
	`BLOCKER`, if already known.
	"""
	cache = ValidationCache.create(company, prefetch, results)
	yield cache
	refresh_invoices(cache)


def refresh_invoices(cache: ValidationCache) -> None:
	"""Update the invoices that entries have settled so far, so that later reads see the result."""
	if cache.settlements[cache.refreshed_count :]:
		# Imported only after the guard has passed: other ERPNext versions lack some of what it imports.
		from ar_writeoff.posting.fast import invoices

		invoices.refresh(cache)


def submit(entry: Any, name: str, cache: ValidationCache) -> None:
	"""Insert and submit a new Journal Entry that has no blocker, under this name.

	Validations in `cache` are not repeated, and new results are added to it.

	Raises:
	    frappe.ValidationError: ERPNext refuses the entry.
	"""
	# Imported here for the same reason.
	from ar_writeoff.posting.fast import entry as set_based

	set_based.submit(entry, name, cache)
