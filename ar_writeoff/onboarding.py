"""The first-run checklist of the workspace: a step is complete when its result exists, wherever it was created."""

from collections.abc import Callable
from typing import Any

import frappe

SETTINGS = "Set Up Write-Offs for Your Company"
REASONS = "Check the Write-Off Reasons"
FIRST_RUN = "Make Your First Write-Off Run"


def complete_steps(doc: Any = None, method: str | None = None) -> None:
	"""Mark the steps that are done. Called when a document of a step has been saved or submitted, and by a patch."""
	for step, is_done in STEPS.items():
		# None: the site has deleted the step.
		if frappe.db.get_value("Onboarding Step", step, "is_complete") == 0 and is_done():
			frappe.db.set_value("Onboarding Step", step, "is_complete", 1, update_modified=False)


def _has_settings() -> bool:
	return bool(frappe.db.count("Write-Off Settings"))


def _has_reviewed_reasons() -> bool:
	"""Whether a reason was added or changed since the installation, or used."""
	reason = frappe.qb.DocType("Write-Off Reason")
	changed = frappe.qb.from_(reason).select(reason.name).where(reason.modified > reason.creation).limit(1)
	return bool(changed.run()) or _has_submitted_run()


def _has_submitted_run() -> bool:
	return bool(frappe.db.exists("Write-Off Run", {"docstatus": (">", 0)}))


STEPS: dict[str, Callable[[], bool]] = {
	SETTINGS: _has_settings,
	REASONS: _has_reviewed_reasons,
	FIRST_RUN: _has_submitted_run,
}
