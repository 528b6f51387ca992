"""The types of runs. The name of a run tells its type."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

WRITE_OFF_RUN: Final = "Write-Off Run"
TAX_RUN: Final = "Write-Off Tax Run"
TAX_CLAIM: Final = "Write-Off Tax Claim"

# Names of tax runs begin with it, and those of no other run.
TAX_RUN_PREFIX = "WTR-"


@dataclass(frozen=True, slots=True)
class RunType:
	"""`entry_field`: of Journal Entry, with the run that created the entry."""

	doctype: str
	entry_field: str


WRITE_OFFS = RunType(WRITE_OFF_RUN, "write_off_run")
TAX_CLAIMS = RunType(TAX_RUN, "write_off_tax_run")
ALL = (WRITE_OFFS, TAX_CLAIMS)


def type_of(run: str) -> RunType:
	"""Return the type of a run with this name."""
	return TAX_CLAIMS if run.startswith(TAX_RUN_PREFIX) else WRITE_OFFS


def doctype_of(run: str) -> str:
	return type_of(run).doctype


def posts_claims(run: str) -> bool:
	"""Whether the items of the run are tax claims, not balances."""
	return type_of(run) is TAX_CLAIMS
