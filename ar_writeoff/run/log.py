"""The log of a run: Write-Off Run Events, written in the transaction of the change they record."""

from collections.abc import Iterable
from typing import Any

import frappe
from frappe.utils import now_datetime

from ar_writeoff.core.run_types import doctype_of
from ar_writeoff.ledger.bulk_update import standard_values
from ar_writeoff.ledger.messages import COLUMNS, columns, row_message

FIELDS = (
	"name",
	"creation",
	"modified",
	"owner",
	"modified_by",
	"run",
	"company",
	"user",
	"at",
	"event",
	"batch",
	"worker",
	"duration",
	"journal_entry",
	"voucher_no",
	"posted_count",
	"skipped_count",
	"failed_count",
	"amount",
	*COLUMNS,
)
NUMBERS = {"batch", "duration", "posted_count", "skipped_count", "failed_count", "amount"}


def record(run: str, event: str, company: str | None = None, **details: Any) -> str:
	"""Write one event and return its name. `company`: of the run, to save a query. `details`: batch, worker, duration
	(seconds), journal_entry, voucher_no, reason (a `Reason`), posted_count, skipped_count, failed_count, amount (company
	currency).
	"""
	[name] = record_all(run, [{"event": event, **details}], company)
	return name


def record_all(run: str, events: Iterable[dict[str, Any]], company: str | None = None) -> list[str]:
	"""Write several events, each with `event` and details as in `record`, and return their names."""
	company = company or frappe.db.get_value(doctype_of(run), run, "company")
	standard = standard_values()
	rows = []
	for event in events:
		values = {
			"name": frappe.generate_hash(length=12),
			**standard,
			"run": run,
			"company": company,
			"user": standard["owner"],
			"at": standard["creation"],
			**event,
			**columns(event.get("reason")),
		}
		rows.append(tuple(values.get(field) or (0 if field in NUMBERS else None) for field in FIELDS))
	if rows:
		frappe.db.bulk_insert("Write-Off Run Event", FIELDS, rows)
	return [str(row[0]) for row in rows]


def pause_message(run: str) -> str | None:
	"""Return the translated message of the last pause, which is empty if a user paused the run."""
	row = frappe.db.get_value(
		"Write-Off Run Event",
		{"run": run, "event": "Paused"},
		list(COLUMNS),
		order_by="at desc",
		as_dict=True,
	)
	return row_message(row) if row else None


def seconds_since(run: str, events: tuple[str, ...]) -> float:
	"""Return the seconds since the last of these events of the run, or 0."""
	last = frappe.get_all(
		"Write-Off Run Event",
		filters={"run": run, "event": ("in", events)},
		pluck="at",
		order_by="at desc",
		limit=1,
	)
	return (now_datetime() - last[0]).total_seconds() if last else 0.0
