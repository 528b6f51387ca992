"""Transitions of a run and its final status."""

from __future__ import annotations

import json
from itertools import pairwise

import pytest

from ar_writeoff.core import status as statuses
from ar_writeoff.core.status import finished_status, is_allowed_transition
from tests.unit.app_files import APP, select_options

RUN = (
	"Draft",
	"Searching",
	"Queued",
	"Posting",
	"Paused",
	"Posted",
	"Partly Posted",
	"Failed",
	"Reversing",
	"Reversed",
)
ITEM = ("Open", "Excluded", "Posted", "Skipped", "Failed", "Conflict", "Reversed")


def test_statuses_are_those_of_the_doctypes() -> None:
	assert set(select_options("Write-Off Run", "status")) == set(RUN)
	assert set(select_options("Write-Off Run Item", "status")) == set(ITEM)
	[of_invoice] = [
		field["options"].split("\n")
		for field in json.loads((APP / "fixtures" / "custom_field.json").read_text())
		if (field["dt"], field["fieldname"]) == ("Sales Invoice", "write_off_status")
	]
	assert of_invoice == ["", statuses.WRITTEN_OFF, statuses.PARTLY_WRITTEN_OFF]
	assert statuses.NOT_SELECTED == "Not Selected"


def test_a_status_may_stay() -> None:
	assert all(is_allowed_transition(status, status) for status in RUN)


# What may follow each status, besides the status itself.
FOLLOWS = {
	"Draft": "Searching Queued",
	"Searching": "Draft",
	"Queued": "Posting Paused Posted Partly_Posted Failed Reversed",
	"Posting": "Paused Queued Posted Partly_Posted Failed Reversed",
	"Paused": "Queued Posting Reversing Posted Partly_Posted Failed Reversed",
	"Reversing": "Posted Partly_Posted Failed Reversed",
	"Posted": "Reversing Reversed Partly_Posted",
	"Partly Posted": "Queued Reversing Reversed Posted",
	"Failed": "Queued",
	"Reversed": "Posted Partly_Posted",
}


def test_allowed_transitions() -> None:
	allowed = {now: {then for then in RUN if then != now and is_allowed_transition(now, then)} for now in RUN}
	assert allowed == {
		now: {then.replace("_", " ") for then in following.split()} for now, following in FOLLOWS.items()
	}


def test_groups_of_statuses() -> None:
	assert (statuses.OPEN, statuses.EXCLUDED, *statuses.ITEM_POSTED) == (
		"Open",
		"Excluded",
		"Posted",
		"Conflict",
	)
	assert statuses.TO_BE_POSTED == ("Queued", "Posting", "Paused")
	assert statuses.IN_PROGRESS == ("Queued", "Posting", "Reversing")
	assert statuses.SETTLED == ("Posted", "Partly Posted", "Failed", "Reversed")


@pytest.mark.parametrize(
	"path",
	[
		"Draft > Searching > Draft > Queued > Posting > Posted > Reversed",
		"Draft > Queued > Posting > Partly Posted > Queued > Posting > Posted",  # retried
		"Draft > Queued > Posting > Paused > Queued > Posting > Posted",
		"Draft > Queued > Posting > Failed > Queued > Posting > Posted",
		"Draft > Queued > Posting > Posted > Reversing > Reversed",
		"Draft > Queued > Posting > Posted > Reversing > Partly Posted",  # undone in part
		"Draft > Queued > Posting > Paused > Posted",  # paused when the last batch was in hand
		"Draft > Queued > Posting > Posted > Reversing > Reversed > Posted",  # the reversing entry was cancelled
	],
)
def test_life_cycles_of_a_run(path: str) -> None:
	steps = path.split(" > ")
	assert all(is_allowed_transition(now, then) for now, then in pairwise(steps))


@pytest.mark.parametrize(
	("now", "then"),
	[
		("Draft", "Posted"),  # nothing posts without being queued
		("Draft", "Posting"),
		("Posted", "Queued"),  # posted is posted
		("Posted", "Draft"),
		("Posted", "Posting"),
		("Reversed", "Queued"),  # undone stays undone: post again with an amended run
		("Reversed", "Posting"),
		("Reversed", "Draft"),
		("Searching", "Queued"),
	],
)
def test_forbidden_transitions(now: str, then: str) -> None:
	assert not is_allowed_transition(now, then)


@pytest.mark.parametrize(
	("counts", "status"),
	[
		({"Posted": 5}, "Posted"),
		({"Posted": 5, "Excluded": 3}, "Posted"),  # what was never to be posted does not count
		({"Posted": 4, "Skipped": 1}, "Partly Posted"),
		({"Posted": 4, "Failed": 1}, "Partly Posted"),
		({"Posted": 4, "Conflict": 1}, "Partly Posted"),  # a conflict is in the books, and somebody must look
		({"Conflict": 1}, "Partly Posted"),
		({"Failed": 5}, "Failed"),
		({"Skipped": 5}, "Failed"),
		({}, "Failed"),
		({"Reversed": 5}, "Reversed"),
		({"Reversed": 5, "Skipped": 1}, "Reversed"),
		({"Posted": 3, "Reversed": 2}, "Partly Posted"),
		({"Posted": 3, "Skipped": 1, "Failed": 1}, "Partly Posted"),
		({"Posted": 3, "Reversed": 1, "Failed": 1}, "Partly Posted"),
		({"Posted": 3, "Reversed": 1, "Skipped": 1}, "Partly Posted"),
		({"Posted": 3, "Conflict": 1, "Reversed": 1}, "Partly Posted"),
	],
)
def test_finished(counts: dict[str, int], status: str) -> None:
	assert finished_status(counts) == status
