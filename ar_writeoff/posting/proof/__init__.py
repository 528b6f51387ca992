"""Proves on the site itself that posting in sets leaves the rows that ERPNext would have left.

A combination has all that the result may depend on: versions, apps, ERPNext's code, customisations, settings. Entries
have kinds, such as a credit row that settles a foreign invoice. The first batch of a kind is posted natively and in
sets, one after the other, and undone. If every column of every row is equal, entries of the kind are posted in sets
from then on. If not, the next slower way is tried. A sample of later batches is compared again. Cancelling is proven in
the same way, by a combination of its own.

combination   hash of what a proof holds for
writes        which rows a transaction writes
containment   limits a rehearsal to its transaction
rehearsal     post in two ways and compare
verdicts      Write-Off Posting Proof: the results
"""

import random
from functools import partial
from typing import Any, Protocol

from frappe.utils import now_datetime

from ar_writeoff.core import reasons
from ar_writeoff.core.reasons import Reason
from ar_writeoff.posting import fast
from ar_writeoff.posting.fast import BY_ENTRY, BY_ROW, IN_SETS, listeners
from ar_writeoff.posting.proof import combination, verdicts
from ar_writeoff.posting.proof.rehearsal import Comparison, compare, rehearse

__all__ = [
	"BY_ENTRY",
	"BY_ROW",
	"IN_SETS",
	"combination",
	"expected_method",
	"hindrance",
	"listener_reasons",
	"method",
	"prove",
	"verdicts",
]

# Smaller batches of unknown kinds are not worth a rehearsal and are posted by entry.
MIN_SIZE = 20
# Balances of a batch that are posted both ways, unless its other balances are of other kinds.
SAMPLE_SIZE = 25
# One of so many batches that are posted in sets is compared again.
SAMPLE_INTERVAL = 100


class Batch(Protocol):
	"""Items that are posted together and can be posted again after a rollback."""

	size: int
	# Whether entries are cancelled, not posted.
	cancels: bool

	def kinds(self) -> set[str]:
		"""The kinds of its entries and invoices."""

	def sample(self, size: int) -> "Batch":
		"""A part of it."""

	def post(self, method: str) -> Any:
		"""Post or cancel it in this way and return the result."""


def method(company: str, batch: Batch, run: str = "") -> str:
	"""Return the way to post a batch. Without a proof of its kinds, a rehearsal decides."""
	fixed = fast.blocker(company)
	if fixed:
		return BY_ROW if fixed.code == reasons.FAST_SWITCHED_OFF else BY_ENTRY
	key = combination.key(company, batch.cancels)
	known = verdicts.of_combination(key)
	if known.method != IN_SETS:
		return known.method
	kinds = batch.kinds()
	is_known = kinds <= known.kinds
	if batch.size < MIN_SIZE or (is_known and random.randrange(SAMPLE_INTERVAL)):
		return IN_SETS if is_known else BY_ENTRY
	sample = batch.sample(SAMPLE_SIZE)
	# A single entry is compared as a whole, and so less often.
	if is_known and random.randrange(max(1, sample.size // SAMPLE_SIZE)):
		return IN_SETS
	if not kinds <= known.kinds | sample.kinds():
		sample = batch
	return prove(company, key, sample, sample.kinds(), run)


def expected_method(company: str, size: int) -> tuple[str, bool]:
	"""Return the way in which a run of this many balances will be posted, and whether the site already proved it. A way
	that is not proven depends on the rehearsal of the first batch."""
	fixed = fast.blocker(company)
	if fixed:
		return BY_ROW if fixed.code == reasons.FAST_SWITCHED_OFF else BY_ENTRY, True
	known = verdicts.of_combination(combination.key(company))
	if known.method != IN_SETS or known.kinds:
		return known.method, True
	return (IN_SETS, False) if size >= MIN_SIZE else (BY_ENTRY, True)


def hindrance(company: str) -> Reason | None:
	"""Return why entries of this company are not posted in sets; None if they are, or if there is no proof yet."""
	fixed = fast.blocker(company)
	if fixed:
		return fixed
	known = verdicts.of_combination(combination.key(company))
	return verdicts.reason(known.proof) if known.proof else None


def listener_reasons() -> list[Reason]:
	"""Return the listeners whose documents are saved one by one, where entries are posted in sets."""
	return [listener_reason(listener) for listener in listeners.find_listeners().values()]


def listener_reason(listener: listeners.Listener) -> Reason:
	"""Return a listener and its DocType as a reason."""
	doctype, kind, name = listener[:3]
	if kind == listeners.FETCHED:
		return Reason.of(reasons.FAST_FETCHED, fields=name, doctype=doctype)
	if kind:
		return Reason.of(reasons.FAST_RULE, rule=kind, name=name, doctype=doctype)
	return Reason.of(reasons.FAST_HANDLER, method=name, doctype=doctype)


def prove(company: str, key: str, batch: Batch, kinds: set[str], run: str = "") -> str:
	"""Post a batch in both ways, undo both, and record the verdict. Returns the way to post such entries. There is no
	verdict if ERPNext rejects all of it.

	Raises:
	    SharedFault: a fault that all balances share.
	"""
	started = now_datetime()
	native = rehearse(lambda: batch.post(BY_ROW))
	if native.breach:
		verdicts.record(company, key, kinds, BY_ENTRY, breach=native.breach, run=run, cancels=batch.cancels)
		return BY_ENTRY
	if native.fault:
		# Posting in another way would meet it again.
		raise native.fault
	if native.failure:
		return BY_ENTRY
	differences: list[str] = []
	for way in (IN_SETS, BY_ENTRY):
		ours = rehearse(partial(batch.post, way))
		problem = ours.breach or ours.failure
		comparison = Comparison([problem]) if problem else compare(ours, native, started)
		found = comparison.differences
		differences = differences or found
		if not found:
			break
	else:
		way = BY_ROW
	verdicts.record(
		company,
		key,
		kinds,
		way,
		differences=differences,
		row_count=comparison.row_count,
		native_seconds=native.seconds,
		seconds=ours.seconds,
		run=run,
		cancels=batch.cancels,
	)
	return way
