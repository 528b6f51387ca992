"""What follows when a run has nothing left to post."""

import frappe

from ar_writeoff.jobs import aftermath, notify, schedules


def tell_the_end(run: str) -> None:
	"""Tell people what became of the run, count a failure of its schedule, and commit.

	Apart from the posting and after its commit: the books do not wait for a notification.
	"""
	doc = frappe.get_doc("Write-Off Run", run)
	if doc.conflict_count:
		aftermath.tell_of_conflicts(doc)
	notify.run_finished(doc)
	if doc.by_schedule:
		schedules.run_ended(doc)
	frappe.db.commit()
