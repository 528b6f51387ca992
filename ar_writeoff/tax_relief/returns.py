"""What the tax runs have posted, by return period and box of the return."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from ar_writeoff.core.money import ZERO, money
from ar_writeoff.ledger.money import company_currency, precision
from ar_writeoff.tax_relief import ledger

CLAIM, REPAYMENT = "Claim", "Repayment"


@dataclass(frozen=True, slots=True)
class BoxAmount:
	"""`amount` in company currency: above 0 for claims, below 0 for repayments. `claims`: their number."""

	from_date: date
	to_date: date
	kind: str
	box: str
	relief_account: str
	amount: Decimal
	claims: int


def box_amounts(company: str, from_date: Any = None, to_date: Any = None) -> list[dict[str, Any]]:
	"""Return the fields of a BoxAmount for each return period, kind, box and relief account, for other apps.

	The dates limit the posting date of the tax runs. Tax runs that were undone are left out. Permissions are not checked.
	"""
	rows = ledger.posted_claims(company, from_date, to_date)
	return [asdict(amount) for amount, _rows in by_box(rows, precision(company_currency(company)))]


def by_box(rows: Iterable[Any], decimals: int) -> Iterator[tuple[BoxAmount, list[Any]]]:
	"""Yield the amount of each return period and box with its rows, which are those of `ledger.posted_claims`."""
	groups: dict[tuple[date, date, str, str, str], list[Any]] = defaultdict(list)
	for row in rows:
		kind = CLAIM if row.base_write_off_amount > 0 else REPAYMENT
		groups[row.from_date, row.to_date, kind, row.box, row.relief_account].append(row)
	for key, own in sorted(groups.items()):
		total = sum((money(row.base_write_off_amount, decimals) for row in own), ZERO)
		yield BoxAmount(*key, total, len(own)), own
