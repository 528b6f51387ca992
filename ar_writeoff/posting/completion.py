"""What follows when a run has nothing left to post."""

import frappe

from ar_writeoff.approval import notifications as notify
from ar_writeoff.ledger.transactions import in_one_commit
from ar_writeoff.posting import conflicts
from ar_writeoff.schedules import service as schedules

# What people are told of a run.
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


def notify_completion(run: str) -> None:
	"""Tell people what became of the run, count a failure of its schedule, and commit.

	Apart from the posting and after its commit: the books do not wait for a notification.
	"""

	def notify_people() -> None:
		doc = frappe.db.get_value("Write-Off Run", run, list(FIELDS), as_dict=True)
		if doc.conflict_count:
			conflicts.tell_of_conflicts(doc)
		notify.run_finished(doc)
		if doc.by_schedule:
			schedules.run_ended(doc)

	in_one_commit(notify_people)
