"""What was asked already for an entry, and need not be asked again for the next one in the same transaction."""

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from ar_writeoff.ledger.fast import guard
from ar_writeoff.ledger.fast.links import Link

T = TypeVar("T")


@dataclass
class Checked:
	"""For the entries that a transaction posts in one company."""

	company: str
	# Documents that are known to be there and not cancelled, letter by letter.
	linked: set[Link] = field(default_factory=set)
	answers: dict[Hashable, Any] = field(default_factory=dict)

	def once(self, question: Hashable, ask: Callable[[], T]) -> T:
		"""The answer to a question, which names all that the answer depends on. A refusal is no answer: whoever asks
		again is refused again."""
		if question not in self.answers:
			self.answers[question] = ask()
		return self.answers[question]

	@property
	def why_not(self) -> str | None:
		"""Why entries take ERPNext's ordinary path, in words; None when they need not."""
		return self.once("why_not", lambda: guard.why_not(self.company))
