"""Complete the steps of the first-run checklist that a site did with an earlier version."""

from ar_writeoff.onboarding import complete_steps


def execute() -> None:
	complete_steps()
