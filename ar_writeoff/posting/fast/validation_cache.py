"""Results of validations, reused for the other entries of the same transaction."""

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, field
from typing import Any, TypeVar

import frappe

from ar_writeoff.posting.fast import listeners
from ar_writeoff.posting.fast.links import Link

T = TypeVar("T")

# Ways to post an entry: ledger rows and invoices in sets; ERPNext's rows, and the invoices once for the entry;
# ERPNext's own, which updates the invoice with each row.
IN_SETS, BY_ENTRY, BY_ROW = "In Sets", "By Entry", "By Row"


@dataclass
class ValidationCache:
	"""Validation results of one transaction in one company."""

	company: str
	method: str
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
	def create(cls, company: str, method: str, prefetch: Iterable[Link] = ()) -> "ValidationCache":
		"""`prefetch`: documents that exist, are not cancelled and will be needed."""
		links = set(prefetch)
		names = defaultdict(set)
		for doctype, name in links:
			names[doctype].add(name)
		return cls(company, method, valid_links=links, prefetch=names)

	def get_or_run(self, key: Hashable, validate: Callable[[], T]) -> T:
		"""The cached result for the key, computed at the first call. The key must contain everything the result
		depends on. Exceptions are not cached."""
		if key not in self.results:
			self.results[key] = validate()
		return self.results[key]

	def memoize(self, function: Callable[..., T]) -> Callable[..., T]:
		"""The function, called once for each set of arguments, which must be hashable."""

		def call(*args: Any, **kwargs: Any) -> T:
			key = (function.__qualname__, args, tuple(kwargs.items()))
			return self.get_or_run(key, lambda: function(*args, **kwargs))

		return call

	def has_listener(self, doctype: str) -> bool:
		"""Whether a handler of an app or a rule of the site runs on changes of this DocType."""
		return doctype in self.get_or_run("listeners", listeners.find_listeners)

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
		"""Discard loaded customers and invoices after other code has changed them in this transaction. The customers will be
		needed again, and one query loads them."""
		self.prefetch.setdefault("Customer", set()).update(self.customers)
		self.customers.clear()
		self.invoices.clear()
