"""Posting a Journal Entry with the rows that ERPNext leaves, in an eighth of its time.

ERPNext asks the database some fifty questions for each row of an entry: whether each link exists, whether each party
is frozen, whether there is a budget, and it loads each invoice twice to set its status. Nearly always the answer
is "nothing the matter". Here each question is asked once for the whole entry, and where the answer is anything else
ERPNext's own code is called, so that it refuses, or accepts, in its own words.

guard        may this be used at all, and if not, why not
checked      what the entries of one transaction ask, or do, only once
entry        the Journal Entry: a subclass that asks in sets
ledger_rows  General and Payment Ledger rows: made by ERPNext's functions, checked by kind, written together
invoices     outstanding amount and status of the settled invoices
links        does what rows link to exist
rows         many rows of one DocType in one statement

Nobody who listens to single ledger rows hears of rows that are written together. So the guard lets this be used only
where nobody listens, and only where the code of ERPNext that it stands in for is, to the letter, the code it was
proven against. The proof is tests/site/test_fast.py: every column of every row, natively and here.
"""

from collections.abc import Hashable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from ar_writeoff.posting.fast.checked import WHY_NOT, Checked
from ar_writeoff.posting.fast.guard import why_not, why_not_entry
from ar_writeoff.posting.fast.links import Link

__all__ = ["WHY_NOT", "Checked", "refresh_invoices", "submit", "together", "why_not", "why_not_entry"]


@contextmanager
def together(
	company: str, ahead: Iterable[Link] = (), answers: Mapping[Hashable, Any] | None = None
) -> Iterator[Checked]:
	"""For the entries that a transaction posts in one company: what is known of one is not asked again for the next,
	and at the end the invoices that they settled are brought up to date, all at once.

	`ahead`: vouchers and customers that they are going to be about, and that are known to be there, under lock.
	`answers`: to WHY_NOT, where it was asked just now.
	"""
	checked = Checked.of(company, ahead, answers)
	yield checked
	refresh_invoices(checked)


def refresh_invoices(checked: Checked) -> None:
	"""Bring the invoices up to date that entries have settled so far: whoever looks at one has to see it so."""
	if checked.settled[checked.refreshed :]:
		# Not before the guard was asked: other versions of ERPNext do not have all that is imported there.
		from ar_writeoff.posting.fast import invoices

		invoices.refresh_settled(checked)


def submit(entry: Any, name: str, checked: Checked) -> None:
	"""Insert and submit a new Journal Entry that the guard has nothing against, under this name. What is in `checked`
	is not asked again, and what is found to be well is added.

	Raises:
	    frappe.ValidationError: whatever ERPNext has against the entry, in its words.
	"""
	# Not at the top, for the same reason.
	from ar_writeoff.posting.fast import entry as set_based

	set_based.submit(entry, name, checked)
