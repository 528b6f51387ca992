"""Returns that are marked as filed: they take no entry more."""

from dataclasses import dataclass
from datetime import date
from typing import Any

import frappe
from frappe.utils import getdate


@dataclass(frozen=True, slots=True)
class FiledReturn:
	"""A return period with a tax run that is marked as filed. It takes no entry more, of any run."""

	run: str
	first: date
	last: date

	def has(self, day: Any) -> bool:
		return self.first <= getdate(day) <= self.last


def lock_returns(company: str, *, exclusive: bool = False) -> None:
	"""Lock the returns of a company until the transaction ends, by its row of Write-Off Settings: `exclusive` to file one, or
	shared with others that post or undo entries which belong to a return. Comes before the locks on tax runs and claims."""
	mode = "FOR UPDATE" if exclusive else "LOCK IN SHARE MODE"
	# nosemgrep: frappe-using-db-sql - the builder has no LOCK IN SHARE MODE
	frappe.db.sql(f"SELECT name FROM `tabWrite-Off Settings` WHERE name = %s {mode}", company)


def filed_returns(company: str, *, lock: bool = False) -> list[FiledReturn]:
	"""Return the filed returns of a company. `lock`: as last committed, and none is filed until the transaction ends."""
	if lock:
		lock_returns(company)
	# nosemgrep: frappe-using-db-sql - as above
	rows = frappe.db.sql(
		f"""SELECT name, from_date, to_date FROM `tabWrite-Off Tax Run`
		WHERE company = %s AND docstatus = 1 AND filed_on IS NOT NULL
		ORDER BY name {"LOCK IN SHARE MODE" if lock else ""}""",
		company,
	)
	return [FiledReturn(*row) for row in rows]


def filed_return(company: str, day: Any, *, lock: bool = False) -> str | None:
	"""Return the first tax run whose return is filed and has this day; None if there is none. `lock`: see `filed_returns`."""
	return next((filed.run for filed in filed_returns(company, lock=lock) if filed.has(day)), None)
