"""Results of validations, reused for the other entries of the same transaction."""

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

import frappe

from ar_writeoff.core.reasons import Reason
from ar_writeoff.posting.fast import guard
from ar_writeoff.posting.fast.links import Link

T = TypeVar("T")

# Key of the result of `guard.blocker`.
BLOCKER = "blocker"


@dataclass
class ValidationCache:
	"""Validation results of one transaction in one company."""

	company: str
	# Documents that exist under exactly this name and are not cancelled.
	valid_links: set[Link] = field(default_factory=set)
	# Names by DocType that will be needed, so that one query can load them.
	prefetch: dict[str, set[str]] = field(default_factory=dict)
	results: dict[Hashable, Any] = field(default_factory=dict)
	# Customers and Sales Invoices as loaded; updated with the changes each entry makes.
	customers: dict[str, frappe._dict] = field(default_factory=dict)
	invoices: dict[str, frappe._dict] = field(default_factory=dict)
	# Payment Ledger rows that settle an invoice, and how many of them the invoices already reflect.
	settlements: list[frappe._dict] = field(default_factory=list)
	refreshed_count: int = 0

	@classmethod
	def create(
		cls, company: str, prefetch: Iterable[Link] = (), results: Mapping[Hashable, Any] | None = None
	) -> "ValidationCache":
		"""`prefetch`: documents that exist, are not cancelled and will be needed. `results`: results that are already
		known."""
		links = set(prefetch)
		names = defaultdict(set)
		for doctype, name in links:
			names[doctype].add(name)
		return cls(company, valid_links=links, prefetch=names, results=dict(results or {}))

	def get_or_run(self, key: Hashable, validate: Callable[[], T]) -> T:
		"""The cached result for the key, computed at the first call. The key must contain everything the result
		depends on. Exceptions are not cached."""
		if key not in self.results:
			self.results[key] = validate()
		return self.results[key]

	def with_prefetch(self, doctype: str, names: set[str]) -> set[str]:
		"""These names, plus at the first call all names of the DocType that will be needed."""
		return names | self.prefetch.pop(doctype, set())

	def savepoint(self) -> tuple[int, int]:
		"""The current state, for `rollback_to`."""
		return len(self.settlements), self.refreshed_count

	def rollback_to(self, savepoint: tuple[int, int]) -> None:
		"""Discard the changes of an entry that was rolled back."""
		settlements, self.refreshed_count = savepoint
		del self.settlements[settlements:]
		self.clear_documents()

	def clear_documents(self) -> None:
		"""Discard loaded customers and invoices after other code has changed them in this transaction."""
		self.customers.clear()
		self.invoices.clear()

	@property
	def blocker(self) -> Reason | None:
		"""Reason why entries cannot be posted the fast way; None if they can."""
		return self.get_or_run(BLOCKER, lambda: guard.blocker(self.company))
