"""What was asked already for an entry, and need not be asked again for the next one in the same transaction."""

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

import frappe

from ar_writeoff.posting.fast import guard
from ar_writeoff.posting.fast.links import Link

T = TypeVar("T")

# The question why entries take ERPNext's ordinary path.
WHY_NOT = "why not"


@dataclass
class Checked:
	"""For the entries that a transaction posts in one company."""

	company: str
	# Documents that are known to be there and not cancelled, letter by letter.
	linked: set[Link] = field(default_factory=set)
	# Names by DocType that will be asked about, so that they can be asked about at once.
	ahead: dict[str, set[str]] = field(default_factory=dict)
	answers: dict[Hashable, Any] = field(default_factory=dict)
	# Customers and Sales Invoices as they were found; what an entry changes of them is changed here too.
	customers: dict[str, frappe._dict] = field(default_factory=dict)
	invoices: dict[str, frappe._dict] = field(default_factory=dict)
	# Rows of the Payment Ledger that settle an invoice, and of how many of them the invoice is up to date.
	settled: list[frappe._dict] = field(default_factory=list)
	refreshed: int = 0

	@classmethod
	def of(
		cls, company: str, ahead: Iterable[Link] = (), answers: Mapping[Hashable, Any] | None = None
	) -> "Checked":
		"""`ahead`: documents that are there and not cancelled, and that will be asked about. `answers`: to questions
		that were asked just now."""
		links = set(ahead)
		names = defaultdict(set)
		for doctype, name in links:
			names[doctype].add(name)
		return cls(company, linked=links, ahead=names, answers=dict(answers or {}))

	def once(self, question: Hashable, ask: Callable[[], T]) -> T:
		"""The answer to a question, which names all that the answer depends on. A refusal is no answer: whoever asks
		again is refused again."""
		if question not in self.answers:
			self.answers[question] = ask()
		return self.answers[question]

	def and_those_ahead(self, doctype: str, names: set[str]) -> set[str]:
		"""These names, and the first time all that will be asked about as well."""
		return names | self.ahead.pop(doctype, set())

	def mark(self) -> tuple[int, int]:
		"""Where the transaction is now, for `back_to`."""
		return len(self.settled), self.refreshed

	def back_to(self, mark: tuple[int, int]) -> None:
		"""Forget what an entry did that was rolled back."""
		settled, self.refreshed = mark
		del self.settled[settled:]
		self.forget_documents()

	def forget_documents(self) -> None:
		"""Somebody else has changed customers and invoices in this transaction: look at them again."""
		self.customers.clear()
		self.invoices.clear()

	@property
	def why_not(self) -> str | None:
		"""Why entries take ERPNext's ordinary path, in words; None when they need not."""
		return self.once(WHY_NOT, lambda: guard.why_not(self.company))
