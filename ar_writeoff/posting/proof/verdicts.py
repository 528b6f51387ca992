"""Write-Off Posting Proof: the results of the rehearsals of a site."""

import json
from collections.abc import Iterable, Mapping
from typing import NamedTuple

import erpnext
import frappe

from ar_writeoff.core import reasons
from ar_writeoff.core.reasons import Reason
from ar_writeoff.posting.fast import BY_ROW, IN_SETS

DOCTYPE = "Write-Off Posting Proof"
EQUAL, DIFFERENT, NOT_POSSIBLE = "Equal", "Different", "Not Possible"
# Differences that are kept.
MAX_DIFFERENCES = 50


class Known(NamedTuple):
	"""The results for a combination: the way to post, the kinds of entries it is proven for, and the proof that rules
	out posting in sets."""

	method: str = IN_SETS
	kinds: frozenset[str] = frozenset()
	proof: str = ""


def of_combination(key: str) -> Known:
	"""Return the results of the proofs of this combination. One difference rules out posting in sets."""
	kinds: set[str] = set()
	slowest, proof = IN_SETS, ""
	for row in frappe.get_all(
		DOCTYPE, filters={"combination": key}, fields=["name", "method", "kinds"], order_by="creation asc"
	):
		if row.method == IN_SETS:
			kinds.update(json.loads(row.kinds or "[]"))
		elif slowest == IN_SETS or row.method == BY_ROW:
			slowest, proof = row.method, row.name
	return Known(slowest, frozenset(kinds), proof)


def record(
	company: str,
	key: str,
	kinds: Iterable[str],
	method: str,
	differences: Iterable[str] = (),
	breach: str = "",
	row_count: Mapping[str, int] | None = None,
	native_seconds: float = 0,
	seconds: float = 0,
	run: str = "",
	cancels: bool = False,
) -> str:
	"""Write a proof and return its name. `row_count`: rows compared, by table."""
	lines = list(differences)
	counts = {table.removeprefix("tab"): count for table, count in (row_count or {}).items() if count}
	proof = frappe.get_doc(
		{
			"doctype": DOCTYPE,
			"company": company,
			"combination": key,
			"verdict": NOT_POSSIBLE if breach else DIFFERENT if lines else EQUAL,
			"method": method,
			"cancels": int(cancels),
			"kinds": json.dumps(sorted(kinds), indent=0),
			"erpnext_version": erpnext.__version__,
			"frappe_version": frappe.__version__,
			"apps": ", ".join(frappe.get_installed_apps()),
			"run": run if run and frappe.db.exists("Write-Off Run", run) else None,
			"rows_compared": sum(counts.values()),
			"tables": "\n".join(f"{table}: {count}" for table, count in sorted(counts.items())),
			"differences": breach or "\n".join(lines[:MAX_DIFFERENCES]),
			"native_seconds": native_seconds,
			"seconds": seconds,
		}
	)
	proof.flags.ignore_permissions = proof.flags.ignore_links = True
	return proof.insert().name


def latest(company: str) -> str | None:
	"""Name of the company's last proof."""
	names = frappe.get_all(
		DOCTYPE, filters={"company": company}, order_by="creation desc", limit=1, pluck="name"
	)
	return names[0] if names else None


def reason(proof: str) -> Reason:
	"""Why a proof rules out posting in sets."""
	row = frappe.db.get_value(DOCTYPE, proof, ["verdict", "differences"], as_dict=True)
	found = (row.differences or "").split("\n")[0]
	if row.verdict == NOT_POSSIBLE:
		return Reason.of(reasons.FAST_NOT_POSSIBLE, proof=proof, found=found)
	return Reason.of(reasons.FAST_DIFFERENT, proof=proof, found=found)
