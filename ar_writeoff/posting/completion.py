"""Notifications after a run has finished posting."""

import frappe

from ar_writeoff.approval import notifications as notify
from ar_writeoff.core.run_types import doctype_of, posts_claims
from ar_writeoff.ledger.transactions import run_in_transaction
from ar_writeoff.posting import conflicts
from ar_writeoff.schedules import service as schedules

# Fields the notifications need.
FIELDS = (
	"name",
	"company",
	"status",
	"schedule",
	"by_schedule",
	"prepared_by",
	"submitted_by",
	"selected_count",
	"posted_count",
	"skipped_count",
	"failed_count",
	"conflict_count",
)
# A schedule prepares no tax runs.
OF_SCHEDULE = ("schedule", "by_schedule")


def notify_completion(run: str) -> None:
	"""Notify about the result of a run, count a failure of its schedule, and commit.

	Called after the commit of the posting: a notification that fails must not roll back the entries.
	"""

	def send_notifications() -> None:
		fields = FIELDS if not posts_claims(run) else [name for name in FIELDS if name not in OF_SCHEDULE]
		doc = frappe.db.get_value(doctype_of(run), run, fields, as_dict=True)
		if doc.conflict_count:
			conflicts.notify_conflicts(doc)
		notify.run_finished(doc)
		if doc.by_schedule:
			schedules.record_run_result(doc)

	run_in_transaction(send_notifications)
