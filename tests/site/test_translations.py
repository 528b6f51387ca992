"""The app's translations do not change those of ERPNext on the same site."""

from __future__ import annotations

import frappe
import pytest
from frappe.translate import get_translations_from_apps

from ar_writeoff.install import starting_reasons

# ERPNext's "Gesendet" is what one does with mail.
BETTER_THAN_THEIRS = {"Posted"}


@pytest.mark.skipif(
	frappe.__version__.split(".")[0] != "15", reason="v16 has other German words for some of these"
)
def test_german_says_what_erpnext_says():
	ours = get_translations_from_apps("de", ["ar_writeoff"])
	theirs = [get_translations_from_apps("de", [app]) for app in ("frappe", "erpnext")]
	assert len(ours) > 500 and all(len(one) > 1000 for one in theirs)
	said = {text: {one[text] for one in theirs if text in one} for text in ours}
	differs = {text: (ours[text], words) for text, words in said.items() if words and ours[text] not in words}
	assert set(differs) == BETTER_THAN_THEIRS, differs


def test_a_word_that_means_something_else_here_has_a_context():
	german = get_translations_from_apps("de", ["ar_writeoff"])
	# Of stock, without the context: "Charge". The desk looks up an option of a form with its DocType.
	assert german["Batch:Write-Off Settings"] == "Stapel"
	# "Posting" is the status of a run, and no section of the settings.
	labels = {field.label for field in frappe.get_meta("Write-Off Settings").fields}
	assert "Posting" not in labels and "Journal Entries" in labels


def test_the_first_reasons_are_in_the_language_of_the_site():
	names = [reason for reason, _applies_to, _in_schedules in starting_reasons("de")]
	assert names[0] == "Kleinbetrag" and len(set(names)) == len(names)
	assert starting_reasons("en")[0][0] == "Small Balance"
